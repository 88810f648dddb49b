"""How many requests a sender may make: a token bucket for each, in memory, of this server alone.

A bucket holds the requests of one minute and fills evenly. Source: https://en.wikipedia.org/wiki/Token_bucket.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

_SECONDS = 60.0


class Rates:
    """The buckets of all senders that have a limit: as many as there are such tokens."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # sender -> requests left, and when that was

    def wait(self, sender: str, per_minute: int) -> int:
        """0: one more request is let in, and counted. Else the seconds, at least 1, until one would be."""
        now = self._clock()
        left, since = self._buckets.get(sender, (float(per_minute), now))
        left = min(float(per_minute), left + (now - since) * per_minute / _SECONDS)
        if left < 1:
            self._buckets[sender] = (left, now)
            return max(1, math.ceil((1 - left) * _SECONDS / per_minute))
        self._buckets[sender] = (left - 1, now)
        return 0
