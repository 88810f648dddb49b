"""Loads an export in S3 into a Neptune cluster: first the graph, and if all of it is loaded, the vertex `ledger`.

A load that fails leaves in the cluster what it had loaded. Because the vertex `ledger` is missing then, Headwater does
not take that for a complete graph.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from headwater.aws_bridge.neptune_loader import Loader, Request, Status
from headwater.ingest.folder.exporting import GRAPH, LEDGER


class AlreadyThere(Exception):
    """The cluster holds a graph already. The loader would add a second value to each property that differs."""


def bulk_load(
    loader: Loader,
    place: str,
    request: Request,
    report: Callable[[Status], object],
    *,
    load: str | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Status]:
    """Load the export under ``s3://bucket/prefix``; yields the last status of each load.

    If the load of the graph is not complete, the vertex `ledger` is not loaded. `load` is the id of a load of the graph
    that was started before: then this waits for it instead of starting one. `report` gets every status, `sleep` takes
    seconds. Raises `AlreadyThere` and `AwsError`.
    """
    graph, ledger = (f"{place.rstrip('/')}/{folder}/" for folder in (GRAPH, LEDGER))
    if load is None:
        if loader.has_graph():
            raise AlreadyThere("the cluster holds a graph already: `headwater replay --to` brings that up to date")
        load = loader.start(graph, request)
    first = loader.follow(load, report, sleep)
    yield first
    if first.complete and first.source.rstrip("/") != ledger.rstrip("/"):
        yield loader.follow(loader.start(ledger, request), report, sleep)
