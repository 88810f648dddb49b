"""The ledger's file: where it is, who may open it, and what it must look like. Nothing here knows of entries.

A data folder (0700) holds `ledger.sqlite` (0600, with SQLite's `-wal` and `-shm` beside it) and `ledger.lock`. One
process writes, as `FolderLock` sees to; any number read.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path

from headwater.ingest.ledger.entries import LedgerError, LedgerInUse, LedgerUnavailable, NewerLedger, NotALedger

FILE = "ledger.sqlite"
LOCK = "ledger.lock"
FORMAT = 1

_APPLICATION_ID = 1213680711  # as in ledger.sql
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600
_BUSY_SECONDS = 10.0  # how long to wait for someone who holds SQLite's own lock, such as the sqlite3 shell


def locate(place: Path) -> Path:
    """The ledger's file in a data folder; a path to a file (a backup) stands for itself. NotALedger: none is there."""
    path = place / FILE if place.is_dir() else place
    if not path.is_file():
        raise NotALedger(f"there is no ledger in {place}")
    return path


def prepare_folder(folder: Path) -> None:
    """Make the folder if it is missing, closed to other users.

    A folder that was there with other things in it keeps its mode: `--data /tmp` must not close /tmp.
    """
    if folder.exists() and not folder.is_dir():
        raise NotALedger(f"{folder} is a file, and a ledger needs a folder")
    folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        folder.chmod(_PRIVATE_FOLDER)
        sync_folder(folder.absolute().parent)


def prepare_file(folder: Path) -> Path:
    """Make an empty file if there is none, closed to other users; its path. To be called with the `FolderLock`.

    An existing file is never opened here but by SQLite: closing it would drop the locks that SQLite holds on it in
    this process (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    path = folder / FILE
    if path.exists():
        with closing(connect_reader(path)) as connection:
            if _tables(connection, path):
                identify(connection, path)  # before anything is done to a file that may be someone else's
    else:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE))
        sync_folder(folder)
    path.chmod(_PRIVATE_FILE)  # SQLite gives -wal and -shm the mode of the file itself
    return path


def sync_folder(folder: Path) -> None:
    """Make the names of new files in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FolderLock:
    """Held by the one process that writes. The system lets go of it when that process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        """LedgerInUse: someone else holds it."""
        self._descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, _PRIVATE_FILE)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace")
            os.close(self._descriptor)
            raise LedgerInUse(f"the ledger in {folder} is in use by another process ({holder or 'unknown'})") from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._descriptor)


def connect_writer(path: Path) -> sqlite3.Connection:
    """A connection that writes durably: a COMMIT returns after the fsync of the write-ahead log."""
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "wal_autocheckpoint = 0",  # headwater.ingest.ledger.checkpoint does it, off the commit path
        "journal_size_limit = 4194304",  # a log that had to grow is cut when it starts again
        "secure_delete = ON",  # an erased body is overwritten with zeros, not just unlinked
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def create_if_new(connection: sqlite3.Connection, path: Path, now_ms: int) -> None:
    """Give an empty database the schema and an id, in one transaction."""
    if _tables(connection, path):
        return
    schema = resources.files("headwater.ingest.ledger").joinpath("ledger.sql").read_text(encoding="utf-8")
    connection.executescript(f"BEGIN IMMEDIATE;\n{schema}")
    meta = {"format": str(FORMAT), "ledger_id": uuid.uuid4().hex, "created_ms": str(now_ms)}
    connection.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", meta.items())
    connection.execute("COMMIT")


def identify(connection: sqlite3.Connection, path: Path) -> str:
    """The ledger's id. NotALedger: something else lies there; NewerLedger: its format is unknown here."""
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
        raise LedgerUnavailable(f"the ledger {path} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise NotALedger(f"{path} is not a ledger: {error}") from error


class Readers:
    """Connections for reading, one for each thread that reads at the same moment, kept for the next."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def borrow(self) -> Iterator[sqlite3.Connection]:
        """A connection, outside of any transaction. LedgerUnavailable: SQLite could not read."""
        with self._lock:
            if self._closed:
                raise LedgerError("the ledger is closed")
            idle = self._idle.pop() if self._idle else None
        try:
            connection = idle or connect_reader(self._path)
            try:
                yield connection
            finally:
                self._give_back(connection)
        except sqlite3.Error as error:
            raise LedgerUnavailable(f"the ledger cannot be read: {error}") from error

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle now and, when it comes back, what is in use."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def read_identity(path: Path) -> str:
    """`identify` with a connection of its own."""
    with closing(connect_reader(path)) as connection:
        return identify(connection, path)
