"""The page's layout: the golden places of the one in Python; what was there before stays where it was."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.shapes import GOLDEN, KINDS, LAYOUTS, shape

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

LAID_OUT = """async (graph) => {
  const { layOut } = await import('/js/layout.js');
  const { places, routes } = layOut(graph.cards, graph.links, graph);
  return {
    places: Object.fromEntries([...places].map(([card, { x, y }]) => [card, [x, y]])),
    routes: [...routes].map(([key, points]) => [...key.split('\\n'), points.map(({ x, y }) => [x, y])]),
  };
}"""


@pytest.mark.parametrize(("kind", "count"), GOLDEN)
def test_the_places_are_the_golden_ones(page: Page, kind: str, count: int) -> None:
    golden = json.loads((LAYOUTS / f"{kind}-{count}.json").read_text())
    laid = page.evaluate(LAID_OUT, golden)
    assert laid == {"places": golden["places"], "routes": golden["routes"]}


@pytest.mark.parametrize("kind", KINDS)
def test_300_cards_are_placed_as_in_python(page: Page, kind: str) -> None:
    some = shape(kind, 300, lines=2)
    laid = page.evaluate(LAID_OUT, some.to_dict())
    assert {card: tuple(corner) for card, corner in laid["places"].items()} == some.laid_out().places


EXPANDED = """async ([graph, more, anchor]) => {
  const { layOut } = await import('/js/layout.js');
  const before = layOut(graph.cards, graph.links);
  const cards = [...graph.cards, ...more.cards];
  const after = layOut(cards, [...graph.links, ...more.links], { previous: before, anchor });
  return [before, after].map(({ places }) => Object.fromEntries(places));
}"""


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
@pytest.mark.parametrize("kind", KINDS)
def test_six_new_neighbours_move_no_old_card(page: Page, kind: str, direction: str) -> None:
    """The card that was expanded stays in any case; the median card does not move, and no two change their order."""
    some = shape(kind, 300)
    anchor = "d20"
    ends = [(anchor, f"new{n}") if direction == "downstream" else (f"new{n}", anchor) for n in range(6)]
    more = {
        "cards": [{"id": f"new{n}", "height": 120} for n in range(6)],
        "links": [{"source": s, "target": t, "sourceY": 60, "targetY": 60} for s, t in ends],
    }
    before, after = page.evaluate(EXPANDED, [some.to_dict(), more, anchor])
    heights = {card.id: card.height for card in some.cards} | {f"new{n}": 120 for n in range(6)}
    moved = sorted(abs(after[card]["y"] - before[card]["y"]) for card in before)
    assert after[anchor] == before[anchor]
    assert moved[len(moved) // 2] == 0
    assert all(after[card]["x"] == before[card]["x"] for card in before)
    side = 1 if direction == "downstream" else -1
    assert all(after[f"new{n}"]["layer"] == after[anchor]["layer"] + side for n in range(6))
    assert _order(before, before) == _order(after, before)
    assert _overlaps(after, heights) == []


def test_new_neighbours_stand_one_below_the_other_in_their_order(page: Page) -> None:
    """Beside the card that was expanded, their middle at its row."""
    old = {"cards": [{"id": "a", "height": 100}], "links": []}
    cards = [{"id": f"new{n}", "height": 100} for n in range(5)]
    links = [{"source": "a", "target": card["id"], "sourceY": 50, "targetY": 50} for card in cards]
    _, after = page.evaluate(EXPANDED, [old, {"cards": cards, "links": links}, "a"])
    assert [after[f"new{n}"]["y"] for n in range(5)] == [-256, -128, 0, 128, 256]


def test_a_card_that_grows_pushes_those_below(page: Page) -> None:
    grown = """async (graph) => {
      const { layOut } = await import('/js/layout.js');
      const before = layOut(graph.cards, graph.links);
      const cards = graph.cards.map((card) => (card.id === 'd20' ? { ...card, height: 500 } : card));
      const after = layOut(cards, graph.links, { previous: before, anchor: 'd20' });
      return [before, after].map(({ places }) => Object.fromEntries(places));
    }"""
    some = shape("diamond", 120)
    before, after = page.evaluate(grown, some.to_dict())
    heights = {card.id: card.height for card in some.cards} | {"d20": 500}
    assert after["d20"] == before["d20"]
    assert _order(before, before) == _order(after, before)
    assert _overlaps(after, heights) == []
    higher = [card for card in before if before[card]["y"] < before["d20"]["y"]]
    assert all(after[card] == before[card] for card in higher)


def _order(places: dict[str, Any], of: dict[str, Any]) -> list[list[str]]:
    layers: dict[int, list[str]] = {}
    for card in sorted(of, key=lambda card: (places[card]["y"], card)):
        layers.setdefault(places[card]["layer"], []).append(card)
    return [layers[layer] for layer in sorted(layers)]


def _overlaps(places: dict[str, Any], heights: dict[str, float]) -> list[tuple[str, str]]:
    layers = _order(places, places)
    pairs = [pair for layer in layers for pair in itertools.pairwise(layer)]
    return [(a, b) for a, b in pairs if places[a]["y"] + heights[a] > places[b]["y"]]
