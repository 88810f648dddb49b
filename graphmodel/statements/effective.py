"""Which statements count, whatever their order; and the index to look them up by their node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headwater.graphmodel import ids
from headwater.graphmodel.statements.model import DATASET, TAG, Key, Said, Snapshot, Statement, statements_of
from headwater.graphmodel.statements.values import StatedDataset


def latest(first: Statement | None, second: Statement) -> Statement:
    """Of two statements with one key the one that counts."""
    return second if first is None or second.rank > first.rank else first


def withdrawn_by(one: Statement, rank: tuple[int, str]) -> Statement:
    """What counts in place of `one` where a snapshot of this rank does not list it: a function of the key and the rank.

    `one` itself, if it was stated after the snapshot.
    """
    if one.rank >= rank:
        return one
    at, its_id = rank
    key = one.key
    value, name = (key.value, "") if key.kind == TAG else ("", key.value)
    return Statement(key.kind, key.subject, value, at, None, None, True, key.source, key.scope, its_id, name)  # noqa: FBT003


def effective(said: Iterable[Said]) -> dict[Key, Statement]:
    """The statements that count, by key; withdrawn ones too."""
    best: dict[Key, Statement] = {}
    snapshots: dict[tuple[str, str], tuple[int, str]] = {}
    for one in said:
        if isinstance(one, Snapshot):
            place = (one.source, one.scope)
            snapshots[place] = max(one.rank, snapshots.get(place, one.rank))
        for each in statements_of(one):
            best[each.key] = latest(best.get(each.key), each)
    return {
        key: withdrawn_by(one, snapshots[key.source, key.scope]) if (key.source, key.scope) in snapshots else one
        for key, one in best.items()
    }


class StatementIndex:
    """Statements that count, to be looked up by the node that they are about."""

    def __init__(self, counting: Iterable[Statement]) -> None:
        """Index statements out of `effective`. Withdrawn patterns say nothing and are left out."""
        self._by_subject: dict[str, list[Statement]] = {}
        self._patterns: list[Statement] = []
        for one in counting:
            if not one.is_pattern:
                self._by_subject.setdefault(one.subject, []).append(one)
            elif not one.withdrawn:
                self._patterns.append(one)

    def __bool__(self) -> bool:
        """Whether there is any statement."""
        return bool(self._by_subject or self._patterns)

    def about(self, node: str) -> list[Statement]:
        """The statements about a node: its own, withdrawn ones too, and the patterns that it matches.

        Of a column also those that list its dataset.
        """
        dataset, column = ids.split_node(node)
        listing = () if column is None else self._by_subject.get(dataset, ())
        return [
            *self._by_subject.get(node, ()),
            *(one for one in listing if one.kind == DATASET),
            *(one for one in self._patterns if one.matches(node)),
        ]

    def listed(self) -> dict[str, list[StatedDataset]]:
        """The datasets that systems list, each with what every such statement says of it."""
        found: dict[str, list[StatedDataset]] = {}
        for subject, said in self._by_subject.items():
            listings = [one.dataset for one in said if one.dataset]
            if listings:
                found[subject] = listings
        return found

    def other_names(self) -> Iterator[tuple[str, str]]:
        """(spelling, dataset) for each other name that systems give the datasets that they list."""
        return (pair for said in self._by_subject.values() for one in said for pair in alias_pairs(one))


def alias_pairs(one: Statement) -> list[tuple[str, str]]:
    """(spelling, dataset) for each other name that a statement gives the dataset that it lists."""
    listed = one.dataset
    return [(name, one.subject) for name in dict.fromkeys(listed.names) if name != one.subject] if listed else []
