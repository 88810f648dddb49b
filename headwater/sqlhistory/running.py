"""Imports the history of an engine, and goes on after the last query the next time (`headwater.importing`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.importing import State, send
from headwater.ingest.progress import Progress
from headwater.openlineage_bridge.emit import Event
from headwater.source import Source
from headwater.sqlhistory import athena, redshift, snowflake
from headwater.sqlhistory.model import Ran
from headwater.sqlhistory.reading import Counts, Reading

if TYPE_CHECKING:
    from headwater.aws_bridge.athena import Athena
    from headwater.aws_bridge.redshift import Redshift


_BATCH = 500  #: queries whose events are sent together: what was done is remembered after each


@dataclass(frozen=True)
class Options:
    """Of an import. `since` in ms since 1970; `again`: not after what was imported; `views`: of the catalog too."""

    producer: str
    since: int = 0
    again: bool = False
    views: bool = True


@dataclass
class Imported:
    """What an import came to."""

    counts: Counts
    events: int = 0
    known: int = 0  #: events that the ledger had
    refused: list[dict[str, str]] = field(default_factory=list)
    waits: int = 0  #: how often a call was sent again, because AWS was busy
    waiting: int = 0  #: queries that have not ended: they come with the next import
    newest: int = 0  #: the end of the newest query, in ms since 1970
    notes: list[str] = field(default_factory=list)  #: what could not be asked

    def add(self, more: Imported) -> None:
        """Another history of the same engine, whose counts are the same."""
        self.events += more.events
        self.known += more.known
        self.refused += more.refused
        self.waiting += more.waiting
        self.newest = max(self.newest, more.newest)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **self.counts.to_dict(),
            "events": self.events,
            "known": self.known,
            "refused": self.refused,
            "waits": self.waits,
            "waiting": self.waiting,
            "newest": self.newest or None,
            "notes": self.notes,
        }


def bring_in(source: Source, queries: Iterable[Ran], reading: Reading, state: State, progress: Progress) -> Imported:
    """Import queries, the oldest first. What was done is remembered after each batch. The errors of `Source.load`."""
    found = Imported(reading.counts)
    done = 0
    total = len(queries) if isinstance(queries, list) else 0
    every = iter(queries)
    while batch := list(islice(every, _BATCH)):
        events = [event for ran in batch for event in reading.events(ran)]
        _send(source, events, found)
        for ran in batch:
            state.ended(ran.id, ran.ended)
        state.save()
        done += len(batch)
        progress(done, max(done, total))
    state.save()
    found.newest, found.waiting = state.until, len(state.open)
    return found


def _send(source: Source, events: list[Event], found: Imported) -> None:
    sent = send(source, events)
    found.events += sent.events
    found.known += sent.known
    found.refused += [{"query": events[line]["run"]["runId"], "reason": reason} for line, reason in sent.refused]


def new_ones(
    pages: Iterable[list[dict[str, Any]]],
    identifier: str,
    state: State,
    since: int,
    ran: Callable[[Any], Ran | None],
    reads: Callable[[Any], bool],
) -> tuple[list[Ran], int]:
    """Of pages with the newest query first: those that were not imported, the oldest first; and how many only read.

    `identifier` is the key of a query's id, `ran` makes a query of an entry (None: it has not ended), `reads` says
    whether it only reads. What is listed ends at a page that has a query which was imported, or one from before
    `since` (ms since 1970).
    """
    found: dict[str, Ran] = {}
    only_read = 0
    for page in pages:
        known = False
        for one in page:
            if one[identifier] in state.done:
                known = True
                continue
            query = ran(one)
            if query is None:
                state.open[one[identifier]] = None
            elif query.started < since:
                known = True
            elif reads(one):
                only_read += 1
                state.ended(query.id, query.ended)
            else:
                found[query.id] = query
        if known:
            break
    return sorted(found.values(), key=lambda one: (one.started, one.id)), only_read


def import_athena(
    source: Source, history: Athena, data: Path, workgroups: Sequence[str], options: Options, progress: Progress
) -> Imported:
    """Import the queries of work groups of Athena (none: of all). AwsError, and the errors of `Source.load`."""
    engine = athena.AthenaEngine(history, views=options.views)
    reading = Reading(engine, options.producer)
    whole = Imported(reading.counts)
    for group in workgroups or history.workgroups():
        state = State.of(data, f"{engine.namespace} {group}", again=options.again)
        waiting = list(state.open)
        parts = [waiting[n : n + _PAGE] for n in range(0, len(waiting), _PAGE)]
        first, _ = new_ones(map(history.executions, parts), _ID, state, 0, athena.ran, lambda _one: False)
        found, only_read = new_ones(history.queries(group), _ID, state, options.since, athena.ran, athena.only_reads)
        reading.counts.reads += only_read
        ordered = {one.id: one for one in sorted([*first, *found], key=lambda one: (one.started, one.id))}
        whole.add(bring_in(source, list(ordered.values()), reading, state, progress))
    whole.waits = history.calls.retries
    return whole


_ID, _PAGE = "QueryExecutionId", 50


def import_redshift(source: Source, history: Redshift, data: Path, options: Options, progress: Progress) -> Imported:
    """Import the queries of a Redshift warehouse. AwsError, and the errors of `Source.load`."""
    notes: list[str] = []
    engine = redshift.RedshiftEngine(history, history.warehouse.name, notes)
    reading = Reading(engine, options.producer)
    state = State.of(data, f"{engine.namespace} {history.warehouse.database}", again=options.again)
    rows = history.history(max(options.since, state.until))
    found = bring_in(source, _new(redshift.queries(rows), state, options.since), reading, state, progress)
    found.waits, found.notes = history.calls.retries, notes
    return found


def import_snowflake(
    source: Source, place: Path, account: str, data: Path, options: Options, progress: Progress
) -> Imported:
    """Import an export of Snowflake's ACCESS_HISTORY. Rows that are none are refused, the rest is imported.

    WrongUse: the file cannot be read.
    """
    engine = snowflake.SnowflakeEngine(account)
    reading = Reading(engine, options.producer)
    state = State.of(data, engine.namespace, again=options.again)
    unread = list[dict[str, str]]()
    found = snowflake.queries(place, lambda row, reason: unread.append({"query": row, "reason": reason}))
    done = bring_in(source, _new(found, state, options.since), reading, state, progress)
    done.refused[:0] = unread
    return done


def _new(queries: Iterable[Ran], state: State, since: int) -> Iterator[Ran]:
    return (one for one in queries if one.id not in state.done and one.started >= since)
