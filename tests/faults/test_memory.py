"""An entry that needs more memory than there is: it ends the graph's process, is found, and keeps nobody out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.payloads import CONTENT_TYPE, job
from headwater.graphstore import open_store
from headwater.ingest.folder.service import Service
from headwater.ingest.ledger.ledger import NewEntry, open_ledger
from headwater.ingest.process.child import command
from headwater.ingest.process.graph_process import GraphProcess
from tests.acceptance.door import PATIENCE, eventually
from tests.contract.test_projector import PIPELINE, assert_equal, recorded, stored, whole

#: Sets the limit of its address space, which its argument names in bytes, and becomes the rest of its command line.
LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""

ROOM = 50 * 2**20  #: bytes, beyond what the ordinary entries take
COLUMNS = 130  #: of a plan in which each of so many outputs is made of as many inputs: some hundred MB


def wide_plan() -> list[NewEntry]:
    """A plan that is mapped to 16,900 edges with long expressions, and an event of it."""
    sources = [("s3://lake/wide/in", f"c{number}") for number in range(COLUMNS)]
    wide = job("wide", "s3://lake/wide/out", {f"c{number}": sources for number in range(COLUMNS)}, 0)
    return [NewEntry("spline.plan", CONTENT_TYPE, wide.plan), NewEntry("spline.events", CONTENT_TYPE, wide.event)]


def drawn(folder: Path, entries: Sequence[NewEntry], limit: int | None) -> tuple[int, int]:
    """Append the entries and let a process draw them; its peak of address space, in bytes, and how many it took.

    `limit`: the bytes of address space that each process may have.
    """

    def started(address: Path) -> list[str]:
        worker = command("headwater.ingest.process.graph_worker:main", str(folder), "", str(address))
        return worker if limit is None else [sys.executable, "-c", LIMITED, str(limit), *worker]

    pids = set[int]()
    with open_ledger(folder) as ledger:
        ledger.append(entries)
        process = GraphProcess(started)
        try:
            process.begin()

            def done() -> bool:
                pids.add(process.pid)
                return process.checkpoint == ledger.count()

            eventually(done, 10 * PATIENCE)  # some lives of the process, each of which begins with its start
            lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
            peak = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmPeak"))
        finally:
            process.close()
    return peak, len(pids)


@pytest.mark.timeout(1_800)
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of address space holds on Linux alone")
def test_an_entry_that_takes_too_much_memory_is_parked_and_all_others_go_in(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first, second = recorded(*PIPELINE[:3]), recorded(*PIPELINE[3:])
    peak, _ = drawn(folder, first, None)
    plan, event = wide_plan()
    _, processes = drawn(folder, [plan, event, *second], peak + ROOM)
    killer = len(first) + 2  # the event: it brings the plan into the graph
    assert processes >= 3
    with Service.open(folder) as service:
        service.catch_up()
        parked = service.parked()
        assert [entry.sequence for entry in parked] == [killer]
        assert "died twice" in parked[0].reason
        assert_equal(stored(service.store), whole(service.ledger, without=[killer]))
        assert service.projector.retry_parked() == 1  # here there is enough
        assert service.parked() == []


@pytest.mark.skipif(sys.platform != "linux", reason="as above")
def test_the_entry_fits_without_the_limit(tmp_path: Path) -> None:
    """Else the test above would show nothing."""
    folder = tmp_path / "data"
    _, processes = drawn(folder, wide_plan(), None)
    assert processes == 1
    with open_store(f"embedded:{folder / 'graph'}") as store:
        assert store.counts()["derivesFrom"] >= COLUMNS**2
