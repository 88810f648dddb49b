"""A server that only answers: the API and the page over a graph that another process writes. As many as are wanted.

It has no ledger and owns no folder, so copies of it may stand behind a load balancer, with a Neptune reader endpoint
behind them. Nothing is received here: a POST of a payload or a statement is told where to go. Who is let in is decided
as in a server (`ingest.http.auth`). Not here: what can be answered without a ledger (`ingest.folder.reader`).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import closing
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Handler

from headwater import tracing
from headwater.ingest.folder.reader import Reader
from headwater.ingest.http import api, page
from headwater.ingest.http.access_log import access_log
from headwater.ingest.http.addresses import url_of
from headwater.ingest.http.auth import Access, access_for, check_requests
from headwater.ingest.http.routes import ANY_METHOD, PROBE, add_route
from headwater.ingest.http.serving import (
    LimitedSite,
    alive,
    answer_errors,
    listen,
    make_runner,
    pack_answers,
    stop_signal,
)
from headwater.ingest.http.spans import trace_requests
from headwater.ingest.http.statements import PATH, SNAPSHOTS_PATH
from headwater.ingest.http.tokens import TokenStore
from headwater.ingest.intake.body import InvalidBody
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.process import emf
from headwater.ingest.process.memory import collect_rarely
from headwater.ingest.process.server import ServerSettings

DRAIN_SECONDS = 20.0  #: for open requests at SIGTERM: below what ECS and Kubernetes wait (30 s)
_CONNECTIONS = 1_000


def answer(settings: ServerSettings, url: str, send_to: str | None) -> None:
    """Answer from the graph at `url` until SIGTERM or SIGINT, then drain and return.

    `settings.folder` is where tokens are, and need not exist. `send_to`: where senders are told to go.

    TokensRequired: the host is not loopback and there are no tokens. TokensUnreadable. OSError: the port is taken, or a
    file of TLS or of the access log is not right. Errors of `open_store`.
    """
    tokens = TokenStore(settings.folder)
    tokens.list()
    access = access_for(
        settings.host,
        tokens,
        settings.people,
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
    )
    tls = None if settings.tls is None else settings.tls.context()
    with (
        tracing.sending("reader"),
        listen(settings.host, settings.port) as listening,
        closing(Reader.at(url, settings.folder)) as reader,
        emf.telling({"reader": partial(emf.of_service, reader)}),
    ):
        asyncio.run(_run(settings, application(reader, access, settings, send_to), listening, tls))


def application(reader: Reader, access: Access, settings: ServerSettings, send_to: str | None) -> web.Application:
    """The routes, with the checks and error answers for all of them."""
    before = () if settings.access_log is None else (access_log(settings.access_log),)
    traced = (trace_requests,) if tracing.on() else ()
    app = web.Application(middlewares=[*before, *traced, pack_answers, answer_errors, check_requests(access)])
    page.add_routes(app, embed_in=settings.embed_in, links=settings.links)
    add_route(app, "/health", alive, PROBE)
    sent = {path for bridge in BRIDGES.values() for path in (bridge.path, bridge.batch_path) if path}
    for path in sorted({*sent, PATH, SNAPSHOTS_PATH}):
        add_route(app, path, _refusal(send_to), "annotate" if path == PATH else "write", methods=["POST"])
    for path in ("/producer", "/producer/{path:.*}"):
        add_route(app, path, _refusal(send_to), "write", methods=ANY_METHOD)
    api.add_routes(app, reader)
    return app


async def _run(
    settings: ServerSettings, app: web.Application, listening: socket.socket, tls: ssl.SSLContext | None
) -> None:
    stop = stop_signal()
    runner = make_runner(app, shutdown_seconds=DRAIN_SECONDS, cancels=True, people=bool(settings.people))
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


def _refusal(send_to: str | None) -> Handler:
    where = send_to or "the server or the receiver that writes the graph (headwater serve, headwater receive)"

    async def refuse(request: web.Request) -> web.StreamResponse:
        status, headers = (404, {}) if request.method in ("GET", "HEAD") else (405, {"Allow": "GET, HEAD"})
        raise InvalidBody(status, f"nothing is received here, questions alone are answered: send to {where}", headers)

    return refuse
