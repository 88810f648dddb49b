"""One Chromium and one server of files for the tests of a module.

Not longer: while Playwright runs, its event loop does, and a test of asyncio could not start one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import Files, chromium, watched_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    server = Files()
    yield server
    server.close()


@pytest.fixture
def page(browser: Browser, files: Files) -> Iterator[Page]:
    """An empty page of the server, into which modules can be imported."""
    with watched_page(browser, files.url, viewport={"width": 1280, "height": 800}) as opened:
        opened.goto(files.put("/empty.html", "text/html", "<!doctype html><html lang=en><title>empty</title>"))
        yield opened
