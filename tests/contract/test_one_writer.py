"""One writer of a graph: of two servers on one store the second is refused, or takes over and the first one stops."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphstore import GraphStore, open_store
from headwater.graphstore.errors import InUse
from headwater.graphstore.port import Guard
from headwater.ingest.fold.file import Derived
from headwater.ingest.folder.replaying import replay_into
from headwater.ingest.folder.service import Service
from headwater.ingest.graph.mark import LEDGER, Mark, read_mark
from headwater.ingest.graph.ownership import GraphTaken, Ownership, place_of
from headwater.ingest.graph.projector import Projector
from headwater.ingest.ledger.ledger import open_ledger, open_reader
from tests.contract.test_projector import PIPELINE, RECORDED_MS, assert_equal, catch_up, recorded, stored, whole
from tests.gremlin_server.server import Server


@pytest.fixture
def url(gremlin_server: Server) -> str:
    address = gremlin_server.url("single", 0)
    with open_store(address) as store:
        store.clear()
    return address


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A data folder and a copy of it, as a restored backup is: one ledger, two places."""
    first, second = tmp_path / "first", tmp_path / "second"
    with open_ledger(first, clock=lambda: RECORDED_MS) as ledger:
        ledger.append(recorded(*PIPELINE[:2]))
    shutil.copytree(first, second)
    return first, second


def append(service: Service, *jobs: str) -> None:
    service.ledger.append(recorded(*jobs))


def is_whole(service: Service) -> None:
    assert_equal(stored(service.store), whole(service.ledger))


def test_a_second_server_is_refused_with_what_to_do(url: str, folders: tuple[Path, Path]) -> None:
    first, second = folders
    with Service.open(first, url) as running:
        running.catch_up()
        with pytest.raises(GraphTaken) as refused:
            Service.open(second, url)
        for part in (place_of(first), place_of(second), "stop the server there", "--take-over"):
            assert part in str(refused.value)
        append(running, PIPELINE[2])
        assert running.catch_up() == 2
        is_whole(running)


def test_a_replay_into_a_store_that_a_server_writes_is_refused(url: str, folders: tuple[Path, Path]) -> None:
    first, second = folders
    with Service.open(first, url) as running:
        running.catch_up()
        for fresh in (False, True):
            with pytest.raises(GraphTaken, match="--take-over"):
                replay_into(second, url, lambda _done, _of: None, fresh=fresh)
        is_whole(running)


def test_after_a_clean_stop_any_place_may_write(url: str, folders: tuple[Path, Path]) -> None:
    first, second = folders
    for turn, folder in enumerate((first, second, first), start=1):
        with Service.open(folder, url) as service:
            service.catch_up()
            assert read_mark(service.store).epoch == turn
            is_whole(service)
    with open_store(url) as store:
        assert read_mark(store).writer == ""


def test_the_same_place_goes_on_after_it_was_killed(url: str, folders: tuple[Path, Path]) -> None:
    first, _ = folders
    with Service.open(first, url) as killed:
        killed.catch_up()
        killed.projector.give_back = lambda: None  # type: ignore[method-assign]
    with Service.open(first, url) as service:
        append(service, PIPELINE[2])
        service.catch_up()
        assert read_mark(service.store).epoch == 2
        is_whole(service)


def test_the_one_that_lost_the_graph_stops_writing(
    url: str, folders: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = folders
    with Service.open(first, url) as lost:
        lost.catch_up()
        with Service.open(second, url, take_over=True) as taking:
            taking.catch_up()
            append(lost, PIPELINE[2])
            with pytest.raises(GraphTaken) as stopped:
                lost.catch_up()
            for part in (place_of(first), place_of(second), "(epoch 2)", "(epoch 1)", "--take-over"):
                assert part in str(stopped.value)
            with caplog.at_level(logging.ERROR):
                lost.projector.run(threading.Event())  # returns: no retry helps
            assert "not kept up to date any more" in caplog.text
            with pytest.raises(GraphTaken):
                lost.readiness()
            assert (lost.parked(), lost.projector.lag()) == ([], 2)
            is_whole(taking)
            append(taking, PIPELINE[3])
            taking.catch_up()
            is_whole(taking)
        with open_store(url) as store:
            assert read_mark(store).writer == ""  # given back by the one that had it
        with pytest.raises(GraphTaken):
            lost.projector.step()  # and not taken again by the other
    with open_store(url) as store, open_reader(second) as ledger:
        assert_equal(stored(store), whole(ledger))


class Taken:
    """A real store; before the n-th write another place takes the graph over."""

    def __init__(self, store: GraphStore, ledger: str, at: int) -> None:
        self._store = store
        self._other = Ownership(store, ledger, "elsewhere:/data", take_over=True)
        self._left = at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply(self, deltas: GraphDelta | Sequence[GraphDelta], **condition: Any) -> None:
        self._left -= 1
        if self._left == 0:
            self._other.take(read_mark(self._store))
        self._store.apply(deltas, **condition)


@pytest.mark.parametrize("at", [2, 3, 4, 5])
def test_taken_over_in_the_middle_of_a_batch(at: int, url: str, folders: tuple[Path, Path]) -> None:
    """Whenever it happens, this side never signs the graph back, and stops with this batch at the latest."""
    derived = Derived.open(None)
    with open_ledger(folders[0], clock=lambda: RECORDED_MS) as ledger, open_store(url) as store:
        projector = Projector(ledger, Taken(store, ledger.id, at), derived)
        with pytest.raises(GraphTaken, match="taken over by elsewhere:/data"):
            catch_up(projector, 2)
        projector.give_back()
        mark = read_mark(store)
        assert (mark.epoch, mark.writer.split()[0]) == (2, "elsewhere:/data")
    derived.close()


@pytest.mark.parametrize("count", [1, 1_500])  # one request, and many
def test_a_request_that_comes_late_writes_nothing(count: int, store: GraphStore) -> None:
    """What a server that lost the graph had on its way: vertices, edges and removals."""
    if store.atomic:
        pytest.skip("an embedded store has one process")
    kept = [vertex(f"s3://lake/{i}", "dataset") for i in range(3)]
    job = vertex("job", "job", name="a")
    store.apply([Mark(1, "a" * 32, 2, "other").owner_delta(), GraphDelta((*kept, job))])
    before = stored(store)
    late = GraphDelta(
        tuple(vertex(f"s3://late/{i}", "dataset") for i in range(count)),
        tuple(edge("follows", "job", f"s3://late/{i}") for i in range(count)),
        removed_vertices=("job", "s3://lake/1"),
    )
    store.apply(late, only_if=Guard(LEDGER, "writer", "one"))
    store.apply(Mark(9, "a" * 32).delta(), only_if=Guard(LEDGER, "writer", "one"))
    assert_equal(stored(store), before)
    assert read_mark(store) == Mark(1, "a" * 32, 2, "other", format="")
    store.apply(replace(late, removed_vertices=("s3://lake/1",)), only_if=Guard(LEDGER, "writer", "other"))
    found = stored(store)
    assert len(found.vertices) == 3 + count
    assert len(found.edges) == count


def test_two_take_a_graph_at_the_same_time(url: str) -> None:
    """Both have read that nobody has it: the last one to sign has it, and the other one learns that."""
    with open_store(url) as store:
        unsigned = read_mark(store)
        one, other = (Ownership(store, "a" * 32, f"{name}:/data") for name in ("one", "other"))
        one.take(unsigned)
        other.take(unsigned)
        with pytest.raises(GraphTaken, match="taken over by other:/data"):
            one.check(read_mark(store))
        other.check(read_mark(store))
        with pytest.raises(GraphTaken):
            one.take(read_mark(store))
        one.give_back()
        assert read_mark(store).writer.startswith("other:/data")


def test_a_server_that_lost_its_graph_is_signed_anew(url: str, folders: tuple[Path, Path]) -> None:
    """As TinkerGraph does when its server is restarted: nobody has taken it."""
    first, second = folders
    with Service.open(first, url) as service:
        service.catch_up()
        service.store.clear()
        append(service, PIPELINE[2])
        service.catch_up()
        is_whole(service)
        with pytest.raises(GraphTaken):
            Service.open(second, url)


def test_the_embedded_store_has_one_process_at_a_time(folders: tuple[Path, Path]) -> None:
    first, second = folders
    inside = f"embedded:{first / 'graph'}"
    with Service.open(first) as running:
        running.catch_up()
        with pytest.raises(InUse):
            open_store(inside)
        is_whole(running)
    with Service.open(second, inside) as other:
        other.catch_up()
        is_whole(other)
