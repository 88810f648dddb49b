"""Temporary folders of processes that were killed are removed by the next process; no others are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.ingest.places.file_storage import LocalFolder
from headwater.temporary import HELD, PREFIX, TemporaryFolder, remove_abandoned
from tests.acceptance.door import PATIENCE, ROOT, ended, environment, serving

_HOLDING = """
import sys, signal
from pathlib import Path
from headwater.temporary import TemporaryFolder
folder = TemporaryFolder(sys.argv[2], Path(sys.argv[1]))
(folder.path / "deep").mkdir()
(folder.path / "deep" / "file").write_text("x")
print(folder.path, flush=True)
signal.pause()
"""


def killed_in(place: Path, prefix: str = PREFIX) -> Path:
    """The folder of a process that was killed; while it lived, nobody removed it."""
    command = [sys.executable, "-c", _HOLDING, str(place), prefix]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment())) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        remove_abandoned(place, prefix)
        assert (folder / "deep" / "file").exists()
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
    return folder


def test_the_next_one_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    left = killed_in(tmp_path)
    assert left.exists()
    with TemporaryFolder(place=tmp_path) as own:
        assert [path.name for path in tmp_path.iterdir()] == [Path(own).name]
        with TemporaryFolder(place=tmp_path):
            assert Path(own).exists()
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_known_to_be_ours_stays(tmp_path: Path) -> None:
    """A folder without the file, one whose file is a link or has something else in it, a link, a file."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / HELD).write_bytes(b"a temporary folder of Headwater\n")
    for name in ("empty", "other", "linked"):
        (tmp_path / f"{PREFIX}{name}").mkdir()
    (tmp_path / f"{PREFIX}other" / HELD).write_text("mine")
    (tmp_path / f"{PREFIX}linked" / HELD).symlink_to(elsewhere / HELD)
    (tmp_path / f"{PREFIX}link").symlink_to(elsewhere)
    (tmp_path / f"{PREFIX}file").write_text("x")
    os.mkfifo(tmp_path / f"{PREFIX}empty" / "pipe")
    before = sorted(tmp_path.rglob("*"))
    remove_abandoned(tmp_path)
    remove_abandoned(tmp_path / "nothing")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_not_finished_in_a_folder_of_files_is_not_listed_and_goes(tmp_path: Path) -> None:
    left = killed_in(tmp_path, ".unfinished-")
    storage = LocalFolder(tmp_path)
    assert list(storage.names()) == []
    with storage.scratch() as scratch:
        assert not left.exists()
        (scratch / "new").write_text("x")
        assert list(storage.names()) == []
        storage.put("done", scratch / "new")
    assert list(storage.names()) == ["done"]
    assert [path.name for path in tmp_path.iterdir()] == ["done"]


@pytest.fixture
def place() -> Iterator[Path]:
    """A place for temporary files with a short path, as that of a Unix socket in it has to be."""
    with tempfile.TemporaryDirectory(prefix="hw-") as folder:
        yield Path(folder)


def test_a_server_that_was_killed_leaves_nothing_for_ever(tmp_path: Path, place: Path) -> None:
    with serving(tmp_path / "data", variables=environment(TMPDIR=str(place))) as server:
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(PATIENCE)
    assert [path.name.startswith(PREFIX) for path in place.iterdir()] == [True]
    with serving(tmp_path / "data", variables=environment(TMPDIR=str(place))) as server:
        assert len(list(place.iterdir())) == 1
        assert server.stop() == 0
    assert list(place.iterdir()) == []
