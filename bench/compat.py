"""``python -m bench.compat FOLDER``: OpenLineage's public compatibility corpus, taken in three ways; one graph always.

FOLDER is a copy of https://github.com/OpenLineage/compatibility-tests, which is never part of this project. The events
of each scenario are taken in order, then twice and shuffled; what is stored is printed, and a difference is an error.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gremlin_python.process.traversal import Direction, T

from headwater.ingest.folder.service import Service
from headwater.ingest.intake.body import InvalidBody
from headwater.ingest.intake.bridge import Receipt
from headwater.ingest.intake.openlineage import OPENLINEAGE
from headwater.ingest.ledger.entries import NewEntry

_SHUFFLES = 2


@dataclass(frozen=True)
class Taken:
    """What a scenario comes to: what is stored, what each run came to, and what was refused or parked."""

    vertices: dict[str, dict[Any, Any]]
    edges: frozenset[tuple[str, str, str]]
    outcomes: dict[str, int]
    refused: tuple[str, ...]


def main(folder: str) -> None:
    """Print a line for each scenario; exit with 1 if one gives two graphs, or has an event that is not taken.

    Exit with 2 if the folder has no scenario.
    """
    failed, found = 0, 0
    for name, bodies in scenarios(Path(folder)):
        found += 1
        first = taken(bodies)
        same = all(taken(shuffled(bodies, seed)) == first for seed in range(_SHUFFLES))
        failed += not same or bool(first.refused)
        count = {
            label: sum(v[T.label] == label for v in first.vertices.values()) for label in ("job", "dataset", "run")
        }
        column_edges = sum(label == "derivesFrom" and "#" in source for label, source, _ in first.edges)
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in first.outcomes.items())
        print(f"{name}: {len(bodies)} events ({outcomes})")
        print(f"    {count['job']} jobs, {count['dataset']} datasets, {count['run']} runs, {column_edges} column edges")
        print(f"    {'the same graph twice and shuffled' if same else 'ANOTHER GRAPH when shuffled'}")
        for reason in first.refused:
            print(f"    NOT TAKEN: {reason}")
    if not found:
        print(f"{folder or 'CORPUS'} is no copy of the corpus: it has no folder consumer/scenarios/*/events")
        sys.exit(2)
    sys.exit(1 if failed else 0)


def scenarios(folder: Path) -> Iterator[tuple[str, list[bytes]]]:
    """Name and events of each scenario of the consumers' part; in the producers' part are patterns, and no events."""
    inside = (path for path in folder.rglob("events") if path.is_dir()) if folder.name else ()  # not the working folder
    found = sorted(path for path in inside if "producer" not in path.relative_to(folder).parts)
    for events in found:
        bodies = []
        for file in sorted(events.rglob("*.json")):
            document = json.loads(file.read_bytes())
            events_in = document if isinstance(document, list) else [document]
            bodies += [json.dumps(one).encode() for one in events_in if isinstance(one, dict) and "eventTime" in one]
        if bodies:
            yield str(events.relative_to(folder)), bodies


def shuffled(bodies: Sequence[bytes], seed: int) -> list[bytes]:
    """Each body twice, in any order; the second time its JSON is written otherwise, so that the ledger keeps both."""
    twice = [*bodies, *(json.dumps(json.loads(body), sort_keys=True, indent=1).encode() for body in bodies)]
    random.Random(seed).shuffle(twice)
    return twice


def taken(bodies: Sequence[bytes]) -> Taken:
    """The graph of these bodies, in a folder of its own."""
    entries: list[NewEntry] = []
    refused: list[str] = []
    for body in bodies:
        try:
            entries += OPENLINEAGE.accept("application/json", body, Receipt()).entries
        except InvalidBody as error:
            refused.append(error.sentence)
    with tempfile.TemporaryDirectory() as folder, Service.open(Path(folder)) as service:
        service.ledger.append(entries)
        service.catch_up()
        refused += [parked.reason for parked in service.parked()]
        vertices = service.store.g.V().element_map().to_list()
        edges = service.store.g.E().element_map().to_list()
        return Taken(
            {vertex[T.id]: vertex for vertex in vertices if vertex[T.label] != "ledger"},
            frozenset((e[T.label], str(e[Direction.OUT][T.id]), str(e[Direction.IN][T.id])) for e in edges),
            dict(service.stats().outcomes),
            tuple(dict.fromkeys(refused)),
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
