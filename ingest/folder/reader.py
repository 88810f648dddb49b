"""A service that only reads a graph: no ledger, no tables, nothing written. As many of them as are wanted.

The graph says in its own vertex `ledger` how far it is and whether it is whole; that is read before and after each
question, so that an answer is called complete only if it is. What is kept in the ledger or in the tables beside the
graph cannot be answered from here. Not here: HTTP (`ingest.process.reading_server`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headwater.graphmodel.naming import Rules
from headwater.graphstore import GraphStore, open_store
from headwater.graphstore.errors import StoreError
from headwater.ingest.folder.answering import Answering, Given, Position, Stats, counted
from headwater.ingest.folder.stopping import Check
from headwater.ingest.graph.mark import Mark, read_mark
from headwater.ingest.ledger.entries import Head
from headwater.queries.answers.errors import GraphRebuilding
from headwater.queries.answers.shapes import Result

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0  #: between two looks at how far the graph is, for those who wait for it


class Reader(Answering):
    """Made by `Reader.at`."""

    def __init__(self, store: GraphStore, folder: Path) -> None:
        """Use `Reader.at`."""
        self.folder = folder
        self.store = store
        self._seen = _Seen(store)
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

    def _follow(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            try:
                self._look()
            except StoreError as error:  # whoever asks is told; here it is only looked again
                log.debug("the graph cannot be asked: %s", error)
            except Exception:  # it must go on looking
                log.exception("how far the graph is cannot be read")

    def _look(self) -> Mark:
        """How far the graph is now. Errors of the store."""
        mark = self._seen.look()
        if mark.naming != self.rules.text and mark.ledger is not None:
            self.rules = Rules.from_text(mark.naming)
        return mark

    def drawing(self) -> int | None:
        """See `Answering.drawing`."""
        mark = self._look()
        return mark.whole_from if mark.is_whole else None

    def missing(self, name: str, given: Given, answer: Result) -> str | None:
        """None: what is set aside, and what became of the ledger, whoever writes the graph knows."""

    @contextmanager
    def explaining(self, name: str, given: Given) -> Iterator[None]:
        """Nothing, as of `missing`."""
        yield

    @property
    def position(self) -> Position:
        """As it was seen last: it is looked at each second, and before each answer."""
        return self._seen

    def position_now(self) -> Position:
        """How far the graph is. Errors of the store."""
        self._look()
        return self._seen

    def lag(self) -> None:
        """None: the ledger is not seen from here."""

    def last_entry(self) -> None:
        """None, as of `lag`."""

    def ready_facts(self) -> dict[str, Any]:
        """How far the graph is. Errors of the store; GraphRebuilding: there is no graph in it.

        `lag` is null: how many entries the ledger has by now, only whoever writes the graph knows.
        """
        mark = self._look()
        if mark.ledger is None:
            raise GraphRebuilding("there is no graph in the store yet: whoever writes it has to begin", None)
        return {"entries": mark.applied, "lag": None, "rebuilding": not mark.is_whole}

    def stats(self, check: Check | None = None) -> Stats:
        """What is in the graph; `entries` are those of the ledger that it has."""
        answer = self.ask("stats", {"limit": 1_000}, check)
        vertices, edges = counted(answer)
        reached, rebuilding = self._seen.reached, answer.reason == "rebuilding"
        return Stats(reached, None, None, None, vertices, edges, rebuilding)

    def close(self) -> None:
        """End the thread and close the store."""
        self._stop.set()
        self._thread.join()
        self.store.close()


class _Seen:
    """How far the graph is, as it was seen last."""

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

    def wait_for(self, sequence: int, timeout: float) -> bool:
        """Whether the entry is in the graph, after at most `timeout` seconds."""
        end = time.monotonic() + timeout
        with self._changed:
            while self.mark.applied < sequence and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
            return self.mark.applied >= sequence
