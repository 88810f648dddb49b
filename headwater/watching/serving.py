"""Watches on their schedules: APScheduler decides when, cronsim what a cron line means."""

from __future__ import annotations

import datetime as dt
import logging
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from cronsim import CronSim

from headwater.errors import HeadwaterError
from headwater.watching.definitions import Watch

log = logging.getLogger(__name__)

#: Seconds by which an evaluation may be late, as after a laptop slept; missed ones are made up for by one.
_GRACE = 3_600
Run = Callable[[Watch], None]


class Cron(BaseTrigger):  # type: ignore[misc]
    """A cron line in a time zone."""

    def __init__(self, line: str, zone: str) -> None:
        self._line = line
        self._zone = ZoneInfo(zone)

    def get_next_fire_time(self, previous_fire_time: dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
        """The first time of the line after the one before, or after now."""
        after = max(previous_fire_time, now) if previous_fire_time else now
        found: dt.datetime | None = next(CronSim(self._line, after.astimezone(self._zone)), None)
        return found


def cron(watch: Watch) -> BaseTrigger:
    """When a watch that has a schedule is due."""
    assert watch.schedule is not None, "only what has a schedule is served"
    return Cron(watch.schedule, watch.timezone)


def serve(
    watches: Sequence[Watch],
    run: Run,
    stop: threading.Event | None = None,
    when: Callable[[Watch], BaseTrigger] = cron,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Run each watch when it is due, one after the other, until SIGTERM, SIGINT or `stop`. Errors are logged.

    `ready` is called once the schedule runs.
    """
    stop = stop or threading.Event()
    scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(1)}, timezone=dt.timezone.utc)
    for watch in watches:
        options: dict[str, Any] = {"id": watch.name, "coalesce": True, "misfire_grace_time": _GRACE}
        scheduler.add_job(_safely, when(watch), args=(run, watch), **options)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    scheduler.start()
    try:
        ready()
        stop.wait()
    finally:
        scheduler.shutdown()


def _safely(run: Run, watch: Watch) -> None:
    """What goes wrong once must not end the scheduler."""
    try:
        run(watch)
    except HeadwaterError as error:
        log.warning("%s: %s", watch.name, error.message)
    except Exception:  # the next time may go well, and the others must run
        log.exception("%s failed", watch.name)
