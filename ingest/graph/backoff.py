"""How long to wait before something is tried again, and how often."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

_FIRST, _LONGEST = 0.1, 30.0  #: seconds


@dataclass(frozen=True)
class Backoff:
    """Twice as long after each failure, with a random half of it taken off.

    `attempts` is how often something is tried in all; None is for ever. `sleep` takes seconds; None leaves it to the
    caller, who may be told to stop meanwhile. `jitter` gives 0 to 1.
    """

    attempts: int | None = None
    sleep: Callable[[float], object] | None = None
    jitter: Callable[[], float] = random.random

    def seconds(self, failures: int) -> float:
        """What to wait after so many failures, the last one not counted."""
        return min(_FIRST * 2.0 ** min(failures, 20), _LONGEST) * (0.5 + self.jitter() / 2)

    def is_last(self, failures: int) -> bool:
        """Whether another failure, after so many, is the last that is taken."""
        return self.attempts is not None and failures + 1 >= self.attempts
