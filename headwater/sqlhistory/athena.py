"""Athena: its queries, and its tables, which are those of the Glue Data Catalog.

A table of files is called after its folder, as Spark calls it, so that both are one dataset; its names in Athena and in
Glue are other names of it. A view has no folder, and is called as Athena calls it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from headwater.sql_bridge.model import Dialect, Known
from headwater.sqlhistory.events import stable_id
from headwater.sqlhistory.model import Named, Pair, Ran, State, path

_STATES: Mapping[str, State] = {"SUCCEEDED": "COMPLETE", "FAILED": "FAIL", "CANCELLED": "ABORT"}
DEFAULT_CATALOG = "awsdatacatalog"
_READS = re.compile(r"\s*(?:\(\s*)*(?:select|show|describe|desc|explain|values)\b", re.IGNORECASE)
_VIEW = re.compile(r"/\* Presto View: ([A-Za-z0-9+/=\s]+) \*/")


class Tables(Protocol):
    """What is asked of `aws_bridge.athena.Athena`."""

    region: str

    def table(self, database: str, name: str) -> dict[str, Any] | None:
        """A table of the Glue Data Catalog."""


class AthenaEngine:
    """An `Engine`. Each table is asked for once."""

    name = "athena"

    def __init__(self, tables: Tables, *, views: bool = True) -> None:
        """`views`: the definitions of views that queries read are lineage too."""
        self.namespace = f"awsathena://athena.{tables.region}.amazonaws.com"
        self._tables = tables
        self._views = views
        self._found: dict[str, dict[str, Any] | None] = {}
        self._new_views: list[Ran] = []

    def named(self, name: str) -> Named:
        """The folder of a table, or the table."""
        if "://" in name:
            return path(name)
        own = Pair(self.namespace, name)
        table = self._table(name)
        if table is None:
            return Named(own)
        others = [_glue_name(self._tables.region, table)] if table.get("CatalogId") else []
        location = (table.get("StorageDescriptor") or {}).get("Location") or ""
        if "://" in location and table.get("TableType") != "VIRTUAL_VIEW":
            return Named(path(location).pair, (*others, own))
        return Named(own, tuple(others))

    def known(self, name: str) -> Known | None:
        """The columns of a table, those that it is partitioned by last."""
        table = self._table(name)
        if table is None:
            return None
        listed = [*((table.get("StorageDescriptor") or {}).get("Columns") or ()), *(table.get("PartitionKeys") or ())]
        return Known({one["Name"].lower(): one.get("Type") or "" for one in listed}) if listed else None

    def views(self) -> Sequence[Ran]:
        """Definitions of views that were met."""
        found, self._new_views = self._new_views, []
        return found

    def _table(self, name: str) -> dict[str, Any] | None:
        parts = name.split(".")
        if len(parts) != 3 or parts[0] != DEFAULT_CATALOG:  # noqa: PLR2004 - catalog.database.table
            return None  # another catalog: a connector's, of which Glue knows nothing
        if name not in self._found:
            self._found[name] = self._tables.table(parts[1], parts[2])
            view = definition(name, self._found[name]) if self._views else None
            if view is not None:
                self._new_views.append(view)
        return self._found[name]


def _glue_name(region: str, table: Mapping[str, Any]) -> Pair:
    return Pair(f"arn:aws:glue:{region}:{table['CatalogId']}", f"table/{table['DatabaseName']}/{table['Name']}")


def definition(name: str, table: Mapping[str, Any] | None) -> Ran | None:
    """The statement that would make a view of Athena, Spark or Hive, at the time when it was made; None: it is none.

    `name` is ``awsdatacatalog.database.table``.
    """
    text = str((table or {}).get("ViewOriginalText") or "").strip()
    moment = (table or {}).get("UpdateTime") or (table or {}).get("CreateTime")
    if table is None or table.get("TableType") != "VIRTUAL_VIEW" or moment is None or not text:
        return None
    made_by_athena = _VIEW.search(text)
    if made_by_athena is None and text.startswith("/*"):
        return None  # another engine's, in a form of its own
    try:
        said = json.loads(base64.b64decode(made_by_athena[1])) if made_by_athena else {"originalSql": text}
    except (binascii.Error, ValueError):
        return None
    at = int(moment.timestamp() * 1000)
    catalog, schema = (str(said.get(key) or "").lower() for key in ("catalog", "schema"))
    engine, quote = ("athena", '"') if made_by_athena else ("spark", "`")
    dialect = Dialect(engine, catalog or DEFAULT_CATALOG, schema or name.split(".")[1])
    quoted = ".".join(f"{quote}{part}{quote}" for part in name.split("."))
    sql = f"CREATE OR REPLACE VIEW {quoted} AS {said.get('originalSql') or ''}"
    return Ran(stable_id(name, sql, str(at)), sql, dialect, at, at, place="view")


def ran(execution: Mapping[str, Any]) -> Ran | None:
    """A query of the history; None: it has not ended."""
    status = execution.get("Status") or {}
    state = _STATES.get(status.get("State", ""))
    submitted, completed = status.get("SubmissionDateTime"), status.get("CompletionDateTime")
    if state is None or submitted is None:
        return None
    context = execution.get("QueryExecutionContext") or {}
    catalog = str(context.get("Catalog") or DEFAULT_CATALOG).lower()
    error = (status.get("AthenaError") or {}).get("ErrorMessage") or status.get("StateChangeReason") or ""
    started = int(submitted.timestamp() * 1000)
    return Ran(
        id=execution["QueryExecutionId"],
        sql=execution.get("Query") or "",
        dialect=Dialect("athena", catalog, str(context.get("Database") or "default").lower()),
        started=started,
        ended=int(completed.timestamp() * 1000) if completed else started,
        state=state,
        error=error if state != "COMPLETE" else "",
        place=execution.get("WorkGroup") or "primary",
    )


def only_reads(execution: Mapping[str, Any]) -> bool:
    """Whether a query writes nothing by its first word: most do, and need not be kept in memory."""
    return execution.get("SubstatementType") == "SELECT" or _READS.match(execution.get("Query") or "") is not None
