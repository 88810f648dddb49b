"""Paths from some nodes to others: what lies on any of them, and the paths themselves, the shortest first. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence

Links = Mapping[str, Sequence[str]]  #: from a node to the next ones
Path = tuple[str, ...]


def reversed_links(links: Links) -> dict[str, list[str]]:
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
    """The nodes on any path; empty if there is none. Linear in the links, however many paths there are."""
    return distances(links, starts).keys() & distances(reversed_links(links), ends).keys()


def simple_paths(links: Links, starts: Collection[str], ends: Collection[str], budget: int) -> Iterator[Path | None]:
    """Paths without a repeated node, the shortest first, those of one length by their nodes.

    A path is begun where the rest is known to be shortest (A*), so that without a cycle each takes as many steps as it
    is long. Inside cycles a begun path may turn out to lead nowhere: after `budget` steps the last item is None.
    """
    left = distances(reversed_links(links), ends)
    begun: list[tuple[int, Path]] = [(left[start], (start,)) for start in sorted(starts) if start in left]
    heapq.heapify(begun)
    while begun:
        if budget == 0:
            yield None
            return
        budget -= 1
        _, path = heapq.heappop(begun)
        if path[-1] in ends:
            yield path
            continue
        for node in links.get(path[-1], ()):
            if node in left and node not in path:
                heapq.heappush(begun, (len(path) + left[node], (*path, node)))


def cycles_in(links: Links) -> list[set[str]]:
    """The groups of nodes each of which leads to every other of its group: the strongly connected parts.

    Of one node alone only where it links to itself. Kosaraju's algorithm, with stacks: a chain may be longer than
    Python's recursion limit.
    """
    back = reversed_links(links)
    seen: set[str] = set()
    found: list[set[str]] = []
    for root in topological_order(links):
        if root not in seen:
            part = _reached(back, root, seen)
            if len(part) > 1 or root in links.get(root, ()):
                found.append(part)
    return found


def topological_order(links: Links) -> list[str]:
    """Every node that has a link, each before what it leads to, but for the links that close a cycle."""
    done: list[str] = []
    entered: set[str] = set()
    for root in sorted(links):
        stack = [(root, iter(links.get(root, ())))] if root not in entered else []
        entered.add(root)
        while stack:
            following = next((other for other in stack[-1][1] if other not in entered), None)
            if following is None:
                done.append(stack.pop()[0])
            else:
                entered.add(following)
                stack.append((following, iter(links.get(following, ()))))
    return done[::-1]


def _reached(links: Links, root: str, seen: set[str]) -> set[str]:
    """What can be reached from `root` and was not seen before."""
    seen.add(root)
    part = {root}
    for node in (queue := [root]):
        fresh = [other for other in dict.fromkeys(links.get(node, ())) if other not in seen]
        seen.update(fresh)
        part.update(fresh)
        queue.extend(fresh)
    return part
