"""The literals that expressions are shown with: a plan's newest ones, those of a time, those of each of its runs.

The graph has expressions with placeholders (`graphmodel.constants`). One more request fills them, and only where an
answer has any.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P, T
from gremlin_python.statics import long

from headwater.graphmodel.constants import NONE, Constants, constants_of, filled, has_placeholder, parameters
from headwater.queries.answers.answer import Edge
from headwater.queries.tracing.walk import chunks

ByPlan = Mapping[str, Constants]


class RunConstants(NamedTuple):
    """The constants of one run that counts; `timestamp` in ms since 1970."""

    timestamp: int
    run: str
    constants: Constants


def newest(g: GraphTraversalSource, plans: Iterable[str]) -> dict[str, Constants]:
    """The constants of the newest run of each plan that has any."""
    found: dict[str, Constants] = {}
    for ids in chunks(sorted(plans)):
        for row in g.V(ids).has("constants").project("plan", "constants").by(T.id).by("constants").to_list():
            found[row["plan"]] = constants_of(row["constants"])
    return found


def of_runs(g: GraphTraversalSource, plans: Iterable[str], until: int | None = None) -> dict[str, list[RunConstants]]:
    """The constants of all runs of these plans that count, in the order of time; `until` (ms since 1970) included."""
    found: defaultdict[str, list[RunConstants]] = defaultdict(list)
    for ids in chunks(sorted(plans)):
        runs = g.V(ids).in_("executes").has("status", "success").has("constants").not_(__.has("clockAhead"))
        if until is not None:
            runs = runs.has("timestamp", P.lte(long(until)))
        rows = runs.project("plan", "run", "timestamp", "constants").by(__.out("executes").id_()).by(T.id)
        for row in rows.by("timestamp").by("constants").to_list():
            one = RunConstants(row["timestamp"], row["run"], constants_of(row["constants"]))
            found[row["plan"]].append(one)
    return {plan: sorted(runs, key=lambda one: one[:2]) for plan, runs in found.items()}


def at(g: GraphTraversalSource, times: Mapping[str, int]) -> dict[str, Constants]:
    """The constants of the last run of each plan up to a time (ms since 1970), its own time included."""
    if not times:
        return {}
    runs = of_runs(g, times, max(times.values()))
    return {plan: last_of(runs.get(plan, ()), time) for plan, time in times.items()}


def last_of(runs: Iterable[RunConstants], time: int) -> Constants:
    """The constants of the last of these runs up to a time."""
    return next((one.constants for one in reversed(list(runs)) if one.timestamp <= time), NONE)


class ConstantsInTime:
    """The constants of some plans at any time, as far as they are news.

    A constant that differs in most runs of its plan is a parameter, and no news: it is given as the newest run has it.
    """

    def __init__(self, g: GraphTraversalSource, plans: Iterable[str]) -> None:
        """Asks for all runs of the plans that have constants."""
        plans = list(plans)
        self._runs = of_runs(g, plans) if plans else {}
        self._times = {plan: [one.timestamp for one in runs] for plan, runs in self._runs.items()}
        self._parameters = {plan: parameters(one.constants.logic for one in runs) for plan, runs in self._runs.items()}
        self._changed_at: dict[str, list[int]] = {}

    def at(self, plan: str, time: int) -> Constants:
        """Those of the last run of a plan up to a time, in ms since 1970."""
        before = bisect_right(self._times.get(plan, ()), time)
        return self.news(plan, self._runs[plan][before - 1].constants if before else NONE)

    def all_at(self, plans: Iterable[str], time: int) -> dict[str, Constants]:
        """The same of several plans."""
        return {plan: self.at(plan, time) for plan in plans}

    def news(self, plan: str, constants: Constants) -> Constants:
        """The constants of a run of a plan, its parameters replaced by those of the newest run; of the logic alone."""
        which = self._parameters.get(plan)
        newest_of = self._runs[plan][-1].constants.logic if which else ()
        logic = tuple(
            newest_of[i] if which and i in which and i < len(newest_of) else value
            for i, value in enumerate(constants.logic)
        )
        return Constants(logic)

    def changed_at(self, plan: str, after: int, before: int) -> list[int]:
        """The times (ms since 1970) of the runs of a plan that brought other constants than the run before it.

        Those between two times, which do not count themselves.
        """
        if plan not in self._changed_at:
            runs = [(one.timestamp, self.news(plan, one.constants)) for one in self._runs.get(plan, ())]
            self._changed_at[plan] = [time for (_, was), (time, is_now) in pairwise(runs) if was != is_now]
        times = self._changed_at[plan]
        return times[bisect_right(times, after) : bisect_left(times, before)]


def with_placeholders(edges: Iterable[Edge]) -> list[Edge]:
    """The edges whose expressions have placeholders."""
    return [edge for edge in edges if edge.plan and has_placeholder(edge.expression)]


def filled_in(edges: Iterable[Edge], constants: ByPlan) -> list[Edge]:
    """The edges, their expressions with the constants of their plans."""
    return [
        replace(edge, expression=filled(edge.expression, constants.get(edge.plan or "", NONE)))
        if has_placeholder(edge.expression) and edge.expression
        else edge
        for edge in edges
    ]
