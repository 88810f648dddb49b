"""What the queries of a history come to, in the order in which they ran: events, and counts of what wrote nothing.

Queries of one session share temporary tables, and all share what statements say of tables. A query whose text ran
before, in the same place, is not read again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from headwater.graphmodel.model import DependencyType
from headwater.openlineage_bridge.emit import Event
from headwater.sql_bridge.model import Known, Statement, Write
from headwater.sql_bridge.relations import Query
from headwater.sql_bridge.statements import Session
from headwater.sqlhistory.events import events
from headwater.sqlhistory.model import Engine, Ran

_MOST_SESSIONS = 500
_MOST_REASONS = 1_000


@dataclass
class Counts:
    """What became of queries. `reasons`: why columns of writes are not known -> how often, with one query's id."""

    writes: int = 0  #: that write, or drop, a table
    partly: int = 0  #: of these, those whose columns are not known
    reads: int = 0  #: that write nothing
    unread: int = 0  #: of which nothing could be read, not even which table they write
    reasons: dict[str, tuple[int, str]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        listed = [{"reason": why, "queries": count, "query": one} for why, (count, one) in self.reasons.items()]
        return {**asdict(self), "reasons": listed}

    def add(self, reason: str, query: str) -> None:
        """One more query with this reason."""
        count, first = self.reasons.get(reason, (0, query))
        if count or len(self.reasons) < _MOST_REASONS:
            self.reasons[reason] = (count + 1, first)


class Reading:
    """Reads the queries of one engine."""

    def __init__(self, engine: Engine, producer: str) -> None:
        self.engine = engine
        self.counts = Counts()
        self._producer = producer
        self._made: dict[str, Known] = {}
        self._temporary: OrderedDict[str, dict[str, Query]] = OrderedDict()

    def events(self, ran: Ran) -> list[Event]:
        """The events of one query, and before them those of views that it reads and that nobody saw being made."""
        found = list(self._of(ran))
        for view in self.engine.views():
            found = [*self._of(view), *found]
        return found

    def _of(self, ran: Ran) -> Iterator[Event]:
        statements = self._session(ran).script(ran.sql) if ran.sql.strip() else []
        writing = [one for one in statements if one.writes or one.dropped]
        if ran.told:
            writing = [_told(ran, [one for one in writing if one.writes])]
        unread = [one for one in statements if one.kind == "unknown" and not one.writes]
        for one in unread if not ran.told else ():
            self.counts.unread += 1
            self.counts.add(one.reason, ran.id)
        if not writing:
            self.counts.reads += not unread
            return
        for number, statement in enumerate(writing):
            dark = dict.fromkeys(write.reason for write in statement.writes if write.reason)
            self.counts.writes += 1
            self.counts.partly += bool(dark)
            for reason in dark:
                self.counts.add(reason, ran.id)
            part = ran if number == 0 else replace(ran, id=f"{ran.id}/{number}")
            yield from events(part, statement, self.engine, self._producer)

    def _session(self, ran: Ran) -> Session:
        session = Session(ran.dialect, self.engine.known, types=True)
        session.made = self._made if ran.state == "COMPLETE" else dict(self._made)
        if ran.session:
            session.temporary = self._temporary.setdefault(ran.session, {})
            self._temporary.move_to_end(ran.session)
            if len(self._temporary) > _MOST_SESSIONS:
                self._temporary.popitem(last=False)
        return session


def _told(ran: Ran, read: list[Statement]) -> Statement:
    """What the engine tells of a query, with the roles of what was read where both say the same sources."""
    parsed = {write.target: write for one in read for write in one.writes if not write.reason}
    writes = tuple(_better(one, parsed.get(one.target)) for one in ran.told)
    kind = read[0].kind if read else "write"
    return Statement(kind, ran.sql, writes)


def _better(told: Write, parsed: Write | None) -> Write:
    if parsed is None or (_sources(told) != _sources(parsed) and told.columns):
        return told
    return parsed


def _sources(write: Write) -> dict[str, set[tuple[str, str]]]:
    return {
        column.name.lower(): {
            (one.dataset, one.column.lower()) for one in column.sources if one.type is DependencyType.DIRECT
        }
        for column in write.columns
    }
