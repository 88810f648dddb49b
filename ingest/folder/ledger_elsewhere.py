"""A data folder of `headwater ingest`: its ledger lies elsewhere, in S3 or in another folder, and only its tables here.

Here: how such a folder is known, and which ledger it is. Not here: opening that ledger (`ledger.segment_ledger`).
"""

from __future__ import annotations

from pathlib import Path

from headwater.ingest.folder.targets import drawn_from
from headwater.ingest.ledger.known_bodies import FILE
from headwater.ingest.ledger.ledger import holds_ledger

WORK = "ledger"  #: the folder in a data folder that the ledger in files works in
_PLACE = "place.txt"


def note_place(folder: Path, place: str) -> None:
    """Write into a data folder where its ledger lies. The folder `WORK` is there."""
    (folder / WORK / _PLACE).write_text(f"{place}\n", encoding="utf-8")


def ledger_elsewhere(folder: Path) -> str | None:
    """What a data folder without a ledger of its own has tables of, as a message says it; None: of nothing."""
    if holds_ledger(folder):
        return None
    if (folder / WORK / FILE).exists():
        try:
            place = (folder / WORK / _PLACE).read_text(encoding="utf-8").strip()
        except OSError:  # of an ingester of an older version
            place = ""
        named = f"whose ledger is {place}" if place else "whose ledger is the one named with its --ledger"
        return f"{folder} is the data folder of `headwater ingest`, {named}"
    drawn = drawn_from(folder)
    if drawn is None:
        return None
    return f"{folder} has the graph of the ledger {drawn.ledger}, whose file ledger.sqlite is not there"


def ledger_is_missing(folder: Path) -> bool:
    """Whether a data folder has the graph of a ledger that should be in it, and is not."""
    return not holds_ledger(folder) and not (folder / WORK / FILE).exists() and drawn_from(folder) is not None
