"""A data folder's ledger published to one target: everything opened, followed to its end or for ever, and closed.

Works beside a server: the ledger and the derived tables are only read. Not here: which backend a target is, and what
the command line shows (`headwater.publishing`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from headwater.backoff import Backoff
from headwater.graphstore.errors import TransientError
from headwater.ingest.fold.versions_read import VersionsRead
from headwater.ingest.folder.naming_file import rules_of
from headwater.ingest.folder.targets import tables_of
from headwater.ingest.graph.following import FollowerLoop
from headwater.ingest.graph.patience import Patience
from headwater.ingest.ledger.ledger import open_reader
from headwater.ingest.ledger.port import LedgerReader
from headwater.ingest.progress import Progress
from headwater.ingest.publishing.backends import Backend
from headwater.ingest.publishing.publisher import Counts, Publisher, Selection
from headwater.ingest.publishing.state import Refused, State

_ENTRIES = 500  #: of one step: enough for all connections of a backend, and few to send again after a crash
_ATTEMPTS = 5  #: of one step by a command that does not follow, before it says that the backend is away


@dataclass(frozen=True)
class Published:
    """What came of it.

    `entry` is the last one of which all runs were taken; `refused` has what was refused at earlier starts too.
    """

    place: str
    entry: int
    runs: int
    events: int
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class Target:
    """Where to publish.

    `name` tells this target, and what is published to it, from others of the data folder. `is_new`: it has nothing,
    whatever was sent there before, as a file that was taken away.
    """

    name: str
    open: Callable[[], Backend]
    is_new: bool = False


def publish(  # noqa: PLR0913 - what a run of it can be told
    folder: Path,
    target: Target,
    producer: str,
    selection: Selection,
    progress: Progress,
    *,
    store: str | None = None,
    again: bool = False,
    stop: threading.Event | None = None,
    backoff: Backoff | None = None,
) -> Published:
    """Publish the runs of the ledger that the target has not got. With `stop` it follows the ledger until that is set.

    `again` begins at the first entry. `store` is the graph of which versions that runs read are looked up. Raises
    LedgerInUse: another process publishes to the target; errors of the ledger and the backend as they are.
    """
    with ExitStack() as undo:
        ledger = undo.enter_context(open_reader(folder))
        state = State(folder, target.name, ledger.id)
        undo.callback(state.close)
        if again or target.is_new or not _is_of(state, ledger):
            state.forget()
        backend = target.open()
        undo.callback(backend.close)
        read = VersionsRead(lambda: tables_of(folder, store))
        undo.callback(read.close)
        publisher = Publisher(
            ledger, state, backend, producer, rules=rules_of(folder), selection=selection, versions_read=read
        )
        patience = Patience(backoff or Backoff(first=0.5, attempts=None if stop else _ATTEMPTS))
        loop = FollowerLoop(ledger, publisher, patience=patience)
        if stop is not None:
            loop.run(stop, limit=_ENTRIES)
        else:
            _to_the_end(loop, publisher, patience, progress)
        return _published(backend, state, publisher.counts)


def _is_of(state: State, ledger: LedgerReader) -> bool:
    """Whether the ledger has the entry up to which was published; else it was put back from a backup."""
    if not state.checkpoint:
        return True
    entry = ledger.entry(state.checkpoint)
    return entry is not None and entry.hash == state.checkpoint_hash


def _to_the_end(loop: FollowerLoop, publisher: Publisher, patience: Patience, progress: Progress) -> None:
    begin, failures = publisher.checkpoint, 0
    total = loop.lag()
    while True:
        try:
            taken = loop.step(_ENTRIES)
        except TransientError as error:
            patience.before_retry(failures, error)
            failures += 1
            continue
        failures = 0
        if not taken:
            return
        progress(publisher.checkpoint - begin, max(total, publisher.checkpoint - begin))


def _published(backend: Backend, state: State, counts: Counts) -> Published:
    return Published(backend.place, state.checkpoint, counts.runs, counts.events, tuple(state.refused))
