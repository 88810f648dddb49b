"""Which plans stood in which datasets at a time in the past: the view `madeBy`, asked for as a walk goes on."""

from __future__ import annotations

from collections.abc import Iterable

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P
from gremlin_python.statics import long

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.now import Contribution
from headwater.graphmodel.validity import columns_of
from headwater.queries.tracing.as_of import PastTime
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.walk import chunks

_CELLS = {
    "dataset": __.out_v().id_(),
    "plan": __.in_v().id_(),
    **{key: key for key in ("certain", "onlyColumns", "validFrom", "validTo")},
}


class ContributionsAsOf:
    """What stood at one time in the past; each dataset is asked for once."""

    def __init__(self, g: GraphTraversalSource, time: PastTime) -> None:
        self._g = g
        self._time = time
        self._datasets: dict[str, list[str]] = {}
        self._plans: dict[str, Contribution] = {}

    def of_datasets(self, datasets: Iterable[str]) -> list[str]:
        """The plans that stood in these datasets."""
        wanted = sorted(set(datasets))
        unknown = [dataset for dataset in wanted if dataset not in self._datasets]
        for ids in chunks(unknown):
            self._take(ids)
        return [plan for dataset in wanted for plan in self._datasets[dataset]]

    @property
    def all_whole(self) -> bool:
        """Whether every plan met so far stood with all its columns: then to know the plan is enough."""
        return all(contribution.columns is None for contribution in self._plans.values())

    def certain(self, plan: str, target: str) -> bool | None:
        """Whether what a plan derives for a column or dataset held for certain; None: it did not hold.

        The dataset has been asked for.
        """
        contribution = self._plans.get(plan)
        if contribution is None:
            return None
        column = split_node(target)[1]
        holds = column is None or contribution.columns is None or column in contribution.columns
        return contribution.certain if holds else None

    def of_plan(self, plan: str) -> Contribution:
        """How a plan stood that `of_datasets` gave."""
        return self._plans[plan]

    def _take(self, datasets: list[str]) -> None:
        """Ask for what stood in these datasets. For a run they have a time each: what stood at any of them is read."""
        times = {dataset: self._time.of_dataset(dataset) for dataset in datasets}
        first, last = min(times.values()), max(times.values())
        near = self._g.V(datasets).out_e("madeBy").has("validFrom", P.lte(long(last))).has("validTo", P.gt(long(first)))
        self._datasets.update((dataset, []) for dataset in datasets)
        for row in rows(near, _CELLS):
            if row["validFrom"] <= times[row["dataset"]] < row["validTo"]:
                self._plans[row["plan"]] = Contribution(row["certain"], columns_of(row["onlyColumns"]))
                self._datasets[row["dataset"]].append(row["plan"])
