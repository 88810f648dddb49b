"""Writes lines into files for Neptune's bulk loader: one table per file, packed with gzip, split by size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.graphstore.neptune_csv import Kind, Line, Table
from headwater.ingest.places.file_storage import FileStorage, PackedFile

SPLIT = 256 * 2**20
"""Bytes of text in one file; packed it has about a twentieth. The loader reads several files at the same time, so a
large graph should not be one file."""


@dataclass
class Written:
    """What was written: vertices and edges by label, the number of files, and their packed size in bytes."""

    vertices: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    files: int = 0
    bytes: int = 0

    def count(self, kind: Kind, label: str) -> None:
        """Count one more element."""
        (self.vertices if kind == "vertices" else self.edges)[label] += 1

    def __add__(self, other: Written) -> Written:
        """The sum of both."""
        counts = (self.vertices + other.vertices, self.edges + other.edges)
        return Written(*counts, self.files + other.files, self.bytes + other.bytes)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        counts = {"vertices": dict(sorted(self.vertices.items())), "edges": dict(sorted(self.edges.items()))}
        return {**counts, "files": self.files, "bytes": self.bytes}


class LoaderFiles:
    """Has one open file for each table; a file that is full is moved to `place`, `close` moves the rest.

    The same lines always give the same bytes. `scratch` is a folder on this machine for unfinished files. `part` is a
    prefix of the file numbers: several writers into one place need different ones.
    """

    def __init__(self, place: FileStorage, scratch: Path, *, split: int = SPLIT, part: str = "") -> None:
        self.written = Written()
        self._place = place
        self._scratch = scratch
        self._split = split
        self._part = part
        self._open: dict[Table, PackedFile] = {}
        self._numbers: Counter[Table] = Counter()

    def add(self, lines: Iterable[Line]) -> None:
        """Write lines; a file that reaches the size `split` is moved to the place."""
        for line in lines:
            file = self._open.get(line.table) or self._begin(line.table)
            file.write(line.text)
            self.written.count(line.table.kind, line.table.label)
            if file.size >= self._split:
                self._finish(line.table)

    def close(self) -> Written:
        """Move the unfinished files to the place; what was written in all."""
        for table in list(self._open):
            self._finish(table)
        return self.written

    def _begin(self, table: Table) -> PackedFile:
        self._numbers[table] += 1
        name = f"{table.name}-{self._part}{self._numbers[table]:05}.csv.gz"
        file = self._open[table] = PackedFile(self._scratch / name)
        file.write(table.header)
        return file

    def _finish(self, table: Table) -> None:
        file = self._open.pop(table)
        file.close()
        self.written.files += 1
        self.written.bytes += file.path.stat().st_size
        self._place.put(file.path.name, file.path)
