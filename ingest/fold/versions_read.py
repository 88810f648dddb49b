"""Which version of a dataset a run read, out of the derived tables of a graph that another process may be writing."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from headwater.graphmodel.ids import initial_version_id, version_id


class VersionsRead:
    """Looks them up. What the tables do not have yet, or where there are none, is not known."""

    def __init__(self, tables: Callable[[], Path]) -> None:
        """`tables` says which file they are now: a graph that is built anew gets another one. It is only read."""
        self._tables = tables
        self._db: sqlite3.Connection | None = None
        self._file: os.stat_result | None = None  #: what the connection has open

    def __call__(self, run: str, timestamp: int, datasets: Sequence[str]) -> Mapping[str, str]:
        """The ids of the versions by dataset URI."""
        found = {}
        self._open()
        for dataset in datasets if self._db is not None else ():
            row = self._row(run, timestamp, dataset)
            if row is not None:
                found[dataset] = version_id(dataset, row[0]) if row[0] else initial_version_id(dataset)
        return found

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
        self._db = self._file = None

    def _open(self) -> None:
        """Open the file that counts now, unless it is the one that is open."""
        tables = self._tables()
        try:
            now = tables.stat()
        except OSError:
            self.close()
            return
        if self._file is None or not os.path.samestat(now, self._file):
            self.close()
            try:
                self._db = sqlite3.connect(f"{tables.absolute().as_uri()}?mode=ro", uri=True)
            except sqlite3.Error:  # it went away in between
                return
            self._file = now

    def _row(self, run: str, timestamp: int, dataset: str) -> tuple[str | None] | None:
        if self._db is None:
            return None
        query = "SELECT seen FROM reads WHERE dataset = ? AND timestamp = ? AND run = ?"
        try:
            row: tuple[str | None] | None = self._db.execute(query, (dataset, timestamp, run)).fetchone()
        except sqlite3.Error:  # the tables are being made anew, or are of another version
            return None
        return row
