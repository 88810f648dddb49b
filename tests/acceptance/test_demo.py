"""`headwater demo`: what it sends, what it shows, and that it leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.demo import recorded
from tests.acceptance.door import PATIENCE, PIPELINE, environment, headwater
from tests.golden.recorded import payloads

JOBS = [Path(place).name for place in PIPELINE]


def test_it_sends_what_the_agent_sent_in_its_order() -> None:
    sent = [(request.kind, request.body) for request in recorded()]
    assert sent == [(payload.kind, payload.body) for job in JOBS for payload in payloads(job)]


def test_it_shows_the_chain_and_ends_by_itself(tmp_path: Path) -> None:
    # Neither the user's settings nor what lies in the current folder get in its way.
    (tmp_path / "queries.py").write_text("raise SystemExit('not this one')")
    settings = {"HEADWATER_STORE": "embedded:mine", "HEADWATER_DATA": str(tmp_path / "mine"), "HEADWATER_TOKEN": "x"}
    shown = headwater("demo", TMPDIR=str(tmp_path), **settings)
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
        "--extra-jars",
        "--user-jars-first",
        "spark.sql.queryExecutionListeners=za.co.absa.spline",
        "spark.spline.lineageDispatcher=http",
        "spark.spline.lineageDispatcher.http.producer.url=http://",
    ):
        assert part in shown.stdout
    assert [left.name for left in tmp_path.iterdir()] == ["queries.py"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_takes_its_server_with_it(number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-m", "headwater", "demo"]
    variables = environment(TMPDIR=str(tmp_path))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=variables)
    assert process.stdout is not None
    with process.stdout:
        while b"stage_customers" not in (line := process.stdout.readline()):
            assert line, "it ended before anything was sent"
        process.send_signal(number)
        # The end of its output is the end of all processes that it started, as they share its file.
        process.stdout.read()
    assert process.wait(PATIENCE) in (0, 130)
    assert not list(tmp_path.iterdir())
