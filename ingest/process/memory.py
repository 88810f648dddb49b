"""How a process of the server treats its memory: how often Python looks for garbage, and what goes back to the system.

Not here: how much is kept on purpose, which each cache says itself.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from contextlib import suppress
from pathlib import Path

_STATM = Path("/proc/self/statm")
#: Python's own are 700, 10 and 10.
_OBJECTS, _YOUNG, _MIDDLE = 20_000, 10, 10
#: Where plans are mapped. One of 200 steps is 100,000 objects, nearly none of them in a cycle: 20 MB, if all were.
PLANS = 200_000
_GROWTH = 16 * 2**20  #: bytes


def collect_rarely(objects: int = _OBJECTS) -> None:
    """Let Python look for unreachable cycles less often. Called when all that a process begins with is there.

    What is there by now is never looked at again. It is looked when there are so many `objects` more than the last
    time: `PLANS` in a process that maps plans, whose parts are else looked through again and again while they are made
    (a quarter of the CPU time of a new plan at 20,000 objects). Objects in no cycle are freed at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(objects, _YOUNG, _MIDDLE)


class Returning:
    """Gives memory back to the system that the C library keeps after it was freed (glibc; elsewhere nothing is done).

    After the write of one large plan that is some 30 MB, and another such plan finds most of it in use in part.
    """

    def __init__(self, growth: int = _GROWTH) -> None:
        """`growth`: bytes that the process may take more than after the last time, before the next one."""
        self._growth = growth
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
        self._kept = self._resident()

    def look(self) -> bool:
        """Give back what can be, if the process has grown; whether it had. Takes some ms then, else next to nothing."""
        if self._trim is None or self._resident() < self._kept + self._growth:
            return False
        self._trim(0)
        self._kept = self._resident()
        return True

    def _resident(self) -> int:
        with suppress(OSError, ValueError, IndexError):
            return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return 0
