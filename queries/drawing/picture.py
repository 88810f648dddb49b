"""A lineage answer laid out as a picture: a box a dataset, a row a column, lines the way the data flows. Pure.

Lengths are in pixels. What has no room is counted, never dropped silently. Where the boxes go is layout.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headwater.queries.answers.answer import Answer, Edge, Node
from headwater.queries.drawing.layout import Card, Link, lay_out

BOXES = 60  #: datasets in a picture, the nearest first
ROWS = 30  #: columns in a box, the nearest first

ROW = 20
HEAD = 42  #: the dataset, and below it who writes it
WIDTH = 380  #: a column and its expression
_ACROSS, _DOWN = 110, 24  #: between layers, and between boxes of one
_MARGIN = 12


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
    """An edge of the answer, from the right side of its source to the left side of its target.

    `passes` are the left ends of where it passes the layers between, straight for a box's width.
    """

    edge: Edge
    start: tuple[float, float]
    end: tuple[float, float]
    passes: tuple[tuple[float, float], ...] = ()


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
    rows = _rows(boxes)
    shown = [edge for edge in answer.edges if edge.source in rows and edge.target in rows]
    links = [_link(*rows[edge.source], *rows[edge.target]) for edge in shown]
    laid = lay_out([Card(box.dataset, box.height) for box in boxes], links, WIDTH, _ACROSS, _DOWN)
    corners = {uri: (x + _MARGIN, y + _MARGIN) for uri, (x, y) in laid.places.items()}
    placed = tuple(Box(box.dataset, box.columns, box.folded, *corners[box.dataset]) for box in boxes)
    width = max((box.x + WIDTH for box in placed), default=0) + _MARGIN
    height = max((box.y + box.height for box in placed), default=0) + _MARGIN
    lines = tuple(_line(edge, rows, corners, laid.routes) for edge in shown)
    return Picture(placed, lines, folded, width, height)


def _boxes(nodes: Sequence[Node]) -> tuple[list[Box], int]:
    by_dataset: dict[str, list[Node]] = {}
    for node in nodes:
        members = by_dataset.setdefault(node.dataset, [])
        if node.label == "column":
            members.append(node)
    shown = list(by_dataset.items())[:BOXES]
    boxes = [Box(uri, tuple(members[:ROWS]), max(0, len(members) - ROWS)) for uri, members in shown]
    return boxes, len(by_dataset) - len(boxes)


def _link(source: Box, source_y: float, target: Box, target_y: float) -> Link:
    return Link(source.dataset, target.dataset, source_y, target_y)


def _rows(boxes: Iterable[Box]) -> dict[str, tuple[Box, float]]:
    """The box of each node and where lines meet it there: at the middle of its row, or of its box's head."""
    found: dict[str, tuple[Box, float]] = {}
    for box in boxes:
        found[box.dataset] = (box, HEAD / 2)
        for number, node in enumerate(box.columns):
            found[node.id] = (box, HEAD + ROW * (number + 0.5))
    return found


def _line(
    edge: Edge,
    rows: Mapping[str, tuple[Box, float]],
    corners: Mapping[str, tuple[float, float]],
    routes: Mapping[tuple[str, str], Sequence[tuple[float, float]]],
) -> Line:
    (source, down), (target, to_down) = rows[edge.source], rows[edge.target]
    (x, y), (to_x, to_y) = corners[source.dataset], corners[target.dataset]
    route = routes.get((source.dataset, target.dataset), ())
    passes = tuple((left + _MARGIN, middle + _MARGIN) for left, middle in route)
    return Line(edge, (x + WIDTH, y + down), (to_x, to_y + to_down), passes)
