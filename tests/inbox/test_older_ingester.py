"""A ledger in segments, a snapshot and a data folder that an ingester of an earlier version left behind."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore import open_store
from headwater.ingest.graph.mark import FORMAT, read_mark
from headwater.ingest.intake.envelope import file_of
from headwater.ingest.ledger.export import check_export
from headwater.ingest.places.file_storage import LocalFolder
from tests.contract.test_projector import recorded
from tests.faults.world import elements
from tests.gremlin_server.server import Server
from tests.inbox.world import NOON, files, graph, ingester, quiet, replayed

FOLDER = Path(__file__).parents[1] / "folders" / "ingester-tables-13"
HEAD = "2f0e93fe3059562d5c08ac63e82c4521ddf8308fdc7c35e75b4d2aa28a622dab"


@pytest.fixture
def left(tmp_path: Path) -> Path:
    with tarfile.open(FOLDER / "data.tar.gz") as packed:
        for member in packed.getmembers():
            assert not member.name.startswith("/")
            packed.extract(member, tmp_path)
    return tmp_path


@pytest.mark.parametrize("machine", ["the same", "another"])
def test_an_ingester_goes_on_with_what_an_earlier_version_left(machine: str, left: Path) -> None:
    """On another machine there is the snapshot alone; its tables are of a format that is not read any more."""
    ledger, inbox = LocalFolder(left / "ledger"), LocalFolder(left / "inbox")
    before = check_export(ledger, quiet)
    assert (before.entries, before.erased, before.head.hash) == (9, 1, HEAD)
    if machine == "another":
        shutil.rmtree(left / "data")
    for entry in recorded("l04_features"):
        inbox.write(*file_of(entry, NOON))
    for entry in recorded("l01_stage_customers"):  # these came before
        inbox.write(*file_of(entry, NOON))
    with ingester(inbox, ledger, left / "data", snapshots=LocalFolder(left / "snapshots")) as made:
        made.run(once=True)
        made.service.settle()
        assert (made.counts.new, made.counts.known, made.counts.parked) == (2, 2, 0)
        made.save()
        found = graph(made)
    after = check_export(ledger, quiet)
    assert (after.entries, after.erased) == (11, 1)
    assert found == replayed(ledger, left / "clean")
    with ingester(inbox, ledger, left / "new", snapshots=LocalFolder(left / "snapshots")) as again:
        again.service.settle()
        assert graph(again) == found


def test_a_graph_elsewhere_that_an_earlier_version_drew_is_drawn_anew_by_a_new_machine(
    tmp_path: Path, gremlin_server: Server
) -> None:
    """A task on Fargate has no tables at its start: what the graph is drawn as, it learns from the graph alone."""
    ledger, inbox = LocalFolder(tmp_path / "ledger"), LocalFolder(tmp_path / "inbox")
    for name, content in files(range(3)):
        inbox.write(name, content)
    url = gremlin_server.url("single", 2)
    with open_store(url) as store:
        store.clear()
    with ingester(inbox, ledger, tmp_path / "one", url) as made:
        made.run(once=True)
        expected = graph(made)
        drawn_before = read_mark(made.service.store)._replace(format="6")  # the version whose tables had the format 13
        made.service.store.apply(drawn_before.delta())
        (job, *_) = sorted(made.service.store.g.V().has_label("job").id_().to_list())
        made.service.store.apply(GraphDelta((vertex(job, "job", name="as it was called then"),)))
        assert elements(made.service.store) != expected
    with ingester(inbox, ledger, tmp_path / "two", url) as again:
        assert graph(again) == expected
        assert read_mark(again.service.store).format == FORMAT
