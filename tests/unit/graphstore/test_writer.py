"""Deltas are joined where their order allows, and written by few traversals."""

from __future__ import annotations

import pytest
from gremlin_python.process.graph_traversal import GraphTraversalSource
from gremlin_python.process.traversal import TraversalStrategies
from gremlin_python.structure.graph import Graph

from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphmodel.vocabulary import EDGES, VERTICES
from headwater.graphstore.writer import batches, traversals

g = GraphTraversalSource(Graph(), TraversalStrategies())
ADDED = GraphDelta((vertex("a", "job", name="a"), vertex("b", "job")), (edge("follows", "a", "b"),))
LINKED = GraphDelta(edges=(edge("follows", "a", "b", certain=True),))
REMOVED = GraphDelta(removed_edges=(("follows", "a", ADDED.edges[0].key),), removed_vertices=("b",))


@pytest.mark.parametrize(
    ("deltas", "last_steps"),
    [
        ([], []),
        ([GraphDelta()], []),
        ([ADDED], ["mergeV", "mergeE"]),
        ([ADDED, ADDED], ["mergeV", "mergeE"]),
        ([LINKED], ["mergeE"]),
        ([ADDED, REMOVED], ["mergeV", "mergeE", "drop", "drop"]),
        ([REMOVED, ADDED], ["drop", "drop", "mergeV", "mergeE"]),
        ([REMOVED, ADDED, REMOVED, ADDED], ["drop", "drop", "mergeV", "mergeE"] * 2),
    ],
)
def test_changes_keep_their_order_in_as_few_traversals_as_can_be(
    deltas: list[GraphDelta], last_steps: list[str]
) -> None:
    steps = [[step[0] for step in traversal.bytecode.step_instructions] for traversal in traversals(g, deltas)]
    assert [[name for name in names if name != "option"][-1] for names in steps] == last_steps


def test_what_is_new_is_made_as_a_whole() -> None:
    """Only the first time: what an earlier delta of the same write has made is there."""
    later = GraphDelta((vertex("a", "job", name="b"),), LINKED.edges, removed_edges=(("follows", "b", "x"),))
    made = traversals(g, [ADDED, later], existing=lambda ids: [id_ for id_ in ids if id_ == "b"])
    steps = [[step[0] for step in traversal.bytecode.step_instructions] for traversal in made]
    vertex_rows, edge_rows = (["inject", "unfold", "as", merge, "option", "option"] for merge in ("mergeV", "mergeE"))
    assert steps[:3] == [["inject", "unfold", "mergeV"], vertex_rows, ["inject", "unfold", "mergeE"]]
    assert steps[4:] == [vertex_rows, edge_rows]


def test_the_same_element_is_one_row() -> None:
    [batch] = batches([ADDED, GraphDelta((vertex("a", "job", namespace="glue"),)), ADDED])
    assert batch.vertices == {("a", "job"): {"name": "a", "namespace": "glue"}, ("b", "job"): {}}
    assert len(batch.edges) == 1


def test_a_property_has_one_type_wherever_it_appears() -> None:
    types: dict[str, set[str]] = {}
    for properties in (*(label.properties for label in VERTICES), *(label.properties for label in EDGES)):
        for name, item in properties.items():
            types.setdefault(name, set()).add(item.type)
    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == {}
