"""Tagging, owning, describing, retiring, ignoring: on a data folder, through a server, and over plain HTTP."""

from __future__ import annotations

import json
import shutil
import sqlite3
import urllib.error
import urllib.request
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from tests.acceptance.door import PIPELINE, Server, headwater, parsed, serving

EMAIL = "file:///data/lake/raw/crm/customers.csv#country"
JOB = "job:spark/pipeline.score_report"
LAST = "file:///data/lake/pipe/out/churn_by_country"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("statements") / "data"
    done = headwater("load", "--data", folder, *PIPELINE)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.fixture
def loaded(pipeline: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pipeline, tmp_path / "data")


def rows(folder: Path, name: str, *given: str) -> list[dict[str, Any]]:
    asked = headwater("query", name, *given, "--data", folder, "--json")
    assert (asked.returncode, asked.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(asked.stdout)["rows"]
    return found


def test_a_tag_is_kept_shown_and_withdrawn(loaded: Path) -> None:
    said = headwater("tag", "/data/lake/raw/crm/customers.csv#Country", "pii", "--by", "ann", "--data", loaded)
    assert (said.returncode, said.stdout) == (0, f"{EMAIL}: now tagged pii; ledger entry 19\n")
    assert [(row["node"], row["statedBy"]) for row in rows(loaded, "tags", f"node={EMAIL}")] == [(EMAIL, "ann")]
    reached = rows(loaded, "tag-flow", "tag=pii", "state=undeclared")
    assert f"{LAST}#country" in [row["id"] for row in reached]
    assert headwater("verify", "--data", loaded).stdout.startswith("ok: 19 entries")
    assert headwater("tag", EMAIL, "pii", "--withdraw", "--data", loaded).returncode == 0
    assert rows(loaded, "tags", f"node={EMAIL}") == []
    # said again after it was taken back: the same words, at another time
    assert headwater("tag", EMAIL, "pii", "--by", "ann", "--data", loaded).returncode == 0
    assert [row["tag"] for row in rows(loaded, "tags", f"node={EMAIL}")] == ["pii"]


def test_statements_survive_a_replay(loaded: Path) -> None:
    for words in (("own", LAST, "team-churn"), ("retire", LAST), ("describe", LAST, "by country, each night")):
        assert headwater(*words, "--data", loaded).returncode == 0
    before = rows(loaded, "tags", f"node={LAST}"), rows(loaded, "datasets")
    assert [row["tag"] for row in before[0]] == ["owner=team-churn", "retired"]
    assert "by country, each night" in [row["description"] for row in before[1]]
    assert headwater("replay", "--yes", "--data", loaded).returncode == 0
    assert (rows(loaded, "tags", f"node={LAST}"), rows(loaded, "datasets")) == before


def test_a_pattern_tags_what_is_there_and_what_comes(loaded: Path, tmp_path: Path) -> None:
    early = tmp_path / "early"
    assert headwater("load", "--data", early, PIPELINE[0]).returncode == 0
    said = headwater("tag", "file:///data/lake/*#country", "geo", "--data", early)
    assert "(matches 2 now): now tagged geo" in said.stdout
    assert headwater("load", "--data", early, *PIPELINE).returncode == 0
    assert len(rows(early, "tagged", "tag=geo")) == len(rows(early, "matching", "pattern=file:///data/lake/*#country"))
    assert len(rows(early, "tagged", "tag=geo")) > 2


def test_two_names_become_one_and_two_again(loaded: Path) -> None:
    raw, staged = "file:///data/lake/raw/crm/customers.csv", "file:///data/lake/pipe/staging/customers"
    said = headwater("same", raw, "/data/lake/pipe/staging/customers/", "--data", loaded)
    assert (said.returncode, said.stdout) == (0, f"{staged}: another name of {raw}; ledger entry 19\n")
    asked = headwater("downstream", staged, "--data", loaded, "--json")
    assert json.loads(asked.stdout)["root"] == raw
    assert staged in [row["source"] for row in rows(loaded, "explain", f"node={raw}") if row["what"] == "name"]
    assert staged not in [row["id"] for row in rows(loaded, "datasets")]
    again = headwater("same", raw, staged, "--data", loaded)
    assert (again.returncode, "are one already" in again.stderr) == (2, True)
    exported = headwater("export", "--format", "neptune-csv", loaded.parent / "out", "--data", loaded)
    assert exported.returncode == 0
    assert headwater("same", raw, staged, "--withdraw", "--data", loaded).returncode == 0
    assert {raw, staged} <= {row["id"] for row in rows(loaded, "datasets")}


def test_a_retired_dataset_has_no_lineage_from_then_on_and_its_past_stays(loaded: Path) -> None:
    def edges(*more: str) -> int:
        return len(json.loads(headwater("upstream", LAST, *more, "--data", loaded, "--json").stdout)["edges"])

    whole, before = edges(), ("--as-of", "2026-11-23")
    assert headwater("retire", LAST, "--data", loaded).returncode == 0
    assert (edges(), edges(*before), edges("--as-of", "ever")) == (0, whole, whole)
    assert headwater("retire", LAST, "--withdraw", "--data", loaded).returncode == 0
    assert edges() == whole


def test_an_ignored_job_is_left_out(loaded: Path) -> None:
    whole = json.loads(headwater("upstream", LAST, "--data", loaded, "--json").stdout)
    said = headwater("ignore", "*score_report", "--data", loaded)
    assert said.stdout.startswith("job:*/*score_report (matches 1 now): now tagged ignored")
    left = json.loads(headwater("upstream", LAST, "--data", loaded, "--json").stdout)
    assert len(whole["edges"]) > len(left["edges"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("tag", f"{EMAIL}x", "pii"), "did you mean: " + EMAIL),
        (("tag", "s3://nowhere/*", "pii"), "nothing matches 's3://nowhere/*'"),
        (("tag", EMAIL, "two words#"), "is no tag"),
        (("tag", EMAIL, "pii", "--withdraw"), f"{EMAIL} has no tag pii"),
        (("retire", EMAIL), "leave out the column"),
        (("retire", JOB), f"the tag retired is of a dataset: {JOB} is a job"),
        (("ignore", LAST), f"the tag ignored is of a job: {LAST} is a dataset"),
        (("same", LAST, "/nowhere"), "there is no dataset '/nowhere'"),
        (("describe", EMAIL), "needs a text"),
    ],
)
def test_an_impossible_statement_is_refused_with_the_reason(loaded: Path, words: tuple[str, ...], message: str) -> None:
    said = headwater(*words, "--data", loaded)
    assert (said.returncode, said.stdout) == (2, "")
    assert message in said.stderr


def test_through_a_server_and_in_python(loaded: Path) -> None:
    with serving(loaded) as server:
        assert headwater("tag", EMAIL, "pii", "--reason", "register", "--data", loaded).returncode == 0
        with hw.open(server=server.url) as graph:
            assert graph.tag(f"{LAST}#country", "public", by="bob").nodes == 1
            assert [node.tags for node in graph.upstream(EMAIL).nodes] == [("pii",)]
            graph.describe(LAST, "by country, " + "\u00fc" * 3_900)  # longer than a URL may be
        status, answer = post(server, {"kind": "tag", "subject": EMAIL, "value": "gdpr=art. 9", "by": "ann"})
        assert (status, answer) == (201, {"entry": 22, "subject": EMAIL, "value": "gdpr=art. 9", "nodes": 1})
        tags = server.get(f"/api/v1/queries/tags?node={EMAIL.replace('#', '%23')}&after=22")[1]["rows"]
        assert [(row["tag"], row["reason"]) for row in tags] == [("gdpr=art. 9", None), ("pii", "register")]


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        ({"kind": "tag", "subject": EMAIL}, "value"),
        ({"kind": "same", "subject": "s3://a", "value": "s3://a"}, "value"),
        ({"kind": "same", "subject": "s3://a#x", "value": "s3://b"}, "subject"),
        ({"kind": "tga", "subject": EMAIL, "value": "pii"}, "kind"),
        ({"kind": "tag", "subject": 7, "value": "pii"}, "subject"),
        ({"kind": "tag", "subject": EMAIL, "value": "pii", "at": 5}, "at"),
        ({"kind": "tag", "subject": EMAIL, "value": "pii", "source": "glue"}, "source"),
        ({"kind": "tag", "subject": EMAIL, "value": "pii", "withdrawn": "yes"}, "withdrawn"),
        ({"kind": "tag", "subject": EMAIL, "value": "pii", "who": "ann"}, "who"),
        ({"kind": "tag", "subject": EMAIL, "value": "x" * 5_000}, "value"),
        (["tag"], "body"),
    ],
)
def test_a_statement_that_is_wrong_names_the_field(tmp_path: Path, statement: object, field: str) -> None:
    with serving(tmp_path / "data") as server:
        status, answer = post(server, statement)
        assert (status, answer["field"]) == (400, field)
        assert server.get("/api/v1/stats")[1]["entries"] == 0


def test_secrets_in_a_reason_are_masked_before_they_are_kept(loaded: Path) -> None:
    reason = "from jdbc:postgresql://h/db?user=u&password=hunter2"
    assert headwater("tag", EMAIL, "pii", "--reason", reason, "--data", loaded).returncode == 0
    assert "hunter2" not in json.dumps(rows(loaded, "tags", f"node={EMAIL}"))
    with closing(sqlite3.connect(loaded / "ledger.sqlite")) as ledger:
        (redactions,) = ledger.execute("SELECT redactions FROM entries ORDER BY sequence DESC LIMIT 1").fetchone()
    assert json.loads(redactions) != []


@pytest.mark.parametrize(
    "spelling",
    [
        "/data/lake/raw/crm/customers.csv#COUNTRY",
        "file:/data/lake/raw/crm/customers.csv#Country",
        "file:///data/lake/raw/crm/customers.csv/#country",
        " file:///data/lake/raw/crm/customers.csv#country",
    ],
)
def test_any_spelling_of_a_node_is_kept_as_its_id(loaded: Path, spelling: str) -> None:
    with serving(loaded) as server:
        status, answer = post(server, {"kind": "tag", "subject": spelling, "value": "pii"})
        assert (status, answer["subject"]) == (201, EMAIL)
        status, answer = post(server, {"kind": "tag", "subject": EMAIL, "value": "pii", "withdrawn": True})
        assert status == 201
        assert (
            server.get(f"/api/v1/queries/tags?node={EMAIL.replace('#', '%23')}&after={answer['entry']}")[1]["rows"]
            == []
        )


@pytest.mark.parametrize(
    ("statement", "status", "said"),
    [
        ({"kind": "tag", "subject": f"{EMAIL}x", "value": "pii"}, 404, EMAIL),
        ({"kind": "tag", "subject": "s3://nowhere/*", "value": "pii"}, 400, "nothing matches"),
        ({"kind": "description", "subject": "s3://nowhere/t", "value": "sold"}, 404, "there is no"),
        ({"kind": "same", "subject": "s3://nowhere/t", "value": LAST}, 404, "there is no dataset"),
        ({"kind": "tag", "subject": JOB, "value": "retired"}, 400, "of a dataset"),
        ({"kind": "tag", "subject": "pipeline.score_report", "value": "retired"}, 400, "is a job"),
        ({"kind": "tag", "subject": "file:///data/*#x", "value": "retired"}, 400, "of a dataset"),
        ({"kind": "tag", "subject": LAST, "value": "ignored"}, 400, "of a job"),
        ({"kind": "tag", "subject": EMAIL, "value": "pii", "withdrawn": True}, 400, "has no tag pii"),
    ],
)
def test_what_is_no_node_is_refused_and_nothing_is_kept(
    loaded: Path, statement: dict[str, object], status: int, said: str
) -> None:
    with serving(loaded) as server:
        answered = post(server, statement)
        assert answered[0] == status
        assert said in json.dumps(answered[1])
        assert server.get("/api/v1/stats")[1]["entries"] == 18


def test_a_snapshot_withdraws_what_it_no_longer_lists_but_not_what_people_stated(loaded: Path) -> None:
    with serving(loaded) as server:
        listed = [{"kind": "tag", "subject": spelling, "value": "pii"} for spelling in (EMAIL, "/data/lake/later")]
        snapshot = {"source": "glue", "scope": "crm", "statements": listed}
        assert post(server, {"kind": "tag", "subject": EMAIL, "value": "pii"})[0] == 201
        assert post(server, snapshot, "/snapshots") == (201, {"entry": 20})
        tagged = "/api/v1/queries/tagged?tag=pii&after="
        assert [row["id"] for row in server.get(f"{tagged}20")[1]["rows"]] == [EMAIL]
        status, answer = post(server, {"kind": "tag", "subject": EMAIL, "value": "pii", "withdrawn": True})
        assert (status, answer["entry"]) == (201, 21)
        assert [row["id"] for row in server.get(f"{tagged}21")[1]["rows"]] == [EMAIL]
        status, answer = post(server, {"kind": "tag", "subject": EMAIL, "value": "pii", "withdrawn": True})
        assert (status, answer["error"]) == (400, "pii comes from glue (crm): it is withdrawn there")
        assert post(server, {**snapshot, "statements": []}, "/snapshots")[0] == 201
        assert server.get("/api/v1/queries/tag-counts?after=22")[1]["rows"] == []


def test_a_tag_whose_key_only_names_a_secret_is_kept_and_secrets_are_not(loaded: Path) -> None:
    with serving(loaded) as server:
        assert post(server, {"kind": "tag", "subject": EMAIL, "value": "token=monthly"})[1]["value"] == "token=monthly"
        secret = "AKIA" + "A" * 16
        said = {"kind": "tag", "subject": EMAIL, "value": f"key={secret}", "by": f"ann {secret}", "reason": secret}
        assert post(server, said)[1]["value"] == "key=*****"
        assert post(server, {**said, "subject": f"s3://{secret}:x@lake/*"})[0] == 400
        assert post(server, {**said, "value": "password=hunter2"})[1]["value"] == "password=*****"
        snapshot = {"source": "glue", "scope": "crm", "by": secret}
        listed = {"kind": "tag", "subject": EMAIL, "value": f"key={secret}"}
        assert post(server, {**snapshot, "statements": [said]}, "/snapshots")[0] == 400  # `by` is the snapshot's
        assert post(server, {**snapshot, "statements": [listed]}, "/snapshots")[0] == 201
    with closing(sqlite3.connect(loaded / "ledger.sqlite")) as ledger:
        bodies = [zlib.decompress(body) for (body,) in ledger.execute("SELECT packed FROM bodies ORDER BY content")]
    assert b"token=monthly" in bodies[18]
    assert not [body for body in bodies[18:] if secret.encode() in body or b"hunter2" in body]


def post(server: Server, statement: object, path: str = "") -> tuple[int, Any]:
    url = f"{server.url}/api/v1/statements{path}"
    request = urllib.request.Request(url, json.dumps(statement).encode(), method="POST")
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, parsed(response.read())
    except urllib.error.HTTPError as error:
        return error.code, parsed(error.read())
