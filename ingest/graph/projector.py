"""The projector: reads the ledger in order, at least once, and keeps graph and derived tables equal to it.

A batch is one write of the graph (`ingest.graph.writer`), then one commit of the derived tables with the checkpoint.
The graph's own mark says how far it has come, so that whatever happens between the two is found and made good. Where
the write is not atomic, the tables say beforehand how far the batch goes: cut off, the very same one is written again.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from headwater.graphmodel.statements import SAME, Statement
from headwater.graphstore.errors import Damaged, Denied, InUse, TransientError
from headwater.graphstore.port import GraphStore
from headwater.ingest.fold.changes import Changes
from headwater.ingest.fold.file import NAMES, Derived, Parked
from headwater.ingest.fold.projection import project
from headwater.ingest.fold.tables import Tables
from headwater.ingest.graph.backoff import Backoff
from headwater.ingest.graph.decoding import Decoding, Erased, Ledger, Renamed, decoders, stated_names
from headwater.ingest.graph.mark import Mark, is_empty, read_mark
from headwater.ingest.graph.parking import Parking
from headwater.ingest.graph.writer import GraphChanged, GraphWriter
from headwater.ingest.intake.bridge import Decode
from headwater.ingest.ledger.entries import Entry

log = logging.getLogger(__name__)

BATCH = 50  #: entries in one write of the graph
GAP = 1_000  #: entries by which the graph may be ahead of the derived tables without a rebuild
_POLL = 1.0  #: seconds after which the ledger is looked at without being woken
#: Seconds in which entries gather, unless somebody waits for one: a batch costs two syncs of the disk, however large.
_GATHER = 0.04


class Stopped(Exception):
    """The projector was told to stop while it waited for the store. The batch counts as not applied."""


class ForeignGraph(Exception):
    """The store holds the graph of another ledger, and nothing was written to it."""


#: What is no payload's fault: nothing is parked for it.
_NOT_OF_A_PAYLOAD = (
    TransientError,
    InUse,
    Damaged,
    Denied,
    Stopped,
    Erased,
    Renamed,
    ForeignGraph,
    GraphChanged,
    sqlite3.Error,
    OSError,
)


class Projector:
    """Keeps `store` and `derived` equal to `ledger`. What works on them takes turns; what only counts does not wait.

    `decode` maps the kind of an entry to its decoder (default: `decoders()`); entries of other kinds change nothing.
    `backoff` says how a store's passing error is waited out; without a `sleep` of its own `run`'s stop cuts it short.
    `clock` gives ms since 1970.
    """

    def __init__(
        self,
        ledger: Ledger,
        store: GraphStore,
        derived: Derived,
        decode: Mapping[str, Decode] | None = None,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        backoff: Backoff | None = None,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._derived = derived
        self._decoding = Decoding(ledger, decoders() if decode is None else decode)
        self._graph = GraphWriter(store, ledger.id, self._pause)
        self._parking = Parking(derived, clock, atomic=store.atomic)
        self._backoff = backoff or Backoff()
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
            except (TransientError, Denied, ForeignGraph) as error:
                log.warning("The graph cannot be kept up to date: %s", error)
                self._wait(failures)
                failures += 1
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
                self.check()  # what was parked may have left a part of itself in the graph
            except (Erased, Renamed):
                self.rebuild()
                return self.step(limit)
            except GraphChanged as error:
                log.warning("The graph is compared with the ledger: %s", error)
                return self.step(limit)
            return len(entries)

    def retry_parked(self) -> int:
        """Try the parked entries again, after a fix; how many of them are in the graph now."""
        with self._working:
            self.check()
            parked = [parked.sequence for parked in self._derived.parked()]
            while self._checkpoint < max(parked, default=0):  # the graph has just been emptied
                self.step()
            return sum(map(self._retry, parked))

    def rebuild(self) -> None:
        """Empty graph and derived tables; the steps that follow replay the whole ledger."""
        with self._working:
            self._parking.start_anew()
            self._derived.set_meta("clearing", "1")
            self._tables = Tables(self._derived.connection)
            self._decoding.forget()
            self._checked = False
            self.check()

    def check(self) -> None:
        """Make good what a crash left between graph and derived tables. Raises `ForeignGraph`."""
        with self._working:
            if not self._checked:
                self._make_good()
                self._checked = True

    # between graph and derived tables

    def _make_good(self) -> None:
        mark = read_mark(self._store)
        if mark.ledger not in (self._ledger.id, None):
            raise ForeignGraph(f"the store holds the graph of the ledger {mark.ledger}, not of {self._ledger.id}")
        clearing = self._derived.meta("clearing")
        if clearing:
            self._store.clear()
            mark = Mark(0, None)
        if clearing or not self._derived.meta("ledger"):
            self._begin()
        self._decoding.use_names(json.loads(self._derived.meta(NAMES) or "{}"))
        self._advance(self._derived.checkpoint)
        behind = self._behind(mark)
        if behind is None:
            self.rebuild()
        elif behind:
            self._reapply(self._ledger.read(self._checkpoint, behind))
        for sequence in self._derived.retrying():
            self._retry(sequence)

    def _behind(self, mark: Mark) -> int | None:
        """By how many entries the tables are behind the graph, or None: they do not belong together."""
        if mark.ledger is None and not is_empty(self._store):
            if not self._store.atomic:
                raise ForeignGraph("the store holds a graph that is not Headwater's: choose another, or empty it")
            return None
        foreign = self._derived.meta("ledger") != self._ledger.id
        if foreign or self._parking.torn or mark.applied < self._checkpoint:
            return None
        begun = mark.applied
        if not self._store.atomic:
            begun = max(begun, int(self._derived.meta("intended") or 0))
            if mark.ledger is None:
                self._graph.claim()
        return begun - self._checkpoint if begun - self._checkpoint <= GAP else None

    def _begin(self) -> None:
        with self._derived.transaction():
            self._derived.set_meta("clearing", "")
            self._derived.set_meta("ledger", self._ledger.id)
            self._derived.set_meta(NAMES, json.dumps(stated_names(self._ledger)))
            # What is erased up to here is not read any more, so its erasure asks for nothing.
            self._derived.set_meta("replayed", str(self._ledger.head().sequence))

    def _reapply(self, entries: Sequence[Entry]) -> None:
        """The graph has these: with all of them as one batch the tables come to the very state that the graph is in."""
        try:
            self._apply(entries)
        except (Erased, Renamed):
            self.rebuild()
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
        batch = self._decoding.batch(entries if retried else self._parking.taken(entries))
        if any(isinstance(said, Statement) and said.kind == SAME for said in batch.statements):
            self._expect_names()
        with self._batch(entries[-1].sequence) as changes:
            if retried:
                self._derived.unpark(retried)
            for entry, error in batch.refused:
                self._parking.set_aside(entry, error)
            if any(sequence > int(self._derived.meta("replayed") or 0) for sequence in batch.erasures):
                self._derived.set_meta("erased", "1")
            changes.append(project(self._tables, self._decoding.plan_at, batch.plans, batch.events, batch.statements))
        return not batch.refused

    def _expect_names(self) -> None:
        """Renamed: the graph was drawn with other names than people state by now."""
        if stated_names(self._ledger) != json.loads(self._derived.meta(NAMES) or "{}"):
            raise Renamed

    def _park(self, entry: Entry, error: Exception) -> None:
        with self._batch(entry.sequence):
            self._parking.set_aside(entry, error)
            if self._parking.note_what_is_left(entry, error):
                self._checked = False

    @contextmanager
    def _batch(self, sequence: int) -> Iterator[list[Changes]]:
        """A transaction of the tables; before it is committed the changes that were appended go into the graph."""
        last = max(sequence, self._checkpoint)
        changes: list[Changes] = []
        if not self._store.atomic:
            self._derived.set_meta("intended", str(last))
        try:
            with self._derived.transaction():
                self._derived.set_meta("checkpoint", str(last))
                yield changes
                told = changes[0] if changes else Changes()
                self._graph.write(told.delta(), self._checkpoint, last)
        except BaseException:
            self._tables.forget()
            self._checked = False
            raise
        self._advance(last)

    def _pause(self, failures: int, error: TransientError) -> None:
        """Between two tries of one write. Raises the error if these were enough, Stopped if it is to end."""
        if self._backoff.is_last(failures):
            raise error
        self._wait(failures)
        if self._stop.is_set():
            raise Stopped from error

    def _wait(self, failures: int) -> None:
        (self._backoff.sleep or self._stop.wait)(self._backoff.seconds(failures))

    def _advance(self, last: int) -> None:
        with self._advanced:
            self._checkpoint = last
            self._needs_rebuild = self._derived.meta("erased") is not None
            self._advanced.notify_all()
