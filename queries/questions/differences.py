"""What differs between two runs, two plans of a job, or two times: columns, what rows depend on, inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import T

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.now import Contribution
from headwater.queries.answers.errors import QueryError
from headwater.queries.answers.page import Page, Row, Values, slice_page
from headwater.queries.tracing.as_of import PastTime
from headwater.queries.tracing.contributions import ContributionsAsOf
from headwater.queries.tracing.derivations import Derivations, PlanDerivations, sources_of, text_of, with_all_columns
from headwater.queries.tracing.edges import columns_of
from headwater.queries.tracing.walk import DeadlinePassed, chunks

State = Mapping[str, Contribution]

#: Datasets that are compared at once.
_CHUNK = 200


class Pair(NamedTuple):
    """The plans of one dataset on either side."""

    dataset: str
    before: State
    after: State


def run_differences(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """What `other` did otherwise than `run`, dataset by dataset."""
    before, after = (_plans_of_runs(g, values[name]) for name in ("run", "other"))
    pairs = [
        Pair(dataset, with_all_columns(before.get(dataset, ())), with_all_columns(after.get(dataset, ())))
        for dataset in sorted(before.keys() | after.keys())
    ]
    return _page(g, pairs, values, deadline_passed)


def differences(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """What changed in a dataset, or in what a job writes, from one time to another.

    Without `from` a job's last logic is compared with the one that ran before it. QueryError: a dataset needs it.
    """
    is_job = bool(g.V(values["node"]).has_label("job").id_().to_list())
    if is_job and values["from"] is None:
        return _page(g, _last_two(g, values["node"]), values, deadline_passed)
    if values["from"] is None:
        raise QueryError("a dataset is compared with what it was at a time: from is needed", "from")
    datasets = g.V(values["node"]).out("hasPlan").out("writes").dedup().id_().to_list() if is_job else [values["node"]]
    own = set(g.V(values["node"]).out("hasPlan").id_().to_list()) if is_job else None
    before, after = (_stood(g, datasets, values[name], own) for name in ("from", "to"))
    return _page(g, [Pair(d, before.get(d, {}), after.get(d, {})) for d in sorted(datasets)], values, deadline_passed)


def _page(g: GraphTraversalSource, pairs: list[Pair], values: Values, deadline_passed: DeadlinePassed) -> Page:
    found: list[Row] = []
    differing = [pair for pair in pairs if pair.before != pair.after]
    for some in chunks(differing, _CHUNK):
        if deadline_passed():
            return slice_page(found, values, "deadline")
        found += _rows(g, some)
    return slice_page(found, values)


def _rows(g: GraphTraversalSource, pairs: Sequence[Pair]) -> Iterator[Row]:
    """What differs on the two sides of each pair."""
    plans = sorted({plan for pair in pairs for plan in (*pair.before, *pair.after)})
    nodes: dict[str, list[str]] = {pair.dataset: [] for pair in pairs}
    for column in sorted(columns_of(g, list(nodes))):
        nodes[split_node(column)[0]].append(column)
    by_plan = PlanDerivations(g, [*chain(*nodes.values()), *nodes], plans)
    reads = _reads(g, plans)
    for pair in pairs:
        for node in (*nodes[pair.dataset], pair.dataset):
            before, after = by_plan.of(node, pair.before), by_plan.of(node, pair.after)
            if before != after:
                kind = "rows" if node == pair.dataset else "column"
                yield {"dataset": pair.dataset, "kind": kind, "id": node, **change(before, after)}
        was, is_now = ({d for plan in side for d in reads.get(plan, ())} for side in (pair.before, pair.after))
        for dataset in sorted(was ^ is_now):
            yield {
                "dataset": pair.dataset,
                "kind": "input",
                "id": dataset,
                "change": _change(dataset in was, dataset in is_now),
            }


def change(before: Derivations, after: Derivations) -> Row:
    """The cells of a row that say how what something is derived from changed."""
    return {
        "change": _change(bool(before), bool(after)),
        "before": text_of(before),
        "after": text_of(after),
        "sourcesAdded": sorted({*sources_of(after)} - {*sources_of(before)}),
        "sourcesDropped": sorted({*sources_of(before)} - {*sources_of(after)}),
    }


def _change(was: bool, is_now: bool) -> str:  # noqa: FBT001 - two plain facts
    return "changed" if was and is_now else "added" if is_now else "dropped"


def _plans_of_runs(g: GraphTraversalSource, runs: list[str]) -> dict[str, list[str]]:
    """The plans that runs executed, by the dataset that each writes."""
    found: dict[str, list[str]] = {}
    rows = g.V(runs).out("executes").dedup().order().by(T.id).project("plan", "target").by(T.id).by("target").to_list()
    for row in rows:
        found.setdefault(row["target"], []).append(row["plan"])
    return found


def _last_two(g: GraphTraversalSource, job: str) -> list[Pair]:
    """Of each dataset that a job writes the logic that succeeded last, and the one that did before it."""
    succeeded = __.in_("executes").has("status", "success").values("timestamp").fold()
    rows = g.V(job).out("hasPlan").project("plan", "target", "times").by(T.id).by("target").by(succeeded).to_list()
    by_dataset: dict[str, list[tuple[int, str]]] = {}
    for row in rows:
        if row["times"]:
            by_dataset.setdefault(row["target"], []).append((max(row["times"]), row["plan"]))
    last = {dataset: [plan for _, plan in sorted(plans)[-2:]] for dataset, plans in by_dataset.items()}
    return [Pair(d, with_all_columns(p[:-1]), with_all_columns(p[-1:])) for d, p in sorted(last.items()) if len(p) > 1]


def _stood(
    g: GraphTraversalSource, datasets: list[str], time: PastTime | None, own: set[str] | None
) -> dict[str, dict[str, Contribution]]:
    """The plans that stood in each dataset; `own` are those that count, None for all."""
    if time is None:
        return {}
    contributions = ContributionsAsOf(g, time)
    contributions.of_datasets(datasets)
    return {
        dataset: {p: contributions.of_plan(p) for p in contributions.of_datasets([dataset]) if own is None or p in own}
        for dataset in datasets
    }


def _reads(g: GraphTraversalSource, plans: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for ids in chunks(plans):
        rows = g.V(ids).project("plan", "reads").by(T.id).by(__.out("reads").id_().fold()).to_list()
        found.update((row["plan"], row["reads"]) for row in rows)
    return found
