"""Parts of requests that many questions use: elements as rows, and edges without the carried ones.

A row is one element, with one cell for each thing that is asked of it; all rows come in one request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversal, __

from headwater.queries.answers.page import Row

#: By the name of a cell: a property's key, `T.id`, `T.label`, or a traversal from the element.
Cells = Mapping[str, Any]


def rows(found: GraphTraversal, cells: Cells) -> list[Row]:
    """One row an element, in the order of the traversal; None for what an element does not have."""
    return list(filled(project(found, cells).to_list(), cells))


def project(found: GraphTraversal, cells: Cells) -> GraphTraversal:
    """The traversal that gives one map an element, without the cells that an element does not have."""
    projected = found.project(*cells)
    for cell in cells.values():
        projected = projected.by(cell)
    return projected


def filled(found: Iterable[Mapping[str, Any]], names: Iterable[str]) -> Iterator[Row]:
    """Rows with exactly these names: None for a name that the store left out because the element has no such value."""
    names = list(names)
    return ({name: row.get(name) for name in names} for row in found)


def without_carried(edges: GraphTraversal) -> GraphTraversal:
    """The edges without the carried ones: those of rows that a MERGE, UPDATE, DELETE or self-read kept."""
    return edges.not_(__.has("carried", True))  # noqa: FBT003 - Gremlin's has(key, value)
