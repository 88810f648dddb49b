"""Any ledger written as segments into a file storage, and the check of such an export. The format is `segments`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import chain
from pathlib import Path

from headwater.ingest.ledger.chain import ChainCheck, start
from headwater.ingest.ledger.entries import Head, LedgerDamaged, StoredEntry
from headwater.ingest.ledger.port import LedgerReader
from headwater.ingest.ledger.segments import MANIFEST, ExportedLedger, Manifest, Segment, format_line, hash_file
from headwater.ingest.ledger.verify import Report, check_ledger
from headwater.ingest.places.file_storage import FileStorage, ObjectStorage, PackedFile, refuse_unless_empty
from headwater.ingest.progress import Progress

SPLIT = 64 * 2**20
"""Bytes of text in one segment: what one task of a distributed job reads."""

_STEP = 200  # entries between two reports of progress


def export_ledger(
    ledger: LedgerReader,
    storage: FileStorage,
    progress: Progress,
    *,
    split: int = SPLIT,
    beside: Mapping[str, bytes] | None = None,
) -> Manifest:
    """Write all entries into an empty storage, and check their chain. A server may write to the ledger meanwhile.

    `split` is the size of a segment, in bytes of text; `beside` are further files by name, written before the manifest,
    so an export with a manifest has them. Raises NotEmpty; LedgerDamaged: the ledger is not in order, and what was
    written has no manifest; errors of the ledger and of the storage as they are.
    """
    refuse_unless_empty(storage)
    entries = _in_order(ledger, progress)
    segments = list[Segment]()
    end = start(ledger.id)
    with storage.scratch() as scratch:
        while (first := next(entries, None)) is not None:
            segment = _write_segment(storage, scratch, end, chain((first,), entries), split)
            segments.append(segment)
            end = Head(segment.last, segment.hash)
        for name, content in (beside or {}).items():
            (scratch / name).write_bytes(content)
            storage.put(name, scratch / name)
        manifest = Manifest(ledger.id, tuple(segments))
        (scratch / MANIFEST).write_text(manifest.text(), encoding="utf-8")
        storage.put(MANIFEST, scratch / MANIFEST)
    return manifest


def _in_order(ledger: LedgerReader, progress: Progress) -> Iterator[StoredEntry]:
    """All entries of a ledger, each checked. LedgerDamaged: one of them is not in order."""
    check = ChainCheck(start(ledger.id))
    total, done = ledger.head().sequence, 0
    for done, entry in enumerate(ledger.stored(), start=1):
        if not check.add(entry):
            break
        yield entry
        if done % _STEP == 0:
            progress(done, max(done, total))
    problems = check.problems or check.finish()
    if problems:
        raise LedgerDamaged(f"{problems[0].sentence}: run headwater verify")
    if done % _STEP:
        progress(done, done)


def _write_segment(
    storage: FileStorage, scratch: Path, before: Head, entries: Iterator[StoredEntry], split: int
) -> Segment:
    """Take entries until there are `split` bytes of text, and write them; `before` is the end of the last segment."""
    end = before
    file = PackedFile(scratch / f"{before.sequence + 1:012}.ndjson.gz")
    with closing(file):
        for entry in entries:
            file.write(format_line(entry))
            end = Head(entry.chained.sequence, entry.hash.hex())
            if file.size >= split:
                break
    digest, size = hash_file(file.path), file.path.stat().st_size
    name = f"segments/{file.path.name}"
    storage.put(name, file.path)
    return Segment(name, before.sequence + 1, end.sequence, before.hash, end.hash, digest, size)


def check_export(storage: ObjectStorage, progress: Progress, keys: ObjectStorage | None = None) -> Report:
    """Read all of an export; what was found, if all is in order. LedgerDamaged: the first problem. NotALedger.

    `keys`: where the keys of encrypted bodies are. KeysNotNamed, KeysMissing: they are needed.
    """
    with ExportedLedger(storage, keys) as ledger:
        report = check_ledger(ledger, progress=progress)
        problem = report.first_problem
        if problem is None:
            return report
        segment = ledger.segment_of(problem.sequence)
        if segment is None or segment.name in problem.sentence:  # what is wrong with a file names it already
            raise LedgerDamaged(problem.sentence)
        raise LedgerDamaged(f"segment {segment.name}: {problem.sentence}")
