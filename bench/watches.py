"""Measures the evaluation of a thousand watches of a generated graph, with their state on disk."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench.estates import COLUMNS, WIDTH, dataset, estate
from bench.figure import Figure
from headwater.graphstore import open_store
from headwater.ingest.places.file_storage import LocalFolder
from headwater.read_only import ReadOnly
from headwater.watching.definitions import Channel, Watch
from headwater.watching.running import evaluate
from headwater.watching.state import States

_WATCHES = 1_000
_BATCH = 25


def watches(place: Path, *, quick: bool) -> list[Figure]:
    """The time of the first evaluation, which stores what it finds, and of the second, which finds nothing new."""
    many = _WATCHES // (10 if quick else 1)
    with open_store(f"embedded:{place / 'graph'}") as store:
        each = iter(estate(1))
        while batch := list(islice(each, _BATCH)):
            store.apply(batch)
        source, defined = ReadOnly("embedded", store), list(_watches(many))
        seconds = [_seconds(source, defined, place / "state") for _ in range(2)]
    return [
        Figure(f"{many:,} watches, upstream of a column each: the first time", seconds[0], "s", 30),
        Figure("the same again, with nothing new", seconds[1], "s", 30),
    ]


def _watches(many: int) -> Iterator[Watch]:
    chosen = random.Random(9)
    for number in range(many):
        node = f"{dataset(0, chosen.randrange(3, 6), chosen.randrange(WIDTH))}#c{chosen.randrange(COLUMNS)}"
        yield Watch(f"w{number}", (node,), "upstream", {"type": "all"}, (Channel("stdout"),))


def _seconds(source: ReadOnly, defined: list[Watch], state: Path) -> float:
    begin = time.perf_counter()
    outcomes = list(evaluate(source, defined, States(LocalFolder(state))))
    assert not any(outcome.problems or outcome.told for outcome in outcomes), "nothing is wrong, and nothing is new"
    return time.perf_counter() - begin
