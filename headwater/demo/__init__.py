"""The demo: a real server and a pipeline of seven Spark jobs that report to it.

The jobs run on this machine if it has Spark (`live`, `pipeline`); if not, their recorded payloads are sent. What is
asked and printed then is in `headwater.cli.look`.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from headwater.client import Client, running
from headwater.errors import Unreachable
from headwater.ingest.process.child import command
from headwater.source import find as open_source

CONTENT_TYPE = "application/vnd.absa.spline.producer.v1.2+json"
_PATHS = {"plan": "/producer/execution-plans", "event": "/producer/execution-events"}
_AGENT = {"Accept-Encoding": "gzip,deflate", "X-SPLINE-TIMEOUT": "120000", "User-Agent": "scalaj-http/2.4.0"}
#: The Scala agent compresses bodies of more characters than this; the demo sends what the agent would.
_PACKED_ABOVE = 2_048
_START_SECONDS = 30.0  #: a server starts within two; a busy machine may take ten times as long

#: A column of the pipeline's last output, and a column of a raw file.
LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"
RAW = "file:///data/lake/raw/shop/orders.csv#amount"


@dataclass(frozen=True)
class Recorded:
    """One recorded request."""

    job: str
    kind: str
    body: bytes


def recorded() -> list[Recorded]:
    """The requests of the seven jobs, in the order in which the agent sent them."""
    out = []
    for job in sorted(payloads().iterdir(), key=lambda item: item.name):
        for item in sorted(job.iterdir(), key=lambda file: file.name):
            kind = item.name.partition("-")[2].removesuffix(".json")
            out.append(Recorded(job.name.partition("_")[2], kind, item.read_bytes()))
    return out


def send(client: Client, sent: Callable[[Recorded], None]) -> int:
    """Send them as the agent does: a HEAD request for each job, then its plans and events; the last entry's number."""
    last, job = 0, ""
    for request in recorded():
        if request.job != job:
            job = request.job
            client.head("/producer/status", _AGENT)
        last = _post(client, request) or last
        sent(request)
    return last


def _post(client: Client, request: Recorded) -> int | None:
    body, headers = request.body, _AGENT
    if len(body) > _PACKED_ABOVE:
        body, headers = gzip.compress(body), {**_AGENT, "Content-Encoding": "gzip"}
    return client.post(_PATHS[request.kind], body, CONTENT_TYPE, headers)


@contextmanager
def server(place: Path) -> Iterator[Client]:
    """A real server on a free port, which ends at the end; its data folder is `place`/data, its log beside it."""
    folder = place / "data"
    log = place / "server.log"
    serve = command("headwater.cli:run", "serve", "--port", "0", "--data", str(folder))
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own command
            serve, stdout=out, stderr=subprocess.STDOUT, cwd=place, env=environment()
        )
    try:
        yield _started(process, folder, log)
    finally:
        process.terminate()
        process.wait()


def load_recorded(folder: Path) -> None:
    """Load the recorded payloads of the seven jobs into a data folder, and from there into its graph."""
    source = open_source(folder)
    try:
        source.load([payloads()], unseen)
        source.settle(unseen)
    finally:
        source.close()


def payloads() -> Path:
    """The folder of the recorded payloads, one folder a job."""
    return Path(str(files("headwater.demo").joinpath("payloads")))


def unseen(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


def environment() -> dict[str, str]:
    """The environment without the user's settings of Headwater, which would lead the demo to their own data."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}


def _started(process: subprocess.Popen[bytes], folder: Path, log: Path) -> Client:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        client = running(folder)
        if client is not None:
            return client
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise Unreachable(f"the demo's server did not start: {log.read_text(errors='replace').strip()[-500:]}")
