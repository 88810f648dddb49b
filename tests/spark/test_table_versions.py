"""Real Spark with Delta, Iceberg and Hudi: the agent tells the versions of tables that were read and written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.door import environment
from tests.spark import openlineage_jar
from tests.spark.session import SETTINGS, needs_spark

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1_800)]

ARTIFACTS = (
    "io.delta:delta-spark_2.12:3.3.2",
    "io.delta:delta-storage:3.3.2",
    "org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.6.1",
)
SCRIPT = Path(__file__).with_name("table_versions_job.py")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the event of each write of the job says of versions, by the name that the job gives the step."""
    needs_spark()
    try:
        jars = ",".join(str(openlineage_jar.fetched(artifact)) for artifact in ARTIFACTS)
    except openlineage_jar.Missing as reason:
        pytest.skip(str(reason))
    folder = tmp_path_factory.mktemp("lake")
    settings = {**SETTINGS, "spark.driver.memory": "700m", "spark.jars": jars}
    command = [sys.executable, str(SCRIPT), str(folder), json.dumps(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), timeout=1_500)
    assert done.returncode == 0, done.stderr[-3_000:]
    return dict(json.loads((folder / "told.json").read_text()))


def test_delta_tells_its_versions(told: dict[str, dict[str, Any]]) -> None:
    assert told["delta create"]["writtenVersion"] == {"format": "delta", "version": "0"}
    assert told["delta append"]["writtenVersion"] == {"format": "delta", "version": "1"}
    (now,) = told["delta read"]["readVersions"]
    (then,) = told["delta read of version 0"]["readVersions"]
    assert (now["version"], then["version"], now["dataset"] == then["dataset"]) == ("1", "0", True)


def test_iceberg_tells_its_snapshots(told: dict[str, dict[str, Any]]) -> None:
    first, second = told["snapshots"]["ids"]
    assert told["iceberg insert"]["writtenVersion"] == {"format": "iceberg", "version": second}
    assert [one["version"] for one in told["iceberg read"]["readVersions"]] == [second]
    assert [one["version"] for one in told["iceberg read of the first snapshot"]["readVersions"]] == [first]


@pytest.fixture(scope="module")
def hudi(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Of each step of the job what its event says was written and read, and the instants of its table after it."""
    needs_spark()
    try:
        jar = openlineage_jar.fetched("org.apache.hudi:hudi-spark3.5-bundle_2.12:0.15.0")
    except openlineage_jar.Missing as reason:
        pytest.skip(str(reason))
    folder = tmp_path_factory.mktemp("hudi")
    settings = {**SETTINGS, "spark.driver.memory": "900m", "spark.jars": str(jar)}
    command = [sys.executable, str(SCRIPT.with_name("hudi_versions_job.py")), str(folder), json.dumps(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), timeout=1_500)
    assert done.returncode == 0, done.stderr[-3_000:]
    return dict(json.loads((folder / "told.json").read_text()))


@pytest.mark.parametrize(
    "step",
    [
        *("save", "save again", "cow first insert", "cow insert", "cow update", "mor first insert", "mor insert"),
        *("mor update", "made", "merge", "delete", "overwrite"),
    ],
)
def test_hudi_tells_the_instants_that_were_written(hudi: dict[str, dict[str, Any]], step: str) -> None:
    assert hudi[step]["written"] == {"format": "hudi", "version": hudi[step]["instants"][-1]}


@pytest.mark.parametrize(
    ("step", "number"),  # the newest instant is number -1, of a table that the step writes the one before is -2
    [
        *(("cow update", -2), ("mor update", -2), ("merge", -2), ("delete", -2)),
        *(("cow read", -1), ("cow read as of the first", 0), ("cow read of what was there before", 0)),
        *(("mor read", -1), ("mor read as of the first", 0), ("mor read of what was there before", 0)),
    ],
)
def test_hudi_tells_the_instants_that_were_read(hudi: dict[str, dict[str, Any]], step: str, number: int) -> None:
    table = "cow" if step in {"merge", "delete"} else step[:3]
    read = {one["dataset"].rpartition("/")[2]: one["version"] for one in hudi[step]["read"]}
    assert read.pop(table) == hudi[step]["instants"][number]
    assert read == ({"made": hudi["made"]["instants"][0]} if step == "merge" else {})
