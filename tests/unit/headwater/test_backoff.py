"""How long is waited, and how often."""

from __future__ import annotations

import pytest

from headwater.backoff import Backoff


@pytest.mark.parametrize(
    ("failures", "jitter", "seconds"),
    [(0, 1.0, 0.1), (0, 0.5, 0.05), (3, 0.0, 0.0), (1, 1.0, 0.2), (3, 1.0, 0.8), (9, 1.0, 30.0), (10**6, 1.0, 30.0)],
)
def test_each_wait_is_twice_the_one_before_up_to_half_a_minute(failures: int, jitter: float, seconds: float) -> None:
    assert Backoff(jitter=lambda: jitter).seconds(failures) == pytest.approx(seconds)


def test_first_and_longest_are_the_callers() -> None:
    waits = Backoff(first=0.5, longest=3.0, jitter=lambda: 1.0)
    assert [waits.seconds(failures) for failures in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_waits_are_spread_over_all_of_their_length() -> None:
    waits = [Backoff(first=8.0).seconds(0) for _ in range(1_000)]
    assert {int(wait) for wait in waits} == set(range(8))


@pytest.mark.parametrize(("attempts", "failures", "last"), [(None, 10**6, False), (3, 1, False), (3, 2, True)])
def test_the_last_attempt(attempts: int | None, failures: int, last: bool) -> None:
    assert Backoff(attempts).is_last(failures) is last
