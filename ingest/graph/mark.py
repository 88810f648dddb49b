"""The vertex `ledger` of the graph: whose graph it is, how far the ledger was read into it, and who may write it.

Written last of every batch. Not here: who takes the graph and when (`ownership`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversal

from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore.errors import Exceeded, TransientError
from headwater.graphstore.port import GraphStore, Guard
from headwater.ingest.fold.file import FORMAT as TABLES

LEDGER = "ledger"  #: id and label of the vertex
#: What the same ledger is drawn as: ids, labels, what a property says. The first number is raised with a change of that
#: alone. With that of the tables the drawing changes as well: a new machine has no tables, and the graph tells it.
FORMAT = f"7.{TABLES}"


class Mark(NamedTuple):
    """The graph of `ledger`, up to the entry `applied`. A graph without the vertex has (0, None).

    `epoch` counts how often a writer has taken the graph, `writer` says which one has it now ("" for none); graphs
    that were made before there were epochs, or by Neptune's bulk loader, have neither.

    `hash` is that of the entry `applied`, in hex ("" in graphs of earlier versions): it tells a ledger that was put
    back from a backup, and went on differently, from the one that the graph is of. `naming` is the text of the naming
    rules that it is drawn with (`Rules.text`), `format` what it is drawn as.

    `whole_from`: below this entry the graph is being rebuilt in its place, and lacks what it had. `erased` is the last
    entry in the graph that says that something was erased, 0 for none. Both are for readers elsewhere.
    """

    applied: int
    ledger: str | None
    epoch: int = 0
    writer: str = ""
    naming: str = ""
    hash: str = ""
    format: str = FORMAT
    whole_from: int = 0
    erased: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether there is a graph, and no rebuild of it under way."""
        return self.ledger is not None and self.applied >= self.whole_from

    def delta(self) -> GraphDelta:
        """How far the graph is, as a change of its own. It leaves epoch and writer, and what is 0, as they are."""
        more: dict[str, Any] = {
            "format": self.format,
            "naming": self.naming or None,
            "appliedHash": self.hash or None,
            "wholeFrom": self.whole_from or None,
            "erased": self.erased or None,
        }
        return GraphDelta((vertex(LEDGER, LEDGER, applied=self.applied, ledgerId=self.ledger, **more),))

    def owner_delta(self) -> GraphDelta:
        """Whose the graph is, and who writes it, as a change of its own: epoch and writer too."""
        values = {"applied": self.applied, "ledgerId": self.ledger, "epoch": self.epoch, "writer": self.writer}
        return GraphDelta((vertex(LEDGER, LEDGER, **values, wholeFrom=self.whole_from or None),))


def read_mark(store: GraphStore) -> Mark:
    """What the graph says of itself. Errors of the store as they are; `Exceeded` is a TransientError here."""
    found = _answer(store.latest.V(LEDGER).element_map())
    if not found:
        return Mark(0, None)
    (said,) = found
    owner = int(said.get("epoch", 0)), str(said.get("writer", ""))
    applied, whole_from = said.get("applied"), int(said.get("wholeFrom", 0))
    if applied is None:  # a server without transactions, cut off while it set this: it removes what was there first
        applied, whole_from = 0, max(1, whole_from)
    return Mark(
        int(applied),
        str(said.get("ledgerId", "")),
        *owner,
        str(said.get("naming", "")),
        str(said.get("appliedHash", "")),
        str(said.get("format", "")),
        whole_from,
        int(said.get("erased", 0)),
    )


def announce_rebuild(store: GraphStore, whole_from: int, only_if: Guard | None = None) -> None:
    """Say in the graph that it is being rebuilt, up to the entry `whole_from`, before anything is removed from it.

    Readers elsewhere see by this that their answers are not complete. Without effect on a graph without a mark.
    """
    mark = read_mark(store)
    if mark.ledger is not None:
        store.apply(Mark(0, mark.ledger, naming=mark.naming, whole_from=max(1, whole_from)).delta(), only_if=only_if)


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
