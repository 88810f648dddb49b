"""The page of a real server with recorded jobs: what people do there, by mouse and by keyboard.

Every page fails on an error of its console and on a request to another address than the server's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from headwater.client import Client
from headwater.loading import through
from tests.acceptance.door import PAYLOADS, PIPELINE, Server, headwater, serving
from tests.browser.chromium import watched_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

LAKE = "file:///data/lake"
SCORES, TRAINING = f"{LAKE}/pipe/out/churn_by_country", f"{LAKE}/pipe/ml/training_set.parquet"
DIM = f"{LAKE}/delta/customer_dim"
SENTENCE = "avg_score is the average of churn_score, which a model computed from 4 columns of training_set."
CASES = [*PIPELINE, str(PAYLOADS / "k01_delta_lifecycle"), str(PAYLOADS / "o01_wide_500")]
PATIENCE_MS = 20_000


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
        page.set_default_timeout(PATIENCE_MS)
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
        rows = panel.get_by_role("row").all_inner_texts()
        assert all("predictions" in row for row in rows[1:])
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
        with opened(browser, server, path, color_scheme=scheme) as page:
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
    context = browser.new_context()
    page = context.new_page()  # the console says that the answer was a 404
    page.goto(server.url + of_node(f"{LAKE}/pipe/out/churn_by_countr"))
    page.get_by_role("alert").get_by_role("link", name=SCORES).click()
    drawn(page, "churn_by_country")
    context.close()
