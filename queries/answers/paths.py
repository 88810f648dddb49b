"""The shape of an answer about the paths between two nodes. Plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from headwater.queries.answers.answer import Edge, Node, Reason


@dataclass(frozen=True)
class Paths:
    """The paths between two nodes. `direction` is where data flows, seen from `start`; None: there is no path.

    `nodes` and `edges` are those of all paths (of the shortest one, if only that was asked for), nodes ordered by their
    distance from the upstream end. `paths` has the node ids of each path in the direction of the data, the shortest
    path first. `complete` is False if something was left out: "no path" then means that none was found in the limits.
    """

    shape: ClassVar[str] = "paths"

    start: str
    end: str
    type: str
    as_of: str | None
    direction: str | None = None
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    paths: tuple[tuple[str, ...], ...] = ()
    complete: bool = True
    reason: Reason | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON, in the documented order of keys."""
        return {
            "shape": self.shape,
            "from": self.start,
            "to": self.end,
            "type": self.type,
            "asOf": self.as_of,
            "direction": self.direction,
            "nodes": [node.to_dict() for node in self.nodes],
            "edges": [edge.to_dict() for edge in self.edges],
            "paths": [list(path) for path in self.paths],
            "complete": self.complete,
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Paths:
        """The inverse of `to_dict`."""
        return cls(
            start=data["from"],
            end=data["to"],
            type=data["type"],
            as_of=data["asOf"],
            direction=data["direction"],
            nodes=tuple(Node(**{**node, "tags": tuple(node["tags"])}) for node in data["nodes"]),
            edges=tuple(Edge(**edge) for edge in data["edges"]),
            paths=tuple(map(tuple, data["paths"])),
            complete=data["complete"],
            reason=data["reason"],
        )
