"""From when until when a plan contributes to the state of its dataset: the fold of `now`, kept for every time. Pure.

A state holds from the timestamp of the write that made it until that of the write that changed it; of several writes
at one timestamp the last one counts. A write that leaves the state as it was adds nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from headwater.graphmodel.now import Contribution, OutputsOf, State, Write, fold

#: Until when what still holds is valid: the last ms of 9999, as temporal tables have it (it is no null, nor a maximum).
STILL = 253_402_300_799_999


class Validity(NamedTuple):
    """A plan contributes so from `valid_from` until before `valid_to`, both in ms since 1970."""

    plan: str
    contribution: Contribution
    valid_from: int
    valid_to: int = STILL


def states(
    writes: Iterable[Write],
    outputs_of: OutputsOf,
    *,
    partitioned: bool,
    state: State | None = None,
    retired: Iterable[int] = (),
) -> Iterator[tuple[int, State]]:
    """The state of a dataset at each timestamp at which it changes, from the writes of its timeline in order.

    `retired` are the times (ms since 1970) at which it was dropped: nothing of earlier writes is left. A write at the
    same time counts as later.
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
    """All validities, out of the `states` from the first write on."""
    return revised((), 0, STILL, changes)


def revised(before: Sequence[Validity], first: int, last: int, changes: Iterable[tuple[int, State]]) -> list[Validity]:
    """What becomes of the validities `before`, all that end at or after `first`.

    Writes from `first` to `last` were added or removed. `changes` are the `states` from `first` on; they are read no
    further than is needed.
    """
    current = {v.plan: v._replace(valid_to=STILL) for v in before if v.valid_from < first}
    past = _Past(before)
    ended: list[Validity] = []
    for timestamp, state in changes:
        ended += _change(current, timestamp, state)
        if timestamp > last and past.at(timestamp) == state:  # from here on all is as it was
            until = {v.plan: v.valid_to for v in before if v.valid_from <= timestamp < v.valid_to}
            held = (v._replace(valid_to=until[v.plan]) for v in current.values())
            return [*ended, *held, *(v for v in before if v.valid_from > timestamp)]
    return [*ended, *current.values()]


def state_before(validities: Iterable[Validity], first: int) -> State:
    """The state before the writes at `first`, out of the validities that end at or after it."""
    return {v.plan: v.contribution for v in validities if v.valid_from < first}


def columns_text(columns: frozenset[str] | None) -> str:
    """The columns of a contribution as JSON; empty for all."""
    return "" if columns is None else json.dumps(sorted(columns), ensure_ascii=False, separators=(",", ":"))


def columns_of(text: str) -> frozenset[str] | None:
    """The inverse of `columns_text`."""
    return frozenset(json.loads(text)) if text else None


def _change(current: dict[str, Validity], timestamp: int, state: State) -> list[Validity]:
    """Bring the `current` validities, by plan, to the state at a timestamp; those that end thereby."""
    ended = [v._replace(valid_to=timestamp) for v in current.values() if state.get(v.plan) != v.contribution]
    for valid in ended:
        del current[valid.plan]
    for plan, contribution in state.items():
        if plan not in current:
            current[plan] = Validity(plan, contribution, timestamp)
    return ended


class _Past:
    """The state at times that are asked for in rising order, out of the validities known before."""

    def __init__(self, validities: Iterable[Validity]) -> None:
        begins = ((v.valid_from, True, v) for v in validities)
        ends = ((v.valid_to, False, v) for v in validities)
        self._changes = sorted((*begins, *ends), key=lambda change: change[:2], reverse=True)
        self._state: dict[str, Contribution] = {}

    def at(self, timestamp: int) -> Mapping[str, Contribution]:
        """The state at a timestamp, not before the one asked for last."""
        while self._changes and self._changes[-1][0] <= timestamp:
            _, begins, valid = self._changes.pop()
            if begins:
                self._state[valid.plan] = valid.contribution
            else:
                del self._state[valid.plan]
        return self._state
