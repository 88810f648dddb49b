"""The ledger's file: where it is, who may open it, and what it must look like. Nothing here knows of entries.

A data folder (0700) holds `ledger.sqlite` (0600, with SQLite's `-wal` and `-shm` beside it) and `ledger.lock`. One
process writes, the one that holds the `FolderLock`; any number read.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path

from headwater.ingest.ledger.entries import LedgerDamaged, LedgerError, LedgerUnavailable, NewerLedger, NotALedger
from headwater.ingest.ledger.folder_lock import refuse_links
from headwater.ingest.places.file_storage import sync_folder
from headwater.ingest.progress import Progress

FILE = "ledger.sqlite"
FORMAT = 1

_APPLICATION_ID = 1213680711  # as in ledger.sql
_PRIVATE_FILE = 0o600
_PAGES = 1000  # of a copy between two reports of progress: about 4 MB
_BUSY_SECONDS = 10.0  # how long to wait for another program that holds SQLite's own lock, such as the sqlite3 shell


def locate(place: Path) -> Path:
    """The ledger's file in a data folder; a path to a file (a backup) stands for itself. NotALedger: none is there."""
    path = place / FILE if place.is_dir() else place
    if not path.is_file():
        raise NotALedger(f"there is no ledger in {place}")
    return path


def is_there(folder: Path) -> bool:
    """Whether a data folder has the ledger's file, whatever is in it."""
    return (folder / FILE).exists()


def prepare_file(folder: Path) -> Path:
    """Make an empty file if there is none, closed to other users; its path. The caller holds the `FolderLock`.

    An existing file is opened by SQLite alone: closing it here would drop the locks that SQLite holds on it in this
    process (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    path = folder / FILE
    refuse_links(path)
    if path.exists():
        with closing(connect_reader(path)) as connection:
            if _tables(connection, path):
                identify(connection, path)  # before anything is done to a file that may be someone else's
    else:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE))
        sync_folder(folder)
    path.chmod(_PRIVATE_FILE)  # SQLite gives -wal and -shm the mode of the file itself
    return path


def connect_writer(path: Path) -> sqlite3.Connection:
    """A connection that writes durably: a COMMIT returns after the fsync of the write-ahead log."""
    refuse_links(*(path.with_name(f"{path.name}{ending}") for ending in _BESIDE))
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "wal_autocheckpoint = 0",  # `checkpoint` does it in a thread of its own, so that no sender waits for it
        "journal_size_limit = 4194304",  # a log that grew past 4 MB is cut when it starts again from its beginning
        "secure_delete = ON",  # an erased body is overwritten with zeros; else its pages would only be marked as free
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write.

    SQLite needs files beside a database with a write-ahead log, which it makes even to read. Where that is not possible
    (a disk that is mounted read-only, a backup's folder of somebody else), and the log is empty, it is told that nobody
    writes.
    """
    refuse_links(*(path.with_name(f"{path.name}{ending}") for ending in _BESIDE))
    alone = not os.access(path.parent, os.W_OK) and not _in_use(path)
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
    return sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


_BESIDE = ("-wal", "-shm")  #: the files that SQLite has beside a database with a write-ahead log


def _in_use(path: Path) -> bool:
    """Whether somebody has the file open, or has left it without closing it: its log is beside it."""
    return any(path.with_name(f"{path.name}{ending}").exists() for ending in _BESIDE)


def unreadable(error: Exception, what: str) -> LedgerError:
    """What an error of SQLite means for the ledger: not now (locked, no file descriptor left), or damaged.

    `what` is what cannot be read. An error text that is no UTF-8 comes out as a UnicodeDecodeError.
    """
    if isinstance(error, sqlite3.OperationalError) and not str(error).startswith(_OF_A_DAMAGED_SCHEMA):
        return LedgerUnavailable(f"{what} cannot be read: {error}")
    return LedgerDamaged(f"{what} cannot be read: {_line(error)}: run headwater verify")


def _line(error: Exception) -> str:
    """SQLite's sentence without the SQL text, which can be long, and is not what it was in a damaged schema."""
    return str(error).partition("\n")[0][:_LONGEST_SENTENCE]


_LONGEST_SENTENCE = 200
_NOT_CLOSED = ": it was not closed, and its folder cannot be written here: open it once where it can be, or copy it"
_OF_A_DAMAGED_SCHEMA = ("no such ", "malformed", "Could not decode")


def create_if_new(connection: sqlite3.Connection, path: Path, now_ms: int) -> None:
    """Give an empty database the schema and an id, in one transaction."""
    if _tables(connection, path):
        return
    schema = resources.files("headwater.ingest.ledger.sqlite").joinpath("ledger.sql").read_text(encoding="utf-8")
    connection.executescript(f"BEGIN IMMEDIATE;\n{schema}")
    meta = {"format": str(FORMAT), "ledger_id": uuid.uuid4().hex, "created_ms": str(now_ms)}
    connection.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", meta.items())
    connection.execute("COMMIT")


def identify(connection: sqlite3.Connection, path: Path) -> str:
    """The ledger's id. NotALedger: it is a file of something else; NewerLedger: its format is unknown here."""
    meta: dict[str, str] = {}
    if "meta" in _tables(connection, path) and _application(connection) == _APPLICATION_ID:
        meta = dict(connection.execute("SELECT key, value FROM meta"))
    if not meta.get("format", "").isdecimal() or "ledger_id" not in meta:
        raise NotALedger(f"{path} is not a ledger, but an SQLite database of something else")
    if int(meta["format"]) > FORMAT:
        raise NewerLedger(
            f"{path} has the ledger format {meta['format']}; this version reads up to {FORMAT}: upgrade Headwater"
        )
    return meta["ledger_id"]


def _application(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA application_id").fetchone()[0])


def _tables(connection: sqlite3.Connection, path: Path) -> set[str]:
    """The names of all tables: none in a file that is still empty."""
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.OperationalError as error:
        hint = "" if os.access(path.parent, os.W_OK) or not _in_use(path) else _NOT_CLOSED
        raise LedgerUnavailable(f"the ledger {path} cannot be read: {error}{hint}") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise NotALedger(f"{path} is not a ledger, or its first pages are damaged: {_line(error)}") from error


class Place:
    """Files that are open, and whether they still have their names: what is written to a file without one is lost.

    SQLite notices nothing of that with a write-ahead log: it would go on, and acknowledge, until the process ends.
    """

    def __init__(self, *paths: Path) -> None:
        """`paths` are there now."""
        self._known = {path: _identity(path) for path in paths}

    def check(self) -> None:
        """LedgerUnavailable: one of them was removed or replaced. Some microseconds."""
        for path, known in self._known.items():
            if _identity(path) != known:
                raise LedgerUnavailable(
                    f"{path} was removed or replaced while it was open: stop what uses it, put the file back,"
                    " or a backup of it, and start again"
                )


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one of the same name; None: there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


class Readers:
    """Connections for reading, one for each thread that reads at the same moment, kept for the next."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self._path = path
        self.place = Place(path)
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self.closed = False

    @contextmanager
    def borrow(self) -> Iterator[sqlite3.Connection]:
        """A connection outside of any transaction. LedgerUnavailable: not now; LedgerDamaged: the file is damaged."""
        with self._lock:
            if self.closed:
                raise LedgerError("the ledger is closed")
            self.place.check()
            idle = self._idle.pop() if self._idle else None
        try:
            connection = idle or connect_reader(self._path)
            try:
                yield connection
            finally:
                self._give_back(connection)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise unreadable(error, "the ledger") from error

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self.closed:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle now and, when it comes back, what is in use."""
        with self._lock:
            self.closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def read_identity(path: Path) -> str:
    """`identify` with a connection of its own. LedgerUnavailable: the file cannot be read."""
    try:
        with closing(connect_reader(path)) as connection:
            return identify(connection, path)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise unreadable(error, f"the ledger {path}") from error


def copy_file(path: Path, target: Path, progress: Progress) -> None:
    """Copy the ledger's file as it is at this moment to a new file, closed to other users, while others write.

    `progress` is called with pages copied and their number. OSError: `target` cannot be made; LedgerUnavailable.
    """
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE))
    try:
        with closing(connect_reader(path)) as source, closing(sqlite3.connect(target, isolation_level=None)) as copy:
            # A read transaction holds one state of the ledger: else each append would start the copy again.
            source.execute("BEGIN")
            source.execute("SELECT COUNT(*) FROM meta").fetchone()
            source.backup(copy, pages=_PAGES, progress=lambda _status, left, total: progress(total - left, total))
            copy.execute("PRAGMA journal_mode = DELETE")  # one file that holds all
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"the ledger {path} cannot be copied: {error}") from error
