"""A part of a batch as one traversal: mergeV and mergeE one after the other, as Neptune runs them natively. Pure.

https://docs.aws.amazon.com/neptune/latest/userguide/gremlin-efficient-upserts.html . One traversal is one request and
one transaction; 200 records are 200 steps, where AWS advises at most 1,500. Every property of a vertex names
Cardinality.single, since Neptune's default is a set; an edge has an id that is a function of its content. What is sent
twice changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import Cardinality, Direction, P, T
from gremlin_python.statics import long

from headwater.graphmodel.delta import Value, edge_id
from headwater.graphstore.errors import InvalidRequest
from headwater.graphstore.writer import EDGE_KEY, Batch, EdgeKey, Properties, VertexKey


def traversal(g: GraphTraversalSource | GraphTraversal, part: Batch) -> GraphTraversal:
    """What writes the part: removals, then vertices, then edges."""
    chain = g
    if part.removed_edges or part.removed_vertices:
        chain = _without(g if isinstance(g, GraphTraversal) else g.inject(0), part)
    for key, properties in part.vertices.items():
        chain = _vertex(chain, key, properties)
    for edge, properties in part.edges.items():
        chain = _edge(chain, edge, properties)
    return chain


def check_texts(batches: Iterable[Batch]) -> None:
    """InvalidRequest: a text that is no UTF-8, found before anything is sent."""
    for batch in batches:
        for properties in (*batch.vertices.values(), *batch.edges.values()):
            _check(properties.values())
        for key in (*batch.vertices, *batch.edges):
            _check(key)


def _check(values: Iterable[Value]) -> None:
    for value in values:
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise InvalidRequest(f"a text cannot be stored: {error.reason}") from error


def _without(chain: GraphTraversal, part: Batch) -> GraphTraversal:
    for label, removed in part.removed_edges.items():
        sources = list(dict.fromkeys(source for source, _ in removed))
        keys = list(dict.fromkeys(key for _, key in removed))
        chain = chain.side_effect(__.V(sources).out_e(label).has(EDGE_KEY, P.within(keys)).drop())
    if part.removed_vertices:
        chain = chain.side_effect(__.V(list(dict.fromkeys(part.removed_vertices))).drop())
    return chain


def _vertex(chain: GraphTraversal, key: VertexKey, properties: Properties) -> GraphTraversal:
    chain = chain.merge_v({T.id: key[0], T.label: key[1]})
    for name, value in _values(properties):
        chain = chain.property(Cardinality.single, name, value)
    return chain


def _edge(chain: GraphTraversal, key: EdgeKey, properties: Properties) -> GraphTraversal:
    """An edge's property has no cardinality to name."""
    label, source, target, own = key
    ends = {T.id: edge_id(*key), T.label: label, Direction.OUT: source, Direction.IN: target}
    chain = chain.merge_e(ends).property(EDGE_KEY, own)
    for name, value in _values(properties):
        chain = chain.property(name, value)
    return chain


def _values(properties: Mapping[str, Value]) -> Iterable[tuple[str, Value]]:
    """Whole numbers are 64 bits wide, all of them: a property has one type, whatever the number is."""
    return ((name, long(value) if type(value) is int else value) for name, value in properties.items())
