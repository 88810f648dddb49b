"""Statements come in: what people say, checked, cleaned of secrets, given its time and made an entry of the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from headwater.graphmodel.statements import StatementError
from headwater.ingest.http.auth import SENDER
from headwater.ingest.http.receiver import Committer
from headwater.ingest.http.routes import add_route
from headwater.ingest.intake.body import InvalidBody, Limits, Reading, parse, read
from headwater.ingest.intake.statements import STATEMENTS, stated
from headwater.ingest.ledger.ledger import LedgerUnavailable

PATH = STATEMENTS.path

_LIMITS = Limits(wire_bytes=64 * 2**10, reading_bytes=2**20)


def add_routes(app: web.Application, committer: Committer, clock: Callable[[], int] | None = None) -> None:
    """``POST /api/v1/statements``: 201 with the number of the entry. `clock` gives ms since 1970."""
    now = clock or (lambda: time.time_ns() // 1_000_000)
    reading = Reading(_LIMITS.reading_bytes)

    async def state(request: web.Request) -> web.Response:
        sender = request.get(SENDER)
        with reading.share() as share:
            body = await read(request.content, request.content_length, _LIMITS, share)
        try:
            fields = _object(parse(body, _LIMITS))
            entry = stated(fields, now(), sender.name if sender else None)
            appended = await committer.append(entry)
        except StatementError as error:
            return _answer({"error": str(error), "field": error.field, "suggestions": []}, 400)
        except LedgerUnavailable:
            raise InvalidBody(503, "the ledger cannot be written at this moment; nothing was kept, try later") from None
        return _answer({"entry": appended.sequence}, 201, {"Headwater-Entry": str(appended.sequence)})

    add_route(app, PATH, state, "annotate", methods=["POST"])


def _object(document: Any) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise StatementError("body", "expected a statement as a JSON object")
    return document


def _answer(content: dict[str, object], status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(content, status=status, headers={"X-Content-Type-Options": "nosniff", **(headers or {})})
