"""An impact answer drawn: for a terminal, as CSV, as Markdown for a pull request. All text is escaped."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from headwater.queries.answers.grades import GRADES, Grade
from headwater.queries.answers.impact import Impact
from headwater.queries.drawing import escape, impact_html, impact_rows
from headwater.queries.drawing.impact_rows import COLUMNS, FAN, Fold, Row

STYLES = {Grade.BREAKS: "bold red", Grade.CHANGES_VALUE: "yellow", Grade.MAY_CHANGE_ROWS: "cyan", Grade.STOPS: "dim"}
_HEAD = ("", "columns", "datasets", "jobs")
_WHERE_ALL = "all of them: --all, or --json"


def console(impact: Impact, fan: int | None = FAN) -> RenderableType:
    """For a terminal: totals first, then what is affected, the worst first, each column with its path below it."""
    lines = list(impact_rows.lines(impact, fan))
    notes = [f"not graded, columns unknown: {line}" for line in impact_rows.unknown(impact)]
    notes += [_WHERE_ALL] if any(isinstance(line, Fold) for line in lines) else []
    return Group(
        Text(escape.terminal(impact_rows.title(impact)), style="bold"),
        "",
        _totals(impact),
        *(part for grade in GRADES for part in _listed(grade, [line for line in lines if line.grade == grade.value])),
        "",
        *(Text(escape.terminal(note), style="dim") for note in notes),
        Text(impact_rows.state(impact)),
    )


def _listed(grade: Grade, lines: Sequence[Row | Fold]) -> Iterator[Text]:
    if lines:
        yield Text(f"\n{impact_rows.words(grade.value)}", style=STYLES[grade])
    for line in lines:
        if isinstance(line, Fold):
            yield Text(escape.terminal(f"  {line}"), style="yellow")
            continue
        hops = f"{line.distance} hop{'' if line.distance == '1' else 's'}"
        yield Text(escape.terminal(f"  {hops:<8}{line.label:<8} {line.id}"))
        below = ([line.path] if line.label == "column" else []) + [line.by]
        yield from (Text(escape.terminal(f"{'':<19}{text}"), style="dim") for text in below if text)


def plain(impact: Impact, fan: int | None = FAN, width: int = 160) -> str:
    """The same without colours, for a file or a pipe."""
    out = io.StringIO()
    plain = Console(file=out, width=width, color_system=None, force_terminal=False, force_jupyter=False)
    plain.print(console(impact, fan), soft_wrap=True)
    return out.getvalue()


def _totals(impact: Impact) -> Table:
    shown = _table(_HEAD)
    for grade, cells in zip(GRADES, impact_rows.totals(impact), strict=True):
        shown.add_row(Text(cells[0], style=STYLES[grade]), *map(Text, cells[1:]))
    return shown


def _table(columns: Iterable[str]) -> Table:
    shown = Table(show_edge=False, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    return shown


def as_csv(impact: Impact) -> str:
    """All of it as CSV (RFC 4180), one row an affected node; no cell is a formula to a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for line in impact_rows.lines(impact, None):
        if isinstance(line, Row):
            writer.writerow(map(escape.csv_cell, line))
    return out.getvalue()


def markdown(impact: Impact, fan: int | None = FAN) -> str:
    """For a pull request: the totals, the jobs and datasets that break; columns and all the rest are folded."""
    return "\n".join(_markdown(impact, fan)) + "\n"


def _markdown(impact: Impact, fan: int | None) -> Iterator[str]:
    yield f"### Impact: {impact.change} of {escape.markdown(impact.root)}\n"
    yield from markdown_table(("", *_HEAD[1:]), impact_rows.totals(impact))
    lines = list(impact_rows.lines(impact, fan))
    breaking = [line for line in lines if _open(line)]
    if breaking:
        yield "\n**Breaks**\n"
        yield from _section(breaking)
    for grade in GRADES:
        rest = [line for line in lines if line.grade == grade.value and not _open(line)]
        if rest:
            yield from ("\n<details>", f"<summary>{impact_rows.words(grade.value)}, with paths</summary>\n")
            yield from _section(rest)
            yield "\n</details>"
    yield from (f"\nNot graded, columns unknown: {escape.markdown(line)}" for line in impact_rows.unknown(impact))
    yield f"\n{impact_rows.state(impact).capitalize()}."


def _open(line: Row | Fold) -> bool:
    return line.grade == Grade.BREAKS.value and line.label != "column"


def _section(lines: Sequence[Row | Fold]) -> Iterator[str]:
    rows = [
        (line.label, escape.markdown(line.id), line.distance, escape.markdown(line.path), escape.markdown(line.by))
        for line in lines
        if isinstance(line, Row)
    ]
    yield from markdown_table(("what", "id", "hops", "path", "written by"), rows)
    yield from (
        f"\n{line.label}s: +{line.more:,} more behind {escape.markdown(line.hub)}"
        for line in lines
        if isinstance(line, Fold)
    )


def markdown_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """The lines of a table; the cells are escaped."""
    head = list(head)
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(cells)} |" for cells in rows)


def text(impact: Impact, format_: str, fan: int | None = FAN) -> str:
    """As text in one of `FORMATS`. CSV and HTML are never folded."""
    return FORMATS[format_](impact, fan)


FORMATS: dict[str, Callable[[Impact, int | None], str]] = {
    "csv": lambda impact, _fan: as_csv(impact),
    "markdown": markdown,
    "html": lambda impact, _fan: impact_html.page(impact),
}
