"""What differs between two runs, two plans of a job, or two times: columns, what rows depend on, inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import T

from headwater.graphmodel.constants import Constants, constants_of
from headwater.graphmodel.ids import split_node
from headwater.graphmodel.now import Contribution
from headwater.graphmodel.validity import NO_END
from headwater.queries.answers.errors import QueryError
from headwater.queries.answers.page import Page, Row, Values, slice_page
from headwater.queries.tracing.as_of import PastTime
from headwater.queries.tracing.constants import ConstantsInTime
from headwater.queries.tracing.contributions import ContributionsAsOf
from headwater.queries.tracing.derivations import Derivations, PlanDerivations, sources_of, text_of, with_all_columns
from headwater.queries.tracing.edges import columns_of
from headwater.queries.tracing.walk import DeadlinePassed, chunks

State = Mapping[str, Contribution]

#: Datasets that are compared at once.
_CHUNK = 200


class Side(NamedTuple):
    """The plans of one dataset, and when: their constants are those of the last run up to then, in ms since 1970.

    `runs` are the runs that executed them, where these are what is compared.
    """

    state: State
    time: int = NO_END
    runs: tuple[str, ...] = ()


class Pair(NamedTuple):
    """One dataset on either side."""

    dataset: str
    before: Side
    after: Side


def run_differences(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """What `other` did otherwise than `run`, dataset by dataset."""
    runs = [tuple(values[name]) for name in ("run", "other")]
    before, after = (_plans_of_runs(g, list(some)) for some in runs)
    pairs = [
        Pair(
            dataset,
            Side(with_all_columns(before.get(dataset, ())), runs=runs[0]),
            Side(with_all_columns(after.get(dataset, ())), runs=runs[1]),
        )
        for dataset in sorted(before.keys() | after.keys())
    ]
    return _page(g, pairs, values, deadline_passed)


def differences(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """What changed in a dataset, or in what a job writes, from one time to another.

    Without `from` a job's last logic is compared with the one that ran before it. QueryError: a dataset needs it.
    """
    is_job = bool(g.V(values["node"]).has_label("job").id_().to_list())
    written = g.V(values["node"]).out("hasPlan").out("writes").dedup().id_().to_list() if is_job else []
    if is_job and values["from"] is None:
        return _page(g, _last_two(g, values["node"]), values, deadline_passed, written)
    if values["from"] is None:
        raise QueryError("a dataset is compared with what it was at a time: from is needed", "from")
    datasets = written if is_job else [values["node"]]
    own = set(g.V(values["node"]).out("hasPlan").id_().to_list()) if is_job else None
    before, after = (_stood(g, datasets, values[name], own) for name in ("from", "to"))
    nothing = Side({})
    pairs = [Pair(d, before.get(d, nothing), after.get(d, nothing)) for d in sorted(datasets)]
    return _page(g, pairs, values, deadline_passed)


def _page(
    g: GraphTraversalSource,
    pairs: list[Pair],
    values: Values,
    deadline_passed: DeadlinePassed,
    written: Sequence[str] = (),
) -> Page:
    """What differs on the two sides of the pairs, which are of datasets that are `written`, or of some of them."""
    found: list[Row] = []
    for some in chunks(pairs, _CHUNK):
        if deadline_passed():
            return slice_page(found, values, "deadline")
        found += _rows(g, some)
    return slice_page(found, values)._replace(about={*written, *(pair.dataset for pair in pairs)})


def _rows(g: GraphTraversalSource, pairs: Sequence[Pair]) -> Iterator[Row]:
    """What differs on the two sides of each pair."""
    pairs = _differing(g, pairs)
    plans = sorted({plan for pair in pairs for plan in (*pair.before.state, *pair.after.state)})
    nodes: dict[str, list[str]] = {pair.dataset: [] for pair in pairs}
    for column in sorted(columns_of(g, list(nodes))):
        nodes[split_node(column)[0]].append(column)
    by_plan = PlanDerivations(g, [*chain(*nodes.values()), *nodes], plans)
    reads = _reads(g, plans)
    constants = _Constants(g, pairs, by_plan.with_constants)
    for pair in pairs:
        known, known_after = constants.of(pair.before), constants.of(pair.after)
        for node in (*nodes[pair.dataset], pair.dataset):
            before, after = by_plan.of(node, pair.before.state, known), by_plan.of(node, pair.after.state, known_after)
            if before != after:
                kind = "rows" if node == pair.dataset else "column"
                yield {"dataset": pair.dataset, "kind": kind, "id": node, **change(before, after)}
        sides = (pair.before.state, pair.after.state)
        was, is_now = ({d for plan in side for d in reads.get(plan, ())} for side in sides)
        for dataset in sorted(was ^ is_now):
            yield {
                "dataset": pair.dataset,
                "kind": "input",
                "id": dataset,
                "change": kind_of_change(dataset in was, dataset in is_now),
            }


def _differing(g: GraphTraversalSource, pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with other plans on either side, or with a plan that has constants."""
    same = {plan for pair in pairs if pair.before.state == pair.after.state for plan in pair.before.state}
    having = {
        plan
        for ids in chunks(sorted(same))
        for plan in g.V(ids).has("constants").not_(__.has("constants", "")).id_().to_list()
    }
    return [pair for pair in pairs if pair.before.state != pair.after.state or having & pair.before.state.keys()]


class _Constants:
    """The constants of the plans on either side of pairs, parameters alike on both."""

    def __init__(self, g: GraphTraversalSource, pairs: Sequence[Pair], plans: Iterable[str]) -> None:
        self._in_time = ConstantsInTime(g, plans)
        self._of_runs: dict[str, dict[str, Constants]] = {}
        runs = sorted({run for pair in pairs for side in (pair.before, pair.after) for run in side.runs})
        for ids in chunks(runs):
            rows = g.V(ids).has("constants").project("run", "plan", "constants").by(T.id).by(__.out("executes").id_())
            for row in rows.by("constants").to_list():
                self._of_runs.setdefault(row["run"], {})[row["plan"]] = constants_of(row["constants"])

    def of(self, side: Side) -> dict[str, Constants]:
        """By plan."""
        if not side.runs:
            return self._in_time.all_at(side.state, side.time)
        known = {plan: one for run in side.runs for plan, one in self._of_runs.get(run, {}).items()}
        return {plan: self._in_time.news(plan, one) for plan, one in known.items()}


def change(before: Derivations, after: Derivations) -> Row:
    """The cells of a row that say how what something is derived from changed."""
    return {
        "change": kind_of_change(bool(before), bool(after)),
        "before": text_of(before),
        "after": text_of(after),
        "sourcesAdded": sorted({*sources_of(after)} - {*sources_of(before)}),
        "sourcesDropped": sorted({*sources_of(before)} - {*sources_of(after)}),
    }


def kind_of_change(was: bool, is_now: bool) -> str:  # noqa: FBT001 - two plain facts
    """Whether something that is derived `was` there before, and `is_now`: added, changed or dropped."""
    return "changed" if was and is_now else "added" if is_now else "dropped"


def _plans_of_runs(g: GraphTraversalSource, runs: list[str]) -> dict[str, list[str]]:
    """The plans that runs executed, by the dataset that each writes."""
    found: dict[str, list[str]] = {}
    rows = g.V(runs).out("executes").dedup().order().by(T.id).project("plan", "target").by(T.id).by("target").to_list()
    for row in rows:
        found.setdefault(row["target"], []).append(row["plan"])
    return found


def _last_two(g: GraphTraversalSource, job: str) -> list[Pair]:
    """Of each dataset that a job writes the logic that succeeded last, and the one that did before it.

    The same logic with other constants, parameters aside, counts as another one.
    """
    succeeded = __.in_("executes").has("status", "success").values("timestamp").fold()
    rows = g.V(job).out("hasPlan").project("plan", "target", "times").by(T.id).by("target").by(succeeded).to_list()
    constants = ConstantsInTime(g, [row["plan"] for row in rows])
    by_dataset: dict[str, list[tuple[int, str]]] = {}
    for row in rows:
        by_dataset.setdefault(row["target"], []).extend((time, row["plan"]) for time in row["times"])
    pairs = []
    for dataset, runs in sorted(by_dataset.items()):
        told = [(time, plan, constants.at(plan, time)) for time, plan in sorted(runs)]
        before = next((one for one in reversed(told) if one[1:] != told[-1][1:]), None)
        if before:
            sides = (Side(with_all_columns([plan]), time) for time, plan, _ in (before, told[-1]))
            pairs.append(Pair(dataset, *sides))
    return pairs


def _stood(
    g: GraphTraversalSource, datasets: list[str], time: PastTime | None, own: set[str] | None
) -> dict[str, Side]:
    """The plans that stood in each dataset; `own` are those that count, None for all."""
    if time is None:
        return {}
    contributions = ContributionsAsOf(g, time)
    contributions.of_datasets(datasets)
    return {
        dataset: Side(
            {p: contributions.of_plan(p) for p in contributions.of_datasets([dataset]) if own is None or p in own},
            time.of_dataset(dataset),
        )
        for dataset in datasets
    }


def _reads(g: GraphTraversalSource, plans: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for ids in chunks(plans):
        rows = g.V(ids).project("plan", "reads").by(T.id).by(__.out("reads").id_().fold()).to_list()
        found.update((row["plan"], row["reads"]) for row in rows)
    return found
