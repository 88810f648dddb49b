"""When something ran last, how often it runs, and who owns it: what is told beside an affected node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import Order, T

from headwater.graphmodel.statements.model import OWNER
from headwater.queries.tracing.tags import tags_of
from headwater.queries.tracing.walk import chunks

#: Runs, the last ones, that say how often a logic runs.
_RUNS = 20
#: Of a run its time, and what it is a part of: the Spark application, else the run that started it, else its own id.
_CELLS = {"at": "timestamp", "app": "appId", "parent": "parentRun", "own": "jobRun"}
_OWNER = f"{OWNER}="


class Cadence(NamedTuple):
    """The last run in ms since 1970, and the median time between the last runs in ms; None where not known."""

    last_run: int | None = None
    interval: int | None = None


def cadence(newest_first: Sequence[int]) -> Cadence:
    """From the times of some runs; one alone has no interval."""
    if not newest_first:
        return Cadence()
    gaps = [later - earlier for later, earlier in pairwise(newest_first)]
    return Cadence(newest_first[0], round(median(gaps)) if gaps else None)


def run_cells(runs: GraphTraversal, *more: str) -> GraphTraversal:
    """Of each run the cells that `executions` needs, and `more`, whose `by` the caller adds."""
    runs = runs.project(*_CELLS, *more)
    for name in _CELLS.values():
        runs = runs.by(name)
    return runs


def executions(runs: Sequence[Mapping[str, Any]]) -> list[int]:
    """The times of runs, newest first, those that are parts of one execution as one.

    Of one job these are the writes of a Spark application, the instances and retries of a mapped task in one run of
    Airflow's DAG, and the outputs of a run that has several.
    """
    newest: dict[object, int] = {}
    for number, run in enumerate(runs):
        part_of = next(((cell, run[cell]) for cell in ("app", "parent", "own") if cell in run), number)
        newest[part_of] = max(run["at"], newest.get(part_of, run["at"]))
    return sorted(newest.values(), reverse=True)


def cadences(g: GraphTraversalSource, plans: Iterable[str]) -> Mapping[str, Cadence]:
    """By plan. What it costs grows with the number of plans; the store sorts their runs."""
    found: dict[str, Cadence] = {}
    for ids in chunks(sorted(set(plans))):
        runs = __.in_("executes").order().by("timestamp", Order.desc).limit(_RUNS)
        rows = g.V(ids).project("plan", "runs").by(T.id).by(run_cells(runs).fold()).to_list()
        found.update((row["plan"], cadence(executions(row["runs"]))) for row in rows)
    return found


def owners(g: GraphTraversalSource, nodes: Iterable[str]) -> Mapping[str, str]:
    """The stated owners of datasets, columns and jobs, several with commas; who has none is absent."""
    found: dict[str, str] = {}
    for node, tags in tags_of(g, sorted(set(nodes))).items():
        names = [tag.removeprefix(_OWNER) for tag in tags if tag.startswith(_OWNER)]
        if names:
            found[node] = ", ".join(names)
    return found
