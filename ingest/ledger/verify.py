"""Does the ledger still hold what it was given? Walks the chain of any ledger, also one that a server writes to.

The chain shows that an entry was altered, dropped or moved. That the newest ones were cut off, or that everything was
rewritten from some entry on, only shows against something kept elsewhere: the anchor (`ingest.ledger.anchor`).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from headwater.ingest.ledger.anchor import Anchor, read_anchor, write_anchor
from headwater.ingest.ledger.entries import ERASURE, Chained, Head, LedgerUnavailable, genesis, link, salted_sha256
from headwater.ingest.ledger.file import connect_reader, identify, locate

_PAGE = 200  # entries a statement: a long one would keep the write-ahead log from starting again

_ROWS = """SELECT e.sequence, e.received_ms, e.sender, e.kind, e.content_type, e.redactions, e.salted, e.hash,
        e.content, b.salt, b.sha256, b.packed
    FROM entries e LEFT JOIN bodies b ON b.content = e.content
    WHERE e.sequence > ? AND e.sequence <= ? ORDER BY e.sequence LIMIT ?"""
_LINKS = """SELECT sequence, received_ms, sender, kind, content_type, redactions, salted, hash
    FROM entries WHERE sequence > ? ORDER BY sequence"""
_ERASURE_NOTICE = """SELECT b.packed FROM erasures x JOIN entries e ON e.sequence = x.sequence
    JOIN bodies b ON b.content = e.content WHERE x.content = ? AND e.kind = ?"""
_LAST = "SELECT COALESCE(MAX(sequence), 0) FROM entries"
_BEFORE_ALL = -(2**63)  # not 0: a row that was moved to a number below 1 must be seen too
_CHAINED = len(Chained._fields)


@dataclass(frozen=True)
class Problem:
    """The first thing that is wrong: at which entry (0: the whole ledger), and one sentence that says what."""

    sequence: int
    sentence: str


@dataclass(frozen=True)
class Report:
    """What a check found. `entries` is how many were found in order: all of them, if nothing is wrong."""

    entries: int
    erased: int  #: how many of these have no body, and an entry that says that it was erased
    head: Head  #: the last of these
    first_problem: Problem | None = None

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return self.first_problem is None


class _Row(NamedTuple):
    chained: Chained
    hash: bytes
    content: int
    salt: bytes | None
    sha256: bytes | None
    packed: bytes | None


def now_ms() -> int:
    """The system's clock, in ms since 1970."""
    return time.time_ns() // 1_000_000


def verify(
    place: Path,
    anchor: Path | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    clock: Callable[[], int] = now_ms,
) -> Report:
    """Check the ledger in a data folder, or a backup's file.

    An `anchor` file that exists must name an entry of this ledger. If all is well, it is written with the new head.
    `progress` is called with the entries checked and their number. LedgerError: there is nothing that could be checked.
    """
    path = locate(place)
    recorded = read_anchor(anchor) if anchor and anchor.exists() else None
    with closing(connect_reader(path)) as connection:
        connection.text_factory = _any_text
        ledger_id = identify(connection, path)
        try:
            report = _Walk(connection, ledger_id, recorded).run(progress or (lambda _done, _total: None))
        except sqlite3.OperationalError as error:
            raise LedgerUnavailable(f"the ledger {path} cannot be read: {error}") from error
    if anchor and report.ok:
        write_anchor(anchor, Anchor(ledger_id, report.head), clock())
    return report


class _Walk:
    """One pass over the entries: those up to `sequence` were found in order, and `hash` is the hash of that one."""

    def __init__(self, connection: sqlite3.Connection, ledger_id: str, anchor: Anchor | None) -> None:
        self.connection = connection
        self.ledger_id = ledger_id
        self.anchor = anchor
        self.sequence = 0
        self.hash = genesis(ledger_id)
        self.erased = 0

    def run(self, progress: Callable[[int, int], None]) -> Report:
        try:
            problem = self._wrong_anchor() or self._first_problem(progress) or self._cut_off()
        except sqlite3.OperationalError:  # locked, no file descriptor left: that says nothing about what is in the file
            raise
        except sqlite3.DatabaseError as error:
            problem = Problem(self.sequence + 1, f"the file is damaged after entry {self.sequence}: {error}")
        return Report(self.sequence, self.erased, Head(self.sequence, self.hash.hex()), problem)

    def _wrong_anchor(self) -> Problem | None:
        if self.anchor and self.anchor.ledger != self.ledger_id:
            return Problem(0, "the anchor was recorded for another ledger")
        return None

    def _first_problem(self, progress: Callable[[int, int], None]) -> Problem | None:
        last = self.connection.execute(_LAST).fetchone()[0]
        for row in self._rows(last):
            problem = self._out_of_chain(row) or self._wrong_body(row) or self._not_as_anchored(row)
            if problem:
                return problem
            self.sequence, self.hash = row.chained.sequence, row.hash
            if self.sequence % _PAGE == 0 or self.sequence == last:
                progress(self.sequence, last)
        return None

    def _rows(self, last: int) -> Iterator[_Row]:
        after, reached = None, _BEFORE_ALL
        while reached != after:
            after = reached
            for values in self.connection.execute(_ROWS, (after, last, _PAGE)):
                yield _Row(Chained(*values[:_CHAINED]), *values[_CHAINED:])
                reached = values[0]

    def _out_of_chain(self, row: _Row) -> Problem | None:
        expected = self.sequence + 1
        if row.chained.sequence == expected and _link(self.hash, row.chained) == row.hash:
            return None
        moved_to = self._find_moved(expected)
        if moved_to is not None:
            return Problem(expected, f"entry {expected} was reordered: it now stands at {moved_to}")
        if row.chained.sequence != expected:
            return Problem(expected, f"entry {expected} was dropped: entry {row.chained.sequence} stands in its place")
        return Problem(expected, f"entry {expected} was altered: its hash does not follow from it and the one before")

    def _find_moved(self, expected: int) -> int | None:
        for *fields, found in self.connection.execute(_LINKS, (_BEFORE_ALL,)):
            chained = Chained(*fields)
            if chained.sequence != expected and _link(self.hash, chained._replace(sequence=expected)) == found:
                return chained.sequence
        return None

    def _wrong_body(self, row: _Row) -> Problem | None:
        sequence = row.chained.sequence
        if row.packed is None:
            if not self._was_erased(row):
                return Problem(sequence, f"the body of entry {sequence} is missing, and was never erased")
            self.erased += 1
            return None
        if not _is_the_body(row):
            return Problem(sequence, f"the body of entry {sequence} was altered")
        return None

    def _was_erased(self, row: _Row) -> bool:
        found = self.connection.execute(_ERASURE_NOTICE, (row.content, ERASURE)).fetchone()
        try:
            return bool(found) and json.loads(zlib.decompress(found[0]))["saltedSha256"] == row.chained.salted.hex()
        except (zlib.error, ValueError, KeyError, TypeError):  # the notice was altered too
            return False

    def _not_as_anchored(self, row: _Row) -> Problem | None:
        sequence = row.chained.sequence
        if self.anchor and self.anchor.head.sequence == sequence and self.anchor.head.hash != row.hash.hex():
            return Problem(sequence, f"entry {sequence} is not what the anchor saw: it or one before was rewritten")
        return None

    def _cut_off(self) -> Problem | None:
        if self.anchor and self.anchor.head.sequence > self.sequence:
            seen = self.anchor.head.sequence
            last = self.sequence
            return Problem(last + 1, f"the end was cut off: the anchor saw entry {seen}, the ledger ends at {last}")
        return None


def _any_text(stored: bytes) -> str:
    """Text that is not UTF-8 must not stop the walk: it comes out as lone surrogates, which no hash covers."""
    return stored.decode("utf-8", "surrogateescape")


def _link(previous: bytes, chained: Chained) -> bytes:
    """`link`, or nothing where a value has a type that no entry was ever given."""
    try:
        return link(previous, chained)
    except (AttributeError, TypeError, ValueError):
        return b""


def _is_the_body(row: _Row) -> bool:
    try:
        body = zlib.decompress(row.packed or b"")
        right = salted_sha256(row.salt or b"", body) == row.chained.salted
    except (zlib.error, TypeError):
        return False
    return right and hashlib.sha256(body).digest() == row.sha256
