"""Two schemas of one dataset: what was dropped, added, retyped and, as a guess, renamed. Pure.

A schema is Spark's own JSON (`df.schema.json()`), a plain object of column and type, or a CREATE TABLE.
Names count without regard to
case, as Spark takes them by default; whether a column may be null does not count.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from headwater.check.difference import ADD, Difference
from headwater.errors import WrongUse
from headwater.queries.answers.grades import Change

#: Spark's JSON and SQL have different words for the same types.
_SYNONYMS = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint", "real": "float"}
_DEPTH = 50  #: levels of nesting


def read_schema(text: str, place: str) -> dict[str, str]:
    """Column names in lower case, in their order, with their types. WrongUse: not a schema; `place` names its file."""
    if text.lstrip()[:6].lower() == "create":
        return _of_ddl(text, place)
    try:
        document = json.loads(text)
    except ValueError as error:
        raise WrongUse(f"{place} is not JSON, nor a CREATE TABLE: {error}") from None
    if isinstance(document, Mapping) and isinstance(document.get("fields"), list):
        pairs = [_field(field, place) for field in document["fields"]]
    elif isinstance(document, Mapping) and document:
        pairs = [(str(name), type_name(type_, f"{place}: {name}")) for name, type_ in document.items()]
    else:
        raise WrongUse(f"{place} is no schema: expected df.schema.json() or {{column: type}}")
    schema = {name.lower(): type_ for name, type_ in pairs}
    if len(schema) != len(pairs):
        raise WrongUse(f"{place} names a column twice, upper and lower case aside")
    return schema


def _of_ddl(text: str, place: str) -> dict[str, str]:
    from headwater.check.statements import kind
    from headwater.sql_bridge.model import Dialect
    from headwater.sql_bridge.statements import read

    found = read(text, Dialect("spark"))
    defined = list(found.created.values())
    if len(defined) != 1 or found.writes:
        raise WrongUse(
            f"{place} is no CREATE TABLE with a list of columns{f': {found.reason}' if found.reason else ''}"
        )
    return {name.lower(): kind(type_) for name, type_ in defined[0].columns.items()}


def _field(field: Any, place: str) -> tuple[str, str]:
    if not isinstance(field, Mapping) or not isinstance(field.get("name"), str) or "type" not in field:
        raise WrongUse(f"{place}: a field needs a name and a type, got {json.dumps(field)[:100]}")
    return field["name"], type_name(field["type"], f"{place}: {field['name']}")


def type_name(type_: Any, place: str, depth: int = _DEPTH) -> str:
    """A type in Spark's JSON, as Spark's SQL writes it. WrongUse: it is not one."""
    if isinstance(type_, str):
        plain = type_.strip().lower().replace(", ", ",")
        return _SYNONYMS.get(plain, plain)
    kind = type_.get("type") if isinstance(type_, Mapping) and depth else None
    if kind == "struct":
        fields = (_field(field, place) for field in type_.get("fields", ()))
        return f"struct<{','.join(f'{name}:{inner}' for name, inner in fields)}>"
    if kind == "array":
        return f"array<{type_name(type_.get('elementType'), place, depth - 1)}>"
    if kind == "map":
        inner = (type_name(type_.get(key), place, depth - 1) for key in ("keyType", "valueType"))
        return f"map<{','.join(inner)}>"
    if kind == "udt":
        return type_name(type_.get("sqlType"), place, depth - 1)
    raise WrongUse(f"{place}: {json.dumps(type_)[:100]} is no type")


def differences(
    dataset: str, old: Mapping[str, str], new: Mapping[str, str], *, guess_renames: bool = False
) -> list[Difference]:
    """In the order of the columns, first those that were there."""
    renamed = dict(_renamed(old, new)) if guess_renames else {}
    return list(_differences(dataset, old, new, renamed))


def _differences(
    dataset: str, old: Mapping[str, str], new: Mapping[str, str], renamed: Mapping[str, str]
) -> Iterator[Difference]:
    for column, type_ in old.items():
        if column in renamed:
            yield Difference(dataset, column, Change.RENAME.value, column, renamed[column], guessed=True)
        elif column not in new:
            yield Difference(dataset, column, Change.DROP.value, type_)
        elif new[column] != type_:
            yield Difference(dataset, column, Change.RETYPE.value, type_, new[column])
    for column, type_ in new.items():
        if column not in old and column not in renamed.values():
            yield Difference(dataset, column, ADD, None, type_)


def _renamed(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A column that is gone, and the new one of the same type, which is known, at its place."""
    for before, after in zip_longest(old, new):
        if not (before and after) or before in new or after in old:
            continue
        if old[before] and old[before] == new[after]:
            yield before, after
