"""The listener that Spark calls after each execution. Spark's listener thread waits for it: it only reads the plan.

It implements ``org.apache.spark.sql.util.QueryExecutionListener`` for py4j:
https://spark.apache.org/docs/latest/api/scala/org/apache/spark/sql/util/QueryExecutionListener.html
"""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headwater.spark.logs import LOG
from headwater.spline_bridge.agent import (
    Captured,
    Frozen,
    Run,
    is_checkpoint,
    is_write,
    output_ids,
    output_names,
    read,
    write_named,
)

__all__ = ["Application", "Bounded", "Listener", "Taken", "TooSlow"]

_MB = 1_000_000
_NS_IN_MS = 1_000_000
#: Characters of an error's first line that are sent. An error can quote rows: fewer of them leave the cluster.
_ERROR_CHARACTERS = 2_000
#: Plans that take too long to read before capture ends: then something is wrong that will not end by itself.
_SLOW_READS = 3

#: Checkpoints whose plans are kept. An iterative job makes one every few rounds, and reads the last of them.
_MOST_CHECKPOINTS = 50
#: Inserts of which the place and times are kept, for the CREATE TABLE AS SELECT that made them. More than run at once.
_MOST_INSERTS = 100
#: Start and end of an execution are taken from two clocks of Spark's.
_LAG_MS = 1_000

#: Called with each captured plan; must return at once.
Taken = Callable[[Captured, Run], None]


@dataclass(frozen=True)
class Application:
    """What all runs of a Spark application have in common."""

    app_id: str
    app_name: str
    user: str
    spark_version: str
    extra: dict[str, str] = field(default_factory=dict)


class TooSlow(Exception):
    """Work was not done within its time limit."""


class Bounded:
    """Does work in a thread of its own, so that the caller can stop waiting for it."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] | None = None

    def run(self, work: Callable[[], object], seconds: float) -> None:
        """Do the work and wait for it; raises its errors. TooSlow: not done in time, it goes on in its thread."""
        done, failed = threading.Event(), list[BaseException]()

        def step() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                failed.append(error)
            done.set()

        if self._work is None:
            self._work = queue.SimpleQueue()
            threading.Thread(target=_worked, args=(self._work,), name="headwater-spark-read", daemon=True).start()
        self._work.put(step)
        if not done.wait(seconds):
            self.end()
            raise TooSlow
        if failed:
            raise failed[0]

    def end(self) -> None:
        """End the thread after its present work."""
        if self._work is not None:
            self._work.put(None)
            self._work = None


def _worked(work: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (step := work.get()) is not None:
        step()


class Listener:
    """One object for all sessions of an application."""

    def __init__(self, application: Application, taken: Taken, seconds: float, max_plan_mb: float) -> None:
        """`is_this` is set as soon as the JVM knows the listener."""
        self._application = application
        self._taken = taken
        self._seconds = seconds
        self._max_plan = max_plan_mb * _MB
        self._reader = Bounded()
        self.is_this: Callable[[Any], bool] = lambda _other: False
        #: The newest executions of streams, whose rows a ``foreachBatch`` function is given.
        self.batches: Callable[[], Iterable[Any]] = tuple
        #: Gives what the source of a stream is, by the expression ids of its columns.
        self.streamed: Callable[[tuple[str, ...]], dict[str, Any] | None] = lambda _ids: None
        self._checkpoints: OrderedDict[tuple[str, ...], _Checkpoint] = OrderedDict()
        #: The ids of checkpoints by the numbers of their RDDs, of those that were read.
        self._rdds: dict[int, tuple[str, ...]] = {}
        self._inserts: deque[tuple[str, int, int]] = deque(maxlen=_MOST_INSERTS)
        self._slow = 0

    # Called by Spark --------------------------------------------------------------------------------------------------

    def onSuccess(self, func_name: str, query_execution: Any, duration_ns: int) -> None:  # noqa: N802 - Java's name
        """An action has succeeded."""
        self._heard(_Heard(func_name, query_execution, int(duration_ns)))

    def onFailure(self, func_name: str, query_execution: Any, exception: Any) -> None:  # noqa: N802 - Java's name
        """An action has failed."""
        self._heard(_Heard(func_name, query_execution, None, lambda: str(exception.toString())))

    def told(
        self, query_execution: Any, duration_ns: int | None, error: str | None, started_ms: int | None = None
    ) -> None:
        """A write for which Spark does not call this listener: a stream's micro-batch, a DynamicFrame."""
        said = None if error is None else lambda: error
        self._heard(_Heard("command", query_execution, duration_ns, said, started_ms))

    def toString(self) -> str:  # noqa: N802 - Java's name
        """For Spark's log."""
        return "headwater.spark"

    def hashCode(self) -> int:  # noqa: N802 - Java's name
        """Java's rule: equal objects have equal hash codes."""
        return 0

    def equals(self, other: Any) -> bool:
        """Whether the JVM's object stands for this one: Spark compares listeners when one is removed."""
        return self.is_this(other)

    class Java:
        """For py4j."""

        implements = ("org.apache.spark.sql.util.QueryExecutionListener",)

    # ------------------------------------------------------------------------------------------------------------------

    def _heard(self, heard: _Heard) -> None:
        """Read the execution's plan and pass it on. Never raises."""
        if self._slow >= _SLOW_READS:
            return
        expected = threading.Event()
        expected.set()
        named = [f"the action {heard.func_name!r}"]

        def work() -> None:
            if is_checkpoint(heard.func_name) and heard.error is None:
                self._remember(heard.query_execution)
            elif is_write(heard.func_name, heard.query_execution):
                named.append(write_named(heard.query_execution))
                captured, run = read(heard.query_execution, self._behind, self.streamed), _run(heard, self._application)
                captured = self._placed(captured, run)
                if expected.is_set():
                    self._hand_on(captured, run)

        try:
            self._reader.run(work, self._seconds)
        except TooSlow:
            expected.clear()
            self._too_slow(named[-1])
        except Exception as error:  # noqa: BLE001 - the job goes on, whatever its plan holds
            LOG.warning("a report is lost: the plan could not be read (%s)", first_line(error))

    def _remember(self, query_execution: Any) -> None:
        """Keep the plan of a checkpoint for later writes; it may be computed from checkpoints itself."""
        captured = read(query_execution, self._behind, self.streamed)
        if len(captured.plan) <= self._max_plan:
            own = output_ids(query_execution)[0]
            self._checkpoints[own] = _Checkpoint(captured, output_names(query_execution))
        while len(self._checkpoints) > _MOST_CHECKPOINTS:
            gone, _ = self._checkpoints.popitem(last=False)
            self._rdds = {rdd: own for rdd, own in self._rdds.items() if own != gone}

    def _behind(self, ids: tuple[str, ...], names: tuple[str, ...], rdd: int | None) -> Frozen | None:
        """The plan whose rows a leaf with these expression ids holds: a checkpoint's, or a micro-batch's.

        Spark gives the columns of a checkpoint new ids where both sides of a join or a union come from one frame. Then
        it is that of the same RDD, which was seen under its own ids before, or the only one with these names.
        """
        if ids in self._checkpoints:
            if rdd is not None:
                self._rdds[rdd] = ids
            return Frozen(ids, self._checkpoints[ids].captured, ids)
        batch = next((each for each in self.batches() if ids in output_ids(each)), None)
        if batch is not None:
            return Frozen(ids, read(batch, streamed=self.streamed), ids)
        seen = self._rdds.get(rdd) if rdd is not None else None
        alike = [own for own, known in self._checkpoints.items() if own == seen or (names and known.names == names)]
        own = seen if seen in alike else alike[0] if len(alike) == 1 else None
        return None if own is None else Frozen(ids, self._checkpoints[own].captured, own)

    def _placed(self, captured: Captured, run: Run) -> Captured:
        """A CREATE TABLE AS SELECT with the location that its own insert has written to.

        The catalog was asked for it just now; by this time the database may be another one. Spark tells of the insert
        first, and it lies within the time of the command.
        """
        command = captured.command
        known = command.get("table")  # of a stream's sink: its name
        table = known if isinstance(known, Mapping) else {}
        if "location" not in command:
            path = command.get("path") or table.get("Location")
            if path:
                self._inserts.append((str(path), run.started_ms, run.ended_ms))
            return captured
        name = str(table.get("Table") or "").lower()
        for path, started, ended in reversed(self._inserts):
            within = run.started_ms - _LAG_MS <= started and ended <= run.ended_ms + _LAG_MS
            if within and path.rstrip("/").rpartition("/")[2].lower() == name:
                return replace(captured, command={**command, "location": path})
        return captured

    def _hand_on(self, captured: Captured, run: Run) -> None:
        if len(captured.plan) > self._max_plan:
            size = len(captured.plan) / _MB
            LOG.warning("a report is lost: its plan of %.1f MB is above spark.headwater.maxPlanMb", size)
            return
        self._taken(captured, run)

    def _too_slow(self, named: str) -> None:
        self._slow += 1
        ends = "; nothing more is captured" if self._slow >= _SLOW_READS else ""
        LOG.warning("a report is lost: the plan of %s was not read within %g s%s", named, self._seconds, ends)


@dataclass(frozen=True)
class _Checkpoint:
    """The plan of a checkpoint, and the names of its columns."""

    captured: Captured
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Heard:
    """An execution as Spark reports it. `error` returns the error's text; `started_ms` is for a Spark without one."""

    func_name: str
    query_execution: Any
    duration_ns: int | None
    error: Callable[[], str] | None = None
    started_ms: int | None = None
    now_ms: int = field(default_factory=lambda: time.time_ns() // _NS_IN_MS)


def _run(heard: _Heard, known: Application) -> Run:
    duration_ms = (heard.duration_ns or 0) // _NS_IN_MS
    started = heard.started_ms or _started_ms(heard.query_execution, heard.now_ms - duration_ms)
    ended = heard.now_ms if heard.duration_ns is None else min(heard.now_ms, started + duration_ms)
    said = None if heard.error is None else first_line(heard.error())
    who = (known.app_id, known.app_name, known.user, known.spark_version)
    return Run(*who, started, ended, heard.duration_ns, said, known.extra)


#: Phases of `QueryPlanningTracker` whose start is that of an execution: its clock is stamped when it happens, while the
#: listener is called some time later. A query that fails early has the first alone.
_PHASES = ("optimization", "analysis")


def _started_ms(query_execution: Any, otherwise: int) -> int:
    """When it began, by Spark's clock, in ms since 1970."""
    phases = query_execution.tracker().phases()
    for name in _PHASES:
        found = phases.get(name)
        if found.isDefined():
            return int(found.get().startTimeMs())
    return otherwise


def first_line(error: object) -> str:
    """An error in one bounded line."""
    text = str(error).strip()
    line = text.splitlines()[0] if text else type(error).__name__
    return line[:_ERROR_CHARACTERS]
