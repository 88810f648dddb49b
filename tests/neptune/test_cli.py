"""The same commands with ``--store neptune://``, through the stand-in."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import headwater as hw
from tests.acceptance.door import PATIENCE, PIPELINE, environment, headwater, serving
from tests.neptune.standin import StandIn

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"


def test_load_and_ask_answer_as_the_embedded_store(standin: StandIn, tmp_path: Path) -> None:
    there = ("--data", tmp_path / "there", "--store", standin.url)
    loaded = headwater("load", *PIPELINE, *there)
    assert (loaded.returncode, loaded.stderr) == (0, "")
    asked = headwater("upstream", LAST, *there, "--json")
    with hw.open(tmp_path / "here") as here:
        here.load(*PIPELINE)
        assert json.loads(asked.stdout) == here.upstream(LAST).to_dict()
    assert (standin.seen.refused, standin.seen.rejected) == ([], [])


def test_a_server_writes_to_it(standin: StandIn, tmp_path: Path) -> None:
    there = ("--store", standin.url)
    assert headwater("load", *PIPELINE[:1], "--data", tmp_path / "data", *there).returncode == 0
    with serving(tmp_path / "data", *there) as server:
        status, stats = server.get("/api/v1/stats")
        assert (status, stats["lag"], stats["parked"], stats["vertices"]["dataset"]) == (200, 0, 0, 2)
        assert server.stop() == 0


WRONG = [
    ("?regoin=eu-west-1", 2, "there is no parameter 'regoin'; known are region, reader"),
    ("?ca=/no/such/file", 2, "no certificates could be read from /no/such/file"),
]


@pytest.mark.parametrize(("query", "code", "words"), WRONG)
def test_a_wrong_url_is_one_sentence(query: str, code: int, words: str, standin: StandIn, tmp_path: Path) -> None:
    said = headwater("load", *PIPELINE[:1], "--data", tmp_path, "--store", f"neptune://{standin.host}{query}&iam=false")
    assert (said.returncode, words in said.stderr, said.stderr.count("\n")) == (code, True, 1)


def test_refused_access_is_reported(standin: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    said = headwater("load", *PIPELINE[:1], "--data", tmp_path, "--store", standin.url)
    assert (said.returncode, "does not let us in (HTTP 403): see the IAM policy" in said.stderr) == (3, True)
    assert "another" not in said.stderr


@contextmanager
def reading(store: str, *arguments: str) -> Iterator[str]:
    """The URL of a server that only reads."""
    command = [sys.executable, "-m", "headwater", "serve", "--read-only", "--port", "0", "--store", store, *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said.startswith("Headwater answers at http://127.0.0.1:"), said
            yield said.split()[3].rstrip(",")
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def test_two_servers_only_read_it_while_a_third_writes(standin: StandIn, tmp_path: Path) -> None:
    data, nothing = tmp_path / "data", str(tmp_path / "nothing")
    assert headwater("load", *PIPELINE, "--data", data, "--store", standin.url).returncode == 0
    expected = headwater("upstream", LAST, "--data", data, "--store", standin.url, "--json").stdout
    written = standin.seen.rejected
    with reading(standin.url, "--data", nothing) as one, reading(standin.url, "--data", nothing) as other:
        for url in (one, other):
            assert headwater("upstream", LAST, "--server", url, "--json").stdout == expected
            refused = headwater("load", PIPELINE[0], "--server", url)
            assert refused.returncode == 2
            assert "nothing is received here" in refused.stderr
            assert "only reads the graph" in headwater("parked", "--server", url).stderr
    assert (standin.seen.refused, standin.seen.rejected) == ([], written)
    assert not Path(nothing).exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--read-only"], "--read-only needs --store"),
        (["--read-only", "--store", "embedded:/tmp/x"], "--read-only needs --store"),
        (["--read-only", "--store", "ws://127.0.0.1:1/gremlin", "--take-over"], "neither --take-over nor --example"),
        (["--send-to", "https://x"], "--send-to is for --read-only"),
    ],
)
def test_what_a_server_that_only_reads_needs(arguments: list[str], said: str, tmp_path: Path) -> None:
    refused = headwater("serve", *arguments, "--data", tmp_path / "data")
    assert (refused.returncode, said in refused.stderr, (tmp_path / "data").exists()) == (2, True, False)
