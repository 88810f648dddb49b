"""From a captured plan to the server, in the background: a bounded queue, one thread, retries, the spool, the flush.

Law: `put` returns at once, `close` within its limits, and neither raises. A report is sent, kept in the spool, or its
loss is one line in the log. It may be sent twice (the server knows it by its ids), never half.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from headwater.backoff import Backoff
from headwater.spark.logs import LOG, say
from headwater.spark.settings import Options
from headwater.spark.spool import Spool
from headwater.spark.web import Failed
from headwater.spline_bridge.agent import Report

__all__ = ["Delivery", "Make"]

Make = Callable[[], Report]

_LONGEST_PAUSE = 30.0  #: seconds, whatever a server asks for: the job's end would wait for it
#: Jobs that start at the same hour do not come back to a server at the same moment.
_PAUSES = Backoff(first=0.5, longest=_LONGEST_PAUSE)
_CLOSING_PAUSE = 0.25  #: seconds between two tries while a job's end waits, `flush_seconds` at most
_MB = 1_000_000

#: Statuses that concern the report itself: the next try would be refused as well.
_REFUSED = frozenset({400, 409, 413, 415, 422})
#: Statuses of trouble that ends by itself. Others (a wrong path, a missing permission) do not end within seconds.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass
class _Item:
    """A report to build and send; `size` is that of the captured plan, in bytes."""

    make: Make
    size: int
    report: Report | None = None


class Delivery:
    """The queue and its thread, which starts with the first report."""

    def __init__(
        self,
        send: Callable[[Report], None],
        spool: Spool | None,
        options: Options,
        pauses: Callable[[int], float] = _PAUSES.seconds,
    ) -> None:
        """`send` raises `Failed`."""
        self._send = send
        self._spool = spool
        self._options = options
        self._pauses = pauses
        self._items: deque[_Item] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._closed = False
        self._ended = threading.Event()  # `close` waits no longer for the thread
        self._thread: threading.Thread | None = None
        self._away_until = 0.0
        self._failures = 0
        self._spooled = 0
        self._url = options.url
        self._works = False
        self._said = False

    def put(self, make: Make, size: int) -> None:
        """Queue a report, as the function that builds it."""
        with self._changed:
            full = len(self._items) >= self._options.queue or self._size + size > self._options.queue_mb * _MB
            if not full and not self._closed:
                self._items.append(_Item(make, size))
                self._size += size
                self._started()
                self._changed.notify_all()
                return
        more = "the queue is full: the setting spark.headwater.queue or queueMb makes it larger"
        LOG.warning("a report is lost: %s", more if full else "capture was stopped")

    def close(self, seconds: float) -> None:
        """Send what is left for at most `seconds`, then write the rest to the spool, for at most as long again."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._items, seconds)
            self._closed = True
            self._ended.set()
            left, self._size = list(self._items), 0
            self._items.clear()
        self._keep_all(left, time.monotonic() + seconds)
        if self._spool is not None and self._spooled:
            place, self._spooled, count = self._spool.place, 0, self._spooled
            LOG.warning(
                "%d reports could not be sent to %s and are kept: later run headwater load %s", count, self._url, place
            )

    def _started(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="headwater-spark-delivery", daemon=True)
            self._thread.start()

    # The thread -------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (item := self._next()) is not None:
            if self._made(item) is None or self._delivered(item):
                self._done(item)

    def _next(self) -> _Item | None:
        """The oldest report, which stays in the queue until it is sent, spooled or refused; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closing.is_set())
            return self._items[0] if self._items else None

    def _done(self, item: _Item) -> None:
        with self._changed:
            if self._items and self._items[0] is item:
                self._items.popleft()
                self._size -= item.size
                self._changed.notify_all()

    def _made(self, item: _Item) -> Report | None:
        """The report; None if it cannot be built, which is logged."""
        if item.report is None:
            try:
                item.report = item.make()
            except Exception as error:  # noqa: BLE001 - whatever a plan holds, the job and the other reports go on
                LOG.warning("a report is lost: its plan could not be read (%s: %s)", type(error).__name__, error)
        return item.report

    def _delivered(self, item: _Item) -> bool:
        """Whether a report can leave the queue: sent, refused or spooled."""
        assert item.report is not None
        if time.monotonic() < self._away_until and self._spooled_now(item.report) is None:
            return True
        try:
            self._send(item.report)
        except Failed as error:
            return self._failed(item.report, error)
        except Exception as error:  # noqa: BLE001 - an internal error must not end the thread, and with it all further reports
            return self._lost(f"{type(error).__name__}: {error}")
        self._failures = 0
        if not self._works:
            self._works = True
            say(f"it works: the first write is reported to {self._url}")
        return True

    def _failed(self, report: Report, error: Failed) -> bool:
        if self._closed:  # `close` has spooled it meanwhile
            return True
        if error.status in _REFUSED:
            return self._refused(report, error)
        self._failures += 1
        if self._failures == 1:
            remedy = error.remedy or ("the server's log says more" if error.status else "")
            LOG.warning("lineage cannot be sent to %s: %s%s", self._url, error, remedy and f"; {remedy}")
        last = self._failures >= self._options.attempts or not (error.status is None or error.status in _PASSING)
        wait = error.pause if error.pause is not None else self._pauses(self._failures - 1)
        if last or self._closing.is_set():
            self._away_until = time.monotonic() + min(wait, _LONGEST_PAUSE)
            problem = self._spooled_now(report)
            if problem is None:
                return True
            self._say_once(problem)
        # It stays in the queue: the next try may go well, also within the flush at a job's end.
        if self._closing.is_set():
            self._ended.wait(min(wait, _CLOSING_PAUSE))
        else:
            self._closing.wait(min(wait, _LONGEST_PAUSE))
        return False

    # What could not be sent -------------------------------------------------------------------------------------------

    def _spooled_now(self, report: Report) -> str | None:
        """Write a report to the spool; None, or why it could not be."""
        if self._spool is None:
            return "spark.headwater.spool is not set"
        try:
            self._spool.keep(report)
        except OSError as error:
            return f"it cannot be spooled: {error}"
        self._spooled += 1
        return None

    def _refused(self, report: Report, error: Failed) -> bool:
        """A report that the next try would not bring in either: a later version, or another way, may."""
        problem = self._spooled_now(report)
        if problem is not None:
            return self._lost(f"{error}; {problem}" if self._spool is not None else str(error))
        LOG.warning("a report was refused, and is kept: %s", error)
        return True

    def _say_once(self, problem: str) -> None:
        if not self._said and self._spool is not None and not self._closed:
            self._said = True
            LOG.warning("a report waits, and is tried again until the job's end: %s", problem)

    def _lost(self, reason: str) -> bool:
        LOG.warning("a report is lost: %s", reason)
        return True

    def _keep_all(self, items: list[_Item], end: float) -> None:
        if items and self._spool is None:
            spool = "the setting spark.headwater.spool names where to keep them"
            LOG.warning("%d reports are lost: not sent to %s in time; %s", len(items), self._url, spool)
            return
        for number, item in enumerate(items):
            if number and time.monotonic() > end:
                LOG.warning("%d reports are lost: there was no time left to spool them", len(items) - number)
                return
            report = self._made(item)
            if report is None:
                continue
            problem = self._spooled_now(report)
            while problem is not None and time.monotonic() + _CLOSING_PAUSE < end:
                time.sleep(_CLOSING_PAUSE)
                problem = self._spooled_now(report)
            if problem is not None:
                self._lost(problem)
