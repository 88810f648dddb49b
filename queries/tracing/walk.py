"""A walk level by level: shortest distances from some roots, nearest first, within depth, limit and time. Pure.

The requests to the store that give the next level are in `edges`. Not here: the edges themselves, and names or
properties of nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from headwater.queries.answers.answer import Reason

#: Ids in one request: few enough for the request limits of every store, and so many that the time of a round trip to
#: the store does not matter.
CHUNK = 2_000
#: Hops that one request follows. Most answers end within the first ones, and an answer that does not is probably long.
#: With these numbers the lineage of a chain of 20 hops takes 6 requests; with one request for each hop it took 26.
_FIRST_HOPS, _LATER_HOPS = 8, 32

#: Whether the time for an answer is over. It is asked before each request; what was found until then is the answer.
DeadlinePassed = Callable[[], bool]
_T = TypeVar("_T")


class Step(NamedTuple):
    """The nodes that one level leads to, some at the distance of the level itself, the others one hop further.

    A dataset whose rows depend on columns has the distance of its own columns: it is the `same_level`.
    """

    same_level: Iterable[str]
    next_level: Iterable[str]


@dataclass(frozen=True)
class Walk:
    """Nodes reached with their distances, and why the walk stopped early (None: it did not)."""

    distances: Mapping[str, int]
    reason: Reason | None


#: From (nodes of a level, hops wanted) to the steps from there on: at least one, at most as many as wanted. A step has
#: all nodes that are one hop further, also those that the walk has met before.
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

    `limit` keeps the nearest nodes; of those at one distance first the ones that the walk follows, then by id. At
    `depth` one more step is taken, only to know whether there are further nodes. `deadline_passed` is asked before
    each request.
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
        same_level = sorted(set(found.same_level) - distances.keys())
        level = sorted(set(found.next_level) - distances.keys() - set(same_level))
        if distance == depth and (same_level or level):
            return Walk(distances, "depth")
        if _fill(distances, same_level, distance, limit):
            return Walk(distances, "limit")
        distance += 1
    return Walk(distances, None)


def _fill(distances: dict[str, int], nodes: Sequence[str], distance: int, limit: int) -> bool:
    """Add as many of the nodes as `limit` allows; True if it did not allow all of them."""
    room = limit - len(distances)
    distances.update(dict.fromkeys(nodes[:room], distance))
    return len(nodes) > room


def chunks(ids: Sequence[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    """The ids of each request. Never an empty list: V() of no ids is every vertex there is."""
    for start in range(0, len(ids), size):
        yield list(ids[start : start + size])
