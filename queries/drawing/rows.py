"""Rows as people read them: within the width of a terminal, as CSV, and as HTML. All text is escaped.

A column that fits stands in a line of its row. What does not fit follows below that line, indented, under its name. So
no column gets so narrow that its words break. Ids of runs and plans are as short as tells them apart in this table
(queries take such a beginning of an id); what all names begin with is said once.

Not here: which rows and columns there are (`answers.answer`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rich.cells import cell_len

from headwater.graphmodel.ids import OPENLINEAGE_PLAN
from headwater.queries.answers.answer import TIMES, Answer, Edge, Table, moment
from headwater.queries.drawing import escape

#: Columns whose text is somebody's words or code: nothing in it is an id or a name to shorten.
_FREE_TEXT = frozenset(
    {"expression", "error", "reason", "rule", "description", "cause", "pattern", "name", "value", "businessName"}
)
_CODE = frozenset({"before", "after"})  #: expressions; in `schema-drift` they are plans
_USUAL = {"ambiguous": False, "resolved": True}  #: columns that warn -> their value where there is nothing to say
_ID = re.compile(r"(run|plan):[^/]+\Z", re.DOTALL)
_OPERATION = re.compile(r"plan:[^/]+/", re.DOTALL)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_SCHEME = re.compile(r"[^/]*/+")  #: what tells nothing of a place: `s3://`, and `file:/` of `file:/a` and `file:///a`
_SHORTEST_ID = 8  #: characters: two of a million ids share so many with a chance of a few per cent; then it is longer
_WITH_LETTERS = 13  #: characters of an id that begins with digits alone, which would be read as a time where one may be

_GAP = 2  #: blanks between columns
_INDENT = 4  #: blanks before what follows below a line
_NARROWEST, _WIDEST = 60, 200  #: columns of a terminal: within fewer no name fits; longer lines are hard to read
_FIRST = 3  #: columns that stand in the line before others do: the first ones say which row it is
_LINES = 6  #: lines of one value
_SHORT = 48  #: characters of a value below a line that shares its line with others


@dataclass(frozen=True)
class Layout:
    """A table as texts: `notes` stand above it."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def plain(answer: Answer | Table, width: int) -> str:
    """Rows as text, with lines of at most `width` columns; of a lineage answer its edges, the nearest first."""
    table = answer if isinstance(answer, Table) else edges(answer)
    return "\n".join(lines(layout(table), width))


def layout(table: Table) -> Layout:
    """The texts of a table, without the columns that are empty in each row."""
    filled = [name for name in table.columns if any(_is_said(name, row[name]) for row in table.rows)]
    short = _Shortening(table, filled or list(table.columns))
    rows = tuple(tuple(short.cell(name, row[name]) for name in short.columns) for row in table.rows)
    return Layout(tuple(map(heading, short.columns)), rows, short.notes())


def _is_said(column: str, value: Any) -> bool:
    return value not in (None, "", []) and value is not _USUAL.get(column)


def lines(shown: Layout, width: int) -> Iterator[str]:
    """The lines of a table, none longer than `width` columns (from 60 to 200), but for a word that is longer."""
    width = min(max(width, _NARROWEST), _WIDEST)
    yield from shown.notes
    widths = [max(map(cell_len, column)) for column in zip(shown.headings, *shown.rows, strict=True)]
    inside = _inside(widths, width)
    yield _line((shown.headings[n], widths[n]) for n in inside)
    yield "─" * (sum(widths[n] + _GAP for n in inside) - _GAP)
    for row in shown.rows:
        yield _line((row[n], widths[n]) for n in inside)
        below = [(shown.headings[n], row[n]) for n in range(len(row)) if n not in inside and row[n]]
        yield from _below(below, width - _INDENT)


def _inside(widths: Sequence[int], width: int) -> list[int]:
    """The numbers of the columns that stand in the line of a row: the first ones, then the narrowest."""
    order = sorted(range(len(widths)), key=lambda n: (n >= _FIRST, widths[n] if n >= _FIRST else n))
    left, chosen = width + _GAP, []
    for number in order:
        if widths[number] + _GAP <= left:
            left -= widths[number] + _GAP
            chosen.append(number)
    return sorted(chosen or order[:1])


def _line(cells: Iterable[tuple[str, int]]) -> str:
    return (" " * _GAP).join(text + " " * (width - cell_len(text)) for text, width in cells).rstrip()


def _below(values: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Lines of what does not fit beside the others: short values share lines, a long one has its own."""
    line = ""
    for name, text in sorted(values, key=lambda value: len(value[1]) > _SHORT):
        said = f"{name}: {text}"
        if line and (len(text) > _SHORT or cell_len(line) + _GAP + cell_len(said) > width):
            yield " " * _INDENT + line
            line = ""
        if len(text) <= _SHORT:
            line += f"{' ' * _GAP if line else ''}{said}"
            continue
        wrapped = list(_wrapped(said, width))
        if len(wrapped) > _LINES:
            wrapped = [*wrapped[: _LINES - 2], "  …", wrapped[-1]]
        yield from (" " * _INDENT + part for part in wrapped)
    if line:
        yield " " * _INDENT + line


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Lines of at most `width` columns, broken behind a blank, a bracket or a comma: code often has no blanks."""
    line = ""
    for part in _PARTS.findall(text):
        if line.strip() and cell_len((line + part).rstrip()) > width:
            yield line.rstrip()
            line = "  "
        line += part
        while cell_len(line.rstrip()) > width:  # one word alone
            yield line[:width]
            line = "  " + line[width:]
    if line.strip():
        yield line.rstrip()


_PARTS = re.compile(r"[^\s(,]*[(,\s]\s*|[^\s(,]+")


class _Shortening:
    """What the ids and names of one table have in common, and its cells without that."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        said = [text for row in table.rows for name in columns for text in _ids(name, row[name])]
        ids: dict[str, set[str]] = {"run": set(), "plan": set()}
        for text in said:
            if _ID.match(text):
                kind, rest = _parts(text)
                ids[kind].add(rest)
        self._lengths = {kind: _length(found) for kind, found in ids.items()}
        self._prefixes = (
            _common([text for text in said if _URI.match(text)]),
            _common([text for text in said if _OPERATION.match(text)]),
        )

    def notes(self) -> tuple[str, ...]:
        """What stands above the table."""
        return tuple(
            f"{what} begin with {escape.terminal(prefix)}"
            for what, prefix in zip(("names", "ids"), self._prefixes, strict=True)
            if prefix
        )

    def cell(self, column: str, value: Any) -> str:
        """A value as people read it, escaped."""
        if value is None:
            return ""
        if column in TIMES and isinstance(value, int):
            return time(value)
        if column in _UNITS:
            return _UNITS[column](value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, (list, tuple)):
            return escape.terminal(", ".join(self._short(column, str(item)) for item in value))
        return escape.terminal(self._short(column, str(value)))

    def _short(self, column: str, text: str) -> str:
        if not list(_ids(column, text)):
            return text
        if _ID.match(text):
            kind, rest = _parts(text)
            short = rest[: self._lengths[kind]]
            return rest[:_WITH_LETTERS] if short.isdigit() else short
        prefix = next((prefix for prefix in self._prefixes if prefix and text.startswith(prefix)), "")
        return text[len(prefix) :].removeprefix("job:")


def _ids(column: str, value: Any) -> Iterator[str]:
    """The texts in a cell that may be ids or names."""
    if column in _FREE_TEXT:
        return
    for text in value if isinstance(value, (list, tuple)) else (value,):
        if isinstance(text, str) and (column not in _CODE or _ID.match(text)):
            yield text


def _parts(text: str) -> tuple[str, str]:
    """An id as ``run`` or ``plan``, and what tells it from others: behind the word that all of OpenLineage share."""
    kind, _, rest = text.partition(":")
    return kind, rest.removeprefix(OPENLINEAGE_PLAN)


def _length(ids: set[str]) -> int:
    """How many characters tell them apart, at least `_SHORTEST_ID`."""
    ordered = sorted(ids)
    shared = (_shared(a, b) for a, b in pairwise(ordered))
    return max(_SHORTEST_ID, 1 + max(shared, default=0))


def _shared(a: str, b: str) -> int:
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _common(names: Sequence[str]) -> str:
    """What all names begin with, up to a ``/``; empty where that is a scheme alone, or there is one name."""
    if len(set(names)) < 2:  # noqa: PLR2004 - a single name is shown whole
        return ""
    first, last = min(names), max(names)
    prefix = first[: _shared(first, last)]
    prefix = prefix[: prefix.rfind("/") + 1]
    return "" if _SCHEME.fullmatch(prefix) and not _OPERATION.match(prefix) else prefix


def heading(column: str) -> str:
    """The name of a column in words: `sources added` for ``sourcesAdded``."""
    words = _HEADINGS.get(column) or re.sub("[A-Z]", lambda found: f" {found[0].lower()}", column)
    return f"{words} (UTC)" if column in TIMES else words


def time(milliseconds: int) -> str:
    """A time in UTC, to the second, which `--as-of` takes. Years that a datetime cannot hold stay a number."""
    at = moment(milliseconds)
    return str(milliseconds) if at is None else at.strftime("%Y-%m-%d %H:%M:%SZ")


def interval(milliseconds: float) -> str:
    """A length of time in its largest fitting unit: `1 day`, `1.5 hours`."""
    size, unit = next(((size, unit) for size, unit in _LENGTHS if milliseconds >= size), _LENGTHS[-1])
    number = f"{milliseconds / size:.1f}".removesuffix(".0")
    return f"{number} {unit}{'' if number == '1' else 's'}"


def duration(nanoseconds: int) -> str:
    """How long something took: `0.7 s`, `3.4 min`, `1.5 h`."""
    seconds = nanoseconds / 1e9
    size, unit = next(((size, unit) for size, unit in ((3_600, "h"), (60, "min")) if seconds >= size), (1, "s"))
    return f"{seconds / size:.1f} {unit}"


_LENGTHS = ((86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second"))
_UNITS: Mapping[str, Callable[[int], str]] = {"durationNs": duration, "intervalMs": interval}
_HEADINGS = {"timestamp": "time", "durationNs": "duration", "intervalMs": "usually every"}


def as_csv(answer: Answer | Table) -> str:
    """Rows as CSV (RFC 4180): whole ids, times as ISO 8601, one line a row."""
    table = answer if isinstance(answer, Table) else edges(answer)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow(_csv_cell(name, row[name]) for name in table.columns)
    return out.getvalue()


def _csv_cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    at = moment(value) if column in TIMES and isinstance(value, int) else None
    if at is not None:
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return escape.csv_cell("; ".join(map(str, value)))
    return str(value) if isinstance(value, (int, float)) else escape.csv_cell(str(value))


def as_html(table: Table) -> str:
    """Rows as an HTML table for a notebook: left-aligned, ids in short with the whole one on hovering."""
    shown = layout(table)
    filled = [name for name in table.columns if heading(name) in shown.headings]
    style = " style='text-align:left'"
    head = "".join(f"<th{style}>{escape.html_text(name)}</th>" for name in shown.headings)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{style} title='{escape.html_text(_whole(row[name]))}'>{escape.html_text(text)}</td>"
            for name, text in zip(filled, cells, strict=True)
        )
        + "</tr>"
        for row, cells in zip(table.rows, shown.rows, strict=True)
    )
    notes = "".join(f"<div>{escape.html_text(note)}</div>" for note in shown.notes)
    return f"{notes}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _whole(value: Any) -> str:
    items = value if isinstance(value, (list, tuple)) else [value]
    return ", ".join(str(item) for item in items if item is not None)


def edges(answer: Answer) -> Table:
    """The edges of a lineage answer as rows, those nearest to the root first."""
    distance = {node.id: node.distance for node in answer.nodes}
    ordered = sorted(answer.edges, key=lambda edge: (distance[edge.target], distance[edge.source], edge.order))
    return Table("edges", {}, _EDGE, tuple(map(_edge, ordered)), None, answer.reason)


_EDGE = ("target", "source", "type", "subtype", "expression", "job", "notes")


def _edge(edge: Edge) -> Mapping[str, Any]:
    flags = ((edge.masking, "masked"), (not edge.exact, "not exact"), (not edge.certain, "not certain"))
    notes = ", ".join(word for holds, word in flags if holds)
    return {**{name: getattr(edge, name) for name in _EDGE[:-1]}, "notes": notes or None}
