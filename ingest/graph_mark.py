"""The vertex that says whose graph it is and how far the ledger was read into it: written last of every batch."""

from __future__ import annotations

from typing import NamedTuple

from graphmodel.delta import GraphDelta, vertex
from graphstore.port import GraphStore

LEDGER = "ledger"  #: id and label of the vertex


class Mark(NamedTuple):
    """The graph of `ledger`, up to the entry `applied`. A graph without the vertex has (0, None)."""

    applied: int
    ledger: str | None

    def delta(self) -> GraphDelta:
        """Written as a change of its own."""
        return GraphDelta((vertex(LEDGER, LEDGER, applied=self.applied, ledgerId=self.ledger),))


def read_mark(store: GraphStore) -> Mark:
    """What the graph says of itself. The store's errors as they are."""
    found = store.latest.V(LEDGER).project("applied", "ledger").by("applied").by("ledgerId").to_list()
    return Mark(int(found[0]["applied"]), str(found[0]["ledger"])) if found else Mark(0, None)


def is_empty(store: GraphStore) -> bool:
    """Whether there is no vertex at all. The store's errors as they are."""
    return not store.latest.V().limit(1).id_().to_list()
