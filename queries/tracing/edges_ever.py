"""The edges of every logic that ever succeeded, without those that only tell again what another agent reported."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import P

from headwater.graphmodel.ids import dataset_of
from headwater.queries.answers.answer import Edge
from headwater.queries.tracing.edges import EVER, Edges, pairs_of
from headwater.queries.tracing.walk import Step, Walk, chunks


class EdgesEver(Edges):
    """As `Edges`, with one more request for each level: which plans of its datasets are another agent's second report.

    Such a plan ran, but no write of it ever counted: there is no `madeBy` to it, and a run of it is `sameWriteAs`.
    """

    def __init__(self, g: GraphTraversalSource, *, by_column: bool, kind: str, ignored: Sequence[str] = ()) -> None:
        super().__init__(g, by_column=by_column, kind=kind, labels=EVER, ignored=ignored)
        self._repeated: dict[str, list[str]] = {}  # by dataset

    def steps(self, side: str, level: Sequence[str], hops: int) -> Sequence[Step]:
        """One hop only: which plans count is not known before the datasets at the ends of their edges are."""
        del hops
        return [self._one_hop(side, level)]

    def between(self, side: str, walked: Walk, kept: Container[str]) -> Iterator[Edge]:
        """The edges between the kept nodes of one walk."""
        edges = list(super().between(side, walked, kept))
        repeated = self._of_datasets(dataset_of(edge.target) for edge in edges)
        return (edge for edge in edges if edge.plan not in repeated)

    def _targets(self, edges: GraphTraversal) -> Iterable[str]:
        rows = self._followed_edges(edges).project("plan", "target").by("plan").by(__.out_v().id_()).dedup().to_list()
        repeated = self._of_datasets(dataset_of(row["target"]) for row in rows)
        return {row["target"] for row in rows if row["plan"] not in repeated}

    def _linked(self, side: str, ids: list[str]) -> Iterator[tuple[str, str]]:
        edges = self._edges_on(side, ids).project("plan", "source", "target")
        rows = edges.by("plan").by(__.in_v().id_()).by(__.out_v().id_()).dedup().to_list()
        repeated = self._of_datasets(dataset_of(row["target"]) for row in rows)
        return pairs_of(side, (row for row in rows if row["plan"] not in repeated))

    def _out(self, ids: list[str], *labels: str) -> GraphTraversal:
        repeated = self._of_datasets(map(dataset_of, ids))
        edges = super()._out(ids, *labels)
        return edges.has("plan", P.without(sorted(repeated))) if repeated else edges

    def _of_datasets(self, datasets: Iterable[str]) -> set[str]:
        """The plans that write these datasets and only repeat what others report; each dataset is requested once."""
        wanted = set(datasets)
        for ids in chunks(sorted(wanted - self._repeated.keys())):
            self._repeated.update((dataset, []) for dataset in ids)
            plans = self._g.V(ids).in_("writes").dedup().not_(__.in_("madeBy"))
            found = plans.where(__.in_("executes").out("sameWriteAs")).project("plan", "dataset")
            for row in found.by(__.id_()).by("target").to_list():
                self._repeated.setdefault(row["dataset"], []).append(row["plan"])
        return {plan for dataset in wanted for plan in self._repeated.get(dataset, ())}
