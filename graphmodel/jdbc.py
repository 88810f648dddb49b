"""A JDBC URL and its table as OpenLineage's ``scheme://host:port/database.schema.table``. Pure.

The agent writes ``<url>:<dbtable>`` (``jdbc:postgresql://h/shop:public.orders``). The name is only certain if the table
is known: a query has no table, unless it is a plain ``select * from t``, and if the URL has a password, the agent cuts
off what follows it. An unqualified table gets the schema that the driver takes by default: the one in the URL
(``currentSchema``, ``schema``), else ``public`` in PostgreSQL and Redshift, ``dbo`` in SQL Server, ``PUBLIC`` in
Snowflake. Unquoted names get the case that the database gives them: lower case in PostgreSQL, Redshift and Trino, upper
case in Snowflake; in the others they stay as typed. (Oracle makes them upper case too, but other tools that report
lineage write them as typed, and both have to give one name.)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from headwater.graphmodel.constants import form_of

_URL = re.compile(
    r"jdbc:(?:aws-wrapper:|jtds:)?([a-z0-9+.-]+):"
    r"(?:(?:thin|oci8?|loadbalance|replication|failover|sequential|aurora|aws|iam):)?(.*)",
    re.IGNORECASE | re.DOTALL,
)
_IDENTIFIER = r"(?:\"[^\"]{1,256}\"|`[^`]{1,256}`|\[[^\[\]]{1,256}\]|[^\s\"'`\[\]/?;:=&@(){}.,*]+)"
_TABLE = rf"{_IDENTIFIER}(?:\.{{1,2}}{_IDENTIFIER})*"
_IS_TABLE = re.compile(_TABLE)
_PART = re.compile(rf"{_IDENTIFIER}|(?<=\.)(?=\.)")
_LAST_TABLE = re.compile(rf":({_TABLE})\Z")
_SELECT_ALL = re.compile(rf"select\s+\*\s+from\s+({_TABLE})", re.IGNORECASE)
_ALIAS = re.compile(r"(?:(?:as\s+)?[\w\"`]+)?", re.IGNORECASE)
#: Texts in the name of a URL parameter that holds a secret. Such a parameter is no part of a dataset's name, because it
#: changes or is masked. A longer list would change names that exist, so this is not the list that protects secrets:
#: `spline_bridge.secret_patterns` removes them before.
_SECRET_PARAMETERS = tuple(
    "passw pwd secret token credential signature accesskey access-key access_key apikey api-key api_key private".split()  # noqa: SIM905
)
_PARAMETER_NAME = re.compile(r"[\w.-]*")
#: The table is searched in so many characters at the end of a URL: no name is longer, and the search stays fast.
_LONGEST_TABLE = 2_000
_USER = re.compile(r"^(//)?[^?;]*@")  #: an Oracle password stands before the host: thin:user/password@host
_AUTHORITY = re.compile(r"^//[^/?;]*")  #: the last part of host:port is no table
_MASKED = re.compile(r"[^=]*=\**")
_ORACLE = re.compile(
    r"(?:tcps?:)?(//)?(\[[^\]]*\]|[^:/?]*)(?::([0-9]+))?(?:[:/]([^:/?]*))?((?:[:?].*)?)", re.DOTALL | re.IGNORECASE
)
_TNS = re.compile(r"\((HOST|PORT|SERVICE_NAME|SID)\s*=\s*([^()\s]+)\s*\)", re.IGNORECASE)
_REGION = re.compile(r"[a-z]{2}-[a-z-]{1,30}-[0-9]", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How one kind of database names its tables; `levels` counts database, schema, table."""

    scheme: str
    levels: int
    schema: str | None = None  #: the schema of an unqualified table
    fold: Callable[[str], str] = str  #: the case of unquoted names
    databases: tuple[str, ...] = ()  #: URL parameters (lower case) that name the database
    schemas: tuple[str, ...] = ()  #: URL parameters (lower case) that name the schema


_DIALECTS: Mapping[str, Dialect] = {
    "postgresql": Dialect("postgres", 3, "public", str.lower, schemas=("currentschema",)),
    "redshift": Dialect("redshift", 3, "public", str.lower, schemas=("currentschema",)),
    "mysql": Dialect("mysql", 2),
    "mariadb": Dialect("mysql", 2),
    "oracle": Dialect("oracle", 3),
    "sqlserver": Dialect("sqlserver", 3, "dbo", databases=("databasename", "database")),
    "snowflake": Dialect("snowflake", 3, "PUBLIC", str.upper, databases=("db", "database"), schemas=("schema",)),
    "trino": Dialect("trino", 3, None, str.lower),
    "h2": Dialect("h2", 1),
    "sqlite": Dialect("sqlite", 1),
    "derby": Dialect("derby", 1),
}


@dataclass(frozen=True)
class Located:
    """A URI in OpenLineage's form (hosts and ports as given). `certain`: it is known to be exactly one table."""

    text: str
    certain: bool


@dataclass(frozen=True)
class _Url:
    """The parts of a URL. `root` is everything before the database; `table` is the table at the end of the URL."""

    root: str
    database: str | None = None
    schema: str | None = None
    table: str | None = None
    shared: bool = True  #: False: a database in memory, which is another one in each process


def uri(url: str, table: str | None = None, query: str | None = None) -> Located:
    """The table of a JDBC URL: `table` or `query` if given, else the end of the URL. Unknown drivers: ``jdbc:...``."""
    match = _URL.fullmatch(url)
    dialect = _DIALECTS.get(match[1].lower()) if match else None
    if match is None or dialect is None:
        return _unknown_driver(url, table, query)
    rest = match[2].removesuffix(f":{table}") if table else match[2]
    parts = _PARSERS.get(dialect.scheme, _parse_network_url)(dialect, rest)
    if parts is None:
        return _unknown_driver(url, table, query)
    table_or_query = table or query or parts.table
    return _located(dialect, parts, table_or_query)


def _located(dialect: Dialect, url: _Url, table_or_query: str | None) -> Located:
    root = f"{url.root}/{url.database}" if url.database and dialect.levels > 1 else url.root
    if not table_or_query:
        return Located(root, certain=False)
    table = whole_table(table_or_query)
    if table is None:
        return Located(f"{root}{_query_mark(table_or_query)}", certain=False)
    return Located(f"{url.root}/{_qualified(dialect, url, table)}", certain=url.shared)


def whole_table(text: str) -> str | None:
    """The table in a ``dbtable`` or ``query`` option that reads all its columns and rows; None for other queries."""
    inner = text.strip()
    if _IS_TABLE.fullmatch(inner):
        return inner
    if inner.startswith("("):
        inner, _, alias = inner[1:].rpartition(")")
        if not _ALIAS.fullmatch(alias.strip()):
            return None
    match = _SELECT_ALL.fullmatch(inner.strip().rstrip(";").rstrip())
    return match[1] if match else None


def _query_mark(query: str) -> str:
    """``?query=`` and eight hex digits of a hash of the query without its literals.

    So two queries on one database have two names, and a query with the day in it has the same one every day.
    """
    shape = form_of(query).shape
    return f"?query={hashlib.sha256(shape.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _qualified(dialect: Dialect, url: _Url, table: str) -> str:
    schema = url.schema or dialect.schema
    parts = [_unquoted(part, dialect) or schema or "" for part in _PART.findall(table)]
    missing = max(dialect.levels - len(parts), 0)
    return ".".join(part for part in ([url.database, schema][:missing] + parts) if part)


def _unquoted(part: str, dialect: Dialect) -> str:
    return part[1:-1] if part[:1] in {'"', "`", "["} else dialect.fold(part)


def _split_table(text: str) -> tuple[str, str | None]:
    """``<url>:<table>`` as (url, table); no table if a parameter holds a password, which can contain a colon too."""
    if any(_is_secret_parameter(p) and not _MASKED.fullmatch(p) for p in re.split("[?&;]", text)):
        return text, None
    query = text.find(":(")
    if query >= 0:
        return text[:query], text[query + 1 :]
    match = _LAST_TABLE.search(text, max(0, len(text) - _LONGEST_TABLE))
    return (text[: match.start()], match[1]) if match else (text, None)


def _parse_network_url(dialect: Dialect, rest: str) -> _Url | None:
    """``//host:port/database?parameters:table`` or the same with ``;``; without a host it is localhost."""
    if not rest.startswith("//"):
        rest = f"///{rest}"
    head, separator, tail = re.match(r"([^?;]*)([?;]?)(.*)", rest[2:], re.DOTALL).groups()  # type: ignore[union-attr]
    head = head.rpartition("@")[2]
    authority, slash, path = head.partition("/")
    return _url_of(dialect, authority, f"{slash}{path}{separator}{tail}")


def _url_of(dialect: Dialect, authority: str, tail: str) -> _Url:
    host = re.fullmatch(r"(.*?:[0-9]+|[^:]*)(:.*)", authority, re.DOTALL) if not tail else None
    if host and not re.fullmatch(r":[0-9]+", host[2]):  # the table follows the port: //h:1433:dbo.orders
        authority, tail = host[1], host[2]
    tail, table = _split_table(tail)
    path, *rest = re.split("[?&;]", tail)
    parameters = {k.strip().lower(): unquote(v) for k, _, v in (p.partition("=") for p in rest) if v}
    named = next((parameters[key] for key in dialect.databases if key in parameters), None)
    schema = next((parameters[key].split(",")[0] for key in dialect.schemas if key in parameters), None)
    return _Url(
        f"{dialect.scheme}://{_host(dialect, authority, parameters)}",
        _folded(named, dialect) if named else unquote(path.strip("/")) or None,
        _folded(schema, dialect) if schema else None,
        table,
    )


def _folded(name: str, dialect: Dialect) -> str:
    """A name that is given as a parameter: Snowflake changes its case as in SQL, the others take it literally."""
    return dialect.fold(name) if dialect.scheme == "snowflake" else name


def _host(dialect: Dialect, authority: str, parameters: Mapping[str, str]) -> str:
    if dialect.scheme == "redshift":  # jdbc:redshift:iam://cluster:region/db
        cluster, colon, region = authority.partition(":")
        return f"{cluster}.{region}" if colon and _REGION.match(region) else authority or "localhost"
    if dialect.scheme != "sqlserver":
        return authority or "localhost"
    name, _, port = authority.partition(":") if not authority.startswith("[") else (authority, "", "")
    host, _, instance = name.partition("\\")
    host, port = host or parameters.get("servername", "localhost"), port or parameters.get("portnumber", "")
    instance = instance or parameters.get("instancename", "")
    # A port takes precedence over an instance: https://learn.microsoft.com/sql/connect/jdbc/building-the-connection-url
    return f"{host}:{port}" if port else f"{host}/{instance}" if instance else host


def _parse_trino(dialect: Dialect, rest: str) -> _Url | None:
    """``//host:port/catalog/schema:table``."""
    url = _parse_network_url(dialect, rest)
    catalog, _, schema = (url.database or "").partition("/") if url else ("", "", "")
    if url is None or "/" in schema:
        return None
    return replace(url, database=catalog or None, schema=schema or None)


def _parse_oracle(dialect: Dialect, rest: str) -> _Url | None:
    """``@//host:port/service``, ``@host:port:sid`` and a TNS descriptor; a TNS alias names no host: no rule for it."""
    user, _, address = rest.partition("@")
    if "?" in user or ";" in user:
        return None
    if address.startswith("("):
        return _parse_tns(dialect, address)
    match = _ORACLE.fullmatch(address)
    if match is None or not match[2] or not (match[1] or match[3] or "/" in address):
        return None
    host = f"{match[2]}:{match[3]}" if match[3] else match[2]
    return _Url(f"{dialect.scheme}://{host}", match[4] or None, table=_split_table(match[5])[1])


def _parse_tns(dialect: Dialect, address: str) -> _Url | None:
    descriptor, _, tail = address.rpartition(")")
    found: dict[str, list[str]] = {}
    for key, value in _TNS.findall(f"{descriptor})"):
        found.setdefault(key.upper(), []).append(value)
    if "HOST" not in found:
        return None
    ports = found.get("PORT", [])
    hosts = [f"{host}:{ports[i]}" if i < len(ports) else host for i, host in enumerate(found["HOST"])]
    service = (found.get("SERVICE_NAME") or found.get("SID") or [None])[0]  # type: ignore[list-item]
    return _Url(f"{dialect.scheme}://{','.join(hosts)}", service, table=_split_table(tail)[1])


def _parse_file_url(dialect: Dialect, rest: str) -> _Url:
    """``file:/dir/db;parameters:table``: the database is the path."""
    address, table = _split_table(re.sub(r"^(?:file|nio|tcp|ssl):", "", rest, flags=re.IGNORECASE))
    path = re.split("[?;]", address)[0]
    memory = path.lower().startswith(("mem:", "memory:", ":memory:")) or not path
    if path.startswith("/") and not path.startswith("//"):
        path = f"//{path}"
    return _Url(f"{dialect.scheme}:{path}", table=table, shared=not memory)


_PARSERS: Mapping[str, Callable[[Dialect, str], _Url | None]] = {
    "oracle": _parse_oracle,
    "trino": _parse_trino,
    "h2": _parse_file_url,
    "sqlite": _parse_file_url,
    "derby": _parse_file_url,
}


def _unknown_driver(url: str, table: str | None, query: str | None) -> Located:
    """The name for a driver without rules here: the URL as it is, without user and secrets."""
    scheme, colon, rest = without_secrets(url)[5:].partition(":")
    text = f"jdbc:{scheme.lower()}{colon}{_USER.sub(lambda m: m[1] or '', rest)}"
    named = whole_table(table) if table else None
    if named:
        return Located(text.removesuffix(f":{table}") + f":{named}", certain=True)
    if table or query:
        return Located(f"{text.removesuffix(f':{table}')}{_query_mark(table or query or '')}", certain=False)
    return Located(text, certain=bool(_split_table(_AUTHORITY.sub("", rest))[1]))


def without_secrets(text: str) -> str:
    """The text without secret parameters. A part without ``=`` after one may be the rest of its value: it goes too."""
    tokens = re.split("([?&;])", text)
    kept, dropping = [tokens[0]], False
    for separator, token in zip(tokens[1::2], tokens[2::2], strict=True):
        dropping = _is_secret_parameter(token) or (dropping and "=" not in token)
        if not dropping:
            kept.append((tokens[1] if len(kept) == 1 else separator) + token)
    return "".join(kept)


def _is_secret_parameter(parameter: str) -> bool:
    """Whether a text ``name=value`` is a parameter that holds a secret, by its name."""
    name = _PARAMETER_NAME.match(parameter)
    assert name is not None, "it matches an empty text"
    return parameter.startswith("=", name.end()) and any(word in name[0].lower() for word in _SECRET_PARAMETERS)
