"""From OpenLineage's pair of namespace and name to the name that a dataset has in the graph, and to its other names.

The rules of the names themselves are those of `graphmodel.naming`: the same for all agents, so that one dataset that
two agents report is one node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from headwater.graphmodel.naming import (
    Name,
    Rules,
    from_openlineage,
    is_temporary,
    name_of_uri,
    symlink_names,
    unresolved,
)
from headwater.openlineage_bridge.events import NAMELESS


@lru_cache(10_000)
def name(namespace: str, dataset: str, rules: Rules) -> Name | None:
    """The name of a dataset. None: it is temporary, and no dataset of anybody else's."""
    if namespace.startswith(NAMELESS):
        return name_of_uri(unresolved(namespace.removeprefix(NAMELESS), dataset.strip()))
    found = from_openlineage(namespace.strip(), dataset.strip(), rules)
    return None if is_temporary(found.uri) else found


def symlinks(facets: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Namespace, name and type of each other name in the facet `symlinks`."""
    found = facets.get("symlinks", {}).get("identifiers")
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict) and all(isinstance(one.get(k), str) and one[k] for k in ("namespace", "name")):
            kind = one.get("type")
            yield one["namespace"], one["name"], kind if isinstance(kind, str) else ""


def other_names(facets: Mapping[str, Any], rules: Rules) -> Iterator[str]:
    """The other names of a dataset in the facet `symlinks`, canonical; those in the memory of a process are none."""
    for namespace, own, kind in symlinks(facets):
        yield from (one for one in symlink_names(namespace, own, kind, rules) if not is_temporary(one))


def spellings(pairs: tuple[tuple[str, str], ...], facets: Mapping[str, Any], uri: str, rules: Rules) -> tuple[str, ...]:
    """The other names of a dataset, by which people and other agents call it.

    Of a table its ``db.table`` too, as Spline's agent gives it; of every symlink the URI.
    """
    out = set(other_names(facets, rules))
    before = previous(pairs, facets, rules)
    if before is not None:
        out.add(before.uri)
    return tuple(sorted(out - {uri}))


def previous(pairs: tuple[tuple[str, str], ...], facets: Mapping[str, Any], rules: Rules) -> Name | None:
    """The name that a dataset had before it was renamed, if an event says so."""
    found = facets.get("lifecycleStateChange", {}).get("previousIdentifier")
    if not isinstance(found, dict) or not isinstance(found.get("name"), str) or not found["name"].strip():
        return None
    return name(str(found.get("namespace") or (pairs[0][0] if pairs else "")), found["name"], rules)


def without_partition(known: Name) -> Name:
    """The name of the whole dataset, where several of its partitions are named."""
    return replace(known, partition=None)
