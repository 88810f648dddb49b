"""An impact answer as people read it, before it is drawn: headings, totals, rows, and hubs folded. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from headwater.graphmodel.ids import split_node
from headwater.queries.answers.answer import Edge, why_incomplete
from headwater.queries.answers.grades import GRADES
from headwater.queries.answers.impact import LABELS, AffectedNode, Impact
from headwater.queries.drawing import escape
from headwater.queries.drawing.rows import interval

#: Rows shown behind one hub; the rest is counted.
FAN = 12
_EXPRESSION = 80  #: characters of an expression in a path
_STEPS = 6  #: hops of a path that are shown: the first and the last ones

COLUMNS = ("grade", "what", "id", "distance", "path", "job", "last run", "runs every", "owner")


class Row(NamedTuple):
    """One line, a field for each of `COLUMNS`; nothing is escaped yet."""

    grade: str
    label: str
    id: str
    distance: str
    path: str
    job: str
    last_run: str
    interval: str
    owner: str

    @property
    def writer(self) -> str:
        """Who writes it, when that ran last and how often."""
        job = self.job if self.label != "job" else ""
        told = (("last run ", self.last_run), ("every ", self.interval))
        return ", ".join(filter(None, (job, *(word + said for word, said in told if said))))

    @property
    def by(self) -> str:
        """The same, and whose it is."""
        return ", ".join(filter(None, (self.writer, self.owner and f"owner {self.owner}")))


class Fold(NamedTuple):
    """What is counted instead of shown: `more` of a grade and label behind the node `hub`."""

    grade: str
    label: str
    more: int
    hub: str

    def __str__(self) -> str:
        return f"+{self.more:,} more {self.label}{'s' if self.more != 1 else ''} behind {self.hub}"


def words(grade: str) -> str:
    """A grade for people: `may change rows`."""
    return grade.replace("-", " ")


def title(impact: Impact) -> str:
    """What was asked."""
    return f"{impact.change} of {impact.root}"


def state(impact: Impact) -> str:
    """Whether it is all."""
    return "complete" if impact.complete else f"not complete: {why_incomplete(impact.reason)}, so there may be more"


def totals(impact: Impact) -> list[tuple[str, ...]]:
    """One row a grade: its words, and how many columns, datasets and jobs."""
    return [(words(grade.value), *(f"{impact.totals[grade.value][label]:,}" for label in LABELS)) for grade in GRADES]


def unknown(impact: Impact) -> list[str]:
    """One line for each read whose columns are not known."""
    return [f"{_job(item.job)} reads {item.reads} and writes {item.writes}" for item in impact.unknown]


def lines(impact: Impact, fan: int | None = FAN) -> Iterator[Row | Fold]:
    """The affected in their order; of those of one grade and label behind one node the first `fan`, None: all."""
    for _, of_grade in groupby(impact.affected, key=lambda item: item.grade):
        yield from _folded(impact, list(of_grade), fan)


def _folded(impact: Impact, items: Sequence[AffectedNode], fan: int | None) -> Iterator[Row | Fold]:
    counts: dict[tuple[str, str], int] = {}
    for item in items:
        key = item.label, _hub(impact, item)
        counts[key] = counts.get(key, 0) + 1
        if fan is None or counts[key] <= fan:
            yield row(impact, item)
    for (label, hub), count in counts.items():
        if fan is not None and count > fan:
            yield Fold(items[0].grade, label, count - fan, hub)


def _hub(impact: Impact, item: AffectedNode) -> str:
    return impact.edges[item.path[-1]].source if item.path else impact.root


def row(impact: Impact, item: AffectedNode) -> Row:
    """One affected node."""
    last_run, every, owner = told(item)
    return Row(
        grade=item.grade,
        label=item.label,
        id=_job(item.id) if item.label == "job" else item.id,
        distance=str(item.distance),
        path=path(impact.path(item)),
        job=_job(item.job or ""),
        last_run=last_run,
        interval=every,
        owner=owner,
    )


def told(item: AffectedNode) -> tuple[str, str, str]:
    """When it ran last, how often it runs, and whose it is."""
    return moment(item.last_run), "" if item.interval is None else interval(item.interval), item.owner or ""


def path(edges: Sequence[Edge]) -> str:
    """The way from the root: each target with what makes it, a long way without its middle."""
    if not edges:
        return ""
    steps = [_step(edge) for edge in edges]
    if len(steps) > _STEPS:
        half = _STEPS // 2
        steps = [*steps[:half], f"({len(steps) - 2 * half} more)", *steps[-half:]]
    return " → ".join([short(edges[0].source), *steps])


def _step(edge: Edge) -> str:
    how = edge.expression or (edge.subtype or edge.type).lower()
    masked = ", masked" if edge.masking else ""
    kind = f"{(edge.subtype or 'indirect').lower()}: " if edge.type == "INDIRECT" else ""
    return f"{short(edge.target)} [{kind}{escape.shorten(how, _EXPRESSION)}{masked}]"


def short(node: str) -> str:
    """The last part of the dataset, with the column."""
    dataset, column = split_node(node)
    name = dataset.rstrip("/").rpartition("/")[2] or dataset
    return f"{name}#{column}" if column else name


def _job(job: str) -> str:
    return job.removeprefix("job:")


def moment(milliseconds: int | None) -> str:
    """A time in UTC, to the minute. Years that a datetime cannot hold are shown as the number they are."""
    if milliseconds is None:
        return ""
    try:
        at = dt.datetime.fromtimestamp(milliseconds / 1000, dt.timezone.utc)
    except (OverflowError, ValueError, OSError):
        return str(milliseconds)
    return at.strftime("%Y-%m-%d %H:%MZ")
