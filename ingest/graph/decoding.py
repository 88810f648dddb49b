"""From ledger entries to plan bodies and events, with the plans that were decoded last kept in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from headwater.graphmodel import statements
from headwater.graphmodel.choice import Event
from headwater.graphmodel.logic import logic, summary
from headwater.graphmodel.model import Plan, Run
from headwater.graphmodel.renaming import Names, names, renamed
from headwater.graphmodel.statements import Said, Snapshot, Statement
from headwater.ingest.fold.reference_counts import MappedPlan
from headwater.ingest.ledger.entries import ERASURE, Entry, Head

#: Of body and content type; raises what it cannot take.
Decoder = Callable[[bytes, str], Plan | tuple[Run, ...] | Said]

_PARTS_KEPT = 50_000  #: columns, derivations, dependencies and operations of the plans in memory; some KB each


class Renamed(Exception):
    """Datasets have other names than those that the graph was drawn with: it has to be drawn anew."""


class Erased(Exception):
    """A plan body is needed again that was erased since: the graph has to be rebuilt without it."""


class Ledger(Protocol):
    """What is asked of the ledger."""

    @property
    def id(self) -> str:
        """What tells it from every other ledger."""

    def read(self, after: int, limit: int) -> list[Entry]:
        """Entries with a sequence above `after`, in order."""

    def entry(self, sequence: int) -> Entry | None:
        """One entry."""

    def of_kind(self, kind: str) -> list[Entry]:
        """All entries of a kind, in order."""

    def head(self) -> Head:
        """The last entry."""


@dataclass
class Batch:
    """Entries, decoded."""

    plans: list[MappedPlan] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    statements: list[Said] = field(default_factory=list)
    refused: list[tuple[Entry, Exception]] = field(default_factory=list)
    erasures: list[int] = field(default_factory=list)


def stated_names(ledger: Ledger) -> dict[str, str]:
    """The names that people state to be one, in the whole ledger. What is no statement is parked, and says nothing."""
    said: list[Said] = []
    for entry in ledger.of_kind(statements.KIND):
        if entry.body is not None:
            with suppress(statements.StatementError):
                said.append(statements.parse(entry.body))
    return names(said)


def decoders() -> dict[str, Decoder]:
    """The decoders of entries, by kind: Spline's, and what people state."""
    from headwater.spline_bridge.decode import decode_events, decode_plan

    return {"spline.plan": decode_plan, "spline.events": decode_events, statements.KIND: statements.parse}


class Decoding:
    """The decoded entries of one ledger. An entry that was erased, or of a kind without decoder, is passed over."""

    def __init__(self, ledger: Ledger, decoders: Mapping[str, Decoder]) -> None:
        self._ledger = ledger
        self._decoders = decoders
        self._plans: OrderedDict[int, MappedPlan] = OrderedDict()
        self._parts = 0
        self._names: Names = {}

    def use_names(self, names: Names) -> None:
        """Take these names of datasets for one, in the plans that are decoded from now on."""
        self._names = names
        self.forget()

    def batch(self, entries: Sequence[Entry]) -> Batch:
        """Decode entries; one that cannot be decoded is among the refused ones."""
        batch = Batch()
        for entry in entries:
            if entry.kind == ERASURE:
                batch.erasures.append(entry.sequence)
            elif entry.body is not None and entry.kind in self._decoders:
                try:
                    self._add(batch, entry, entry.body)
                except Exception as error:  # noqa: BLE001 - a bug of a decoder sets this payload aside, not the others
                    batch.refused.append((entry, error))
        return batch

    def plan_at(self, sequence: int) -> MappedPlan:
        """The plan body in the entry with this sequence. Raises `Erased`."""
        if sequence in self._plans:
            self._plans.move_to_end(sequence)
            return self._plans[sequence]
        entry = self._ledger.entry(sequence)
        if entry is None or entry.body is None:
            raise Erased(f"the plan in entry {sequence} was erased")
        plan = self._decoders[entry.kind](entry.body, entry.content_type)
        assert isinstance(plan, Plan), "the derived tables name entries that are plans"
        return self._keep(entry, renamed(plan, self._names))

    def forget(self) -> None:
        """Drop the plans in memory."""
        self._plans.clear()
        self._parts = 0

    def _add(self, batch: Batch, entry: Entry, body: bytes) -> None:
        decoded = self._decoders[entry.kind](body, entry.content_type)
        if isinstance(decoded, Plan):
            batch.plans.append(self._keep(entry, renamed(decoded, self._names)))
        elif isinstance(decoded, Statement | Snapshot):
            batch.statements.append(decoded)
        else:
            batch.events.extend(Event(run, entry.received_ms) for run in decoded)

    def _keep(self, entry: Entry, plan: Plan) -> MappedPlan:
        its_logic = logic(plan)
        known = MappedPlan(entry.sequence, plan, its_logic, summary(plan, its_logic, entry.sha256))
        replaced = self._plans.pop(entry.sequence, None)
        self._parts += _parts(known) - (_parts(replaced) if replaced else 0)
        self._plans[entry.sequence] = known
        while self._parts > _PARTS_KEPT and len(self._plans) > 1:
            self._parts -= _parts(self._plans.popitem(last=False)[1])
        return known


def _parts(known: MappedPlan) -> int:
    plan = known.plan
    return 1 + len(plan.columns) + len(plan.derivations) + len(plan.dependencies) + len(plan.operations)
