"""Neptune's loader as far as its files go: reads them with the rules that it has, and makes a graph of them."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path

from headwater.graphmodel.delta import Edge, Value, Vertex, edge_id
from headwater.graphmodel.whole import Graph

#: What the loader makes of a cell; it takes anything but `true` for false, so anything else than these two is an error.
TYPES: dict[str, Callable[[str], Value]] = {
    "String": str,
    "Long": int,
    "Double": float,
    "Bool": lambda cell: {"true": True, "false": False}[cell],
}


def rows(folder: Path) -> list[tuple[str, ...]]:
    """All lines of all files, each with its header in front."""
    out = []
    for path in sorted(folder.rglob("*.csv.gz")):
        header, *lines = csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode(), newline=""), strict=True)
        out += [(",".join(header), *line) for line in lines]
    return out


def load(folder: Path) -> Graph:
    """The graph of all files under a folder. AssertionError: the loader would refuse or lose something."""
    graph, ids = Graph(), set()
    for header, *cells in rows(folder):
        columns = header.split(",")
        assert len(columns) == len(cells), f"{header}: {cells}"
        system = {name: cell for name, cell in zip(columns, cells, strict=True) if name.startswith("~")}
        properties = dict(_property(*pair) for pair in zip(columns, cells, strict=True) if pair[0] not in system)
        id_, label = system["~id"], system["~label"]
        assert id_ not in ids, f"{id_} comes twice: a second value of a single property is an error"
        ids.add(id_)
        if "~from" in system:
            key = str(properties.pop("key"))
            graph.edges[label, system["~from"], key] = Edge(label, system["~from"], system["~to"], key, properties)
            assert id_ == edge_id(label, system["~from"], system["~to"], key)
            assert "(single)" not in header, "an edge's property has no cardinality"
        else:
            assert header.count(":") == header.count("(single)"), "Neptune's default is a set"
            graph.vertices[id_] = Vertex(id_, label, properties)
    assert {end for edge in graph.edges.values() for end in (edge.source, edge.target)} <= graph.vertices.keys()
    return graph


def _property(column: str, cell: str) -> tuple[str, Value]:
    name, _, kind = column.removesuffix("(single)").partition(":")
    return name, TYPES[kind](cell)
