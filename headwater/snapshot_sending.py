"""What systems state about themselves, sent as snapshots: only what changed since the last sync, by scope.

Each scope (a database, a domain) is kept by itself, so that a sync that was interrupted goes on where it was. Not here:
what a system says (`headwater.glue_catalog`, `headwater.datazone_catalog`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from headwater.errors import WrongUse
from headwater.graphmodel.delta import digest

if TYPE_CHECKING:
    from headwater.source import Source

#: Characters of the statements of one snapshot; the server takes 32 MiB, and UTF-8 and JSON add to them.
LONGEST = 12 * 2**20

Outcome = Literal["sent", "unchanged", "withdrawn", "would send", "would withdraw", "not read", "refused"]


@dataclass(frozen=True)
class Row:
    """What became of one scope: mostly a database."""

    source: str  #: ``glue`` or ``lakeformation``
    scope: str
    outcome: Outcome
    tables: int = 0
    columns: int = 0
    entry: int | None = None  #: the ledger entry that was made
    reason: str | None = None  #: why it was not read, or refused


@dataclass
class Synced:
    """What a sync did."""

    rows: list[Row] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  #: what the caller may not read, a sentence each
    calls: dict[str, int] = field(default_factory=dict)  #: calls to AWS by action
    retries: int = 0  #: how often AWS was busy and a call was made again

    def count(self, *outcomes: Outcome) -> int:
        """How many scopes had one of these outcomes."""
        return sum(row.outcome in outcomes for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "rows": [vars(row) for row in self.rows],
            "leftOut": self.left_out,
            "calls": self.calls,
            "retries": self.retries,
        }


class Sender:
    """Sends the snapshots of one source that changed, and withdraws those whose scope is gone."""

    def __init__(self, source: Source, system: str, done: Synced, *, dry_run: bool) -> None:
        """`system` is what the statements have as their source."""
        self._source = source
        self._system = system
        self._done = done
        self._dry_run = dry_run
        self._known = source.snapshots(system)
        self._seen: set[str] = set()

    def send(self, snapshot: Mapping[str, Any], tables: int = 0, columns: int = 0) -> None:
        """Keep a snapshot, unless it says what the last one of its scope says."""
        scope, digested = str(snapshot["scope"]), _digest(snapshot)
        self._seen.add(scope)
        if self._known.get(scope) == digested:
            self._row(scope, "unchanged", tables, columns)
        elif self._dry_run:
            self._row(scope, "would send", tables, columns)
        else:
            try:
                entry = self._source.keep_snapshot({**snapshot, "digest": digested})
            except WrongUse as error:
                if error.status not in _THIS_ONE_ALONE:
                    raise
                self._done.rows.append(Row(self._system, scope, "refused", tables, columns, reason=str(error)))
            else:
                self._row(scope, "sent", tables, columns, entry)

    def send_parts(self, parts: Sequence[Mapping[str, Any]], tables: int, columns: int) -> None:
        """Keep the snapshots of one database or domain, whose tables and columns are counted with the first."""
        for number, part in enumerate(parts):
            self.send(part, *((tables, columns) if number == 0 else (0, 0)))

    def not_read(self, scope: str, reason: str) -> None:
        """A scope could not be read: what was sent of it before stays."""
        self._seen.add(scope)
        self._done.rows.append(Row(self._system, scope, "not read", reason=reason))

    def withdraw(self, is_ours: Callable[[str], bool]) -> None:
        """Take back what was sent of scopes that are ours, and were not seen in this sync."""
        for scope in sorted(self._known.keys() - self._seen):
            belongs = any(scope.startswith(f"{seen}/") for seen in self._unread())
            if belongs or not is_ours(scope) or self._known[scope] == _NOTHING:
                continue
            if self._dry_run:
                self._row(scope, "would withdraw")
            else:
                nothing = {"source": self._system, "scope": scope, "digest": _NOTHING, "statements": []}
                self._row(scope, "withdrawn", entry=self._source.keep_snapshot(nothing))

    def _unread(self) -> Iterator[str]:
        """The scopes that could not be read: parts of them are not gone."""
        return (row.scope for row in self._done.rows if row.source == self._system and row.outcome == "not read")

    def _row(self, scope: str, outcome: Outcome, tables: int = 0, columns: int = 0, entry: int | None = None) -> None:
        self._done.rows.append(Row(self._system, scope, outcome, tables, columns, entry))


#: Statuses of a server that refuses this snapshot, and may take another one; None: without a server.
_THIS_ONE_ALONE = (None, 400, 413)
_NOTHING = "nothing"  #: the digest of a snapshot that takes back all that there was


def _digest(snapshot: Mapping[str, Any]) -> str:
    """What it says, whenever it is sent."""
    return digest(json.dumps(snapshot, sort_keys=True, ensure_ascii=False))
