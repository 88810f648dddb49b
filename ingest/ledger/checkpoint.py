"""Moves SQLite's write-ahead log into the database file, from a thread and a connection of its own.

Left to the connection that commits, a checkpoint would happen inside some sender's wait: measured, the 99th
percentile of a commit is five times as long.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

from headwater.ingest.ledger.file import connect_writer

_logger = logging.getLogger(__name__)

CHECKPOINT_BYTES = 4 * 2**20
"""About how much is written between two checkpoints: SQLite's own default, 1,000 pages."""

LARGEST_LOG = 64 * 2**20
"""From here on writers are held for a moment: under unbroken load the log never starts again from its beginning."""

_PATIENCE_MS = 100
_RETRY_SECONDS = 1.0


class Checkpointer:
    """A thread that waits for enough to be written. `writing` is the lock that a writer holds during a transaction."""

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
        """Empty the log as soon as no reader stands in it: it holds what was erased since."""
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
            except (OSError, sqlite3.Error) as error:  # a full disk, for one: nothing is lost, the log just stays
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
    """Move all of the log into the file and cut it to nothing. False: a reader stands in it, so it has to wait.

    Writers are held meanwhile, so readers are not waited for as long as elsewhere.
    """
    usual = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")
    try:
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        connection.execute(f"PRAGMA busy_timeout = {usual}")
    return not busy
