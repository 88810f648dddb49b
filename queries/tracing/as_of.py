"""The parameter `asOf`: a time in the past, given as a time or as a run; as of a run, each dataset has its own time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Literal

from gremlin_python.process.graph_traversal import GraphTraversalSource, __

from headwater.graphmodel.choice import DAY_MS
from headwater.queries.answers.errors import QueryError
from headwater.queries.tracing.resolve import beginning_with, only_one, runs_named

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: Earlier than every write, in ms since 1970.
BEFORE_ALL = -(2**53)
#: 12 digits of ms begin in the year 1973. 10 digits are seconds, from 2001 to 2286; 8 are rather a date without dashes.
_MS = re.compile(r"[0-9]{12,15}")
_SECONDS = re.compile(r"([0-9]{10})(?:\.([0-9]{1,9}))?")  # as Python's time.time() and `date +%s.%N` give them
# The plus sign of an offset is a blank once a URL has been decoded.
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(?:([Zz])|([+ -])(\d\d):?(\d\d))?)?",
    re.ASCII,
)
_TIMES = "a time (2026-03-01, 2026-03-01T08:00Z, seconds or ms since 1970)"
_PAST_TIME, _AS_OF = f"{_TIMES} or a run's id", f"{_TIMES}, a run's id, or ever"  #: what is expected


@dataclass(frozen=True)
class PastTime:
    """A time in ms since 1970; what was written at that ms is included. `of`: other times, for single datasets.

    `name` is how answers show it.
    """

    at: int
    name: str
    of: Mapping[str, int] = field(default_factory=dict)

    def of_dataset(self, dataset: str) -> int:
        """The time that counts for a dataset, in ms since 1970."""
        return self.of.get(dataset, self.at)


AsOf = PastTime | Literal["ever"] | None  #: None: now


def as_of(g: GraphTraversalSource, text: str | None, field_name: str, now_ms: int) -> AsOf:
    """The value of a parameter `asOf`; errors are those of `past_time`."""
    if text is None or text == "now":
        return None
    return "ever" if text == "ever" else _past_time(g, text, field_name, now_ms, _AS_OF)


def name_of(as_of: AsOf) -> str | None:
    """The text for an answer's `asOf`."""
    return as_of.name if isinstance(as_of, PastTime) else as_of


def past_time(g: GraphTraversalSource, text: str, field_name: str, now_ms: int) -> PastTime:
    """The time that `text` names. `now_ms`: ms since 1970. QueryError: it names none, or one in the future."""
    return _past_time(g, text, field_name, now_ms, _PAST_TIME)


def _past_time(g: GraphTraversalSource, text: str, field_name: str, now_ms: int, expected: str) -> PastTime:
    if text == "now":
        return PastTime(now_ms + DAY_MS, text)
    at = milliseconds(text, field_name)
    if at is not None:
        # Clocks differ: the graph believes a run's time up to a day ahead, and now has to be as of now.
        if at > now_ms + DAY_MS:
            raise QueryError(f"{field_name} {text.strip()} lies in the future", field_name)
        return PastTime(at, shown(at))
    runs = runs_named(g, text) or only_one(beginning_with(g, text, ("run",)), text, field_name)
    if not runs:
        raise QueryError(
            f"{field_name} must be {expected}; {text[:100]!r} is neither a time nor the id of a run", field_name
        )
    return as_of_runs(g, runs, text)


def milliseconds(text: str, field_name: str) -> int | None:
    """A time in ms since 1970; None if the text does not look like a time. QueryError: it does, but is not valid.

    A date alone means 00:00 of that day; a time without an offset is UTC.
    """
    text = text.strip()
    if _MS.fullmatch(text):
        return int(text)
    seconds = _SECONDS.fullmatch(text)
    if seconds:
        return int(seconds[1]) * 1_000 + int((seconds[2] or "").ljust(3, "0")[:3])
    found = _TIME.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    micros = int((found[7] or "").ljust(6, "0")[:6])
    try:
        local = datetime(year, month, day, hour, minute, second, micros, tzinfo=timezone.utc)
        return (local - _offset(found) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise QueryError(f"{field_name}: there is no time {text!r}: {error}", field_name) from error


def shown(at: int) -> str:
    """A time in ms since 1970 as people read it: ``2026-03-01T08:00:00.000Z``."""
    return f"{(_EPOCH + timedelta(milliseconds=at)).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _offset(found: re.Match[str]) -> timedelta:
    sign = -1 if found[9] == "-" else 1
    return sign * timedelta(hours=int(found[10] or 0), minutes=int(found[11] or 0))


def as_of_runs(g: GraphTraversalSource, runs: Sequence[str], text: str) -> PastTime:
    """The times at which these runs saw each dataset.

    A dataset that they wrote: the time of their write. A dataset that they read: the time of the version that they
    read. All others: the start of the runs, or the latest of the versions read, if that is later. (Within one Spark
    application the time of a write can be later than the start of the run that reads it.)
    """
    rows = (
        g.V(list(runs))
        .project("timestamp", "duration", "wrote", "used")
        .by("timestamp")
        .by("durationNs")
        .by(__.out("generated").values("dataset").fold())
        .by(__.out("used").project("dataset", "timestamp").by("dataset").by("timestamp").fold())
        .to_list()
    )
    of: dict[str, int] = {}
    for row in rows:
        for version in row["used"]:
            of[version["dataset"]] = max(version.get("timestamp", BEFORE_ALL), of.get(version["dataset"], BEFORE_ALL))
    starts = [row["timestamp"] - row.get("duration", 0) // 1_000_000 for row in rows]
    at = max([*starts, *of.values()])
    wrote: dict[str, int] = {}
    for row in rows:
        for dataset in row["wrote"]:
            wrote[dataset] = max(row["timestamp"], wrote.get(dataset, BEFORE_ALL))
    return PastTime(at, runs[0] if len(runs) == 1 else text.strip(), {**of, **wrote})
