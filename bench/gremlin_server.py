"""Measures writes to and questions of a real Gremlin Server on this machine, and the same of the embedded store."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench import machine
from bench.figure import Figure
from bench.large import load
from bench.payloads import CONTENT_TYPE, estate
from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.delta import GraphDelta
from headwater.graphmodel.whole import graph
from headwater.graphstore import GraphStore, open_store
from headwater.ingest.folder.replaying import replay_into
from headwater.queries.catalogue.catalogue import run
from headwater.spline_bridge.decode import decode_events, decode_plan
from tests.contract.counting import Counting
from tests.gremlin_server.server import Missing, serving

_JOBS = int(os.environ.get("BENCH_JOBS", "13000"))  #: of the graph that is asked: about a million elements
_PLANS = 25  #: plans in one write, as in a batch of the projector
#: Name, query, parameters.
_QUESTIONS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("column upstream, 20 levels", "upstream", {"node": "s3://wide/l21#c0"}),
    ("diamond of 20 layers, 78 edges", "upstream", {"node": "s3://d20/l20#c0"}),
    ("hub of 10,000 columns, first page of 100", "downstream", {"node": "s3://hub/source#key", "limit": 100}),
    ("a page of 100 datasets", "datasets", {}),
    ("the columns of a dataset", "columns", {"dataset": "s3://wide/l21"}),
    ("search of a name that is in no index", "search", {"q": "l21"}),
    ("stats: every element counted", "stats", {}),
)


def gremlin_server(place: Path, *, quick: bool) -> list[Figure]:
    """Writes, then questions to the same graph in both stores. Nothing where the server cannot be run."""
    try:
        with serving(heap="1g" if quick else "6g", java=()) as server:
            writes = writing(place, server.url("single", 0), 50 if quick else 200)
            return [*writes, *asking(place, server.url("single", 1), 300 if quick else _JOBS)]
    except Missing as missing:
        print(f"  left out: {missing}")
        return []


def writing(place: Path, url: str, count: int) -> list[Figure]:
    """The same elements, 25 plans a write, into both stores; and one element a traversal into the server."""
    deltas = list(made_deltas(count))
    single = [part for delta in deltas for part in _elements(delta)]
    elements = len(single)
    with open_store(url) as store, open_store(f"embedded:{place / 'writes'}") as embedded:
        _apply_seconds(store, [*deltas, *single[:500]])  # not counted: the server's JVM compiles code that runs often
        rates = {}
        for name, into, writes in (
            ("batched", store, deltas),
            ("single", store, single),
            ("embedded", embedded, deltas),
        ):
            into.clear()
            rates[name] = elements / _apply_seconds(into, writes)
    ratio = rates["batched"] / rates["single"]
    return [
        Figure(f"{elements} elements in batches, elements a second", rates["batched"], "/s"),
        Figure("one element a traversal, elements a second", rates["single"], "/s"),
        Figure("ratio", ratio, "x", 10, at_least=True),
        Figure("the same batches into the embedded store, elements a second", rates["embedded"], "/s"),
        Figure("Gremlin Server to the embedded store", rates["batched"] / rates["embedded"], "x"),
    ]


def asking(place: Path, url: str, fill: int) -> list[Figure]:
    """Questions to the graph of one ledger in both stores, in this process: median of 9, after one not counted."""
    folder = place / "gremlin-server"
    load(folder, fill)
    begin = time.perf_counter()
    replay_into(folder, url, lambda _done, _total: None)
    replayed = time.perf_counter() - begin
    with open_store(url) as remote, open_store(f"embedded:{folder / 'graph'}") as embedded_store:
        elements = sum(remote.counts().values())
        figures = [
            Figure("elements", elements, ""),
            Figure("replayed through the projector, elements a second", elements / replayed, "/s"),
        ]
        for name, query, given in _QUESTIONS:
            for where, store in (("Gremlin Server", remote), ("embedded", embedded_store)):
                figures.append(Figure(f"{name}, {where}", _median_ms(store, query, given), "ms"))
                figures.append(Figure("its requests to the store", _requests(store, query, given), ""))
    return figures


def _median_ms(store: GraphStore, query: str, given: Mapping[str, Any]) -> float:
    run(query, store.g, given)
    found = []
    for _ in range(9):
        begin = time.perf_counter()
        run(query, store.g, given)
        found.append((time.perf_counter() - begin) * 1_000)
    return machine.median(found)


def _requests(store: GraphStore, query: str, given: Mapping[str, Any]) -> int:
    counting = Counting(store.g)
    run(query, counting.g, given)
    return counting.requests


def _apply_seconds(store: GraphStore, writes: list[GraphDelta]) -> float:
    begin = time.perf_counter()
    for delta in writes:
        store.apply(delta)
    return time.perf_counter() - begin


def made_deltas(count: int) -> Iterator[GraphDelta]:
    """The elements of so many jobs, each once, 25 jobs a write."""
    jobs = list(estate(count, 5))
    seen: set[object] = set()
    for start in range(0, count, _PLANS):
        some = jobs[start : start + _PLANS]
        plans = [Body(decode_plan(job.plan, CONTENT_TYPE), str(i)) for i, job in enumerate(some)]
        events = [Event(event, 2**50) for job in some for event in decode_events(job.event, CONTENT_TYPE)]
        made = graph(plans, events)
        vertices = tuple(vertex for id_, vertex in made.vertices.items() if id_ not in seen)
        edges = tuple(edge for key, edge in made.edges.items() if key not in seen)
        seen |= {*made.vertices, *made.edges}
        yield GraphDelta(vertices, edges)


def _elements(delta: GraphDelta) -> Iterator[GraphDelta]:
    yield from (GraphDelta((vertex,)) for vertex in delta.vertices)
    yield from (GraphDelta(edges=(edge,)) for edge in delta.edges)
