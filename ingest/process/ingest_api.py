"""The API, the page and the Gremlin endpoint of an ingester: answers from the graph that it writes, in a thread.

Payloads are not received here: they go to the inbox. Statements are, since people and catalogs need an answer: they go
into the ledger at once, beside what the ingester's own thread appends. Who is let in is decided as in a server
(`ingest.http.auth`).
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from headwater import tracing
from headwater.faults import Fault
from headwater.graphmodel.statements.json_text import parse
from headwater.graphmodel.statements.model import Statement
from headwater.ingest.folder.service import Service
from headwater.ingest.folder.statement_checking import check
from headwater.ingest.gremlin import endpoint
from headwater.ingest.http import api, page, statements
from headwater.ingest.http.access_log import access_log
from headwater.ingest.http.addresses import url_of
from headwater.ingest.http.auth import access_for, check_requests
from headwater.ingest.http.authenticator import Authenticator
from headwater.ingest.http.error_table import explained_errors, fault_of
from headwater.ingest.http.routes import PROBE, add_route
from headwater.ingest.http.serving import LimitedSite, alive, answer_errors, listen, make_runner, pack_answers
from headwater.ingest.http.spans import trace_requests
from headwater.ingest.http.tokens import TokenStore
from headwater.ingest.ledger.group_commit import GroupCommitter

_CONNECTIONS = 1_000
_DRAIN_SECONDS = 10.0


@dataclass(frozen=True)
class ApiSettings:
    """Where it listens, and who is let in. `folder` is where its tokens are; `port` 0 takes a free one."""

    folder: Path
    host: str
    port: int
    allowed_hosts: tuple[str, ...] = ()
    people: tuple[Authenticator, ...] = ()  #: how people are known who sign in elsewhere
    access_log: str | None = None  #: a file, or ``-`` for standard output


@contextmanager
def answering(settings: ApiSettings, service: Service) -> Iterator[str]:
    """Answer until the end of the block; its URL.

    TokensRequired: the host is not loopback, and nobody is known. OSError: the port is taken.
    """
    tokens = TokenStore(settings.folder)
    tokens.list()
    access = access_for(settings.host, tokens, settings.people, allowed_hosts=settings.allowed_hosts)
    before = () if settings.access_log is None else (access_log(settings.access_log),)
    traced = (trace_requests,) if tracing.on() else ()
    app = web.Application(middlewares=[*before, *traced, pack_answers, answer_errors, check_requests(access)])
    page.add_routes(app)
    add_route(app, "/health", alive, PROBE)
    endpoint.add_routes(app, service.store)
    with listen(settings.host, settings.port) as listening:
        loop = asyncio.new_event_loop()
        committer = loop.run_until_complete(_committer(service))
        statements.add_routes(app, committer, _asking(service), lambda: service.ledger.head().sequence)
        api.add_routes(app, service)
        runner = make_runner(app, shutdown_seconds=_DRAIN_SECONDS, cancels=True, people=bool(settings.people))
        loop.run_until_complete(_start(runner, listening))
        thread = threading.Thread(target=loop.run_forever, name="api", daemon=True)
        thread.start()
        try:
            yield url_of(listening)
        finally:
            asyncio.run_coroutine_threadsafe(_end(runner, committer), loop).result(_DRAIN_SECONDS * 2)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


async def _start(runner: web.AppRunner, listening: socket.socket) -> None:
    await runner.setup()
    await LimitedSite(runner, listening, _CONNECTIONS).start()


async def _end(runner: web.AppRunner, committer: GroupCommitter) -> None:
    await runner.cleanup()
    await committer.close()


async def _committer(service: Service) -> GroupCommitter:
    return GroupCommitter(service.ledger, on_appended=service.projector.wake)


def _asking(service: Service) -> statements.Ask:
    async def ask(body: bytes, parameters: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        return await asyncio.to_thread(_looked_up, service, body, int(parameters.get("after", 0)))

    return ask


def _looked_up(service: Service, body: bytes, after: int) -> tuple[int, dict[str, Any]]:
    """What a statement is about, and the status of that answer; once the graph has the entry `after`, if it comes."""
    said = parse(body)
    assert isinstance(said, Statement), "snapshots are not looked up"
    service.projector.wait_for(after, api.WAIT_SECONDS)
    try:
        return 200, check(service, said).to_dict()
    except explained_errors() as error:
        fault = fault_of(error)
        if fault in (None, Fault.OURS):
            raise
        return fault.http, api.error_content(error)
