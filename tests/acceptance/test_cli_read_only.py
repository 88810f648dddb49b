"""A data folder on a disk that is mounted read-only: questions are answered, the rest says why it cannot be done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.ingest.folder.copying import copy_graph
from tests.acceptance.door import PATIENCE, PIPELINE, environment, headwater, serving

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"
#: Mounts a folder read-only, in a namespace of its own, then runs the rest of the command line.
_MOUNTED = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'


def read_only(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command's result, where the folder cannot be written: not even by root, who may write whatever the mode."""
    command = [sys.executable, "-m", "headwater", *map(str, arguments), "--data", str(folder)]
    if os.getuid() == 0:
        command = ["unshare", "-m", "sh", "-c", _MOUNTED, str(folder), *command]
    else:
        folder.chmod(0o500)
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE, env=environment(), cwd="/"
        )
    finally:
        folder.chmod(0o700)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if os.getuid() == 0:
        tried = ["unshare", "-m", "sh", "-c", _MOUNTED, str(tmp_path), "true"]
        if subprocess.run(tried, capture_output=True, check=False).returncode:
            pytest.skip("root may write everywhere, and may not mount a folder read-only here")
    return tmp_path / "data"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_questions_are_answered_and_nothing_is_written(folder: Path) -> None:
    headwater("load", *PIPELINE, "--data", folder)
    expected = headwater("upstream", LAST, "--data", folder, "--json")
    before = files(folder)
    found = read_only(folder, "upstream", LAST, "--json")
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout) == json.loads(expected.stdout)
    assert read_only(folder, "parked").returncode == 0
    assert read_only(folder, "verify").returncode == 0
    for command in (["load", PIPELINE[0]], ["tag", LAST, "pii"], ["erase", "1", "--reason", "x"], ["serve"]):
        refused = read_only(folder, *command)
        assert refused.returncode in (2, 3)
        assert refused.stdout == ""
        assert "\n" not in refused.stderr.strip()
    assert files(folder) == before


def test_what_a_command_cannot_write_is_named(folder: Path, tmp_path: Path) -> None:
    headwater("load", *PIPELINE[:1], "--data", folder)
    before = files(folder)
    target = f"file:{tmp_path / 'events.ndjson'}"
    for command in (["token", "add", "--scope", "read", "x"], ["publish", "--to", target]):
        refused = read_only(folder, *command)
        assert (refused.returncode, refused.stdout) == (2, ""), refused.stderr
        assert str(folder) in refused.stderr
        assert "internal error" not in refused.stderr
    assert files(folder) == before


def test_the_copy_of_a_graph_can_be_written_whatever_the_modes_are(tmp_path: Path) -> None:
    folder, copy = tmp_path / "data", tmp_path / "copy"
    headwater("load", *PIPELINE[:1], "--data", folder)
    copy.mkdir()
    graph = [folder / "graph", *(folder / "graph").rglob("*")]
    for path in graph:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        copy_graph(folder, copy)
    finally:
        for path in graph:
            path.chmod(path.stat().st_mode | 0o200)
    assert len(list(copy.rglob("*"))) > len(graph)
    assert all(path.stat().st_mode & 0o200 for path in copy.rglob("*"))


def test_entries_that_are_not_in_the_graph_yet_are_in_the_answer(folder: Path) -> None:
    headwater("load", *PIPELINE[:1], "--data", folder)
    graph = {path: data for path, data in files(folder).items() if not path.startswith("ledger")}
    headwater("load", *PIPELINE[1:], "--data", folder)
    for path, data in graph.items():  # as it was before
        (folder / path).write_bytes(data)
    found = read_only(folder, "upstream", LAST, "--json")
    assert len(json.loads(found.stdout)["nodes"]) == 20


def test_a_ledger_that_was_not_closed_is_answered_or_says_what_it_needs(folder: Path) -> None:
    with serving(folder) as server:
        headwater("load", *PIPELINE, "--data", folder)
        beside = read_only(folder, "upstream", LAST, "--json", "--server", server.url)
        assert beside.returncode == 0
        (folder / "server.json").rename(folder / "elsewhere.json")  # as it is for another container
        found = read_only(folder, "upstream", LAST, "--json")
        assert (found.returncode, found.stderr) == (0, "")
        assert len(json.loads(found.stdout)["nodes"]) == 20
        server.stop(9)
    assert read_only(folder, "upstream", LAST).returncode == 0
    (folder / "ledger.sqlite-shm").unlink()
    left = read_only(folder, "upstream", LAST)
    assert left.returncode == 3
    assert "was not closed" in left.stderr
