"""The ways between two nodes as text, one hop a line. All text is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from rich.console import Group, RenderableType
from rich.text import Text

from headwater.queries.answers.answer import Answer, Edge, Table, why_incomplete
from headwater.queries.answers.paths import Paths
from headwater.queries.drawing import escape, render

_NOTE = 100  #: characters of an expression in a line

#: What a row of `table` has: one step of one path. A step from a dataset to its own column has no type.
COLUMNS = ("path", "step", "source", "target", "type", "subtype", "masking", "expression", "job")


def console(found: Paths) -> RenderableType:
    """For a terminal: each way with its expressions and jobs, then how much there is."""
    return Group(*_lines(found))


def plain(found: Paths) -> str:
    """The same without colours."""
    return "\n".join(line.plain for line in _lines(found)) + "\n"


def table(found: Paths) -> Table:
    """One row for each edge of each step of each path, in the direction of the data; paths and steps count from 1."""
    edges = _by_ends(found)
    rows = (
        {"path": path, "step": step, "source": before, "target": node, **_cells(edge)}
        for path, way in enumerate(found.paths, 1)
        for step, (before, node) in enumerate(pairwise(way), 1)
        for edge in edges.get((before, node), (None,))
    )
    return Table("paths", {"from": found.start, "to": found.end}, COLUMNS, tuple(rows), reason=found.reason)


def _cells(edge: Edge | None) -> dict[str, object]:
    return {name: getattr(edge, name, None) for name in COLUMNS[4:]}


def _by_ends(found: Paths) -> Mapping[tuple[str, str], Sequence[Edge]]:
    edges: dict[tuple[str, str], list[Edge]] = {}
    for edge in found.edges:
        edges.setdefault((edge.source, edge.target), []).append(edge)
    return edges


def _lines(found: Paths) -> Iterator[Text]:
    edges = _by_ends(found)
    for number, way in enumerate(found.paths):
        if number:
            yield Text("")
        yield Text(escape.terminal(way[0]), style="bold")
        for before, node in pairwise(way):
            yield _hop(node, edges.get((before, node), ()))
    yield Text(f"\n{summary(found)}" if found.paths else summary(found))


def _hop(node: str, edges: Sequence[Edge]) -> Text:
    line = Text(f"  → {escape.terminal(node)}", style="bold")
    for note in dict.fromkeys(map(_note, edges)) or ("a column of it",):
        line.append(f"\n      {escape.terminal(note)}", style="not bold cyan")
    return line


def _note(edge: Edge) -> str:
    kind = (edge.subtype or edge.type).lower() + (" (indirect)" if edge.type == "INDIRECT" else "")
    masked = "masked" if edge.masking else ""
    parts = (escape.shorten(edge.expression or "", _NOTE), kind, masked, (edge.job or "").removeprefix("job:"))
    return ", ".join(filter(None, parts))


def summary(found: Paths) -> str:
    """One line: how many ways, through how much, and whether that is all."""
    if not found.paths:
        none = f"no path between {found.start} and {found.end}, in either direction"
        return none if found.complete else f"{none}, as far as was looked: {why_incomplete(found.reason)}"
    count = _counted(found.paths, "path")
    size = f"{_counted(found.nodes, 'node')} and {_counted(found.edges, 'edge')}"
    state = "complete" if found.complete else f"not complete: {why_incomplete(found.reason)}"
    return f"{count}; {size} between the two; {state}"


def _counted(found: Sequence[object], name: str) -> str:
    return f"{len(found):,} {name}{'' if len(found) == 1 else 's'}"


def picture(found: Paths) -> Answer:
    """The ways as a lineage answer, for Mermaid and DOT."""
    root = found.end if found.direction == "upstream" else found.start
    return Answer(root, "downstream", None, found.type, found.as_of, found.nodes, found.edges)


#: What `--format` takes for ways, as text.
FORMATS: Mapping[str, Callable[[Answer], str]] = {"mermaid": render.mermaid, "dot": render.dot}
