"""Payloads in an inbox, an ingester that is made in this process, and the graph that must come of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from headwater.graphstore import open_store
from headwater.ingest.folder.replaying import replay_into
from headwater.ingest.folder.service import Service
from headwater.ingest.folder.snapshots import Snapshots
from headwater.ingest.inbox.reading import InboxReader, Listing, Source
from headwater.ingest.intake.envelope import file_of
from headwater.ingest.ledger.entries import NewEntry
from headwater.ingest.ledger.segment_ledger import SegmentLedger
from headwater.ingest.ledger.segments import ExportedLedger
from headwater.ingest.places.file_storage import ObjectStorage
from headwater.ingest.process.ingesting import Ingester
from tests.faults.world import elements, payload
from tests.golden.recorded import FLAT

NOON = 1_790_000_000_000


def clock() -> int:
    return NOON


def quiet(_done: int, _of: int) -> None:
    """A progress that nobody looks at."""


def files(numbers: range) -> list[tuple[str, bytes]]:
    """Plans and events, each a file as a receiver writes it; every seventh as the Python agent writes both."""
    found = []
    for number in numbers:
        _, plan, events = payload(number)
        if number % 7 == 0:
            both = {"executionPlan": json.loads(plan), "executionEvent": json.loads(events)[0]}
            found.append((f"2026-03-01/agent-{number}.json", json.dumps(both).encode()))
            continue
        found.append(file_of(NewEntry("spline.plan", FLAT, plan, "glue"), NOON))
        found.append(file_of(NewEntry("spline.events", FLAT, events, "glue"), NOON))
    return found


def plan_ids(ledger: ObjectStorage) -> list[str]:
    """The plans in a ledger, in order, each as often as it is there."""
    with ExportedLedger(ledger) as reader:
        return [json.loads(entry.body or b"{}")["id"] for entry in reader.of_kind("spline.plan")]


def event_plans(ledger: ObjectStorage) -> list[str]:
    """The plans of the events in a ledger."""
    with ExportedLedger(ledger) as reader:
        return [json.loads(entry.body or b"[]")[0]["planId"] for entry in reader.of_kind("spline.events")]


@contextmanager
def ingester(
    inbox: ObjectStorage,
    ledger: ObjectStorage,
    data: Path,
    store: str | None = None,
    source: Callable[[InboxReader], Source] | None = None,
    snapshots: ObjectStorage | None = None,
    keys: ObjectStorage | None = None,
) -> Iterator[Ingester]:
    """An ingester on a data folder, with its projector's thread."""
    with ExitStack() as ends:
        kept = Snapshots(snapshots, data, data / "ledger", store) if snapshots is not None else None
        if kept is not None:
            kept.restore()
        opened = SegmentLedger.open(ledger, data / "ledger", clock, keys)
        service = Service.open(data, store, follows=True, take_over=True, ledger=opened)
        ends.callback(service.close)
        service.start(lambda _error: None)
        reader = InboxReader(inbox)
        ends.callback(reader.close)
        found = source(reader) if source else Listing(inbox)
        yield Ingester(found, reader, opened, service, kept, idle_seconds=0.01)


def graph(made: Ingester) -> tuple[list[str], list[str]]:
    """The graph of an ingester, brought up to date."""
    made.service.settle()
    assert made.service.parked() == []
    return elements(made.service.store)


def replayed(ledger: ObjectStorage, folder: Path, keys: ObjectStorage | None = None) -> tuple[list[str], list[str]]:
    """The graph of a clean replay of a ledger."""
    store = f"embedded:{folder / 'graph'}"
    with ExportedLedger(ledger, keys) as reader:
        replay_into(folder / "data", store, quiet, ledger=reader)
    with open_store(store) as opened:
        return elements(opened)
