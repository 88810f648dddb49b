"""Answers as people look at them: a tree or table for a terminal, plain text, Mermaid, DOT. All text is escaped."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text
from rich.tree import Tree

from headwater.queries.answers.answer import Answer, Edge, Node, Table
from headwater.queries.drawing import escape
from headwater.queries.drawing.outline import FAN, Branch, outline
from headwater.queries.drawing.svg import svg

_NOTE = 100  #: characters of an expression in a line
_LABEL = 60  #: characters of an expression on a drawn edge
_INDIRECT = "INDIRECT"


def tree(answer: Answer, fan: int = FAN) -> Tree:
    """The answer as a rich tree: the root, below it what it comes from, with expression, kind, job."""
    top = outline(answer, fan)
    root = Tree(_line(top))
    stack = [(top, root)]
    while stack:
        branch, grown = stack.pop()
        stack.extend((child, grown.add(_line(child))) for child in branch.children)
    return root


def text(answer: Answer, width: int = 160, fan: int = FAN) -> str:
    """The tree without colours, for a file or a pipe."""
    out = io.StringIO()
    console = Console(
        file=out, width=width, color_system=None, force_terminal=False, force_jupyter=False, legacy_windows=False
    )
    console.print(tree(answer, fan), soft_wrap=True)
    return out.getvalue()


def table(answer: Answer | Table) -> RichTable:
    """Rows as a rich table; of a lineage answer its edges, those nearest to the root first."""
    if isinstance(answer, Table):
        columns = answer.columns
        rows = [[cell(column, row[column]) for column in columns] for row in answer.rows]
    else:
        columns = ("target", "source", "type", "subtype", "expression", "job", "notes")
        rows = [list(map(escape.terminal, row)) for row in _edge_rows(answer)]
    shown = RichTable(show_edge=False, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for cells in rows:
        shown.add_row(*map(Text, cells))
    return shown


def mermaid(answer: Answer) -> str:
    """A Mermaid flow chart, left to right as the data flows; each dataset is a box around its columns."""
    names = {node.id: f"n{number}" for number, node in enumerate(answer.nodes)}
    lines = ["flowchart LR"]
    for number, (dataset, members) in enumerate(_by_dataset(answer).items()):
        boxed = any(node.label == "column" for node in members)
        if boxed:
            lines.append(f'  subgraph d{number}["{escape.mermaid(dataset)}"]')
        lines.extend(f"    {names[node.id]}{_shape(node)}" for node in members)
        if boxed:
            lines.append("  end")
    for edge in answer.edges:
        arrow = "-.->" if edge.type == _INDIRECT else "-->"
        label = escape.mermaid(escape.shorten(_edge_label(edge), _LABEL))
        lines.append(f'  {names[edge.source]} {arrow}|"{label}"| {names[edge.target]}')
    if answer.root in names:
        lines.append(f"  style {names[answer.root]} stroke-width:3px")
    return "\n".join(lines) + "\n"


def dot(answer: Answer) -> str:
    """A Graphviz digraph, left to right as the data flows; each dataset is a cluster of its columns."""
    names = {node.id: f"n{number}" for number, node in enumerate(answer.nodes)}
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    for number, (dataset, members) in enumerate(_by_dataset(answer).items()):
        lines.append(f'  subgraph cluster_{number} {{ label="{escape.dot(dataset)}";')
        for node in members:
            weight = ", penwidth=3" if node.id == answer.root else ""
            lines.append(f'    {names[node.id]} [label="{escape.dot(_node_label(node))}"{weight}];')
        lines.append("  }")
    for edge in answer.edges:
        style = ", style=dashed" if edge.type == _INDIRECT else ""
        label = escape.dot(escape.shorten(_edge_label(edge), _LABEL))
        lines.append(f'  {names[edge.source]} -> {names[edge.target]} [label="{label}"{style}];')
    return "\n".join([*lines, "}"]) + "\n"


#: What `--format` takes for a lineage answer, as text.
FORMATS: dict[str, Callable[[Answer], str]] = {"mermaid": mermaid, "dot": dot, "text": text, "svg": svg}


def _line(branch: Branch) -> Text:
    title = "yellow" if branch.mark in ("cut", "folded") else "bold"
    line = Text(escape.terminal(branch.title), style=title)
    for note in branch.notes:
        line.append("  ")
        line.append(escape.shorten(escape.terminal(note), _NOTE), style="cyan")
    if branch.mark == "shown above":
        line.append("  (shown above)", style="dim")
    return line


def _by_dataset(answer: Answer) -> dict[str, list[Node]]:
    """The nodes by the dataset that they belong to, in the order of the answer."""
    groups: dict[str, list[Node]] = {}
    for node in answer.nodes:
        groups.setdefault(node.dataset, []).append(node)
    return groups


def _shape(node: Node) -> str:
    label = escape.mermaid(_node_label(node))
    return f'(["{label}"])' if node.label == "dataset" else f'["{label}"]'


def _node_label(node: Node) -> str:
    constant = f" = {escape.shorten(node.expression, _LABEL)}" if node.origin and node.expression else ""
    return f"{node.name}{constant}"


def _edge_label(edge: Edge) -> str:
    if edge.columns is not None:
        return f"{edge.columns} columns" if edge.columns != 1 else "1 column"
    masked = " (masked)" if edge.masking else ""
    return (edge.expression or (edge.subtype or edge.type).lower()) + masked


def _edge_rows(answer: Answer) -> Iterator[tuple[str, ...]]:
    distance = {node.id: node.distance for node in answer.nodes}
    flags = (("masked", lambda edge: edge.masking), ("not exact", lambda edge: not edge.exact))
    for edge in sorted(answer.edges, key=lambda edge: (distance[edge.target], distance[edge.source], edge.order)):
        notes = ", ".join(word for word, holds in flags if holds(edge))
        yield edge.target, edge.source, edge.type, edge.subtype or "", edge.expression or "", edge.job or "", notes


def cell(column: str, value: Any) -> str:
    """A value as people read it: times in UTC, durations in seconds."""
    if value is None:
        return ""
    if column in _CELLS:
        return _CELLS[column](value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape.terminal(", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))


def interval(milliseconds: int) -> str:
    """A length of time in its largest fitting unit: `1 day`, `1.5 hours`."""
    size, unit = next(((size, unit) for size, unit in _UNITS if milliseconds >= size), _UNITS[-1])
    number = f"{milliseconds / size:.1f}".removesuffix(".0")
    return f"{number} {unit}{'' if number == '1' else 's'}"


def _time(milliseconds: int) -> str:
    """Years that a datetime cannot hold are shown as the number they are."""
    try:
        moment = dt.datetime.fromtimestamp(milliseconds / 1000, dt.timezone.utc)
    except (OverflowError, ValueError, OSError):
        return str(milliseconds)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


_UNITS = ((86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second"))
#: Columns of tables whose numbers are times.
_CELLS: dict[str, Callable[[int], str]] = {
    **dict.fromkeys(("timestamp", "lastRun", "lastWrite", "at", "overwrittenAt", "statedAt"), _time),
    "durationNs": lambda nanoseconds: f"{nanoseconds / 1e9:.1f} s",
    "intervalMs": interval,
}
