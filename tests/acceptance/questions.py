"""The pages of docs/questions: each names its world, and shows commands with what they print.

A page says ``<!-- world: NAME -->``; NAME is in `WORLDS`. A block fenced as ``console`` holds commands, each on a line
that begins with ``$ `` (a backslash at its end continues it), and what they print. ``$ echo $?`` is the exit code of
the command before. Nothing but `headwater` runs, against a server that has the world's recorded payloads, in the folder
of the pages' example files.

``python -m tests.acceptance.questions [PAGE...]`` writes what the commands print now into the pages: read the diff.
"""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.acceptance.door import PAYLOADS, ROOT, headwater, headwater_in, serving

PAGES = ROOT / "docs" / "questions"
EXAMPLES = PAGES / "examples"
#: The recorded jobs of each world: patterns of folders in tests/payloads.
WORLDS: Mapping[str, tuple[str, ...]] = {
    # customers and orders to features, a model and its scores; a job that ran again, with changed logic at last
    "pipeline": ("l0*", "m0*"),
    # jobs that ran often, that fail, run code which no plan shows, overwrite what they read, or change their columns
    "estate": ("l0*", "m01*", "j01*", "r23*", "r27*", "r31*"),
}
_WORLD = re.compile(r"^<!-- world: (\S+) -->$", re.MULTILINE)
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT_CODE = "echo $?"


def world_of(page: str) -> str:
    """The world that the text of a page names."""
    found = _WORLD.search(page)
    assert found, "the page names no world: <!-- world: NAME -->"
    assert found[1] in WORLDS, f"there is no world {found[1]}; there are: {', '.join(WORLDS)}"
    return found[1]


def written(page: str, server: str) -> str:
    """The text of a page with what its commands print now."""
    return _BLOCK.sub(lambda block: f"```console\n{''.join(_session(block[1], server))}```", page)


@contextmanager
def server_of(world: str, place: Path) -> Iterator[str]:
    """The URL of a server that has the world, in a folder of its own under `place`."""
    folder = place / world
    jobs = [path for pattern in WORLDS[world] for path in sorted(PAYLOADS.glob(pattern))]
    loaded = headwater("load", "--data", folder, *jobs)
    assert loaded.returncode == 0, loaded.stderr
    with serving(folder) as server:
        try:
            yield server.url
        finally:
            server.stop()  # not killed: its folder can be removed at once


def _session(block: str, server: str) -> Iterator[str]:
    code = 0
    for command in _commands(block):
        yield f"$ {command}\n"
        if command == _EXIT_CODE:
            yield f"{code}\n"
            continue
        name, *arguments = shlex.split(command.replace("\\\n", " "))
        assert name == "headwater", f"only headwater runs here, not {name}"
        done = headwater_in(EXAMPLES, *arguments, HEADWATER_SERVER=server)
        code = done.returncode
        yield from (f"{line.rstrip()}\n" for line in (done.stdout + done.stderr).splitlines())


def _commands(block: str) -> Iterator[str]:
    """The commands of a block, without what they print."""
    for found in re.finditer(r"^\$ ((?:.*\\\n)*.*)$", block, re.MULTILINE):
        yield found[1]


def main(names: list[str]) -> None:
    """Write the pages named, or all."""
    with tempfile.TemporaryDirectory(prefix="headwater-questions-") as place, ExitStack() as servers:
        running: dict[str, str] = {}
        for path in map(Path, names) if names else sorted(PAGES.glob("*.md")):
            page = path.read_text(encoding="utf-8")
            world = world_of(page)
            if world not in running:
                running[world] = servers.enter_context(server_of(world, Path(place)))
            path.write_text(written(page, running[world]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
