"""A ledger in portable files: their format, and the check of what is read from them. Pure; files are `ledger_export`'s.

`manifest.json` lists the segments; each is NDJSON, one entry a line, packed with gzip. An entry has its fields as the
ledger stores them, so that its hash can be computed again (`ingest.ledger.entries` says how): `redactions` is the JSON
text, `salted`, `hash` and `salt` are hex; the body is the text `body`, or `base64` where it is no UTF-8. An entry that
was erased has neither, and no `salt`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from headwater.ingest.ledger.entries import ERASURE, Chained, Entry, LedgerError, genesis, link, salted_sha256

FORMAT = 1
MANIFEST = "manifest.json"


class Damaged(LedgerError):
    """What was exported is not what is there: one sentence with the segment and the entry."""


class Exported(NamedTuple):
    """An entry as a segment has it."""

    chained: Chained
    hash: bytes
    salt: bytes | None
    body: bytes | None


@dataclass(frozen=True)
class Segment:
    """A file of entries: the first and the last, the hash of the entry before the first one, and of the last one."""

    name: str
    first: int
    last: int
    previous: str
    hash: str
    sha256: str  #: of the file as it is, packed
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """All segments, in order. `ledger` is the ledger's id."""

    ledger: str
    segments: tuple[Segment, ...]

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return self.segments[-1].last if self.segments else 0

    @property
    def head(self) -> str:
        """The hash of the last entry, in hex."""
        return self.segments[-1].hash if self.segments else genesis(self.ledger).hex()

    def text(self) -> str:
        """As JSON."""
        return json.dumps({"format": FORMAT, **asdict(self), "entries": self.entries, "head": self.head}, indent=2)


def manifest_of(text: str | bytes) -> Manifest:
    """The manifest in a JSON text. Damaged: it is none, or its segments do not follow one another."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise Damaged(f"{MANIFEST}: format {found['format']} is not known; this version reads {FORMAT}")
        manifest = Manifest(found["ledger"], tuple(Segment(**segment) for segment in found["segments"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{MANIFEST} is no manifest: {type(error).__name__} {error}") from error
    last, previous = 0, genesis(manifest.ledger).hex()
    for segment in manifest.segments:
        if (segment.first, segment.previous) != (last + 1, previous):
            raise Damaged(
                f"segment {segment.name} does not follow entry {last}: one before it is missing or was altered"
            )
        last, previous = segment.last, segment.hash
    if (found.get("entries"), found.get("head")) != (manifest.entries, manifest.head):
        raise Damaged(f"{MANIFEST}: the last segments are missing")
    return manifest


def line_of(entry: Exported) -> str:
    """An entry as a line."""
    values: dict[str, Any] = {**entry.chained._asdict(), "salted": entry.chained.salted.hex(), "hash": entry.hash.hex()}
    if entry.body is not None and entry.salt is not None:
        values |= {"salt": entry.salt.hex(), **_body(entry.body)}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n"


def _body(body: bytes) -> dict[str, str]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def entry_of(line: str | bytes) -> Exported:
    """The entry in a line. ValueError, KeyError, TypeError: it is none."""
    values: Mapping[str, Any] = json.loads(line)
    chained = Chained(**{**{name: values[name] for name in Chained._fields}, "salted": bytes.fromhex(values["salted"])})
    salt = bytes.fromhex(values["salt"]) if "salt" in values else None
    body = values["body"].encode() if "body" in values else None
    body = base64.b64decode(values["base64"], validate=True) if "base64" in values else body
    return Exported(chained, bytes.fromhex(values["hash"]), salt, body)


@dataclass
class Checking:
    """The check of one segment, line by line. `missing` and `erased` are the salted hashes of bodies, in hex."""

    segment: Segment
    reached: int = 0  #: the last entry that was right
    missing: dict[str, int] = field(default_factory=dict)  #: of bodies that are not there, with an entry that lacks it
    erased: set[str] = field(default_factory=set)  #: of bodies that an entry says were erased

    def entries(self, lines: Iterator[bytes]) -> Iterator[Entry]:
        """The entries of the segment. Damaged: one is not what was exported."""
        expected, previous = self.segment.first, bytes.fromhex(self.segment.previous)
        for line in lines:
            found = self._parsed(line, expected)
            if found.chained.sequence != expected:
                raise self._damaged(expected, f"entry {found.chained.sequence} stands in its place")
            if _link(previous, found.chained) != found.hash:
                raise self._damaged(expected, "its hash does not follow from it and the one before")
            self._check_body(found)
            self.reached = expected
            yield _entry(found)
            expected, previous = expected + 1, found.hash
        if expected != self.segment.last + 1:
            raise self._damaged(expected, f"the segment ends before it; entry {self.segment.last} is its last")
        if previous.hex() != self.segment.hash:
            raise self._damaged(self.segment.last, "its hash is not the one in the manifest")

    def _parsed(self, line: bytes, expected: int) -> Exported:
        try:
            return entry_of(line)
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(expected, f"its line cannot be read ({type(error).__name__}: {error})") from error

    def _check_body(self, found: Exported) -> None:
        chained = found.chained
        if found.body is None or found.salt is None:
            self.missing[chained.salted.hex()] = chained.sequence
        elif salted_sha256(found.salt, found.body) != chained.salted:
            raise self._damaged(chained.sequence, "its body was altered")
        elif chained.kind == ERASURE:
            self.erased.add(str(json.loads(found.body)["saltedSha256"]))

    def _damaged(self, sequence: int, what: str) -> Damaged:
        return Damaged(f"segment {self.segment.name}, entry {sequence}: {what}")


def never_erased(missing: Mapping[str, int], erased: set[str]) -> None:
    """Damaged: a body is missing that no entry says was erased."""
    lost = sorted(sequence for salted, sequence in missing.items() if salted not in erased)
    if lost:
        raise Damaged(f"the body of entry {lost[0]} is missing, and was never erased")


def _link(previous: bytes, chained: Chained) -> bytes:
    try:
        return link(previous, chained)
    except (AttributeError, TypeError, ValueError, OverflowError):  # a value has a type that no entry was ever given
        return b""


def _entry(found: Exported) -> Entry:
    chained = found.chained
    return Entry(
        sequence=chained.sequence,
        received_ms=chained.received_ms,
        sender=chained.sender,
        kind=chained.kind,
        content_type=chained.content_type,
        sha256="" if found.body is None else hashlib.sha256(found.body).hexdigest(),
        body=found.body,
        redactions=tuple(json.loads(chained.redactions)),
        hash=found.hash.hex(),
    )
