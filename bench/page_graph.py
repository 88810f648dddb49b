"""The graph of the web page in a real Chromium: from an answer to what is painted, and what a hand on it feels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench import machine
from bench.figure import Figure
from tests.browser import answers, graphs
from tests.browser.chromium import Files, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

_TIMES = 5

#: Each is a function of an answer that returns ms until two frames later, when the change has been painted.
_PAINTED = """
const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
const timed = async (act) => {
  const begin = performance.now();
  await act();
  await painted();
  return performance.now() - begin;
};
"""
_KEEP = "([some, more]) => Object.assign(window, { some, more })"  #: takes longer to hand over than to draw
_UP = f"""async () => {{ {_PAINTED} graph.answer = {{ ...some, root: "" }};
  return timed(() => {{ graph.answer = some; graph.drawNow(); }}); }}"""
_LIGHT = f"""async (node) => {{ {_PAINTED}
  graph.view = {{ selection: null }};
  await painted();
  return timed(() => {{ graph.view = {{ selection: node }}; graph.drawNow(); }});
}}"""
_PAN = f"""async (fits) => {{ {_PAINTED}
  if (fits) graph.fit();
  const frames = [];
  for (let step = 0; step < 40; step += 1) {{
    const begin = performance.now();
    graph.panBy(step % 20 < 10 ? 24 : -24, step % 10 < 5 ? 12 : -12);
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - begin);
  }}
  return frames.sort((one, other) => one - other)[20];
}}"""
_OPEN = f"""async (card) => {{ {_PAINTED}
  graph.view = {{ open: [] }};
  await painted();
  return timed(() => {{ graph.view = {{ open: [card] }}; graph.drawNow(); }});
}}"""
_MERGE = f"""async () => {{ {_PAINTED}
  graph.answer = {{ ...some, root: "" }};
  graph.answer = some;
  await painted();
  return timed(() => {{ graph.merge(more); graph.drawNow(); }});
}}"""


def _wide(columns: int) -> answers.Answer:
    """300 datasets, one of them with so many columns and twice as many edges."""
    some = answers.made("diamond", 300, lines=5)
    readers = sorted({edge["target"].partition("#")[0] for edge in some["edges"]})[:2]
    wide = "s3://lake/wide"
    nodes = [answers.column(wide, f"c{number:03}") for number in range(columns)]
    edges = [
        answers.edge(f"{wide}#c{number:03}", f"{reader}#column_{number % 10}", expression=f"c{number:03}")
        for reader in readers
        for number in range(columns)
    ]
    return {**some, "nodes": some["nodes"] + nodes, "edges": some["edges"] + edges}


def _neighbours(root: str) -> answers.Answer:
    nodes = [answers.column(f"s3://lake/new_{number}", "x") for number in range(6)]
    edges = [answers.edge(f"{root}#column_1", node["id"]) for node in nodes]
    return answers.answer(root, [answers.column(root, "column_1"), *nodes], edges)


def _median(page: Page, script: str, given: Any = None) -> float:
    page.evaluate(script, given)
    return machine.median([page.evaluate(script, given) for _ in range(_TIMES)])


def page_graph(_place: Path, *, quick: bool) -> list[Figure]:
    """300 cards and 3,000 edges, two shapes of them: the slower one."""
    count = 60 if quick else 300
    files = Files()
    try:
        with chromium() as browser:
            page = graphs.opened(browser.new_page(viewport={"width": 1280, "height": 800}), files)
            shapes = [answers.made(kind, count, lines=5) for kind in ("diamond", "hub")]
            cold, up, light, near, far, expand = ([] for _ in range(6))
            for some in shapes:
                graphs.opened(page, files)
                page.evaluate(_KEEP, [some, _neighbours(some["root"])])
                cold.append(float(page.evaluate(_UP)))
                up.append(_median(page, _UP))
                light.append(_median(page, _LIGHT, max(edge["source"] for edge in some["edges"])))
                near.append(_median(page, _PAN, given=False))
                far.append(_median(page, _PAN, given=True))
                expand.append(_median(page, _MERGE))
            graphs.show(page, _wide(500))
            opened = _median(page, _OPEN, "s3://lake/wide")
    except pytest.skip.Exception as missing:
        print(f"  left out: {missing}")
        return []
    finally:
        files.close()
    edges = min(len(some["edges"]) for some in shapes)
    return [
        Figure(f"{count} cards, {edges:,} edges: painted, the first graph of a page", max(cold), "ms", 1_000),
        Figure("the same, a later one", max(up), "ms", 1_000),
        Figure("a column is selected: its lineage is lit", max(light), "ms", 20 + 2 * 17),
        Figure("panned, a frame, rows to be read", max(near), "ms", 20),
        Figure("panned, a frame, all cards on screen", max(far), "ms", 20),
        Figure("a card is expanded by 6 neighbours", max(expand), "ms", 150 + 2 * 17),
        Figure("a card of 500 columns and 1,000 edges is opened", opened, "ms", 200 + 2 * 17),
    ]
