"""Entries that are set aside with their reason, and what a store that is not atomic may have kept of them.

If such a store refuses an entry in the middle of a write, a part of the entry may be in the graph. The graph is then
rebuilt without that entry, which is not offered again until somebody retries it. Nor is one that ended the process
(`attempts`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from headwater.graphmodel.naming import DEFAULT, Rules
from headwater.graphstore.errors import InvalidRequest, PermanentError
from headwater.ingest.fold.file import Derived, Parked
from headwater.ingest.graph.attempts import killer
from headwater.ingest.graph.named_datasets import datasets_named
from headwater.ingest.intake.bridge import READ, WRITTEN, Named
from headwater.ingest.ledger.entries import Entry, LedgerDamaged

log = logging.getLogger(__name__)

_REASON = 2_000  #: characters of an error that are kept
_PARTIALLY_WRITTEN = "torn"  #: in data folders under this name


class Parking:
    """The parked entries of one graph. `clock` gives ms since 1970."""

    def __init__(self, derived: Derived, clock: Callable[[], int], *, atomic: bool, rules: Rules = DEFAULT) -> None:
        self._rules = rules
        self._derived = derived
        self._clock = clock
        self._atomic = atomic

    def set_aside(self, entry: Entry, error: Exception) -> None:
        """Park an entry that is not in the graph."""
        reason = f"{type(error).__name__}: {error}"[:_REASON]
        log.warning("Entry %s is parked: %s", entry.sequence, reason)
        named = datasets_named(entry, self._rules, self._datasets_of_plan)
        self._derived.park(
            Parked(entry.sequence, entry.kind, reason, self._clock()), (("", ""),) if named is None else named
        )
        if isinstance(error, LedgerDamaged):
            self._derived.note_unreadable(entry.sequence)

    def _datasets_of_plan(self, agent_plan_id: str) -> Named | None:
        found = self._derived.body(agent_plan_id)
        if found is None:
            return None
        return frozenset([(found[1].target, WRITTEN), *((dataset, READ) for dataset in found[1].inputs)])

    def note_partial_write(self, entry: Entry, error: Exception) -> bool:
        """Whether writing the entry may have left a part of it in the graph; noted until the graph is rebuilt."""
        if self._atomic or not isinstance(error, PermanentError) or isinstance(error, InvalidRequest):
            return False
        self._derived.skip([*self._derived.skipped(), entry.sequence])
        self._derived.set_meta(_PARTIALLY_WRITTEN, "1")
        return True

    def set_killer_aside(self, entry: Entry | None) -> None:
        """Park an entry that ends the process. It is not offered again, in a rebuild neither, until it is retried."""
        if entry is not None:
            self.set_aside(entry, killer(entry.sequence))
            self._derived.skip([*self._derived.skipped(), entry.sequence])

    def leave_out_as(self, other: Parking) -> None:
        """Park, in empty tables, the entries that `other` does not offer again."""
        skipped = other._derived.skipped()
        self._derived.skip(skipped)
        for parked in other._derived.parked():
            if parked.sequence in skipped:
                self._derived.park(parked, other._derived.named_by_parked(parked.sequence))

    def give_up_retry(self, sequence: int) -> None:
        """A retry ended the process each time: the entry stays parked. What it left in the graph is rebuilt away."""
        with self._derived.transaction():
            self._derived.skip([*self._derived.skipped(), sequence])
            self._derived.end_retry(sequence)
            self._derived.set_meta(_PARTIALLY_WRITTEN, "1")

    @property
    def partially_written(self) -> bool:
        """Whether the graph may hold a part of an entry that is parked."""
        return self._derived.meta(_PARTIALLY_WRITTEN) is not None

    def offered(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries without those that a rebuild leaves out."""
        skipped = self._derived.skipped()
        return [entry for entry in entries if entry.sequence not in skipped]

    def start_anew(self) -> None:
        """Empty the derived tables; what a rebuild leaves out stays parked."""
        skipped = self._derived.skipped()
        kept = [
            (parked, self._derived.named_by_parked(parked.sequence))
            for parked in self._derived.parked()
            if parked.sequence in skipped
        ]
        self._derived.clear()
        self._derived.skip(skipped)
        for parked, named in kept:
            self._derived.park(parked, named)

    def forget_erased(self, has_body: Callable[[int], bool]) -> None:
        """Park no longer what a rebuild leaves out and has been erased since: nothing is missing any more."""
        for sequence in self._derived.skipped():
            if not has_body(sequence):
                self._derived.unpark(sequence)
