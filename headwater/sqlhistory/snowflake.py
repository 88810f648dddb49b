"""Snowflake: rows of ACCOUNT_USAGE.ACCESS_HISTORY, exported to a file, with the text of each query where it is there.

Snowflake tells from which columns each column comes; the text of the query adds how. Where both tell other columns,
Snowflake's counts. https://docs.snowflake.com/en/sql-reference/account-usage/access_history
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from headwater.errors import WrongUse
from headwater.graphmodel.model import DependencyType, Effect, Subtype
from headwater.sql_bridge.model import Column, Dialect, Known, Source, Write
from headwater.sqlhistory.model import Named, Pair, Ran, State, path

#: What the export has to have, and what it can have.
NEEDED = ("QUERY_ID", "QUERY_START_TIME", "OBJECTS_MODIFIED")
_TABLES = frozenset(
    {"table", "view", "materialized view", "external table", "dynamic table", "iceberg table", "stream"}
)
_MAKES = ("create_table_as_select", "create_view")
_STATES: Mapping[str, State] = {"SUCCESS": "COMPLETE", "FAIL": "FAIL", "INCIDENT": "FAIL"}
_FORMATS = ("%Y-%m-%d %H:%M:%S.%f %z", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S")


class SnowflakeEngine:
    """An `Engine`. What tables have is known by the queries alone: an export has no catalog."""

    name = "snowflake"

    def __init__(self, account: str) -> None:
        """`account` is ``organization-account``, or a locator with its region."""
        self.namespace = f"snowflake://{account.lower()}"

    def named(self, name: str) -> Named:
        """``DATABASE.SCHEMA.TABLE``, or files."""
        return path(name) if "://" in name else Named(Pair(self.namespace, name))

    def known(self, name: str) -> Known | None:
        """Nothing."""
        return None

    def views(self) -> Sequence[Ran]:
        """None."""
        return ()


def queries(place: Path, refuse: Refuse) -> Iterator[Ran]:
    """The queries of an export, the oldest first; a row that is none is refused, with what is wrong in which field.

    WrongUse: the whole file cannot be read.
    """
    found = list[Ran]()
    for row, what in rows(place, refuse):
        try:
            ran = _ran(row, what)
        except WrongUse as error:
            refuse(what, error.message.removeprefix(f"{what}: "))
        else:
            found += [ran] if ran else []
    return iter(sorted(found, key=lambda one: (one.started, one.id)))


Refuse = Callable[[str, str], None]
"""(``FILE: row N``, or its line; the reason)."""


def rows(place: Path, refuse: Refuse) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows of a file, with names in upper case, and which row each is.

    JSON (an array, or one object a line) or CSV with names in its first line. WrongUse: it is no text, or no JSON.
    """
    try:
        text = place.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise WrongUse(f"{place} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise WrongUse(f"{place} is no text") from None
    begin = text.lstrip()[:1]
    listed: Iterator[tuple[str, Any]]
    if begin == "[":
        listed = ((f"row {n}", row) for n, row in enumerate(_parsed(text, str(place)), 1))
    elif begin == "{":
        listed = _of_lines(text, place, refuse)
    else:
        csv.field_size_limit(2**31 - 1)  # a query of a thousand columns is one field
        reader = csv.DictReader(io.StringIO(text))
        names = {name.strip().upper() for name in reader.fieldnames or ()}
        if names and (missing := [name for name in NEEDED if name not in names]):  # also where no row follows
            refuse(f"{place}: line 1", f"{missing[0]} is missing; needed are {', '.join(NEEDED)}")
            return
        listed = ((f"row {n}", row) for n, row in enumerate(reader, 1))
    for number, row in listed:
        what = f"{place}: {number}"
        if isinstance(row, dict):
            yield {str(name).strip().upper(): value for name, value in row.items() if name is not None}, what
        else:
            refuse(what, "expected an object with the columns of ACCESS_HISTORY")


def _of_lines(text: str, place: Path, refuse: Refuse) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", json.loads(line)
        except ValueError as error:
            refuse(f"{place}: line {number}", f"not JSON: {error}")


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise WrongUse(f"{place} is not JSON: {error}") from None


def _ran(row: Mapping[str, Any], place: str) -> Ran | None:
    for name in NEEDED:
        if name not in row:
            raise WrongUse(f"{place}: {name} is missing; needed are {', '.join(NEEDED)}")
    started = _moment(row["QUERY_START_TIME"], f"{place}: QUERY_START_TIME")
    ended = _moment(row["END_TIME"], f"{place}: END_TIME") if row.get("END_TIME") else started
    database, schema = (str(row.get(key) or "") for key in ("DATABASE_NAME", "SCHEMA_NAME"))
    kind = str(row.get("QUERY_TYPE") or "").lower()
    reads = [one for one in (_name(each) for each in _objects(row, "DIRECT_OBJECTS_ACCESSED", place)) if one]
    modified = _objects(row, "OBJECTS_MODIFIED", place)
    told = tuple(write for each in modified if (write := _write(each, reads, kind)) is not None)
    sql = str(row.get("QUERY_TEXT") or "")
    if not told and not sql:
        return None
    return Ran(
        id=str(row["QUERY_ID"]),
        sql=sql,
        dialect=Dialect("snowflake", database, schema),
        started=started,
        ended=ended,
        state=_STATES.get(str(row.get("EXECUTION_STATUS") or "SUCCESS").upper(), "COMPLETE"),
        error=str(row.get("ERROR_MESSAGE") or ""),
        user=str(row.get("USER_NAME") or ""),
        session=str(row.get("SESSION_ID") or ""),
        told=told,
    )


def _objects(row: Mapping[str, Any], name: str, place: str) -> list[Mapping[str, Any]]:
    """A column of type ARRAY: as JSON, or as text of it."""
    value = row.get(name)
    if isinstance(value, str):
        value = _parsed(value, f"{place}: {name}") if value.strip() else []
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise WrongUse(f"{place}: {name}: expected an array of objects")
    return value


def _name(thing: Mapping[str, Any]) -> str:
    """A table's name, the place of a stage, or nothing: what is neither is no data."""
    domain = str(thing.get("objectDomain") or "").lower()
    named = str(thing.get("objectName") or "")
    if domain == "stage" or "locations" in thing or "location" in thing:
        places = thing.get("locations") or [thing.get("location")]
        first = next((str(one) for one in places if one and "://" in str(one)), "")
        return first or (f"@{named}" if named else "")
    return named if domain in _TABLES or not domain else ""


def _write(modified: Mapping[str, Any], reads: Sequence[str], kind: str) -> Write | None:
    target = _name(modified)
    if not target:
        return None
    effect = Effect.ALL if kind.startswith(_MAKES) else Effect.KEEP
    listed = [one for one in modified.get("columns") or () if isinstance(one, Mapping) and one.get("columnName")]
    columns = tuple(_column(one, target) for one in listed)
    sources = dict.fromkeys(source.dataset for column in columns for source in column.sources)
    inputs = tuple(dict.fromkeys([*sources, *(name for name in reads if name != target)]))
    if not any(column.sources for column in columns):
        return Write(target, effect, inputs=inputs, reason="Snowflake tells no sources of its columns")
    return Write(target, effect, columns, inputs=inputs, whole_rows=False)


def _column(told: Mapping[str, Any], target: str) -> Column:
    name = str(told["columnName"])
    found: dict[Source, None] = {}
    for one in told.get("directSources") or ():
        dataset, column = _name(one), str(one.get("columnName") or "").lower()
        if dataset and column and (dataset, column) != (target, name.lower()):
            # How it goes in is not told: a dependency, and not exact
            found[Source(dataset, column, DependencyType.DIRECT, Subtype.TRANSFORMATION, exact=False)] = None
    return Column(name, tuple(found), resolved=bool(found))


def _moment(value: Any, place: str) -> int:
    """Ms since 1970 of a time as Snowflake exports it; without a zone it is UTC."""
    text = str(value or "").strip()
    found: datetime | None = None
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        for form in _FORMATS:
            try:
                found = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is set below
                break
            except ValueError:
                continue
    if found is None:
        raise WrongUse(f"{place}: {text[:50]!r} is no time")
    known = found if found.tzinfo else found.replace(tzinfo=timezone.utc)
    return int(known.timestamp() * 1000)
