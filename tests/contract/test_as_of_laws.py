"""The laws of `asOf`: a question about a time is answered as now is on a graph whose folds stopped there.

On the embedded store alone: hundreds of questions a world. What they ask is asked of every store in test_as_of.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import event as note
from hypothesis import strategies as st

from headwater.graphmodel.delta import GraphDelta
from headwater.graphmodel.ids import is_shared
from headwater.graphmodel.whole import Graph
from headwater.graphstore import GraphStore
from headwater.queries.answers.answer import Answer
from headwater.queries.catalogue.catalogue import run
from headwater.queries.tracing.as_of import shown
from tests.laws.worlds import HOUR, NOW, Entry, histories, whole, worlds

_WORLDS = settings(max_examples=20, suppress_health_check=list(HealthCheck))
LATEST = NOW + 60 * HOUR


def fill(store: GraphStore, graph: Graph) -> None:
    store.clear()
    store.apply(GraphDelta(tuple(graph.vertices.values()), tuple(graph.edges.values())))


def answers(store: GraphStore, graph: Graph, as_of: str | None) -> list[dict[str, Any]]:
    """Every question about every dataset and column, without the time asked for."""
    found = []
    for node in sorted(v.id for v in graph.vertices.values() if v.label in ("dataset", "column")):
        for kind in ("direct", "all", "indirect"):
            given = {"node": node, "type": kind, "asOf": as_of}
            answer = run("both", store.g, given, now_ms=lambda: LATEST)
            assert isinstance(answer, Answer)
            told = {**answer.to_dict(), "asOf": None}
            if as_of is not None and str(answer.reason).startswith("nothing is known of it before"):
                assert not answer.edges  # now the node is known, so that nobody would have to be told
                told |= {"complete": True, "reason": None}
            found.append(told)
    return found


@pytest.mark.parametrize("store", ["embedded"], indirect=True)
@_WORLDS
@given(worlds() | histories(), st.data())
def test_as_of_a_time_is_now_where_the_folds_stopped(
    store: GraphStore, entries: list[Entry], data: st.DataObject
) -> None:
    """At a write, and just before one."""
    ends = {event.run.timestamp for some in entries if isinstance(some, tuple) for event in some}
    time = data.draw(st.sampled_from(sorted({end - before for end in ends for before in (0, 1)})))
    then, everything = whole(entries, until=time), whole(entries)
    note(f"differs from now: {then.edges != everything.edges}")
    fill(store, then)
    expected = answers(store, then, None)
    fill(store, everything)
    assert answers(store, everything, shown(time)) == expected


@pytest.mark.parametrize("store", ["embedded"], indirect=True)
@_WORLDS
@given(worlds() | histories())
def test_as_of_now_is_now(store: GraphStore, entries: list[Entry]) -> None:
    graph = whole(entries)
    fill(store, graph)
    assert answers(store, graph, shown(LATEST)) == answers(store, graph, None)


@pytest.mark.parametrize("store", ["embedded"], indirect=True)
@_WORLDS
@given(worlds() | histories())
def test_as_of_ever_all_is_told_and_two_reports_of_a_write_tell_nothing_twice(
    store: GraphStore, entries: list[Entry]
) -> None:
    graph = whole(entries)
    fill(store, graph)
    plan_of = {edge.source: edge.target for edge in graph.edges.values() if edge.label == "executes"}
    twins = {(plan_of[e.source], plan_of[e.target]) for e in graph.edges.values() if e.label == "sameWriteAs"}
    ever = (e for e in graph.edges.values() if e.label == "everDerivesFrom" and not e.properties.get("carried"))
    facts = [e for e in ever if "#" in e.target and not is_shared(e.source) and not is_shared(e.target)]
    for column in sorted(v.id for v in graph.vertices.values() if v.label == "column"):
        answer = run("both", store.g, {"node": column, "asOf": "ever"}, now_ms=lambda: LATEST)
        assert isinstance(answer, Answer)
        told: dict[tuple[str, ...], set[str]] = {}
        for edge in answer.edges:
            told.setdefault((edge.target, edge.source, edge.subtype or ""), set()).add(edge.plan or "")
        for plans in told.values():
            assert not [pair for pair in twins if pair[0] != pair[1] and plans.issuperset(pair)]
        for e in facts:
            if e.properties["type"] == "DIRECT" and column in (e.source, e.target):
                plans = told[e.source, e.target, str(e.properties["subtype"])]
                plan = str(e.properties["plan"])
                assert plan in plans or any((plan, one) in twins or (one, plan) in twins for one in plans)
