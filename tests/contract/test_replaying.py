"""A ledger replayed into another store, again and again, and after Neptune's loader: always the graph of the ledger."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore import open_store
from headwater.graphstore.errors import InvalidRequest
from headwater.ingest.folder.exporting import export_neptune_csv
from headwater.ingest.folder.replaying import Replayed, replay_into
from headwater.ingest.folder.service import Service
from headwater.ingest.graph.projector import ForeignGraph
from headwater.ingest.ledger.backup import back_up
from headwater.ingest.ledger.folder_lock import FolderLock
from headwater.ingest.ledger.ledger import LedgerInUse, open_ledger, open_reader
from headwater.ingest.places.file_storage import LocalFolder
from tests.contract.loader_csv import load
from tests.contract.stores import EMBEDDED, GREMLIN_SERVER
from tests.contract.test_projector import PIPELINE, assert_equal, recorded, stored, whole


def quiet(_done: int, _of: int) -> None:
    pass


class World:
    """A data folder, and the URL of a store that is empty."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def append(self, *jobs: str) -> int:
        """Keep what these jobs sent; how many entries there are."""
        with open_ledger(self.folder, clock=lambda: 1_795_400_000_000) as ledger:
            ledger.append(recorded(*jobs))
            return ledger.count()

    def replay(self, *, fresh: bool = False) -> Replayed:
        return replay_into(self.folder, self.url, quiet, fresh=fresh)

    def bulk_load(self, out: Path, *, without: str | None = None, mark: bool = True) -> None:
        """Export the graph, and put into the store what the loader makes of the files."""
        with Service.open(self.folder) as service:
            service.catch_up()
            export_neptune_csv(self.folder, LocalFolder(out), quiet)
        graph = load(out / "graph")
        kept = {key: edge for key, edge in graph.edges.items() if edge.label != without}
        with open_store(self.url) as store:
            store.apply(GraphDelta(tuple(graph.vertices.values()), tuple(kept.values())))
            if mark:
                store.apply(GraphDelta(tuple(load(out / "ledger").vertices.values())))

    def is_whole(self) -> None:
        """AssertionError: the store's graph is not the ledger's."""
        with open_reader(self.folder) as ledger, open_store(self.url) as store:
            assert_equal(stored(store), whole(ledger))


@pytest.fixture(params=[EMBEDDED, GREMLIN_SERVER])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == EMBEDDED:
        return World(tmp_path / "data", f"embedded:{tmp_path / 'there'}")
    url = request.getfixturevalue("gremlin_server").url("single", 0)
    with open_store(url) as store:
        store.clear()
    return World(tmp_path / "data", url)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "data", f"embedded:{tmp_path / 'there'}")


def test_each_replay_goes_on_where_the_last_one_ended(anywhere: World) -> None:
    first = anywhere.append(*PIPELINE[:2])
    assert anywhere.replay() == Replayed(written=first, known=0, applied=first, parked=0)
    anywhere.is_whole()
    assert anywhere.replay().written == 0
    more = anywhere.append(*PIPELINE)
    assert anywhere.replay() == Replayed(written=more - first, known=0, applied=more, parked=0)
    anywhere.is_whole()


def test_after_a_bulk_load_only_what_is_new_is_written(anywhere: World, tmp_path: Path) -> None:
    loaded = anywhere.append(*PIPELINE[:3])
    anywhere.bulk_load(tmp_path / "out")
    with open_store(anywhere.url) as store:  # nothing that is there is written again
        run = store.g.V().has_label("run").id_().next()
        store.apply(GraphDelta((vertex(run, "run", user="somebody else"),)))
    assert anywhere.replay() == Replayed(written=0, known=loaded, applied=loaded, parked=0)
    with open_store(anywhere.url) as store:
        assert store.g.V(run).values("user").next() == "somebody else"
    more = anywhere.append(*PIPELINE)
    assert anywhere.replay() == Replayed(written=more - loaded, known=0, applied=more, parked=0)
    with open_store(anywhere.url) as store:
        store.apply(GraphDelta((vertex(run, "run", user="root"),)))
    anywhere.is_whole()


def test_a_server_takes_over_what_was_loaded(world: World, tmp_path: Path) -> None:
    world.append(*PIPELINE[:3])
    world.bulk_load(tmp_path / "out")
    with open_store(world.url) as store:
        run = store.g.V().has_label("run").id_().next()
        store.apply(GraphDelta((vertex(run, "run", user="somebody else"),)))
    with Service.open(world.folder, world.url) as service:
        assert service.catch_up() == 0
        assert service.store.g.V(run).values("user").next() == "somebody else"
        with pytest.raises(LedgerInUse, match="another process writes"):
            world.replay()
    assert world.replay().known == 0


def test_a_server_draws_anew_what_was_loaded_in_part(world: World, tmp_path: Path) -> None:
    world.append(*PIPELINE[:3])
    world.bulk_load(tmp_path / "out", without="used")
    with Service.open(world.folder, world.url) as service:
        service.catch_up()
    world.is_whole()


def test_tables_that_are_lost_are_worked_out_from_the_graph(world: World) -> None:
    count = world.append(*PIPELINE)
    world.replay()
    shutil.rmtree(world.folder / "targets")
    assert world.replay() == Replayed(written=0, known=count, applied=count, parked=0)
    world.is_whole()


def test_working_out_that_was_cut_off_begins_again(world: World) -> None:
    count = world.append(*PIPELINE)
    world.replay()
    shutil.rmtree(world.folder / "targets")

    def cut_off(_done: int, _of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay_into(world.folder, world.url, cut_off)
    assert world.replay().known == count
    world.is_whole()


def test_a_load_that_failed_before_its_mark_is_not_taken_for_a_graph(world: World, tmp_path: Path) -> None:
    world.append(*PIPELINE)
    world.bulk_load(tmp_path / "out", mark=False)
    with pytest.raises(InvalidRequest, match="does not say that it is a whole graph"):
        world.replay()
    assert world.replay(fresh=True).known == 0
    world.is_whole()


def test_a_load_in_part_with_a_mark_is_found_by_counting(world: World, tmp_path: Path) -> None:
    world.append(*PIPELINE)
    world.bulk_load(tmp_path / "out", without="used")
    for _ in range(2):
        with pytest.raises(InvalidRequest, match=r"says that it is whole, and has 0 of \d+ used.*--fresh"):
            world.replay()
    world.replay(fresh=True)
    world.is_whole()


def test_what_is_erased_after_the_graph_was_loaded_goes_from_it(world: World, tmp_path: Path) -> None:
    world.append(*PIPELINE)
    world.bulk_load(tmp_path / "out")
    with open_ledger(world.folder, clock=lambda: 0) as ledger:
        ledger.erase(1, "asked for")
    assert world.replay().written > 1  # all of it, without that entry
    world.is_whole()


def test_a_store_that_was_emptied_meanwhile_is_filled_again(world: World) -> None:
    count = world.append(*PIPELINE[:1])
    world.replay()
    with open_store(world.url) as store:
        store.clear()
    assert world.replay().written == count
    world.is_whole()


def test_the_graph_of_another_ledger_is_left_alone(world: World, tmp_path: Path) -> None:
    world.append(*PIPELINE[:1])
    world.replay()
    other = World(tmp_path / "other", world.url)
    other.append(*PIPELINE[:1])
    with pytest.raises(ForeignGraph):
        other.replay()
    world.is_whole()


def test_an_older_copy_of_the_ledger_is_refused(world: World, tmp_path: Path) -> None:
    world.append(*PIPELINE[:1])
    copy = tmp_path / "copy"
    copy.mkdir()
    back_up(world.folder, copy / "ledger.sqlite")
    world.append(*PIPELINE)
    world.replay()
    with pytest.raises(InvalidRequest, match="it is an older copy"):
        World(copy, world.url).replay()


def test_two_replays_into_one_store_do_not_meet(world: World) -> None:
    world.append(*PIPELINE[:1])
    world.replay()
    with _locked(world), pytest.raises(LedgerInUse, match="another process writes"):
        world.replay()


class _locked:  # noqa: N801 - reads as what it does
    def __init__(self, world: World) -> None:
        (self._folder,) = (world.folder / "targets").iterdir()

    def __enter__(self) -> None:
        self._lock = FolderLock(self._folder)

    def __exit__(self, *_error: object) -> None:
        self._lock.release()
