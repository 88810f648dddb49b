"""The same commands with ``--store neptune://``, through the stand-in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import headwater as hw
from tests.acceptance.door import PIPELINE, headwater, serving
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
