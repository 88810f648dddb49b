"""OpenLineage's own Spark agent, over HTTP: alone, and beside Headwater's agent in the same application."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.door import Server, serving
from tests.spark import openlineage_jar
from tests.spark.session import SETTINGS, needs_spark
from tests.spark.test_scripts import PATIENT, SCRIPT, arguments, sources, submit

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1_800)]


@pytest.fixture(scope="module")
def jar() -> str:
    needs_spark()
    try:
        return str(openlineage_jar.jar())
    except openlineage_jar.Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture
def server(jar: str, tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "data") as running:
        yield running


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.replace("sys.exit(3)", "spark.stop()"))
    return path


def settings(server: Server, jar: str) -> dict[str, str]:
    """Those of docs/openlineage.md."""
    return {
        "spark.jars": jar,
        "spark.extraListeners": "io.openlineage.spark.agent.OpenLineageSparkListener",
        "spark.openlineage.transport.type": "http",
        "spark.openlineage.transport.url": server.url,
        "spark.openlineage.transport.compression": "gzip",
    }


def rows(server: Server, question: str, **parameters: str) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    _, answer = server.get(f"/api/v1/queries/{question}?{query}")
    found: list[dict[str, Any]] = answer["rows"]
    return found


def test_the_agent_needs_one_address(server: Server, jar: str, script: Path, tmp_path: Path) -> None:
    ran = submit(script, tmp_path, **settings(server, jar))
    assert ran.returncode == 0, ran.stderr
    assert sources(server, tmp_path) == [f"file://{tmp_path}/raw#next"]
    assert [job["id"] for job in rows(server, "jobs")] == ["job:spark/nightly"]
    (version,) = rows(server, "dataset-versions", dataset=f"file://{tmp_path}/out")
    assert (version["rowCount"], version["effect"]) == (3, "overwrite")
    (column,) = rows(server, "columns", dataset=f"file://{tmp_path}/out")
    assert column["type"] == "long"


def test_what_two_agents_report_is_one_write(server: Server, jar: str, script: Path, tmp_path: Path) -> None:
    pairs = {**SETTINGS, "spark.master": "local[1]", **settings(server, jar)}
    given = ";".join(f"{name}={value}" for name, value in pairs.items())
    command = [sys.executable, "-m", "headwater.spark", "--to", server.url, str(script), *arguments(tmp_path, given)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=PATIENT)
    assert ran.returncode == 0, ran.stderr
    assert sources(server, tmp_path) == [f"file://{tmp_path}/raw#next"]
    assert [job["id"] for job in rows(server, "jobs")] == ["job:spark/nightly"]
    _, answer = server.get(f"/api/v1/lineage?node=file://{tmp_path}/out%23twice")
    assert [edge["expression"] for edge in answer["edges"]] == ["next * 2"]
    versions = rows(server, "dataset-versions", dataset=f"file://{tmp_path}/out")
    assert [version["rowCount"] for version in versions] == [3, 3]
    runs = rows(server, "runs", job="job:spark/nightly")
    reports = [row for run in runs for row in rows(server, "run", run=run["id"]) if row["relation"] == "sameWriteAs"]
    assert len(runs) == len(reports) == 4
