"""The ledger: every payload as it came, durable before it is acknowledged, append-only, hash-chained.

It is the truth; the graph is a view of it. Callers need this module alone (and `verify` to check a ledger): the file is
`file`, what an entry and the chain are is `entries`, a transaction is `writer`.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from headwater.ingest.ledger.backup import back_up
from headwater.ingest.ledger.checkpoint import Checkpointer, empty_log
from headwater.ingest.ledger.entries import (
    ERASURE,
    Appended,
    Entry,
    Head,
    LedgerError,
    LedgerInUse,
    LedgerUnavailable,
    NewEntry,
    NewerLedger,
    NotALedger,
    Packed,
    genesis,
    pack,
)
from headwater.ingest.ledger.file import (
    FolderLock,
    Readers,
    connect_writer,
    create_if_new,
    identify,
    locate,
    prepare_file,
    prepare_folder,
    read_identity,
)
from headwater.ingest.ledger.group_commit import GroupCommitter
from headwater.ingest.ledger.verify import Report
from headwater.ingest.ledger.writer import Writer

__all__ = [
    "ERASURE",
    "Appended",
    "Entry",
    "GroupCommitter",
    "Head",
    "Ledger",
    "LedgerError",
    "LedgerInUse",
    "LedgerUnavailable",
    "NewEntry",
    "NewerLedger",
    "NotALedger",
]

MAX_READ_BYTES = 64 * 2**20
"""Bodies that one `read` unpacks, in bytes: a page of ordinary plans is far below, a few huge ones must not add up."""

_ENTRIES = """SELECT e.sequence, e.received_ms, e.sender, e.kind, e.content_type, e.redactions, e.hash,
        b.sha256, b.packed, b.size
    FROM entries e LEFT JOIN bodies b ON b.content = e.content"""
_PAGE_OVERHEAD = 24 * 2**10  # of an entry in the write-ahead log, beside its body: some six pages of tables and indexes


class Ledger:
    """Made by `Ledger.open`. Thread-safe: one transaction at a time is written, reading never waits for it."""

    def __init__(self, folder: Path, path: Path, ledger_id: str, clock: Callable[[], int]) -> None:
        """Only reading; `open` adds what writes."""
        self.folder = folder
        self.id = ledger_id  #: 32 hex digits, made with the ledger and kept by its backups
        self._path = path
        self._clock = clock
        self._readers = Readers(path)
        self._writing = threading.Lock()
        self._writer: Writer | None = None
        self._checkpointer: Checkpointer | None = None
        self._folder_lock: FolderLock | None = None

    @classmethod
    def open(cls, folder: Path, *, clock: Callable[[], int], readonly: bool = False) -> Ledger:
        """Open the ledger in a data folder; make both if they are missing and `readonly` is not asked for.

        `clock` gives ms since 1970. Raises LedgerInUse (another process writes to it; `readonly` still works),
        NotALedger, NewerLedger, or LedgerUnavailable (no permission, full disk).
        """
        if readonly:
            path = locate(folder)
            return cls(folder, path, read_identity(path), clock)
        with _io_errors_told(folder):
            return cls._open_to_write(folder, clock)

    @classmethod
    def _open_to_write(cls, folder: Path, clock: Callable[[], int]) -> Ledger:
        with ExitStack() as undo:
            prepare_folder(folder)
            lock = FolderLock(folder)
            undo.callback(lock.release)
            path = prepare_file(folder)
            connection = connect_writer(path)
            undo.callback(connection.close)
            create_if_new(connection, path, clock())
            ledger = cls(folder, path, identify(connection, path), clock)
            log_is_empty = empty_log(connection)  # what a crash left may hold a body that was just erased
            ledger._folder_lock = lock
            ledger._writer = Writer(connection, ledger.id)
            ledger._checkpointer = Checkpointer(path, ledger._writing)
            undo.pop_all()
        if not log_is_empty:
            ledger._checkpointer.truncate_later()
        return ledger

    def append(self, entries: Sequence[NewEntry]) -> list[Appended]:
        """Keep all of them, in order, durable on return; one fsync. LedgerUnavailable: none was kept.

        What has the kind, content type and bytes of an entry that is there already is counted and not appended. Bytes
        that were erased are no longer known: sent again, they are a new entry.
        """
        return self.append_packed([pack(entry) for entry in entries])

    def append_packed(self, entries: Sequence[Packed]) -> list[Appended]:
        """`append` for entries that were hashed and compressed elsewhere."""
        if not entries:
            return []
        with self._write() as (writer, checkpointer):
            appended = writer.append(entries, self._clock())
            checkpointer.written(sum(len(entry.body) + _PAGE_OVERHEAD for entry in entries))
            return appended

    def erase(self, sequence: int, reason: str) -> int:
        """Remove the body of an entry for good, and append an entry that says so; the latter's sequence.

        Entries that share the same bytes lose them too, and are named in it. LedgerError: it has no body to erase.
        """
        with self._write() as (writer, checkpointer):
            said = writer.erase(sequence, reason, self._clock())
            if not writer.empty_log():
                checkpointer.truncate_later()
            return said

    def read(self, after: int, limit: int, *, max_bytes: int = MAX_READ_BYTES) -> list[Entry]:
        """Up to `limit` entries with a sequence above `after`, in order.

        Fewer if their bodies would have more than `max_bytes` together; never none because of that.
        """
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
        """All entries of a kind, in order, whatever they hold: for kinds of which there are few."""
        with self._readers.borrow() as connection:
            return list(map(_entry, connection.execute(f"{_ENTRIES} WHERE e.kind = ? ORDER BY e.sequence", (kind,))))

    def entry(self, sequence: int) -> Entry | None:
        """One entry; None if there is none with this number."""
        with self._readers.borrow() as connection:
            row = connection.execute(f"{_ENTRIES} WHERE e.sequence = ?", (sequence,)).fetchone()
        return _entry(row) if row else None

    def head(self) -> Head:
        """The end of the chain, as it is on disk."""
        with self._readers.borrow() as connection:
            row = connection.execute("SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1").fetchone()
        sequence, digest = row or (0, genesis(self.id))
        return Head(sequence, digest.hex())

    def count(self) -> int:
        """How many entries there are, erased ones included: they are numbered without gaps."""
        return self.head().sequence

    def repeats(self, sequence: int) -> int:
        """How often the bytes of this entry came again."""
        with self._readers.borrow() as connection:
            row = connection.execute("SELECT count FROM repeats WHERE sequence = ?", (sequence,)).fetchone()
        return int(row[0]) if row else 0

    def backup(self, target: Path, *, progress: Callable[[int, int], None] | None = None) -> Report:
        """Copy everything up to now into a new file, while others write; the report of checking the copy.

        `progress` is called with pages copied and their number. To restore, put the file into an empty folder under the
        name `ledger.sqlite`. LedgerError: `target` exists; LedgerUnavailable: it cannot be written.
        """
        return back_up(self._path, target, progress or (lambda _done, _total: None))

    def close(self) -> None:
        """Let go of the file and of the folder. Closing again does nothing."""
        self._readers.close()
        with self._writing:
            writer, self._writer = self._writer, None
        if writer and self._checkpointer and self._folder_lock:
            self._checkpointer.close()
            writer.close()
            self._folder_lock.release()

    def __enter__(self) -> Ledger:  # noqa: PYI034 - Self is 3.11
        """The ledger itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    @contextmanager
    def _write(self) -> Iterator[tuple[Writer, Checkpointer]]:
        with self._writing:
            if not self._writer or not self._checkpointer:
                raise LedgerError("the ledger is closed, or was opened for reading alone")
            yield self._writer, self._checkpointer


def _entry(row: tuple[Any, ...]) -> Entry:
    sequence, received_ms, sender, kind, content_type, redactions, digest, sha256, packed, _size = row
    return Entry(
        sequence=sequence,
        received_ms=received_ms,
        sender=sender,
        kind=kind,
        content_type=content_type,
        sha256=sha256.hex() if sha256 else "",
        body=None if packed is None else _unpack(sequence, packed),
        redactions=tuple(json.loads(redactions)),
        hash=digest.hex(),
    )


def _unpack(sequence: int, packed: bytes) -> bytes:
    try:
        return zlib.decompress(packed)
    except zlib.error as error:
        raise LedgerError(f"the body of entry {sequence} is damaged ({error}): run headwater verify") from error


@contextmanager
def _io_errors_told(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise LedgerUnavailable(f"the ledger in {folder} cannot be opened: {error}") from error
