"""The page of a real server with recorded jobs: what people do there, by mouse and by keyboard.

Every page fails on an error of its console and on a request to another address than the server's.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from headwater.client import Client
from headwater.loading import through
from tests.acceptance.door import PAYLOADS, PIPELINE, Server, headwater, serving
from tests.browser.chromium import PATIENCE_MS, watched_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Request, Route

pytestmark = pytest.mark.browser

LAKE = "file:///data/lake"
SCORES, TRAINING = f"{LAKE}/pipe/out/churn_by_country", f"{LAKE}/pipe/ml/training_set.parquet"
DIM = f"{LAKE}/delta/customer_dim"
SENTENCE = "avg_score is the average of churn_score, which a model computed from 4 columns of training_set."
CASES = [
    *PIPELINE,
    str(PAYLOADS / "k01_delta_lifecycle"),
    str(PAYLOADS / "o01_wide_500"),
    str(PAYLOADS / "j01_failing_write"),
]


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("page") / "data") as running:
        client = Client(running.url)
        through(client, map(Path, CASES), lambda _done, _total: None)
        last = int(client.get("/ready")["entries"])
        assert running.get(f"/api/v1/stats?after={last}")[0] == 200
        yield running


Open = Callable[..., "Page"]


@contextmanager
def opened(browser: Browser, server: Server, path: str = "/", **options: Any) -> Iterator[Page]:
    with watched_page(browser, server.url, **{"viewport": {"width": 1280, "height": 800}, **options}) as page:
        page.goto(server.url + path)
        yield page


def of_node(node: str, **more: str) -> str:
    pairs = {"node": node, **more}
    return "/?" + "&".join(f"{key}={quote(value, safe=':/')}" for key, value in pairs.items())


def drawn(page: Page, *names: str) -> None:
    """Waits until the graph has a card of each of these titles."""
    for name in names:
        page.locator("hw-graph").get_by_role("heading", name=name).first.wait_for()


def waited(found: Locator, count: int) -> None:
    """Waits until there are so many of them."""
    from playwright.sync_api import expect

    expect(found).to_have_count(count, timeout=PATIENCE_MS)


def settled(page: Page) -> None:
    """Waits until all that is asked has been answered."""
    page.locator("h1, hw-graph").first.wait_for()
    waited(page.locator("[aria-busy]"), 0)


def cards(page: Page) -> list[str]:
    page.evaluate("document.querySelector('hw-graph').drawNow()")  # else with the next frame, whenever that is
    return sorted(page.locator("hw-graph").get_by_role("heading").all_inner_texts())


def test_a_business_user_finds_where_a_column_comes_from_by_mouse(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        page.get_by_role("combobox").click()
        page.keyboard.type("avg_sc")
        page.get_by_role("option", name="avg_score").click()
        page.get_by_text(SENTENCE).wait_for()
        drawn(page, "churn_by_country", "training_set.parquet")
        assert page.title() == "avg_score - Headwater"
        page.get_by_role("complementary").get_by_role("link", name="churn_score").click()
        page.get_by_text("churn_score was computed by a model").wait_for()
        page.go_back()
        page.get_by_text(SENTENCE).wait_for()


def test_the_same_by_keyboard_alone(browser: Browser, server: Server) -> None:
    with opened(browser, server, "/?see=health") as page:
        page.get_by_role("heading", name="Health").wait_for()
        page.keyboard.press("/")
        page.keyboard.type("training_set")
        page.get_by_role("option").first.wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        drawn(page, "training_set.parquet", "predictions.parquet")
        page.locator("hw-graph [tabindex='0']").focus()
        for key in ("ArrowDown", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        page.wait_for_url(re.compile("select="))
        before = page.url
        page.get_by_role("complementary").get_by_role("heading", name="Comes from").wait_for()
        page.keyboard.press("Escape")
        page.wait_for_url(lambda url: "select=" not in url)
        assert page.url != before


def test_a_click_on_a_chevron_brings_one_hop_and_moves_no_card(browser: Browser, server: Server) -> None:
    where = """() => Object.fromEntries([...document.querySelector('hw-graph').shadowRoot.querySelectorAll('.card')]
        .map((card) => [card.dataset.card, Math.round(card.getBoundingClientRect().left) + ',' +
          Math.round(card.getBoundingClientRect().top)]))"""
    with opened(browser, server, of_node(TRAINING)) as page:
        drawn(page, "training_set.parquet", "features.parquet", "predictions.parquet")
        assert len(cards(page)) == 3
        page.get_by_role("button", name=re.compile("downstream")).first.wait_for()
        before = page.evaluate(where)
        page.locator("hw-graph [data-part=down]").first.click()
        drawn(page, "churn_by_country")
        waited(page.locator("hw-graph .moving"), 0)
        after = page.evaluate(where)
        assert {card: after[card] for card in before} == before
        assert "expand=downstream" in page.url


@pytest.mark.parametrize("node", [SCORES, f"{SCORES}#avg_score"])
def test_the_first_question_is_asked_once_and_before_the_script_is_read(
    browser: Browser, server: Server, node: str
) -> None:
    with opened(browser, server, of_node(node)) as page:
        drawn(page, "churn_by_country")
        asked = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/lineage?'))"
        first = page.evaluate(
            f"{asked}.filter(({{ name }}) => name.includes('limit=2000')).map((it) => it.initiatorType)"
        )
        assert first == ["link"]


def test_a_link_shows_a_colleague_the_same_view(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(TRAINING)) as page:
        drawn(page, "training_set.parquet")
        page.locator("hw-graph [data-part=down]").first.click()
        drawn(page, "churn_by_country")
        page.locator("hw-graph").get_by_role("button", name=re.compile("^total_eur")).first.click()
        page.wait_for_url(re.compile("select="))
        page.get_by_role("button", name="Only this").click()
        page.wait_for_url(re.compile("only=yes"))
        link, shown = page.url.removeprefix(server.url), cards(page)
    with opened(browser, server, link) as page:
        drawn(page, "churn_by_country")
        assert cards(page) == shown
        page.get_by_text("total_eur is copied from").wait_for()
        assert page.get_by_role("button", name="Only this").get_attribute("aria-pressed") == "true"


def test_a_reload_of_each_view_asks_for_nothing_that_is_refused(browser: Browser, server: Server) -> None:
    run = server.get("/api/v1/queries/latest-runs?limit=1")[1]["rows"][0]["id"]
    for path in (
        "/?see=estate&about=hot-spots",
        "/?see=health",
        "/?job=job:spark/pipeline.features",
        f"/?run={quote(run)}",
        of_node(SCORES, level="dataset", type="all"),
        of_node(SCORES, level="job"),
        of_node(f"{SCORES}#avg_score", tab="impact"),
        "/embed" + of_node(SCORES)[1:],
    ):
        with opened(browser, server, path) as page:
            settled(page)
            assert page.get_by_role("alert").count() == 0, path


def test_the_state_of_a_past_time_is_compared_with_now(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(DIM)) as page:
        drawn(page, "customer_dim", "top_ltv")
        slider = page.get_by_role("slider")
        slider.focus()
        page.keyboard.press("Home")
        page.wait_for_url(re.compile("asOf="))
        page.get_by_role("checkbox", name="compare with now").click()
        page.wait_for_url(lambda url: "from=" in url and "asOf=" not in url)
        page.get_by_text(re.compile(r"[1-9]\d* added, 0 removed")).wait_for()
        drawn(page, "top_ltv")
        page.get_by_role("button", name="Back to now").click()
        page.wait_for_url(lambda url: "from=" not in url)


def test_what_breaks_is_listed_filtered_and_kept_as_a_file(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(f"{LAKE}/raw/shop/orders.csv#amount")) as page:
        page.get_by_role("link", name="What breaks if it changes").click()
        panel = page.get_by_role("complementary")
        panel.get_by_role("cell", name="avg_score").wait_for()
        panel.get_by_role("searchbox").fill("predictions")
        waited(panel.get_by_role("row").filter(has_not_text="predictions"), 1)  # the head
        panel.get_by_role("combobox").select_option("rows")
        page.wait_for_url(re.compile("change=rows"))
        with page.expect_download() as kept:
            panel.get_by_role("button", name="CSV").click()
        assert kept.value.suggested_filename == "impact-amount.csv"


def test_a_wide_card_is_never_drawn_as_500_rows(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(f"{LAKE}/mart/wide_copy")) as page:
        drawn(page, "wide_copy")
        page.locator("hw-graph [data-part=foot]").first.click()
        page.locator("hw-graph").get_by_role("searchbox").first.wait_for()
        nodes = page.evaluate("document.querySelector('hw-graph').shadowRoot.querySelectorAll('*').length")
        assert nodes < 700


def test_names_are_text_whatever_they_say(browser: Browser, tmp_path: Path) -> None:
    """Columns and datasets are named by whoever writes a job."""
    evil = "<img src=x onerror=alert(1)>"
    case = PAYLOADS / "a01_customers_clean"
    folder = tmp_path / "evil"
    folder.mkdir()
    for name in ("002-plan.json", "003-event.json"):
        text = (case / name).read_text(encoding="utf-8")
        (folder / name).write_text(
            text.replace('"email"', json.dumps(evil)).replace("customers_clean", evil.replace("/", ""))
        )
    with serving(tmp_path / "data") as server:
        through(Client(server.url), [folder], lambda _done, _total: None)
        last = int(Client(server.url).get("/ready")["entries"])
        assert server.get(f"/api/v1/stats?after={last}")[0] == 200
        column = next(
            row["id"]
            for dataset in server.get("/api/v1/queries/datasets")[1]["rows"]
            for row in server.get(f"/api/v1/queries/columns?dataset={quote(dataset['id'], safe='')}")[1]["rows"]
            if row["name"] == evil
        )
        with opened(browser, server) as page:
            page.get_by_role("combobox").fill("onerror")
            page.get_by_role("option").first.wait_for()
            page.goto(server.url + of_node(column))
            page.get_by_role("heading", name=evil).first.wait_for()
            assert page.locator("img").count() == 0
            assert page.evaluate("document.querySelector('hw-graph').shadowRoot.querySelectorAll('img').length") == 0


def test_an_empty_server_says_how_to_begin_and_notices_the_first_plan(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server, opened(browser, server) as page:
        page.get_by_role("heading", name="Nothing has arrived yet").wait_for()
        page.get_by_text("headwater.spark.capture(spark").wait_for()
        page.get_by_text("--extra-jars").wait_for()
        through(Client(server.url), map(Path, PIPELINE[:2]), lambda _done, _total: None)
        page.get_by_role("heading", name="Changed lately").wait_for()


def test_a_new_run_shows_without_a_reload(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        through(Client(server.url), map(Path, PIPELINE[:1]), lambda _done, _total: None)
        assert server.get("/api/v1/stats?after=1")[0] == 200
        with opened(browser, server) as page:
            page.get_by_role("heading", name="Changed lately").wait_for()
            through(Client(server.url), map(Path, PIPELINE[1:2]), lambda _done, _total: None)
            page.get_by_role("link", name="pipeline.stage_orders").first.wait_for()


def test_a_token_is_typed_once_and_only_its_scope_may_tag(browser: Browser, tmp_path: Path) -> None:
    data = tmp_path / "data"
    through_token = {
        scope: headwater("token", "add", "--scope", scope, scope, "--data", data).stdout.strip()
        for scope in ("read", "annotate")
    }
    headwater("load", *PIPELINE, "--data", data)
    with serving(data) as server, browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(server.url + of_node(SCORES))
        for scope, may in (("read", 0), ("annotate", 1)):
            if not page.get_by_role("dialog").count():
                page.get_by_role("button", name="Token").click()
            page.get_by_label("Token").last.fill(through_token[scope])
            page.get_by_role("button", name="Use it").click()
            drawn(page, "churn_by_country")
            waited(page.locator(".tags form"), may)
        page.get_by_label("A tag, or owner=NAME").fill("owner=team-score")
        page.get_by_role("button", name="Add").click()
        page.get_by_role("link", name="owner: team-score").wait_for()
        assert "hw_" not in page.url
        page.reload()
        page.get_by_role("link", name="owner: team-score").wait_for()
        assert page.evaluate("localStorage.length") == 0


def test_at_390_pixels_nothing_is_cut_off(browser: Browser, server: Server) -> None:
    for path in (
        "/",
        of_node(f"{SCORES}#avg_score"),
        "/?see=estate",
        "/?see=health",
        "/?job=job:spark/pipeline.features",
    ):
        with opened(browser, server, path, viewport={"width": 390, "height": 844}) as page:
            settled(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_say(browser: Browser, server: Server, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    for path in (
        "/",
        of_node(SCORES),
        of_node(SCORES, select=f"{SCORES}#avg_score"),
        of_node(f"{SCORES}#avg_score", tab="impact"),
        "/?see=estate&about=hot-spots",
        "/?see=health",
        "/?job=job:spark/pipeline.features",
    ):
        with opened(browser, server, path, color_scheme=scheme, reduced_motion="reduce") as page:
            settled(page)
            found = axe.run(page).response["violations"]
            said = [(rule["id"], [node["html"][:160] for node in rule["nodes"]]) for rule in found]
            assert said == [], path


def test_the_outline_says_the_same_as_text_and_is_walked_by_keys(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(f"{SCORES}#avg_score")) as page:
        drawn(page, "churn_by_country")
        page.get_by_role("button", name="Outline").click()
        tree = page.get_by_role("tree")
        tree.get_by_role("treeitem", name=re.compile("churn_score")).first.wait_for()
        tree.get_by_role("treeitem").first.focus()
        for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
            page.keyboard.press(key)
        tree.get_by_role("treeitem", name=re.compile("total_eur")).first.wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("select=.*churn_score"))
        assert "outline=yes" in page.url


@pytest.mark.parametrize(
    ("format_", "ending", "begins"),
    [
        ("svg", "svg", b"<svg"),
        ("png", "png", b"\x89PNG"),
        ("mermaid", "mmd", b"flowchart"),
        ("csv", "csv", b"target,source"),
    ],
)
def test_what_is_shown_can_be_kept_as_a_file(
    browser: Browser, server: Server, format_: str, ending: str, begins: bytes
) -> None:
    with opened(browser, server, of_node(SCORES)) as page:
        drawn(page, "churn_by_country")
        with page.expect_download() as kept:
            page.get_by_label("Save what is shown").select_option(format_)
        assert kept.value.suggested_filename == f"lineage-churn_by_country.{ending}"
        assert kept.value.path().read_bytes().lstrip().startswith(begins)


def test_a_description_is_written_and_taken_back(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        through(Client(server.url), map(Path, PIPELINE[:1]), lambda _done, _total: None)
        assert server.get("/api/v1/stats?after=2")[0] == 200
        with opened(browser, server, of_node(f"{LAKE}/pipe/staging/customers")) as page:
            panel = page.get_by_role("complementary")
            panel.get_by_role("button", name="Write one").click()
            panel.get_by_role("textbox", name="Description").fill("One row a customer <b>")
            panel.get_by_role("button", name="Save").click()
            panel.get_by_text("One row a customer <b>").wait_for()
            panel.get_by_role("button", name="Change").click()
            panel.get_by_role("textbox", name="Description").fill("")
            panel.get_by_role("button", name="Save").click()
            panel.get_by_role("button", name="Write one").wait_for()


def test_a_wiki_that_is_let_shows_the_graph_alone(browser: Browser, server: Server) -> None:
    with opened(browser, server, "/embed" + of_node(SCORES)[1:]) as page:
        drawn(page, "churn_by_country")
        link = page.get_by_role("link", name="churn_by_country in Headwater")
        assert link.get_attribute("href") == "./" + of_node(SCORES)[1:]
        assert page.get_by_role("combobox").count() == 0
        assert page.get_by_role("complementary").count() == 0


def test_a_link_can_keep_where_the_picture_stands(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(SCORES, place="40 30 0.5")) as page:
        drawn(page, "churn_by_country")
        settled(page)
        assert page.evaluate("document.querySelector('hw-graph').camera") == {"x": 40, "y": 30, "scale": 0.5}


def test_what_is_not_there_is_said_with_what_may_be_meant(browser: Browser, server: Server) -> None:
    with browser.new_context() as context:
        page = context.new_page()  # the console says that the answer was a 404
        page.set_default_timeout(PATIENCE_MS)
        page.goto(server.url + of_node(f"{LAKE}/pipe/out/churn_by_countr"))
        page.get_by_role("alert").get_by_role("link", name=SCORES).click()
        drawn(page, "churn_by_country")


def test_a_page_in_the_background_keeps_no_connection(browser: Browser, server: Server) -> None:
    """A browser opens six connections to a server, so as many tabs that listen would leave none to ask with."""
    look = """(hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""

    def is_events(request: Request) -> bool:
        return request.url.endswith("/api/v1/events")

    with browser.new_context() as context:
        for number in range(7):
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            with page.expect_request(is_events):
                page.goto(f"{server.url}/?see=health&n={number}")
            page.get_by_text("Last verified").wait_for()
            with page.expect_event("requestfailed", is_events):
                page.evaluate(look, True)
        with page.expect_request(is_events):
            page.evaluate(look, False)


def test_keys_within_the_graph_are_taken_once(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(f"{LAKE}/mart/wide_copy")) as page:
        drawn(page, "wide_copy")
        page.locator("hw-graph [data-part=foot]").first.click()
        field = page.locator("hw-graph").get_by_role("searchbox").first
        field.click()
        page.keyboard.type("o/o")
        assert field.input_value() == "o/o"
        assert "outline" not in page.url
        page.locator("hw-graph [data-part=head]").first.focus()
        page.keyboard.press("o")
        page.wait_for_url(re.compile("outline=yes"))
        page.get_by_role("tree").wait_for()


def test_enter_takes_what_was_typed_and_not_what_was_found_before(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        box = page.get_by_role("combobox")
        box.fill("churn_by_country")
        page.get_by_role("option", name="churn_by_country").first.wait_for()
        box.fill("training_set")
        box.press("Enter")
        page.wait_for_url(re.compile("training_set"))


def test_a_line_that_was_clicked_gives_way_to_what_its_panel_leads_to(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(SCORES, level="dataset", select=SCORES)) as page:
        drawn(page, "churn_by_country", "predictions.parquet")
        page.locator("hw-graph .hit").first.dispatch_event("click")
        panel = page.get_by_role("complementary")
        panel.get_by_text("its values").wait_for()
        panel.get_by_role("link", name="predictions").first.click()
        panel.get_by_role("heading", name="Writes, newest first").wait_for()


def held_back(page: Page, asked: str) -> list[Route]:
    """Requests to these addresses wait until the test lets them go on."""
    held: list[Route] = []
    page.route(asked, lambda route: held.append(route))  # noqa: PLW0108 - Playwright sets attributes of it
    return held


def test_what_is_chosen_while_the_answer_is_awaited_is_not_lost(browser: Browser, server: Server) -> None:
    with opened(browser, server, "/?see=health") as page:
        settled(page)
        held = held_back(page, "**/api/v1/lineage?*")
        page.evaluate(_GO, of_node(SCORES))
        page.get_by_role("button", name="Only this").wait_for()
        page.get_by_role("button", name="Outline").click()
        page.wait_for_url(re.compile("outline=yes"))
        for route in held:
            route.continue_()
        page.get_by_role("tree").get_by_role("treeitem", name=re.compile("churn_by_country")).first.wait_for()


_GO = """(search) => { history.pushState(null, "", search); dispatchEvent(new PopStateEvent("popstate")); }"""


def test_an_answer_that_comes_late_does_not_replace_another_page(browser: Browser, server: Server) -> None:
    with opened(browser, server, "/?see=health") as page:
        settled(page)
        for asked, path in (("**/api/v1/lineage?*", of_node(SCORES)), ("**/api/v1/stats", "/")):
            held = held_back(page, asked)
            page.evaluate(_GO, path)
            page.evaluate(_GO, "/?see=estate")
            page.get_by_role("heading", name="The estate").wait_for()
            for route in held:
                route.fulfill(
                    status=200, json={"entries": 0, "root": SCORES, "nodes": [], "edges": [], "complete": True}
                )
            page.unroute(asked)
            settled(page)
            assert page.get_by_role("heading", name="The estate").count() == 1
            assert page.title() == "Headwater"


def test_an_expanded_view_keeps_its_root_in_the_outline_and_after_a_reload(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(TRAINING, expand=f"downstream {LAKE}/pipe/ml/predictions.parquet")) as page:
        drawn(page, "churn_by_country")
        assert page.evaluate("document.querySelector('hw-graph').answer.root") == TRAINING
        page.get_by_role("button", name="Outline").click()
        page.get_by_role("tree", name=f"Lineage of {TRAINING}").wait_for()


def test_two_selected_columns_stay_lit_and_after_a_reload(browser: Browser, server: Server) -> None:
    chosen = (
        "[...document.querySelector('hw-graph').shadowRoot.querySelectorAll('.row[aria-pressed=true] .name')].length"
    )
    with opened(browser, server, of_node(SCORES)) as page:
        drawn(page, "churn_by_country")
        graph = page.locator("hw-graph")
        graph.locator(f'[data-part="{SCORES}#n_churn"]').click()
        page.wait_for_url(re.compile("select="))
        graph.locator(f'[data-part="{SCORES}#avg_score"]').click(modifiers=["Control"])
        page.wait_for_url(re.compile("select=.*select="))
        page.wait_for_function(f"{chosen} === 2")
        page.reload()
        drawn(page, "churn_by_country")
        page.wait_for_function(f"{chosen} === 2")


def test_an_answer_that_failed_can_be_asked_again(browser: Browser, server: Server) -> None:
    with browser.new_context() as context:
        page = context.new_page()  # the console says that the answer was a 503
        page.set_default_timeout(PATIENCE_MS)
        page.route("**/api/v1/events", lambda _: None)  # never answered: an event would have it asked again
        page.route("**/api/v1/lineage?*", lambda route: route.fulfill(status=503, json={"error": "busy"}))
        page.goto(server.url + of_node(SCORES))
        page.get_by_role("heading", name="This cannot be shown").wait_for()
        page.unroute("**/api/v1/lineage?*")
        page.get_by_role("button", name="Try again").click()
        drawn(page, "churn_by_country")


def test_a_press_that_ends_outside_does_not_drag_the_picture(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(SCORES)) as page:
        drawn(page, "churn_by_country")
        settled(page)
        box = page.locator("hw-graph").bounding_box()
        assert box is not None
        camera = "document.querySelector('hw-graph').camera"
        before = page.evaluate(camera)
        page.mouse.move(box["x"] + 5, box["y"] + box["height"] - 5)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] + 60, box["y"] + 200)
        page.mouse.up()
        page.mouse.move(box["x"] + 200, box["y"] + box["height"] - 40)
        page.mouse.move(box["x"] + 300, box["y"] + box["height"] - 60)
        assert page.evaluate(camera) == before


def test_the_time_of_another_run_is_what_is_compared(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(DIM, asOf="2026-01-01T00:00:00Z")) as page:
        page.get_by_text("as of 2026-01-01T00:00:00Z").first.wait_for()
        settled(page)
        page.get_by_role("checkbox", name="compare with now").click()
        page.wait_for_url(re.compile("from=2026-01-01T00:00:00Z"))


def test_names_in_commands_are_text_for_a_shell(browser: Browser, server: Server) -> None:
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()  # the console says that there is no such job
        page.set_default_timeout(PATIENCE_MS)
        page.goto(server.url + "/?job=" + quote("job:it's; rm -r x"))
        page.get_by_role("button", name="Command").click()
        page.get_by_text("Command: copied").wait_for()
        said = page.evaluate("navigator.clipboard.readText()")
    assert shlex.split(said) == ["headwater", "query", "runs", "job=it's; rm -r x"]


def test_new_runs_leave_what_is_typed_and_read_on_the_home_page(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        through(Client(server.url), map(Path, PIPELINE[:1]), lambda _done, _total: None)
        assert server.get("/api/v1/stats?after=2")[0] == 200
        with opened(browser, server, viewport={"width": 390, "height": 400}) as page:
            settled(page)
            page.get_by_role("combobox").press_sequentially("ord")
            page.evaluate("window.scrollTo(0, 500)")
            before = page.evaluate("scrollY")
            through(Client(server.url), map(Path, PIPELINE[1:2]), lambda _done, _total: None)
            page.get_by_role("link", name="pipeline.stage_orders").first.wait_for()
            page.keyboard.type("ers")
            assert page.get_by_role("combobox").input_value() == "orders"
            assert before > 0


def test_at_1280_pixels_the_table_of_an_impact_is_not_cut_off(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(f"{LAKE}/raw/shop/orders.csv#amount", tab="impact")) as page:
        settled(page)
        page.get_by_role("columnheader", name="Written by").wait_for()
        place = page.locator(".panel .scroll")
        assert place.evaluate("(place) => place.scrollWidth <= place.clientWidth")


def test_what_every_run_failed_to_write_is_found_and_explained(browser: Browser, server: Server) -> None:
    with browser.new_context() as context:
        page = context.new_page()  # the console says that the answer was a 404
        page.set_default_timeout(PATIENCE_MS)
        page.goto(server.url)
        page.get_by_role("combobox").fill("strict_orders")
        page.get_by_role("option", name="strict_orders").click()
        page.get_by_role("heading", name="Nothing was ever written here").wait_for()
        page.get_by_text("TASK_WRITE_FAILED").wait_for()
        page.get_by_role("link", name="The run that failed last").click()
        page.get_by_text("Was to write").wait_for()
        assert page.get_by_text("Compared").count() == 0
        page.go_back()
        page.get_by_role("link", name="orders_strict_load").click()
        page.get_by_role("heading", name="orders_strict_load").wait_for()
        waited(page.get_by_text("Was to write"), 3)
        page.get_by_text("None succeeded").first.wait_for()
        assert page.get_by_text("What the job does").count() == 0


def test_a_tag_is_no_new_run(browser: Browser, tmp_path: Path) -> None:
    collect = """() => { window.said = []; const place = document.getElementById("said");
      new MutationObserver(() => window.said.push(place.textContent)).observe(place, { childList: true }); }"""
    with serving(tmp_path / "data") as server:
        through(Client(server.url), map(Path, PIPELINE[:1]), lambda _done, _total: None)
        assert server.get("/api/v1/stats?after=2")[0] == 200
        with opened(browser, server, of_node(f"{LAKE}/pipe/staging/customers")) as page:
            drawn(page, "customers")
            settled(page)
            page.evaluate(collect)
            page.get_by_label("A tag, or owner=NAME").fill("pii")
            with page.expect_request("**/queries/latest-runs?limit=200"):  # the graph has changed, and is asked
                page.get_by_role("button", name="Add").click()
            page.get_by_role("link", name="pii").wait_for()
            through(Client(server.url), map(Path, PIPELINE[1:2]), lambda _done, _total: None)
            page.wait_for_function("() => window.said.includes('New runs have arrived')")
            assert page.evaluate("window.said") == ["Saved", "New runs have arrived"]


def test_keys_on_the_time_slider_go_from_write_to_write(browser: Browser, server: Server) -> None:
    with opened(browser, server, of_node(DIM)) as page:
        drawn(page, "customer_dim", "top_ltv")
        page.get_by_role("slider").focus()
        seen = [page.url]
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
            page.wait_for_url(lambda url: url not in seen)
            settled(page)
            seen.append(page.url)
        page.wait_for_function("document.activeElement.id === 'time'")
        page.keyboard.press("End")
        page.wait_for_url(lambda url: "asOf" not in url)


def test_the_outline_is_entered_and_left_by_keys(browser: Browser, server: Server) -> None:
    focused = "() => document.activeElement.localName"
    with opened(browser, server, of_node(DIM)) as page:
        drawn(page, "customer_dim")
        page.locator("hw-graph [tabindex='0']").first.focus()
        page.keyboard.press("o")
        page.wait_for_url(re.compile("outline=yes"))
        page.wait_for_function(f"{focused} === 'hw-outline'")
        page.keyboard.press("Escape")
        page.wait_for_url(lambda url: "outline" not in url)
        page.wait_for_function(f"{focused} === 'hw-graph'")
        page.get_by_role("button", name="Datasets").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("level=dataset"))
        page.wait_for_function("document.activeElement.textContent === 'Datasets'")


def test_what_a_job_does_is_drawn_from_what_it_reads_to_what_it_writes(browser: Browser, server: Server) -> None:
    with opened(browser, server, "/?job=job:spark/pipeline.mart_customer_orders") as page:
        page.get_by_text("What the job does, step by step").click()
        flow = page.locator(".flow")
        flow.wait_for()
        titles = flow.locator(".step").all_text_contents()
        assert titles == ["Read customers", "Read orders", "Join", "Choose columns", "Write customer_ord…"]
        tops = [box["y"] for box in (found.bounding_box() for found in flow.locator("g").all()) if box]
        assert tops[0] == tops[1] < tops[2] < tops[3] < tops[4]
        assert page.locator(".flow path").count() == 4
        flow.locator("g").nth(2).click()
        page.locator(".steps .chosen strong", has_text="Join").wait_for()
        assert page.locator(".steps .chosen strong").count() == 1


def test_the_panel_tells_the_state_as_of_the_time_that_is_shown(browser: Browser, server: Server) -> None:
    versions = server.get(f"/api/v1/queries/dataset-versions?dataset={quote(DIM, safe='')}")[1]["rows"]
    first = next(row["run"] for row in reversed(versions) if row["run"])
    for as_of, sources in ((first, "Comes from 0 columns"), (None, "Comes from 1 column")):
        given = {"asOf": as_of} if as_of else {}
        with opened(browser, server, of_node(f"{DIM}#ltv", **given)) as page:
            page.get_by_role("heading", name=sources).wait_for()
            settled(page)


def test_a_changed_line_has_a_sign(browser: Browser, server: Server) -> None:
    versions = server.get(f"/api/v1/queries/dataset-versions?dataset={quote(DIM, safe='')}")[1]["rows"]
    first = next(row["run"] for row in reversed(versions) if row["run"])
    with opened(browser, server, of_node(DIM, **{"from": first})) as page:
        drawn(page, "customer_dim", "top_ltv")
        page.locator("hw-graph .line-sign.added").first.wait_for()
        said = page.locator(".said", has_text=re.compile(r"\d+ added")).inner_text()
        added = int(re.findall(r"(\d+) added", said)[0])
        waited(page.locator("hw-graph .line-sign"), added)
        assert page.locator("hw-graph .line-sign").all_text_contents() == ["+"] * added


def _logic(day: int, columns: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """A run of OpenLineage that writes a report of these columns: by name the source and the expression of each."""
    schema = {"fields": [{"name": name, "type": "string"} for name in columns]}
    lineage = {
        name: {
            "inputFields": [
                {
                    "namespace": "s3://lake",
                    "name": "mart/orders",
                    "field": source,
                    "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION", "description": expression}],
                }
            ]
        }
        for name, (source, expression) in columns.items()
    }
    facets = {"schema": schema, "columnLineage": {"fields": lineage}}
    return [
        {
            "eventType": "COMPLETE",
            "eventTime": f"2026-11-0{day}T06:00:00Z",
            "producer": "https://example.com",
            "run": {"runId": f"00000000-0000-0000-0000-00000000000{day}"},
            "job": {"namespace": "shop", "name": "report"},
            "inputs": [{"namespace": "s3://lake", "name": "mart/orders"}],
            "outputs": [{"namespace": "s3://lake", "name": "reports/revenue_by_country", "facets": facets}],
        }
    ]


def test_three_logics_of_a_report_are_told_apart_in_words_and_through_time(browser: Browser, tmp_path: Path) -> None:
    total, odd = {"total": ("amount", "sum(amount)")}, {"\u202etotal": ("amount", "max(amount)")}
    events = (
        _logic(1, total) + _logic(2, {**total, "returns": ("status", "count(status)")}) + _logic(3, {**total, **odd})
    )
    file = tmp_path / "events.json"
    file.write_text(json.dumps(events))
    with serving(tmp_path / "data") as server:
        through(Client(server.url), [file], lambda _done, _total: None)
        assert server.get("/api/v1/stats?after=3")[0] == 200
        with opened(browser, server) as page:
            page.get_by_role("combobox").fill("country revenue")  # words as people say them, in any order
            page.get_by_role("option", name="revenue_by_country").click()
            drawn(page, "revenue_by_country", "orders")
            page.get_by_text("in 2 datasets, 3 links").wait_for()
            graph = page.locator("hw-graph")
            assert sorted(graph.locator(".card.root .name").all_inner_texts()) == ["\\u202etotal", "returns", "total"]
        with opened(browser, server, of_node("revenue_by_country.total")) as page:  # a spelling that is not the graph's
            page.get_by_text("total is the sum of amount of orders.").wait_for()
            page.get_by_role("heading", name="Comes from 1 column").wait_for()
            assert quote("s3://lake/reports/revenue_by_country", safe=":/") in page.url
            page.get_by_text("string").first.wait_for()
        first = server.get("/api/v1/queries/dataset-versions?dataset=s3://lake/reports/revenue_by_country")[1]["rows"][
            -1
        ]
        with opened(browser, server, of_node("s3://lake/reports/revenue_by_country", asOf=first["run"])) as page:
            drawn(page, "revenue_by_country", "orders")
            settled(page)
            assert page.locator("hw-graph .card.root .name").all_inner_texts() == ["total"]
            assert page.get_by_role("complementary").get_by_role("row").count() == 2
