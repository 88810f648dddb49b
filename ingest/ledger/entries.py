"""What the ledger keeps, as plain data, and the ledger's errors. No file, no clock, no thread.

How an entry's hash is computed, and how a chain of entries is checked, is in `chain`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import zlib
from dataclasses import dataclass
from typing import NamedTuple

ERASURE = "erasure"
"""The kind of the entry that says that a body was erased. Its own body is JSON:

`sequence` as asked for, `sequences` of all entries that had these bytes, `reason`, `saltedSha256`; and, where they are
known, the datasets whose lineage it was part of: `written`, `read` (lists of URIs that other entries name as well).
"""

# zlib, since it is in every Python and every other language: a ledger must be readable in ten years. Level 3 packs
# Spline's plans 4- to 24-fold, as fast as level 1 does; level 6 takes three times as long for a fifth less.
_COMPRESSION_LEVEL = 3
_SMALL_WINDOW = 13  # 2^13 bytes: a whole small body, so that it is packed as well as with the largest window
_SMALL_MEMORY = 6  # of 9, for zlib's table of what it has seen
_SMALL_BODY = 2**_SMALL_WINDOW

# More than the receiver's own limit (256 MiB), and less than SQLite's for one value (10^9 bytes).
LARGEST_BODY = 512 * 2**20

SALT_BYTES = 16


class LedgerError(Exception):
    """Whatever the ledger refuses or cannot do. The message is one sentence for a user."""


class LedgerUnavailable(LedgerError):
    """The ledger cannot be read or written at this moment (full disk, I/O error, closing). Nothing was kept: retry."""


class LedgerInUse(LedgerError):
    """Another process writes to this ledger."""


class NotALedger(LedgerError):
    """There is no ledger in this place, or it holds something else."""


class NewerLedger(LedgerError):
    """The ledger was written by a later version, in a format that this one does not know."""


class LedgerDamaged(LedgerError):
    """What is stored is not what was written, or cannot be read any more. The message says where."""


@dataclass(frozen=True)
class NewEntry:
    """A payload to be kept. `redactions`: one note for each secret that was taken out of it before."""

    kind: str  #: of one of the bridges (`ingest.intake.bridges`), or ``erasure``
    content_type: str
    body: bytes
    sender: str | None = None
    redactions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A kept payload. Hashes are lower-case hex."""

    sequence: int  #: 1, 2, 3, ... without gaps
    received_ms: int  #: ms since 1970
    sender: str | None
    kind: str
    content_type: str
    sha256: str  #: of the kept bytes; empty if erased, since a short body could be guessed from it
    body: bytes | None  #: None if erased, or damaged
    redactions: tuple[str, ...]
    hash: str  #: of this entry and, through the chain, of all before it
    damage: str = ""  #: what is wrong with the stored body, after "the body of entry 7 ..."; empty: nothing


@dataclass(frozen=True)
class Appended:
    """Where a payload is kept. `duplicate`: it was there already, at this sequence, and was not kept again."""

    sequence: int
    duplicate: bool


class Touched(NamedTuple):
    """The datasets, by their URI, whose lineage an entry is part of: what it says was written, and from what."""

    written: tuple[str, ...] = ()
    read: tuple[str, ...] = ()


NOTHING_NAMED = Touched()


@dataclass(frozen=True)
class Head:
    """The end of the chain: the last entry's sequence and hash, in hex. An empty ledger: 0 and `chain.genesis`."""

    sequence: int
    hash: str


class NameEntry(NamedTuple):
    """An entry that gives a dataset another name. `source`: who states it, people or a system; of a payload empty."""

    sequence: int
    kind: str
    source: str


class Packed(NamedTuple):
    """A new entry, hashed and compressed: all that can be done before the one thread that writes gets it."""

    kind: str
    content_type: str
    sender: str | None
    redactions: str  #: a JSON array of strings, in ASCII
    size: int  #: of the body, in bytes
    sha256: bytes  #: of the body
    salt: bytes
    salted: bytes  #: SHA-256(salt + body)
    body: bytes  #: zlib


class Chained(NamedTuple):
    """What an entry's hash covers beside the hash before it, in the order of the chain's rule.

    The names of the fields are those in exported segments, so they are part of that format.
    """

    sequence: int
    received_ms: int
    sender: str | None
    kind: str
    content_type: str
    redactions: str  #: a JSON array of strings, in ASCII
    salted: bytes  #: SHA-256(salt + body)


class StoredEntry(NamedTuple):
    """An entry as a ledger stores it: what is needed to compute its hash again, and to export it.

    What was altered on the disk can have values of any type, so `chain.ChainCheck` trusts none of them.
    """

    chained: Chained
    hash: bytes
    salt: bytes | None  #: None if erased
    body: bytes | None  #: None if erased
    damage: str = ""  #: what the reader found wrong with the body, after "the body of entry 7 ..."; empty: nothing


def pack(entry: NewEntry) -> Packed:
    """Hash and compress. ValueError: a text is not valid Unicode, or the body has more than 512 MiB."""
    return hashed(entry)._replace(body=_compressed(entry.body))


def hashed(entry: NewEntry) -> Packed:
    """As `pack`, with the body as it is, not compressed."""
    if len(entry.body) > LARGEST_BODY:
        raise ValueError(f"a ledger entry holds at most {LARGEST_BODY} bytes, not {len(entry.body)}")
    for text in (entry.kind, entry.content_type, entry.sender or ""):
        text.encode("utf-8")  # a lone surrogate would fail later, and with it all entries of the same transaction
    salt = secrets.token_bytes(SALT_BYTES)
    return Packed(
        kind=entry.kind,
        content_type=entry.content_type,
        sender=entry.sender,
        redactions=json.dumps(entry.redactions),
        size=len(entry.body),
        sha256=hashlib.sha256(entry.body).digest(),
        salt=salt,
        salted=salted_sha256(salt, entry.body),
        body=entry.body,
    )


def _compressed(body: bytes) -> bytes:
    """As zlib, with as much memory as the body needs: events have some hundred bytes.

    zlib clears 256 KiB for each call unless it is told otherwise, which takes six times as long as such a body itself.
    """
    if len(body) > _SMALL_BODY:
        return zlib.compress(body, _COMPRESSION_LEVEL)
    packer = zlib.compressobj(_COMPRESSION_LEVEL, zlib.DEFLATED, _SMALL_WINDOW, _SMALL_MEMORY)
    return packer.compress(body) + packer.flush()


def salted_sha256(salt: bytes, body: bytes) -> bytes:
    """SHA-256(salt + body): what the chain knows of a body."""
    digest = hashlib.sha256(salt)
    digest.update(body)
    return digest.digest()


def entry_of(stored: StoredEntry) -> Entry:
    """A stored entry as callers see it."""
    chained = stored.chained
    return Entry(
        sequence=chained.sequence,
        received_ms=chained.received_ms,
        sender=chained.sender,
        kind=chained.kind,
        content_type=chained.content_type,
        sha256="" if stored.body is None else hashlib.sha256(stored.body).hexdigest(),
        body=stored.body,
        redactions=tuple(json.loads(chained.redactions)),
        hash=stored.hash.hex(),
    )
