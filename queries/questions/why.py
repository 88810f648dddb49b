"""What may be the cause when a dataset or column looks wrong: one page of facts, the newest first.

It puts together what several other questions answer: the last write, the last changes of the logic, upstream jobs that
failed or are late, hops whose source changed after it was last read, and who owns them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import Order, T

from headwater.graphmodel.ids import split_node
from headwater.queries.answers.answer import Answer
from headwater.queries.answers.page import Page, Row, Values, slice_page
from headwater.queries.questions.cadence import cadence, executions, owners, run_cells
from headwater.queries.questions.changes import changes
from headwater.queries.tracing.lineage import Question, trace_lineage
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.staleness import with_staleness
from headwater.queries.tracing.walk import DeadlinePassed, chunks

COLUMNS = ("what", "timestamp", "distance", "id", "detail", "run", "job")
_NODES = 1_000  #: upstream that are looked at, the nearest first
_CHANGES = 3  #: of the logic, the last ones; the query `changes` has all
_RUNS = 60  #: of a job, the last ones, which say how often it runs
_FEWEST = 3  #: executions from which a job is known to run at intervals


def why(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """One page of facts about a node and what is upstream of it, the newest first; those without a time come last.

    `what` is one of: last write, input written, run failed, late, logic changed, behind, owner. `distance` counts hops
    from the node.
    """
    node = values["node"]
    found = trace_lineage(g, node, Question(type="all", limit=_NODES), deadline_passed)
    answer = with_staleness(g, found)
    distances = _distances(answer)
    facts = [
        *_writes(g, split_node(node)[0], answer),
        *_jobs(g, distances, values["times"], values["at"] or time.time_ns() // 1_000_000),
        *_changed(g, node, deadline_passed),
        *_behind(answer),
    ]
    facts += _owners(g, distances, facts)
    return slice_page(sorted(facts, key=_order), values, answer.reason)


def _distances(answer: Answer) -> dict[str, int]:
    """By dataset: the least number of hops from the node."""
    found: dict[str, int] = {}
    for node in answer.nodes:
        found[node.dataset] = min(node.distance, found.get(node.dataset, node.distance))
    return found


def _fact(what: str, id_: str, detail: str | None = None, **more: Any) -> Row:
    return {**dict.fromkeys(COLUMNS), "what": what, "id": id_, "detail": detail, **more}


def _writes(g: GraphTraversalSource, dataset: str, answer: Answer) -> Iterator[Row]:
    """The last write of the dataset itself, and of those from which it is derived directly."""
    inputs = {split_node(edge.source)[0] for edge in answer.edges if split_node(edge.target)[0] == dataset}
    cells = {
        "dataset": "dataset",
        "timestamp": "timestamp",
        "effect": "effect",
        "partition": "partition",
        "run": __.in_("generated").id_(),
        "job": __.in_("generated").out("executes").values("job"),
    }
    newest = __.in_("versionOf").has("timestamp").order().by("timestamp", Order.desc).by(T.id).limit(1)
    for ids in chunks([dataset, *sorted(inputs - {dataset})]):
        for row in rows(g.V(ids).flat_map(newest), cells):
            own = row["dataset"] == dataset
            partition = f", partition {row['partition']}" if row["partition"] else ""
            yield _fact(
                "last write" if own else "input written",
                row["dataset"],
                f"{_EFFECTS.get(row['effect'], row['effect'])}{partition}",
                timestamp=row["timestamp"],
                distance=0 if own else 1,
                run=row["run"],
                job=row["job"],
            )


_EFFECTS = {
    "all": "replaced the whole",
    "keep": "added to it, or changed a part",
    "overwrite": "replaced the whole or a partition",
    "end": "dropped, emptied or renamed it",
}


def _jobs(g: GraphTraversalSource, distances: dict[str, int], times: int, at: int) -> Iterator[Row]:
    """The jobs that write these datasets and whose last run failed, or that are late."""
    writes: dict[str, list[str]] = {}
    for ids in chunks(sorted(distances)):
        found = g.V(ids).project("dataset", "jobs").by(T.id).by(__.in_("writes").values("job").dedup().fold())
        for row in found.to_list():
            for job in row["jobs"]:
                writes.setdefault(job, []).append(row["dataset"])
    last = __.out("hasPlan").in_("executes").order().by("timestamp", Order.desc).by(T.id).limit(_RUNS)
    last = run_cells(last, "run", "status", "error").by(T.id).by("status").by("error").fold()
    for ids in chunks(sorted(writes)):
        for row in g.V(ids).project("job", "runs").by(T.id).by(last).to_list():
            nearest = min(writes[row["job"]], key=lambda dataset: (distances[dataset], dataset))
            yield from _state(row["job"], row["runs"], nearest, distances[nearest], times, at)


def _state(job: str, runs: Sequence[dict[str, Any]], dataset: str, distance: int, times: int, at: int) -> Iterator[Row]:
    if runs and runs[0].get("status") == "failed":
        last = runs[0]
        yield _fact(
            "run failed", dataset, last.get("error"), timestamp=last["at"], distance=distance, run=last["run"], job=job
        )
    ran = executions(runs)
    when, interval = cadence(ran)
    if when is not None and interval and len(ran) >= _FEWEST and at - when > times * interval:
        missed = (at - when) // interval
        yield _fact("late", dataset, f"{missed:,} runs missed", timestamp=when, distance=distance, job=job)


def _changed(g: GraphTraversalSource, node: str, deadline_passed: DeadlinePassed) -> Iterator[Row]:
    """The last changes of the logic of the node and of all that it came from; the first logic of a dataset is none."""
    given = {"node": node, "upstream": True, "type": "all", "from": None, "to": None, "order": "newest"}
    found = changes(g, {**given, "limit": 10_000, "next": 0}, deadline_passed).rows
    first: dict[str, int] = {}  # by dataset: when it had its first logic
    for row in found:
        dataset = split_node(row["id"])[0]
        first[dataset] = min(row["timestamp"], first.get(dataset, row["timestamp"]))
    news = [row for row in found if row["timestamp"] > first[split_node(row["id"])[0]]]
    for row in news[:_CHANGES]:
        yield _fact(
            "logic changed",
            row["id"],
            _difference(row),
            timestamp=row["timestamp"],
            distance=row["distance"],
            run=row["run"],
            job=row["job"],
        )


def _difference(row: Row) -> str:
    parts = [f"{row['before'] or 'nothing'} -> {row['after'] or 'nothing'}"] if row["before"] != row["after"] else []
    parts += [f"+ {source}" for source in row["sourcesAdded"] or ()]
    parts += [f"- {source}" for source in row["sourcesDropped"] or ()]
    return "; ".join(parts) or str(row["change"])


def _behind(answer: Answer) -> Iterator[Row]:
    distances = {node.id: node.distance for node in answer.nodes}
    for edge in answer.edges:
        if edge.behind:
            detail = f"was last derived before the logic of {edge.source} changed"
            yield _fact("behind", edge.target, detail, distance=distances.get(edge.target), job=edge.job)


def _owners(g: GraphTraversalSource, distances: dict[str, int], facts: Sequence[Row]) -> Iterator[Row]:
    """Who owns the dataset asked about, and the datasets and jobs that the facts name."""
    nearest = [dataset for dataset, distance in distances.items() if distance == 0]
    named = {*nearest, *(split_node(row["id"])[0] for row in facts), *(row["job"] for row in facts if row["job"])}
    for node, owner in owners(g, named).items():
        yield _fact("owner", node, owner, distance=distances.get(node))


def _order(row: Row) -> tuple[Any, ...]:
    return -(row["timestamp"] or 0), _LAST.get(row["what"], 0), row["distance"] or 0, row["id"], row["what"]


_LAST = {"behind": 1, "owner": 2}  #: facts without a time, in this order
