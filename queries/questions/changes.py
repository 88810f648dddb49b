"""When the logic of a column or dataset changed, by which run, and what changed before it upstream: the root cause."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P
from gremlin_python.statics import long

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.now import Contribution
from headwater.graphmodel.validity import NO_END, Validity
from headwater.queries.answers.answer import Reason
from headwater.queries.answers.page import Page, Row, Values, slice_page
from headwater.queries.questions.differences import kind_of_change
from headwater.queries.tracing import edges
from headwater.queries.tracing.as_of import BEFORE_ALL, PastTime
from headwater.queries.tracing.constants import ConstantsInTime
from headwater.queries.tracing.contributions import validities_of
from headwater.queries.tracing.derivations import Derivations, PlanDerivations, Source, joined, shown
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
    found: list[_Change] = []
    stood: dict[str, list[Validity]] = {}
    reason = asked.reason
    for datasets in chunks(list(by_dataset), _CHUNK):
        if deadline_passed():
            reason = "deadline"
            break
        stood.update(validities_of(g, datasets))
        found += _changes(g, {dataset: by_dataset[dataset] for dataset in datasets}, stood)
    sign = -1 if values["order"] == "newest" else 1
    within = [each for each in found if first <= each.timestamp <= last]
    within.sort(key=lambda each: (sign * each.timestamp, -sign * asked.distances[each.node], each.node))
    page = slice_page([{"change": each} for each in within], values, reason)
    shown = [row["change"] for row in page.rows]
    writes, cells = _writes(g, shown), _cells(found, shown)
    rows_: list[Row] = []
    for each in shown:
        write = _by(writes.get((each.dataset, each.timestamp), ()), stood[each.dataset], each.timestamp)
        rows_.append(
            {
                "timestamp": each.timestamp,
                "id": each.node,
                **cells[each.node, each.timestamp],
                "run": write.run if write else None,
                "job": write.job if write else None,
                "distance": asked.distances[each.node],
            }
        )
    return page._replace(rows=rows_)


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
    """At `timestamp` (ms since 1970) a node of `dataset` came to be derived from more, or no longer from some."""

    dataset: str
    timestamp: int
    node: str
    added: Derivations
    dropped: Derivations


class _Write(NamedTuple):
    run: str
    plan: str
    job: str


def _changes(
    g: GraphTraversalSource, by_dataset: Mapping[str, Sequence[str]], stood: Mapping[str, Sequence[Validity]]
) -> Iterator[_Change]:
    """Every change of these nodes, given by their datasets; those of a dataset in the order of time."""
    by_plan = PlanDerivations(g, [node for nodes in by_dataset.values() for node in nodes])
    constants = ConstantsInTime(g, by_plan.with_constants)
    for dataset, nodes in by_dataset.items():
        yield from _of_dataset(dataset, nodes, stood[dataset], by_plan, constants)


def _of_dataset(
    dataset: str, nodes: Sequence[str], stood: Sequence[Validity], by_plan: PlanDerivations, constants: ConstantsInTime
) -> Iterator[_Change]:
    """At each time only the plans are looked at that began, ended or got other constants then.

    A dataset can be appended to by a thousand plans, all of which stand: looking at all of them each time takes the
    square of that.
    """
    derived_by = by_plan.nodes_by_plan(nodes)
    given: dict[tuple[str, str], Derivations] = {}  #: by node and plan
    counts: dict[str, Counter[Source]] = {node: Counter() for node in nodes}  #: by how many plans
    for timestamp, turned in _turns(stood, constants):
        before: dict[str, set[Source]] = defaultdict(set)  #: of what is touched, that which was there
        touched: dict[str, set[Source]] = defaultdict(set)
        for plan, contribution in turned.items():
            known = constants.at(plan, timestamp)
            for node in derived_by.get(plan, ()):
                was = given.get((node, plan), _NOTHING)
                now = _NOTHING if contribution is None else by_plan.of_plan(node, plan, contribution, known)
                given[node, plan] = now
                for source in was ^ now:
                    if source not in touched[node]:
                        touched[node].add(source)
                        if counts[node][source]:
                            before[node].add(source)
                    counts[node][source] += 1 if source in now else -1
        for node in nodes if len(touched) > 1 else touched:
            after = {source for source in touched.get(node, ()) if counts[node][source]}
            if after != before.get(node, set()):
                yield _Change(
                    dataset, timestamp, node, frozenset(after - before[node]), frozenset(before[node] - after)
                )


_NOTHING: Derivations = frozenset()


def _turns(
    stood: Sequence[Validity], constants: ConstantsInTime
) -> Iterator[tuple[int, Mapping[str, Contribution | None]]]:
    """Each time at which something changed, in order, and what the plans that it is about contribute from then on.

    None: nothing any more. A plan that contributes the same as before may have other constants.
    """
    turns: dict[int, dict[str, Contribution | None]] = defaultdict(dict)
    for valid in sorted(stood, key=lambda each: each.valid_from):
        if valid.valid_to != NO_END:
            turns[valid.valid_to].setdefault(valid.plan, None)
        turns[valid.valid_from][valid.plan] = valid.contribution
        for time in constants.changed_at(valid.plan, valid.valid_from, valid.valid_to):
            turns[time][valid.plan] = valid.contribution
    for timestamp in sorted(turns):
        yield timestamp, turns[timestamp]


class _Derived:
    """What a node is derived from, as rows say it, while its changes are gone through in the order of time."""

    def __init__(self) -> None:
        self._number = 0
        self._texts: Counter[str] = Counter()
        self._ordered: list[str] = []  #: each text once
        self._sources: Counter[str] = Counter()

    def change(self, each: _Change, *, wanted: bool) -> Row:
        """Make a change; the cells that tell of it, if they are `wanted`."""
        before = joined(self._ordered) if wanted else None
        was, sources = self._number, {source.source for source in each.added | each.dropped if source.source}
        known = {source for source in sources if self._sources[source]}
        for source in each.dropped:
            self._count(source, -1)
        for source in each.added:
            self._count(source, 1)
        if not wanted:
            return {}
        left = {source for source in sources if self._sources[source]}
        return {
            "change": kind_of_change(bool(was), bool(self._number)),
            "before": before,
            "after": joined(self._ordered),
            "sourcesAdded": sorted(left - known),
            "sourcesDropped": sorted(known - left),
        }

    def _count(self, source: Source, by: int) -> None:
        text = shown(source)
        self._number += by
        self._sources[source.source] += by
        self._texts[text] += by
        place = bisect_left(self._ordered, text)
        there = place < len(self._ordered) and self._ordered[place] == text
        if self._texts[text] and not there:
            self._ordered.insert(place, text)
        elif there and not self._texts[text]:
            del self._ordered[place]


def _cells(found: Iterable[_Change], wanted: Iterable[_Change]) -> dict[tuple[str, int], Row]:
    """How the `wanted` changes, some of those that were found, changed what their nodes are derived from."""
    asked = {(each.node, each.timestamp) for each in wanted}
    nodes = {node for node, _ in asked}
    derived: dict[str, _Derived] = defaultdict(_Derived)
    cells = {}
    for each in found:
        if each.node in nodes:
            key = (each.node, each.timestamp)
            row = derived[each.node].change(each, wanted=key in asked)
            if row:
                cells[key] = row
    return cells


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


def _by(writes: Sequence[_Write], stood: Iterable[Validity], timestamp: int) -> _Write | None:
    """Of several writes at one time the one whose plan stands since then, else one that stands; the last by its run."""
    if len(writes) <= 1:
        return writes[0] if writes else None
    since = {valid.plan for valid in stood if valid.valid_from == timestamp}
    standing = {valid.plan for valid in stood if valid.valid_from <= timestamp < valid.valid_to}
    return max(writes, key=lambda write: (write.plan in since, write.plan in standing, write.run))


def _at(time: PastTime | None, default: int) -> int:
    return default if time is None else time.at
