"""Senders that behave as Spline's agent: the plan, then the event, packed if large; they run in their own process.

All requests are made and packed before the clock starts, and are sent over plain connections without an HTTP library:
the senders share the cores with the server, so they must use little CPU.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from bench.payloads import CONTENT_TYPE, Job, estate, event

_PACKED_ABOVE = 2_048  #: bytes of a body; Spline's agent packs a larger one as well


async def main(url: str, senders: int, count: int, pace: float, *run_options: int) -> None:
    """Send `count` jobs, `pace` a second in all (0: as fast as it goes); print what each request took, in ms.

    They are runs of `logics` different logics (0: every job is a logic of its own), from time `first` on.
    """
    seed, logics, first = run_options
    address = urlsplit(url)
    distinct = list(estate(logics or count, seed))
    plans = [request(address.netloc, "execution-plans", job.plan) for job in distinct]
    events = [
        request(address.netloc, "execution-events", _run(distinct[i % len(distinct)], first + i)) for i in range(count)
    ]
    begin = time.perf_counter()
    start_times = iter([begin + i / pace if pace else begin for i in range(count)])
    jobs = iter([(plans[i % len(plans)], events[i]) for i in range(count)])
    times: list[float] = []
    host, port = address.hostname or "", address.port or 80
    entries = await asyncio.gather(*(connection(host, port, jobs, start_times, times) for _ in range(senders)))
    elapsed = time.perf_counter() - begin
    print(json.dumps({"elapsed": elapsed, "times": times, "last": max(entries)}))


def _run(job: Job, at: int) -> bytes:
    """The event of a run of the job at another time."""
    return event(json.loads(job.event)[0]["planId"], at)


def request(host: str, path: str, body: bytes) -> bytes:
    """A POST as the agent sends it: a large body is packed."""
    packed = len(body) > _PACKED_ABOVE
    sent = gzip.compress(body, 6) if packed else body
    encoding = "Content-Encoding: gzip\r\n" if packed else ""
    head = f"POST /producer/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {CONTENT_TYPE}\r\n{encoding}"
    return f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent


async def connection(
    host: str, port: int, jobs: Iterator[tuple[bytes, bytes]], start_times: Iterator[float], times: list[float]
) -> int:
    """Send jobs one after the other, each not before its start time; the number of the last entry.

    `times` gets how long each request took, in ms.
    """
    reader, writer = await asyncio.open_connection(host, port)
    last = 0
    for job in jobs:
        wait = next(start_times) - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        for request in job:
            sent = time.perf_counter()
            writer.write(request)
            last = max(last, await _entry(reader))
            times.append((time.perf_counter() - sent) * 1_000)
    writer.close()
    return last


async def _entry(reader: asyncio.StreamReader) -> int:
    """The number of the ledger entry that an answer names."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    assert " 201 " in head[0], head[0]
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    await reader.readexactly(int(fields["content-length"]))
    return int(fields["headwater-entry"])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), *map(int, sys.argv[5:])))
