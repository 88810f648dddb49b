"""A lineage answer drawn as SVG: one self-contained text, no script, no network, readable on light and dark pages."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Iterable, Iterator

from headwater.queries.answers.answer import Answer, Edge, Node
from headwater.queries.drawing import escape
from headwater.queries.drawing.picture import HEAD, ROW, WIDTH, Box, Line, picture

_CHARACTERS = 30  #: of the 12-pixel font, of a name in a box; the expression takes as much room at its right
_HEAD_CHARACTERS = 52
_ARROW = 6
_PAPER, _INK, _PALE, _ROOT, _HEAD = "#ffffff", "#1f2933", "#6b7785", "#fff3c4", "#e4e7eb"
_GREY = "#52606d"
_DIRECT, _INDIRECT, _MASKED = "#1d6fb8", "#6b7785", "#ab091e"  # lines need 3:1 on white, text 4.5:1
_NAMESPACE = "xmlns='http://www.w3.org/2000/svg'"  # a name: nothing is fetched from there
_FONT = "font-family='system-ui,sans-serif' font-size='12'"


def svg(answer: Answer) -> str:
    """The picture: solid lines are DIRECT, dashed ones INDIRECT, red ones masked, dotted ones not certain.

    A box has the dataset, the job that writes it, and its columns, each with the expression that makes it. Hovering
    over a name shows it in full, over a line its expression and job.
    """
    drawn = picture(answer)
    told = _Told(answer.edges)
    notes = [f"+{drawn.folded:,} more datasets"] if drawn.folded else []
    notes += [] if answer.complete else [f"not complete: {answer.reason}"]
    height = drawn.height + ROW * bool(notes)
    title = f"{answer.direction} lineage of {answer.root}"
    # Notebooks shrink a picture to the width of their page: its text could not be read any more.
    size = (
        f"width='{drawn.width:g}' height='{height:g}' viewBox='0 0 {drawn.width:g} {height:g}' style='max-width:none'"
    )
    parts = [
        f"<svg {_NAMESPACE} role='img' aria-label='{_text(title)}' {_FONT} {size}>",
        f"<rect width='100%' height='100%' fill='{_PAPER}'/>",
        *map(_line, drawn.lines),
        *(part for box in drawn.boxes for part in _box(box, answer.root, told)),
    ]
    if notes:
        parts.append(_words(12, drawn.height + 4, "; ".join(notes), _INK))
    return "\n".join([*parts, "</svg>"])


class _Told:
    """What the edges say of their targets: who writes a dataset, and what makes a column."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self._jobs: dict[str, set[str]] = defaultdict(set)
        self._expressions: dict[str, set[str]] = defaultdict(set)
        for edge in edges:
            if edge.job:
                self._jobs[edge.target.partition("#")[0]].add(edge.job.removeprefix("job:"))
            if edge.expression and edge.type == "DIRECT":
                self._expressions[edge.target].add(edge.expression)

    def job(self, dataset: str) -> str:
        """`by spark/orders`; empty for what no job of the answer writes."""
        jobs = sorted(self._jobs[dataset])
        return "" if not jobs else f"by {jobs[0]}" if len(jobs) == 1 else f"by {len(jobs)} jobs"

    def expression(self, node: Node) -> str:
        """Empty for a column that is copied under its own name, and where it is not known."""
        found = sorted(self._expressions[node.id] - {node.name})
        return "" if not found else found[0] if len(found) == 1 else f"{len(found)} expressions"


def _box(box: Box, root: str, told: _Told) -> Iterator[str]:
    fill = _ROOT if box.dataset == root else _HEAD
    yield f"<g><rect x='{box.x:g}' y='{box.y:g}' width='{WIDTH}' height='{box.height:g}' rx='4' fill='{_PAPER}'"
    yield f" stroke='{_PALE}'/><rect x='{box.x:g}' y='{box.y:g}' width='{WIDTH}' height='{HEAD}' rx='4' fill='{fill}'/>"
    yield _words(box.x + 8, box.y + 17, _short(box.dataset), _INK, box.dataset, bold=True)
    job = told.job(box.dataset)
    if job:
        yield _words(box.x + 8, box.y + 34, escape.shorten(job, _HEAD_CHARACTERS), _GREY, job)
    for number, node in enumerate(box.columns):
        top = box.y + HEAD + ROW * number
        if node.id == root:
            yield f"<rect x='{box.x + 1:g}' y='{top:g}' width='{WIDTH - 2}' height='{ROW}' fill='{_ROOT}'/>"
        yield _words(box.x + 8, top + 14, escape.shorten(_name(node), _CHARACTERS), _INK, _told(node))
        made = told.expression(node)
        if made:
            room = 2 * _CHARACTERS - 4 - min(len(_name(node)), _CHARACTERS)
            yield _words(box.x + WIDTH - 8, top + 14, escape.shorten(made, room), _GREY, made, end=True)
    if box.folded:
        yield _words(box.x + 8, box.y + box.height - 6, f"+{box.folded:,} more", _PALE)
    yield "</g>"


def _line(line: Line) -> str:
    """Curves between the layers; straight where it passes one, so that no line hides behind a box."""
    (x, y), (to_x, to_y) = line.start, line.end
    tip = to_x - _ARROW
    backwards = to_x < x
    path, last_x, last_y = f"M{x:g},{y:g}", x, y
    for left, middle in line.passes:
        near, far = (left + WIDTH, left) if backwards else (left, left + WIDTH)
        path += f"{_curve(last_x, last_y, near, middle)} H{far:g}"
        last_x, last_y = far, middle
    path += _curve(last_x, last_y, tip, to_y)
    colour = _colour(line.edge)
    arrow = f"M{tip:g},{to_y - 3:g} L{to_x:g},{to_y:g} L{tip:g},{to_y + 3:g} Z"
    return (
        f"<g><title>{_text(_edge_told(line.edge))}</title>"
        f"<path d='{path}' fill='none' stroke='{colour}' stroke-width='1.4'{_dash(line.edge)}/>"
        f"<path d='{arrow}' fill='{colour}'/></g>"
    )


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = max(40.0, abs(to_x - x) / 2)
    return f" C{x + bend:g},{y:g} {to_x - bend:g},{to_y:g} {to_x:g},{to_y:g}"


def _colour(edge: Edge) -> str:
    if edge.masking:
        return _MASKED
    return _DIRECT if edge.type == "DIRECT" else _INDIRECT


def _dash(edge: Edge) -> str:
    if not edge.certain:
        return " stroke-dasharray='2 3'"
    return "" if edge.type == "DIRECT" else " stroke-dasharray='6 3'"


def _words(x: float, y: float, text: str, colour: str, told: str = "", *, bold: bool = False, end: bool = False) -> str:
    """A text that begins at x, or ends there."""
    title = f"<title>{_text(told)}</title>" if told else ""
    weight = (" font-weight='600'" if bold else "") + (" text-anchor='end'" if end else "")
    return f"<text x='{x:g}' y='{y:g}' fill='{colour}'{weight}>{title}{_text(text)}</text>"


def _short(uri: str) -> str:
    """The end of a dataset's name: what people know it by."""
    last = "/".join(uri.rstrip("/").rsplit("/", 2)[-2:])
    return last if len(last) <= _HEAD_CHARACTERS else f"…{last[len(last) - _HEAD_CHARACTERS + 1 :]}"


def _name(node: Node) -> str:
    constant = f" = {node.expression}" if node.origin and node.expression else ""
    tags = f" [{', '.join(node.tags)}]" if node.tags else ""
    return f"{node.name}{constant}{tags}"


def _told(node: Node) -> str:
    why = [node.origin] if node.origin else []
    why += [] if node.resolved else ["some sources unresolved"]
    return "\n".join([node.id, *why, *node.tags])


def _edge_told(edge: Edge) -> str:
    kind = f"{edge.type} {edge.subtype}" if edge.subtype else edge.type
    flags = ((edge.masking, "masked"), (not edge.exact, "not exact"), (not edge.certain, "not certain"))
    parts = [f"{edge.source} → {edge.target}", edge.expression, kind, *(word for holds, word in flags if holds)]
    return "\n".join(part for part in [*parts, edge.job] if part)


def _text(text: str) -> str:
    """Other people's text, as text; line ends are kept where a title has several lines."""
    return "\n".join(html.escape(escape.terminal(line)) for line in text.split("\n"))
