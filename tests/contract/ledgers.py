"""The ledgers that the contract of `ingest.ledger.port` is checked on, and a look into the one in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from headwater.ingest.ledger.export import export_ledger
from headwater.ingest.ledger.ledger import Ledger, LedgerReader, open_ledger, open_reader
from headwater.ingest.ledger.segment_ledger import SegmentLedger
from headwater.ingest.ledger.segments import ExportedLedger
from headwater.ingest.ledger.sqlite.ledger import SQLiteLedger, _Writing
from headwater.ingest.places.file_storage import LocalFolder

NOW = 1_700_000_000_000  #: ms since 1970: when all entries of these tests are received


def clock() -> int:
    return NOW


def quiet(_done: int, _of: int) -> None:
    """A progress that nobody looks at."""


def _sqlite(folder: Path) -> LedgerReader:
    return open_reader(folder)


def _exported(folder: Path) -> LedgerReader:
    """The ledger of a data folder, exported in several segments."""
    storage = LocalFolder(folder.with_name("exported"))
    with open_reader(folder) as ledger:
        export_ledger(ledger, storage, quiet, split=500)
    return ExportedLedger(storage)


def _continued(folder: Path) -> LedgerReader:
    """The same, opened for writing."""
    _exported(folder).close()
    return SegmentLedger.open(LocalFolder(folder.with_name("exported")), folder.with_name("work"), clock)


#: How a ledger that can be written to is opened in a data folder.
WRITERS: Mapping[str, Callable[[Path], Ledger]] = {
    "sqlite": lambda folder: open_ledger(folder, clock=clock),
    "segments": lambda folder: SegmentLedger.open(LocalFolder(folder / "segments"), folder / "work", clock),
}

#: How a second process reads what is written to, by the same names.
BESIDE: Mapping[str, Callable[[Path], LedgerReader]] = {
    "sqlite": open_reader,
    "segments": lambda folder: ExportedLedger(LocalFolder(folder / "segments")),
}

#: How the entries of a data folder are read.
READERS: Mapping[str, Callable[[Path], LedgerReader]] = {
    "sqlite": _sqlite,
    "exported": _exported,
    "segments": _continued,
}


def writing(ledger: Ledger) -> _Writing:
    """What the SQLite ledger has open: for tests that fill the disk or hold its locks."""
    assert isinstance(ledger, SQLiteLedger)
    assert ledger._writing is not None
    return ledger._writing


def connection(ledger: Ledger) -> sqlite3.Connection:
    """The connection that the SQLite ledger writes with."""
    return writing(ledger).writer._connection
