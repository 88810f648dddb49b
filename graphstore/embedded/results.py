"""What the embedded engine returns, as gremlinpython returns it from a Gremlin Server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import graphersal
from gremlin_python.process.traversal import Direction, T
from gremlin_python.structure.graph import Edge, Path, Property, Vertex, VertexProperty

from headwater.graphstore.embedded.bytecode import Script
from headwater.graphstore.embedded.maps import read_entries
from headwater.graphstore.embedded.sets import with_sets

_TOKENS: dict[str, Any] = {"id": T.id, "label": T.label, "IN": Direction.IN, "OUT": Direction.OUT}
_SCALARS = frozenset({str, int, float, bool, type(None)})


def results_of(script: Script, answer: Any) -> list[Any]:
    """The engine's answer to the script as a list of gremlinpython's values.

    Elements are `Vertex` and `Edge` with their properties, element maps have `T.id`, `T.label`, `Direction.IN` and
    `Direction.OUT` as keys. Paths have no labels.
    """
    if answer is None:
        return []
    read = _reader(script.tokens)
    values = [item if type(item) in _SCALARS else read(item) for item in answer]
    orders = {frozenset(order): order for order in script.orders if len(order) > 1} if script.bounded else {}
    if orders:
        values = [_ordered(value, orders) for value in values]
    if script.bounded:
        values = [with_sets(script.shape, read_entries(value)) for value in values]
    return [_path(value) for value in values] if script.path else values


def _reader(tokens: bool) -> Callable[[Any], Any]:  # noqa: FBT001 - says how to read, chosen once a script
    names = _TOKENS if tokens else {}

    def read(value: Any) -> Any:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is dict and not tokens:  # the engine's own fresh dict: only what is no scalar changes
            for key, item in value.items():
                if type(item) not in _SCALARS:
                    value[key] = read(item)
            return value
        if kind is dict:  # as TinkerPop has it: first id, label and the ends, then the properties
            keys = (*(key for key in names if key in value), *(key for key in value if key not in names))
            cells = ((names.get(key, key), value[key]) for key in keys)
            return {name: item if type(item) in _SCALARS else read(item) for name, item in cells}
        if kind is list:
            return [item if type(item) in _SCALARS else read(item) for item in value]
        convert = _ELEMENTS.get(kind)
        return convert(value) if convert else value

    return read


def _ordered(value: Any, orders: Mapping[frozenset[str], tuple[str, ...]]) -> Any:
    """Maps with their keys as project() and select() name them: the engine sorts keys, TinkerPop does not."""
    if isinstance(value, list):
        return [_ordered(item, orders) for item in value]
    if not isinstance(value, dict):
        return value
    order = orders.get(frozenset(value))
    if order is None:
        keys = set(value)
        order = next(
            (tuple(key for key in names if key in keys) for known, names in orders.items() if keys < known), ()
        )
    return {key: _ordered(value[key], orders) for key in order or value}


def _path(value: Any) -> Any:
    return Path([set() for _ in value], value) if isinstance(value, list) else value


def _vertex(value: graphersal.Vertex) -> Vertex:
    vertex = Vertex(value.id, value.label)
    vertex.properties = [
        VertexProperty(f"{value.id}/{key}", key, item, vertex) for key, item in value.properties.items()
    ]
    return vertex


def _edge(value: graphersal.Edge) -> Edge:
    source, target = (Vertex(end.id, end.label) for end in (value.out_v, value.in_v))
    edge = Edge(value.id, source, value.label, target)
    edge.properties = [Property(key, item, edge) for key, item in value.properties.items()]
    return edge


_ELEMENTS: dict[type, Callable[[Any], Any]] = {graphersal.Vertex: _vertex, graphersal.Edge: _edge}
