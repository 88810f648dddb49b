"""A lineage answer laid out as a picture: a box a dataset, a row a column, lines the way the data flows. Pure.

Layers and crossings are grandalf's (Sugiyama's method: https://github.com/bdcht/grandalf): pure Python, with boxes of
any size. Lengths are in pixels. What has no room is counted, never dropped silently.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.queries.answers.answer import Answer, Edge, Node
from headwater.queries.tracing.graph_algorithms import topological_order

BOXES = 60  #: datasets in a picture, the nearest first
ROWS = 30  #: columns in a box, the nearest first

ROW = 20
HEAD = 42  #: the dataset, and below it who writes it
WIDTH = 380  #: a column and its expression
_ACROSS, _DOWN = 110, 24  #: between layers, and between boxes of one
_MARGIN = 12
_PASSES = 4  #: over the layers, to undo crossings


@dataclass(frozen=True)
class Box:
    """A dataset and those of its columns that are shown; `folded` is how many are not."""

    dataset: str
    columns: tuple[Node, ...]
    folded: int
    x: float = 0.0
    y: float = 0.0

    @property
    def height(self) -> float:
        """Of the head and all rows."""
        return HEAD + ROW * (len(self.columns) + bool(self.folded))


@dataclass(frozen=True)
class Line:
    """An edge of the answer, from the right side of its source to the left side of its target."""

    edge: Edge
    start: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True)
class Picture:
    """Boxes and lines with their places; `folded` is how many datasets are not shown."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    folded: int
    width: float
    height: float


def picture(answer: Answer) -> Picture:
    """The layout of an answer: what flows, flows from left to right, but for cycles."""
    boxes, folded = _boxes(answer.nodes)
    placed = _placed(boxes, answer.edges)
    width = max((box.x + WIDTH for box in placed), default=0) + _MARGIN
    height = max((box.y + box.height for box in placed), default=0) + _MARGIN
    return Picture(placed, tuple(_lines(placed, answer.edges)), folded, width, height)


def _boxes(nodes: Sequence[Node]) -> tuple[list[Box], int]:
    by_dataset: dict[str, list[Node]] = {}
    for node in nodes:
        members = by_dataset.setdefault(node.dataset, [])
        if node.label == "column":
            members.append(node)
    shown = list(by_dataset.items())[:BOXES]
    boxes = [Box(uri, tuple(members[:ROWS]), max(0, len(members) - ROWS)) for uri, members in shown]
    return boxes, len(by_dataset) - len(boxes)


def _placed(boxes: Sequence[Box], edges: Iterable[Edge]) -> tuple[Box, ...]:
    """Each connected part below the one before."""
    from grandalf.graphs import Edge as Arc
    from grandalf.graphs import Graph, Vertex

    vertices = {box.dataset: Vertex(box) for box in boxes}
    for vertex in vertices.values():
        vertex.view = _View(vertex.data.height, WIDTH)
    pairs = dict.fromkeys((_dataset(edge.source), _dataset(edge.target)) for edge in edges)
    known = _forward([(a, b) for a, b in pairs if a != b and a in vertices and b in vertices])
    graph = Graph(list(vertices.values()), [Arc(vertices[a], vertices[b]) for a, b in known])
    below = float(_MARGIN)
    places: dict[str, tuple[float, float]] = {}
    order = {uri: number for number, uri in enumerate(vertices)}
    for part in sorted(graph.C, key=lambda part: min(order[v.data.dataset] for v in part.sV)):
        found = _layout(part)
        places.update({uri: (x, y + below) for uri, (x, y) in found.items()})
        below += max(y + vertices[uri].data.height for uri, (_, y) in found.items()) + _DOWN
    return tuple(Box(box.dataset, box.columns, box.folded, *places[box.dataset]) for box in boxes)


def _forward(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same pairs, those that close a circle turned round: grandalf's own way of it may miss one."""
    links: dict[str, list[str]] = {}
    for source, target in pairs:
        links.setdefault(source, []).append(target)
    place = {node: number for number, node in enumerate(topological_order(links))}
    return list(dict.fromkeys((a, b) if place[a] < place[b] else (b, a) for a, b in pairs))


@dataclass
class _View:
    """What grandalf asks of a vertex's picture. It lays layers downwards, so width is our height and the reverse."""

    w: float
    h: float
    xy: tuple[float, float] = (0.0, 0.0)


def _layout(part: Any) -> dict[str, tuple[float, float]]:
    """The upper left corners of one connected part, the first at (margin, 0)."""
    from grandalf.layouts import SugiyamaLayout

    layout = SugiyamaLayout(part)
    layout.xspace, layout.yspace = _DOWN, _ACROSS
    vertices = list(part.sV)
    layout.init_all(roots=[v for v in vertices if not v.e_in()])
    layout.draw(_PASSES)
    corners = {v.data.dataset: (v.view.xy[1] - v.view.h / 2, v.view.xy[0] - v.view.w / 2) for v in vertices}
    left, top = (min(corner[axis] for corner in corners.values()) for axis in (0, 1))
    return {uri: (round(x - left + _MARGIN, 1), round(y - top, 1)) for uri, (x, y) in corners.items()}


def _lines(boxes: Sequence[Box], edges: Iterable[Edge]) -> Iterator[Line]:
    ends = dict(_ends(boxes))
    for edge in edges:
        if edge.source in ends and edge.target in ends:
            (x, y), (to_x, to_y) = ends[edge.source], ends[edge.target]
            yield Line(edge, (x + WIDTH, y), (to_x, to_y))


def _ends(boxes: Sequence[Box]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Where lines meet each node: the left end of the middle of its row, or of its box's head."""
    for box in boxes:
        yield box.dataset, (box.x, box.y + HEAD / 2)
        for number, node in enumerate(box.columns):
            yield node.id, (box.x, box.y + HEAD + ROW * (number + 0.5))


def _dataset(node: str) -> str:
    return node.partition("#")[0]
