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
    "dbtable", "table", "tablename", "collection", "resource", "es.resource", "es.resource.write", "es.resource.read",
    "opensearch.resource", "index", "topic", "container", "spark.mongodb.collection", "spark.mongodb.read.collection",
    "spark.mongodb.write.collection", "spark.cosmos.container", "dynamodb.output.tablename", "dynamodb.input.tablename",
    "kudu.table", "hbase.table", "starrocks.table.identifier", "doris.table.identifier", "streamname",
    "kinesis.streamname", "labels", "relationship", "sfobject",
)  # fmt: skip

#: Options that say on which server it is, the first that is given; for a service of a cloud, in which region.
_HOSTS = (
    "sfurl", "sfaccount", "url", "host", "hosts", "uri", "connection.uri", "spark.mongodb.connection.uri",
    "spark.mongodb.read.connection.uri", "spark.mongodb.write.connection.uri", "spark.mongodb.input.uri",
    "spark.mongodb.output.uri", "es.nodes", "opensearch.nodes", "zkurl", "server", "endpoint", "accountendpoint",
    "spark.cosmos.accountendpoint", "spark.cassandra.connection.host", "kudu.master", "starrocks.fe.http.url",
    "doris.fenodes", "service.url", "brokerhost", "tidb.addr", "region", "dynamodb.region", "kinesis.region",
)  # fmt: skip

#: Options that say where in the server it is, outermost first; of each group the first that is given.
_QUALIFIERS = (
    ("project", "parentproject"),
    ("catalog", "cluster"),
    (
        "sfdatabase", "database", "db", "keyspace", "bucket", "spark.mongodb.database", "spark.mongodb.read.database",
        "spark.mongodb.write.database", "spark.cosmos.database",
    ),
    ("dataset", "namespace", "scope"),
    ("sfschema", "schema"),
)  # fmt: skip

#: One connector goes by several names: its short one, its package, its class.
_SHORT = {
    "com.google.cloud.spark.bigquery": "bigquery",
    "org.apache.spark.sql.cassandra": "cassandra",
    "mongo": "mongodb",
    "com.mongodb.spark.sql": "mongodb",
    "com.mongodb.spark.sql.connector.mongotableprovider": "mongodb",
    "es": "elasticsearch",
    "org.elasticsearch.spark.sql": "elasticsearch",
    "org.opensearch.spark.sql": "opensearch",
    "com.audienceproject.spark.dynamodb.datasource": "dynamodb",
    "org.apache.spark.sql.redis": "redis",
    "org.apache.kudu.spark.kudu": "kudu",
    "org.apache.hadoop.hbase.spark": "hbase",
    "org.apache.phoenix.spark": "phoenix",
    "org.neo4j.spark.datasource": "neo4j",
    "net.snowflake.spark.snowflake": "snowflake",
}

#: Connectors whose ``load`` and ``save`` take the name of a table in place of a path.
_BY_PATH = frozenset({"bigquery", "elasticsearch", "opensearch", "cassandra", "redis", "dynamodb", "hbase", "kudu"})

#: All options that a name is made of.
NAMING = tuple(dict.fromkeys((*TABLES, *_HOSTS, *(key for group in _QUALIFIERS for key in group))))

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_TOPIC = re.compile(r"[A-Za-z0-9._-]+")


def short(format_: str) -> str:
    """The name of a connector, whichever of its names a job uses."""
    known = format_.lower().removesuffix(".defaultsource")
    return _SHORT.get(known, format_)


def takes_a_path(format_: str) -> bool:
    """Whether what is loaded or saved is a path, and not a table by its name."""
    return short(format_) not in _BY_PATH


def name(format_: str, options: Mapping[str, Any]) -> str | None:
    """``format://host/database.schema.table`` with what the options have of it; ``format:table`` for a table alone.

    Option names match without regard to case. None: no option names a table, or what names it is a query.
    """
    known = {str(key).lower(): str(value).strip() for key, value in options.items() if value not in (None, "")}
    format_ = short(format_)
    address = next((known[key] for key in _HOSTS if key in known), "")
    table = next((known[key] for key in TABLES if key in known), None)
    if table is None and format_ in _BY_PATH:
        table = known.get("path")
    if table is None and format_ == "mongodb":
        table = _in_url(address)
    if table is None or "(" in table or not _SCHEME.fullmatch(format_):
        return None
    host = _host(address)
    qualifiers = [next((known[key] for key in group if key in known), "") for group in _QUALIFIERS]
    if format_ == "snowflake":
        return _snowflake(host, [part for part in qualifiers if part], table)
    if format_ == "bigquery":
        return _bigquery([part for part in qualifiers if part], table)
    path = ".".join([*(part for part in qualifiers if part), table])
    return f"{format_}://{host}/{path}" if host else f"{format_}:{path}"


def _in_url(address: str) -> str | None:
    """The database and collection of ``mongodb://host/database.collection?...``."""
    path = address.partition("://")[2].partition("/")[2].partition("?")[0]
    return path if path.partition(".")[2] else None


def _bigquery(qualifiers: list[str], table: str) -> str:
    """Project, dataset and table, of which the table's own text may have some: ``project:dataset.table``."""
    parts = table.replace(":", ".").strip("`").split(".")
    levels = 3
    kept = qualifiers[: max(0, min(len(qualifiers), levels - len(parts)))]
    return f"bigquery:{'.'.join([*kept, *parts])}"


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
