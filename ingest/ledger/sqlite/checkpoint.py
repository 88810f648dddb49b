"""Moves SQLite's write-ahead log into the database file, in a thread and with a connection of its own.

SQLite would do it in the connection that commits, while some sender waits for the commit: measured, the 99th
percentile of a commit is then five times as long.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

from headwater.ingest.ledger.sqlite.file import connect_writer

_logger = logging.getLogger(__name__)

CHECKPOINT_BYTES = 4 * 2**20
"""About how much is written between two checkpoints: SQLite's own default, 1,000 pages."""

LARGEST_LOG = 64 * 2**20
"""From this size on writers wait while the log is moved: else, under unbroken load, it would grow without end."""

_BUSY_MS = 100  # how long `empty_log` waits for a reader: writers are held meanwhile
_RETRY_SECONDS = 1.0  # between two attempts to empty the log while a reader uses it


class Checkpointer:
    """A thread that moves the log when enough was written. `writing` is the lock that each transaction holds."""

    def __init__(self, path: Path, writing: threading.Lock) -> None:
        """Start the thread."""
        self._connection = connect_writer(path)
        self._log = path.with_name(f"{path.name}-wal")
        self._writing = writing
        self._written = 0
        self._due = threading.Event()
        self._closing = False
        self._truncating = False
        self._thread = threading.Thread(target=self._run, name="ledger-checkpoint", daemon=True)
        self._thread.start()

    def written(self, size: int) -> None:
        """Called after each commit with about its bytes: wakes the thread when the log has grown enough."""
        self._written += size
        if self._written >= CHECKPOINT_BYTES:
            self._due.set()

    def truncate_later(self) -> None:
        """Empty the log as soon as no reader uses it any more: it still holds the body that was erased."""
        self._truncating = True
        self._due.set()

    def close(self) -> None:
        """Stop the thread."""
        self._closing = True
        self._due.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while not self._closing:
            self._due.wait(_RETRY_SECONDS if self._truncating else None)
            self._due.clear()
            self._written = 0
            try:
                self._checkpoint()
            except (OSError, sqlite3.Error) as error:  # a full disk, for example: nothing is lost, the log only stays
                _logger.warning("The ledger's write-ahead log could not be moved into its file: %s", error)

    def _checkpoint(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        if self._truncating:
            with self._writing:
                self._truncating = not empty_log(self._connection)
        elif self._log.stat().st_size > LARGEST_LOG:
            with self._writing:
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def empty_log(connection: sqlite3.Connection) -> bool:
    """Move all of the log into the file and cut it to length 0. False: a reader uses it, so it has to be tried again.

    Writers wait meanwhile, so this waits for readers only a tenth of a second.
    """
    usual = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    try:
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        connection.execute(f"PRAGMA busy_timeout = {usual}")
    return not busy
