"""What happens in a transaction of the ledger: append, count a repetition, erase. One connection, one caller at a time.

The end of the chain is read from the file in each transaction (10 microseconds), so that no interruption can leave a
stale copy of it in memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from headwater.ingest.ledger.checkpoint import empty_log
from headwater.ingest.ledger.entries import (
    ERASURE,
    Appended,
    Chained,
    LedgerError,
    LedgerUnavailable,
    NewEntry,
    Packed,
    genesis,
    link,
    pack,
)

_HEAD = "SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1"
_CONTENT = "SELECT e.content, e.salted FROM bodies b JOIN entries e ON e.sequence = b.content WHERE b.sha256 = ?"
_SAME = "SELECT sequence FROM entries WHERE content = ? AND kind = ? AND content_type = ? ORDER BY sequence LIMIT 1"
_SHARING = "SELECT sequence, kind FROM entries WHERE content = ? ORDER BY sequence"
_ERASABLE = "SELECT e.content, e.salted FROM entries e JOIN bodies b ON b.content = e.content WHERE e.sequence = ?"
_INSERT_ENTRY = """INSERT INTO entries
    (sequence, received_ms, sender, kind, content_type, redactions, salted, content, hash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_BODY = "INSERT INTO bodies VALUES (?, ?, ?, ?, ?)"
_REPEAT = """INSERT INTO repeats VALUES (?, 1, ?)
    ON CONFLICT (sequence) DO UPDATE SET count = count + 1, last_ms = excluded.last_ms"""


@dataclass
class _Transaction:
    """The chain's end as it moves, and the one time of all that is appended."""

    sequence: int
    hash: bytes
    now_ms: int


class Writer:
    """The one connection that writes. Not thread-safe."""

    def __init__(self, connection: sqlite3.Connection, ledger_id: str) -> None:
        """`connection` is one of `ledger_file.connect_writer`."""
        self._connection = connection
        self._genesis = genesis(ledger_id)

    def append(self, entries: Sequence[Packed], now_ms: int) -> list[Appended]:
        """All of them in one transaction, durable on return. LedgerUnavailable: none of them."""
        with self._transaction(now_ms) as transaction:
            return [self._put(transaction, entry) for entry in entries]

    def erase(self, sequence: int, reason: str, now_ms: int) -> int:
        """Remove the body of an entry, and append the entry that says so; its sequence."""
        with self._transaction(now_ms) as transaction:
            content, salted, sequences = self._erasable(sequence)
            notice = {"sequence": sequence, "sequences": sequences, "reason": reason, "saltedSha256": salted.hex()}
            body = json.dumps(notice).encode()
            said = self._put(transaction, pack(NewEntry(ERASURE, "application/json", body)))
            self._connection.execute("INSERT INTO erasures VALUES (?, ?)", (content, said.sequence))
            self._connection.execute("DELETE FROM bodies WHERE content = ?", (content,))
            return said.sequence

    def empty_log(self) -> bool:
        """`ledger_checkpoint.empty_log`; False also if the disk fails: what was committed stays so."""
        try:
            return empty_log(self._connection)
        except sqlite3.OperationalError:
            return False

    def close(self) -> None:
        """Close the connection; the last one to close moves the write-ahead log into the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self, now_ms: int) -> Iterator[_Transaction]:
        with _sqlite_errors_told():
            self._roll_back()  # what a failing disk could not undo then
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                sequence, previous = self._connection.execute(_HEAD).fetchone() or (0, self._genesis)
                yield _Transaction(sequence, previous, now_ms)
                self._connection.execute("COMMIT")
            finally:
                self._roll_back()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _put(self, transaction: _Transaction, entry: Packed) -> Appended:
        known = self._connection.execute(_CONTENT, (entry.sha256,)).fetchone()
        same = known and self._connection.execute(_SAME, (known[0], entry.kind, entry.content_type)).fetchone()
        if same:
            self._connection.execute(_REPEAT, (same[0], transaction.now_ms))
            return Appended(same[0], duplicate=True)
        content, salted = known or (transaction.sequence + 1, entry.salted)
        if not known:
            self._connection.execute(_INSERT_BODY, (content, entry.sha256, entry.salt, entry.size, entry.body))
        return self._chain(transaction, entry, content, salted)

    def _chain(self, transaction: _Transaction, entry: Packed, content: int, salted: bytes) -> Appended:
        chained = Chained(
            sequence=transaction.sequence + 1,
            received_ms=transaction.now_ms,
            sender=entry.sender,
            kind=entry.kind,
            content_type=entry.content_type,
            redactions=entry.redactions,
            salted=salted,
        )
        transaction.hash = link(transaction.hash, chained)
        transaction.sequence = chained.sequence
        self._connection.execute(_INSERT_ENTRY, (*chained, content, transaction.hash))
        return Appended(chained.sequence, duplicate=False)

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
def _sqlite_errors_told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"the ledger cannot be written: {error}") from error
