"""What attaching replaced, kept in the job itself as one more Spark setting, so that detaching can put it back."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

__all__ = ["RECORD", "Record", "Rows", "read", "written"]

#: Spark keeps settings that it does not know. An argument of its own would reach the script's own parser.
RECORD = "spark.headwater.attached"


Rows: TypeAlias = tuple[tuple[str, "str | None"], ...]


@dataclass(frozen=True)
class Record:
    """What was there before: settings (key -> text as written), arguments (name -> value); None: there was none."""

    agent: str
    conf: Rows
    arguments: Rows


def written(record: Record) -> str:
    """The pair ``key=value``; base64, so that no blank or comma of an old value can end it."""
    text = json.dumps(asdict(record), separators=(",", ":"))
    return f"{RECORD}={base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}"


def read(value: str) -> Record | None:
    """A record; None if somebody has altered it."""
    try:
        found = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
        return Record(found["agent"], _rows(found["conf"]), _rows(found["arguments"]))
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None


def _rows(rows: list[list[Any]]) -> Rows:
    return tuple((key, before) for key, before in rows)
