"""Deltas as traversals: the one batch writer of every store, in the dialect that Neptune accepts too.

Rows of keys and properties are injected and merged (mergeV, then mergeE), so that a delta of any size is a few
steps long. A store passes its own way of making the injected rows: objects, or what it reads faster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Protocol

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import Direction, Merge, P, T

from graphmodel.delta import GraphDelta, Value
from graphmodel.vocabulary import EDGE_LABELS, VERTEX_LABELS
from graphstore.errors import Refused

EDGE_KEY = "key"  #: the property that holds an edge's own identity
_FORBIDDEN = frozenset({"id", "label", "IN", "OUT", EDGE_KEY})
_PYTHON = {"string": str, "long": int, "double": float, "boolean": bool}
#: One type for a property wherever it appears: a number must not be whole here and fractional there.
TYPES: Mapping[str, type] = {
    name: _PYTHON[item.type]
    for label in (*VERTEX_LABELS.values(), *EDGE_LABELS.values())
    for name, item in label.properties.items()
}
_ALLOWED = frozenset(_PYTHON.values())
_LONG = 2**63

VertexKey = tuple[str, str]  # id, label
EdgeKey = tuple[str, str, str, str]  # label, source, target, key
Properties = dict[str, Value]


class Rows(Protocol):
    """How a store injects rows: each is ``{"k": what identifies it, "p": its properties}``."""

    def vertices(self, rows: Mapping[VertexKey, Properties]) -> Any:
        """Rows whose ``k`` has T.id and T.label."""

    def edges(self, rows: Mapping[EdgeKey, Properties]) -> Any:
        """Rows whose ``k`` has T.label, Direction.OUT, Direction.IN and the property `EDGE_KEY`."""


class ObjectRows:
    """Rows as gremlinpython's own objects: what any Gremlin Server reads."""

    def vertices(self, rows: Mapping[VertexKey, Properties]) -> Any:
        """Rows as a list of dicts."""
        return [{"k": {T.id: id_, T.label: label}, "p": properties} for (id_, label), properties in rows.items()]

    def edges(self, rows: Mapping[EdgeKey, Properties]) -> Any:
        """Rows as a list of dicts."""
        return [
            {"k": {T.label: label, Direction.OUT: source, Direction.IN: target, EDGE_KEY: key}, "p": properties}
            for (label, source, target, key), properties in rows.items()
        ]


@dataclass
class Batch:
    """Removals, then upserts: as many consecutive deltas as keep that order."""

    removed_edges: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    removed_vertices: list[str] = field(default_factory=list)
    vertices: dict[VertexKey, Properties] = field(default_factory=dict)
    edges: dict[EdgeKey, Properties] = field(default_factory=dict)


def traversals(g: GraphTraversalSource, deltas: Sequence[GraphDelta], rows: Rows) -> Iterator[GraphTraversal]:
    """The traversals that write the deltas, to be run in their order and in one transaction, none run yet.

    Raises Refused, naming the element and the property, for a value that a store cannot hold.
    """
    for batch in batches(deltas):
        for label, removed in batch.removed_edges.items():
            sources = list(dict.fromkeys(source for source, _ in removed))
            keys = [key for _, key in removed]
            yield g.V(sources).outE(label).has(EDGE_KEY, P.within(keys)).drop()
        if batch.removed_vertices:
            yield g.V(batch.removed_vertices).drop()
        if batch.vertices:
            yield _upsert(g.inject(rows.vertices(batch.vertices)).unfold().merge_v(__.select("k")))
        if batch.edges:
            yield _upsert(g.inject(rows.edges(batch.edges)).unfold().merge_e(__.select("k")))


def _upsert(merge: GraphTraversal) -> GraphTraversal:
    return merge.option(Merge.on_create, __.select("p")).option(Merge.on_match, __.select("p"))


def batches(deltas: Sequence[GraphDelta]) -> Iterator[Batch]:
    """The deltas, joined as far as the order of their changes does not matter."""
    batch = Batch()
    for delta in deltas:
        if (batch.vertices or batch.edges) and (delta.removed_edges or delta.removed_vertices):
            yield batch
            batch = Batch()
        _add(batch, delta)
    yield batch


def _add(batch: Batch, delta: GraphDelta) -> None:
    for label, source, key in delta.removed_edges:
        batch.removed_edges[label].append((source, key))
    batch.removed_vertices.extend(delta.removed_vertices)
    for vertex in delta.vertices:
        _check(vertex.id, vertex.properties)
        batch.vertices.setdefault((vertex.id, vertex.label), {}).update(vertex.properties)
    for edge in delta.edges:
        _check(edge.label, edge.properties)
        batch.edges.setdefault((edge.label, edge.source, edge.target, edge.key), {}).update(edge.properties)


def _check(owner: str, properties: Mapping[str, Value]) -> None:
    for name, value in properties.items():
        kind = type(value)
        if kind is not TYPES.get(name, kind) or kind not in _ALLOWED:
            expected = TYPES.get(name)
            raise Refused(
                f"{owner}: property {name!r} is {kind.__name__}, expected {expected.__name__ if expected else 'a plain value'}"
            )
        if name in _FORBIDDEN or not name.isidentifier():
            raise Refused(f"{owner}: a property cannot be named {name!r}")
        if (kind is float and not isfinite(value)) or (kind is int and not -_LONG <= value < _LONG):
            raise Refused(f"{owner}: property {name!r} is {value}: it does not fit 64 bits")
