"""What the statements of the kinds ``dataset`` and ``facts`` say: their values as checked JSON texts and as data. Pure.

``dataset``: that a dataset exists, as the table that the statement's `name` names; with its columns, its format and
its other names. ``facts``: properties of a node, each a key with any JSON value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from headwater.graphmodel.statements.errors import StatementError

BUSINESS_NAME = "businessName"  #: the fact that says what a catalogue calls a node for people; a search finds it
LONGEST = 4 * 2**20  #: characters of a value as JSON
_MOST_COLUMNS = 20_000
_MOST_NAMES = 100
_MOST_FACTS = 200
_LONGEST_NAME = 1_000
_LONGEST_TEXT = 131_072  #: the longest type that the Glue Data Catalog takes


def _fault(message: str) -> StatementError:
    return StatementError("value", message)


@dataclass(frozen=True)
class StatedColumn:
    """A column of a dataset, as a system lists it."""

    name: str
    type: str = ""
    comment: str = ""
    partition_key: bool = False


@dataclass(frozen=True)
class StatedDataset:
    """A dataset as a system lists it."""

    columns: Mapping[str, StatedColumn]  #: by name in lower case
    names: tuple[str, ...] = ()  #: its other names, e.g. ``sales.orders``
    format: str = ""  #: e.g. ``iceberg``

    @property
    def partition_keys(self) -> list[str]:
        """The names of the columns by which it is partitioned, in order."""
        return [column.name for column in self.columns.values() if column.partition_key]


@lru_cache(1_000)
def dataset_of(text: str) -> StatedDataset:
    """The dataset in the JSON text of `dataset_text`. Of two columns whose names differ by case alone the first."""
    said = json.loads(text)
    columns: dict[str, StatedColumn] = {}
    for one in said.get("columns", ()):
        column = StatedColumn(one["name"], one.get("type", ""), one.get("comment", ""), one.get("partitionKey", False))
        columns.setdefault(column.name.lower(), column)
    return StatedDataset(columns, tuple(said.get("names", ())), said.get("format", ""))


def facts_of(text: str) -> dict[str, Any]:
    """The facts in a JSON text of `facts_text`, by key."""
    found: dict[str, Any] = json.loads(text)
    return found


def dataset_text(value: object) -> str:
    """The value of a statement of the kind ``dataset`` as JSON text, checked. StatementError.

    ``{"columns": [{"name", "type"?, "comment"?, "partitionKey"?}], "names"?: [TEXT], "format"?: TEXT}``.
    """
    said = _object(value, "value", {"columns", "names", "format"})
    columns = _list(said.get("columns", []), "columns", _MOST_COLUMNS)
    for number, one in enumerate(columns):
        place = f"columns[{number}]"
        column = _object(one, place, {"name", "type", "comment", "partitionKey"})
        name = _text(column.get("name"), f"{place}.name", _LONGEST_NAME)
        if not name.strip():
            raise _fault(f"expected {place}.name to be the name of a column")
        for key in ("type", "comment"):
            _text(column.get(key, ""), f"{place}.{key}", _LONGEST_TEXT)
        if not isinstance(column.get("partitionKey", False), bool):
            raise _fault(f"expected {place}.partitionKey to be true or false")
    for number, name in enumerate(_list(said.get("names", []), "names", _MOST_NAMES)):
        if not _text(name, f"names[{number}]", _LONGEST_NAME).strip():
            raise _fault(f"expected names[{number}] to be another name of the dataset")
    _text(said.get("format", ""), "format", _LONGEST_NAME)
    return _json(said)


def facts_text(value: object) -> str:
    """The value of a statement of the kind ``facts`` as JSON text, checked: an object, a key a fact. StatementError."""
    said = _object(value, "value", None)
    if len(said) > _MOST_FACTS:
        raise _fault(f"expected value to have at most {_MOST_FACTS} facts")
    for key in said:
        if not key.strip() or len(key) > _LONGEST_NAME:
            raise _fault(f"expected the keys of value to have 1 to {_LONGEST_NAME:,} characters")
    return _json(said)


def _object(value: object, place: str, known: set[str] | None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _fault(f"expected {place} to be a JSON object")
    unknown = sorted(value.keys() - known) if known else []
    if unknown:
        raise _fault(f"{place} has no field {unknown[0]!r}; there are: {', '.join(sorted(known or ()))}")
    return value


def _list(value: object, place: str, most: int) -> list[Any]:
    if not isinstance(value, list):
        raise _fault(f"expected {place} to be a list")
    if len(value) > most:
        raise _fault(f"expected {place} to have at most {most:,} items")
    return value


def _text(value: object, place: str, longest: int) -> str:
    if not isinstance(value, str):
        raise _fault(f"expected {place} to be a text")
    if len(value) > longest:
        raise _fault(f"expected {place} to have at most {longest:,} characters")
    return value


def _json(value: object) -> str:
    """Equal values have equal texts."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise _fault(f"expected value to be JSON: {error}") from None
    if len(text) > LONGEST:
        raise _fault(f"expected value to have at most {LONGEST:,} characters as JSON")
    return text
