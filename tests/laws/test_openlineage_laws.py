"""The laws of the graph, for generated OpenLineage events: in steps, in any order, twice and cut off, as the whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.graphmodel import whole
from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.conformity import violations
from headwater.graphmodel.delta import GraphDelta
from headwater.graphmodel.naming import DEFAULT
from headwater.graphmodel.whole import Graph
from headwater.ingest.fold.file import Derived
from headwater.ingest.fold.projection import project
from headwater.ingest.fold.tables import Tables
from headwater.ingest.graph.decoding import Decoding, decoders
from headwater.ingest.graph.grouping import folded_groups
from headwater.ingest.intake.body import InvalidBody
from headwater.ingest.intake.bridge import Receipt, inherit
from headwater.ingest.intake.openlineage import OPENLINEAGE
from headwater.ingest.ledger.entries import Entry, Head
from headwater.openlineage_bridge.declaring import said
from headwater.openlineage_bridge.events import LineageEvent, event
from headwater.openlineage_bridge.mapping import mapped
from tests.golden.openlineage import bodies
from tests.laws.test_graph_laws import apply, assert_equal

RECEIVED = 1_796_000_000_000
RUNS = [f"01a22714-644a-71bd-8424-174e540d026{digit}" for digit in "abc"]
DATASETS = ["raw", "mart", "report"]
COLUMNS = ["id", "amount"]


def dataset(name: str, facets: dict[str, Any]) -> dict[str, Any]:
    return {"namespace": "s3://lake", "name": name, "facets": facets}


@st.composite
def lineage(draw: st.DrawFn) -> dict[str, Any]:
    """A facet `columnLineage` of one output."""
    used = st.fixed_dictionaries(
        {
            "namespace": st.just("s3://lake"),
            "name": st.sampled_from(DATASETS),
            "field": st.sampled_from(COLUMNS),
        },
        optional={
            "transformations": st.lists(
                st.sampled_from(
                    [
                        {"type": "DIRECT", "subtype": "IDENTITY"},
                        {"type": "DIRECT", "subtype": "AGGREGATION", "masking": True},
                        {"type": "INDIRECT", "subtype": "FILTER"},
                        {"type": "INDIRECT", "subtype": "CONDITIONAL"},
                    ]
                ),
                max_size=2,
            )
        },
    )
    fields = draw(st.dictionaries(st.sampled_from(COLUMNS), st.lists(used, max_size=2), max_size=2))
    return {
        "fields": {name: {"inputFields": its} for name, its in fields.items()},
        "dataset": draw(st.just([]) | st.lists(used, max_size=1)),
    }


@st.composite
def outputs(draw: st.DrawFn) -> dict[str, Any]:
    facets: dict[str, Any] = {}
    if draw(st.booleans()):
        facets["columnLineage"] = draw(lineage())
    if draw(st.booleans()):
        facets["schema"] = {"fields": [{"name": name, "type": "long"} for name in COLUMNS]}
    if draw(st.booleans()):
        facets["lifecycleStateChange"] = {
            "lifecycleStateChange": draw(st.sampled_from(["OVERWRITE", "CREATE", "DROP", "TRUNCATE", "RENAME"])),
            "previousIdentifier": {"namespace": "s3://lake", "name": draw(st.sampled_from(DATASETS))},
        }
    return dataset(draw(st.sampled_from(DATASETS)), facets)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    run = draw(st.sampled_from(RUNS))
    job = {"namespace": "etl", "name": f"job of {run[-1]}{draw(st.sampled_from(['', '.other']))}"}
    made: dict[str, Any] = {
        "eventTime": f"2026-01-0{draw(st.integers(1, 4))}T0{draw(st.integers(0, 3))}:00:00Z",
        "job": job,
        "inputs": [dataset(name, {}) for name in draw(st.lists(st.sampled_from(DATASETS), max_size=2))],
        "outputs": draw(st.lists(outputs(), max_size=2)),
    }
    if draw(st.integers(0, 4)) == 0:
        of = draw(outputs())
        owners = [{"name": name} for name in draw(st.lists(st.sampled_from(["ann", "bob"]), max_size=2))]
        if draw(st.booleans()):
            of["facets"]["ownership"] = {"owners": owners} if owners else {"_deleted": True}
        return {"eventTime": made["eventTime"], "dataset": of}
    if draw(st.integers(0, 9)):
        state = draw(st.sampled_from(["START", "RUNNING", "COMPLETE", "COMPLETE", "FAIL"]))
        facets: dict[str, Any] = {}
        if draw(st.booleans()):
            facets["spark_properties"] = {"properties": {"spark.app.name": "app"}}
            facets["parent"] = {"run": {"runId": RUNS[0]}, "job": {"namespace": "etl", "name": "app"}}
        made |= {"eventType": state, "run": {"runId": run, "facets": facets}}
        if run == RUNS[0] and draw(st.booleans()):
            task = {"run": {"runId": "t"}, "job": {"namespace": "dags", "name": draw(st.sampled_from("xy"))}}
            facets |= {"parent": task, "spark_applicationDetails": {"userName": draw(st.sampled_from(["", "ann"]))}}
            made["job"] = {**job, "facets": {"jobType": {"integration": "SPARK", "jobType": "APPLICATION"}}}
    return made


histories = st.lists(documents(), min_size=1, max_size=8)


def entry_of(document: dict[str, Any], sequence: int) -> Entry:
    (new,) = OPENLINEAGE.accept("application/json", json.dumps(document).encode(), Receipt()).entries
    return Entry(sequence, RECEIVED, None, new.kind, new.content_type, "ab", new.body, (), "")


class MadeUpLedger:
    """The entries of a made-up history."""

    id = "made up"

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = {entry.sequence: entry for entry in entries}

    def read(self, after: int, limit: int) -> list[Entry]:
        return [entry for entry in self._entries.values() if entry.sequence > after][:limit]

    def entry(self, sequence: int) -> Entry | None:
        return self._entries.get(sequence)

    def of_kind(self, kind: str) -> list[Entry]:
        return [entry for entry in self._entries.values() if entry.kind == kind]

    def head(self) -> Head:
        return Head(max(self._entries, default=0), "")


class World:
    """Entries projected in steps onto a graph in memory."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.graph = Graph()
        self.derived = Derived.open(None)
        self.tables = Tables(self.derived.connection)
        self.decoding = Decoding(MadeUpLedger(entries), decoders())
        self.decoding.use_members(self.tables.parts_up_to)

    def take(self, entries: Sequence[Entry]) -> GraphDelta:
        with self.derived.transaction():
            delta = self._project(entries)
        apply(self.graph, delta)
        return delta

    def take_cut_off(self, entries: Sequence[Entry]) -> None:
        """The graph is written, the derived tables are not."""
        with suppress(KeyboardInterrupt), self.derived.transaction():
            apply(self.graph, self._project(entries))
            raise KeyboardInterrupt
        self.tables.forget()
        self.decoding.forget()

    def _project(self, entries: Sequence[Entry]) -> GraphDelta:
        batch = self.decoding.batch(entries)
        assert not batch.refused
        groups = folded_groups(self.tables, self.decoding, batch.parts)
        said = batch.statements
        return project(self.tables, self.decoding.plan_at, batch.plans, batch.events, said, groups).delta()


def expected(history: Sequence[dict[str, Any]]) -> Graph:
    groups: dict[str, list[LineageEvent]] = {}
    for document in history:
        sent = event(document)
        groups.setdefault(sent.group, []).append(sent)
    found = {group: mapped(its, DEFAULT) for group, its in groups.items()}
    bodies, events = [], []
    for one in found.values():
        assert one is not None
        parent = found.get(one.parent)
        bodies += [Body(plan, one.digest) for plan in one.plans]
        told = parent.passes_on if parent else ()
        events += [Event(inherit(run, told, one.otherwise), RECEIVED) for run in one.runs]
    stated = [statement for its in groups.values() for one in its for statement in said(one, DEFAULT)]
    return whole.graph(bodies, events, stated)


@given(histories, st.integers(1, 4))
def test_order_free_batches_of_any_size_end_in_the_whole(history: list[dict[str, Any]], size: int) -> None:
    entries = [entry_of(document, sequence) for sequence, document in enumerate(history, start=1)]
    world = World(entries)
    for start in range(0, len(entries), size):
        world.take(entries[start : start + size])
        assert_equal(world.graph, expected(history[: start + size]))
        assert violations(world.graph.vertices.values(), world.graph.edges.values()) == []
    world.derived.close()


@given(histories, st.randoms(use_true_random=False))
def test_order_free_and_idempotent(history: list[dict[str, Any]], random: Random) -> None:
    again = [*history, *random.sample(history, len(history) // 2)]
    random.shuffle(again)
    entries = [entry_of(document, sequence) for sequence, document in enumerate(again, start=1)]
    world = World(entries)
    for entry in entries:
        world.take([entry])
    assert_equal(world.graph, expected(history))
    world.derived.close()


@given(histories, st.data())
def test_a_batch_that_was_cut_off_is_taken_again_as_if_nothing_had_been(
    history: list[dict[str, Any]], data: st.DataObject
) -> None:
    entries = [entry_of(document, sequence) for sequence, document in enumerate(history, start=1)]
    world = World(entries)
    start = 0
    while start < len(entries):
        size = data.draw(st.integers(1, 3))
        if data.draw(st.booleans()):
            world.take_cut_off(entries[start : start + size])
        world.take(entries[start : start + size])
        start += size
    assert_equal(world.graph, expected(history))
    world.derived.close()


@given(histories)
def test_an_event_that_is_known_changes_nothing(history: list[dict[str, Any]]) -> None:
    entries = [entry_of(document, sequence) for sequence, document in enumerate([*history, *history], start=1)]
    world = World(entries)
    for entry in entries[: len(history)]:
        world.take([entry])
    for entry in entries[len(history) :]:
        assert world.take([entry]) == GraphDelta()
    world.derived.close()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
RECORDED = [
    json.loads(body)
    for case in ("af01_airflow_parent", "k02_iceberg", "p02_partition_dates", "x01_dbt_build")
    for body in bodies(case)
    if b'"COMPLETE"' in body or b'"FAIL"' in body
]
DECLARED_FACETS: dict[str, Any] = {
    "schema": {"fields": [{"name": "id", "type": "long", "description": "the order", "fields": []}]},
    "symlinks": {"identifiers": [{"namespace": "hive://h:9083", "name": "shop.orders", "type": "TABLE"}]},
    "ownership": {"owners": [{"name": "ann", "type": "OWNER"}]},
    "documentation": {"description": "All orders"},
    "tags": {"tags": [{"key": "pii", "value": "true", "source": "x", "field": "id"}]},
    "lifecycleStateChange": {
        "lifecycleStateChange": "RENAME",
        "previousIdentifier": {"namespace": "s3://lake", "name": "old"},
    },
    "lineage": {
        "inputs": [{"type": "DATASET", "namespace": "s3://lake", "name": "raw"}],
        "fields": {"id": {"inputs": [{"type": "DATASET", "namespace": "s3://lake", "name": "raw", "field": "id"}]}},
    },
}
DECLARED: list[dict[str, Any]] = [
    {"eventTime": "2026-01-01T00:00:00Z", "dataset": dataset("orders", {name: facet})}
    for name, facet in DECLARED_FACETS.items()
]
DECLARED += [
    {"eventTime": "2026-01-01T00:00:00Z", "dataset": dataset("orders", DECLARED_FACETS)},
    {
        "eventTime": "2026-01-01T00:00:00Z",
        "job": {"namespace": "etl", "name": "load", "facets": DECLARED_FACETS},
        "outputs": [dataset("orders", DECLARED_FACETS)],
    },
]


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each value in a document."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


@settings(max_examples=300)
@given(st.sampled_from([*RECORDED, *DECLARED]), st.data())
def test_whatever_stands_anywhere_in_an_event_it_is_refused_or_maps(
    document: dict[str, Any], data: st.DataObject
) -> None:
    changed = json.loads(json.dumps(document))
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(list(places(changed))))
        holder = changed
        for key in path:
            holder = holder[key]
        holder[last] = data.draw(json_values)
    body = json.dumps(changed).encode()
    try:
        (entry,) = OPENLINEAGE.accept("application/json", body, Receipt()).entries
    except InvalidBody:
        return
    assert entry.body is not None
    decoded = OPENLINEAGE.decode(entry.body, entry.content_type)
    part = decoded.part
    assert part is not None
    assert OPENLINEAGE.fold is not None
    folded = OPENLINEAGE.fold([part.content], DEFAULT)
    assert folded == OPENLINEAGE.fold([part.content, part.content], DEFAULT)
    bodies_of = [Body(plan, folded.digest) for plan in folded.plans]
    whole.graph(bodies_of, [Event(run, RECEIVED) for run in folded.runs], decoded.statements)
