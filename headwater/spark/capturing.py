"""Capture of one Spark application: its sessions, its listener, its delivery; started once, stopped at exit.

Nothing here raises into a user's script, unless it asks for it by ``strict=True``.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

from headwater.errors import WrongUse
from headwater.spark import sessions, streams
from headwater.spark.auth import auth_for
from headwater.spark.delivery import Delivery
from headwater.spark.identity import KEYS, identity
from headwater.spark.listener import Application, Bounded, Listener, TooSlow, first_line
from headwater.spark.logs import LOG
from headwater.spark.producer import Producer
from headwater.spark.settings import Options, resolve, settings
from headwater.spark.spool import Inbox, is_inbox, spool_at
from headwater.spark.web import Web
from headwater.spline_bridge.agent import Captured, Run, report

__all__ = ["Capture", "capture", "running"]

_CONNECT = (
    "Spark Connect is not captured: its plans are made on the server, out of the script's reach; "
    "start the script with a classic session, or put Spline's agent (the jar) on the server"
)

_lock = threading.Lock()
#: By application id.
_running: dict[str, Capture] = {}


class Capture:
    """What `capture` returns: says whether it captures, and ends it."""

    def __init__(self, options: Options, delivery: Delivery | None = None, context: Any = None) -> None:
        """Without `delivery` nothing is captured."""
        self.options = options
        self._delivery = delivery
        self._context = context
        self._listener: Listener | None = None
        self._proxy: Any = None
        #: Each session, and what listens to its streams.
        self._sessions: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self._bounded = Bounded()

    @property
    def active(self) -> bool:
        """Whether writes are reported."""
        return self._proxy is not None

    def stop(self, seconds: float | None = None) -> None:
        """Send the reports of what was written until now, then stop. `seconds` replaces the setting `flush_seconds`."""
        limit = self.options.flush_seconds if seconds is None else seconds
        end = time.monotonic() + limit
        if self._proxy is not None:
            self._quietly(lambda: sessions.drained(self._context, limit), limit)
            proxy, self._proxy = self._proxy, None
            sessions.unfollow(self._made)
            self._quietly(lambda: self._leave(proxy), limit)
        if self._delivery is not None:
            self._delivery.close(max(0.0, end - time.monotonic()))
        atexit.unregister(self.stop)
        with _lock:
            for name in [name for name, found in _running.items() if found is self]:
                del _running[name]

    def told(self, query_execution: Any, started_ms: int, duration_ns: int | None, error: str | None) -> None:
        """Report a write of which Spark informs no listener."""
        if self._listener is not None and self.active:
            self._listener.told(query_execution, duration_ns, error, started_ms)

    def _start(self, spark: Any, application: Application) -> None:
        options = self.options
        self._listener = Listener(application, self._taken, options.capture_seconds, options.max_plan_mb)
        self._proxy = sessions.proxy_of(spark, self._listener)
        identity = sessions.identity_in(spark)
        own = identity(self._proxy)
        self._listener.is_this = lambda other: identity(other) == own
        self._listener.batches = lambda: [
            execution for listener in tuple(self._sessions.values()) if listener for execution in listener.executions()
        ]
        self._listener.streamed = lambda ids: next(
            (found for each in tuple(self._sessions.values()) if each and (found := each.source(ids)) is not None), None
        )
        self._add(spark)
        sessions.follow(self._made)

    def _add(self, spark: Any) -> None:
        assert self._listener is not None
        # Each batch of a foreachBatch comes in another object for one clone of the session.
        if sessions.register(spark, self._proxy):
            self._sessions[spark] = streams.listen(spark, self._listener.told)

    def _leave(self, proxy: Any) -> None:
        for spark, listener in tuple(self._sessions.items()):
            sessions.unregister(spark, proxy)
            streams.unlisten(spark, listener)

    def _made(self, spark: Any) -> None:
        """A session that was made later."""
        if self.active and spark.sparkContext is self._context:
            self._add(spark)

    def _taken(self, captured: Captured, run: Run) -> None:
        assert self._delivery is not None
        if self.active:
            self._delivery.put(lambda: report(captured, run), len(captured.plan))

    def _quietly(self, work: Any, seconds: float) -> None:
        """Do work in the JVM for at most `seconds`. The JVM may have ended, or hang: errors are logged, not raised."""
        try:
            self._bounded.run(work, seconds + 1)
        except (Exception, TooSlow) as error:  # noqa: BLE001 - the script has ended or wants to
            LOG.debug("at the end of the capture: %s", first_line(error))


def capture(spark: Any, url: str | None = None, *, strict: bool = False, **given: Any) -> Capture:
    """Report what this Spark application writes from now on, column by column, to a server.

    headwater.spark.capture(spark, "http://127.0.0.1:9090")

    `given` are the settings of docs/spark.md by name; what is not given is looked for among Spark's settings
    (``spark.headwater.*``), then in the environment (``HEADWATER_*``). A second call is answered by what runs already.
    What is wrong is one line in the log (logger ``headwater.spark``), and the script goes on; with `strict` it is
    raised as `headwater.WrongUse`.
    """
    try:
        return _capture(spark, {"url": url, **given})
    except WrongUse as error:
        if strict:
            raise
        LOG.warning("nothing is captured: %s", error.message)
    except Exception as error:
        if strict:
            raise
        LOG.warning("nothing is captured: %s: %s", type(error).__name__, first_line(error))
    return Capture(Options())


def running(spark: Any) -> Capture | None:
    """The capture of a session's application, if there is one."""
    return _running.get(spark.sparkContext.applicationId)


def _capture(spark: Any, given: Mapping[str, Any]) -> Capture:
    if sessions.is_connect(spark):
        raise WrongUse(_CONNECT)
    context = spark.sparkContext
    with _lock:
        known = _running.get(context.applicationId)
        if known is not None:
            known._add(spark)  # noqa: SLF001 - of this module
            return known
        options = _options(spark, given)
        found = Capture(options, _delivery(options), context) if options.enabled else Capture(options)
        if options.enabled:
            found._start(spark, _application(spark, options))  # noqa: SLF001 - of this module
            _running[context.applicationId] = found
            atexit.register(found.stop)
            LOG.info("the writes of this application are reported to %s", options.url)
        return found


def _options(spark: Any, given: Mapping[str, Any]) -> Options:
    """The settings; WrongUse: with one of these nothing can be captured. Other bad values are a line in the log."""
    conf = {row.conf: value for row in settings() if (value := spark.conf.get(row.conf, None)) is not None}
    options, problems = resolve(given, conf, os.environ)
    for problem in problems:
        if problem.fatal:
            raise WrongUse(problem.said)
        LOG.warning("%s; it keeps its default", problem.said)
    if options.enabled and not options.url:
        raise WrongUse("no server is named: give its URL, or set spark.headwater.url or HEADWATER_URL")
    return options


def _delivery(options: Options) -> Delivery:
    """WrongUse: a certificate file or a spool that cannot be used."""
    try:
        web = Web(options.timeout_seconds, options.ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise WrongUse(f"ca_file cannot be used: {error}") from None
    try:
        spool = spool_at(options.spool)
    except OSError as error:
        raise WrongUse(f"spool cannot be used: {error}") from None
    if is_inbox(options.url):
        try:
            return Delivery(Inbox(options.url).send, spool, options)
        except OSError as error:
            raise WrongUse(f"{options.url} cannot be used: {error}") from None
    return Delivery(Producer(options, web, auth_for(options, web)).send, spool, options)


def _application(spark: Any, options: Options) -> Application:
    conf = {key: spark.conf.get(key, None) for key in KEYS}
    context = spark.sparkContext
    name = options.job_name or context.appName
    return Application(context.applicationId, name, context.sparkUser(), context.version, identity(conf, sys.argv))
