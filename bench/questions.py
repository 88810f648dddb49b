"""Measures the queries impact and paths, also in a larger graph with the same answers: these must not take longer."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from bench import machine
from bench.estates import COLUMNS, WIDTH, chain, dataset, diamond, estate, hub
from bench.figure import Figure
from headwater.graphmodel.delta import GraphDelta
from headwater.graphstore import GraphStore, open_store
from headwater.queries.answers.impact import Impact
from headwater.queries.catalogue.catalogue import run
from tests.contract.counting import Counting

_BATCH = 25  #: deltas in one commit
_ROOTS = 60  #: columns whose impact is asked for
_TIMES = 5
_HUB = 100_000
_HOPS = 20


def impact(place: Path, *, quick: bool) -> list[Figure]:
    """The same questions to one domain, and to an estate ten times as large (twice, if it is to be quick)."""
    many = 2 if quick else 10
    with _filled(place / "one", estate(1)) as store:
        one, size = _impact_ms(store)
        store.apply([diamond(10), diamond(20)])
        ten, twenty = (_median_ms(store, "impact", {"node": f"s3://diamond{n}/l0#a"}) / (4 * n) for n in (10, 20))
        ends = {"from": "s3://diamond20/l0#a", "to": "s3://diamond20/l20#a", "ways": "all"}
        ways = _median_ms(store, "paths", ends)
        end = {"node": f"s3://chain/l{_HOPS}#a"}
        store.apply(chain(_HOPS))
        hops = _median_ms(store, "upstream", end, times=15)
        counting = Counting(store.g)
        run("upstream", counting.g, end)
        _apply(store, hub(_HUB // (10 if quick else 1)))
        wide = _median_ms(store, "impact", {"node": "s3://hub/source#key"}, times=3)
    with _filled(place / "many", estate(many)) as store:
        more, _ = _impact_ms(store)
        edges = store.counts()["derivesFrom"]
    return [
        Figure(f"column impact, any depth, {size:g} nodes at the median: median of {_ROOTS} columns", one, "ms", 50),
        Figure(f"the same in an estate {many} times as large ({edges:,} edges): ratio", more / one, "x", 1.3),
        Figure("impact through a diamond, time per edge: 20 layers to 10", twenty / ten, "x", 1.3),
        Figure("all that lies between two ends of a diamond of 20 layers, first 100 paths", ways, "ms"),
        Figure(f"upstream of a chain of {_HOPS} columns", hops, "ms", 3),
        Figure("its requests to the store", counting.requests, "", 8),
        Figure(f"impact of a hub of {_HUB // (10 if quick else 1):,} columns, up to its limit of 10,000", wide, "ms"),
    ]


@contextmanager
def _filled(folder: Path, deltas: Iterable[GraphDelta]) -> Iterator[GraphStore]:
    with open_store(f"embedded:{folder}") as store:
        _apply(store, deltas)
        yield store


def _apply(store: GraphStore, deltas: Iterable[GraphDelta]) -> None:
    each = iter(deltas)
    while batch := list(islice(each, _BATCH)):
        store.apply(batch)


def _impact_ms(store: GraphStore) -> tuple[float, float]:
    """The median over some columns of the first domain, and of how much they affect."""
    chosen = random.Random(5)
    times, sizes = [], []
    for number in range(_ROOTS):
        layer = (0, 0, 1, 2)[number % 4]
        node = f"{dataset(0, layer, chosen.randrange(WIDTH))}#c{chosen.randrange(COLUMNS)}"
        times.append(_median_ms(store, "impact", {"node": node}))
        found = run("impact", store.g, {"node": node})
        assert isinstance(found, Impact), "the query impact answers with an impact"
        sizes.append(float(len(found.affected)))
    return machine.median(times), machine.median(sizes)


def _median_ms(store: GraphStore, query: str, given: Mapping[str, object], times: int = _TIMES) -> float:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        run(query, store.g, given)
        found.append((time.perf_counter() - begin) * 1_000)
    return machine.median(found)
