"""What Neptune's error codes mean: one table, code -> what to do. Pure.

Codes: https://docs.aws.amazon.com/neptune/latest/userguide/errors-engine-codes.html, and the retryable flags of
botocore's ``neptunedata`` model. A code is a word of the JSON in an error's message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from headwater.graphstore.errors import Denied, Exceeded, InvalidRequest, PermanentError, StoreError, TransientError

_TEXT = 300  #: characters of Neptune's explanation that are kept


class Remedy(Enum):
    """What may help against an error."""

    AGAIN = "the same request again, a little later"
    HALVE = "half as much in a request"
    RECONNECT = "a new connection, then the same request"
    NONE = "nothing: the same request would fail again"


@dataclass(frozen=True)
class Meaning:
    """What to do about an error, and what it is to the caller once that has not helped."""

    remedy: Remedy
    error: type[StoreError]


_BUSY = Meaning(Remedy.AGAIN, TransientError)
_TOO_MUCH = Meaning(Remedy.HALVE, Exceeded)
_MOVED = Meaning(Remedy.RECONNECT, TransientError)
_WRONG = Meaning(Remedy.NONE, InvalidRequest)
_LASTS = Meaning(Remedy.NONE, PermanentError)
_CLOSED = Meaning(Remedy.NONE, Denied)

#: Every code that is known. What is not here is neither retried nor taken for the caller's fault.
CODES: Mapping[str, Meaning] = {
    # conflicts and load: a moment later there is room
    "ConcurrentModificationException": _BUSY,
    "ConstraintViolationException": _BUSY,  # two writers made the same element at the same moment
    "ThrottlingException": _BUSY,
    "TooManyRequestsException": _BUSY,
    "QueryLimitExceededException": _BUSY,  # as many queries are queued as may be
    "FailureByQueryException": _BUSY,
    "InternalFailureException": _BUSY,
    # too much in one request
    "TimeLimitExceededException": _TOO_MUCH,
    "MemoryLimitExceededException": _TOO_MUCH,
    # this connection ends at the wrong instance, or at one that goes away
    "ReadOnlyViolationException": _MOVED,  # the writer has moved: the cluster's name leads to the new one
    "CancelledByMaintenanceException": _MOVED,
    "ServerShutdownException": _MOVED,
    "ClientTimeoutException": _MOVED,
    # the request itself is wrong
    "BadRequestException": _WRONG,
    "IllegalArgumentException": _WRONG,
    "InvalidArgumentException": _WRONG,
    "InvalidNumericDataException": _WRONG,
    "InvalidParameterException": _WRONG,
    "MalformedQueryException": _WRONG,
    "MissingParameterException": _WRONG,
    "ParsingException": _WRONG,
    "PreconditionsFailedException": _WRONG,
    "QueryLimitException": _WRONG,  # a query larger than may be
    "QueryTooLargeException": _WRONG,
    "UnsupportedOperationException": _WRONG,
    # somebody ended it on purpose
    "CancelledByUserException": _LASTS,
    # somebody has to allow it first
    "AccessDeniedException": _CLOSED,
    "InvalidSignatureException": _CLOSED,
    "MissingAuthenticationTokenException": _CLOSED,
    "ExpiredTokenException": _CLOSED,
}


def code_of(message: str) -> tuple[str | None, str]:
    """Neptune's code and its explanation from an error's message: ``{"code": .., "detailedMessage": ..}``.

    None where the message is not Neptune's. What stands before the JSON does not matter.
    """
    start = message.find("{")
    try:
        found = json.loads(message[start:]) if start >= 0 else {}
    except ValueError:
        found = {}
    if not isinstance(found, dict) or not isinstance(found.get("code"), str):
        return None, message[:_TEXT]
    return found["code"], str(found.get("detailedMessage", ""))[:_TEXT]


def meaning_of(message: str) -> Meaning | None:
    """What to do about an error with this message; None if it names none of `CODES`."""
    return CODES.get(code_of(message)[0] or "")


def sentence(message: str) -> str:
    """The error in one short line, with its code first where it has one."""
    code, detail = code_of(message)
    plain = " ".join(detail.split())
    return f"{code}: {plain}" if code else plain
