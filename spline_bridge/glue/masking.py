"""Arguments of a job for people to read: secrets are masked; also the difference between two sets of arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.spline_bridge.glue.attach import RECORD
from headwater.spline_bridge.glue.chain import parse
from headwater.spline_bridge.secret_patterns import MASK, clean_text, secret_name

__all__ = ["Change", "changes", "masked"]

#: A Spark setting with this in its name holds the value of an HTTP header, which may be an API key or a token.
_HEADER = ".header."


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
    """The lines of a diff between two sets of arguments; in ``--conf`` a line is one setting. All are masked."""
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
    key, equals, value = text.partition("=")
    if argument != "--conf":
        return MASK if secret_name(argument) else clean_text(text)[0]
    if key.strip() == RECORD:
        return f"{key}=(what `headwater glue detach` puts back)"
    secret = equals and value and (secret_name(key) or _HEADER in key.lower())
    return f"{key}{equals}{MASK}" if secret else clean_text(text)[0]
