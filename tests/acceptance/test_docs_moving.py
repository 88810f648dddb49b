"""The commands on the page about moving are commands that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from headwater.cli import command

PAGE = (Path(__file__).parents[2] / "docs" / "moving.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)).replace("\\\n", " ")
TYPED = [line for line in BLOCKS.splitlines() if line.startswith("headwater ")]


@pytest.mark.parametrize("line", TYPED)
def test_it_is_accepted(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    found: click.Command = command
    while isinstance(found, click.Group):
        found = found.commands[words.pop(0)]
    parent = click.Context(command, **command.context_settings)
    with found.make_context(found.name or "", words, parent=parent) as made:
        assert made.command is found


def test_the_page_shows_each_of_them() -> None:
    assert {tuple(line.split()[1:3]) for line in TYPED} >= {("ledger", "export"), ("ledger", "check")}
    assert {line.split()[1] for line in TYPED} >= {"replay", "export", "bulk-load", "serve"}
