"""OpenLineage's pairs of namespace and name, as its producers send them, and the URI that stands for each. Pure.

Here: `uri_of` joins a pair to the spelling of one dataset, `pair_of` takes a canonical URI apart, `symlinks` gives the
other names that the facet of that name tells. Not here: what two spellings have in common
(`graphmodel.naming_schemes`), what folds (`graphmodel.naming_rules`). The naming that the producers follow, more or
less: https://openlineage.io/docs/spec/naming.
"""

from __future__ import annotations

import re
from functools import lru_cache

from headwater.graphmodel.ids import dataset_id
from headwater.graphmodel.naming_schemes import (
    BUCKETS,
    DATABASE_FILES,
    FILE_SYSTEMS,
    normalise,
    scheme_of,
    split_authority,
)

OWN_NAMESPACE = "headwater"
"""The namespace under which Headwater publishes a name that is not a URI, as OpenLineage's events need one."""

#: A table of a catalog: sales.orders, ice.sales.orders.
_CATALOG_TABLE = re.compile(r"[^/.:]+(?:\.[^/.:]+)+")
_PATHS = BUCKETS | FILE_SYSTEMS
#: Catalogs whose tables Spark knows as ``database.table``, so that this is another name of the table.
_CATALOGS = frozenset({"hive", "arn", *_PATHS})
_MEMORY = "inmemory:"
_WAREHOUSE = "warehouse:"
#: Databases whose unqualified tables lie in this schema. Spark's listener leaves it out: ``shop.orders``.
_DEFAULT_SCHEMA = {"postgres": "public", "redshift": "public"}
_DATABASE_AND_TABLE = re.compile(r"([^/.?]+)\.([^/.?]+)")


def uri_of(namespace: str, name: str, *, table: bool | None = None) -> str:
    """The pair as the spelling of one dataset, for `naming.canonical`. Any two texts have one.

    `table`: whether the name is known to be a table of a catalog (True), or a path (False); None: by its form.
    """
    text = spelled(namespace, name, table=table)
    return text if namespace in {"", OWN_NAMESPACE} else with_default_schema(text)


def with_default_schema(uri: str) -> str:
    """``postgres://h/shop.orders`` is ``postgres://h/shop.public.orders``; other URIs as they are."""
    schema = _DEFAULT_SCHEMA.get(scheme_of(uri))
    root, slash, last = uri.rpartition("/")
    match = _DATABASE_AND_TABLE.fullmatch(last) if schema and root.count("/") > 1 else None
    return f"{root}{slash}{match[1]}.{schema}.{match[2]}" if match else uri


def spelled(namespace: str, name: str, *, table: bool | None = None) -> str:
    """The pair as one text, with nothing filled in. `table` as in `uri_of`."""
    scheme = scheme_of(namespace)
    whole_uri = scheme_of(name) in _PATHS and "://" in name and not (scheme in _PATHS and ":" in namespace)
    if namespace in {"", OWN_NAMESPACE} or whole_uri:  # a URI in place of the name, under somebody's own namespace
        return name
    if ":" not in namespace:
        return f"{namespace}:{'//' if scheme == 'file' and name.startswith('/') else ''}{name}"
    if scheme in _PATHS:
        return _path_or_table(namespace, name, table=table)
    if scheme == "arn":
        return _resource(namespace, name)
    if "//" in namespace or scheme in DATABASE_FILES | {"warehouse"}:
        root = namespace if namespace == f"{_MEMORY}//" else namespace.rstrip("/")
        return f"{root}/{name.lstrip('/')}"
    return f"{namespace.rstrip(':')}:{name}"


def _path_or_table(namespace: str, name: str, *, table: bool | None) -> str:
    """A path. A namespace that has folders is a warehouse if the name is a table's: the table's path is not said.

    Spark's listener names the table ``sales.orders`` in the warehouse ``s3://b/wh``. Its path may be
    ``s3://b/wh/sales.db/orders`` or any other, but it is not ``s3://b/wh/sales.orders``.
    """
    root = namespace.rstrip("/")
    whole = normalise(namespace)
    has_folders = bool(_folders(whole))
    is_table = bool(_CATALOG_TABLE.fullmatch(name)) and (has_folders if table is None else table)
    if is_table:
        return f"{_WAREHOUSE}{whole}/{name}"
    if root.endswith(":") and not name.startswith("/"):
        return f"{root}{name}"  # relative to what is not said
    name = name.lstrip("/")
    return f"{root}/{name}" if name else namespace if root.endswith(":") else root


def _folders(uri: str) -> str:
    """The folders of a normalised path, without the bucket, host or access point."""
    authority, path = split_authority(uri.partition(":")[2])
    if authority.startswith("arn:"):
        path = path[1:].partition("/")[2]
    return path.strip("/")


def _resource(namespace: str, name: str) -> str:
    """A resource of AWS. dbt's names of tables in Glue have dots: the last two parts are database and table."""
    if scheme_of(namespace) == "arn" and namespace.split(":")[2:3] == ["s3tables"]:
        return f"{namespace.rstrip('/')}/{name}"
    if namespace.split(":")[2:3] == ["glue"] and _CATALOG_TABLE.fullmatch(name):
        database, table = name.split(".")[-2:]
        return f"{namespace}:table/{database}/{table}"
    return f"{namespace}:{name}"


def symlinks(namespace: str, name: str, kind: str = "TABLE") -> tuple[str, ...]:
    """The other names that one identifier of the facet ``symlinks`` gives to its dataset, not yet canonical.

    A TABLE of a catalog is also known as ``database.table``, as Spark and the Spline agent name it: in lower case, and
    in several catalogs of one name there can be several such tables. `kind`: TABLE or LOCATION.
    """
    is_table = kind.upper() == "TABLE"
    uri = uri_of(namespace, name, table=is_table)
    if not is_table or scheme_of(namespace) not in _CATALOGS:
        return (uri,)
    bare = name.removeprefix("table/").replace("/", ".").lower()
    return (uri, bare) if _CATALOG_TABLE.fullmatch(bare) else (uri,)


def is_temporary(uri: str) -> bool:
    """Whether a canonical URI is of data in the memory of one process (``inmemory://``): two of them are not one."""
    return uri.startswith(_MEMORY)


#: (namespace)(name) of a canonical URI; the first pattern that matches counts. The root of a bucket has no name of its
#: own: it is ``/``.
_PAIRS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"(s3://arn:[^/]*/[^/]*)/(.+)",
        r"(s3://arn:[^/]*/[^/]*)(/?)",
        r"(arn:[^:]*:s3tables:[^:]*:[^:]*:bucket/[^/]+)/(.+)",
        r"(arn:[^:]*:s3tables:[^:]*:[^:/]*)/(.+)",
        r"(arn:[^:]*:[^:]*:[^:]*:[^:]*):(.+)",
        r"((?:h2|sqlite|derby|duckdb):.+)/([^/]+)",
        r"(sqlserver://[^/]+(?:/[^/]+)?)/(.+)",
        r"(azurecosmos://[^/]+/dbs/[^/]+)/(.+)",
        r"(warehouse:.+)/([^/]+)",
        r"(file)://(/.*)",
        r"(dbfs):(/(?!/).*)",
        r"((?:file|hdfs|viewfs|webhdfs|swebhdfs|dbfs)://[^/]*)(/.*)",
        r"([a-z][a-z0-9+.-]*://[^/]*)/(.+)",
        r"([a-z][a-z0-9+.-]*://[^/]*)(/?)",
        r"([^:/]+):(.*)",
    )
)


@lru_cache(maxsize=16_384)
def pair_of(uri: str) -> tuple[str, str]:
    """The (namespace, name) of a canonical URI, such that `uri_of` of the two is the URI again.

    For a name that is not a URI the namespace is empty, and the name is all of it.
    """
    match = next(filter(None, (pattern.fullmatch(uri) for pattern in _PAIRS)), None)
    if match is None:
        return "", uri
    namespace, name = match[1], match[2] or "/"
    warehouse = namespace.removeprefix(_WAREHOUSE)
    if warehouse != namespace and _folders(warehouse) and _CATALOG_TABLE.fullmatch(name):
        namespace = warehouse
    text = uri_of(namespace, name)
    return (namespace, name) if text == uri or dataset_id(normalise(text)) == uri else ("", uri)
