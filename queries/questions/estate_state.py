"""Questions to the estate that compare: cycles of datasets, columns that changed between writes, lineage that lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import P, T

from headwater.graphmodel.constants import NONE, filled
from headwater.graphmodel.ids import split_node
from headwater.graphmodel.model import Effect
from headwater.graphmodel.naming_suggestions import suggestions
from headwater.queries.answers.page import Page, Row, Values
from headwater.queries.questions.estate import NAMELESS
from headwater.queries.tracing.full_scan import FullScan
from headwater.queries.tracing.graph_algorithms import cycles_in
from headwater.queries.tracing.rows import without_carried
from headwater.queries.tracing.walk import DeadlinePassed

_SAID = 5  #: operations or expressions that are named as a cause


def cycles(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """Datasets that feed themselves through other jobs, now; each group with the jobs inside it."""
    scan = FullScan(g, deadline_passed)
    links: dict[str, list[str]] = {}
    jobs: dict[tuple[str, str], set[str]] = {}
    for ids in scan.ids_by_chunk("dataset"):
        edges = without_carried(g.V(ids).out_e("derivesFrom"))
        rows = edges.project("target", "source", "job").by(__.out_v().id_()).by(__.in_v().id_()).by("job")
        for row in rows.to_list():
            links.setdefault(row["source"], []).append(row["target"])
            jobs.setdefault((row["source"], row["target"]), set()).add(row.get("job", ""))
    for cycle in cycles_in(links):
        inside = {job for (source, target), by in jobs.items() if source in cycle and target in cycle for job in by}
        scan.rows.append({"datasets": sorted(cycle), "jobs": sorted(inside - {""})})
    return scan.page(values, lambda row: (-len(row["datasets"]), row["datasets"]))


class _Logic(NamedTuple):
    """A logic that wrote a dataset: since when, and which columns have sources in it."""

    first: int
    plan: str
    job: str
    columns: frozenset[str]


def schema_drift(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """Datasets whose columns changed from one logic that wrote them to the next, columns without sources aside."""
    scan = FullScan(g, deadline_passed)
    for ids in scan.ids_by_chunk("dataset"):
        several = g.V(ids).where(__.in_("writes").limit(2).count().is_(P.gt(1))).id_().to_list()
        for some in scan.chunks(several):
            for dataset, logics in _logics(g, some).items():
                scan.rows += _drifts(dataset, logics)
    return scan.page(values, lambda row: (-row["at"], row["dataset"], row["after"]))


def _logics(g: GraphTraversalSource, datasets: list[str]) -> Mapping[str, list[_Logic]]:
    columns: dict[tuple[str, str, str], set[str]] = {}
    edges = g.V(datasets).out("hasColumn").out_e("everDerivesFrom")
    for row in edges.project("column", "plan", "job").by(__.out_v().id_()).by("plan").by("job").dedup().to_list():
        dataset, column = split_node(row["column"])
        columns.setdefault((dataset, row["plan"], row["job"]), set()).add(column or "")
    first = _first_runs(g, {plan for _, plan, _ in columns})
    out: dict[str, list[_Logic]] = {}
    for (dataset, plan, job), names in columns.items():
        if plan in first:
            out.setdefault(dataset, []).append(_Logic(first[plan], plan, job, frozenset(names)))
    return out


def _first_runs(g: GraphTraversalSource, plans: Collection[str]) -> Mapping[str, int]:
    if not plans:
        return {}
    first = __.in_("executes").has("status", "success").values("timestamp").min_()
    rows = g.V(sorted(plans)).project("plan", "first").by(T.id).by(first).to_list()
    return {row["plan"]: row["first"] for row in rows if "first" in row}


def _drifts(dataset: str, logics: Iterable[_Logic]) -> Iterator[Row]:
    ordered = sorted(logics, key=lambda logic: (logic.first, logic.plan))
    for before, after in pairwise(ordered):
        if before.columns != after.columns:
            yield {
                "dataset": dataset,
                "at": after.first,
                "added": sorted(after.columns - before.columns),
                "dropped": sorted(before.columns - after.columns),
                "job": after.job,
                "before": before.plan,
                "after": after.plan,
            }


#: Why a job lacks column lineage, and what that means.
REASONS: Mapping[str, str] = {
    "never ran": "its plan is known, and no run of it",
    "failed only": "no run of it succeeded",
    "nothing known": "a write of which its payload tells neither columns nor sources",
    "no columns": "it reads a dataset and does not say which columns",
    "unresolved": "columns whose sources its payload does not tell",
    "partly unresolved": "columns some of whose sources its payload does not tell",
    "unnamed source": "columns that come from data which its payload does not name",
    "not exact": "through code that a plan cannot show: every column may come from every other",
    "dataset per run": "it writes datasets whose names differ in numbers, dates or ids alone, perhaps one a run",
}


def coverage(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """Jobs without, or without all of, their column lineage, and why: one row a job, dataset and reason.

    Of one job alone, if `job` names it: then nothing else of the estate is read.
    """
    scan = FullScan(g, deadline_passed)
    for ids in _of_job(g, scan, values["job"], "plan"):
        scan.rows += _not_run(g, ids)
    for ids in _of_job(g, scan, values["job"], "dataset"):
        scan.rows += _lacking(g, ids)
        scan.rows += _from_unnamed(g, ids)
    for ids in _of_job(g, scan, values["job"], "job"):
        scan.rows += _per_run(g, ids)
    # A job may have many failed logics, and a dataset several writers.
    scan.rows = list({_place(row): row for row in scan.rows if values["job"] in (None, row["job"])}.values())
    return scan.page(values, _place)


def _of_job(g: GraphTraversalSource, scan: FullScan, job: str | None, label: str) -> Iterator[list[str]]:
    """The vertices of a label that a job has to do with, by chunk; without a job all of them."""
    if job is None:
        yield from scan.ids_by_chunk(label)
        return
    plans = g.V(job).out("hasPlan")
    found = {"plan": plans, "dataset": plans.clone().out("writes").dedup(), "job": g.V(job)}[label]
    yield from scan.chunks(found.id_().order().to_list())


def _place(row: Row) -> tuple[int, str, str]:
    return _ORDER.index(row["reason"]), row["dataset"], row["job"]


def _not_run(g: GraphTraversalSource, plans: list[str]) -> Iterator[Row]:
    """Plans that never succeeded, of jobs that never had a successful run."""
    succeeded = __.in_("hasPlan").out("hasPlan").in_("executes").has("status", "success")
    rows = g.V(plans).not_(succeeded).project("job", "dataset", "failed").by("job").by("target")
    for row in rows.by(__.in_("executes").limit(1).count()).to_list():
        yield _row(row, "failed only" if row["failed"] else "never ran")


def _lacking(g: GraphTraversalSource, datasets: list[str]) -> Iterator[Row]:
    """What lacks of the lineage that holds now: counted for a dataset, told for each job that writes it.

    Of a dataset without sources nothing says which job wrote what holds now: all that ever wrote it are told.
    """
    sources = without_carried(__.out_e("derivesFrom"))
    written = g.V(datasets).where(__.in_("writes").has("effect", P.neq(Effect.END.value)))
    rows = written.project("dataset", "now", "ever", *_COUNTS, "said", "causes")
    rows = rows.by(T.id).by(sources.values("job").dedup().order().fold())
    rows = rows.by(__.in_("writes").values("job").dedup().order().fold())
    for counted in _COUNTS.values():
        rows = rows.by(counted().count())
    rows = rows.by(__.out("hasColumn").flat_map(_inexact()).values("expression").dedup().limit(_SAID).fold())
    unresolved = __.in_("writes").out("hasOperation").has("resolved", _NO)
    for row in rows.by(unresolved.values("name").dedup().limit(_SAID).fold()).to_list():
        for reason in (reason for reason in _COUNTS if row[reason]):
            columns = None if reason in _OF_DATASETS else row[reason]
            cause = sorted((filled(said, NONE) for said in row["said"]) if reason == "not exact" else row["causes"])
            yield from (_row({**row, "job": job}, reason, columns, cause) for job in row["now"] or row["ever"])


def _from_unnamed(g: GraphTraversalSource, datasets: list[str]) -> Iterator[Row]:
    """Jobs that now make a dataset of data without a name, with the number of columns that come from it."""
    edges = without_carried(g.V(datasets).where(__.in_("writes")).out_e("derivesFrom"))
    known = edges.project("dataset", "source", "job").by(__.out_v().id_()).by(__.in_v().id_()).by("job").to_list()
    unnamed = [row for row in known if row["source"].startswith(NAMELESS)]
    if not unnamed:
        return
    columns: dict[tuple[str, str], set[str]] = {}
    edges = without_carried(g.V(sorted({row["dataset"] for row in unnamed})).out("hasColumn").out_e("derivesFrom"))
    for row in edges.project("column", "source", "job").by(__.out_v().id_()).by(__.in_v().id_()).by("job").to_list():
        if row["source"].startswith(NAMELESS):
            columns.setdefault((split_node(row["column"])[0], row["job"]), set()).add(row["column"])
    causes: dict[tuple[str, str], set[str]] = {}
    for row in unnamed:
        causes.setdefault((row["dataset"], row["job"]), set()).add(row["source"])
    for (dataset, job), sources in causes.items():
        found = {"dataset": dataset, "job": job}
        yield _row(found, "unnamed source", len(columns.get((dataset, job), ())), sorted(sources)[:_SAID])


def _per_run(g: GraphTraversalSource, jobs: list[str]) -> Iterator[Row]:
    """Jobs of which several datasets have names that differ in numbers, dates and ids alone."""
    written = __.out("hasPlan").out("writes").dedup().limit(_MOST_WRITTEN).id_().fold()
    for row in g.V(jobs).project("job", "datasets").by(T.id).by(written).to_list():
        for found in suggestions(uri for uri in row["datasets"] if not uri.startswith(NAMELESS)):
            rule = found.rule or "no rule of naming.yaml: the part that changes is not the last one"
            cause = [f"{len(found.datasets):,} datasets", rule]
            yield _row({"job": row["job"], "dataset": found.shape}, "dataset per run", None, cause)


#: Datasets of one job that are looked at.
_MOST_WRITTEN = 1_000


def _row(found: Row, reason: str, columns: int | None = None, cause: Sequence[str] = ()) -> Row:
    return {
        "job": found["job"],
        "dataset": found["dataset"],
        "reason": reason,
        "columns": columns,
        "cause": list(cause),
    }


_NO: Any = False  # has(key, value) of Gremlin, where a plain False would be taken for a flag


def _inexact() -> GraphTraversal:
    return without_carried(__.out_e("derivesFrom").has("exact", _NO))


#: What is counted of a dataset, by the reason that it gives.
_COUNTS: Mapping[str, Callable[[], GraphTraversal]] = {
    "nothing known": lambda: __.not_(__.out("hasColumn")).not_(__.out_e("derivesFrom")),
    "no columns": lambda: without_carried(__.out_e("derivesFrom").has("columns", 0).has("exact", _NO)),
    "unresolved": lambda: __.out("hasColumn").has("origin", "unresolved"),
    "partly unresolved": lambda: __.out("hasColumn").has("resolved", _NO).not_(__.has("origin", "unresolved")),
    "not exact": lambda: __.out("hasColumn").where(_inexact()),
}
_OF_DATASETS = frozenset({"nothing known", "no columns"})  #: reasons that are not counted in columns
_ORDER = tuple(REASONS)
