"""A copy of a data folder's ledger in one file, taken while it is written to, and checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from headwater.ingest.ledger.entries import LedgerError, LedgerUnavailable
from headwater.ingest.ledger.ledger import now_ms
from headwater.ingest.ledger.port import LedgerReader
from headwater.ingest.ledger.sqlite.file import copy_file, locate
from headwater.ingest.ledger.sqlite.importing import import_ledger
from headwater.ingest.ledger.verify import Report, verify
from headwater.ingest.places.file_storage import sync_folder
from headwater.ingest.progress import Progress


def back_up(folder: Path, target: Path, progress: Progress = lambda _done, _total: None) -> Report:
    """Copy everything up to now to `target`, which must not exist; the report of checking the copy.

    The file appears under its name when it is complete. `progress` is called with pages copied and their number. To
    restore, put the file into an empty folder under the name `ledger.sqlite`. LedgerError: there is no ledger, or
    `target` exists; LedgerUnavailable: it could not be written. A copy that was made and is not in order is kept: it
    may be the best that there is.
    """
    path = locate(folder)
    return _backed_up(lambda partial: copy_file(path, partial, progress), target)


def back_up_from(
    ledger: LedgerReader,
    target: Path,
    progress: Progress = lambda _done, _total: None,
    *,
    clock: Callable[[], int] = now_ms,
) -> Report:
    """`back_up` of a ledger in files: `target` is an SQLite file that a data folder can go on with."""
    return _backed_up(lambda partial: import_ledger(ledger, partial, clock(), progress), target)


def _backed_up(copy: Callable[[Path], None], target: Path) -> Report:
    if target.exists():
        raise LedgerError(f"{target} exists: a backup never overwrites a file")
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        copy(partial)
        report = verify(partial)
        partial.rename(target)
        sync_folder(target.absolute().parent)
    except OSError as error:
        raise LedgerUnavailable(f"the backup {target} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return report
