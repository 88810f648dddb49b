"""The graph and the server behind it: what only the two together can show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headwater.client import Client
from headwater.loading import through
from tests.acceptance.door import PIPELINE, serving
from tests.browser.answers import LAKE, ORDERS
from tests.browser.chromium import watched_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_columns_without_a_part_in_the_lineage_are_shown_on_demand(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        client = Client(server.url)
        through(client, map(Path, PIPELINE), lambda _done, _total: None)
        assert server.get(f"/api/v1/stats?after={client.get('/ready')['entries']}")[0] == 200
        with watched_page(browser, server.url, viewport={"width": 1280, "height": 800}) as page:
            page.goto(f"{server.url}/?node={ORDERS}&type=all")
            card = page.locator(f'.card[data-card="{LAKE}staging/customers"]')
            card.locator(".foot").click()
            card.get_by_text("email").wait_for()
            assert card.locator(".row").count() == 5
            assert card.locator(".foot").count() == 0
