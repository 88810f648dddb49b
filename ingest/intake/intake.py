"""What happens to one Spline payload between its sender and the ledger: parse, validate, redact. Pure.

The same for a request and for a recorded file. CPU-heavy on large bodies: about 45 ms a megabyte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from headwater.ingest.intake.body import InvalidBody, Limits, dump, parse
from headwater.ingest.ledger.ledger import NewEntry
from headwater.spline_bridge.errors import DecodeError
from headwater.spline_bridge.identity import agent_plan_id
from headwater.spline_bridge.redact import redact
from headwater.spline_bridge.validate import CONTENT_TYPES, validate_events, validate_plan

Kind = Literal["spline.plan", "spline.events"]

PLAN: Kind = "spline.plan"
EVENTS: Kind = "spline.events"

_DEFAULTS = Limits()


@dataclass(frozen=True)
class Accepted:
    """A payload that may be kept. `entry` is None where there is nothing to keep: an empty array of events."""

    entry: NewEntry | None
    plan_id: str | None = None  #: of a plan: its own, or the one that it gets for its bytes


def take(
    kind: Kind, content_type: str, body: bytes, *, sender: str | None = None, limits: Limits = _DEFAULTS
) -> Accepted:
    """A payload made ready for the ledger: its own bytes, or where something was taken out of it, what is left.

    `content_type` is one of `CONTENT_TYPES`, without parameters. InvalidBody: with the sentence for its sender (400,
    413).
    """
    document = parse(body, limits)
    check = validate_plan if kind == PLAN else validate_events
    try:
        check(document, CONTENT_TYPES[content_type])
    except DecodeError as error:
        raise InvalidBody(400, str(error)) from None
    kept, redactions = redact(document)
    if kind == EVENTS and not kept:
        return Accepted(None)
    kept_bytes = dump(kept) if redactions else body
    return Accepted(NewEntry(kind, content_type, kept_bytes, sender, redactions), _plan_id(kind, kept, kept_bytes))


def _plan_id(kind: Kind, document: Any, kept: bytes) -> str | None:
    return agent_plan_id(document, kept) if kind == PLAN else None
