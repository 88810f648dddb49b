"""The vertex that says whose graph it is and how far the ledger was read into it: written last of every batch."""

from __future__ import annotations

from typing import Any, NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversal

from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore.errors import Exceeded, TransientError
from headwater.graphstore.port import GraphStore

LEDGER = "ledger"  #: id and label of the vertex


class Mark(NamedTuple):
    """The graph of `ledger`, up to the entry `applied`. A graph without the vertex has (0, None)."""

    applied: int
    ledger: str | None

    def delta(self) -> GraphDelta:
        """Written as a change of its own."""
        return GraphDelta((vertex(LEDGER, LEDGER, applied=self.applied, ledgerId=self.ledger),))


def read_mark(store: GraphStore) -> Mark:
    """What the graph says of itself. The store's errors as they are, but for a limit, which is Passing here."""
    found = _answer(store.latest.V(LEDGER).project("applied", "ledger").by("applied").by("ledgerId"))
    return Mark(int(found[0]["applied"]), str(found[0]["ledger"])) if found else Mark(0, None)


def is_empty(store: GraphStore) -> bool:
    """Whether there is no vertex at all. Errors as those of `read_mark`."""
    return not _answer(store.latest.V().limit(1).id_())


def _answer(question: GraphTraversal) -> list[Any]:
    """There is nothing less to ask for: where even this takes too long the store has too much to do just now."""
    try:
        found: list[Any] = question.to_list()
    except Exceeded as error:
        raise TransientError(str(error)) from error
    return found
