"""From when until when a plan contributes to the state of its dataset: what `now` computes, for every time. Pure.

A state holds from the timestamp of the write that made it until the timestamp of the write that changed it. Of several
writes at one timestamp the last one counts. A write that does not change the state adds no interval.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from headwater.graphmodel.now import Contribution, OutputsOf, State, Write, fold

#: `valid_to` of what still holds: the last ms of the year 9999, as temporal tables of SQL databases have it. A real
#: time can be compared in every store; Neptune has no null.
NO_END = 253_402_300_799_999


class Validity(NamedTuple):
    """The `contribution` of a plan from `valid_from` to `valid_to` (exclusive), both in ms since 1970."""

    plan: str
    contribution: Contribution
    valid_from: int
    valid_to: int = NO_END


def states(
    writes: Iterable[Write],
    outputs_of: OutputsOf,
    *,
    partitioned: bool,
    state: State | None = None,
    retired: Iterable[int] = (),
) -> Iterator[tuple[int, State]]:
    """The timestamps of the writes of a dataset, in order, each with the state from then on.

    `state` is the state before the first write. `retired` are the times (ms since 1970) at which the dataset was
    dropped: earlier writes do not count from then on. A write at the same time counts as later than the drop.
    """
    state = state or {}
    drops = sorted(set(retired), reverse=True)
    for timestamp, at_once in groupby(writes, key=lambda w: w.timestamp):
        while drops and drops[-1] < timestamp:
            state = {}
            yield drops.pop(), state
        if drops and drops[-1] == timestamp:
            state = {}
            drops.pop()
        state = fold(at_once, outputs_of, partitioned=partitioned, state=state)
        yield timestamp, state
    for timestamp in reversed(drops):
        yield timestamp, {}


def validities(changes: Iterable[tuple[int, State]]) -> list[Validity]:
    """All validities of a dataset, from its `states` since the first write."""
    return revised((), 0, NO_END, changes)


def revised(before: Sequence[Validity], first: int, last: int, changes: Iterable[tuple[int, State]]) -> list[Validity]:
    """The new validities in place of `before`, after writes from `first` to `last` (ms since 1970) came or went.

    `before` are all old validities that end at or after `first`. `changes` are the new `states` from `first` on. They
    are read only until the state is the old one again: for a late event in a long history that is soon.
    """
    holding = {v.plan: v._replace(valid_to=NO_END) for v in before if v.valid_from < first}
    old_states = _StateReplay(before)
    ended: list[Validity] = []
    for timestamp, state in changes:
        ended += _apply_change(holding, timestamp, state)
        if timestamp > last and old_states.at(timestamp) == state:  # from here on nothing has changed
            until = {v.plan: v.valid_to for v in before if v.valid_from <= timestamp < v.valid_to}
            still_holding = (v._replace(valid_to=until[v.plan]) for v in holding.values())
            return [*ended, *still_holding, *(v for v in before if v.valid_from > timestamp)]
    return [*ended, *holding.values()]


def state_before(validities: Iterable[Validity], first: int) -> State:
    """The state just before `first`, from the validities that end at or after it."""
    return {v.plan: v.contribution for v in validities if v.valid_from < first}


def columns_text(columns: frozenset[str] | None) -> str:
    """The columns of a contribution as JSON; empty for all."""
    return "" if columns is None else json.dumps(sorted(columns), ensure_ascii=False, separators=(",", ":"))


def columns_of(text: str) -> frozenset[str] | None:
    """The inverse of `columns_text`."""
    return frozenset(json.loads(text)) if text else None


def _apply_change(holding: dict[str, Validity], timestamp: int, state: State) -> list[Validity]:
    """Change `holding` (the validities that hold, by plan) to the state at a timestamp; gives those that end there."""
    ended = [v._replace(valid_to=timestamp) for v in holding.values() if state.get(v.plan) != v.contribution]
    for valid in ended:
        del holding[valid.plan]
    for plan, contribution in state.items():
        if plan not in holding:
            holding[plan] = Validity(plan, contribution, timestamp)
    return ended


class _StateReplay:
    """The states that some validities describe, for times that are asked for in rising order."""

    def __init__(self, validities: Iterable[Validity]) -> None:
        begins = ((v.valid_from, True, v) for v in validities)
        ends = ((v.valid_to, False, v) for v in validities)
        self._changes = sorted((*begins, *ends), key=lambda change: change[:2], reverse=True)
        self._state: dict[str, Contribution] = {}

    def at(self, timestamp: int) -> Mapping[str, Contribution]:
        """The state at a timestamp, which is not earlier than the one of the last call."""
        while self._changes and self._changes[-1][0] <= timestamp:
            _, begins, valid = self._changes.pop()
            if begins:
                self._state[valid.plan] = valid.contribution
            else:
                del self._state[valid.plan]
        return self._state
