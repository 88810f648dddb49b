"""From OpenLineage's pair of namespace and name to the name that a dataset has in the graph, and to its other names.

The rules of the names themselves are those of `graphmodel.naming`: the same for all agents, so that one dataset that
two agents report is one node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from headwater.graphmodel.naming import Name, Rules, parse, table_alias

#: Namespaces that are a scheme alone, and end with a colon in a URI.
_SCHEMES = frozenset({"bigquery", "pubsub", "dbfs", "abfss", "wasbs"})
#: Datasets that live in the memory of one process: nobody else can read them.
_TEMPORARY = ("inmemory:",)
#: Databases in a file: their names are those of JDBC, without ``jdbc:`` and the table.
_DATABASE_FILES = ("sqlite:", "h2:", "derby:")
_PATHS = re.compile(r"(?:file|s3[an]?|gs|hdfs|viewfs|dbfs|abfss?|wasbs?|oss|cosn?):?", re.IGNORECASE)


def name(namespace: str, dataset: str, rules: Rules) -> Name | None:
    """The name of a dataset. None: it is temporary, and no dataset of anybody else's."""
    if namespace.lower().startswith(_TEMPORARY):
        return None
    return parse(spelling(namespace, dataset), rules)


def spelling(namespace: str, dataset: str) -> str:
    """Namespace and name as one URI.

    A table in a warehouse folder, `s3://lake/wh` + `sales.orders`, as Spark's symlinks name it, is no path: it is
    written so that it can never be taken for the folder ``s3://lake/wh/sales.orders``.
    """
    space, own = namespace.strip(), dataset.strip()
    if is_table_in_folder(space, own):
        return f"table:{space}/{own}"
    if space == "file" or space in _SCHEMES:
        return f"{space}:{own}"
    if space.startswith(_DATABASE_FILES):
        return f"jdbc:{space}:{own}"
    if space.startswith("arn:"):
        return f"{space}/{own}" if ":s3tables:" in space else f"{space}:{own}"
    return f"{space.rstrip('/')}/{own.lstrip('/')}" if own != "/" else space


def is_table_in_folder(namespace: str, dataset: str) -> bool:
    """Whether it is ``db.table`` in a folder of files: ``file:/wh`` or ``s3://lake/wh`` + ``sales.orders``."""
    scheme, separator, rest = namespace.partition(":")
    if not separator or not _PATHS.fullmatch(scheme) or "/" in dataset or "." not in dataset:
        return False
    folders = rest.strip("/")
    in_bucket = rest.startswith("//") and scheme.lower() != "file"
    return bool(folders.partition("/")[2] if in_bucket else folders)


def symlinks(facets: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Namespace and name of each other name in the facet `symlinks`."""
    found = facets.get("symlinks", {}).get("identifiers")
    for one in found if isinstance(found, list) else ():
        if isinstance(one, Mapping) and all(isinstance(one.get(k), str) and one[k] for k in ("namespace", "name")):
            yield one["namespace"], one["name"]


def spellings(pairs: tuple[tuple[str, str], ...], facets: Mapping[str, Any], uri: str, rules: Rules) -> tuple[str, ...]:
    """The other names of a dataset, by which people and other agents call it.

    Of a table its ``db.table``, as Spline's agent gives it; of every symlink the URI.
    """
    out: set[str] = set()
    for namespace, own in symlinks(facets):
        if is_table_in_folder(namespace, own):
            out.add(table_alias(own, rules) or own)
            continue
        other = name(namespace, own, rules)
        if other is not None:
            out.add(other.uri)
    previous = facets.get("lifecycleStateChange", {}).get("previousIdentifier")
    if isinstance(previous, Mapping) and isinstance(previous.get("name"), str):
        other = name(str(previous.get("namespace") or pairs[0][0]), previous["name"], rules)
        if other is not None:
            out.add(other.uri)
    return tuple(sorted(out - {uri}))


def without_partition(known: Name) -> Name:
    """The name of the whole dataset, where several of its partitions are named."""
    return replace(known, partition=None)
