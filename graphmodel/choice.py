"""Which body of a plan and which report of an event counts, when several came with one id.

Pure ranks: the smallest counts. They depend on the content alone, so the order of arrival does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

from headwater.graphmodel import ids
from headwater.graphmodel.delta import digest
from headwater.graphmodel.model import Origin, Plan, Run

DAY_MS = 86_400_000

BodyRank = tuple[int, int, int, str]
EventRank = tuple[bool, bool, str]


@dataclass(frozen=True)
class Body:
    """One body of a plan; `sha256` is that of its kept bytes, in hex."""

    plan: Plan
    sha256: str


@dataclass(frozen=True)
class Event:
    """One report of an execution event, and when its ledger entry was received (ms since 1970)."""

    run: Run
    received_ms: int

    @property
    def id(self) -> str:
        """The id of the run that it reports."""
        return ids.run_id(self.run.agent_plan_id, self.run.timestamp, self.run.app_id)

    @property
    def clock_ahead(self) -> bool:
        """Whether its timestamp lies more than a day after its receipt."""
        return self.run.timestamp > self.received_ms + DAY_MS


def unresolved_columns(plan: Plan) -> int:
    """How many output columns are not, or only partly, resolved."""
    return sum(not c.resolved or c.origin is Origin.UNRESOLVED for c in plan.columns)


def quality(plan: Plan) -> tuple[int, int, int]:
    """Smaller is better: highest API version, then fewest unresolved columns."""
    major, _, minor = plan.api_version.partition(".")
    return -_number(major), -_number(minor), unresolved_columns(plan)


def body_rank(plan: Plan, sha256: str) -> BodyRank:
    """The body that counts has the smallest: its quality, then the SHA-256 of its bytes."""
    return (*quality(plan), sha256)


def event_rank(run: Run) -> EventRank:
    """The report that counts has the smallest: one with an error, else with a duration, else the smallest hash."""
    return run.error is None, run.duration_ns is None, _content(run)


def choose(first: Event, second: Event) -> Event:
    """One event out of two reports of it. The earliest receipt is kept: the event had happened by then."""
    run = min(first.run, second.run, key=event_rank)
    return Event(run, min(first.received_ms, second.received_ms))


def _content(run: Run) -> str:
    fields = (run.duration_ns, run.user, run.error, run.job_run)
    return digest(run.agent_plan_id, *("" if f is None else f"={f}" for f in fields))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
