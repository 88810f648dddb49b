"""An impact answer as a page of its own: one file, no script, no network, a picture inside. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headwater.graphmodel.ids import split_node
from headwater.queries.answers.answer import Answer, Node
from headwater.queries.answers.grades import GRADES, Grade
from headwater.queries.answers.impact import Impact
from headwater.queries.drawing import impact_rows
from headwater.queries.drawing.escape import html_text
from headwater.queries.drawing.impact_rows import Row
from headwater.queries.drawing.svg import svg

_STYLE = """\
body { font: 14px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #1f2933;
  background: #fff; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { border-bottom: 1px solid #e4e7eb; padding: .25em .75em .25em 0; text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; }
.picture { overflow-x: auto; }
.breaks { color: #ab091e; } .changes-value { color: #8d2b0b; } .may-change-rows { color: #035388; }
.stops, .note { color: #616e7c; }
@media print {
  body { margin: 0; max-width: none; font-size: 10px; }
  .picture { overflow: visible; }
  .picture svg { max-width: 100% !important; height: auto; }
  tr, h2 { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""
_HEAD = ("what", "id", "hops", "path", "written by", "owner")
_TITLES = ("", "columns", "datasets", "jobs")


def page(impact: Impact, facts: Iterable[str] = ()) -> str:
    """The whole page: totals, the picture of the paths, then all that is affected, the worst first.

    `facts` stand below the title: when it was asked, and of whom. Nothing is folded: what is printed or sent by mail
    has to say all, and the tables say all that the picture does, since many programs for mail show no picture.
    """
    return "\n".join(_page(impact, facts)) + "\n"


def _page(impact: Impact, facts: Iterable[str]) -> Iterator[str]:
    title = html_text(f"Impact: {impact_rows.title(impact)}")
    yield f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>'
    yield f"<style>\n{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>"
    yield from (f'<p class="note">{html_text(fact)}</p>' for fact in facts)
    yield from _totals(impact)
    if impact.edges:
        yield f'<div class="picture">{svg(picture(impact))}</div>'
    yield from _affected(impact)
    yield f'<p class="note">{html_text(impact_rows.state(impact))}</p>\n</body>\n</html>'


def tables(impact: Impact) -> str:
    """The tables of the page alone, for a notebook, which brings its own style."""
    state = f"<p>{html_text(impact_rows.state(impact))}</p>"
    return "\n".join((*_totals(impact), *_affected(impact), state)).replace("<th>", _LEFT_TH).replace("<td>", _LEFT_TD)


_LEFT_TH, _LEFT_TD = "<th style='text-align:left'>", "<td style='text-align:left'>"  #: notebooks align right


def _totals(impact: Impact) -> Iterator[str]:
    rows = zip(GRADES, impact_rows.totals(impact), strict=True)
    yield from _table(_TITLES, ((_graded(grade, cells[0]), *cells[1:]) for grade, cells in rows))


def _affected(impact: Impact) -> Iterator[str]:
    rows_of = [line for line in impact_rows.lines(impact, None) if isinstance(line, Row)]
    for grade in GRADES:
        yield from _section(grade, [row for row in rows_of if row.grade == grade.value])
    yield from (f"<p>Not graded, columns unknown: {html_text(line)}</p>" for line in impact_rows.unknown(impact))


def _section(grade: Grade, rows: list[Row]) -> Iterator[str]:
    if not rows:
        return
    yield f"<h2>{_graded(grade, impact_rows.words(grade.value))}</h2>"
    cells = ((row.label, row.id, row.distance, row.path, row.writer, row.owner) for row in rows)
    yield from _table(_HEAD, (tuple(map(html_text, row)) for row in cells))


def _graded(grade: Grade, text: str) -> str:
    return f'<span class="{grade.value}">{html_text(text)}</span>'


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """The lines of a table; the cells are escaped."""
    yield f"<table>\n<thead><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr></thead>\n<tbody>"
    yield from (f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    yield "</tbody>\n</table>"


def picture(impact: Impact) -> Answer:
    """The paths as a lineage answer, which can be drawn: each node at its distance."""
    distances = {item.id: item.distance for item in impact.affected}
    ends = dict.fromkeys(node for edge in impact.edges for node in (edge.source, edge.target))
    nodes = sorted((_node(node, distances.get(node, 0)) for node in ends), key=lambda node: (node.distance, node.id))
    kept = (impact.root, "downstream", impact.depth, "all", impact.as_of)
    return Answer(*kept, tuple(nodes), impact.edges, impact.complete, impact.reason)


def _node(node: str, distance: int) -> Node:
    dataset, column = split_node(node)
    label = "dataset" if column is None else "column"
    return Node(node, label, column or impact_rows.short(dataset), dataset, distance, "downstream")
