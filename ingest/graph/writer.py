"""How a batch gets into the graph: in one transaction, or in an order that a crash cannot spoil.

In a store that is not atomic a batch is many requests. Facts and views go first, runs next, since a payload shows when
its run does, and the mark last: until it is there, the same batch can be written again. The mark is read before each of
these steps and after the last one: a server that keeps its graph in memory may have lost it meanwhile, and another
writer may have taken it (`ownership`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from headwater.graphmodel.delta import GraphDelta
from headwater.graphstore.errors import TransientError
from headwater.graphstore.port import GraphStore
from headwater.ingest.graph.following import StartAgain
from headwater.ingest.graph.mark import Mark, announce_rebuild, read_mark
from headwater.ingest.graph.ownership import Ownership
from headwater.ingest.ledger.entries import Head

log = logging.getLogger(__name__)

_RUN = "run"

Pause = Callable[[int, TransientError], None]  #: (failures so far, the last of them): waits, or raises


class GraphChanged(StartAgain):
    """The graph is not the one that was written to a moment ago. It has to be compared with the ledger anew."""


class GraphWriter:
    """Writes the batches of one ledger into a store."""

    def __init__(self, store: GraphStore, ledger: str, ownership: Ownership, pause: Pause, naming: str = "") -> None:
        """`ledger` is its id, `naming` the text of the naming rules.

        `pause` is called after each passing error, before the same is tried again.
        """
        self._store = store
        self._ledger = ledger
        self._ownership = ownership
        self._naming = naming
        self._pause = pause

    def take(self, whole_from: int = 0) -> None:
        """Sign the graph as written from here. An atomic store has one process at a time, and is not signed.

        `whole_from` is `Mark.whole_from` of a graph that has no mark yet.
        """

        def sign() -> None:
            mark = read_mark(self._store)
            self._ownership.take(mark if mark.ledger else mark._replace(whole_from=whole_from))

        if not self._store.atomic:
            self._persistently(sign)

    def announce_rebuild(self, whole_from: int) -> None:
        """`mark.announce_rebuild`, of a graph that is signed."""
        guard = None if self._store.atomic else self._ownership.guard
        self._persistently(lambda: announce_rebuild(self._store, whole_from, guard))

    def write(self, delta: GraphDelta, before: int, after: Head, *, whole_from: int = 0, erased: int = 0) -> None:
        """Bring the graph from the entry `before` to the entry `after`; see `Mark` for the other two.

        Waits out passing errors, as long as `pause` lets it. GraphChanged: it is at neither of the two. GraphTaken:
        another writer has it; this batch may be in it in part.
        """
        known = Mark(before, self._ledger, naming=self._naming)
        mark = Mark(
            after.sequence, self._ledger, naming=self._naming, hash=after.hash, whole_from=whole_from, erased=erased
        )
        self._persistently(lambda: self._put(delta, known, mark))

    def _put(self, delta: GraphDelta, known: Mark, mark: Mark) -> None:
        if self._store.atomic:
            self._store.apply([delta, mark.delta()])
            return
        self._expect(known, mark)
        self._store.apply(runs_last(delta), only_if=self._ownership.guard)
        self._expect(known, mark)
        self._store.apply(mark.delta(), only_if=self._ownership.guard)
        self._expect(mark)

    def _expect(self, *marks: Mark) -> None:
        found = read_mark(self._store)
        self._ownership.check(found)
        if (found.applied, found.ledger) not in ((mark.applied, mark.ledger) for mark in marks):
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
    """The same changes in two steps: first all but runs, then runs and the edges that start at one."""
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
