"""What lies in the current folder is never run: a data engineer's folder may hold an ``orjson.py``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.demo import LAST
from tests.acceptance.door import PATIENCE, PAYLOADS, PIPELINE, environment, headwater_in, serving

#: What the server, its graph process, the demo's children and the watches import.
IMPORTED = ("aiohttp", "click", "cronsim", "gremlin_python", "jsonschema", "orjson", "rich", "yaml")
WATCHES = """\
watches:
  - {name: one, nodes: ["file:///data/lake/raw/*"], question: downstream, schedule: "0 0 1 1 *", tell: [stdout]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with modules that end whatever imports them."""
    place = tmp_path / "mine"
    place.mkdir()
    for name in IMPORTED:
        (place / f"{name}.py").write_text("raise SystemExit('a module of the current folder ran')\n")
    return place


def test_a_server_starts_and_answers_there(folder: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "data", cwd=folder) as server:
        wide = PAYLOADS / "o01_wide_500"  # large enough for the processes that work on large bodies
        loaded = headwater_in(folder, "load", *PIPELINE, wide, "--json", "--server", server.url)
        assert (json.loads(loaded.stdout)["refused"], loaded.returncode) == ([], 0)
        found = headwater_in(folder, "upstream", LAST, "--server", server.url)
        assert (found.returncode, "raw/fx/rates.csv#rate_to_eur" in found.stdout) == (0, True)
        assert server.stop() == 0


def test_the_demo_runs_there(folder: Path) -> None:
    shown = headwater_in(folder, "demo", "--recorded")
    assert (shown.returncode, shown.stderr) == (0, "")


def test_watches_are_served_there(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(WATCHES)
    command = [sys.executable, "-m", "headwater", "watch", "serve", str(tmp_path / "w.yaml")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(), cwd=folder) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "1 of 1 watches have a schedule; Ctrl-C ends this\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
