"""The Tab key, as a shell asks: commands, queries, and the names of nodes that a running server has."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.acceptance.door import PATIENCE, PIPELINE, Server, environment, eventually, headwater, serving


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


def comes(found: str, words: str, variables: Mapping[str, str], *, alone: bool = True) -> None:
    """What follows is this. Asked again: a person waits two seconds for a Tab, a busy machine may take longer."""

    def there() -> bool:
        shown = completed(words, **variables)
        return shown == [found] if alone else found in shown

    eventually(there)


def test_names_of_nodes_come_from_the_server(server: Server) -> None:
    data = {"HEADWATER_DATA": str(server.folder)}
    comes("churn_by_country", "headwater upstream churn", data, alone=False)
    comes("churn_by_country#avg_score", "headwater upstream churn_by_country#av", data)
    out = "file:///data/lake/pipe/out"
    comes(f"{out}/churn_by_country", f"headwater why {out}", data, alone=False)
    comes("/data/lake/pipe/out/churn_by_country", "headwater upstream /data/lake/pipe/out", data, alone=False)
    comes("job:spark/pipeline.features", "headwater ignore job:spark/pipeline.feat", data)
    comes("spark/pipeline.features", "headwater inputs spark/pipeline.feat", data)
    comes("staging/orders", "headwater own staging/ord", data, alone=False)
    comes("churn_by_country", "headwater columns churn", {"HEADWATER_SERVER": server.url})


def test_parameters_of_a_query_and_their_values(server: Server) -> None:
    data = {"HEADWATER_DATA": str(server.folder)}
    assert completed("headwater query runs jo", **data) == ["job="]
    comes("job=job:spark/pipeline.features", "headwater query runs job=job:spark/pipeline.feat", data)
    comes("job:spark/pipeline.features", "headwater query runs job = job:spark/pipeline.feat", data)
    assert completed("headwater query lineage direction=up", **data) == ["direction=upstream"]
    comes("node=churn_by_country#avg_score", "headwater query lineage node=churn_by_country#av", data)
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


#: What somebody types, what bash makes of it as words, and what follows the last word that bash found.
TYPED = {
    "headwater why file:///data/lake/pipe/out": (
        ["headwater", "why", "file", ":", "///data/lake/pipe/out"],
        ["///data/lake/pipe/out/churn_by_country"],
    ),
    "headwater ignore job:spark/pipeline.feat": (
        ["headwater", "ignore", "job", ":", "spark/pipeline.feat"],
        ["spark/pipeline.features"],
    ),
    "headwater query runs job=job:spark/pipeline.feat": (
        ["headwater", "query", "runs", "job", "=", "job", ":", "spark/pipeline.feat"],
        ["spark/pipeline.features"],
    ),
    "headwater query runs jo": (["headwater", "query", "runs", "jo"], ["job="]),
    "headwater impact --format=m": (["headwater", "impact", "--format", "=", "m"], ["markdown"]),
    "headwater paths churn_by_country#av": (
        ["headwater", "paths", "churn_by_country#av"],
        ["churn_by_country#avg_score"],
    ),
    "headwater why 'file:///data/lake/pipe/out": (
        ["headwater", "why", "'file:///data/lake/pipe/out"],
        ["file:///data/lake/pipe/out/churn_by_country"],
    ),
}


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize("line", TYPED)
def test_bash_ends_words_at_colons_and_a_whole_name_is_completed_none_the_less(
    server: Server, tmp_path: Path, line: str
) -> None:
    words, expected = TYPED[line]
    script = [
        'eval "$(_HEADWATER_COMPLETE=bash_source headwater)"',
        f"COMP_LINE={shlex.quote(line)}; COMP_POINT=${{#COMP_LINE}}",
        f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}",
        "_headwater_completion headwater",
        'printf "%s\\n" "${COMPREPLY[@]}"',
    ]

    def there() -> bool:
        done = in_bash(tmp_path, "\n".join(script), HEADWATER_SERVER=server.url)
        assert done.stderr == ""
        return done.stdout.splitlines() == expected

    eventually(there)


def in_bash(tmp_path: Path, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A script of bash that finds the command `headwater`."""
    commands = tmp_path / "bin"
    commands.mkdir(exist_ok=True)
    command = commands / "headwater"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m headwater "$@"\n')
    command.chmod(0o755)
    variables["PATH"] = f"{commands}:/usr/bin:/bin"
    return subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=environment(**variables),
    )


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_the_line_in_the_docs_is_one_that_bash_takes(tmp_path: Path) -> None:
    done = in_bash(tmp_path, 'eval "$(_HEADWATER_COMPLETE=bash_source headwater)"; complete -p headwater')
    assert (done.returncode, "_headwater_completion" in done.stdout) == (0, True), done.stderr
