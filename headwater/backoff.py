"""How long to wait before something is tried again, and how often: the one way for stores, processes and the agent.

Standard library only and no other import: the Spark agent's zip holds this file too.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """At most twice as long after each failure, and a random share of that: "full jitter".

    Many senders that failed together so come back spread out, with the fewest calls in all:
    https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/.

    `attempts` is how often something is tried in all; None is for ever. `first` and `longest` in seconds: the limit of
    the first wait, and of any. `sleep` takes seconds; None leaves it to the caller, who may be told to stop meanwhile.
    `jitter` gives 0 to 1.
    """

    attempts: int | None = None
    first: float = 0.1
    longest: float = 30.0
    sleep: Callable[[float], object] | None = None
    jitter: Callable[[], float] = random.random

    def seconds(self, failures: int) -> float:
        """What to wait after so many failures, the last one not counted."""
        doubled = self.first * 2.0 ** min(failures, 100)  # beyond that a float overflows
        return min(doubled, self.longest) * self.jitter()

    def is_last(self, failures: int) -> bool:
        """Whether another failure, after so many, is the last that is taken."""
        return self.attempts is not None and failures + 1 >= self.attempts
