"""Writes the graph of a data folder as files for Neptune's bulk loader.

PLACE/graph/*.csv.gz    all vertices and edges
PLACE/ledger/*.csv.gz   the vertex `ledger`, which says that the graph is complete: it is written and loaded last

Here: what is read from the derived tables, and the order of the files. Not here: the format of a line
(`graphstore.neptune_csv`), packing and splitting (`loader_files`), and the export of the ledger (`ledger.export`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.graphstore.neptune_csv import lines, vertex_line
from headwater.ingest.fold.scan import NotReady, Scan, scanning
from headwater.ingest.folder.loader_files import SPLIT, LoaderFiles, Written
from headwater.ingest.folder.naming_file import rules_of
from headwater.ingest.folder.targets import tables_of
from headwater.ingest.graph.decoding import Decoding, Erased, decoders
from headwater.ingest.graph.mark import Mark
from headwater.ingest.ledger.ledger import ERASURE, LedgerReader, open_reader
from headwater.ingest.places.file_storage import FileStorage, Subfolder, refuse_unless_empty
from headwater.ingest.progress import Progress

GRAPH, LEDGER = "graph", "ledger"
_PARTS_PER_REPORT = 500  #: parts of the graph between two reports of progress


@dataclass(frozen=True)
class Exported:
    """What was exported: the id of the ledger, the last of its entries that is in the graph, and the amount written."""

    ledger: str
    applied: int
    written: Written

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"ledger": self.ledger, "applied": self.applied, **self.written.to_dict()}


def export_neptune_csv(
    folder: Path, place: FileStorage, progress: Progress, *, split: int = SPLIT, store: str | None = None
) -> Exported:
    """Write the graph of a data folder, from the derived tables of a store, into an empty place.

    A server may run on the folder. `store` is the URL of the store (default: the folder's own), `split` the size of a
    file in bytes of text. Raises NotEmpty, NotReady, and errors of the ledger and of the place as they are. After an
    error the files that are complete stay, but not the vertex `ledger`, so nobody takes them for a complete graph.
    """
    refuse_unless_empty(place)
    with open_reader(folder) as ledger:
        rules = rules_of(folder)
        decoding = Decoding(ledger, decoders(rules), rules)
        with scanning(tables_of(folder, store), ledger.id, decoding.plan_at, rules.text) as scan:
            decoding.use_names(scan.names)
            decoding.use_members(scan.members)
            try:
                mark = Mark(
                    scan.applied,
                    ledger.id,
                    naming=rules.text,
                    hash=_hash(ledger, scan.applied),
                    erased=max((e.sequence for e in ledger.of_kind(ERASURE) if e.sequence <= scan.applied), default=0),
                )
                written = _write(scan, mark, place, progress, split)
            except Erased as error:
                raise NotReady(f"{error} meanwhile: export again") from error
            return Exported(ledger.id, scan.applied, written)


def _hash(ledger: LedgerReader, sequence: int) -> str:
    entry = ledger.entry(sequence)
    return entry.hash if entry else ""


def _write(scan: Scan, mark: Mark, place: FileStorage, progress: Progress, split: int) -> Written:
    total = scan.rows()
    with place.scratch() as scratch:
        files = LoaderFiles(Subfolder(place, GRAPH), scratch, split=split)
        for done, part in enumerate(scan.parts()):
            files.add(lines(part))
            if done % _PARTS_PER_REPORT == 0:
                progress(min(done, total), total)
        written = files.close() + write_mark(place, scratch, mark)
    progress(total, total)
    return written


def write_mark(place: FileStorage, scratch: Path, mark: Mark) -> Written:
    """Write the vertex `ledger`, which says that the graph is complete: ledger id, last entry, naming rules."""
    files = LoaderFiles(Subfolder(place, LEDGER), scratch)
    files.add(map(vertex_line, mark.delta().vertices))
    return files.close()
