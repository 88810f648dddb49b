"""What every follower of the ledger promises: at least once, in order, from its own checkpoint, nothing skipped.

Run with the projector, with the publisher to another system, and with a follower that only records.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from headwater.backoff import Backoff
from headwater.graphstore import GraphStore
from headwater.graphstore.errors import TransientError
from headwater.ingest.fold.file import Derived
from headwater.ingest.graph.decoding import decoders
from headwater.ingest.graph.following import Follower, FollowerLoop, GivenUp, StartAgain
from headwater.ingest.graph.patience import Patience
from headwater.ingest.graph.projector import Projector
from headwater.ingest.intake.bridge import Decoded
from headwater.ingest.ledger.ledger import Entry, Ledger, open_ledger
from headwater.ingest.publishing.backends import FileBackend
from headwater.ingest.publishing.publisher import Publisher
from headwater.ingest.publishing.state import State
from tests.contract.test_projector import RECORDED_MS, Killed, recorded

JOBS = ("l01_stage_customers", "l02_stage_orders", "l07_score_report")  # six entries


@dataclass
class Recorder:
    """Keeps what it was given, and its checkpoint in a file, as a publisher does."""

    folder: Path
    taken: list[int]  #: what the other system has seen, whatever becomes of this process
    on_apply: Callable[[Sequence[Entry]], None] = lambda _entries: None
    name: str = "The record"
    unrelated: tuple[type[Exception], ...] = (TransientError,)
    prepared: int = 0

    @property
    def _state(self) -> dict[str, int | list[int]]:
        file = self.folder / "checkpoint.json"
        return json.loads(file.read_text()) if file.exists() else {"checkpoint": 0, "parked": []}

    def _save(self, checkpoint: int, parked: list[int]) -> None:
        (self.folder / "checkpoint.json").write_text(json.dumps({"checkpoint": checkpoint, "parked": parked}))

    @property
    def checkpoint(self) -> int:
        return int(self._state["checkpoint"])  # type: ignore[arg-type]

    @property
    def parked(self) -> list[int]:
        return list(self._state["parked"])  # type: ignore[arg-type]

    def prepare(self) -> None:
        self.prepared += 1

    def apply(self, entries: Sequence[Entry]) -> None:
        self.on_apply(entries)
        self.taken.extend(entry.sequence for entry in entries)
        self._save(entries[-1].sequence, self.parked)

    def park(self, entry: Entry, error: Exception) -> None:
        self._save(entry.sequence, [*self.parked, entry.sequence])


@dataclass
class World:
    """A follower that can be killed and opened again, and what it has seen."""

    ledger: Ledger
    folder: Path
    kind: str
    store: GraphStore | None = None
    taken: list[int] = field(default_factory=list)
    fail: Callable[[Sequence[Entry]], None] = lambda _entries: None
    derived: Derived | None = None
    state: State | None = None
    file: FileBackend | None = None

    def open(self) -> Follower:
        if self.kind == "recorder":
            return Recorder(self.folder, self.taken, self.fail)
        return self._publisher() if self.kind == "publisher" else self._projector()

    def _publisher(self) -> Publisher:
        self.close()
        self.state = State(self.folder, "runs", self.ledger.id)
        self.file = FileBackend(str(self.folder / "runs.ndjson"))
        publisher = Publisher(self.ledger, self.state, self.file, "urn:headwater:1")
        self._record(publisher)
        return publisher

    def _record(self, follower: Projector | Publisher) -> None:
        apply = follower.apply

        def recording(entries: Sequence[Entry]) -> None:
            self.fail(entries)
            apply(entries)
            self.taken.extend(entry.sequence for entry in entries)

        follower.apply = recording  # type: ignore[method-assign]

    def close(self) -> None:
        """What it has open, but for ledger and store."""
        if self.derived:
            self.derived.close()
        if self.state and self.file:
            self.state.close()
            self.file.close()

    def _projector(self) -> Projector:
        assert self.store is not None
        if self.derived:
            self.derived.close()
        self.derived = Derived.open(self.folder / "derived.sqlite")
        projector = Projector(self.ledger, self.store, self.derived)
        self._record(projector)
        return projector

    def parked(self, follower: Follower) -> list[int]:
        if isinstance(follower, Recorder):
            return follower.parked
        if self.state:
            return [refused.sequence for refused in self.state.refused]
        assert isinstance(follower, Projector)
        return [parked.sequence for parked in follower.parked()]

    def loop(self, waits: list[float] | None = None) -> tuple[FollowerLoop, Follower]:
        follower = self.open()
        backoff = Backoff(sleep=(waits if waits is not None else []).append, jitter=lambda: 1.0)
        return FollowerLoop(self.ledger, follower, patience=Patience(backoff)), follower


@pytest.fixture(params=["recorder", "projector", "publisher"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with open_ledger(tmp_path / "data", clock=lambda: RECORDED_MS) as ledger:
        ledger.append(recorded(*JOBS))
        made = World(ledger, tmp_path, request.param)
        if request.param == "projector":
            from headwater.graphstore import open_store

            with open_store(f"embedded:{tmp_path / 'graph'}") as store:
                made.store = store
                yield made
                made.close()
        else:
            yield made
            made.close()


def catch_up(loop: FollowerLoop, limit: int) -> None:
    while loop.step(limit):
        pass


@pytest.mark.parametrize("limit", [1, 4, 50])
def test_every_entry_once_and_in_order(limit: int, world: World) -> None:
    loop, follower = world.loop()
    catch_up(loop, limit)
    assert world.taken == [1, 2, 3, 4, 5, 6]
    assert (follower.checkpoint, loop.lag(), world.parked(follower)) == (6, 0, [])


@pytest.mark.parametrize("killed_at", [1, 3, 6])
def test_killed_it_goes_on_at_its_checkpoint(killed_at: int, world: World) -> None:
    def kill(entries: Sequence[Entry]) -> None:
        if any(entry.sequence == killed_at for entry in entries):
            raise Killed

    world.fail = kill
    with pytest.raises(Killed):
        catch_up(world.loop()[0], 2)
    seen = list(world.taken)
    world.fail = lambda _entries: None
    loop, follower = world.loop()
    assert follower.checkpoint == (seen[-1] if seen else 0)
    catch_up(loop, 2)
    assert world.taken == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("limit", [1, 50])
def test_an_entry_that_cannot_be_applied_is_parked_and_the_others_go_on(limit: int, world: World) -> None:
    def refuse(entries: Sequence[Entry]) -> None:
        if any(entry.sequence == 3 for entry in entries):
            raise ZeroDivisionError

    world.fail = refuse
    loop, follower = world.loop()
    catch_up(loop, limit)
    assert world.taken == [1, 2, 4, 5, 6]
    assert world.parked(follower) == [3]
    assert (follower.checkpoint, loop.lag()) == (6, 0)


def test_an_error_that_no_entry_is_to_blame_for_parks_nothing_and_comes_again(world: World) -> None:
    away = [True]

    def fail(_entries: Sequence[Entry]) -> None:
        if away:
            raise TransientError("away")

    world.fail = fail
    loop, follower = world.loop()
    with pytest.raises(TransientError, match="away"):
        loop.step(50)
    assert (follower.checkpoint, world.parked(follower), world.taken) == (0, [], [])
    away.clear()
    catch_up(loop, 50)
    assert world.taken == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("times", "waits"), [(1, []), (3, [0.1, 0.2]), (5, [0.1, 0.2, 0.4, 0.8])])
def test_it_starts_again_some_times(times: int, waits: list[float], world: World) -> None:
    left = [None] * times

    def again(_entries: Sequence[Entry]) -> None:
        if left:
            left.pop()
            raise StartAgain("changed")

    waited: list[float] = []
    world.fail = again
    loop, _ = world.loop(waited)
    assert loop.step(50) == 6
    assert world.taken == [1, 2, 3, 4, 5, 6]
    assert waited == pytest.approx(waits)


def test_it_does_not_start_again_without_end(world: World) -> None:
    def again(_entries: Sequence[Entry]) -> None:
        raise StartAgain("changed once more")

    world.fail = again
    loop, follower = world.loop()
    with pytest.raises(TransientError, match="6 times in a row: changed once more"):
        loop.step(50)
    assert (follower.checkpoint, world.parked(follower)) == (0, [])


def test_the_loop_ends_when_another_follows_in_its_place(world: World) -> None:
    def gone(_entries: Sequence[Entry]) -> None:
        raise GivenUp("somebody else does it")

    world.fail = gone
    loop, follower = world.loop()
    loop.run(threading.Event())  # returns
    assert (follower.checkpoint, world.parked(follower)) == (0, [])


def test_two_followers_of_one_ledger_do_not_share_a_checkpoint(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "data", clock=lambda: RECORDED_MS) as ledger:
        ledger.append(recorded(*JOBS))
        recorders = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            recorders.append(Recorder(tmp_path / name, []))
        assert FollowerLoop(ledger, recorders[0]).step(4) == 4
        assert FollowerLoop(ledger, recorders[1]).step(1) == 1
        assert [recorder.checkpoint for recorder in recorders] == [4, 1]


def test_what_the_projector_cannot_decode_is_parked(tmp_path: Path) -> None:
    """By itself, without being told by the loop: the entries beside it go on in the same batch."""
    from headwater.graphstore import open_store

    def broken(_body: bytes, _content_type: str) -> Decoded:
        raise ZeroDivisionError

    with (
        open_ledger(tmp_path / "data", clock=lambda: RECORDED_MS) as ledger,
        open_store(f"embedded:{tmp_path / 'graph'}") as store,
    ):
        ledger.append(recorded(JOBS[0]))
        derived = Derived.open(None)
        projector = Projector(ledger, store, derived, {**decoders(), ledger.read(0, 1)[0].kind: broken})
        assert projector.step() == 2
        assert [parked.sequence for parked in projector.parked()] == [1]
        derived.close()
