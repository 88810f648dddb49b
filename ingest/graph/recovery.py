"""After a crash or a failed batch: graph and derived tables are compared, and brought together again.

The graph's mark is ahead of the tables by the batch that was cut off between the two: that batch is applied again, as
one, and both are then in the state that they would have come to. Whatever else differs, the graph is drawn anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from headwater.graphstore.port import GraphStore
from headwater.ingest.fold.file import RULES
from headwater.ingest.graph.batches import Batches
from headwater.ingest.graph.decoding import Erased, Renamed
from headwater.ingest.graph.following import CannotFollow
from headwater.ingest.graph.mark import FORMAT, Mark, is_empty, read_mark
from headwater.ingest.ledger.entries import Head, LedgerDamaged

log = logging.getLogger(__name__)

GAP = 1_000  #: entries by which the graph may be ahead of the derived tables: one batch at most, however it was set


class ForeignGraph(CannotFollow):
    """The store holds the graph of another ledger, and nothing was written to it."""


def recover(batches: Batches, retry: Callable[[int], object], unrelated: tuple[type[Exception], ...]) -> bool:
    """Bring graph and tables together; False: they cannot be, the graph is to be drawn anew.

    Raises ForeignGraph, GraphTaken, and errors of the store as they are.

    `retry` tries a parked entry again, by its sequence; `unrelated` are errors that no entry is to blame for.
    """
    store, derived, ledger = batches.store, batches.derived, batches.ledger
    mark = read_mark(store)
    if mark.ledger not in (ledger.id, None):
        raise ForeignGraph(f"the store holds the graph of the ledger {mark.ledger}, not of {ledger.id}")
    if mark.ledger is not None:
        batches.graph.take()
    clearing, fresh = derived.meta("clearing"), not derived.meta("ledger")
    if clearing:
        batches.graph.announce_rebuild(ledger.head().sequence)
        store.clear()
        mark = Mark(0, None)
    if clearing or fresh:
        batches.begin()
    batches.use_names()
    batches.advance(derived.checkpoint)
    missing = _missing_in_tables(batches, mark, fresh=fresh)
    if missing is None:
        return False
    if mark.ledger is None:  # only now: a graph that is not ours is not signed
        batches.graph.take(batches.whole_from)
    if missing and not (_may_come_at_once(batches, missing) and _reapplied(batches, missing, unrelated)):
        return False
    batches.in_doubt = False  # before the retries: each may be cut off, or leave a part of its entry in the graph
    for sequence in derived.retrying():
        if batches.attempts.killed_alone(sequence):
            batches.parking.give_up_retry(sequence)
            return False
        retry(sequence)
    return True


def _is_of_this_history(batches: Batches, head: Head) -> bool:
    """Whether the ledger has this entry; else it was put back from a backup, and may have gone on differently."""
    if not head.sequence:
        return True
    try:
        entry = batches.ledger.entry(head.sequence)
    except LedgerDamaged:  # what cannot be read says nothing about the graph, and could not be drawn
        return True
    if entry is not None and head.hash in ("", entry.hash):
        return True
    found = "has another one there" if entry else f"ends at entry {batches.ledger.head().sequence}"
    log.warning(
        "The graph is at entry %s, and the ledger %s: a backup was put in its place. The graph is drawn anew from it",
        head.sequence,
        found,
    )
    return False


def _missing_in_tables(batches: Batches, mark: Mark, *, fresh: bool) -> int | None:  # noqa: PLR0911 - one reason after the other
    """How many entries the graph has, or may have in part, and the tables have not; None: they do not belong together.

    `fresh`: the tables were empty. They are marked as this ledger's before the first batch, so that a graph which is
    there then was made with other tables, and may have elements that these would not take out.

    ForeignGraph: the store has elements and no mark, and cannot be emptied without asking.
    """
    store, derived = batches.store, batches.derived
    if mark.ledger is None and not is_empty(store):
        _refuse_foreign(store)
        return None
    foreign = derived.meta("ledger") != batches.ledger.id
    drawn = {derived.meta(RULES) or "", mark.naming if mark.applied else batches.rules.text}
    if not foreign and drawn != {batches.rules.text}:
        log.warning("The naming rules were changed: the graph is drawn anew from the ledger")
        return None
    if not foreign and mark.applied and mark.format != FORMAT:
        log.warning("Another version of Headwater drew the graph: it is drawn anew from the ledger")
        return None
    if not foreign and mark.applied < batches.checkpoint:
        batches.advance(mark.applied)  # who waits for an entry waits for the new drawing
        return None
    heads = (batches.head, Head(mark.applied, mark.hash))
    if foreign or batches.parking.partially_written or not all(_is_of_this_history(batches, head) for head in heads):
        return None
    if fresh and (mark.applied or mark.whole_from):
        log.warning("The tables beside the graph are new, or of another version: the graph is drawn anew")
        return None
    begun = mark.applied
    if not store.atomic:
        begun = max(begun, int(derived.meta("intended") or 0))
    missing = begun - batches.checkpoint
    return missing if missing <= GAP else None


def _refuse_foreign(store: GraphStore) -> None:
    if not store.atomic:
        raise ForeignGraph("the store holds a graph that is not Headwater's: choose another, or empty it")


def _may_come_at_once(batches: Batches, missing: int) -> bool:
    """False: the process died with this batch again and again, so it is not applied as one once more.

    If it has one entry, that is parked.
    """
    first = batches.checkpoint + 1
    if batches.attempts.killed_alone(first):
        batches.parking.set_killer_aside(batches.ledger.entry(first))
        return False
    return batches.attempts.most(batches.checkpoint, missing) >= missing


def _reapplied(batches: Batches, missing: int, unrelated: tuple[type[Exception], ...]) -> bool:
    """Whether the batch that was cut off, applied again as one, brought the tables to the state of the graph."""
    try:
        batches.apply(batches.ledger.read(batches.checkpoint, missing), whole=True)
    except (Erased, Renamed):
        return False
    except unrelated:
        raise
    except Exception:
        log.exception("The graph is rebuilt: entries that it has could not be applied again")
        return False
    return True
