"""Where in a data folder the derived tables of a graph store lie.

DIR/derived.sqlite                               the store inside the folder
DIR/targets/<hash of the URL>/derived.sqlite     any other store; with a lock: one writer at a time
"""

from __future__ import annotations

from pathlib import Path

from headwater.graphmodel.delta import digest
from headwater.ingest.fold.file import FILE
from headwater.ingest.ledger.folder_lock import FolderLock, prepare_folder
from headwater.ingest.ledger.ledger import LedgerInUse


def default_store(folder: Path) -> str:
    """The store of a data folder: embedded, inside it."""
    return f"embedded:{folder / 'graph'}"


def is_own(folder: Path, url: str | None) -> bool:
    """Whether a store is the one inside the data folder."""
    return url is None or _named(url) == _named(default_store(folder))


def tables_of(folder: Path, url: str | None) -> Path:
    """The file of the derived tables of a store; None is the folder's own."""
    if url is None or is_own(folder, url):
        return folder / FILE
    return folder / "targets" / digest(_named(url)) / FILE


def lock(folder: Path, url: str) -> FolderLock:
    """Lock a store that is not the folder's own against other writers from this folder. LedgerInUse: one has it."""
    place = tables_of(folder, url).parent
    prepare_folder(place)
    try:
        return FolderLock(place)
    except LedgerInUse as error:
        raise LedgerInUse(f"another process writes the ledger of {folder} into {url}") from error


def _named(url: str) -> str:
    """One text for one store: the path of an embedded store is resolved against the current folder."""
    scheme, _, path = url.partition(":")
    return f"embedded:{Path(path).expanduser().resolve()}" if scheme == "embedded" else url.rstrip("/")
