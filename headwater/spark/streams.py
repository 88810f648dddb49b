"""Micro-batches of streams that write to a sink directly: for them Spark does not call its query listeners.

What a ``foreachBatch`` function writes is heard like any other write, so its own sink is left out here. PySpark has
listeners of streams from 3.4 on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from importlib import import_module
from typing import Any

from headwater.spline_bridge.agent import source_of_stream

__all__ = ["Batch", "listen", "unlisten"]

#: Called with a batch: its execution, its duration in ns, and the error's text if it failed.
Batch = Callable[[Any, "int | None", "str | None"], None]

_OWN_FUNCTION = "ForeachBatchSink"
#: Queries that have ended which are held: their last batch may be heard of later.
_MOST_ENDED = 20


def listen(spark: Any, batch: Batch) -> Any:
    """Call `batch` for each micro-batch with data, on Spark's listener thread; None if this PySpark cannot."""
    base = getattr(import_module("pyspark.sql.streaming"), "StreamingQueryListener", None)
    if base is None:
        return None
    listener = type("HeadwaterStreams", (_Streams, base), {})(spark, batch)
    spark.streams.addListener(listener)
    return listener


def unlisten(spark: Any, listener: Any) -> None:
    """Stop calling."""
    if listener is not None:
        spark.streams.removeListener(listener)


class _Streams:
    """Keeps each query from its start on, because Spark forgets a query when it ends."""

    def __init__(self, spark: Any, batch: Batch) -> None:
        self._spark = spark
        self._batch = batch
        self._queries: dict[str, Any] = {}
        self._ended: deque[Any] = deque(maxlen=_MOST_ENDED)

    def executions(self) -> list[Any]:
        """The newest execution of each query; of those that have ended too, since their writes are heard of later."""
        found = [query.lastExecution() for query in self._known()]
        return [execution for execution in found if execution is not None]

    def source(self, ids: tuple[str, ...]) -> dict[str, Any] | None:
        """What the source of a query is, by the expression ids of its columns; None if no query here has it.

        A batch whose plan does not say: with a watermark one without data follows those with data, and it is the
        newest when these are heard of; and of several sources some have nothing new.
        """
        found = (source_of_stream(query, ids) for query in self._known())
        return next((each for each in found if each is not None), None)

    def _known(self) -> list[Any]:
        return [*tuple(self._queries.values()), *tuple(self._ended)]

    def onQueryStarted(self, event: Any) -> None:  # noqa: N802 - Spark's name
        """Called before ``start()`` returns."""
        query = self._spark._jsparkSession.streams().get(str(event.id))  # noqa: SLF001 - pyspark has no public way
        if query is not None:
            self._queries[str(event.runId)] = query.streamingQuery()

    def onQueryProgress(self, event: Any) -> None:  # noqa: N802 - Spark's name
        """A batch is done."""
        progress = event.progress
        query = self._queries.get(str(progress.runId))
        if query is None or not _has_data(progress) or progress.sink.description.startswith(_OWN_FUNCTION):
            return
        self._batch(query.lastExecution(), int(progress.durationMs.get("triggerExecution", 0)) * 1_000_000, None)

    def onQueryIdle(self, event: Any) -> None:  # noqa: N802 - Spark's name
        """Nothing came."""

    def onQueryTerminated(self, event: Any) -> None:  # noqa: N802 - Spark's name
        """The query has ended, by an error perhaps."""
        query = self._queries.pop(str(event.runId), None)
        execution = None if query is None else query.lastExecution()
        if execution is not None:
            self._ended.append(query)
            if event.exception:
                self._batch(execution, None, str(event.exception))


def _has_data(progress: Any) -> bool:
    """Whether a batch had rows. Spark counts none where a sink plans the batch anew: Delta, for columns it computes."""
    return progress.numInputRows > 0 or any(each.startOffset != each.endOffset for each in progress.sources)
