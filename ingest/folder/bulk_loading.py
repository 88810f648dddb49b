"""Loads an export in S3 into a Neptune cluster: first the graph; if all of it is loaded, the vertex that says so.

A load that fails half-way leaves what it had loaded; without that vertex, nobody takes such a graph for a whole one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from headwater.aws_bridge.neptune_loader import Loader, Request, Status
from headwater.ingest.folder.exporting import GRAPH, LEDGER


class AlreadyThere(Exception):
    """The cluster holds a graph. The loader would add second values to properties that differ, so it is not started."""


def bulk_load(
    loader: Loader,
    place: str,
    request: Request,
    told: Callable[[Status], object],
    *,
    load: str | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Status]:
    """Load the export under ``s3://bucket/prefix``; how each load ended. After one that is not complete none follows.

    `load` is the id of a load that was started before: it is waited for, and then the next one is started. Raises
    `AlreadyThere` and `AwsError`.
    """
    graph, ledger = (f"{place.rstrip('/')}/{folder}/" for folder in (GRAPH, LEDGER))
    if load is None:
        if loader.has_graph():
            raise AlreadyThere("the cluster holds a graph already: `headwater replay --to` brings that up to date")
        load = loader.start(graph, request)
    first = loader.follow(load, told, sleep)
    yield first
    if first.complete and first.source.rstrip("/") != ledger.rstrip("/"):
        yield loader.follow(loader.start(ledger, request), told, sleep)
