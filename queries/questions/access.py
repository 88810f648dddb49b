"""Queries about who can read data, as Lake Formation says, and where derived data is open to more than its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversalSource
from gremlin_python.process.traversal import P, T

from headwater.graphmodel.ids import split_node
from headwater.queries.answers.answer import Reason
from headwater.queries.answers.errors import QueryError
from headwater.queries.answers.page import Page, Row, Values, slice_page
from headwater.queries.tracing.facts import Fact, facts_in, facts_of
from headwater.queries.tracing.tags import TagFlow, columns_with_tag
from headwater.queries.tracing.walk import DeadlinePassed, chunks, walk

_READERS = "readers"  #: the fact that says who can read a dataset: a list, see `who_can_read`
_IMPORT = "headwater glue-catalog sync --lake-formation"  #: what brings it
_MOST = 100_000  #: columns that are looked at

Readers = dict[str, list[Fact]]  #: by dataset


def who_can_read(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """Who can read a dataset or column, or what a tag has; with `reached` also what is derived from it.

    A row for each grant: `columns` are the columns of the dataset that it opens, None for all; `through` is the table,
    all tables of its database, tags, or a filter. Not complete where nothing is known of a dataset: that nobody is
    listed does not say that nobody can.
    """
    node, tag = values["node"], values["tag"]
    if (node is None) == (tag is None):
        raise QueryError("expected either node or tag", "node")
    begin = columns_with_tag(g, tag) if tag is not None else _columns_of(g, node) if values["reached"] else {node: None}
    nodes, reason = list(begin), None
    if values["reached"]:
        walked = walk(begin, TagFlow(g, begin).steps, depth=None, limit=_MOST, deadline_passed=deadline_passed)
        nodes, reason = list(walked.distances), walked.reason
    datasets = sorted({split_node(one)[0] for one in nodes})
    readers = _readers(g, datasets)
    unknown = [dataset for dataset in datasets if not readers.get(dataset)]
    if unknown and reason is None:
        more = f" and of {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
        reason = f"no permissions are known of {unknown[0]}{more} ({_IMPORT})"
    found = [row for one in nodes for row in _rows(one, readers.get(split_node(one)[0], ()))]
    return slice_page(sorted(found, key=lambda row: (row["node"], row["principal"], row["through"])), values, reason)


def _columns_of(g: GraphTraversalSource, node: str) -> dict[str, None]:
    if split_node(node)[1] is not None:
        return {node: None}
    return dict.fromkeys(sorted(g.V(node).out("hasColumn").id_().to_list()))


def _readers(g: GraphTraversalSource, datasets: Sequence[str]) -> Readers:
    found = facts_of(g, datasets)
    return {dataset: [fact for fact in facts if fact.key == _READERS] for dataset, facts in found.items()}


def _rows(node: str, facts: Sequence[Fact]) -> Iterator[Row]:
    column = split_node(node)[1]
    for fact in facts:
        for item in fact.value:
            if column is None or _opens(item, column):
                yield {
                    "node": node,
                    "principal": item["principal"],
                    "through": item["through"],
                    "columns": item["columns"] if column is None else None,
                    "rows": item.get("rows"),
                    "condition": item.get("condition"),
                    "grant": item["grant"],
                    "table": fact.name or None,
                    "at": fact.at,
                }


def _opens(item: Mapping[str, Any], column: str) -> bool:
    return item["columns"] is None or column in item["columns"]


def wider_access(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """Columns that somebody can read who cannot read a column from which they are derived, directly or over others.

    Only where it is known who can read both; what is hashed or masked on the way is no finding. A source is compared
    with what lies behind it until all who can read that can read the source: what is open to more people behind that,
    is open to more than that one, too.
    """
    said = g.V().has_label("dataset").has("facts", P.neq("")).project("id", "facts").by(T.id).by("facts").to_list()
    listed = {row["id"]: [one for one in facts_in(row["facts"]) if one.key == _READERS] for row in said}
    readers = _ColumnReaders({dataset: facts for dataset, facts in listed.items() if facts})
    flow, found = TagFlow(g, {}), list[Row]()
    reason = None if readers.datasets else f"no permissions are known ({_IMPORT})"
    for datasets in chunks(sorted(readers.datasets)):
        begin = {column: {column} for column in g.V(datasets).out("hasColumn").id_().to_list()}
        reason = _widen(flow, begin, readers, found, deadline_passed)
        if reason is not None:
            break
    return slice_page(sorted(found, key=lambda row: (row["column"], row["source"])), values, reason)


def _widen(
    flow: TagFlow,
    sources: dict[str, set[str]],
    readers: _ColumnReaders,
    found: list[Row],
    deadline_passed: DeadlinePassed,
) -> Reason | None:
    """Add what is found behind these columns, level by level: column -> those before it with which it is compared."""
    compared, seen = sources, dict[str, set[str]]()
    left = _MOST
    while compared:
        if deadline_passed():
            return "deadline"
        further: dict[str, set[str]] = {}
        for row in flow.edges(sorted(compared)):
            if row["masking"]:
                continue
            target = row["target"]
            more = compared[row["source"]] - seen.setdefault(target, {target})
            seen[target] |= more
            left -= len(more)
            for source in sorted(more):
                principals = readers.more(target, source)
                if principals:
                    found.append({"column": target, "source": source, "principals": sorted(principals)})
                if principals is None or principals:
                    further.setdefault(target, set()).add(source)
        if left < 0:
            return "limit"
        compared = further
    return None


class _ColumnReaders:
    """Who can read each column of the datasets of which that is known."""

    def __init__(self, datasets: Readers) -> None:
        self.datasets = datasets
        self._known: dict[str, frozenset[str]] = {}

    def more(self, column: str, source: str) -> frozenset[str] | None:
        """Those who can read the column and not the source; None: who can read the column is not known."""
        if split_node(column)[0] not in self.datasets:
            return None
        return self._of(column) - self._of(source)

    def _of(self, column: str) -> frozenset[str]:
        if column not in self._known:
            dataset, name = split_node(column)
            items = (item for fact in self.datasets[dataset] for item in fact.value if _opens(item, name or ""))
            self._known[column] = frozenset(item["principal"] for item in items)
        return self._known[column]
