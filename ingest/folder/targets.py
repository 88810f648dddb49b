"""Where in a data folder the derived tables of a graph store lie.

DIR/derived.sqlite                               the store inside the folder, DIR/graph
DIR/drawings/<n>/derived.sqlite                  the same once the graph was drawn anew, n times: DIR/drawings/<n>/graph
DIR/drawings/current                             the n that counts; without this file it is DIR/graph
DIR/targets/<hash of the URL>/derived.sqlite     any other store; with a lock: one writer at a time

To everybody outside, the store inside the folder is called ``embedded:DIR/graph``, wherever it lies. How the graph is
drawn anew is in `redrawing`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from headwater.graphmodel.delta import digest
from headwater.ingest.fold.file import FILE, meta_of
from headwater.ingest.ledger.entries import Head
from headwater.ingest.ledger.folder_lock import FolderLock, prepare_folder, refuse_links
from headwater.ingest.ledger.ledger import LedgerInUse
from headwater.ingest.ledger.verify import Anchor

DRAWINGS, CURRENT, GRAPH, TARGETS = "drawings", "current", "graph", "targets"


class Drawing(NamedTuple):
    """A graph inside a data folder: the folder of its store, and the file of its derived tables."""

    number: int  #: how often the graph had been drawn anew
    graph: Path
    tables: Path


def drawing(folder: Path, number: int) -> Drawing:
    """The drawing with this number, whether it is there or not."""
    place = folder / DRAWINGS / str(number) if number else folder
    return Drawing(number, place / GRAPH, place / FILE)


def current_drawing(folder: Path) -> Drawing:
    """The drawing that counts. If the file that says so cannot be read, the first one: it is rebuilt if it is gone."""
    try:
        number = int((folder / DRAWINGS / CURRENT).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        number = 0
    return drawing(folder, number)


def opened_at(folder: Path, url: str | None) -> str:
    """The URL at which a store is opened: of the folder's own one that is where it lies now."""
    return f"embedded:{current_drawing(folder).graph}" if url is None or is_own(folder, url) else url


def own_folders(folder: Path) -> tuple[Path, ...]:
    """The folders inside a data folder that a graph is written to, whether they are there or not."""
    now = current_drawing(folder)
    return folder / DRAWINGS, folder / TARGETS, now.graph.parent if now.number else now.graph, now.graph


def drawn_from(folder: Path) -> Anchor | None:
    """The ledger that the graph in a data folder was drawn from, and up to which entry; None where nothing says so."""
    path = current_drawing(folder).tables
    if not path.is_file():
        return None
    found = meta_of(path)
    if not found.get("ledger"):
        return None
    return Anchor(found["ledger"], Head(int(found.get("checkpoint") or 0), found.get("hash") or ""))


def default_store(folder: Path) -> str:
    """The store of a data folder: embedded, inside it."""
    return f"embedded:{folder / GRAPH}"


def is_own(folder: Path, url: str | None) -> bool:
    """Whether a store is the one inside the data folder."""
    return url is None or _named(url) == _named(default_store(folder))


def tables_of(folder: Path, url: str | None) -> Path:
    """The file of the derived tables of a store; None is the folder's own."""
    if url is None or is_own(folder, url):
        return current_drawing(folder).tables
    return folder / TARGETS / digest(_named(url)) / FILE


def lock(folder: Path, url: str) -> FolderLock:
    """Lock a store that is not the folder's own against other writers from this folder. LedgerInUse: one has it."""
    place = tables_of(folder, url).parent
    refuse_links(place.parent, place)
    prepare_folder(place)
    try:
        return FolderLock(place)
    except LedgerInUse as error:
        raise LedgerInUse(f"another process writes the ledger of {folder} into {url}") from error


def _named(url: str) -> str:
    """One text for one store: the path of an embedded store is resolved against the current folder."""
    scheme, _, path = url.partition(":")
    return f"embedded:{Path(path).expanduser().resolve()}" if scheme == "embedded" else url.rstrip("/")
