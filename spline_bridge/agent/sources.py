"""Where data is, in Spline's words: the URI of what a leaf reads or a command writes, its type and its options.

From what `capture` was told; pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headwater.spline_bridge import connectors
from headwater.spline_bridge.secret_patterns import MASK, clean_text

Details = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """Data outside the plan: its URIs, its format, and what is worth telling of it."""

    uris: tuple[str, ...]
    format: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def source(details: Details, filesystem: str | None) -> Source | None:
    """The source that a leaf or target is, from the answers of its getters; None if they name none.

    `filesystem` is what paths without a scheme are on.
    """
    for rule in (_table_v2, _files, _jdbc, _options, _hive):
        found = rule(details)
        if found is not None and found.uris:
            return replace(found, uris=tuple(located(uri, filesystem) for uri in found.uris))
    return None


def _files(details: Details) -> Source | None:
    if "paths" not in details:
        return None
    return Source(tuple(details["paths"]), _format(details), {**_options_of(details), **_travel(details)})


def _format(details: Details) -> str | None:
    """Delta and Hudi call their own files parquet; what lists them knows better."""
    index = str(details.get("index", ""))
    if index.startswith("org.apache.hudi."):
        return "hudi"
    return "delta" if index.startswith("Delta[") else details.get("format")


def _travel(details: Details) -> dict[str, Any]:
    """The version that a query names; a snapshot that it did not name is another one in every run."""
    version = str(details.get("index", "")).partition("Delta[version=")[2].partition(",")[0]
    return {"versionAsOf": version} if details.get("travel") and version else {}


def _options_of(details: Details) -> dict[str, Any]:
    return {**details.get("options", {}), **table(details.get("table"))}


def table(catalog_table: Any) -> dict[str, Any]:
    """``{"table": {"identifier": {"table", "database"}}}`` of a catalog table; empty if there is none."""
    if not isinstance(catalog_table, Mapping) or not catalog_table.get("Table"):
        return {}
    named = {"table": catalog_table["Table"], "database": catalog_table.get("Database")}
    return {"table": {"identifier": {key: value for key, value in named.items() if value}}}


def _hive(details: Details) -> Source | None:
    known = details.get("table")
    if not isinstance(known, Mapping) or not known.get("Location"):
        return None
    return Source((known["Location"],), str(known.get("Provider", "hive")), table(known))


def _jdbc(details: Details) -> Source | None:
    options = details.get("jdbc") or details.get("options") or {}
    known = {key.lower(): value for key, value in options.items()}
    if not str(known.get("url", "")).startswith("jdbc:"):
        return None
    what = known.get("dbtable") or known.get("query")
    return Source((f"{_public(str(known['url']))}:{what}",), "jdbc", {k: v for k, v in known.items() if k in _JDBC})


def _public(url: str) -> str:
    """A JDBC URL without the properties that are secrets: masked ones would take the table's name with them."""
    return _MASKED.sub("", clean_text(url)[0])


_MASKED = re.compile(r"[;?&][^;?&=]*=" + re.escape(MASK))

#: Options of a JDBC source that say what is read or written. Others can hold anything.
_JDBC = frozenset({"url", "dbtable", "query", "driver", "user"})


def _table_v2(details: Details) -> Source | None:
    """A table of a catalog plugin: by its location, else by its full name."""
    if "identifier" not in details and _class(details) not in _NAMELESS:
        return _connector_v2(details)
    properties, options = details.get("properties", {}), details.get("options", {})
    location = properties.get("location") or details.get("path") or next(iter(details.get("paths", ())), None)
    name = details.get("name") or ".".join(filter(None, (details.get("catalog"), details.get("identifier"))))
    if details.get("jdbc"):
        return _jdbc(details)
    uri = f"{location}{_part_of_iceberg(details)}" if location else _topic(options) or name
    params = {**options, "table": {"identifier": name}} if "identifier" in details else dict(options)
    return Source((uri,) if uri else (), _provider(details), params)


def _part_of_iceberg(details: Details) -> str:
    """What is read or written at a table's location where it is not the table as it is: ``.branch_audit``, ``.files``.

    A branch has data of its own, and what Iceberg calls metadata tables (``t.files``, ``t.snapshots``) have no row of
    the table. A tag and a snapshot are the table at an earlier time.
    """
    options = {key.lower(): value for key, value in details.get("options", {}).items()}
    branch = details.get("branch") or options.get("branch")
    if details.get("class") == "SparkChangelogTable":
        return ".changes"
    kind = str(details.get("iceberg") or "").rpartition("$")[2]  # within another class: of a table that is being made
    if kind.endswith("Table") and kind not in _ICEBERG_DATA:
        return f".{_NAMES_END.split(str(details.get('name') or kind))[-1].lower()}"
    return f".branch_{branch}" if branch and branch != "main" else ""


#: Before the last part of ``ice.db.t.files``, and of a table that was read by its path: ``/lake/db/t#files``.
_NAMES_END = re.compile(r"[.#/]")
#: Classes of Iceberg that stand for the rows of a table.
_ICEBERG_DATA = frozenset({"BaseTable", "TransactionTable", "CommitTransactionTable", "SerializableTable"})


def _connector_v2(details: Details) -> Source | None:
    """A connector's table that is no catalog's (MongoDB, Cassandra, ...): named by the options of the read or write."""
    format_, options = _provider(details), details.get("options", {})
    named = connectors.name(format_, options) if format_ and "class" in details else None
    return Source((named,), format_, _plain(options)) if named else None


#: Tables of sources that are no catalog's.
_NAMELESS = frozenset({"KafkaTable", "ParquetTable", "CSVTable", "JsonTable", "OrcTable", "TextTable", "AvroTable"})


def _provider(details: Details) -> str | None:
    properties = details.get("properties", {})
    named = str(properties.get("provider") or properties.get("format") or "").partition("/")[0]
    return named or _class(details).removesuffix("Table").lower() or None


def _class(details: Details) -> str:
    """The table's class, without one that it is declared in: ``KafkaSourceProvider$KafkaTable``."""
    return str(details.get("class") or "").rpartition("$")[2]


def _topic(options: Mapping[str, Any]) -> str | None:
    known = {key.lower(): value for key, value in options.items()}
    named = known.get("topic") or known.get("subscribe") or known.get("subscribepattern")
    named = named or connectors.assigned_topics(str(known.get("assign") or ""))
    return f"kafka:{named}" if named else None


def _options(details: Details) -> Source | None:
    """A source that only its options tell of: ``format:name``."""
    options, format_ = details.get("options", {}), details.get("format")
    known = {key.lower(): value for key, value in options.items()}
    if known.get("path") and connectors.takes_a_path(str(format_ or "")):
        return Source((str(known["path"]),), format_, _plain(options))
    if _topic(options) and format_ == "kafka":
        return Source((str(_topic(options)),), format_, _plain(options))
    named = connectors.name(format_, options) if format_ else None
    return Source((named,), format_, _plain(options)) if named else None


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if "://" not in str(value) or key.lower() == "path"}


def located(uri: str, filesystem: str | None) -> str:
    """A URI without the slash at its end; a path on the file system that Hadoop takes: ``/lake`` is ``file:/lake``."""
    scheme = (filesystem or "").rstrip("/")
    whole = f"{scheme}{uri}" if uri.startswith("/") else uri
    return whole.rstrip("/") or whole
