"""Edges that two reports of one write both tell, told once: of every logic that ever succeeded.

A CREATE TABLE AS SELECT is reported twice, by the command and by the write inside it: two runs that are `sameWriteAs`,
of two plans with the same edges. Of *now* one of them counts; facts are of both. Both lead to the same nodes, so that
a walk does not need to know: one request after it is enough.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import T

from headwater.queries.answers.answer import Edge
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.walk import chunks

#: Runs of a plan that are looked at: one that repeats the write of another does so in each run.
_RUNS = 1_000


class _Reported(NamedTuple):
    """A plan: the plans whose runs are the same writes as its own, and the last time at which it counted."""

    twins: frozenset[str]
    until: int


_NOT_REPORTED = _Reported(frozenset(), 0)


def told_once(g: GraphTraversalSource, edges: Iterable[Edge]) -> Iterator[Edge]:
    """The edges, without those that another report of the same write tells as well.

    Of such edges the one stays whose plan counted last, as it does in an answer about now.
    """
    alike: defaultdict[tuple[str | None, ...], list[Edge]] = defaultdict(list)
    for edge in edges:
        alike[edge.target, edge.source, edge.type, edge.subtype, edge.job].append(edge)
    reported = _reported(g, {edge.plan or "" for same in alike.values() if len(same) > 1 for edge in same})
    for same in alike.values():
        repeated = set[str]()
        for edge in sorted(same, key=lambda edge: (-reported.get(edge.plan or "", _NOT_REPORTED).until, edge.order)):
            if edge.plan not in repeated:
                repeated |= _same_writes(edge.plan or "", reported)
                yield edge


def _same_writes(plan: str, reported: Mapping[str, _Reported]) -> set[str]:
    """The other plans that report the writes of this one, also those that report a report of it."""
    found, coming = {plan}, [plan]
    while coming:
        more = reported.get(coming.pop(), _NOT_REPORTED).twins - found
        found |= more
        coming += more
    return found - {plan}


def _reported(g: GraphTraversalSource, plans: Collection[str]) -> dict[str, _Reported]:
    cells = {
        "plan": T.id,
        "twins": __.in_("executes").limit(_RUNS).both("sameWriteAs").out("executes").dedup().id_().fold(),
        "until": __.in_e("madeBy").values("validTo").max_(),
    }
    found = (row for ids in chunks(sorted(plans)) for row in rows(g.V(ids), cells))
    return {row["plan"]: _Reported(frozenset(row["twins"]), row["until"] or 0) for row in found}
