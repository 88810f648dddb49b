"""The server: receiver and API over one data folder, on one port; from start to a drained stop.

This process receives, writes the ledger and acknowledges; the graph is a process of its own (`graph_process`), and so
is the work on large bodies (`intake_process`).
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import resource
import secrets
import socket
import ssl
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from headwater import tracing
from headwater.graphstore import check_url
from headwater.ingest.folder.naming_file import rules_of
from headwater.ingest.folder.targets import default_store
from headwater.ingest.http import page, statements
from headwater.ingest.http.access_log import access_log
from headwater.ingest.http.addresses import url_of
from headwater.ingest.http.auth import MAY_READ, access_for
from headwater.ingest.http.authenticator import Authenticator, Sender
from headwater.ingest.http.receiver import Settings, create_app
from headwater.ingest.http.routes import PROBE, add_route
from headwater.ingest.http.run_links import RunLink
from headwater.ingest.http.serving import LimitedSite, listen, make_runner, stop_signal
from headwater.ingest.http.tls import TlsFiles
from headwater.ingest.http.tokens import TokenStore
from headwater.ingest.ledger.group_commit import GroupCommitter
from headwater.ingest.ledger.ledger import Ledger, LedgerError, open_ledger
from headwater.ingest.process import emf, forwarding
from headwater.ingest.process.graph_process import GraphProcess
from headwater.ingest.process.intake_process import IntakeProcesses
from headwater.ingest.process.memory import collect_rarely

log = logging.getLogger(__name__)

#: Where a running server says that it runs, in its data folder.
SERVER_FILE = "server.json"
#: Seconds after which the thread that works on a large body lets the others go on.
_SWITCH_SECONDS = 0.0005
#: Seconds that open requests get to finish after SIGTERM.
DRAIN_SECONDS = 20.0
#: Seconds that `/ready` waits for the graph's process: longer than one batch keeps it busy, shorter than a probe waits.
_READY_SECONDS = 5.0
_CONNECTIONS = 1_000  #: at once: some KB each while they wait, some hundred KB while they are used
_FILES = 4_096  #: file descriptors that are asked for; many systems give 1,024 unless one asks
_OWN_FILES = 128  #: of the ledger, the tokens, the processes, and some to spare


@dataclass(frozen=True)
class ServerSettings:
    """How a server is started. `port` 0 takes a free one."""

    folder: Path
    store: str | None = None
    host: str = "127.0.0.1"
    port: int = 9090
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    embed_in: tuple[str, ...] = ()  #: origins of other sites that may show ``/embed`` in a frame
    people: tuple[Authenticator, ...] = ()  #: how people are known who sign in elsewhere (`http.oidc`)
    tls: TlsFiles | None = None
    access_log: str | None = None  #: a file, or ``-`` for standard output
    ready: Callable[[str], None] = field(default=lambda _: None)
    links: tuple[RunLink, ...] = ()  #: from a run to other systems


def serve(settings: ServerSettings, graph: GraphProcess) -> None:
    """Serve until SIGTERM or SIGINT, then drain and return. `graph` is started for the same folder and store.

    Payloads are received at once, while the graph is still being opened, and also if it cannot be opened.

    TokensRequired: the host is not loopback and there are no tokens. TokensUnreadable: their file is damaged. OSError:
    the port is taken, or a file of TLS or of the access log is not right. InvalidRequest: the URL of the store or the
    naming rules are not right. Errors of `open_ledger`.
    """
    tracing.set_up("server")
    check_url(settings.store or default_store(settings.folder))
    rules_of(settings.folder)
    tokens = _Tokens(settings.folder)
    tokens.list()
    access = access_for(
        settings.host,
        tokens,
        settings.people,
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
    )
    requests = emf.Requests()
    before = (
        *((requests.counting(),) if emf.on() else ()),
        *(() if settings.access_log is None else (access_log(settings.access_log),)),
    )
    tls = None if settings.tls is None else settings.tls.context()
    listening = listen(settings.host, settings.port)
    try:
        with (
            open_ledger(settings.folder) as ledger,
            closing(graph),
            emf.telling({"receiver": requests.take}),
        ):
            asyncio.run(
                _run(settings, Settings(access=access, before=before), ledger, graph, listening, tls, tokens.local)
            )
    finally:
        listening.close()
        tracing.shut_down()


class _Tokens(TokenStore):
    """The tokens of the folder, and one that lives as long as the server, for commands of the same user.

    It stands in the folder, closed to others: whoever reads it there could read the ledger as well.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, notes_uses=True)
        self.local = secrets.token_urlsafe(32)

    def check(self, token: str) -> Sender | None:
        """Whose token it is."""
        if hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self.local.encode()):
            return Sender("local", frozenset({"admin"}), of_machine=True)
        return super().check(token)


async def _run(
    settings: ServerSettings,
    receiver: Settings,
    ledger: Ledger,
    graph: GraphProcess,
    listening: socket.socket,
    tls: ssl.SSLContext | None,
    token: str,
) -> None:
    stop = stop_signal()
    sys.setswitchinterval(_SWITCH_SECONDS)
    committer = GroupCommitter(ledger, on_appended=graph.wake)
    app = create_app(committer, settings=receiver, large=IntakeProcesses())
    instance = secrets.token_hex(8)
    page.add_routes(app, embed_in=settings.embed_in, links=settings.links)
    add_route(app, "/health", _health(instance), PROBE)
    statements.add_routes(
        app, committer, partial(forwarding.ask, app, statements.CHECK_PATH), lambda: ledger.head().sequence
    )
    add_route(app, "/ready", _ready(ledger, graph), PROBE)
    forwarding.add_routes(app, graph.address, lambda: graph.not_open)
    runner = make_runner(app, shutdown_seconds=DRAIN_SECONDS, people=bool(settings.people))
    await runner.setup()
    await LimitedSite(runner, listening, _most_connections(), tls).start()
    url = url_of(listening, "http" if tls is None else "https", settings.host)
    marker = settings.folder / SERVER_FILE
    store = settings.store or default_store(settings.folder)
    said: dict[str, object] = {"url": url, "pid": os.getpid(), "instance": instance, "store": store, "token": token}
    said["folder"] = str(settings.folder.absolute())  # a copy of the folder is another one, and has this file too
    renewing = None
    if settings.tls is not None and tls is not None:
        said["certificate"] = str(settings.tls.certificate.absolute())
        renewing = asyncio.create_task(settings.tls.follow(tls))
    _write(marker, said)
    settings.ready(url)
    collect_rarely()
    graph.begin()
    try:
        await stop.wait()
    finally:
        if renewing is not None:
            renewing.cancel()
        with suppress(FileNotFoundError):
            marker.unlink()
        await runner.cleanup()
        await committer.close()


def _health(instance: str) -> Handler:
    """Whether the server lives; `instance` is what tells it from others."""

    async def health(_: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ok", "instance": instance})

    return health


def _ready(ledger: Ledger, graph: GraphProcess) -> Handler:
    """Whether the ledger takes entries and the graph can be asked, and how many entries it lags behind.

    On facts: the graph's process has answered just now, and so has the store behind it. `rebuilding`: the graph is
    being drawn anew, and answers say that they are not complete. A 503 has a `reason`: "opening", "rebuilding" or
    "failed" of a graph that is not open (`graph_process.NotOpen`), "no answer" of the graph's process, "store", or
    "ledger": its file cannot be read, or is not there any more.
    """
    known = deque([ledger.head().sequence], maxlen=1)

    async def ready(request: web.Request) -> web.StreamResponse:
        told = request.get(MAY_READ, False)
        not_open, answer = graph.not_open, None
        if not_open is None:
            answer = await graph.readiness(_READY_SECONDS)
            not_open = graph.not_open  # it may have ended meanwhile
        fault = None
        try:
            known.append(ledger.head().sequence)
        except LedgerError as error:
            fault = f"the ledger cannot be read: {error}"
        entries = known[-1]  # the last that could be counted
        checkpoint = (answer or {}).get("checkpoint", graph.checkpoint)
        facts = {"entries": entries, "lag": None if checkpoint is None else max(0, entries - checkpoint)}
        if fault is not None:
            return _not_ready("ledger", fault if told else None, facts)
        if not_open is not None:
            return _not_ready(not_open.reason, not_open.text if told else None, facts)
        if answer is None:
            return _not_ready("no answer", "the graph cannot be asked: its process does not answer", facts)
        if "error" in answer:
            return _not_ready("store", f"the graph cannot be asked: {answer['error']}" if told else None, facts)
        return web.json_response({"status": "ready", **facts, "rebuilding": answer["rebuilding"]})

    return ready


_UNTOLD = "it cannot be asked: the log says why, and so does headwater doctor"


def _not_ready(reason: str, error: str | None, facts: Mapping[str, object]) -> web.Response:
    """`error` None: whoever asks may read nothing, and the sentence can name folders, hosts and users."""
    said = {"error": error or _UNTOLD, "field": None, "suggestions": [], "reason": reason, **facts}
    return web.json_response(said, status=503, headers={"Retry-After": "5"})


def _most_connections() -> int:
    """How many connections the server keeps. Each can need two files, one of them to the graph's process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return _CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(_CONNECTIONS, (soft - _OWN_FILES) // 2))


def _write(path: Path, content: dict[str, object]) -> None:
    """Whole or not at all: a reader must not see half of it."""
    fresh = path.with_name(f".{path.name}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)
    fresh.replace(path)
