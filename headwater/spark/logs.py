"""The log of the agent, whose every line says who speaks: it stands among the lines of Spark and of the script.

Where a script sets up no logging, Python prints warnings without the logger's name: so the name is in the line itself.
"""

from __future__ import annotations

import logging

__all__ = ["LOG"]

_SPEAKER = "headwater: "


def _named(record: logging.LogRecord) -> bool:
    if not str(record.msg).startswith(_SPEAKER):
        record.msg = f"{_SPEAKER}{record.msg}"
    return True


LOG = logging.getLogger("headwater.spark")
LOG.addFilter(_named)
