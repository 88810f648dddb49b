"""The ingester: brings what is in an inbox into the ledger in S3, and the ledger into the graph. One at a time.

A step is: take files, read them, append them to the ledger as one segment, remove them, tell their source. It may be
cut off anywhere: a file is removed only when it is in the ledger, and one that is read again is a duplicate there. A
file that is no payload is parked. The graph follows in a thread of its own (`ingest.graph.projector`), so that a graph
that is away holds up nothing.

A second ingester makes one of the two stop: in the ledger the slower one (`LedgerInUse`), in the graph the older one
(`GraphTaken`: each opening takes the next epoch). What stops says so and ends; whoever started it starts it again.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from headwater.aws_bridge.session import AwsError
from headwater.backoff import Backoff
from headwater.ingest.folder.service import Service
from headwater.ingest.folder.snapshots import Snapshots
from headwater.ingest.inbox.reading import InboxReader, Read, Source
from headwater.ingest.ledger.entries import LedgerUnavailable, NewEntry
from headwater.ingest.ledger.segment_ledger import SegmentLedger

log = logging.getLogger(__name__)

BATCH = 500  #: files in one segment, at most
_BATCH_BYTES = 32 * 2**20  #: bodies in one segment
_IDLE_SECONDS = 5.0  #: between two looks into an inbox that was empty
_SNAPSHOTS_SHARE = 20  #: of the time, one part in so many is spent on snapshots at most: they grow with the ledger
_BACKOFF = Backoff(first=0.5, longest=30.0)


@dataclass
class Counts:
    """What was done since the start."""

    files: int = 0
    new: int = 0  #: entries
    known: int = 0  #: entries that the ledger had
    parked: int = 0  #: files
    snapshots: int = 0

    def told(self) -> dict[str, int]:
        """By the names of the metrics (`ingest.process.emf`)."""
        return {"NewEntries": self.new, "KnownEntries": self.known, "ParkedFiles": self.parked}


@dataclass
class Ingester:
    """Used by one thread. `service` has `ledger`, and is started and closed by the caller."""

    source: Source
    reader: InboxReader
    ledger: SegmentLedger
    service: Service
    snapshots: Snapshots | None = None
    snapshot_seconds: float = 300.0
    idle_seconds: float = _IDLE_SECONDS
    clock: Callable[[], float] = time.monotonic
    counts: Counts = field(default_factory=Counts)
    stop: threading.Event = field(default_factory=threading.Event)
    no_memory: threading.Event = field(default_factory=threading.Event)  #: the thread of the graph found none

    def run(self, *, once: bool = False) -> None:
        """Step until `stop` is set; `once`: until the inbox is empty. A step that is under way is finished.

        LedgerInUse, GraphTaken: another one ingests. LedgerDamaged.
        """
        failures, due = 0, self.clock() + self.snapshot_seconds
        while not self.stop.is_set():
            self._refuse_if_graph_is_lost()
            try:
                done = self.step()
                failures = 0
            except (AwsError, OSError, LedgerUnavailable) as error:
                log.warning("nothing can be brought into the ledger at this moment; it waits in the inbox: %s", error)
                self.stop.wait(_BACKOFF.seconds(failures))
                failures += 1
                continue
            if self.snapshots is not None and self.clock() > due:
                begun = self.clock()
                self.save()
                took = self.clock() - begun
                due = self.clock() + max(self.snapshot_seconds, _SNAPSHOTS_SHARE * took)
            if not done:
                if once:
                    return
                self.stop.wait(self.idle_seconds)

    def step(self) -> int:
        """Bring one batch of files into the ledger; how many files. AwsError, OSError, and errors of the ledger."""
        waiting = self.source.take(BATCH)
        if not waiting:
            self.ledger.refuse_if_another_wrote()
            return 0
        batch: list[Read] = []
        size = 0
        for read in self.reader.read(waiting):
            batch.append(read)
            size += read.size
            if size > _BATCH_BYTES:
                self._keep(batch)
                batch, size = [], 0
        self._keep(batch)
        return len(waiting)

    def _keep(self, batch: Sequence[Read]) -> None:
        """Ledger, then inbox, then source: in this order nothing is lost, wherever it is cut off."""
        entries, bad = _fit(batch)
        appended = self.ledger.append(entries)
        new = sum(not each.duplicate for each in appended)
        if new:
            self.service.projector.wake()
        for read in bad:
            self.reader.park(read.file.name, read.reasons)
            log.warning("%s is parked: %s", read.file.name, read.reasons[0])
        self.reader.remove([read.file for read in batch if not read.reasons and not read.gone])
        self.source.done([read.file for read in batch])
        self.counts.files += len(batch)
        self.counts.new += new
        self.counts.known += len(appended) - new
        self.counts.parked += len(bad)
        if batch:
            head = self.ledger.head().sequence
            log.info(
                "%d files: %d new entries, %d known; the ledger is at %d", len(batch), new, len(appended) - new, head
            )

    def save(self) -> None:
        """Make a snapshot; what is wrong is a line in the log."""
        assert self.snapshots is not None, "asked for where snapshots are kept"
        try:
            at = self.snapshots.save(self.ledger)
        except (AwsError, OSError, sqlite3.Error) as error:
            log.warning("no snapshot could be made: %s", error)
            return
        self.counts.snapshots += 1
        log.info("a snapshot was made: the tables are at entry %d", at)

    def _refuse_if_graph_is_lost(self) -> None:
        if self.service.projector.lost is not None:
            raise self.service.projector.lost
        if self.no_memory.is_set():
            raise MemoryError("there was not enough memory for the graph: the next start goes on")


def _fit(batch: Sequence[Read]) -> tuple[list[NewEntry], list[Read]]:
    """The entries of all files that a ledger can keep, and the files with something that it cannot."""
    entries: list[NewEntry] = []
    for read in batch:
        for entry in read.entries:
            try:
                for text in (entry.kind, entry.content_type, entry.sender or ""):
                    text.encode()
            except UnicodeEncodeError:
                read.reasons.append("sender: expected valid Unicode")
            else:
                entries.append(entry)
    return entries, [read for read in batch if read.reasons]
