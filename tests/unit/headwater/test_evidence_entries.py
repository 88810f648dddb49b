"""Which entries an answer rests on, where the folder's own rules name its datasets; and what is left where it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.errors import WrongUse
from headwater.evidence.collecting import entries_of, named_in
from headwater.evidence.writing import _Proof, _zip
from headwater.graphmodel.naming import Rules
from headwater.graphmodel.statements.json_text import KIND, text
from headwater.graphmodel.statements.model import Statement
from headwater.ingest.ledger.entries import Head, NewEntry
from headwater.ingest.ledger.ledger import open_ledger


def test_what_was_stated_under_another_name_is_among_them(tmp_path: Path) -> None:
    rules = Rules.from_mapping({"namespaces": {"s3://old": "s3://new"}})
    stated = [Statement("tag", f"s3://{bucket}/a", "pii", 1) for bucket in ("old", "other")]
    with open_ledger(tmp_path) as ledger:
        ledger.append([NewEntry(KIND, "application/json", text(one)) for one in stated])
        assert entries_of(named_in({"root": "s3://new/a"}), ledger, lambda _plan: None, rules) == [1]


def test_what_cannot_be_put_in_its_place_leaves_no_file_behind(tmp_path: Path) -> None:
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    for folder in (out, scratch):
        folder.mkdir()
    for name in ("chain.ndjson", "entries.ndjson"):
        (scratch / name).touch()
    with pytest.raises(WrongUse, match="cannot be written"):
        _zip(out, {}, scratch, _Proof(1, "", Head(0, ""), {}), "ledger")
    assert {path.name for path in tmp_path.iterdir()} == {"out", "scratch"}
