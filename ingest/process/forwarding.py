"""What the graph's process answers, asked through the server: requests and WebSockets.

The server checks who asks, and names the sender to the process; no header of the request itself is passed on. While the
graph is being opened a question waits for that, for a while; if it cannot be opened, the answer says why. An answer
is passed on piece by piece, so that a client that reads slowly holds no memory here; and when a client is gone, so is
its question: the process sees the connection close, and stops. Not here: `/ready`, which the server answers itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import WSCloseCode, WSMsgType, web
from yarl import URL

from headwater import tracing
from headwater.ingest.gremlin.limits import Limits
from headwater.ingest.http.auth import SENDER
from headwater.ingest.http.authenticator import sender_headers
from headwater.ingest.http.routes import ANY_METHOD, add_route
from headwater.ingest.http.serving import takes_gzip
from headwater.ingest.http.sockets import Sockets
from headwater.ingest.process.graph_process import NotOpen

log = logging.getLogger(__name__)

_BUSY = 503
_NO_ANSWER = "the graph's process does not answer: ask again soon"
_RETRY = {"Retry-After": "5"}
#: Seconds that a question waits for the graph to be opened: shorter than clients wait for an answer.
_OPENING_SECONDS = 30.0
_MOST_WAITING = 64  #: questions that wait for it; one more is told to come again
_POLL_SECONDS = 0.05
_CLIENT_GONE = 499  #: as nginx has it; nobody reads it
#: In seconds. The process itself ends a question after a minute, and waits for an entry for half of one before it.
_LIMITS_OF_ANSWERS = aiohttp.ClientTimeout(total=600, sock_connect=10, sock_read=120)
_LOOK_SECONDS = 0.25  #: between two looks whether the client is still there
_PIECE = 64 * 2**10
_OF_REQUEST = ("X-Amz-Target",)  #: headers of a request that its answer depends on
_MOST_BODY = 64 * 2**10
_PASSED_ON = (
    *("Content-Type", "Content-Encoding", "Content-Disposition", "Content-Security-Policy", "Cache-Control", "Vary"),
    *("X-Content-Type-Options", "Allow", "Retry-After", "Location", "Headwater-Graph"),
)
_EVENTS = "text/event-stream"
_SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("graph", aiohttp.ClientSession)
_Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse
_SOCKETS: web.AppKey[Sockets] = web.AppKey("sockets", Sockets)
#: Streams of events, which would otherwise keep a server that stops waiting for its open requests.
_STREAMS = web.AppKey("streams", set[asyncio.Future[None]])
_OPENING: web.AppKey[_Opening] = web.AppKey("opening")


class _Opening:
    """Questions that wait until the graph is open."""

    def __init__(self, not_open: Callable[[], NotOpen | None]) -> None:
        self._why = not_open
        self._waiting = 0
        self.ending = False  #: the server ends: nobody waits any longer

    async def not_open(self) -> str | None:
        """Why the graph cannot be asked now, after waiting for it if it is being opened; None: it can be asked."""
        if self._why() is None:
            return None
        if self._waiting < _MOST_WAITING:
            self._waiting += 1
            try:
                await self._wait()
            finally:
                self._waiting -= 1
        not_open = self._why()
        return None if not_open is None else not_open.text

    async def _wait(self) -> None:
        end = time.monotonic() + _OPENING_SECONDS
        while (not_open := self._why()) is not None and not_open.reason != "failed":
            if self.ending or time.monotonic() > end:
                return
            await asyncio.sleep(_POLL_SECONDS)


def add_routes(app: web.Application, address: Path, not_open: Callable[[], NotOpen | None] = lambda: None) -> None:
    """Routes that are answered by the process that listens on the Unix socket at `address`.

    `not_open` says why it cannot be asked at this moment, and None when it can be.
    """

    async def connected(app: web.Application) -> None:
        connector = aiohttp.UnixConnector(str(address), limit=0)
        app[_SESSION] = aiohttp.ClientSession(
            connector=connector,
            timeout=_LIMITS_OF_ANSWERS,
            auto_decompress=False,
            skip_auto_headers=["Accept-Encoding"],
        )

    async def hung_up(app: web.Application) -> None:
        streams = app[_STREAMS]
        for streaming in list(streams):
            streaming.cancel()
        app[_OPENING].ending = True
        await app[_SOCKETS].end_all(WSCloseCode.GOING_AWAY)

    async def disconnected(app: web.Application) -> None:
        await app[_SESSION].close()

    app[_OPENING] = _Opening(not_open)
    app[_SOCKETS] = Sockets()
    app[_STREAMS] = set[asyncio.Future[None]]()
    app.on_startup.append(connected)
    app.on_shutdown.append(hung_up)
    app.on_cleanup.append(disconnected)
    add_route(app, "/gremlin", _forward_socket, "read")
    for path in (
        "/api",
        "/api/{path:.*}",
        "/consumer",
        "/consumer/{path:.*}",
        "/metrics",
        "/gremlin/{path:.*}",
        "/status",
    ):
        add_route(app, path, _forward, "read")  # the process checks what its own route needs beyond that
    add_route(app, "/sagemaker/{path:.*}", _forward, "read", methods=["POST"])
    for path in ("/api", "/api/{path:.*}", "/metrics", "/gremlin", "/gremlin/{path:.*}", "/status"):
        add_route(app, path, _forward, "admin", methods=ANY_METHOD)


async def ask(
    app: web.Application, path: str, body: bytes, parameters: Mapping[str, str]
) -> tuple[int, dict[str, Any]]:
    """A question of the server's own to the graph's process: the status and the JSON of its answer."""
    url = URL(f"http://graph{path}").with_query(dict(parameters))
    if not_open := await app[_OPENING].not_open():
        return _BUSY, _error(not_open)
    try:
        async with app[_SESSION].post(url, data=body) as answer:
            return answer.status, orjson.loads(await answer.read())
    except (aiohttp.ClientError, asyncio.TimeoutError) as error:
        log.warning("the graph's process does not answer: %s", error)
        return _BUSY, _error(_NO_ANSWER)


def _error(text: str) -> dict[str, Any]:
    return {"error": text, "field": None, "suggestions": []}


def _unavailable(text: str) -> web.Response:
    return web.Response(body=orjson.dumps(_error(text)), status=_BUSY, content_type="application/json", headers=_RETRY)


async def _forward(request: web.Request) -> web.StreamResponse:
    """Ask the process, and pass its answer on, as long as the client is there."""
    passing = asyncio.ensure_future(_pass_answer(request))
    try:
        while not (await asyncio.wait([passing], timeout=_LOOK_SECONDS))[0]:
            if request.transport is None or request.transport.is_closing():
                return web.Response(status=_CLIENT_GONE)
        return passing.result()
    finally:
        passing.cancel()
        await asyncio.gather(passing, return_exceptions=True)


async def _pass_answer(request: web.Request) -> web.StreamResponse:
    url = URL(f"http://graph{request.rel_url}", encoded=True)
    response: web.StreamResponse | None = None
    if not_open := await request.app[_OPENING].not_open():
        return _unavailable(not_open)
    try:
        headers = sender_headers(request.get(SENDER))
        if takes_gzip(request):
            headers["Accept-Encoding"] = "gzip"
        headers |= {name: request.headers[name] for name in _OF_REQUEST if name in request.headers}
        tracing.name_span_in(headers)
        asked = request.app[_SESSION].request(
            request.method, url, headers=headers, data=await _body(request), allow_redirects=False
        )
        async with asked as answer:
            headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
            length = answer.content_length
            if answer.content_type == _EVENTS and request.method != "HEAD":
                response = web.StreamResponse(status=answer.status, headers=headers)
                await _pass_events(request, answer, response)
                return response
            if length is None or length <= _PIECE or request.method == "HEAD":
                return web.Response(body=await answer.read(), status=answer.status, headers=headers)
            response = web.StreamResponse(status=answer.status, headers=headers)
            response.content_length = length
            await response.prepare(request)
            async for piece in answer.content.iter_chunked(_PIECE):
                await asyncio.wait_for(response.write(piece), _LIMITS.send_seconds)
            await response.write_eof()
            return response
    except (aiohttp.ClientError, asyncio.TimeoutError) as error:
        if response is not None:  # begun, and cannot be ended: the client sees that it is cut off
            if request.transport is not None:
                request.transport.abort()
            return response
        log.warning("the graph's process does not answer: %s", str(error) or "it took too long")
        return _unavailable(_NO_ANSWER)


async def _pass_events(request: web.Request, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
    """Pass each event on as it comes, until one of both sides ends, or the server stops."""
    await response.prepare(request)

    async def pass_on() -> None:
        async for piece in answer.content.iter_any():
            await asyncio.wait_for(response.write(piece), _LIMITS.send_seconds)

    passing = asyncio.ensure_future(pass_on())
    request.app[_STREAMS].add(passing)
    try:
        await asyncio.wait([passing])
    finally:
        request.app[_STREAMS].discard(passing)
        passing.cancel()
        await asyncio.gather(passing, return_exceptions=True)


# WebSockets -----------------------------------------------------------------------------------------------------------


_LIMITS = Limits()


async def _body(request: web.Request) -> bytes | None:
    """What a POST brings, as far as questions do: those have a few hundred bytes. It is read before it is passed on."""
    if request.method != "POST" or not request.body_exists:
        return None
    found = b""
    while piece := await request.content.read(_MOST_BODY + 1 - len(found)):
        found += piece
        if len(found) > _MOST_BODY:
            raise web.HTTPRequestEntityTooLarge(_MOST_BODY, len(found))
    return found


async def _forward_socket(request: web.Request) -> web.StreamResponse:
    """A request that is no WebSocket, or is refused as one, is forwarded as any other: its answer says why."""
    socket = web.WebSocketResponse(max_msg_size=_LIMITS.request_bytes, compress=False)
    if not socket.can_prepare(request):
        return await _forward(request)
    if not_open := await request.app[_OPENING].not_open():
        return _unavailable(not_open)
    try:
        graph = await request.app[_SESSION].ws_connect(
            f"http://graph{request.rel_url}", headers=sender_headers(request.get(SENDER)), max_msg_size=0
        )
    except aiohttp.WSServerHandshakeError as refused:
        if refused.status == _BUSY:
            return web.Response(status=_BUSY, text="too many connections: close some", headers={"Retry-After": "5"})
        return await _forward(request)
    except (aiohttp.ClientError, asyncio.TimeoutError):
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
