"""Drawing the graph inside a data folder anew, beside the one that answers, and exchanging the two when it is whole.

One file, `targets.CURRENT`, says which drawing counts, and is replaced in one step: a process that is killed before
leaves the old drawing, one that is killed after it the new one. What the other one was is removed at the next start.
It takes the graph's size on the disk and in memory once more while it lasts. Not here: when a graph has to be drawn
anew, and what is written into it (`graph.projector`).
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from os import fsync as sync
from pathlib import Path

from headwater.graphstore import open_store
from headwater.graphstore.embedded.store import EmbeddedStore
from headwater.graphstore.errors import TransientError
from headwater.graphstore.port import GraphStore
from headwater.ingest.fold.file import Derived, remove_tables
from headwater.ingest.folder.targets import CURRENT, DRAWINGS, GRAPH, Drawing, current_drawing, drawing
from headwater.ingest.ledger.folder_lock import prepare_folder
from headwater.ingest.places.file_storage import sync_folder


class Redrawing:
    """The two drawings of a data folder: the one that answers, in `store` and `derived`, and one that is being made.

    A `graph.projector.Beside`. The caller has `store` open, and with it its lock: nobody else redraws this folder.
    """

    def __init__(self, folder: Path, store: EmbeddedStore, derived: Derived) -> None:
        """Removes what an earlier process left behind."""
        self._folder = folder
        self._store = store
        self._derived = derived
        self._shown = current_drawing(folder).number
        self._made: tuple[Drawing, EmbeddedStore, Derived] | None = None
        self._remove_others()

    def begin(self) -> tuple[GraphStore, Derived]:
        """An empty store and empty tables. TransientError: there is no room for them."""
        self.discard()
        new = drawing(self._folder, current_drawing(self._folder).number + 1)
        try:
            prepare_folder(self._folder / DRAWINGS)
            prepare_folder(new.graph.parent)
        except OSError as error:
            raise TransientError(f"{new.graph.parent} cannot be made: {error.strerror}") from error
        store = open_store(f"embedded:{new.graph}")
        assert isinstance(store, EmbeddedStore), "that is what the URL says"
        self._made = new, store, Derived.open(new.tables)
        return store, self._made[2]

    def switch(self) -> None:
        """From now on the drawing that was begun answers; the other one goes. TransientError: nothing was done."""
        assert self._made is not None, "something was begun"
        new, store, derived = self._made
        place = self._folder / DRAWINGS
        fresh = place / f"{CURRENT}.new"
        try:
            fresh.unlink(missing_ok=True)  # else it would be written through a symbolic link
            with fresh.open("x", encoding="ascii") as file:
                file.write(f"{new.number}\n")
                file.flush()
                sync(file.fileno())
            fresh.replace(place / CURRENT)
            sync_folder(place)
        except OSError as error:
            raise TransientError(f"{place / CURRENT} cannot be written: {error.strerror}") from error
        self._made, self._shown = None, new.number
        self._derived.take_over(derived)
        self._store.take_over(store, self._remove_others)

    def discard(self) -> None:
        """Throw away a drawing that was begun and is not whole."""
        if self._made is not None:
            _, store, derived = self._made
            self._made = None
            store.close()
            derived.close()
        self._remove_others()

    def _remove_others(self) -> None:
        """All drawings but the one that counts, the one that answers (if a switch failed, another), and the new one."""
        kept = {current_drawing(self._folder).number, self._shown, self._made[0].number if self._made else self._shown}
        place = self._folder / DRAWINGS
        numbers = [int(entry.name) for entry in place.iterdir() if entry.name.isdecimal()] if place.is_dir() else []
        for number in {0, *numbers} - kept:
            _remove(drawing(self._folder, number))


def _remove(old: Drawing) -> None:
    """What was set aside as damaged stays. A file that cannot be removed is tried again at the next start."""
    shutil.rmtree(old.graph.parent / GRAPH, ignore_errors=True)
    with suppress(OSError):
        remove_tables(old.tables)
    if old.number:
        with suppress(OSError):
            old.graph.parent.rmdir()
