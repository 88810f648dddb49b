"""The grade of each node downstream of a change: how badly the change affects it. Pure.

A grade is what other tools call a severity: breaks, changes-value, may-change-rows, stops. Two tables give it:
`START_STATES` says in which `NodeState` a change puts the changed node itself, `TRANSITIONS` in which state the next
node is, from the state of this one and the kind of the edge between them. `propagate` walks the edges with these
tables. Several paths can bring a node into several states: each state is followed once, and the worst gives the grade.

Here: the tables and the walk. Not here: which edges an answer has (`questions.grading`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Change(str, Enum):
    """What a user plans to do to a column or dataset; the values of the parameter `change` of the query `impact`."""

    DROP = "drop"
    RENAME = "rename"
    RETYPE = "retype"
    SEMANTICS = "semantics"  #: the same name and type, other values or another meaning
    ROWS = "rows"  #: the same values in other rows


class Grade(str, Enum):
    """How badly a change affects a node, the worst first. The values are part of the JSON of an impact answer."""

    BREAKS = "breaks"  #: the node is computed from the changed value, and cannot be computed without it
    CHANGES_VALUE = "changes-value"  #: the node is computed from the changed value, and gets other values
    MAY_CHANGE_ROWS = "may-change-rows"  #: the changed value is in a filter, join, grouping, sorting or condition
    STOPS = "stops"  #: the change has no effect from here on: the node is a hash, a mask or a constant

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return GRADES.index(self)


GRADES: tuple[Grade, ...] = tuple(Grade)


class NodeState(Enum):
    """What a change does to one node, the worst first: the grade, and what it means."""

    GONE = Grade.BREAKS, "the value can no longer be computed"
    RETYPED = Grade.CHANGES_VALUE, "the value has another type, and the next columns copy it"
    CHANGED = Grade.CHANGES_VALUE, "the value is another one"
    ROWS = Grade.MAY_CHANGE_ROWS, "the same values, perhaps in other rows"
    STOPPED = Grade.STOPS, "no effect on the nodes after this one"

    @property
    def grade(self) -> Grade:
        """The grade of a node in this state."""
        return self.value[0]


_RANKS = {state: rank for rank, state in enumerate(NodeState)}


class EdgeKind(str, Enum):
    """The kinds of edges that differ in how they pass a change on."""

    IDENTITY = "identity"
    TRANSFORMATION = "transformation"
    AGGREGATION = "aggregation"
    MASKED = "masked"  #: DIRECT, through a hash or a mask
    INDIRECT = "indirect"
    COLUMN = "column"  #: from a dataset, whose rows may change, to one of its columns
    CONSTANT = "constant"  #: from such a dataset to a column that has only literals


#: The state of the node that is changed.
START_STATES: Mapping[Change, NodeState] = {
    Change.DROP: NodeState.GONE,
    Change.RENAME: NodeState.GONE,
    Change.RETYPE: NodeState.RETYPED,
    Change.SEMANTICS: NodeState.CHANGED,
    Change.ROWS: NodeState.ROWS,
}
#: State of a node -> kind of the edge -> state of the next node. Where an entry is missing the change goes no further.
TRANSITIONS: Mapping[NodeState, Mapping[EdgeKind, NodeState]] = {
    NodeState.GONE: {
        EdgeKind.IDENTITY: NodeState.GONE,
        EdgeKind.TRANSFORMATION: NodeState.GONE,
        EdgeKind.AGGREGATION: NodeState.GONE,
        EdgeKind.MASKED: NodeState.GONE,  # a mask needs its argument
        EdgeKind.INDIRECT: NodeState.ROWS,
    },
    NodeState.RETYPED: {
        EdgeKind.IDENTITY: NodeState.RETYPED,
        EdgeKind.TRANSFORMATION: NodeState.GONE,  # an expression was written for the old type
        EdgeKind.AGGREGATION: NodeState.GONE,
        EdgeKind.MASKED: NodeState.STOPPED,  # a hash has the type of a hash
        EdgeKind.INDIRECT: NodeState.ROWS,
    },
    NodeState.CHANGED: {
        EdgeKind.IDENTITY: NodeState.CHANGED,
        EdgeKind.TRANSFORMATION: NodeState.CHANGED,
        EdgeKind.AGGREGATION: NodeState.CHANGED,
        EdgeKind.MASKED: NodeState.STOPPED,  # nobody reads a meaning from a hash
        EdgeKind.INDIRECT: NodeState.ROWS,
    },
    NodeState.ROWS: {
        **dict.fromkeys(
            (EdgeKind.IDENTITY, EdgeKind.TRANSFORMATION, EdgeKind.AGGREGATION, EdgeKind.MASKED), NodeState.ROWS
        ),
        EdgeKind.INDIRECT: NodeState.ROWS,
        EdgeKind.COLUMN: NodeState.ROWS,
        EdgeKind.CONSTANT: NodeState.STOPPED,
    },
    NodeState.STOPPED: {},
}
#: Changes after which the name no longer exists: every job that reads the node by that name fails, even if it uses the
#: column only in a filter.
REMOVES_NAME = frozenset({Change.DROP, Change.RENAME})


def edge_kind(type_: str, subtype: str | None, *, masking: bool) -> EdgeKind:
    """The kind of an edge of lineage. A DIRECT edge whose subtype is unknown counts as a transformation."""
    if type_ == "INDIRECT":
        return EdgeKind.INDIRECT
    if masking:
        return EdgeKind.MASKED
    return {"IDENTITY": EdgeKind.IDENTITY, "AGGREGATION": EdgeKind.AGGREGATION}.get(
        subtype or "", EdgeKind.TRANSFORMATION
    )


class Link(NamedTuple):
    """A link to the next node. `edge` is the edge's position in the answer; None: from a dataset to its own column.

    A link without an edge is no hop: the column has the distance of its dataset.
    """

    target: str
    kind: EdgeKind
    edge: int | None = None


class Visit(NamedTuple):
    """A node in one state. A node is visited once for each state in which the change reaches it."""

    node: str
    state: NodeState


class Reached(NamedTuple):
    """A node that the change reaches: its grade, its shortest distance, and the edges of the path with that grade.

    `path` has positions of edges. Of several paths with the worst grade it is the shortest; of several of these it is
    the first in the order of links.
    """

    grade: Grade
    distance: int
    path: tuple[int, ...]


@dataclass
class Propagation:
    """All nodes that a change reaches, without the roots, and the worst state that each edge passes on."""

    reached: dict[str, Reached] = field(default_factory=dict)
    edge_states: dict[int, NodeState] = field(default_factory=dict)


_CameFrom = dict[Visit, tuple[Visit, int | None] | None]


def propagate(roots: Collection[str], links: Mapping[str, Sequence[Link]], change: Change) -> Propagation:
    """Follow a change from the roots. Takes time linear in the links: each is followed at most once for each state."""
    out, came_from, nearest = Propagation(), _CameFrom(), dict[str, int]()
    level = [Visit(root, START_STATES[change]) for root in sorted(set(roots))]
    came_from.update(dict.fromkeys(level))
    distance = 0
    while level:
        following: list[Visit] = []
        for visit in level:  # it grows during the loop: a dataset's own columns have the distance of the dataset
            nearest.setdefault(visit.node, distance)
            for link, state in _next_visits(visit, links):
                _record(out.edge_states, link.edge, state)
                step = Visit(link.target, state)
                if step not in came_from and link.target not in roots:
                    came_from[step] = (visit, link.edge)
                    (level if link.edge is None else following).append(step)
        level, distance = following, distance + 1
    for node, state in _worst_states(came_from).items():
        if nearest[node]:
            out.reached[node] = Reached(state.grade, nearest[node], _path(Visit(node, state), came_from))
    return out


def _next_visits(visit: Visit, links: Mapping[str, Sequence[Link]]) -> Iterator[tuple[Link, NodeState]]:
    effects = TRANSITIONS[visit.state]
    return ((link, effects[link.kind]) for link in links.get(visit.node, ()) if link.kind in effects)


def _record(edge_states: dict[int, NodeState], edge: int | None, state: NodeState) -> None:
    if edge is not None:
        edge_states[edge] = min(state, edge_states.get(edge, state), key=_RANKS.__getitem__)


def _worst_states(visits: Iterable[Visit]) -> dict[str, NodeState]:
    worst: dict[str, NodeState] = {}
    for node, state in visits:
        worst[node] = min(state, worst.get(node, state), key=_RANKS.__getitem__)
    return worst


def _path(visit: Visit, came_from: _CameFrom) -> tuple[int, ...]:
    edges: list[int] = []
    step = came_from[visit]
    while step is not None:
        visit, edge = step
        if edge is not None:
            edges.append(edge)
        step = came_from[visit]
    return tuple(reversed(edges))
