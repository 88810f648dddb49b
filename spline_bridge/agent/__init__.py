"""A Spline agent in Python: from a Spark `QueryExecution` to the plan and the event of the Spline Producer API 1.2.

Three steps, so that the driver waits for the first two only: `is_write` (is there anything to say?), `read` (the JVM is
asked, through the py4j object that is handed in) and `report` (pure). Standard library only: it is shipped to where
nothing can be installed. Listening, sending and spooling are somebody else's.
Wire form: https://absaoss.github.io/spline/
"""

from __future__ import annotations

from typing import Any

from spline_bridge.agent.model import Captured, Report, Run

__all__ = ["Captured", "Report", "Run", "is_write", "read", "report"]


def is_write(func_name: str, query_execution: Any) -> bool:
    """Whether an execution writes data. Cheap: three calls to the JVM at most."""
    raise NotImplementedError


def read(query_execution: Any) -> Captured:
    """All that `report` needs of the execution. Only py4j calls, few and bounded; the object is not kept."""
    raise NotImplementedError


def report(captured: Captured, run: Run) -> Report:
    """The plan and the event. Pure: the same arguments give the same documents, and one logic one plan id."""
    raise NotImplementedError
