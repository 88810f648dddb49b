"""The Tab key, as a shell asks: commands, queries, and the names of nodes that a running server has."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.door import PATIENCE, PIPELINE, Server, environment, headwater, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("completion") / "data"
    with serving(folder) as running:
        assert headwater("load", "--data", folder, *PIPELINE).returncode == 0
        yield running


def completed(words: str, **variables: str) -> list[str]:
    """What follows the last of the words, which has begun."""
    asked = {"_HEADWATER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "headwater"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=environment(**asked, **variables),
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_names_of_nodes_come_from_the_server(server: Server) -> None:
    data = {"HEADWATER_DATA": str(server.folder)}
    assert "churn_by_country" in completed("headwater upstream churn", **data)
    assert completed("headwater upstream churn_by_country#av", **data) == ["churn_by_country#avg_score"]
    assert "file:///data/lake/pipe/out/churn_by_country" in completed(
        "headwater why file:///data/lake/pipe/out", **data
    )
    assert completed("headwater ignore job:spark/pipeline.feat", **data) == ["job:spark/pipeline.features"]
    assert completed("headwater columns churn", HEADWATER_SERVER=server.url) == ["churn_by_country"]


def test_parameters_of_a_query_and_their_values(server: Server) -> None:
    data = {"HEADWATER_DATA": str(server.folder)}
    assert completed("headwater query runs jo", **data) == ["job="]
    assert completed("headwater query runs job=job:spark/pipeline.feat", **data) == ["job=job:spark/pipeline.features"]
    assert completed("headwater query runs job = job:spark/pipeline.feat", **data) == ["job:spark/pipeline.features"]
    assert completed("headwater query lineage direction=up", **data) == ["direction=upstream"]
    assert completed("headwater query lineage node=churn_by_country#av", **data) == ["node=churn_by_country#avg_score"]
    assert completed("headwater query nonsense jo", **data) == []
    assert completed("headwater query runs nonsense=a", **data) == []


def test_without_a_server_there_are_commands_and_queries_and_no_error(tmp_path: Path) -> None:
    nowhere = {"HEADWATER_DATA": str(tmp_path / "data")}
    assert completed("headwater upstream churn", **nowhere) == []
    assert completed("headwater upstream churn", HEADWATER_SERVER="http://127.0.0.1:9") == []
    assert completed("headwater upstream churn", HEADWATER_SERVER="nonsense") == []
    assert "stopped-jobs" in completed("headwater query stop", **nowhere)
    assert "upstream" in completed("headwater up", **nowhere)
    assert not (tmp_path / "data").exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_the_line_in_the_docs_is_one_that_bash_takes(tmp_path: Path) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    script = commands / "headwater"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m headwater "$@"\n')
    script.chmod(0o755)
    line = 'eval "$(_HEADWATER_COMPLETE=bash_source headwater)"; complete -p headwater'
    path = {"PATH": f"{commands}:/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment(**path)
    )
    assert (done.returncode, "_headwater_completion" in done.stdout) == (0, True), done.stderr
