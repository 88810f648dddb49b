"""Makes a data folder with a large graph, about 80 elements for each job, and the shapes that are measured in it."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

from bench import machine
from bench.payloads import CONTENT_TYPE, estate, hub, layers, superseded

_ROOT = Path(__file__).parents[1]


def load(folder: Path, fill: int) -> None:
    """Make the folder in a new process, so that its peak memory is that of the load alone."""
    subprocess.run([sys.executable, "-m", "bench.large", str(folder), str(fill)], check=True, cwd=_ROOT)


def large(folder: Path, fill: int) -> None:
    """Make a data folder with a wide graph, diamonds, a hub and superseded plans, and `fill` ordinary jobs beside."""
    from headwater.ingest.folder.service import Service
    from headwater.ingest.ledger.ledger import NewEntry

    shapes = chain(
        layers("wide", [5 if i % 2 else 4 for i in range(20)] + [4, 1], 10**6),
        layers("d5", [2] * 6, 2 * 10**6),
        layers("d10", [2] * 11, 3 * 10**6),
        layers("d20", [2] * 21, 4 * 10**6),
        hub(20, 500, 5 * 10**6),
        superseded("s3://few/t", 10, 6 * 10**6),
        superseded("s3://many/t", 1_000, 7 * 10**6),
        estate(fill, 4),
    )
    with Service.open(folder) as service:
        group: list[NewEntry] = []
        for made in shapes:
            group.append(NewEntry("spline.plan", CONTENT_TYPE, made.plan))
            group.append(NewEntry("spline.events", CONTENT_TYPE, made.event))
            if len(group) >= 400:
                service.ledger.append(group)
                group.clear()
                service.catch_up()
        service.ledger.append(group)
        service.catch_up()
    peak = machine.memory_mib(os.getpid(), "VmHWM")
    (folder / "peak").write_text(str(peak))


if __name__ == "__main__":
    large(Path(sys.argv[1]), int(sys.argv[2]))
