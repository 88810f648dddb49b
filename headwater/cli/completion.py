"""Shell completion of the names of nodes, queries and their parameters: what follows the Tab key.

Commands and options are click's own (https://click.palletsprojects.com/en/stable/shell-completion/). Names of nodes
come from a running server alone: to open a graph takes longer than somebody waits for a Tab.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

from headwater.client import Client, running
from headwater.errors import HeadwaterError
from headwater.settings import DATA, SERVER, default_data

if TYPE_CHECKING:
    from typing import Any

    import click

_NODES = ("dataset", "column", "job")
_SHOWN = 50
_SECONDS = 2.0  #: a person waits no longer for a Tab


def nodes(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Datasets, columns and jobs with this beginning of a name, or of the last part of their id."""
    return _found(context, begun, _NODES)


def datasets(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Datasets, as `nodes`."""
    return _found(context, begun, ("dataset",))


def jobs(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Jobs, as `nodes`."""
    return _found(context, begun, ("job",))


def queries(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of canned queries, with what they answer."""
    from headwater.queries.catalogue.catalogue import BY_NAME

    return [CompletionItem(name, help=one.summary) for name, one in BY_NAME.items() if name.startswith(begun)]


def parameters(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Parameters of the query that was named, and after ``=`` their values.

    zsh and fish hand on ``job=spark`` as one word, bash as three: ``job``, ``=``, ``spark``.
    """
    from headwater.queries.catalogue.catalogue import BY_NAME

    query = BY_NAME.get(context.params.get("name") or "")
    if query is None:
        return []
    before = tuple(context.params.get("parameters") or ())
    key, is_value, value = begun.partition("=")
    written = f"{key}=" if is_value else ""
    if not is_value and before and before[-1] == "=":
        key, is_value, value = (before[-2] if len(before) > 1 else ""), "=", begun
    if not is_value:
        given = {item.partition("=")[0] for item in before}
        known = [each for each in query.parameters if each.name.startswith(begun) and each.name not in given]
        return [CompletionItem(f"{each.name}=", help=each.meaning) for each in known]
    asked = next((each for each in query.parameters if each.name == key), None)
    if asked is None:
        return []
    choices = ("true", "false") if asked.type == "boolean" else asked.choices
    items = [CompletionItem(choice) for choice in choices if choice.startswith(value)]
    if asked.type == "node":
        items = _found(context, value, asked.labels or _NODES)
    return [CompletionItem(written + item.value, help=item.help) for item in items]


@add_completion_class
class Bash(BashComplete):
    """bash, where ``file:///x`` is one word as in other shells.

    bash ends a word at a colon and an equals sign, and replaces only what follows the last of them. So the line is read
    as it was typed, and what is answered begins where bash replaces.
    """

    source_template = BashComplete.source_template.replace(
        "$(env ", '$(env COMP_LINE="${COMP_LINE:0:$COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" '
    ).replace(
        "COMPREPLY+=($value)",  # after `job=` follows its value, and no space
        "COMPREPLY+=($value); [[ $value == *= ]] && compopt -o nospace 2>/dev/null",
    )
    _kept = ""  #: the beginning of the word that bash leaves as it is

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the last one, and the last one as far as it was typed."""
        line = os.environ.get("COMP_LINE")
        if line is None:  # a start file that has the lines of an older version
            return super().get_completion_args()
        words = split_arg_string(line)
        begun = words.pop() if words and not line[-1].isspace() else ""
        if not line.split(" ")[-1].startswith(("'", '"')):  # in quotes nothing ends a word
            ends = [begun.rfind(end) for end in ":=" if end in os.environ.get("COMP_WORDBREAKS", "")]
            self._kept = begun[: max(ends, default=-1) + 1]
        return words[1:], begun

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """The type, and the value without what bash keeps."""
        value = str(item.value)
        begins = value.lower().startswith(self._kept.lower())
        return f"{item.type},{value[len(self._kept) :] if begins else value}"


def _found(context: click.Context, begun: str, labels: tuple[str, ...]) -> list[CompletionItem]:
    client = _server(context) if begun else None  # not asked where it could only list everything
    if client is None:
        return []
    dataset, hash_, column = begun.partition("#")
    try:
        if hash_:
            said = client.get("/api/v1/queries/columns", [("dataset", dataset), ("limit", 1_000)])
            names = [f"{dataset}#{row['name']}" for row in said["rows"] if row["name"].startswith(column)]
            return [CompletionItem(name) for name in names[:_SHOWN]]
        said = client.get("/api/v1/queries/search", [("q", begun), ("limit", 200)])
    except (HeadwaterError, KeyError, TypeError):
        return []  # a Tab prints no errors
    items: dict[str, str] = {}
    for row in said["rows"]:
        name = _continued(row["id"], begun) if row["label"] in labels else None
        if name:
            items.setdefault(name, row["label"])
    return [CompletionItem(name, help=label) for name, label in list(items.items())[:_SHOWN]]


def _continued(node: str, begun: str) -> str | None:
    """The shortest end of an id that begins so: people type `orders`, `staging/orders`, `/data/orders` or all of it."""
    starts = (found.end() for found in re.finditer("^|[/:]", node))
    ends = [node[start:] for start in starts if node[start:].lower().startswith(begun.lower())]
    return ends[-1] if ends else None


def _server(context: click.Context) -> Client | None:
    """The server of ``--server``, of the environment, or of the data folder; None: there is none."""
    url = context.params.get("server") or os.environ.get(SERVER.variable)
    try:
        if url:
            return Client(str(url), timeout=_SECONDS)
        return running(Path(context.params.get("data") or os.environ.get(DATA.variable) or default_data()))
    except (HeadwaterError, OSError):
        return None
