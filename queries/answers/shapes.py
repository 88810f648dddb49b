"""Every shape that an answer may have. Its JSON names it under the key `shape`, by which a client reads it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headwater.queries.answers.answer import Answer, Reason, Table
from headwater.queries.answers.audit import Audit
from headwater.queries.answers.impact import Impact
from headwater.queries.answers.paths import Paths

Result = Answer | Table | Impact | Paths | Audit

#: The value of the key `shape` in the JSON of an answer -> its class.
SHAPES: Mapping[str, type[Result]] = {kind.shape: kind for kind in (Answer, Table, Impact, Paths, Audit)}


def result_of(data: Mapping[str, Any]) -> Result:
    """The answer in the data that `to_dict` made. KeyError or TypeError: the data is not an answer."""
    return SHAPES[data["shape"]].from_dict(data)


def not_complete(answer: Result, reason: Reason) -> Result:
    """The same answer, saying that something may be missing from it, and why."""
    if isinstance(answer, Table):
        return replace(answer, reason=reason)
    return replace(answer, complete=False, reason=reason)
