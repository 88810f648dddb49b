"""The log of a server's processes: its level, and lines for people or JSON objects for machines.

Both come from the environment, so that the server's child processes log as it does.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import datetime, timezone

LEVEL, FORMAT = "HEADWATER_LOG_LEVEL", "HEADWATER_LOG_FORMAT"
LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")


class JsonLines(logging.Formatter):
    """One JSON object a line: ``time`` (UTC), ``level``, ``logger``, ``message``, and of an error its ``trace``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        said = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


def set_up() -> None:
    """Log to standard error as the environment says; at info and as text where it says nothing, or nothing known."""
    handler = logging.StreamHandler()
    if os.environ.get(FORMAT) == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = os.environ.get(LEVEL, "info")
    logging.basicConfig(level=(level if level in LEVELS else "info").upper(), handlers=[handler])
    for name in ("gremlinpython", "botocore"):  # each connection is a line of theirs
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # SQL that it cannot parse is in the answer, not in the log
