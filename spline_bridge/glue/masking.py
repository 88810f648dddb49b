"""Secrets of a job's arguments, replaced before anybody sees them; and the difference between two sets of arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from headwater.spline_bridge.glue.chain import parse
from headwater.spline_bridge.glue.record import RECORD

__all__ = ["MASK", "Change", "changes", "masked"]

MASK = "***"

_SECRET_NAME = re.compile(
    r"token|secret|passw|pwd|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key|authorization|\.header\.|"
    r"account[-_.]?key|sas\b|signature",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(?P<scheme>[a-zA-Z][\w+.-]*://)[^/\s@,]+@")
_IN_TEXT = re.compile(
    r"(?P<name>[\w.-]*(?:token|secret|passw|pwd|api[-_.]?key|access[-_.]?key|signature)[\w.-]*\s*[=:]\s*)[^\s,;&]+",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Change:
    """One line of a diff: the sign is ``+`` or ``-``, the text is masked."""

    sign: str
    argument: str
    text: str

    def to_dict(self) -> dict[str, str]:
        """As JSON."""
        return {"sign": self.sign, "argument": self.argument, "text": self.text}


def masked(argument: str, value: str) -> str:
    """An argument's value without its secrets."""
    return "".join(_shown(argument, value))


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """What differs, argument by argument and inside ``--conf`` pair by pair, masked."""
    found: list[Change] = []
    for argument in dict.fromkeys((*before, *after)):
        old, new = _lines(argument, before), _lines(argument, after)
        found += [Change("-", argument, _pair(argument, line)) for line in old if line not in new]
        found += [Change("+", argument, _pair(argument, line)) for line in new if line not in old]
    return tuple(found)


def _lines(argument: str, arguments: Mapping[str, str]) -> list[str]:
    if argument not in arguments:
        return []
    value = arguments[argument]
    return [pair.text.strip() for pair in parse(value)] if argument == "--conf" else [value]


def _shown(argument: str, value: str) -> list[str]:
    if argument != "--conf":
        return [_pair(argument, value)]
    return [pair.before + _pair(argument, pair.text) for pair in parse(value)]


def _pair(argument: str, text: str) -> str:
    key, equals, _ = text.partition("=")
    if argument != "--conf":
        return MASK if _SECRET_NAME.search(argument) else _free(text)
    if key.strip() == RECORD:
        return f"{key}=(what `headwater glue detach` puts back)"
    return f"{key}{equals}{MASK}" if equals and _SECRET_NAME.search(key) else _free(text)


def _free(text: str) -> str:
    return _IN_TEXT.sub(rf"\g<name>{MASK}", _IN_URL.sub(rf"\g<scheme>{MASK}@", text))
