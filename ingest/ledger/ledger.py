"""How a ledger is opened. Callers do not see which implementation they get: today it is an SQLite file in a folder.

What it then does is `port.Ledger`; the data and the errors are in `entries` and can be imported from here as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from headwater.ingest.ledger.entries import (
    ERASURE,
    Appended,
    Entry,
    Head,
    LedgerDamaged,
    LedgerError,
    LedgerInUse,
    LedgerUnavailable,
    NewEntry,
    NewerLedger,
    NotALedger,
)
from headwater.ingest.ledger.port import Ledger, LedgerReader, LedgerWriter
from headwater.ingest.ledger.sqlite.file import is_there
from headwater.ingest.ledger.sqlite.ledger import SQLiteLedger

__all__ = [
    "ERASURE",
    "Appended",
    "LedgerDamaged",
    "Entry",
    "Head",
    "Ledger",
    "LedgerError",
    "LedgerInUse",
    "LedgerReader",
    "LedgerUnavailable",
    "LedgerWriter",
    "NewEntry",
    "NewerLedger",
    "NotALedger",
    "holds_ledger",
    "now_ms",
    "open_ledger",
    "open_reader",
]


def now_ms() -> int:
    """The system's clock, in ms since 1970."""
    return time.time_ns() // 1_000_000


def open_ledger(folder: Path, *, clock: Callable[[], int] = now_ms, readonly: bool = False) -> Ledger:
    """Open the ledger of a data folder; folder and ledger are made if they are missing and `readonly` is not set.

    `clock` gives ms since 1970, for `Entry.received_ms`. Raises LedgerInUse (another process writes to it; `readonly`
    still works), NotALedger, NewerLedger, or LedgerUnavailable (no permission, full disk).
    """
    return SQLiteLedger.open_readonly(folder) if readonly else SQLiteLedger.open(folder, clock)


def open_reader(place: Path) -> LedgerReader:
    """Open the ledger of a data folder, or a backup's file, for reading alone; beside a writer or not.

    NotALedger: there is none; NewerLedger; LedgerUnavailable.
    """
    return SQLiteLedger.open_readonly(place)


def holds_ledger(folder: Path) -> bool:
    """Whether there is a ledger in a data folder; one that is damaged counts as well."""
    return is_there(folder)
