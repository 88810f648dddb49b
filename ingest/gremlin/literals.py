"""Literals of Gremlin texts: strings with their escapes, numbers with their suffixes, times. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from gremlin_python.statics import long

from headwater.graphstore.errors import InvalidRequest

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": "", **{c: c for c in "\\'\"$"}}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code is None:
        if match[4] not in _ESCAPES:
            raise InvalidRequest(f"\\{match[4]} in a text is no escape: a backslash is written twice")
        return _ESCAPES[match[4]]
    if int(code, 16) > 0x10FFFF:  # noqa: PLR2004 - the last character of Unicode
        raise InvalidRequest(f"\\U{code} is no character")
    return chr(int(code, 16))


def string_of(quoted: str) -> str:
    """The text in quotes; characters beyond 16 bits may be written as two escapes, as in Java."""
    text = _ESCAPE.sub(_unescaped, quoted[1:-1])
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if not text.isascii() else text


def number_of(written: str) -> int | float:
    """``1``, ``1L``, ``1.5d``, ``2e3``; the suffix of a whole number changes nothing but its type."""
    suffix = written[-1].lower() if written[-1].isalpha() else ""
    digits = written[: len(written) - len(suffix)]
    try:
        if suffix in ("d", "f", "m") or (not suffix and not digits.lstrip("+-").isdecimal()):
            return float(digits)
        return long(int(digits)) if suffix in ("l", "n") else int(digits)
    except ValueError as error:
        raise InvalidRequest(f"{written[:40]} is no number") from error


def datetime_of(arguments: Sequence[object]) -> dt.datetime:
    """``datetime('2026-01-31T12:00:00Z')``; a time without a zone is UTC."""
    try:
        (text,) = arguments
        time = dt.datetime.fromisoformat(re.sub("[zZ]$", "+00:00", str(text)))
        return time.astimezone(dt.timezone.utc) if time.tzinfo else time.replace(tzinfo=dt.timezone.utc)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidRequest("datetime() takes a time as '2026-01-31T12:00:00Z'") from error
