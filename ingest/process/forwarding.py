"""What the graph's process answers, asked through the server: requests and WebSockets.

The server checks who asks, and names the sender to the process; no header of the request itself is passed on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import WSCloseCode, WSMsgType, web
from yarl import URL

from headwater.ingest.gremlin.limits import Limits
from headwater.ingest.http.auth import SENDER
from headwater.ingest.http.authenticator import sender_headers
from headwater.ingest.http.routes import ANY_METHOD, PROBE, add_route
from headwater.ingest.http.sockets import Sockets

log = logging.getLogger(__name__)

_BUSY = 503
_BEING_OPENED: dict[str, Any] = {"error": "the graph is being opened: ask again soon", "field": None, "suggestions": []}
_PASSED_ON = ("Content-Type", "X-Content-Type-Options", "Allow", "Retry-After")
_SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("graph", aiohttp.ClientSession)
_Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse
_SOCKETS: web.AppKey[Sockets] = web.AppKey("sockets", Sockets)


def add_routes(app: web.Application, address: Path) -> None:
    """Routes that are answered by the process that listens on the Unix socket at `address`."""

    async def connected(app: web.Application) -> None:
        connector = aiohttp.UnixConnector(str(address), limit=0)
        app[_SESSION] = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout())

    async def hung_up(app: web.Application) -> None:
        await app[_SOCKETS].end_all(WSCloseCode.GOING_AWAY)

    async def disconnected(app: web.Application) -> None:
        await app[_SESSION].close()

    app[_SOCKETS] = Sockets()
    app.on_startup.append(connected)
    app.on_shutdown.append(hung_up)
    app.on_cleanup.append(disconnected)
    add_route(app, "/ready", _forward, PROBE)
    add_route(app, "/gremlin", _forward_socket, "read")
    for path in ("/api/{path:.*}", "/metrics", "/gremlin/{path:.*}", "/status"):
        add_route(app, path, _forward, "read")  # the process checks what its own route needs beyond that
    for path in ("/api/{path:.*}", "/ready", "/metrics", "/gremlin", "/gremlin/{path:.*}", "/status"):
        add_route(app, path, _forward, "admin", methods=ANY_METHOD)


async def ask(
    app: web.Application, path: str, body: bytes, parameters: Mapping[str, str]
) -> tuple[int, dict[str, Any]]:
    """A question of the server's own to the graph's process: the status and the JSON of its answer."""
    url = URL(f"http://graph{path}").with_query(dict(parameters))
    try:
        async with app[_SESSION].post(url, data=body) as answer:
            return answer.status, orjson.loads(await answer.read())
    except aiohttp.ClientError as error:
        log.warning("the graph's process does not answer: %s", error)
        return _BUSY, dict(_BEING_OPENED)


async def _forward(request: web.Request) -> web.Response:
    url = URL(f"http://graph{request.rel_url}", encoded=True)
    try:
        headers = sender_headers(request.get(SENDER))
        async with request.app[_SESSION].request(request.method, url, headers=headers) as answer:
            headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
            return web.Response(body=await answer.read(), status=answer.status, headers=headers)
    except aiohttp.ClientError as error:
        log.warning("the graph's process does not answer: %s", error)
        return web.Response(body=orjson.dumps(_BEING_OPENED), status=_BUSY, content_type="application/json")


# WebSockets -----------------------------------------------------------------------------------------------------------


_LIMITS = Limits()


async def _forward_socket(request: web.Request) -> web.StreamResponse:
    """A request that is no WebSocket, or is refused as one, is forwarded as any other: its answer says why."""
    socket = web.WebSocketResponse(max_msg_size=_LIMITS.request_bytes, compress=False)
    if not socket.can_prepare(request):
        return await _forward(request)
    try:
        graph = await request.app[_SESSION].ws_connect(
            f"http://graph{request.rel_url}", headers=sender_headers(request.get(SENDER)), max_msg_size=0
        )
    except aiohttp.WSServerHandshakeError as refused:
        if refused.status == _BUSY:
            return web.Response(status=_BUSY, text="too many connections: close some", headers={"Retry-After": "5"})
        return await _forward(request)
    except aiohttp.ClientError:
        return await _forward(request)
    sockets = request.app[_SOCKETS]
    async with graph:
        await sockets.accept(socket, request)
        try:
            await _join(socket, graph)
            await sockets.end(
                socket, graph.close_code if graph.close_code in _CLOSE_CODES else WSCloseCode.SERVICE_RESTART
            )
        finally:
            sockets.discard(socket)
    return socket


async def _join(socket: web.WebSocketResponse, graph: aiohttp.ClientWebSocketResponse) -> None:
    """Pass messages on in both directions until one side ends, or stops reading."""
    directions = [asyncio.create_task(_pass_on(socket, graph)), asyncio.create_task(_pass_on(graph, socket))]
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for direction in directions:
            direction.cancel()
        await asyncio.gather(*directions, return_exceptions=True)  # a broken connection ends it as well


async def _pass_on(source: _Socket, target: _Socket) -> None:
    async for message in source:
        if message.type is WSMsgType.BINARY:
            sending = target.send_bytes(message.data)
        elif message.type is WSMsgType.TEXT:
            sending = target.send_str(message.data)
        else:
            break  # too large a frame: the close code says so
        await asyncio.wait_for(sending, _LIMITS.send_seconds)


#: Close codes that may be passed on. A side that vanished has another one, which no endpoint may send.
_CLOSE_CODES = frozenset(
    {WSCloseCode.OK, WSCloseCode.GOING_AWAY, WSCloseCode.POLICY_VIOLATION, WSCloseCode.MESSAGE_TOO_BIG}
)
