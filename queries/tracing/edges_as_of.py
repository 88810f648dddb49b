"""The edges at a time in the past: of all edges that ever held, those of the plans that contributed at that time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import P, T

from headwater.graphmodel.columns import DIRECT, NOBODY, ColumnClaim, claims_in, shown
from headwater.graphmodel.constants import NONE, has_placeholder
from headwater.graphmodel.ids import column_id, dataset_of, split_node
from headwater.graphmodel.now import Contribution
from headwater.graphmodel.validity import NO_END
from headwater.queries.answers.answer import Edge, Node
from headwater.queries.tracing import constants
from headwater.queries.tracing.as_of import PastTime
from headwater.queries.tracing.contributions import ContributionsAsOf, validities_of
from headwater.queries.tracing.edges import EVER, Edges, columns_of, is_column, pairs_of
from headwater.queries.tracing.facts import facts_of
from headwater.queries.tracing.rows import without_carried
from headwater.queries.tracing.walk import Step, Walk, chunks

Pair = tuple[str, str]  # plan, target


class EdgesAsOf(Edges):
    """As `Edges`, with one more request for each level: which plans contributed to the datasets of its nodes."""

    def __init__(
        self, g: GraphTraversalSource, time: PastTime, *, by_column: bool, kind: str, ignored: Sequence[str] = ()
    ) -> None:
        super().__init__(g, by_column=by_column, kind=kind, labels=EVER, ignored=ignored)
        self._time = time
        self._contributions = ContributionsAsOf(g, time)

    def steps(self, side: str, level: Sequence[str], hops: int) -> Sequence[Step]:
        """One hop only: which edges held is not known before the contributions to the datasets at their ends are."""
        del hops
        return [self._one_hop(side, level)]

    def _targets(self, edges: GraphTraversal) -> Iterator[str]:
        rows = self._followed_edges(edges).project("plan", "target").by("plan").by(__.out_v().id_()).to_list()
        self._contributions.of_datasets(dataset_of(row["target"]) for row in rows)
        yield from (target for _, target in self._held({(row["plan"], row["target"]) for row in rows}))

    def between(self, side: str, walked: Walk, kept: Container[str]) -> Iterator[Edge]:
        """The edges between the kept nodes of one walk, with how certain they were."""
        for edge in super().between(side, walked, kept):
            certain = self._contributions.certain(edge.plan or "", edge.target)
            if certain is not None:
                yield edge if certain else replace(edge, certain=False)

    def _linked(self, side: str, ids: list[str]) -> Iterator[tuple[str, str]]:
        edges = self._edges_on(side, ids).project("plan", "source", "target")
        rows = edges.by("plan").by(__.in_v().id_()).by(__.out_v().id_()).to_list()
        self._contributions.of_datasets(dataset_of(row["target"]) for row in rows)
        held = set(self._held((row["plan"], row["target"]) for row in rows))
        return pairs_of(side, (row for row in rows if (row["plan"], row["target"]) in held))

    def as_they_were(self, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        """The nodes; columns with the reason that those plans give why they have no, or not all, DIRECT sources."""
        claims = self._claims(sorted({node.dataset for node in nodes if is_column(node.id)}))
        for column in self._with_direct([node.id for node in nodes if node.id in claims]):
            claims[column].add(ColumnClaim(column, DIRECT, ""))
        return tuple(_with_origin(node, claims[node.id]) if is_column(node.id) else node for node in nodes)

    def later_columns(self, datasets: Sequence[str]) -> set[str]:
        """The columns of which nothing was known then.

        Of a dataset that a job had written by then, a column is later if only later plans say what it is made of, none
        that ran by then reads it, and no system had listed it. Of one that was only read, a plan tells of its columns
        also where it uses none of them, and the graph does not say which plan did: none is later.
        """
        then = {dataset: plans for dataset, plans in self._plans_then(datasets).items() if plans}
        before, since = set[str](), set[str]()
        for column, plan in self._told_by(sorted(then)):
            (before if plan in then[split_node(column)[0]] else since).add(column)
        suspected = sorted(since - before)
        later = sorted(set(suspected) - self._read_then(suspected))
        listed = {
            column
            for column, facts in facts_of(self._g, later).items()
            if any(fact.at <= self._time.of_dataset(split_node(column)[0]) for fact in facts)
        }
        return set(later) - listed

    def _plans_then(self, datasets: Sequence[str]) -> dict[str, set[str]]:
        """The plans that had written each of these datasets by then, also those whose state did not stand any more."""
        return {
            dataset: {v.plan for v in validities if v.valid_from <= self._time.of_dataset(dataset)}
            for dataset, validities in validities_of(self._g, datasets).items()
        }

    def _told_by(self, datasets: list[str]) -> Iterator[Pair]:
        """The columns of these datasets, each with the plans that say what it is made of, at whatever time."""
        for ids in chunks(columns_of(self._g, datasets)):
            edges = self._g.V(ids).out_e(self._derives)
            rows = edges.project("column", "plan").by(__.out_v().id_()).by("plan").dedup().to_list()
            yield from ((row["column"], row["plan"]) for row in rows)
        for ids in chunks(datasets):  # those that are made of nothing have no edge
            plans = self._g.V(ids).in_("writes").has("origins", P.neq(""))
            rows = plans.project("plan", "target", "origins").by(T.id).by("target").by("origins").to_list()
            for row in rows:
                for claim in claims_in(row["origins"], Contribution(certain=True)):
                    yield column_id(row["target"], claim.column), row["plan"]

    def _read_then(self, columns: list[str]) -> set[str]:
        """Those of the columns that a plan reads which had run by then."""
        found = set[str]()
        for ids in chunks(columns):
            edges = self._g.V(ids).in_e(*EVER)
            rows = edges.project("column", "plan").by(__.in_v().id_()).by("plan").dedup().to_list()
            plans = sorted({row["plan"] for row in rows})
            first = __.in_("executes").values("timestamp").min_()
            ran = dict[str, int | None]()
            for some in chunks(plans):
                firsts = self._g.V(some).project("plan", "first").by(T.id).by(first).to_list()
                ran.update((row["plan"], row.get("first")) for row in firsts)
            found |= {row["column"] for row in rows if (ran.get(row["plan"]) or NO_END) <= self._time.at}
        return found

    def _claims(self, datasets: list[str]) -> defaultdict[str, set[ColumnClaim]]:
        found = defaultdict[str, set[ColumnClaim]](set)
        for ids in chunks(self._contributions.of_datasets(datasets)):
            rows = (
                self._g.V(ids)
                .has("origins", P.neq(""))
                .project("plan", "target", "origins")
                .by(T.id)
                .by("target")
                .by("origins")
            )
            told = rows.to_list()
            known = self._constants_of({row["plan"]: row["target"] for row in told if has_placeholder(row["origins"])})
            for row in told:
                contribution = self._contributions.of_plan(row["plan"])
                for claim in claims_in(row["origins"], contribution, known.get(row["plan"], NONE)):
                    found[column_id(row["target"], claim.column)].add(claim)
        return found

    def _constants(self, edges: Sequence[Edge]) -> constants.ByPlan:
        return self._constants_of({edge.plan: split_node(edge.target)[0] for edge in edges if edge.plan})

    def _constants_of(self, targets: Mapping[str, str]) -> constants.ByPlan:
        """The literals that plans had at the time that counts for the datasets which they write."""
        return constants.at(self._g, {plan: self._time.of_dataset(target) for plan, target in targets.items()})

    def _with_direct(self, columns: list[str]) -> Iterator[str]:
        """Those of the columns that had a DIRECT source as well."""
        for ids in chunks(columns):
            edges = self._of_contributing_plans(self._g.V(ids).out_e(self._derives), ids).has("type", "DIRECT")
            rows = without_carried(edges).project("plan", "target").by("plan").by(__.out_v().id_())
            yield from (target for _, target in self._held((r["plan"], r["target"]) for r in rows.to_list()))

    def _sources(self, ids: list[str]) -> Iterable[str]:
        edges = self._out(ids, self._derives)
        if self._contributions.all_with_all_columns:
            found: list[str] = edges.in_v().id_().dedup().to_list()
            return found
        rows = edges.project("plan", "target", "source").by("plan").by(__.out_v().id_()).by(__.in_v().id_()).to_list()
        return {row["source"] for row in rows if self._contributions.certain(row["plan"], row["target"]) is not None}

    def _from_sources(self, ends: list[str]) -> Iterator[Edge]:
        """Here from the derived end as well: the source end has all edges that ever held, which may be very many."""
        return self._from_derived(ends, cut=False)

    def _out(self, ids: list[str], *labels: str) -> GraphTraversal:
        return self._of_contributing_plans(super()._out(ids, *labels), ids)

    def _of_contributing_plans(self, edges: GraphTraversal, ids: list[str]) -> GraphTraversal:
        """Of the edges out of these nodes, those of plans that contributed. No plan has the empty id."""
        plans = self._contributions.of_datasets(map(dataset_of, ids))
        return edges.has("plan", P.within(plans or [""]))

    def _held(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        return ((plan, target) for plan, target in pairs if self._contributions.certain(plan, target) is not None)


def _with_origin(node: Node, claims: set[ColumnClaim]) -> Node:
    if node.expression == NOBODY:  # that is so at all times
        return node
    said = shown(claims)
    return replace(node, origin=said.origin or None, resolved=said.resolved, expression=said.expression or None)
