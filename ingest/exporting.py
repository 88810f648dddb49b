"""A data folder's graph as files for Neptune's bulk loader.

PLACE/graph/*.csv.gz    all vertices and edges
PLACE/ledger/*.csv.gz   the vertex that says that the graph is whole: written last, and to be loaded last
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphmodel.neptune_csv import lines
from ingest.decoding import Decoding, Erased, spline_decoders
from ingest.derived import FILE
from ingest.derived_scan import NotReady, Scan, scanning
from ingest.ledger import Ledger
from ingest.loader_files import SPLIT, LoaderFiles, Written
from ingest.places import Place, Within, refuse_unless_empty
from ingest.verify import now_ms

GRAPH, LEDGER = "graph", "ledger"
_STEP = 500  #: parts between two reports of progress

Progress = Callable[[int, int], None]  #: (done, of)


@dataclass(frozen=True)
class Exported:
    """What was written: the graph of which ledger, up to which entry, and how much."""

    ledger: str
    applied: int
    written: Written

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"ledger": self.ledger, "applied": self.applied, **self.written.to_dict()}


def export_neptune_csv(folder: Path, place: Place, progress: Progress, *, split: int = SPLIT) -> Exported:
    """Write the graph of a data folder, as its derived tables have it, into an empty place.

    A server may run on the folder. `split` is the size of a file, in bytes of text. Raises NotEmpty, NotReady, errors
    of the ledger and of the place as they are; what was written by then stays, without the ledger's file.
    """
    refuse_unless_empty(place)
    with closing(Ledger.open(folder, clock=now_ms, readonly=True)) as ledger:
        decoding = Decoding(ledger, spline_decoders())
        with scanning(folder / FILE, ledger.id, decoding.plan_at) as scan:
            try:
                written = _write(scan, place, progress, split)
            except Erased as error:
                raise NotReady(f"{error} meanwhile: export again") from error
            return Exported(ledger.id, scan.applied, written)


def _write(scan: Scan, place: Place, progress: Progress, split: int) -> Written:
    total = scan.rows()
    with place.scratch() as scratch:
        files = LoaderFiles(Within(place, GRAPH), scratch, split=split)
        for done, part in enumerate(scan.parts()):
            files.add(lines(part))
            if done % _STEP == 0:
                progress(min(done, total), total)
        written = files.close()
        last = LoaderFiles(Within(place, LEDGER), scratch, split=split)
        last.add(lines(scan.ledger()))
        written += last.close()
    progress(total, total)
    return written
