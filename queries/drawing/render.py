"""Lineage answers as people look at them: a tree for a terminal, plain text, Mermaid, DOT. All text is escaped."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from headwater.queries.answers.answer import Answer, Edge, Node, why_incomplete
from headwater.queries.drawing import escape
from headwater.queries.drawing.outline import FAN, Branch, outline
from headwater.queries.drawing.svg import svg

_NOTE = 100  #: characters of an expression in a line
_WIDE = 2_000  #: columns: rich needs some width, and this is longer than any line
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


def text(answer: Answer, fan: int = FAN) -> str:
    """The tree without colours, for a file or a pipe: no line is cut."""
    out = io.StringIO()
    console = Console(
        file=out, width=_WIDE, color_system=None, force_terminal=False, force_jupyter=False, legacy_windows=False
    )
    console.print(tree(answer, fan), soft_wrap=True)
    return out.getvalue()


def summary(answer: Answer) -> str:
    """How large the answer is, and whether it is all: what stands below the tree."""
    columns = sum(node.label == "column" for node in answer.nodes)
    datasets = {node.dataset for node in answer.nodes}
    jobs = {edge.job for edge in answer.edges if edge.job}
    counted = [_count(columns, "column")] if columns else []
    counted += [_count(len(datasets), "dataset"), _count(len(jobs), "job")]
    state = "complete" if answer.complete else f"not complete: {why_incomplete(answer.reason)}"
    return f"{', '.join(counted)}; {state}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


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
