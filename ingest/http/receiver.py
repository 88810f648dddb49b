"""The receiver: what agents send, in front of the ledger. Spline's Producer API 1.0 to 1.2, and OpenLineage's events.

The 201 is sent after the ledger's fsync and before any graph work. There is no 409: posting the same thing again is
201 and changes nothing, since the agent sends a job's plan at every run.
Wire contract: https://absaoss.github.io/spline/ (Producer API).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from aiohttp import web
from aiohttp.typedefs import Middleware

from headwater import tracing
from headwater.ingest.http.auth import SENDER, Access, check_requests
from headwater.ingest.http.routes import ANY_METHOD, add_route
from headwater.ingest.http.serving import answer_errors, printable
from headwater.ingest.http.spans import trace_requests
from headwater.ingest.inbox.writing import InboxUnavailable
from headwater.ingest.intake.body import InvalidBody, Limits, Reading, read
from headwater.ingest.intake.bridge import Accepted, Bridge, Receipt
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.intake.headers import content_type_of, is_packed
from headwater.ingest.intake.kept import Kept, KeptBodies, digest_of
from headwater.ingest.intake.work import Job, LargeBodies, OneThread
from headwater.ingest.ledger.ledger import Appended, LedgerUnavailable, NewEntry

log = logging.getLogger(__name__)

API_VERSIONS = ("1.2", "1.1", "1")  #: all that are accepted, newest first
LTS_VERSIONS = ("1.2", "1.1")  #: those that are not deprecated

_RETRY_SECONDS = "5"
_PRODUCER = "/producer/"  #: Spline's Producer API
_OPENLINEAGE = "/api/v1/lineage"  #: OpenLineage's, where its clients send to by default


class Committer(Protocol):
    """What is asked of the ledger's `GroupCommitter`."""

    async def append(self, entry: NewEntry) -> Appended:
        """Durable on return; the sequence is 0 where there is no ledger, but an inbox before it.

        LedgerUnavailable, InboxUnavailable: it is not.
        """

    def came_again(self, sequence: int) -> None:
        """Count that the bytes of a durable entry were sent once more. LedgerUnavailable: it is not there any more."""


@dataclass(frozen=True)
class Settings:
    """How the receiver is set up."""

    limits: Limits = field(default_factory=Limits)
    access: Access = field(default_factory=Access)
    before: tuple[Middleware, ...] = ()  #: what sees each request first and each answer last, e.g. the access log


@dataclass(frozen=True)
class _Receiver:
    """What all requests share."""

    committer: Committer
    limits: Limits
    reading: Reading
    large: LargeBodies
    kept: KeptBodies = field(default_factory=KeptBodies)


_RECEIVER: web.AppKey[_Receiver] = web.AppKey("receiver", _Receiver)


def create_app(
    committer: Committer, *, settings: Settings | None = None, large: LargeBodies | None = None
) -> web.Application:
    """An application with the receiver's routes, and the checks and error answers for all routes added to it.

    `large` does the work on large bodies (default: one thread), and is closed with the application.
    Serve it with `make_runner`: aiohttp's own unpacking of request bodies must be off.
    """
    settings = settings or Settings()
    traced = (trace_requests,) if tracing.on() else ()
    app = web.Application(middlewares=[*settings.before, *traced, answer_errors, check_requests(settings.access)])
    limits = settings.limits
    app[_RECEIVER] = _Receiver(committer, limits, Reading(limits.reading_bytes), large or OneThread())
    app.on_cleanup.append(_close_large)
    add_routes(app)
    return app


def add_routes(app: web.Application) -> None:
    """OpenLineage's two routes; the Producer API, and nothing else under /producer.

    Needs an application that `create_app` made.
    """
    for path in ("/producer", "/producer/", "/producer/status"):
        add_route(app, path, _status, "write")
    for bridge in BRIDGES.values():
        if bridge.path.startswith((_PRODUCER, _OPENLINEAGE)):
            add_route(app, bridge.path, partial(_received, bridge=bridge), "write", methods=["POST"])
        if bridge.batch_path:
            add_route(app, bridge.batch_path, partial(_received, bridge=bridge, batch=True), "write", methods=["POST"])
    for path in ("/producer", "/producer/{path:.*}"):
        add_route(app, path, _nothing_else, "write", methods=ANY_METHOD)


async def _close_large(app: web.Application) -> None:
    app[_RECEIVER].large.close()


async def _status(request: web.Request) -> web.Response:
    """What an agent asks for first (HEAD), and a sentence for people.

    Each version is on a header line of its own: the agent takes a comma-folded list for one unknown version.
    """
    response = web.Response(text=_SENTENCE if request.method == "GET" else None)
    for version in API_VERSIONS:
        response.headers.add("ABSA-Spline-API-Version", version)
    for version in LTS_VERSIONS:
        response.headers.add("ABSA-Spline-API-LTS-Version", version)
    response.headers.add("ABSA-Spline-Accept-Request-Encoding", "gzip")
    return response


_SENTENCE = """\
This is the Spline Producer API 1.0, 1.1 and 1.2 of a Headwater server.
Spark agents send execution plans and events here: give them this address, which ends in /producer.
"""

#: What a receiver without a ledger says to those who ask it anything.
RECEIVER = (
    "this is a receiver: agents send to /producer and /api/v1/lineage. It keeps no ledger and no graph: ask the server "
    "behind it, into whose ledger `headwater ingest` brings what is received here"
)

_ALLOWED = {
    "": "GET, HEAD",
    "status": "GET, HEAD",
    **{b.path.removeprefix(_PRODUCER): "POST" for b in BRIDGES.values() if b.path.startswith(_PRODUCER)},
}


async def _nothing_else(request: web.Request) -> web.Response:
    """As Spline: what is not there is 404 to those who ask, and 405 to those who send."""
    if request.method in ("GET", "HEAD"):
        return web.Response(status=404)
    return web.Response(status=405, headers={"Allow": _ALLOWED.get(request.match_info.get("path", ""), "")})


async def _received(request: web.Request, *, bridge: Bridge, batch: bool = False) -> web.Response:
    """Keep the payload, or each one of a batch.

    201 with the bridge's answer and, in ``Headwater-Entry``, the number of its last entry.
    """
    receiver = request.app[_RECEIVER]
    content_type = content_type_of(request.headers.get("Content-Type"), bridge)
    packed = is_packed(request.headers.getall("Content-Encoding", []))
    sender = request.get(SENDER)
    by = sender.name if sender else None
    with receiver.reading.share() as share:
        wire = await read(request.content, request.content_length, receiver.limits, share)
        account = sender.account if sender else None
        receipt = Receipt(by, time.time_ns() // 1_000_000, receiver.limits, account)
        job = Job(bridge.kind, content_type, wire, packed, receipt, batch)
        digest = digest_of(job)
        kept = receiver.kept.find(digest)
        if kept is not None:
            with _refused_without_ledger():
                receiver.committer.came_again(kept.sequence)
            _log_kept(bridge, kept, by, again=True)
            return _answer(kept.answer, kept.sequence)
        accepted = await _accepted(job, receiver.large)
        appended = await _all_appended(receiver.committer, accepted.entries)
    about = printable(accepted.about)
    for entry, at in zip(accepted.entries, appended, strict=True):
        kept = Kept(at.sequence, accepted.answer, about, len(entry.body))
        _log_kept(bridge, kept, by, again=at.duplicate)
    if kept is not None and len(appended) == 1:
        receiver.kept.remember(digest, kept)
    return _answer(accepted.answer, max((at.sequence for at in appended), default=None), accepted.status)


def _answer(answer: str | dict[str, Any] | None, sequence: int | None, status: int = 201) -> web.Response:
    headers = {"Headwater-Entry": str(sequence)} if sequence else {}
    if answer is None:
        return web.Response(status=status, headers=headers)
    return web.json_response(answer, status=status, headers=headers)


def _log_kept(bridge: Bridge, kept: Kept, sender: str | None, *, again: bool) -> None:
    if log.isEnabledFor(logging.INFO):
        known, by = ", known already" if again else "", f" from {printable(sender)}" if sender else ""
        where = f"entry {kept.sequence}" if kept.sequence else "in the inbox"
        log.info("%s%s: %s, %s, %s bytes%s", where, known, bridge.kind, kept.about, f"{kept.size:,}", by)


async def _all_appended(committer: Committer, entries: Sequence[NewEntry]) -> Sequence[Appended]:
    """One after the other is their order in the ledger; all are waited for together, so that they share an fsync."""
    if len(entries) == 1:  # as nearly always: without a task of its own
        return (await _appended(committer, entries[0]),)
    return await asyncio.gather(*(_appended(committer, entry) for entry in entries))


async def _appended(committer: Committer, entry: NewEntry) -> Appended:
    with _refused_without_ledger(), tracing.span("ledger append"):
        return await committer.append(entry)


@contextmanager
def _refused_without_ledger() -> Iterator[None]:
    """A payload is not acknowledged unless it is kept, also one that was kept before."""
    try:
        yield
    except (LedgerUnavailable, InboxUnavailable) as error:
        place = "ledger" if isinstance(error, LedgerUnavailable) else "inbox"
        log.warning("a payload was refused, the %s cannot be written: %s", place, error)
        sentence = f"the {place} cannot be written at this moment; nothing was kept, try again later"
        raise InvalidBody(503, sentence, {"Retry-After": _RETRY_SECONDS}) from None


async def _accepted(job: Job, large: LargeBodies) -> Accepted:
    """Small bodies at once, large ones elsewhere, where they wait for each other and for nobody else."""
    body = job.small()
    return job.accept(body) if body is not None else await large.accept(job)
