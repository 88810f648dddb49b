"""docs/watches.md shows what its commands print, about the demo's jobs; its table of channels names each of them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from headwater.watching.definitions import read, schema
from tests.acceptance.door import PIPELINE, ROOT, headwater, headwater_in

PAGE = (ROOT / "docs" / "watches.md").read_text(encoding="utf-8")
(YAML,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's file, and the demo's jobs in `data`."""
    folder = tmp_path_factory.mktemp("watches")
    (folder / "watches.yaml").write_text(YAML)
    assert headwater("load", "--data", folder / "data", *PIPELINE).returncode == 0
    return folder


def test_the_page_shows_what_its_commands_print(place: Path) -> None:
    (console,) = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    printed = ""
    for command in re.findall(r"^\$ (.*)$", console, re.MULTILINE):
        name, *arguments = shlex.split(command)
        assert name == "headwater"
        done = headwater_in(place, *arguments, HEADWATER_DATA=str(place / "data"))
        assert done.returncode == 0, done.stderr
        printed += f"$ {command}\n{done.stdout}{done.stderr}"
    assert printed == console
    assert not (place / "reports").exists(), "the first evaluation reports nothing"


def test_the_page_names_every_channel_and_every_key_of_a_watch(place: Path) -> None:
    assert {channel.kind for watch in read(place / "watches.yaml") for channel in watch.tell} == {
        "file",
        "webhook",
        "sns",
    }
    keys = schema()["$defs"]["watch"]["properties"]
    assert [key for key in keys if not re.search(rf"\b{key}\b", PAGE)] == []
