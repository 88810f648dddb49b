"""The web page of a real server, in a real Chromium: until something is painted, found, and drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from bench import machine
from bench.figure import Figure
from tests.browser.chromium import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_TIMES = 7
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
#: Notes when the first card has been painted: asked from outside, the answer would come later on a busy machine.
_FIRST_CARD = """
const look = () => {
  if (document.querySelector("hw-graph")?.shadowRoot.querySelector(".card")) {
    requestAnimationFrame(() => setTimeout(() => { window.firstCard = performance.now(); }));
  } else requestAnimationFrame(look);
};
look();
"""
#: From the input of a text until what was found is painted, in ms.
_FOUND = """async (text) => {
  const field = document.getElementById('search');
  const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  field.value = '';
  field.dispatchEvent(new Event('input'));
  const begin = performance.now();
  field.value = text;
  field.dispatchEvent(new Event('input'));
  while (!document.querySelector('#found:not([hidden]) mark')) await new Promise(requestAnimationFrame);
  await painted();
  return performance.now() - begin;
}"""


def page_figures(url: str, datasets: list[str]) -> list[Figure]:
    """Of a server with an estate; `datasets` are some of it."""
    try:
        with chromium() as browser:
            paints = [_visit(browser, f"{url}/", "h1", _FIRST_PAINT) for _ in range(_TIMES)]
            views = [
                _visit(browser, f"{url}/?node={quote(node, safe=':/')}", "hw-graph .card", "() => window.firstCard")
                for node in datasets[:_TIMES]
            ]
            page = browser.new_page()
            page.goto(f"{url}/")
            page.locator("h1").wait_for()
            found = [float(page.evaluate(_FOUND, node.rpartition("/")[2])) for node in datasets[:_TIMES]]
    except pytest.skip.Exception as missing:
        print(f"  left out: {missing}")
        return []
    return [
        Figure("first paint of the page, nothing cached", machine.median(paints), "ms", 300),
        Figure("found, after the key", machine.median(found), "ms", 100),
        Figure("from the address to the first card of a lineage view", machine.median(views), "ms", 500),
    ]


def _visit(browser: Browser, url: str, selector: str, measured: str) -> float:
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.add_init_script(_FIRST_CARD)
        page.goto(url)
        page.locator(selector).first.wait_for()
        page.wait_for_timeout(300)
        return float(page.evaluate(measured))
