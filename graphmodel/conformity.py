"""Checks vertices and edges against the vocabulary: every label, property, type and end of an edge. Pure.

For tests: a graph that is built from any payloads must have no violation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from headwater.graphmodel.delta import Edge, Value, Vertex
from headwater.graphmodel.vocabulary import EDGE_LABELS, VERTEX_LABELS, Property

_PYTHON = {"string": str, "long": int, "double": float, "boolean": bool}
_LONG = 2**63


def violations(vertices: Iterable[Vertex], edges: Iterable[Edge]) -> list[str]:
    """One sentence for each violation of the vocabulary. `vertices` must have both ends of all `edges`."""
    listed = list(vertices)
    labels = {v.id: v.label for v in listed}
    return [*(s for v in listed for s in _vertex(v)), *(s for e in edges for s in _edge(e, labels))]


def _vertex(v: Vertex) -> Iterator[str]:
    if not v.id:
        yield f"a {v.label} has an empty id"
    if v.label not in VERTEX_LABELS:
        yield f"{v.id}: no vertex label {v.label!r}"
        return
    yield from _properties(v.id, v.properties, VERTEX_LABELS[v.label].properties)


def _edge(e: Edge, labels: Mapping[str, str]) -> Iterator[str]:
    name = f"{e.label} {e.source} -> {e.target}"
    if e.label not in EDGE_LABELS:
        yield f"{name}: no such edge label"
        return
    ends = labels.get(e.source), labels.get(e.target)
    if ends not in EDGE_LABELS[e.label].ends:
        yield f"{name}: its ends are {ends[0] or 'missing'} and {ends[1] or 'missing'}"
    yield from _properties(name, e.properties, EDGE_LABELS[e.label].properties)


def _properties(owner: str, values: Mapping[str, Value], allowed: Mapping[str, Property]) -> Iterator[str]:
    for name, value in values.items():
        if name not in allowed:
            yield f"{owner}: no property {name!r}"
        elif type(value) is not _PYTHON[allowed[name].type]:
            yield f"{owner}: {name} is {type(value).__name__}, not {allowed[name].type}"
        elif isinstance(value, int) and not -_LONG <= value < _LONG:
            yield f"{owner}: {name} does not fit 64 bits"
