"""Sources that columns have in common, as answers show them: each pair of column and source as one edge.

The graph has a vertex between the two (`graphmodel.shared`). Here are the edges on either side of such vertices, put
together to edges from column to column. Which requests give them is told by who asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from headwater.graphmodel.ids import is_shared
from headwater.graphmodel.shared import Link, either, through

_Edge = TypeVar("_Edge")
#: Of an edge its source and target, the plan that it is of, and what it says of them.
Read = Callable[[_Edge], tuple[str, str, str, Link]]
#: An edge with the ends of two that lead through a vertex of shared sources, and what they say together.
Make = Callable[[_Edge, _Edge, Link], _Edge]


def shared_in(nodes: Iterable[str]) -> list[str]:
    """The vertices of shared sources among these nodes."""
    return sorted({node for node in nodes if is_shared(node)})


def pairs_joined(edges: Iterable[_Edge], read: Read[_Edge], make: Make[_Edge]) -> Iterator[_Edge]:
    """The edges between columns: those that are given, and for each two that meet in shared sources one.

    Of two ways in which a plan derives a column from a source, one edge is made. A column is not its own source: such
    a pair is left out, as carried edges are.
    """
    plain: dict[tuple[str, ...], _Edge] = {}
    uses: defaultdict[str, list[_Edge]] = defaultdict(list)
    sources: defaultdict[str, list[_Edge]] = defaultdict(list)
    others = []
    for edge in edges:
        source, target, plan, link = read(edge)
        if is_shared(source):
            uses[source].append(edge)
        elif is_shared(target):
            sources[target].append(edge)
        elif plain.setdefault(_pair(source, target, plan, link), edge) is not edge:
            others.append(edge)
    for vertex, using in uses.items():
        for use in using:
            _, target, plan, link = read(use)
            for far in sources[vertex]:
                source, _, _, beyond = read(far)
                if source == target:
                    continue
                one = through(link, beyond)
                key = _pair(source, target, plan, one)
                before = plain.get(key)
                plain[key] = make(use, far, either(read(before)[3], one) if before is not None else one)
    yield from plain.values()
    yield from others


def _pair(source: str, target: str, plan: str, link: Link) -> tuple[str, ...]:
    return source, target, plan, "" if link.type == "DIRECT" else link.subtype
