"""Which plans contribute to the state of which datasets, now and at any time: the edges `madeBy`.

`ContributionsAsOf` asks during a walk, for the datasets that it meets, as of one time. `validities_of` reads all that
ever contributed to some datasets; `state_at` and `state_now` are computed from that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P
from gremlin_python.statics import long

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.now import Contribution
from headwater.graphmodel.validity import NO_END, Validity, columns_of
from headwater.queries.tracing.as_of import PastTime
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.walk import chunks

_KEYS = ("validFrom", "validTo", "certain", "onlyColumns")
#: The cells of an edge `madeBy`; see `rows`.
_CELLS = {"dataset": __.out_v().id_(), "plan": __.in_v().id_(), **{key: key for key in _KEYS}}


class ContributionsAsOf:
    """The contributions of plans to datasets at one time in the past; each dataset is requested once."""

    def __init__(self, g: GraphTraversalSource, time: PastTime) -> None:
        self._g = g
        self._time = time
        self._datasets: dict[str, list[str]] = {}
        self._plans: dict[str, Contribution] = {}

    def of_datasets(self, datasets: Iterable[str]) -> list[str]:
        """The ids of the plans that contributed to these datasets."""
        wanted = sorted(set(datasets))
        unknown = [dataset for dataset in wanted if dataset not in self._datasets]
        for ids in chunks(unknown):
            self._request(ids)
        return [plan for dataset in wanted for plan in self._datasets[dataset]]

    @property
    def all_with_all_columns(self) -> bool:
        """Whether every plan met so far contributed all its columns: then the plan of an edge tells whether it held."""
        return all(contribution.columns is None for contribution in self._plans.values())

    def certain(self, plan: str, target: str) -> bool | None:
        """Whether it is certain that a plan's derivation of `target`, a column or dataset, held; None: it did not hold.

        `of_datasets` was called with the dataset of `target` before.
        """
        contribution = self._plans.get(plan)
        if contribution is None:
            return None
        column = split_node(target)[1]
        holds = column is None or contribution.columns is None or column in contribution.columns
        return contribution.certain if holds else None

    def of_plan(self, plan: str) -> Contribution:
        """The contribution of a plan that `of_datasets` gave."""
        return self._plans[plan]

    def _request(self, datasets: list[str]) -> None:
        """Request the contributions to these datasets.

        As of a run, each dataset has a time of its own: what held at any of these times is read, and then compared.
        """
        times = {dataset: self._time.of_dataset(dataset) for dataset in datasets}
        first, last = min(times.values()), max(times.values())
        contributions = (
            self._g.V(datasets).out_e("madeBy").has("validFrom", P.lte(long(last))).has("validTo", P.gt(long(first)))
        )
        self._datasets.update((dataset, []) for dataset in datasets)
        for row in rows(contributions, _CELLS):
            if row["validFrom"] <= times[row["dataset"]] < row["validTo"]:
                self._plans[row["plan"]] = Contribution(row["certain"], columns_of(row["onlyColumns"]))
                self._datasets[row["dataset"]].append(row["plan"])


def validities_of(g: GraphTraversalSource, datasets: Sequence[str]) -> dict[str, list[Validity]]:
    """All contributions to each of these datasets, with their times; an empty list for one that no run wrote."""
    found: dict[str, list[Validity]] = {dataset: [] for dataset in datasets}
    for ids in chunks(datasets):
        for row in rows(g.V(ids).out_e("madeBy"), _CELLS):
            contribution = Contribution(row["certain"], columns_of(row["onlyColumns"]))
            found[row["dataset"]].append(Validity(row["plan"], contribution, row["validFrom"], row["validTo"]))
    return found


def state_at(validities: Iterable[Validity], timestamp: int) -> dict[str, Contribution]:
    """The contributions at a time, in ms since 1970, by plan."""
    return {v.plan: v.contribution for v in validities if v.valid_from <= timestamp < v.valid_to}


def state_now(validities: Iterable[Validity]) -> dict[str, Contribution]:
    """The contributions that still hold, by plan."""
    return {v.plan: v.contribution for v in validities if v.valid_to == NO_END}
