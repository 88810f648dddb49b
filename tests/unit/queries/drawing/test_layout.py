"""Places of boxes: the golden ones, no overlaps, the same twice, few crossings, whatever the graph."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.queries.drawing.layout import Card, Layout, Link
from tests.browser.shapes import DOWN, GOLDEN, KINDS, LAYOUTS, Shape, crossings, golden, shape


def overlaps(some: Shape, laid: Layout) -> list[tuple[str, str]]:
    """Neighbours of a layer that are nearer than they may be."""
    layers: dict[float, list[tuple[float, str]]] = {}
    heights = {card.id: card.height for card in some.cards}
    for card, (x, y) in laid.places.items():
        layers.setdefault(x, []).append((y, card))
    return [
        (one, other)
        for row in layers.values()
        for (y, one), (below, other) in itertools.pairwise(sorted(row))
        if y + heights[one] + DOWN > below + 0.2  # places are rounded to a tenth
    ]


@pytest.mark.parametrize(("kind", "count"), GOLDEN)
def test_the_places_are_the_golden_ones(kind: str, count: int) -> None:
    """The browser's layout is held to the same files."""
    assert json.loads((LAYOUTS / f"{kind}-{count}.json").read_text()) == golden(kind, count)


@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_cards_do_not_overlap(kind: str) -> None:
    some = shape(kind, 1_000, lines=1)
    laid = some.laid_out()
    assert laid.places.keys() == {card.id for card in some.cards}
    assert overlaps(some, laid) == []
    assert laid == some.laid_out()


#: Crossings of the lines of 300 cards, measured, and 3 % more: who changes the layout must not make it worse.
BUDGETS = {"tree": 9_300, "diamond": 245_800, "hub": 265_600, "circles": 41_000}


@pytest.mark.parametrize(("kind", "budget"), BUDGETS.items())
def test_few_lines_cross(kind: str, budget: int) -> None:
    some = shape(kind, 300)
    assert crossings(some, some.laid_out().places) <= budget


cards = st.integers(0, 9)
rows = st.integers(0, 4)


@given(
    st.lists(st.integers(30, 300), max_size=10),
    st.lists(st.tuples(cards, cards, rows, rows), max_size=40),
)
def test_any_graph_is_laid_out_without_overlaps(heights: list[int], pairs: list[tuple[int, int, int, int]]) -> None:
    """Circles, self-reads, lonely cards and lines to cards that are not there included."""
    links = tuple(Link(str(a), str(b), float(y), float(to_y)) for a, b, y, to_y in pairs)
    some = Shape(tuple(Card(str(number), height) for number, height in enumerate(heights)), links)
    laid = some.laid_out()
    assert overlaps(some, laid) == []
    assert min((x for x, _ in laid.places.values()), default=0) == 0
    assert min((y for _, y in laid.places.values()), default=0) == 0
    assert laid == some.laid_out()


@given(st.lists(st.tuples(cards, cards), max_size=20))
def test_data_flows_to_the_right_where_there_is_no_circle(pairs: list[tuple[int, int]]) -> None:
    forward = [(str(min(pair)), str(max(pair))) for pair in pairs if pair[0] != pair[1]]
    links = tuple(Link(source, target, 10, 10) for source, target in forward)
    places = Shape(tuple(Card(str(number), 60) for number in range(10)), links).laid_out().places
    assert all(places[source][0] < places[target][0] for source, target in forward)
