"""A stand-in for Neptune: a WebSocket proxy on loopback in front of a real Gremlin Server.

It takes signed connections only (checked by `tests.neptune.sigv4`), refuses what Neptune refuses, and has Neptune's
troubles at a seeded rate, in Neptune's own words.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import ssl
import threading
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from math import inf

import aiohttp
from aiohttp import WSMsgType, web

from tests.neptune import rules, sigv4
from tests.neptune.wire import Request, aliased, error, request_of, status_of

REGION = "eu-west-1"
SECRET = sigv4.Secret("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session-token")
#: Of a process that is let in, and that has nothing else of AWS.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": SECRET.key,
    "AWS_SECRET_ACCESS_KEY": SECRET.secret,
    "AWS_SESSION_TOKEN": SECRET.token or "",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
_BIG = 200 * 2**20

Socket = web.WebSocketResponse


@dataclass
class Trouble:
    """Which faults happen, at what share of the requests, chosen by the seed, and how many at most."""

    rate: float = 0.0
    kinds: tuple[str, ...] = ()
    times: float = inf


@dataclass
class Seen:
    """What came, for tests to look at."""

    connections: int = 0
    open: int = 0
    requests: int = 0
    refused: list[str] = field(default_factory=list)  #: signatures, with the reason
    rejected: list[str] = field(default_factory=list)  #: requests, with the reason
    faults: Counter[str] = field(default_factory=Counter)
    most_records: int = 0
    writes: int = 0


class StandIn:
    """One endpoint. Its attributes may be changed while it runs; `url` is its ``neptune://`` URL."""

    def __init__(self, backend: str, certificate: ssl.SSLContext | None, ca: str = "") -> None:
        """`backend` is a ``ws://`` URL; its ``?g=`` names the graph."""
        self.backend, _, source = backend.partition("?g=")
        self.source = source or "g"
        self.trouble = Trouble()
        self.secrets: Mapping[str, sigv4.Secret] = {SECRET.key: SECRET}
        self.iam = True
        self.role = "writer"
        self.slowest = inf  #: records that one write may have before it runs into the time limit
        self.now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
        self.seen = Seen()
        self.port = 0
        self.ca = ca
        self._certificate = certificate
        self._random = random.Random()

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """What a user would write."""
        return f"neptune://{self.host}?region={REGION}&ca={self.ca}"

    def suffer(self, *kinds: str, rate: float = 1.0, seed: int = 1, times: float = inf) -> None:
        """From now on these faults happen; without a name none does."""
        self.trouble = Trouble(rate if kinds else 0.0, kinds, times)
        self._random = random.Random(seed)

    # one connection

    async def gremlin(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket, or 403."""
        reason = sigv4.fault(request.headers, "/gremlin", REGION, self.secrets, self.now()) if self.iam else ""
        if reason:
            self.seen.refused.append(reason)
            code, _, detail = reason.partition(": ")
            return web.json_response(_words(code, detail), status=403)
        socket = Socket(max_msg_size=_BIG)
        await socket.prepare(request)
        self.seen.connections += 1
        self.seen.open += 1
        try:
            async with aiohttp.ClientSession() as session:
                await _Conversation(self, socket, session).run()
        finally:
            self.seen.open -= 1
        return socket

    def fault(self) -> str | None:
        """What happens to the next request."""
        self.seen.requests += 1
        if self.trouble.times <= 0 or self._random.random() >= self.trouble.rate:
            return None
        self.trouble.times -= 1
        kind = self._random.choice(self.trouble.kinds)
        self.seen.faults[kind] += 1
        return kind


class _Conversation:
    def __init__(self, standin: StandIn, socket: Socket, session: aiohttp.ClientSession) -> None:
        self.standin = standin
        self.socket = socket
        self.session = session
        self.server: aiohttp.ClientWebSocketResponse | None = None  #: connected with the first request
        self.stale = False  #: the writer has moved away from this connection

    async def run(self) -> None:
        async for message in self.socket:
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                break
            await self._answer(message.data)
            if self.socket.closed:
                break

    async def _answer(self, data: bytes | str) -> None:
        asked = request_of(data)
        writing = rules.writes(asked.gremlin)
        reason = self._rejection(asked, writing=writing)
        if reason:
            await self._say(asked, *reason)
            return
        kind = self.standin.fault()
        if kind is None:
            await self._forward(data)
        else:
            await FAULTS[kind](self, asked, data)

    def _rejection(self, asked: Request, *, writing: bool) -> tuple[str, str] | None:
        seen = self.standin.seen
        wrong = rules.wrong(asked)
        if wrong:
            seen.rejected.append(": ".join(wrong))
            return wrong
        if writing and (self.stale or self.standin.role == "reader"):
            return (
                "ReadOnlyViolationException",
                "The request is rejected because it violates some read-only restriction",
            )
        if writing:
            seen.writes += 1
            count = rules.records(asked.gremlin)
            seen.most_records = max(seen.most_records, count)
            if count > self.standin.slowest:
                return "TimeLimitExceededException", "A timeout occurred within the script or was otherwise cancelled"
        return None

    async def _say(self, asked: Request, code: str, detail: str) -> None:
        answer = error(asked, STATUS.get(code, 500), json.dumps(_words(code, detail)))
        await (self.socket.send_bytes(answer) if isinstance(answer, bytes) else self.socket.send_str(answer))

    async def _forward(self, data: bytes | str, *, answer: bool = True) -> None:
        if self.server is None:
            self.server = await self.session.ws_connect(self.standin.backend, max_msg_size=0)
        sent = aliased(data, self.standin.source)
        await (self.server.send_bytes(sent) if isinstance(sent, bytes) else self.server.send_str(sent))
        while True:
            frame = await self.server.receive()
            if frame.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                await self.socket.close()
                return
            if answer:
                send = self.socket.send_bytes if frame.type == WSMsgType.BINARY else self.socket.send_str
                await send(frame.data)
            if status_of(frame.data) != 206:
                return

    # what can happen to a request

    async def conflict(self, asked: Request, data: bytes | str) -> None:
        await self._say(
            asked,
            "ConcurrentModificationException",
            "Failed to complete Insert operation for a Vertex due to conflicting concurrent operations. "
            "Please retry. 0 transactions are currently rolling back.",
        )

    async def throttled(self, asked: Request, data: bytes | str) -> None:
        await self._say(asked, "ThrottlingException", "Rate exceeded")

    async def timeout(self, asked: Request, data: bytes | str) -> None:
        await self._say(
            asked, "TimeLimitExceededException", "A timeout occurred within the script or was otherwise cancelled"
        )

    async def memory(self, asked: Request, data: bytes | str) -> None:
        await self._say(asked, "MemoryLimitExceededException", "Query cancelled due to out of memory")

    async def malformed(self, asked: Request, data: bytes | str) -> None:
        await self._say(asked, "MalformedQueryException", "Query parsing has failed")

    async def unheard_of(self, asked: Request, data: bytes | str) -> None:
        await self._say(asked, "BrandNewException", "a later engine knows more codes")

    async def failover(self, asked: Request, data: bytes | str) -> None:
        """What this connection leads to is a reader now; a new one leads to the new writer."""
        self.stale = True
        await self._answer(data)

    async def dropped(self, asked: Request, data: bytes | str) -> None:
        """The socket goes, and the request with it."""
        _abort(self.socket)

    async def dropped_after(self, asked: Request, data: bytes | str) -> None:
        """The request is done; the socket goes before the answer."""
        await self._forward(data, answer=False)
        _abort(self.socket)

    async def closed(self, asked: Request, data: bytes | str) -> None:
        """The server says good-bye, as it does after the longest idle time."""
        await self.socket.close()

    async def half_open(self, asked: Request, data: bytes | str) -> None:
        """Nothing comes any more, until the client goes."""
        async for _ in self.socket:
            pass

    async def slow(self, asked: Request, data: bytes | str) -> None:
        await asyncio.sleep(0.05)
        await self._forward(data)


FAULTS: dict[str, Callable[[_Conversation, Request, bytes | str], Awaitable[None]]] = {
    "conflict": _Conversation.conflict,
    "throttled": _Conversation.throttled,
    "timeout": _Conversation.timeout,
    "memory": _Conversation.memory,
    "malformed": _Conversation.malformed,
    "unheard of": _Conversation.unheard_of,
    "failover": _Conversation.failover,
    "dropped": _Conversation.dropped,
    "dropped after": _Conversation.dropped_after,
    "closed": _Conversation.closed,
    "half-open": _Conversation.half_open,
    "slow": _Conversation.slow,
}
#: The faults after which the same request, or less of it, succeeds.
PASSING = frozenset(FAULTS) - {"malformed", "unheard of"}
STATUS = {"TooManyRequestsException": 429, "ReadOnlyViolationException": 400, "MalformedQueryException": 498}


def _words(code: str, detail: str) -> dict[str, str]:
    return {"detailedMessage": detail, "requestId": str(uuid.uuid4()), "code": code}


def _abort(socket: Socket) -> None:
    """Without a good-bye."""
    transport = socket._req.transport if socket._req else None
    if transport:
        transport.abort()


@contextmanager
def serving(standin: StandIn) -> Iterator[StandIn]:
    """Run the stand-in in a thread of its own, on a free port of loopback."""
    loop = asyncio.new_event_loop()
    application = web.Application()
    application.router.add_get("/gremlin", standin.gremlin)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)

    async def begin() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=standin._certificate)
        await site.start()
        standin.port = runner.addresses[0][1]

    loop.run_until_complete(begin())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield standin
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
