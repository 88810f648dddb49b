"""The page about the commands, made from their help: ``python -m headwater.cli.docs > docs/cli.md``."""

from __future__ import annotations

import sys

import click

from headwater.cli import command
from headwater.settings import SETTINGS

_HEAD = """\
<!-- Made by `python -m headwater.cli.docs > docs/cli.md` from the commands themselves. -->

# Commands

`headwater COMMAND --help` says the same. What prints also takes `--json`. With a server running, commands ask it: it is
found by `server.json` in the data folder, or named by `--server`; without one they open the data folder themselves.

Exit codes: 0 done; 1 a finding (verify, doctor, a refused file in load, a change to a Glue job that was not applied);
2 wrong use, unknown node or job; 3 store or AWS unreachable, or data folder in use; 4 an error of ours; 130 Ctrl-C.
"""


def page() -> str:
    """The whole page, in Markdown."""
    variables = [f"| `{known.variable}` | {known.meaning} |" for known in SETTINGS]
    settings = ["| variable | what |", "|---|---|", *variables, ""]
    sections = [_section(("headwater",), name, command.commands[name]) for name in sorted(command.commands)]
    return "\n".join([_HEAD, *settings, *sections])


def _section(path: tuple[str, ...], name: str, found: click.Command) -> str:
    names = command.context_settings["help_option_names"]
    title = " ".join((*path, name))
    context = click.Context(found, info_name=title, max_content_width=100, terminal_width=100, help_option_names=names)
    parts = [f"## {' '.join((*path[1:], name))}\n\n```text\n{found.get_help(context)}\n```\n"]
    if isinstance(found, click.Group):
        parts += [_section((*path, name), inner, found.commands[inner]) for inner in sorted(found.commands)]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
