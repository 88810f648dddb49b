"""The projector: reads the ledger in order, at least once, and keeps graph and derived tables equal to it.

A batch is one atomic write of the graph, then one commit of the derived tables with the checkpoint. The graph's own
`ledger` vertex says how far it has come, so that whatever happens between the two is found and made good.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from graphmodel.delta import GraphDelta, vertex
from graphmodel.elements import Part
from graphstore.errors import Damaged, InUse, Passing
from graphstore.port import GraphStore
from ingest.changes import Changes
from ingest.decoding import Decoder, Decoding, Erased, Ledger, spline_decoders
from ingest.derived import Derived, Parked
from ingest.derived_tables import Tables
from ingest.ledger_entries import Entry
from ingest.projection import project

log = logging.getLogger(__name__)

LEDGER = "ledger"  #: id and label of the vertex that says how far the graph has read which ledger
BATCH = 50  #: entries in one write of the graph
GAP = 1_000  #: entries by which the graph may be ahead of the derived tables without a rebuild
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 30.0  #: seconds between retries
_POLL = 1.0  #: seconds after which the ledger is looked at without being woken
#: Seconds in which entries gather, unless somebody waits for one: a batch costs two syncs of the disk, however large.
_GATHER = 0.04
_REASON = 2_000  #: characters of an error that are kept


class Stopped(Exception):
    """The projector was told to stop while it waited for the store. The batch counts as not applied."""


class OtherLedger(Exception):
    """The store holds the graph of another ledger, and nothing was written to it."""


#: What is no payload's fault: nothing is parked for it.
_NOT_OF_A_PAYLOAD = (Passing, InUse, Damaged, Stopped, Erased, OtherLedger, sqlite3.Error, OSError)


class Projector:
    """Keeps `store` and `derived` equal to `ledger`. What works on them takes turns; what only counts does not wait.

    `decode` maps the kind of an entry to its decoder (default: Spline's); entries of other kinds change nothing.
    `clock` gives ms since 1970; `sleep` takes seconds, by default cut short by `run`'s stop; `jitter` gives 0 to 1.
    """

    def __init__(
        self,
        ledger: Ledger,
        store: GraphStore,
        derived: Derived,
        decode: Mapping[str, Decoder] | None = None,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep: Callable[[float], object] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._derived = derived
        self._decoding = Decoding(ledger, spline_decoders() if decode is None else decode)
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._tables = Tables(derived.connection)
        self._working = threading.RLock()
        self._advanced = threading.Condition()
        self._woken = threading.Event()
        self._wanted = threading.Event()  #: somebody waits for an entry, or for the end
        self._waiters = 0
        self._stop = threading.Event()
        self._checked = False
        self._checkpoint = derived.checkpoint
        self._needs_rebuild = derived.meta("erased") is not None

    # what others ask

    @property
    def checkpoint(self) -> int:
        """The sequence of the last entry that is in the graph, or parked."""
        return self._checkpoint

    @property
    def needs_rebuild(self) -> bool:
        """Whether the graph may still show what was erased from the ledger; `rebuild` makes it good."""
        return self._needs_rebuild

    def lag(self) -> int:
        """How many ledger entries are not yet in the graph."""
        return max(0, self._ledger.head().sequence - self._checkpoint)

    def waiting(self) -> int:
        """How many events wait for a plan that has not come."""
        return self._derived.waiting_events()

    def waiting_plans(self) -> int:
        """How many plans have no event, and are therefore not in the graph."""
        return self._derived.waiting_plans()

    def parked(self) -> list[Parked]:
        """The entries that could not be brought into the graph, with the reason."""
        return self._derived.parked()

    def wait_for(self, sequence: int, timeout: float) -> bool:
        """Wait until the entry is in the graph, or parked, at most `timeout` seconds; whether it is."""
        with self._advanced:
            self._waiters += 1
            self._wanted.set()
            try:
                return self._advanced.wait_for(lambda: self._checkpoint >= sequence, timeout)
            finally:
                self._waiters -= 1
                if not self._waiters and not self._stop.is_set():
                    self._wanted.clear()

    def wake(self, sequence: int = 0) -> None:
        """Something was appended to the ledger, or `run` is to look at its stop. Never waits."""
        self._woken.set()

    # the loop

    def run(self, stop: threading.Event, *, limit: int = BATCH) -> None:
        """Step until `stop` is set, in a thread of its own. To end it set `stop`, then call `wake`."""
        self._stop = stop
        failures = 0
        while not stop.is_set():
            try:
                if self.step(limit) < limit:
                    self._woken.wait(_POLL)
                    self._woken.clear()
                    self._wanted.wait(_GATHER)
                failures = 0
            except Stopped:
                return
            except Exception:  # the thread must outlive what nobody foresaw: it is told, and tried again
                log.exception("The projector failed after entry %s", self._checkpoint)
                self._wait(failures)
                failures += 1

    def step(self, limit: int = BATCH) -> int:
        """Bring up to `limit` entries after the checkpoint into the graph; how many. 0 if there are none.

        A passing error of the store is waited out. An entry that cannot be taken is parked, and the others go on.
        Raises what is no payload's fault: a store that refuses everything, a full disk under the derived tables.
        """
        with self._working:
            try:
                self.check()
                entries = self._ledger.read(self._checkpoint, limit)
                self._take(entries)
            except Erased:
                self.rebuild()
                return self.step(limit)
            return len(entries)

    def retry_parked(self) -> int:
        """Try the parked entries again, after a fix; how many of them are in the graph now."""
        with self._working:
            self.check()
            return sum(self._retry(parked.sequence) for parked in self._derived.parked())

    def rebuild(self) -> None:
        """Empty graph and derived tables; the steps that follow replay the whole ledger."""
        with self._working:
            self._derived.clear()
            self._derived.set_meta("clearing", "1")
            self._tables = Tables(self._derived.connection)
            self._decoding.forget()
            self._checked = False
            self.check()

    def check(self) -> None:
        """Make good what a crash left between graph and derived tables. Raises `OtherLedger`."""
        with self._working:
            if not self._checked:
                self._make_good()
                self._checked = True

    # between graph and derived tables

    def _make_good(self) -> None:
        if self._derived.meta("clearing"):
            self._store.clear()
        if self._derived.meta("clearing") or not self._derived.meta("ledger"):
            self._begin()
        self._advance(self._derived.checkpoint)
        applied, ledger = self._graph_has()
        if ledger not in (self._ledger.id, None):
            raise OtherLedger(f"the store holds the graph of the ledger {ledger}, not of {self._ledger.id}")
        gap = applied - self._checkpoint
        foreign = self._derived.meta("ledger") != self._ledger.id
        if foreign or not 0 <= gap <= GAP or (ledger is None and self._has_any()):
            self.rebuild()
        elif gap:
            self._reapply(self._ledger.read(self._checkpoint, gap))
        for sequence in self._derived.retrying():
            self._retry(sequence)

    def _begin(self) -> None:
        with self._derived.transaction():
            self._derived.set_meta("clearing", "")
            self._derived.set_meta("ledger", self._ledger.id)
            # What is erased up to here is not read any more, so its erasure asks for nothing.
            self._derived.set_meta("replayed", str(self._ledger.head().sequence))

    def _graph_has(self) -> tuple[int, str | None]:
        """The sequence up to which the graph has read which ledger; (0, None) for none."""
        found = self._store.g.V(LEDGER).project("applied", "ledger").by("applied").by("ledgerId").to_list()
        return (int(found[0]["applied"]), str(found[0]["ledger"])) if found else (0, None)

    def _has_any(self) -> bool:
        return bool(self._store.g.V().limit(1).to_list())

    def _reapply(self, entries: Sequence[Entry]) -> None:
        """The graph has these: with all of them as one batch the tables come to the very state that the graph is in."""
        try:
            self._apply(entries)
        except _NOT_OF_A_PAYLOAD:
            raise
        except Exception:
            log.exception("The graph is rebuilt: entries that it has could not be applied again")
            self.rebuild()

    # one batch

    def _take(self, entries: Sequence[Entry]) -> None:
        try:
            if entries:
                self._apply(entries)
        except _NOT_OF_A_PAYLOAD:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a payload does to the mapping, the others go on
            if len(entries) == 1:
                self._park(entries[0], error)
                return
            for entry in entries:
                self._take([entry])

    def _retry(self, sequence: int) -> bool:
        entry = self._ledger.entry(sequence)
        if entry is None:
            return False
        self._derived.mark_retrying(sequence)
        try:
            return self._apply([entry], retried=sequence)
        except _NOT_OF_A_PAYLOAD:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            self._park(entry, error)
            return False

    def _apply(self, entries: Sequence[Entry], *, retried: int | None = None) -> bool:
        """The graph first, then the derived tables; whether all of it was taken."""
        batch = self._decoding.batch(entries)
        with self._batch(entries[-1].sequence) as changes:
            if retried:
                self._derived.unpark(retried)
            for entry, error in batch.refused:
                self._set_aside(entry, error)
            if any(sequence > int(self._derived.meta("replayed") or 0) for sequence in batch.erasures):
                self._derived.set_meta("erased", "1")
            changes.append(project(self._tables, self._decoding.plan_at, batch.plans, batch.events))
        return not batch.refused

    def _park(self, entry: Entry, error: Exception) -> None:
        with self._batch(entry.sequence):
            self._set_aside(entry, error)

    def _set_aside(self, entry: Entry, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"[:_REASON]
        log.warning("Entry %s is parked: %s", entry.sequence, reason)
        self._derived.park(Parked(entry.sequence, entry.kind, reason, self._clock()))

    @contextmanager
    def _batch(self, sequence: int) -> Iterator[list[Changes]]:
        """A transaction of the tables; before it is committed the changes that were appended go into the graph."""
        last = max(sequence, self._checkpoint)
        changes: list[Changes] = []
        try:
            with self._derived.transaction():
                self._derived.set_meta("checkpoint", str(last))
                yield changes
                told = changes[0] if changes else Changes()
                told.add(Part((vertex(LEDGER, LEDGER, applied=last, ledgerId=self._ledger.id),)))
                self._write(told.delta())
        except BaseException:
            self._tables.forget()
            self._checked = False
            raise
        self._advance(last)

    def _write(self, delta: GraphDelta) -> None:
        """Write to the graph: the same delta again and again while the store has a passing error."""
        failures = 0
        while True:
            try:
                self._store.apply(delta)
            except Passing as error:
                log.warning("The graph store cannot write now: %s", error)
                self._wait(failures)
                failures += 1
                if self._stop.is_set():
                    raise Stopped from error
            else:
                return

    def _wait(self, failures: int) -> None:
        seconds = min(_FIRST_WAIT * 2 ** min(failures, 20), _LONGEST_WAIT) * (0.5 + self._jitter() / 2)
        (self._sleep or self._stop.wait)(seconds)

    def _advance(self, last: int) -> None:
        with self._advanced:
            self._checkpoint = last
            self._needs_rebuild = self._derived.meta("erased") is not None
            self._advanced.notify_all()
