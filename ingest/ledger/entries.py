"""What the ledger keeps and how its entries are chained: pure data and functions; no file, no clock, no thread.

The chain, so that anyone can check it with other tools. Entry `n` has

    hash(n) = SHA-256("headwater.ledger.1" | f(hash(n-1)) | f(sequence) | f(received_ms) | f(sender) | f(kind)
                      | f(content_type) | f(redactions) | f(SHA-256(salt | body)))

where `f(x)` is the length of x as 8 bytes, big-endian, then x. Numbers are 8 bytes, big-endian, signed; texts are
UTF-8; redactions are the JSON text as stored; a sender is 0x01 and the text, or empty if there was none.
hash(0) = SHA-256("headwater.ledger.1" | ledger id).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import zlib
from dataclasses import dataclass
from typing import NamedTuple

DOMAIN = b"headwater.ledger.1"

ERASURE = "erasure"
"""The kind of the entry that says that a body was erased. Its own body is JSON:

`sequence` as asked for, `sequences` of all entries that had these bytes, `reason`, `saltedSha256`.
"""

# zlib, since it is in every Python and every other language: a ledger must be readable in ten years. Level 3 packs
# Spline's plans 4- to 24-fold, as fast as level 1 does; level 6 takes three times as long for a fifth less.
_COMPRESSION_LEVEL = 3

# Past the receiver's own limit (256 MiB) and within SQLite's for one value (10^9 bytes).
_LARGEST_BODY = 512 * 2**20

_SALT_BYTES = 16


class LedgerError(Exception):
    """Whatever the ledger refuses or cannot do. The message is one sentence for a user."""


class LedgerUnavailable(LedgerError):
    """It cannot be written at this moment (full disk, I/O error, closing): nothing was kept, so try again later."""


class LedgerInUse(LedgerError):
    """Another process writes to this ledger."""


class NotALedger(LedgerError):
    """The folder holds no ledger, or a file of another kind in its place."""


class NewerLedger(LedgerError):
    """The ledger was written by a later version, in a format that this one does not know."""


@dataclass(frozen=True)
class NewEntry:
    """A payload to be kept. `redactions` says what was taken out of it before, one note per place."""

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
    sha256: str  #: of the kept bytes; empty if erased, since it would let them be guessed
    body: bytes | None  #: None if erased
    redactions: tuple[str, ...]
    hash: str  #: of this entry and, through the chain, of all before it


@dataclass(frozen=True)
class Appended:
    """Where a payload is kept. `duplicate`: identical bytes were there already, at this sequence."""

    sequence: int
    duplicate: bool


@dataclass(frozen=True)
class Head:
    """The end of the chain: the last entry's sequence (0 if there is none) and hash."""

    sequence: int
    hash: str


class Packed(NamedTuple):
    """A new entry made ready for the file, away from the one thread that writes."""

    kind: str
    content_type: str
    sender: str | None
    redactions: str
    size: int
    sha256: bytes
    salt: bytes
    salted: bytes
    body: bytes  #: zlib


class Chained(NamedTuple):
    """What an entry's hash covers beside the previous hash, in the chain's order."""

    sequence: int
    received_ms: int
    sender: str | None
    kind: str
    content_type: str
    redactions: str
    salted: bytes


def pack(entry: NewEntry) -> Packed:
    """Hash and compress. ValueError: a text is not Unicode, or the body has more than 512 MiB."""
    if len(entry.body) > _LARGEST_BODY:
        raise ValueError(f"a ledger entry holds at most {_LARGEST_BODY} bytes, not {len(entry.body)}")
    for text in (entry.kind, entry.content_type, entry.sender or ""):
        text.encode("utf-8")  # lone surrogates would fail in SQLite, together with the whole group
    salt = secrets.token_bytes(_SALT_BYTES)
    return Packed(
        kind=entry.kind,
        content_type=entry.content_type,
        sender=entry.sender,
        redactions=json.dumps(entry.redactions),
        size=len(entry.body),
        sha256=hashlib.sha256(entry.body).digest(),
        salt=salt,
        salted=salted_sha256(salt, entry.body),
        body=zlib.compress(entry.body, _COMPRESSION_LEVEL),
    )


def salted_sha256(salt: bytes, body: bytes) -> bytes:
    """SHA-256(salt + body): what the chain knows of a body."""
    digest = hashlib.sha256(salt)
    digest.update(body)
    return digest.digest()


def genesis(ledger_id: str) -> bytes:
    """The hash before the first entry's."""
    return hashlib.sha256(DOMAIN + ledger_id.encode()).digest()


def link(previous: bytes, entry: Chained) -> bytes:
    """The hash of an entry that follows the one with the hash `previous`. See the top of this module."""
    digest = hashlib.sha256(DOMAIN)
    for field in (
        previous,
        entry.sequence.to_bytes(8, "big", signed=True),
        entry.received_ms.to_bytes(8, "big", signed=True),
        b"" if entry.sender is None else b"\x01" + entry.sender.encode(),
        entry.kind.encode(),
        entry.content_type.encode(),
        entry.redactions.encode(),
        entry.salted,
    ):
        digest.update(len(field).to_bytes(8, "big"))
        digest.update(field)
    return digest.digest()
