"""An entry that ends the process is found and parked, whatever it is; what stands beside and behind it gets in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headwater.graphstore import open_store
from headwater.ingest.fold.file import Derived
from headwater.ingest.folder.service import Service
from headwater.ingest.graph.attempts import Attempt, after_death
from headwater.ingest.graph.batches import _MOST_PARTS
from headwater.ingest.graph.decoding import Decoding, decoders
from headwater.ingest.graph.projector import Projector
from headwater.ingest.ledger.ledger import Ledger, NewEntry, open_ledger
from tests.acceptance.door import ROOT, environment
from tests.contract.test_projector import PIPELINE, RECORDED_MS, assert_equal, recorded, stored, whole

#: A real follower in a process of its own. Its decoder of one kind of entry ends the process, as the system does when
#: the memory is used up; with --well it takes these entries. The store of the last one commits, and then it ends.
FOLLOWER = """
import os, sys
from pathlib import Path
from headwater.graphstore import open_store
from headwater.ingest.fold.file import Derived
from headwater.ingest.folder.service import Service
from headwater.ingest.graph.decoding import decoders
from headwater.ingest.graph.projector import Projector
from headwater.ingest.intake.bridge import Decoded
from headwater.ingest.ledger.ledger import open_reader

folder, how = Path(sys.argv[1]), sys.argv[2]

class Committing:
    def __init__(self, store): self.store = store
    def __getattr__(self, name): return getattr(self.store, name)
    def apply(self, deltas, **condition):
        self.store.apply(deltas, **condition)
        if deadly: os._exit(9)

deadly = []
def decode(body, content_type):
    if how == "decode": os._exit(9)
    if how == "commit": deadly.append(body)
    return Decoded()

with open_reader(folder / "data") as ledger, open_store(f"embedded:{folder / 'graph'}") as store:
    derived = Derived.open(folder / "derived.sqlite")
    projector = Projector(ledger, Committing(store), derived, {**decoders(), "deadly": decode})
    if how == "retry":
        how = "decode"
        projector.retry_parked()
    while projector.step():
        deadly.clear()
    print(*(parked.sequence for parked in projector.parked()))
"""


def follow(folder: Path, how: str) -> tuple[int, str]:
    """Exit code and output of one life of the follower."""
    command = [sys.executable, "-c", FOLLOWER, str(folder), how]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), cwd=ROOT)
    assert done.returncode in (0, 9), done.stderr
    return done.returncode, done.stdout.strip()


def lives(folder: Path, how: str, most: int = 30) -> tuple[int, str]:
    """How often it died before it lived, and what it said then."""
    for deaths in range(most):
        code, said = follow(folder, how)
        if not code:
            return deaths, said
    raise AssertionError(f"it died {most} times")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "data", clock=lambda: RECORDED_MS) as opened:
        yield opened


def test_an_entry_that_ends_the_process_is_parked_and_all_others_get_in(ledger: Ledger, tmp_path: Path) -> None:
    entries = recorded(*PIPELINE)
    ledger.append([*entries[:7], NewEntry("deadly", "text/plain", b"x"), *entries[7:]])
    assert lives(tmp_path, "decode") == (6, "8")  # 11: 2, 5: behind them 1, 2: 1, alone: 2
    with open_store(f"embedded:{tmp_path / 'graph'}") as store:
        assert_equal(stored(store), whole(ledger))
    assert follow(tmp_path, "decode") == (0, "8")  # it is not offered again

    assert follow(tmp_path, "retry")[0] == 9  # unless somebody retries it
    deaths, said = lives(tmp_path, "decode")
    assert (deaths, said) == (1, "8")
    with open_store(f"embedded:{tmp_path / 'graph'}") as store:
        assert_equal(stored(store), whole(ledger))


def test_an_entry_that_ends_the_process_between_graph_and_tables_is_parked(ledger: Ledger, tmp_path: Path) -> None:
    entries = recorded(*PIPELINE[:2])
    ledger.append([*entries, NewEntry("deadly", "text/plain", b"x")])
    deaths, said = lives(tmp_path, "commit")
    assert (said, deaths <= 10) == ("5", True)
    with open_store(f"embedded:{tmp_path / 'graph'}") as store:
        assert_equal(stored(store), whole(ledger))


def test_an_end_in_order_is_no_entrys_fault(ledger: Ledger, tmp_path: Path) -> None:
    ledger.append(recorded(PIPELINE[0]))
    with open_store(f"embedded:{tmp_path / 'graph'}") as store:
        for _ in range(3):
            derived = Derived.open(tmp_path / "derived.sqlite")
            projector = Projector(ledger, store, derived)
            projector._batches.attempts.begin(0, 1)
            projector.ends_in_order()
            derived.close()
        derived = Derived.open(tmp_path / "derived.sqlite")
        projector = Projector(ledger, store, derived)
        assert projector.step() == 2
        assert projector.parked() == []
        derived.close()


def sizes(killer: int, entries: int, *, from_start: bool) -> list[int]:
    """The sizes of the batches with which the process dies, until the killer is known."""
    attempt, died, checkpoint = Attempt(), list[int](), 0
    while not attempt.killed_alone(checkpoint + 1):
        size = min(50, entries - checkpoint)
        if attempt.is_suspected(checkpoint):
            size = min(size, attempt.most)
        elif checkpoint < attempt.since < checkpoint + size:
            size = attempt.since - checkpoint
        attempt = replace(attempt, after=checkpoint, last=checkpoint + size)
        if checkpoint < killer <= checkpoint + size:
            died.append(size)
            attempt = after_death(attempt)
            checkpoint = 0 if from_start else checkpoint
        else:
            checkpoint += size
    assert checkpoint + 1 == killer
    return died


@pytest.mark.parametrize("from_start", [False, True], ids=["from the checkpoint", "drawn anew each time"])
@pytest.mark.parametrize("killer", [1, 2, 25, 26, 37, 49, 50])
def test_each_death_after_the_second_halves_the_batch(killer: int, from_start: bool) -> None:
    died = sizes(100 + killer, 200, from_start=from_start)
    assert died[:3] == [50, 50, 25]
    assert died[-2:] == [1, 1]
    assert len(died) <= 8


def test_a_batch_ends_where_its_plans_have_many_parts(ledger: Ledger) -> None:
    ledger.append(recorded(*PIPELINE))
    entries = ledger.read(0, 50)
    decoding = Decoding(ledger, decoders())
    assert decoding.batch(entries).last == decoding.batch(entries, _MOST_PARTS).last == 10
    assert decoding.batch(entries, 1).last == 1
    few = decoding.batch(entries, 60)
    assert 1 < few.last < 10
    assert len(few.plans) + len(few.events) == few.last


def test_a_ledger_applied_in_parts_gives_the_same_graph(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.ingest.graph.batches._MOST_PARTS", 30)
    ledger.append(recorded(*PIPELINE)[::-1])  # events first: their plans count when they come
    derived = Derived.open(tmp_path / "derived.sqlite")
    with open_store(f"embedded:{tmp_path / 'graph'}") as store:
        projector = Projector(ledger, store, derived)
        assert projector.step() == 10
        assert_equal(stored(store), whole(ledger))
    derived.close()


def test_a_graph_that_is_drawn_anew_beside_the_old_one_leaves_out_the_killers(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with Service.open(folder) as service:
        service.ledger.append(recorded(*PIPELINE[:2]))
        service.projector._shown.attempts._put(Attempt(since=1, until=2, most=1, died_after=1, deaths=2))
        service.catch_up()
        assert [parked.sequence for parked in service.parked()] == [2]
        for _ in range(2):
            service.projector.rebuild()
            service.catch_up()
            assert [(parked.sequence, "died twice" in parked.reason) for parked in service.parked()] == [(2, True)]
        assert_equal(stored(service.store), whole(service.ledger, without=[2]))
        assert service.projector.retry_parked() == 1
        assert_equal(stored(service.store), whole(service.ledger))
