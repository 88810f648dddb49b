"""A data folder that an earlier version left behind opens without loss, and goes on."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from headwater.ingest.folder.service import Service
from headwater.ingest.ledger.ledger import ERASURE, Appended, NewEntry
from headwater.ingest.ledger.verify import verify
from headwater.queries.answers.answer import Table
from tests.contract.test_projector import recorded

#: Each holds `data.tar.gz`, a data folder; its README.md says what was put in.
FOLDERS = Path(__file__).parents[1] / "folders"

HEAD = "de42c4f1ad0bc0b414973f8fdb14ccc87fa82d9ae1ffdd1ab711a40c091e0b0e"
MART = "file:///data/lake/pipe/mart/customer_orders"
FEATURES = "file:///data/lake/pipe/ml/features.parquet"
SOURCES = {
    "file:///data/lake/pipe/staging/customers",
    "file:///data/lake/pipe/staging/orders",
    "file:///data/lake/raw/crm/customers.csv",
    "file:///data/lake/raw/fx/rates.csv",
    "file:///data/lake/raw/shop/orders.csv",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    with tarfile.open(FOLDERS / "v0.1.0-before-rooms" / "data.tar.gz") as packed:
        for member in packed.getmembers():
            assert not member.name.startswith("/")
            packed.extract(member, folder)
    return folder


def upstream(service: Service, node: str) -> set[str]:
    """The datasets that a dataset is made of."""
    answer = service.ask("upstream", {"node": node})
    return {found.id for found in answer.nodes} - {node}  # type: ignore[union-attr]


def test_an_older_folder_opens_without_loss_and_goes_on(data: Path) -> None:
    report = verify(data)
    assert (report.ok, report.entries, report.erased, report.head.hash) == (True, 10, 1, HEAD)
    with Service.open(data) as service:
        service.catch_up()  # its tables have an older format, so the graph is drawn anew
        assert service.projector.lag() == 0
        assert not service.projector.needs_rebuild
        assert upstream(service, MART) == SOURCES
        tagged = service.ask("tagged", {"tag": "pii"})
        assert isinstance(tagged, Table)
        assert [(row["id"], row["tag"], row["reason"]) for row in tagged.rows] == [
            ("file:///data/lake/pipe/staging/customers#email", "pii", "personal data")
        ]
        assert [entry.sequence for entry in service.ledger.of_kind(ERASURE)] == [10]
        first = service.ledger.entry(1)
        assert first is not None
        assert first.body == recorded("l01_stage_customers")[0].body
        again = NewEntry(first.kind, first.content_type, first.body or b"")
        assert service.ledger.append([again]) == [Appended(1, duplicate=True)]
        added = service.ledger.append(recorded("l04_features"))
        assert added == [Appended(11, duplicate=False), Appended(12, duplicate=False)]
        service.catch_up()
        assert upstream(service, FEATURES) == {MART, *SOURCES}
    assert verify(data).entries == 12


def test_the_graph_of_an_older_folder_can_be_rebuilt(data: Path) -> None:
    with Service.open(data) as service:
        service.catch_up()
        before = service.stats()
        service.projector.rebuild()
        service.catch_up()
        assert service.stats() == before
