"""Spark's sessions: add a listener to one, and be called with each session that is made later.

Spark keeps listeners by session and clones them into the sessions of streaming queries. A session that ``newSession()``
or the builder makes has none of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any

from headwater.spark.logs import LOG

__all__ = [
    "CLASSIC",
    "CONNECT",
    "drained",
    "follow",
    "identity_in",
    "is_connect",
    "proxy_of",
    "register",
    "unfollow",
    "unregister",
]

Made = Callable[[Any], None]


def is_connect(spark: Any) -> bool:
    """Whether a session is a client of Spark Connect."""
    return any(kind.__module__.startswith("pyspark.sql.connect") for kind in type(spark).__mro__)


def proxy_of(spark: Any, listener: Any) -> Any:
    """The JVM's object for a listener in Python. py4j makes another one at each call, and Spark compares identities."""
    gateway = import_module("pyspark.java_gateway")  # of whatever version the cluster has
    gateway.ensure_callback_server_started(spark.sparkContext._gateway)  # noqa: SLF001 - as pyspark's streaming does
    held = spark.sparkContext._jvm.java.util.ArrayList()  # noqa: SLF001 - py4j has no public way
    held.add(listener)
    return held.get(0)


def register(spark: Any, proxy: Any) -> bool:
    """Add the listener to a session; False if it has it already, also as a clone of a session that has it."""
    manager, identity = _manager(spark), identity_in(spark)
    if identity(proxy) in {identity(each) for each in manager.listListeners()}:
        return False
    manager.register(proxy)
    return True


def identity_in(spark: Any) -> Callable[[Any], int]:
    """A function that identifies an object of the JVM, whatever its ``equals`` says."""
    found: Callable[[Any], int] = spark.sparkContext._jvm.java.lang.System.identityHashCode  # noqa: SLF001 - as above
    return found


def unregister(spark: Any, proxy: Any) -> None:
    """Remove the listener from a session."""
    _manager(spark).unregister(proxy)


def _manager(spark: Any) -> Any:
    return spark._jsparkSession.listenerManager()  # noqa: SLF001 - pyspark has no public way


def drained(context: Any, seconds: float) -> None:
    """Wait until Spark has called its listeners for all executions. Raises py4j's errors, also at the time limit."""
    if context._jsc is not None:  # noqa: SLF001 - as pyspark itself asks whether a context is stopped
        context._jsc.sc().listenerBus().waitUntilEmpty(int(seconds * 1_000))  # noqa: SLF001


# Sessions to come -----------------------------------------------------------------------------------------------------

#: Where the classes of sessions are: classic ones, and clients of Spark Connect.
CLASSIC, CONNECT = "pyspark.sql.session", "pyspark.sql.connect.session"

_followers: list[Made] = []


def follow(made: Made, module: str = CLASSIC) -> None:
    """Call `made` with each session that the class in `module` makes from now on. Its errors are log lines."""
    if made not in _followers:
        _followers.append(made)
    session_class = import_module(module).SparkSession
    made_by = session_class.__init__
    if hasattr(made_by, "_headwater"):
        return

    @functools.wraps(made_by)
    def told(self: Any, *arguments: Any, **more: Any) -> None:
        made_by(self, *arguments, **more)
        for follower in tuple(_followers):
            try:
                follower(self)
            except Exception as error:  # noqa: BLE001 - the script must get its session, whatever goes wrong here
                LOG.warning("a session is not captured: %s: %s", type(error).__name__, error)

    told._headwater = True  # type: ignore[attr-defined]  # noqa: SLF001 - our own mark
    session_class.__init__ = told


def unfollow(made: Made) -> None:
    """Stop calling."""
    if made in _followers:
        _followers.remove(made)
