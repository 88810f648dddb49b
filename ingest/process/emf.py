"""Metrics as lines of CloudWatch's embedded metric format (EMF), on standard output, for those who run on AWS.

CloudWatch makes metrics of such lines wherever it gets a log from: a function in Lambda, a task on ECS (awslogs), the
CloudWatch agent. Nothing is called, so no right and no endpoint is needed. The lines are a few keys of JSON, so they
are written here, without a library.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

Switched on by the environment (`METRICS` is ``emf``), so that a server's child processes do it as well. The graph is
imported only where it is: a function in Lambda starts faster without. Prometheus' metrics are at /metrics in any case
(`ingest.http.metrics`).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TextIO

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

if TYPE_CHECKING:
    from headwater.ingest.folder.answering import Answering

log = logging.getLogger(__name__)

METRICS, NAMESPACE = "HEADWATER_METRICS", "HEADWATER_METRICS_NAMESPACE"  #: environment variables
DEFAULT_NAMESPACE = "Headwater"
SECONDS = 60.0  #: between two lines

_COUNT, _MILLISECONDS = "Count", "Milliseconds"
_BAD_REQUEST, _FAILURE = 400, 500

Values = Mapping[str, float]


class Row(NamedTuple):
    """A metric: the part of Headwater that tells it (the dimension ``Part``), its name, unit and meaning."""

    part: str
    name: str
    unit: str
    meaning: str


ROWS = (
    Row("receiver", "Accepted", _COUNT, "payloads that were kept and acknowledged, in the last minute"),
    Row("receiver", "Refused", _COUNT, "payloads that were refused (4xx), in the last minute"),
    Row("receiver", "Failed", _COUNT, "payloads that could not be kept (5xx), in the last minute"),
    Row("receiver", "SlowestMilliseconds", _MILLISECONDS, "the longest answer of the last minute; not in Lambda"),
    Row("ingester", "NewEntries", _COUNT, "entries that came into the ledger, in the last minute"),
    Row("ingester", "KnownEntries", _COUNT, "payloads that the ledger had already, in the last minute"),
    Row("ingester", "ParkedFiles", _COUNT, "files of the inbox that are no payload, in the last minute"),
    Row("watches", "Reports", _COUNT, "reports of watches that were sent"),
    Row("watches", "Problems", _COUNT, "watches that could not be evaluated, and reports that could not be sent"),
)
"""Those beside the ones of `ingest.http.metrics`, which the parts ``graph`` and ``reader`` tell: see `of_service`."""

_UNITS = {row.name: row.unit for row in ROWS}


def on() -> bool:
    """Whether such lines are asked for."""
    return os.environ.get(METRICS) == "emf"


def line(part: str, values: Values, at_ms: int) -> str:
    """One line; `values` by the names of the metrics, `at_ms` since 1970."""
    told = {
        "Namespace": os.environ.get(NAMESPACE) or DEFAULT_NAMESPACE,
        "Dimensions": [["Part"]],
        "Metrics": [{"Name": name, "Unit": _UNITS.get(name, _COUNT)} for name in values],
    }
    return json.dumps({"_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [told]}, "Part": part, **values})


def tell(part: str, values: Values, out: TextIO | None = None) -> None:
    """Write one line, of now."""
    print(line(part, values, time.time_ns() // 1_000_000), file=out or sys.stdout, flush=True)


@contextmanager
def telling(
    parts: Mapping[str, Callable[[], Values]], seconds: float = SECONDS, out: TextIO | None = None
) -> Iterator[None]:
    """Where that is `on`: a line of each part every minute, and a last one at the end of the block."""
    if not on():
        yield
        return
    ended = threading.Event()

    def keep_telling() -> None:
        while not ended.wait(seconds):
            _tell_all(parts, out)

    thread = threading.Thread(target=keep_telling, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        _tell_all(parts, out)


def _tell_all(parts: Mapping[str, Callable[[], Values]], out: TextIO | None) -> None:
    from headwater.ingest.http.error_table import explained_errors

    for part, values in parts.items():
        try:
            tell(part, values(), out)
        except explained_errors() as error:  # a store or a ledger that is away: the next minute tells again
            log.warning("no metrics of the %s can be told at this moment: %s", part, error)


def of_service(service: Answering) -> Values:
    """The metrics of `ingest.http.metrics`, by their names here: GraphLagEntries for headwater_graph_lag_entries."""
    from headwater.ingest.http.metrics import told

    return {in_camel_case(row.name): value for row, value in told(service)}


def in_camel_case(name: str) -> str:
    """The name in CloudWatch of a metric for Prometheus."""
    return "".join(word.title() for word in name.removeprefix("headwater_").split("_"))


class Differences:
    """What was added to counts since they were last asked for."""

    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """`counts` gives what there was since the start."""
        self._counts = counts
        self._before: Mapping[str, int] = {}

    def __call__(self) -> Values:
        """Since the last call."""
        now = dict(self._counts())
        before, self._before = self._before, now
        return {name: count - before.get(name, 0) for name, count in now.items()}


def outcome(status: int) -> str:
    """The metric that counts an answer with this status."""
    return "Failed" if status >= _FAILURE else "Refused" if status >= _BAD_REQUEST else "Accepted"


class Requests:
    """Counts what was sent (POST) and how it was answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._slowest = 0.0

    def note(self, status: int, milliseconds: float) -> None:
        """Count one answer."""
        with self._lock:
            self._counts[outcome(status)] += 1
            self._slowest = max(self._slowest, milliseconds)

    def take(self) -> Values:
        """Since the last call."""
        with self._lock:
            counts, slowest = self._counts, self._slowest
            self._counts, self._slowest = Counter(), 0.0
        told: dict[str, float] = {name: counts[name] for name in ("Accepted", "Refused", "Failed")}
        return {**told, "SlowestMilliseconds": round(slowest, 1)} if counts else told

    def counting(self, paths: tuple[str, ...] = ("/producer/", "/api/v1/lineage")) -> Middleware:
        """What counts, before all else in an application; requests to other paths are not counted."""

        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.method != "POST" or not request.path.startswith(paths):
                return await handler(request)
            begun, status = time.perf_counter(), _FAILURE
            try:
                response = await handler(request)
                status = response.status
            except web.HTTPException as error:
                status = error.status
                raise
            else:
                return response
            finally:
                self.note(status, (time.perf_counter() - begun) * 1_000)

        return count
