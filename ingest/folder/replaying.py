"""Replaying a ledger into another store: how a graph moves, and how it is kept up to date there by hand."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from headwater.backoff import Backoff
from headwater.graphmodel.naming import Rules
from headwater.graphstore import GraphStore, open_store
from headwater.graphstore.errors import InvalidRequest
from headwater.ingest.fold.file import Derived
from headwater.ingest.folder.naming_file import rules_of
from headwater.ingest.folder.targets import lock, tables_of
from headwater.ingest.graph.mark import announce_rebuild, is_empty, read_mark
from headwater.ingest.graph.ownership import Ownership, place_of
from headwater.ingest.graph.projector import BATCH, ForeignGraph, Projector
from headwater.ingest.graph.table_recovery import recover_tables
from headwater.ingest.ledger.ledger import LedgerReader, open_reader
from headwater.ingest.progress import Progress

#: How often one write is tried, for about two minutes: a cluster's writer may move meanwhile. The next replay goes on.
_ATTEMPTS = 12


@dataclass(frozen=True)
class Replayed:
    """What was done: entries `written`, entries `known` that the graph had and that were only worked out.

    `applied` is the last entry in the graph now, `parked` how many could not be brought into it.
    """

    written: int
    known: int
    applied: int
    parked: int


def replay_into(
    folder: Path,
    url: str,
    progress: Progress,
    *,
    fresh: bool = False,
    take_over: bool = False,
    ledger: LedgerReader | None = None,
) -> Replayed:
    """Bring all entries of a data folder's ledger into the store at `url`, from where the last time ended.

    The ledger may have a server on it: entries that come meanwhile are replayed as well. `fresh` empties the store
    first. `take_over`: write there even if another data folder does, which stops. `ledger`: one that is open, not the
    data folder's.

    InvalidRequest: the store holds something that is no whole graph of this ledger; ForeignGraph; LedgerInUse: another
    process of this folder writes there; GraphTaken: another data folder does. Errors of ledger and store as they are.
    """
    with ExitStack() as undo:
        ledger = ledger or undo.enter_context(open_reader(folder))
        undo.callback(lock(folder, url).release)
        rules = rules_of(folder)
        store = undo.enter_context(open_store(url))
        tables = tables_of(folder, url)
        derived = Derived.open(tables)
        undo.callback(derived.close)
        known = 0
        ownership = Ownership(store, ledger.id, place_of(folder), take_over=take_over)
        ownership.refuse_if_taken(read_mark(store))
        if fresh:
            derived.clear()
            announce_rebuild(store, ledger.head().sequence)
            store.clear()
        else:
            _refuse_unless_graph_of(ledger, store, derived, url)
            known = _known(ledger, store, derived, tables, url, progress, rules)
        projector = Projector(
            ledger, store, derived, backoff=Backoff(attempts=_ATTEMPTS), rules=rules, ownership=ownership
        )
        undo.callback(projector.give_back)
        return _replay(projector, known, progress)


def _replay(projector: Projector, known: int, progress: Progress) -> Replayed:
    written = _step_through(projector, progress, known)
    if projector.needs_rebuild:  # an entry was erased that the graph still shows
        projector.rebuild()
        written += _step_through(projector, progress, known)
    return Replayed(written, known, projector.checkpoint, len(projector.parked()))


def _step_through(projector: Projector, progress: Progress, before: int) -> int:
    total, done = projector.lag(), 0
    while taken := projector.step(BATCH):
        done += taken
        progress(before + done, before + max(total, done))
    return done


def _refuse_unless_graph_of(ledger: LedgerReader, store: GraphStore, derived: Derived, url: str) -> None:
    mark = read_mark(store)
    if mark.ledger is None:
        _refuse_unless_begun(store, derived, url)
    elif mark.ledger != ledger.id:
        raise ForeignGraph(f"{url} holds the graph of the ledger {mark.ledger}, not of {ledger.id}")
    elif mark.applied > ledger.head().sequence:
        raise InvalidRequest(
            f"{url} is at entry {mark.applied}, and the ledger here ends before that: it is an older copy"
        )
    elif mark.hash and (entry := ledger.entry(mark.applied)) and entry.hash != mark.hash:
        raise InvalidRequest(
            f"{url} is at entry {mark.applied}, which is another one in the ledger here: one of the two went on from a"
            " backup. --fresh empties the store and draws its graph anew"
        )


def _refuse_unless_begun(store: GraphStore, derived: Derived, url: str) -> None:
    """Without a mark a graph is foreign or loaded in part, unless the first batch of a replay was interrupted."""
    begun = derived.meta("ledger") and not derived.checkpoint
    if not begun:
        if not is_empty(store):
            raise InvalidRequest(
                f"{url} is not empty, and does not say that it is a whole graph: a load that did not end, or another's"
                " graph. --fresh empties it first"
            )
        derived.clear()


def _known(
    ledger: LedgerReader, store: GraphStore, derived: Derived, tables: Path, url: str, progress: Progress, rules: Rules
) -> int:
    try:
        return recover_tables(ledger, store, derived, tables, progress, rules)
    except InvalidRequest as error:
        raise InvalidRequest(f"{url}: {error}. --fresh empties it and draws it anew") from error
