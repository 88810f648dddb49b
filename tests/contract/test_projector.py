"""The projector on a real ledger, the real decoder, recorded payloads and every store: equal to the whole, always."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from gremlin_python.process.graph_traversal import __
from gremlin_python.process.traversal import T

from headwater.backoff import Backoff
from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.delta import Edge, GraphDelta, Vertex
from headwater.graphmodel.statements.json_text import KIND, parse
from headwater.graphmodel.whole import Graph, graph
from headwater.graphstore import GraphStore
from headwater.graphstore.errors import PermanentError, TransientError
from headwater.ingest.fold.file import Derived
from headwater.ingest.graph.decoding import decoders, missing_since
from headwater.ingest.graph.projector import ForeignGraph, Projector
from headwater.ingest.intake.bridge import Decoded
from headwater.ingest.intake.spline import PLANS
from headwater.ingest.ledger.ledger import ERASURE, Ledger, LedgerReader, NewEntry, open_ledger
from headwater.spline_bridge.decode import decode_events, decode_plan
from tests.golden.recorded import payloads

RECORDED_MS = 1_795_400_000_000  #: shortly after the recordings were made
Step = Callable[[int, GraphDelta], None]  #: the number of the write, and the vertices in it
KINDS = {"plan": "spline.plan", "event": "spline.events"}
PIPELINE = ("l01_stage_customers", "l02_stage_orders", "l03_mart_customer_orders", "l04_features", "l05_training_set")


def recorded(*cases: str) -> list[NewEntry]:
    return [NewEntry(KINDS[p.kind], p.content_type, p.body) for case in cases for p in payloads(case)]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "data", clock=lambda: RECORDED_MS)
    yield opened
    opened.close()


@pytest.fixture
def derived(tmp_path: Path) -> Iterator[Derived]:
    opened = Derived.open(tmp_path / "derived.sqlite")
    yield opened
    opened.close()


def catch_up(projector: Projector, limit: int = 50) -> None:
    while projector.step(limit):
        pass


def stored(store: GraphStore) -> Graph:
    """All that the store holds, without how far it has come."""
    found = Graph()
    for row in store.g.V().element_map().to_list():
        properties = {k: v for k, v in row.items() if k not in (T.id, T.label)}
        found.vertices[row[T.id]] = Vertex(row[T.id], row[T.label], properties)
    del found.vertices["ledger"]
    ends = store.g.E().project("s", "t", "p").by(__.out_v().id_()).by(__.in_v().id_()).by(__.element_map())
    for row in ends.to_list():
        named = {k: v for k, v in row["p"].items() if isinstance(k, str)}
        key, label = named.pop("key"), row["p"][T.label]
        found.edges[label, row["s"], key] = Edge(label, row["s"], row["t"], key, named)
    return found


def whole(ledger: LedgerReader, without: Sequence[int] = ()) -> Graph:
    bodies, events, said = [], [], []
    for entry in ledger.read(0, 10_000):
        if entry.body is None or entry.sequence in without:
            continue
        if entry.kind == "spline.plan":
            bodies.append(Body(decode_plan(entry.body, entry.content_type), entry.sha256))
        elif entry.kind == "spline.events":
            runs = decode_events(entry.body, entry.content_type)
            events += [Event(run, entry.received_ms) for run in runs]
        elif entry.kind == KIND:
            said.append(parse(entry.body))
        elif entry.kind == ERASURE:
            said += missing_since(entry)
    return graph(bodies, events, said)


def assert_equal(got: Graph, expected: Graph) -> None:
    assert got.vertices == expected.vertices
    assert got.edges == expected.edges


class Interrupted:
    """A real store, of which `before` and `after` may raise at the n-th write, counted from 1."""

    def __init__(self, store: GraphStore, before: Step | None = None, after: Step | None = None) -> None:
        self._store = store
        self._before = before or _nothing
        self._after = after or _nothing
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply(self, deltas: GraphDelta | Sequence[GraphDelta], **condition: Any) -> None:
        many = [deltas] if isinstance(deltas, GraphDelta) else deltas
        whole = GraphDelta(tuple(vertex for delta in many for vertex in delta.vertices))
        self.writes += 1
        self._before(self.writes, whole)
        self._store.apply(deltas, **condition)
        self._after(self.writes, whole)


def _nothing(count: int, delta: GraphDelta) -> None:
    pass


class Killed(BaseException):
    """What ends the process in the middle of something."""


@pytest.mark.parametrize("limit", [1, 7, 100])
@pytest.mark.parametrize("cases", [PIPELINE, ("h01_tables_and_modes",), ("k01_delta_lifecycle", "m01_rerun")])
def test_recorded_jobs_in_any_order_give_the_whole(
    cases: tuple[str, ...], limit: int, ledger: Ledger, store: GraphStore, derived: Derived
) -> None:
    entries = recorded(*cases)
    random.Random(limit).shuffle(entries)
    ledger.append(entries)
    projector = Projector(ledger, store, derived)
    catch_up(projector, limit)
    assert projector.parked() == []
    assert projector.lag() == 0
    assert_equal(stored(store), whole(ledger))


def test_two_bodies_of_one_plan_the_better_one_counts(ledger: Ledger, store: GraphStore, derived: Derived) -> None:
    projector = Projector(ledger, store, derived)
    for case in ("proto_api_1_0_no_headers", "proto_api_1_1"):
        ledger.append(recorded(case))
        catch_up(projector)
        assert_equal(stored(store), whole(ledger))


def test_events_before_their_plan_wait_and_join(ledger: Ledger, store: GraphStore, derived: Derived) -> None:
    plan, event = recorded("l01_stage_customers")
    projector = Projector(ledger, store, derived)
    ledger.append([event])
    catch_up(projector)
    assert (projector.waiting(), projector.waiting_plans()) == (1, 0)
    assert stored(store).vertices == {}
    ledger.append([plan])
    catch_up(projector)
    assert projector.waiting() == 0
    assert_equal(stored(store), whole(ledger))


def test_a_plan_without_event_is_counted_and_not_shown(ledger: Ledger, store: GraphStore, derived: Derived) -> None:
    ledger.append(recorded("l01_stage_customers")[:1])
    projector = Projector(ledger, store, derived)
    catch_up(projector)
    assert projector.waiting_plans() == 1
    assert stored(store).vertices == {}


@pytest.mark.parametrize("writes_before", [0, 1, 2, 3])
@pytest.mark.parametrize("side", ["before", "after"])
def test_killed_at_a_write_of_the_graph_and_started_again(
    writes_before: int, side: str, ledger: Ledger, store: GraphStore, tmp_path: Path
) -> None:
    def kill(count: int, delta: GraphDelta) -> None:
        if count > writes_before:
            raise Killed

    ledger.append(recorded(*PIPELINE)[::-1])
    first = Derived.open(tmp_path / "derived.sqlite")
    with pytest.raises(Killed):
        catch_up(Projector(ledger, Interrupted(store, **{side: kill}), first), 3)
    first.close()
    ledger.append(recorded("m01_rerun"))
    second = Derived.open(tmp_path / "derived.sqlite")
    catch_up(Projector(ledger, store, second), 4)
    second.close()
    assert_equal(stored(store), whole(ledger))


@pytest.mark.parametrize("lost", ["derived", "graph", "both", "nothing"])
def test_graph_or_tables_are_lost_and_come_back(lost: str, ledger: Ledger, store: GraphStore, tmp_path: Path) -> None:
    ledger.append(recorded(*PIPELINE))
    path = tmp_path / "derived.sqlite"
    derived = Derived.open(path)
    catch_up(Projector(ledger, store, derived), 4)
    derived.close()
    if lost in ("graph", "both"):
        store.clear()
    if lost in ("derived", "both"):
        path.write_bytes(b"this is no database, " * 1_000)
    derived = Derived.open(path)
    catch_up(Projector(ledger, store, derived), 4)
    derived.close()
    assert_equal(stored(store), whole(ledger))


def test_a_passing_error_is_waited_out(ledger: Ledger, store: GraphStore, derived: Derived) -> None:
    def fail(count: int, delta: GraphDelta) -> None:
        if count <= 3:
            raise TransientError("throttled")

    waits: list[float] = []
    ledger.append(recorded("l01_stage_customers"))
    projector = Projector(
        ledger, Interrupted(store, before=fail), derived, backoff=Backoff(sleep=waits.append, jitter=lambda: 1.0)
    )
    catch_up(projector)
    assert waits == pytest.approx([0.1, 0.2, 0.4])
    assert projector.parked() == []
    assert_equal(stored(store), whole(ledger))


def test_the_loop_outlives_what_nobody_foresaw(ledger: Ledger, store: GraphStore, derived: Derived) -> None:
    stop = threading.Event()

    def fail(count: int, delta: GraphDelta) -> None:
        if count == 1:
            raise OSError("no space left on device")
        if any(v.label == "run" for v in delta.vertices):
            stop.set()

    waits: list[float] = []
    ledger.append(recorded("l01_stage_customers"))
    Projector(ledger, Interrupted(store, before=fail), derived, backoff=Backoff(sleep=waits.append)).run(stop)
    assert len(waits) == 1
    assert_equal(stored(store), whole(ledger))


def test_a_stop_while_it_waits_for_the_store(ledger: Ledger, store: GraphStore, derived: Derived) -> None:
    stop = threading.Event()

    def fail(count: int, delta: GraphDelta) -> None:
        stop.set()
        raise TransientError("closed socket")

    ledger.append(recorded("l01_stage_customers"))
    Projector(ledger, Interrupted(store, before=fail), derived).run(stop)
    projector = Projector(ledger, store, derived)
    assert projector.lag() == 2
    catch_up(projector)
    assert_equal(stored(store), whole(ledger))


def test_payloads_that_cannot_be_taken_are_parked_and_the_others_go_on(
    ledger: Ledger, store: GraphStore, derived: Derived
) -> None:
    bad = [NewEntry("spline.plan", "application/json", b"{}"), NewEntry("spline.events", "application/json", b"[7]")]
    first, *others = recorded("l01_stage_customers", "l02_stage_orders")
    ledger.append([bad[0], first, bad[1], *others])
    projector = Projector(ledger, store, derived, clock=lambda: 42)
    catch_up(projector)
    assert [(p.sequence, p.kind, p.at_ms) for p in projector.parked()] == [
        (1, "spline.plan", 42),
        (3, "spline.events", 42),
    ]
    assert all(p.reason for p in projector.parked())
    assert_equal(stored(store), whole(ledger, without=[1, 3]))


@pytest.mark.parametrize("limit", [1, 50])
def test_a_payload_that_the_store_never_takes_is_parked_and_taken_after_a_fix(
    limit: int, ledger: Ledger, store: GraphStore, derived: Derived
) -> None:
    def refuse(count: int, delta: GraphDelta) -> None:
        if broken and any(v.label == "job" and v.properties["name"] == "pipeline.stage_orders" for v in delta.vertices):
            raise PermanentError("no such index")

    ledger.append(recorded("l01_stage_customers", "l02_stage_orders", "l07_score_report"))
    broken = True
    projector = Projector(ledger, Interrupted(store, before=refuse), derived)
    catch_up(projector, limit)
    (parked,) = projector.parked()
    assert parked.reason == "PermanentError: no such index"
    assert_equal(stored(store), whole(ledger, without=[parked.sequence]))
    assert projector.retry_parked() == 0
    broken = False
    assert projector.retry_parked() == 1
    catch_up(projector)
    assert projector.parked() == []
    assert_equal(stored(store), whole(ledger))


def test_killed_in_a_retry(ledger: Ledger, store: GraphStore, derived: Derived) -> None:
    def broken(body: bytes, content_type: str) -> Decoded:
        raise ZeroDivisionError

    decode = decoders()
    failing = {**decode, PLANS.kind: broken}
    ledger.append(recorded("l01_stage_customers"))
    catch_up(Projector(ledger, store, derived, failing))

    def kill(count: int, delta: GraphDelta) -> None:
        if any(vertex.label != "ledger" for vertex in delta.vertices):  # a remote graph is signed first
            raise Killed

    with pytest.raises(Killed):
        Projector(ledger, Interrupted(store, after=kill), derived, decode).retry_parked()
    ledger.append(recorded("l02_stage_orders"))
    projector = Projector(ledger, store, derived, decode)
    catch_up(projector)
    assert projector.parked() == []
    assert_equal(stored(store), whole(ledger))


def test_a_store_that_refuses_everything_parks_nothing(ledger: Ledger, store: GraphStore, derived: Derived) -> None:
    def refuse(count: int, delta: GraphDelta) -> None:
        raise PermanentError("no access")

    ledger.append(recorded("l01_stage_customers"))
    projector = Projector(ledger, Interrupted(store, before=refuse), derived)
    with pytest.raises(PermanentError, match="no access"):
        projector.step()
    assert (projector.parked(), projector.lag()) == ([], 2)


def test_what_is_erased_leaves_the_graph_with_a_rebuild(ledger: Ledger, store: GraphStore, derived: Derived) -> None:
    ledger.append(recorded("l01_stage_customers", "l02_stage_orders"))
    projector = Projector(ledger, store, derived)
    catch_up(projector)
    ledger.erase(1, "asked for")
    catch_up(projector)
    needed = [projector.needs_rebuild]
    projector.rebuild()
    catch_up(projector)
    assert [*needed, projector.needs_rebuild] == [True, False]
    assert_equal(stored(store), whole(ledger))


def test_a_plan_that_was_erased_is_needed_again(ledger: Ledger, store: GraphStore, tmp_path: Path) -> None:
    plan, event = recorded("l01_stage_customers")
    ledger.append([plan])
    derived = Derived.open(tmp_path / "derived.sqlite")
    catch_up(Projector(ledger, store, derived))
    ledger.append([event])
    ledger.erase(1, "asked for")
    projector = Projector(ledger, store, derived)  # remembers no plan
    catch_up(projector)
    assert (projector.needs_rebuild, projector.waiting()) == (False, 1)
    assert stored(store).vertices == {}
    derived.close()


def test_the_graph_of_another_ledger_is_left_alone(
    ledger: Ledger, store: GraphStore, derived: Derived, tmp_path: Path
) -> None:
    ledger.append(recorded("l01_stage_customers"))
    catch_up(Projector(ledger, store, derived))
    before = stored(store)
    other = open_ledger(tmp_path / "other", clock=lambda: RECORDED_MS)
    others = Derived.open(None)
    with pytest.raises(ForeignGraph, match="of the ledger"):
        Projector(other, store, others).step()
    assert_equal(stored(store), before)
    others.close()
    other.close()


def test_appends_wake_the_loop_and_writers_wait_for_their_own(
    ledger: Ledger, store: GraphStore, derived: Derived
) -> None:
    projector = Projector(ledger, store, derived)
    stop = threading.Event()
    thread = threading.Thread(target=projector.run, args=(stop,))
    thread.start()
    try:
        for entry in recorded("l01_stage_customers", "l02_stage_orders"):
            (appended,) = ledger.append([entry])
            projector.wake(appended.sequence)
            assert projector.wait_for(appended.sequence, timeout=60)
        assert not projector.wait_for(ledger.count() + 1, timeout=0)
    finally:
        stop.set()
        projector.wake()
        thread.join()
    assert_equal(stored(store), whole(ledger))
