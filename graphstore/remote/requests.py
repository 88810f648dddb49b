"""Deltas as requests of a bounded size, for stores behind a socket, in the dialect that Neptune accepts too. Pure.

Vertices of a request have the same properties, ``{"~k": what identifies it, property: value, ...}``, each set by a step
of its own with Cardinality.single: the default of a store may be another (Neptune's is set). Edges have no cardinality
and come as ``{"~k": ..., "~p": properties}``; their id is given (`graphmodel.delta.edge_id`), and their own key stays
among the properties. Every request can be sent again: what it has written already, it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import Cardinality, Direction, Merge, P, T
from gremlin_python.statics import long

from headwater.graphmodel.delta import GraphDelta, Value, edge_id
from headwater.graphstore.errors import InvalidRequest
from headwater.graphstore.remote.graphbinary import Rows
from headwater.graphstore.writer import EDGE_KEY, FACTS, EdgeKey, Properties, VertexKey, batches

_KEY, _PROPERTIES = "~k", "~p"  #: of a row; no property can be named so
_VALUE_BYTES = 16  #: about what a value costs in a request beside its text, its name included

Row = dict[Any, Any]
Start: TypeAlias = GraphTraversalSource | GraphTraversal  #: the graph; or a traverser, none if nothing is to be written
Build = Callable[[Start, Sequence[Any]], GraphTraversal]


@dataclass(frozen=True)
class Budget:
    """How much one request may hold: `records` are labels and properties, `bytes` an estimate of what is sent."""

    records: int
    bytes: int


@dataclass(frozen=True)
class Request:
    """Rows, and the traversal that writes any part of them."""

    rows: Sequence[Any]
    build: Build
    bytes: int  #: about what is sent

    def traversal(self, g: Start) -> GraphTraversal:
        """What is to be sent, without results."""
        return self.build(g, self.rows).none()

    def halves(self) -> tuple[Request, Request]:
        """The same in two requests; there are at least two rows."""
        middle = len(self.rows) // 2
        half = self.bytes // 2
        return Request(self.rows[:middle], self.build, half), Request(self.rows[middle:], self.build, half)


def requests(deltas: Sequence[GraphDelta], budget: Budget) -> Iterator[Request]:
    """The requests that write the deltas, to be sent in their order.

    Raises InvalidRequest, naming the element and the property, for a value that a store cannot hold.
    """
    for batch in batches(deltas):
        for label, removed in batch.removed_edges.items():
            yield from _parts(sorted(set(removed)), _removal(label), budget, "".join)
        removed_vertices = list(dict.fromkeys(batch.removed_vertices))
        yield from _parts(removed_vertices, _remove_vertices, budget, str)
        for names, vertices in _grouped(batch.vertices).items():
            rows = [_vertex_row(key, batch.vertices[key]) for key in vertices]
            yield from _parts(rows, _merge_vertices(names), budget, _texts)
        edges = sorted(batch.edges, key=lambda key: key[0] not in FACTS)  # facts before views
        yield from _parts([_edge_row(key, batch.edges[key]) for key in edges], _merge_edges, budget, _texts)


def _removal(label: str) -> Build:
    """Edges of one label as (source, key): an index on edges, where a store has none, is that of their source."""

    def build(g: Start, rows: Sequence[tuple[str, str]]) -> GraphTraversal:
        sources = list(dict.fromkeys(source for source, _ in rows))
        return g.V(sources).out_e(label).has(EDGE_KEY, P.within([key for _, key in rows])).drop()

    return build


def _remove_vertices(g: Start, rows: Sequence[str]) -> GraphTraversal:
    return g.V(list(rows)).drop()


def _merge_vertices(names: Sequence[str]) -> Build:
    def build(g: Start, rows: Sequence[Row]) -> GraphTraversal:
        merged = _injected(g, rows).merge_v(__.select(_KEY))
        for name in names:
            merged = merged.property(Cardinality.single, name, __.select("row").select(name))
        return merged

    return build


def _merge_edges(g: Start, rows: Sequence[Row]) -> GraphTraversal:
    """On a match the current object is the edge that was found: the row is reached by its name."""
    merged = _injected(g, rows).merge_e(__.select(_KEY))
    return merged.option(Merge.on_create, __.select(_PROPERTIES)).option(
        Merge.on_match, __.select("row").select(_PROPERTIES)
    )


def _injected(g: Start, rows: Sequence[Row]) -> GraphTraversal:
    if isinstance(g, GraphTraversal):  # inject() would add the rows, whether there is a traverser or not
        return g.constant(Rows(rows)).unfold().as_("row")
    return g.inject(Rows(rows)).unfold().as_("row")


def _grouped(elements: Mapping[Any, Properties]) -> dict[tuple[str, ...], list[Any]]:
    """The keys of those with the same properties together, in the order in which each group begins."""
    groups: dict[tuple[str, ...], list[Any]] = {}
    for key, properties in elements.items():
        groups.setdefault(tuple(sorted(properties)), []).append(key)
    return groups


def _vertex_row(key: VertexKey, properties: Properties) -> Row:
    return {_KEY: {T.id: key[0], T.label: key[1]}, **_values(properties)}


def _edge_row(key: EdgeKey, properties: Properties) -> Row:
    label, source, target, own = key
    identity = {
        T.id: edge_id(label, source, target, own),
        T.label: label,
        Direction.OUT: source,
        Direction.IN: target,
    }
    return {_KEY: identity, _PROPERTIES: {EDGE_KEY: own, **_values(properties)}}


def _values(properties: Properties) -> dict[str, Value]:
    """Whole numbers are 64 bits wide, all of them: a property has one type, whatever the number is."""
    return {name: long(value) if type(value) is int else value for name, value in properties.items()}


def _texts(row: Row) -> str:
    parts = (row, row[_KEY], row.get(_PROPERTIES, {}))
    return "".join(value for part in parts for value in part.values() if isinstance(value, str))


def _parts(rows: Sequence[Any], build: Build, budget: Budget, texts: Callable[[Any], str]) -> Iterator[Request]:
    """The rows in requests within the budget, each with one row at least."""
    part: list[Any] = []
    records = size = 0
    for row in rows:
        more_records, more_bytes = _cost(row, texts)
        if part and (records + more_records > budget.records or size + more_bytes > budget.bytes):
            yield Request(part, build, size)
            part, records, size = [], 0, 0
        part.append(row)
        records, size = records + more_records, size + more_bytes
    if part:
        yield Request(part, build, size)


def _cost(row: Any, texts: Callable[[Any], str]) -> tuple[int, int]:
    records = 1
    if isinstance(row, dict):
        records = 1 + len(row[_PROPERTIES]) if _PROPERTIES in row else len(row)
    try:
        return records, _VALUE_BYTES * (records + 4) + len(texts(row).encode())
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"a text cannot be stored: {error.reason}") from error
