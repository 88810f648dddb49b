"""Replaying a ledger into another store: how a graph moves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from graphstore import open_store
from graphstore.errors import Refused
from ingest.derived import Derived
from ingest.ledger import Ledger
from ingest.projector import BATCH, Projector
from ingest.verify import now_ms


def replay_into(folder: Path, store_url: str, progress: Callable[[int, int], None]) -> int:
    """Bring all entries of a data folder's ledger into an empty store; how many.

    The ledger may have a server on it: entries that come meanwhile are replayed as well. Refused: the store is not
    empty. Errors of the ledger and of the store as they are.
    """
    ledger = Ledger.open(folder, clock=now_ms, readonly=True)
    try:
        with open_store(store_url) as store:
            if store.g.V().limit(1).to_list():
                raise Refused(f"{store_url} is not empty: replay into a new store")
            derived = Derived.open(None)
            try:
                return _step_through(Projector(ledger, store, derived), progress)
            finally:
                derived.close()
    finally:
        ledger.close()


def _step_through(projector: Projector, progress: Callable[[int, int], None]) -> int:
    total, done = projector.lag(), 0
    while taken := projector.step(BATCH):
        done += taken
        progress(done, max(total, done))
    return done
