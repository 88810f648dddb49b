"""An audit as text, and as an HTML page of its own: the findings first, then the way back. All is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from headwater.queries.answers.answer import why_incomplete
from headwater.queries.answers.audit import Audit, Row
from headwater.queries.drawing.escape import html_text, shorten, terminal
from headwater.queries.drawing.impact_rows import moment

_EXPRESSION = 160  #: characters of an expression
_MOST_RUNS = 40  #: that are listed as text; JSON has all
_GROUPS = 12  #: values of a column that are listed, the most frequent first
_RUN_DIGITS = 8  #: of a run's id, as it can be typed

_STYLE = """\
body { font: 14px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #1f2933;
  background: #fff; }
div.line { overflow-wrap: anywhere; }
.strong { font-weight: 600; } .alarm { color: #ab091e; font-weight: 600; } .note { color: #616e7c; }
@media print { body { margin: 0; max-width: none; font-size: 10px; } h2 { break-after: avoid; } }
"""


class Line(NamedTuple):
    """A line of a section: how far it is indented, its text, and how it looks: ``strong``, ``alarm``, ``note``."""

    indent: int
    text: str
    look: str = ""


class Section(NamedTuple):
    """A part of the report."""

    title: str
    lines: Sequence[Line]


def plain(found: Audit) -> str:
    """As text for a terminal or a file."""
    out = [title(found), found.root]
    for section in sections(found):
        out += ["", section.title.upper(), *(f"{'  ' * (line.indent + 1)}{line.text}" for line in section.lines)]
    return "\n".join(terminal(line) for line in [*out, "", state(found)]) + "\n"


def page(found: Audit, facts: Iterable[str] = ()) -> str:
    """As one HTML file, without script or network. `facts` stand below the title: when it was asked, and of whom."""
    head = html_text(title(found))
    out = [
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{head}</title>',
        f"<style>\n{_STYLE}</style>\n</head>\n<body>\n<h1>{head}</h1>",
        *(f'<p class="note">{html_text(fact)}</p>' for fact in (found.root, *facts)),
    ]
    for section in sections(found):
        out.append(f"<h2>{html_text(section.title)}</h2>")
        for line in section.lines:
            look = f"line {line.look}".strip()
            out.append(f'<div class="{look}" style="margin-left:{line.indent * 1.5}em">{html_text(line.text)}</div>')
    out.append(f'<p class="note">{html_text(state(found))}</p>\n</body>\n</html>')
    return "\n".join(out) + "\n"


def title(found: Audit) -> str:
    """What was audited, and as of when."""
    when = f", as of {found.as_of}" if found.as_of else ""
    return f"Audit of the {_words(found.kind)} {found.name}{when}"


def state(found: Audit) -> str:
    """Whether this is all."""
    return "complete" if found.complete else f"not complete: {why_incomplete(found.reason)}"


def sections(found: Audit) -> Iterator[Section]:
    """All that the report says, in its order; sections with nothing in them are left out."""
    findings = [Line(0, f"! {row['text']}", "alarm") for row in found.findings]
    yield Section("Findings", findings or [Line(0, "nothing was changed or overwritten since, and all is known")])
    parts = (
        Section("How it came to be", list(_steps(found.steps))),
        Section("What was read", [line for row in found.inputs for line in _input(row, found.steps)]),
        Section("Where the columns come from", list(_columns(found.columns))),
        Section("What decided which rows there are", list(_conditions(found.conditions))),
        Section("The runs behind it", list(_runs(found.runs))),
    )
    yield from (part for part in parts if part.lines)


def _steps(steps: Sequence[Row]) -> Iterator[Line]:
    for row in steps:
        yield Line(int(row["distance"]), f"{_words(row['kind'])} {row['name']}", "strong")
        when = moment(row["end"]) if row["start"] == row["end"] else f"{moment(row['start'])} to {moment(row['end'])}"
        yield Line(int(row["distance"]) + 1, f"{when}, {_job(row['job'])}", "note")
        told = ", ".join(f"{key} {row['facts'][key]}" for key in ("status", "approval") if row["facts"].get(key))
        if told:
            yield Line(int(row["distance"]) + 1, told)
        if not row["id"].startswith("arn:"):
            yield Line(int(row["distance"]) + 1, f"wrote {row['id']}")


def _input(row: Row, steps: Sequence[Row]) -> Iterator[Line]:
    yield Line(0, row["asked"], "strong")
    reader = next((f"the {_words(step['kind'])} {step['name']}" for step in steps if step["run"] == row["readBy"]), "")
    yield Line(1, f"read at {moment(row['readAt'])} by {reader or _run(row['readBy'])}")
    if row["known"] == "no":
        yield Line(1, "no run is known that wrote it", "alarm")
    else:
        where = "" if row["relation"] == "same" else f"{row['dataset']}, "
        yield Line(1, f"{where}as {_job(row['job'])} wrote it at {moment(row['timestamp'])}, {_run(row['run'])}")
        size = ", ".join(_size(row))
        if size:
            yield Line(1, size)
        if row["reproduce"]:
            yield Line(1, f"read it again: {row['reproduce']}")
        if row["versionExists"] is False:
            yield Line(1, f"the table does not keep version {row['tableVersion']} any more", "alarm")
        yield from (Line(1, text) for text in _groups(row))
    marks = [
        *(["overwritten"] if row["overwritten"] == "yes" else ["perhaps overwritten"] * (row["overwritten"] != "no")),
        *([f"changed since, at {moment(row['changedAt'])} by {_run(row['changedBy'])}"] if row["changes"] else []),
        *(["partly known"] if row["known"] == "partly" else []),
    ]
    unchanged = [] if row["known"] == "no" else ["unchanged since"]
    yield from (Line(1, mark, "alarm" if marks else "note") for mark in marks or unchanged)


def _size(row: Row) -> Iterator[str]:
    if row["partition"]:
        yield f"partition {row['partition']}"
    if row["tableVersion"]:
        yield f"table version {row['tableVersion']}"
    for key, word in (("rowCount", "rows"), ("byteCount", "bytes")):
        if row[key] is not None:
            yield f"{row[key]:,} {word}"


def _groups(row: Row) -> Iterator[str]:
    """Rows per group, where a profile of the data has them: a group that is hardly there is seen at once."""
    for column, profile in (row["groups"] or {}).items():
        total = sum(profile["counts"].values()) or 1
        shares = sorted(profile["counts"].items(), key=lambda one: (-one[1], one[0]))
        told = ", ".join(f"{value} {count:,} ({count / total:.0%})" for value, count in shares[:_GROUPS])
        more = f" and {len(shares) - _GROUPS:,} more values" if len(shares) > _GROUPS else ""
        yield f"rows by {column}: {told}{more}; counted by {profile['source']} at {moment(profile['at'])}"


def _columns(columns: Sequence[Row]) -> Iterator[Line]:
    dataset = None
    for row in columns:
        if row["dataset"] != dataset:
            dataset = row["dataset"]
            yield Line(0, f"{dataset}", "strong")
        name = row["id"].partition("#")[2]
        own = [step for step in row["expressions"] if step["id"] == row["id"]]
        yield Line(1, f"{name}{' = ' + shorten(own[0]['expression'], _EXPRESSION) if own else ''}")
        for step in row["expressions"]:
            if step["id"] != row["id"]:
                yield Line(2, f"{_short(step['id'])} = {shorten(step['expression'], _EXPRESSION)}", "note")
        yield Line(2, _from(row), "" if row["resolved"] else "alarm")
        for tag, tagged in row["tags"].items():
            yield Line(2, f"tagged {tag}: {', '.join(map(_short, tagged))}", "strong")


def _from(row: Row) -> str:
    if not row["resolved"]:
        return "partly known: where it comes from is not known, or not fully"
    if not row["sources"]:
        return f"{row['origin'] or 'no source'}: made of no column"
    return f"from {', '.join(row['sources'])}" + ("" if row["exact"] else ", not exact: code hides how")


def _conditions(conditions: Sequence[Row]) -> Iterator[Line]:
    for row in conditions:
        text = shorten(row["expression"] or ", ".join(row["sources"]), _EXPRESSION)
        yield Line(0, f"{_short(row['id'])}: {row['subtype'].lower()} {text}")


def _runs(runs: Sequence[Row]) -> Iterator[Line]:
    for row in runs[:_MOST_RUNS]:
        yield Line(0, f"{moment(row['timestamp'])}  {_job(row['job'])}  wrote {row['dataset']}, {_run(row['run'])}")
    if len(runs) > _MOST_RUNS:
        yield Line(0, f"and {len(runs) - _MOST_RUNS:,} more: --json lists all", "note")


def _words(kind: str) -> str:
    return kind.replace("-", " ")


def _job(job: str | None) -> str:
    return (job or "an unknown job").removeprefix("job:")


def _run(run: str | None) -> str:
    """``run 5ebf4321``: as commands take it."""
    return f"run {(run or '').removeprefix('run:').removeprefix('openlineage:')[:_RUN_DIGITS]}"


def _short(node: str) -> str:
    """The last two parts of a path, with the column."""
    dataset, sign, column = node.partition("#")
    return "/".join(dataset.split("/")[-2:]) + sign + column
