"""Lengths of time that people and assistants write (``24h``), as times before now: for commands and tools."""

from __future__ import annotations

import re
import time as clock

_UNITS = {"m": 60, "h": 3_600, "d": 86_400}  #: seconds


def ago(time: str | None) -> str | None:
    """``24h``, so long before now, as a time in ms since 1970; what is no such length of time as it is."""
    seconds = seconds_of(time or "")
    return time if seconds is None else str(int((clock.time() - seconds) * 1_000))


def seconds_of(length: str) -> int | None:
    """``30m``, ``24h``, ``7d`` in seconds; None: it is no such length of time."""
    found = re.fullmatch(r"([0-9]{1,6})([mhd])", length)
    return int(found[1]) * _UNITS[found[2]] if found else None
