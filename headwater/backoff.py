"""How long to wait before something is tried again, and how often: the one way for stores, processes and the agent.

Standard library only and no other import: the Spark agent's zip holds this file too.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


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

    def call(self, ask: Callable[[], Result], passing: type[Exception], sleep: Callable[[float], object]) -> Result:
        """What `ask` returns; it is asked again after each error that is `passing`, the last of which is raised."""
        failures = 0
        while True:
            try:
                return ask()
            except passing:
                if self.is_last(failures):
                    raise
            sleep(self.seconds(failures))
            failures += 1

    def is_last(self, failures: int) -> bool:
        """Whether another failure, after so many, is the last that is taken."""
        return self.attempts is not None and failures + 1 >= self.attempts
