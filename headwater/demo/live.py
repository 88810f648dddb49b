"""The demo's jobs on this machine's own Spark, where it has one."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from headwater.client import Client
from headwater.demo import environment
from headwater.faults import Fault
from headwater.ingest.process.child import command

#: A column of the pipeline's last output, and a column of a raw file, below the lake's folder.
LAST = "pipe/out/churn_by_country#avg_score"
RAW = "raw/shop/orders.csv#amount"


class NotRun(Exception):
    """Spark is installed, and the jobs did not run; the last line that it printed."""

    fault = Fault.UNAVAILABLE


def missing() -> str | None:
    """A sentence about what is missing to run Spark here; None if nothing is."""
    if importlib.util.find_spec("pyspark") is None:
        return "PySpark is not installed here"
    return None if shutil.which("java") else "Java is not installed"


def run(client: Client, lake: Path, done: Callable[[str], None]) -> int:
    """Run the jobs and call `done` with the name of each; returns the last entry's number. NotRun: a job failed."""
    jobs = command("headwater.demo.pipeline:main", str(lake), client.url)
    log = lake / "spark.log"
    with log.open("w+", encoding="utf-8") as said:
        process = subprocess.Popen(  # noqa: S603 - our own command
            jobs, stdout=subprocess.PIPE, stderr=said, text=True, cwd=lake, env=environment()
        )
        try:
            assert process.stdout is not None
            with process.stdout:
                for line in process.stdout:
                    done(line.strip())
            code = process.wait()
        finally:  # also when the demo is interrupted: the JVM ends with its Python process
            process.terminate()
            process.wait()
    if code:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        raise NotRun(next((line.strip() for line in reversed(lines) if line.strip()), f"exit code {code}"))
    return int(client.readiness()["entries"])
