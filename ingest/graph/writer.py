"""How a batch gets into the graph: in one transaction, or in an order that a crash cannot spoil.

In a store that is not atomic a batch is many requests. Facts and views go first, runs next, since a payload shows when
its run does, and the mark last: until it is there, the same batch can be written again. The mark is looked at before
the first request and before the last one: a server that keeps its graph in memory may have lost it meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from headwater.graphmodel.delta import GraphDelta
from headwater.graphstore.errors import TransientError
from headwater.graphstore.port import GraphStore
from headwater.ingest.graph.mark import Mark, read_mark

log = logging.getLogger(__name__)

_RUN = "run"

Pause = Callable[[int, TransientError], None]  #: (failures so far, the last of them): waits, or raises


class GraphChanged(Exception):
    """The graph is not the one that was written to a moment ago. It has to be compared with the ledger anew."""


class GraphWriter:
    """Writes the batches of one ledger into a store."""

    def __init__(self, store: GraphStore, ledger: str, pause: Pause) -> None:
        """`ledger` is its id; `pause` is called after each passing error, before the same is tried again."""
        self._store = store
        self._ledger = ledger
        self._pause = pause

    def claim(self) -> None:
        """Say in an empty graph whose it is."""
        self._persistently(lambda: self._store.apply(Mark(0, self._ledger).delta()))

    def write(self, delta: GraphDelta, before: int, after: int) -> None:
        """Bring the graph from the entry `before` to the entry `after`.

        Waits out passing errors, as long as `pause` lets it. GraphChanged: it is not at either of the two.
        """
        known, mark = Mark(before, self._ledger), Mark(after, self._ledger)
        self._persistently(lambda: self._put(delta, known, mark))

    def _put(self, delta: GraphDelta, known: Mark, mark: Mark) -> None:
        if self._store.atomic:
            self._store.apply([delta, mark.delta()])
            return
        self._expect(known, mark)
        self._store.apply(runs_last(delta))
        self._expect(known, mark)
        self._store.apply(mark.delta())

    def _expect(self, *marks: Mark) -> None:
        found = read_mark(self._store)
        if found not in marks:
            raise GraphChanged(f"the graph says that it has entry {found.applied} of the ledger {found.ledger}")

    def _persistently(self, work: Callable[[], None]) -> None:
        failures = 0
        while True:
            try:
                work()
            except TransientError as error:
                log.warning("The graph store cannot write now: %s", error)
                self._pause(failures, error)
                failures += 1
            else:
                return


def runs_last(delta: GraphDelta) -> list[GraphDelta]:
    """The same changes in two steps: all that is no run, then runs and the edges that start at one."""
    runs = {vertex.id for vertex in delta.vertices if vertex.label == _RUN}
    first = replace(
        delta,
        vertices=tuple(vertex for vertex in delta.vertices if vertex.id not in runs),
        edges=tuple(edge for edge in delta.edges if edge.source not in runs),
    )
    last = GraphDelta(
        tuple(vertex for vertex in delta.vertices if vertex.id in runs),
        tuple(edge for edge in delta.edges if edge.source in runs),
    )
    return [first, last]
