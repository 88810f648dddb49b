"""The ledger in segments, in S3 or in a folder: implements `ledger.port.Ledger`, whose docstrings say what it promises.

Each `append` is one segment, in the format of `segments`, and one conditional write under a name that follows from the
segment before it. So of two writers one finds that the name is taken: it has lost, says so, and writes no more. What is
in the storage is durable; the machine that writes keeps nothing that cannot be made anew:

    WORK/known.sqlite    which bytes there are (`known_bodies`)
    WORK/cache/          segments that were read or written, by their SHA-256; the oldest are removed
    WORK/ledger.lock     one process of this machine at a time

Bodies are encrypted if a place for their keys is named (`body_keys`), from then on: keys first, then the segment, so
that no segment is ever without its keys. Keys of an attempt that was lost stay; they open nothing.

Erasing an encrypted body deletes its key, and leaves the segment as it is. One that is not encrypted is taken out of
its segment, which is written anew: the older versions that a bucket keeps are removed too. Where Object Lock keeps
them, it cannot be erased before that ends, and `erase` says so before it changes anything.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import secrets
import shutil
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn

from headwater.aws_bridge.session import AwsError
from headwater.ingest.ledger.body_keys import NOTE, BodyKeys, KeysMissing, Sealed, not_named, note_text, parse_sealed
from headwater.ingest.ledger.chain import KnownBody, next_entry
from headwater.ingest.ledger.entries import (
    ERASURE,
    NOTHING_NAMED,
    Appended,
    Entry,
    Head,
    LedgerDamaged,
    LedgerError,
    LedgerInUse,
    LedgerUnavailable,
    NewEntry,
    NotALedger,
    Packed,
    StoredEntry,
    Touched,
    entry_of,
    hashed,
)
from headwater.ingest.ledger.folder_lock import FolderLock, prepare_folder
from headwater.ingest.ledger.known_bodies import FILE, Body, KnownBodies
from headwater.ingest.ledger.port import NO_REPEATS
from headwater.ingest.ledger.segments import (
    IDENTITY,
    INDEX,
    MANIFEST,
    ExportedLedger,
    Manifest,
    Segment,
    format_line,
    identity_text,
    index_file,
    parse_manifest,
    read_segment,
    segment_name,
)
from headwater.ingest.places.file_storage import ObjectStorage, Versioned

INDEXED = 64
"""Segments in one file of the index: a reader looks into fewer than that many segments to find the end."""

CACHE_BYTES = 2 * 2**30  #: of segments on this machine's disk

_CACHE = "cache"  #: the folder of copies of segments
_ERASING = "erasing.json"  #: while a body is being erased: what to go on with after a crash
_LEVEL = 4  #: of gzip: a fifth larger than an export's, in a third of the time, which the one writer has not
_RECENT_BYTES = 64 * 2**20  #: bodies of the newest segments in memory: whoever follows the ledger reads them next


class _Attempt(NamedTuple):
    """A segment that was sent, and may be stored."""

    segment: Segment
    entries: tuple[StoredEntry, ...]


class SegmentLedger(ExportedLedger):
    """Made by `SegmentLedger.open`, for writing; `ExportedLedger` reads the same files."""

    def __init__(
        self,
        storage: ObjectStorage,
        work: Path,
        clock: Callable[[], int],
        lock: FolderLock,
        keys: ObjectStorage | None = None,
    ) -> None:
        """Use `open`."""
        super().__init__(storage, keys)
        self._objects = storage
        self._cache = _Cache(storage, work / _CACHE, self._named)
        self._reads = self._cache
        self._clock = clock
        self._folder_lock = lock
        self._writing = threading.RLock()
        self._remembering = threading.RLock()  #: apart: who reads does not wait for a write that S3 takes long for
        self._attempts: dict[str, _Attempt] = {}  #: by SHA-256: those whose end nobody knows, all of the same name
        self._lost: LedgerInUse | None = None
        self._recent: OrderedDict[str, list[Entry]] = OrderedDict()
        self._recent_bytes = 0
        self._indexed = self._named_segments
        self._use(self._manifest.segments)
        self._known = KnownBodies(work / FILE, self.id)

    @classmethod
    def open(
        cls, storage: ObjectStorage, work: Path, clock: Callable[[], int], keys: ObjectStorage | None = None
    ) -> SegmentLedger:
        """Open the ledger for writing; it is made if there is none. `work` is a folder of this machine for it alone.

        With `keys`, bodies are encrypted from now on. LedgerInUse: another process of this machine has `work`.
        LedgerDamaged; LedgerUnavailable. KeysNotNamed: bodies of this ledger were encrypted before; KeysMissing: `keys`
        does not have their keys. LedgerError: Object Lock keeps what lies at `keys`.
        """
        try:
            return cls._open(storage, work, clock, keys)
        except LedgerDamaged:  # or the copy here is, or a segment was written anew meanwhile, by an erasure
            shutil.rmtree(work / _CACHE, ignore_errors=True)
            return cls._open(storage, work, clock, keys)

    @classmethod
    def _open(
        cls, storage: ObjectStorage, work: Path, clock: Callable[[], int], keys: ObjectStorage | None
    ) -> SegmentLedger:
        with _unavailable(f"the ledger in {storage} cannot be opened"), ExitStack() as undo:
            prepare_folder(work)
            lock = FolderLock(work)
            undo.callback(lock.release)
            _begin(storage)
            ledger = cls(storage, work, clock, lock, keys)
            undo.pop_all()
            undo.callback(ledger.close)
            ledger._begin_keys()
            ledger._learn()
            ledger._finish_erasing()
            ledger._index()
            ledger._cache.keep_only({segment.sha256 for segment in ledger._manifest.segments})
            undo.pop_all()
        return ledger

    def _begin_keys(self) -> None:
        """See that the keys are where they were, or note where they are from now on."""
        try:
            note = self._objects.read(NOTE)
        except FileNotFoundError:
            note = None
        if self._keys is None:
            if note is not None:
                raise not_named(self._objects, note)
            return
        if note is not None and not self._keys.begun():
            raise KeysMissing(
                f"the keys of the ledger in {self._objects} are not in {self._keys}: there is no {self.id}/ledger.json;"
                f" {NOTE} in the ledger says where they were"
            )
        self._keys.begin()
        if note != note_text(self._keys):
            self._objects.write(NOTE, note_text(self._keys))

    # reading ----------------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        """See `LedgerReader.head`. This one writes, so it knows."""
        self._refuse_if_closed()
        return Head(self._manifest.entries, self._manifest.head)

    def of_kind(self, kind: str) -> list[Entry]:
        """See `LedgerReader.of_kind`. Kinds of which there are few are found without reading all segments."""
        self._refuse_if_closed()
        with self._writing:
            sequences = self._known.of_kind(kind)
        if sequences is None:
            return super().of_kind(kind)
        return [entry for sequence in sequences if (entry := self.entry(sequence)) is not None]

    def entry(self, sequence: int) -> Entry | None:
        """See `LedgerReader.entry`."""
        self._refuse_if_closed()
        segment = self.segment_of(sequence)
        if segment is None:
            return None
        entries = self._remembered(segment)
        return entries[sequence - segment.first]

    def _refresh(self) -> None:
        """Nothing: whatever is added is added here."""

    def _entries_of(self, segment: Segment) -> Iterable[Entry]:
        return self._remembered(segment)

    def _remembered(self, segment: Segment) -> list[Entry]:
        """The entries of a segment, kept in memory with those of some others."""
        with self._remembering:
            found = self._recent.get(segment.name)
            if found is not None:
                self._recent.move_to_end(segment.name)
                return found
        with _unavailable(f"{segment.name} cannot be read"):
            try:
                entries = list(super()._entries_of(segment))
            except LedgerDamaged:  # or the copy on this machine's disk is
                self._cache.drop(segment.sha256)
                entries = list(super()._entries_of(segment))
        self._remember(segment.name, entries)
        return entries

    def _remember(self, name: str, entries: list[Entry]) -> None:
        with self._remembering:
            if name not in self._recent:
                self._recent_bytes += _size(entries)
            self._recent[name] = entries
            while self._recent_bytes > _RECENT_BYTES and len(self._recent) > 1:
                self._recent_bytes -= _size(self._recent.popitem(last=False)[1])

    def _use(self, segments: Iterable[Segment]) -> None:
        # A list that grows: a new tuple for each append would take as long as there are segments.
        self._segments = list(segments)
        self._manifest = Manifest(self._manifest.ledger, self._segments)

    def _named(self, name: str) -> str | None:
        """The SHA-256 of a segment, by its name."""
        at = self._behind(int(name.rpartition("/")[2].partition(".")[0]) - 1)
        segments = self._manifest.segments
        return segments[at].sha256 if at < len(segments) and segments[at].name == name else None

    # writing ----------------------------------------------------------------------------------------------------------

    def append(self, entries: Sequence[NewEntry]) -> list[Appended]:
        """See `LedgerWriter.append`: one segment. LedgerInUse: another writer was faster, and this one is done.

        LedgerUnavailable: it is not known whether they are kept. Sent again they are not kept twice.
        """
        return self._append([hashed(entry) for entry in entries])

    def append_packed(self, entries: Sequence[Packed], again: Mapping[int, int] = NO_REPEATS) -> list[Appended]:
        """See `Appends.append_packed`. How often something came again is not counted here."""
        return self._append([entry._replace(body=zlib.decompress(entry.body)) for entry in entries])

    def _append(self, entries: Sequence[Packed]) -> list[Appended]:
        with self._writing:
            self._refuse_if_lost()
            if not entries:
                return []
            if self._known.reached() != self.head():  # an earlier call could not write the file
                self._learn()
            while True:
                appended, stored = self._planned(entries)
                if not stored or self._committed(stored):
                    return appended

    def _planned(self, entries: Sequence[Packed]) -> tuple[list[Appended], list[StoredEntry]]:
        """Where each of them would be, and what is to be stored for that."""
        head, now_ms = self.head(), self._clock()
        appended: list[Appended] = []
        stored: list[StoredEntry] = []
        fresh: dict[bytes, dict[tuple[str, str], Body]] = {}
        for entry in entries:
            body = self._body(entry, fresh)
            known = KnownBody(body.content, body.salted, body.sequence) if body else None
            found = next_entry(head, entry, now_ms, known)
            if isinstance(found, Appended):
                appended.append(found)
                continue
            salt = body.salt if body else entry.salt
            stored.append(StoredEntry(found.chained, found.hash, salt, entry.body))
            appended.append(Appended(found.chained.sequence, duplicate=False))
            new = Body(found.chained.sequence, found.content, salt, found.chained.salted)
            fresh.setdefault(entry.sha256, {})[entry.kind, entry.content_type] = new
            head = found.head
        return appended, stored

    def _body(self, entry: Packed, fresh: Mapping[bytes, Mapping[tuple[str, str], Body]]) -> Body | None:
        """What is known of the bytes of an entry: from the ledger, or from the same call."""
        known = self._known.find(entry.sha256, entry.kind, entry.content_type)
        if known is not None and known.sequence is not None:
            return known
        same_bytes = fresh.get(entry.sha256, {})
        same = same_bytes.get((entry.kind, entry.content_type))
        if same is not None:
            return same
        other = known or next(iter(same_bytes.values()), None)
        return other._replace(sequence=None) if other is not None else None

    def _committed(self, entries: Sequence[StoredEntry]) -> bool:
        """Store the entries, which follow the head. False: an earlier attempt is stored in their place, plan again.

        LedgerInUse, LedgerUnavailable.
        """
        sealed = self._sealed(entries)
        lines = (format_line(entry, sealed.get(entry.chained.sequence)) for entry in entries)
        content = _packed("".join(lines).encode())
        segment = _segment(entries, self._manifest, content)
        self._attempts[segment.sha256] = _Attempt(segment, tuple(entries))
        with _unavailable("the ledger cannot be written"):
            try:
                self._objects.write(segment.name, content, once=True)
            except FileExistsError:
                digest = hashlib.sha256(self._objects.read(segment.name)).hexdigest()
            else:
                digest = segment.sha256
        there = self._attempts.get(digest)
        if there is None:
            self._lose(segment.name)
        self._add(there, content if digest == segment.sha256 else None)
        return digest == segment.sha256

    def _sealed(self, entries: Sequence[StoredEntry]) -> dict[int, Sealed]:
        """The encrypted bodies of new entries. An erasure is not: who has no keys any more must find it."""
        bodies = {
            entry.chained.sequence: (entry.salt, entry.body)
            for entry in entries
            if entry.salt is not None and entry.body is not None and entry.chained.kind != ERASURE
        }
        if self._keys is None or not bodies:
            return {}
        with _unavailable("the keys of the bodies cannot be written"):
            return self._keys.seal(entries[0].chained.sequence, bodies)

    def _lose(self, name: str) -> NoReturn:
        self._lost = LedgerInUse(
            f"another process writes the ledger in {self._objects}: {name} is there already, and is not of this one;"
            " this one has stopped writing. Start it again when the other one has ended"
        )
        raise self._lost

    def _refuse_if_lost(self) -> None:
        self._refuse_if_closed()
        if self._lost is not None:
            raise self._lost

    def _add(self, attempt: _Attempt, content: bytes | None) -> None:
        """A segment is stored."""
        segment = attempt.segment
        self._attempts.clear()
        self._segments.append(segment)
        self._known.add(attempt.entries, Head(segment.last, segment.hash))
        self._remember(segment.name, [entry_of(entry) for entry in attempt.entries])
        if content is not None:
            self._cache.keep(segment.sha256, content)
        self._index()

    def refuse_if_another_wrote(self) -> None:
        """LedgerInUse: there is a segment that this writer did not write. LedgerUnavailable."""
        with self._writing, _unavailable("the ledger cannot be read"):
            self._refuse_if_lost()
            name = segment_name(self._manifest.entries + 1)
            there = next(self._objects.listed(name), None) == name
            if there and hashlib.sha256(self._objects.read(name)).hexdigest() not in self._attempts:
                self._lose(name)

    def _index(self) -> None:
        """Write the files of the index that are due. One that cannot be written is written with the next segment."""
        while len(self._manifest.segments) - self._indexed >= INDEXED:
            part = self._manifest.segments[self._indexed : self._indexed + INDEXED]
            with suppress(AwsError, OSError):
                self._objects.write(*index_file(part))
                self._indexed += INDEXED
                continue
            return

    def _learn(self) -> None:
        """Bring what is known on this machine up to the end of the ledger."""
        reached = self._known.reached()
        if not self._is_here(reached):
            self._known.forget_all()
            reached = self._known.reached()
        for segment in self._manifest.segments[self._behind(reached.sequence) :]:
            entries = list(read_segment(self._cache, segment, self._opens))
            self._known.add(entries, Head(segment.last, segment.hash))
        for entry in self.of_kind(ERASURE):
            self._known.forget(_erased(entry))

    def _is_here(self, head: Head) -> bool:
        """Whether this ledger has a segment that ends so."""
        if not head.sequence:
            return True
        segment = self.segment_of(head.sequence)
        return segment is not None and Head(segment.last, segment.hash) == head

    # erasing ----------------------------------------------------------------------------------------------------------

    def erase(
        self,
        sequence: int,
        reason: str,
        touched: Touched = NOTHING_NAMED,
        *,
        sender: str | None = None,
        bypass: bool = False,
    ) -> int:
        """See `LedgerWriter.erase`. `bypass`: also what Object Lock keeps in governance mode.

        LedgerError: also where Object Lock keeps the segment; nothing is changed then.
        """
        with self._writing:
            self._refuse_if_lost()
            try:
                entry = self.entry(sequence)
            except LedgerDamaged:  # or somebody else erased something in the same segment
                self.refuse_if_another_wrote()
                raise
            if entry is None:
                raise LedgerError(f"there is no entry {sequence}")
            if entry.body is None or entry.kind == ERASURE:
                raise LedgerError(f"entry {sequence} is erased already, or says that another one was")
            salted = self._salted(sequence)
            sequences = self._known.sharing(salted)
            with _unavailable("the erasure cannot be begun"):
                sealed = self._sealed_at(sequences)
                self._refuse_if_locked([each for each in sequences if each not in sealed], bypass=bypass)
                for file in {each.keys for each in sealed.values()}:
                    self._named_keys().refuse_if_kept(f"{file}.json")
            about = {name: list(datasets) for name, datasets in touched._asdict().items() if datasets}
            notice = {"sequence": sequence, "sequences": sequences, "reason": reason, "saltedSha256": salted.hex()}
            once = secrets.token_hex(8)
            work = json.dumps({"notice": notice | about, "bypass": bypass, "sender": sender, "by": once}).encode()
            with _unavailable("the erasure cannot be begun"):
                self._begin_erasing(work)
            try:
                return self._finish_erasing()
            except LedgerInUse:  # its entry was not written, and so nothing was done
                with _unavailable("the erasure cannot be taken back"):
                    self._end_erasing(work)
                raise

    def _begin_erasing(self, work: bytes) -> None:
        """Note what is to be done; one at a time. LedgerInUse."""
        try:
            self._objects.write(_ERASING, work, once=True)
        except FileExistsError:
            if not self._is_under_way(work):  # else an answer was lost, and the request was sent again
                raise LedgerInUse(
                    f"another payload is being erased from the ledger in {self._objects}: nothing was done; try again"
                    " when that has ended"
                ) from None

    def _is_under_way(self, work: bytes) -> bool:
        """Whether this erasure has not been finished yet. Another process that opened the ledger may have done so."""
        try:
            return self._objects.read(_ERASING) == work
        except FileNotFoundError:
            return False

    def _end_erasing(self, work: bytes) -> None:
        if self._is_under_way(work):
            self._objects.remove(_ERASING)

    def _finish_erasing(self) -> int:
        """Do what is left of an erasure; the sequence of the entry that says so, 0 if there is nothing to do."""
        with _unavailable("an erasure is not finished; it goes on when the ledger is opened again"):
            try:
                text = self._objects.read(_ERASING)
            except FileNotFoundError:
                return 0
            work = json.loads(text)
            notice = work["notice"]
            salted = bytes.fromhex(notice["saltedSha256"])
            said = next((e.sequence for e in self.of_kind(ERASURE) if _erased(e) == salted), None)
            if said is None:
                body = json.dumps(notice).encode()
                (appended,) = self.append([NewEntry(ERASURE, "application/json", body, sender=work.get("sender"))])
                said = appended.sequence
            self._known.forget(salted)
            sealed = self._sealed_at(notice["sequences"])
            self._delete_keys(sealed, text)
            plain = set(notice["sequences"]) - sealed.keys()
            if plain:
                self._rewrite(plain, text, bypass=bool(work["bypass"]))
            self._end_erasing(text)
        return said

    def _sealed_at(self, sequences: Iterable[int]) -> dict[int, Sealed]:
        """Those of these entries whose bodies are encrypted."""
        wanted, found = set(sequences), dict[int, Sealed]()
        for segment in {s.name: s for each in wanted if (s := self.segment_of(each))}.values():
            for line in gzip.decompress(self._objects.read(segment.name)).splitlines():
                values = json.loads(line)
                sealed = parse_sealed(values)
                if sealed is not None and values["sequence"] in wanted:
                    found[values["sequence"]] = sealed
        return found

    def _named_keys(self) -> BodyKeys:
        if self._keys is None:
            raise not_named(self._objects, None)
        return self._keys

    def _delete_keys(self, sealed: Mapping[int, Sealed], work: bytes) -> None:
        """Delete the keys of entries, and what is in memory of their segments. `work` as of `_is_under_way`."""
        for file in sorted({each.keys for each in sealed.values()}):
            if not self._is_under_way(work):  # else it would bring back keys that a later erasure deletes
                break
            self._named_keys().delete(file, [sequence for sequence, each in sealed.items() if each.keys == file])
        for segment in {s.name for each in sealed if (s := self.segment_of(each))}:
            with self._remembering:
                self._recent.pop(segment, None)
                self._recent_bytes = sum(map(_size, self._recent.values()))
        with self._reading:
            self._ahead = None

    def _rewrite(self, sequences: set[int], work: bytes, *, bypass: bool) -> None:
        """Take bodies out of their segments, and name these anew in the index. `work` as of `_is_under_way`."""
        changed: dict[str, Segment] = {}
        for segment in {s.name: s for each in sequences if (s := self.segment_of(each))}.values():
            # The file as it is, since a part of the work may be done already: its hash is not what the index says.
            lines = gzip.decompress(self._objects.read(segment.name)).decode().split("\n")
            text = "".join(f"{_without_body(line, sequences)}\n" for line in lines if line)
            content = _packed(text.encode())
            if not self._is_under_way(work):  # else it would bring back what a later erasure takes out
                return
            self._objects.write(segment.name, content)
            if isinstance(self._objects, Versioned):
                self._objects.remove_older(segment.name, bypass_governance=bypass)
            self._cache.drop(segment.sha256)
            with self._remembering:
                self._recent.pop(segment.name, None)
            digest = hashlib.sha256(content).hexdigest()
            changed[segment.name] = replace(segment, sha256=digest, bytes=len(content))
        self._use([changed.get(segment.name, segment) for segment in self._manifest.segments])
        with self._remembering:
            self._recent_bytes = sum(map(_size, self._recent.values()))
        with self._reading:
            self._ahead = None
        self._rename(changed)

    def _rename(self, changed: Mapping[str, Segment]) -> None:
        """Write the manifest and the files of the index anew that name one of these segments."""
        with suppress(FileNotFoundError):
            manifest = parse_manifest(self._objects.read(MANIFEST))
            if any(segment.name in changed for segment in manifest.segments):
                segments = tuple(changed.get(each.name, each) for each in manifest.segments)
                self._objects.write(MANIFEST, Manifest(manifest.ledger, segments).text().encode())
        for name in self._objects.listed(INDEX):
            rows = json.loads(self._objects.read(name))["segments"]
            if any(row["name"] in changed for row in rows):
                self._objects.write(*index_file([changed.get(row["name"]) or Segment(**row) for row in rows]))

    def _refuse_if_locked(self, sequences: Sequence[int], *, bypass: bool) -> None:
        for segment in {s.name: s for each in sequences if (s := self.segment_of(each))}.values():
            kept = self._objects.kept_until(segment.name) if isinstance(self._objects, Versioned) else None
            if kept is not None and not (bypass and kept[0] == "GOVERNANCE"):
                raise LedgerError(
                    f"{segment.name} is kept by S3's Object Lock ({kept[0].lower()}) until {kept[1]}: nothing in it can"
                    " be erased before that"
                )

    def _salted(self, sequence: int) -> bytes:
        segment = self.segment_of(sequence)
        assert segment is not None, "the entry is there"
        entries = read_segment(self._cache, segment, self._opens)
        return next(entry.chained.salted for entry in entries if entry.chained.sequence == sequence)

    def copy_known_to(self, path: Path) -> Head:
        """A copy of `WORK/known.sqlite`, and the entry that it is at."""
        with self._writing:
            self._known.copy_to(path)
            return self._known.reached()

    def __enter__(self) -> SegmentLedger:  # noqa: PYI034 - Self is 3.11
        """The ledger itself."""
        return self

    def close(self) -> None:
        """See `LedgerReader.close`."""
        if self._closed:
            return
        super().close()
        with self._writing:
            self._known.close()
        self._folder_lock.release()


# helpers --------------------------------------------------------------------------------------------------------------


@contextmanager
def _unavailable(what: str) -> Iterator[None]:
    """Errors of the storage as `LedgerUnavailable`."""
    try:
        yield
    except (AwsError, OSError) as error:
        raise LedgerUnavailable(f"{what}: {error}") from error


def _begin(storage: ObjectStorage) -> None:
    """Give the ledger an id, unless it has one: of two who do that, one does."""
    names = {next(storage.listed(name), None) for name in (IDENTITY, MANIFEST)}
    if not names & {IDENTITY, MANIFEST}:
        if next(storage.listed("segments/"), None) is not None:
            raise NotALedger(
                f"{storage} has segments, and neither {IDENTITY} nor {MANIFEST}: an export that did not end"
            )
        with suppress(FileExistsError):
            storage.write(IDENTITY, identity_text(secrets.token_hex(16)), once=True)


def _packed(text: bytes) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=packed, mtime=0) as file:
        file.write(text)
    return packed.getvalue()


def _segment(entries: Sequence[StoredEntry], manifest: Manifest, content: bytes) -> Segment:
    first, last = entries[0].chained.sequence, entries[-1]
    digest = hashlib.sha256(content).hexdigest()
    return Segment(
        segment_name(first), first, last.chained.sequence, manifest.head, last.hash.hex(), digest, len(content)
    )


def _without_body(line: str, sequences: set[int]) -> str:
    values = json.loads(line)
    if values["sequence"] not in sequences:
        return line
    kept = {key: value for key, value in values.items() if key not in ("body", "base64", "salt")}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _erased(entry: Entry) -> bytes:
    """The salted hash that an erasure names."""
    with suppress(ValueError, KeyError, TypeError):
        return bytes.fromhex(json.loads(entry.body or b"")["saltedSha256"])
    return b""


def _size(entries: Iterable[Entry]) -> int:
    return sum(len(entry.body or b"") + 500 for entry in entries)


class _Cache:
    """A storage whose segments are also on this machine's disk, by their SHA-256; who reads one checks it anyway."""

    def __init__(self, storage: ObjectStorage, folder: Path, named: Callable[[str], str | None]) -> None:
        """`named` gives the SHA-256 of a segment, by its name."""
        self._storage = storage
        self._folder = folder
        self._named = named
        folder.mkdir(mode=0o700, exist_ok=True)

    def open(self, name: str) -> BinaryIO:
        """See `FileStorage.open`."""
        digest = self._named(name)
        if digest is None:
            return self._storage.open(name)
        path = self._folder / digest
        if not path.exists():
            self.keep(digest, self._storage.read(name))
        os.utime(path)
        return path.open("rb")

    def keep(self, digest: str, content: bytes) -> None:
        """Keep a segment, and remove the ones that were not read for the longest time."""
        draft = self._folder / f".{digest}"
        draft.write_bytes(content)
        draft.replace(self._folder / digest)
        self._written += len(content)
        if self._written > CACHE_BYTES // 8:
            self._written = 0
            self._shrink()

    _written = CACHE_BYTES  #: bytes since it was last looked how large the cache is; at first nobody has looked

    def _shrink(self) -> None:
        with os.scandir(self._folder) as entries:
            stats = [(entry.stat(), entry.name) for entry in entries]
        files = sorted(((stat.st_mtime, stat.st_size, name) for stat, name in stats), reverse=True)
        size = 0
        for _, bytes_, name in files:
            size += bytes_
            if size > CACHE_BYTES:
                (self._folder / name).unlink(missing_ok=True)

    def keep_only(self, digests: set[str]) -> None:
        """Remove what is no segment of the ledger any more: something was erased from it, elsewhere."""
        with os.scandir(self._folder) as entries:
            others = [entry.name for entry in entries if entry.name not in digests]
        for name in others:
            self.drop(name)

    def drop(self, digest: str) -> None:
        """Keep a segment no longer."""
        (self._folder / digest).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """See `FileStorage.names`."""
        return self._storage.names()

    def put(self, name: str, path: Path) -> None:
        """See `FileStorage.put`."""
        self._storage.put(name, path)

    def scratch(self) -> AbstractContextManager[Path]:
        """See `FileStorage.scratch`."""
        return self._storage.scratch()

    def __str__(self) -> str:
        return str(self._storage)
