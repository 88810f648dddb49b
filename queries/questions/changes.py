"""When the logic of a column or dataset changed, by which run, and what changed before it upstream: the root cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P
from gremlin_python.statics import long

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.validity import STILL
from headwater.queries.answers.page import Page, Row, Values, cut
from headwater.queries.questions.differences import change
from headwater.queries.tracing import edges, history
from headwater.queries.tracing.as_of import BEFORE_ALL, PastTime
from headwater.queries.tracing.lineage import Question, trace_lineage
from headwater.queries.tracing.logics import Derivations, Logics
from headwater.queries.tracing.walk import DeadlinePassed, chunks

#: Nodes upstream whose changes are looked at, the nearest first; beyond that the answer says so.
_MOST = 10_000


class _Write(NamedTuple):
    run: str
    plan: str
    job: str


def changes(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """One page of changes, the first one first: of a node, or also of all that it ever came from."""
    found = _nodes(g, values, deadline_passed)
    first, last = (_at(values[name], default) for name, default in (("from", BEFORE_ALL), ("to", STILL)))
    by_dataset: dict[str, list[str]] = {}
    for node in found.distances:
        by_dataset.setdefault(split_node(node)[0], []).append(node)
    rows: list[Row] = []
    reason = found.reason
    for dataset, nodes in by_dataset.items():
        if deadline_passed():
            reason = "deadline"
            break
        rows += (row for row in _History(g, dataset).changes(nodes) if first <= row["timestamp"] <= last)
    for row in rows:
        row["distance"] = found.distances[row["id"]]
    return cut(sorted(rows, key=lambda row: (row["timestamp"], -row["distance"], row["id"])), values, reason)


class _Nodes(NamedTuple):
    distances: Mapping[str, int]
    reason: Any


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


class _History:
    """What ever stood in one dataset."""

    def __init__(self, g: GraphTraversalSource, dataset: str) -> None:
        self._g = g
        self._dataset = dataset
        self._stood = history.stood(g, [dataset])[dataset]

    def changes(self, nodes: Sequence[str]) -> Iterator[Row]:
        """The changes of some of its columns, or of itself."""
        logics = Logics(self._g, nodes)
        was: dict[str, Derivations] = {node: frozenset() for node in nodes}
        turned = []
        for timestamp, state in history.states(self._stood):
            for node in nodes:
                derivations = logics.of(node, state)
                if derivations != was[node]:
                    turned.append((timestamp, node, was[node], derivations))
                    was[node] = derivations
        writes = self._writes(sorted({timestamp for timestamp, *_ in turned}))
        for timestamp, node, before, after in turned:
            write = self._by(writes.get(timestamp, ()), timestamp)
            yield {
                "timestamp": timestamp,
                "id": node,
                **change(before, after),
                "run": write.run if write else None,
                "job": write.job if write else None,
            }

    def _writes(self, times: list[int]) -> dict[int, list[_Write]]:
        """The runs that wrote the dataset at these times."""
        found: dict[int, list[_Write]] = defaultdict(list)
        for some in chunks(times):
            versions = (
                self._g.V(self._dataset).in_("versionOf").has("timestamp", P.within([long(time) for time in some]))
            )
            rows = versions.project("timestamp", "run", "plan", "job").by("timestamp").by(__.in_("generated").id_())
            rows = rows.by(__.in_("generated").out("executes").id_())
            for row in rows.by(__.in_("generated").out("executes").values("job")).to_list():
                found[row["timestamp"]].append(_Write(row["run"], row["plan"], row["job"]))
        return found

    def _by(self, writes: Iterable[_Write], timestamp: int) -> _Write | None:
        """Of several writes at one time the one whose plan stands since then, the last by its run."""
        since = {valid.plan for valid in self._stood if valid.valid_from == timestamp}
        return max(writes, key=lambda write: (write.plan in since, write.run), default=None)


def _at(moment: PastTime | None, default: int) -> int:
    return default if moment is None else moment.at
