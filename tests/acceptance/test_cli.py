"""What a person types, and what comes back: output, errors and exit codes of the real command."""

from __future__ import annotations

import gzip
import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headwater.cli.docs import page
from tests.acceptance.door import PAYLOADS, PIPELINE, ROOT, Server, headwater, serving

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "data"
    done = headwater("load", "--data", folder, *PIPELINE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("9 plans and 9 events loaded; 0 already known")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("cli-server") / "data") as running:
        yield running


def test_the_page_of_commands_is_current() -> None:
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m headwater.cli.docs > docs/cli.md"


def test_upstream_prints_a_tree_back_to_the_raw_files(loaded: Path) -> None:
    shown = headwater("upstream", LAST, "--data", loaded)
    assert shown.returncode == 0
    assert "avg(churn_score)  aggregation  spark/pipeline.score_report" in shown.stdout
    assert "raw/fx/rates.csv#rate_to_eur  amount * rate_to_eur" in shown.stdout
    assert shown.stdout.endswith("20 columns, 8 datasets, 6 jobs; complete\n")


#: another spelling of the same node
SPELLINGS = ["/data/lake/pipe/out/churn_by_country#avg_score", "file:/data/lake/pipe/out/churn_by_country/#AVG_Score"]


@pytest.mark.parametrize("node", SPELLINGS)
def test_any_spelling_of_a_node_is_taken(node: str, loaded: Path) -> None:
    shown = headwater("upstream", node, "--data", loaded, "--json")
    assert json.loads(shown.stdout)["root"] == LAST


def test_json_is_the_shape_of_the_api(loaded: Path) -> None:
    answer = json.loads(
        headwater("downstream", "/data/lake/raw/fx/rates.csv#rate_to_eur", "--data", loaded, "--json").stdout
    )
    assert list(answer) == ["root", "direction", "depth", "type", "asOf", "nodes", "edges", "complete", "reason"]
    assert answer["nodes"][0] == {
        "id": "file:///data/lake/raw/fx/rates.csv#rate_to_eur",
        "label": "column",
        "name": "rate_to_eur",
        "dataset": "file:///data/lake/raw/fx/rates.csv",
        "distance": 0,
        "direction": "downstream",
        "origin": None,
        "resolved": True,
        "expression": None,
        "tags": [],
    }
    assert answer["complete"] is True


@pytest.mark.parametrize(("format_", "begin"), [("mermaid", "flowchart LR"), ("dot", "digraph"), ("table", "target")])
def test_pictures_as_text(format_: str, begin: str, loaded: Path) -> None:
    shown = headwater("upstream", LAST, "--data", loaded, "--format", format_)
    assert shown.returncode == 0
    assert shown.stdout.startswith(begin)


#: arguments -> exit code, what the one sentence on standard error says
MISTAKES = {
    "an unknown node, with near names": (
        ["upstream", "/data/lake/pipe/out/churn_by_countr"],
        2,
        "did you mean: file:///data/lake/pipe/out/churn_by_country",
    ),
    "a negative depth": (["upstream", LAST, "--depth", "-1"], 2, "depth"),
    "a time that comes later": (["upstream", LAST, "--as-of", "2026-01-01"], 2, "asOf"),
    "an unknown query": (["query", "upstrem"], 2, "did you mean: upstream"),
    "an unknown parameter": (["query", "runs", "jop=x"], 2, "jop"),
    "a parameter without a value": (["query", "runs", "job"], 2, "expected NAME=VALUE"),
    "a file that is not there": (["load", "nowhere.json"], 2, "there is no nowhere.json"),
    "a server that does not answer": (["upstream", LAST, "--server", "http://127.0.0.1:9"], 3, "does not answer"),
    "a server that is no URL": (["upstream", LAST, "--server", "localhost"], 2, "expected http://HOST:PORT"),
    "a store of a later release": (["upstream", LAST, "--store", "neptune://x:8182"], 2, "later release"),
    "other machines without a token": (["serve", "--host", "0.0.0.0", "--port", "0"], 2, "make a token first"),
    "an entry that is not there": (["erase", "999", "--reason", "x"], 2, "999"),
    "an option that is not there": (["upstream", LAST, "--deep"], 2, "No such option"),
}


@pytest.mark.parametrize(("arguments", "code", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_get_one_sentence_and_a_code(arguments: list[str], code: int, sentence: str, loaded: Path) -> None:
    shown = headwater(*arguments, HEADWATER_DATA=str(loaded))
    assert (shown.returncode, shown.stdout) == (code, "")
    assert sentence in shown.stderr
    assert "Traceback" not in shown.stderr


def test_queries_are_listed_and_asked(loaded: Path) -> None:
    assert "dataset-versions" in headwater("query").stdout
    rows = json.loads(headwater("query", "runs", "job=spark/pipeline.features", "--data", loaded, "--json").stdout)[
        "rows"
    ]
    assert [(row["status"], row["error"]) for row in rows] == [("success", None)]


def test_load_takes_files_lines_lineage_files_and_gzip_and_says_what_it_refused(tmp_path: Path) -> None:
    case = PAYLOADS / "a01_customers_clean"
    plan, events = (json.loads((case / name).read_text()) for name in ("002-plan.json", "003-event.json"))
    lines = "\n".join(map(json.dumps, [plan, events[0], {"no": "payload"}]))
    (tmp_path / "both.ndjson.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "_LINEAGE").write_text(json.dumps({"executionPlan": plan, "executionEvent": events[0]}))
    (tmp_path / "other.json").write_text('{"no": "payload"}')
    del plan["operations"]["write"]["outputSource"]
    (tmp_path / "broken.json").write_text(json.dumps(plan))
    folder = tmp_path.with_name("elsewhere")
    shown = headwater("load", "--data", folder, tmp_path / "both.ndjson.gz", tmp_path, "--json")
    tally = json.loads(shown.stdout)
    assert shown.returncode == 1
    # The _LINEAGE file's plan and event are the same as the lines', in other bytes.
    assert (tally["plans"], tally["events"], tally["known"], tally["skipped"]) == (2, 2, 0, 1)
    reasons = {Path(refused["place"]).name: refused["reason"] for refused in tally["refused"]}
    assert "neither a Spline execution plan" in reasons["both.ndjson.gz:3"]
    assert "$.operations.write.outputSource" in reasons["broken.json"]


def test_verify_names_the_entry_that_was_altered(tmp_path: Path) -> None:
    folder, anchor = tmp_path / "data", tmp_path / "head.json"
    headwater("load", "--data", folder, PIPELINE[0], PIPELINE[1])
    assert headwater("verify", "--data", folder, "--anchor", anchor).stdout.startswith("ok: 4 entries")
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE entries SET received_ms = 1 WHERE sequence = 3")
        connection.commit()
    shown = headwater("verify", "--data", folder, "--anchor", anchor)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.startswith("entry 3: ")


def test_what_was_erased_is_gone_from_the_graph_and_the_ledger_still_verifies(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    headwater("load", "--data", folder, PIPELINE[0], PIPELINE[1])
    node = "/data/lake/pipe/staging/customers"
    assert headwater("upstream", node, "--data", folder).returncode == 0
    assert "entry 1 is erased" in headwater("erase", "1", "--reason", "asked for", "--data", folder).stdout
    assert headwater("upstream", node, "--data", folder).returncode == 2
    assert "1 of them erased" in headwater("verify", "--data", folder).stdout


def test_a_replay_gives_the_same_answers(loaded: Path, tmp_path: Path) -> None:
    store = f"embedded:{tmp_path / 'graph'}"
    assert "18 entries replayed" in headwater("replay", "--data", loaded, "--store", store).stdout
    assert headwater("replay", "--data", loaded, "--store", store).returncode == 2  # it is not empty any more
    before = headwater("upstream", LAST, "--data", loaded, "--json", "--type", "all").stdout
    assert "18 entries replayed" in headwater("replay", "--data", loaded, "--yes").stdout
    assert headwater("upstream", LAST, "--data", loaded, "--json", "--type", "all").stdout == before


def test_a_backup_is_a_ledger(loaded: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite"
    assert "copied" in headwater("backup", target, "--data", loaded).stdout
    assert headwater("backup", target, "--data", loaded).returncode == 2  # never written over
    assert headwater("verify", "--data", target).returncode in (0, 2)


def test_the_doctor_finds_nothing_wrong_and_nothing_is_parked(loaded: Path) -> None:
    checks = json.loads(headwater("doctor", "--data", loaded, "--json").stdout)["checks"]
    found = {check["name"]: check["state"] for check in checks}
    assert {"python", "folder", "space", "disk", "ledger", "graph", "server"} <= found.keys()
    assert found["ledger"] == found["graph"] == "ok"
    assert headwater("parked", "--data", loaded).stdout == "nothing is parked\n"


def test_with_a_server_running_commands_ask_it(server: Server) -> None:
    loaded = headwater("load", "--data", server.folder, *PIPELINE)
    assert "9 plans and 9 events loaded; 0 already known" in loaded.stdout
    assert (
        "0 plans and 0 events loaded; 18 already known" in headwater("load", "--data", server.folder, *PIPELINE).stdout
    )
    asked = headwater("upstream", LAST, "--data", server.folder, "--json")
    assert len(json.loads(asked.stdout)["nodes"]) == 20
    assert json.loads(headwater("upstream", LAST, "--server", server.url, "--json").stdout) == json.loads(asked.stdout)
    assert headwater("verify", "--data", server.folder).returncode == 0
    for command in (["erase", "1", "--reason", "x"], ["replay", "--yes"], ["parked", "--retry"]):
        refused = headwater(*command, "--data", server.folder)
        assert (refused.returncode, "stop it before" in refused.stderr) == (3, True)


def test_a_second_server_on_the_folder_refuses(server: Server) -> None:
    second = headwater("serve", "--port", "0", "--data", server.folder)
    assert second.returncode == 3
    assert "in use" in second.stderr


def test_a_port_that_is_taken_is_said(server: Server, tmp_path: Path) -> None:
    second = headwater("serve", "--port", server.url.rpartition(":")[2], "--data", tmp_path / "data")
    assert second.returncode == 3
    assert "cannot be listened on" in second.stderr


def test_a_killed_server_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder) as server:
        headwater("load", "--data", folder, *PIPELINE)
        server.stop(signal.SIGKILL)
    assert (folder / "server.json").exists()
    assert headwater("upstream", LAST, "--data", folder).returncode == 0


def test_ctrl_c_and_sigterm_end_a_server_with_zero(tmp_path: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        with serving(tmp_path / "data") as server:
            assert server.stop(number) == 0
        assert not (tmp_path / "data" / "server.json").exists()


def test_tokens_are_shown_once_and_open_what_they_are_for(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    reader = headwater("token", "add", "dashboards", "--scope", "read", "--data", folder).stdout.strip()
    assert headwater("token", "list", "--data", folder, "--json").stdout.count("dashboards") == 1
    with serving(folder) as server:
        assert server.get("/api/v1/stats")[0] == 401
        assert server.get("/api/v1/stats", Authorization=f"Bearer {reader}")[0] == 200
        refused = headwater("load", "--server", server.url, PIPELINE[0], HEADWATER_TOKEN=reader)
        assert refused.returncode != 0
        assert reader not in refused.stderr
    assert headwater("token", "revoke", "dashboards", "--data", folder).returncode == 0
    assert headwater("token", "revoke", "dashboards", "--data", folder).returncode == 2


def test_the_demo_ends_by_itself_and_shows_the_chain() -> None:
    shown = headwater("demo")
    assert (shown.returncode, shown.stderr) == (0, "")
    for part in (
        "where does churn_by_country#avg_score come from?",
        "raw/fx/rates.csv#rate_to_eur",
        "7 jobs; complete",
        "headwater serve",
        "--extra-jars",
    ):
        assert part in shown.stdout
