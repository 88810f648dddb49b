"""The log of the agent, whose every line says who speaks: it stands among the lines of Spark and of the script.

Where a script sets up no logging, Python prints warnings without the logger's name: so the name is in the line itself.
"""

from __future__ import annotations

import logging
import sys

__all__ = ["LOG", "say"]

_SPEAKER = "headwater: "


def _named(record: logging.LogRecord) -> bool:
    if not str(record.msg).startswith(_SPEAKER):
        record.msg = f"{_SPEAKER}{record.msg}"
    return True


LOG = logging.getLogger("headwater.spark")
LOG.addFilter(_named)


def say(text: str) -> None:
    """One line of good news: where a script sets up no logging, Python would drop what is no warning."""
    if LOG.isEnabledFor(logging.INFO):
        LOG.info("%s", text)
    elif not LOG.hasHandlers() and sys.stderr is not None:
        sys.stderr.write(f"{_SPEAKER}{text}\n")
