"""The graph of a data folder that cannot be written: a copy of it in a temporary folder is asked instead.

A disk that is mounted read-only, a folder of somebody else. The engine of the graph writes even to open it, and entries
that are not in the graph yet have to be drawn. The ledger, which can be large, is read where it is, and not copied.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from headwater.graphstore.errors import TransientError
from headwater.ingest.fold.file import FILE, copy_of
from headwater.ingest.folder.targets import GRAPH, current_drawing
from headwater.ingest.ledger.ledger import holds_ledger

#: How often the copy is begun again: a server elsewhere may write the folder, and exchange the graph meanwhile.
_ATTEMPTS = 3
_FOLDER, _FILE = 0o700, 0o600


def can_only_be_read(folder: Path) -> bool:
    """Whether there is a ledger in a folder that this user cannot write."""
    return holds_ledger(folder) and not os.access(folder, os.W_OK)


def copy_graph(folder: Path, into: Path) -> None:
    """Copy the graph of a data folder and its derived tables into the empty folder `into`, laid out as a data folder.

    What cannot be copied whole is left out: whoever opens the copy draws it anew from the ledger. TransientError: there
    is no room for it.
    """
    for _ in range(_ATTEMPTS):
        now = current_drawing(folder)
        if not now.graph.is_dir():
            return
        needed = sum(file.stat().st_size for file in now.graph.rglob("*") if file.is_file())
        free = shutil.disk_usage(into).free
        if needed > free:
            raise TransientError(
                f"{folder} cannot be written, so that a copy of its graph has to be asked, which needs"
                f" {needed / 2**20:,.0f} MiB in {into.parent}, where {free / 2**20:,.0f} are free: name another place"
                " with TMPDIR, or make the folder writable"
            )
        try:
            # The tables first: a graph that is some entries ahead of its tables is brought together with them.
            copy_of(now.tables, into / FILE)
            shutil.copytree(now.graph, into / GRAPH)
            for path in (into / GRAPH, *(into / GRAPH).rglob("*")):  # modes are copied, too
                path.chmod(path.stat().st_mode | (_FOLDER if path.is_dir() else _FILE))
        except (OSError, sqlite3.Error):
            (into / FILE).unlink(missing_ok=True)
            shutil.rmtree(into / GRAPH, ignore_errors=True)
        else:
            return
