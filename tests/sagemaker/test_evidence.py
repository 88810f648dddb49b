"""The audit of a model as a file for others: checked without Headwater, after an alteration, and after an erasure."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from headwater.cli import run
from tests.acceptance.test_evidence import rewritten
from tests.sagemaker import account as world
from tests.sagemaker import story


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scratch = tmp_path_factory.mktemp("story")
    return story.told(scratch, scratch / "data")


@pytest.fixture
def data(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "data"))


def evidence(data: Path, out: Path, *more: str) -> int:
    return run(["evidence", "endpoint/churn-prod", "--data", str(data), "-o", str(out), *more])


def check(file: Path) -> subprocess.CompletedProcess[str]:
    """As a third party: the program out of the file, without this project and without site packages."""
    program = file.with_name("check.py")
    with zipfile.ZipFile(file) as found:
        program.write_bytes(found.read("check.py"))
    command = [sys.executable, "-I", "-S", str(program), str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def entries(file: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(file) as found:
        return [json.loads(line) for line in found.read("entries.ndjson").splitlines()]


def anchored(data: Path, tmp_path: Path) -> str:
    anchor = str(tmp_path / "anchor.json")
    assert run(["verify", "--data", str(data), "--anchor", anchor]) == 0
    return anchor


def test_an_audit_is_proven_by_the_events_of_sagemaker_and_the_plans_of_spark(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "audit.zip"
    assert evidence(data, out, "--anchor", anchored(data, tmp_path)) == 0
    checked = check(out)
    assert (checked.returncode, "anchor.json: entry" in checked.stdout) == (0, True)
    with zipfile.ZipFile(out) as found:
        answer = json.loads(found.read("answer.json"))
        report = found.read("audit.html").decode()
    assert (answer["query"], answer["answer"]["root"]) == ("audit", world.ENDPOINT)
    assert "<h2>Findings</h2>" in report
    bodies = [json.loads(entry["body"]) for entry in entries(out)]
    told = {one["run"]["facets"].get("headwater_sagemaker", {}).get("arn") for one in bodies if "run" in one}
    assert {world.ENDPOINT, world.MODEL, world.PACKAGE, world.TRAINING_ARN} <= told
    assert f"{world.ROOT}:transform-job/churn-batch-2026-11-24-09-00-00-001" not in told  # it is downstream
    starts = [one for one in bodies if isinstance(one, dict) and one.get("eventType") == "START"]
    assert len(starts) == 4  # of the endpoint, the model, the package and the training
    assert json.dumps(bodies).count("pipeline.training_set") > 0


def test_one_altered_byte_of_the_ledger_is_found(data: Path, tmp_path: Path) -> None:
    out, altered = tmp_path / "audit.zip", tmp_path / "altered.zip"
    assert evidence(data, out) == 0
    with closing(sqlite3.connect(data / "ledger.sqlite")) as ledger, ledger:
        for (trigger,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            ledger.execute(f"DROP TRIGGER {trigger}")
        ledger.execute("UPDATE entries SET received_ms = received_ms + 1 WHERE sequence = 3")
    assert evidence(data, altered) == 2  # such a ledger gives no evidence any more
    assert not altered.exists()


def test_one_altered_byte_of_the_file_is_found(data: Path, tmp_path: Path) -> None:
    """Also where the list of the files' hashes was made to fit."""

    def alter(parts: dict[str, bytes]) -> None:
        assert b"max_depth" in parts["entries.ndjson"]
        parts["entries.ndjson"] = parts["entries.ndjson"].replace(b"max_depth", b"max_deptH", 1)

    out = tmp_path / "audit.zip"
    assert evidence(data, out) == 0
    checked = check(rewritten(out, alter, tmp_path / "altered.zip"))
    assert (checked.returncode, checked.stderr.startswith("WRONG")) == (1, True)


def test_evidence_holds_after_an_erasure_and_the_answer_says_what_is_missing(data: Path, tmp_path: Path) -> None:
    before, after, anchor = tmp_path / "before.zip", tmp_path / "after.zip", anchored(data, tmp_path)
    assert evidence(data, before, "--anchor", anchor) == 0
    erased = next(entry["sequence"] for entry in entries(before) if "pipeline.stage_orders" in entry["body"])
    assert run(["erase", str(erased), "--reason", "asked for", "--data", str(data)]) == 0
    assert check(before).returncode == 0
    assert run(["verify", "--data", str(data), "--anchor", anchor]) == 0
    assert evidence(data, after, "--anchor", anchor) == 0
    assert check(after).returncode == 0
    with zipfile.ZipFile(after) as found:
        answer = json.loads(found.read("answer.json"))["answer"]
    assert (answer["complete"], answer["reason"]) == (False, f"entry {erased} erased")


def test_an_audit_goes_all_the_way_back(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evidence(data, tmp_path / "x.zip", "--depth", "2") == 2
    assert "an audit goes all the way back" in capsys.readouterr().err
