"""The follower that publishes: of each entry of the ledger the runs that can be told now, as OpenLineage events.

A run of Spline's is told when both its event and its plan are in the ledger; whichever comes last brings it. What came
as an OpenLineage event goes on as it came. The checkpoint moves when the backend has taken all runs of the entries
before it, so each run is published at least once, and twice only where this process ended in between. Run ids do not
depend on that.

Here: which runs, and what is looked up for them. Not here: what an event says (`openlineage_bridge.emit`), how it is
sent (`backends`).
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from headwater.graphmodel import now
from headwater.graphmodel.choice import BodyRank, Event
from headwater.graphmodel.ids import column_id
from headwater.graphmodel.model import Plan, Role
from headwater.graphmodel.naming import DEFAULT, Rules, from_openlineage
from headwater.graphmodel.now import Write
from headwater.graphmodel.statements.effective import StatementIndex, effective
from headwater.graphmodel.statements.json_text import KIND
from headwater.graphmodel.statements.shown import description, tag_edges
from headwater.graphstore.errors import Denied, TransientError
from headwater.ingest.fold.rows import BodyRef
from headwater.ingest.graph.decoding import Decoding, Erased, Ledger, decoders, stated, stated_names
from headwater.ingest.graph.following import CannotFollow, GivenUp
from headwater.ingest.graph.patience import Stopped
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.ledger.entries import Entry
from headwater.ingest.publishing.backends import Backend, Sending
from headwater.ingest.publishing.state import Refused, State
from headwater.openlineage_bridge import emit, forward
from headwater.openlineage_bridge.columns import MOST_EDGES
from headwater.openlineage_bridge.emit import Described, Executed, Labels
from headwater.openlineage_bridge.events import LineageEvent

log = logging.getLogger(__name__)

#: Plans whose description is kept for their next run, and columns and edges of all of these, some KB each.
_DESCRIBED, _DESCRIBED_PARTS = 2_000, 100_000

VersionsRead = Callable[[str, int, Sequence[str]], Mapping[str, str]]
"""(id of a run, its timestamp, dataset URIs) -> the ids of the versions that it read, as far as they are known."""


def _unknown(_run: str, _timestamp: int, _datasets: Sequence[str]) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Selection:
    """Which runs are published: those that ended at or after `since` (ms since 1970) and touch one of `datasets`.

    None: all.
    """

    since: int | None = None
    datasets: frozenset[str] | None = None

    def takes(self, at: int, touched: Sequence[str]) -> bool:
        """Whether a run that ended `at` is among them, or an event of that time."""
        late = self.since is None or at >= self.since
        return late and (self.datasets is None or not self.datasets.isdisjoint(touched))


@dataclass
class Counts:
    """What was published since this process began."""

    runs: int = 0
    events: int = 0
    refused: int = 0


@dataclass
class _Work:
    """What a batch of entries comes to."""

    sendings: dict[str, tuple[int, Sending]] = field(default_factory=dict)
    plans: dict[str, BodyRef] = field(default_factory=dict)
    waiting: set[tuple[str, int]] = field(default_factory=set)
    reports: list[tuple[str, Write]] = field(default_factory=list)  #: writes that may be reported twice, by dataset


class Publisher:
    """A `headwater.ingest.graph.following.Follower`."""

    def __init__(
        self,
        ledger: Ledger,
        state: State,
        backend: Backend,
        producer: str,
        *,
        rules: Rules = DEFAULT,
        selection: Selection | None = None,
        versions_read: VersionsRead = _unknown,
    ) -> None:
        """`producer` is the URI in the events. The three first are not closed here."""
        self.counts = Counts()
        self._ledger = ledger
        self._state = state
        self._backend = backend
        self._producer = producer
        self._selection = selection or Selection()
        self._versions_read = versions_read
        self._decoding = Decoding(ledger, decoders(rules), rules)
        self._rules = rules
        self._labels: StatementIndex | None = None
        self._stated_up_to = 0  #: the entry up to which statements are looked at; they are read all at once
        self._described: OrderedDict[BodyRef, Described] = OrderedDict()
        self._described_parts = 0
        self._take_statements()

    @property
    def name(self) -> str:
        """For the log."""
        return f"What is published to {self._backend.place}"

    @property
    def unrelated(self) -> tuple[type[Exception], ...]:
        """Errors of the backend and of the state: no entry is to blame."""
        return (TransientError, Denied, CannotFollow, GivenUp, Stopped, OSError)

    @property
    def checkpoint(self) -> int:
        """The last entry of which all runs were taken."""
        return self._state.checkpoint

    def prepare(self) -> None:
        """Nothing: what was sent before a crash is sent again."""

    def apply(self, entries: Sequence[Entry]) -> None:
        """Publish the runs of these entries, and move the checkpoint."""
        work = self._work(entries)
        refused = self._backend.send([sending for _, sending in work.sendings.values()])
        told = [Refused(work.sendings[key][0], key, reason) for key, reason in refused.items()]
        last = entries[-1]
        self._state.move(last.sequence, last.hash, work.plans.items(), work.waiting, told, work.reports)
        for one in told:
            log.warning("the run %s of entry %s was refused: %s", one.what, one.sequence, one.reason)
        self.counts.refused += len(told)
        self.counts.runs += len(work.sendings) - len(told)
        self.counts.events += sum(len(one.events) for key, (_, one) in work.sendings.items() if key not in refused)

    def park(self, entry: Entry, error: Exception) -> None:
        """Note an entry that cannot be published, and go on."""
        log.warning("entry %s cannot be published: %s", entry.sequence, error)
        self.counts.refused += 1
        told = Refused(entry.sequence, "entry", f"{type(error).__name__}: {error}")
        self._state.move(entry.sequence, entry.hash, refused=[told])

    def _work(self, entries: Sequence[Entry]) -> _Work:
        work = _Work()
        for entry in entries:
            batch = self._decoding.batch([entry])
            if entry.kind == KIND and batch.statements and entry.sequence > self._stated_up_to:
                self._take_statements()
            for _, error in batch.refused:
                log.warning("entry %s is not published: it cannot be read: %s", entry.sequence, error)
            for mapped in batch.plans:
                plan_id = mapped.summary.agent_plan_id
                known = work.plans.get(plan_id) or self._state.plan(plan_id)
                if known is None or self._is_better(mapped.summary.rank, known):
                    work.plans[plan_id] = mapped.ref
                    self._publish_waiting(work, plan_id, mapped.ref)
            for _, part in batch.parts:
                self._forward(work, part.content, entry.sequence)
            for event in batch.events:
                plan_id = event.run.agent_plan_id
                ref = work.plans.get(plan_id) or self._state.plan(plan_id)
                if ref is None:
                    work.waiting.add((plan_id, entry.sequence))
                else:
                    self._publish(work, event, ref, entry.sequence)
        return work

    def _forward(self, work: _Work, came: LineageEvent, sequence: int) -> None:
        """An event that came as one goes on as it came, after the others of its run; a run id that is none gets one."""
        touched = [from_openlineage(*pair, self._rules).uri for pair in forward.pairs(came)]
        if self._selection.takes(came.at // 1_000_000, touched):
            _, before = work.sendings.get(came.group, (sequence, Sending(came.group, ())))
            events = (*before.events, forward.forwarded(came))
            work.sendings[came.group] = sequence, Sending(came.group, events)

    def _is_better(self, rank: BodyRank, known: BodyRef) -> bool:
        """Whether another body of a plan counts in place of the known one."""
        try:
            return rank < self._decoding.plan_at(known).summary.rank
        except Erased:
            return True

    def _take_statements(self) -> None:
        """Something was stated: names of datasets, tags and descriptions are looked up anew, in the whole ledger."""
        self._stated_up_to = self._ledger.head().sequence
        self._decoding.use_names(stated_names(self._ledger, self._rules))
        self._labels = None
        self._described.clear()
        self._described_parts = 0

    def _publish_waiting(self, work: _Work, plan_id: str, ref: BodyRef) -> None:
        """The runs of a plan whose events came before it."""
        here = {waiting for waiting in work.waiting if waiting[0] == plan_id}
        work.waiting -= here
        for sequence in sorted({*self._state.waiting(plan_id), *(sequence for _, sequence in here)}):
            entry = self._ledger.entry(sequence)
            for event in self._decoding.batch([entry]).events if entry else ():
                if event.run.agent_plan_id == plan_id:
                    self._publish(work, event, ref, sequence)

    def _publish(self, work: _Work, event: Event, ref: BodyRef, sequence: int) -> None:
        try:
            mapped = self._decoding.plan_at(ref)
        except Erased:  # what was erased is told to nobody, unless the plan comes again
            work.waiting.add((event.run.agent_plan_id, sequence))
            return
        inputs = [one.uri for one in mapped.plan.inputs]
        if not self._selection.takes(event.run.timestamp, [mapped.plan.target.uri, *inputs]):
            return
        write = now.write_of(event, mapped.summary)
        if write and write.app_id is not None and write.role is not Role.NONE:
            if self._is_told(work, mapped.plan.target.uri, write):
                return
            work.reports.append((mapped.plan.target.uri, write))
        read = self._versions_read(event.id, event.run.timestamp, inputs)
        described = self._description(ref)
        events = emit.run_events(described, Executed(event.run, event.id, sequence, read))
        work.sendings[event.id] = sequence, Sending(event.id, events)

    def _is_told(self, work: _Work, dataset: str, write: Write) -> bool:
        """Whether the write was published already, as its wrapper or as what it wraps: Spark reports a CTAS twice."""
        here = [other for to, other in work.reports if to == dataset]
        known = [*self._state.reports(write.app_id or "", dataset), *here]
        others = [other for other in known if other.run != write.run]
        return now.twin_of(write, others) is not None or any(now.twin_of(other, [write]) for other in others)

    def _description(self, ref: BodyRef) -> Described:
        if ref in self._described:
            self._described.move_to_end(ref)
            return self._described[ref]
        mapped = self._decoding.plan_at(ref)
        entry = self._ledger.entry(ref.sequence)
        types: dict[str, str] = {}
        if entry is not None and entry.body is not None:
            names = [column.name for column in mapped.plan.columns]
            types = BRIDGES[entry.kind].output_types(entry.body, entry.content_type, ref.index, names=names)
        described = emit.describe(
            mapped.plan, mapped.logic.plan, types, self._labels_of(mapped.plan, mapped.logic.job_id), self._producer
        )
        self._described[ref] = described
        self._described_parts += _parts(described)
        while len(self._described) > _DESCRIBED or (
            self._described_parts > _DESCRIBED_PARTS and len(self._described) > 1
        ):
            self._described_parts -= _parts(self._described.popitem(last=False)[1])
        return described

    def _labels_of(self, plan: Plan, job: str) -> Labels:
        """What is stated now of a job and of the datasets and columns of its plan."""
        if self._labels is None:
            self._labels = self._stated()
        index = self._labels
        if not index:
            return Labels()
        columns = {plan.target.uri: [column.name for column in plan.columns]}
        columns |= {one.uri: [*columns.get(one.uri, ()), *one.columns] for one in plan.inputs}
        nodes = [job, *columns, *(column_id(uri, name) for uri, names in columns.items() for name in names)]
        about = {node: index.about(node) for node in dict.fromkeys(nodes)}
        tags = {node: tuple(tag_edges(node, said)) for node, said in about.items() if said}
        described = {node: description(node, said) for node, said in about.items() if said}
        return Labels(tags, {node: text for node, text in described.items() if text})

    def _stated(self) -> StatementIndex:
        return StatementIndex(effective(said for _, said in stated(self._ledger, self._rules)).values())


def _parts(described: Described) -> int:
    plan = described.plan
    shared = sum(len(group.targets) * len(group.sources) for group in plan.shared)
    return (
        len(plan.columns) + len(plan.derivations) + len(plan.dependencies) + len(plan.inputs) + min(shared, MOST_EDGES)
    )
