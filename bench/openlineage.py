"""OpenLineage's events as its Spark agent sends them, by eight senders; they run in their own process.

A run is START and COMPLETE, each with all facets: 20 columns from two datasets, about 6 kB.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from bench import senders

_COLUMNS = 20
_FACET = {"_producer": "https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark"}


def run_events(logic: int, at: int) -> tuple[bytes, bytes]:
    """START and COMPLETE of a run of one of the logics, `at` seconds after the start of the made-up time."""
    rng = random.Random(logic)
    sources = [f"lake/d{rng.randrange(max(0, logic - 200), logic + 1)}" for _ in range(2)]
    fields = {
        f"c{k}": {"inputFields": [_input(rng.choice(sources), f"c{rng.randrange(_COLUMNS)}", "DIRECT", "IDENTITY")]}
        for k in range(_COLUMNS)
    }
    schema = {**_FACET, "fields": [{"name": f"c{k}", "type": "string"} for k in range(_COLUMNS)]}
    lineage = {**_FACET, "fields": fields, "dataset": [_input(sources[0], "c0", "INDIRECT", "FILTER")]}
    output = {
        "namespace": "s3://bench",
        "name": f"lake/d{logic + 1}",
        "facets": {
            "schema": schema,
            "columnLineage": lineage,
            "lifecycleStateChange": {**_FACET, "lifecycleStateChange": "OVERWRITE"},
        },
        "outputFacets": {"outputStatistics": {**_FACET, "rowCount": 10 + at, "size": 1_000}},
    }
    run = {
        "runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{logic} {at}")),
        "facets": {
            "spark_properties": {**_FACET, "properties": {"spark.app.name": f"job {logic}"}},
            "spark_applicationDetails": {**_FACET, "applicationId": f"app-{at}", "userName": "bench"},
            "processing_engine": {**_FACET, "name": "spark", "version": "3.5.9", "openlineageAdapterVersion": "1.53.0"},
        },
    }
    event: dict[str, Any] = {
        "run": run,
        "job": {
            "namespace": "default",
            "name": f"job_{logic}.adaptive_spark_plan.lake_d{logic + 1}",
            "facets": {"jobType": {**_FACET, "integration": "SPARK", "jobType": "SQL_JOB", "processingType": "BATCH"}},
        },
        "inputs": [
            {"namespace": "s3://bench", "name": name, "facets": {"schema": schema}} for name in dict.fromkeys(sources)
        ],
        "outputs": [output],
        "producer": _FACET["_producer"],
    }
    states = (("START", at), ("COMPLETE", at + 1))
    start, complete = (
        json.dumps({**event, "eventType": state, "eventTime": _time(second)}).encode() for state, second in states
    )
    return start, complete


def _input(name: str, field: str, type_: str, subtype: str) -> dict[str, Any]:
    transformation = {"type": type_, "subtype": subtype, "description": "", "masking": False}
    return {"namespace": "s3://bench", "name": name, "field": field, "transformations": [transformation]}


def _time(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(1_780_000_000 + second))


def request(host: str, body: bytes) -> bytes:
    """A POST as the Java agent sends it."""
    head = f"POST /api/v1/lineage HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json; charset=UTF-8\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def requests(host: str, count: int, logics: int, first: int) -> Iterator[tuple[bytes, bytes]]:
    """Two requests for each of `count` runs of `logics` logics; the runs of each are later than those before."""
    for i in range(count):
        start, complete = run_events(i % logics, first + i * 10)
        yield request(host, start), request(host, complete)


async def main(url: str, count: int, logics: int, first: int) -> None:
    """Send the runs as fast as it goes; print how long it took, in seconds, and the last entry."""
    address = urlsplit(url)
    made = list(requests(address.netloc, count, logics, first))
    size = sum(len(one) for pair in made for one in pair) / count / 2
    waiting, times = iter(made), iter([0.0] * count)
    host, port = address.hostname or "", address.port or 80
    begin = time.perf_counter()
    entries = await asyncio.gather(*(senders.connection(host, port, waiting, times, []) for _ in range(8)))
    print(json.dumps({"elapsed": time.perf_counter() - begin, "last": max(entries), "size": size}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
