"""Senders as the agent is one: plan, then event, packed if large; in a process of their own.

Requests are made and packed before the clock starts, and sent over bare connections: on the cores that they share with
the server, senders must cost as little as senders elsewhere do.
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

_PACKED_ABOVE = 2_048


async def main(url: str, senders: int, count: int, pace: float, *which: int) -> None:
    """Send `count` jobs, `pace` a second in all (0: as fast as it goes); print what each request took, in ms.

    They are runs of `logics` different logics (0: every job is a logic of its own), from time `first` on.
    """
    seed, logics, first = which
    address = urlsplit(url)
    known = list(estate(logics or count, seed))
    plans = [_request(address.netloc, "execution-plans", job.plan) for job in known]
    events = [
        _request(address.netloc, "execution-events", _run(known[i % len(known)], first + i)) for i in range(count)
    ]
    begin = time.perf_counter()
    due = iter([begin + i / pace if pace else begin for i in range(count)])
    todo = iter([(plans[i % len(plans)], events[i]) for i in range(count)])
    times: list[float] = []
    lanes = (_lane(address.hostname or "", address.port or 80, todo, due, times) for _ in range(senders))
    entries = await asyncio.gather(*lanes)
    elapsed = time.perf_counter() - begin
    print(json.dumps({"elapsed": elapsed, "times": times, "last": max(entries)}))


def _run(job: Job, at: int) -> bytes:
    """The event of a run of the job at another time."""
    return event(json.loads(job.event)[0]["planId"], at)


def _request(host: str, path: str, body: bytes) -> bytes:
    packed = len(body) > _PACKED_ABOVE
    sent = gzip.compress(body, 6) if packed else body
    encoding = "Content-Encoding: gzip\r\n" if packed else ""
    head = f"POST /producer/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {CONTENT_TYPE}\r\n{encoding}"
    return f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent


async def _lane(
    host: str, port: int, todo: Iterator[tuple[bytes, bytes]], due: Iterator[float], times: list[float]
) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    last = 0
    for job in todo:
        wait = next(due) - time.perf_counter()
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
