"""What a ledger in segments knows of its entries beside them, in an SQLite file on this machine.

Which bytes it has (a duplicate is not kept again), and which entries there are of a kind. Derived from the segments,
never the truth: a file that is missing, damaged or of another ledger is made anew from them. Not here: the segments
(`segments`), and writing them (`segment_ledger`).
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from headwater.ingest.ledger.chain import start
from headwater.ingest.ledger.entries import ERASURE, Head, StoredEntry

FORMAT = "1"
FILE = "known.sqlite"

_TABLES = f"""
CREATE TABLE IF NOT EXISTS known (
    sha256 BLOB, kind TEXT, content_type TEXT, sequence INTEGER, content INTEGER, salt BLOB, salted BLOB,
    PRIMARY KEY (sha256, kind, content_type)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS known_salted ON known (salted);
CREATE TABLE IF NOT EXISTS rare (kind TEXT, sequence INTEGER, PRIMARY KEY (kind, sequence)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reached (ledger TEXT, sequence INTEGER, hash TEXT, format TEXT DEFAULT '{FORMAT}');
"""

_OWN = "headwater."  #: begins the kinds of what people and catalogues state


def _listed(kind: str) -> bool:
    """Whether entries of a kind are listed: few are of Headwater's own; nobody asks for all of an agent's at once."""
    return kind == ERASURE or kind.startswith(_OWN)


class Body(NamedTuple):
    """Bytes that a ledger has. `sequence` is that of the first entry with this kind and content type."""

    sequence: int | None
    content: int  #: the first entry with these bytes
    salt: bytes
    salted: bytes


class KnownBodies:
    """Used by one thread at a time."""

    def __init__(self, path: Path, ledger: str) -> None:
        """Open the file at `path`, or make it anew."""
        self._path = path
        self._ledger = ledger
        try:
            self._connection = self._opened()
        except sqlite3.DatabaseError:
            remove(path)
            self._connection = self._opened()

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")  # else salt and hash of erased bytes stay in free pages
            connection.executescript(_TABLES)
            row = connection.execute("SELECT ledger, format FROM reached").fetchone()
            if row is None:
                row = (self._ledger, FORMAT)
                connection.execute(
                    "INSERT INTO reached VALUES (?, 0, ?, ?)", (row[0], start(self._ledger).hash, FORMAT)
                )
        except BaseException:
            connection.close()
            raise
        if row == (self._ledger, FORMAT):
            return connection
        connection.close()
        raise sqlite3.DatabaseError("of another ledger, or in another format")

    def reached(self) -> Head:
        """The last entry that is known."""
        return Head(*self._connection.execute("SELECT sequence, hash FROM reached").fetchone())

    def forget_all(self) -> None:
        """Begin anew."""
        self._connection.close()
        remove(self._path)
        self._connection = self._opened()

    def find(self, sha256: bytes, kind: str, content_type: str) -> Body | None:
        """What is known of these bytes, sent as this; None: nothing."""
        found = self._connection.execute(
            "SELECT kind, content_type, sequence, content, salt, salted FROM known WHERE sha256 = ?", (sha256,)
        ).fetchall()
        if not found:
            return None
        same = next((sequence for k, c, sequence, *_ in found if (k, c) == (kind, content_type)), None)
        return Body(same, *found[0][3:])

    def sharing(self, salted: bytes) -> list[int]:
        """The entries that have the bytes with this salted hash."""
        found = self._connection.execute("SELECT sequence FROM known WHERE salted = ? ORDER BY sequence", (salted,))
        return [sequence for (sequence,) in found]

    def of_kind(self, kind: str) -> list[int] | None:
        """The entries of a kind; None for the kinds that most entries are of, which are not listed."""
        if not _listed(kind):
            return None
        found = self._connection.execute("SELECT sequence FROM rare WHERE kind = ? ORDER BY sequence", (kind,))
        return [sequence for (sequence,) in found]

    def add(self, entries: Iterable[StoredEntry], head: Head) -> None:
        """Learn of the entries that follow, up to `head`."""
        self._connection.execute("BEGIN")
        try:
            for entry in entries:
                self._add(entry)
            self._connection.execute("UPDATE reached SET sequence = ?, hash = ?", (head.sequence, head.hash))
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _add(self, entry: StoredEntry) -> None:
        chained = entry.chained
        if _listed(chained.kind):
            self._connection.execute("INSERT OR IGNORE INTO rare VALUES (?, ?)", (chained.kind, chained.sequence))
        if entry.body is None or chained.kind == ERASURE:
            return
        digest = hashlib.sha256(entry.body).digest()
        first = self._connection.execute("SELECT content FROM known WHERE sha256 = ?", (digest,)).fetchone()
        content = first[0] if first else chained.sequence
        row = (digest, chained.kind, chained.content_type, chained.sequence, content, entry.salt, chained.salted)
        self._connection.execute("INSERT OR IGNORE INTO known VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def forget(self, salted: bytes) -> None:
        """Bytes were erased: sent again they are new."""
        if self._connection.execute("DELETE FROM known WHERE salted = ?", (salted,)).rowcount:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # they are in the log as well

    def copy_to(self, path: Path) -> None:
        """A copy of the file as it is now."""
        with closing(sqlite3.connect(path)) as target:
            self._connection.backup(target)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def remove(path: Path) -> None:
    """Remove the file and what SQLite keeps beside it."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
