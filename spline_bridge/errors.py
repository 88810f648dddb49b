"""What is wrong with a payload, said to its sender: the JSON path and what was expected there.

Messages name paths, types and ids, never values: a payload can hold secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_PLAIN_KEY = re.compile(r"\A[A-Za-z_][A-Za-z0-9_-]*\Z")

# A key is as long as its sender likes; an answer, a ledger note and a log line are not.
_SHOWN_CHARACTERS = 80


class DecodeError(Exception):
    """A payload that cannot be taken, by its sender's fault. `path` is where, in JSON path's dotted form."""

    def __init__(self, message: str, path: str = "$") -> None:
        """`message` says what was expected, without the path."""
        super().__init__(message, path)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        """``<path>: <message>``."""
        return f"{self.path}: {self.message}"


class InvalidDocument(DecodeError):
    """A document that breaks its schema. `violations` are the other ones beside the first, one sentence each."""

    def __init__(self, message: str, path: str = "$", violations: tuple[str, ...] = ()) -> None:
        """`message` and `path` are the first violation's."""
        super().__init__(message, path)
        self.violations = violations

    def __str__(self) -> str:
        """One violation a line."""
        return "\n".join((super().__str__(), *self.violations))


def json_path(steps: Iterable[str | int]) -> str:
    """``$.operations.reads[0].id``; keys that are no plain names are quoted: ``$["a b"]``. Long keys are cut."""
    return "$" + "".join(_step(step) for step in steps)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    key = shown(step)
    return f".{key}" if _PLAIN_KEY.match(key) else f"[{json.dumps(key)}]"


def shown(text: str) -> str:
    """At most 80 characters of it."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "\u2026"
