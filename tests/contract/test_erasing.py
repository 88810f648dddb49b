"""What is erased is gone: from the ledger, the graph and its log, the tables and the states of watches."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from headwater import cli
from headwater.graphmodel.model import Effect, Role
from headwater.graphmodel.now import Write
from headwater.ingest.folder.replaying import replay_into
from headwater.ingest.folder.service import Service
from headwater.ingest.graph.projector import Projector
from headwater.ingest.ledger.ledger import ERASURE, NewEntry
from headwater.ingest.places.user import user_name
from headwater.ingest.publishing.state import Refused, State, forget_erased
from headwater.queries.catalogue.catalogue import ESTATE
from tests.contract.test_projector import assert_equal, recorded, stored, whole

WORD = b"secretword9"


def holding(*folders: Path) -> list[str]:
    """The files in which the word stands."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return [str(path) for path in files if WORD in path.read_bytes()]


@pytest.mark.parametrize("own", [True, False])
def test_nothing_of_an_erased_payload_is_left_on_the_disk(
    own: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, other = tmp_path / "data", tmp_path / "other"
    store = None if own else f"embedded:{other}"
    plan, *others = recorded("l01_stage_customers", "l02_stage_orders")
    named = plan.body.replace(b"pipeline.stage_customers", b"pipeline." + WORD)
    assert named != plan.body
    with Service.open(folder, store) as service:
        service.ledger.append([NewEntry(plan.kind, plan.content_type, named), *others])
        service.catch_up()
    assert holding(folder, other)
    (folder / "watches").mkdir()
    (folder / "watches" / "one.json").write_bytes(b'{"items": "' + WORD + b'"}')
    options = ["--data", str(folder), *(["--store", store] if store else [])]
    assert cli.run(["erase", "1", "--reason", "asked for", *options]) == 0
    assert "the last answers of 1 watches were removed" in capsys.readouterr().out
    assert holding(folder, other) == []
    with Service.open(folder, store) as service:
        assert_equal(stored(service.store), whole(service.ledger))
        assert [entry.sender for entry in service.ledger.of_kind(ERASURE)] == [user_name()]


def test_other_graphs_of_the_folder_do_not_keep_it_either(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The graph inside the folder where another store is used, tables of further stores, what was set aside."""
    folder = tmp_path / "data"
    plan, *others = recorded("l01_stage_customers", "l02_stage_orders")
    named = plan.body.replace(b"pipeline.stage_customers", b"pipeline." + WORD)
    with Service.open(folder) as service:
        service.ledger.append([NewEntry(plan.kind, plan.content_type, named), *others])
        service.catch_up()
    stores = [f"embedded:{tmp_path / name}" for name in ("used", "further")]
    for store in stores:
        replay_into(folder, store, lambda _done, _total: None)
    shutil.copytree(folder / "graph", folder / "graph.damaged-1")
    assert cli.run(["erase", "1", "--reason", "asked for", "--data", str(folder), "--store", stores[0]]) == 0
    printed = capsys.readouterr().out
    assert "2 other graphs" in printed
    assert "1 other stores" in printed
    assert holding(folder, tmp_path / "used") == []
    replay_into(folder, stores[1], lambda _done, _total: None)
    assert holding(tmp_path) == []
    with Service.open(folder) as service:
        service.catch_up()
        assert_equal(stored(service.store), whole(service.ledger))


def test_a_replay_does_not_make_the_store_larger_each_time(tmp_path: Path) -> None:
    sizes = []
    with Service.open(tmp_path / "data", f"embedded:{tmp_path / 'other'}") as service:
        service.ledger.append(recorded("l01_stage_customers", "l02_stage_orders"))
        service.catch_up()
        for _ in range(4):
            service.projector.rebuild()
            service.catch_up()
            sizes.append(sum(path.stat().st_size for path in (tmp_path / "other").rglob("*") if path.is_file()))
    assert max(sizes[1:]) < 1.1 * sizes[0]


def test_what_publishers_remember_does_not_keep_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data"
    with Service.open(folder) as service:
        service.ledger.append(recorded("l01_stage_customers"))
        ledger = service.ledger.id
    write = Write("run:1", 2, 1, "app", "", Effect.KEEP, Role.INNER, "s")
    states = [State(folder, target, ledger) for target in ("one", "other")]
    for state in states:
        state.move(2, "", reports=[(f"s3://lake/{WORD.decode()}", write)], refused=[Refused(1, WORD.decode(), "no")])
    states[0].close()
    assert cli.run(["erase", "1", "--reason", "asked for", "--data", str(folder)]) == 0
    (left,) = {Path(path).parent for path in holding(folder)}
    assert f"{left}/state.sqlite may hold it" in capsys.readouterr().err  # a publisher has it open
    states[1].close()
    assert forget_erased(folder, 1) == []
    assert holding(folder) == []
    state = State(folder, "one", ledger)
    assert (state.checkpoint, state.reports("app", f"s3://lake/{WORD.decode()}"), state.refused) == (2, [], [])
    state.close()


def erased_and_cut_off(folder: Path) -> None:
    """The last entry of two jobs is erased, and whoever erased was killed before the graph was drawn anew."""
    with Service.open(folder) as service:
        service.ledger.append(recorded("l01_stage_customers", "l02_stage_orders"))
        service.catch_up()
        service.ledger.erase(3, "asked for")


def test_after_an_erasure_that_was_cut_off_no_answer_is_complete_before_the_graph_is(tmp_path: Path) -> None:
    erased_and_cut_off(tmp_path / "data")
    with Service.open(tmp_path / "data", follows=True) as service:  # as a server does, before its first step
        assert service.projector.rebuilding
        assert service.ask("datasets", {}).to_dict()["reason"] == "rebuilding"
        service.projector.step()  # the graph knows of the erasure, and shows what was erased
        assert service.projector.rebuilding
        assert service.ask("datasets", {}).to_dict()["reason"] == "rebuilding"


@pytest.mark.parametrize("steps", [0, 1], ids=["not in the graph", "in the graph"])
def test_what_is_settled_shows_nothing_that_was_erased(steps: int, tmp_path: Path) -> None:
    erased_and_cut_off(tmp_path / "data")
    with Service.open(tmp_path / "data", follows=True) as service:
        for _ in range(steps):
            service.projector.step()
    with Service.open(tmp_path / "data", follows=True) as service:
        service.start(lambda _error: None)
        service.settle()
        assert service.ask("datasets", {}).to_dict()["complete"]
        assert_equal(stored(service.store), whole(service.ledger))


def test_the_command_says_when_the_graph_is_drawn_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Service.open(tmp_path / "data") as service:
        service.ledger.append(recorded("l01_stage_customers", "l02_stage_orders"))
    command = ["erase", "--reason", "asked for", "--data", str(tmp_path / "data")]
    assert cli.run([*command, "1"]) == 0
    assert "drawn anew without it" in capsys.readouterr().out

    def interrupted(_: Projector) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Projector, "rebuild", interrupted)
    assert cli.run([*command, "3"]) == 130
    said = capsys.readouterr()
    assert ("entry 3 is erased" in said.out, "may still show it" in said.err) == (True, True)
    assert "without it" not in said.out


TARGET, READ = "file:///data/lake/mart/channel_totals", "file:///data/lake/raw/shop/orders.csv"
#: What was erased: the newest plan, or its one event.
NEWEST = {"plan": 5, "event": 6}


@pytest.mark.parametrize("entry", NEWEST.values(), ids=NEWEST)
def test_after_an_erasure_older_logic_is_not_called_complete(
    entry: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    with Service.open(folder) as service:
        service.ledger.append([*recorded("m01_rerun"), *recorded("m02_changed_expression")])
        service.catch_up()
        answer = service.ask("lineage", {"node": TARGET, "level": "column"}).to_dict()
        assert answer["complete"]
        columns = [node["id"] for node in answer["nodes"] if node["id"].startswith(f"{TARGET}#")]
        assert columns
    assert cli.run(["erase", str(entry), "--reason", "asked for", "--data", str(folder)]) == 0
    reason = f"entry {entry} erased"
    with Service.open(folder) as service:
        assert_equal(stored(service.store), whole(service.ledger))
        for node in (TARGET, *columns):
            for as_of in ("now", "ever", "2026-11-24"):
                found = service.ask("lineage", {"node": node, "asOf": as_of}).to_dict()
                assert (found["complete"], found["reason"]) == (False, reason)
        down = service.ask("lineage", {"node": READ, "direction": "downstream"}).to_dict()
        assert (down["complete"], down["reason"]) == (False, reason)
        assert service.ask("impact", {"node": READ}).to_dict()["reason"] == reason
        assert service.ask("lineage", {"node": READ}).to_dict()["complete"]
        about = {"changes": {"node": columns[0]}, "explain": {"node": columns[0]}, "columns": {"dataset": TARGET}}
        about |= {"diff": {"node": "job:spark/daily_channel_totals"}, "paths": {"from": READ, "to": TARGET}}
        about |= {"audit": {"node": TARGET}, "consumers": {"node": "job:spark/daily_channel_totals"}}
        about |= {name: {"job": "job:spark/daily_channel_totals"} for name in ("plans", "runs", "coverage")}
        about |= {"latest-runs": {}, "latest-changes": {}, **{query.name: {} for query in ESTATE}}
        assert {name: service.ask(name, given).reason for name, given in about.items()} == dict.fromkeys(about, reason)
    for form in ("--json", "--csv"):
        capsys.readouterr()
        assert cli.run(["explain", columns[0], form, "--data", str(folder)]) == 0
        printed = capsys.readouterr()
        told = json.loads(printed.out)["reason"] if form == "--json" else printed.err.strip()
        assert told.removeprefix("not complete: ") == reason
    said = ["tag", TARGET, f"erased-write={entry}", "--withdraw", "--data", str(folder)]
    assert cli.run(said) == 0
    with Service.open(folder) as service:
        assert service.ask("lineage", {"node": TARGET}).to_dict()["complete"]
        assert service.ask("plans", {"job": "job:spark/daily_channel_totals"}).to_dict()["complete"]


def test_what_an_erasure_has_nothing_to_do_with_stays_complete(tmp_path: Path) -> None:
    """The runs of another job; and a whole graph of which nobody doubts anything any more."""
    folder = tmp_path / "data"
    with Service.open(folder) as service:
        service.ledger.append([*recorded("m01_rerun"), *recorded("m02_changed_expression"), *recorded("g01_udfs")])
    assert cli.run(["erase", "5", "--reason", "asked for", "--data", str(folder)]) == 0
    with Service.open(folder) as service:
        (other,) = {row["id"] for row in service.ask("jobs", {}).to_dict()["rows"]} - {"job:spark/daily_channel_totals"}
        for name in ("plans", "runs", "coverage"):
            assert service.ask(name, {"job": other}).to_dict()["complete"]
        (run,) = (row["id"] for row in service.ask("runs", {"job": other, "limit": 1}).to_dict()["rows"])
        assert service.ask("run", {"run": run}).to_dict()["complete"]
        assert not service.ask("cycles", {}).to_dict()["complete"]
    for node, tag in ((TARGET, "erased-write=5"), (READ, "erased-read=5")):
        for subject in (node, f"{node}#*"):
            assert cli.run(["tag", subject, tag, "--withdraw", "--data", str(folder)]) == 0
    with Service.open(folder) as service:
        assert service.ask("cycles", {}).to_dict()["complete"]


def test_what_an_erased_write_replaced_is_not_called_complete_downstream(tmp_path: Path) -> None:
    """The newest write is of another dataset: erased, the one before stands among what is made of its own."""
    folder, older, newer = tmp_path / "data", "s3://lake/older", "s3://lake/newer"
    with Service.open(folder) as service:
        plan, event = recorded("l01_stage_customers")
        recorded_id = json.loads(plan.body)["id"]
        for source, id_, later in ((older, recorded_id, 0), (newer, str(UUID(int=1)), 1)):
            moved = plan.body.replace(b"file:/data/lake/raw/crm/customers.csv", source.encode())
            told = json.loads(event.body)[0]
            told |= {"planId": id_, "timestamp": told["timestamp"] + later}
            moved = moved.replace(recorded_id.encode(), id_.encode())
            service.ledger.append([replace(plan, body=moved), replace(event, body=json.dumps([told]).encode())])
        service.catch_up()
        assert service.ask("lineage", {"node": older, "direction": "downstream"}).to_dict()["edges"] == []
    assert cli.run(["erase", "3", "--reason", "asked for", "--data", str(folder)]) == 0
    with Service.open(folder) as service:
        found = service.ask("lineage", {"node": older, "direction": "downstream"}).to_dict()
        assert (len(found["edges"]), found["reason"]) == (1, "entry 3 erased")


def test_after_an_erasure_it_is_not_certain_which_version_a_run_read(tmp_path: Path) -> None:
    folder, place = tmp_path / "data", "file:///data/lake/pipe/"
    with Service.open(folder) as service:
        service.ledger.append([*recorded("l01_stage_customers"), *recorded("l05_training_set")])
        service.catch_up()
    assert cli.run(["erase", "1", "--reason", "asked for", "--data", str(folder)]) == 0
    with Service.open(folder) as service:
        answer = service.ask("inputs", {"node": f"{place}ml/training_set.parquet"}).to_dict()
    assert (answer["complete"], answer["reason"]) == (False, "entry 1 erased")
    assert {row["dataset"].removeprefix(place): row["certain"] for row in answer["rows"]} == {
        "staging/customers": False,
        "ml/features.parquet": True,
    }


def test_an_erasure_names_no_dataset_that_it_alone_named(tmp_path: Path) -> None:
    plan, event, *_ = recorded("l01_stage_customers")
    with Service.open(tmp_path / "data") as service:
        service.ledger.append([plan, event])
    assert cli.run(["erase", "1", "--reason", "asked for", "--data", str(tmp_path / "data")]) == 0
    with Service.open(tmp_path / "data") as service:
        (notice,) = service.ledger.of_kind(ERASURE)
        assert json.loads(notice.body or b"").keys() == {"sequence", "sequences", "reason", "saltedSha256"}
