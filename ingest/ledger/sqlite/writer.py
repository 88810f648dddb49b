"""What happens in a transaction of the ledger: append, count a duplicate, erase. One connection, one caller at a time.

What a new entry becomes is decided by `chain.next_entry`; here it is looked up what that needs, and stored. The end
of the chain is read from the file in each transaction (10 microseconds), so that no interruption can leave an old copy
of it in memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from headwater.ingest.ledger.chain import KnownBody, next_entry, start
from headwater.ingest.ledger.entries import (
    ERASURE,
    Appended,
    Head,
    LedgerError,
    LedgerUnavailable,
    NewEntry,
    Packed,
    Touched,
    pack,
)
from headwater.ingest.ledger.port import NO_REPEATS
from headwater.ingest.ledger.sqlite.checkpoint import empty_log
from headwater.ingest.ledger.sqlite.file import Place

_HEAD = "SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1"
_KNOWN = "SELECT e.content, e.salted FROM bodies b JOIN entries e ON e.sequence = b.content WHERE b.sha256 = ?"
_SAME = "SELECT sequence FROM entries WHERE content = ? AND kind = ? AND content_type = ? ORDER BY sequence LIMIT 1"
_SHARING = "SELECT sequence, kind FROM entries WHERE content = ? ORDER BY sequence"
_ERASABLE = "SELECT e.content, e.salted FROM entries e JOIN bodies b ON b.content = e.content WHERE e.sequence = ?"
_INSERT_ENTRY = """INSERT INTO entries
    (sequence, received_ms, sender, kind, content_type, redactions, salted, content, hash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_BODY = "INSERT INTO bodies VALUES (?, ?, ?, ?, ?)"
_REPEAT = """INSERT INTO repeats VALUES (?, ?, ?)
    ON CONFLICT (sequence) DO UPDATE SET count = count + excluded.count, last_ms = excluded.last_ms"""


@dataclass
class _Transaction:
    """The chain's end as it moves, and the time that all of its entries get."""

    head: Head
    now_ms: int


class Writer:
    """The one connection that writes. Not thread-safe."""

    def __init__(self, connection: sqlite3.Connection, ledger_id: str, place: Place) -> None:
        """`connection` is one of `file.connect_writer`, to the files of `place`."""
        self._connection = connection
        self._place = place
        self._start = start(ledger_id)

    def append(self, entries: Sequence[Packed], now_ms: int, again: Mapping[int, int] = NO_REPEATS) -> list[Appended]:
        """Keep all of them in one transaction, durable on return. LedgerUnavailable: none of them was kept."""
        with self._transaction(now_ms) as transaction:
            repeats = ((sequence, count, now_ms) for sequence, count in again.items())
            self._connection.executemany(_REPEAT, repeats)
            return [self._put(transaction, entry) for entry in entries]

    def erase(self, sequence: int, reason: str, now_ms: int, touched: Touched, sender: str | None) -> int:
        """Remove the body of an entry, and append the entry that says so; its sequence."""
        with self._transaction(now_ms) as transaction:
            content, salted, sequences = self._erasable(sequence)
            about = {name: list(datasets) for name, datasets in touched._asdict().items() if datasets}
            notice = {"sequence": sequence, "sequences": sequences, "reason": reason, "saltedSha256": salted.hex()}
            notice |= about
            body = json.dumps(notice).encode()
            erasure = self._put(transaction, pack(NewEntry(ERASURE, "application/json", body, sender=sender)))
            self._connection.execute("INSERT INTO erasures VALUES (?, ?)", (content, erasure.sequence))
            self._connection.execute("DELETE FROM bodies WHERE content = ?", (content,))
            return erasure.sequence

    def empty_log(self) -> bool:
        """`checkpoint.empty_log`; False also if the disk fails: what was committed stays committed."""
        try:
            return empty_log(self._connection)
        except sqlite3.OperationalError:
            return False

    def close(self) -> None:
        """Close the connection; the last one to close moves the write-ahead log into the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self, now_ms: int) -> Iterator[_Transaction]:
        with _as_unavailable():
            self._roll_back()  # of a transaction that a failing disk could neither commit nor undo
            self._place.check()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                row = self._connection.execute(_HEAD).fetchone()
                yield _Transaction(Head(row[0], row[1].hex()) if row else self._start, now_ms)
                self._connection.execute("COMMIT")
                self._place.check()  # not kept, if the file was removed meanwhile
            finally:
                self._roll_back()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _put(self, transaction: _Transaction, entry: Packed) -> Appended:
        new = next_entry(transaction.head, entry, transaction.now_ms, self._known(entry))
        if isinstance(new, Appended):
            self._connection.execute(_REPEAT, (new.sequence, 1, transaction.now_ms))
            return new
        if new.content == new.chained.sequence:
            self._connection.execute(_INSERT_BODY, (new.content, entry.sha256, entry.salt, entry.size, entry.body))
        self._connection.execute(_INSERT_ENTRY, (*new.chained, new.content, new.hash))
        transaction.head = new.head
        return Appended(new.chained.sequence, duplicate=False)

    def _known(self, entry: Packed) -> KnownBody | None:
        """What is stored of the same bytes, this transaction's entries included."""
        known = self._connection.execute(_KNOWN, (entry.sha256,)).fetchone()
        if not known:
            return None
        content, salted = known
        same = self._connection.execute(_SAME, (content, entry.kind, entry.content_type)).fetchone()
        return KnownBody(content, salted, same[0] if same else None)

    def _erasable(self, sequence: int) -> tuple[int, bytes, list[int]]:
        """The content of an entry, its salted hash, and the entries that share it. LedgerError: it cannot be erased."""
        found = self._connection.execute(_ERASABLE, (sequence,)).fetchone()
        if not found:
            raise LedgerError(f"there is no entry {sequence} in the ledger, or it is erased already")
        content, salted = found
        sharing = self._connection.execute(_SHARING, (content,)).fetchall()
        if any(kind == ERASURE for _, kind in sharing):
            raise LedgerError(f"entry {sequence} says what was erased: it cannot be erased itself")
        return content, salted, [shared for shared, _ in sharing]


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"the ledger cannot be written: {error}") from error
