"""The documentation as a site: it builds without a warning, loads nothing from elsewhere, and its commands exist."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from headwater.cli import command as headwater
from tests.acceptance.door import ROOT, environment

PAGES = sorted((ROOT / "docs").rglob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)],
        cwd=ROOT,
        env={**environment(), "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stderr.strip()) == (0, "")
    return place


def test_every_page_is_built_and_can_be_searched(site: Path) -> None:
    for page in PAGES:
        assert (site / page.relative_to(ROOT / "docs").with_suffix(".html")).is_file()
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert any("headwater consumers" in entry["text"] for entry in index["docs"])


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)[^>]* src=\"?([^\" >]+)|<link[^>]* href=\"?([^\" >]+)", text)
        assert not [each for pair in loaded for each in pair if each.startswith(("http:", "https:", "//"))], page


def test_each_page_is_linked_from_another_page() -> None:
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+\.md(?:#[^)\s]*)?)\)", page.read_text(encoding="utf-8"))
        if (page.parent / target.partition("#")[0]).resolve() != page.resolve()
    }
    assert [page.name for page in PAGES if page.resolve() not in linked and page.name != "index.md"] == []


def commands() -> dict[str, list[str]]:
    """Each line of a code block that calls `headwater`, by itself."""
    found = {}
    for page in [*PAGES, ROOT / "README.md", ROOT / "infra" / "README.md"]:
        if page.name == "cli.md":  # made from the commands themselves
            continue
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^ *```(?:sh|bash|console)?\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
        blocks += re.findall(r"^    headwater .*$", text, re.MULTILINE)
        for line in "\n".join(blocks).replace("\\\n", " ").splitlines():
            words = re.sub(r"\s#.*", "", line.strip().removeprefix("$ "))
            if words.startswith("headwater ") and not set("<>|;") & set(words):
                found[f"{page.relative_to(ROOT)}: {words}"] = shlex.split(words)[1:]
    return found


@pytest.mark.parametrize("line", commands())
def test_a_command_in_the_docs_exists_with_its_options(line: str) -> None:
    words = commands()[line]
    command: click.Command = headwater
    context = click.Context(command, info_name="headwater")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        inner = command.get_command(context, words.pop(0))
        assert inner is not None, line
        command = inner
        context = click.Context(command, info_name=command.name, parent=context)
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    given = [word.partition("=")[0] for word in words if word.startswith("-")]
    assert set(given) <= {*options, "--help", "-h", "--version"}, line
