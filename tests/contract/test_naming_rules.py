"""The naming rules of a data folder: read from its file, used by everybody who maps names, changed by a rebuild."""

from __future__ import annotations

import csv
import io
import logging
from pathlib import Path

import pytest

from headwater.cli import run
from headwater.faults import Fault
from headwater.graphmodel.naming import DEFAULT, Rules
from headwater.graphstore.errors import InvalidRequest
from headwater.ingest.folder.exporting import export_neptune_csv
from headwater.ingest.folder.naming_file import NAMING, parse_rules, rules_beside
from headwater.ingest.folder.service import Service
from headwater.ingest.graph.mark import read_mark
from headwater.ingest.ledger.export import export_ledger
from headwater.ingest.ledger.ledger import open_reader
from headwater.ingest.places.file_storage import LocalFolder
from tests.contract.test_projector import recorded

MANY = ("l02_stage_orders", "l01_stage_customers")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folders: [run-*\n", "naming.yaml:2:1: no YAML"),
        ("folder: [a]\n", "naming.yaml:1:1: unknown key 'folder'; did you mean 'folders'?"),
        ("dates: 1\n", "naming.yaml:1:8: dates: 1 is not of type 'boolean'"),
        ("dates: true\nnames:\n  - '*_{date}'\n  - orders\n", "naming.yaml:4:5: naming rule 'names': 'orders' has no"),
        ("- a\n", r"naming.yaml:1:1: the file: \['a'\] is not of type 'object'"),
        ("names: ['*_{date}']\ndates: true\nnames: []\n", "naming.yaml:3:1: the key 'names' is there twice"),
        ("namespaces:\n  s3://a: s3://b\n  s3://a: s3://c\n", "naming.yaml:3:3: the key 's3://a' is there twice"),
        (f"dates: {'x' * 5_000}\n", r"naming.yaml:1:8: dates: '?x{95,100} \[\.\.\. \d,?\d* characters cut"),
    ],
)
def test_a_mistake_in_the_file_is_reported_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse_rules(text.encode(), "naming.yaml")


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n", "dates: true\n"])
def test_a_file_that_says_nothing_is_the_default(text: str) -> None:
    assert parse_rules(text.encode(), "naming.yaml") == DEFAULT


def names_of(folder: Path) -> set[str]:
    with Service.open(folder) as service:
        service.catch_up()
        return set(service.store.g.V().has_label("dataset").id_().to_list())


def test_a_change_of_rules_draws_the_graph_anew_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Service.open(tmp_path) as service:
        service.ledger.append(recorded(*MANY))
        service.catch_up()
    before = names_of(tmp_path)
    one = min(name for name in before if name.count("/") > len("///"))
    parent, _, last = one.rpartition("/")
    (tmp_path / NAMING).write_text(f"folders: ['{last}']\n", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        after = names_of(tmp_path)
    assert "naming rules were changed" in caplog.text
    assert one in before
    assert one not in after
    assert parent in after
    with Service.open(tmp_path) as service:
        mark = read_mark(service.store)
        assert Rules.from_text(mark.naming) == service.rules == Rules(folders=(last,))
        answer = service.ask("upstream", {"node": one, "depth": 0}).to_dict()
        assert answer["root"] == parent  # a name that is asked for folds as the ledger's do
    caplog.clear()
    (tmp_path / NAMING).unlink()
    assert names_of(tmp_path) == before
    assert "naming rules were changed" in caplog.text
    caplog.clear()
    assert names_of(tmp_path) == before  # unchanged rules change nothing
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_an_export_follows_the_rules(tmp_path: Path) -> None:
    with Service.open(tmp_path / "data") as service:
        service.ledger.append(recorded(*MANY))
        service.catch_up()
    one = min(name for name in names_of(tmp_path / "data") if name.count("/") > len("///"))
    rules = f"folders: ['{one.rpartition('/')[2]}']\n".encode()
    (tmp_path / "data" / NAMING).write_bytes(rules)
    names_of(tmp_path / "data")
    export_neptune_csv(tmp_path / "data", LocalFolder(tmp_path / "csv"), lambda _done, _of: None)
    with open_reader(tmp_path / "data") as ledger:
        export_ledger(ledger, LocalFolder(tmp_path / "ledger"), lambda _done, _of: None, beside={NAMING: rules})
    assert rules_beside(LocalFolder(tmp_path / "ledger")) == parse_rules(rules, NAMING)
    assert rules_beside(LocalFolder(tmp_path / "csv")) == DEFAULT


def test_rules_are_tried_and_nothing_is_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Service.open(tmp_path / "data") as service:
        service.ledger.append(recorded(*MANY))
        service.catch_up()
    before = names_of(tmp_path / "data")
    rules = tmp_path / "rules.yaml"
    rules.write_text("folders: ['*']\n", encoding="utf-8")
    assert run(["names", "try", str(rules), "--data", str(tmp_path / "data")]) == 0
    said = capsys.readouterr().out
    assert f"{len(before)} datasets now" in said
    assert "would become one dataset:" in said
    assert run(["names", "try", str(rules), "--csv", "--data", str(tmp_path / "data")]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["change"] for row in rows} == {"one"}
    assert {row["now"] for row in rows} <= set(before)
    assert all(int(row["datasets"]) > 1 and row["then"] for row in rows)
    assert names_of(tmp_path / "data") == before
    rules.write_text("folders: [1]\n", encoding="utf-8")
    assert run(["names", "try", str(rules), "--data", str(tmp_path / "data")]) == Fault.INVALID.exit_code
    assert "rules.yaml:1:11: folders.0: 1 is not of type 'string'" in capsys.readouterr().err


def test_datasets_that_are_split_are_listed_too() -> None:
    from headwater.naming_trial import compare

    names = [
        "s3://b/a/dt=1",
        "s3://b/a/dt=2",
        "s3://b/c",
        "s3://b/o_20260301",
        "s3://b/o_20260302",
        "s3://b/p_20260301",
    ]
    trial = compare(names, DEFAULT, Rules(partitions=False, names=("*_{date}",)))
    assert trial.to_dict() == {
        "datasets": {"now": 5, "then": 5},
        "together": [{"dataset": "s3://b/o", "count": 2, "examples": ["s3://b/o_20260301", "s3://b/o_20260302"]}],
        "apart": [{"dataset": "s3://b/a", "count": 2, "examples": ["s3://b/a/dt=1", "s3://b/a/dt=2"]}],
        "renamed": [{"now": "s3://b/p_20260301", "then": "s3://b/p"}],
    }


def test_statements_follow_a_dataset_to_its_new_name(tmp_path: Path) -> None:
    with Service.open(tmp_path) as service:
        service.ledger.append(recorded(*MANY))
        service.catch_up()
    one = min(name for name in names_of(tmp_path) if name.count("/") > len("///"))
    parent, _, last = one.rpartition("/")
    assert run(["tag", one, "pii", "--data", str(tmp_path)]) == 0
    (tmp_path / NAMING).write_text(f"folders: ['{last}']\n", encoding="utf-8")
    with Service.open(tmp_path) as service:
        service.catch_up()
        tagged = service.ask("tagged", {"tag": "pii"}).to_dict()
    assert [parent in row.values() for row in tagged["rows"]] == [True]
