"""The demo: a real server, the recorded payloads of a pipeline of seven real Spark jobs, and what can be asked then."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from headwater.client import Client, running
from headwater.errors import Unreachable

CONTENT_TYPE = "application/vnd.absa.spline.producer.v1.2+json"
#: The agent packs what has more characters than this.
_PACKED_ABOVE = 2_048
_START_SECONDS = 30.0

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
    for job in sorted(files("headwater.demo").joinpath("payloads").iterdir(), key=lambda item: item.name):
        for item in sorted(job.iterdir(), key=lambda file: file.name):
            kind = item.name.partition("-")[2].removesuffix(".json")
            out.append(Recorded(job.name.partition("_")[2], kind, item.read_bytes()))
    return out


def send(client: Client, sent: Callable[[Recorded], None]) -> int:
    """Send them as the agent does: its handshake, then plan and event by turns, packed if large; the last entry."""
    client.head("/producer/status")
    paths = {"plan": "/producer/execution-plans", "event": "/producer/execution-events"}
    last = 0
    for request in recorded():
        if len(request.body) > _PACKED_ABOVE:
            packed = gzip.compress(request.body)
            last = client.post(paths[request.kind], packed, CONTENT_TYPE, Content_Encoding="gzip") or last
        else:
            last = client.post(paths[request.kind], request.body, CONTENT_TYPE) or last
        sent(request)
    return last


@contextmanager
def server() -> Iterator[Client]:
    """A real server on a free port with a temporary data folder; both are gone at the end."""
    with tempfile.TemporaryDirectory(prefix="headwater-demo-") as place:
        folder = Path(place) / "data"
        log = Path(place) / "server.log"
        command = [sys.executable, "-m", "headwater", "serve", "--port", "0", "--data", str(folder)]
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)  # noqa: S603 - our own command
        try:
            yield _started(process, folder, log)
        finally:
            process.terminate()
            process.wait()


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
