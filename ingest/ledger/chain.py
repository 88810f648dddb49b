"""The hash chain: how a hash is computed, what a new entry becomes, and how a chain is checked. Pure functions.

Here is all that must be the same in every ledger, whether it is an SQLite file or segments in S3. Not here: how entries
are stored and read.

The rule, so that anyone can check a ledger with other tools. Entry `n` has

    hash(n) = SHA-256("headwater.ledger.1" | f(hash(n-1)) | f(sequence) | f(received_ms) | f(sender) | f(kind)
                      | f(content_type) | f(redactions) | f(SHA-256(salt | body)))

where `f(x)` is the length of x as 8 bytes, big-endian, then x. Numbers are 8 bytes, big-endian, signed; texts are
UTF-8; redactions are the JSON text as stored; a sender is 0x01 and the text, or empty if there was none.
hash(0) = SHA-256("headwater.ledger.1" | ledger id).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from headwater.ingest.ledger.entries import ERASURE, Appended, Chained, Head, Packed, StoredEntry, salted_sha256

DOMAIN = b"headwater.ledger.1"

# Who has so many problems looks at the file, not at a list; a wholly rewritten ledger would have one for each entry.
_MOST_PROBLEMS = 100

_NEVER_ERASED = "is missing, and was never erased"


def genesis(ledger_id: str) -> bytes:
    """The hash before the first entry's."""
    return hashlib.sha256(DOMAIN + ledger_id.encode()).digest()


def start(ledger_id: str) -> Head:
    """The head of a ledger that has no entry yet."""
    return Head(0, genesis(ledger_id).hex())


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


class KnownBody(NamedTuple):
    """What a ledger already holds of a new entry's bytes. Bytes that were erased are no longer known."""

    content: int  #: the sequence of the first entry with these bytes
    salted: bytes  #: their salted hash, as that entry has it
    same: int | None  #: the first entry that also has the new entry's kind and content type, if there is one


class NextEntry(NamedTuple):
    """A new entry with its place in the chain, ready to be stored."""

    chained: Chained
    hash: bytes
    content: int  #: the sequence of the entry whose body it shares; its own if the body has to be stored too

    @property
    def head(self) -> Head:
        """The end of the chain once this entry is stored."""
        return Head(self.chained.sequence, self.hash.hex())


def next_entry(head: Head, entry: Packed, received_ms: int, known: KnownBody | None) -> NextEntry | Appended:
    """What a new entry becomes in a ledger that ends at `head`, where `known` says what it has of the same bytes.

    An `Appended` is a duplicate: bytes, kind and content type are those of an entry that is there; nothing is stored.
    """
    if known and known.same is not None:
        return Appended(known.same, duplicate=True)
    chained = Chained(
        sequence=head.sequence + 1,
        received_ms=received_ms,
        sender=entry.sender,
        kind=entry.kind,
        content_type=entry.content_type,
        redactions=entry.redactions,
        salted=known.salted if known else entry.salted,
    )
    content = known.content if known else chained.sequence
    return NextEntry(chained, link(bytes.fromhex(head.hash), chained), content)


@dataclass(frozen=True)
class Problem:
    """Something that is wrong in a ledger."""

    sequence: int  #: at which entry; 0: with the ledger as a whole
    sentence: str
    before: Head  #: the last entry before it; up to there, all is in order if this is the first problem


class ChainCheck:
    """The check of entries in their order, from any ledger: add all of them, then ask for what was found.

    It finds what was altered, dropped, reordered, and bodies that are missing without an entry that says so. The
    end that was cut off, or a chain that was rewritten as a whole, only shows against an anchor: a head that was
    recorded elsewhere. Entries may be checked in parts, each from the hash before it: `missing` and `erased` of all
    parts together then go to `never_erased`.
    """

    def __init__(self, before: Head, anchor: Head | None = None) -> None:
        """`before` is the entry before the first one that is added: `start` for a whole ledger."""
        self.reached = before  #: the last entry before the first problem
        self.without_body = 0  #: entries in order whose body is missing, and was erased if all is well
        self.missing: dict[str, Problem] = {}  #: by salted hash in hex: what is wrong unless the body was erased
        self.erased: set[str] = set()  #: the salted hashes of the bodies of which an entry says that they were erased
        self.problems: list[Problem] = []  #: the first hundred that can be told from the entries themselves
        self._anchor = anchor
        self._expected = before.sequence + 1
        self._previous = bytes.fromhex(before.hash)
        self._sought: bytes | None = None  # the hash before the entry that is not in its place, and may come later

    def add(self, entry: StoredEntry) -> bool:
        """Check the next entry. True: it is in order, and so were all before it."""
        intact = not self.problems
        if entry.chained.kind == ERASURE and entry.body is not None and _is_the_body(entry):
            self.erased.add(_erased_by(entry.body))
        problem = self._out_of_chain(entry) or self._wrong_body(entry) or self._not_as_anchored(entry)
        if problem is not None and len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(problem[0], problem[1], self.reached))
        if self._sought is not None:
            self._look_whether_moved(entry.chained, entry.hash)
        # Whatever was wrong, the check goes on from what is stored, so that one altered entry is one problem. An entry
        # with too low a number is one too many, and what comes next should still be the expected one.
        if entry.chained.sequence >= self._expected:
            self._expected, self._previous = entry.chained.sequence + 1, entry.hash
        if intact and problem is None:
            self.reached = Head(entry.chained.sequence, entry.hash.hex())
        return intact and problem is None

    def finish(self) -> list[Problem]:
        """All problems, by sequence, once the last entry of the ledger was added."""
        found = [*self.problems, *never_erased(self.missing, self.erased)]
        last = self._expected - 1
        if self._anchor and self._anchor.sequence > last:
            cut = f"the end was cut off: the anchor saw entry {self._anchor.sequence}, the ledger ends at {last}"
            found.append(Problem(last + 1, cut, self.reached))
        return sorted(found, key=lambda problem: problem.sequence)

    def _out_of_chain(self, entry: StoredEntry) -> tuple[int, str] | None:
        expected, found = self._expected, entry.chained.sequence
        if found == expected and _link(self._previous, entry.chained) == entry.hash:
            return None
        if not self.problems:
            self._sought = self._previous
        if found != expected:
            return expected, f"entry {expected} was dropped: entry {found} stands in its place"
        return expected, f"entry {expected} was altered: its hash does not follow from it and the one before"

    def _look_whether_moved(self, chained: Chained, digest: bytes) -> None:
        """The entry that the first problem misses may stand further on, under another number."""
        first = self.problems[0]
        missed = chained._replace(sequence=first.sequence)
        if missed != chained and _link(self._sought or b"", missed) == digest:
            moved = f"entry {first.sequence} was reordered: it now stands at {chained.sequence}"
            self.problems[0] = replace(first, sentence=moved)
            self._sought = None

    def _wrong_body(self, entry: StoredEntry) -> tuple[int, str] | None:
        sequence = entry.chained.sequence
        if entry.damage:
            return sequence, f"the body of entry {sequence} {entry.damage}"
        if entry.body is None:
            gone = Problem(sequence, f"the body of entry {sequence} {_NEVER_ERASED}", self.reached)
            self.missing.setdefault(entry.chained.salted.hex(), gone)
            self.without_body += 1
        elif not _is_the_body(entry):
            return sequence, f"the body of entry {sequence} was altered"
        return None

    def _not_as_anchored(self, entry: StoredEntry) -> tuple[int, str] | None:
        sequence, anchor = entry.chained.sequence, self._anchor
        if anchor and anchor.sequence == sequence and anchor.hash != entry.hash.hex():
            return sequence, f"entry {sequence} is not what the anchor saw: it or one before was rewritten"
        return None


def never_erased(missing: Mapping[str, Problem], erased: set[str]) -> list[Problem]:
    """The bodies that are missing although no entry says that they were erased, by sequence."""
    return sorted(
        (problem for salted, problem in missing.items() if salted not in erased), key=lambda problem: problem.sequence
    )


def _link(previous: bytes, chained: Chained) -> bytes:
    """`link`, or nothing where a value has a type that no entry was ever given."""
    try:
        return link(previous, chained)
    except (AttributeError, TypeError, ValueError, OverflowError):
        return b""


def _is_the_body(entry: StoredEntry) -> bool:
    try:
        return salted_sha256(entry.salt or b"", entry.body or b"") == entry.chained.salted
    except TypeError:  # a value has a type that no entry was ever given
        return False


def _erased_by(notice: bytes) -> str:
    """The salted hash of the body that an erasure's own body names; empty if it names none."""
    try:
        return str(json.loads(notice)["saltedSha256"])
    except (ValueError, KeyError, TypeError):
        return ""
