"""The bridge of statements: what people say of datasets, columns and jobs (`headwater.graphmodel.statements`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headwater.graphmodel import statements
from headwater.graphmodel.statements import CONTENT_TYPE, KIND, Statement, StatementError
from headwater.ingest.intake.body import InvalidBody, parse
from headwater.ingest.intake.bridge import Accepted, Bridge, Decoded, DecodeError, Receipt
from headwater.ingest.ledger.entries import NewEntry
from headwater.spline_bridge.secret_patterns import clean_text


def stated(fields: Mapping[str, Any], at: int, by: str | None = None) -> NewEntry:
    """A statement made ready for the ledger: at the time of its receipt (ms since 1970), by whom it names, or `by`.

    StatementError: the field that is wrong. Secrets in a description or reason are masked, and the entry says so.
    """
    if "at" in fields:
        raise StatementError("at", "the time of a statement is that of its receipt: leave out at")
    made, notes = _cleaned(statements.statement({"by": by, **fields, "at": at}))
    return NewEntry(KIND, CONTENT_TYPE, statements.text(made), by, notes)


def _cleaned(made: Statement) -> tuple[Statement, tuple[str, ...]]:
    value, in_value = clean_text(made.value)
    reason, in_reason = clean_text(made.reason or "")
    notes = [f"value: {kind}" for kind in in_value] + [f"reason: {kind}" for kind in in_reason]
    return replace(made, value=value, reason=reason or None), tuple(notes)


def _accept(_content_type: str, body: bytes, receipt: Receipt) -> Accepted:
    document = parse(body, receipt.limits)
    if not isinstance(document, dict):
        raise InvalidBody(400, "body: expected a statement as a JSON object")
    try:
        return Accepted((stated(document, receipt.at_ms, receipt.sender),))
    except StatementError as error:
        raise InvalidBody(400, f"{error.field}: {error}") from None


def _decode(body: bytes, _content_type: str) -> Decoded:
    try:
        return Decoded(statements=(statements.parse(body),))
    except StatementError as error:
        raise DecodeError(f"{error.field}: {error}") from error


STATEMENTS = Bridge(
    kind=KIND,
    title="a statement",
    counted="statements",
    path="/api/v1/statements",
    content_types=(CONTENT_TYPE,),
    accept=_accept,
    decode=_decode,
)
