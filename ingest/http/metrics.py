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

from headwater.ingest.folder.answering import Answering, Position
from headwater.ingest.folder.service import Service

__all__ = ["CONTENT_TYPE", "METRICS", "exposition", "told"]


@dataclass(frozen=True)
class MetricRow:
    """One metric: its name, its type in Prometheus, its help text, and the function that gives its value."""

    name: str
    family: type[CounterMetricFamily | GaugeMetricFamily]
    meaning: str
    of_service: Callable[[Service], float] | None = None
    of_graph: Callable[[Position], float] | None = (
        None  #: in place of it: a server that has only the graph knows it too
    )


METRICS: tuple[MetricRow, ...] = (
    MetricRow("headwater_ledger_entries", CounterMetricFamily, "entries in the ledger", lambda has: has.ledger.count()),
    MetricRow(
        "headwater_graph_entries",
        GaugeMetricFamily,
        "the last entry that is in the graph",
        of_graph=lambda graph: graph.reached,
    ),
    MetricRow(
        "headwater_graph_lag_entries",
        GaugeMetricFamily,
        "entries not yet in the graph",
        lambda has: has.projector.lag(),
    ),
    MetricRow(
        "headwater_graph_rebuilding",
        GaugeMetricFamily,
        "1 while the graph is built again and answers are not complete",
        of_graph=lambda graph: float(graph.rebuilding),
    ),
    MetricRow(
        "headwater_parked_entries",
        GaugeMetricFamily,
        "entries that could not be mapped",
        lambda has: has.projector.parked_count(),
    ),
    MetricRow(
        "headwater_waiting_events",
        GaugeMetricFamily,
        "events whose plan has not come",
        lambda has: has.projector.waiting(),
    ),
)


def told(service: Answering) -> Iterator[tuple[MetricRow, float]]:
    """The metrics that a service knows, each with its value. Errors of the store, where the graph has to be asked."""
    graph = service.position_now()
    for row in METRICS:
        if row.of_graph is not None:
            yield row, row.of_graph(graph)
        elif row.of_service is not None and isinstance(service, Service):
            yield row, row.of_service(service)


class _Collector(Collector):
    def __init__(self, service: Answering) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        for row, value in told(self._service):
            yield row.family(row.name, row.meaning, value=value)


def exposition(service: Answering) -> bytes:
    """All metrics of a service, as text. Errors as those of `told`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(service))
    return generate_latest(registry)
