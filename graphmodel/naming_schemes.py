"""A spelling of a dataset as its one URI, scheme by scheme. Pure.

Here: what two spellings of one path or table have in common by the rules of the service that keeps it (S3, HDFS,
PostgreSQL, Glue, ...). Not here: which folders at the end of a path are partitions (`graphmodel.naming_rules`), and
OpenLineage's pairs of namespace and name (`graphmodel.naming_openlineage`). A rule joins two spellings only where the
service's documentation says that they mean the same; whatever else is the same has to be said by somebody.

Escapes. In a node id the first ``#`` separates dataset and column, so a ``#`` in a path is written ``%23`` and a ``%``
is written ``%25``. If a spelling already has ``%23`` or ``%25`` these are kept, because `normalise` must be idempotent.
The price is that an S3 key with the literal text ``%23`` gets the same name as the key with ``#``. Local paths do not
have this problem, because their canonical form is a ``file:`` URI: valid escapes are decoded once and encoded again, so
``file:///a%20b``, ``file:/a b`` and ``/a b`` are one name, and ``%2523`` differs from ``%23``. All other paths are
Hadoop paths, in which an escape is literal text: they are never decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from headwater.graphmodel import jdbc

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_ONLY_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
#: Spark SQL's direct query of a path: delta.`s3://b/x`.
_PATH_IDENTIFIER = re.compile(r"(?:parquet|delta|iceberg|hudi|orc|csv|json|text|avro)\.`([^`]+)`", re.IGNORECASE)
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_BARE_PERCENT = re.compile(r"%(?!23|25)")
_SLASHES = re.compile(r"/{2,}")
#: Old s3n URLs contained the access keys. A secret key can contain slashes, so it may end after the first slash.
_ACCESS_KEY = re.compile(r"\A(?:[A-Z0-9]{16,}:[^@]*@)+")
_PASSWORD = re.compile(r"\A(?:[^/?@:]*:[^/?@]*@)+")
#: Everything after ?, except the mark that stands for a query (`graphmodel.jdbc`).
_PARAMETERS = re.compile(r"\?(?!query=[0-9a-f]{8}\Z).*", re.DOTALL)
_TRANSPORT = re.compile(r"\A(?:(?:file|nio|tcp|ssl):)+", re.IGNORECASE)
_HOST_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?")
_REDSHIFT_HOST = re.compile(r"([\w-]+)\.[\w-]+\.([\w-]+)\.redshift(?:-serverless)?\.amazonaws\.com(?:\.cn)?")
#: What follows the account in Snowflake's hosts and locators: the domain, the private connection, and the cloud of a
#: locator, which is AWS where it is left out (https://docs.snowflake.com/en/user-guide/admin-account-identifier).
_SNOWFLAKE_SUFFIXES = (".snowflakecomputing.com", ".snowflakecomputing.com.cn", ".privatelink", ".aws")
#: A broker of MSK. All brokers of a cluster, and all its ports (plain, TLS, SCRAM, IAM), are one cluster:
#: https://docs.aws.amazon.com/msk/latest/developerguide/port-info.html.
_MSK_BROKER = re.compile(
    r"(?:b-[0-9]+(?:-public)?\.)?([a-z0-9-]+(?:\.[a-z0-9-]+){0,3}\.kafka\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?)(?::[0-9]*)?"
)
#: The host of S3's own URLs, with the bucket before it or as the first folder:
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html.
_S3_HOST = re.compile(r"(?:(.+)\.)?s3(?:[.-](?:dualstack\.)?[a-z]{2}-[a-z-]{1,30}-[0-9])?\.amazonaws\.com(?:\.cn)?")
#: An access point as the bucket of a URI: s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/name/key.
_ACCESS_POINT = re.compile(r"(arn:[^:/]*:s3[a-z-]*:[^:/]*:[^:/]*:accesspoint)[:/]([^/]*)(.*)", re.DOTALL)
#: The bucket of an S3 table: S3 makes and names one bucket for each table (https://docs.aws.amazon.com/AmazonS3).
_TABLE_BUCKET_SUFFIX = "--table-s3"
_BLOB_HOST, _DFS_HOST = ".blob.core.windows.net", ".dfs.core.windows.net"

#: Schemes of databases and brokers with their default ports, by OpenLineage's names
#: (https://openlineage.io/docs/spec/naming).
PORTS = {
    "postgres": "5432",
    "mysql": "3306",
    "oracle": "1521",
    "sqlserver": "1433",
    "redshift": "5439",
    "kafka": "9092",
}
#: Other names of schemes. `mssql` is what dbt and OpenLineage's text call `sqlserver`; a metastore speaks Thrift.
_RENAMED = {
    "s3a": "s3",
    "s3n": "s3",
    "gcs": "gs",
    "postgresql": "postgres",
    "mariadb": "mysql",
    "mssql": "sqlserver",
    "thrift": "hive",
}
#: Schemes whose authority is a bucket or container: its root can be a dataset, so all folders may fold.
BUCKETS = frozenset({"s3", "gs", "abfs", "abfss", "wasb", "wasbs", "oss", "cosn", "obs"})
#: Schemes whose authority is a service, or that have none: at least one folder stays, as the root is no dataset.
FILE_SYSTEMS = frozenset({"file", "hdfs", "viewfs", "webhdfs", "swebhdfs", "dbfs", "alluxio", "adl"})
#: Databases in a file: the last part of their URI is the table.
DATABASE_FILES = frozenset({"h2", "sqlite", "derby", "duckdb"})
#: Catalogs that keep the names of databases and tables in lower case.
_LOWER_CASE = frozenset({"hive", "trino", "awsathena", "unitycatalog"})


def normalise(spelling: str) -> str:
    """The one URI for all spellings of a path or table, folders included. Any text has one; it is its own URI."""
    uri = _normalise(spelling)
    # A JDBC URL is decoded before it is read. One that cannot be read is kept with its % encoded, and can perhaps be
    # read when it is decoded once more.
    return _normalise(uri) if uri.startswith("jdbc:") else uri


def _normalise(spelling: str) -> str:
    identifier = _PATH_IDENTIFIER.fullmatch(spelling)
    text = identifier[1] if identifier else spelling
    if text[:5].lower() == "jdbc:":
        text = jdbc.uri(text).text
    match = _SCHEME.fullmatch(text)
    if match is None:
        return _file("file", f"//{text}") if text.startswith("/") else escape(text)
    scheme = scheme_of(match[1])
    return escape(_HANDLERS.get(scheme, _other)(scheme, match[2]))


def scheme_of(uri: str) -> str:
    """The scheme of a URI, or of a scheme alone, as names have it: lower case, ``s3`` for ``s3a``; "" without one."""
    match = _SCHEME.fullmatch(uri)
    scheme = (match[1] if match else uri if _ONLY_SCHEME.fullmatch(uri) else "").lower()
    return _RENAMED.get(scheme, scheme)


def is_place(uri: str) -> bool:
    """Whether a URI is a path at which data lies. The bucket of an S3 table is none: its name tells nobody anything."""
    return scheme_of(uri) in BUCKETS | FILE_SYSTEMS and not uri.partition("/")[2].endswith(_TABLE_BUCKET_SUFFIX)


def escape(text: str) -> str:
    """The text with ``#`` and ``%`` encoded; ``%23`` and ``%25`` count as encoded already and stay."""
    return _BARE_PERCENT.sub("%25", text).replace("#", "%23")


def _decode(match: re.Match[str]) -> str:
    """Consecutive escapes as text; unchanged if that is not printable UTF-8, or if a decoded / would split a folder."""
    try:
        text = bytes.fromhex(match[0].replace("%", "")).decode("utf-8")
    except UnicodeDecodeError:
        return match[0]
    return text if text.isprintable() and "/" not in text else match[0]


def split_authority(rest: str, ends: str = "/") -> tuple[str, str]:
    """``//authority/path`` as (authority, /path); without ``//`` the authority is empty."""
    if not rest.startswith("//"):
        return "", rest
    end = next((i for i, c in enumerate(rest[2:], 2) if c in ends), len(rest))
    return rest[2:end], rest[end:]


def _without_user(authority: str) -> str:
    return authority.rpartition("@")[2]


def _file(scheme: str, rest: str) -> str:
    """``file:/x``, ``file:///x`` and ``/x`` are ``file:///x``; another host stays; a relative path stays as it is."""
    if not rest.startswith("/"):
        return f"{scheme}:{rest}"
    authority, path = split_authority(rest)
    host = _without_user(authority).lower()
    path = _ESCAPES.sub(_decode, path).replace("%", "%25").replace("#", "%23")
    return f"{scheme}://{'' if host == 'localhost' else host}{_SLASHES.sub('/', path).rstrip('/') or '/'}"


def _bucket(scheme: str, rest: str) -> str:
    """An object store: ``//`` inside a key and the case of letters matter there. An S3 table's bucket is the table."""
    if not rest.startswith("//"):
        return f"{scheme}:{rest}"
    rest = "//" + _ACCESS_KEY.sub("", rest[2:])
    point = _ACCESS_POINT.fullmatch(rest[2:])
    bucket, key = (f"{point[1]}/{point[2]}", point[3]) if point else split_authority(rest)
    bucket = _without_user(bucket)
    key = "" if bucket.endswith(_TABLE_BUCKET_SUFFIX) else key.rstrip("/")
    return f"{scheme}://{bucket}{key}"


def _container(scheme: str, rest: str) -> str:
    """Azure: the authority is ``container@account`` and has no user; the case of a host name does not matter.

    One storage account has a host for each protocol (``blob``, ``dfs``), and each protocol goes with TLS and without:
    https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-multi-protocol-access.
    """
    authority, path = split_authority(rest)
    if not authority:
        return f"{scheme}:{rest}"
    host = authority.lower()
    if host.endswith(_BLOB_HOST):
        host = host.removesuffix(_BLOB_HOST) + _DFS_HOST
    return f"abfss://{host}{path.rstrip('/')}"


def _hadoop(scheme: str, rest: str) -> str:
    """A file system with directories: there ``//`` is the same as ``/``."""
    if not rest.startswith("/"):
        return f"{scheme}:{rest}"
    authority, path = split_authority(rest)
    path = _SLASHES.sub("/", path).rstrip("/")
    return f"{scheme}://{_without_user(authority).lower()}{path or '/'}"


def _dbfs(scheme: str, rest: str) -> str:
    """``dbfs:/x``, Databricks' own spelling of ``dbfs:///x``. OpenLineage names the workspace: ``dbfs://host/x``."""
    authority, path = split_authority(rest)
    root = f"//{_without_user(authority).lower()}" if authority else ""
    return f"{scheme}:{root}{_SLASHES.sub('/', path).rstrip('/') or '/'}"


def _database(scheme: str, rest: str) -> str:
    """OpenLineage's ``scheme://host:port/name``: no user, no parameters, the default port filled in."""
    if not rest.startswith("//"):
        return f"{scheme}:{rest}"
    authority, path = split_authority(rest, "/?")
    path = _PARAMETERS.sub("", path).rstrip("/")
    authority = _without_user(authority).lower()
    redshift = _REDSHIFT_HOST.fullmatch(authority.partition(":")[0])
    if redshift and scheme in {"postgres", "redshift"}:  # Redshift answers to PostgreSQL's driver as well
        scheme, authority = "redshift", f"{redshift[1]}.{redshift[2]}{''.join(authority.partition(':')[1:])}"
    instance = scheme == "sqlserver" and path.count("/") > 1  # host/instance/name: its port is not fixed
    port = None if instance else PORTS.get(scheme)
    hosts = ",".join(_with_port(host, port) for host in authority.split(",")) if authority and port else authority
    return f"{scheme}://{hosts}{path}"


def _with_port(host: str, default: str) -> str:
    match = _HOST_PORT.fullmatch(host)
    return f"{match[1]}:{match[2] or default}" if match else host


def _kafka(scheme: str, rest: str) -> str:
    """``kafka://host:port/topic``, by the first broker as OpenLineage does; ``kafka:topic`` where none is known.

    Of a cluster of MSK each client can name other brokers and ports, so there the cluster stands for its brokers.
    """
    authority, path = split_authority(rest, "/?")
    first = next((broker for broker in authority.split(",") if broker), "")
    broker_of_cluster = _MSK_BROKER.fullmatch(first.lower())
    if broker_of_cluster:
        first = broker_of_cluster[1]
    return _database(scheme, f"//{first}{path}" if authority else rest)


def _snowflake(scheme: str, rest: str) -> str:
    """``snowflake://account/DB.SCHEMA.T``. In hosts, ``-`` stands for the ``_`` of an account's name."""
    authority, path = split_authority(rest, "/?")
    account = _without_user(authority).lower()
    # Domain and port are taken off from the end, in linear time. A regular expression that is searched for would take
    # quadratic time with some inputs.
    while account:
        shorter = next((account.removesuffix(end) for end in _SNOWFLAKE_SUFFIXES if account.endswith(end)), "")
        host, colon, port = account.rpartition(":")
        if colon and port.isascii() and port.isdigit():
            shorter = host
        elif not shorter and account not in _SNOWFLAKE_SUFFIXES:
            break
        account = shorter
    if not account:
        return _database(scheme, rest)
    table = _PARAMETERS.sub("", path)
    table = f"/{table.strip('/').replace('/', '.')}" if table.startswith("/") else table
    return _database(scheme, f"//{account.replace('_', '-')}{table}")


def _database_file(scheme: str, rest: str) -> str:
    """A database in a file: ``sqlite:///dir/shop.sqlite/orders``; the last part is the table.

    OpenLineage's namespace is the JDBC URL: ``sqlite:/dir/shop.sqlite``, ``h2:file:/dir/rep``, ``h2:tcp://host/rep``.
    """
    rest = _TRANSPORT.sub("", _PARAMETERS.sub("", rest))
    if rest.startswith("/") and not rest.startswith("//"):
        rest = f"//{rest}"
    authority, path = split_authority(rest)
    root = f"//{_without_user(authority).lower()}" if rest.startswith("//") else ""
    return f"{scheme}:{root}{_SLASHES.sub('/', path).rstrip('/')}"


def _arn(scheme: str, rest: str) -> str:
    """A resource of AWS; by the rules of its service where there are some (`_ARNS`)."""
    parts = rest.split(":", 4)  # partition, service, region, account, resource
    if len(parts) > 1 and parts[1] == "glue":
        parts = rest.lower().split(":", 4)
    handler = _ARNS.get(parts[1]) if len(parts) == 5 else None  # noqa: PLR2004 - the parts named above
    found = handler(parts) if handler else None
    return found or f"{scheme}:{':'.join(parts)}".rstrip("/")


def _glue_arn(parts: list[str]) -> str | None:
    """A table of S3 Tables in its Glue catalog, ``table/s3tablescatalog/<bucket>/<namespace>/<table>``.

    Glue keeps all its names in lower case. Other catalogs have names that people give, so nothing follows from these.
    """
    match = _TABLE_OF_TABLE_BUCKET.fullmatch(parts[4])
    if match is None:
        return None
    return f"arn:{parts[0]}:s3tables:{parts[2]}:{parts[3]}:bucket/{match[1]}/{match[2]}.{match[3]}"


def _s3tables_arn(parts: list[str]) -> str | None:
    """``bucket/<bucket>/<namespace>.<table>``, where Spark's listener puts its own name of the catalog before."""
    bucket, slash, table = parts[4].rpartition("/")
    names = table.split(".")
    if not slash or bucket.count("/") != 1 or len(names) != 3:  # noqa: PLR2004 - catalog, namespace, table
        return None
    return f"arn:{':'.join(parts[:4])}:{bucket}/{'.'.join(names[1:])}"


def _s3_arn(parts: list[str]) -> str | None:
    """``arn:aws:s3:::bucket/key``, and the ARNs of access points and of objects behind these."""
    if not parts[3]:
        return _bucket("s3", f"//{parts[4]}") if parts[4] and not parts[4].startswith("/") else None
    match = _POINT_AND_OBJECT.fullmatch(parts[4])
    if match is None:
        return None
    return _bucket("s3", f"//arn:{':'.join(parts[:4])}:accesspoint/{match[1]}{match[2] or match[3] or ''}")


def _redshift_arn(parts: list[str]) -> str | None:
    """DataZone's ``table/<cluster or workgroup>/<database>/<schema>/<table>``, on the default port."""
    match = _TABLE_OF_CLUSTER.fullmatch(f"{parts[2]}/{parts[4]}")
    return _database("redshift", f"//{match[2]}.{match[1]}/{match[3]}.{match[4]}.{match[5]}") if match else None


def _dynamodb_arn(parts: list[str]) -> str | None:
    """``table/<table>``; its indexes, streams, exports and backups are the table."""
    kind, _, rest = parts[4].partition("/")
    table = rest.partition("/")[0]
    return f"arn:{':'.join(parts[:4])}:table/{table}" if kind == "table" and table else None


_ARNS: dict[str, Callable[[list[str]], str | None]] = {
    "glue": _glue_arn,
    "s3tables": _s3tables_arn,
    "s3": _s3_arn,
    "redshift": _redshift_arn,
    "redshift-serverless": _redshift_arn,
    "dynamodb": _dynamodb_arn,
}
_TABLE_OF_CLUSTER = re.compile(r"([a-z0-9-]+)/(?:table|view)/([\w-]+)/([\w$-]+)/([\w$-]+)/([\w$-]+)")
_TABLE_OF_TABLE_BUCKET = re.compile(r"table/s3tablescatalog/([^/]+)/([^/.]+)/([^/.]+)")
_POINT_AND_OBJECT = re.compile(r"accesspoint[/:]([^/]+)(?:/object(/.*)|(/.*))?", re.DOTALL)


def _catalog(scheme: str, rest: str) -> str:
    """A table of a catalog that does not care for upper and lower case: ``hive://host:9083/sales.orders``."""
    return _database(scheme, rest.lower())


def _warehouse(scheme: str, rest: str) -> str:
    """``warehouse:s3://b/wh/sales.orders``: a table of the catalog of a Spark warehouse, whose path is not known.

    Spark's listener names it ``s3://b/wh`` and ``sales.orders``; the path ``s3://b/wh/sales.orders`` is another thing.
    """
    location, slash, table = rest.rpartition("/")
    if not slash or scheme_of(location) not in BUCKETS | FILE_SYSTEMS:
        return f"{scheme}:{rest}"
    return f"{scheme}:{normalise(location)}/{table}"


def _web(scheme: str, rest: str) -> str:
    """A URL; one of S3 is the object's name, decoded once."""
    authority, path = split_authority(rest, "/?")
    match = _S3_HOST.fullmatch(_without_user(authority).partition(":")[0].lower())
    if match is None:
        return _other(scheme, rest)
    key = _ESCAPES.sub(_decode, path.partition("?")[0])
    found = _bucket("s3", f"//{match[1]}{key}" if match[1] else f"/{key}")
    return found if found.startswith("s3://") and len(found) > len("s3://") else _other(scheme, rest)


def _opaque(scheme: str, rest: str) -> str:
    return f"{scheme}:{rest}"


def _other(scheme: str, rest: str) -> str:
    """A scheme without rules of its own: lower-case scheme and host, no password, no trailing slash."""
    if not rest.startswith("//"):
        return f"{scheme}:{rest}"
    authority, path = split_authority("//" + _PASSWORD.sub("", rest[2:]), "/?")
    return f"{scheme}://{authority.lower()}{jdbc.without_secrets(path).rstrip('/')}"


_HANDLERS: dict[str, Callable[[str, str], str]] = {
    "file": _file,
    **dict.fromkeys(("s3", "gs", "oss", "cosn", "obs"), _bucket),
    **dict.fromkeys(("abfs", "abfss", "wasb", "wasbs"), _container),
    **dict.fromkeys(("http", "https"), _web),
    "warehouse": _warehouse,
    **dict.fromkeys(("hdfs", "viewfs", "webhdfs", "swebhdfs", "alluxio", "adl"), _hadoop),
    "dbfs": _dbfs,
    **dict.fromkeys(("postgres", "mysql", "oracle", "sqlserver", "redshift"), _database),
    "kafka": _kafka,
    "snowflake": _snowflake,
    **dict.fromkeys(_LOWER_CASE, _catalog),
    **dict.fromkeys(DATABASE_FILES, _database_file),
    "arn": _arn,
    **dict.fromkeys(("jdbc", "unresolved", "bigquery"), _opaque),  # bigquery: the authority holds a table name
}
