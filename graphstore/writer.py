"""Deltas as batches of checked elements: what every store writes, in which order.

Not here: how a store writes a batch (`embedded.writes`, `remote.requests`, `neptune.requests`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from headwater.graphmodel.delta import GraphDelta, Value
from headwater.graphmodel.vocabulary import EDGES, VERTICES
from headwater.graphstore.errors import InvalidRequest

EDGE_KEY = "key"  #: the property that holds an edge's own identity
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


@dataclass
class Batch:
    """Removals, then upserts: as many consecutive deltas as keep that order."""

    removed_edges: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    removed_vertices: list[str] = field(default_factory=list)
    vertices: dict[VertexKey, Properties] = field(default_factory=dict)
    edges: dict[EdgeKey, Properties] = field(default_factory=dict)


def batches(deltas: Sequence[GraphDelta]) -> Iterator[Batch]:
    """The deltas, joined as far as the order of their changes does not matter.

    Raises InvalidRequest, naming the element and the property, for a value that a store cannot hold.
    """
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
