"""The shape of an impact answer: which nodes a change affects, how badly, and by which path. Plain frozen data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from headwater.queries.answers.answer import Edge, Reason, Table
from headwater.queries.answers.grades import GRADES

LABELS = ("column", "dataset", "job")
_OWNERS = ("owner", "grade", *(f"{label}s" for label in LABELS), "names")


@dataclass(frozen=True)
class AffectedNode:
    """A column, dataset or job that a change affects.

    `grade` is one of `grades.Grade`. `path` has positions in `Impact.edges`: the shortest path with that grade, from
    the root to this node. `job` is the job of the last edge of the path, which writes this node; `last_run` (ms since
    1970) and `interval` (ms, the median between its last runs) are those of the job's plan. `owner` is what people
    stated about the node, or else about its dataset, or about the job.
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
    def from_dict(cls, data: Mapping[str, Any]) -> AffectedNode:
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
class UngradedJob:
    """A job that reads an affected dataset, but whose column lineage is not known: it cannot have a grade."""

    job: str
    reads: str
    writes: str


@dataclass(frozen=True)
class Impact:
    """What a `change` of `root` affects. `affected` is ordered by (grade, the worst first, distance, label, id).

    `edges` are those of the paths. `unknown` are the jobs that could not be graded. `complete` is False if something
    was left out, and `reason` says why.
    """

    shape: ClassVar[str] = "impact"

    root: str
    change: str
    depth: int | None
    as_of: str | None
    affected: tuple[AffectedNode, ...]
    edges: tuple[Edge, ...]
    unknown: tuple[UngradedJob, ...] = ()
    complete: bool = True
    reason: Reason | None = None
    totals: Mapping[str, Mapping[str, int]] = field(kw_only=True)  #: of all that is affected, listed or not: `totals`

    @property
    def breaks(self) -> bool:
        """Whether anything breaks."""
        return any(self.totals["breaks"].values())

    def only(self, label: str) -> Impact:
        """The same answer with what is affected of one label alone: column, dataset or job. The totals are of all."""
        return replace(self, affected=tuple(item for item in self.affected if item.label == label))

    def by_owner(self) -> Table:
        """Whom to tell: a row for each owner and grade, the worst grades first; None for what has no owner.

        `names` are the ids of what is theirs, in the order of `affected`.
        """
        return by_owner(self.affected, {"node": self.root, "change": self.change}, self.reason)

    def path(self, item: AffectedNode) -> tuple[Edge, ...]:
        """The edges from the root to an affected node."""
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
            affected=tuple(map(AffectedNode.from_dict, data["affected"])),
            edges=tuple(Edge(**edge) for edge in data["edges"]),
            unknown=tuple(UngradedJob(**item) for item in data["unknown"]),
            complete=data["complete"],
            reason=data["reason"],
            totals=data["totals"],
        )


def totals(affected: Iterable[AffectedNode]) -> dict[str, dict[str, int]]:
    """How many columns, datasets and jobs, by grade."""
    counted = {grade.value: dict.fromkeys(LABELS, 0) for grade in GRADES}
    for item in affected:
        counted[item.grade][item.label] += 1
    return counted


def by_owner(affected: Iterable[AffectedNode], parameters: dict[str, Any], reason: Reason | None) -> Table:
    """The rows of `Impact.by_owner`, of what one impact or several affect: the worst grade first."""
    owned: dict[tuple[str | None, str], list[AffectedNode]] = {}
    for item in affected:
        owned.setdefault((item.owner, item.grade), []).append(item)
    rows = tuple(
        {
            "owner": owner,
            "grade": grade,
            **{f"{label}s": sum(item.label == label for item in items) for label in LABELS},
            "names": [item.id for item in items],
        }
        for (owner, grade), items in owned.items()
    )
    return Table("impact", parameters, _OWNERS, rows, None, reason)
