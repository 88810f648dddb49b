"""Upstream and downstream: the traversals behind a lineage answer.

The walk asks for ids alone, one request a level; edges and nodes with their properties are fetched once, for what the
answer keeps. So a hub costs little more than its first page, and a diamond what its edges cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import P, T

from graphmodel.ids import split_node
from queries.answer import Answer, Edge, Node, Reason
from queries.walk import Step, Walk, walk

#: Ids in one request: small enough for every store, large enough that round trips do not count.
CHUNK = 2_000
#: Above this many ids, comparing each end in the store costs more than reading a few edges too many.
_FEW = 1_000
_LABELS = {None: ("derivesFrom", "dependsOn"), "ever": ("everDerivesFrom", "everDependsOn")}
_EDGE_KEYS = tuple(
    "type subtype masking exact certain expression sourceField job plan columns".split()  # noqa: SIM905
)
_NODE_KEYS = ("name", "dataset", "origin", "resolved", "expression")


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
    edges_of = _Edges(g, by_column=by_column, kind=question.type, as_of=question.as_of)
    roots = [root, *(_columns(g, [root]) if by_column and not column else [])]
    sides = ["upstream", "downstream"] if question.direction == "both" else [question.direction]
    walks = {side: _walk(edges_of, side, roots, question, late) for side in sides}
    kept, cut = _nearest(walks, question.limit)
    edges = {edge.order: edge for side in sides for edge in edges_of.between(side, walks[side], kept)}
    return Answer(
        root=root,
        direction=question.direction,
        depth=question.depth,
        type=question.type,
        as_of=question.as_of,
        nodes=tuple(_nodes(g, kept)),
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


def _nearest(walks: dict[str, Walk], limit: int) -> tuple[dict[str, tuple[int, str]], Reason | None]:
    """The nodes of the answer as id -> (distance, direction), ordered by (distance, id); why there are no more."""
    found: dict[str, tuple[int, str]] = {}
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

    def __init__(self, g: GraphTraversalSource, *, by_column: bool, kind: str, as_of: str | None) -> None:
        self._g = g
        self._by_column = by_column
        self._kind = kind
        self._derives, self._depends = _LABELS[as_of]
        self._whole = by_column and kind != "direct"  #: also what the whole output depends on

    def sources(self, level: Sequence[str]) -> Step:
        """One hop against the flow: what these nodes, and the datasets of these columns, derive from."""
        beyond, beside = set[str](), set[str]()
        for ids in _chunks(self._walked(level)):
            beyond.update(self._follow(self._g.V(ids).out_e(self._derives)).in_v().id_().dedup().to_list())
        for ids in _chunks(sorted({split_node(node)[0] for node in level}) if self._whole else ()):
            edges = self._follow(self._g.V(ids).out_e(self._depends))
            for row in edges.project("dataset", "column").by(__.out_v().id_()).by(__.in_v().id_()).to_list():
                beside.add(row["dataset"])
                beyond.add(row["column"])
        return Step(beside, beyond)

    def derived(self, level: Sequence[str]) -> Step:
        """One hop with the flow; a dataset that depends on a column as a whole brings all its columns."""
        labels = (self._derives, self._depends) if self._whole else (self._derives,)
        beyond = set[str]()
        for ids in _chunks(self._walked(level)):
            beyond.update(self._follow(self._g.V(ids).in_e(*labels)).out_v().id_().dedup().to_list())
        if self._whole:
            beyond.update(_columns(self._g, [node for node in beyond if not _is_column(node)]))
        return Step((), beyond)

    def between(self, side: str, walked: Walk, kept: dict[str, tuple[int, str]]) -> Iterator[Edge]:
        """The edges between the kept nodes of one walk.

        Asked from the end that the walk came from, where every edge leads to a kept node. Where the walk was cut, that
        end may be a hub with more edges than the answer: then from the derived end, which has few sources.
        """
        nodes = walked.distances.keys() & kept.keys()
        cut = walked.reason is not None or len(nodes) < len(walked.distances)
        few = list(nodes) if cut and len(nodes) <= _FEW else None
        ordered = sorted(nodes)
        rows = self._to_derived(ordered) if side == "downstream" and not cut else self._to_sources(ordered, few)
        return (_edge(*row) for row in rows if row[0] in nodes and row[1] in nodes)

    def _to_sources(self, nodes: Sequence[str], few: list[str] | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for ids in _chunks(self._walked(nodes)):
            edges = self._follow(self._g.V(ids).out_e(self._derives)).in_v()
            yield from _rows(edges, few, derived_first=True)
        for ids in _chunks([node for node in nodes if not _is_column(node)] if self._whole else ()):
            edges = self._follow(self._g.V(ids).out_e(self._depends)).in_v()
            yield from _rows(edges, few, derived_first=True)

    def _to_derived(self, nodes: Sequence[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
        labels = (self._derives, self._depends) if self._whole else (self._derives,)
        for ids in _chunks(self._walked(nodes)):
            edges = self._follow(self._g.V(ids).in_e(*labels)).out_v()
            yield from _rows(edges, None, derived_first=False)

    def _walked(self, nodes: Iterable[str]) -> list[str]:
        """The nodes that the walk follows: in an answer about columns, a dataset is shown and not followed."""
        return [node for node in nodes if _is_column(node) == self._by_column]

    def _follow(self, edges: GraphTraversal) -> GraphTraversal:
        """Leave out the carried edges, and those of a type that is not asked for."""
        if self._kind != "all":
            edges = edges.has("type", self._kind.upper())
        return edges.not_(__.has("carried", True))  # noqa: FBT003 - Gremlin's has(key, value)


def _rows(
    ends: GraphTraversal, within: list[str] | None, *, derived_first: bool
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(source, target, properties) of each edge on the way to `ends`."""
    ends = ends if within is None else ends.has_id(P.within(within))
    properties = __.value_map(*_EDGE_KEYS).by(__.unfold())
    for path in ends.path().by(T.id).by(properties).by(T.id).to_list():
        near, values, far = path
        yield (far, near, values) if derived_first else (near, far, values)


def _edge(source: str, target: str, values: dict[str, Any]) -> Edge:
    """An edge into a dataset from a column is what its whole output depends on."""
    between_datasets = not _is_column(source)
    if between_datasets:
        values.setdefault("columns", 0)
    else:
        values.pop("columns", None)
    return Edge(source, target, values.pop("type"), values.pop("subtype", None), **values)


def _nodes(g: GraphTraversalSource, kept: dict[str, tuple[int, str]]) -> Iterator[Node]:
    found: dict[str, dict[Any, Any]] = {}
    for ids in _chunks(list(kept)):
        found.update((row[T.id], row) for row in g.V(ids).element_map(*_NODE_KEYS).to_list())
    for node, (distance, direction) in kept.items():
        row = found.get(node)
        if row is not None:  # None: removed since the walk saw it
            yield _node(node, row, distance, direction)


def _node(node: str, row: dict[Any, Any], distance: int, direction: str) -> Node:
    dataset, column = split_node(node)
    return Node(
        id=node,
        label=row[T.label],
        name=row.get("name", column or dataset),
        dataset=dataset,
        distance=distance,
        direction=direction,
        origin=row.get("origin"),
        resolved=row.get("resolved", True),
        expression=row.get("expression"),
    )


def _columns(g: GraphTraversalSource, datasets: Sequence[str]) -> list[str]:
    """The ids of all columns of these datasets."""
    return [column for ids in _chunks(datasets) for column in g.V(ids).out("hasColumn").id_().to_list()]


def _is_column(node: str) -> bool:
    return "#" in node


def _chunks(ids: Sequence[str]) -> Iterator[list[str]]:
    """Never an empty list: V() of no ids is every vertex there is."""
    for start in range(0, len(ids), CHUNK):
        yield list(ids[start : start + CHUNK])
