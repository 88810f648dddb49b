"""The WebSocket ``/gremlin`` and ``/status`` of the graph's process: connections, requests side by side, back-pressure.

Who may connect is checked before, by the server (`ingest.http.auth`). A store that is a Gremlin server itself has no
endpoint here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import orjson
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from headwater.graphstore.port import GraphStore
from headwater.ingest.gremlin.limits import Limits
from headwater.ingest.gremlin.messages import NO_ID, Codec, Status
from headwater.ingest.http.routes import ANY_METHOD, add_route
from headwater.ingest.http.sockets import Sockets

if TYPE_CHECKING:
    from headwater.ingest.gremlin.evaluation import Graph

TINKERPOP = "tinkerpop-3.7.3"  #: whose steps and answers these are

_THREADS = 4  #: that evaluate, apart from those of the HTTP API: a slow traversal must not hold that up


class _Formats(NamedTuple):
    """What is read and written, by its name."""

    codecs: Mapping[str, Codec]
    binary: str  #: the nearest to formats of GraphBinary that are not there
    text: str


@lru_cache(1)
def _formats() -> _Formats:
    """Loaded with the first connection: most servers are never asked in Gremlin, and it takes memory and time."""
    from headwater.ingest.gremlin.graphbinary import GraphBinary
    from headwater.ingest.gremlin.graphson import GraphSON

    binary, text = GraphBinary(), GraphSON()
    return _Formats({codec.mime: codec for codec in (binary, GraphBinary(texts=True), text)}, binary.mime, text.mime)


@dataclass
class _Endpoint:
    """What all connections share."""

    graph: Graph
    limits: Limits
    started: float
    threads: ThreadPoolExecutor
    waiting: int = 0
    connections: Sockets = field(default_factory=Sockets)


_ENDPOINT: web.AppKey[_Endpoint] = web.AppKey("gremlin", _Endpoint)


def add_routes(app: web.Application, store: GraphStore, limits: Limits | None = None) -> None:
    """The endpoint over an embedded store; over any other one a sentence that says where to ask instead."""
    from headwater.graphstore.embedded.store import EmbeddedStore

    if not isinstance(store, EmbeddedStore):
        add_route(app, "/gremlin", _answer_elsewhere, "read", methods=ANY_METHOD)
        add_route(app, "/status", _answer_elsewhere, "read", methods=ANY_METHOD)
        return
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="gremlin")
    app[_ENDPOINT] = _Endpoint(store, limits or Limits(), time.time(), threads)
    app.on_shutdown.append(_disconnect)
    app.on_cleanup.append(_close)
    add_route(app, "/gremlin", _gremlin, "read")
    add_route(app, "/status", _status, "read")


async def _answer_elsewhere(_request: web.Request) -> web.Response:
    sentence = (
        "there is no Gremlin endpoint here: this server's graph is in a Gremlin server of its own, connect to that"
    )
    return web.Response(status=404, text=sentence)


async def _disconnect(app: web.Application) -> None:
    await app[_ENDPOINT].connections.end_all(WSCloseCode.GOING_AWAY)


async def _close(app: web.Application) -> None:
    app[_ENDPOINT].threads.shutdown(wait=False, cancel_futures=True)


async def _status(request: web.Request) -> web.Response:
    """In the words of Neptune's /status, which graph-notebook shows."""
    started = time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(request.app[_ENDPOINT].started))
    content = {
        "status": "healthy",
        "startTime": started,
        "dbEngineVersion": f"headwater-{version('headwater')}",
        "role": "reader",
        "gremlin": {"version": TINKERPOP},
    }
    return web.Response(body=orjson.dumps(content), content_type="application/json")


async def _gremlin(request: web.Request) -> web.StreamResponse:
    endpoint = request.app[_ENDPOINT]
    socket = web.WebSocketResponse(max_msg_size=endpoint.limits.request_bytes, compress=False)
    if not socket.can_prepare(request):
        sentence = "/gremlin is a WebSocket: connect to it by a Gremlin client"
        return web.Response(status=426, text=sentence, headers={"Upgrade": "websocket"})
    connections, limits = endpoint.connections, endpoint.limits
    if len(connections) >= limits.connections and not connections.make_room(limits.idle_seconds):
        return web.Response(status=503, text="too many connections: close some", headers={"Retry-After": "5"})
    await connections.accept(socket, request)
    requests: set[asyncio.Task[None]] = set()
    try:
        async for message in socket:
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                break  # too large a frame, or none at all: the close code says so
            task = asyncio.create_task(_answer(endpoint, socket, message))
            requests.add(task)
            task.add_done_callback(requests.discard)
            connections.begin(socket)
            task.add_done_callback(lambda _: connections.done(socket))
            if len(requests) >= endpoint.limits.pipelined:
                await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
    finally:
        connections.discard(socket)
        for task in requests:
            task.cancel()
    return socket


async def _answer(endpoint: _Endpoint, socket: web.WebSocketResponse, message: WSMessage) -> None:
    """All frames of one answer, in the format that the request came in."""
    binary = message.type is WSMsgType.BINARY
    text = message.data if binary else message.data.encode("utf-8", "surrogatepass")
    mime, body = _format_and_body(text) if binary else (_formats().text, text)

    async def send(frame: bytes) -> None:
        sending = socket.send_bytes(frame) if binary else socket.send_str(frame.decode())
        await asyncio.wait_for(sending, endpoint.limits.send_seconds)

    try:
        with suppress(ConnectionError):
            await _dispatch(endpoint, mime, body, send)
    except asyncio.TimeoutError:  # a client that reads nothing
        await endpoint.connections.end(socket, WSCloseCode.POLICY_VIOLATION)


async def _dispatch(endpoint: _Endpoint, mime: str, body: bytes, send: Callable[[bytes], Awaitable[None]]) -> None:
    """Refusals that cost nothing are sent at once; the rest waits for a thread, frame by frame."""
    from headwater.ingest.gremlin.evaluation import frames

    known = _formats()
    codec = known.codecs.get(mime)
    if codec is None:
        codec = known.codecs[known.binary if "graphbinary" in mime else known.text]
        sentence = f"the format {mime[:60]!r} is not read here: {', '.join(known.codecs)}"
        await send(codec.response(NO_ID, Status.SERIALIZATION, sentence, None))
    elif endpoint.waiting >= endpoint.limits.waiting:
        sentence = f"{endpoint.waiting} requests are under way: send this one again later"
        await send(codec.response(codec.id_of(body), Status.TOO_MANY_REQUESTS, sentence, None))
    else:
        await _evaluate(endpoint, frames(endpoint.graph, codec, body, endpoint.limits), send)


async def _evaluate(endpoint: _Endpoint, answer: Iterator[bytes], send: Callable[[bytes], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    endpoint.waiting += 1
    try:
        while frame := await loop.run_in_executor(endpoint.threads, next, answer, b""):
            await send(frame)
    finally:
        endpoint.waiting -= 1


def _format_and_body(frame: bytes) -> tuple[str, bytes]:
    """The format that a frame names, behind one byte that says how long its name is; and what it holds."""
    length = frame[0] if frame else 0
    return frame[1 : 1 + length].decode("utf-8", "replace").partition(";")[0].strip(), frame[1 + length :]
