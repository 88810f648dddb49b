"""The projector: the follower that keeps the graph, and the derived tables beside it, equal to the ledger.

Here: what the loop (`following`) asks of it, and what people ask of the graph's state. What a batch does stands in
`batches`, recovery from a crash in `recovery`.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from headwater import tracing
from headwater.backoff import Backoff
from headwater.graphmodel.naming import DEFAULT, Rules
from headwater.graphmodel.renaming import Names
from headwater.graphstore.errors import Damaged, Denied, InUse, TransientError
from headwater.graphstore.port import GraphStore
from headwater.ingest.fold.file import Derived, Parked
from headwater.ingest.graph.attempts import Attempts, record_of
from headwater.ingest.graph.batches import Batches
from headwater.ingest.graph.decoding import Erased, Ledger, Renamed, decoders
from headwater.ingest.graph.following import BATCH, CannotFollow, FollowerLoop, StartAgain
from headwater.ingest.graph.mark import read_mark
from headwater.ingest.graph.ownership import GraphTaken, Ownership
from headwater.ingest.graph.parking import Parking
from headwater.ingest.graph.patience import Patience, Stopped
from headwater.ingest.graph.recovery import GAP, ForeignGraph, recover
from headwater.ingest.graph.writer import GraphWriter
from headwater.ingest.intake.bridge import Decode
from headwater.ingest.ledger.entries import ERASURE, Entry, Head, LedgerDamaged, LedgerUnavailable

__all__ = ["BATCH", "GAP", "ForeignGraph", "GraphTaken", "Projector", "Stopped"]

log = logging.getLogger(__name__)

#: What no entry is to blame for: nothing is parked for it.
_UNRELATED = (
    TransientError,
    InUse,
    Damaged,
    Denied,
    Stopped,
    Erased,
    Renamed,
    CannotFollow,
    StartAgain,
    sqlite3.Error,
    OSError,
    MemoryError,
)


_FEW = 500  #: entries that are looked through one by one when a graph is opened


class Beside(Protocol):
    """Where a graph can be drawn anew beside the one that answers."""

    def begin(self) -> tuple[GraphStore, Derived]:
        """An empty store and empty tables; what was begun before and is not whole is thrown away. TransientError."""

    def switch(self) -> None:
        """Let the store and the tables that answer be those that were begun. TransientError: nothing was done."""

    def discard(self) -> None:
        """Throw away what was begun, if anything was."""


class Projector:
    """Keeps `store` and `derived` equal to `ledger`; see `following.Follower` for what the loop relies on.

    `decode` maps the kind of an entry to its decoder (default: that of each bridge); entries of other kinds change
    nothing. `backoff` says how a store's passing error is waited out; without a `sleep` of its own the stop of `run`
    cuts it short. `clock` gives ms since 1970. `ownership` is of the same store and ledger. `rules`
    name the datasets; a graph that was drawn with other ones is drawn anew: `beside` the one that answers, or, where
    that is not possible, in its place, which is emptied first.
    """

    name = "The graph"
    unrelated: tuple[type[Exception], ...] = _UNRELATED

    def __init__(  # noqa: PLR0913 - what a projector is made of, by name
        self,
        ledger: Ledger,
        store: GraphStore,
        derived: Derived,
        decode: Mapping[str, Decode] | None = None,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        backoff: Backoff | None = None,
        ownership: Ownership | None = None,
        rules: Rules = DEFAULT,
        beside: Beside | None = None,
    ) -> None:
        patience = Patience(backoff or Backoff())
        self._ledger = ledger
        self._derived = derived
        self._ownership = ownership or Ownership(store, ledger.id, "this process")
        self._store = store
        self._beside = beside
        decode = decoders(rules) if decode is None else decode

        def batches(store: GraphStore, derived: Derived, record: Path | None = None) -> Batches:
            graph = GraphWriter(store, ledger.id, self._ownership, patience.before_retry, rules.text)
            parking = Parking(derived, clock, atomic=store.atomic, rules=rules)
            attempts = Attempts(record or record_of(derived.path), derived.checkpoint)
            return Batches(ledger, store, derived, decode, graph, parking, attempts, rules)

        self._made = batches
        self._shown = batches(store, derived)  #: the graph that answers
        self._batches = self._shown  #: the graph that is written: while one is drawn beside, that one
        self._redrawn = 0
        self._found: Names | None = None  # of datasets, by a drawing that they were not known to
        self._serving = False
        self._emptied = self._shown.rebuilding
        self._erasure = self._last_erasure()
        self._turn = threading.RLock()
        self._loop = FollowerLoop(
            ledger, self, patience=patience, turn=self._turn, reached=lambda: self._shown.checkpoint
        )

    def _last_erasure(self) -> int:
        """The last erasure that the graph may not know yet, where it was cut off or done elsewhere; 0: there is none.

        Looked up once: nobody else can erase while a process has the ledger open for writing.
        """
        with suppress(LedgerDamaged, LedgerUnavailable):  # what cannot be read is met again in the first step
            at, end = self._shown.checkpoint, self._ledger.head().sequence
            if end - at > _FEW:  # by kind: in an SQLite file a walk over all entries, without their bodies
                return max((entry.sequence for entry in self._ledger.of_kind(ERASURE)), default=0)
            found = 0
            while entries := self._ledger.read(at, BATCH):
                at = entries[-1].sequence
                found = max((found, *(entry.sequence for entry in entries if entry.kind == ERASURE)))
            return found
        return 0

    # what the loop asks

    @property
    def checkpoint(self) -> int:
        """The sequence of the last entry that is in the graph that is written, or parked."""
        return self._batches.checkpoint

    @property
    def reached(self) -> int:
        """The sequence of the last entry that is in the graph that answers, or parked."""
        return self._shown.checkpoint

    @property
    def head(self) -> Head:
        """The same entry with its hash, which is empty where it is not known. From any thread."""
        return Head(*self._shown.derived.reached())

    def prepare(self) -> None:
        """Recover from a crash or a failed batch, if there may have been one. ForeignGraph; GraphTaken."""
        with self._turn:
            if self._serving and self._batches is self._shown and self._shown.needs_rebuild:
                self._begin_anew()
            self._recover()
            while self._batches is not self._shown and not self._batches.rebuilding:
                self._switch()
                self._recover()
            if self._emptied and not self._shown.rebuilding:
                self._forget_what_was_there()
                self._emptied = False

    def _recover(self) -> None:
        while self._batches.in_doubt:
            if not recover(self._batches, self._retry, _UNRELATED):
                self._begin_anew()  # once: what is empty lacks nothing

    def _begin_anew(self) -> None:
        """Begin to draw the graph anew; `prepare` goes on with it, then the steps that follow."""
        if self._beside is None or self._batches is not self._shown:
            if self._batches is self._shown:
                self._read_all()
            self._batches.clear_tables()
            self._batches.begin_with(self._found)
            self._emptied = self._batches is self._shown
            return
        log.info("The graph is drawn anew beside the old one, which answers until then")
        # Beside the tables that answer: those of a drawing that is cut off are thrown away with it.
        self._batches = self._made(*self._beside.begin(), record_of(self._derived.path, redrawing=True))
        self._batches.learn_killers(self._shown)
        self._batches.begin_with(self._found)
        self._redrawn += 1  # after `rebuilding` says so, before anything else is asked

    def _forget_what_was_there(self) -> None:
        """Shorten the log of the store that was emptied: it holds every batch ever written, what was erased too.

        A checkpoint keeps the log from the one before it on. So there are two, with a write between them.
        """
        self._store.checkpoint()
        if self._store.atomic:
            self._store.apply(read_mark(self._store).delta())
            self._store.checkpoint()

    def _read_all(self) -> None:
        """LedgerDamaged: a page of the file cannot be read. Found before the one graph that there is, is emptied."""
        after = 0
        while entries := self._ledger.read(after, BATCH):
            after = entries[-1].sequence

    def _switch(self) -> None:
        assert self._beside is not None, "what is written is not what answers"
        for attempts in (self._shown.attempts, self._batches.attempts):  # before: their folder goes with the old tables
            attempts.forget()
        self._beside.switch()
        drawn = self._made(self._store, self._derived)
        drawn.drawings = self._shown.drawings
        drawn.use_names()
        self._batches = self._shown = drawn
        log.info("The graph was drawn anew: it answers from now on")

    def apply(self, entries: Sequence[Entry]) -> None:
        """Bring a batch into the graph, in parts if it is large or one of its entries ended the process before.

        What cannot be decoded is parked; StartAgain: the graph is drawn anew.
        """
        attempts = self._batches.attempts
        try:
            while left := [entry for entry in entries if entry.sequence > self.checkpoint]:
                if attempts.killed_alone(left[0].sequence):
                    self._batches.park_killer(left[0])
                else:
                    batch = left[: attempts.most(self.checkpoint, len(left))]
                    about = {"headwater.first_entry": batch[0].sequence, "headwater.last_entry": batch[-1].sequence}
                    with tracing.span("graph batch", about):
                        self._batches.apply(batch)
        except (Erased, Renamed) as error:
            self._found = (error.names if isinstance(error, Renamed) else None) or self._found
            self.rebuild()
            raise StartAgain(str(error) or "datasets have other names now") from error

    def park(self, entry: Entry, error: Exception) -> None:
        """Set an entry aside."""
        self._batches.park(entry, error)

    # the loop, for those who have a projector

    def run(self, stop: threading.Event, *, limit: int = BATCH) -> None:
        """See `FollowerLoop.run`. What was erased from the ledger, and is still in the graph, is taken out."""
        self._serving = True
        self._loop.run(stop, limit=limit)

    def step(self, limit: int = BATCH) -> int:
        """See `FollowerLoop.step`."""
        return self._loop.step(limit)

    def wake(self, _sequence: int = 0) -> None:
        """See `FollowerLoop.wake`."""
        self._loop.wake()

    def wait_for(self, sequence: int, timeout: float) -> bool:
        """See `FollowerLoop.wait_for`."""
        return self._loop.wait_for(sequence, timeout)

    def wait_settled(self, sequence: int, timeout: float) -> bool:
        """As `wait_for`, and until nothing is shown any more that was erased from the ledger."""
        return self._loop.wait_until(lambda: self.reached >= sequence and not self.rebuilding, timeout)

    def lag(self) -> int:
        """How many ledger entries are not yet in the graph."""
        return self._loop.lag()

    # what people ask, and do

    @property
    def needs_rebuild(self) -> bool:
        """Whether the graph may still show what was erased from the ledger; `rebuild` takes it out."""
        return self._batches.needs_rebuild

    @property
    def rebuilding(self) -> bool:
        """Whether the graph is being drawn anew, or has to be: answers may lack what it had, or have what was erased.

        From any thread.
        """
        shown = self._shown
        erased = shown.needs_rebuild or shown.checkpoint < self._erasure
        return erased or self._batches is not shown or shown.rebuilding

    @property
    def drawings(self) -> int:
        """How often the graph was begun anew since this projector was made. From any thread."""
        return self._redrawn + self._shown.drawings

    @property
    def lost(self) -> GraphTaken | None:
        """Why nothing is written any more: another place has taken the graph. None while this one writes."""
        return self._ownership.lost

    def waiting(self) -> int:
        """How many events wait for a plan that has not come."""
        return self._derived.waiting_events()

    def waiting_plans(self) -> int:
        """How many plans have no event, and are therefore not in the graph."""
        return self._derived.waiting_plans()

    def parked(self, after: int = 0, limit: int = -1) -> list[Parked]:
        """The entries that could not be brought into the graph, with the reason, by sequence; see `Derived.parked`."""
        return self._derived.parked(after, limit)

    def parked_count(self) -> int:
        """How many entries could not be brought into the graph."""
        return self._derived.parked_count()

    @property
    def computing_seconds(self) -> float:
        """How long the batch in hand has been decoded and mapped; 0 while there is none, and while it is written."""
        since = self._batches.computing_since
        return 0.0 if since is None else time.monotonic() - since

    def ends_in_order(self) -> None:
        """The process is told to end: if it is killed while a batch is being applied, no entry is to blame for it."""
        self._batches.attempts.survived()

    def retry_parked(self) -> int:
        """Try the parked entries again, after a fix; how many of them are in the graph now."""
        with self._turn:
            self.prepare()
            parked = [parked.sequence for parked in self._derived.parked()]
            while self.rebuilding and self.step():  # the graph has just been emptied
                pass
            return sum(map(self._retry, parked))

    def trust_tables(self) -> None:
        """Go on from the tables as they are, without comparing them with the store: for one that keeps nothing."""
        self._batches.use_names()
        self._batches.advance(self._derived.checkpoint)
        self._batches.graph.take()
        self._batches.in_doubt = False

    def rebuild(self) -> None:
        """Draw the graph anew, beside the old one or in its place: the steps that follow replay the whole ledger."""
        with self._turn:
            self._begin_anew()
            self.prepare()

    def give_back(self) -> None:
        """Let any other place write the graph from now on. Called once, when this projector has ended."""
        with self._turn:
            if self._beside is not None:
                self._beside.discard()
            self._ownership.give_back()

    def _retry(self, sequence: int) -> bool:
        """Whether the parked entry is in the graph now."""
        entry = self._ledger.entry(sequence)
        if entry is None:
            return False
        self._batches.derived.mark_retrying(sequence)
        try:
            return self._batches.apply([entry], retried=sequence)
        except _UNRELATED:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a payload does to the mapping, the others go on
            self._batches.park(entry, error)
            return False
