"""Waiting between two tries of one piece of work, and how a stop cuts it short."""

from __future__ import annotations

import threading

from headwater.backoff import Backoff
from headwater.graphstore.errors import TransientError


class Stopped(Exception):
    """A follower was told to stop while it waited. The batch counts as not applied."""


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
