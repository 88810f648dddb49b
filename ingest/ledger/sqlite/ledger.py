"""The ledger in one SQLite file: implements `ledger.port.Ledger`, whose docstrings say what its methods promise."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from headwater.ingest.ledger.chain import start
from headwater.ingest.ledger.entries import (
    NOTHING_NAMED,
    Appended,
    Chained,
    Entry,
    Head,
    LedgerDamaged,
    LedgerError,
    LedgerUnavailable,
    NewEntry,
    Packed,
    StoredEntry,
    Touched,
    pack,
)
from headwater.ingest.ledger.folder_lock import FolderLock, prepare_folder
from headwater.ingest.ledger.port import MAX_READ_BYTES, NO_REPEATS
from headwater.ingest.ledger.sqlite.checkpoint import Checkpointer, empty_log
from headwater.ingest.ledger.sqlite.file import (
    Place,
    Readers,
    connect_reader,
    connect_writer,
    create_if_new,
    identify,
    locate,
    prepare_file,
    read_identity,
    unreadable,
)
from headwater.ingest.ledger.sqlite.writer import Writer

_ENTRIES = """SELECT e.sequence, e.received_ms, e.sender, e.kind, e.content_type, e.redactions, e.hash,
        b.sha256, b.packed, b.size
    FROM entries e LEFT JOIN bodies b ON b.content = e.content"""
_STORED = """SELECT e.sequence, e.received_ms, e.sender, e.kind, e.content_type, e.redactions, e.salted, e.hash,
        b.salt, b.sha256, b.packed, x.sequence
    FROM entries e LEFT JOIN bodies b ON b.content = e.content LEFT JOIN erasures x ON x.content = e.content
    WHERE e.sequence > ? ORDER BY e.sequence LIMIT ?"""
_HEAD = "SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1"

_PAGE = 200  # entries that one statement reads: a longer one would keep the write-ahead log from starting again
_BEFORE_ALL = -(2**63)  # not 0: a row that somebody moved to a number below 1 must be seen too
_PAGE_OVERHEAD = 24 * 2**10  # of an entry in the write-ahead log, beside its body: some six pages of tables and indexes


class _Writing(NamedTuple):
    """What is open where this process writes."""

    writer: Writer
    checkpointer: Checkpointer
    lock: FolderLock


class SQLiteLedger:
    """Made by `open` or `open_readonly`. One transaction at a time is written; reading never waits for it."""

    def __init__(self, path: Path, ledger_id: str, clock: Callable[[], int] = lambda: 0) -> None:
        """Only reading; `open` adds what writes."""
        self._id = ledger_id
        self._path = path
        self._clock = clock
        self._readers = Readers(path)
        self._transaction = threading.Lock()
        self._writing: _Writing | None = None

    @classmethod
    def open_readonly(cls, place: Path) -> SQLiteLedger:
        """The ledger of a data folder, or a backup's file. NotALedger, NewerLedger, LedgerUnavailable."""
        path = locate(place)
        return cls(path, read_identity(path))

    @classmethod
    def open(cls, folder: Path, clock: Callable[[], int]) -> SQLiteLedger:
        """The ledger of a data folder, both made where they are missing. `clock` gives ms since 1970.

        LedgerInUse, NotALedger, NewerLedger; LedgerUnavailable: no permission, full disk.
        """
        try:
            return cls._open(folder, clock)
        except (OSError, sqlite3.Error) as error:
            raise LedgerUnavailable(f"the ledger in {folder} cannot be opened: {error}") from error

    @classmethod
    def _open(cls, folder: Path, clock: Callable[[], int]) -> SQLiteLedger:
        with ExitStack() as undo:
            prepare_folder(folder)
            lock = FolderLock(folder)
            undo.callback(lock.release)
            path = prepare_file(folder)
            connection = connect_writer(path)
            undo.callback(connection.close)
            create_if_new(connection, path, clock())
            ledger = cls(path, identify(connection, path), clock)
            log_is_empty = empty_log(connection)  # after a crash it may still hold a body that was just erased
            checkpointer = Checkpointer(path, ledger._transaction)
            place = Place(path, path.with_name(f"{path.name}-wal"))
            ledger._writing = _Writing(Writer(connection, ledger.id, place), checkpointer, lock)
            undo.pop_all()
        if not log_is_empty:
            checkpointer.truncate_later()
        return ledger

    @property
    def id(self) -> str:
        """See `LedgerReader.id`."""
        return self._id

    def append(self, entries: Sequence[NewEntry]) -> list[Appended]:
        """See `LedgerWriter.append`: one transaction, one fsync."""
        return self.append_packed([pack(entry) for entry in entries])

    def append_packed(self, entries: Sequence[Packed], again: Mapping[int, int] = NO_REPEATS) -> list[Appended]:
        """See `Appends.append_packed`."""
        if not entries and not again:
            return []
        with self._write() as writing:
            appended = writing.writer.append(entries, self._clock(), again)
            writing.checkpointer.written(sum(len(entry.body) + _PAGE_OVERHEAD for entry in entries))
            return appended

    def erase(self, sequence: int, reason: str, touched: Touched = NOTHING_NAMED, *, sender: str | None = None) -> int:
        """See `LedgerWriter.erase`. While a reader uses the log, the body's bytes stay in it for a moment longer."""
        with self._write() as writing:
            erasure = writing.writer.erase(sequence, reason, self._clock(), touched, sender)
            if not writing.writer.empty_log():
                writing.checkpointer.truncate_later()
            return erasure

    def read(self, after: int, limit: int, *, max_bytes: int = MAX_READ_BYTES) -> list[Entry]:
        """See `LedgerReader.read`."""
        entries: list[Entry] = []
        left = max_bytes
        with self._readers.borrow() as connection:
            rows = connection.execute(f"{_ENTRIES} WHERE e.sequence > ? ORDER BY e.sequence LIMIT ?", (after, limit))
            for row in rows:
                left -= row[-1] or 0
                if left < 0 and entries:
                    break
                entries.append(_entry(row))
            rows.close()
        return entries

    def of_kind(self, kind: str) -> list[Entry]:
        """See `LedgerReader.of_kind`."""
        with self._readers.borrow() as connection:
            return list(map(_entry, connection.execute(f"{_ENTRIES} WHERE e.kind = ? ORDER BY e.sequence", (kind,))))

    def entry(self, sequence: int) -> Entry | None:
        """See `LedgerReader.entry`."""
        with self._readers.borrow() as connection:
            row = connection.execute(f"{_ENTRIES} WHERE e.sequence = ?", (sequence,)).fetchone()
        return _entry(row) if row else None

    def head(self) -> Head:
        """See `LedgerReader.head`."""
        with self._readers.borrow() as connection:
            row = connection.execute(_HEAD).fetchone()
        return Head(row[0], row[1].hex()) if row else start(self.id)

    def count(self) -> int:
        """See `LedgerReader.count`."""
        return self.head().sequence

    def check_place(self) -> None:
        """See `LedgerReader.check_place`."""
        self._readers.place.check()

    def stored(self) -> Iterator[StoredEntry]:
        """See `LedgerReader.stored`."""
        after, reached = None, _BEFORE_ALL
        try:
            with closing(connect_reader(self._path)) as connection:
                connection.text_factory = _any_text
                while reached != after:
                    if self._readers.closed:
                        raise LedgerError("the ledger is closed")
                    after = reached
                    for row in connection.execute(_STORED, (after, _PAGE)):
                        yield _stored(row)
                        reached = row[0]
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            found = unreadable(error, f"the ledger {self._path}")
            if isinstance(found, LedgerDamaged):
                found = LedgerDamaged(f"the file is damaged after entry {max(reached, 0)}: {error}")
            raise found from error

    def close(self) -> None:
        """See `LedgerReader.close`. The last connection that closes moves SQLite's log into the file."""
        self._readers.close()
        with self._transaction:
            writing, self._writing = self._writing, None
        if writing:
            writing.checkpointer.close()
            writing.writer.close()
            writing.lock.release()

    def __enter__(self) -> SQLiteLedger:  # noqa: PYI034 - Self is 3.11
        """The ledger itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    @contextmanager
    def _write(self) -> Iterator[_Writing]:
        with self._transaction:
            if not self._writing:
                raise LedgerError("the ledger is closed, or was opened for reading alone")
            yield self._writing


def _entry(row: tuple[Any, ...]) -> Entry:
    sequence, received_ms, sender, kind, content_type, redactions, digest, sha256, packed, _size = row
    body, damage = (None, "") if packed is None else _unpack(packed, sha256)
    return Entry(
        sequence=sequence,
        received_ms=received_ms,
        sender=sender,
        kind=kind,
        content_type=content_type,
        sha256=sha256.hex() if sha256 else "",
        body=body,
        redactions=tuple(json.loads(redactions)),
        hash=digest.hex(),
        damage=damage,
    )


def _unpack(packed: bytes, sha256: bytes) -> tuple[bytes | None, str]:
    """A body and, if it is not what was stored, None and what is wrong with it."""
    try:
        body = zlib.decompress(packed)
    except (zlib.error, TypeError) as error:
        return None, f"cannot be unpacked ({error}): run headwater verify"
    if hashlib.sha256(body).digest() != sha256:
        return None, "does not match its hash: run headwater verify"
    return body, ""


def _stored(row: tuple[Any, ...]) -> StoredEntry:
    """A row as it is, whatever somebody made of it."""
    chained, (digest, salt, sha256, packed, erasure) = Chained(*row[:7]), row[7:]
    if packed is None:
        lost = "" if erasure is not None else "is missing, and was never erased"
        return StoredEntry(chained, digest, None, None, lost)
    try:
        body = zlib.decompress(packed)
    except (zlib.error, TypeError):
        return StoredEntry(chained, digest, salt, None, "was altered")
    # The chain covers the salted hash alone, and duplicates are found by the plain one.
    damage = "" if hashlib.sha256(body).digest() == sha256 else "was altered"
    return StoredEntry(chained, digest, salt, body, damage)


def _any_text(stored: bytes) -> str:
    """Text that is not UTF-8 must not stop the check: it comes out as lone surrogates, which no hash covers."""
    return stored.decode("utf-8", "surrogateescape")
