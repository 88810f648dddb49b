"""What the graph's process answers, asked through the server, which has checked who asks."""

from __future__ import annotations

import logging
from pathlib import Path

import aiohttp
import orjson
from aiohttp import web
from yarl import URL

log = logging.getLogger(__name__)

_PASSED_ON = ("Content-Type", "X-Content-Type-Options", "Allow", "Retry-After")
_SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("graph", aiohttp.ClientSession)


def add_routes(app: web.Application, address: Path) -> None:
    """Routes that are answered by the process that listens on the Unix socket at `address`."""

    async def connected(app: web.Application) -> None:
        connector = aiohttp.UnixConnector(str(address), limit=0)
        app[_SESSION] = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout())

    async def disconnected(app: web.Application) -> None:
        await app[_SESSION].close()

    app.on_startup.append(connected)
    app.on_cleanup.append(disconnected)
    for path in ("/api/{path:.*}", "/ready", "/metrics"):
        app.router.add_route("*", path, _forward)


async def _forward(request: web.Request) -> web.Response:
    url = URL(f"http://graph{request.rel_url}", encoded=True)
    try:
        async with request.app[_SESSION].request(request.method, url) as answer:
            headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
            return web.Response(body=await answer.read(), status=answer.status, headers=headers)
    except aiohttp.ClientError as error:
        log.warning("the graph's process does not answer: %s", error)
        content: dict[str, object] = {
            "error": "the graph is being opened: ask again soon",
            "field": None,
            "suggestions": [],
        }
        return web.Response(body=orjson.dumps(content), status=503, content_type="application/json")
