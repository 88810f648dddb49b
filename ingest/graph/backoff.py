"""How long to wait before something is tried again, how often, and how waiting is cut short."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from headwater.graphstore.errors import TransientError

_FIRST, _LONGEST = 0.1, 30.0  #: seconds


class Stopped(Exception):
    """A follower was told to stop while it waited. The batch counts as not applied."""


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
        """Whether another failure, after so many, is the last one before giving up."""
        return self.attempts is not None and failures + 1 >= self.attempts


class Patience:
    """Waits between two tries of the same work, until `stop` is set."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self.stop = threading.Event()

    def wait(self, failures: int) -> None:
        """Wait as long as after so many failures, the last one not counted, or until `stop` is set."""
        (self._backoff.sleep or self.stop.wait)(self._backoff.seconds(failures))

    def before_retry(self, failures: int, error: TransientError) -> None:
        """Wait before a failed write is tried again. Raises the error if it was the last try; Stopped."""
        if self._backoff.is_last(failures):
            raise error
        self.wait(failures)
        if self.stop.is_set():
            raise Stopped from error
