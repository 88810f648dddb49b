"""The laws of `changes`: what it finds is what a comparison of all times finds, and its work grows with the runs.

On the embedded store alone; what is asked of every store is in test_past.py and test_constants.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.ids import split_node
from headwater.graphmodel.model import (
    Dataset,
    DependencyType,
    Derivation,
    Effect,
    Job,
    OutputColumn,
    Plan,
    Run,
    Subtype,
)
from headwater.graphmodel.validity import NO_END
from headwater.graphmodel.whole import Graph, graph
from headwater.graphstore import GraphStore
from headwater.queries.questions.differences import change
from headwater.queries.tracing.constants import ConstantsInTime
from headwater.queries.tracing.contributions import state_at, validities_of
from headwater.queries.tracing.derivations import PlanDerivations
from tests.contract.queries_world import rows
from tests.contract.test_as_of_laws import fill
from tests.laws.steps import lines
from tests.laws.worlds import Entry, histories, whole, worlds

RAW, MART = "s3://lake/raw", "s3://lake/mart"
CELLS = ("timestamp", "id", "change", "before", "after", "sourcesAdded", "sourcesDropped")


def compared(store: GraphStore, nodes: Sequence[str], times: Sequence[int]) -> list[dict[str, Any]]:
    """Each node of a dataset at each time, compared with the time before, in the order of `changes`."""
    stood = validities_of(store.g, [split_node(nodes[0])[0]])[split_node(nodes[0])[0]]
    by_plan = PlanDerivations(store.g, nodes)
    constants = ConstantsInTime(store.g, by_plan.with_constants)
    found = []
    for node in nodes:
        was = frozenset[Any]()
        for time in times:
            state = state_at(stood, time)
            is_now = by_plan.of(node, state, constants.all_at(state, time))
            if is_now != was:
                found.append({"timestamp": time, "id": node, **change(was, is_now)})
            was = is_now
    return sorted(found, key=lambda row: (row["timestamp"], row["id"]))


@pytest.mark.parametrize("store", ["embedded"], indirect=True)
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(worlds() | histories())
def test_each_change_is_found_and_nothing_else(store: GraphStore, entries: list[Entry]) -> None:
    drawn = whole(entries)
    fill(store, drawn)
    times = {int(v.properties["timestamp"]) for v in drawn.vertices.values() if v.label == "run"}
    bounds = {
        int(e.properties[end]) for e in drawn.edges.values() if e.label == "madeBy" for end in ("validFrom", "validTo")
    }
    for dataset in sorted(v.id for v in drawn.vertices.values() if v.label == "dataset"):
        columns = sorted(e.target for e in drawn.edges.values() if e.label == "hasColumn" and e.source == dataset)
        expected = compared(store, [*columns, dataset], sorted((times | bounds) - {NO_END}))
        found = rows(store, "changes", node=dataset, type="all", limit=1_000)
        assert [{cell: row[cell] for cell in CELLS} for row in found] == expected
        newest = rows(store, "changes", node=dataset, type="all", order="newest", limit=1)
        assert (
            newest == [row for row in found if row["timestamp"] == found[-1]["timestamp"]][:1] if found else not newest
        )


def appended(runs: int) -> Graph:
    """A dataset that is appended to each day, by another logic each time: all of them contribute to it."""
    bodies, events = [], []
    for day in range(runs):
        source = Derivation(
            "gross", RAW, "net", DependencyType.DIRECT, Subtype.TRANSFORMATION, expression=f"f{day}(net)"
        )
        made = Plan(
            f"p{day}",
            Job("spark", "daily"),
            Dataset(MART),
            Effect.KEEP,
            "Save",
            (Dataset(RAW),),
            (OutputColumn("gross"),),
            (source,),
            (),
        )
        bodies.append(Body(made, made.agent_plan_id))
        events.append(Event(Run(f"p{day}", 10**12 + day, app_id="app"), 10**12 + day))
    return graph(bodies, events)


@pytest.mark.parametrize("store", ["embedded"], indirect=True)
@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_the_work_grows_with_the_runs_and_not_with_their_square(store: GraphStore, order: str) -> None:
    counted = []
    for runs in (50, 200):
        fill(store, appended(runs))

        def ask() -> None:
            rows(store, "changes", node=f"{MART}#gross", order=order, limit=10)

        ask()
        counted.append(lines(ask))
    assert counted[1] < 6 * counted[0]


@pytest.mark.parametrize("store", ["embedded"], indirect=True)
def test_a_text_of_many_expressions_is_cut(store: GraphStore) -> None:
    fill(store, appended(400))
    (row,) = rows(store, "changes", node=f"{MART}#gross", order="newest", limit=1)
    assert "characters cut" in row["after"]
    assert len(row["after"]) < 2_100
