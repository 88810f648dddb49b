"""Erasing a payload: from the ledger for good, from the graph by drawing it anew, and a word on what is missing since.

The graph without the payload shows what was known before it, and would call that complete. So the entry that says that
something was erased also names the datasets that it was about: those alone that other entries name too, since else an
erasure would keep what it erases. What comes of that in the graph is in `graph.decoding.missing_since`.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from headwater.graphstore.errors import StoreError
from headwater.ingest.fold.file import FILE, remove_tables
from headwater.ingest.folder.service import Service
from headwater.ingest.folder.targets import DRAWINGS, GRAPH, TARGETS, current_drawing, is_own, tables_of
from headwater.ingest.graph.following import CannotFollow, GivenUp
from headwater.ingest.intake.bridge import READ, WRITTEN
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.ledger.entries import LedgerDamaged, LedgerUnavailable, Touched
from headwater.ingest.ledger.folder_lock import FolderLock
from headwater.ingest.ledger.ledger import LedgerInUse, open_ledger
from headwater.ingest.places.user import user_name
from headwater.ingest.progress import Progress

log = logging.getLogger(__name__)

_GRAPH_FAILS = (StoreError, CannotFollow, GivenUp, LedgerDamaged, LedgerUnavailable)


class Others(NamedTuple):
    """What else in the data folder may have held the payload, in files of their own.

    `stores`: other stores, whose derived tables were removed; their graphs hold it until the next replay into them.
    `graphs`: graphs inside the folder that were removed: one that was not asked for, and those set aside as damaged.
    `kept`: derived tables that could not be removed, since another process has them open.
    """

    stores: int
    graphs: int
    kept: tuple[Path, ...]


Told = Callable[[int, Others], object]


def erase(folder: Path, store: str | None, sequence: int, reason: str, told: Told, progress: Progress) -> None:
    """Erase an entry's payload; `told` gets the number of the entry that says so, once it is durable, and the others.

    Whatever is wrong with the graph, the payload goes; the graph's error is raised afterwards. LedgerError: there is no
    such entry, or it is erased already; errors of `Service.open`.
    """
    erased = False
    try:
        with Service.open(folder, store) as service:
            try:
                service.catch_up(progress)
            except _GRAPH_FAILS as error:
                log.warning("the graph is not up to date: %s", error)
            said = service.ledger.erase(sequence, reason, _touched(service, sequence), sender=user_name())
            erased = True
            told(said, _forget_others(folder, store))
            service.catch_up(progress)
    except _GRAPH_FAILS:
        if not erased:
            with open_ledger(folder) as ledger:
                told(ledger.erase(sequence, reason, sender=user_name()), _forget_others(folder, store))
        raise


def _forget_others(folder: Path, store: str | None) -> Others:
    """Remove what other graphs of this folder keep on its disk: it is made anew when they are brought up to date."""
    mine = tables_of(folder, store)
    stores, kept = 0, []
    for tables in sorted((folder / TARGETS).glob(f"*/{FILE}")):
        if tables == mine:
            continue
        try:
            lock = FolderLock(tables.parent)
        except LedgerInUse:
            kept.append(tables)
            continue
        remove_tables(tables)
        lock.release()
        stores += 1
    graphs = [path for place in (folder, *(folder / DRAWINGS).glob("*")) for path in place.glob(f"{GRAPH}.damaged-*")]
    if not is_own(folder, store):
        own = current_drawing(folder)
        graphs += [own.graph] if own.graph.exists() else []
        remove_tables(own.tables)
    for graph in graphs:
        with suppress(FileNotFoundError):
            shutil.rmtree(graph)
    return Others(stores, len(graphs), tuple(kept))


def _touched(service: Service, sequence: int) -> Touched:
    """The datasets that an entry is about and other entries name as well; none if its payload cannot be read.

    An entry that says something only together with others is about what all of them are about.
    """
    entry = service.ledger.entry(sequence)
    summaries = service.derived.summaries()
    together = set(service.derived.folded_with(sequence)) | {sequence}
    own = [summary for at, summary in summaries if at in together]
    others = [summary for at, summary in summaries if at not in together]
    if entry is not None and entry.body is not None and entry.kind in BRIDGES and not own:
        try:  # a report of runs: it says which plans ran
            runs = BRIDGES[entry.kind].decode(entry.body, entry.content_type).runs
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a payload, it can be erased
            log.warning("entry %s cannot be decoded, so what it was about is not known: %s", sequence, error)
            runs = ()
        plans = {run.agent_plan_id for run in runs}
        own = [summary for summary in others if summary.agent_plan_id in plans]
    touched = {WRITTEN: {summary.target for summary in own}, READ: {one for summary in own for one in summary.inputs}}
    for dataset, role in service.derived.named_by_parked(sequence):  # it was never understood: only its names are known
        touched.setdefault(role, set()).add(dataset)
    named = {dataset for summary in others for dataset in (summary.target, *summary.inputs) if "*" not in dataset}
    return Touched(tuple(sorted(touched[WRITTEN] & named)), tuple(sorted(touched[READ] & named)))
