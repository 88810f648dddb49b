"""What a ledger promises: the interface of every implementation, whether it is an SQLite file or segments in S3.

Callers need this module for types, `ledger` to open one, and `entries` for the data. The promises below are checked
on every implementation by one suite, `tests/contract/test_ledger_port.py`.

Errors are those of `entries`, never those of SQLite, of a file or of S3:

* `LedgerUnavailable`: not at this moment; the same call may work later
* `LedgerDamaged`: what is stored was altered or cannot be read; trying again does not help
* `LedgerError` itself: the call makes no sense here (the ledger is closed, or was opened for reading alone)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Protocol

from headwater.ingest.ledger.entries import NOTHING_NAMED, Appended, Entry, Head, NewEntry, Packed, StoredEntry, Touched

NO_REPEATS: Mapping[int, int] = MappingProxyType({})

MAX_READ_BYTES = 64 * 2**20
"""Bodies that one `read` returns, in bytes: a page of ordinary plans is far below, a few huge ones must not add up."""


class LedgerReader(Protocol):
    """Reads entries. Thread-safe. Reading never waits for a writer, and a writer never waits for it.

    What was acknowledged is visible to every reader from then on, also to one in another process that opened the
    ledger before. A reader never sees a part of an `append`: all of its entries or none.
    """

    @property
    def id(self) -> str:
        """32 hex digits that tell this ledger from every other; its backups and exports keep them."""

    def head(self) -> Head:
        """The end of the chain, as it is stored now. An empty ledger: sequence 0, and the hash of `chain.genesis`."""

    def count(self) -> int:
        """How many entries there are, erased ones included. They are numbered without gaps, so it is the last one."""

    def read(self, after: int, limit: int, *, max_bytes: int = MAX_READ_BYTES) -> list[Entry]:
        """Up to `limit` entries with a sequence above `after`, in the order of their sequence, without a gap.

        An entry whose body is damaged is there, without it, and says so (`Entry.damage`): the others can be read.

        Fewer if their bodies have more than `max_bytes` together, but at least one where there is one: an empty list
        says that the end is reached (or that `limit` is 0). An entry that was erased is there, without its body.
        """

    def entry(self, sequence: int) -> Entry | None:
        """The entry with this sequence; None if there is none."""

    def of_kind(self, kind: str) -> list[Entry]:
        """All entries of one kind, in order, bodies included: for kinds of which there are few."""

    def check_place(self) -> None:
        """Cheap. `LedgerUnavailable`: what was opened is not where it was any more; a restart would not find it.

        Somebody removed the file, or put another one in its place, while it was open. Reading, appending and erasing
        say so by themselves.
        """

    def stored(self) -> Iterator[StoredEntry]:
        """All entries from the first one, as they are stored, for the check of the chain and for an export.

        Goes on to the entry that is the last when it gets there, so that every erasure is seen whose effect was seen.
        Gives what is there, also if it is not in order: `chain.ChainCheck` judges it. `LedgerDamaged`: from
        here on nothing can be read.
        """

    def close(self) -> None:
        """Let go of all that is held. Closing again does nothing; every other call is a `LedgerError` from then on."""

    def __enter__(self) -> LedgerReader:  # noqa: PYI034 - Self is 3.11
        """The ledger itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""


class Appends(Protocol):
    """The part of a writer that `group_commit` needs."""

    def append_packed(self, entries: Sequence[Packed], again: Mapping[int, int] = NO_REPEATS) -> list[Appended]:
        """`LedgerWriter.append` for entries that were hashed and compressed before, by `entries.pack`.

        `again`: how often, by sequence, the bytes of entries that are there came once more, without being sent here.
        They are counted in the same transaction, as duplicates in `entries` are.
        """

    def check_place(self) -> None:
        """See `LedgerReader.check_place`."""


class LedgerWriter(Appends, Protocol):
    """Adds entries. Thread-safe. One process writes to a ledger at a time: opening a second one is `LedgerInUse`."""

    def append(self, entries: Sequence[NewEntry]) -> list[Appended]:
        """Keep all of them, in this order, one after another in the chain; where each of them is, in the same order.

        On return they are durable: no crash and no power cut loses them. Any error means that none of them was kept
        (`ValueError`: a text is not valid Unicode, or a body has more than 512 MiB). No entries: nothing happens.

        What has the kind, content type and bytes of an entry that is there, or that comes before it in the same call,
        is not kept again: its `Appended` says `duplicate` and names that entry. The sender does not matter. Bytes that
        were erased are no longer known: sent again, they are a new entry.
        """

    def erase(self, sequence: int, reason: str, touched: Touched = NOTHING_NAMED, *, sender: str | None = None) -> int:
        """Remove the body of an entry for good, and append an entry of the kind `ERASURE`; the latter's sequence.

        `sender`: who erases it; kept on the new entry.

        The entry itself stays, so the chain can still be checked. Entries that share the same bytes lose them too, and
        are named in the new entry. On return nothing of the body can be read from this ledger, nor guessed from what
        it still holds, but for the datasets in `touched`, which are kept in the new entry: name those alone that
        other entries name as well. Copies made before (backups, exports) still have it. `LedgerError`: there is no
        such entry, it is erased already, or it is an erasure itself.
        """


class Ledger(LedgerReader, LedgerWriter, Protocol):
    """Both in one. Where it was opened for reading alone, `append` and `erase` are a `LedgerError`."""

    def __enter__(self) -> Ledger:  # noqa: PYI034 - Self is 3.11
        """The ledger itself."""
