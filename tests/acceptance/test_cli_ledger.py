"""`headwater ledger export` and `headwater ledger check`, in a folder and in S3."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.door import PIPELINE, headwater
from tests.acceptance.fake_s3 import FakeS3, running


def test_a_ledger_goes_to_s3_and_is_checked_there(tmp_path: Path) -> None:
    assert headwater("load", "--data", tmp_path / "data", PIPELINE[0]).returncode == 0
    head = json.loads(headwater("verify", "--data", tmp_path / "data", "--json").stdout)
    with running(FakeS3()) as s3:
        done = headwater("ledger", "export", "s3://lake/ledger", "--data", tmp_path / "data", **s3.environment())
        good = headwater("ledger", "check", "s3://lake/ledger", **s3.environment())
        missing = s3.objects.pop("ledger/segments/000000000001.ndjson.gz")
        gone = headwater("ledger", "check", "s3://lake/ledger", **s3.environment())
        s3.objects["ledger/segments/000000000001.ndjson.gz"] = missing
    assert (done.returncode, done.stderr) == (0, "")
    assert good.stdout == f"ok: {head['entries']} entries; head {head['entries']} {head['head']}\n"
    assert (gone.returncode, gone.stderr) == (1, "segment segments/000000000001.ndjson.gz is missing\n")
    here = s3.save(tmp_path / "here")
    (segment,) = here.rglob("*.ndjson.gz")
    segment.write_bytes(segment.read_bytes()[:-20])
    bad = headwater("ledger", "check", here / "ledger", "--json")
    assert (bad.returncode, json.loads(bad.stdout)["ok"]) == (1, False)
    assert segment.name in json.loads(bad.stdout)["problem"]


def test_a_place_without_an_export(tmp_path: Path) -> None:
    done = headwater("ledger", "check", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "there is no manifest.json" in done.stderr
