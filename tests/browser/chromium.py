"""A real Chromium that tests drive, and a server on loopback for pages: the project's files and what a test adds.

A test that finds no browser says how to get one and is skipped. Pages run under the policy of the real server, so that
a script, style or request that it would refuse fails here too.
"""

from __future__ import annotations

import mimetypes
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STATIC = Path(__file__).parents[2] / "web" / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'"
)
PATIENCE_MS = 120_000  #: a loaded machine is slow, and only a broken page is slower
#: No sandbox: containers have no user namespaces. No GPU and no background requests: the same pictures, nothing leaves.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Skips the test where Playwright or the browser is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="needs a browser: pip install playwright")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS, timeout=PATIENCE_MS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched_page(browser: Browser, origin: str, **options: object) -> Iterator[Page]:
    """A page of its own context; at the end, an error or warning on its console, or a foreign request, is a failure."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith((origin, "blob:")) else said.append(request.url))
    try:
        yield page
    finally:
        context.close()
    assert said == []


class Files:
    """A server on loopback: `web/static` below /, and the pages that a test has put in, by path."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, bytes]] = {}
        files = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body = files.read(self.path.partition("?")[0])
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Security-Policy", POLICY)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def read(self, path: str) -> tuple[str, bytes | None]:
        if path == "/favicon.ico":
            return "image/x-icon", b""
        if path in self.pages:
            return self.pages[path]
        file = STATIC / path.lstrip("/")
        kind = mimetypes.guess_type(path)[0] or "text/plain"
        return kind, file.read_bytes() if file.is_file() else None

    def put(self, path: str, kind: str, body: str) -> str:
        """Serve a text; returns its URL."""
        self.pages[path] = (f"{kind}; charset=utf-8", body.encode())
        return self.url + path

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
