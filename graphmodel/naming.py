"""Names of datasets: one canonical URI for all spellings, OpenLineage's pair for it, and its aliases. Pure.

`canonical` gives a URI for any string, and a canonical URI for itself. It takes four steps: a JDBC URL becomes
OpenLineage's form (`graphmodel.jdbc`), the URI is normalised by the rules of its scheme (`graphmodel.naming_schemes`),
the folders of partitions at its end are left out (`graphmodel.naming_rules`; this is called folding: many folders are
one dataset), and a name that could be the id of another vertex gets a prefix (`graphmodel.ids`).

For what OpenLineage's producers send: `from_openlineage(namespace, name)` is the name of a dataset in an event,
`symlink_names(namespace, name, type)` are the other names that its facet ``symlinks`` gives, and `is_temporary(uri)`
says whether it is data in the memory of one process, which no other run can read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from headwater.graphmodel import jdbc as jdbc_urls
from headwater.graphmodel.ids import dataset_id
from headwater.graphmodel.naming_openlineage import (
    OWN_NAMESPACE,
    is_temporary,
    pair_of,
    spelled,
    symlinks,
    uri_of,
    with_default_schema,
)
from headwater.graphmodel.naming_rules import DEFAULT, UNFOLDED, Rules, fold_path, fold_table
from headwater.graphmodel.naming_schemes import normalise

__all__ = [
    "DEFAULT",
    "UNFOLDED",
    "Name",
    "Rules",
    "canonical",
    "fold",
    "from_openlineage",
    "is_temporary",
    "jdbc",
    "kafka",
    "name_of_uri",
    "openlineage_pair",
    "parse",
    "spellings",
    "symlink_names",
    "table_alias",
    "UNRESOLVED",
    "unresolved",
]


@dataclass(frozen=True)
class Name:
    """A dataset's name. `uri` is its node id and never contains ``#``."""

    uri: str
    namespace: str  #: OpenLineage's, e.g. ``s3://lake``, ``postgres://h:5432``, ``file``
    name: str  #: OpenLineage's, e.g. ``mart/orders``, ``shop.public.orders``, ``/data/orders``
    partition: str | None  #: the folders that were left out, as written, e.g. ``dt=2026-01-01`` or ``2026/01/31``
    spelling: str  #: as it was given

    @property
    def display(self) -> str:
        """The last segment of the URI, as people call the dataset."""
        return self.uri.rpartition("/")[2] or self.uri


def canonical(spelling: str, rules: Rules = DEFAULT) -> str:
    """The dataset URI of any spelling. Never raises; a canonical URI is its own canonical URI."""
    return dataset_id(fold_path(normalise(spelling), rules)[0])


def parse(spelling: str, rules: Rules = DEFAULT) -> Name:
    """The whole name: `parse(x).uri == canonical(x)`. For what a JDBC read or write names, use `jdbc`."""
    uri, partition = fold_path(normalise(spelling), rules)
    return replace(name_of_uri(dataset_id(uri)), partition=partition, spelling=spelling)


def from_openlineage(namespace: str, name: str, rules: Rules = DEFAULT, *, table: bool | None = None) -> Name:
    """The name of the dataset that an OpenLineage event calls (`namespace`, `name`). Never raises.

    `from_openlineage(one.namespace, one.name).uri == one.uri` for each `Name` of canonical URI. A table that is named
    in its warehouse only (``s3://b/wh`` and ``sales.orders``) has a name of its own that is no path, so it never meets
    a path by chance. `spelling` is the pair as sent, as one text. `table`: it is known to be a table of a catalog
    (True), or a path (False), as an identifier of the facet ``symlinks`` says; None: by its form.
    """
    return replace(parse(uri_of(namespace, name, table=table), rules), spelling=spelled(namespace, name, table=table))


def openlineage_pair(uri: str) -> tuple[str, str]:
    """The (namespace, name) under which events publish a canonical URI; neither is empty, and both lead back to it."""
    namespace, name = pair_of(uri)
    return namespace or OWN_NAMESPACE, name or uri or "/"


def symlink_names(namespace: str, name: str, kind: str = "TABLE", rules: Rules = DEFAULT) -> tuple[str, ...]:
    """The other names of a dataset by one identifier of its facet ``symlinks``, canonical, the most exact one first.

    `kind` is the identifier's type, TABLE or LOCATION. The table ``sales.orders`` of a warehouse, metastore or Glue
    catalog is also ``sales.orders``, as the Spline agent names it (`table_alias`).
    """
    return tuple(dict.fromkeys(canonical(one, rules) for one in symlinks(namespace, name, kind)))


def name_of_uri(uri: str) -> Name:
    """The name for a URI that is canonical already, by whatever rules: nothing is left out."""
    return Name(uri, *pair_of(uri), None, uri)


def fold(spellings: Iterable[str], rules: Rules = DEFAULT) -> tuple[Name, ...]:
    """The names of the paths that one operation reads, each dataset once, in order.

    If the paths are several partitions of a dataset, its partition is None.
    """
    names: dict[str, Name] = {}
    for name in (parse(spelling, rules) for spelling in spellings):
        first = names.setdefault(name.uri, name)
        if first.partition != name.partition:
            names[name.uri] = replace(first, partition=None)
    return tuple(names.values())


UNRESOLVED = "unresolved:"
"""Begins the name of a dataset that a plan does not identify."""


def unresolved(plan_id: str, spelling: str) -> str:
    """``unresolved:<plan>/<what is known>``: the name of a dataset that the plan does not identify.

    It has the plan's id, so that the unknown datasets of two plans are never taken for one. `plan_id` should be the
    same for the same logic, so that a second run does not make a second dataset. Idempotent for one plan.
    """
    prefix = f"{UNRESOLVED}{plan_id}/"
    return canonical(spelling if spelling.startswith(prefix) else prefix + normalise(spelling))


def jdbc(url: str, table: str | None, query: str | None, plan_id: str, rules: Rules = DEFAULT) -> Name:
    """The dataset that a JDBC operation reads or writes.

    `url` is Spark's option ``url`` or, where only that is known, the agent's whole source (``<url>:<table>``); `table`
    and `query` are the options ``dbtable`` and ``query``. The name is `unresolved` if the table is a query, if the
    agent cut it off together with a password, or if the database is in the memory of one process.
    """
    spelling = url if not table or url.endswith(f":{table}") else f"{url}:{table}"
    if url[:5].lower() != "jdbc:":
        return parse(spelling, rules)
    found = jdbc_urls.uri(url, table, query)
    name = parse(found.text, rules) if found.certain else name_of_uri(unresolved(plan_id, found.text))
    return replace(name, spelling=spelling)


def kafka(topic: str, brokers: str | None = None, rules: Rules = DEFAULT) -> Name:
    """The name of a topic, given with or without ``kafka:``.

    `brokers` is ``kafka.bootstrap.servers``; the first broker is part of the name, as in OpenLineage.
    """
    bare = topic[6:] if topic.lower().startswith("kafka:") and not topic.startswith("//", 6) else topic
    if "://" in bare or not brokers:
        return replace(parse(bare if "://" in bare else f"kafka:{bare}", rules), spelling=topic)
    hosts = ",".join(broker.strip().rpartition("://")[2] for broker in brokers.split(","))
    return replace(parse(f"kafka://{hosts}/{bare}", rules), spelling=topic)


def spellings(name: Name) -> tuple[str, ...]:
    """The aliases of a dataset: the spelling as given, if it is another name of the whole dataset; else nothing.

    Not an alias: the URI itself, the folder of a partition, the spelling of an unresolved dataset, and what has a user
    or parameters in it, since these can hold secrets.
    """
    whole = name.uri in {normalise(name.spelling), normalise(with_default_schema(name.spelling))}
    is_other_name = name.spelling != name.uri and whole
    return (name.spelling,) if is_other_name and _WITHOUT_SECRETS.fullmatch(name.spelling) else ()


#: A spelling without user and parameters. On Azure the text before the @ is not a user but a container.
_WITHOUT_SECRETS = re.compile(r"(?:(?:abfs|wasb)s?://[^/@]*@)?[^@?;]*", re.IGNORECASE | re.DOTALL)


def table_alias(identifier: object, rules: Rules = DEFAULT) -> str | None:
    """``db.table`` of the agent's ``params.table.identifier``; None without a database: many tables have one name.

    The agent sends ``{"database": "sales", "table": "orders"}`` or a text such as ``spark_catalog.dl.top``. The result
    is in lower case, as catalogs keep names. A catalog that is not Spark's default one stays part of the name:
    ``ice.db.orders``. What is neither is no identifier.
    """
    if isinstance(identifier, Mapping):
        catalog, database, table = (identifier.get(key) for key in ("catalog", "database", "table"))
        parts = [part for part in (catalog, database, table) if isinstance(part, str) and part]
        whole = isinstance(database, str) and isinstance(table, str)
    else:
        parts = identifier.split(".") if isinstance(identifier, str) else []
        whole = all(parts)
    parts = [part.strip("`").lower() for part in parts]
    if parts[:1] == ["spark_catalog"]:
        parts = parts[1:]
    return fold_table(".".join(parts), rules) if whole and len(parts) > 1 else None
