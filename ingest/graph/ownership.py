"""One writer at a time: who may write a graph, by an epoch on its mark.

An embedded store is locked by its process, and needs none of this. A store behind a socket lets everybody write, so
whoever opens it for writing takes the next epoch and signs the mark. Each request of a batch looks for that signature,
within itself, before it writes, and the mark is read between them. A graph that another place has signed, and not given
back, is refused, unless it is taken over by an explicit word. The one that lost it finds another signature and stops.

What remains possible: of a batch that is cut off by a takeover, the requests before it stay, as after a crash, and the
new writer compares the graph with its ledger if the mark was moved. A server without transactions (TinkerGraph) may run
one request beside the one that signs. Emptying a graph (`clear`) is checked before, and not while it runs.
"""

from __future__ import annotations

import logging
import secrets
import socket
from pathlib import Path

from headwater.graphstore.errors import InUse, StoreError
from headwater.graphstore.port import GraphStore, Guard
from headwater.ingest.graph.following import GivenUp
from headwater.ingest.graph.mark import LEDGER, Mark, read_mark

log = logging.getLogger(__name__)

_BETWEEN = " opening "  #: in a signature: the place, then a random text for each opening of it


class GraphTaken(InUse, GivenUp):
    """Another writer has the graph. Nothing is written to it until this one is started anew."""


def place_of(folder: Path) -> str:
    """A data folder by machine and path: two openings of one place exclude each other by a lock on its files."""
    return f"{socket.gethostname()}:{folder.expanduser().resolve()}"


class Ownership:
    """The right of one opening of a data folder to write one graph."""

    def __init__(self, store: GraphStore, ledger: str, place: str, *, take_over: bool = False) -> None:
        """`ledger` is its id, `place` the data folder as of `place_of`; `take_over`: take it from another place."""
        self._store = store
        self._ledger = ledger
        self._place = place
        self._signature = f"{place}{_BETWEEN}{secrets.token_hex(4)}"
        self._take_over = take_over
        self._epoch = 0
        self._lost: GraphTaken | None = None

    @property
    def lost(self) -> GraphTaken | None:
        """Why this opening may not write any more; None while it may."""
        return self._lost

    @property
    def guard(self) -> Guard:
        """The condition of every request that this opening sends: that its signature stands on the mark."""
        return Guard(LEDGER, "writer", self._signature)

    def refuse_if_taken(self, mark: Mark) -> None:
        """GraphTaken: another place has signed the graph, and it is not to be taken over. Writes nothing."""
        place = mark.writer.partition(_BETWEEN)[0]
        if self._take_over or not place or place == self._place:
            return
        raise GraphTaken(
            f"the graph is written by {place} (epoch {mark.epoch}), so {self._place} does not write it: stop the server"
            f" there, which gives the graph back, or if it is gone for good, start this one with --take-over"
        )

    def take(self, mark: Mark) -> None:
        """Sign the graph, of which `mark` was just read, with the next epoch. GraphTaken; errors of the store."""
        self._raise_if_lost()
        if self._epoch and mark.writer == self._signature:
            return
        if self._epoch and mark.ledger is not None:
            self._lose(mark)
        self.refuse_if_taken(mark)
        epoch = max(self._epoch, mark.epoch) + 1
        signing = Mark(mark.applied, self._ledger, epoch, self._signature, whole_from=mark.whole_from)
        self._store.apply(signing.owner_delta())
        signed = read_mark(self._store)
        if signed.writer != self._signature:  # two took it at once: the last one to sign has it
            self._lose(signed)
        self._epoch = epoch
        self._take_over = False  # that was said of what was there then
        if mark.writer:
            log.info("the graph is written from here; before: %s (epoch %s)", mark.writer, mark.epoch)

    def check(self, mark: Mark) -> None:
        """GraphTaken: the graph, of which `mark` was just read, is there, and signed by another opening."""
        self._raise_if_lost()
        if mark.ledger is not None and mark.writer != self._signature:
            self._lose(mark)

    def give_back(self) -> None:
        """Sign off, so that any place can take the graph. Without effect if it was not taken, or cannot be reached."""
        if not self._epoch or self._lost:
            return
        try:
            mark = read_mark(self._store)
            if mark.writer == self._signature:
                self._store.apply(mark._replace(writer="").owner_delta())
        except StoreError as error:
            log.warning("the graph could not be given back (%s): another place has to take it over", error)
        self._epoch = 0

    def _lose(self, mark: Mark) -> None:
        other = mark.writer.partition(_BETWEEN)[0] or "another server, which has stopped since"
        self._lost = GraphTaken(
            f"the graph was taken over by {other} (epoch {mark.epoch}), so {self._place} (epoch {self._epoch}) has"
            " stopped writing it: stop one of the two; this one can be started again with --take-over"
        )
        raise self._lost

    def _raise_if_lost(self) -> None:
        if self._lost:
            raise self._lost
