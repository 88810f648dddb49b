"""The recorded jobs of tests/payloads, sent as the agent sent them; they run in their own process, as `senders`.

Each round is an estate of its own: the same jobs with another lake and other plan ids, so that every plan is a new
logic. Most of them are small (the median has 4 kB); one has 500 columns, two have 200 steps and a megabyte.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from bench import senders
from bench.payloads import CONTENT_TYPE, Job

_PAYLOADS = Path(__file__).parents[1] / "tests" / "payloads"
_LAKE = re.compile(rb"/data/lake\b")
_PLAN_ID = re.compile(rb'"planId"\s*:\s*"([0-9a-f-]{36})"')
_TIMESTAMP = re.compile(rb'("timestamp"\s*:\s*)(\d+)')


def jobs(round_: int, at: int = 0) -> list[Job]:
    """The recorded plans, each with an event that was sent for it, `at` ms later than recorded."""
    found = []
    for case in sorted(path.parent for path in _PAYLOADS.glob("[a-q]*/requests.jsonl")):
        if case.name.startswith("proto_"):
            continue  # faults of the exchange, not jobs
        bodies = [(case / name).read_bytes() for name in _sent(case)]
        events = {match[1]: body for body in bodies if (match := _PLAN_ID.search(body))}
        plans = {json.loads(body)["id"]: body for body in bodies if not _PLAN_ID.search(body)}
        for plan_id, plan in plans.items():
            event = events.get(plan_id.encode())
            if event is not None:
                found.append(Job(*(_moved(body, plan_id.encode(), round_, at) for body in (plan, event))))
    return found


def _sent(case: Path) -> list[str]:
    requests = map(json.loads, (case / "requests.jsonl").read_text().splitlines())
    accepted = (r for r in requests if r["kind"] in ("plan", "event") and r.get("file"))
    return [r["file"] for r in accepted if ["Content-Type", CONTENT_TYPE] in r["headers"]]


def _moved(body: bytes, plan_id: bytes, round_: int, at: int) -> bytes:
    """The payload in another lake, of another plan, and at another time."""
    mark = b"%04x" % round_
    body = _LAKE.sub(b"/data/lake" + mark, body).replace(plan_id, mark + plan_id[4:])
    return _TIMESTAMP.sub(lambda match: match[1] + b"%d" % (int(match[2]) + at), body)


async def main(url: str, round_: int, runs: int, first: int) -> None:
    """Send a round `runs` times by eight senders; print the number of jobs and of the last entry."""
    address = urlsplit(url)
    requests = [
        (
            senders.request(address.netloc, "execution-plans", job.plan),
            senders.request(address.netloc, "execution-events", job.event),
        )
        for run in range(first, first + runs)
        for job in jobs(round_, run * 1_000)
    ]
    count = len(requests)
    waiting, times = iter(requests), iter([0.0] * count)
    host, port = address.hostname or "", address.port or 80
    last = await asyncio.gather(*(senders.connection(host, port, waiting, times, []) for _ in range(8)))
    print(json.dumps({"jobs": count, "last": max(last)}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
