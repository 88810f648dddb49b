"""Whose turn it is: long questions side by side, or one write. Not here: the engine's own lock, which both take, too.

The engine lets a write wait for all questions under way, and every further question wait for that write. A write
therefore asks for its turn here first, where only long questions wait behind it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Shared turns, and turns alone. Who waits for one alone comes before those who ask for a shared one later."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sharing = 0
        self._alone = 0  #: who has a turn alone, and who waits for it

    @property
    def waits_alone(self) -> bool:
        """Whether a turn alone is taken, or waited for."""
        return bool(self._alone)

    @contextmanager
    def shared(self) -> Iterator[bool]:
        """A turn beside others; whether it is the first of them."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._sharing += 1
            first = self._sharing == 1
        try:
            yield first
        finally:
            with self._changed:
                self._sharing -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A turn beside no shared one. Callers hold a lock of their own: there is one at a time."""
        with self._changed:
            self._alone += 1
            self._changed.wait_for(lambda: not self._sharing)
        try:
            yield
        finally:
            with self._changed:
                self._alone -= 1
                self._changed.notify_all()
