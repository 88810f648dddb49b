"""A copy of a ledger, taken while it is written to, and checked."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from headwater.ingest.ledger.entries import LedgerError, LedgerUnavailable
from headwater.ingest.ledger.file import connect_reader, sync_folder
from headwater.ingest.ledger.verify import Report, verify

_PAGES = 1000  # a step, about 4 MB: how often progress is told


def back_up(path: Path, target: Path, progress: Callable[[int, int], None]) -> Report:
    """Copy the ledger's file to `target`, which must not exist, and verify the copy.

    It appears under its name when it is whole. `progress` is called with pages copied and their number.
    LedgerError: it exists; LedgerUnavailable: it could not be written.
    """
    if target.exists():
        raise LedgerError(f"{target} exists: a backup never overwrites a file")
    partial = target.with_name(f"{target.name}.partial")
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
        _copy(path, partial, progress)
        report = verify(partial)
        partial.rename(target)
        sync_folder(target.absolute().parent)
    except (OSError, sqlite3.Error) as error:
        raise LedgerUnavailable(f"the backup {target} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return report


def _copy(path: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    with closing(connect_reader(path)) as source, closing(sqlite3.connect(target, isolation_level=None)) as copy:
        # A read transaction holds one state of the ledger: else each append would start the copy from its beginning.
        source.execute("BEGIN")
        source.execute("SELECT COUNT(*) FROM meta").fetchone()
        source.backup(copy, pages=_PAGES, progress=lambda _status, left, total: progress(total - left, total))
        copy.execute("PRAGMA journal_mode = DELETE")  # one file that holds all
