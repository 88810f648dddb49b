"""Deltas as requests of a bounded size: what goes together, in which order, and how it is taken apart."""

from __future__ import annotations

import pytest
from gremlin_python.process.graph_traversal import GraphTraversalSource
from gremlin_python.process.traversal import Cardinality, T, TraversalStrategies
from gremlin_python.statics import long
from gremlin_python.structure.graph import Graph

from headwater.graphmodel.delta import GraphDelta, Vertex, edge, edge_id, vertex
from headwater.graphstore.errors import InvalidRequest
from headwater.graphstore.remote.requests import Budget, Request, requests

ROOMY = Budget(records=1_000, bytes=100_000)
g = GraphTraversalSource(Graph(), TraversalStrategies())


def of(*vertices: Vertex, budget: Budget = ROOMY) -> list[Request]:
    return list(requests([GraphDelta(vertices)], budget))


def steps(request: Request) -> list[str]:
    return [step[0] for step in request.traversal(g).bytecode.step_instructions]


def ids(request: Request) -> list[str]:
    return [row["~k"][T.id] for row in request.rows]


def test_vertices_with_the_same_properties_share_a_request_whatever_their_label() -> None:
    made = of(vertex("a", "job", name="x"), vertex("b", "plan"), vertex("c", "dataset", name="y"))
    assert [ids(request) for request in made] == [["a", "c"], ["b"]]


def test_every_property_of_a_vertex_is_set_with_its_cardinality() -> None:
    [request] = of(vertex("a", "run", timestamp=5, user="x"))
    instructions = request.traversal(g).bytecode.step_instructions
    assert [step[1:3] for step in instructions if step[0] == "property"] == [
        [Cardinality.single, "timestamp"],
        [Cardinality.single, "user"],
    ]
    assert steps(request)[-1] == "none"


def test_edges_share_a_request_facts_first() -> None:
    view, fact = edge("derivesFrom", "a", "b", type="DIRECT"), edge("everDerivesFrom", "a", "b")
    [request] = requests([GraphDelta(edges=(view, fact))], ROOMY)
    assert ids(request) == [edge_id(e.label, e.source, e.target, e.key) for e in (fact, view)]
    assert [row["~p"] for row in request.rows] == [{"key": fact.key}, {"key": view.key, "type": "DIRECT"}]


def test_removals_come_first_then_vertices_then_edges() -> None:
    delta = GraphDelta(
        (vertex("a", "job"),), (edge("hasPlan", "a", "a"),), (("reads", "a", "k"), ("reads", "b", "k")), ("c", "c")
    )
    made = list(requests([delta], ROOMY))
    assert [steps(request)[-2] for request in made] == ["drop", "drop", "mergeV", "option"]
    assert [list(request.rows) for request in made[:2]] == [[("a", "k"), ("b", "k")], ["c"]]


def test_a_removal_after_an_upsert_waits_for_it() -> None:
    made = list(requests([GraphDelta((vertex("a", "job"),)), GraphDelta(removed_vertices=("a",))], ROOMY))
    assert [steps(request)[-2] for request in made] == ["mergeV", "drop"]


@pytest.mark.parametrize(
    ("budget", "sizes"),
    [
        (Budget(records=1_000, bytes=100_000), [10]),
        (Budget(records=20, bytes=100_000), [10]),  # a label and a property each
        (Budget(records=7, bytes=100_000), [3, 3, 3, 1]),
        (Budget(records=1, bytes=100_000), [1] * 10),  # what is larger than the budget goes alone
        (Budget(records=1_000, bytes=250), [2] * 5),
    ],
)
def test_a_request_keeps_within_its_budget(budget: Budget, sizes: list[int]) -> None:
    made = of(*(vertex(str(i), "job", name="n") for i in range(10)), budget=budget)
    assert [len(request.rows) for request in made] == sizes


def test_halves_hold_all_rows_once() -> None:
    [request] = of(*(vertex(str(i), "job") for i in range(5)))
    first, second = request.halves()
    assert ids(first) + ids(second) == ids(request)
    assert first.bytes + second.bytes <= request.bytes


def test_whole_numbers_are_longs_and_truth_values_are_not() -> None:
    [request] = of(vertex("a", "run", timestamp=5, clockAhead=True))
    [row] = request.rows
    assert (type(row["timestamp"]), row["clockAhead"]) == (long, True)


@pytest.mark.parametrize(
    "delta",
    [
        GraphDelta((vertex("a", "x", text="\ud800"),)),
        GraphDelta((vertex("\ud800", "x"),)),
        GraphDelta(edges=(edge("x", "a", "\ud800"),)),
        GraphDelta(removed_vertices=("\ud800",)),
        GraphDelta(removed_edges=(("x", "\ud800", "k"),)),
    ],
)
def test_a_text_that_is_no_unicode_is_refused(delta: GraphDelta) -> None:
    with pytest.raises(InvalidRequest, match="cannot be stored"):
        list(requests([delta], ROOMY))


def test_the_id_of_an_edge_is_for_good() -> None:
    """Stored in graphs and in loader files: a change would double every edge there is."""
    assert edge_id("derivesFrom", "a#x", "b#y", "k") == "3554a5942ab335112bed692f89ec543c"
