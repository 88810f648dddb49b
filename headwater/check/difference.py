"""The result of a check before merge: differences of a dataset, now and after the merge, and what they break. Data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.queries.answers.answer import Table, why_incomplete
from headwater.queries.answers.grades import Grade
from headwater.queries.answers.impact import AffectedNode, Impact, by_owner, totals

ADD = "add"  #: a new column: nothing depends on it yet


@dataclass(frozen=True)
class Difference:
    """One difference: `change` is one of `queries.answers.grades.Change`, or ``add``.

    `column` None means the rows of the whole dataset. `old` and `new` are what differs: names, types, sources or
    expressions. `guessed`: a rename that position and type suggest.
    """

    dataset: str
    column: str | None
    change: str
    old: str | None = None
    new: str | None = None
    guessed: bool = False

    @property
    def node(self) -> str:
        """The id of the node that is changed."""
        return self.dataset if self.column is None else f"{self.dataset}#{self.column}"


@dataclass(frozen=True)
class Finding:
    """A difference and its impact; None: nothing known depends on it."""

    difference: Difference
    impact: Impact | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON, in the documented order of keys."""
        return {
            "node": self.difference.node,
            "change": self.difference.change,
            "old": self.difference.old,
            "new": self.difference.new,
            "guessed": self.difference.guessed,
            "impact": self.impact.to_dict() if self.impact else None,
        }


def whom_to_tell(checks: Sequence[Check]) -> Table:
    """A row for each owner and grade of what several checks affect, each node once, with its worst grade."""
    worst: dict[str, AffectedNode] = {}
    for item in (one for check in checks for one in check.worst.values()):
        known = worst.get(item.id, item)
        worst[item.id] = min(known, item, key=lambda one: (Grade(one.grade).rank, one.distance))
    items = sorted(worst.values(), key=lambda one: (Grade(one.grade).rank, one.distance, one.id))
    reasons = dict.fromkeys(check.reason for check in checks if check.reason)
    return by_owner(items, {"checked": [check.dataset for check in checks]}, "; ".join(reasons) or None)


@dataclass(frozen=True)
class Check:
    """What a changed plan, statement or schema of `dataset` comes to. `job` is the plan's.

    `notes` say what is to be known of it; `unchecked` why something that can break was not compared. `compared` False:
    the statements of a file, called `dataset` then, have to do with no dataset by name.
    """

    dataset: str
    findings: tuple[Finding, ...]
    job: str | None = None
    notes: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    compared: bool = True

    @property
    def breaks(self) -> bool:
        """Whether anything breaks."""
        return any(finding.impact is not None and finding.impact.breaks for finding in self.findings)

    @property
    def complete(self) -> bool:
        """Whether all was compared, and every impact is complete."""
        return self.reason is None

    @property
    def reason(self) -> str | None:
        """Why it is not complete."""
        impacts = [one.impact for one in self.findings if one.impact is not None and not one.impact.complete]
        told = (*self.unchecked, *(why_incomplete(impact.reason) for impact in impacts))
        return "; ".join(dict.fromkeys(told)) if told else None

    @property
    def worst(self) -> dict[str, AffectedNode]:
        """By id, the nodes that any of the differences affects, each with its worst grade."""
        found: dict[str, AffectedNode] = {}
        for item in self._affected():
            known = found.get(item.id, item)
            found[item.id] = min(known, item, key=lambda one: (Grade(one.grade).rank, one.distance))
        return found

    def _affected(self) -> Iterator[AffectedNode]:
        for finding in self.findings:
            yield from finding.impact.affected if finding.impact else ()

    @property
    def totals(self) -> dict[str, dict[str, int]]:
        """How many columns, datasets and jobs, by grade; each counts once."""
        return totals(self.worst.values())

    def to_dict(self) -> dict[str, Any]:
        """As JSON, in the documented order of keys."""
        return {
            "dataset": self.dataset,
            "job": self.job,
            "totals": self.totals,
            "findings": [finding.to_dict() for finding in self.findings],
            "notes": list(self.notes),
            "complete": self.complete,
            "reason": self.reason,
        }
