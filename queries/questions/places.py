"""The query that finds the table to which a path belongs: the dataset with the longest location that it begins with.

Not here: a name of a dataset in any spelling (`tracing.resolve`), which has to name the dataset itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gremlin_python.process.graph_traversal import GraphTraversalSource

from headwater.graphmodel.naming import UNFOLDED, canonical
from headwater.queries.answers.page import Page, Row, Values, slice_page
from headwater.queries.tracing.facts import Fact, facts_of
from headwater.queries.tracing.walk import DeadlinePassed

_MOST_FOLDERS = 100  #: of a path, from its end: a longer one is none of a table


def at_path(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The datasets at a path or around it, the nearest first: the tables there, and which partition of them it is.

    `rest` is what the path has below the dataset; `partition` what of that names a partition, by key. A dataset with
    several tables is told with all of them.
    """
    path = canonical(values["path"], UNFOLDED)
    around = _around(path)
    there = set(g.V(around).has_label("dataset").id_().to_list()) if around else set()
    found = [dataset for dataset in around if dataset in there]
    facts = facts_of(g, found) if found else {}
    return slice_page([_row(dataset, path, facts.get(dataset, ())) for dataset in found], values)


def _around(path: str) -> list[str]:
    """The path and the folders around it, down to the bucket, the longest first."""
    scheme, mark, rest = path.partition("://")
    if not mark:
        return [path]
    parts = rest.split("/")
    ends = range(len(parts), max(0, len(parts) - _MOST_FOLDERS), -1)
    return [f"{scheme}://{'/'.join(parts[:end])}" for end in ends]


def _row(dataset: str, path: str, facts: Sequence[Fact]) -> Row:
    rest = path[len(dataset) :].strip("/")
    keys: Sequence[str] = next((fact.value for fact in facts if fact.key == "partitionKeys"), ())
    return {
        "dataset": dataset,
        "tables": [fact.value for fact in facts if fact.key == "table"],
        "rest": rest or None,
        "partition": partition_of(rest, keys) or None,
    }


def partition_of(rest: str, keys: Sequence[str]) -> Mapping[str, str]:
    """The partition that folders below a table name: ``dt=2026-01-01`` by itself, a bare value by its place.

    Folders without ``=`` count only where there are as many as the table has keys.
    """
    folders = [part for part in rest.split("/") if part]
    named: dict[str, str] = {}
    for folder in folders:
        key, mark, value = folder.partition("=")
        if not mark:
            break
        named[key.lower()] = value
    wanted = [key.lower() for key in keys]
    if named:
        return {key: value for key, value in named.items() if not wanted or key in wanted}
    bare = folders[: len(wanted)]
    return dict(zip(wanted, bare, strict=True)) if wanted and len(bare) == len(wanted) else {}
