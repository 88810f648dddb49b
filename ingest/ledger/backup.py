"""A copy of a data folder's ledger in one file, taken while it is written to, and checked."""

from __future__ import annotations

from pathlib import Path

from headwater.ingest.ledger.entries import LedgerError, LedgerUnavailable
from headwater.ingest.ledger.folder_lock import sync_folder
from headwater.ingest.ledger.sqlite.file import copy_file, locate
from headwater.ingest.ledger.verify import Report, verify
from headwater.ingest.progress import Progress


def back_up(folder: Path, target: Path, progress: Progress = lambda _done, _total: None) -> Report:
    """Copy everything up to now to `target`, which must not exist; the report of checking the copy.

    The file appears under its name when it is complete. `progress` is called with pages copied and their number. To
    restore, put the file into an empty folder under the name `ledger.sqlite`. LedgerError: there is no ledger, or
    `target` exists; LedgerUnavailable: it could not be written. A copy that was made and is not in order is kept: it
    may be the best that there is.
    """
    path = locate(folder)
    if target.exists():
        raise LedgerError(f"{target} exists: a backup never overwrites a file")
    partial = target.with_name(f"{target.name}.partial")
    try:
        copy_file(path, partial, progress)
        report = verify(partial)
        partial.rename(target)
        sync_folder(target.absolute().parent)
    except OSError as error:
        raise LedgerUnavailable(f"the backup {target} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return report
