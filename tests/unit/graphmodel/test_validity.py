"""From when until when plans contribute to the state of a dataset: one table a rule. Times are small numbers of ms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from headwater.graphmodel.model import Effect
from headwater.graphmodel.now import Contribution, Write
from headwater.graphmodel.validity import (
    NO_END,
    Validity,
    columns_of,
    columns_text,
    revised,
    state_before,
    states,
    validities,
)

OUTPUTS = {"p": frozenset("abc"), "q": frozenset("ab"), "r": frozenset("c")}
ALL, KEEP, OVERWRITE = Effect.ALL, Effect.KEEP, Effect.OVERWRITE


def write(at: int, plan: str, effect: Effect = ALL, run: str = "r", **more: Any) -> Write:
    return Write(run, at, at, None, plan, effect, **more)


def all_validities(writes: Sequence[Write], *, partitioned: bool = False) -> set[Validity]:
    return set(validities(states(writes, OUTPUTS.__getitem__, partitioned=partitioned)))


def valid(plan: str, begin: int, end: int = NO_END, columns: str | None = None, *, certain: bool = True) -> Validity:
    return Validity(plan, Contribution(certain, None if columns is None else frozenset(columns)), begin, end)


@pytest.mark.parametrize(
    ("writes", "partitioned", "expected"),
    [
        ([], False, set()),
        # one logic, again and again
        ([write(1, "p"), write(2, "p"), write(3, "p")], False, {valid("p", 1)}),
        # another one replaces it, and is replaced
        ([write(1, "p"), write(4, "q"), write(6, "p")], False, {valid("p", 1, 4), valid("q", 4, 6), valid("p", 6)}),
        # another one adds to it
        ([write(1, "p"), write(4, "q", KEEP), write(5, "q", KEEP)], False, {valid("p", 1), valid("q", 4)}),
        # at one time, the last one by its run counts
        ([write(1, "p", run="a"), write(1, "q", run="b")], False, {valid("q", 1)}),
        # a partition or all: the plan does not say
        (
            [write(1, "p", OVERWRITE), write(4, "q", OVERWRITE), write(6, "p", OVERWRITE)],
            True,
            {valid("p", 1, 4), valid("p", 4, 6, certain=False), valid("q", 4, 6), valid("p", 6),
             valid("q", 6, certain=False)},
        ),
        # it reads what it writes, and carries a column on
        (
            [write(1, "p"), write(4, "r", carried=frozenset("a")), write(6, "r", carried=frozenset("a"))],
            False,
            {valid("p", 1, 4), valid("p", 4, columns="a"), valid("r", 4)},
        ),
    ],
)  # fmt: skip
def test_from_when_until_when(writes: list[Write], partitioned: bool, expected: set[Validity]) -> None:
    assert all_validities(writes, partitioned=partitioned) == expected


@pytest.mark.parametrize(
    ("writes", "late_write", "left"),
    [
        ([write(1, "p"), write(4, "q"), write(6, "p")], write(5, "r"), 0),  # up to the next write
        ([write(1, "p"), write(4, "q"), write(6, "p"), write(8, "q"), write(9, "r")], write(2, "r"), 2),
        (
            [write(4, "p", KEEP), write(6, "q", KEEP)],
            write(1, "p", KEEP),
            0,
        ),  # it contributed later, now earlier
        (
            [write(4, "p", KEEP), write(6, "p", KEEP), write(7, "q"), write(9, "q")],
            write(5, "p", KEEP),
            1,
        ),  # nothing changes
        ([write(1, "p")], write(2, "q"), 0),
        ([], write(2, "q"), 0),
    ],
)
def test_a_late_write_is_folded_in_only_as_far_as_it_matters(writes: list[Write], late_write: Write, left: int) -> None:
    whole = sorted([*writes, late_write], key=lambda w: w.position)
    old_validities = [v for v in all_validities(writes) if v.valid_to >= late_write.timestamp]
    following = iter([w for w in whole if w.timestamp >= late_write.timestamp])
    changes = states(
        following, OUTPUTS.__getitem__, partitioned=False, state=state_before(old_validities, late_write.timestamp)
    )
    new = revised(old_validities, late_write.timestamp, late_write.timestamp, changes)
    assert all_validities(writes) - set(old_validities) | set(new) == all_validities(whole)
    assert len(list(following)) == left


@pytest.mark.parametrize("columns", [None, frozenset(), frozenset("ab"), frozenset(['ä"\n'])])
def test_columns_as_text(columns: frozenset[str] | None) -> None:
    assert columns_of(columns_text(columns)) == columns


@pytest.mark.parametrize(
    ("retired", "expected"),
    [
        ([7], {valid("p", 1, 4), valid("q", 4, 7)}),  # what was written before holds no longer
        ([2], {valid("p", 1, 2), valid("q", 4)}),  # written again since
        ([4], {valid("p", 1, 4), valid("q", 4)}),  # at the time of a write: the write is later
        ([0], {valid("p", 1, 4), valid("q", 4)}),
        ([2, 3, 9], {valid("p", 1, 2), valid("q", 4, 9)}),
    ],
)
def test_a_dataset_that_was_dropped_holds_nothing_until_it_is_written_again(
    retired: list[int], expected: set[Validity]
) -> None:
    writes = [write(1, "p"), write(4, "q")]
    assert set(validities(states(writes, OUTPUTS.__getitem__, partitioned=False, retired=retired))) == expected
