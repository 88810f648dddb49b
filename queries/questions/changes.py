"""When the logic of a column or dataset changed, by which run, and what changed before it upstream: the root cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P
from gremlin_python.statics import long

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.validity import NO_END, Validity
from headwater.queries.answers.answer import Reason
from headwater.queries.answers.page import Page, Row, Values, slice_page
from headwater.queries.questions.differences import State, change
from headwater.queries.tracing import edges
from headwater.queries.tracing.as_of import BEFORE_ALL, PastTime
from headwater.queries.tracing.constants import ConstantsInTime
from headwater.queries.tracing.contributions import states, validities_of
from headwater.queries.tracing.derivations import Derivations, PlanDerivations
from headwater.queries.tracing.lineage import Question, trace_lineage
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.walk import DeadlinePassed, chunks

#: Nodes upstream whose changes are looked at, the nearest first; beyond that the answer says so.
_MOST = 10_000
#: Datasets in one request: their histories are read whole.
_CHUNK = 200


def changes(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """One page of changes: of a node, or also of all that it ever came from; the first or the last one first."""
    asked = _nodes(g, values, deadline_passed)
    first, last = (_at(values[name], default) for name, default in (("from", BEFORE_ALL), ("to", NO_END)))
    by_dataset: dict[str, list[str]] = defaultdict(list)
    for node in asked.distances:
        by_dataset[split_node(node)[0]].append(node)
    found: list[Row] = []
    reason = asked.reason
    for datasets in chunks(list(by_dataset), _CHUNK):
        if deadline_passed():
            reason = "deadline"
            break
        changed = _changes(g, {dataset: by_dataset[dataset] for dataset in datasets})
        found += (
            {**row, "distance": asked.distances[row["id"]]} for row in changed if first <= row["timestamp"] <= last
        )
    sign = -1 if values["order"] == "newest" else 1
    found.sort(key=lambda row: (sign * row["timestamp"], -sign * row["distance"], row["id"]))
    return slice_page(found, values, reason)


class _Nodes(NamedTuple):
    distances: Mapping[str, int]
    reason: Reason | None


def _nodes(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> _Nodes:
    """The columns asked about by distance; with their datasets, where `type` asks for what rows depend on as well."""
    root, by_type = values["node"], values["type"]
    if values["upstream"]:
        answer = trace_lineage(g, root, Question("upstream", None, by_type, "ever", "column", _MOST), deadline_passed)
        distances, reason = {node.id: node.distance for node in answer.nodes}, answer.reason
    else:
        columns = [root] if edges.is_column(root) else edges.columns_of(g, [root])
        distances, reason = dict.fromkeys([*columns, split_node(root)[0]], 0), None
    return _Nodes({n: d for n, d in distances.items() if by_type == "all" or edges.is_column(n)}, reason)


class _Change(NamedTuple):
    """At `timestamp` (ms since 1970) a node of `dataset` came to be derived from something else."""

    dataset: str
    timestamp: int
    node: str
    before: Derivations
    after: Derivations


class _Write(NamedTuple):
    run: str
    plan: str
    job: str


def _changes(g: GraphTraversalSource, by_dataset: Mapping[str, Sequence[str]]) -> Iterator[Row]:
    """Every change of these nodes, given by their datasets, with the run that brought it."""
    stood = validities_of(g, list(by_dataset))
    by_plan = PlanDerivations(g, [node for nodes in by_dataset.values() for node in nodes])
    constants = ConstantsInTime(g, by_plan.with_constants)
    found = [
        each
        for dataset, nodes in by_dataset.items()
        for each in _of_dataset(dataset, nodes, stood[dataset], by_plan, constants)
    ]
    writes = _writes(g, found)
    for each in found:
        write = _by(writes.get((each.dataset, each.timestamp), ()), stood[each.dataset], each.timestamp)
        yield {
            "timestamp": each.timestamp,
            "id": each.node,
            **change(each.before, each.after),
            "run": write.run if write else None,
            "job": write.job if write else None,
        }


def _of_dataset(
    dataset: str, nodes: Sequence[str], stood: Sequence[Validity], by_plan: PlanDerivations, constants: ConstantsInTime
) -> Iterator[_Change]:
    was: dict[str, Derivations] = {node: frozenset() for node in nodes}
    for timestamp, state in _turns(stood, constants):
        known = constants.all_at(state, timestamp)
        for node in nodes:
            derivations = by_plan.of(node, state, known)
            if derivations != was[node]:
                yield _Change(dataset, timestamp, node, was[node], derivations)
                was[node] = derivations


def _turns(stood: Sequence[Validity], constants: ConstantsInTime) -> Iterator[tuple[int, State]]:
    """What stood at each time at which that changed, or at which a plan that stood got other constants; in order."""
    held = {timestamp: dict(state) for timestamp, state in states(stood)}
    times = {t for v in stood for t in constants.changed_at(v.plan) if v.valid_from < t < v.valid_to}
    state: State = {}
    for timestamp in sorted(held.keys() | times):
        state = held.get(timestamp, state)
        yield timestamp, state


def _writes(g: GraphTraversalSource, found: Iterable[_Change]) -> dict[tuple[str, int], list[_Write]]:
    """By dataset and time: the runs that wrote the dataset then.

    All datasets are asked for all times at once: that they share one by chance costs a row, not a wrong answer.
    """
    times = sorted({each.timestamp for each in found})
    datasets = sorted({each.dataset for each in found})
    cells = {
        "dataset": "dataset",
        "timestamp": "timestamp",
        "run": __.in_("generated").id_(),
        "plan": __.in_("generated").out("executes").id_(),
        "job": __.in_("generated").out("executes").values("job"),
    }
    writes: dict[tuple[str, int], list[_Write]] = defaultdict(list)
    for some in chunks(times):
        versions = g.V(datasets).in_("versionOf").has("timestamp", P.within([long(time) for time in some]))
        for row in rows(versions, cells):
            writes[row["dataset"], row["timestamp"]].append(_Write(row["run"], row["plan"], row["job"]))
    return writes


def _by(writes: Iterable[_Write], stood: Iterable[Validity], timestamp: int) -> _Write | None:
    """Of several writes at one time the one whose plan stands since then, else one that stands; the last by its run."""
    since = {valid.plan for valid in stood if valid.valid_from == timestamp}
    standing = {valid.plan for valid in stood if valid.valid_from <= timestamp < valid.valid_to}
    return max(writes, key=lambda write: (write.plan in since, write.plan in standing, write.run), default=None)


def _at(time: PastTime | None, default: int) -> int:
    return default if time is None else time.at
