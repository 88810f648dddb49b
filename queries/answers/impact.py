"""The shape of an impact answer: what a change comes to, how badly, by which path. Plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headwater.queries.answers.answer import Edge, Reason
from headwater.queries.answers.grades import GRADES

LABELS = ("column", "dataset", "job")


@dataclass(frozen=True)
class ImpactAnswer:
    """A column, dataset or job that a change comes to.

    `path` numbers the edges, in `Impact.edges`, of the shortest path of the worst grade, from the root on. `job` writes
    it there; `last_run` (ms since 1970) and `interval` (ms, the median between the last runs) are those of that job's
    logic. `owner` is what people stated, of the node or else of the job.
    """

    id: str
    label: str
    grade: str
    distance: int
    path: tuple[int, ...] = ()
    job: str | None = None
    last_run: int | None = None
    interval: int | None = None
    owner: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON, in the documented order of keys."""
        return {
            "id": self.id,
            "label": self.label,
            "grade": self.grade,
            "distance": self.distance,
            "path": list(self.path),
            "job": self.job,
            "lastRun": self.last_run,
            "intervalMs": self.interval,
            "owner": self.owner,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ImpactAnswer:
        """The inverse of `to_dict`."""
        return cls(
            id=data["id"],
            label=data["label"],
            grade=data["grade"],
            distance=data["distance"],
            path=tuple(data["path"]),
            job=data["job"],
            last_run=data["lastRun"],
            interval=data["intervalMs"],
            owner=data["owner"],
        )


@dataclass(frozen=True)
class Unknown:
    """A job that reads a dataset that the change comes to, and of whose columns nothing is known: it has no grade."""

    job: str
    reads: str
    writes: str


@dataclass(frozen=True)
class Impact:
    """What a `change` of `root` comes to. `affected` is ordered by (grade, the worst first, distance, label, id).

    `edges` are those of the paths. `complete` is False where something was left out, and `reason` says why.
    """

    shape: ClassVar[str] = "impact"

    root: str
    change: str
    depth: int | None
    as_of: str | None
    affected: tuple[ImpactAnswer, ...]
    edges: tuple[Edge, ...]
    unknown: tuple[Unknown, ...] = ()
    complete: bool = True
    reason: Reason | None = None
    totals: Mapping[str, Mapping[str, int]] = field(init=False)  #: by grade, then by label

    def __post_init__(self) -> None:
        """Count."""
        totals = {grade.value: dict.fromkeys(LABELS, 0) for grade in GRADES}
        for item in self.affected:
            totals[item.grade][item.label] += 1
        object.__setattr__(self, "totals", totals)

    @property
    def breaks(self) -> bool:
        """Whether anything breaks."""
        return any(self.totals["breaks"].values())

    def path(self, item: ImpactAnswer) -> tuple[Edge, ...]:
        """The path to something affected, from the root on."""
        return tuple(self.edges[number] for number in item.path)

    def to_dict(self) -> dict[str, Any]:
        """As JSON, in the documented order of keys: totals come before what they count."""
        return {
            "shape": self.shape,
            "root": self.root,
            "change": self.change,
            "depth": self.depth,
            "asOf": self.as_of,
            "totals": {grade: dict(counted) for grade, counted in self.totals.items()},
            "affected": [item.to_dict() for item in self.affected],
            "edges": [edge.to_dict() for edge in self.edges],
            "unknown": [dict(item.__dict__) for item in self.unknown],
            "complete": self.complete,
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Impact:
        """The inverse of `to_dict`."""
        return cls(
            root=data["root"],
            change=data["change"],
            depth=data["depth"],
            as_of=data["asOf"],
            affected=tuple(map(ImpactAnswer.from_dict, data["affected"])),
            edges=tuple(Edge(**edge) for edge in data["edges"]),
            unknown=tuple(Unknown(**item) for item in data["unknown"]),
            complete=data["complete"],
            reason=data["reason"],
        )
