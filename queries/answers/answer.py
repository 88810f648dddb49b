"""The shapes of answers: a lineage answer (nodes and edges) and a table. Plain frozen data, no store behind it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

Reason = str
"""Why an answer is not complete: ``limit``, ``deadline``, ``depth``, ``rebuilding``, ``ledger``, ``entry 7 erased``,
``entry 7 cannot be read``, ``entry 7 is parked``, or ``nothing is known of it before 2026-...``."""


def why_incomplete(reason: Reason | None) -> str:
    """Why an answer is not complete, in words."""
    if reason == "rebuilding":
        return "the graph is being rebuilt from the ledger"
    if reason == "ledger":
        return "the ledger's file was removed or replaced, and the graph may differ from what is there now"
    return f"{reason} reached" if reason in {"limit", "deadline", "depth"} else str(reason)


#: The columns of rows that hold a time: ms since 1970, UTC.
TIMES = frozenset({"timestamp", "firstRun", "lastRun", "lastWrite", "at", "overwrittenAt", "statedAt"})


def moment(milliseconds: int) -> dt.datetime | None:
    """A time in UTC; None for years that a datetime cannot hold."""
    try:
        return dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


#: What a node has only where an answer was asked for with `counts`.
_COUNTS = frozenset({"columnCount", "moreUpstream", "moreDownstream", "lastRun", "lastStatus"})


@dataclass(frozen=True)
class Node:
    """A dataset or column of a lineage answer.

    `distance` is the shortest number of hops from the root; `direction` says on which side it was found
    (``both``: the root of an answer that looks both ways, or a node found on both sides). `origin`, `resolved` and
    `expression` (the literal of a constant) say why a column has no, or not all, DIRECT sources.

    Of a dataset, where it was asked for (`counts`): how many columns it has, how many datasets lie directly behind
    it on each side to which the answer has no edge, and when (ms since 1970) and how a run last wrote it.
    """

    id: str
    label: str
    name: str
    dataset: str
    distance: int
    direction: str
    origin: str | None = None
    resolved: bool = True
    expression: str | None = None
    tags: tuple[str, ...] = ()
    columnCount: int | None = None  # noqa: N815 - the answer's own name, as those that follow
    moreUpstream: int | None = None  # noqa: N815
    moreDownstream: int | None = None  # noqa: N815
    lastRun: int | None = None  # noqa: N815
    lastStatus: str | None = None  # noqa: N815

    def to_dict(self) -> dict[str, Any]:
        """As JSON, in the documented order of keys; what `counts` adds only where it was asked for."""
        fields = {**self.__dict__, "tags": list(self.tags)}
        return {key: value for key, value in fields.items() if key not in _COUNTS or value is not None}


@dataclass(frozen=True)
class Edge:
    """Data flows from `source` to `target` (node ids).

    Between datasets there is no subtype, and `columns` is the number of column pairs that the edge stands for.
    `behind`, where it was asked for: the source's logic has changed since the target last read it.
    """

    source: str
    target: str
    type: str
    subtype: str | None = None
    masking: bool = False
    exact: bool = True
    certain: bool = True
    expression: str | None = None
    sourceField: str | None = None  # noqa: N815 - the graph's and the answer's own name
    job: str | None = None
    plan: str | None = None
    columns: int | None = None
    behind: bool | None = None

    @property
    def order(self) -> tuple[str, ...]:
        """The order of edges: (target, source, type, subtype, plan), then what tells the last ones apart."""
        parts = (self.subtype, self.plan, self.sourceField, self.expression)
        return (self.target, self.source, self.type, *(part or "" for part in parts))

    def to_dict(self) -> dict[str, Any]:
        """As JSON, in the documented order of keys; `columns` and `behind` only where they say something."""
        optional = ("columns", "behind")
        return {key: value for key, value in self.__dict__.items() if key not in optional or value is not None}


@dataclass(frozen=True)
class Answer:
    """The lineage of `root`. `nodes` are ordered by (distance, id), `edges` by `Edge.order`.

    `depth` is None for unlimited; `as_of` None is now. `complete` is False where something was left out, and `reason`
    says why: ``limit``, ``deadline`` or ``depth``; ``rebuilding``: the graph is being drawn anew from the ledger;
    ``ledger``: its file was removed or replaced under the running server, and nobody can check the answer;
    ``entry 7 erased``: that ledger entry was part of this lineage; ``nothing is known of it before ...``: `as_of` is
    earlier than the first run that wrote or read the root. `datasets`, where it was asked for (`counts`): each
    dataset that the nodes are or belong to, by id.
    """

    shape: ClassVar[str] = "lineage"

    root: str
    direction: str
    depth: int | None
    type: str
    as_of: str | None
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    complete: bool = True
    reason: Reason | None = None
    datasets: tuple[Node, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON, in the documented order of keys; `datasets` only where it was asked for."""
        datasets = {"datasets": [node.to_dict() for node in self.datasets]} if self.datasets else {}
        return {
            "shape": self.shape,
            "root": self.root,
            "direction": self.direction,
            "depth": self.depth,
            "type": self.type,
            "asOf": self.as_of,
            "nodes": [node.to_dict() for node in self.nodes],
            "edges": [edge.to_dict() for edge in self.edges],
            "complete": self.complete,
            "reason": self.reason,
            **datasets,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Answer:
        """The inverse of `to_dict`, for a client. KeyError or TypeError if the data is no answer."""
        return cls(
            root=data["root"],
            direction=data["direction"],
            depth=data["depth"],
            type=data["type"],
            as_of=data["asOf"],
            nodes=tuple(_node(node) for node in data["nodes"]),
            edges=tuple(Edge(**edge) for edge in data["edges"]),
            complete=data["complete"],
            reason=data["reason"],
            datasets=tuple(_node(node) for node in data.get("datasets", ())),
        )


def _node(data: Mapping[str, Any]) -> Node:
    return Node(**{**data, "tags": tuple(data["tags"])})


@dataclass(frozen=True)
class Table:
    """An answer of rows. Each row has the `columns` as keys; `next` is the parameter `next` of the following page.

    `complete` is False where not all of the graph was looked at, so that rows may be missing; `reason` says why.
    """

    shape: ClassVar[str] = "rows"

    query: str
    parameters: Mapping[str, Any]
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    next: str | None = None
    reason: Reason | None = None

    @property
    def complete(self) -> bool:
        """Whether all of the graph was looked at; a following page says nothing about it."""
        return self.reason is None

    def to_dict(self) -> dict[str, Any]:
        """As JSON, in the documented order of keys."""
        return {
            "shape": self.shape,
            "query": self.query,
            "parameters": dict(self.parameters),
            "columns": list(self.columns),
            "rows": [dict(row) for row in self.rows],
            "next": self.next,
            "complete": self.complete,
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Table:
        """The inverse of `to_dict`."""
        rows: Sequence[Mapping[str, Any]] = data["rows"]
        columns = tuple(data["columns"])
        return cls(data["query"], data["parameters"], columns, tuple(rows), data["next"], data["reason"])
