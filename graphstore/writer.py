"""Deltas as batches of checked elements, and those as the traversals that write them, all in one transaction.

Rows of keys and properties are injected and merged (mergeV, then mergeE), so that a delta of any size is a few
steps long. A row is ``{"k": what identifies it, "p": its properties}``. Stores behind a socket, which take a bounded
request at a time, are written to by `graphstore.remote.requests`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import Direction, Merge, P, T

from headwater.graphmodel.delta import GraphDelta, Value
from headwater.graphmodel.vocabulary import EDGES, VERTICES
from headwater.graphstore.errors import InvalidRequest

EDGE_KEY = "key"  #: the property that holds an edge's own identity
_PART = 200  #: edges that one traversal removes
_FORBIDDEN = frozenset({"id", "label", "IN", "OUT", EDGE_KEY})
_PYTHON = {"string": str, "long": int, "double": float, "boolean": bool}
#: One type for a property wherever it appears: a number must not be whole here and fractional there.
TYPES: Mapping[str, type] = {
    name: _PYTHON[item.type]
    for properties in (*(label.properties for label in VERTICES), *(label.properties for label in EDGES))
    for name, item in properties.items()
}
_PLAIN = frozenset(_PYTHON.values())
FACTS = frozenset(label.name for label in EDGES if label.kind == "fact")
_LONG = range(-(2**63), 2**63)

_SIMPLE = {  # names that need no further look
    name: type_
    for name, type_ in TYPES.items()
    if type_ in (str, bool) and name not in _FORBIDDEN and name.isidentifier()
}

VertexKey = tuple[str, str]  # id, label
EdgeKey = tuple[str, str, str, str]  # label, source, target, key
Properties = dict[str, Value]


@dataclass(frozen=True)
class Dialect:
    """How a store injects rows, and what it calls the tokens in their keys."""

    id: Any = T.id
    label: Any = T.label
    out: Any = Direction.OUT
    into: Any = Direction.IN
    inject: Callable[[list[dict[Any, Any]]], Any] = list


#: gremlinpython's own objects.
OBJECTS = Dialect()


@dataclass
class Batch:
    """Removals, then upserts: as many consecutive deltas as keep that order."""

    removed_edges: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    removed_vertices: list[str] = field(default_factory=list)
    vertices: dict[VertexKey, Properties] = field(default_factory=dict)
    edges: dict[EdgeKey, Properties] = field(default_factory=dict)


def traversals(
    g: GraphTraversalSource,
    deltas: Sequence[GraphDelta],
    dialect: Dialect = OBJECTS,
    existing: Callable[[list[str]], Iterable[str]] = lambda ids: ids,
) -> Iterator[GraphTraversal]:
    """The traversals that write the deltas, to be run in their order and in one transaction, none run yet.

    `existing` says which of some vertices the store has before that. What it has not is made as a whole, and so are
    its edges: half the cost of looking for it and giving it its properties then. Nobody else may write meanwhile.
    Raises InvalidRequest, naming the element and the property, for a value that a store cannot hold.
    """
    seen: set[str] = set()
    for batch in batches(deltas):
        ids = [id_ for id_, _ in batch.vertices]
        new = {*ids}.difference(seen, existing(ids)) if ids else set()
        seen |= new
        for label, removed in batch.removed_edges.items():
            for part in _parts(removed):
                sources = list(dict.fromkeys(source for source, _ in part))
                keys = [key for _, key in part]
                yield g.V(sources).out_e(label).has(EDGE_KEY, P.within(keys)).drop()
        if batch.removed_vertices:
            yield g.V(batch.removed_vertices).drop()
        made, changed = _vertex_rows(batch, dialect, new)
        if made:
            yield _rows(g, made, dialect).merge_v()
        if changed:
            yield _upsert(_rows(g, changed, dialect).as_("row").merge_v(__.select("k")))
        whole, rows = _edge_rows(batch, dialect, new)
        if whole:  # most of all edges, at less than half of the cost
            yield _rows(g, whole, dialect).merge_e()
        if rows:
            yield _upsert(_rows(g, rows, dialect).as_("row").merge_e(__.select("k")))


def _parts(removed: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """In parts, since within() looks through its whole list; those of one source together."""
    ordered = sorted(set(removed))
    return (ordered[start : start + _PART] for start in range(0, len(ordered), _PART))


def _rows(g: GraphTraversalSource, rows: list[dict[Any, Any]], dialect: Dialect) -> GraphTraversal:
    return g.inject(dialect.inject(rows)).unfold()


def _upsert(merge: GraphTraversal) -> GraphTraversal:
    """On a match the current object is the element that was found: the row is reached by its name."""
    return merge.option(Merge.on_create, __.select("p")).option(Merge.on_match, __.select("row").select("p"))


def _vertex_rows(
    batch: Batch, dialect: Dialect, new: Container[str]
) -> tuple[list[dict[Any, Any]], list[dict[Any, Any]]]:
    """New vertices with all that they have, and rows of those that may be there and are changed."""
    made, changed = [], []
    for (id_, label), properties in batch.vertices.items():
        key = {dialect.id: id_, dialect.label: label}
        if id_ in new:
            made.append({**key, **properties})
        else:
            changed.append({"k": key, "p": properties})
    return made, changed


def _edge_rows(
    batch: Batch, dialect: Dialect, new: Container[str]
) -> tuple[list[dict[Any, Any]], list[dict[Any, Any]]]:
    """Edges that are merged by all that they have, and rows of those that are found by their key and changed.

    A fact's properties are functions of its key, so an edge with the key has them too. A `new` vertex has no edges yet.
    """
    whole, rows = [], []
    for key, properties in batch.edges.items():
        if properties and key[0] not in FACTS and key[1] not in new and key[2] not in new:
            rows.append({"k": _edge_key(key, dialect), "p": properties})
        else:
            whole.append({**_edge_key(key, dialect), **properties})
    return whole, rows


def _edge_key(key: EdgeKey, dialect: Dialect) -> dict[Any, Any]:
    label, source, target, own = key
    return {dialect.label: label, dialect.out: source, dialect.into: target, EDGE_KEY: own}


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
        if kind is _SIMPLE.get(name):  # as most are: a text or a boolean under its own name
            continue
        expected = TYPES.get(name, kind)
        if kind is not expected or kind not in _PLAIN:
            wanted = expected.__name__ if expected in _PLAIN else "str, bool, int or float"
            raise InvalidRequest(f"{owner}: property {name!r} is {kind.__name__}, expected {wanted}")
        if name in _FORBIDDEN or not name.isidentifier():
            raise InvalidRequest(f"{owner}: a property cannot be named {name!r}")
        if (isinstance(value, float) and not isfinite(value)) or (kind is int and value not in _LONG):
            raise InvalidRequest(f"{owner}: property {name!r} is {value}: it does not fit 64 bits")
