"""Reading an inbox: what waits there, and what becomes of it. Used by one ingester at a time.

    PREFIX/2026-03-01/...json.gz                waits
    PREFIX/account=123456789012/2026-03-01/...  waits, and is of this account: who may write where is S3's to say
    PREFIX/parked/2026-03-01/...json.gz         could not be brought into the ledger; NAME.reason.txt says why

Here: the port `Source` (which files wait), the simple one that lists them, and reading and parking files. Not here: the
ledger, and the loop (`ingest.process.ingesting`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

from headwater.ingest.intake.accounts import account_of
from headwater.ingest.intake.body import InvalidBody, Limits
from headwater.ingest.intake.bridge import Receipt
from headwater.ingest.intake.loading import Found, could_be, read_opened
from headwater.ingest.ledger.entries import NewEntry
from headwater.ingest.places.file_storage import ObjectStorage

PARKED = "parked/"
REASON = ".reason.txt"

THREADS = 16  #: files that are read at once: each one waits for S3 some tens of milliseconds
_AHEAD = 2 * THREADS  #: files that are read ahead: large ones must not fill the memory
_REASONS = 20  #: of one file that are told


@dataclass(frozen=True)
class Waiting:
    """A file that waits, by its name in the inbox; `receipts` are what its source wants back when it is done."""

    name: str
    receipts: tuple[str, ...] = ()


class Source(Protocol):
    """Tells which files wait. What was taken and is not done is told again, some time or at the next start."""

    def take(self, limit: int) -> list[Waiting]:
        """Up to `limit` files, in any order; may wait some seconds for the first one. AwsError, OSError."""

    def done(self, files: Sequence[Waiting]) -> None:
        """These are in the ledger or parked, and removed."""


@dataclass
class Listing:
    """Looks for files in the inbox: all that is there waits."""

    storage: ObjectStorage

    def take(self, limit: int) -> list[Waiting]:
        """See `Source.take`; never waits."""
        return [Waiting(name) for name in islice(filter(is_waiting, self.storage.listed()), limit)]

    def done(self, files: Sequence[Waiting]) -> None:
        """See `Source.done`: they are gone, so they are not found again."""


def is_waiting(name: str) -> bool:
    """Whether a file of this name is to be read: not parked, and not of another kind (somebody's notes)."""
    return not name.startswith(PARKED) and could_be(name.rpartition("/")[2])


@dataclass
class Read:
    """What a file holds: entries for the ledger, and why some of it, or all, is none. `gone`: it is there no more."""

    file: Waiting
    entries: list[NewEntry] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    gone: bool = False

    @property
    def size(self) -> int:
        """Bytes of the bodies."""
        return sum(len(entry.body) for entry in self.entries)


class InboxReader:
    """Reads files, and removes or parks them. Errors of the storage as they are."""

    def __init__(self, storage: ObjectStorage, limits: Limits | None = None) -> None:
        self._storage = storage
        self._limits = limits or Limits()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="inbox")

    def read(self, files: Sequence[Waiting]) -> Iterator[Read]:
        """What each of them holds, in their order; some are read ahead."""
        for at in range(0, len(files), _AHEAD):
            part = files[at : at + _AHEAD]
            for file, content in zip(part, self._threads.map(self._content, part), strict=True):
                yield Read(file, gone=True) if content is None else self._read(file, content)

    def _content(self, file: Waiting) -> bytes | None:
        try:
            with self._storage.open(file.name) as opened:
                return opened.read(self._limits.wire_bytes + 1)
        except FileNotFoundError:
            return None

    def _read(self, file: Waiting, content: bytes) -> Read:
        if len(content) > self._limits.wire_bytes:
            return Read(file, reasons=[f"has more than {self._limits.wire_bytes:,} bytes"])
        found = Read(file)
        try:
            account = account_of(file.name)
        except ValueError as error:
            return Read(file, reasons=[str(error)])
        receipt = Receipt("inbox", 0, self._limits, account)
        for item in read_opened(Path(file.name), io.BytesIO(content), asked=True, limits=self._limits):
            if not isinstance(item, Found):
                found.reasons.append(_placed(item.line, item.reason))
                continue
            try:
                found.entries += item.accepted(receipt)
            except InvalidBody as error:
                found.reasons.append(_placed(item.line, error.sentence))
        return found

    def remove(self, files: Sequence[Waiting]) -> None:
        """They are in the ledger."""
        self._storage.remove(*(file.name for file in files))

    def park(self, name: str, reasons: Sequence[str]) -> None:
        """Set a file aside, with why. Cut off, it is done again."""
        told = [*reasons[:_REASONS], *([f"... and {len(reasons) - _REASONS} more"] if len(reasons) > _REASONS else [])]
        self._storage.write(f"{PARKED}{name}{REASON}", ("\n".join(told) + "\n").encode("utf-8", "replace"))
        content = self._content(Waiting(name))
        if content is not None and len(content) <= self._limits.wire_bytes:
            self._storage.write(PARKED + name, content)
            self._storage.remove(name)
        elif content is not None:  # too large for this machine's memory: it is copied as a file
            with self._storage.scratch() as scratch, self._storage.open(name) as opened:
                copy = scratch / "copy"
                with copy.open("wb") as file:
                    while piece := opened.read(2**20):
                        file.write(piece)
                self._storage.put(PARKED + name, copy)
            self._storage.remove(name)

    def park_text(self, name: str, text: str) -> None:
        """Keep a text for people to look at."""
        self._storage.write(PARKED + name, text.encode("utf-8", "replace"))

    def parked(self) -> int:
        """How many files are set aside."""
        return sum(not name.endswith(REASON) for name in self._storage.listed(PARKED))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)


def _placed(line: int | None, reason: str) -> str:
    return f"line {line}: {reason}" if line else reason
