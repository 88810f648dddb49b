"""Senders as the agent is one: plan, then event, packed if large; in a process of their own."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import time
from collections.abc import Iterator

import aiohttp

from bench.payloads import CONTENT_TYPE, Job, estate, event

_PACKED_ABOVE = 2_048


async def main(url: str, senders: int, count: int, pace: float, *which: int) -> None:
    """Send `count` jobs, `pace` a second in all (0: as fast as it goes); print what each request took, in ms.

    They are runs of `logics` different logics (0: every job is a logic of its own), from time `first` on.
    """
    seed, logics, first = which
    known = list(estate(logics or count, seed))
    jobs = [_run(known[i % len(known)], first + i) for i in range(count)]
    begin = time.perf_counter()
    due = iter([begin + i / pace if pace else begin for i in range(count)])
    times: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=senders)) as session:
        todo = iter(jobs)
        lanes = (_lane(session, url, todo, due, times) for _ in range(senders))
        entries = await asyncio.gather(*lanes)
    elapsed = time.perf_counter() - begin
    print(json.dumps({"elapsed": elapsed, "times": times, "last": max(entries)}))


def _run(job: Job, at: int) -> Job:
    """The job, run at another time."""
    return Job(job.plan, event(json.loads(job.event)[0]["planId"], at))


async def _lane(
    session: aiohttp.ClientSession, url: str, todo: Iterator[Job], due: Iterator[float], times: list[float]
) -> int:
    last = 0
    for job in todo:
        wait = next(due) - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        for path, body in (("execution-plans", job.plan), ("execution-events", job.event)):
            headers = {"Content-Type": CONTENT_TYPE}
            if len(body) > _PACKED_ABOVE:
                body, headers["Content-Encoding"] = gzip.compress(body, 6), "gzip"  # noqa: PLW2901 - packed as sent
            sent = time.perf_counter()
            async with session.post(f"{url}/producer/{path}", data=body, headers=headers) as answer:
                await answer.read()
                assert answer.status == 201, await answer.text()
                last = max(last, int(answer.headers["Headwater-Entry"]))
            times.append((time.perf_counter() - sent) * 1_000)
    return last


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), *map(int, sys.argv[5:])))
