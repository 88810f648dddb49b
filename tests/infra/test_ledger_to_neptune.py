"""The Glue job on a real local Spark: its rows are those of the export on one machine."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.ingest.folder.exporting import export_neptune_csv
from headwater.ingest.folder.service import Service
from headwater.ingest.ledger.body_keys import KeysMissing
from headwater.ingest.ledger.export import export_ledger
from headwater.ingest.ledger.ledger import LedgerDamaged, NewEntry, open_ledger
from headwater.ingest.ledger.segment_ledger import SegmentLedger
from headwater.ingest.ledger.segments import read_manifest
from headwater.ingest.places.file_storage import LocalFolder
from tests.acceptance.door import headwater
from tests.contract.loader_csv import load, rows
from tests.contract.test_projector import recorded
from tests.golden import openlineage
from tests.golden.recorded import cases

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "infra" / "glue" / "ledger_to_neptune.py"
SPARK = "--master local[2] --driver-memory 512m --conf spark.ui.enabled=false pyspark-shell"


def quiet(_done: int, _of: int) -> None:
    pass


def job(source: Path, target: Path, *more: str) -> subprocess.CompletedProcess[str]:
    variables = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": SPARK,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    arguments = ("--source", source, "--target", target, "--partitions", 2, "--JOB_NAME", "x", *more)
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=800, env=variables)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ledger of all recorded jobs, by two agents, in segments, and the export of its graph."""
    folder = tmp_path_factory.mktemp("moving")
    with Service.open(folder / "data") as service:
        service.ledger.append(recorded(*cases()))
        service.ledger.append(openlineage.entries())
        service.catch_up()
        export_neptune_csv(service.folder, LocalFolder(folder / "export"), quiet)
        manifest = export_ledger(service.ledger, LocalFolder(folder / "ledger"), quiet, split=2 * 2**20)
    assert len(manifest.segments) > 1
    return folder


@pytest.mark.spark
@pytest.mark.skipif(shutil.which("java") is None, reason="there is no Java")
@pytest.mark.timeout(1_800)
def test_the_rows_are_those_of_the_export(exported: Path) -> None:
    pytest.importorskip("pyspark")
    done = job(exported / "ledger", exported / "job")
    assert done.returncode == 0, done.stderr
    said, found = json.loads(done.stdout), rows(exported / "job")
    assert sorted(found) == sorted(rows(exported / "export"))
    assert len(found) == sum(said["vertices"].values()) + sum(said["edges"].values())
    assert (said["refused"], load(exported / "job").vertices["ledger"].properties["applied"]) == ([], said["applied"])


@pytest.mark.spark
@pytest.mark.skipif(shutil.which("java") is None, reason="there is no Java")
@pytest.mark.timeout(1_800)
def test_an_encrypted_ledger_gives_the_same_rows_where_its_keys_are_named(tmp_path: Path) -> None:
    """Its bodies are decrypted in Spark's own processes; without the keys, one sentence asks for them."""
    pytest.importorskip("pyspark")
    where, keys = LocalFolder(tmp_path / "ledger"), LocalFolder(tmp_path / "keys")
    with SegmentLedger.open(where, tmp_path / "work", lambda: 7, keys) as ledger:
        for case in cases()[:4]:
            ledger.append(recorded(case))
        ledger.append(openlineage.entries())
    left = tmp_path / "data"
    left.mkdir()
    backup = headwater("backup", left / "ledger.sqlite", "--ledger", tmp_path / "ledger", "--keys", tmp_path / "keys")
    assert backup.returncode == 0, backup.stderr
    with Service.open(left) as service:
        service.catch_up()
        export_neptune_csv(service.folder, LocalFolder(tmp_path / "export"), quiet)
    assert b'"encrypted"' in gzip.decompress(where.read(read_manifest(where).segments[0].name))
    asked = job(tmp_path / "ledger", tmp_path / "none")
    assert (asked.returncode, "name the place of their keys with --keys" in asked.stderr) == (1, True)
    done = job(tmp_path / "ledger", tmp_path / "job", "--keys", str(tmp_path / "keys"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["refused"] == []
    assert sorted(rows(tmp_path / "job")) == sorted(rows(tmp_path / "export"))


def test_a_damaged_segment_is_named_and_stops_the_job(exported: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    from ledger_to_neptune import decoded, refused

    shutil.copytree(exported / "ledger", tmp_path / "damaged")
    segment = read_manifest(LocalFolder(tmp_path / "damaged")).segments[1]
    path = tmp_path / "damaged" / segment.name
    path.write_bytes(path.read_bytes()[:-20])
    told = list(decoded(str(tmp_path / "damaged"), segment))
    with pytest.raises(LedgerDamaged, match=f"segment {segment.name} is damaged after entry"):
        refused(told)


def test_encrypted_bodies_are_read_with_their_keys_and_asked_for_without(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    from ledger_to_neptune import decoded, refused

    where, keys = tmp_path / "ledger", tmp_path / "keys"
    with SegmentLedger.open(LocalFolder(where), tmp_path / "work", lambda: 7, LocalFolder(keys)) as ledger:
        ledger.append([NewEntry("spline.plan", "application/json", b"{}"), NewEntry("other", "x", b"1")])
        ledger.erase(2, "asked for")
    segments = read_manifest(LocalFolder(where)).segments
    named = [each for s in segments for each in decoded(str(where), s, keys=(str(keys), ledger.id))]
    assert refused(named) == [1]
    with pytest.raises(KeysMissing, match="name the place of their keys with --keys"):
        refused([each for s in segments for each in decoded(str(where), s)])


def test_what_cannot_be_decoded_is_counted_and_what_was_erased_is_not_missed(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    from ledger_to_neptune import decoded, refused

    with open_ledger(tmp_path / "data", clock=lambda: 7) as ledger:
        ledger.append([NewEntry("spline.plan", "application/json", b"{}"), NewEntry("other", "x", b"1")])
        ledger.erase(2, "asked for")
        (segment,) = export_ledger(ledger, LocalFolder(tmp_path / "ledger"), quiet).segments
    told = list(decoded(str(tmp_path / "ledger"), segment))
    assert refused(told) == [1]
    with pytest.raises(LedgerDamaged, match="entry 2 is missing, and was never erased"):
        refused([tagged for tagged in told if tagged[0] != "erased"])
