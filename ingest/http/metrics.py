"""The table of metrics, and its output in Prometheus' text format.

Names and units follow https://prometheus.io/docs/practices/naming.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from headwater.ingest.folder.reader import Reader
from headwater.ingest.folder.service import Service

__all__ = ["CONTENT_TYPE", "METRICS", "exposition", "told"]


@dataclass(frozen=True)
class MetricRow:
    """One metric: its name, its type in Prometheus, its help text, and the function that gives its value."""

    name: str
    family: type[CounterMetricFamily | GaugeMetricFamily]
    meaning: str
    value: Callable[[Service], float]
    of_readers: bool = False  #: also known to a server that has only the graph


METRICS: tuple[MetricRow, ...] = (
    MetricRow("headwater_ledger_entries", CounterMetricFamily, "entries in the ledger", lambda s: s.ledger.count()),
    MetricRow(
        "headwater_graph_entries",
        GaugeMetricFamily,
        "the last entry that is in the graph",
        lambda s: s.projector.reached,
        of_readers=True,
    ),
    MetricRow(
        "headwater_graph_lag_entries", GaugeMetricFamily, "entries not yet in the graph", lambda s: s.projector.lag()
    ),
    MetricRow(
        "headwater_graph_rebuilding",
        GaugeMetricFamily,
        "1 while the graph is built again and answers are not complete",
        lambda s: float(s.projector.rebuilding),
        of_readers=True,
    ),
    MetricRow(
        "headwater_parked_entries",
        GaugeMetricFamily,
        "entries that could not be mapped",
        lambda s: s.projector.parked_count(),
    ),
    MetricRow(
        "headwater_waiting_events", GaugeMetricFamily, "events whose plan has not come", lambda s: s.projector.waiting()
    ),
)


def told(service: Service) -> Iterator[tuple[MetricRow, float]]:
    """The metrics of a service, each with its value. Errors of the store of a `Reader`, which asks it now."""
    if isinstance(service, Reader):
        service.look()
    for row in METRICS:
        if row.of_readers or not isinstance(service, Reader):
            yield row, row.value(service)


class _Collector(Collector):
    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        for row, value in told(self._service):
            yield row.family(row.name, row.meaning, value=value)


def exposition(service: Service) -> bytes:
    """All metrics of a service, as text. Errors as those of `told`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(service))
    return generate_latest(registry)
