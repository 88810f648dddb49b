"""`headwater publish`: to a backend, a file, standard output; what is wrong with a target; beside a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from headwater import publishing
from headwater.cli import command, run
from headwater.client import Client
from headwater.errors import Unreachable
from headwater.queries.answers.answer import Answer, Node
from headwater.source import Remote, Source
from tests.acceptance.door import PAYLOADS, headwater, serving
from tests.acceptance.openlineage_backend import backend, faults

CASES = [str(PAYLOADS / case) for case in ("l01_stage_customers", "l02_stage_orders")]
CUSTOMERS = "file:///data/lake/pipe/staging/customers"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("publish") / "data"
    assert headwater("load", "--data", folder, *CASES).returncode == 0
    return folder


def publish(data: Path, *arguments: object, **variables: str) -> Result:
    given = ["publish", *map(str, arguments), "--data", str(data)]
    return CliRunner(env=variables).invoke(command, given, obj={"debug": False})


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_to_a_backend_beside_a_server(loaded: Path) -> None:
    with backend() as kept, serving(loaded):
        said = headwater("publish", "--to", kept.url, "--data", loaded, HEADWATER_PUBLISH_TOKEN="secret")
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout.startswith(f"2 runs (4 events) published to {kept.url}/api/v1/lineage, up to entry ")
        assert (len(kept.events), kept.problems, kept.authorization) == (4, [], {"Bearer secret"})
        again = headwater("publish", "--to", kept.url, "--data", loaded, "--json")
        assert json.loads(again.stdout)["events"] == 0
    away = headwater("publish", "--to", kept.url, "--data", loaded, "--again")
    assert (away.returncode, "cannot be reached" in away.stderr) == (3, True)


def test_to_another_headwater(tmp_path: Path) -> None:
    loaded = tmp_path / "data"  # one that has published nothing: another test's backend can have had the same port
    assert headwater("load", "--data", loaded, *CASES).returncode == 0
    with serving(tmp_path / "other") as other:
        said = headwater("publish", "--to", other.url, "--data", loaded)
        assert (said.returncode, said.stderr) == (0, "")
        Remote(Client(other.url)).settle(lambda _done, _total: None)
        found = headwater("upstream", f"{CUSTOMERS}#customer_id", "--server", other.url, "--json")
    here = headwater("upstream", f"{CUSTOMERS}#customer_id", "--data", loaded, "--json")
    nodes = [{node["id"] for node in json.loads(answer.stdout)["nodes"]} for answer in (here, found)]
    assert nodes[0] == nodes[1]
    assert len(nodes[0]) > 1


def test_to_a_file_and_to_standard_output(loaded: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.ndjson"
    assert publish(loaded, "--to", file).exit_code == 0
    assert [faults(event) for event in lines(file.read_text("utf-8"))] == [[]] * 4
    for _ in range(2):  # always from the beginning
        shown = headwater("publish", "--to", "-", "--data", loaded)
        assert [faults(event) for event in lines(shown.stdout)] == [[]] * 4
        assert shown.stderr.startswith("2 runs (4 events) published to standard output")
    assert "0 runs" in publish(loaded, "--to", file).output
    file.unlink()
    assert "2 runs" in publish(loaded, "--to", file).output  # a file that was taken away is written anew


def test_only_a_part_of_the_graph(loaded: Path, tmp_path: Path) -> None:
    file = tmp_path / "part.ndjson"
    assert publish(loaded, "--to", file, "--node", CUSTOMERS).exit_code == 0
    assert {event["job"]["name"].rpartition("/")[2] for event in lines(file.read_text("utf-8"))} == {"customers"}
    late = tmp_path / "late.ndjson"
    assert publish(loaded, "--to", late, "--since", "2090-01-01").exit_code == 0
    assert late.read_text("utf-8") == ""


class Half:
    """A source that does not get to the end of a lineage in time."""

    place = "here"

    def ask(self, _query: str, _parameters: object) -> Answer:
        node = Node(CUSTOMERS, "dataset", CUSTOMERS, CUSTOMERS, 0, "both")
        return Answer(CUSTOMERS, "both", None, "all", None, (node,), (), complete=False, reason="deadline")

    def close(self) -> None:
        pass


def test_a_part_of_the_graph_that_is_not_known_as_a_whole_is_not_published(loaded: Path, tmp_path: Path) -> None:
    file = tmp_path / "half.ndjson"
    with pytest.raises(Unreachable, match="deadline reached"):
        publishing.publish(loaded, str(file), node=CUSTOMERS, asking=lambda: cast(Source, Half()))
    assert not file.exists()


def test_what_is_refused_is_listed(loaded: Path) -> None:
    with backend() as kept:
        kept.answer = lambda _number, _event: 422
        said = publish(loaded, "--to", kept.url)
    assert said.exit_code == 1
    assert "refused: run:" in said.output
    assert "HTTP 422: as the test says" in said.output


WRONG = [
    (("--to", "ftp://h/x"), "is no target: expected http[s]://HOST"),
    (("--to", "postgres://ann:secret@h/x?password=secret"), "is no target: expected http[s]://HOST"),
    (("--to", "datazone://domain"), "is no domain of DataZone"),
    (("--to", "datazone://ann:secret@[h"), "is no domain of DataZone"),
    (("--to", "http://ann:secret@[h"), "--to is no URL of a backend"),
    (("--to", "HTTP://ann:secret@h:http"), "--to is no URL of a backend"),
    (("--to", "http://ann:secret@"), "--to is no URL of a backend"),
    (("--to", "http://ann:s/ecret@h"), "--to is no URL of a backend"),
    (("--to", "http://ann:secret@h\\x"), "http://h\\x/api/v1/lineage is no URL"),
    (("--to", "http://ann:secret@h..x"), "http://h..x/api/v1/lineage is no URL"),
    (("--to", "x.ndjson", "--since", "yesterday"), "is no time"),
    (("--to", "x.ndjson", "--node", "s3://lake/nothing"), "there is no dataset or column"),
    (("--to", "/no/such/folder/x"), "cannot be written"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_what_is_wrong_is_said(
    loaded: Path, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["publish", *arguments, "--data", str(loaded)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "ecret" not in said


def test_a_user_and_a_token_cannot_both_be_sent(
    loaded: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_PUBLISH_TOKEN", "token")
    assert run(["publish", "--to", "http://ann:secret@127.0.0.1:9", "--data", str(loaded)]) == 2
    said = capsys.readouterr().err
    assert "only one of them can be sent" in said
    assert "secret" not in said


@pytest.mark.parametrize("text", ["notes without an end", '{"a": 1}', '{\n"a": 1\n}', "[1,\n 2"])
def test_nothing_of_a_file_that_somebody_else_wrote_is_taken_away(loaded: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "theirs"
    file.write_text(text, "utf-8")
    publish(loaded, "--to", file)
    assert file.read_text("utf-8").startswith(text)


def test_a_folder_without_a_ledger_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["publish", "--to", "-", "--data", str(tmp_path / "none")]) == 2
    assert "there is nothing in" in capsys.readouterr().err
