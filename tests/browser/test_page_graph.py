"""The graph and the server behind it: what only the two together can show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headwater.client import Client
from headwater.loading import through
from tests.acceptance.door import PIPELINE, Server, serving
from tests.browser.answers import LAKE, ORDERS
from tests.browser.chromium import watched_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("graph") / "data") as running:
        client = Client(running.url)
        through(client, map(Path, PIPELINE), lambda _done, _total: None)
        assert running.get(f"/api/v1/stats?after={client.get('/ready')['entries']}")[0] == 200
        yield running


def test_columns_without_a_part_in_the_lineage_are_shown_on_demand(browser: Browser, server: Server) -> None:
    with watched_page(browser, server.url, viewport={"width": 1280, "height": 800}) as page:
        page.goto(f"{server.url}/?node={ORDERS}&type=all")
        card = page.locator(f'.card[data-card="{LAKE}staging/customers"]')
        card.locator(".foot").click()
        card.get_by_text("email").wait_for()
        assert card.locator(".row").count() == 5
        assert card.locator(".foot").count() == 0


_GO = """(search) => { history.pushState(null, "", search); dispatchEvent(new PopStateEvent("popstate")); }"""
_PLACES = """() => {
  const graph = document.querySelector("hw-graph");
  graph.drawNow();
  return Object.fromEntries([...graph.shadowRoot.querySelectorAll(".card")].map((card) => {
    const { m41: x, m42: y } = new DOMMatrix(card.style.transform);
    return [card.dataset.card, [x, y]];
  }));
}"""


def test_another_time_and_other_lines_leave_the_cards_where_they_are(browser: Browser, server: Server) -> None:
    options = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
    with watched_page(browser, server.url, **options) as page:
        page.goto(f"{server.url}/?node={ORDERS}&type=all")
        page.locator(".card.root").wait_for()
        page.locator(".card .more.down").last.click()
        page.locator(f'.card[data-card="{LAKE}ml/training_set.parquet"]').wait_for()
        before = page.evaluate(_PLACES)
        now = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        for change, is_there in (
            ("type=direct", "answer.type === 'direct'"),
            (f"type=all&asOf={now}", "answer.asOf !== null"),
        ):
            page.evaluate(_GO, f"/?node={ORDERS}&{change}")
            page.wait_for_function(f"() => document.querySelector('hw-graph')?.{is_there}")
            after = page.evaluate(_PLACES)
            assert len(after) >= 4
            for card, (x, y) in after.items():
                assert x == before[card][0]
                assert abs(y - before[card][1]) <= 2, "a row less and a foot more make a card 2 pixels higher"
