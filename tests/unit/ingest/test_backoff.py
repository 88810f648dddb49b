"""How long is waited, and how often."""

from __future__ import annotations

import pytest

from headwater.ingest.graph.backoff import Backoff


@pytest.mark.parametrize(
    ("failures", "jitter", "seconds"),
    [(0, 1.0, 0.1), (0, 0.0, 0.05), (1, 1.0, 0.2), (3, 1.0, 0.8), (9, 1.0, 30.0), (10**6, 1.0, 30.0)],
)
def test_each_wait_is_twice_the_one_before_up_to_half_a_minute(failures: int, jitter: float, seconds: float) -> None:
    assert Backoff(jitter=lambda: jitter).seconds(failures) == pytest.approx(seconds)


@pytest.mark.parametrize(("attempts", "failures", "last"), [(None, 10**6, False), (3, 1, False), (3, 2, True)])
def test_the_last_attempt(attempts: int | None, failures: int, last: bool) -> None:
    assert Backoff(attempts).is_last(failures) is last
