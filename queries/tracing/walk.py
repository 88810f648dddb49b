"""A walk level by level: shortest distances from some roots, nearest first, within depth, limit and time. Pure.

What a step leads to is asked of the store in `edges`. Not here: the edges themselves, and anything that is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from headwater.queries.answers.answer import Reason

#: Ids in one request: small enough for every store, large enough that round trips do not count.
CHUNK = 2_000
#: Hops that one request follows: at first, when most answers end, and then.
_FIRST_HOPS, _LATER_HOPS = 8, 32

#: Whether the time for an answer is over. Asked before each step: what was found until then is the answer.
DeadlinePassed = Callable[[], bool]
_T = TypeVar("_T")


class Step(NamedTuple):
    """What one level leads to: nodes `beside` it (at its own distance) and nodes `beyond` (one hop further)."""

    beside: Iterable[str]
    beyond: Iterable[str]


@dataclass(frozen=True)
class Walk:
    """Nodes reached with their distances, and why the walk stopped early (None: it did not)."""

    distances: Mapping[str, int]
    reason: Reason | None


#: Gives the steps from a level on: at least one, and perhaps as many as asked for. A step may name nodes that were met
#: before, and has all that is one hop further.
Steps = Callable[[Sequence[str], int], Sequence[Step]]


def walk(
    roots: Iterable[str],
    steps: Steps,
    *,
    depth: int | None,
    limit: int,
    deadline_passed: DeadlinePassed,
) -> Walk:
    """Walk level by level from the roots; the nodes of a level are those not met before, by shortest distance.

    `limit` keeps the nearest nodes, among equals those that lead on, then by id. At `depth` one more step is taken,
    only to know whether something lies behind. `deadline_passed` is asked before each request.
    """
    distances: dict[str, int] = {}
    level, distance = sorted(set(roots)), 0
    ahead = _FIRST_HOPS
    coming: Iterator[Step] = iter(())
    while level:
        if _fill(distances, level, distance, limit):
            return Walk(distances, "limit")
        found = next(coming, None)
        if found is None:
            if deadline_passed():
                return Walk(distances, "deadline")
            coming = iter(steps(level, ahead if depth is None else min(ahead, depth - distance + 1)))
            found = next(coming)
            ahead = _LATER_HOPS
        beside = sorted(set(found.beside) - distances.keys())
        level = sorted(set(found.beyond) - distances.keys() - set(beside))
        if distance == depth and (beside or level):
            return Walk(distances, "depth")
        if _fill(distances, beside, distance, limit):
            return Walk(distances, "limit")
        distance += 1
    return Walk(distances, None)


def _fill(distances: dict[str, int], nodes: Sequence[str], distance: int, limit: int) -> bool:
    """Add what there is room for; True if there was not enough."""
    room = limit - len(distances)
    distances.update(dict.fromkeys(nodes[:room], distance))
    return len(nodes) > room


def chunks(ids: Sequence[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    """The ids of each request. Never an empty list: V() of no ids is every vertex there is."""
    for start in range(0, len(ids), size):
        yield list(ids[start : start + size])
