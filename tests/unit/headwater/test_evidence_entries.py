"""Which entries an answer rests on, where the folder's own rules name its datasets; and what is left where it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.errors import WrongUse
from headwater.evidence import check
from headwater.evidence.collecting import entries_of, named_in
from headwater.evidence.writing import _manifest, _write_proof, _zip
from headwater.graphmodel.naming import Rules
from headwater.graphmodel.statements.json_text import KIND, text
from headwater.graphmodel.statements.json_text import snapshot as snapshot_of
from headwater.graphmodel.statements.model import Statement
from headwater.ingest.ledger.entries import NewEntry
from headwater.ingest.ledger.ledger import open_ledger


def test_what_was_stated_under_another_name_is_among_them(tmp_path: Path) -> None:
    rules = Rules.from_mapping({"namespaces": {"s3://old": "s3://new"}})
    stated = [Statement("tag", f"s3://{bucket}/a", "pii", 1) for bucket in ("old", "other")]
    with open_ledger(tmp_path) as ledger:
        ledger.append([NewEntry(KIND, "application/json", text(one)) for one in stated])
        assert entries_of(named_in({"root": "s3://new/a"}), ledger, lambda _plan: None, rules).entries == [1]


def test_it_says_when_each_catalogue_was_read(tmp_path: Path) -> None:
    def snapshot(scope: str, at: int, *subjects: str) -> NewEntry:
        statements = [{"kind": "tag", "subject": subject, "value": "pii"} for subject in subjects]
        given = {"source": "glue", "scope": scope, "at": at, "statements": statements}
        return NewEntry(KIND, "application/json", text(snapshot_of(given)))

    node = "s3://lake/a"
    listed = [snapshot("sales", 7, node), snapshot("sales", 9, node), snapshot("other", 8, "s3://lake/b")]
    said = NewEntry(KIND, "application/json", text(Statement("tag", node, "gold", 11)))
    with open_ledger(tmp_path) as ledger:
        ledger.append([*listed, said])
        found = entries_of(named_in({"root": node}), ledger, lambda _plan: None)
    assert (found.entries, found.snapshots) == ([1, 2, 4], {("glue", "sales"): (9, 2)})


def test_what_cannot_be_put_in_its_place_leaves_no_file_behind(tmp_path: Path) -> None:
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    for folder in (out, scratch):
        folder.mkdir()
    for name in ("chain.ndjson", "entries.ndjson"):
        (scratch / name).touch()
    with pytest.raises(WrongUse, match="cannot be written"):
        _zip(out, {}, scratch)
    assert {path.name for path in tmp_path.iterdir()} == {"out", "scratch"}


def test_an_entry_whose_payload_was_erased_is_named_and_proven_without_it(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.append([NewEntry(KIND, "text/plain", f"payload {number}".encode()) for number in (1, 2)])
        ledger.erase(1, "asked for")
        proof = _write_proof(ledger, [1, 2], tmp_path, lambda _done, _total: None)
        contents = {"answer.json": json.dumps({"entries": proof.rests}).encode()}
        manifest = _manifest(contents, tmp_path, proof, ledger.id)
    assert [one["erased"] for one in proof.rests] == [True, False]
    out = tmp_path / "evidence.zip"
    _zip(out, {"manifest.json": manifest, **contents}, tmp_path)
    command = [sys.executable, "-I", "-S", check.__file__, str(out)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (checked.returncode, "2 entries, 1 of them erased" in checked.stdout) == (0, True), checked.stderr
