"""How bad a change is for what lies behind it: a table of kinds of change and of edges, and the walk that applies it.

Pure: links in, grades out. A change is in one `State` at each node; `EFFECTS` says in which state an edge hands it on.
Several paths may bring several states to a node: all are followed, each once, and the worst counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Change(str, Enum):
    """What is done to a column or dataset."""

    DROP = "drop"
    RENAME = "rename"
    RETYPE = "retype"
    SEMANTICS = "semantics"  #: the same name and type, other values or another meaning
    ROWS = "rows"  #: the same values in other rows


class Grade(str, Enum):
    """What it means for a node that is reached, the worst first."""

    BREAKS = "breaks"  #: made of it, and cannot be made without it
    CHANGES_VALUE = "changes-value"  #: made of it
    MAY_CHANGE_ROWS = "may-change-rows"  #: filtered, joined, grouped, sorted or switched by it
    STOPS = "stops"  #: the change ends here: at a mask, or at a constant

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return GRADES.index(self)


GRADES: tuple[Grade, ...] = tuple(Grade)


class State(Enum):
    """How a change stands at a node, the worst first."""

    GONE = Grade.BREAKS, "the value can no longer be made"
    RETYPED = Grade.CHANGES_VALUE, "another type, handed on as it is"
    CHANGED = Grade.CHANGES_VALUE, "another value"
    ROWS = Grade.MAY_CHANGE_ROWS, "perhaps other rows"
    STOPPED = Grade.STOPS, "nothing is handed on"

    @property
    def grade(self) -> Grade:
        """The grade of a node in this state."""
        return self.value[0]


_RANKS = {state: rank for rank, state in enumerate(State)}


class Kind(str, Enum):
    """What an edge is to a change that crosses it."""

    IDENTITY = "identity"
    TRANSFORMATION = "transformation"
    AGGREGATION = "aggregation"
    MASKED = "masked"  #: DIRECT, through a hash or a mask
    INDIRECT = "indirect"
    COLUMN = "column"  #: from a dataset, whose rows may change, to a column of it
    CONSTANT = "constant"  #: from such a dataset to a column of literals alone


#: How a change stands at the node itself.
START: Mapping[Change, State] = {
    Change.DROP: State.GONE,
    Change.RENAME: State.GONE,
    Change.RETYPE: State.RETYPED,
    Change.SEMANTICS: State.CHANGED,
    Change.ROWS: State.ROWS,
}
#: The state behind an edge, by the state before it. What is absent ends the path.
EFFECTS: Mapping[State, Mapping[Kind, State]] = {
    State.GONE: {
        Kind.IDENTITY: State.GONE,
        Kind.TRANSFORMATION: State.GONE,
        Kind.AGGREGATION: State.GONE,
        Kind.MASKED: State.GONE,  # a mask needs its argument
        Kind.INDIRECT: State.ROWS,
    },
    State.RETYPED: {
        Kind.IDENTITY: State.RETYPED,
        Kind.TRANSFORMATION: State.GONE,  # an expression was written for the old type
        Kind.AGGREGATION: State.GONE,
        Kind.MASKED: State.STOPPED,  # a hash has the type of a hash
        Kind.INDIRECT: State.ROWS,
    },
    State.CHANGED: {
        Kind.IDENTITY: State.CHANGED,
        Kind.TRANSFORMATION: State.CHANGED,
        Kind.AGGREGATION: State.CHANGED,
        Kind.MASKED: State.STOPPED,  # nobody reads a meaning from a hash
        Kind.INDIRECT: State.ROWS,
    },
    State.ROWS: {
        **dict.fromkeys((Kind.IDENTITY, Kind.TRANSFORMATION, Kind.AGGREGATION, Kind.MASKED), State.ROWS),
        Kind.INDIRECT: State.ROWS,
        Kind.COLUMN: State.ROWS,
        Kind.CONSTANT: State.STOPPED,
    },
    State.STOPPED: {},
}
#: Changes that take a name away: every job that reads the node by that name fails, whatever it uses it for.
TAKES_NAME = frozenset({Change.DROP, Change.RENAME})


def kind_of(type_: str, subtype: str | None, *, masking: bool) -> Kind:
    """The kind of an edge of lineage. What is DIRECT and not further known is a transformation."""
    if type_ == "INDIRECT":
        return Kind.INDIRECT
    if masking:
        return Kind.MASKED
    return {"IDENTITY": Kind.IDENTITY, "AGGREGATION": Kind.AGGREGATION}.get(subtype or "", Kind.TRANSFORMATION)


class Link(NamedTuple):
    """What a node leads to. `edge` is the number of an edge; None: a dataset and its own column, no hop."""

    target: str
    kind: Kind
    edge: int | None = None


class Place(NamedTuple):
    """A node and how the change stands there: it may come to a node in several states."""

    node: str
    state: State


class Reached(NamedTuple):
    """A node that the change comes to: how bad, how near at best, and the numbers of the edges of the worst path.

    Of several paths of the worst grade it is the shortest, and of several of these the first in the order of links.
    """

    grade: Grade
    distance: int
    path: tuple[int, ...]


@dataclass
class Spread:
    """All that a change comes to, the roots not among it. `crossed`: the worst state that each edge hands on."""

    reached: dict[str, Reached] = field(default_factory=dict)
    crossed: dict[int, State] = field(default_factory=dict)


_Came = dict[Place, tuple[Place, int | None] | None]


def spread(roots: Collection[str], links: Mapping[str, Sequence[Link]], change: Change) -> Spread:
    """Follow a change from the roots. Linear in the links: each is crossed at most once a state."""
    out, came, nearest = Spread(), _Came(), dict[str, int]()
    level = [Place(root, START[change]) for root in sorted(set(roots))]
    came.update(dict.fromkeys(level))
    distance = 0
    while level:
        following: list[Place] = []
        for place in level:  # it grows meanwhile: a dataset's own columns are as near as the dataset
            nearest.setdefault(place.node, distance)
            for link, state in _onward(place, links):
                _cross(out.crossed, link.edge, state)
                step = Place(link.target, state)
                if step not in came and link.target not in roots:
                    came[step] = (place, link.edge)
                    (level if link.edge is None else following).append(step)
        level, distance = following, distance + 1
    for node, state in _worst(came).items():
        if nearest[node]:
            out.reached[node] = Reached(state.grade, nearest[node], _path(Place(node, state), came))
    return out


def _onward(place: Place, links: Mapping[str, Sequence[Link]]) -> Iterator[tuple[Link, State]]:
    effects = EFFECTS[place.state]
    return ((link, effects[link.kind]) for link in links.get(place.node, ()) if link.kind in effects)


def _cross(crossed: dict[int, State], edge: int | None, state: State) -> None:
    if edge is not None:
        crossed[edge] = min(state, crossed.get(edge, state), key=_RANKS.__getitem__)


def _worst(places: Iterable[Place]) -> dict[str, State]:
    worst: dict[str, State] = {}
    for node, state in places:
        worst[node] = min(state, worst.get(node, state), key=_RANKS.__getitem__)
    return worst


def _path(place: Place, came: _Came) -> tuple[int, ...]:
    edges: list[int] = []
    step = came[place]
    while step is not None:
        place, edge = step
        if edge is not None:
            edges.append(edge)
        step = came[place]
    return tuple(reversed(edges))
