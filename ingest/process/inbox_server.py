"""A receiver before an inbox: no ledger, no graph, nothing kept on this machine. As many of them as are wanted.

Routes, checks and answers are those of the server (`ingest.http.receiver`); a payload is acknowledged when its file is
stored. Not here: what becomes of the inbox (`ingesting`), and the same behind API Gateway (`inbox_lambda`).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from headwater import tracing
from headwater.ingest.http.access_log import access_log
from headwater.ingest.http.addresses import url_of
from headwater.ingest.http.auth import access_for
from headwater.ingest.http.receiver import RECEIVER, Settings, create_app
from headwater.ingest.http.routes import ANY_METHOD, PROBE, Rule, add_route
from headwater.ingest.http.serving import LimitedSite, alive, listen, make_runner, stop_signal
from headwater.ingest.http.tls import TlsFiles
from headwater.ingest.http.tokens import TokenStore
from headwater.ingest.inbox.writing import InboxWriter
from headwater.ingest.ledger.ledger import now_ms
from headwater.ingest.places.file_storage import ObjectStorage
from headwater.ingest.process import emf
from headwater.ingest.process.intake_process import IntakeProcesses
from headwater.ingest.process.memory import collect_rarely

DRAIN_SECONDS = 20.0  #: for open requests at SIGTERM: below what ECS and Kubernetes wait (30 s)
_CONNECTIONS = 1_000


@dataclass(frozen=True)
class InboxServerSettings:
    """How a receiver is started. `folder` is where its tokens are; `port` 0 takes a free one."""

    inbox: ObjectStorage
    folder: Path
    host: str = "127.0.0.1"
    port: int = 9090
    allowed_hosts: tuple[str, ...] = ()
    access_log: str | None = None  #: a file, or ``-`` for standard output
    tls: TlsFiles | None = None
    ready: Callable[[str], None] = field(default=lambda _: None)


def receive(settings: InboxServerSettings) -> None:
    """Receive until SIGTERM or SIGINT, then drain and return.

    TokensRequired: the host is not loopback and there are no tokens. TokensUnreadable. OSError: the port is taken, or a
    file of TLS is not right.
    """
    tls = None if settings.tls is None else settings.tls.context()
    tokens = TokenStore(settings.folder)
    tokens.list()
    access = access_for(settings.host, tokens, allowed_hosts=settings.allowed_hosts)
    with tracing.sending("receiver"), listen(settings.host, settings.port) as listening:
        requests = emf.Requests()
        before = (
            *((requests.counting(),) if emf.on() else ()),
            *(() if settings.access_log is None else (access_log(settings.access_log),)),
        )
        receiver = Settings(access=access, before=before)
        with emf.telling({"receiver": requests.take}):
            asyncio.run(_run(settings, receiver, listening, tls))


async def _run(
    settings: InboxServerSettings, receiver: Settings, listening: socket.socket, tls: ssl.SSLContext | None
) -> None:
    stop = stop_signal()
    writer = InboxWriter(settings.inbox, now_ms)
    app = create_app(writer, settings=receiver, large=IntakeProcesses())
    add_probes(app, writer)
    runner = make_runner(app, shutdown_seconds=DRAIN_SECONDS)
    await runner.setup()
    await LimitedSite(runner, listening, _CONNECTIONS, tls).start()
    renewing = asyncio.create_task(settings.tls.follow(tls)) if settings.tls is not None and tls is not None else None
    settings.ready(url_of(listening, "http" if tls is None else "https"))
    collect_rarely()
    try:
        await stop.wait()
    finally:
        if renewing is not None:
            renewing.cancel()
        await runner.cleanup()
        await asyncio.to_thread(writer.close)


def add_probes(app: web.Application, writer: InboxWriter) -> None:
    """Add /health (it lives) and /ready (the newest write to the inbox went well); to all else what it is.

    `receiver` in what /ready says tells programs that there are no entries to wait for.
    """
    add_route(app, "/health", alive, PROBE)
    add_route(app, "/ready", _ready(writer), PROBE)
    add_route(app, "/{path:.*}", _nothing_to_ask, Rule(None), methods=ANY_METHOD)


async def _nothing_to_ask(_: web.Request) -> web.StreamResponse:
    return web.json_response({"error": RECEIVER, "field": None, "suggestions": []}, status=404)


def _ready(writer: InboxWriter) -> Handler:
    async def ready(_: web.Request) -> web.StreamResponse:
        if writer.problem:
            said: dict[str, object] = {
                "error": "the inbox cannot be written: the log says why",
                "field": None,
                "suggestions": [],
                "receiver": True,
            }
            return web.json_response(said, status=503, headers={"Retry-After": "5"})
        return web.json_response({"status": "ready", "receiver": True})

    return ready
