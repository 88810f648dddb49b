"""The rules of dataset names: how a spelling is normalised, scheme by scheme, and which folders fold. Pure.

To fold is to leave the last folders of a path out of the dataset's name: the folders ``dt=2026-01-01`` and
``dt=2026-01-02`` are one dataset. `Rules` says what folds; users change it in ``naming.yaml``.

Escapes. In a node id the first ``#`` separates dataset and column, so a ``#`` in a path is written ``%23`` and a ``%``
is written ``%25``. If a spelling already has ``%23`` or ``%25`` these are kept, because `normalise` must be idempotent.
The price is that an S3 key with the literal text ``%23`` gets the same name as the key with ``#``. Local paths do not
have this problem, because their canonical form is a ``file:`` URI: valid escapes are decoded once and encoded again, so
``file:///a%20b``, ``file:/a b`` and ``/a b`` are one name, and ``%2523`` differs from ``%23``. All other paths are
Hadoop paths, in which an escape is literal text: they are never decoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Protocol

from headwater.graphmodel import jdbc, name_patterns
from headwater.graphmodel.name_patterns import Glob

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
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
_HOST_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?")
_REDSHIFT_HOST = re.compile(r"([\w-]+)\.[\w-]+\.([\w-]+)\.redshift(?:-serverless)?\.amazonaws\.com(?:\.cn)?")
_SNOWFLAKE_DOMAINS = (".snowflakecomputing.com", ".snowflakecomputing.com.cn")
#: The bucket of an S3 table: S3 makes and names one bucket for each table (https://docs.aws.amazon.com/AmazonS3).
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
    """The one URI for all spellings of a path or table, folders included. Any text has one; it is its own URI."""
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
    bucket, key = split_authority("//" + _ACCESS_KEY.sub("", rest[2:]))
    bucket = _without_user(bucket)
    key = "" if bucket.endswith(_TABLE_BUCKET_SUFFIX) else key.rstrip("/")
    return f"{scheme}://{bucket}{key}"


def _container(scheme: str, rest: str) -> str:
    """Azure: the authority is ``container@account`` and has no user; the case of a host name does not matter."""
    authority, path = split_authority(rest)
    return f"{scheme}://{authority.lower()}{path.rstrip('/')}" if authority else f"{scheme}:{rest}"


def _hadoop(scheme: str, rest: str) -> str:
    """A file system with directories: there ``//`` is the same as ``/``."""
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
    account = _without_user(authority).lower()
    # Domain and port are taken off from the end, in linear time. A regular expression that is searched for would take
    # quadratic time with some inputs.
    while account:
        shorter = next((account.removesuffix(domain) for domain in _SNOWFLAKE_DOMAINS if account.endswith(domain)), "")
        host, colon, port = account.rpartition(":")
        if colon and port.isascii() and port.isdigit():
            shorter = host
        elif not shorter and account not in _SNOWFLAKE_DOMAINS:
            break
        account = shorter
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


#: Schemes whose authority is a bucket or container: its root can be a dataset, so all folders may fold.
BUCKETS = frozenset({"s3", "gs", "abfs", "abfss", "wasb", "wasbs", "oss", "cosn", "obs"})
#: Schemes whose authority is a service, or that have none: at least one folder stays, as the root is no dataset.
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
_ICEBERG = (re.compile("metadata"), re.compile(r"v?[0-9][\w.-]*\.metadata\.json"))


class SegmentPattern(Protocol):
    """A pattern of one segment: a regular expression of this module, or a user's `Glob`."""

    def fullmatch(self, string: str, /) -> object:
        """Something true if all of the text matches."""


Shape = tuple[SegmentPattern, ...]  #: one pattern for each of the last folders
_PARTITIONS: tuple[Shape, ...] = ((_KEY_VALUE,),)
_DATES: tuple[Shape, ...] = (
    (_YEAR, _MONTH, _DAY, _HOUR),
    (_YEAR, _MONTH, _DAY),
    (_YEAR, _MONTH),
    (_DATE,),
)
_FILES: tuple[Shape, ...] = ((_PART_FILE,), _ICEBERG)
#: An S3 key may have // before the partition: when the partition is left out, an empty folder is the last one.
_EMPTY_FOLDER: tuple[Shape, ...] = ((re.compile(""),),)

_LISTS = ("folders", "names", "datasets")


class InvalidRules(ValueError):
    """Naming rules that cannot be used. `place` is the path to the wrong part: a key, and in a list an index."""

    def __init__(self, message: str, *place: str | int) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True)
class Rules:
    """What folds. A change of the rules renames datasets, so the graph has to be built again from the ledger.

    `partitions` folds ``dt=2026-01-01/hour=03``, `dates` folds ``2026/01``, ``2026/01/31``, ``2026/01/31/23``,
    ``2026-01`` and ``2026-01-31`` (a year alone is no date: it names too many other things), `files` folds a
    ``part-*`` file and an Iceberg table's metadata file. The others are patterns (`graphmodel.name_patterns`):
    `folders` are further folders at the end of a path that fold, such as ``run-{uuid}`` or ``runs/{timestamp}``.
    `names` are last segments, or names of tables, of which the text that the placeholders match is left out, such as
    ``*_{date}``. `datasets` are URIs that are datasets exactly as they are written: all folders below one fold into it,
    and its own folders never fold; if several match, the longest counts.
    """

    partitions: bool = True
    dates: bool = True
    files: bool = True
    datasets: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Rules:
        """Rules from settings, the absent ones as by default. Raises InvalidRules that names the key at fault."""
        known = {field.name for field in fields(cls)}
        for key, value in values.items():
            if key not in known:
                message = f"unknown naming rule {key!r}: expected one of {', '.join(sorted(known))}"
                raise InvalidRules(message, key)
            if key not in _LISTS and not isinstance(value, bool):
                message = f"naming rule {key!r}: expected true or false"
                raise InvalidRules(message, key)
        checked: dict[str, Any] = dict(values)
        checked.update((key, _patterns(key, values[key])) for key in _LISTS if key in values)
        return cls(**checked)

    @property
    def text(self) -> str:
        """The rules as JSON, the same text for the same rules; empty for the default. `from_text` reads it."""
        if self == DEFAULT:
            return ""
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return json.dumps(changed, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Rules:
        """The rules of a `text`. InvalidRules: it was made by another version."""
        return cls.from_mapping(json.loads(text)) if text else DEFAULT


def _patterns(key: str, value: object) -> tuple[str, ...]:
    what = "URIs" if key == "datasets" else "patterns"
    if not isinstance(value, (list, tuple)):
        raise InvalidRules(f"naming rule {key!r}: expected a list of {what}", key)
    for number, pattern in enumerate(value):
        if not isinstance(pattern, str):
            raise InvalidRules(f"naming rule {key!r}: expected a list of {what}", key, number)
        try:
            name_patterns.check(pattern)
        except name_patterns.InvalidPattern as error:
            raise InvalidRules(f"naming rule {key!r}: {error}", key, number) from None
        if key == "names":
            _check_name_pattern(pattern, number)
    return tuple(value)


def _check_name_pattern(pattern: str, number: int) -> None:
    if "/" in pattern:
        raise InvalidRules(
            f"naming rule 'names': {pattern!r} has a /: it is about the last part of a name", "names", number
        )
    if not any(f"{{{name}}}" in pattern for name in name_patterns.PLACEHOLDERS):
        raise InvalidRules(f"naming rule 'names': {pattern!r} has no placeholder to leave out", "names", number)


DEFAULT = Rules()
#: Nothing folds: for comparing what different rules make of a name.
UNFOLDED = Rules(partitions=False, dates=False, files=False)


@dataclass(frozen=True)
class _Compiled:
    """Rules, compiled once for many names. A shape that begins with another shape comes before it."""

    shapes: tuple[Shape, ...]
    datasets: tuple[tuple[Glob, ...], ...]
    names: tuple[Glob, ...]


@lru_cache(maxsize=64)
def _compiled(rules: Rules) -> _Compiled:
    built_in = ((rules.partitions, _PARTITIONS), (rules.dates, _DATES), (rules.files, _FILES))
    from_rules = sorted((name_patterns.globs(pattern.strip("/")) for pattern in rules.folders), key=len, reverse=True)
    shapes = _EMPTY_FOLDER + tuple(shape for holds, shapes in built_in if holds for shape in shapes) + tuple(from_rules)
    datasets = sorted((name_patterns.globs(normalise(uri)) for uri in rules.datasets), key=len, reverse=True)
    return _Compiled(shapes, tuple(datasets), tuple(map(name_patterns.glob, rules.names)))


#: Schemes whose last part is a table, behind the last dot; and those where it is a name without parts.
_TABLE_SCHEMES = frozenset({*PORTS, "snowflake", "bigquery"} - {"kafka"})
_UNDIVIDED_NAME_SCHEMES = frozenset({"kafka", "arn", "h2", "sqlite", "derby"})
_BARE_TABLE = re.compile(r"[\w$-]+(?:\.[\w$-]+)*")  #: a table of a catalog: db.orders


def fold_path(uri: str, rules: Rules) -> tuple[str, str | None]:
    """A normalised URI as (dataset URI, the text of what was folded or None).

    Folders fold only in paths of files; `Rules.names` also apply to the names of tables and topics.
    """
    match = _PATH.fullmatch(uri)
    if match is None or not (match[1] in BUCKETS or match[1] in FILE_SYSTEMS):
        return _fold_table(uri, match[1] if match else None, rules)
    compiled = _compiled(rules)
    root = _segments_of_fixed_dataset(uri.split("/"), compiled.datasets) if compiled.datasets else 0
    if root:
        parts = uri.split("/")
        return "/".join(parts[:root]), _partition(parts[root:])
    segments = match[4].split("/")
    minimum = 0 if match[1] in BUCKETS and match[3] else 1
    kept, folded = _split_folded(segments, compiled, match[1], minimum)
    if not folded:
        return uri, None
    head = uri[: len(uri) - len(match[4])]
    return (head + "/".join(kept)).rstrip("/"), _partition(folded)


def _segments_of_fixed_dataset(segments: Sequence[str], datasets: Iterable[tuple[Glob, ...]]) -> int:
    """The number of segments of the dataset that `Rules.datasets` names; 0 if none of its patterns matches."""
    for pattern in datasets:
        if len(pattern) <= len(segments) and name_patterns.match_all(pattern, segments[: len(pattern)]):
            return len(pattern)
    return 0


def _split_folded(segments: list[str], compiled: _Compiled, scheme: str, minimum: int) -> tuple[list[str], list[str]]:
    """The segments that stay, at least `minimum`, and those that fold. Goes on until no shape and no name matches."""
    kept, folded = list(segments), []
    while True:
        end = _without_last(kept, len(kept), compiled.shapes, minimum)
        if end < len(kept):
            folded.append(kept[end:])
            del kept[end:]
            continue
        shorter = _without_date(kept[-1], compiled.names, scheme) if kept and compiled.names else None
        if shorter is None:
            return kept, [segment for group in reversed(folded) for segment in group]
        folded.append([kept[-1]])
        kept[-1] = shorter


def _without_date(name: str, patterns: Iterable[Glob], scheme: str) -> str | None:
    """The name without what placeholders match; None if no pattern matches, or if no letter or digit would be left."""
    for pattern in patterns:
        shorter = pattern.without_placeholders(name)
        if shorter is not None and shorter != name and any(map(str.isalnum, shorter)):
            alone = f"{scheme}://x/{shorter}"
            if normalise(alone) == alone:  # else the cut is in the middle of an escape
                return shorter
    return None


def fold_table(name: str, rules: Rules) -> str:
    """The name of a table in a catalog, such as ``sales.orders_20260301``, folded by `Rules.names`."""
    return _fold_table(name, None, rules)[0] if rules.names else name


def _fold_table(uri: str, scheme: str | None, rules: Rules) -> tuple[str, str | None]:
    """A table or topic: its name alone can fold. A query or an unresolved dataset has no name of its own."""
    compiled = _compiled(rules)
    whole = scheme in _UNDIVIDED_NAME_SCHEMES
    if not compiled.names or not (whole or scheme in _TABLE_SCHEMES or _BARE_TABLE.fullmatch(uri)) or "?" in uri:
        return uri, None
    segments = uri.split("/")
    if "//" in uri and len(segments) <= len(("scheme:", "", "host")):
        return uri, None
    if _segments_of_fixed_dataset(
        segments, [pattern for pattern in compiled.datasets if len(pattern) == len(segments)]
    ):
        return uri, None
    start = uri.rfind("/") + 1 or uri.rfind(":") + 1
    name = first = uri[start:] if whole else uri[max(start, uri.rfind(".") + 1) :]
    head = uri[: len(uri) - len(name)]
    while (shorter := _without_date(name, compiled.names, "x")) is not None:
        name = shorter
    return (head + name, first) if name != first and normalise(head + name) == head + name else (uri, None)


def _without_last(segments: Sequence[str], end: int, shapes: Sequence[Shape], minimum: int) -> int:
    """The start of the last segments before `end`, if they match one of the shapes; `end` if they match none."""
    for shape in shapes:
        start = end - len(shape)
        if start >= minimum and all(p.fullmatch(s) for p, s in zip(shape, segments[start:end], strict=True)):
            return start
    return end


def _partition(segments: Sequence[str]) -> str | None:
    """The folded folders as the path has them, without the file."""
    end = _without_last(segments, len(segments), _FILES, 0)
    text = "/".join(segment for segment in segments[:end] if segment)
    return text.replace("%23", "#").replace("%25", "%") or None
