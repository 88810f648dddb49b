"""What a person types, and what comes back: output, errors and exit codes of the real command."""

from __future__ import annotations

import csv
import json
import re
import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import headwater as hw
from headwater.cli.docs import page
from headwater.queries.answers.answer import Table
from headwater.queries.drawing.rows import plain
from tests.acceptance.door import PAYLOADS, PIPELINE, ROOT, headwater

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "data"
    done = headwater("load", "--data", folder, *PIPELINE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("9 plans and 9 events loaded; 0 already known")
    return folder


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
    keys = ["shape", "root", "direction", "depth", "type", "asOf", "nodes", "edges", "complete", "reason"]
    assert list(answer) == keys
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


@pytest.mark.parametrize(
    ("format_", "begin"),
    [("mermaid", "flowchart LR"), ("dot", "digraph"), ("table", "names begin with"), ("csv", "target,source")],
)
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
    "a bare column name": (["upstream", "avg_score"], 2, f"did you mean: {LAST}"),
    "an unknown run": (["upstream", LAST, "--run", "nope"], 2, "--run 'nope' is no run"),
    "a run that is to come": (["upstream", LAST, "--run", "2999-01-01"], 2, "--run 2999-01-01 lies in the future"),
    "ever, where it is not taken": (["changes", LAST, "--from", "ever"], 2, "or a run's id; 'ever' is neither"),
    "a period backwards": (
        ["changes", LAST, "--from", "2026-11-23", "--to", "2026-11-22"],
        2,
        "is earlier than from (2026-11-23T00:00:00.000Z)",
    ),
    "a time to come": (["upstream", LAST, "--as-of", "2999-01-01"], 2, "--as-of 2999-01-01 lies in the future"),
    "how far to go back, twice": (["inputs", "jr_1", "--all", "--depth", "2"], 2, "give one of them"),
    "one run to compare": (["diff", "--run", "jr_1"], 2, "needed twice"),
    "nothing to compare": (["diff"], 2, "NODE, or two --run"),
    "a dataset against nothing": (["diff", LAST.partition("#")[0]], 2, "--from is needed"),
    "runs against a job": (["diff", "spark/x", "--run", "jr_1"], 2, "compares two runs"),
    "two times": (["upstream", LAST, "--as-of", "ever", "--run", "jr_1"], 2, "give one of them"),
    "an unknown query": (["query", "upstrem"], 2, "did you mean: upstream"),
    "an unknown parameter": (["query", "runs", "jop=x"], 2, "jop"),
    "a parameter without a value": (["query", "runs", "job"], 2, "expected NAME=VALUE"),
    "a file that is not there": (["load", "nowhere.json"], 2, "there is no nowhere.json"),
    "a server that does not answer": (["upstream", LAST, "--server", "http://127.0.0.1:9"], 3, "does not answer"),
    "a server that is no URL": (["upstream", LAST, "--server", "localhost"], 2, "expected http://HOST:PORT"),
    "a store that is none": (["upstream", LAST, "--store", "redis://x:8182"], 2, "expected embedded:PATH"),
    "a store with a wrong parameter": (["upstream", LAST, "--store", "neptune://x?reigon=a"], 2, "parameter 'reigon'"),
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


QUESTIONS: dict[str, dict[str, object]] = {
    "changes": {"node": LAST, "upstream": True, "type": "all"},
    "inputs": {"node": LAST.partition("#")[0], "depth": 99},
    "runs": {"job": "spark/pipeline.train_and_score"},
    "plans": {"job": "spark/pipeline.train_and_score"},
    "operations": {"plan": "6c3a9ec2"},
    "find-runs": {"id": "local-1795384968617"},
    "diff": {"node": "spark/pipeline.features", "from": "2026-11-22"},
    "datasets": {},
    "unused-columns": {},
    "explain": {"node": LAST},
}


def test_rows_fit_the_width_of_a_terminal_and_no_id_is_broken(loaded: Path) -> None:
    with hw.open(loaded) as graph:
        answers = {name: graph.query(name, **given) for name, given in QUESTIONS.items()}
    for name, answer in answers.items():
        assert isinstance(answer, hw.Rows)
        assert len(answer) > 0, name
        table = Table.from_dict(answer.to_dict())
        words = set(re.findall(r"[^\s,]+", plain(table, 200)))
        for width in (80, 100, 120):
            shown = plain(table, width)
            assert max(map(len, shown.splitlines())) <= width, name
            broken = {word for word in re.findall(r"[^\s,]+", shown) if "─" not in word and len(word) < 60} - words
            assert {word for word in broken if re.search(r"[/@#]|-\d", word)} == set(), (name, width)


def test_rows_are_the_same_in_a_pipe(loaded: Path) -> None:
    shown = headwater("query", "runs", "job=spark/pipeline.train_and_score", "--data", loaded, COLUMNS="80")
    head, _, *lines = shown.stdout.splitlines()
    assert head.split() == ["id", "time", "(UTC)", "duration", "status", "user", "plan"]
    assert lines[0] == "5ebf4321  2026-11-22 22:03:32Z  0.7 s     success  root  6c3a9ec2"
    assert lines[1] == "    app id: local-1795384968617"


def test_the_last_change_comes_first_or_the_first_one(loaded: Path) -> None:
    for more, ordered in (([], True), (["--oldest-first"], False)):
        shown = headwater("changes", LAST, "--upstream", "--data", loaded, "--csv", *more).stdout.splitlines()[1:]
        times = [line.partition(",")[0] for line in shown]
        assert times == sorted(times, reverse=ordered)
        assert len(times) == 16


#: a question -> what it takes
SHORT_IDS = {
    "inputs": ["inputs", "5ebf4321"],
    "a past time": ["upstream", LAST, "--run", "5ebf4321"],
    "two runs": ["diff", "--run", "5ebf4321", "--run", "run:b0b64ca6"],
    "a query about a run": ["query", "run", "run=5ebf4321"],
    "a query about a plan": ["query", "operations", "plan=6c3a9ec2"],
    "since a run": ["changes", LAST, "--from", "5ebf4321"],
}


@pytest.mark.parametrize("arguments", SHORT_IDS.values(), ids=SHORT_IDS)
def test_short_ids_are_taken_back(arguments: list[str], loaded: Path) -> None:
    shown = headwater(*arguments, "--data", loaded)
    assert (shown.returncode, shown.stderr) == (0, ""), shown.stdout


def test_a_beginning_of_several_ids_lists_them(tmp_path: Path) -> None:
    lines = []
    for number in (1, 2):
        plan = json.loads((PAYLOADS / "a01_customers_clean" / "002-plan.json").read_bytes())
        event = json.loads((PAYLOADS / "a01_customers_clean" / "003-event.json").read_bytes())
        plan["id"] = event[0]["planId"] = f"0badcafe-0000-4000-8000-00000000000{number}"
        lines += [json.dumps(plan), json.dumps(event)]
    (tmp_path / "lines.ndjson").write_text("\n".join(lines))
    assert headwater("load", tmp_path / "lines.ndjson", "--data", tmp_path / "data").returncode == 0
    written = plan["operations"]["write"]["outputSource"]
    for question in (["inputs", "0badcafe"], ["upstream", written, "--run", "0badcafe"]):
        refused = headwater(*question, "--data", tmp_path / "data")
        assert (refused.returncode, "names several: say which" in refused.stderr) == (2, True)
        assert refused.stderr.count("run:0badcafe-") == 2
    assert headwater("inputs", "0badcafe-0000-4000-8000-000000000001", "--data", tmp_path / "data").returncode == 0


def test_a_backup_is_verified_by_its_own_name(loaded: Path, tmp_path: Path) -> None:
    copy = tmp_path / "headwater-2026.sqlite"
    assert headwater("backup", copy, "--data", loaded).returncode == 0
    fine = headwater("verify", copy)
    assert (fine.returncode, fine.stdout.startswith("ok: 18 entries; head 18 ")) == (0, True)
    with closing(sqlite3.connect(copy)) as changed, changed:
        for (name,) in changed.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            changed.execute(f"DROP TRIGGER {name}")
        changed.execute("UPDATE entries SET received_ms = received_ms + 1 WHERE sequence = 4")
    altered = headwater("verify", copy)
    assert (altered.returncode, altered.stderr.startswith("entry 4: ")) == (1, True)
    assert headwater("verify", tmp_path / "nowhere.sqlite").returncode == 2


def test_queries_are_listed_and_asked(loaded: Path) -> None:
    assert "dataset-versions" in headwater("query").stdout
    rows = json.loads(headwater("query", "runs", "job=spark/pipeline.features", "--data", loaded, "--json").stdout)[
        "rows"
    ]
    assert [(row["status"], row["error"]) for row in rows] == [("success", None)]


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
    assert "18 entries replayed" in headwater("replay", "--data", loaded, "--to", store).stdout
    again = headwater("replay", "--data", loaded, "--to", store, "--json").stdout
    assert json.loads(again) == {"written": 0, "known": 0, "applied": 18, "parked": 0}
    before = headwater("upstream", LAST, "--data", loaded, "--json", "--type", "all").stdout
    assert "18 entries replayed" in headwater("replay", "--data", loaded, "--yes").stdout
    assert headwater("upstream", LAST, "--data", loaded, "--json", "--type", "all").stdout == before


def test_a_backup_is_a_ledger(loaded: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite"
    assert "18 entries copied" in headwater("backup", target, "--data", loaded).stdout
    assert headwater("backup", target, "--data", loaded).returncode == 2  # never written over
    restored = tmp_path / "restored"
    restored.mkdir()
    target.rename(restored / "ledger.sqlite")
    assert headwater("verify", "--data", restored).stdout == headwater("verify", "--data", loaded).stdout
    assert headwater("upstream", LAST, "--data", restored).stdout.endswith("6 jobs; complete\n")


def test_the_doctor_finds_nothing_wrong_and_nothing_is_parked(loaded: Path) -> None:
    checks = json.loads(headwater("doctor", "--data", loaded, "--json").stdout)["checks"]
    found = {check["name"]: check["state"] for check in checks}
    assert list(found) == ["python", "folder", "space", "disk", "server", "ledger", "clock", "graph"]
    # How much room there is and how fast the disk is are this machine's own.
    assert {found[name] for name in found.keys() - {"space", "disk"}} == {"ok"}
    assert headwater("parked", "--data", loaded).stdout == "nothing is parked\n"


#: what is in the folder -> the check that finds it, its state, what is to be done
FINDINGS = {
    "a folder that others can look into": (lambda folder: folder.chmod(0o755), "folder", "warn", "chmod 700"),
    "a ledger that is none": (
        lambda folder: (folder / "ledger.sqlite").write_text("none"),
        "ledger",
        "fail",
        "headwater verify",
    ),
    "what a killed server left": (
        lambda folder: (folder / "server.json").write_text(
            json.dumps({"url": "http://127.0.0.1:9", "token": "", "instance": "", "store": ""})
        ),
        "server",
        "warn",
        "start it again",
    ),
}


@pytest.mark.parametrize(("harm", "name", "state", "remedy"), FINDINGS.values(), ids=FINDINGS)
def test_the_doctor_says_what_is_wrong_and_what_to_do(
    harm: Callable[[Path], object], name: str, state: str, remedy: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    headwater("load", "--data", folder, PIPELINE[0])
    harm(folder)
    shown = headwater("doctor", "--data", folder, "--json")
    found = {check["name"]: check for check in json.loads(shown.stdout)["checks"]}
    assert (shown.returncode, found[name]["state"]) == (1, state)
    assert remedy in found[name]["said"]


def test_the_doctor_reports_events_without_their_plan(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert headwater("load", "--data", folder, f"{PIPELINE[0]}/003-event.json").returncode == 0
    shown = headwater("doctor", "--data", folder)
    assert shown.returncode == 1
    assert "1 events wait for their plan" in shown.stdout


@pytest.mark.parametrize(
    "arguments",
    [["upstream", LAST], ["query", "jobs"], ["parked"], ["parked", "--retry"], ["erase", "1", "--reason", "x"]],
    ids=" ".join,
)
def test_a_question_to_a_folder_that_was_misspelt_makes_none(arguments: list[str], tmp_path: Path) -> None:
    shown = headwater(*arguments, "--data", tmp_path / "dta")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "headwater load" in shown.stderr
    assert not (tmp_path / "dta").exists()


def test_an_emptied_graph_is_asked_about_first(loaded: Path) -> None:
    shown = headwater("replay", "--data", loaded)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "--yes" in shown.stderr


def test_an_error_of_ours_says_where_its_details_are(tmp_path: Path) -> None:
    folder, logs = tmp_path / "data", tmp_path / "logs"
    logs.mkdir()
    headwater("load", "--data", folder, PIPELINE[0])
    (folder / "derived.sqlite").unlink()
    (folder / "derived.sqlite").mkdir()  # nobody foresaw this
    shown = headwater("upstream", LAST, "--data", folder, TMPDIR=str(logs))
    (log,) = logs.iterdir()
    assert (shown.returncode, shown.stdout) == (4, "")
    assert str(log) in shown.stderr
    assert "Traceback" not in shown.stderr
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert "Traceback" in headwater("--debug", "upstream", LAST, "--data", folder).stderr


def test_other_peoples_names_do_nothing_to_a_terminal(tmp_path: Path) -> None:
    plan = json.loads(Path(PIPELINE[0], "002-plan.json").read_bytes())
    plan["operations"]["write"]["outputSource"] = "s3://lake/\x1b]0;owned\x07\x9b31m\u202efdp.exe"
    lines = tmp_path / "\x1b[31mlines.ndjson"
    event = json.loads(Path(PIPELINE[0], "003-event.json").read_bytes())
    lines.write_text("\n".join(map(json.dumps, [plan, event, {"no": "payload"}])))
    folder = tmp_path / "data"
    shown = [headwater("load", "--data", folder, lines)]
    assert shown[0].stdout.startswith("1 plans and 1 events loaded")
    name = json.loads(headwater("query", "datasets", "--data", folder, "--json").stdout)["rows"][-1]["id"]
    assert "\x1b" in name
    asked = [[], ["--json"], ["--format", "mermaid"], ["--format", "dot"], ["--format", "table"]]
    shown += [headwater("upstream", name, *options, "--data", folder) for options in asked]
    shown.append(headwater("upstream", f"{name}x", "--data", folder))
    for output in (text for done in shown for text in (done.stdout, done.stderr)):
        assert not set(output) & set("\x1b\x07\x9b\u202e")


def test_a_terminal_gets_colours_and_a_pipe_does_not(loaded: Path) -> None:
    assert "\x1b[" in headwater("upstream", LAST, "--data", loaded, FORCE_COLOR="1", TERM="xterm-256color").stdout
    assert "\x1b" not in headwater("upstream", LAST, "--data", loaded, TERM="xterm-256color").stdout


def test_a_terminal_without_unicode_gets_what_it_can_show(loaded: Path) -> None:
    shown = headwater("upstream", LAST, "--data", loaded, PYTHONIOENCODING="ascii")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "churn_by_country#avg_score" in shown.stdout


def test_every_command_has_an_example() -> None:
    sections = page().split("\n## ")[1:]
    assert len(sections) >= 15
    for section in sections:
        name = section.splitlines()[0]
        assert f"Example: headwater {name}" in section or name == "token"


def test_what_a_run_read_is_printed_and_what_changed(loaded: Path) -> None:
    model = "/data/lake/pipe/ml/predictions.parquet"
    direct, everything = (headwater("inputs", model, "--data", loaded, *more).stdout for more in ([], ["--all"]))
    assert ("training_set.parquet@" in direct, "orders.csv@initial" in direct) == (True, False)
    assert "orders.csv@initial" in everything
    shown = json.loads(headwater("changes", LAST, "--data", loaded, "--json").stdout)
    assert [(row["id"], row["after"]) for row in shown["rows"]] == [(LAST, "avg(churn_score)")]
    nothing = headwater("diff", "spark/pipeline.features", "--data", loaded)
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "nothing differs\n", "")


def test_who_read_what_a_run_wrote_is_listed_in_the_order_in_which_to_run_again(loaded: Path) -> None:
    (raw,) = rows_of("query", "runs", "job=spark/pipeline.features", data=loaded)
    found = rows_of("consumers", raw["id"], data=loaded)
    jobs = [row["job"].rpartition(".")[2] for row in found]
    assert jobs == ["features", "training_set", "train_and_score", "score_report"]
    assert [row["rerun"] for row in found] == ["1", "2", "3", "4"]
    assert "rerun" in headwater("consumers", raw["id"], "--data", loaded).stdout


def test_why_names_the_last_writes_and_the_commands_that_go_on_from_there(loaded: Path) -> None:
    shown = headwater("why", LAST, "--data", loaded)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "last write" in shown.stdout
    commands = [line.strip() for line in shown.stdout.splitlines() if line.startswith("  headwater ")]
    assert commands[3:] == ["headwater own file:///data/lake/pipe/out/churn_by_country NAME --data " + str(loaded)]
    for command in commands[:3]:
        again = headwater(*shlex.split(command)[1:])
        assert (again.returncode, again.stderr) == (0, ""), command


def test_nodes_are_found_and_listed(loaded: Path) -> None:
    assert [row["id"] for row in rows_of("search", "avg_score", data=loaded)] == [LAST]
    dataset = LAST.rpartition("#")[0]
    assert dataset in [row["id"] for row in rows_of("datasets", data=loaded)]
    assert {row["name"] for row in rows_of("columns", "churn_by_country", data=loaded)} >= {"avg_score", "country"}
    assert "job:spark/pipeline.features" in [row["id"] for row in rows_of("jobs", data=loaded)]
    assert len(rows_of("runs", "--job", "train_and_score", "--since", "2026-11-22", data=loaded)) == 3
    failed = headwater("runs", "--failed", "--data", loaded).stdout
    assert failed == "there is no such run: `headwater runs` lists all\n"
    assert rows_of("runs", "--since", "5m", data=loaded) == []
    found = headwater("search", "zzzz", "--data", loaded).stdout
    assert found.startswith("nothing has this in its name: `headwater datasets`")
    cycles = headwater("query", "cycles", "--data", loaded).stdout
    assert cycles.startswith("none: datasets that feed themselves")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runs", "--since", "yesterday"], "--since must be a length of time (24h, 30m, 7d: so long ago), a time ("),
        (["upstream", LAST, "--as-of", "1w"], "--as-of must be a length of time (24h, 30m, 7d: so long ago), a time ("),
        (["upstream", LAST, "--run", "1w"], "--run '1w' is no run, Glue job run or Spark application"),
        (["upstream", LAST, "--as-of", "2999-01-01"], "--as-of 2999-01-01 lies in the future"),
        (["changes", LAST, "--from", "1w"], "--from must be a length of time ("),
        (["diff", LAST.partition("#")[0], "--from", "24h", "--to", "soon"], "--to must be a length of time ("),
        (["upstream", LAST, "--depth", "-1"], "--depth must be at least 0, not -1"),
        (["query", "upstream", f"node={LAST}", "depth=-1"], "depth must be at least 0, not -1"),
    ],
)
def test_a_wrong_value_is_told_by_the_option_that_has_it(arguments: list[str], said: str, loaded: Path) -> None:
    failed = headwater(*arguments, "--data", loaded)
    assert (failed.returncode, failed.stderr.startswith(f"headwater: {said}")) == (2, True), failed.stderr


def test_a_time_may_be_so_long_ago(loaded: Path) -> None:
    assert "complete" in headwater("upstream", LAST, "--as-of", "1m", "--data", loaded).stdout
    changes = headwater("changes", LAST, "--from", "1m", "--data", loaded).stdout
    assert changes.startswith("no change is known: ")


LISTS = [
    ["search", "churn"],
    ["datasets"],
    ["columns", "churn_by_country"],
    ["jobs"],
    ["runs"],
    ["inputs", "5ebf4321", "--all"],
    ["consumers", "2865aac9"],
    ["diff", "--run", "27eca599", "--run", "5ebf4321"],
    ["changes", LAST, "--upstream"],
    ["why", LAST],
    ["upstream", LAST],
    ["downstream", "orders.csv"],
    ["impact", "orders.csv#amount"],
    ["impact", "orders.csv#amount", "--owners"],
    ["query", "hot-spots"],
    ["query"],
    ["parked"],
    ["token", "list"],
]


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_each_command_that_lists_takes_csv(command: list[str], loaded: Path) -> None:
    done = headwater(*command, "--csv", *([] if command == ["query"] else ["--data", loaded]))
    rows = list(csv.reader(done.stdout.splitlines()))
    assert (done.returncode in (0, 1), len({len(row) for row in rows})) == (True, 1), done.stderr
    assert len(rows) > 1 or command[0] in ("parked", "token")


def rows_of(*arguments: str, data: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(headwater(*arguments, "--csv", "--data", data).stdout.splitlines()))
