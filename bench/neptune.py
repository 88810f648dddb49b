"""Measures what failing requests cost: the same writes through the Neptune stand-in, with 0% and 5% of them failing."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bench.figure import Figure
from bench.gremlin_server import made_deltas
from headwater.graphmodel.delta import GraphDelta
from headwater.graphstore import open_store
from tests.gremlin_server.server import Missing, serving
from tests.neptune import standin
from tests.neptune.tls import made_tls

_RATE = 0.05
#: All faults but the connection that never answers: that one costs as much as the time limit, which a setting gives.
_FAULTS = sorted(standin.PASSING - {"half-open"})


def neptune(place: Path, *, quick: bool) -> list[Figure]:
    """Rates of the same writes. Nothing where the server cannot be run."""
    os.environ.update(standin.ENVIRONMENT)
    tls = made_tls(place)
    try:
        with serving(heap="1g", java=()) as server:
            proxy = standin.StandIn(server.url("set", 0), tls.server, str(tls.ca))
            with standin.serving(proxy):
                return _figures(proxy, list(made_deltas(50 if quick else 200)))
    except Missing as missing:
        print(f"  left out: {missing}")
        return []


def _figures(proxy: standin.StandIn, deltas: list[GraphDelta]) -> list[Figure]:
    elements = sum(len(delta.vertices) + len(delta.edges) for delta in deltas)
    _seconds(proxy, deltas)  # the server compiles what it runs often
    without_faults = [_seconds(proxy, deltas)]
    with_faults = []
    for seed in (1, 2, 3):  # in turns, because the speed of a shared machine changes over time
        with_faults.append(_seconds(proxy, deltas, seed))
        without_faults.append(_seconds(proxy, deltas))
    without, failing = (elements / sorted(times)[len(times) // 2] for times in (without_faults, with_faults))
    faults = sum(proxy.seen.faults.values())
    return [
        Figure(f"{elements} elements, no request fails, elements a second", without, "/s"),
        Figure(f"5% of the requests fail ({faults} in 3 runs), elements a second", failing, "/s"),
        Figure("with faults to without", failing / without, "x", 0.7, at_least=True),
    ]


def _seconds(proxy: standin.StandIn, deltas: list[GraphDelta], seed: int | None = None) -> float:
    proxy.suffer()
    with open_store(proxy.url) as store:
        store.clear()
        if seed is not None:
            proxy.suffer(*_FAULTS, rate=_RATE, seed=seed)
        begin = time.perf_counter()
        for delta in deltas:
            store.apply(delta)
        seconds = time.perf_counter() - begin
        proxy.suffer()
    return seconds
