"""Runs watches on their schedules. When a line of cron is due is worked out by cronsim, everything else is here.

Not here: what a watch asks and reports (`running`), and how a schedule is written (`definitions`).
"""

from __future__ import annotations

import datetime as dt
import logging
import signal
import threading
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from cronsim import CronSim

from headwater.errors import HeadwaterError
from headwater.watching.definitions import Watch

log = logging.getLogger(__name__)

#: A time of a schedule that was missed by more than this is left out, as after a laptop slept: the answer would be that
#: of another time than was asked for. Later ones are made up for by one evaluation, however many they are.
_LATEST = dt.timedelta(hours=1)
#: Seconds between two looks at the clock. A wait counts the time that the machine is awake, so one long wait would end
#: too late after a sleep, and would not notice a clock that was set.
_LOOK_SECONDS = 30.0

Clock = Callable[[], dt.datetime]  #: the time now, with its time zone


def next_time(watch: Watch, after: dt.datetime) -> dt.datetime | None:
    """When a watch that has a schedule is due next, later than `after`; None: never again."""
    assert watch.schedule is not None, "only what has a schedule is served"
    found: dt.datetime | None = next(CronSim(watch.schedule, after.astimezone(ZoneInfo(watch.timezone))), None)
    return found


def serve(
    watches: Sequence[Watch],
    run: Callable[[Watch], None],
    stop: threading.Event | None = None,
    ready: Callable[[], None] = lambda: None,
    clock: Clock = lambda: dt.datetime.now(dt.timezone.utc),
) -> None:
    """Run each watch when it is due, one after the other, until SIGTERM, SIGINT or `stop`. Errors are logged.

    `ready` is called once the schedule runs. A signal ends this after the watch that runs at that moment.
    """
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
    considered = [clock()] * len(watches)  # of each watch the time up to which its schedule has been dealt with
    ready()
    while not stop.is_set():
        for number, watch in enumerate(watches):
            now = clock()
            due = next_time(watch, max(considered[number], now - _LATEST))
            if due is not None and due <= now and not stop.is_set():
                considered[number] = now
                _run_safely(watch, run)
        now = clock()
        coming = [next_time(watch, max(at, now - _LATEST)) for watch, at in zip(watches, considered, strict=True)]
        stop.wait(_seconds_until(min((at for at in coming if at is not None), default=None), now))


def _seconds_until(due: dt.datetime | None, now: dt.datetime) -> float:
    """How long to wait before the next look at the clock; at most `_LOOK_SECONDS`."""
    return _LOOK_SECONDS if due is None else min(_LOOK_SECONDS, max(0.0, (due - now).total_seconds()))


def _run_safely(watch: Watch, run: Callable[[Watch], None]) -> None:
    """Run a watch. What goes wrong once must not end the others."""
    try:
        run(watch)
    except HeadwaterError as error:
        log.warning("%s: %s", watch.name, error.message)
    except Exception:  # whatever it was: the next time may go well
        log.exception("%s failed", watch.name)
