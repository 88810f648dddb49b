"""What is shown as files, as a tree, as a small map, and as a comparison: all from the one answer."""

from __future__ import annotations

import base64
import csv
import io
import json
import struct
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.browser import answers, graphs
from tests.browser.answers import ORDERS, SCORE, column, edge
from tests.browser.chromium import Files

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "=cmd|' /C calc'!A0\"<script>#;%&\u202e,\n"

_EXPORTED = """async (format) => {
  const file = await graph.exported(format);
  const bytes = new Uint8Array(await file.arrayBuffer());
  return [file.type, btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""))];
}"""


@pytest.fixture
def graph(page: Page, files: Files) -> Page:
    return graphs.opened(page, files)


def exported(page: Page, format_: str) -> tuple[str, bytes]:
    kind, body = page.evaluate(_EXPORTED, format_)
    return kind, base64.b64decode(body)


def test_all_formats_say_the_same(graph: Page) -> None:
    recorded = answers.recorded(ORDERS)
    graphs.show(graph, recorded)
    assert json.loads(exported(graph, "json")[1]) == recorded
    rows = list(csv.DictReader(io.StringIO(exported(graph, "csv")[1].decode())))
    assert sorted((row["source"], row["target"], row["subtype"]) for row in rows) == sorted(
        (edge["source"], edge["target"], edge["subtype"]) for edge in recorded["edges"]
    )
    drawn = ET.fromstring(exported(graph, "svg")[1])
    texts = {text.text for text in drawn.iter(f"{SVG}text")}
    columns = {node["name"] for node in recorded["nodes"] if node["label"] == "column"}
    assert columns <= texts
    pairs = {(edge["source"], edge["target"], edge["type"]) for edge in recorded["edges"]}
    lines = [path for path in drawn.iter(f"{SVG}path") if path.get("stroke")]
    assert len(lines) == len(pairs)
    mermaid = exported(graph, "mermaid")[1].decode()
    assert mermaid.startswith("flowchart LR\n")
    assert mermaid.count("-->|") + mermaid.count("-.->|") == len(pairs)
    kind, png = exported(graph, "png")
    assert kind == "image/png"
    width, height = struct.unpack(">II", png[16:24])
    assert (width, height) == (2 * int(drawn.get("width", "")), 2 * int(drawn.get("height", "")))


def test_a_view_is_exported_as_it_is_seen(graph: Page) -> None:
    graphs.show(graph, answers.recorded(ORDERS), type="indirect", level="dataset")
    rows = list(csv.DictReader(io.StringIO(exported(graph, "csv")[1].decode())))
    assert {row["type"] for row in rows} == {"INDIRECT"}
    mermaid = exported(graph, "mermaid")[1].decode()
    assert "subgraph" not in mermaid
    assert "-->" not in mermaid


def test_other_peoples_names_stay_text_in_files(graph: Page) -> None:
    made = answers.answer(
        HOSTILE,
        [column(HOSTILE, HOSTILE, tags=[HOSTILE]), column("s", "x")],
        [edge("s#x", f"{HOSTILE}#{HOSTILE}", expression=HOSTILE, job=HOSTILE)],
    )
    graphs.show(graph, made)
    drawn = ET.fromstring(exported(graph, "svg")[1])
    assert {element.tag.removeprefix(SVG) for element in drawn.iter()} <= {
        "svg", "title", "defs", "marker", "path", "rect", "g", "text",
    }  # fmt: skip
    assert "\u202e" not in ET.tostring(drawn, encoding="unicode")
    mermaid = exported(graph, "mermaid")[1].decode()
    assert "<script" not in mermaid
    [_, row] = csv.reader(io.StringIO(exported(graph, "csv")[1].decode()))
    assert row[0].startswith("'=cmd")
    assert row[4].startswith("'=cmd")


_OUTLINE = """([answer, view]) => import("/js/outline.js").then(() => {
  const outline = document.createElement("hw-outline");
  outline.answer = answer;
  outline.view = view;
  outline.addEventListener("select", (event) => window.said.push(["select", event.detail]));
  document.querySelector("main").replaceChildren(outline);
})"""


def test_the_outline_is_a_tree_of_the_same_answer(graph: Page) -> None:
    graph.evaluate(_OUTLINE, [answers.recorded(SCORE), {"type": "direct", "selection": None}])
    tree = graph.get_by_role("tree")
    items = tree.get_by_role("treeitem")
    assert items.first.locator(".line").first.inner_text().split("\n")[0] == "avg_score"
    graph.keyboard.press("Tab")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        graph.keyboard.press(key)
    node = graphs.said(graph, "select")[-1]["node"]
    assert "training_set.parquet#" in node, "two hops up: by the model's score to a column of its training set"
    lines = graph.locator("[role=treeitem] > .line .notes").all_inner_texts()
    assert any("avg(churn_score)" in line and "aggregated" in line for line in lines)
    graph.keyboard.press("ArrowLeft")
    graph.keyboard.press("ArrowLeft")
    assert tree.locator('[role=treeitem][aria-expanded="true"]').count() == 2
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    results = axe.run(graph, options={"rules": {"page-has-heading-one": {"enabled": False}}})
    assert results.violations_count == 0, results.generate_report()


def test_a_circle_ends_where_it_was_shown_and_a_fan_is_counted(graph: Page) -> None:
    circle = answers.answer("a", [column(name, "x") for name in "ab"], [edge("a#x", "b#x"), edge("b#x", "a#x")])
    circle["root"] = "a#x"
    graph.evaluate(_OUTLINE, [circle, {"type": "all"}])
    graph.keyboard.press("Tab")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        graph.keyboard.press(key)
    assert "shown above" in graph.locator(".notes").all_inner_texts()
    graph.evaluate(_OUTLINE, [answers.hub(40), {"type": "all"}])
    more = graph.get_by_text("+36 more")  # of 40 readers' ids and 8 readers' names
    more.click()
    assert more.count() == 0
    assert graph.get_by_text("in mart_03").count() == 10


def test_the_small_map_goes_where_it_is_pressed(graph: Page) -> None:
    graphs.show(graph, answers.made("diamond", 60))
    graph.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    box = graph.locator(".minimap").bounding_box()
    assert box is not None
    graph.mouse.click(box["x"] + 12, box["y"] + box["height"] / 2)
    seen = graphs.places(graph)
    graph.mouse.click(box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
    assert not seen.keys() & graphs.places(graph).keys()
    graph.evaluate("graph.fit()")
    graph.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert not graph.locator(".minimap").is_visible()


def test_a_comparison_is_told_by_signs_and_names(graph: Page) -> None:
    nodes = [
        column("a", "x"),
        column("b", "old", change="removed"),
        column("b", "new", change="added"),
        column("b", "x"),
    ]
    edges = [
        edge("a#x", "b#old", change="removed"),
        edge("a#x", "b#new", change="added"),
        edge("a#x", "b#x", change="changed"),
    ]
    graphs.show(graph, answers.answer("b", nodes, edges))
    signs = {name: graphs.row(graph, f"b#{name}").locator(".sign").all_inner_texts() for name in ("old", "new", "x")}
    assert signs == {"old": ["−"], "new": ["+"], "x": []}  # noqa: RUF001 - the minus sign
    assert graphs.row(graph, "b#new").get_attribute("aria-label") == "new, from 1 column, renamed, added"
    classes = graph.locator(".plain .line").evaluate_all("(lines) => lines.map((line) => line.classList.value)")
    assert sorted(classes) == ["line direct added", "line direct changed", "line direct removed"]


_COMPARED = """async ([before, after]) => {
  const { compared } = await import("/js/time.js");
  const answer = (edges) => ({ root: "d", nodes: [], edges, complete: true, reason: null });
  const { edges } = compared(answer(before), answer(after));
  return edges.map((edge) => [edge.job, edge.plan, edge.expression, edge.change ?? "", edge.before ?? ""]);
}"""


def _by(job: str, plan: str, expression: str) -> dict[str, object]:
    return {**edge("a#x", "d#y", expression=expression), "job": job, "plan": plan}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([("j", "1", "x")], [("j", "1", "x")], [("j", "1", "x", "", "")]),
        ([("j", "1", "x")], [("j", "2", "x")], [("j", "2", "x", "", "")]),
        ([("j", "1", "x")], [("j", "2", "x + 1")], [("j", "2", "x + 1", "changed", "x")]),
        # A second job makes the same column in its own way: added, and the first one's is as it was.
        (
            [("j", "1", "x")],
            [("j", "1", "x"), ("k", "2", "abs(x)")],
            [("j", "1", "x", "", ""), ("k", "2", "abs(x)", "added", "")],
        ),
        (
            [("j", "1", "x"), ("k", "2", "abs(x)")],
            [("k", "2", "abs(x)")],
            [("k", "2", "abs(x)", "", ""), ("j", "1", "x", "removed", "")],
        ),
        (
            [("j", "1", "x"), ("k", "2", "abs(x)")],
            [("k", "4", "abs(x)"), ("j", "3", "x * 2")],
            [("k", "4", "abs(x)", "", ""), ("j", "3", "x * 2", "changed", "x")],
        ),
        ([("j", "1", "x")], [("k", "2", "x * 3")], [("k", "2", "x * 3", "changed", "x")]),
        ([("j", "1", "x")], [("j", "1", "x"), ("k", "2", "x")], [("j", "1", "x", "", ""), ("k", "2", "x", "", "")]),
        ([("j", "1", "x"), ("k", "2", "x")], [("k", "2", "x")], [("k", "2", "x", "", "")]),
        ([], [("j", "1", "x")], [("j", "1", "x", "added", "")]),
    ],
)
def test_an_edge_is_compared_with_its_own_earlier_self(
    page: Page, before: list[tuple[str, ...]], after: list[tuple[str, ...]], expected: list[tuple[str, ...]]
) -> None:
    found = page.evaluate(_COMPARED, [[_by(*each) for each in before], [_by(*each) for each in after]])
    assert sorted(map(tuple, found)) == sorted(expected)
