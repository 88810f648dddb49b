"""<hw-graph> on a page of its own, and what a test reads of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.browser.answers import Answer
from tests.browser.chromium import Files

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

_PAGE = """<!doctype html><html lang="en">
<head><title>a graph</title><link rel="stylesheet" href="/graph-page.css"></head>
<body><main><h1>Lineage</h1><h2>Graph</h2><hw-graph></hw-graph></main>
<script type="module" src="/graph-page.js"></script></body></html>"""
_STYLE = """:root { color-scheme: light dark } body { margin: 0 }
h1, h2 { position: absolute; clip-path: inset(50%) } hw-graph { height: 100vh }"""
_SCRIPT = """import "./js/graph.js";
const graph = document.querySelector("hw-graph");
window.graph = graph;
window.said = [];
for (const name of ["select", "expand", "open", "only", "outline"]) {
  graph.addEventListener(name, (event) => window.said.push([name, event.detail]));
}
window.ready = true;"""
_SHOW = """([answer, view]) => { graph.answer = answer; graph.view = view; graph.drawNow(); }"""
_DRAWN = "if (graph.isConnected) graph.drawNow();"  #: else with the next frame, whenever that is
_LIT = """() => [...graph.shadowRoot.querySelectorAll('.row.lit')].map((row) => row.dataset.node)"""
_PLACES = """() => Object.fromEntries([...graph.shadowRoot.querySelectorAll('.card')].map((card) => {
  const { x, y } = card.getBoundingClientRect();
  return [card.dataset.card, [x, y]];
}))"""


def opened(page: Page, files: Files) -> Page:
    """The page with an empty graph, without transitions."""
    files.put("/graph-page.css", "text/css", _STYLE)
    files.put("/graph-page.js", "text/javascript", _SCRIPT)
    page.emulate_media(reduced_motion="reduce")
    page.goto(files.put("/graph.html", "text/html", _PAGE))
    page.wait_for_function("window.ready")
    return page


def show(page: Page, answer: Answer, **view: Any) -> None:
    """Draw an answer."""
    page.evaluate(_SHOW, [answer, view])


def look(page: Page, **view: Any) -> None:
    """Change the view."""
    page.evaluate("(view) => { graph.view = view; graph.drawNow(); }", view)


def lit(page: Page) -> set[str]:
    """The columns on screen that are lit."""
    page.evaluate("graph.drawNow()")
    return set(page.evaluate(_LIT))


def places(page: Page) -> dict[str, list[float]]:
    """Where on the screen each drawn card is."""
    page.evaluate("graph.drawNow()")
    found: dict[str, list[float]] = page.evaluate(_PLACES)
    return found


def said(page: Page, name: str) -> list[Any]:
    """The details of the events of one name, in their order."""
    page.evaluate(_DRAWN)
    return [detail for event, detail in page.evaluate("window.said") if event == name]


def row(page: Page, node: str) -> Locator:
    """A column's row."""
    return page.locator(f'.row[data-node="{node}"]')


def card(page: Page, dataset: str) -> Locator:
    """A card."""
    return page.locator(f'.card[data-card="{dataset}"]')


def focused(page: Page) -> str:
    """What has the focus: a card's head as `card`, else its part."""
    page.evaluate(_DRAWN)
    return str(
        page.evaluate("""() => {
          const { dataset } = graph.shadowRoot.activeElement ?? document.body;
          return dataset.part === "head" ? graph.shadowRoot.activeElement.closest(".card").dataset.card : dataset.part;
        }""")
    )
