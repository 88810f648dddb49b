"""A receiver on a loopback socket, and a client that sends exactly the bytes that it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import web

from headwater.ingest.http.receiver import Settings, create_app
from headwater.ingest.http.serving import make_runner
from headwater.ingest.intake.work import LargeBodies
from headwater.ingest.ledger.group_commit import GroupCommitter
from headwater.ingest.ledger.ledger import Entry, Ledger, open_ledger

V12 = "application/vnd.absa.spline.producer.v1.2+json"
PLANS = "/producer/execution-plans"
EVENTS = "/producer/execution-events"


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the header lines in order with lower-case names, the body."""

    status: int
    lines: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.lines if key == name.lower()]

    def header(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


@dataclass
class Server:
    """A running receiver with its ledger."""

    port: int
    ledger: Ledger

    def entries(self) -> list[Entry]:
        return self.ledger.read(0, 10_000)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def exchange(self, raw: bytes, *, head: bool = False) -> Answer:
        """Send the bytes, close the sending side never, read one answer."""
        reader, writer = await self.connect()
        try:
            writer.write(raw)
            return await read_answer(reader, head=head)
        finally:
            writer.close()

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A request with a Content-Length; a header that is set to "" is left out."""
        sent = {"Host": f"127.0.0.1:{self.port}", "Content-Length": str(len(body)), **(headers or {})}
        return await self.exchange(head_of(method, path, sent) + body, head=method == "HEAD")

    async def post(self, path: str, document: Any, headers: Mapping[str, str] | None = None) -> Answer:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return await self.request("POST", path, body, {"Content-Type": V12, **(headers or {})})


def head_of(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """Request line and header lines."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value)]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("utf-8", "surrogateescape")


async def read_answer(reader: asyncio.StreamReader, *, head: bool = False) -> Answer:
    """One response; its body by Content-Length."""
    status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    length = 0 if head else int(dict(headers).get("content-length", 0))
    return Answer(int(status_line.split()[1]), headers, await reader.readexactly(length))


@asynccontextmanager
async def running(
    folder: Path,
    settings: Settings | None = None,
    *routes: web.RouteDef,
    large: LargeBodies | None = None,
    now: int = 1_700_000_000_000,
) -> AsyncIterator[Server]:
    """The real receiver on the real ledger, on a free port. `now` is when the first entry is received, in ms."""
    clock = count(now)
    ledger = open_ledger(folder, clock=lambda: next(clock))
    committer = GroupCommitter(ledger)
    app = create_app(committer, settings=settings, large=large)
    app.add_routes(routes)
    runner = make_runner(app, keepalive_seconds=1.0, lingering_seconds=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield Server(runner.addresses[0][1], ledger)
    finally:
        await runner.cleanup()
        await committer.close()
        ledger.close()
