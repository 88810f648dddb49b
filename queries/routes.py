"""Ways from some nodes to others: what lies on any of them, and the ways themselves, the shortest first. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence

Links = Mapping[str, Sequence[str]]  #: from a node to the next ones
Way = tuple[str, ...]


def turned(links: Links) -> dict[str, list[str]]:
    """The links the other way round."""
    out: dict[str, list[str]] = {}
    for node, following in links.items():
        for other in following:
            out.setdefault(other, []).append(node)
    return out


def distances(links: Links, starts: Collection[str]) -> dict[str, int]:
    """The least number of hops from one of the starts, for every node that can be reached."""
    found = dict.fromkeys(sorted(starts), 0)
    for node in (queue := list(found)):
        for other in links.get(node, ()):
            if other not in found:
                found[other] = found[node] + 1
                queue.append(other)
    return found


def between(links: Links, starts: Collection[str], ends: Collection[str]) -> set[str]:
    """The nodes on any way; empty if there is none. Linear in the links, however many ways there are."""
    return distances(links, starts).keys() & distances(turned(links), ends).keys()


def ways(links: Links, starts: Collection[str], ends: Collection[str], budget: int) -> Iterator[Way | None]:
    """Ways without a repeated node, the shortest first, those of one length by their nodes.

    A way is begun where the rest is known to be shortest (A*), so that without a cycle each takes as many steps as it
    is long. Inside cycles a begun way may turn out to be none: after `budget` steps the last thing given is None.
    """
    left = distances(turned(links), ends)
    begun: list[tuple[int, Way]] = [(left[start], (start,)) for start in sorted(starts) if start in left]
    heapq.heapify(begun)
    while begun:
        if budget == 0:
            yield None
            return
        budget -= 1
        _, way = heapq.heappop(begun)
        if way[-1] in ends:
            yield way
            continue
        for node in links.get(way[-1], ()):
            if node in left and node not in way:
                heapq.heappush(begun, (len(way) + left[node], (*way, node)))
