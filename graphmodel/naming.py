"""Names of datasets: one canonical URI for all spellings, OpenLineage's pair for it, and its other names. Pure.

`canonical` is idempotent and total: any string has a name. The steps: a JDBC URL becomes
OpenLineage's form (`graphmodel.jdbc`), the URI is normalised by its scheme, and trailing partition folders fold into
the dataset (`graphmodel.naming_rules`). OpenLineage's naming: https://openlineage.io/docs/spec/naming.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from headwater.graphmodel import jdbc as jdbc_urls
from headwater.graphmodel.naming_rules import DEFAULT, UNFOLDED, Rules, fold_path, fold_table, normalise

__all__ = [
    "DEFAULT",
    "UNFOLDED",
    "Name",
    "Rules",
    "canonical",
    "fold",
    "jdbc",
    "kafka",
    "named",
    "parse",
    "spellings",
    "table_alias",
    "unresolved",
]


@dataclass(frozen=True)
class Name:
    """A dataset's name. `uri` is its node id and never contains ``#``."""

    uri: str
    namespace: str  #: OpenLineage's, e.g. ``s3://lake``, ``postgres://h:5432``, ``file``
    name: str  #: OpenLineage's, e.g. ``mart/orders``, ``shop.public.orders``, ``/data/orders``
    partition: str | None  #: the folded folders as written, e.g. ``dt=2026-01-01`` or ``2026/01/31``
    spelling: str  #: as it was given

    @property
    def display(self) -> str:
        """The last segment: what people call it."""
        return self.uri.rpartition("/")[2] or self.uri


def canonical(spelling: str, rules: Rules = DEFAULT) -> str:
    """The dataset URI of any spelling. Never raises; a canonical URI is its own canonical URI."""
    return fold_path(normalise(spelling), rules)[0]


def parse(spelling: str, rules: Rules = DEFAULT) -> Name:
    """The whole name: `parse(x).uri == canonical(x)`. For what a JDBC read or write names, use `jdbc`."""
    uri, partition = fold_path(normalise(spelling), rules)
    return replace(named(uri), partition=partition, spelling=spelling)


def named(uri: str) -> Name:
    """The name behind a URI that is canonical already, under whatever rules: nothing folds."""
    return Name(uri, *_pair(uri), None, uri)


def fold(spellings: Iterable[str], rules: Rules = DEFAULT) -> tuple[Name, ...]:
    """A read's sources, each dataset once, in order. Its partition is None if the read lists several."""
    names: dict[str, Name] = {}
    for name in (parse(spelling, rules) for spelling in spellings):
        first = names.setdefault(name.uri, name)
        if first.partition != name.partition:
            names[name.uri] = replace(first, partition=None)
    return tuple(names.values())


def unresolved(plan_id: str, spelling: str) -> str:
    """``unresolved:<plan>/<what is known>``: a dataset of one plan alone, where the plan does not say which one it is.

    `plan_id` should be the same for the same logic. Idempotent for one plan.
    """
    prefix = f"unresolved:{plan_id}/"
    return canonical(spelling if spelling.startswith(prefix) else prefix + normalise(spelling))


def jdbc(url: str, table: str | None, query: str | None, plan_id: str, rules: Rules = DEFAULT) -> Name:
    """What a JDBC operation reads or writes.

    `url` is the option ``url`` or, where only that is known, the agent's whole source (``<url>:<table>``); `table` and
    `query` are the options ``dbtable`` and ``query``. Unresolved where the table is a query, was cut off behind a
    masked password, or lives in the memory of one process.
    """
    spelling = url if not table or url.endswith(f":{table}") else f"{url}:{table}"
    if url[:5].lower() != "jdbc:":
        return parse(spelling, rules)
    found = jdbc_urls.uri(url, table, query)
    name = parse(found.text, rules) if found.certain else named(unresolved(plan_id, found.text))
    return replace(name, spelling=spelling)


def kafka(topic: str, brokers: str | None = None, rules: Rules = DEFAULT) -> Name:
    """A topic, with or without ``kafka:``; `brokers` is ``kafka.bootstrap.servers``, the first of which names it."""
    bare = topic[6:] if topic.lower().startswith("kafka:") and not topic.startswith("//", 6) else topic
    if "://" in bare or not brokers:
        return replace(parse(bare if "://" in bare else f"kafka:{bare}", rules), spelling=topic)
    hosts = ",".join(broker.strip().rpartition("://")[2] for broker in brokers.split(","))
    return replace(parse(f"kafka://{hosts}/{bare}", rules), spelling=topic)


def spellings(name: Name) -> tuple[str, ...]:
    """The other names that should become aliases: the spelling as given, unless it is the URI or only a part of it.

    A partition's folder is no name of the dataset; an unresolved dataset has no other name; what has user info or
    parameters is left out, since these can hold secrets.
    """
    known = name.spelling != name.uri and normalise(name.spelling) == name.uri
    return (name.spelling,) if known and _PUBLIC.fullmatch(name.spelling) else ()


#: Neither user info nor parameters; on Azure a container stands before the @.
_PUBLIC = re.compile(r"(?:(?:abfs|wasb)s?://[^/@]*@)?[^@?;]*", re.IGNORECASE | re.DOTALL)


def table_alias(identifier: Mapping[str, object] | str | None, rules: Rules = DEFAULT) -> str | None:
    """``db.table`` of the agent's ``params.table.identifier``; None without a database, as many tables share that name.

    The agent sends ``{"database": "sales", "table": "orders"}`` or text such as ``spark_catalog.dl.top``. Lower case,
    as catalogs keep it; a catalog other than Spark's own stays: ``ice.db.orders``.
    """
    if isinstance(identifier, Mapping):
        catalog, database, table = (identifier.get(key) for key in ("catalog", "database", "table"))
        parts = [part for part in (catalog, database, table) if isinstance(part, str) and part]
        whole = isinstance(database, str) and isinstance(table, str)
    else:
        parts = (identifier or "").split(".")
        whole = all(parts)
    parts = [part.strip("`").lower() for part in parts]
    if parts[:1] == ["spark_catalog"]:
        parts = parts[1:]
    return fold_table(".".join(parts), rules) if whole and len(parts) > 1 else None


#: (namespace)(name) by OpenLineage's naming, the first that matches; a bucket's root has no name: it is ``/``.
_PAIRS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"(arn:[^:]*:s3tables:[^:]*:[^:]*:bucket/[^/]+)/(.+)",
        r"(arn:[^:]*:[^:]*:[^:]*:[^:]*):(.+)",
        r"((?:h2|sqlite|derby):.+)/([^/]+)",
        r"(sqlserver://[^/]+(?:/[^/]+)?)/(.+)",
        r"(file)://(/.*)",
        r"((?:file|hdfs|viewfs|webhdfs|swebhdfs)://[^/]*)(/.*)",
        r"([a-z][a-z0-9+.-]*://[^/]*)/(.+)",
        r"([a-z][a-z0-9+.-]*://[^/]*)(/?)",
        r"([a-z][a-z0-9+.-]*):(.*)",
    )
)


def _pair(uri: str) -> tuple[str, str]:
    """OpenLineage's (namespace, name) of a canonical URI; a name that is no URI has the namespace ``""``."""
    match = next(filter(None, (pattern.fullmatch(uri) for pattern in _PAIRS)), None)
    return (match[1], match[2] or "/") if match else ("", uri)
