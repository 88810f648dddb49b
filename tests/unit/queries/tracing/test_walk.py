"""How far a walk goes, which nodes it keeps, and what it says about the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.queries.tracing.walk import Step, walk

#: a -> b -> d, a -> c -> d -> e, and d -> a: a diamond with a way back to the root.
GRAPH = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["e", "a"], "e": []}
FAR = {"a": 0, "b": 1, "c": 1, "d": 2, "e": 3}


def steps(level: Sequence[str], _hops: int) -> list[Step]:
    return [Step((), [found for node in level for found in GRAPH[node]])]


def never() -> bool:
    return False


@pytest.mark.parametrize(
    ("depth", "limit", "distances", "reason"),
    [
        (None, 100, FAR, None),
        (0, 100, {"a": 0}, "depth"),  # the root alone
        (1, 100, {"a": 0, "b": 1, "c": 1}, "depth"),
        (3, 100, FAR, None),  # nothing lies behind
        (2, 100, {"a": 0, "b": 1, "c": 1, "d": 2}, "depth"),
        (None, 5, FAR, None),  # exactly enough room
        (None, 4, {"a": 0, "b": 1, "c": 1, "d": 2}, "limit"),
        (None, 2, {"a": 0, "b": 1}, "limit"),  # the nearest, then by id
        (1, 2, {"a": 0, "b": 1}, "limit"),
        (None, 1, {"a": 0}, "limit"),
    ],
)
def test_depth_and_limit_keep_the_nearest(
    depth: int | None, limit: int, distances: dict[str, int], reason: str | None
) -> None:
    found = walk(["a"], steps, depth=depth, limit=limit, deadline_passed=never)
    assert (dict(found.distances), found.reason) == (distances, reason)


def test_every_node_is_expanded_once() -> None:
    asked: list[str] = []

    def noted(level: Sequence[str], hops: int) -> list[Step]:
        asked.extend(level)
        return steps(level, hops)

    walk(["a"], noted, depth=None, limit=100, deadline_passed=never)
    assert sorted(asked) == sorted(GRAPH)


@pytest.mark.parametrize(("steps_in_time", "distances"), [(0, {"a": 0}), (1, {"a": 0, "b": 1, "c": 1}), (9, FAR)])
def test_a_deadline_keeps_the_levels_that_were_reached(steps_in_time: int, distances: dict[str, int]) -> None:
    late: Callable[[], bool] = iter([False] * steps_in_time + [True] * 9).__next__
    found = walk(["a"], steps, depth=None, limit=100, deadline_passed=late)
    assert dict(found.distances) == distances
    assert found.reason == (None if distances == FAR else "deadline")


@pytest.mark.parametrize(
    ("depth", "limit", "distances", "reason"),
    [
        (None, 9, {"a": 0, "D": 0, "b": 1}, None),  # same_level the level that found it
        (0, 9, {"a": 0}, "depth"),  # it is there for what it leads to
        (None, 2, {"a": 0, "D": 0}, "limit"),
        (None, 1, {"a": 0}, "limit"),  # the root before what stands same_level it
    ],
)
def test_a_node_of_the_same_level_has_its_distance(
    depth: int | None, limit: int, distances: dict[str, int], reason: str | None
) -> None:
    def step(level: Sequence[str], _hops: int) -> list[Step]:
        return [Step(["D"], ["b"]) if "a" in level else Step((), ())]

    found = walk(["a"], step, depth=depth, limit=limit, deadline_passed=never)
    assert (dict(found.distances), found.reason) == (distances, reason)


@given(
    st.dictionaries(st.sampled_from("abcdefg"), st.lists(st.sampled_from("abcdefg"), max_size=3)),
    st.lists(st.integers(1, 4), min_size=8, max_size=8),
    st.none() | st.integers(0, 4),
    st.integers(1, 8),
)
def test_how_many_steps_come_at_once_does_not_count(
    graph: dict[str, list[str]], served: list[int], depth: int | None, limit: int
) -> None:
    """A store may give several steps, each from all that the one before led to, met before or not."""
    turns = iter(served)

    def one(level: Sequence[str], _hops: int) -> list[Step]:
        return [Step((), [found for node in level for found in graph.get(node, [])])]

    def several(level: Sequence[str], hops: int) -> list[Step]:
        found: list[Step] = []
        for _ in range(min(hops, next(turns))):
            found += one(level, 1)
            level = list(found[-1].next_level)
        return found

    found = [walk(["a"], steps, depth=depth, limit=limit, deadline_passed=never) for steps in (one, several)]
    assert found[0] == found[1]
