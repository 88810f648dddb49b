"""The graph: what is lit, what stays where it is, how little is drawn, all by mouse and by keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import answers, graphs
from tests.browser.answers import LAKE, ORDERS, SCORE, column, edge
from tests.browser.chromium import Files

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"document.title='hacked'\">'\"&amp;"

#: a -> b -> c in columns x and y, a join key beside; c#z comes from nowhere.
CHAIN = answers.answer(
    "b",
    [column(dataset, name) for dataset in "abc" for name in "xyz"],
    [
        edge("a#x", "b#x", subtype="TRANSFORMATION", expression="x + 1"),
        edge("b#x", "c#y", subtype="AGGREGATION", expression="sum(x)"),
        edge("a#y", "b#y"),
        edge("a#z", "b", type="INDIRECT", subtype="JOIN"),
    ],
)


@pytest.fixture
def graph(page: Page, files: Files) -> Page:
    return graphs.opened(page, files)


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("direct", {"a#x", "b#x", "c#y"}),
        ("all", {"a#x", "a#z", "b#x", "c#y"}),
        ("indirect", {"a#z", "b#x"}),
    ],
)
def test_a_click_lights_what_a_column_comes_from_and_what_comes_of_it(
    graph: Page, type_: str, expected: set[str]
) -> None:
    graphs.show(graph, CHAIN, type=type_)
    graphs.row(graph, "b#x").click()
    assert graphs.lit(graph) == expected
    assert graphs.said(graph, "select")[-1]["node"] == "b#x"
    graphs.row(graph, "b#x").click()
    assert graphs.lit(graph) == set()
    assert graphs.said(graph, "select")[-1]["node"] is None


def test_control_and_a_click_adds_a_column_and_escape_clears(graph: Page) -> None:
    graphs.show(graph, CHAIN, type="direct")
    graphs.row(graph, "b#x").click()
    graphs.row(graph, "a#y").click(modifiers=["Control"])
    assert graphs.lit(graph) == {"a#x", "b#x", "c#y", "a#y", "b#y"}
    assert graphs.said(graph, "select")[-1]["nodes"] == ["b#x", "a#y"]
    graph.keyboard.press("Escape")
    assert graphs.lit(graph) == set()


def test_a_double_click_leaves_only_what_belongs_to_the_column(graph: Page) -> None:
    graphs.show(graph, CHAIN, type="direct")
    graphs.row(graph, "c#y").dblclick()
    assert graphs.said(graph, "only") == [{"node": "c#y"}]
    assert graph.locator(".foot").count() == 0, "what is hidden on purpose is not offered"
    rows = graph.locator(".row").evaluate_all("(rows) => rows.map((row) => row.dataset.node)")
    assert rows == ["a#x", "b#x", "c#y"]
    graph.keyboard.press("Escape")
    graph.wait_for_function("() => graph.shadowRoot.querySelectorAll('.row').length === 9")


def test_a_lit_line_tells_its_edge(graph: Page) -> None:
    graphs.show(graph, CHAIN, type="direct", selection="b#x")
    assert graph.locator(".lit .hit").count() == 2
    box = graphs.row(graph, "b#x").bounding_box()
    assert box is not None
    graph.mouse.click(box["x"] - 2, box["y"] + box["height"] / 2)
    assert graphs.said(graph, "select")[-1]["edge"]["expression"] == "x + 1"


def test_rows_say_in_words_and_by_a_mark_how_they_are_made(graph: Page) -> None:
    nodes = [column("a", name) for name in ("one", "two")]
    made: dict[str, dict[str, object]] = {
        "same": {"source": "a#same"},
        "renamed": {"source": "a#one"},
        "computed": {"source": "a#one", "subtype": "TRANSFORMATION", "expression": "one + 1"},
        "total": {"source": "a#one", "subtype": "AGGREGATION", "expression": "sum(one)"},
        "hidden": {"source": "a#one", "subtype": "TRANSFORMATION", "masking": True},
        "perhaps": {"source": "a#one", "subtype": "TRANSFORMATION", "certain": False},
        "roughly": {"source": "a#one", "subtype": "TRANSFORMATION", "exact": False},
    }
    nodes += [column("a", "same"), *(column("b", name) for name in made)]
    nodes += [column("b", "now", origin="generated"), column("b", "lost", resolved=False, origin="unresolved")]
    nodes += [column("b", "secret", tags=["pii"], dataType="decimal(10,2)")]
    edges = [edge(str(fields.pop("source")), f"b#{name}", **fields) for name, fields in made.items()]
    graphs.show(graph, answers.answer("b", nodes, edges))
    names = {
        name: graphs.row(graph, f"b#{name}").get_attribute("aria-label") for name in [*made, "now", "lost", "secret"]
    }
    assert names == {
        "same": "same, from 1 column, unchanged",
        "renamed": "renamed, from 1 column, renamed",
        "computed": "computed, from 1 column, computed",
        "total": "total, from 1 column, aggregated",
        "hidden": "hidden, from 1 column, masked",
        "perhaps": "perhaps, from 1 column, computed, uncertain",
        "roughly": "roughly, from 1 column, computed, not exact",
        "now": "now, generated",
        "lost": "lost, source not known",
        "secret": "secret, decimal(10,2), pii",
    }
    marks = graph.locator('.card[data-card="b"] .making').evaluate_all("(all) => all.map((one) => one.classList[1])")
    assert sorted(marks) == sorted(
        ["renamed", "computed", "aggregated", "masked", "computed", "computed", "generated", "unresolved"]
    )


def test_names_are_text(graph: Page) -> None:
    hostile = answers.answer(
        HOSTILE,
        [column(HOSTILE, HOSTILE, tags=[HOSTILE], expression=HOSTILE, origin="constant")],
        [edge("s#x", f"{HOSTILE}#{HOSTILE}", expression=HOSTILE, job=HOSTILE)],
    )
    hostile["nodes"].append(column("s", "x"))
    for level in ("column", "dataset", "job"):
        graphs.show(graph, hostile, level=level)
        assert graph.locator("img").count() == 0
    assert graph.title() == "a graph"


def test_what_is_selected_in_a_wide_card_is_pinned_without_a_move(graph: Page) -> None:
    """A click on a source whose reader is row 400 of the next card shows that row on top; nothing moves."""
    nodes = [column("a", "key"), *(column("wide", f"c{number:03}") for number in range(400))]
    wide = answers.answer("a", nodes, [edge("a#key", "wide#c399", type="DIRECT")])
    graphs.show(graph, wide)
    before = graphs.places(graph)
    assert graph.locator('.card[data-card="wide"] .row').count() == 12
    assert graph.locator('.card[data-card="wide"] .foot').inner_text() == "+388 columns"
    graphs.row(graph, "a#key").click()
    assert graphs.lit(graph) == {"a#key", "wide#c399"}
    assert graph.locator('.card[data-card="wide"] .row').first.get_attribute("data-node") == "wide#c399"
    assert graph.locator('.card[data-card="wide"] .row').count() == 12
    assert graphs.places(graph) == before


def test_a_wide_card_opens_a_window_with_a_filter(graph: Page) -> None:
    nodes = [column("a", "key"), *(column("wide", f"c{number:03}") for number in range(400))]
    graphs.show(graph, answers.answer("wide", nodes, [edge("a#key", "wide#c399")]))
    before = graphs.places(graph)
    graph.locator(".foot").click()
    assert graphs.said(graph, "open") == [{"node": "wide", "open": True, "missing": 0}]
    rows = graph.locator('.card[data-card="wide"] .row')
    assert rows.count() == 20
    assert graphs.places(graph)["wide"] == before["wide"]
    rows.nth(3).hover()
    graph.mouse.wheel(0, 200)
    graph.wait_for_function("() => graph.shadowRoot.querySelector('.card.open .row').dataset.node === 'wide#c005'")
    graph.locator(".filter").fill("39")
    graph.wait_for_function("() => graph.shadowRoot.querySelectorAll('.card.open .row').length === 14")
    graph.locator(".foot").click()
    graph.wait_for_function("() => graph.shadowRoot.querySelectorAll('.card[data-card=wide] .row').length === 12")
    assert graphs.places(graph) == before


def test_expanding_moves_no_card(graph: Page) -> None:
    """A hop of the recorded pipeline after the other, up to the raw files and down to the report."""
    graphs.show(graph, answers.recorded(ORDERS, depth=1))
    for dataset in (f"{LAKE}staging/orders", f"{LAKE}ml/features.parquet", f"{LAKE}staging/customers"):
        before = graphs.places(graph)
        graph.evaluate("([answer]) => graph.merge(answer)", [answers.recorded(dataset, depth=1)])
        after = graphs.places(graph)
        assert len(after) > len(before) or dataset.endswith("customers")
        assert {name: after[name] for name in before} == before


def test_chevrons_say_what_is_behind_and_ask_for_it(graph: Page) -> None:
    more = {
        **CHAIN,
        "datasets": [{**column("c", ""), "id": "c", "label": "dataset", "moreDownstream": 7, "columnCount": 30}],
    }
    graphs.show(graph, more)
    chevron = graph.locator(".more")
    assert [chevron.inner_text(), chevron.get_attribute("aria-label")] == ["+7", "7 more downstream of c"]
    chevron.click()
    chevron.click(modifiers=["Shift"])
    graphs.card(graph, "c").locator(".title").focus()
    graph.keyboard.press("-")
    assert graphs.said(graph, "expand") == [
        {"node": "c", "direction": "downstream", "all": False},
        {"node": "c", "direction": "downstream", "all": True},
        {"node": "c", "direction": "upstream", "all": False},
    ]
    assert graphs.card(graph, "c").locator(".foot").inner_text() == "+27 columns without lineage here"


def test_a_hub_shows_twelve_neighbours_and_the_rest_as_one_card(graph: Page) -> None:
    hub = answers.hub(40)
    graphs.show(graph, hub)
    graph.evaluate("graph.fit()")
    shown = graphs.places(graph)
    assert len([name for name in shown if "/mart_" in name]) == 12
    fold = graph.locator(".card.fold")
    assert fold.locator("h3").inner_text() == "+28 datasets"
    last = {"s3://lake/marts/mart_038", "s3://lake/marts/mart_039"}
    assert last <= shown.keys(), "those that lead on stay"
    fold.locator(".title").click()
    graph.wait_for_function("() => graph.shadowRoot.querySelectorAll('.fold .row').length === 20")
    fold.locator(".filter").fill("mart_027")
    graph.wait_for_function("() => graph.shadowRoot.querySelectorAll('.fold .row').length === 1")
    fold.locator(".row").click()
    assert graphs.focused(graph) == "s3://lake/marts/mart_027"
    graph.evaluate("graph.fit()")
    after = graphs.places(graph)
    assert after.keys() - shown.keys() == {"s3://lake/marts/mart_027"}
    assert graph.locator(".card.fold h3").inner_text() == "+27 datasets"


def test_a_hub_is_folded_at_the_level_of_jobs_too(graph: Page) -> None:
    hub = answers.hub(40)
    edges = [{**edge, "job": f"job:{edge['target'].partition('#')[0]}"} for edge in hub["edges"]]
    failed = {"id": "s3://lake/marts/mart_038", "label": "dataset", "lastStatus": "failed"}
    graphs.show(graph, {**hub, "edges": edges, "datasets": [failed]}, level="job")
    graph.evaluate("graph.fit()")
    shown = graphs.places(graph)
    assert len([name for name in shown if name.startswith("s3:") and "/mart_" in name]) == 12
    assert len([name for name in shown if name.startswith("job:") and "/mart_" in name]) == 12
    assert graph.locator(".card.fold h3").inner_text() == "+28 datasets"
    assert graph.locator(".card.job .status.failed").count() == 1  # a job's last run, where it alone writes a dataset


def test_datasets_and_jobs_are_levels_of_the_same_answer(graph: Page) -> None:
    recorded = answers.recorded(ORDERS)
    graphs.show(graph, recorded, level="dataset")
    graph.evaluate("graph.fit()")
    datasets = {node["dataset"] for node in recorded["nodes"]}
    assert graphs.places(graph).keys() == datasets
    graphs.look(graph, level="job")
    graph.evaluate("graph.fit()")
    jobs = {edge["job"] for edge in recorded["edges"]}
    assert graphs.places(graph).keys() == datasets | jobs
    before = graphs.places(graph)
    graph.evaluate("(job) => { graph.runs = { [job]: { state: 'failed' } } }", min(jobs))
    assert graphs.places(graph) == before
    assert graph.locator(".status.failed").count() == 1


def test_all_by_keyboard(graph: Page) -> None:
    """One tab stop; arrows walk rows and lines, also to what is off screen."""
    graphs.show(graph, answers.recorded(SCORE))
    graph.evaluate("document.body.focus()")
    graph.keyboard.press("Tab")
    assert graphs.focused(graph) == SCORE
    graph.keyboard.press("ArrowLeft")
    assert graphs.focused(graph) == f"{LAKE}ml/predictions.parquet#churn_score"
    visited = [graphs.focused(graph)]
    for _ in range(5):
        graph.keyboard.press("ArrowLeft")
        visited.append(graphs.focused(graph))
    assert visited[-1].startswith("file:///data/lake/raw/")
    graph.keyboard.press("Enter")
    assert graphs.said(graph, "select")[-1]["node"] == visited[-1]
    assert graph.get_by_role("status").inner_text().startswith("nothing upstream, ")
    graph.keyboard.press("Home")
    assert graphs.focused(graph) == visited[-1].partition("#")[0]
    graph.keyboard.press("Escape")
    graph.keyboard.press("Tab")
    assert graphs.focused(graph) == "None", "the whole graph is one tab stop"


def test_shift_and_an_arrow_take_the_next_line(graph: Page) -> None:
    fan = answers.answer(
        "a", [column("a", "x"), *(column(f"b{n}", "x") for n in range(3))], [edge("a#x", f"b{n}#x") for n in range(3)]
    )
    graphs.show(graph, fan)
    graphs.row(graph, "a#x").focus()
    graph.keyboard.press("ArrowRight")
    seen = [graphs.focused(graph)]
    for _ in range(3):
        graph.keyboard.press("Shift+ArrowRight")
        seen.append(graphs.focused(graph))
    assert set(seen[:3]) == {"b0#x", "b1#x", "b2#x"}
    assert seen[3] == seen[0]


def test_find_goes_from_one_match_to_the_next(graph: Page) -> None:
    graphs.show(graph, answers.recorded(ORDERS))
    found = [graph.evaluate("graph.find('total_eur')") for _ in range(3)]
    assert found == [f"{LAKE}ml/features.parquet#total_eur", f"{LAKE}ml/training_set.parquet#total_eur", found[0]]
    assert graph.evaluate("graph.find('no such name')") is None


@pytest.mark.parametrize("kind", ["diamond", "hub"])
def test_300_cards_are_drawn_as_far_as_they_are_on_screen(graph: Page, kind: str) -> None:
    """Counts are firm where times are not: elements at a readable size, and blocks with ribbons for all of it."""
    some = answers.made(kind, 300, lines=5)
    assert len(some["edges"]) > 3_000
    graphs.show(graph, some)
    count = "graph.shadowRoot.querySelectorAll('*').length"
    assert graph.evaluate(count) < 2_500
    assert graph.locator(".card").count() < 40
    graph.evaluate("graph.fit(); graph.drawNow()")
    assert graph.locator(".row").count() == 0
    assert graph.evaluate(count) < 3_300
    pairs = {(edge["source"].partition("#")[0], edge["target"].partition("#")[0]) for edge in some["edges"]}
    assert graph.locator(".plain .line").count() <= len(pairs)


@pytest.mark.parametrize("size", [(1280, 800), (390, 780)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wrong_for_axe(graph: Page, scheme: str, size: tuple[int, int]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    graph.set_viewport_size({"width": size[0], "height": size[1]})
    graph.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    graphs.show(graph, answers.recorded(ORDERS))
    results = axe.run(graph)
    assert results.violations_count == 0, results.generate_report()
    graphs.look(graph, level="job")
    assert axe.run(graph).violations_count == 0
