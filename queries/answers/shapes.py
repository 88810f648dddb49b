"""Every shape that an answer may have, and how a client tells one from the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.queries.answers.answer import Answer, Table
from headwater.queries.answers.impact import Impact
from headwater.queries.answers.paths import Paths

Result = Answer | Table | Impact | Paths

#: A key that only answers of this shape have.
_MARKS: tuple[tuple[str, type[Result]], ...] = (
    ("affected", Impact),
    ("paths", Paths),
    ("rows", Table),
    ("nodes", Answer),
)


def result_of(data: Mapping[str, Any]) -> Result:
    """The answer whose `to_dict` this is. KeyError or TypeError: it is none."""
    kind = next(kind for mark, kind in _MARKS if mark in data)
    return kind.from_dict(data)
