"""The rules behind a name: a spelling as a normalised URI, scheme by scheme, and what folds into its dataset. Pure.

Escapes. A node id separates dataset and column by its first ``#``, so ``#`` is written ``%23`` and a literal ``%``
is written ``%25``. Where a spelling already has ``%23`` or ``%25`` these are kept: that makes `normalise` idempotent
(the price: an S3 key with the literal text ``%23`` meets the one with ``#``). Local paths do better, because their
canonical form is a ``file:`` URI: valid escapes are decoded once and encoded again, so ``file:///a%20b``,
``file:/a b`` and ``/a b`` are one name, and ``%2523`` stays apart from ``%23``. All other paths are Hadoop paths and
are never decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

from headwater.graphmodel import jdbc

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
#: Spark SQL's direct query of a path: delta.`s3://b/x`.
_PATH_IDENTIFIER = re.compile(r"(?:parquet|delta|iceberg|hudi|orc|csv|json|text|avro)\.`([^`]+)`", re.IGNORECASE)
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_BARE_PERCENT = re.compile(r"%(?!23|25)")
_SLASHES = re.compile(r"/{2,}")
#: Old s3n URLs carried the keys; a secret key can contain slashes, so it can reach beyond the authority.
_ACCESS_KEY = re.compile(r"\A(?:[A-Z0-9]{16,}:[^@]*@)+")
_PASSWORD = re.compile(r"\A(?:[^/?@:]*:[^/?@]*@)+")
#: Everything after ?, unless it is the mark that a query was given (`graphmodel.jdbc`).
_PARAMETERS = re.compile(r"\?(?!query=[0-9a-f]{8}\Z).*", re.DOTALL)
_HOST_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?")
_REDSHIFT_HOST = re.compile(r"([\w-]+)\.[\w-]+\.([\w-]+)\.redshift(?:-serverless)?\.amazonaws\.com(?:\.cn)?")
_SNOWFLAKE_HOST = re.compile(r"(?:\.snowflakecomputing\.com(?:\.cn)?|:[0-9]+)+\Z")
#: The bucket that an S3 table lives in: one for each table, named by S3 (https://docs.aws.amazon.com/AmazonS3).
_TABLE_BUCKET_SUFFIX = "--table-s3"

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
_RENAMED = {"s3a": "s3", "s3n": "s3", "postgresql": "postgres", "mariadb": "mysql"}


def normalise(spelling: str) -> str:
    """The URI that all spellings of one path or table share. Total and idempotent; no folder is folded."""
    identifier = _PATH_IDENTIFIER.fullmatch(spelling)
    text = identifier[1] if identifier else spelling
    if text[:5].lower() == "jdbc:":
        text = jdbc.uri(text).text
    match = _SCHEME.fullmatch(text)
    if match is None:
        return _file("file", f"//{text}") if text.startswith("/") else escape(text)
    scheme = _RENAMED.get(match[1].lower(), match[1].lower())
    return escape(_HANDLERS.get(scheme, _other)(scheme, match[2]))


def escape(text: str) -> str:
    """``#`` and ``%`` encoded, but for ``%23`` and ``%25``, which count as encoded already."""
    return _BARE_PERCENT.sub("%25", text).replace("#", "%23")


def _decode(match: re.Match[str]) -> str:
    """A run of escapes as text; as it stands if that is no text, or would change where folders begin."""
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
    """An object store: the key keeps its inner ``//`` and its case. An S3 table's bucket is the table."""
    if not rest.startswith("//"):
        return f"{scheme}:{rest}"
    bucket, key = split_authority("//" + _ACCESS_KEY.sub("", rest[2:]))
    bucket = _without_user(bucket)
    key = "" if bucket.endswith(_TABLE_BUCKET_SUFFIX) else key.rstrip("/")
    return f"{scheme}://{bucket}{key}"


def _container(scheme: str, rest: str) -> str:
    """Azure: ``container@account`` is the authority, no user; host names have no case."""
    authority, path = split_authority(rest)
    return f"{scheme}://{authority.lower()}{path.rstrip('/')}" if authority else f"{scheme}:{rest}"


def _hadoop(scheme: str, rest: str) -> str:
    """A file system with directories: doubled slashes mean nothing."""
    if not rest.startswith("/"):
        return f"{scheme}:{rest}"
    authority, path = split_authority(rest)
    path = _SLASHES.sub("/", path).rstrip("/")
    return f"{scheme}://{_without_user(authority).lower()}{path or '/'}"


def _dbfs(scheme: str, rest: str) -> str:
    """``dbfs:/x``, Databricks' own spelling of ``dbfs:///x``."""
    return f"{scheme}:{_SLASHES.sub('/', rest).rstrip('/') or '/'}"


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
    """``kafka://host:port/topic``, by the first broker as OpenLineage does; ``kafka:topic`` where none is known."""
    authority, path = split_authority(rest, "/?")
    first = next((broker for broker in authority.split(",") if broker), "")
    return _database(scheme, f"//{first}{path}" if authority else rest)


def _snowflake(scheme: str, rest: str) -> str:
    authority, path = split_authority(rest, "/?")
    account = _SNOWFLAKE_HOST.sub("", _without_user(authority).lower())
    return _database(scheme, f"//{account}{path}" if account else rest)


def _database_file(scheme: str, rest: str) -> str:
    """A database in a file: ``sqlite:///dir/shop.sqlite/orders``; the last part is the table."""
    authority, path = split_authority(_PARAMETERS.sub("", rest))
    root = f"//{_without_user(authority).lower()}" if rest.startswith("//") else ""
    return f"{scheme}:{root}{_SLASHES.sub('/', path).rstrip('/')}"


def _arn(scheme: str, rest: str) -> str:
    """Glue keeps the names of its databases and tables in lower case."""
    return f"{scheme}:{rest.lower() if rest.split(':')[1:2] == ['glue'] else rest}".rstrip("/")


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
    **dict.fromkeys(("hdfs", "viewfs", "webhdfs", "swebhdfs", "alluxio", "adl"), _hadoop),
    "dbfs": _dbfs,
    **dict.fromkeys(("postgres", "mysql", "oracle", "sqlserver", "redshift"), _database),
    "kafka": _kafka,
    "snowflake": _snowflake,
    **dict.fromkeys(("h2", "sqlite", "derby"), _database_file),
    "arn": _arn,
    **dict.fromkeys(("jdbc", "unresolved", "bigquery"), _opaque),  # bigquery: the authority holds a table name
}


#: Schemes whose authority is a bucket or container: its root can be a dataset.
BUCKETS = frozenset({"s3", "gs", "abfs", "abfss", "wasb", "wasbs", "oss", "cosn", "obs"})
#: Schemes whose authority is a service, or that have none: at least one folder stays.
FILE_SYSTEMS = frozenset({"file", "hdfs", "viewfs", "webhdfs", "swebhdfs", "dbfs", "alluxio", "adl"})

_PATH = re.compile(r"([a-z][a-z0-9+.-]*):(//([^/]*))?/?(.*)", re.DOTALL)
_KEY_VALUE = re.compile(r"[^=\s][^=]*=.+", re.DOTALL)
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_MONTH = re.compile(r"0[1-9]|1[0-2]")
_DAY = re.compile(r"0[1-9]|[12][0-9]|3[01]")
_HOUR = re.compile(r"[01][0-9]|2[0-3]")
_DATE = re.compile(rf"{_YEAR.pattern}-(?:{_MONTH.pattern})(?:-(?:{_DAY.pattern}))?")
#: Hadoop's and Spark's files of one output: part-00000, part-r-00000.gz, part-00000-<uuid>-c000.snappy.parquet.
_PART_FILE = re.compile(r"part-(?:[mr]-)?[0-9]+(?:[-.][\w.=-]*)?")
#: The metadata_location of an Iceberg table: metadata/00001-<uuid>.metadata.json, metadata/v1.metadata.json.
_ICEBERG = (re.compile("metadata"), re.compile(r"(?:v?[0-9]+)[\w.-]*\.metadata\.json"))

Shape = tuple[re.Pattern[str], ...]  #: one pattern for each of the last folders
_PARTITIONS: tuple[Shape, ...] = ((_KEY_VALUE,),)
_DATES: tuple[Shape, ...] = (
    (_YEAR, _MONTH, _DAY, _HOUR),
    (_YEAR, _MONTH, _DAY),
    (_YEAR, _MONTH),
    (_DATE,),
)
_FILES: tuple[Shape, ...] = ((_PART_FILE,), _ICEBERG)
#: An S3 key may have had // before the partition (a normalised path ends in no slash: only folding uncovers this).
_NOTHING: tuple[Shape, ...] = ((re.compile(""),),)


@dataclass(frozen=True)
class Rules:
    """Which folding rules hold. Changing them renames datasets, so it takes effect by a replay of the ledger.

    `partitions` folds ``dt=2026-01-01/hour=03``, `dates` folds ``2026/01``, ``2026/01/31``, ``2026/01/31/23``,
    ``2026-01`` and ``2026-01-31`` (a year alone is no date: it names too many other things), `files` folds a
    ``part-*`` file and an Iceberg table's metadata file. `datasets` are URIs that are datasets as they stand: whatever
    lies below one folds into it, and it is not folded itself; of several, the longest counts.
    """

    partitions: bool = True
    dates: bool = True
    files: bool = True
    datasets: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Rules:
        """Rules from settings, the absent ones as by default. Raises ValueError that names the key at fault."""
        known = {field.name for field in fields(cls)}
        for key, value in values.items():
            if key not in known:
                message = f"unknown naming rule {key!r}: expected one of {', '.join(sorted(known))}"
                raise ValueError(message)
            if key != "datasets" and not isinstance(value, bool):
                message = f"naming rule {key!r}: expected true or false"
                raise ValueError(message)
        switches = {key: value for key, value in values.items() if isinstance(value, bool) and key != "datasets"}
        return cls(**switches, datasets=_uris(values.get("datasets", ())))

    def shapes(self) -> tuple[Shape, ...]:
        """What folds, the longest first where one shape begins another."""
        chosen = ((self.partitions, _PARTITIONS), (self.dates, _DATES), (self.files, _FILES))
        return _NOTHING + tuple(shape for holds, shapes in chosen if holds for shape in shapes)


def _uris(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(uri, str) for uri in value):
        message = "naming rule 'datasets': expected a list of URIs"
        raise ValueError(message)
    return tuple(value)


DEFAULT = Rules()


def fold_path(uri: str, rules: Rules) -> tuple[str, str | None]:
    """A normalised URI as (dataset URI, partition folders or None). Only paths fold; anything else stays as it is."""
    match = _PATH.fullmatch(uri)
    if match is None or not (match[1] in BUCKETS or match[1] in FILE_SYSTEMS):
        return uri, None
    for root in sorted(map(normalise, rules.datasets), key=len, reverse=True):
        if uri == root or uri.startswith(f"{root}/"):
            return root, _partition(uri[len(root) + 1 :].split("/"))
    segments = match[4].split("/")
    kept = _kept(segments, rules, least=0 if match[1] in BUCKETS and match[3] else 1)
    if kept == len(segments):
        return uri, None
    head = uri[: len(uri) - len(match[4])]
    return (head + "/".join(segments[:kept])).rstrip("/"), _partition(segments[kept:])


def _kept(segments: Sequence[str], rules: Rules, least: int) -> int:
    """How many leading segments are the dataset's own; at least `least`. Folds until nothing more matches."""
    kept, shapes = len(segments), rules.shapes()
    while (fewer := _without_last(segments, kept, shapes, least)) < kept:
        kept = fewer
    return kept


def _without_last(segments: Sequence[str], end: int, shapes: Sequence[Shape], least: int) -> int:
    for shape in shapes:
        start = end - len(shape)
        if start >= least and all(p.fullmatch(s) for p, s in zip(shape, segments[start:end], strict=True)):
            return start
    return end


def _partition(segments: Sequence[str]) -> str | None:
    """The folded folders as the path has them, without the file."""
    end = _without_last(segments, len(segments), _FILES, 0)
    text = "/".join(segment for segment in segments[:end] if segment)
    return text.replace("%23", "#").replace("%25", "%") or None
