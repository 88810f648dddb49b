"""The audit of a model: from an endpoint back to the training, the data as it stood then, and its source columns.

A run of SageMaker has an ARN as its `jobRun`. The chain is walked by runs, each with the versions that it read (the
`used` edges), so it is the chain of that time, not of now. Where SageMaker read an S3 prefix that nobody is known to
have written, datasets above and below it are looked for, each as it stood when the reader started.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import Order, P, T, TextP
from gremlin_python.statics import long

from headwater.queries.answers.answer import Answer, Edge, Reason
from headwater.queries.answers.audit import ROWS, Audit
from headwater.queries.answers.page import Row, Values
from headwater.queries.questions.inputs import later_writes, overwritten
from headwater.queries.questions.table_versions import with_versions
from headwater.queries.tracing.as_of import BEFORE_ALL, PastTime, as_of_runs, name_of, shown
from headwater.queries.tracing.lineage import Question, trace_lineage
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.tags import reason_of_erasures
from headwater.queries.tracing.walk import DeadlinePassed, chunks

_RESOURCE = re.compile(r"arn:[^:]+:sagemaker:[^:]*:[^:]*:([^/]+)/(.+)")
_MOST_RUNS = 5_000  #: that are looked at; beyond that the answer says so
_MOST_VERSIONS = 10_000
_MOST_BELOW = 100  #: datasets below one S3 prefix
_NODES = 10_000  #: columns that are looked at while walking upstream of one input

_RUN = {
    "run": T.id,
    "arn": "jobRun",
    "end": "timestamp",
    "durationNs": "durationNs",
    "status": "status",
    "error": "error",
    "user": "user",
    "appId": "appId",
    "job": __.out("executes").values("job"),
    "wrote": __.out("generated").id_().fold(),
}
_VERSION = {
    "version": T.id,
    "dataset": "dataset",
    "timestamp": "timestamp",
    "effect": "effect",
    "partition": "partition",
    "rowCount": "rowCount",
    "byteCount": "byteCount",
    "tableVersion": "tableVersion",
    "tableFormat": "tableFormat",
    "quality": "quality",
    "run": __.in_("generated").id_(),
    "previous": __.out("appendsTo").id_(),
}


def audit(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Audit:
    """The query: `values` has node, the id of a dataset or run, and asOf."""
    node, as_of = values["node"], values["asOf"]
    walked = _Walk(g, deadline_passed)
    label = g.V(node).label().next()
    first = [node] if label == "run" else _newest_runs(g, node, as_of.at if isinstance(as_of, PastTime) else None)
    walked.go_back(first)
    inputs = with_versions(g, list(_inputs(walked)), "readBy")
    columns, conditions, reason = _columns(walked, inputs, deadline_passed)
    kind, name = _kind_of(walked.runs[node].get("arn") if label == "run" else node)
    found = {
        "steps": list(_steps(walked)),
        "inputs": inputs,
        "runs": list(_made_by(walked)),
        "columns": columns,
        "conditions": conditions,
        "findings": list(_findings(walked, first, inputs, columns)),
    }
    lists = {key: tuple(_row(key, row) for row in found[key]) for key in ROWS}
    about = {row["dataset"] for row in (*inputs, *found["runs"])} | ({node} if label == "dataset" else set())
    reason = walked.reason or reason or reason_of_erasures(g, about)
    return Audit(node, kind or label, name or node, name_of(as_of), **lists, complete=reason is None, reason=reason)


def _row(key: str, row: Row) -> Row:
    return {name: row.get(name) for name in ROWS[key]}


def _kind_of(arn: str | None) -> tuple[str, str]:
    """Kind and name of a resource of SageMaker; empty for anything else."""
    found = _RESOURCE.fullmatch(arn or "")
    return (found[1], found[2]) if found else ("", "")


def _newest_runs(g: GraphTraversalSource, dataset: str, at: int | None) -> list[str]:
    """The runs that wrote the newest version of a dataset, at a time in ms since 1970 or now."""
    newest = __.in_("versionOf").has("timestamp", P.lte(long(at)) if at is not None else P.gt(long(BEFORE_ALL)))
    newest = newest.order().by("timestamp", Order.desc).by(T.id).limit(1)
    found: list[str] = g.V(dataset).flat_map(newest.in_("generated")).id_().to_list()
    return sorted(found)


@dataclass
class _Used:
    """A run read a version: the newest that it saw. `relation`: how what it asked for lies to the version's dataset."""

    run: str
    version: str
    certain: bool
    asked: str = ""
    relation: str = "same"  #: same; above: the dataset lies above what was asked for; below


@dataclass
class _Walk:
    """Runs and versions, found going back from some runs; `distance` of a run is that to the first ones."""

    g: GraphTraversalSource
    deadline_passed: DeadlinePassed
    runs: dict[str, Row] = field(default_factory=dict)
    distance: dict[str, int] = field(default_factory=dict)
    used_by: dict[str, str] = field(default_factory=dict)  #: run -> the run through which it was found
    versions: dict[str, Row] = field(default_factory=dict)
    used: list[_Used] = field(default_factory=list)
    reason: Reason | None = None

    def go_back(self, first: Iterable[str]) -> None:
        """All runs behind these."""
        level = sorted(set(first))
        self.distance = dict.fromkeys(level, 0)
        while level:
            if self.deadline_passed() or len(self.runs) + len(level) > _MOST_RUNS:
                self.reason = "deadline" if self.deadline_passed() else "limit"
                return
            for ids in chunks(level):
                self.runs.update((row["run"], row) for row in rows(self.g.V(ids), _RUN))
            uses = self._uses(level)
            self._read_versions([use.version for use in uses])
            uses = [other for use in uses for other in self._related(use)]
            self.used += uses
            level = self._next(uses)

    def start(self, run: str) -> int:
        """When a run started, in ms since 1970."""
        row = self.runs[run]
        return int(row["end"]) - int(row["durationNs"] or 0) // 1_000_000

    def is_resource(self, run: str | None) -> bool:
        """Whether it is a run of SageMaker."""
        return run in self.runs and bool(_kind_of(self.runs[run]["arn"])[0])

    def writers(self, version: str | None) -> list[str]:
        """The runs that wrote a version and those that it was added to, the newest first."""
        found: list[str] = []
        seen: set[str] = set()
        while version in self.versions and version not in seen:
            seen.add(version)
            row = self.versions[version]
            found += [row["run"]] if row["run"] else []
            version = row["previous"]
        return found

    def _uses(self, level: list[str]) -> list[_Used]:
        found: list[_Used] = []
        cells = {"run": __.out_v().id_(), "version": __.in_v().id_(), "certain": "certain"}
        for ids in chunks(level):
            found += [_Used(**row) for row in rows(self.g.V(ids).out_e("used"), cells)]
        return sorted(found, key=lambda use: (use.run, use.version))

    def _read_versions(self, wanted: Iterable[str]) -> None:
        new = sorted(set(wanted) - self.versions.keys())
        for ids in chunks(new):
            every = self.g.V(ids).emit().repeat(__.out("appendsTo").dedup()).dedup().limit(_MOST_VERSIONS + 1)
            found = list(rows(every, _VERSION))
            self.versions.update((row["version"], row) for row in found)
            if len(found) > _MOST_VERSIONS:
                self.reason = "limit"

    def _related(self, use: _Used) -> list[_Used]:
        """What SageMaker read from where nobody wrote: datasets above and below, as they stood; else itself."""
        row = self.versions[use.version]
        use.asked = row["dataset"]
        if row["run"] or row["previous"] or not self.is_resource(use.run) or "/" not in row["dataset"]:
            return [use]
        found: list[_Used] = []
        for relation, datasets in _above_and_below(self.g, row["dataset"]):
            versions = self._as_they_stood(datasets, self.start(use.run))
            found = [_Used(use.run, version, use.certain, row["dataset"], relation) for version in versions]
            if found:
                break
        self._read_versions([one.version for one in found])
        return found or [use]

    def _as_they_stood(self, datasets: Sequence[str], at: int) -> list[str]:
        newest = __.in_("versionOf").has("timestamp", P.lte(long(at)))
        newest = newest.order().by("timestamp", Order.desc).by(T.id).limit(1)
        found = self.g.V(list(datasets)).flat_map(newest).id_().to_list() if datasets else []
        return sorted(found)

    def _next(self, uses: Iterable[_Used]) -> list[str]:
        new: dict[str, str] = {}
        for use in uses:
            for run in self.writers(use.version):
                if run not in self.distance:
                    new.setdefault(run, use.run)
        for run, by in new.items():
            self.distance[run] = self.distance[by] + 1
            self.used_by[run] = by
        return sorted(new)


def _above_and_below(g: GraphTraversalSource, uri: str) -> Iterator[tuple[str, list[str]]]:
    """Datasets in whose folder `uri` lies, the nearest alone; then those that lie in its folder."""
    scheme, _, path = uri.partition("://")
    parts = path.split("/")
    above = [f"{scheme}://{'/'.join(parts[:length])}" for length in range(len(parts) - 1, 1, -1)]
    known = set(g.V(above).has_label("dataset").id_().to_list()) if above else set()
    yield "above", [one for one in above if one in known][:1]
    below = g.V().has_label("dataset").has(T.id, TextP.starting_with(f"{uri}/"))
    yield "below", below.order().by(T.id).limit(_MOST_BELOW).id_().to_list()


# The lists of an audit ------------------------------------------------------------------------------------------------


def _steps(walked: _Walk) -> Iterator[Row]:
    """The runs of SageMaker, each with what it wrote."""
    said = _said(walked)
    for run in sorted(filter(walked.is_resource, walked.runs), key=lambda one: (walked.distance[one], one)):
        row = walked.runs[run]
        kind, name = _kind_of(row["arn"])
        for version in row["wrote"] or [""]:
            dataset = version.rpartition("@")[0]
            about = {"kind": kind, "name": name, "id": dataset or row["arn"], "version": version or None}
            times = {"start": walked.start(run), "end": row["end"], "facts": said.get(dataset, {})}
            yield {**row, **about, **times, "distance": walked.distance[run], "usedBy": walked.used_by.get(run)}


_SAGEMAKER = "sagemaker"  #: the source of facts that an import states


def _said(walked: _Walk) -> dict[str, Row]:
    """By dataset that runs of SageMaker wrote: what SageMaker says of it."""
    wrote = {
        version.rpartition("@")[0]
        for run in filter(walked.is_resource, walked.runs)
        for version in walked.runs[run]["wrote"]
    }
    found: dict[str, Row] = {}
    for ids in chunks(sorted(wrote)):
        for row in rows(walked.g.V(ids).has("facts"), {"dataset": T.id, "facts": "facts"}):
            told = json.loads(row["facts"] or "[]")
            found[row["dataset"]] = {fact["key"]: fact["value"] for fact in told if fact["source"] == _SAGEMAKER}
    return found


def _made_by(walked: _Walk) -> Iterator[Row]:
    """The other runs, each with what it wrote."""
    others = [run for run in walked.runs if not walked.is_resource(run)]
    for run in sorted(others, key=lambda one: (walked.distance[one], -walked.runs[one]["end"], one)):
        row = walked.runs[run]
        for version in row["wrote"]:
            about = {"dataset": version.rpartition("@")[0], "version": version, "timestamp": row["end"]}
            found = {"start": walked.start(run), "distance": walked.distance[run], "usedBy": walked.used_by.get(run)}
            yield {**row, **about, **found}


def _inputs(walked: _Walk) -> Iterator[Row]:
    """What SageMaker read and did not make itself; of a subject that is none of SageMaker's, what its run read."""
    resources = any(map(walked.is_resource, walked.runs))
    kept = [use for use in walked.used if _is_input(walked, use, resources=resources)]
    versions = sorted({use.version for use in kept})
    later = {name: found for some in chunks(versions, 200) for name, found in later_writes(walked.g, some).items()}
    changes = _changes(walked, versions)
    profiles = _profiles(walked, versions)
    for use in sorted(kept, key=lambda one: (walked.distance[one.run], one.asked, one.version)):
        row = walked.versions[use.version]
        start = walked.start(use.run)
        # What was written before the reader started is no change, also where the version has no time: the initial one.
        since = [at for at in changes.get(row["dataset"], ()) if at[0] > max(row["timestamp"] or BEFORE_ALL, start)]
        replaced = overwritten(row, [one for one in later.get(use.version, ()) if one["timestamp"] > start])
        known = "no" if not row["run"] else "yes" if use.relation == "same" and use.certain else "partly"
        job = walked.runs.get(row["run"], {}).get("job")
        yield {
            **row,
            "asked": use.asked,
            "relation": use.relation,
            "readBy": use.run,
            "readAt": start,
            "job": job,
            "groups": _groups(profiles.get(row["dataset"], []), start),
            "known": known,
            "certain": use.certain,
            "changes": len(since),
            **replaced,
            "changedAt": since[0][0] if since else None,
            "changedBy": since[0][1] if since else None,
        }


#: Key of a fact of a column: how many rows there are of each value, ``{"DE": 4711, "FR": 12}``.
_ROWS_BY_VALUE = "rowsByValue"


def _profiles(walked: _Walk, versions: Sequence[str]) -> dict[str, list[Row]]:
    """By dataset of these versions: what systems counted of its columns, as facts with ``column``."""
    datasets = sorted({walked.versions[version]["dataset"] for version in versions})
    found: dict[str, list[Row]] = {}
    cells = {"id": T.id, "dataset": "dataset", "facts": "facts"}
    for ids in chunks(datasets):
        for row in rows(walked.g.V(ids).out("hasColumn").has("facts"), cells):
            for fact in json.loads(row["facts"] or "[]"):
                if fact["key"] == _ROWS_BY_VALUE and isinstance(fact["value"], dict):
                    found.setdefault(row["dataset"], []).append({**fact, "column": row["id"].partition("#")[2]})
    return found


def _groups(profiles: Iterable[Row], at: int) -> dict[str, Row]:
    """By column the counts of the last profile up to `at`, or, where all are later, of the first one after it."""
    best: dict[str, Row] = {}
    for fact in sorted(profiles, key=lambda one: (one["at"] > at, abs(at - one["at"]), one["source"])):
        counts = {str(key): count for key, count in fact["value"].items() if type(count) is int and count >= 0}
        if counts:
            best.setdefault(fact["column"], {"counts": counts, "at": fact["at"], "source": fact["source"]})
    return dict(sorted(best.items()))


def _is_input(walked: _Walk, use: _Used, *, resources: bool) -> bool:
    if not resources:
        return walked.distance[use.run] == 0
    return walked.is_resource(use.run) and not walked.is_resource(walked.versions[use.version]["run"])


def _changes(walked: _Walk, versions: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """By dataset of these versions: time and run of its writes, by time. Of two reports of a write the later counts."""
    found: dict[str, list[tuple[int, str]]] = {}
    datasets = sorted({walked.versions[version]["dataset"] for version in versions})
    cells = {
        "dataset": "dataset",
        "timestamp": "timestamp",
        "run": __.in_("generated").id_(),
        "ahead": __.in_("generated").values("clockAhead"),
        "twins": __.in_("generated").both("sameWriteAs").values("timestamp").fold(),
    }
    for ids in chunks(datasets):
        writes = walked.g.V(ids).in_("versionOf").has("timestamp").limit(_MOST_VERSIONS)
        for row in rows(writes, cells):
            if not row["ahead"] and all(twin <= row["timestamp"] for twin in row["twins"]):
                found.setdefault(row["dataset"], []).append((row["timestamp"], row["run"]))
    return {dataset: sorted(writes) for dataset, writes in found.items()}


def _columns(
    walked: _Walk, inputs: Sequence[Row], deadline_passed: DeadlinePassed
) -> tuple[list[Row], list[Row], Reason | None]:
    """Of the inputs, as they stood for their reader: the columns, and what decided which rows there are."""
    columns: list[Row] = []
    conditions: list[Row] = []
    reason: Reason | None = None
    seen: set[str] = set()
    for row in inputs:
        if row["known"] == "no" or row["dataset"] in seen:
            continue
        seen.add(row["dataset"])
        past = as_of_runs(walked.g, [row["readBy"]], row["readBy"])
        question = Question("upstream", None, "all", past, "column", _NODES)
        answer = trace_lineage(walked.g, row["dataset"], question, deadline_passed)
        reason = reason or answer.reason
        columns += _origins(answer, row["dataset"])
        conditions += _conditions(answer, row["dataset"])
    return columns, conditions, reason


def _origins(answer: Answer, dataset: str) -> Iterator[Row]:
    into: dict[str, list[Edge]] = {}
    for edge in answer.edges:
        if "#" in edge.target and "#" in edge.source and edge.source != edge.target:
            into.setdefault(edge.target, []).append(edge)
    tags = {node.id: node.tags for node in answer.nodes if node.tags}
    literals = {node.id: node.expression for node in answer.nodes if node.expression}
    for node in sorted(answer.nodes, key=lambda one: one.id):
        if node.label != "column" or node.dataset != dataset:
            continue
        edges = list(_behind(node.id, into))
        sources = {edge.source for edge in edges} - into.keys()
        yield {
            "id": node.id,
            "dataset": dataset,
            "expressions": list(_expressions(node.id, edges, literals)),
            "sources": sorted(sources),
            "tags": _tags({node.id, *sources}, tags),
            "masked": any(edge.masking for edge in edges),
            "exact": all(edge.exact for edge in edges),
            "resolved": node.resolved and bool(sources or node.origin not in {None, "unresolved"}),
            "origin": node.origin,
        }


def _tags(columns: Iterable[str], tags: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for column in sorted(columns):
        for tag in tags.get(column, ()):
            found.setdefault(tag, []).append(column)
    return dict(sorted(found.items()))


def _behind(column: str, into: Mapping[str, Sequence[Edge]]) -> Iterator[Edge]:
    """All edges behind a column, the nearest first."""
    seen = {column}
    waiting = [column]
    for node in waiting:
        for edge in into.get(node, ()):
            yield edge
            if edge.source not in seen:
                seen.add(edge.source)
                waiting.append(edge.source)


def _expressions(column: str, edges: Iterable[Edge], literals: Mapping[str, str]) -> Iterator[Row]:
    """What was computed on the way, the last step first; columns that are only passed on are left out.

    A column of literals (CASE WHEN x THEN 1 ELSE 0 END) has its whole expression at the node.
    """
    seen: set[tuple[str, str]] = set()
    if column in literals:
        job, plan = next(((edge.job, edge.plan) for edge in edges if edge.target == column), (None, None))
        yield {"id": column, "expression": literals[column], "job": job, "plan": plan}
    for edge in edges:
        if edge.subtype == "IDENTITY" or not edge.expression or (edge.target == column and column in literals):
            continue
        if (edge.target, edge.expression) not in seen:
            seen.add((edge.target, edge.expression))
            yield {"id": edge.target, "expression": edge.expression, "job": edge.job, "plan": edge.plan}


def _conditions(answer: Answer, dataset: str) -> Iterator[Row]:
    """Filters and joins that decided which rows there are, of the input and of what it was made from."""
    found: dict[tuple[str, str, str | None, str | None], list[Edge]] = {}
    for edge in answer.edges:
        if "#" not in edge.target and edge.subtype in {"FILTER", "JOIN"}:
            found.setdefault((edge.target, edge.subtype, edge.expression, edge.job), []).append(edge)
    for (target, subtype, expression, job), edges in found.items():
        sources = sorted({edge.source for edge in edges})
        told = {"id": target, "subtype": subtype, "expression": expression, "sources": sources}
        yield {"dataset": dataset, **told, "job": job, "plan": edges[0].plan}


# Findings -------------------------------------------------------------------------------------------------------------


def _findings(walked: _Walk, first: Sequence[str], inputs: Sequence[Row], columns: Sequence[Row]) -> Iterator[Row]:
    for run in first:
        row = walked.runs.get(run, {})
        if row.get("status") == "failed":
            yield {"kind": "failed", "id": run, "text": f"the run failed: {row['error'] or 'no reason is known'}"}
    if not first:
        yield {"kind": "unknown", "id": "", "text": "no run is known that made it"}
    for row in inputs:
        yield from _of_input(row)
    open_columns: dict[str, list[str]] = {}
    for column in columns:
        if not column["resolved"] or not column["exact"]:
            open_columns.setdefault(column["dataset"], []).append(column["id"].partition("#")[2])
    for dataset, names in open_columns.items():
        said = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")  # noqa: PLR2004 - enough
        text = f"partly known: where columns of {dataset} come from is not, or not exactly, known: {said}"
        yield {"kind": "columns", "id": dataset, "text": text}


def _of_input(row: Row) -> Iterator[Row]:
    asked, at = row["asked"], shown(row["readAt"])
    if row["overwritten"] != "no":
        sure = "was" if row["overwritten"] == "yes" else "was perhaps"
        text = (
            f"overwritten: {row['dataset']} {sure} replaced at {shown(row['overwrittenAt'])}, after it was read at {at}"
        )
        yield {"kind": "overwritten", "id": row["dataset"], "text": text}
    if row["changes"]:
        times = "once" if row["changes"] == 1 else f"{row['changes']:,} times"
        text = f"changed since: {row['dataset']} was written {times} after {at}, first at {shown(row['changedAt'])}"
        yield {"kind": "changed", "id": row["dataset"], "text": text}
    if not row["certain"]:
        text = f"partly known: {asked} was written while it was read: which of the two states was read is not certain"
        yield {"kind": "uncertain", "id": row["dataset"], "text": text}
    if row["relation"] == "above":
        text = f"partly known: {asked} lies in {row['dataset']}: which of its files were read is not known"
        yield {"kind": "part", "id": row["dataset"], "text": text}
    if row["relation"] == "below":
        text = f"partly known: {asked} holds {row['dataset']}; what else lies there is not known"
        yield {"kind": "part", "id": row["dataset"], "text": text}
    if row["known"] == "no":
        yield {"kind": "unknown", "id": asked, "text": f"not known: no run is known that wrote {asked} before {at}"}
