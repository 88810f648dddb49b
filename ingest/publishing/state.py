"""What a publisher remembers between two starts, in an SQLite file of its own: never more than the ledger says.

Here: its checkpoint, where the ledger has each plan, runs that came before their plan, the last writes that may be
reported twice, and what a backend refused. The checkpoint moves in the same transaction as what belongs to it. Not
here: events, backends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from headwater.graphmodel.delta import digest
from headwater.graphmodel.model import Effect, Role
from headwater.graphmodel.now import Write
from headwater.ingest.fold.rows import BodyRef
from headwater.ingest.ledger.entries import LedgerInUse
from headwater.ingest.ledger.folder_lock import FolderLock, prepare_folder

FOLDER = "publishing"
"""The folder in a data folder that has one folder for each target."""

_FILE = "state.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS plans (agent_plan_id TEXT PRIMARY KEY, stored INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (
    agent_plan_id TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (agent_plan_id, sequence)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reports (
    number INTEGER PRIMARY KEY, dataset TEXT NOT NULL, app_id TEXT NOT NULL, run TEXT NOT NULL UNIQUE,
    start INTEGER NOT NULL, timestamp INTEGER NOT NULL, role TEXT NOT NULL, signature TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS reports_of ON reports (app_id, dataset);
CREATE TABLE IF NOT EXISTS refused (
    sequence INTEGER NOT NULL, what TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (sequence, what)
) WITHOUT ROWID;
"""
#: Writes that are remembered: the two reports of one write come within moments of each other.
_REPORTS_KEPT = 10_000


class Refused(NamedTuple):
    """What a backend did not take: the ledger entry, the run, and the backend's words."""

    sequence: int
    what: str
    reason: str


class State:
    """The memory of one publisher. One process at a time has it open; used from one thread."""

    def __init__(self, folder: Path, target: str, ledger: str) -> None:
        """`target` says where events go, and which part of the graph; it may hold secrets and is not kept.

        A memory of another ledger is begun anew. LedgerInUse: another process publishes to the same target.
        """
        place = folder / FOLDER / digest(target)[:16]
        prepare_folder(folder / FOLDER)
        prepare_folder(place)
        self._lock = FolderLock(place)
        self._db = sqlite3.connect(place / _FILE, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA secure_delete = ON")  # what was erased from the ledger must not stay in free pages
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # what is lost after a power cut is sent again
        self._db.executescript(_SCHEMA)
        if self._meta("ledger") not in (ledger, None):
            self.forget()
        self._ledger = ledger

    @property
    def checkpoint(self) -> int:
        """The last entry that was published or passed over; 0 for none."""
        return int(self._meta("checkpoint") or 0)

    @property
    def checkpoint_hash(self) -> str:
        """The hash of that entry, in hex; empty for none."""
        return self._meta("hash") or ""

    @property
    def refused(self) -> list[Refused]:
        """What was not taken, by entry."""
        found = self._db.execute("SELECT sequence, what, reason FROM refused ORDER BY sequence, what")
        return [Refused(*row) for row in found]

    def forget(self) -> None:
        """Begin anew: everything is published again."""
        self._db.executescript("DELETE FROM meta; DELETE FROM plans; DELETE FROM waiting; DELETE FROM refused;")
        self._db.execute("DELETE FROM reports")

    def plan(self, agent_plan_id: str) -> BodyRef | None:
        """Where the ledger has a plan, as far as entries were read."""
        row = self._db.execute("SELECT stored FROM plans WHERE agent_plan_id = ?", (agent_plan_id,)).fetchone()
        return BodyRef.of(row[0]) if row else None

    def waiting(self, agent_plan_id: str) -> list[int]:
        """The entries with runs of a plan that had not come."""
        found = self._db.execute(
            "SELECT sequence FROM waiting WHERE agent_plan_id = ? ORDER BY sequence", (agent_plan_id,)
        )
        return [row[0] for row in found]

    def reports(self, app_id: str, dataset: str) -> list[Write]:
        """The writes of a dataset by a Spark application that were published, as far as they may be reported twice."""
        found = self._db.execute(
            "SELECT run, timestamp, start, app_id, role, signature FROM reports WHERE app_id = ? AND dataset = ?",
            (app_id, dataset),
        )
        return [
            Write(run, timestamp, start, app, "", Effect.KEEP, Role(role), signature)
            for run, timestamp, start, app, role, signature in found
        ]

    def move(
        self,
        checkpoint: int,
        entry_hash: str,
        plans: Iterable[tuple[str, BodyRef]] = (),
        waiting: Iterable[tuple[str, int]] = (),
        refused: Iterable[Refused] = (),
        reports: Iterable[tuple[str, Write]] = (),
    ) -> None:
        """Move the checkpoint, with what was learnt on the way: all of it or nothing. Plans that came wait no more.

        `reports` are writes that were published, with their datasets; the last ones are kept. `entry_hash` is the hash
        of the entry `checkpoint`.
        """
        known = list(plans)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("REPLACE INTO plans VALUES (?, ?)", [(plan, ref.stored) for plan, ref in known])
            self._db.executemany("DELETE FROM waiting WHERE agent_plan_id = ?", [(plan,) for plan, _ in known])
            self._db.executemany("REPLACE INTO waiting VALUES (?, ?)", waiting)
            self._db.executemany("REPLACE INTO refused VALUES (?, ?, ?)", refused)
            self._db.executemany(
                "INSERT OR IGNORE INTO reports VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                [(to, w.app_id, w.run, w.start, w.timestamp, w.role.value, w.signature) for to, w in reports],
            )
            self._db.execute(
                "DELETE FROM reports WHERE number <= (SELECT max(number) FROM reports) - ?", (_REPORTS_KEPT,)
            )
            for name, value in (("checkpoint", str(checkpoint)), ("hash", entry_hash), ("ledger", self._ledger)):
                self._set_meta(name, value)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Let the next one in."""
        self._db.close()
        self._lock.release()

    def _meta(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def _set_meta(self, name: str, value: str) -> None:
        self._db.execute("REPLACE INTO meta VALUES (?, ?)", (name, value))


def forget_erased(folder: Path, sequence: int) -> list[Path]:
    """Let no publisher of a data folder remember names that an erased entry may have told.

    A write that is reported twice may then be published twice. The files that could not be changed, since another
    process has them open, or since they are damaged.
    """
    kept = []
    for file in sorted((folder / FOLDER).glob(f"*/{_FILE}")):
        try:
            lock = FolderLock(file.parent)
        except LedgerInUse:
            kept.append(file)
            continue
        try:
            with closing(sqlite3.connect(file, isolation_level=None)) as db:
                db.execute("DELETE FROM reports")
                db.execute("DELETE FROM refused WHERE sequence = ?", (sequence,))
                db.execute("VACUUM")  # else what was deleted is left in free pages
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            kept.append(file)
        finally:
            lock.release()
    return kept
