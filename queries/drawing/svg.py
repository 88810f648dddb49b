"""A lineage answer drawn as SVG: one self-contained text, no script, no network, readable on light and dark pages."""

from __future__ import annotations

import html
from collections.abc import Iterator

from headwater.queries.answers.answer import Answer, Edge, Node
from headwater.queries.drawing import escape
from headwater.queries.drawing.picture import HEAD, ROW, WIDTH, Box, Line, picture

_CHARACTERS = 30  #: of the 12-pixel font in a box
_ARROW = 6
_PAPER, _INK, _PALE, _ROOT, _HEAD = "#ffffff", "#1f2933", "#9aa5b1", "#fff3c4", "#e4e7eb"
_DIRECT, _INDIRECT, _MASKED = "#2680c2", "#9aa5b1", "#ab091e"
_NAMESPACE = "xmlns='http://www.w3.org/2000/svg'"  # a name: nothing is fetched from there
_FONT = "font-family='system-ui,sans-serif' font-size='12'"


def svg(answer: Answer) -> str:
    """The picture: solid lines are DIRECT, dashed ones INDIRECT, red ones masked, dotted ones not certain.

    Hovering over a name shows it in full, over a line its expression and job.
    """
    drawn = picture(answer)
    notes = [f"+{drawn.folded:,} more datasets"] if drawn.folded else []
    notes += [] if answer.complete else [f"not complete: {answer.reason}"]
    height = drawn.height + ROW * bool(notes)
    title = f"{answer.direction} lineage of {answer.root}"
    size = f"width='{drawn.width:g}' height='{height:g}' viewBox='0 0 {drawn.width:g} {height:g}'"
    parts = [
        f"<svg {_NAMESPACE} role='img' aria-label='{_text(title)}' {_FONT} {size}>",
        f"<rect width='100%' height='100%' fill='{_PAPER}'/>",
        *map(_line, drawn.lines),
        *(part for box in drawn.boxes for part in _box(box, answer.root)),
    ]
    if notes:
        parts.append(_words(12, drawn.height + 4, "; ".join(notes), _INK))
    return "\n".join([*parts, "</svg>"])


def _box(box: Box, root: str) -> Iterator[str]:
    fill = _ROOT if box.dataset == root else _HEAD
    yield f"<g><rect x='{box.x:g}' y='{box.y:g}' width='{WIDTH}' height='{box.height:g}' rx='4' fill='{_PAPER}'"
    yield f" stroke='{_PALE}'/><rect x='{box.x:g}' y='{box.y:g}' width='{WIDTH}' height='{HEAD}' rx='4' fill='{fill}'/>"
    yield _words(box.x + 8, box.y + 17, _short(box.dataset), _INK, box.dataset, bold=True)
    for number, node in enumerate(box.columns):
        top = box.y + HEAD + ROW * number
        if node.id == root:
            yield f"<rect x='{box.x + 1:g}' y='{top:g}' width='{WIDTH - 2}' height='{ROW}' fill='{_ROOT}'/>"
        yield _words(box.x + 8, top + 14, escape.shorten(_name(node), _CHARACTERS), _INK, _told(node))
    if box.folded:
        yield _words(box.x + 8, box.y + box.height - 6, f"+{box.folded:,} more", _PALE)
    yield "</g>"


def _line(line: Line) -> str:
    (x, y), (to_x, to_y) = line.start, line.end
    bend = max(40.0, abs(to_x - x) / 2)
    tip = to_x - _ARROW
    path = f"M{x:g},{y:g} C{x + bend:g},{y:g} {tip - bend:g},{to_y:g} {tip:g},{to_y:g}"
    colour = _colour(line.edge)
    arrow = f"M{tip:g},{to_y - 3:g} L{to_x:g},{to_y:g} L{tip:g},{to_y + 3:g} Z"
    return (
        f"<g><title>{_text(_edge_told(line.edge))}</title>"
        f"<path d='{path}' fill='none' stroke='{colour}' stroke-width='1.4'{_dash(line.edge)}/>"
        f"<path d='{arrow}' fill='{colour}'/></g>"
    )


def _colour(edge: Edge) -> str:
    if edge.masking:
        return _MASKED
    return _DIRECT if edge.type == "DIRECT" else _INDIRECT


def _dash(edge: Edge) -> str:
    if not edge.certain:
        return " stroke-dasharray='2 3'"
    return "" if edge.type == "DIRECT" else " stroke-dasharray='6 3'"


def _words(x: float, y: float, text: str, colour: str, told: str = "", *, bold: bool = False) -> str:
    title = f"<title>{_text(told)}</title>" if told else ""
    weight = " font-weight='600'" if bold else ""
    return f"<text x='{x:g}' y='{y:g}' fill='{colour}'{weight}>{title}{_text(text)}</text>"


def _short(uri: str) -> str:
    """The end of a dataset's name: what people know it by."""
    last = "/".join(uri.rstrip("/").rsplit("/", 2)[-2:])
    return last if len(last) <= _CHARACTERS else f"…{last[len(last) - _CHARACTERS + 1 :]}"


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
