"""Algorithms on links between nodes, all in memory: distances, paths, cycles, order. Pure; asks no store."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence

Links = Mapping[str, Sequence[str]]  #: from a node to the next ones
Path = tuple[str, ...]


def reversed_links(links: Links) -> dict[str, list[str]]:
    """The links with source and target exchanged."""
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
    """The nodes on any path from a start to an end; empty if there is no path.

    Takes time linear in the links, even where the number of paths is exponential.
    """
    return distances(links, starts).keys() & distances(reversed_links(links), ends).keys()


def simple_paths(links: Links, starts: Collection[str], ends: Collection[str], budget: int) -> Iterator[Path | None]:
    """Paths without a repeated node, the shortest first, those of one length ordered by their nodes.

    A* with the exact distance to the nearest end: without cycles a path takes as many steps as it has nodes. In cycles
    a path may not be completed without repeating a node; the number of such attempts can be exponential. So after
    `budget` steps the last item is None: there may be more paths.
    """
    rest = distances(reversed_links(links), ends)
    started: list[tuple[int, Path]] = [(rest[start], (start,)) for start in sorted(starts) if start in rest]
    heapq.heapify(started)
    while started:
        if budget == 0:
            yield None
            return
        budget -= 1
        _, path = heapq.heappop(started)
        if path[-1] in ends:
            yield path
            continue
        for node in links.get(path[-1], ()):
            if node in rest and node not in path:
                heapq.heappush(started, (len(path) + rest[node], (*path, node)))


def cycles_in(links: Links) -> list[set[str]]:
    """The strongly connected components: groups in which every node leads to every other one.

    A group of one node is given only if the node links to itself. Kosaraju's algorithm, with stacks instead of
    recursion: a chain of links may be longer than Python's recursion limit.
    """
    back = reversed_links(links)
    seen: set[str] = set()
    found: list[set[str]] = []
    for root in topological_order(links):
        if root not in seen:
            part = _reachable(back, root, seen)
            if len(part) > 1 or root in links.get(root, ()):
                found.append(part)
    return found


def topological_order(links: Links) -> list[str]:
    """Every node that has a link, each before the nodes that it links to; links that close a cycle are ignored."""
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


def _reachable(links: Links, root: str, seen: set[str]) -> set[str]:
    """The nodes that can be reached from `root` and are not in `seen`; adds them to `seen`."""
    seen.add(root)
    part = {root}
    for node in (queue := [root]):
        fresh = [other for other in dict.fromkeys(links.get(node, ())) if other not in seen]
        seen.update(fresh)
        part.update(fresh)
        queue.extend(fresh)
    return part
