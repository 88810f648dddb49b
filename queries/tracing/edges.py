"""The edges that a lineage question follows, as requests to the store.

The walk only needs ids, often of several hops in one request; the edges of the answer, with their properties, are
requested once, when the walk is over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import P, T

from headwater.graphmodel.ids import is_shared, split_node
from headwater.graphmodel.shared import Link
from headwater.queries.answers.answer import Edge, Node
from headwater.queries.tracing import constants
from headwater.queries.tracing.rows import project, without_carried
from headwater.queries.tracing.shared_sources import pairs_joined, shared_in
from headwater.queries.tracing.walk import Step, Walk, chunks

#: Up to this many nodes of an answer, the store is told to compare the other end of each edge with them. With more ids
#: this comparison costs more than reading some edges that are not needed.
_MOST_ENDS_COMPARED = 1_000
#: A level with at most so many nodes is asked for several hops in one request: in a wider one the work of the store
#: counts, and no longer the time of the round trips. Also the most nodes that each of these hops follows.
_NARROW_LEVEL = 200
#: Edges of an answer that sources which columns have in common may give: code that a plan does not show, over 1,000
#: columns, makes each of 1,000 of all of them. The answer says when there are more.
MOST_JOINED = 250_000
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
        """`kind` is direct, indirect or all; `ignored` are the jobs whose edges are left out.

        `labels` are the label of the edges between columns, and the label of those from a dataset to the columns on
        which its rows depend (`NOW` or `EVER`).
        """
        self._g = g
        self._ignored = list(ignored)
        self._by_column = by_column
        self._kind = kind
        self._derives, self._depends = labels
        self._with_row_dependencies = by_column and kind != "direct"  #: also filters, joins, ... of all rows
        self._labels = (self._derives, self._depends) if self._with_row_dependencies else (self._derives,)
        self._only_indirect = False  #: whether edges are followed by their own type, and not of what two are together
        self.left_out = False  #: whether `between` gave fewer edges than there are (`MOST_JOINED`)

    def steps(self, side: str, level: Sequence[str], hops: int) -> Sequence[Step]:
        """The next hops from a level, upstream or downstream: at least one, at most `hops`; see `walk.Steps`."""
        downstream_rows = self._with_row_dependencies and side == "downstream"
        starts = list(level) if downstream_rows else self._nodes_of_level(level)
        # In an answer about the columns of a dataset, the root dataset adds the columns on which its rows depend, but
        # it is not one of the nodes that are followed: a request of several hops would miss these columns.
        # The same holds for a dataset on whose rows those of another depend.
        some_not_followed = self._with_row_dependencies and len(starts) < len(level)
        several = hops > 1 and self._kind != "indirect"  # these are the edges of the root alone
        if starts and len(starts) <= _NARROW_LEVEL and several and not some_not_followed:
            return self._hops_in_one_request(side, starts, hops)
        return [self._one_hop(side, level)]

    def _hops_in_one_request(self, side: str, starts: Sequence[str], hops: int) -> Sequence[Step]:
        """Several hops in one request, which gives nodes, each with all nodes that it leads to.

        In which order a store runs `repeat` is not defined, and the limit stops it early at hubs. So a step is only
        used if every node of its level is among the nodes given. The starts always are: there is at least one step.
        """
        onward = self._to_sources if side == "upstream" else self._to_derived
        walk = self._g.V(list(starts)).emit().repeat(onward().dedup().limit(_NARROW_LEVEL)).times(hops).dedup()
        cells = {"node": T.id, "next_level": onward().dedup().id_().fold()}
        if self._with_row_dependencies and side == "upstream":
            cells["whole"] = self._followed_edges(__.in_("hasColumn").out_e(self._depends)).limit(1).count()
        given = {row["node"]: row for row in project(walk, cells).to_list()}
        steps: list[Step] = []
        level, seen = set(starts), set[str]()
        while level and level <= given.keys():
            seen |= level
            same_level = {split_node(node)[0] for node in level if given[node].get("whole")}
            next_level = set[str]().union(*(given[node]["next_level"] for node in level))
            shared = shared_in(next_level)
            if any(node not in given for node in shared):
                return steps or [self._one_hop(side, starts)]
            next_level = next_level.union(*(given[node]["next_level"] for node in shared)).difference(shared)
            steps.append(Step(same_level, next_level))
            followed = set(next_level if side == "downstream" else self._nodes_of_level(next_level))
            if self._with_row_dependencies and len(followed) < len(next_level):
                return steps  # of a dataset on whose rows others depend, `_to_sources` does not give the sources
            level = followed - seen
        return steps if level else [*steps, Step((), ())]

    def _one_hop(self, side: str, level: Sequence[str]) -> Step:
        return self._upstream_hop(level) if side == "upstream" else self._downstream_hop(level)

    def _to_sources(self) -> GraphTraversal:
        """The traversal from a node to what it derives from, and to what the rows of its dataset depend on."""
        derives = self._followed_edges(__.out_e(*self._labels)).in_v()
        if not self._with_row_dependencies:
            return derives
        return __.union(derives, self._followed_edges(__.in_("hasColumn").out_e(self._depends)).in_v())

    def _to_derived(self) -> GraphTraversal:
        """The traversal from a node to what derives from it; if rows of a dataset depend on it, to all its columns."""
        if not self._with_row_dependencies:
            return self._followed_edges(__.in_e(*self._labels)).out_v()
        edges = __.union(
            __.has_label("column", "sharedSources").in_e(*self._labels), __.has_label("dataset").in_e(self._depends)
        )
        found = self._followed_edges(edges).out_v()
        return found.union(__.identity(), __.has_label("dataset").out("hasColumn"))

    def _upstream_hop(self, level: Sequence[str]) -> Step:
        """One hop upstream: what these nodes, and the datasets of these columns, derive from."""
        next_level, same_level = set[str](), set[str]()
        for ids in chunks(self._nodes_of_level(level)):
            next_level.update(self._sources_of(ids))
        wholes = {split_node(node)[0] for node in level} | set(level) if self._with_row_dependencies else ()
        for ids in chunks(sorted(wholes)):
            edges = self._out(ids, self._depends)
            for row in edges.project("target", "source").by(__.out_v().id_()).by(__.in_v().id_()).to_list():
                if not is_column(row["target"]):
                    same_level.add(row["target"])
                next_level.add(row["source"])
        return Step(same_level, next_level)

    def _downstream_hop(self, level: Sequence[str]) -> Step:
        """One hop downstream; a dataset whose rows depend on a column adds all its columns."""
        next_level = set(self._derived_of(level))
        if self._with_row_dependencies:
            next_level.update(self.columns_of([node for node in next_level if not is_column(node)]))
        return Step((), next_level)

    def columns_of(self, datasets: Sequence[str]) -> list[str]:
        """The ids of the columns that these datasets have, at the time that is asked about."""
        later = self.later_columns(datasets)
        return [column for column in columns_of(self._g, datasets) if column not in later]

    def later_columns(self, datasets: Sequence[str]) -> Collection[str]:
        """Those of the columns of which nothing was known at the time that is asked about."""
        del datasets  # now, and ever, all are known
        return ()

    def _derived_of(self, level: Sequence[str]) -> Iterable[str]:
        """What derives from these nodes; also the datasets whose rows depend on those of one."""
        found, by_role = set[str](), set[str]()
        for ids, labels in self._labels_of(level):
            found.update(self._targets(self._g.V(ids).in_e(*labels)))
            if self._kind == "indirect":
                by_role.update(self._targets(self._g.V(ids).in_e(*labels).has("type", "INDIRECT")))
        return self._past_shared(found, by_role, lambda ids: self._targets(self._g.V(ids).in_e(self._derives)))

    def _past_shared(
        self, nodes: set[str], by_role: Iterable[str], onward: Callable[[list[str]], Iterable[str]]
    ) -> Iterable[str]:
        """These nodes, in place of shared sources among them those to which these lead.

        Two edges that meet there are INDIRECT together if one of them is. So of those that are asked for, `by_role` are
        reached over an edge which is; from the others only such edges lead on.
        """
        shared = shared_in(nodes)
        if not shared:
            return nodes
        found = nodes.difference(shared)
        for ids in chunks(shared):
            self._only_indirect = self._kind == "indirect"
            found.update(onward(ids))
            self._only_indirect = False
        for ids in chunks(shared_in(by_role)):
            found.update(onward(ids))
        return found

    def _targets(self, edges: GraphTraversal) -> Iterable[str]:
        found: list[str] = self._followed_edges(edges).out_v().id_().dedup().to_list()
        return found

    def _labels_of(self, nodes: Sequence[str]) -> Iterator[tuple[list[str], tuple[str, ...]]]:
        """The ids of each request for the edges into these nodes, and the labels of these edges."""
        yield from ((ids, self._labels) for ids in chunks(self._nodes_of_level(nodes)))
        if self._with_row_dependencies:
            yield from ((ids, (self._depends,)) for ids in chunks([node for node in nodes if not is_column(node)]))

    def between(self, side: str, walked: Walk, kept: Container[str]) -> Iterator[Edge]:
        """The edges between the kept nodes of one walk.

        They are asked for from the end at which the walk arrived first, since there every edge leads to a kept node. If
        the walk was cut, that end may be a hub with many more edges than the answer has; then they are asked for from
        the derived end, since a column derives from few others.
        """
        nodes = {node for node in walked.distances if node in kept}
        cut = walked.reason is not None or len(nodes) < len(walked.distances)
        ends = sorted(nodes)
        found = self._from_sources(ends) if side == "downstream" and not cut else self._from_derived(ends, cut=cut)
        between = (edge for edge in self._joined(found) if edge.source in nodes and edge.target in nodes)
        if self._kind == "indirect":  # those of the root alone
            between = (
                edge
                for edge in between
                if edge.type == "INDIRECT"
                and walked.distances.get(edge.target if side == "upstream" else edge.source) == 0
            )
        return between

    def _joined(self, edges: Iterable[Edge]) -> Iterator[Edge]:
        """The edges, with one for each two that meet in shared sources; at most `MOST_JOINED` of these."""
        for number, edge in enumerate(pairs_joined(edges, _read, _made)):
            if number >= MOST_JOINED:
                self.left_out = True
                return
            yield edge

    def _with_shared_sources(self, edges: Iterable[Edge]) -> Iterator[Edge]:
        """The edges, and those out of the shared sources that they lead to."""
        shared = set[str]()
        for edge in edges:
            if is_shared(edge.source):
                shared.add(edge.source)
            yield edge
        for ids in chunks(sorted(shared)):
            yield from _rows(self._out(ids, self._derives))

    def _with_uses(self, edges: Iterable[Edge]) -> Iterator[Edge]:
        """The edges, and those into the shared sources that they come from."""
        shared = set[str]()
        for edge in edges:
            if is_shared(edge.target):
                shared.add(edge.target)
            yield edge
        for ids in chunks(sorted(shared)):
            yield from _rows(self._followed_edges(self._g.V(ids).in_e(self._derives)))

    def neighbours(self, side: str, nodes: Sequence[str]) -> Iterator[tuple[str, str]]:
        """(node, neighbour) for each of these nodes and each node that it leads to on this side, once."""
        for ids in chunks(self._nodes_of_level(nodes)):
            pairs = list(self._linked(side, ids))
            beyond: defaultdict[str, list[str]] = defaultdict(list)
            for shared in chunks(shared_in(other for _, other in pairs)):
                for vertex, other in self._linked(side, shared):
                    beyond[vertex].append(other)
            yield from dict.fromkeys(
                (node, far)
                for node, other in pairs
                for far in (beyond[other] if is_shared(other) else (other,))
                if far != node
            )

    def _linked(self, side: str, ids: list[str]) -> Iterator[tuple[str, str]]:
        """(node, neighbour) for each edge on this side of these nodes; a neighbour can be shared sources."""
        edges = self._edges_on(side, ids)
        rows = edges.project("source", "target").by(__.in_v().id_()).by(__.out_v().id_()).dedup().to_list()
        return pairs_of(side, rows)

    def _edges_on(self, side: str, ids: list[str]) -> GraphTraversal:
        edges = self._g.V(ids).out_e(self._derives) if side == "upstream" else self._g.V(ids).in_e(self._derives)
        return self._followed_edges(edges)

    def as_they_were(self, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        """The nodes of the answer with their properties at the time of these edges; these are edges of now."""
        return nodes

    def filled(self, edges: Sequence[Edge]) -> list[Edge]:
        """The edges, their expressions with the literals that their plans had when these edges held."""
        shown = constants.with_placeholders(edges)
        return constants.filled_in(edges, self._constants(shown) if shown else {})

    def _constants(self, edges: Sequence[Edge]) -> constants.ByPlan:
        """The literals of the plans of these edges."""
        return constants.newest(self._g, {edge.plan for edge in edges if edge.plan})

    def _from_derived(self, ends: list[str], *, cut: bool) -> Iterator[Edge]:
        """The edges out of these nodes, and out of the shared sources to which these lead."""
        return self._with_shared_sources(self._out_of(ends, cut=cut))

    def _out_of(self, ends: list[str], *, cut: bool) -> Iterator[Edge]:
        wholes = [end for end in ends if not is_column(end)] if self._with_row_dependencies else []
        for labels, derived in ((self._labels, self._nodes_of_level(ends)), ((self._depends,), wholes)):
            for ids in chunks(derived):
                edges = self._out(ids, *labels)
                if cut and len(ends) <= _MOST_ENDS_COMPARED:
                    kept = (__.in_v().has_id(P.within(ends)), __.in_v().has_label("sharedSources"))
                    edges = edges.where(__.or_(*kept) if self._by_column else kept[0])
                yield from _rows(edges)

    def _from_sources(self, ends: list[str]) -> Iterator[Edge]:
        """The edges into these nodes, and into the shared sources from which these come."""
        return self._with_uses(self._into(ends))

    def _into(self, ends: list[str]) -> Iterator[Edge]:
        for ids, labels in self._labels_of(ends):
            yield from _rows(self._followed_edges(self._g.V(ids).in_e(*labels)))

    def _sources_of(self, ids: list[str]) -> Iterable[str]:
        """What these nodes derive from."""
        found, by_role = set(self._sources(ids)), set[str]()
        if self._kind == "indirect" and shared_in(found):
            self._only_indirect = True
            by_role.update(self._sources(ids))
            self._only_indirect = False
        return self._past_shared(found, by_role, self._sources)

    def _sources(self, ids: list[str]) -> Iterable[str]:
        """The sources of these nodes, shared ones as a vertex."""
        found: list[str] = self._out(ids, self._derives).in_v().id_().dedup().to_list()
        return found

    def _out(self, ids: list[str], *labels: str) -> GraphTraversal:
        """The edges from these nodes to their sources."""
        return self._followed_edges(self._g.V(ids).out_e(*labels))

    def _nodes_of_level(self, nodes: Iterable[str]) -> list[str]:
        """The nodes that the walk follows: in an answer about columns, a dataset is part of it but not followed."""
        return [node for node in nodes if is_column(node) == self._by_column]

    def _followed_edges(self, edges: GraphTraversal) -> GraphTraversal:
        """Leave out the carried edges, those of a type that is not asked for, and those of jobs that are ignored.

        Of two edges that meet in shared sources one that is INDIRECT makes both so.
        """
        if self._kind == "indirect" and self._by_column and not self._only_indirect:
            shared = (end.has_label("sharedSources") for end in (__.in_v(), __.out_v()))
            edges = edges.or_(__.has("type", "INDIRECT"), *shared)
        elif self._kind != "all":
            edges = edges.has("type", self._kind.upper())
        if self._ignored:
            edges = edges.not_(__.has("job", P.within(self._ignored)))
        return without_carried(edges)


def pairs_of(side: str, rows: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """(node, neighbour) of each row, the node being the target of an edge that is upstream of it."""
    node, neighbour = ("target", "source") if side == "upstream" else ("source", "target")
    return ((row[node], row[neighbour]) for row in rows)


def _rows(edges: GraphTraversal) -> Iterator[Edge]:
    """The edges with their properties, read from the store."""
    rows = edges.project("source", "target", *_EDGE_KEYS).by(__.in_v().id_()).by(__.out_v().id_())
    for key in _EDGE_KEYS:
        rows = rows.by(key)
    for row in rows.to_list():
        if is_column(row["source"]) or is_column(row["target"]):
            row.pop("columns", None)
        yield Edge(**row)


def _read(edge: Edge) -> tuple[str, str, str, Link]:
    link = Link(edge.type, edge.subtype or "", edge.masking, edge.exact, edge.sourceField, edge.expression)
    return edge.source, edge.target, edge.plan or "", link


def _made(use: Edge, source: Edge, link: Link) -> Edge:
    return replace(
        use,
        source=source.source,
        type=link.type,
        subtype=link.subtype,
        masking=link.masking,
        exact=link.exact,
        certain=use.certain and source.certain,
        sourceField=link.source_field,
        expression=link.expression,
    )


def columns_of(g: GraphTraversalSource, datasets: Sequence[str]) -> list[str]:
    """The ids of all columns of these datasets."""
    return [column for ids in chunks(datasets) for column in g.V(ids).out("hasColumn").id_().to_list()]


def is_column(node: str) -> bool:
    """Whether a node id is that of a column."""
    return "#" in node
