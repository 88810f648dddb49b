"""Questions to the estate as a whole: what nobody reads or uses, what stopped running, what most depends on.

Each looks at all vertices of one label within a deadline, and says if it did not get to the end.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import Order, T

from headwater.graphmodel.ids import alias_id, split_node
from headwater.queries.answers.page import Page, Row, Values
from headwater.queries.questions.cadence import cadence, executions, run_cells
from headwater.queries.tracing.full_scan import FullScan
from headwater.queries.tracing.rows import without_carried
from headwater.queries.tracing.walk import DeadlinePassed

_RUNS = 60  #: runs, the last ones, that say how often a job runs: several may be of one application
NAMELESS = "unresolved:"  #: begins the name of a dataset of one plan alone
_FEWEST = 3  #: executions from which a job is known to run at intervals


def unread_datasets(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """Datasets that some job writes and none ever read, but for the jobs that read what they write."""
    scan = FullScan(g, deadline_passed)
    for ids in scan.ids_by_chunk("dataset"):
        unread = g.V(ids).where(__.in_("writes")).not_(without_carried(__.in_e("everDerivesFrom")))
        rows = unread.project("dataset", "jobs", "lastWrite").by(T.id)
        rows = rows.by(__.in_("writes").in_("hasPlan").id_().dedup().order().fold())
        rows = rows.by(__.in_("versionOf").values("timestamp").max_())
        scan.rows += rows.to_list()
    return scan.page(values, lambda row: (row.get("lastWrite", 0), row["dataset"]))


def unused_columns(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """Columns that a job writes and none ever used, of datasets that some job reads."""
    scan = FullScan(g, deadline_passed)
    for ids in scan.ids_by_chunk("dataset"):
        read = g.V(ids).where(__.in_("writes")).where(without_carried(__.in_e("everDerivesFrom")))
        unused = read.out("hasColumn").not_(without_carried(__.in_e("everDerivesFrom", "everDependsOn"))).id_()
        scan.rows += [{"column": column, "dataset": split_node(column)[0]} for column in unused.to_list()]
    return scan.page(values, lambda row: row["column"])


def stopped_jobs(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """Jobs without a run for longer than `times` their usual interval, before `at` (ms; absent: now)."""
    scan = FullScan(g, deadline_passed)
    at = values["at"] or time.time_ns() // 1_000_000
    for ids in scan.ids_by_chunk("job"):
        runs = __.out("hasPlan").in_("executes").order().by("timestamp", Order.desc).limit(_RUNS)
        for row in g.V(ids).project("job", "runs").by(T.id).by(run_cells(runs).fold()).to_list():
            scan.rows += _stopped(row["job"], executions(row["runs"]), at, values["times"])
    return scan.page(values, lambda row: (-row["missed"], row["job"]))


def _stopped(job: str, times: Sequence[int], at: int, most: int) -> list[Row]:
    last, interval = cadence(times)
    if last is None or not interval or len(times) < _FEWEST or at - last <= most * interval:
        return []
    return [{"job": job, "lastRun": last, "intervalMs": interval, "missed": (at - last) // interval}]


def hot_spots(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """The datasets, or columns, that most others are directly made of or depend on."""
    scan = FullScan(g, deadline_passed)
    labels = ("derivesFrom", "dependsOn") if values["level"] == "column" else ("derivesFrom",)
    for ids in scan.ids_by_chunk(values["level"]):
        used = g.V(ids).where(without_carried(__.in_e(*labels)))
        counted = used.project("id", "dependents", "jobs").by(T.id)
        counted = counted.by(_dependents(labels).dedup().count())
        counted = counted.by(without_carried(__.in_e(*labels)).values("job").dedup().count())
        scan.rows += counted.to_list()
    return scan.page(values, lambda row: (-row["dependents"], -row["jobs"], row["id"]))


def _dependents(labels: Sequence[str]) -> GraphTraversal:
    """What a node is directly a source of, or decides the rows of; sources that columns share stand for these."""
    found = without_carried(__.in_e(*labels)).out_v()
    return found.union(__.has_label("column", "dataset"), __.has_label("sharedSources").in_("derivesFrom"))


def two_names(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """Datasets that may be one under several names: the same last part of the name, and the same columns.

    Or that are one, as a catalogue says: the id of one is another name of the other.
    """
    scan = FullScan(g, deadline_passed)
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    listed: list[tuple[str, ...]] = []
    for ids in scan.ids_by_chunk("dataset"):
        rows = g.V(ids).project("id", "columns").by(T.id).by(__.out("hasColumn").id_().fold())
        for row in rows.to_list():
            columns = tuple(sorted(split_node(column)[1] or "" for column in row["columns"]))
            if not row["id"].startswith(NAMELESS):
                groups.setdefault((last_name(row["id"]), columns), []).append(row["id"])
        named = g.V([alias_id(one) for one in ids]).has_label("alias").project("name", "of").by("name")
        for row in named.by(__.out("aliasOf").has_label("dataset").id_().fold()).to_list():
            listed += [tuple(sorted((row["name"], one))) for one in row["of"] if one != row["name"]]
    scan.rows = [
        {"name": name, "datasets": sorted(datasets), "columns": len(columns)}
        for (name, columns), datasets in groups.items()
        if len(datasets) > 1 and len(columns) > 1
    ]
    known = {tuple(row["datasets"]) for row in scan.rows}
    more = sorted(set(listed) - known)
    scan.rows += [{"name": last_name(pair[0]), "datasets": list(pair), "columns": 0} for pair in more]
    return scan.page(values, lambda row: (-row["columns"], row["datasets"]))


def last_name(dataset: str) -> str:
    """The last part of a path, or of a table's name, in lower case and without a file's ending."""
    last = dataset.rstrip("/").rpartition("/")[2].lower()
    for ending in (".gz", ".parquet", ".csv", ".json", ".orc", ".avro", ".delta"):
        last = last.removesuffix(ending)
    return last.rpartition(".")[2] or last
