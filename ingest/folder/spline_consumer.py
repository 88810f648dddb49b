"""What Spline's Consumer API asks, out of the graph and the ledger of a data folder: pages of events, and overviews.

Here: which events, plans and data sources, in which order, and the lineage across plans. A plan is shown as it was
sent (`spline_bridge.consumer`); what no Spline agent sent, as one would have. Not here: HTTP (`ingest.http.consumer`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from gremlin_python.process.graph_traversal import GraphTraversal, __

from headwater.graphmodel.ids import OPENLINEAGE_PLAN
from headwater.graphmodel.naming import canonical, name_of_uri
from headwater.ingest.fold.file import EXECUTION_ORDERS, Execution, ExecutionFilter
from headwater.ingest.fold.rows import BodyRef
from headwater.ingest.folder.service import Service
from headwater.ingest.folder.stopping import Check, stoppable
from headwater.ingest.graph.decoding import Decoding, decoders
from headwater.ingest.intake.accounts import split_type
from headwater.ingest.intake.spline import PLANS
from headwater.spline_bridge.consumer import ConsumerPlan, document_of
from headwater.spline_bridge.versions import CONTENT_TYPES

_FACTS_KEPT = 20_000  #: plans whose few facts are kept: some 500 bytes each
_CHECKED = 200  #: rows between two looks whether the answer is still wanted
_CHUNK = 500  #: vertices in one request
MOST_RUNS = 5_000
"""Runs of one overview; what lies behind them is left out, and `depthComputed` says how far it goes."""

SORT_FIELDS = (
    *EXECUTION_ORDERS,
    *("executionEventId", "executionPlanId", "frameworkName", "applicationName", "dataSourceName", "dataSourceUri"),
    *("dataSourceType", "append"),
)
"""The fields of an item by which a page can be sorted."""


class NotFound(Exception):
    """There is no such plan, event, operation or attribute; the text says which."""


@dataclass(frozen=True)
class EventQuery:
    """A page of execution events, or of data sources. Times in ms since 1970; None: any.

    `labels` are names with values of which one has to be there. `appends`: True append, False overwrite, None (of data
    sources) never written; an empty list asks for all.
    """

    as_at: int | None = None
    start: int | None = None
    end: int | None = None
    application_id: str | None = None
    data_source: str | None = None
    search: str | None = None
    appends: tuple[bool | None, ...] = ()
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    page: int = 1
    size: int = 10
    sort: str = "timestamp"
    descending: bool = True
    date_range: bool = False

    @property
    def needs_plans(self) -> bool:
        """Whether the plans of all runs have to be looked at to know which ones are on the page."""
        return bool(self.search or self.appends or self.labels) or self.sort not in EXECUTION_ORDERS


class PlanFacts(NamedTuple):
    """What events say of their plan."""

    framework: str
    application: str
    uri: str
    type: str | None
    append: bool
    labels: dict[str, list[str]]


@dataclass
class _Page:
    """A page being made: its items, how many there are in all, and the first and last timestamp of all."""

    items: list[dict[str, Any]] = field(default_factory=list)
    total: int = 0
    dates: list[int] = field(default_factory=list)

    def to_dict(self, query: EventQuery) -> dict[str, Any]:
        shown = {"items": self.items, "totalCount": self.total, "pageNum": query.page, "pageSize": query.size}
        return {**shown, "totalDateRange": self.dates if query.date_range else []}


class SplineConsumer:
    """Answers from one data folder. From any thread."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._facts: OrderedDict[BodyRef, PlanFacts] = OrderedDict()
        self._lock = threading.Lock()

    # events and data sources

    def events(self, query: EventQuery, check: Check) -> dict[str, Any]:
        """`PageableExecutionEventsResponse`."""
        filters = self._filter(query)
        found = _Page()
        if not query.needs_plans and not query.date_range:
            order = EXECUTION_ORDERS[query.sort].format("DESC" if query.descending else "ASC")
            rows = self._service.derived.executions(filters, order, query.size, (query.page - 1) * query.size)
            found.total = self._service.derived.count_executions(filters)
            found.items = [self._item(row) for row in rows]
            return found.to_dict(query)
        rows = list(self._matching(self._service.derived.executions(filters), query, check))
        in_time = [row for row in rows if _in_range(row.timestamp, query)]
        dates = sorted(row.timestamp for row in rows)
        found.dates = [dates[0], dates[-1]] if dates else []
        found.total = len(in_time)
        in_order = sorted(in_time, key=lambda row: (_sortable(self._field(row, query.sort)), row.run))
        if query.descending:
            in_order.reverse()
        begin = (query.page - 1) * query.size
        found.items = [self._item(row) for row in in_order[begin : begin + query.size]]
        return found.to_dict(query)

    def data_sources(self, query: EventQuery, check: Check) -> dict[str, Any]:
        """The same shape: for each data source its last write; without one, the data source alone."""
        filters = ExecutionFilter(received_until=query.as_at, app_id=query.application_id)
        last = self._service.derived.last_executions(filters)
        wanted = canonical(query.data_source, self._service.rules) if query.data_source else None
        items: list[dict[str, Any]] = []
        known = last.keys() | (set() if query.application_id else set(self._service.derived.dataset_uris()))
        for uri in _checked(sorted(known), check):
            row = last.get(uri)
            if wanted not in (None, uri) or not self._is_asked(row, uri, query):
                continue
            items.append({**self._item(row), "dataSourceUri": uri} if row else _never_written(uri))
        dates = sorted(item["timestamp"] for item in items if item["timestamp"] is not None)
        timed = [item for item in items if _in_range(item["timestamp"], query)]
        timed.sort(key=lambda item: (_sortable(item[query.sort]), item["dataSourceUri"]), reverse=query.descending)
        begin = (query.page - 1) * query.size
        page = _Page(timed[begin : begin + query.size], len(timed), [dates[0], dates[-1]] if dates else [])
        return page.to_dict(query)

    def _is_asked(self, row: Execution | None, uri: str, query: EventQuery) -> bool:
        facts = self._plan_facts(row) if row else None
        if query.appends and (facts.append if facts else None) not in query.appends:
            return False
        if query.labels and not (facts and _has_labels(facts, query)):
            return False
        texts = [uri, *([facts.framework, facts.application, facts.type] if facts else []), row and row.app_id]
        return not query.search or _contains(texts, query.search)

    def _filter(self, query: EventQuery) -> ExecutionFilter:
        target = canonical(query.data_source, self._service.rules) if query.data_source else None
        times = (None, None) if query.date_range else (query.start, query.end)
        return ExecutionFilter(query.as_at, *times, query.application_id, target)

    def _matching(self, rows: Iterable[Execution], query: EventQuery, check: Check) -> Iterator[Execution]:
        for row in _checked(rows, check):
            if not (query.search or query.appends or query.labels):
                yield row
                continue
            facts = self._plan_facts(row)
            texts = (facts.framework, facts.application, row.app_id, facts.uri, facts.type)
            if query.appends and facts.append not in query.appends:
                continue
            if _has_labels(facts, query) and (not query.search or _contains(texts, query.search)):
                yield row

    def _item(self, row: Execution) -> dict[str, Any]:
        """`ExecutionEventInfo`."""
        facts = self._plan_facts(row)
        extra = {"appId": row.app_id, "user": row.user}
        return {
            "executionEventId": event_id(row),
            "executionPlanId": _shown(row.agent_plan_id),
            "frameworkName": facts.framework,
            "applicationName": facts.application,
            "applicationId": row.app_id,
            "timestamp": row.timestamp,
            "dataSourceName": name_of_uri(row.target).display,
            "dataSourceUri": facts.uri,
            "dataSourceType": facts.type,
            "append": facts.append,
            "durationNs": row.duration_ns,
            "error": row.error,
            "extra": {name: value for name, value in extra.items() if value is not None},
            "labels": facts.labels,
        }

    def _field(self, row: Execution, name: str) -> Any:
        if name in _OF_RUN:
            return getattr(row, _OF_RUN[name])
        return self._item(row)[name]

    # plans

    def plans(self, as_at: int, page: int, size: int, check: Check) -> dict[str, Any]:
        """`PageableExecutionPlansResponse`: the plans of which there is a run, the newest first."""
        found, total = self._service.derived.executed_plans(as_at, size, (page - 1) * size)
        items = [self._at(plan, ref).info() for plan, ref in _checked(found, check)]
        return {"items": items, "totalCount": total, "pageNum": page, "pageSize": size}

    def plan(self, plan: str) -> ConsumerPlan:
        """A plan by the agent's id of it. NotFound."""
        for known in (plan.lower(), f"{OPENLINEAGE_PLAN}{plan.lower()}"):
            body = self._service.derived.body(known)
            if body is not None:
                return self._at(known, body[0])
        raise NotFound(f"Execution plan ID '{plan[:100]}' not found")

    def data_sources_of(self, plan: str, access: str | None) -> list[str]:
        """The URIs that a plan reads (``read``), writes (``write``), or both. NotFound."""
        found = self.plan(plan)
        read = [one["source"] for one in found.inputs] if access != "write" else []
        return list(dict.fromkeys([*read, *([found.output["source"]] if access != "read" else [])]))

    def label_values(self, check: Check) -> dict[str, list[str]]:
        """All values of each label of plans of which there is a run."""
        found: dict[str, set[str]] = {}
        for row in _checked(self._service.derived.executions(ExecutionFilter()), check):
            for name, values in self._plan_facts(row).labels.items():
                found.setdefault(name, set()).update(values)
        return {name: sorted(values) for name, values in sorted(found.items())}

    # lineage across plans

    def overview(self, event: str, depth: int, check: Check, *, forward: bool) -> dict[str, Any]:
        """`LineageOverview` of an event: which runs it saw the writes of, and so on; `forward`: which saw its own.

        Nodes are plans and data sources, however often a plan ran. What a run saw is what the graph says: writes that
        had ended before it began, or before it in its own application; of its data source the last overwrite and what
        was added since. NotFound.
        """
        start = self._event(event)
        nodes: dict[str, dict[str, Any]] = {start.target: _data_source(start.target)}
        edges: dict[tuple[str, str], None] = {}
        level, seen, reached = [start], {start.run}, 0
        following = _read_by if forward else _seen_by
        g = stoppable(self._service.store.g, check)
        while level and reached < depth:
            reached += 1
            for row in level:
                self._add(row, nodes, edges)
            if reached == depth:
                break
            runs: set[str] = set()
            for ids in _chunks(sorted(row.run for row in level)):
                runs.update(following(g, ids).id_().to_list())
            new = sorted(runs - seen)[: MOST_RUNS - len(seen)]
            seen.update(new)
            found = self._service.derived.executions_of(new)
            level = [found[run] for run in new if run in found]
        graph = {"nodes": list(nodes.values()), "edges": [{"source": a, "target": b} for a, b in edges]}
        return {
            "graph": {**graph, "depthRequested": depth, "depthComputed": reached or -1},
            "info": {
                "timestamp": start.timestamp,
                "applicationId": start.app_id,
                "targetDataSourceId": start.target,
            },
        }

    def _add(self, row: Execution, nodes: dict[str, dict[str, Any]], edges: dict[tuple[str, str], None]) -> None:
        plan_id = _shown(row.agent_plan_id)
        known = self._service.derived.body(row.agent_plan_id)
        inputs = known[1].inputs if known else ()
        if plan_id not in nodes:
            plan = self._at(row.agent_plan_id, row.body)
            about = {"systemInfo": plan.system_info, "agentInfo": plan.agent_info}
            nodes[plan_id] = {"_id": plan_id, "_type": "ExecutionNode", "name": plan.name, **about}
        for uri in (*inputs, row.target):
            nodes.setdefault(uri, _data_source(uri))
        edges.update(dict.fromkeys((uri, plan_id) for uri in inputs))
        edges[plan_id, row.target] = None

    def _event(self, event: str) -> Execution:
        plan, _, time = event.rpartition(":")
        try:
            timestamp = int(time, 36)
        except ValueError:
            timestamp = -1
        for known in (plan.lower(), f"{OPENLINEAGE_PLAN}{plan.lower()}"):
            asked = ExecutionFilter(start=timestamp, end=timestamp, agent_plan_id=known)
            found = self._service.derived.executions(asked, "ORDER BY run", 1)
            if found:
                return found[0]
        raise NotFound(f"Event ID: {event[:200]}")

    # from the ledger

    def _plan_facts(self, row: Execution) -> PlanFacts:
        with self._lock:
            if row.body in self._facts:
                self._facts.move_to_end(row.body)
                return self._facts[row.body]
        plan = self._at(row.agent_plan_id, row.body)
        output = plan.output
        uri, type_ = str(output["source"] or row.target), output["sourceType"]
        facts = PlanFacts(
            plan.framework, plan.name, uri, None if type_ is None else str(type_), plan.append, plan.labels
        )
        with self._lock:
            self._facts[row.body] = facts
            while len(self._facts) > _FACTS_KEPT:
                self._facts.popitem(last=False)
        return facts

    def _at(self, agent_plan_id: str, ref: BodyRef) -> ConsumerPlan:
        """The plan at a place of the ledger. NotFound: it was erased."""
        entry = self._service.ledger.entry(ref.sequence)
        shown = _shown(agent_plan_id)
        if entry is None or entry.body is None:
            raise NotFound(f"Execution plan ID '{shown}' not found: it was erased")
        if entry.kind == PLANS.kind:
            document = orjson.loads(entry.body)
            version = CONTENT_TYPES.get(split_type(entry.content_type)[0])
            return ConsumerPlan(shown, document, nested=version == "1.0")
        decoding = Decoding(self._service.ledger, decoders(self._service.rules), self._service.rules)
        decoding.use_members(self._service.derived.members)
        return ConsumerPlan(shown, document_of(decoding.plan_at(ref).plan))


def event_id(row: Execution) -> str:
    """Spline's id of an event: ``<plan id>:<timestamp in base 36>``."""
    digits, left = "", row.timestamp
    while left:
        left, digit = divmod(left, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return f"{_shown(row.agent_plan_id)}:{digits or '0'}"


def _shown(agent_plan_id: str) -> str:
    """A plan's id as a UUID, which Spline's clients expect."""
    return agent_plan_id.removeprefix(OPENLINEAGE_PLAN)


#: Fields of an item that the run itself has.
_OF_RUN = {"timestamp": "timestamp", "durationNs": "duration_ns", "applicationId": "app_id"}


def _data_source(uri: str) -> dict[str, Any]:
    return {"_id": uri, "_type": "DataSourceNode", "name": uri}


def _never_written(uri: str) -> dict[str, Any]:
    of_event = (
        *("executionEventId", "executionPlanId", "frameworkName", "applicationName", "applicationId", "timestamp"),
        *("dataSourceType", "append", "durationNs", "error", "extra", "labels"),
    )
    return {**dict.fromkeys(of_event), "dataSourceName": name_of_uri(uri).display, "dataSourceUri": uri}


def _seen_by(g: Any, runs: Sequence[str]) -> GraphTraversal:
    """The runs whose writes these saw: the newest version of each data source, and what that was added to."""
    return g.V(runs).out("used").emit().repeat(__.out("appendsTo").dedup()).in_("generated").dedup()


def _read_by(g: Any, runs: Sequence[str]) -> GraphTraversal:
    """The runs that saw what these wrote: in their versions, or in later ones that were added to these."""
    return g.V(runs).out("generated").emit().repeat(__.in_("appendsTo").dedup()).in_("used").dedup()


def _in_range(timestamp: int | None, query: EventQuery) -> bool:
    if query.start is None and query.end is None:
        return True
    if timestamp is None:
        return False
    return (query.start is None or query.start <= timestamp) and (query.end is None or timestamp <= query.end)


def _has_labels(facts: PlanFacts, query: EventQuery) -> bool:
    return all(set(values) & set(facts.labels.get(name, ())) for name, values in query.labels)


def _contains(texts: Iterable[str | None], term: str) -> bool:
    return any(term.casefold() in text.casefold() for text in texts if text)


def _sortable(value: Any) -> tuple[int, Any]:
    """Nulls first, as ArangoDB sorts them."""
    return (0, 0) if value is None else (1, value)


def _checked(rows: Iterable[Any], check: Check) -> Iterator[Any]:
    for number, row in enumerate(rows):
        if number % _CHECKED == 0:
            check()
        yield row


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))
