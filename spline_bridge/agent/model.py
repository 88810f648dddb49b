"""What the agent is given and what it gives: plain data, so that it can cross threads and processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: A table of constants, and how Spark writes a source of a stream that had nothing new for a batch.
NO_NEW_ROWS = "LocalRelation"
#: What such a source is called instead: there are rows in other batches.
IDLE = "StreamingRelation"


@dataclass(frozen=True)
class Run:
    """One execution of a plan. Times are milliseconds since 1970, UTC; `duration_ns` is None if it is not known.

    `error` is the exception's text, None if the run succeeded. `extra` is the identity that the platform gives, such
    as ``spark.glue.JOB_NAME`` and ``spark.glue.JOB_RUN_ID``.
    """

    app_id: str
    app_name: str
    user: str
    spark_version: str
    started_ms: int
    ended_ms: int
    duration_ns: int | None = None
    error: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Leaf:
    """What the JVM says of one leaf of a plan, which the plan's JSON leaves out.

    `operator` is its class without the package; `ids` are the expression ids of its output, by which it is found again
    in the JSON; `details` are the answers of its getters.
    """

    operator: str
    ids: tuple[str, ...]
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Captured:
    """All that was read from the JVM for one execution. Picklable; nothing in it refers to the JVM.

    `plan` is ``TreeNode.toJSON`` of the analysed logical plan, `command` the answers of its root's getters, `leaves`
    those of its leaves, subqueries included. `frozen` are the plans behind leaves that are rows of an RDD.
    """

    plan: str
    command: Mapping[str, Any]
    leaves: tuple[Leaf, ...] = ()
    frozen: tuple[Frozen, ...] = ()


@dataclass(frozen=True)
class Frozen:
    """The plan whose rows a leaf holds: that of a checkpoint, or of a stream's micro-batch in ``foreachBatch``.

    `ids` are the expression ids of the leaf (a ``LogicalRDD``), `own` those of the plan's output where they are others.
    """

    ids: tuple[str, ...]
    captured: Captured
    own: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A plan and the event of one run of it, as JSON-ready documents of the Spline Producer API 1.2.

    ``plan`` is the body of a POST to ``/execution-plans``; ``[event]`` that of one to ``/execution-events``.
    """

    plan: dict[str, Any]
    event: dict[str, Any]
