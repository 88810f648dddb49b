"""Datasets that hold nothing any more: they were written, and then dropped, emptied, renamed or retired.

A chain of lineage about now ends at them. The node where it ends says so, by the origin `ENDED`, and so it does as of a
time. The edges as of a time before the end are still there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P
from gremlin_python.statics import long

from headwater.graphmodel.validity import NO_END
from headwater.queries.answers.answer import Edge, Node
from headwater.queries.tracing.as_of import PastTime
from headwater.queries.tracing.walk import chunks

ENDED = "ended"  #: the origin of a node that had sources, and whose dataset holds nothing now


def with_ends(
    g: GraphTraversalSource, nodes: Sequence[Node], edges: Iterable[Edge], time: PastTime | None
) -> tuple[Node, ...]:
    """The nodes; those at which a way back ends because their dataset has ended have that origin. `time` None: now."""
    derived = {edge.target for edge in edges}
    last = [node for node in nodes if node.id not in derived and node.origin is None and node.direction != "downstream"]
    gone = _ended(g, {node.dataset for node in last}, time)
    ends = {node.id for node in last if node.dataset in gone}
    return tuple(replace(node, origin=ENDED) if node.id in ends else node for node in nodes)


def _ended(g: GraphTraversalSource, datasets: Iterable[str], time: PastTime | None) -> set[str]:
    """Those of the datasets to which a plan contributed once, and none does at the time."""
    by_time = defaultdict[int, list[str]](list)
    for dataset in sorted(datasets):
        by_time[NO_END - 1 if time is None else time.of_dataset(dataset)].append(dataset)
    found = set[str]()
    for at, some in by_time.items():
        once = __.out_e("madeBy").has("validTo", P.lte(long(at)))
        still = __.out_e("madeBy").has("validFrom", P.lte(long(at))).has("validTo", P.gt(long(at)))
        for ids in chunks(some):
            found.update(g.V(ids).where(once).not_(still).id_().to_list())
    return found
