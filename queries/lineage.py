"""Upstream and downstream: the traversals behind a lineage answer.

The walk asks for ids alone, one request a level; edges and nodes with their properties are fetched once, for what the
answer keeps. So a hub costs little more than its first page, and a diamond what its edges cost.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import P, T

from graphmodel.ids import split_node
from queries.answer import Answer, Edge, Node, Reason
from queries.tagged import any_tags, ignored_jobs, tags_of
from queries.walk import Step, Walk, chunks, walk

#: Above this many ids, comparing each end in the store costs more than reading a few edges too many.
_FEW = 1_000
_LABELS = {None: ("derivesFrom", "dependsOn"), "ever": ("everDerivesFrom", "everDependsOn")}
_EDGE_KEYS = tuple(
    "type subtype masking exact certain expression sourceField job plan columns".split()  # noqa: SIM905
)
_NODE_KEYS = ("name", "origin", "resolved", "expression")

Place = tuple[int, str]  # distance, direction


@dataclass(frozen=True)
class Question:
    """What is asked about a node. `level` None is the root's own: columns of a column, datasets of a dataset."""

    direction: str = "upstream"
    depth: int | None = None
    type: str = "direct"
    as_of: str | None = None
    level: str | None = None
    limit: int = 10_000


def lineage(g: GraphTraversalSource, root: str, question: Question, late: Callable[[], bool]) -> Answer:
    """The lineage of `root`, the id of a dataset or column that exists. `late` says when to stop walking."""
    dataset, column = split_node(root)
    by_column = (question.level or ("column" if column else "dataset")) == "column"
    root = root if by_column else dataset
    ignored = ignored_jobs(g) if any_tags(g) else []
    edges_of = _Edges(g, by_column=by_column, kind=question.type, as_of=question.as_of, ignored=ignored)
    roots = [root, *(_columns(g, [root]) if by_column and not column else [])]
    sides = ["upstream", "downstream"] if question.direction == "both" else [question.direction]
    walks = {side: _walk(edges_of, side, roots, question, late) for side in sides}
    kept, cut = _nearest(walks, question.limit)
    nodes = tuple(_nodes(g, kept))
    there = {node.id for node in nodes}
    edges = {edge.order: edge for side in sides for edge in edges_of.between(side, walks[side], there)}
    return Answer(
        root=root,
        direction=question.direction,
        depth=question.depth,
        type=question.type,
        as_of=question.as_of,
        nodes=nodes,
        edges=tuple(edges[order] for order in sorted(edges)),
        complete=cut is None,
        reason=cut,
    )


def _walk(edges_of: _Edges, side: str, roots: Sequence[str], question: Question, late: Callable[[], bool]) -> Walk:
    """`indirect` is what the root itself depends on: one hop, and what lies behind it is not asked for."""
    step = edges_of.sources if side == "upstream" else edges_of.derived
    if question.type != "indirect" or question.depth == 0:
        return walk(roots, step, depth=question.depth, limit=question.limit, late=late)
    found = walk(roots, step, depth=1, limit=question.limit, late=late)
    return replace(found, reason=None) if found.reason == "depth" else found


def _nearest(walks: dict[str, Walk], limit: int) -> tuple[dict[str, Place], Reason | None]:
    """The nodes of the answer as id -> (distance, direction), ordered by (distance, id); why there are no more."""
    found: dict[str, Place] = {}
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


class _Edges:
    """The edges that a question follows, seen from either end."""

    def __init__(
        self, g: GraphTraversalSource, *, by_column: bool, kind: str, as_of: str | None, ignored: Sequence[str]
    ) -> None:
        self._g = g
        self._ignored = list(ignored)  #: jobs whose edges are left out
        self._by_column = by_column
        self._kind = kind
        self._derives, self._depends = _LABELS[as_of]
        self._whole = by_column and kind != "direct"  #: also what the whole output depends on
        self._labels = (self._derives, self._depends) if self._whole else (self._derives,)

    def sources(self, level: Sequence[str]) -> Step:
        """One hop against the flow: what these nodes, and the datasets of these columns, derive from."""
        beyond, beside = set[str](), set[str]()
        for ids in chunks(self._walked(level)):
            beyond.update(self._follow(self._g.V(ids).out_e(self._derives)).in_v().id_().dedup().to_list())
        for ids in chunks(sorted({split_node(node)[0] for node in level}) if self._whole else ()):
            edges = self._follow(self._g.V(ids).out_e(self._depends))
            for row in edges.project("dataset", "column").by(__.out_v().id_()).by(__.in_v().id_()).to_list():
                beside.add(row["dataset"])
                beyond.add(row["column"])
        return Step(beside, beyond)

    def derived(self, level: Sequence[str]) -> Step:
        """One hop with the flow; a dataset that depends on a column as a whole brings all its columns."""
        beyond = set[str]()
        for ids in chunks(self._walked(level)):
            beyond.update(self._follow(self._g.V(ids).in_e(*self._labels)).out_v().id_().dedup().to_list())
        if self._whole:
            beyond.update(_columns(self._g, [node for node in beyond if not _is_column(node)]))
        return Step((), beyond)

    def between(self, side: str, walked: Walk, kept: Container[str]) -> Iterator[Edge]:
        """The edges between the kept nodes of one walk.

        Asked from the end that the walk came from, where every edge leads to a kept node. Where the walk was cut, that
        end may be a hub with more edges than the answer: then from the derived end, which has few sources.
        """
        nodes = {node for node in walked.distances if node in kept}
        cut = walked.reason is not None or len(nodes) < len(walked.distances)
        ends = sorted(nodes)
        found = self._from_sources(ends) if side == "downstream" and not cut else self._from_derived(ends, cut=cut)
        if self._kind == "indirect":  # those of the root alone
            found = (e for e in found if walked.distances.get(e.target if side == "upstream" else e.source) == 0)
        return (edge for edge in found if edge.source in nodes and edge.target in nodes)

    def _from_derived(self, ends: list[str], *, cut: bool) -> Iterator[Edge]:
        wholes = [end for end in ends if not _is_column(end)] if self._whole else []
        for label, derived in ((self._derives, self._walked(ends)), (self._depends, wholes)):
            for ids in chunks(derived):
                edges = self._follow(self._g.V(ids).out_e(label))
                if cut and len(ends) <= _FEW:
                    edges = edges.where(__.in_v().has_id(P.within(ends)))
                yield from _rows(edges)

    def _from_sources(self, ends: list[str]) -> Iterator[Edge]:
        for ids in chunks(self._walked(ends)):
            yield from _rows(self._follow(self._g.V(ids).in_e(*self._labels)))

    def _walked(self, nodes: Iterable[str]) -> list[str]:
        """The nodes that the walk follows: in an answer about columns, a dataset is shown and not followed."""
        return [node for node in nodes if _is_column(node) == self._by_column]

    def _follow(self, edges: GraphTraversal) -> GraphTraversal:
        """Leave out the carried edges, those of a type that is not asked for, and those of jobs that are ignored."""
        if self._kind != "all":
            edges = edges.has("type", self._kind.upper())
        if self._ignored:
            edges = edges.not_(__.has("job", P.within(self._ignored)))
        return edges.not_(__.has("carried", True))  # noqa: FBT003 - Gremlin's has(key, value)


def _rows(edges: GraphTraversal) -> Iterator[Edge]:
    """The edges with their properties: columns derive from columns, datasets from datasets or depend on columns."""
    rows = edges.project("source", "target", *_EDGE_KEYS).by(__.in_v().id_()).by(__.out_v().id_())
    for key in _EDGE_KEYS:
        rows = rows.by(key)
    for row in rows.to_list():
        if _is_column(row["source"]):
            row.pop("columns", None)
        else:
            row.setdefault("columns", 0)
        yield Edge(**row)


def _nodes(g: GraphTraversalSource, kept: Mapping[str, Place]) -> Iterator[Node]:
    """The kept nodes, without those that were removed since the walk saw them."""
    found: dict[str, dict[str, Any]] = {}
    for ids in chunks(list(kept)):
        rows = g.V(ids).project("id", "label", *_NODE_KEYS).by(T.id).by(T.label)
        for key in _NODE_KEYS:
            rows = rows.by(key)
        found.update((row["id"], row) for row in rows.to_list())
    tags = tags_of(g, list(found))
    for node, (distance, direction) in kept.items():
        if node in found:
            dataset, column = split_node(node)
            # An upsert cannot take a property away, so a view of the graph says "none" as an empty text.
            row: dict[str, Any] = {k: None if v == "" else v for k, v in found[node].items()}
            row.setdefault("name", column or dataset)
            yield Node(**row, dataset=dataset, distance=distance, direction=direction, tags=tags.get(node, ()))


def _columns(g: GraphTraversalSource, datasets: Sequence[str]) -> list[str]:
    """The ids of all columns of these datasets."""
    return [column for ids in chunks(datasets) for column in g.V(ids).out("hasColumn").id_().to_list()]


def _is_column(node: str) -> bool:
    return "#" in node
