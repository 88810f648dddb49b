"""Made-up graphs to lay out: trees, diamonds, hubs, circles. The same on every machine and in every Python.

`python -m tests.browser.shapes` writes the golden files in layouts/ anew, by the layout in Python: look at the
difference before it is committed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.queries.drawing.layout import Card, Layout, Link, lay_out

LAYOUTS = Path(__file__).parent / "layouts"
WIDTH, ACROSS, DOWN = 226, 110, 28
HEAD, ROW = 44, 20
ROWS = 10


@dataclass(frozen=True)
class Shape:
    """Cards and the column lines between them."""

    cards: tuple[Card, ...]
    links: tuple[Link, ...]

    def laid_out(self) -> Layout:
        return lay_out(self.cards, self.links, WIDTH, ACROSS, DOWN)

    def to_dict(self) -> dict[str, Any]:
        """As layout.js takes it."""
        links = [
            {"source": link.source, "target": link.target, "sourceY": link.source_y, "targetY": link.target_y}
            for link in self.links
        ]
        return {"cards": [{"id": card.id, "height": card.height} for card in self.cards], "links": links}


def numbers(seed: int) -> Callable[[int], int]:
    """Made-up numbers below a bound; Python's own generator is not promised to stay the same."""
    state = seed

    def below(bound: int) -> int:
        nonlocal state
        state = (state * 1103515245 + 12345) % 2**31
        return state * bound // 2**31

    return below


Pairs = Iterator[tuple[int, int]]


def _tree(count: int, below: Callable[[int], int]) -> Pairs:
    yield from (((card - 1) * 5 // (11 + below(2)), card) for card in range(1, count))


def _diamond(count: int, below: Callable[[int], int], layer: int = 30) -> Pairs:
    """Layers of 30 (10 where there are few cards), lines between neighbouring ones, one in five skips layers."""
    layer = min(layer, max(count // 10, 3))
    for card in range(layer, count):
        start = (card // layer - 1) * layer
        yield start + below(layer), card
        yield start + below(layer), card
        if start > layer and below(5) == 0:
            yield below(start - layer), card


def _hub(count: int, below: Callable[[int], int]) -> Pairs:
    """Two fifths read one table."""
    for card in range(2, count):
        if below(5) < 2:
            yield 0, card
        for _ in range(1 + below(2)):
            yield below(min(card, 60)), card


def _circles(count: int, below: Callable[[int], int]) -> Pairs:
    """A diamond in which one card in ten feeds an earlier one, and one in ten itself."""
    yield from _diamond(count, below)
    for card in range(0, count, 10):
        yield card, card // 2
        yield card, card


KINDS: dict[str, Callable[[int, Callable[[int], int]], Pairs]] = {
    "tree": _tree,
    "diamond": _diamond,
    "hub": _hub,
    "circles": _circles,
}


def shape(kind: str, count: int, *, lines: int = 6) -> Shape:
    """`count` cards of ten rows; each pair has `lines` to `lines` + 4 lines."""
    below = numbers(7)
    row = [HEAD + ROW * number + ROW / 2 for number in range(ROWS)]
    cards = tuple(Card(f"d{number}", HEAD + ROW * ROWS) for number in range(count))
    links = tuple(
        Link(f"d{source}", f"d{target}", row[below(ROWS)], row[below(ROWS)])
        for source, target in KINDS[kind](count, below)
        for _ in range(lines + below(5))
    )
    return Shape(cards, links)


GOLDEN = [(kind, count) for kind in KINDS for count in (12, 40)]


def golden(kind: str, count: int) -> dict[str, Any]:
    """A shape and its layout, as the golden file has it."""
    some = shape(kind, count)
    laid = some.laid_out()
    routes = [[source, target, [list(point) for point in route]] for (source, target), route in laid.routes.items()]
    places = {card: list(corner) for card, corner in laid.places.items()}
    return {**some.to_dict(), "width": WIDTH, "across": ACROSS, "down": DOWN, "places": places, "routes": routes}


def crossings(some: Shape, places: dict[str, tuple[float, float]]) -> int:
    """Of the lines between neighbouring layers, straight from row to row."""
    lines: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for link in some.links:
        (x, y), (to_x, to_y) = places[link.source], places[link.target]
        if to_x > x:
            lines.setdefault((x, to_x), []).append((y + link.source_y, to_y + link.target_y))
    total = 0
    for ends in lines.values():
        targets: list[float] = []
        for _, end in sorted(ends):
            total += sum(other > end for other in targets)
            targets.append(end)
    return total


if __name__ == "__main__":
    LAYOUTS.mkdir(exist_ok=True)
    for kind, count in GOLDEN:
        written = json.dumps(golden(kind, count), indent=None, separators=(",", ":"))
        (LAYOUTS / f"{kind}-{count}.json").write_text(written + "\n")
