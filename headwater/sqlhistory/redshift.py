"""Redshift: its queries, put together from the parts of their texts, and the columns of its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol

from headwater.sql_bridge.model import Dialect, Known
from headwater.sqlhistory.model import Named, Pair, Ran, State, path

_STATES: Mapping[str, State] = {"success": "COMPLETE", "failed": "FAIL", "canceled": "ABORT"}
_PART = 200  #: bytes of one part of a text: blanks at its end can be missing
_PORT = 5439
_DEFAULT_SCHEMA = "public"


class Columns(Protocol):
    """What is asked of `aws_bridge.redshift.Redshift`."""

    region: str

    def columns(self, database: str) -> Iterator[dict[str, Any]]:
        """The columns of all tables of a database."""


class RedshiftEngine:
    """An `Engine`. The columns of a database are asked for once, when the first of its tables is named."""

    name = "redshift"

    def __init__(self, columns: Columns, warehouse: str, notes: list[str]) -> None:
        """`warehouse` is the cluster or work group; what could not be asked becomes one of `notes`."""
        self.namespace = f"redshift://{warehouse}.{columns.region}:{_PORT}"
        self._columns = columns
        self._notes = notes
        self._databases: dict[str, dict[str, dict[str, str]]] = {}

    def named(self, name: str) -> Named:
        """``database.schema.table``, or files."""
        return path(name) if "://" in name else Named(Pair(self.namespace, name))

    def known(self, name: str) -> Known | None:
        """The columns of a table as it is now."""
        database = name.partition(".")[0]
        if database not in self._databases:
            self._databases[database] = self._asked(database)
        columns = self._databases[database].get(name)
        return Known(columns) if columns else None

    def views(self) -> Sequence[Ran]:
        """None: the history has the statements that made them."""
        return ()

    def _asked(self, database: str) -> dict[str, dict[str, str]]:
        from headwater.aws_bridge.session import AwsError

        found: dict[str, dict[str, str]] = {}
        try:
            for row in self._columns.columns(database):
                name = f"{database}.{row['schema_name']}.{row['table_name']}".lower()
                found.setdefault(name, {})[str(row["column_name"]).lower()] = str(row["data_type"] or "")
        except AwsError as error:
            self._notes.append(f"the columns of {database} could not be asked for: {error}")
        return found


def queries(rows: Iterable[Mapping[str, Any]]) -> Iterator[Ran]:
    """The queries of a history's rows, which come in the order of queries, and of the parts of their texts."""
    for identifier, parts in groupby(rows, key=lambda row: str(row["query_id"])):
        listed = list(parts)
        first = listed[0]
        state = _STATES[str(first["status"]).strip()]
        database = str(first["database_name"] or "").strip().lower()
        yield Ran(
            id=identifier,
            sql=text([str(row["text"] or "") for row in listed]),
            dialect=Dialect("redshift", database, _DEFAULT_SCHEMA),
            started=int(first["started"]),
            ended=int(first["ended"]),
            state=state,
            error=str(first["error_message"] or "").strip() if state != "COMPLETE" else "",
            user=str(first["user_name"] or "").strip(),
            session=str(first["session_id"] or ""),
        )


def text(parts: Sequence[str]) -> str:
    """The text of a query out of its parts, where blanks at the end of a part can have been cut off.

    A line break is two characters in these tables.
    """
    whole = "".join(part + " " * (_PART - len(part.encode())) for part in parts[:-1]) + (parts[-1] if parts else "")
    return whole.replace("\\n", "\n").strip()
