"""A ledger in files: their format, and reading them. `export` writes one, `segment_ledger` goes on writing it.

STORAGE/segments/*.ndjson.gz    the entries, in order; each file is named by the number of its first entry
STORAGE/manifest.json           of an export: what its segments are; written last, so without it, it is not finished
STORAGE/ledger.json             of a ledger that began here, and was not exported: its id
STORAGE/index/*.json            what the segments behind those are, some dozens in each file, named by their first entry

The index saves reading: a segment that no file names is looked into. So a ledger that grows (`segment_ledger`) adds a
segment by one write, and an export can go on as such a ledger.

A segment is NDJSON, one entry a line, packed with gzip. An entry has its fields as the ledger stores them, so that its
hash can be computed again (`chain` says how): `redactions` is the JSON text, `salted`, `hash` and `salt` are hex; the
body is the text `body`, or `base64` where it is not UTF-8. An entry that was erased has neither, and no `salt`. Where
bodies are encrypted (`body_keys`), an entry has `keys`, the file with its key, and `encrypted` instead of these.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, cast

from headwater.ingest.ledger.body_keys import NOTE, BodyKeys, Sealed, format_sealed, not_named, parse_sealed
from headwater.ingest.ledger.chain import ChainCheck, start
from headwater.ingest.ledger.entries import (
    Chained,
    Entry,
    Head,
    LedgerDamaged,
    LedgerError,
    NotALedger,
    StoredEntry,
    entry_of,
)
from headwater.ingest.ledger.port import MAX_READ_BYTES
from headwater.ingest.places.file_names import UnsafeName, check_name
from headwater.ingest.places.file_storage import FileStorage, ObjectStorage

FORMAT = 1
MANIFEST, IDENTITY = "manifest.json", "ledger.json"
SEGMENTS, INDEX = "segments/", "index/"

Opens = Callable[[int, Sealed], "tuple[bytes, bytes] | None"]
"""Decrypts salt and body of an entry, as `BodyKeys.opened` does."""

_THREADS = 8  # files of the index that are read at once: each one waits for S3 some tens of milliseconds
_CHUNK = 2**20  # bytes of a file that are hashed at once
#: Bytes. A body has at most 256 MiB of JSON text (`intake.body.Limits`), which takes at most twice as many as a text
#: within JSON. Ten megabytes of packed blanks would else become one line of ten gigabytes.
_LONGEST_LINE = 640 * 2**20
_LARGEST_MANIFEST = 64 * 2**20  #: bytes: a segment has some hundred


@dataclass(frozen=True)
class Segment:
    """A file of entries. The names of the fields are those in the manifest, so they are part of the format."""

    name: str
    first: int  #: sequence of the first entry in it
    last: int  #: and of the last one
    previous: str  #: hash of the entry before the first one, in hex
    hash: str  #: hash of the last one, in hex
    sha256: str  #: of the file as it is, packed; in hex
    bytes: int  #: size of the file as it is, packed

    @property
    def before(self) -> Head:
        """The end of the chain before this segment."""
        return Head(self.first - 1, self.previous)


@dataclass(frozen=True)
class Manifest:
    """All segments, in order. `ledger` is the ledger's id."""

    ledger: str
    segments: Sequence[Segment]

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return self.segments[-1].last if self.segments else 0

    @property
    def head(self) -> str:
        """The hash of the last entry, in hex."""
        return self.segments[-1].hash if self.segments else start(self.ledger).hash

    def text(self) -> str:
        """As JSON."""
        return json.dumps({"format": FORMAT, **asdict(self), "entries": self.entries, "head": self.head}, indent=2)


def parse_manifest(text: str | bytes) -> Manifest:
    """The manifest in a JSON text. LedgerDamaged: it is none, or its segments do not follow one another."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise LedgerDamaged(f"{MANIFEST}: format {found['format']} is not known; this version reads {FORMAT}")
        manifest = Manifest(found["ledger"], tuple(Segment(**segment) for segment in found["segments"]))
        end = start(manifest.ledger)
        for segment in manifest.segments:
            check_name(segment.name)
    except UnsafeName as error:
        raise LedgerDamaged(f"{MANIFEST}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LedgerDamaged(f"{MANIFEST} is no manifest: {type(error).__name__} {error}") from error
    for segment in manifest.segments:
        if segment.before != end:
            raise LedgerDamaged(
                f"segment {segment.name} does not follow entry {end.sequence}: one before it is missing or was altered"
            )
        end = Head(segment.last, segment.hash)
    if (found.get("entries"), found.get("head")) != (manifest.entries, manifest.head):
        raise LedgerDamaged(f"{MANIFEST}: the last segments are missing")
    return manifest


def format_line(entry: StoredEntry, sealed: Sealed | None = None) -> str:
    """An entry as a line; its body as `sealed`, where that is given."""
    values: dict[str, Any] = {**entry.chained._asdict(), "salted": entry.chained.salted.hex(), "hash": entry.hash.hex()}
    if sealed is not None:
        values |= format_sealed(sealed)
    elif entry.body is not None and entry.salt is not None:
        values |= {"salt": entry.salt.hex(), **_body(entry.body)}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n"


def _body(body: bytes) -> dict[str, str]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def parse_line(line: str | bytes, opens: Opens | None = None) -> StoredEntry:
    """The entry in a line; without `opens`, an encrypted body is left out. ValueError, KeyError, TypeError: it is none.

    Errors of `opens` come as they are, but for a ValueError, which is the entry's `damage`.
    """
    values: Mapping[str, Any] = json.loads(line)
    chained = Chained(**{**{name: values[name] for name in Chained._fields}, "salted": bytes.fromhex(values["salted"])})
    if not isinstance(chained.sequence, int):
        raise TypeError("a sequence is a number")
    salt = bytes.fromhex(values["salt"]) if "salt" in values else None
    body = values["body"].encode() if "body" in values else None
    body = base64.b64decode(values["base64"], validate=True) if "base64" in values else body
    sealed, damage = parse_sealed(values), ""
    if sealed is not None and opens is not None:
        try:
            salt, body = opens(chained.sequence, sealed) or (None, None)
        except ValueError as error:
            damage = str(error)
    return StoredEntry(chained, bytes.fromhex(values["hash"]), salt, body, damage)


def read_manifest(storage: ObjectStorage, known: Manifest | None = None) -> Manifest:
    """What segments there are. LedgerDamaged; NotALedger: there is no ledger, or its export did not end.

    `known` is what was read before: only what came since is looked at.
    """
    return with_newer(storage, known or indexed(storage))


def with_newer(storage: ObjectStorage, manifest: Manifest) -> Manifest:
    """These segments, and those that follow. LedgerDamaged."""
    segments = list(manifest.segments)
    end = Head(manifest.entries, manifest.head)
    for name in storage.listed(SEGMENTS, segments[-1].name if segments else ""):
        segment = describe(name, storage.read(name), end)
        segments.append(segment)
        end = Head(segment.last, segment.hash)
    return Manifest(manifest.ledger, tuple(segments))


def indexed(storage: ObjectStorage) -> Manifest:
    """The segments that are named: by the manifest of an export, and by the files of the index.

    LedgerDamaged; NotALedger.
    """
    begun = _read_json(storage, MANIFEST)
    if begun is not None:
        manifest = parse_manifest(begun)
    else:
        text = _read_json(storage, IDENTITY)
        if text is None:
            raise NotALedger(
                f"there is no {MANIFEST} in {storage}: no ledger was exported there, or the export did not end"
            )
        manifest = Manifest(_identity(text), ())
    segments = list(manifest.segments)
    names = list(storage.listed(INDEX))
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="index") as threads:
        for name, text in zip(names, threads.map(storage.read, names), strict=True):
            end = Head(segments[-1].last, segments[-1].hash) if segments else start(manifest.ledger)
            segments += parse_index(name, text, end)
    return Manifest(manifest.ledger, tuple(segments))


def _read_json(storage: FileStorage, name: str) -> bytes | None:
    try:
        with storage.open(name) as file:
            text = file.read(_LARGEST_MANIFEST + 1)
    except FileNotFoundError:
        return None
    if len(text) > _LARGEST_MANIFEST:
        raise LedgerDamaged(f"{name} has more than {_LARGEST_MANIFEST:,} bytes: it is no manifest")
    return text


def identity_text(ledger: str) -> bytes:
    """What stands in the file `IDENTITY`."""
    return json.dumps({"format": FORMAT, "ledger": ledger}).encode()


def _identity(text: bytes) -> str:
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise LedgerDamaged(f"{IDENTITY}: format {found['format']} is not known; this version reads {FORMAT}")
        return str(found["ledger"])
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerDamaged(f"{IDENTITY} names no ledger: {type(error).__name__} {error}") from error


def index_file(segments: Sequence[Segment]) -> tuple[str, bytes]:
    """The name and content of the file of the index that names these segments."""
    content = {"format": FORMAT, "segments": [asdict(segment) for segment in segments]}
    return f"{INDEX}{segments[0].first:012}.json", json.dumps(content, indent=1).encode()


def parse_index(name: str, text: bytes, end: Head) -> list[Segment]:
    """The segments that a file of the index names; `end` is the entry before them. LedgerDamaged."""
    try:
        found = [Segment(**segment) for segment in json.loads(text)["segments"]]
        for segment in found:
            check_name(segment.name)
    except (ValueError, KeyError, TypeError, AttributeError, UnsafeName) as error:
        raise LedgerDamaged(f"{name} is no index: {type(error).__name__} {error}") from error
    for segment in found:
        if segment.before != end:
            raise LedgerDamaged(f"{name}: segment {segment.name} does not follow entry {end.sequence}")
        end = Head(segment.last, segment.hash)
    return found


def describe(name: str, content: bytes, before: Head) -> Segment:
    """What a segment is that follows the entry `before`, by its content. Its chain is checked when it is read.

    LedgerDamaged: one before it is missing, or its first or last line cannot be read.
    """
    if name != segment_name(before.sequence + 1):
        raise LedgerDamaged(
            f"segment {name} does not follow entry {before.sequence}: one before it is missing or was altered"
        )
    try:
        last = parse_line(gzip.decompress(content).rstrip(b"\n").rpartition(b"\n")[2])
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise LedgerDamaged(f"segment {name} is damaged: {type(error).__name__} {error}") from error
    digest = hashlib.sha256(content).hexdigest()
    return Segment(name, before.sequence + 1, last.chained.sequence, before.hash, last.hash.hex(), digest, len(content))


def segment_name(first: int) -> str:
    """The name of the segment that begins with an entry."""
    return f"{SEGMENTS}{first:012}.ndjson.gz"


def read_segment(storage: FileStorage, segment: Segment, opens: Opens | None = None) -> Iterator[StoredEntry]:
    """The entries in a segment's file as they are there; their chain is not checked. `opens` decrypts bodies.

    KeysNotNamed: without it, one is encrypted; and what `opens` raises.

    LedgerDamaged: the file is missing, cannot be read, or is not the one in the manifest; the latter shows at its end.
    """
    last, digest = segment.first - 1, segment.previous
    opens = opens or _refusing(storage)
    with _open(storage, segment.name) as raw:
        hashed = _Hashed(raw)
        unpacked = gzip.GzipFile(fileobj=cast("IO[bytes]", hashed))
        try:
            for line in iter(lambda: unpacked.readline(_LONGEST_LINE + 1), b""):
                if len(line) > _LONGEST_LINE:
                    raise LedgerDamaged(f"segment {segment.name}, entry {last + 1}: its line has no end")
                entry = _parse(line, segment, last + 1, opens)
                yield entry
                last, digest = entry.chained.sequence, entry.hash.hex()
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise LedgerDamaged(f"segment {segment.name} is damaged after entry {last}: {error}") from error
        if last != segment.last:
            raise LedgerDamaged(
                f"segment {segment.name} ends after entry {last}; entry {segment.last} should be its last"
            )
        if digest != segment.hash:
            raise LedgerDamaged(f"segment {segment.name}, entry {last}: its hash is not the one in the manifest")
        if hashed.rest() != segment.sha256:
            raise LedgerDamaged(f"segment {segment.name}: its SHA-256 is not the one in the manifest")


def read_checked(
    storage: FileStorage, segment: Segment, check: ChainCheck, opens: Opens | None = None
) -> Iterator[Entry]:
    """The entries of a segment, each checked before it is given; `check` begins at the segment.

    LedgerDamaged names the segment and the entry. No entry is given after the first that is not in order, but all
    of the segment is read, to say what became of it. That a body is missing without an erasure, `check` can only say
    when the whole ledger was read.
    """
    try:
        for stored in read_segment(storage, segment, opens):
            if check.add(stored):
                yield entry_of(stored)
    except LedgerDamaged as error:
        raise damaged_in(segment, check) or error from None
    problem = damaged_in(segment, check)
    if problem:
        raise problem


def damaged_in(segment: Segment, check: ChainCheck) -> LedgerDamaged | None:
    """The first problem that was found in a segment; None if there is none."""
    return LedgerDamaged(f"segment {segment.name}: {check.problems[0].sentence}") if check.problems else None


def _refusing(storage: FileStorage) -> Opens:
    """For a ledger whose keys were not named."""

    def refuse(_sequence: int, _sealed: Sealed) -> None:
        raise not_named(storage, _read_json(storage, NOTE))

    return refuse


def _parse(line: bytes, segment: Segment, sequence: int, opens: Opens) -> StoredEntry:
    try:
        return parse_line(line, opens)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LedgerDamaged(
            f"segment {segment.name}, entry {sequence}: its line cannot be read ({type(error).__name__}: {error})"
        ) from error


def _open(storage: FileStorage, name: str) -> BinaryIO:
    try:
        return storage.open(name)
    except FileNotFoundError as error:
        raise LedgerDamaged(f"segment {name} is missing") from error
    except UnsafeName as error:
        raise LedgerDamaged(f"segment {error}") from error


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


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return _Hashed(file).rest()


class ExportedLedger:
    """Reads a ledger in files: implements `ledger.port.LedgerReader`, whose docstrings say what its methods promise.

    What was added since is seen at each `head`, and where a `read` gets to the end. After an erasure by another process
    open it anew: it has other files than those that were looked at. Entries are checked against the chain as they are
    read, from the beginning of their segment on. `read` is made for reading on from where the last one ended; from
    anywhere else it has to read the segment from its beginning.
    """

    def __init__(self, storage: ObjectStorage, keys: ObjectStorage | None = None) -> None:
        """`keys`: where the keys of encrypted bodies are (`body_keys`).

        NotALedger: there is none; LedgerDamaged: what names its segments; errors of the storage as they are. Reading
        encrypted bodies: KeysNotNamed, KeysMissing.
        """
        self._storage = storage
        self._reads: FileStorage = storage  #: where segments are read from
        named = indexed(storage)
        self._named_segments = len(named.segments)  #: the others were found by listing
        self._manifest = with_newer(storage, named)
        self._keys = BodyKeys(keys, named.ledger) if keys is not None else None
        self._opens = self._keys.opened if self._keys is not None else _refusing(storage)
        self._reading = threading.Lock()
        self._position = 0  #: the entry before the first that `_ahead` gives
        self._ahead: Iterator[Entry] | None = None
        self._closed = False

    @property
    def id(self) -> str:
        """See `LedgerReader.id`."""
        return self._manifest.ledger

    def head(self) -> Head:
        """See `LedgerReader.head`."""
        self._refuse_if_closed()
        self._refresh()
        return Head(self._manifest.entries, self._manifest.head)

    def count(self) -> int:
        """See `LedgerReader.count`."""
        return self.head().sequence

    def read(self, after: int, limit: int, *, max_bytes: int = MAX_READ_BYTES) -> list[Entry]:
        """See `LedgerReader.read`."""
        self._refuse_if_closed()
        with self._reading:
            ahead = self._ahead if self._ahead and self._position == after else self._entries(after)
            self._ahead = None  # an error leaves no position
            found: list[Entry] = []
            left = max_bytes
            while len(found) < limit and (entry := next(ahead, None)) is not None:
                left -= len(entry.body or b"")
                if left < 0 and found:
                    ahead = chain((entry,), ahead)
                    break
                found.append(entry)
            self._ahead, self._position = ahead, found[-1].sequence if found else after
            if not found and limit:  # the end is reached: what comes later is not among what was read ahead
                self._ahead = None
        return found

    def entry(self, sequence: int) -> Entry | None:
        """See `LedgerReader.entry`. Reads the segment from its beginning."""
        self._refuse_if_closed()
        return next(self._entries(sequence - 1), None) if sequence > 0 else None

    def of_kind(self, kind: str) -> list[Entry]:
        """See `LedgerReader.of_kind`. Reads all segments."""
        self._refuse_if_closed()
        return [entry for entry in self._entries(0) if entry.kind == kind]

    def check_place(self) -> None:
        """See `LedgerReader.check_place`: segments are read by their names each time, and a missing one is an error."""

    def stored(self) -> Iterator[StoredEntry]:
        """See `LedgerReader.stored`."""
        self._refuse_if_closed()
        self._refresh()
        for segment in tuple(self._manifest.segments):  # and none that is added meanwhile
            self._refuse_if_closed()
            yield from read_segment(self._reads, segment, self._opens)

    def segment_of(self, sequence: int) -> Segment | None:
        """The segment with an entry; None if there is none."""
        at = self._behind(sequence - 1)
        return self._manifest.segments[at] if 0 < sequence <= self._manifest.entries else None

    def _behind(self, after: int) -> int:
        """The index of the segment with the entry that follows; the number of segments if there is none."""
        return bisect_right(self._manifest.segments, after, key=lambda segment: segment.last)

    def _refresh(self) -> None:
        """Look for what was added."""
        self._manifest = read_manifest(self._storage, self._manifest)

    def close(self) -> None:
        """See `LedgerReader.close`."""
        self._closed = True
        self._ahead = None

    def __enter__(self) -> ExportedLedger:  # noqa: PYI034 - Self is 3.11
        """The ledger itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _entries(self, after: int) -> Iterator[Entry]:
        after = max(0, after)
        if after >= self._manifest.entries:
            self._refresh()
        while (at := self._behind(after)) < len(self._manifest.segments):
            for entry in self._entries_of(self._manifest.segments[at]):
                if entry.sequence > after:
                    yield entry
                    after = entry.sequence
            if after >= self._manifest.entries:
                self._refresh()

    def _entries_of(self, segment: Segment) -> Iterable[Entry]:
        """The entries of one segment, checked."""
        return read_checked(self._reads, segment, ChainCheck(segment.before), self._opens)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise LedgerError("the ledger is closed")
