"""`headwater demo`: what it sends, what it shows, and that it leaves nothing behind."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.demo import recorded
from tests.acceptance.door import PATIENCE, PIPELINE, ROOT, ended, environment, headwater
from tests.golden.recorded import payloads
from tests.spark.session import needs_spark

JOBS = [Path(place).name for place in PIPELINE]


def test_it_sends_what_the_agent_sent_in_its_order() -> None:
    sent = [(request.kind, request.body) for request in recorded()]
    assert sent == [(payload.kind, payload.body) for job in JOBS for payload in payloads(job)]


def test_it_shows_the_chain_and_ends_by_itself(tmp_path: Path) -> None:
    # Neither the user's settings nor what lies in the current folder get in its way.
    (tmp_path / "queries.py").write_text("raise SystemExit('not this one')")
    settings = {"HEADWATER_STORE": "embedded:mine", "HEADWATER_DATA": str(tmp_path / "mine"), "HEADWATER_TOKEN": "x"}
    shown = headwater("demo", "--recorded", TMPDIR=str(tmp_path), **settings)
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    for job in JOBS:
        assert any(line.split()[:1] == [job.partition("_")[2]] for line in lines)
    for part in (
        "where does churn_by_country#avg_score come from?",
        "avg(churn_score)  aggregation  spark/pipeline.score_report",
        "raw/fx/rates.csv#rate_to_eur  amount * rate_to_eur",
        "values alone: 20 columns, 8 datasets, 6 jobs; complete",
        "all:          37 columns, 10 datasets, 7 jobs; complete",
        "what breaks if orders.csv#amount changes?",
        "12 columns, 7 datasets, 6 jobs; complete",
        "    headwater serve",
        "    headwater serve --example",
        "--extra-jars",
        "--user-jars-first",
        "spark.sql.queryExecutionListeners=za.co.absa.spline",
        "spark.spline.lineageDispatcher=http",
        "spark.spline.lineageDispatcher.http.producer.url=http://",
    ):
        assert part in shown.stdout
    assert [left.name for left in tmp_path.iterdir()] == ["queries.py"]


def test_it_keeps_its_folder_where_it_is_asked_to_and_says_how_to_ask_it(tmp_path: Path) -> None:
    shown = headwater("demo", "--recorded", "--keep", TMPDIR=str(tmp_path))
    assert (shown.returncode, shown.stderr) == (0, "")
    commands = [shlex.split(line) for line in shown.stdout.splitlines() if str(tmp_path) in line and "--data" in line]
    assert [command[1] for command in commands] == ["upstream", "changes", "serve"]
    for _, *arguments in commands[:2]:
        asked = headwater(*arguments)
        assert (asked.returncode, asked.stderr) == (0, ""), arguments
        assert "churn_by_country" in asked.stdout


@pytest.mark.spark
@pytest.mark.timeout(1_800)  # a JVM and seven jobs, on a machine that may have more to do
def test_where_spark_runs_it_runs_the_jobs(tmp_path: Path) -> None:
    needs_spark()
    command = [sys.executable, "-m", "headwater", "demo"]
    variables = environment(TMPDIR=str(tmp_path))
    shown = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert (shown.returncode, shown.stderr) == (0, "")
    for part in (
        "seven Spark jobs run here and report to a server on this machine",
        "  score_report\n",
        "where does churn_by_country#avg_score come from?",
        "raw/fx/rates.csv#rate_to_eur",
        "what breaks if orders.csv#amount changes?",
        "pipe/out/churn_by_country#avg_score",
    ):
        assert part in shown.stdout
    assert not list(tmp_path.iterdir())


def test_where_spark_fails_it_says_so_and_sends_what_was_recorded(tmp_path: Path) -> None:
    (tmp_path / "pyspark.py").write_text("raise ImportError('this one is broken')")
    (tmp_path / "java").write_text("")
    (tmp_path / "java").chmod(0o755)
    variables = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    shown = headwater("demo", **variables)
    assert "Spark did not run the jobs (ImportError: this one is broken): recorded payloads are sent" in shown.stdout
    assert (shown.returncode, "12 columns, 7 datasets, 6 jobs; complete" in shown.stdout) == (0, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_takes_its_server_with_it(number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-m", "headwater", "demo", "--recorded"]
    variables = environment(TMPDIR=str(tmp_path))
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=variables)) as process:
        assert process.stdout is not None
        while b"stage_customers" not in (line := process.stdout.readline()):
            assert line, "it ended before anything was sent"
        process.send_signal(number)
        # The end of its output is the end of all processes that it started, as they share its file.
        process.stdout.read()
        assert process.wait(PATIENCE) in (0, 130)
    assert not list(tmp_path.iterdir())
