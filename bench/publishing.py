"""How fast runs are published as OpenLineage events to a backend on loopback, which runs in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figure import Figure
from bench.payloads import CONTENT_TYPE, estate, event

_ROOT = Path(__file__).parents[1]
_LOGICS = 100
_TAKEN = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


def publishing(place: Path, *, quick: bool) -> list[Figure]:
    """Runs of known plans, then runs of which each has a plan of its own."""
    count = 300 if quick else 2_000
    with _backend() as url:
        _measured(place / "first", url, 10, 20)  # and what is loaded with the first event
        known, cost_of_known = _measured(place / "known", url, _LOGICS, count)
        new, cost_of_new = _measured(place / "new", url, count // 4, count // 4)
    return [
        Figure("events a second, runs of known plans", known, "/s", 1_000, at_least=True),
        Figure("CPU of the publisher for one of these", cost_of_known, "ms", 1),
        Figure("events a second, a plan with each run", new, "/s"),
        Figure("CPU of the publisher for one of these", cost_of_new, "ms"),
    ]


def _measured(folder: Path, url: str, logics: int, runs: int) -> tuple[float, float]:
    """Events a second, from opening the ledger until the last one is taken and noted; and CPU ms of one."""
    from headwater.ingest.ledger.entries import NewEntry
    from headwater.ingest.ledger.ledger import open_ledger
    from headwater.ingest.publishing.backends import HttpBackend
    from headwater.ingest.publishing.publisher import Selection
    from headwater.ingest.publishing.running import Target, publish

    jobs = list(estate(logics, 7))
    with open_ledger(folder) as ledger:
        ledger.append([NewEntry("spline.plan", CONTENT_TYPE, job.plan) for job in jobs])
        made = (event(_plan_id(jobs[i % logics].event), i) for i in range(runs))
        ledger.append([NewEntry("spline.events", CONTENT_TYPE, body) for body in made])
    begin, cpu = time.perf_counter(), time.process_time()
    target = Target(url, lambda: HttpBackend(url))
    found = publish(folder, target, "urn:headwater:bench", Selection(), lambda _done, _of: None)
    assert found.events == 2 * runs, f"{found.events} of {2 * runs} events were published"
    return found.events / (time.perf_counter() - begin), (time.process_time() - cpu) / found.events * 1_000


def _plan_id(body: bytes) -> str:
    return str(json.loads(body)[0]["planId"])


@contextmanager
def _backend() -> Iterator[str]:
    """Takes whatever is posted, over plain connections: it shares the cores with the publisher."""
    command = [sys.executable, "-m", "bench.publishing"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


async def _serve() -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            writer.write(_TAKEN)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


if __name__ == "__main__":
    asyncio.run(_serve())
