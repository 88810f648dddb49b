"""How data gets from one node to another, on every store."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore import GraphStore
from headwater.queries.answers.errors import NodeNotFound
from headwater.queries.answers.paths import Paths
from headwater.queries.answers.shapes import result_of
from headwater.queries.catalogue.catalogue import run
from tests.contract.queries_world import MART, RAW, REPORT, ask, derives, pipeline
from tests.contract.test_queries_laws import _DEPENDING, _DERIVED, _WORLDS, COLUMNS, Depending, Derived, build


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    store.apply(pipeline())
    return store


def paths(store: GraphStore, start: str, end: str, **given: object) -> Paths:
    found = run("paths", store.g, {"from": start, "to": end, **given})
    assert isinstance(found, Paths)
    return found


TOTAL, REVENUE, PRICE, STATUS = f"{REPORT}#total", f"{MART}#revenue", f"{RAW}#price", f"{RAW}#status"


@pytest.mark.parametrize(
    ("start", "end", "given", "direction", "expected"),
    [
        pytest.param(PRICE, TOTAL, {}, "downstream", [(PRICE, REVENUE, TOTAL)], id="as the data flows"),
        pytest.param(TOTAL, PRICE, {}, "upstream", [(PRICE, REVENUE, TOTAL)], id="the other way round"),
        pytest.param(RAW, REPORT, {}, "downstream", [(RAW, MART, REPORT)], id="datasets"),
        pytest.param(RAW, REVENUE, {}, "downstream", [(PRICE, REVENUE)], id="from a dataset to a column"),
        pytest.param(
            RAW,
            REVENUE,
            {"ways": "all"},
            "downstream",
            [(PRICE, REVENUE), (f"{RAW}#quantity", REVENUE)],
            id="all of them",
        ),
        pytest.param(STATUS, REVENUE, {}, None, [], id="no path"),
        pytest.param(STATUS, REVENUE, {"type": "all"}, "downstream", [(STATUS, MART, REVENUE)], id="through a filter"),
        pytest.param(PRICE, f"{RAW}#quantity", {"type": "all"}, None, [], id="two sources of one column"),
        pytest.param(PRICE, PRICE, {}, "downstream", [(PRICE,)], id="itself"),
        pytest.param(STATUS, REVENUE, {"asOf": "ever"}, "downstream", [(STATUS, REVENUE)], id="once"),
    ],
)
def test_paths(
    graph: GraphStore,
    start: str,
    end: str,
    given: dict[str, object],
    direction: str | None,
    expected: list[tuple[str, ...]],
) -> None:
    found = paths(graph, start, end, **given)
    assert (found.direction, list(found.paths), found.complete) == (direction, expected, True)
    ends = {(edge.source, edge.target) for edge in found.edges}
    hops = {hop for way in found.paths for hop in pairwise(way)}
    assert {hop for hop in hops if hop[0] != MART or "#" not in hop[1]} <= ends  # a dataset's own column is no edge
    assert result_of(found.to_dict()) == found


def test_no_path_and_no_such_node_are_two_answers(graph: GraphStore) -> None:
    assert paths(graph, STATUS, REVENUE).paths == ()
    with pytest.raises(NodeNotFound) as refused:
        paths(graph, PRICE, f"{REPORT}#totl")
    assert (refused.value.field, refused.value.suggestions[0]) == ("to", TOTAL)


def test_a_diamond_of_twenty_layers_is_listed_up_to_the_limit(store: GraphStore) -> None:
    layers = [[f"{RAW}{number}#a", f"{RAW}{number}#b"] for number in range(21)]
    vertices = tuple(vertex(node, "column", name=node[-1]) for layer in layers for node in layer)
    edges = tuple(derives(new, old) for older, newer in pairwise(layers) for new in newer for old in older)
    store.apply(GraphDelta(vertices, edges))
    found = paths(store, layers[0][0], layers[20][1], ways="all", limit=50)
    assert (len(found.nodes), len(found.edges), len(found.paths)) == (40, 76, 50)
    assert (found.complete, found.reason) == (False, "limit")
    one = paths(store, layers[0][0], layers[20][1])
    assert (len(one.nodes), len(one.edges), one.complete) == (21, 20, True)


def test_a_deadline_says_that_none_was_found_so_far(store: GraphStore) -> None:
    nodes = [f"s3://lake/t{number:02}#c" for number in range(30)]
    vertices = tuple(vertex(node, "column", name="c") for node in nodes)
    store.apply(GraphDelta(vertices, tuple(derives(new, old) for old, new in pairwise(nodes))))
    ticks = iter(range(100))
    found = run("paths", store.g, {"from": nodes[0], "to": nodes[-1]}, deadline=2, clock=lambda: next(ticks))
    assert isinstance(found, Paths)
    assert (found.paths, found.complete, found.reason) == ((), False, "deadline")


@settings(_WORLDS, max_examples=20)
@given(_DERIVED, _DEPENDING, *[st.sampled_from(COLUMNS)] * 2, st.sampled_from(["direct", "all"]))
def test_there_is_a_path_where_one_is_upstream_of_the_other(
    store: GraphStore, derived: Derived, depending: Depending, start: str, end: str, kind: str
) -> None:
    build(store, derived, depending)
    found = paths(store, start, end, type=kind, ways="all")
    up = {side: {node.id for node in ask(store, "upstream", node=side, type=kind).nodes} for side in (start, end)}
    assert bool(found.paths) == (start in up[end] or end in up[start])
    assert all({way[0], way[-1]} == {start, end} for way in found.paths)
    there = {node.id for node in found.nodes}
    assert {node for way in found.paths for node in way} <= there
    assert all({edge.source, edge.target} <= there for edge in found.edges)
