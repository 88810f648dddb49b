"""Upstream and downstream: the traversals behind a lineage answer.

The walk asks only for ids; edges and nodes with their properties are requested once, and only those that the answer
keeps. So an answer from a hub costs little more than its first page, and a diamond is not read once for each path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import T

from headwater.graphmodel.ids import split_node
from headwater.queries.answers.answer import Answer, Edge, Node, Reason
from headwater.queries.tracing.as_of import AsOf, PastTime, name_of, shown
from headwater.queries.tracing.edges import EVER, NOW, Edges
from headwater.queries.tracing.edges_as_of import EdgesAsOf
from headwater.queries.tracing.ended import with_ends
from headwater.queries.tracing.rows import project
from headwater.queries.tracing.tags import erased_reason, erasures_in, ignored_jobs
from headwater.queries.tracing.twice_told import told_once
from headwater.queries.tracing.walk import DeadlinePassed, Walk, chunks, walk

_NODE_CELLS = {
    "id": T.id,
    "label": T.label,
    **{key: key for key in ("name", "origin", "resolved", "expression")},
    "tags": __.out("taggedWith").values("name").fold(),
}


Position = tuple[int, str]  # distance, direction


@dataclass(frozen=True)
class Question:
    """What is asked about a node. `level` None is the root's own: columns of a column, datasets of a dataset.

    `as_of` None is now.
    """

    direction: str = "upstream"
    depth: int | None = None
    type: str = "direct"
    as_of: AsOf = None
    level: str | None = None
    limit: int = 10_000


def trace_lineage(g: GraphTraversalSource, root: str, question: Question, deadline_passed: DeadlinePassed) -> Answer:
    """The lineage of `root`, the id of a dataset or column that exists. `deadline_passed` says when to stop walking."""
    dataset, column = split_node(root)
    by_column = (question.level or ("column" if column else "dataset")) == "column"
    root = root if by_column else dataset
    edges_of = edges_asked(g, question, by_column=by_column)
    roots = [root, *(edges_of.columns_of([root]) if by_column and not column else [])]
    sides = ["upstream", "downstream"] if question.direction == "both" else [question.direction]
    walks = {side: _walk(edges_of, side, roots, question, deadline_passed) for side in sides}
    kept, cut = _merged(walks, question.limit)
    nodes = edges_of.as_they_were(tuple(_nodes(g, kept)))
    ids = {node.id for node in nodes}
    found = []
    for side in sides:
        between = list(edges_of.between(side, walks[side], ids))
        found += _without_idle_rows(between) if by_column and side == "upstream" else between
    if question.as_of == "ever":
        found = list(told_once(g, found))
    if by_column:
        nodes = tuple(_without_idle_datasets(nodes, found, root))
    if question.as_of != "ever":
        nodes = with_ends(g, nodes, found, question.as_of)
    reason = cut or ("limit" if edges_of.left_out else None) or _erased(nodes, root, question.direction)
    if reason is None and not found and isinstance(question.as_of, PastTime):
        reason = _not_yet(g, dataset, question.as_of)
    edges = {edge.order: edge for edge in edges_of.filled(found)}
    return Answer(
        root=root,
        direction=question.direction,
        depth=question.depth,
        type=question.type,
        as_of=name_of(question.as_of),
        nodes=nodes,
        edges=tuple(edges[order] for order in sorted(edges)),
        complete=reason is None,
        reason=reason,
    )


def _without_idle_rows(edges: Sequence[Edge]) -> list[Edge]:
    """The edges without those from the rows of a dataset of which nothing says what decided them: raw data."""
    decided = {edge.target for edge in edges if "#" in edge.source and "#" not in edge.target}
    rows = [edge for edge in edges if "#" not in edge.source and "#" not in edge.target]
    while more := {edge.target for edge in rows if edge.source in decided} - decided:
        decided |= more
    return [edge for edge in edges if "#" in edge.source or edge.source in decided]


def _without_idle_datasets(nodes: Sequence[Node], edges: Sequence[Edge], root: str) -> Iterator[Node]:
    """The nodes without the datasets upstream to which no edge leads."""
    ends = {end for edge in edges for end in (edge.source, edge.target) if "#" not in end}
    for node in nodes:
        if node.label != "dataset" or node.direction != "upstream" or node.id in ends or node.id == root:
            yield node


def _erased(nodes: Sequence[Node], root: str, direction: str) -> Reason | None:
    """Which ledger entries were erased that were part of this lineage: the edges that they gave are not in it.

    Downstream also those that wrote a node which was reached: what it was made of before is shown as if it still held.
    """
    asked = split_node(root)[0]
    found = set[int]()
    for node in nodes:
        read = direction != "upstream"
        written = direction != "downstream" or node.dataset != asked
        found |= erasures_in(node.tags, written=written, read=read)
    return erased_reason(found)


def _not_yet(g: GraphTraversalSource, dataset: str, time: PastTime) -> Reason | None:
    """That a dataset is first heard of later than at a time in the past; None: it was known then, or has no times."""
    versions = g.V(dataset).in_("versionOf")
    times = versions.union(__.values("timestamp"), __.in_("used").values("timestamp")).min_().to_list()
    if not times or times[0] <= time.of_dataset(dataset):
        return None
    return f"nothing is known of it before {shown(int(times[0]))}"


def edges_asked(g: GraphTraversalSource, question: Question, *, by_column: bool) -> Edges:
    """The edges between columns, or those between datasets, that a question follows."""
    ignored = ignored_jobs(g)
    if isinstance(question.as_of, PastTime):
        return EdgesAsOf(g, question.as_of, by_column=by_column, kind=question.type, ignored=ignored)
    labels = EVER if question.as_of == "ever" else NOW
    return Edges(g, by_column=by_column, kind=question.type, labels=labels, ignored=ignored)


def _walk(
    edges_of: Edges, side: str, roots: Sequence[str], question: Question, deadline_passed: DeadlinePassed
) -> Walk:
    """The walk of one side. The type `indirect` is about the root alone: one hop, and no "there is more" after it."""
    steps = partial(edges_of.steps, side)
    if question.type != "indirect" or question.depth == 0:
        return walk(roots, steps, depth=question.depth, limit=question.limit, deadline_passed=deadline_passed)
    found = walk(roots, steps, depth=1, limit=question.limit, deadline_passed=deadline_passed)
    return replace(found, reason=None) if found.reason == "depth" else found


def _merged(walks: dict[str, Walk], limit: int) -> tuple[dict[str, Position], Reason | None]:
    """The nodes of the answer as id -> (distance, direction), ordered by (distance, id); why there are no more."""
    found: dict[str, Position] = {}
    for side, walked in walks.items():
        for node, distance in walked.distances.items():
            nearest, other = found.get(node, (distance, side))
            found[node] = (min(distance, nearest), side if other == side else "both")
    reasons = [walked.reason for walked in walks.values() if walked.reason]
    if len(walks) == 1:
        kept: Iterable[str] = found
    else:
        kept = sorted(found, key=lambda node: (found[node][0], node))[:limit]
        reasons = ["limit"] if len(found) > limit else reasons
    ordered = sorted(kept, key=lambda node: (found[node][0], node))
    return {node: found[node] for node in ordered}, reasons[0] if reasons else None


def _nodes(g: GraphTraversalSource, kept: Mapping[str, Position]) -> Iterator[Node]:
    """The kept nodes with their properties, without those that were removed from the graph during the walk."""
    found: dict[str, dict[str, Any]] = {}
    for ids in chunks(list(kept)):
        found.update((row["id"], row) for row in project(g.V(ids), _NODE_CELLS).to_list())
    for node, (distance, direction) in kept.items():
        if node in found:
            dataset, column = split_node(node)
            # An upsert cannot take a property away, so a view of the graph says "none" as an empty text.
            row: dict[str, Any] = {k: None if v == "" else v for k, v in found[node].items()}
            row.setdefault("name", column or dataset)
            row["tags"] = tuple(sorted(set(row["tags"])))
            yield Node(**row, dataset=dataset, distance=distance, direction=direction)
