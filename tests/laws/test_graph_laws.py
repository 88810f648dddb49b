"""The six laws of the graph, over small made-up worlds: the projection in steps against the whole as one function."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import event as note
from hypothesis import strategies as st

from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.conformity import violations
from headwater.graphmodel.delta import Edge, GraphDelta, Vertex
from headwater.graphmodel.logic import logic, summary
from headwater.graphmodel.model import Dataset, DependencyType, Effect, Job, Plan, Role, Run
from headwater.graphmodel.statements.json_text import snapshot
from headwater.graphmodel.statements.model import Snapshot, Statement
from headwater.graphmodel.whole import Graph
from headwater.ingest.fold.file import Derived
from headwater.ingest.fold.projection import project
from headwater.ingest.fold.reference_counts import MappedPlan
from headwater.ingest.fold.rows import BodyRef
from headwater.ingest.fold.tables import Tables
from tests.laws.worlds import HOUR, NOW, URIS, Entry, catalogues, histories, plans, whole, worlds


def apply(whole: Graph, delta: GraphDelta) -> None:
    """What the store's port promises: removals, then vertices, then edges; upserts merge properties."""
    for key in delta.removed_edges:
        whole.edges.pop(key, None)
    gone = set(delta.removed_vertices)
    for vertex_id in gone:
        whole.vertices.pop(vertex_id, None)
    for key in [k for k, e in whole.edges.items() if e.source in gone or e.target in gone]:
        del whole.edges[key]
    for v in delta.vertices:
        old = whole.vertices.get(v.id, Vertex(v.id, v.label))
        whole.vertices[v.id] = Vertex(v.id, v.label, {**old.properties, **v.properties})
    for e in delta.edges:
        assert {e.source, e.target} <= whole.vertices.keys(), f"an end of {e} is missing"
        key = (e.label, e.source, e.key)
        before = whole.edges[key].properties if key in whole.edges else {}
        whole.edges[key] = Edge(e.label, e.source, e.target, e.key, {**before, **e.properties})


@dataclass
class World:
    """Entries projected in steps onto a graph in memory."""

    graph: Graph = field(default_factory=Graph)
    known: dict[BodyRef, MappedPlan] = field(default_factory=dict)
    deltas: list[GraphDelta] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.derived = Derived.open(None)
        self.tables = Tables(self.derived.connection)

    def __del__(self) -> None:
        """A property that fails leaves its worlds behind; their connections must not outlive them."""
        self.derived.close()

    def take(self, entries: Sequence[Entry]) -> GraphDelta:
        with self.derived.transaction():
            delta = self.project(entries)
        apply(self.graph, delta)
        self.deltas.append(delta)
        return delta

    def column_edges(self) -> dict[tuple[str, str, str], Edge]:
        return {key: e for key, e in self.graph.edges.items() if e.label in COLUMN_EDGES}

    def take_cut_off(self, entries: Sequence[Entry]) -> None:
        """The graph is written, the derived tables are not."""
        with suppress(KeyboardInterrupt), self.derived.transaction():
            apply(self.graph, self.project(entries))
            raise KeyboardInterrupt
        self.tables.forget()

    def project(self, entries: Sequence[Entry]) -> GraphDelta:
        plans: list[MappedPlan] = []
        events: list[Event] = []
        said = [entry for entry in entries if isinstance(entry, Statement | Snapshot)]
        for entry in entries:
            if isinstance(entry, Body):
                its_logic = logic(entry.plan)
                of = summary(entry.plan, its_logic, entry.sha256)
                ref = BodyRef(1 + len(self.known) // 2, len(self.known) % 2)  # two bodies in each ledger entry
                plans.append(MappedPlan(ref, entry.plan, its_logic, of))
                self.known[ref] = plans[-1]
            elif isinstance(entry, tuple):
                events.extend(entry)
        return project(self.tables, self.known.__getitem__, plans, events, said).delta()


def projected(entries: Sequence[Entry], size: int, *, close: bool = True) -> World:
    world = World()
    for start in range(0, len(entries), size):
        world.take(entries[start : start + size])
    if close:
        world.derived.close()
    return world


def assert_equal(got: Graph, expected: Graph) -> None:
    assert got.vertices == expected.vertices
    assert got.edges == expected.edges


LABELS = ("sameWriteAs", "appendsTo", "used", "derivesFrom", "dependsOn", "aliasOf", "madeBy", "taggedWith")
COLUMN_EDGES = {"derivesFrom", "dependsOn", "everDerivesFrom", "everDependsOn", "hasColumn", "madeBy"}
RUN_VERTICES = ["datasetVersion", "run"]


@given(worlds() | histories() | catalogues(), st.integers(1, 5))
def test_order_free_batches_of_any_size_end_in_the_whole(entries: list[Entry], size: int) -> None:
    expected = whole(entries)
    for label in LABELS:
        note(f"{label}: {any(label == key[0] for key in expected.edges)}")
    assert_equal(projected(entries, size).graph, expected)


@given(worlds() | catalogues(), st.randoms(use_true_random=False))
def test_order_free_the_whole_is_a_function_of_the_set(entries: list[Entry], random: Random) -> None:
    shuffled = random.sample(entries, len(entries))
    assert_equal(whole(shuffled), whole(entries))


@given(worlds() | histories() | catalogues())
def test_whole_after_every_entry(entries: list[Entry]) -> None:
    world = World()
    for done, entry in enumerate(entries, start=1):
        world.take([entry])
        assert_equal(world.graph, whole(entries[:done]))
        assert violations(world.graph.vertices.values(), world.graph.edges.values()) == []
    world.derived.close()


@given(plans)
def test_whole_every_output_column_has_its_sources_or_says_why_not(plan: Plan) -> None:
    known = logic(plan)
    uses = [*known.derivations, *(d for group in known.shared for d in group.targets)]
    direct = {d.target for d in uses if d.type is DependencyType.DIRECT}
    assert known.outputs == {c.name.lower() for c in plan.columns} | {d.target for d in uses}
    for column in known.columns:
        assert (column.name in direct) != (column.origin is not None)


@given(worlds() | catalogues(), st.integers(1, 5), st.data())
def test_idempotent_delivered_again_nothing_changes(entries: list[Entry], size: int, data: st.DataObject) -> None:
    world = projected(entries, size, close=False)
    again = data.draw(st.lists(st.sampled_from(entries), min_size=1))
    assert world.take(again) == GraphDelta()
    world.derived.close()


@given(worlds(), st.integers(1, 5))
def test_idempotent_a_batch_cut_off_before_its_commit_is_taken_again(entries: list[Entry], size: int) -> None:
    world = World()
    for start in range(0, len(entries), size):
        world.take_cut_off(entries[start : start + size])
        world.take(entries[start : start + size])
    world.derived.close()
    assert_equal(world.graph, whole(entries))


@given(worlds(), st.integers(1, 5))
def test_deterministic_the_same_entries_give_the_same_deltas(entries: list[Entry], size: int) -> None:
    assert projected(entries, size).deltas == projected(entries, size).deltas


@given(worlds(), st.data())
def test_lean_a_further_run_of_known_logic_adds_no_column_edge(entries: list[Entry], data: st.DataObject) -> None:
    world = projected(entries, len(entries), close=False)
    # A second run that renames the same column says that there was one of the old name again: then they are two.
    known = [e.plan for e in entries if isinstance(e, Body) and not e.plan.renames]
    assume(known)
    plan = data.draw(st.sampled_from(known))
    last, further = (Event(Run(plan.agent_plan_id, NOW + i * HOUR, app_id="app-9"), NOW + 9 * HOUR) for i in (20, 21))
    world.take([(last,)])
    vertices, edges = {*world.graph.vertices}, world.column_edges()
    delta = world.take([(further,)])
    assert sorted(world.graph.vertices[v].label for v in world.graph.vertices.keys() - vertices) == RUN_VERTICES
    assert world.column_edges() == edges
    assert COLUMN_EDGES.isdisjoint(e.label for e in delta.edges)
    world.derived.close()


# worlds that the laws once found to go wrong


def body(agent_plan_id: str, **changes: Any) -> Body:
    given: dict[str, Any] = {
        "job": Job("spark", "one"),
        "target": Dataset(URIS[0]),
        "effect": Effect.ALL,
        "command": "SaveIntoDataSourceCommand",
        "inputs": (),
        "columns": (),
        "derivations": (),
        "dependencies": (),
        **changes,
    }
    plan = Plan(agent_plan_id, **given)
    return Body(plan, hashlib.sha256(repr(plan).encode()).hexdigest())


def better(agent_plan_id: str, **changes: Any) -> Body:
    return body(agent_plan_id, api_version="1.3", **changes)


def run(
    agent_plan_id: str, hour: int, hours: int | None = None, app_id: str = "app-1", **more: Any
) -> tuple[Event, ...]:
    duration = None if hours is None else hours * HOUR * 1_000_000
    return (Event(Run(agent_plan_id, NOW + hour * HOUR, duration, app_id, **more), NOW + 9 * HOUR),)


def retired(subject: str, hour: int, *, withdrawn: bool = False) -> Statement:
    return Statement("tag", subject, "retired", NOW + hour * HOUR, withdrawn=withdrawn)


def listing(hour: int, *names: str) -> Snapshot:
    """A system lists a dataset with columns of these names; with none, it does not list it."""
    value = {"columns": [{"name": name, "type": "string"} for name in names], "names": ["sales.a"]}
    said = [{"kind": "dataset", "subject": URIS[0], "name": "sales.a", "value": value}] if names else []
    return snapshot({"source": "glue", "scope": "sales", "at": NOW + hour * HOUR, "statements": said})


AS_WRAPPER, AS_INNER = {"role": Role.WRAPPER}, {"role": Role.INNER}
SELF = {"inputs": (Dataset(URIS[0]),)}


@pytest.mark.parametrize(
    "entries",
    [
        # a write whose other report gives it other times: it no longer overlaps the reader, or its twin
        [body("p"), body("q", **SELF), run("q", 2, 0, "app-2"), run("p", 3, 4), run("p", 3, 0)],
        [body("p", **AS_INNER), body("q", **AS_WRAPPER), run("q", 2, 0), run("p", 3, 4), run("p", 3, 0)],
        # a wrapper turns out to be an inner write, and back
        [body("p", **AS_INNER), body("q", **AS_WRAPPER), run("p", 2, 2), run("q", 2, 2), better("q", **AS_INNER)],
        [body("p", **AS_INNER), body("q", **AS_INNER), run("p", 2, 2), run("q", 2, 2), better("q", **AS_WRAPPER)],
        # a dataset is no longer known to be partitioned, and a write on it no longer counts
        [
            body("p", target=Dataset(URIS[0], partition_columns=("dt",)), effect=Effect.OVERWRITE),
            body("q", **AS_WRAPPER, effect=Effect.OVERWRITE),
            *(run("p", 1), run("q", 2), run("p", 3, 1)),
            better("p", **AS_INNER, effect=Effect.OVERWRITE),
        ],
        # the inner write of a pair fails after all
        [body("p", **AS_INNER), body("q", **AS_WRAPPER), run("q", 3, 2), run("p", 2, 1), run("p", 2, 1, error="Lost")],
        # a run that others saw fails after all; then nothing is known before them
        [body("p"), body("q", **SELF, target=Dataset(URIS[1])), run("p", 1), run("q", 3), run("p", 1, error="Lost")],
        # a dataset was dropped, between writes, by itself and by a pattern; and one of the two is withdrawn
        [body("p"), body("q", effect=Effect.KEEP), run("p", 1), retired(URIS[0], 2), run("q", 3), retired("s3://*", 4)],
        [body("p"), run("p", 1), retired(URIS[0], 2), retired("s3://*", 0), retired(URIS[0], 3, withdrawn=True)],
        # a dataset that a system lists is written by a job, and listed no longer
        [listing(1, "id", "Price"), body("p"), run("p", 1), listing(2), listing(3, "city")],
        # the only logic of a job, and of a dataset, is replaced
        [body("p"), run("p", 1), better("p", job=Job("spark", "two"), target=Dataset(URIS[1]))],
    ],
)  # fmt: skip
def test_what_once_went_wrong(entries: list[Entry]) -> None:
    for size in (1, 2, len(entries)):
        for order in (entries, entries[::-1]):
            assert_equal(projected(order, size).graph, whole(order))
