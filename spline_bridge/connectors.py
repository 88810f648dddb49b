"""Names of what connectors read and write, from their options: the account, database and schema belong to a name. Pure.

Spark's own sources (files, JDBC, Kafka) have rules elsewhere; this is for connectors that take options of their own.
Used by the agent, and by the mapping for reports of agents that named the table alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

#: Options that name a table, a collection or an index, the first that is given.
TABLES = (
    "dbtable", "table", "tablename", "collection", "resource", "es.resource", "index", "topic", "container",
    "spark.mongodb.collection", "spark.mongodb.read.collection", "spark.mongodb.write.collection",
    "spark.cosmos.container",
)  # fmt: skip

#: Options that say on which server it is, the first that is given.
_HOSTS = (
    "sfurl", "url", "host", "hosts", "uri", "connection.uri", "spark.mongodb.connection.uri",
    "spark.mongodb.read.connection.uri", "spark.mongodb.write.connection.uri", "es.nodes", "zkurl", "server",
    "endpoint",    "accountendpoint", "spark.cosmos.accountendpoint", "spark.cassandra.connection.host",
)  # fmt: skip

#: Options that say where in the server it is, outermost first; of each group the first that is given.
_QUALIFIERS = (
    ("project", "parentproject"),
    ("catalog",),
    (
        "sfdatabase", "database", "db", "keyspace", "spark.mongodb.database", "spark.mongodb.read.database",
        "spark.mongodb.write.database", "spark.cosmos.database",
    ),
    ("dataset", "namespace"),
    ("sfschema", "schema"),
)  # fmt: skip

#: All options that a name is made of.
NAMING = tuple(dict.fromkeys((*TABLES, *_HOSTS, *(key for group in _QUALIFIERS for key in group))))

_SNOWFLAKE = frozenset({"snowflake", "net.snowflake.spark.snowflake", "net.snowflake.spark.snowflake.defaultsource"})
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_TOPIC = re.compile(r"[A-Za-z0-9._-]+")


def name(format_: str, options: Mapping[str, Any]) -> str | None:
    """``format://host/database.schema.table`` with what the options have of it; ``format:table`` for a table alone.

    Option names match without regard to case. None: no option names a table, or what names it is a query.
    """
    known = {str(key).lower(): str(value).strip() for key, value in options.items() if value not in (None, "")}
    table = next((known[key] for key in TABLES if key in known), None)
    if table is None or "(" in table or not _SCHEME.fullmatch(format_):
        return None
    host = _host(next((known[key] for key in _HOSTS if key in known), ""))
    qualifiers = [next((known[key] for key in group if key in known), "") for group in _QUALIFIERS]
    if format_.lower() in _SNOWFLAKE:
        return _snowflake(host, [part for part in qualifiers if part], table)
    path = ".".join([*(part for part in qualifiers if part), table])
    return f"{format_}://{host}/{path}" if host else f"{format_}:{path}"


def _host(address: str) -> str:
    """``host:port`` of a URL or an address, without user and parameters."""
    authority = address.partition("://")[2] or address
    for end in "/?;":
        authority = authority.partition(end)[0]
    return authority.rpartition("@")[2]


def _snowflake(host: str, qualifiers: list[str], table: str) -> str:
    """Database, schema and table, of which the table's own text may have some; unquoted names are upper-case there."""
    parts = [
        part[1:-1] if len(part) > 1 and part[0] == part[-1] == '"' else part.upper()
        for part in (*qualifiers, *_dotted(table))
    ]
    own = len(_dotted(table))
    levels = 3  # database, schema, table
    kept = parts[: max(0, min(len(qualifiers), levels - own))] + parts[len(qualifiers) :]
    path = "/".join(kept)
    return f"snowflake://{host}/{path}" if host else f"snowflake:{path}"


def _dotted(table: str) -> list[str]:
    """The parts of ``db."My.Schema".t``."""
    parts, quoted = [""], False
    for char in table:
        quoted ^= char == '"'
        if char == "." and not quoted:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def topics(listed: str) -> tuple[str, ...]:
    """The topics of ``t1,t2``; a pattern or a single topic stays as it is."""
    found = [topic.strip() for topic in listed.split(",")]
    return tuple(dict.fromkeys(found)) if all(_TOPIC.fullmatch(topic) for topic in found) else (listed,)


def assigned_topics(assignment: str) -> str | None:
    """The topics of Kafka's option ``assign``, ``{"t1": [0, 1], "t2": [0]}``, as ``t1,t2``; None if it is no such."""
    try:
        found = json.loads(assignment)
    except ValueError:
        return None
    return ",".join(sorted(found)) if isinstance(found, dict) and found else None
