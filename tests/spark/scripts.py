"""A job as its user starts it: a script of its own process, which reports through the agent in Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.acceptance.door import environment
from tests.spark.session import SETTINGS


def report(script: Path, url: str, jars: str) -> None:
    """Run a script on Spark with these jars, beside which its settings are written; it reports to the server."""
    conf = script.parent / "conf"
    conf.mkdir()
    settings = {**SETTINGS, "spark.master": "local[1]", "spark.driver.extraClassPath": jars}
    (conf / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    variables = environment(
        HEADWATER_FLUSH_SECONDS="300",
        HEADWATER_CAPTURE_SECONDS="300",
        SPARK_CONF_DIR=str(conf),
        PYSPARK_PYTHON=sys.executable,
    )
    command = [sys.executable, "-m", "headwater.spark", "--to", url, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables, cwd=script.parent)
    assert done.returncode == 0, done.stderr[-2_000:]
