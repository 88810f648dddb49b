"""The vertex `ledger` of the graph: whose graph it is, how far the ledger was read into it, and who may write it.

Written last of every batch. Not here: who takes the graph and when (`ownership`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversal

from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore.errors import Exceeded, TransientError
from headwater.graphstore.port import GraphStore

LEDGER = "ledger"  #: id and label of the vertex
#: Raised with every change of what the same ledger is drawn as: ids, labels, what a property says.
FORMAT = "3"


class Mark(NamedTuple):
    """The graph of `ledger`, up to the entry `applied`. A graph without the vertex has (0, None).

    `epoch` counts how often a writer has taken the graph, `writer` says which one has it now ("" for none); graphs
    that were made before there were epochs, or by Neptune's bulk loader, have neither.

    `hash` is that of the entry `applied`, in hex ("" in graphs of earlier versions): it tells a ledger that was put
    back from a backup, and went on differently, from the one that the graph is of. `naming` is the text of the naming
    rules that it is drawn with (`Rules.text`), `format` what it is drawn as.
    """

    applied: int
    ledger: str | None
    epoch: int = 0
    writer: str = ""
    naming: str = ""
    hash: str = ""
    format: str = FORMAT

    def delta(self) -> GraphDelta:
        """How far the graph is, as a change of its own. It leaves epoch and writer as they are."""
        more = {"format": self.format, "naming": self.naming or None, "appliedHash": self.hash or None}
        return GraphDelta((vertex(LEDGER, LEDGER, applied=self.applied, ledgerId=self.ledger, **more),))

    def owner_delta(self) -> GraphDelta:
        """All of it as a change of its own, epoch and writer too."""
        values = {"applied": self.applied, "ledgerId": self.ledger, "epoch": self.epoch, "writer": self.writer}
        return GraphDelta((vertex(LEDGER, LEDGER, **values),))


def read_mark(store: GraphStore) -> Mark:
    """What the graph says of itself. Errors of the store as they are; `Exceeded` is a TransientError here."""
    found = _answer(store.latest.V(LEDGER).element_map())
    if not found:
        return Mark(0, None)
    (said,) = found
    owner = int(said.get("epoch", 0)), str(said.get("writer", ""))
    return Mark(
        int(said["applied"]),
        str(said["ledgerId"]),
        *owner,
        str(said.get("naming", "")),
        str(said.get("appliedHash", "")),
        str(said.get("format", "")),
    )


def is_empty(store: GraphStore) -> bool:
    """Whether there is no vertex at all. Errors as those of `read_mark`."""
    return not _answer(store.latest.V().limit(1).id_())


def _answer(question: GraphTraversal) -> list[Any]:
    """The results. These are the smallest questions there are: if one takes too long, the store is overloaded now."""
    try:
        found: list[Any] = question.to_list()
    except Exceeded as error:
        raise TransientError(str(error)) from error
    return found
