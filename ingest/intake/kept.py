"""Which bodies are in the ledger already: a job's plan comes at each of its runs, byte for byte the same.

Such a body was unpacked, parsed, validated, cleaned and kept before; its hash is enough to see that it is the same one.
Here: what is remembered of a body, within bounds, in memory alone: after a restart the first one is worked on again.
Not here: what is a duplicate in the ledger (`ledger.chain`), which also knows the bodies that are forgotten here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from headwater.ingest.intake.work import Job

_MOST_BODIES = 10_000  #: of different bodies, about 400 bytes each: more than most estates have jobs
#: Bytes on the wire: hashing a longer body takes more than a millisecond, in which the event loop would serve nobody.
_LONGEST_BODY = 512 * 2**10


@dataclass(frozen=True)
class Kept:
    """What is remembered of a body: what its sender is told, and what the log says of it."""

    sequence: int  #: of its entry in the ledger
    answer: str | dict[str, Any] | None  #: as `Accepted.answer`
    about: str  #: printable, of at most 80 characters
    size: int  #: of the kept bytes


class KeptBodies:
    """Used in one event loop. Entries of a ledger that is open are never erased, so what is remembered stays true."""

    def __init__(self, most: int = _MOST_BODIES) -> None:
        """`most`: how many bodies are remembered; the one that was not seen for the longest time is forgotten."""
        self._most = most
        self._kept: dict[bytes, Kept] = {}

    def find(self, digest: bytes | None) -> Kept | None:
        """What is known of a body; None: it has to be worked on."""
        kept = self._kept.pop(digest, None) if digest is not None else None
        if kept is not None and digest is not None:
            self._kept[digest] = kept  # the newest is last
        return kept

    def remember(self, digest: bytes | None, kept: Kept) -> None:
        """Only for what is on disk."""
        if digest is None:
            return
        self._kept[digest] = kept
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]


def digest_of(job: Job) -> bytes | None:
    """SHA-256 of a body as it came, and of all that its entry depends on; None where nothing is to be remembered."""
    if not job.bridge.repeats or len(job.wire) > _LONGEST_BODY:
        return None
    digest = hashlib.sha256(f"{job.kind}\n{job.content_type}\n{job.receipt.account}\n{job.packed}\n".encode())
    digest.update(job.wire)
    return digest.digest()
