"""The lines of files for Neptune's bulk loader: to which table an element belongs, the table's header, its line. Pure.

One table for each label and set of properties, so that no cell is ever empty: the loader either skips an empty cell or
takes it for `""`, by a switch of the whole load, and the graph has both. That switch, `allowEmptyStrings`, is to be on.
Format: https://docs.aws.amazon.com/neptune/latest/userguide/bulk-load-tutorial-format-gremlin.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from headwater.graphmodel.delta import Edge, Part, Value, Vertex, digest, edge_id
from headwater.graphmodel.vocabulary import EDGE_LABELS, VERTEX_LABELS, Property

Kind = Literal["vertices", "edges"]

KEY = "key"  #: the property that holds an edge's own identity, as in every store
_TYPES = {"string": "String", "long": "Long", "double": "Double", "boolean": "Bool"}
_ENDS = "~id,~label,~from,~to"


class Table(NamedTuple):
    """The elements of one label with one set of properties, by name in order."""

    kind: Kind
    label: str
    properties: tuple[str, ...]

    @property
    def name(self) -> str:
        """For a file name: the same on every machine."""
        return f"{self.kind}-{self.label}-{digest(*self.properties)[:8]}"

    @property
    def header(self) -> str:
        """The first line. A vertex property is `(single)`, since Neptune's default is a set; an edge's always is."""
        if self.kind == "vertices":
            known: Mapping[str, Property] = VERTEX_LABELS[self.label].properties
            columns = [f"{name}:{_TYPES[known[name].type]}(single)" for name in self.properties]
            return ",".join(("~id", "~label", *columns)) + "\n"
        known = EDGE_LABELS[self.label].properties
        columns = [f"{name}:{'String' if name == KEY else _TYPES[known[name].type]}" for name in self.properties]
        return ",".join((_ENDS, *columns)) + "\n"


class Line(NamedTuple):
    """One element as a line of its table."""

    table: Table
    id: str
    text: str


def lines(part: Part) -> Iterator[Line]:
    """The vertices and edges of a part."""
    yield from map(vertex_line, part.vertices)
    yield from map(edge_line, part.edges)


def vertex_line(vertex: Vertex) -> Line:
    """A vertex. KeyError: its label or a property is not in the vocabulary."""
    return _line("vertices", vertex.label, vertex.id, (), vertex.properties)


def edge_line(edge: Edge) -> Line:
    """An edge, with its `key` among the properties. KeyError: as above."""
    id_ = edge_id(edge.label, edge.source, edge.target, edge.key)
    return _line("edges", edge.label, id_, (edge.source, edge.target), {**edge.properties, KEY: edge.key})


def _line(kind: Kind, label: str, id_: str, ends: tuple[str, ...], properties: Mapping[str, Value]) -> Line:
    names = tuple(sorted(properties))
    cells = (id_, label, *ends, *(properties[name] for name in names))
    return Line(Table(kind, label, names), id_, ",".join(map(_cell, cells)) + "\n")


def _cell(value: Value) -> str:
    """A text is always quoted; the loader takes every truth value but `true` in lower case for false."""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return str(value).lower()
