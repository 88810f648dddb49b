"""A ledger written as segments into a place, and read from there with every hash checked.

PLACE/segments/*.ndjson.gz    the entries, in order
PLACE/manifest.json           what the segments are; written last, so that an export without it is not finished
"""

from __future__ import annotations

import gzip
import hashlib
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from headwater.ingest.ledger.entries import Chained, Entry, Head, LedgerError, LedgerUnavailable, genesis, link
from headwater.ingest.ledger.file import connect_reader, identify, locate
from headwater.ingest.ledger.segments import (
    MANIFEST,
    Checking,
    Damaged,
    Exported,
    Manifest,
    Segment,
    line_of,
    manifest_of,
    never_erased,
)
from headwater.ingest.places.packed_file import PackedFile
from headwater.ingest.places.places import Place, refuse_unless_empty
from headwater.ingest.progress import Progress

SPLIT = 64 * 2**20
"""Bytes of text in one segment: what one task of a distributed job reads."""

_PAGE = 200
_CHUNK = 2**20
_LAST = "SELECT COALESCE(MAX(sequence), 0) FROM entries"
_ROWS = """SELECT e.sequence, e.received_ms, e.sender, e.kind, e.content_type, e.redactions, e.salted, e.hash,
        b.salt, b.packed
    FROM entries e LEFT JOIN bodies b ON b.content = e.content
    WHERE e.sequence > ? AND e.sequence <= ? ORDER BY e.sequence LIMIT ?"""
_CHAINED = len(Chained._fields)


def export_ledger(folder: Path, place: Place, progress: Progress, *, split: int = SPLIT) -> Manifest:
    """Write all entries up to now into an empty place, checking their chain. A server may go on beside it.

    `split` is the size of a segment, in bytes of text. Raises NotEmpty; LedgerError: there is no ledger, or it is
    damaged; errors of the place as they are.
    """
    refuse_unless_empty(place)
    path = locate(folder)
    with closing(connect_reader(path)) as connection:
        try:
            manifest = _Writing(connection, identify(connection, path), place, split).run(progress)
        except sqlite3.Error as error:
            raise LedgerUnavailable(f"the ledger {path} cannot be read: {error}") from error
    return manifest


class _Writing:
    """The entries up to `_head` are written, or in the segment that is being written."""

    def __init__(self, connection: sqlite3.Connection, ledger: str, place: Place, split: int) -> None:
        self._db = connection
        self._ledger = ledger
        self._place = place
        self._split = split
        self._head = Head(0, genesis(ledger).hex())
        self._segments: list[Segment] = []

    def run(self, progress: Progress) -> Manifest:
        self._db.execute("BEGIN")  # else a body could be erased meanwhile, and the entry that says so not be read
        last = self._db.execute(_LAST).fetchone()[0]
        with self._place.scratch() as scratch:
            while self._head.sequence < last:
                self._segments.append(self._segment(scratch, last, progress))
            manifest = Manifest(self._ledger, tuple(self._segments))
            (scratch / MANIFEST).write_text(manifest.text(), encoding="utf-8")
            self._place.put(MANIFEST, scratch / MANIFEST)
        return manifest

    def _segment(self, scratch: Path, last: int, progress: Progress) -> Segment:
        before = self._head
        file = PackedFile(scratch / f"{before.sequence + 1:012}.ndjson.gz")
        with closing(file):
            for found in self._entries(last):
                file.write(line_of(found))
                self._head = Head(found.chained.sequence, found.hash.hex())
                if found.chained.sequence % _PAGE == 0 or found.chained.sequence == last:
                    progress(found.chained.sequence, last)
                if file.size >= self._split:
                    break
        digest, size = _digest(file.path)
        name = f"segments/{file.path.name}"
        self._place.put(name, file.path)
        return Segment(name, before.sequence + 1, self._head.sequence, before.hash, self._head.hash, digest, size)

    def _entries(self, last: int) -> Iterator[Exported]:
        """The entries after the head: each follows from the one before it."""
        previous = bytes.fromhex(self._head.hash)
        while page := self._db.execute(_ROWS, (self._head.sequence, last, _PAGE)).fetchall():
            for values in page:
                found = _exported(values)
                if link(previous, found.chained) != found.hash:
                    raise LedgerError(f"entry {found.chained.sequence} is damaged: run headwater verify")
                yield found
                previous = found.hash


def _exported(values: tuple[Any, ...]) -> Exported:
    chained, (digest, salt, packed) = Chained(*values[:_CHAINED]), values[_CHAINED:]
    try:
        return Exported(chained, digest, salt, None if packed is None else zlib.decompress(packed))
    except zlib.error as error:
        raise LedgerError(f"the body of entry {chained.sequence} is damaged: run headwater verify") from error


@dataclass(frozen=True)
class Checked:
    """What the check of an export found in order."""

    entries: int
    erased: int
    head: str


def read_manifest(place: Place) -> Manifest:
    """The manifest of an export. Damaged; LedgerError: there is none."""
    if MANIFEST not in place.names():
        raise LedgerError(f"there is no {MANIFEST} in {place}: no ledger was exported there, or the export did not end")
    with place.open(MANIFEST) as file:
        return manifest_of(file.read())


def check_export(place: Place, progress: Progress) -> Checked:
    """Read all of an export. Damaged: the first thing that is wrong."""
    manifest = read_manifest(place)
    missing: dict[str, int] = {}
    erased: set[str] = set()
    for segment in manifest.segments:
        checking = Checking(segment)
        for entry in read_segment(place, checking):
            if entry.sequence % _PAGE == 0 or entry.sequence == manifest.entries:
                progress(entry.sequence, manifest.entries)
        missing |= checking.missing
        erased |= checking.erased
    never_erased(missing, erased)
    return Checked(manifest.entries, len(missing), manifest.head)


def read_segment(place: Place, checking: Checking) -> Iterator[Entry]:
    """The entries of a segment, checked as they are read. Damaged: names the segment and the entry.

    All of it is right only when the last one was given: the file's own hash is compared then.
    """
    segment = checking.segment
    with _open(place, segment.name) as raw:
        hashed = _Hashed(raw)
        unpacked = gzip.GzipFile(fileobj=cast("IO[bytes]", hashed))
        try:
            yield from checking.entries(iter(unpacked.readline, b""))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            after = checking.reached or segment.first - 1
            raise Damaged(f"segment {segment.name} is damaged after entry {after}: {error}") from error
        if hashed.rest() != segment.sha256:
            raise Damaged(f"segment {segment.name}: its SHA-256 is not the one in the manifest")


def _open(place: Place, name: str) -> BinaryIO:
    try:
        return place.open(name)
    except FileNotFoundError as error:
        raise Damaged(f"segment {name} is missing") from error


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        return data

    def rest(self) -> str:
        """The SHA-256 of the whole file, in hex."""
        while self.read(_CHUNK):
            pass
        return self._hash.hexdigest()


def _digest(path: Path) -> tuple[str, int]:
    """The SHA-256 of a file, in hex, and its size."""
    with path.open("rb") as file:
        return _Hashed(file).rest(), path.stat().st_size
