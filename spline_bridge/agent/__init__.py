"""A Spline agent in Python: from a Spark `QueryExecution` to the plan and the event of the Spline Producer API 1.2.

Three steps, so that the driver waits for the first two only: `is_write` (is there anything to say?), `read` (the JVM is
asked, through the py4j object that is handed in) and `report` (pure). Standard library only: it is shipped to where
nothing can be installed. Listening, sending and spooling are somebody else's.
Wire form: https://absaoss.github.io/spline/
"""

from __future__ import annotations

from headwater.spline_bridge.agent.capture import (
    is_checkpoint,
    is_write,
    output_ids,
    output_names,
    read,
    source_of_stream,
    write_named,
)
from headwater.spline_bridge.agent.model import Captured, Frozen, Report, Run
from headwater.spline_bridge.agent.plan import report

__all__ = [
    "Captured", "Frozen", "Report", "Run", "is_checkpoint", "is_write", "output_ids", "output_names", "read", "report",
    "source_of_stream", "write_named",
]  # fmt: skip
