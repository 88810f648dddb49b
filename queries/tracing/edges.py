"""The edges that a lineage question follows: ids alone, some hops a request; then the edges of the answer, once."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import P, T

from headwater.graphmodel.ids import split_node
from headwater.queries.answers.answer import Edge, Node
from headwater.queries.tracing.rows import project
from headwater.queries.tracing.walk import Step, Walk, chunks

#: Above this many ids, comparing each end in the store costs more than reading a few edges too many.
_FEW = 1_000
#: Up to this many nodes of a level the hops after it are asked for as well, in the same request; and as many of each.
_NARROW = 200
NOW = ("derivesFrom", "dependsOn")
EVER = ("everDerivesFrom", "everDependsOn")
_EDGE_KEYS = tuple(
    "type subtype masking exact certain expression sourceField job plan columns".split()  # noqa: SIM905
)


class Edges:
    """The edges that a question follows, seen from either end."""

    def __init__(
        self,
        g: GraphTraversalSource,
        *,
        by_column: bool,
        kind: str,
        labels: tuple[str, str] = NOW,
        ignored: Sequence[str] = (),
    ) -> None:
        """`kind` is direct, indirect or all; `labels` are those of the edges between columns, and of a whole output.

        `ignored` are the jobs whose edges are left out.
        """
        self._g = g
        self._ignored = list(ignored)
        self._by_column = by_column
        self._kind = kind
        self._derives, self._depends = labels
        self._whole = by_column and kind != "direct"  #: also what the whole output depends on
        self._labels = (self._derives, self._depends) if self._whole else (self._derives,)

    def steps(self, side: str, level: Sequence[str], hops: int) -> Sequence[Step]:
        """The next hops from a level, upstream or downstream: at least one, often as many as `hops`, in one request.

        A wide level is asked for one hop: there the work counts, and no longer the requests.
        """
        starts = self._walked(level)
        # The root dataset of an answer about columns brings what its whole output depends on, and is not walked.
        brings_more = self._whole and side == "upstream" and len(starts) < len(level)
        if starts and len(starts) <= _NARROW and hops > 1 and not brings_more:
            return self._several(side, starts, hops)
        return [self._sources(level) if side == "upstream" else self._derived(level)]

    def _several(self, side: str, starts: Sequence[str], hops: int) -> Sequence[Step]:
        """One request gives nodes, each with all that it leads to; the steps are those that these nodes make whole.

        In which order a store repeats is its own affair, and it stops early at hubs: a step counts only if every node
        of its level is among those given. The starts are, so that there always is a first one.
        """
        onward = self._to_sources if side == "upstream" else self._to_derived
        walk = self._g.V(list(starts)).emit().repeat(onward().dedup().limit(_NARROW)).times(hops).dedup()
        cells = {"node": T.id, "beyond": onward().dedup().id_().fold()}
        if self._whole and side == "upstream":
            cells["whole"] = self._follow(__.in_("hasColumn").out_e(self._depends)).limit(1).count()
        given = {row["node"]: row for row in project(walk, cells).to_list()}
        steps: list[Step] = []
        level, seen = set(starts), set[str]()
        while level and level <= given.keys():
            seen |= level
            beside = {split_node(node)[0] for node in level if given[node].get("whole")}
            beyond = set[str]().union(*(given[node]["beyond"] for node in level))
            steps.append(Step(beside, beyond))
            level = set(self._walked(beyond)) - seen
        return steps if level else [*steps, Step((), ())]

    def _to_sources(self) -> GraphTraversal:
        """From a node that is walked to what it, and the dataset of a column, derives from."""
        derives = self._follow(__.out_e(self._derives)).in_v()
        if not self._whole:
            return derives
        return __.union(derives, self._follow(__.in_("hasColumn").out_e(self._depends)).in_v())

    def _to_derived(self) -> GraphTraversal:
        """From a node to what is derived from it; a dataset that depends on a column brings all its columns."""
        if not self._whole:
            return self._follow(__.in_e(*self._labels)).out_v()
        found = self._follow(__.has_label("column").in_e(*self._labels)).out_v()
        return found.union(__.identity(), __.has_label("dataset").out("hasColumn"))

    def _sources(self, level: Sequence[str]) -> Step:
        """One hop against the flow: what these nodes, and the datasets of these columns, derive from."""
        beyond, beside = set[str](), set[str]()
        for ids in chunks(self._walked(level)):
            beyond.update(self._sources_of(ids))
        for ids in chunks(sorted({split_node(node)[0] for node in level}) if self._whole else ()):
            edges = self._out(ids, self._depends)
            for row in edges.project("dataset", "column").by(__.out_v().id_()).by(__.in_v().id_()).to_list():
                beside.add(row["dataset"])
                beyond.add(row["column"])
        return Step(beside, beyond)

    def _derived(self, level: Sequence[str]) -> Step:
        """One hop with the flow; a dataset that depends on a column as a whole brings all its columns."""
        beyond = set[str]()
        for ids in chunks(self._walked(level)):
            beyond.update(self._follow(self._g.V(ids).in_e(*self._labels)).out_v().id_().dedup().to_list())
        if self._whole:
            beyond.update(columns_of(self._g, [node for node in beyond if not is_column(node)]))
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

    def seen(self, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        """The nodes of the answer as they were when these edges held."""
        return nodes

    def _from_derived(self, ends: list[str], *, cut: bool) -> Iterator[Edge]:
        wholes = [end for end in ends if not is_column(end)] if self._whole else []
        for label, derived in ((self._derives, self._walked(ends)), (self._depends, wholes)):
            for ids in chunks(derived):
                edges = self._out(ids, label)
                if cut and len(ends) <= _FEW:
                    edges = edges.where(__.in_v().has_id(P.within(ends)))
                yield from _rows(edges)

    def _from_sources(self, ends: list[str]) -> Iterator[Edge]:
        for ids in chunks(self._walked(ends)):
            yield from _rows(self._follow(self._g.V(ids).in_e(*self._labels)))

    def _sources_of(self, ids: list[str]) -> Iterable[str]:
        """What these nodes derive from."""
        found: list[str] = self._out(ids, self._derives).in_v().id_().dedup().to_list()
        return found

    def _out(self, ids: list[str], label: str) -> GraphTraversal:
        """The edges that are followed against the flow."""
        return self._follow(self._g.V(ids).out_e(label))

    def _walked(self, nodes: Iterable[str]) -> list[str]:
        """The nodes that the walk follows: in an answer about columns, a dataset is shown and not followed."""
        return [node for node in nodes if is_column(node) == self._by_column]

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
        if is_column(row["source"]):
            row.pop("columns", None)
        else:
            row.setdefault("columns", 0)
        yield Edge(**row)


def columns_of(g: GraphTraversalSource, datasets: Sequence[str]) -> list[str]:
    """The ids of all columns of these datasets."""
    return [column for ids in chunks(datasets) for column in g.V(ids).out("hasColumn").id_().to_list()]


def is_column(node: str) -> bool:
    """Whether a node id is that of a column."""
    return "#" in node
