"""Runs of a ledger are published: each at least once, under one run id, from where the last start ended."""

from __future__ import annotations

import json
import shutil
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gremlin_python.process.graph_traversal import __
from gremlin_python.process.traversal import T

from headwater.backoff import Backoff
from headwater.graphmodel.naming import Rules
from headwater.graphmodel.renaming import Names
from headwater.graphmodel.statements.json_text import KIND, text
from headwater.graphmodel.statements.model import Statement
from headwater.graphstore.errors import Denied, TransientError
from headwater.ingest.folder.erasing import erase
from headwater.ingest.folder.service import Service
from headwater.ingest.graph.decoding import Ledger, stated_names
from headwater.ingest.graph.following import CannotFollow
from headwater.ingest.intake.bridge import Receipt
from headwater.ingest.intake.openlineage import OPENLINEAGE
from headwater.ingest.ledger.entries import LedgerInUse, NewEntry
from headwater.ingest.ledger.ledger import open_ledger
from headwater.ingest.publishing.backends import FileBackend, HttpBackend, endpoint
from headwater.ingest.publishing.publisher import Selection
from headwater.ingest.publishing.running import Published, Target, publish
from headwater.ingest.publishing.state import State
from tests.acceptance.door import PAYLOADS
from tests.acceptance.openlineage_backend import Backend, backend, faults
from tests.contract.test_projector import recorded
from tests.golden.openlineage import entries as openlineage

PIPELINE = ("l01_stage_customers", "l02_stage_orders", "l03_mart_customer_orders", "l04_features", "j01_failing_write")
_SOON = Backoff(attempts=3, first=0.001)


@dataclass
class World:
    """A data folder with a ledger."""

    folder: Path

    def append(self, entries: Sequence[NewEntry]) -> None:
        with open_ledger(self.folder) as ledger:
            ledger.append(list(entries))

    def publish(self, url: str, *, selection: Selection | None = None, again: bool = False) -> Published:
        target = Target(url, lambda: HttpBackend(url, "secret", _SOON))
        return publish(
            self.folder, target, "urn:headwater:1", selection or Selection(), _nothing, again=again, backoff=_SOON
        )


def _nothing(_done: int, _of: int) -> None:
    pass


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "data")
    made.append([entry for case in PIPELINE for entry in recorded(case)])
    return made


@pytest.fixture
def marquez() -> Iterator[Backend]:
    with backend() as kept:
        yield kept


def runs_of(events: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """The types of the events by run id, in order of arrival."""
    found: dict[str, list[str]] = {}
    for event in events:
        found.setdefault(event["run"]["runId"], []).append(event["eventType"])
    return found


def test_every_run_begins_and_ends_once(world: World, marquez: Backend) -> None:
    published = world.publish(marquez.url)
    assert marquez.problems == []
    kinds = sorted(map(tuple, runs_of(marquez.events).values()))
    assert set(kinds) == {("START", "COMPLETE"), ("START", "FAIL")}
    assert published.runs == len(kinds) == published.events // 2
    assert marquez.authorization == {"Bearer secret"}
    assert published.refused == ()
    (mart,) = [
        event
        for event in marquez.events
        if event["eventType"] == "COMPLETE" and event["outputs"][0]["name"] == "/data/lake/pipe/mart/customer_orders"
    ]
    lineage = mart["outputs"][0]["facets"]["columnLineage"]
    assert lineage["fields"]["amount_eur"]["inputFields"]
    assert {t["type"] for one in lineage["dataset"] for t in one["transformations"]} == {"INDIRECT"}
    assert mart["outputs"][0]["facets"]["schema"]["fields"][0]["type"]


def test_the_next_start_goes_on_where_the_last_one_ended(world: World, marquez: Backend) -> None:
    first = world.publish(marquez.url)
    sent = len(marquez.events)
    assert world.publish(marquez.url).events == 0
    world.append(recorded("l07_score_report"))
    second = world.publish(marquez.url)
    assert (second.events, len(marquez.events) - sent) == (2, 2)
    assert second.entry > first.entry
    before = set(runs_of(marquez.events))
    assert world.publish(marquez.url, again=True).events == len(before) * 2
    assert set(runs_of(marquez.events)) == before  # the same ids: for the backend they are the same runs


@pytest.mark.parametrize("turned", [False, True])
def test_a_table_that_spark_reports_twice_is_published_once(tmp_path: Path, marquez: Backend, *, turned: bool) -> None:
    """CREATE TABLE AS SELECT is a run of its own, and its INSERT another: one write, whichever comes first."""
    entries = recorded("h01_tables_and_modes")
    world = World(tmp_path / "data")
    world.append(list(reversed(entries)) if turned else entries)
    world.publish(marquez.url)
    with Service.open(world.folder) as service:
        service.catch_up()
        twins = service.store.g.E().has_label("sameWriteAs").count().next()
        runs = service.store.g.V().has_label("run").count().next()
    assert twins > 0
    assert len({event["run"]["runId"] for event in marquez.events}) == runs - twins
    world.publish(marquez.url, again=True)
    assert len({event["run"]["runId"] for event in marquez.events}) == runs - twins


def test_a_backend_that_is_away_for_a_moment_is_asked_again(world: World, marquez: Backend) -> None:
    asked: set[tuple[str, str]] = set()

    def busy_at_first(_number: int, event: dict[str, Any]) -> int | None:
        key = event["run"]["runId"], event["eventType"]
        first = key not in asked
        asked.add(key)
        return 503 if first else None

    marquez.answer = busy_at_first
    published = world.publish(marquez.url)
    assert marquez.requests == 2 * published.events
    assert marquez.problems == []
    assert {kinds[0] for kinds in runs_of(marquez.events).values()} == {"START"}


def test_one_that_stays_away_loses_nothing(world: World, marquez: Backend) -> None:
    marquez.answer = lambda number, _event: None if number <= 3 else 500
    with pytest.raises(TransientError, match="answered 500"):
        world.publish(marquez.url)
    marquez.answer = lambda _number, _event: None
    world.publish(marquez.url)
    with_ends = [kinds for kinds in runs_of(marquez.events).values() if kinds[-1] in {"COMPLETE", "FAIL"}]
    assert len(with_ends) == len(runs_of(marquez.events))


@pytest.mark.parametrize(("status", "error"), [(401, Denied), (403, Denied), (404, CannotFollow), (302, CannotFollow)])
def test_a_wrong_token_or_address_stops_at_once(
    world: World, marquez: Backend, status: int, error: type[Exception]
) -> None:
    marquez.answer = lambda _number, _event: status
    with pytest.raises(error):
        world.publish(marquez.url)
    with pytest.raises(TransientError, match="cannot be reached"):
        world.publish("http://127.0.0.1:9")
    assert marquez.events == []


def test_a_run_that_is_refused_is_told_and_the_others_go_on(world: World, marquez: Backend) -> None:
    marquez.answer = lambda _number, event: 422 if "orders" in event["job"]["name"] else None
    published = world.publish(marquez.url)
    assert {one.reason for one in published.refused} == {"HTTP 422: as the test says"}
    assert all(one.what.startswith("run:") and one.sequence for one in published.refused)
    assert len(runs_of(marquez.events)) == published.runs > 0
    assert world.publish(marquez.url).refused == published.refused  # still told, not sent again


def test_only_a_part_of_the_graph_or_of_time(world: World, marquez: Backend) -> None:
    mart = "file:///data/lake/pipe/mart/customer_orders"
    world.publish(marquez.url, selection=Selection(datasets=frozenset({mart})))
    ended = [event for event in marquez.events if event["outputs"]]
    touched = [{one["name"] for one in (*event["inputs"], *event["outputs"])} for event in ended]
    assert touched
    assert all("/data/lake/pipe/mart/customer_orders" in names for names in touched)
    assert world.publish(f"{marquez.url}/api/v1/lineage", selection=Selection(since=10**15)).events == 0


def test_an_event_that_comes_before_its_plan_is_published_with_it(tmp_path: Path, marquez: Backend) -> None:
    world = World(tmp_path / "data")
    plan, event = recorded("l01_stage_customers")
    world.append([event])
    assert world.publish(marquez.url).events == 0
    world.append([plan])
    assert world.publish(marquez.url).events == 2
    other = World(tmp_path / "other")
    other.append([event, plan])  # in one step
    assert other.publish(marquez.url).events == 2
    assert len(runs_of(marquez.events)) == 1


def test_versions_that_runs_read_are_those_of_the_graph(world: World, marquez: Backend) -> None:
    with Service.open(world.folder) as service:
        service.catch_up()
    world.publish(marquez.url)
    ended = [event for event in marquez.events if event["eventType"] == "COMPLETE"]
    written, read = (
        {one["facets"]["version"]["datasetVersion"] for event in ended for one in event[side]}
        for side in ("outputs", "inputs")
    )
    assert "file:///data/lake/raw/shop/orders.csv@initial" in read
    assert written & read


def test_statements_are_looked_up_once_however_many_there_are(
    world: World, marquez: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = []

    def counting(ledger: Ledger, rules: Rules) -> Names:
        looked_up.append(ledger.head().sequence)
        return stated_names(ledger, rules)

    monkeypatch.setattr("headwater.ingest.publishing.publisher.stated_names", counting)
    world.append(
        [NewEntry(KIND, "application/json", text(Statement("tag", f"s3://lake/{n}", "pii", 1))) for n in range(9)]
    )
    world.publish(marquez.url)
    assert len(looked_up) == 1  # each time costs as much as there are statements


def test_tags_that_were_stated_are_in_the_next_events(world: World, marquez: Backend) -> None:
    mart = "file:///data/lake/pipe/mart/customer_orders"
    said = [Statement("tag", mart, "pii", 1), Statement("tag", f"{mart}#amount_eur", "unit=EUR", 1)]
    world.append([NewEntry("headwater.statement", "application/json", text(one)) for one in said])
    world.publish(marquez.url)
    tags = [o["facets"]["tags"]["tags"] for e in marquez.events for o in e["outputs"] if "tags" in o["facets"]]
    assert [(one["key"], one.get("field")) for one in tags[0]] == [("pii", None), ("unit", "amount_eur")]


def test_a_file_has_one_event_a_line_and_no_half_line_after_a_crash(world: World, tmp_path: Path) -> None:
    file = tmp_path / "runs.ndjson"

    def go_on() -> Published:
        target = Target(str(file), lambda: FileBackend(str(file)))
        return publish(world.folder, target, "urn:headwater:1", Selection(), _nothing)

    first = go_on()
    lines = file.read_text("utf-8").splitlines()
    assert [faults(json.loads(line)) for line in lines] == [[]] * first.events
    file.write_bytes(file.read_bytes() + b'{"eventType": "STA')  # cut off
    world.append(recorded("l07_score_report"))
    second = go_on()
    assert [faults(json.loads(line)) for line in file.read_text("utf-8").splitlines()] == [[]] * (
        first.events + second.events
    )
    with pytest.raises(CannotFollow, match="cannot be written"):
        FileBackend(str(tmp_path / "missing" / "x"))


def test_one_process_at_a_time_publishes_to_a_target(world: World, marquez: Backend) -> None:
    state = State(world.folder, marquez.url, "x")
    with pytest.raises(LedgerInUse):
        world.publish(marquez.url)
    state.close()
    world.publish(marquez.url)


def test_following_goes_on_until_it_is_stopped(world: World, marquez: Backend) -> None:
    stop = threading.Event()
    enough = threading.Event()

    def answer(_number: int, event: dict[str, Any]) -> None:
        if event["job"]["name"].endswith("churn_by_country") and event["eventType"] == "COMPLETE":
            enough.set()

    marquez.answer = answer
    target = Target(marquez.url, lambda: HttpBackend(marquez.url, None, _SOON))
    thread = threading.Thread(
        target=publish, args=(world.folder, target, "urn:headwater:1", Selection(), _nothing), kwargs={"stop": stop}
    )
    thread.start()
    try:
        world.append(recorded("l07_score_report"))
        assert enough.wait(60)
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


ENDPOINTS = [
    ("http://h:5000", "http://h:5000/api/v1/lineage"),
    ("http://h:5000/", "http://h:5000/api/v1/lineage"),
    ("https://h/openlineage?key=1", "https://h/openlineage?key=1"),
]


@pytest.mark.parametrize(("url", "posted_to"), ENDPOINTS)
def test_a_host_alone_has_openlineages_path(url: str, posted_to: str) -> None:
    assert endpoint(url) == posted_to


def test_events_that_came_go_on_as_they_came_in_order(tmp_path: Path, marquez: Backend) -> None:
    world = World(tmp_path / "data")
    world.append(openlineage("l01_stage_customers", "x01_dbt_build"))
    marquez.strict = False  # what other producers send has facets of their own
    published = world.publish(marquez.url)
    sent = [json.loads(entry.body) for entry in openlineage("l01_stage_customers", "x01_dbt_build")]
    assert published.events == len(marquez.events) == len(sent)
    came = {run: [e for e in marquez.events if e["run"]["runId"] == run] for run in runs_of(sent)}
    assert came == {run: [e for e in sent if e["run"]["runId"] == run] for run in runs_of(sent)}
    odd = sent[0] | {"run": {"runId": "run_id"}}
    world.append(list(OPENLINEAGE.accept("application/json", json.dumps(odd).encode(), Receipt()).entries))
    world.publish(marquez.url)
    assert uuid.UUID(marquez.events[-1]["run"]["runId"]).version == 5
    nothing = Selection(datasets=frozenset({"s3://other/x"}))
    assert world.publish(f"{marquez.url}/api/v1/lineage?of=others", selection=nothing).events == 0


def column_edges(service: Service) -> set[tuple[object, ...]]:
    """What holds now: (target, source, type, subtype, masking, exact, job) of each edge between columns."""
    found = service.store.g.V().has_label("dataset", "column").out_e("derivesFrom", "dependsOn")
    kept = found.where(__.in_v().has_label("column")).not_(__.has("carried", True))
    rows = kept.project("target", "source", "type", "subtype", "masking", "exact", "job")
    rows = rows.by(__.out_v().id_()).by(__.in_v().id_())
    rows = rows.by("type").by("subtype").by(__.coalesce(__.values("masking"), __.constant(False))).by("exact").by("job")
    return {tuple(row.values()) for row in rows.to_list()}


def columns_of(service: Service) -> set[tuple[object, ...]]:
    """(column, why it has no source, the literal) of each column that a job wrote."""
    written = service.store.g.V().has_label("plan").out("writes").dedup().out("hasColumn")
    rows = written.project("id", "origin", "resolved", "expression").by(T.id)
    for name in ("origin", "resolved", "expression"):
        rows = rows.by(__.coalesce(__.values(name), __.constant("")))
    return {tuple(row.values()) for row in rows.to_list()}


@pytest.mark.parametrize(
    ("cases", "least"),
    [
        (("l01_stage_customers", "l02_stage_orders", "l03_mart_customer_orders", "e01_sql_report"), 40),
        (("h01_tables_and_modes", "k01_delta_lifecycle"), 30),  # partitions, MERGE, UPDATE and DELETE
        (("g01_udfs",), 9),  # code that no plan shows: edges that are not exact
    ],
)
def test_what_is_published_and_taken_in_again_has_the_same_column_edges(
    cases: tuple[str, ...], least: int, tmp_path: Path
) -> None:
    world, file = World(tmp_path / "data"), tmp_path / "runs.ndjson"
    world.append([entry for case in cases for entry in recorded(case)])
    target = Target(str(file), lambda: FileBackend(str(file)))
    published = publish(world.folder, target, "urn:headwater:1", Selection(), _nothing)
    assert published.runs >= len(cases)
    again = World(tmp_path / "again")
    lines = file.read_bytes().splitlines()
    again.append([one for line in lines for one in OPENLINEAGE.accept("application/json", line, Receipt()).entries])
    edges, columns = [], []
    for folder in (world.folder, again.folder):
        with Service.open(folder) as service:
            service.catch_up()
            edges.append(column_edges(service))
            columns.append(columns_of(service))
    assert edges[0] == edges[1]
    assert columns[0] == columns[1] or "h01_tables_and_modes" in cases  # rows that are kept have no source here
    assert len(edges[0]) > least


def test_a_ledger_that_was_put_back_from_a_backup_is_published_anew(tmp_path: Path, marquez: Backend) -> None:
    world, other = World(tmp_path / "data"), World(tmp_path / "other")
    world.append(recorded("l01_stage_customers"))
    copy = shutil.copytree(world.folder, tmp_path / "copy")
    world.append(recorded("l02_stage_orders"))
    assert world.publish(marquez.url).events == 4
    other.folder = copy  # as it was before, and it goes on in another way
    shutil.copytree(world.folder / "publishing", copy / "publishing")
    assert other.publish(marquez.url).events == 2
    other.append(recorded("l07_score_report"))
    assert other.publish(marquez.url).events == 2


def test_what_is_stated_while_it_follows_counts_for_the_next_run(tmp_path: Path, marquez: Backend) -> None:
    world = World(tmp_path / "data")
    kept, name = "s3://lake/customers", "file:///data/lake/pipe/staging/customers"
    same = Statement("same", name, kept, 1)
    said = NewEntry("headwater.statement", "application/json", text(same))
    world.append([*recorded("l01_stage_customers"), said, *recorded("l03_mart_customer_orders")])
    world.publish(marquez.url)
    named = {(one["namespace"], one["name"]) for event in marquez.events for one in event["inputs"]}
    assert ("s3://lake", "customers") in named


def test_a_plan_that_was_erased_is_told_to_nobody(tmp_path: Path, marquez: Backend) -> None:
    world = World(tmp_path / "data")
    plan, event = recorded("l01_stage_customers")
    world.append([plan])
    world.publish(marquez.url)
    erase(world.folder, None, 1, "a test", lambda *_: None, _nothing)
    world.append([event])
    assert world.publish(marquez.url).events == 0
    world.append([plan])  # told again: the run is published after all
    assert world.publish(marquez.url).events == 2


def test_every_recorded_job_is_published_in_valid_events(tmp_path: Path) -> None:
    cases = sorted(path.parent.name for path in PAYLOADS.glob("*/expected.json"))
    world, file = World(tmp_path / "data"), tmp_path / "runs.ndjson"
    world.append([entry for case in cases for entry in recorded(case)])
    target = Target(str(file), lambda: FileBackend(str(file)))
    published = publish(world.folder, target, "urn:headwater:1", Selection(), _nothing)
    events = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [found for found in map(faults, events) if found] == []
    assert len(events) == published.events == 2 * published.runs > 100
    assert published.refused == ()
    ended = [event for event in events if event["outputs"]]
    assert len({event["run"]["runId"] for event in ended}) == published.runs
    for event in ended:
        lineage = event["outputs"][0]["facets"].get("columnLineage", {"fields": {}})
        read = {(one["namespace"], one["name"]) for one in event["inputs"]}
        sources = [one for field in lineage["fields"].values() for one in field["inputFields"]]
        named = {(one["namespace"], one["name"]) for one in [*sources, *lineage.get("dataset", ())]}
        assert named <= read  # whoever draws edges by inputs alone misses none
