"""Receiver, inbox, S3 ledger and ingester, with S3 on loopback: what they take of a core."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

from bench.figure import Figure
from bench.payloads import CONTENT_TYPE, estate
from headwater.ingest.intake.envelope import file_of
from headwater.ingest.ledger.entries import NewEntry
from headwater.ingest.ledger.segment_ledger import SegmentLedger
from headwater.ingest.places.file_storage import open_storage

_ROOT = Path(__file__).parents[1]
_SENDERS = 16
_MS = 1_790_000_000_000


@contextmanager
def _s3() -> Iterator[dict[str, str]]:
    """S3 in a process of its own; the variables that lead there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.loopback_s3", str(port)], cwd=_ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            with suppress(OSError), urllib.request.urlopen(f"{url}/bucket/?prefix=", timeout=5):
                break
            time.sleep(0.05)
        dummies = {"AWS_ACCESS_KEY_ID": "dummy", "AWS_SECRET_ACCESS_KEY": "dummy", "AWS_DEFAULT_REGION": "eu-west-1"}
        yield {**os.environ, **dummies, "AWS_ENDPOINT_URL": url, "PYTHONPATH": str(_ROOT)}
    finally:
        process.kill()
        process.wait()


def _put(variables: dict[str, str], files: Iterator[tuple[str, bytes]]) -> int:
    """Put files into the inbox; how many."""
    url = variables["AWS_ENDPOINT_URL"]
    count = 0
    for name, content in files:
        request = urllib.request.Request(f"{url}/bucket/inbox/{name}", content, method="PUT")
        urllib.request.urlopen(request, timeout=60).close()
        count += 1
    return count


def inbox(place: Path, *, quick: bool) -> list[Figure]:
    """Acknowledgements of a receiver before an inbox, and new logics that an ingester brings into ledger and graph."""
    count = 300 if quick else 2_000
    jobs = list(estate(count, 5))
    with _s3() as variables:
        acknowledged, seconds, cpu = _received(place, variables, [job.plan for job in jobs])
        figures = [
            Figure("POST into the inbox acknowledged", acknowledged / seconds, "1/s"),
            Figure("the same, a second of the receiver's CPU", acknowledged / cpu, "1/s", 300, at_least=True),
        ]
    in_envelopes = [
        [file_of(NewEntry(kind, CONTENT_TYPE, body, "glue"), _MS) for kind, body in _bodies(job.plan, job.event)]
        for job in jobs
    ]
    by_agent = [(f"2026-03-01/{number}.json", _both(job.plan, job.event)) for number, job in enumerate(jobs)]
    ways = {
        "from a receiver": [file for pair in in_envelopes for file in pair],
        "from the Python agent": by_agent,
    }
    for name, files in ways.items():
        with _s3() as variables:
            _put(variables, iter(files))
            seconds, cpu = _timed(
                [
                    "ingest", "--inbox", "s3://bucket/inbox", "--ledger", "s3://bucket/ledger", "--once",
                    "--data", str(place / name),
                ],
                variables,
            )  # fmt: skip
        figures += [
            Figure(f"new logics into ledger and graph, {name}", count / seconds, "1/s", 150, at_least=True),
            Figure("the same, a second of CPU", count / cpu, "1/s"),
        ]
    figures += _with_keys(place, [job.plan for job in jobs], quick=quick)
    folder = place / "files"
    for name, content in by_agent:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    seconds, cpu = _timed(["load", str(folder), "--data", str(place / "sqlite")], dict(os.environ))
    return [*figures, Figure("for comparison, headwater load into SQLite, a second of CPU", count / cpu, "1/s")]


def _with_keys(place: Path, plans: list[bytes], *, quick: bool) -> list[Figure]:
    """Appends to a ledger in S3, plain and encrypted: what the second request, and encrypting, cost."""
    figures = []
    sizes = {1: 100 if quick else 500, 250: 250 if quick else 2_000}
    for size, count in sizes.items():
        rates = {}
        for kept in ("plain", "encrypted"):
            entries = [NewEntry("spline.plan", CONTENT_TYPE, body, "glue") for body in plans[:count]]
            with _s3() as variables:
                place_of = partial(open_storage, endpoint=variables["AWS_ENDPOINT_URL"], connections=4)
                os.environ.update({name: variables[name] for name in variables if name.startswith("AWS_")})
                keys = place_of("s3://bucket/keys") if kept == "encrypted" else None
                work = place / f"{kept}-{size}"
                with SegmentLedger.open(place_of("s3://bucket/ledger"), work, lambda: _MS, keys) as ledger:
                    ledger.append([NewEntry("none", "text/plain", b"the first connection")])
                    begin, cpu = time.perf_counter(), time.process_time()
                    for at in range(0, count, size):
                        ledger.append(entries[at : at + size])
                    rates[kept] = count / (time.perf_counter() - begin), count / (time.process_time() - cpu)
        each = f"{size} in each append"
        for kept, (rate, of_cpu) in rates.items():
            figures += [
                Figure(f"plans into a ledger in S3, {kept}, {each}", rate, "1/s"),
                Figure("the same, a second of CPU", of_cpu, "1/s"),
            ]
        ratio = rates["plain"][0] / rates["encrypted"][0]
        figures.append(Figure(f"encrypted takes so many times as long, {each}", ratio, "x"))
    return figures


def _bodies(plan: bytes, event: bytes) -> list[tuple[str, bytes]]:
    return [("spline.plan", plan), ("spline.events", event)]


def _both(plan: bytes, event: bytes) -> bytes:
    return json.dumps({"executionPlan": json.loads(plan), "executionEvent": json.loads(event)[0]}).encode()


def _timed(arguments: list[str], variables: dict[str, str]) -> tuple[float, float]:
    """Seconds that a command takes, and of CPU, its own processes included."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "headwater", *arguments]
    subprocess.run(command, check=True, env=variables, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begin, cpu


def _received(place: Path, variables: dict[str, str], bodies: list[bytes]) -> tuple[int, float, float]:
    """Send all bodies to a receiver: how many it took, in how many seconds, and how much CPU."""
    command = [sys.executable, "-m", "headwater", "receive", "--inbox", "s3://bucket/inbox", "--port", "0"]
    variables = {**variables, "HEADWATER_DATA": str(place / "tokens"), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, env=variables, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    host = process.stdout.readline().split()[3].removeprefix("http://")
    local = threading.local()

    def send(body: bytes) -> bool:
        if not hasattr(local, "connection"):
            local.connection = HTTPConnection(host, timeout=60)
        local.connection.request("POST", "/producer/execution-plans", body, {"Content-Type": CONTENT_TYPE})
        answer = local.connection.getresponse()
        answer.read()
        return bool(answer.status == 201)

    before, begin = _cpu(process.pid), time.perf_counter()
    with ThreadPoolExecutor(_SENDERS) as senders:
        taken = sum(senders.map(send, bodies))
    seconds, cpu = time.perf_counter() - begin, _cpu(process.pid) - before
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    return taken, seconds, cpu


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
