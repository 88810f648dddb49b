"""Deltas are joined where their order allows."""

from __future__ import annotations

from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphmodel.vocabulary import EDGES, VERTICES
from headwater.graphstore.writer import batches

ADDED = GraphDelta((vertex("a", "job", name="a"), vertex("b", "job")), (edge("follows", "a", "b"),))


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
