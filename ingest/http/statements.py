"""Statements over HTTP: their subject is looked up in the graph, and they are appended to the ledger.

Here: ``POST /api/v1/statements`` (one statement by a person), ``POST /api/v1/statements/snapshots`` (all that a system
states about one scope). Not here: how a statement becomes an entry (`ingest.intake.statements`), and whether its node
exists (`ingest.folder.statement_checking`, asked in the graph's process).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from headwater.graphmodel.statements.errors import StatementError
from headwater.graphmodel.statements.json_text import text
from headwater.graphmodel.statements.model import Statement
from headwater.ingest.http.auth import SENDER
from headwater.ingest.http.routes import add_route
from headwater.ingest.intake.body import MIB, InvalidBody, Limits, Reading, parse, read
from headwater.ingest.intake.statements import STATEMENTS, Times, entry_of, said_by_person, snapshot_entry
from headwater.ingest.ledger.ledger import LedgerUnavailable, NewEntry

if TYPE_CHECKING:  # the graph's process imports this module, and must not load what validates payloads
    from headwater.ingest.http.receiver import Committer

PATH = STATEMENTS.path
SNAPSHOTS_PATH = f"{PATH}/snapshots"
CHECK_PATH = f"{PATH}/check"  #: answered by the graph's process: what a statement would be about

_LIMITS = Limits(wire_bytes=64 * 2**10, reading_bytes=MIB)
#: A listed column has about 60 bytes, a tag 150: room for a database with some hundred thousand columns.
_SNAPSHOT_LIMITS = Limits(wire_bytes=32 * MIB, unpacked_bytes=32 * MIB, reading_bytes=64 * MIB)

_FOUND, _REFUSED, _NOT_FOUND = 200, 400, 404

Ask = Callable[[bytes, Mapping[str, str]], Awaitable[tuple[int, dict[str, Any]]]]
"""Asks the graph's process at `CHECK_PATH`: a statement as JSON and parameters in; status and JSON out."""


def add_routes(
    app: web.Application,
    committer: Committer,
    ask: Ask,
    head: Callable[[], int],
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> None:
    """The routes that take statements: 201 with the number of the entry, and what the statement is about.

    `head` is the sequence of the ledger's last entry, `clock` gives ms since 1970.
    """
    routes = _Routes(committer, ask, head, clock)
    add_route(app, PATH, routes.state, "annotate", methods=["POST"])
    add_route(app, SNAPSHOTS_PATH, routes.keep_snapshot, "admin", methods=["POST"])


class _Routes:
    def __init__(self, committer: Committer, ask: Ask, head: Callable[[], int], clock: Callable[[], int]) -> None:
        self._committer = committer
        self._ask = ask
        self._head = head
        self._clock = clock
        self._times = Times(clock)
        self._reading = Reading(_LIMITS.reading_bytes)
        self._reading_snapshots = Reading(_SNAPSHOT_LIMITS.reading_bytes)

    async def state(self, request: web.Request) -> web.Response:
        sender = _sender(request)
        try:
            fields = await _fields(request, _LIMITS, self._reading)
            said, notes = said_by_person({**fields, **_known_by(request)}, sender)
        except StatementError as error:
            return _refused(error)
        status, checked = await self._checked(said)
        if status != _FOUND:
            return _answer(checked, status)
        said = replace(said, subject=checked["subject"], value=checked["value"])
        stamped = self._times.stamp(said, checked["after"])
        about = {name: checked[name] for name in ("subject", "value", "nodes")}
        return await self._appended(entry_of(stamped, notes, sender), about)

    async def keep_snapshot(self, request: web.Request) -> web.Response:
        sender = _sender(request)
        try:
            fields = await _fields(request, _SNAPSHOT_LIMITS, self._reading_snapshots)
            entry = await asyncio.to_thread(snapshot_entry, fields, self._clock(), sender)
        except StatementError as error:
            return _refused(error)
        return await self._appended(entry, {})

    async def _checked(self, said: Statement) -> tuple[int, dict[str, Any]]:
        """The graph's answer. A refusal counts once the graph has all that the ledger has: it may lag behind."""
        body = text(said)
        status, answer = await self._ask(body, {})
        if status in (_REFUSED, _NOT_FOUND):
            last = await asyncio.to_thread(self._head)
            status, answer = await self._ask(body, {"after": str(last)})
        return status, answer

    async def _appended(self, entry: NewEntry, about: Mapping[str, Any]) -> web.Response:
        try:
            appended = await self._committer.append(entry)
        except LedgerUnavailable:
            raise InvalidBody(503, "the ledger cannot be written at this moment; nothing was kept, try later") from None
        headers = {"Headwater-Entry": str(appended.sequence)}
        return _answer({"entry": appended.sequence, **about}, 201, headers)


def _known_by(request: web.Request) -> dict[str, str]:
    """The field ``by``, where it is known who asks: nobody states under the name of another one.

    Without tokens everybody of the machine may give any name, and so may the user that runs the server.
    """
    sender = request.get(SENDER)
    return {} if sender is None or sender.of_machine else {"by": sender.name}


def _sender(request: web.Request) -> str | None:
    sender = request.get(SENDER)
    return sender.name if sender else None


async def _fields(request: web.Request, limits: Limits, reading: Reading) -> Mapping[str, Any]:
    with reading.share() as share:
        document = parse(await read(request.content, request.content_length, limits, share), limits)
    if not isinstance(document, dict):
        raise StatementError("body", "expected a statement as a JSON object")
    return document


def _refused(error: StatementError) -> web.Response:
    return _answer({"error": str(error), "field": error.field, "suggestions": []}, _REFUSED)


def _answer(content: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(content, status=status, headers={"X-Content-Type-Options": "nosniff", **(headers or {})})
