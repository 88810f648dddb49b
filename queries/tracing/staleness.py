"""Which edges of an answer are behind (stale): their source's logic has changed since their target last read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import Order, T

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.now import Contribution
from headwater.graphmodel.validity import NO_END
from headwater.queries.answers.answer import Answer, Edge
from headwater.queries.tracing.as_of import BEFORE_ALL
from headwater.queries.tracing.constants import ConstantsInTime
from headwater.queries.tracing.contributions import state_at, state_now, validities_of
from headwater.queries.tracing.derivations import PlanDerivations
from headwater.queries.tracing.edges import is_column
from headwater.queries.tracing.walk import chunks

VersionsRead = Mapping[tuple[str, str], int]  #: by plan and dataset: the time of the version that its last run used


def with_staleness(g: GraphTraversalSource, answer: Answer) -> Answer:
    """An answer about now whose edges say whether they are behind.

    The logic of a column is what it is derived from; that of a dataset is the set of plans that contribute to it. An
    edge from a dataset that no known run writes is never behind.
    """
    sources = sorted({edge.source for edge in answer.edges})
    datasets = sorted({split_node(source)[0] for source in sources})
    changes = _LogicChanges(g, sources, datasets)
    versions_read = _versions_read(g, sorted({edge.plan for edge in answer.edges if edge.plan}))
    return replace(answer, edges=tuple(_with_staleness_of(edge, changes, versions_read) for edge in answer.edges))


def _with_staleness_of(edge: Edge, changes: _LogicChanges, versions_read: VersionsRead) -> Edge:
    then = versions_read.get((edge.plan or "", split_node(edge.source)[0]))
    return replace(edge, behind=then is not None and changes.differs(edge.source, then))


class _LogicChanges:
    """Compares the logic of some nodes at a time with their logic now."""

    def __init__(self, g: GraphTraversalSource, nodes: list[str], datasets: list[str]) -> None:
        self._validities = validities_of(g, datasets)
        self._derivations = PlanDerivations(g, [node for node in nodes if is_column(node)])
        whole = {v.plan for node in nodes if not is_column(node) for v in self._validities[node]}
        self._constants = ConstantsInTime(g, self._derivations.with_constants | whole)
        self._cache: dict[tuple[str, int], bool] = {}

    def differs(self, node: str, timestamp: int) -> bool:
        """Whether the logic of a node at a time, in ms since 1970, was another one than now."""
        key = (node, timestamp)
        if key not in self._cache:
            validities = self._validities[split_node(node)[0]]
            then, now = state_at(validities, timestamp), state_now(validities)
            differ = self._logic(node, then, timestamp) != self._logic(node, now, NO_END)
            self._cache[key] = bool(validities) and differ
        return self._cache[key]

    def _logic(self, node: str, state: Mapping[str, Contribution], timestamp: int) -> object:
        if is_column(node):
            return self._derivations.of(node, state, self._constants.all_at(state, timestamp))
        return {(plan, one.columns, self._constants.at(plan, timestamp)) for plan, one in state.items()}


def _versions_read(g: GraphTraversalSource, plans: Iterable[str]) -> VersionsRead:
    last = __.in_("executes").has("status", "success").not_(__.has("clockAhead", True))  # noqa: FBT003 - Gremlin's has(key, value)
    used = last.order().by("timestamp", Order.desc).by(T.id, Order.desc).limit(1).out("used")
    versions = used.project("dataset", "timestamp").by("dataset").by("timestamp").fold()
    found: dict[tuple[str, str], int] = {}
    for ids in chunks(list(plans)):
        for row in g.V(ids).project("plan", "used").by(T.id).by(versions).to_list():
            for version in row["used"]:
                found[row["plan"], version["dataset"]] = version.get("timestamp", BEFORE_ALL)
    return found
