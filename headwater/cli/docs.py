"""Makes docs/cli.md from the help of all commands: ``python -m headwater.cli.docs > docs/cli.md``."""

from __future__ import annotations

import sys

import click

from headwater.cli import command
from headwater.settings import SETTINGS

_HEAD = """\
<!-- Made by `python -m headwater.cli.docs > docs/cli.md` from the commands themselves. -->

# Commands

`headwater COMMAND --help` prints the same. Commands that print a result can print it as JSON: `--json`. If a server
runs, commands ask it: they find it by the file `server.json` in the data folder, or by `--server URL`. If none runs,
they open the data folder themselves.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | done, with a finding: `verify`, `doctor`, `impact`, a refused file in `load`, a Glue job that was not changed |
| 2 | wrong use, or a node or job that does not exist |
| 3 | server, store or AWS not reachable, or the data folder is open in another process |
| 4 | an internal error of Headwater |
| 5 | `impact` with a plan, SQL or schema: nothing known breaks, but something could not be checked |
| 130 | Ctrl-C |

The Tab key completes commands and options, and names of datasets, columns, jobs, queries and their parameters. Put the
line of your shell into its start file. Names of nodes come from the server that runs on the data folder, or that
`--server` or `HEADWATER_SERVER` names; without a server there are none.

```sh
eval "$(_HEADWATER_COMPLETE=bash_source headwater)"     # ~/.bashrc, bash 4.4 or later
autoload -Uz compinit && compinit                       # ~/.zshrc, if it has no such line yet
eval "$(_HEADWATER_COMPLETE=zsh_source headwater)"      # ~/.zshrc, below it
_HEADWATER_COMPLETE=fish_source headwater | source      # ~/.config/fish/config.fish
```

Begin with the last part of a name, or with the whole one: `churn_by<Tab>`, `churn_by_country#av<Tab>`,
`file:///data/lake/pipe/out<Tab>`.
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
