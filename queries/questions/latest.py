"""What happened lately in the estate as a whole: the latest runs, and the latest logic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import Order, P, T, TextP
from gremlin_python.statics import long

from headwater.queries.answers.page import Page, Row, Values, page
from headwater.queries.tracing.full_scan import FullScan
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.walk import DeadlinePassed

_RUN = ("timestamp", "durationNs", "status", "error", "user", "appId", "jobRun", "runId")
RUNS = ("id", "job", "target", "plan", *_RUN)
CHANGES = ("at", "kind", "dataset", "job", "plan", "before")


def latest_runs(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The runs of all jobs, newest first; `target` is the dataset that a run writes."""
    found = g.V().has_label("run")
    if values["status"]:
        found = found.has("status", values["status"])
    if values["since"]:
        found = found.has("timestamp", P.gte(long(values["since"].at)))
    if values["job"]:
        found = found.where(__.out("executes").has("job", _named(values["job"])))
    found = found.order().by("timestamp", Order.desc).by(T.id)
    cells = {
        "id": T.id,
        "job": __.out("executes").in_("hasPlan").id_(),
        "target": __.out("executes").values("target"),
        "plan": __.out("executes").id_(),
        **{key: key for key in _RUN},
    }
    start = values["next"]
    shown = page(rows(found.range_(start, start + values["limit"] + 1), cells), values)
    return shown._replace(writes_of={row["target"] for row in shown.rows if row["target"]})


def _named(pattern: str) -> P:
    """What ids of jobs must be. Stores have no patterns in common, so each piece between ``*`` is looked for alone."""
    if "*" not in pattern:
        return TextP.containing(pattern)
    begin, *middle, end = pattern.split("*")
    pieces = [TextP.starting_with(f"job:{begin.removeprefix('job:')}"), TextP.ending_with(end)]
    return reduce(lambda one, other: one.and_(other), [*pieces, *map(TextP.containing, middle)])


def latest_changes(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """When each logic first wrote its dataset, latest first.

    `kind`: new dataset, nothing wrote it before; new job, others did; new logic, the same job did, with `before`.
    """
    scan = FullScan(g, deadline_passed)
    first = __.in_("executes").has("status", "success").values("timestamp").min_()
    logics: list[Row] = []
    for ids in scan.ids_by_chunk("plan"):
        cells = {"plan": T.id, "job": "job", "dataset": "target", "at": first}
        logics += [row for row in rows(g.V(ids), cells) if row["at"] is not None]
    scan.rows = list(_changes(logics))
    return scan.page(values, lambda row: (-row["at"], row["dataset"], row["plan"]))


def _changes(logics: Iterable[Row]) -> Iterator[Row]:
    written: set[str] = set()
    newest: dict[tuple[str, str], str] = {}  #: by dataset and job the plan that came last
    for row in sorted(logics, key=lambda row: (row["at"], row["plan"])):
        before = newest.get((row["dataset"], row["job"]))
        kind = "new logic" if before else "new job" if row["dataset"] in written else "new dataset"
        yield {**row, "kind": kind, "before": before}
        written.add(row["dataset"])
        newest[row["dataset"], row["job"]] = row["plan"]
