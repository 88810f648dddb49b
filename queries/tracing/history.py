"""All plans that ever contributed to datasets, from when until when: all edges `madeBy` of these datasets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from gremlin_python.process.graph_traversal import GraphTraversalSource, __

from headwater.graphmodel.now import Contribution
from headwater.graphmodel.validity import NO_END, Validity, columns_of
from headwater.queries.tracing.walk import chunks

_KEYS = ("validFrom", "validTo", "certain", "onlyColumns")


def stood(g: GraphTraversalSource, datasets: Sequence[str]) -> dict[str, list[Validity]]:
    """All contributions to each of these datasets, with their times; an empty list for one that no run wrote."""
    found: dict[str, list[Validity]] = {dataset: [] for dataset in datasets}
    for ids in chunks(datasets):
        rows = g.V(ids).out_e("madeBy").project("dataset", "plan", *_KEYS).by(__.out_v().id_()).by(__.in_v().id_())
        for key in _KEYS:
            rows = rows.by(key)
        for row in rows.to_list():
            contribution = Contribution(row["certain"], columns_of(row["onlyColumns"]))
            found[row["dataset"]].append(Validity(row["plan"], contribution, row["validFrom"], row["validTo"]))
    return found


def at(history: Iterable[Validity], timestamp: int) -> dict[str, Contribution]:
    """The contributions at a time, in ms since 1970, by plan."""
    return {v.plan: v.contribution for v in history if v.valid_from <= timestamp < v.valid_to}


def now(history: Iterable[Validity]) -> dict[str, Contribution]:
    """The contributions that still hold, by plan."""
    return {v.plan: v.contribution for v in history if v.valid_to == NO_END}


def states(history: Iterable[Validity]) -> Iterator[tuple[int, dict[str, Contribution]]]:
    """Each time (ms since 1970) at which the contributions changed, in order, and the contributions from then on."""
    turns: dict[int, list[tuple[bool, Validity]]] = defaultdict(list)
    for valid in history:
        turns[valid.valid_from].append((True, valid))
        if valid.valid_to != NO_END:
            turns[valid.valid_to].append((False, valid))
    state: dict[str, Contribution] = {}
    for timestamp in sorted(turns):
        for begins, valid in sorted(turns[timestamp], key=lambda turn: turn[0]):
            if begins:
                state[valid.plan] = valid.contribution
            else:
                del state[valid.plan]
        yield timestamp, state
