"""The audit with all its parts in one graph: Spark, OpenLineage, the catalogue with its permissions, SageMaker."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.cli import run
from tests.sagemaker import story
from tests.sagemaker.story import ANN, BOB, CUSTOMERS, REGION, TRAINING_SET


@pytest.fixture
def aws() -> Iterator[str]:
    """The URL of an account with a catalogue, on loopback."""
    with story.catalogue() as url:
        yield url


def test_an_auditor_finds_all_in_one_graph_and_can_prove_it(
    aws: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = story.told(tmp_path / "story", tmp_path / "data")
    story.load(data, story.openlineage_of_the_jobs(tmp_path / "openlineage"))

    def asked(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert run([*arguments, "--data", str(data), "--json"]) == code
        return json.loads(capsys.readouterr().out)

    asked("glue-catalog", "sync", "--lake-formation", "--region", REGION, "--endpoint-url", aws)
    asked("tag", "shop.training_set", "owner=ml-team")
    # which training job, on which data, from which source columns, and what they are
    audit = asked("audit", "endpoint/churn-prod", code=1)
    assert [step["kind"] for step in audit["steps"]] == ["endpoint", "model", "model-package", "training-job"]
    label = next(row for row in audit["columns"] if row["id"] == f"{TRAINING_SET}#label")
    assert label["sources"] == [f"{CUSTOMERS}#status"]
    assert label["tags"]["class=pii"] == [f"{CUSTOMERS}#status"]
    # who can read it, and who should not
    readers = asked("query", "who-can-read", "node=shop.training_set#label")["rows"]
    assert {row["principal"] for row in readers} == {ANN, BOB}
    wider = [row for row in asked("query", "wider-access")["rows"] if row["column"] == f"{TRAINING_SET}#customer_id"]
    assert [(row["principals"], row["source"]) for row in wider] == [([BOB], f"{CUSTOMERS}#customer_id")]
    # all of it in one file, for somebody who trusts nobody
    file = tmp_path / "audit.zip"
    assert run(["evidence", "endpoint/churn-prod", "--data", str(data), "-o", str(file)]) == 0
    with zipfile.ZipFile(file) as found:
        answer = json.loads(found.read("answer.json"))
        kinds = {json.loads(line)["kind"] for line in found.read("entries.ndjson").splitlines()}
        (tmp_path / "check.py").write_bytes(found.read("check.py"))
    assert {one["source"] for one in answer["snapshots"]} == {"glue", "lakeformation", "sagemaker"}
    assert kinds == {"spline.plan", "spline.events", "openlineage.event", "headwater.statement"}
    command = [sys.executable, "-I", "-S", str(tmp_path / "check.py"), str(file)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
