"""A data folder's graph as files for Neptune's loader: read back, they are the graph of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.graphmodel.statements.json_text import CONTENT_TYPE, KIND, text
from headwater.graphmodel.statements.model import Statement
from headwater.graphmodel.whole import Graph
from headwater.ingest.fold.scan import NotReady
from headwater.ingest.folder.exporting import Exported, export_neptune_csv
from headwater.ingest.folder.loader_files import SPLIT
from headwater.ingest.folder.service import Service
from headwater.ingest.graph.mark import FORMAT
from headwater.ingest.ledger.ledger import NewEntry
from headwater.ingest.places.file_storage import LocalFolder, NotEmpty
from tests.contract.loader_csv import load, rows
from tests.contract.test_projector import recorded, stored
from tests.golden.recorded import cases

Opened = Callable[..., Service]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens a data folder with these recorded jobs in its graph."""
    services = []

    def make(*jobs: str) -> Service:
        service = Service.open(tmp_path / "data")
        services.append(service)
        service.ledger.append(recorded(*jobs))
        service.catch_up()
        return service

    yield make
    for service in services:
        service.close()


def export(service: Service, target: Path, split: int = SPLIT) -> Exported:
    return export_neptune_csv(service.folder, LocalFolder(target), lambda _done, _of: None, split=split)


def test_the_files_of_all_recorded_jobs_are_the_graph(opened: Opened, tmp_path: Path) -> None:
    service = opened(*cases())
    done = export(service, tmp_path / "out")
    assert (done.ledger, done.applied) == (service.ledger.id, service.ledger.head().sequence)
    (last,) = load(tmp_path / "out" / "ledger").vertices.values()
    head = service.ledger.head().hash
    said = {"applied": done.applied, "appliedHash": head, "ledgerId": done.ledger, "format": FORMAT}
    assert last.properties == said
    found, expected = load(tmp_path / "out" / "graph"), stored(service.store)
    assert found.vertices == expected.vertices
    assert found.edges == expected.edges
    assert len(found.edges) > 10_000
    assert done.written.vertices.total() + done.written.edges.total() == len(rows(tmp_path / "out"))
    assert done.written.files == sum(1 for path in (tmp_path / "out").rglob("*") if path.is_file())


def test_statements_are_exported(opened: Opened, tmp_path: Path) -> None:
    service = opened("l01_stage_customers")
    about = "file:///data/lake/pipe/staging/customers"
    said = [
        Statement("tag", "file:///*#c*", "pii", 1, "ann", "register"),
        Statement("tag", f"{about}#country", "pii", 2, withdrawn=True),
        Statement("description", about, "one row a customer", 1),
        Statement("description", f"{about}#country", "", 1, withdrawn=True),
    ]
    service.ledger.append([NewEntry(KIND, CONTENT_TYPE, text(one)) for one in said])
    service.catch_up()
    export(service, tmp_path / "out")
    found = load(tmp_path / "out" / "graph")
    assert found.vertices == stored(service.store).vertices
    assert found.edges == stored(service.store).edges
    assert found.vertices[about].properties["description"] == "one row a customer"
    assert {e.label for e in found.edges.values()} > {"taggedWith"}


def test_splitting_changes_the_files_and_not_the_graph(opened: Opened, tmp_path: Path) -> None:
    service = opened("l01_stage_customers", "l02_stage_orders")
    whole, parts = export(service, tmp_path / "whole"), export(service, tmp_path / "parts", split=2_000)
    assert parts.written.files > whole.written.files
    assert load(tmp_path / "parts") == load(tmp_path / "whole")


def test_the_same_ledger_gives_the_same_bytes(opened: Opened, tmp_path: Path) -> None:
    service = opened("l01_stage_customers")
    for name in ("one", "two"):
        export(service, tmp_path / name)
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_empty_ledger_has_an_empty_graph(opened: Opened, tmp_path: Path) -> None:
    service = opened()
    done = export(service, tmp_path / "out")
    assert (done.applied, done.written.to_dict()["vertices"]) == (0, {"ledger": 1})
    assert load(tmp_path / "out" / "graph") == Graph()


def test_a_folder_with_something_in_it_is_refused(opened: Opened, tmp_path: Path) -> None:
    service = opened()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").touch()
    with pytest.raises(NotEmpty, match=r"notes\.txt lies there"):
        export(service, tmp_path / "out")


def test_while_an_erased_entry_is_still_in_the_graph_nothing_is_exported(opened: Opened, tmp_path: Path) -> None:
    service = opened("l01_stage_customers")
    service.ledger.erase(1, "asked for")
    service.projector.step()
    with pytest.raises(NotReady, match="drawn anew"):
        export(service, tmp_path / "out")
    service.catch_up()
    export(service, tmp_path / "out")
    assert load(tmp_path / "out" / "graph") == stored(service.store)


def test_a_graph_that_lags_behind_an_erasure_is_not_exported(opened: Opened, tmp_path: Path) -> None:
    service = opened("l01_stage_customers")
    service.ledger.erase(1, "asked for")
    with pytest.raises(NotReady, match="entry 1 was erased meanwhile"):
        export(service, tmp_path / "out")
    assert not (tmp_path / "out" / "ledger").exists()
