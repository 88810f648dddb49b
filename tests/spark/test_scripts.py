"""Scripts that know nothing of Headwater, started by its module, by the bundle, or with the Scala agent's jar."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.bundle import write
from headwater.spline_bridge.glue.attach import ADD_OPENS, LISTENER, LISTENERS
from tests.acceptance.door import Server, environment, serving
from tests.spark.session import JAVA_OPTIONS, SETTINGS, needs_spark

#: A JVM starts, on a machine that may have more to do.
pytestmark = [pytest.mark.spark, pytest.mark.timeout(1_800)]

#: Ends by an exit code of its own, and does not stop its session.
SCRIPT = """
import sys
from pyspark.sql import SparkSession

builder = SparkSession.builder.appName("nightly")
for setting in filter(None, sys.argv[3].split(";")):
    builder = builder.config(*setting.split("=", 1))
spark = builder.getOrCreate()
frame = spark.range(3).selectExpr("id", "id + 1 AS next")
frame.write.mode("overwrite").parquet(sys.argv[1])
spark.read.parquet(sys.argv[1]).selectExpr("next * 2 AS twice").write.mode("overwrite").parquet(sys.argv[2])
print("from:", getattr(sys.modules.get("headwater"), "__file__", "nowhere"))
sys.exit(3)
"""


#: A loaded machine is slow.
PATIENT = environment(HEADWATER_FLUSH_SECONDS="300", HEADWATER_CAPTURE_SECONDS="300")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    needs_spark()
    with serving(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def arguments(folder: Path, settings: str = "") -> tuple[str, str, str]:
    """Where the script reads and writes, and its settings of Spark."""
    return (f"file://{folder}/raw", f"file://{folder}/out", settings)


def submit(script: Path, folder: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """By spark-submit, in a folder and an environment where Headwater is not."""
    pairs = {**SETTINGS, "spark.master": "local[1]", **settings}
    conf = [part for name, value in pairs.items() for part in ("--conf", f"{name}={value}")]
    home = Path(sys.executable).parent
    variables = {**PATIENT, "PYSPARK_PYTHON": sys.executable, "PATH": f"{home}:{os.environ['PATH']}"}
    del variables["PYTHONPATH"]
    command = [str(home / "spark-submit"), *conf, *options, str(script), *arguments(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=variables)


def sources(server: Server, folder: Path) -> list[str]:
    """Where the script's output comes from."""
    after = server.get("/ready")[1]["entries"]
    node = f"file://{folder}/out%23twice"
    _, answer = server.get(f"/api/v1/lineage?after={after}&node={node}")
    return [edge["source"] for edge in answer.get("edges", [])]


def test_a_script_is_started_by_the_module(server: Server, script: Path, tmp_path: Path) -> None:
    settings = ";".join(f"{name}={value}" for name, value in {**SETTINGS, "spark.master": "local[1]"}.items())
    command = [sys.executable, "-m", "headwater.spark", "--to", server.url, str(script), *arguments(tmp_path, settings)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=PATIENT)
    assert ran.returncode == 3, ran.stderr
    assert f"headwater: writes are reported to {server.url}\n" in ran.stderr
    assert sources(server, tmp_path) == [f"file://{tmp_path}/raw#next"]


def test_the_bundle_starts_itself(server: Server, script: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "headwater-spark.zip"
    write(bundle)
    ran = submit(script, tmp_path, "--py-files", str(bundle), **{"spark.headwater.url": server.url})
    assert ran.returncode == 3, ran.stderr
    assert f"from: {bundle}/headwater" in ran.stdout
    assert sources(server, tmp_path) == [f"file://{tmp_path}/raw#next"]


@pytest.mark.skipif("SPLINE_AGENT_JAR" not in os.environ, reason="SPLINE_AGENT_JAR names no jar of Spline's agent")
def test_the_scala_agents_jar_gives_the_same_answer(server: Server, script: Path, tmp_path: Path) -> None:
    ran = submit(
        script,
        tmp_path,
        "--jars",
        os.environ["SPLINE_AGENT_JAR"],
        **{
            LISTENERS: LISTENER,
            "spark.spline.lineageDispatcher": "http",
            "spark.spline.lineageDispatcher.http.producer.url": f"{server.url}/producer",
            "spark.driver.extraJavaOptions": f"{JAVA_OPTIONS} {ADD_OPENS}",
        },
    )
    assert ran.returncode == 3, ran.stderr
    assert sources(server, tmp_path) == [f"file://{tmp_path}/raw#next"]
