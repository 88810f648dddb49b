"""What a picture of a lineage answer needs beside it: the datasets of its nodes, and what lies behind each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import replace

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import Order, T

from headwater.graphmodel.ids import split_node
from headwater.queries.answers.answer import Answer, Node
from headwater.queries.answers.page import Row
from headwater.queries.tracing.edges import Edges
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.walk import chunks


def with_datasets(g: GraphTraversalSource, answer: Answer, edges: Edges) -> Answer:
    """The answer with its `datasets`. `edges` are those between datasets that the question follows."""
    shown = sorted({node.dataset for node in answer.nodes})
    links = {(split_node(edge.target)[0], split_node(edge.source)[0]) for edge in answer.edges}
    upstream = _behind(edges.neighbours("upstream", shown), links)
    downstream = _behind(edges.neighbours("downstream", shown), {(source, target) for target, source in links})
    nearest = {node.dataset: node for node in reversed(answer.nodes)}  # nodes are ordered by their distance
    known = {row["id"]: row for ids in chunks(shown) for row in rows(g.V(ids), _CELLS)}
    later = Counter(split_node(column)[0] for column in edges.later_columns(shown))
    datasets = tuple(
        replace(
            _dataset(known[dataset], nearest[dataset]),
            columnCount=known[dataset]["columnCount"] - later[dataset],
            moreUpstream=len(upstream.get(dataset, ())),
            moreDownstream=len(downstream.get(dataset, ())),
        )
        for dataset in shown
        if dataset in known
    )
    return replace(answer, datasets=datasets)


def _behind(neighbours: Iterable[tuple[str, str]], links: Container[tuple[str, str]]) -> dict[str, set[str]]:
    """By dataset those directly behind it, without those to which the answer has an edge, and without itself."""
    found: dict[str, set[str]] = {}
    for dataset, neighbour in neighbours:
        if neighbour != dataset and (dataset, neighbour) not in links:
            found.setdefault(dataset, set()).add(neighbour)
    return found


_LAST = __.in_("writes").in_("executes").order().by("timestamp", Order.desc).by(T.id).limit(1)
_CELLS = {
    "id": T.id,
    "name": "name",
    "tags": __.out("taggedWith").values("name").fold(),
    "columnCount": __.out("hasColumn").count(),
    "last": _LAST.project("timestamp", "status").by("timestamp").by("status"),
}


def _dataset(row: Row, nearest: Node) -> Node:
    """The node of a dataset; as far away, and on the side, as the `nearest` of its nodes in the answer."""
    last = row["last"] or {}
    return Node(
        id=row["id"],
        label="dataset",
        name=row["name"] or row["id"],
        dataset=row["id"],
        distance=nearest.distance,
        direction=nearest.direction,
        tags=tuple(sorted(set(row["tags"]))),
        lastRun=last.get("timestamp"),
        lastStatus=last.get("status"),
    )
