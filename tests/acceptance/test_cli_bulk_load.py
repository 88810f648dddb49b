"""`headwater bulk-load` as a person types it, against a loader on loopback that speaks Neptune's own protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from headwater.aws_bridge.neptune_loader import Loader, endpoint_of
from headwater.aws_bridge.session import Session
from headwater.cli import run
from tests.acceptance.door import headwater
from tests.acceptance.fake_loader import FAILED, FakeLoader, running

Called = Callable[..., tuple[int, str, str]]

SOURCE = "s3://lake/lineage"
ROLE = "arn:aws:iam::123456789012:role/load"
FAULT = {"errorCode": "PARSING_ERROR", "errorMessage": "bad line", "fileName": "s3://lake/lineage/x", "recordNum": 7}


@pytest.fixture
def loader() -> Iterator[FakeLoader]:
    with running(FakeLoader()) as found:
        yield found


@pytest.fixture
def bulk_load(loader: FakeLoader, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Called:
    """The command in this process: its exit code, what it showed and said."""
    for name, value in loader.environment().items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)

    def called(*arguments: str) -> tuple[int, str, str]:
        try:
            code = run(["bulk-load", *named(loader), *arguments])
        except SystemExit as error:
            code = int(str(error.code))
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


def named(loader: FakeLoader) -> tuple[str, ...]:
    return ("--cluster", "db.example.com", "--iam-role", ROLE, "--endpoint-url", loader.url)


def test_the_graph_is_loaded_first_and_then_what_says_that_it_is_whole(loader: FakeLoader) -> None:
    how = ("--region", "eu-west-1", "--mode", "new", "--parallelism", "low")
    done = headwater("bulk-load", SOURCE, *named(loader), *how, **loader.environment())
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [f"{SOURCE}/{folder}/: LOAD_COMPLETED, 1,234 records in 3 s" for folder in ("graph", "ledger")],
    )
    assert done.stderr.splitlines()[0] == f"load load-1 of {SOURCE}/graph/; --load-id load-1 follows it again"
    assert [request["source"] for request in loader.requests] == [f"{SOURCE}/graph/", f"{SOURCE}/ledger/"]
    assert {name: value for name, value in loader.requests[0].items() if name != "source"} == {
        "format": "csv",
        "iamRoleArn": ROLE,
        "s3BucketRegion": "eu-west-1",
        "mode": "NEW",
        "parallelism": "LOW",
        "failOnError": True,
        "queueRequest": True,
        "updateSingleCardinalityProperties": False,
        "parserConfiguration": {"allowEmptyStrings": "true"},
    }


def test_a_failed_load_shows_its_errors_and_is_not_marked_as_whole(loader: FakeLoader, bulk_load: Called) -> None:
    loader.ends["graph"], loader.faults = FAILED, [FAULT]
    code, shown, said = bulk_load(SOURCE, "--region", "eu-west-1")
    assert (code, shown) == (1, f"{SOURCE}/graph/: LOAD_FAILED, 1,234 records in 3 s\n")
    assert "s3://lake/lineage/x:7: PARSING_ERROR: bad line\n" in said
    assert len(loader.requests) == 1


def test_a_load_that_was_left_alone_is_followed_and_finished(loader: FakeLoader, bulk_load: Called) -> None:
    loader.start({"source": f"{SOURCE}/graph/", "format": "csv", "region": "eu-west-1", "iamRoleArn": ROLE})
    code, shown, _ = bulk_load(SOURCE, "--region", "eu-west-1", "--load-id", "load-1", "--json")
    assert code == 0
    assert [(load["loadId"], load["complete"]) for load in json.loads(shown)["loads"]] == [
        ("load-1", True),
        ("load-2", True),
    ]
    again = bulk_load(SOURCE, "--region", "eu-west-1", "--load-id", "load-2", "--json")
    assert [load["loadId"] for load in json.loads(again[1])["loads"]] == ["load-2"]


def test_json_has_the_errors_up_to_a_limit(loader: FakeLoader, bulk_load: Called) -> None:
    loader.ends["graph"], loader.faults = FAILED, [{**FAULT, "recordNum": number} for number in range(60)]
    code, shown, _ = bulk_load(SOURCE, "--region", "eu-west-1", "--json")
    assert (code, [error["record"] for error in json.loads(shown)["errors"]]) == (1, list(range(20)))


#: what is there, arguments -> exit code, what the one sentence says
MISTAKES = {
    "a graph is there": (True, (SOURCE, "--region", "eu-west-1"), 2, "the cluster holds a graph already"),
    "no region": (False, (SOURCE,), 2, "--region is needed"),
    "no place": (False, ("/tmp/lineage", "--region", "eu-west-1"), 2, "'/tmp/lineage' is not in S3"),
    "no such load": (False, (SOURCE, "--region", "eu-west-1", "--load-id", "x"), 3, "BulkLoadIdNotFoundException"),
}


@pytest.mark.parametrize(("there", "arguments", "code", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_get_one_sentence(
    there: bool, arguments: tuple[str, ...], code: int, sentence: str, loader: FakeLoader, bulk_load: Called
) -> None:
    loader.has_graph = there
    done, shown, said = bulk_load(*arguments)
    assert (done, shown, said.count("\n")) == (code, "", 1)
    assert sentence in said
    assert loader.requests == []


def test_errors_come_page_by_page(loader: FakeLoader, bulk_load: Called) -> None:
    loader.ends["graph"], loader.faults = FAILED, [{**FAULT, "recordNum": number} for number in range(120)]
    bulk_load(SOURCE, "--region", "eu-west-1")
    errors = Loader(Session("eu-west-1"), loader.url).errors("load-1")
    assert [error.record for error in islice(errors, 200)] == list(range(120))


#: what names a cluster -> where it is spoken to
CLUSTERS = {
    "db.example.com": "https://db.example.com:8182",
    "db.example.com:9000": "https://db.example.com:9000",
    "neptune://db.example.com:8182?region=eu-west-1": "https://db.example.com:8182",
}


@pytest.mark.parametrize(("cluster", "endpoint"), CLUSTERS.items(), ids=CLUSTERS)
def test_a_cluster_is_named_by_its_host(cluster: str, endpoint: str) -> None:
    assert endpoint_of(cluster) == endpoint
