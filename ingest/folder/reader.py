"""A service that only reads a graph: no ledger, no tables, nothing written. As many of them as are wanted.

The graph says in its own vertex `ledger` how far it is and whether it is whole; that is read before and after each
question, so that an answer is called complete only if it is. What is kept in the ledger or in the tables beside the
graph cannot be answered here, and is refused where it is asked for. Not here: HTTP (`ingest.process.reading_server`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, cast

from headwater.graphmodel.naming import Rules
from headwater.graphstore import GraphStore, open_store
from headwater.graphstore.errors import StoreError
from headwater.ingest.folder.service import Service, Stats, counted
from headwater.ingest.folder.stopping import Check
from headwater.ingest.graph.mark import Mark, read_mark
from headwater.ingest.graph.projector import Projector
from headwater.ingest.ledger.entries import Head
from headwater.queries.answers.errors import GraphRebuilding, QueryError

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0  #: between two looks at how far the graph is, for those who wait for it


class NeedsLedger(QueryError):
    """What is asked for is in the ledger, or in the tables beside it, and this process has only the graph."""

    def __init__(self) -> None:
        """One sentence, whatever was asked."""
        super().__init__(
            "this server only reads the graph, and the answer is in the ledger: ask the one that writes it"
        )


class ReaderStats(Stats):
    """What is in the graph; `entries` are those of the ledger that it has. What only the ledger tells is null."""

    def to_dict(self) -> dict[str, object]:
        """As JSON."""
        return {**super().to_dict(), "lag": None, "parked": None, "waiting": None, "outcomes": {}}


class Reader(Service):
    """Made by `Reader.at`. Whatever of a `Service` needs the ledger raises `NeedsLedger`."""

    def __init__(self, store: GraphStore, folder: Path) -> None:
        """Use `Reader.at`."""
        self.folder = folder
        self.store = store
        self._seen = _Seen(store)
        self.projector = cast("Projector", self._seen)  # as far as answers need it
        self.rules = Rules.from_text(self._seen.mark.naming)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="reader", daemon=True)
        self._thread.start()

    @classmethod
    def at(cls, url: str, folder: Path) -> Reader:
        """The graph at a URL; `folder` is where tokens are, and need not exist. Errors of `open_store`."""
        store = open_store(url, readonly=True)
        try:
            return cls(store, folder)
        except BaseException:
            store.close()
            raise

    def __getattr__(self, name: str) -> NoReturn:
        """Only asked for what is not there: the ledger, and the tables beside it."""
        if name in ("ledger", "derived"):
            raise NeedsLedger
        raise AttributeError(name)

    def _follow(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            try:
                self.look()
            except StoreError as error:  # whoever asks is told; here it is only looked again
                log.debug("the graph cannot be asked: %s", error)
            except Exception:  # it must go on looking
                log.exception("how far the graph is cannot be read")

    def look(self) -> Mark:
        """How far the graph is now. Errors of the store."""
        mark = self._seen.look()
        if mark.naming != self.rules.text and mark.ledger is not None:
            self.rules = Rules.from_text(mark.naming)
        return mark

    def _drawing(self) -> int | None:
        """Which drawing of the graph is there; None while it is not whole."""
        mark = self.look()
        return mark.whole_from if mark.is_whole else None

    def _check_place(self) -> None:
        """Nothing: the graph itself says how far it is, whatever became of the ledger since."""

    def _unreadable(self) -> int | None:
        """None: what is set aside is in the tables of whoever writes the graph."""
        return None

    def _parked_about(self, _name: str, _given: object, _answer: object) -> int | None:
        """None, as of `_unreadable`."""
        return None

    @contextmanager
    def _naming_parked(self, _name: str, _given: object) -> Iterator[None]:
        """Nothing, as of `_unreadable`."""
        yield

    def last_entry(self) -> int | None:
        """None: the ledger is not seen from here."""
        return None

    def ready_facts(self) -> dict[str, Any]:
        """How far the graph is. Errors of the store; GraphRebuilding: there is no graph in it.

        `lag` is null: how many entries the ledger has by now, only whoever writes the graph knows.
        """
        mark = self.look()
        if mark.ledger is None:
            raise GraphRebuilding("there is no graph in the store yet: whoever writes it has to begin", None)
        return {"entries": mark.applied, "lag": None, "rebuilding": not mark.is_whole}

    def stats(self, check: Check | None = None) -> Stats:
        """What is in the graph; see `ReaderStats`."""
        answer = self.ask("stats", {"limit": 1_000}, check)
        vertices, edges = counted(answer)
        return ReaderStats(self._seen.mark.applied, 0, 0, 0, vertices, edges, answer.reason == "rebuilding")

    def close(self) -> None:
        """End the thread and close the store."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.store.close()


class _Seen:
    """How far the graph is, as it was seen last; what a projector knows beyond that raises `NeedsLedger`."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._changed = threading.Condition()
        self.mark = read_mark(store)

    def look(self) -> Mark:
        """Read it now. Errors of the store."""
        mark = read_mark(self._store)
        with self._changed:
            self.mark = mark
            self._changed.notify_all()
        return mark

    @property
    def reached(self) -> int:
        """The last entry that is in the graph."""
        return self.mark.applied

    @property
    def head(self) -> Head:
        """The same entry with its hash."""
        return Head(self.mark.applied, self.mark.hash)

    @property
    def rebuilding(self) -> bool:
        """Whether the graph is not whole."""
        return not self.mark.is_whole

    def wait_for(self, sequence: int, seconds: float) -> bool:
        """Whether the entry is in the graph, after at most so long."""
        end = time.monotonic() + seconds
        with self._changed:
            while self.mark.applied < sequence and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
            return self.mark.applied >= sequence

    def __getattr__(self, name: str) -> NoReturn:
        raise NeedsLedger
