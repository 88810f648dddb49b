"""The real command in a process of its own, and a real server on a free port."""

from __future__ import annotations

import http
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AnyStr

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests" / "payloads"
PIPELINE = [str(path) for path in sorted(PAYLOADS.glob("l0*"))]
PATIENCE = 240.0  #: seconds: a loaded machine is slow, and only a broken one is slower


def environment(**more: str) -> dict[str, str]:
    """This process's variables without the user's settings and the width of the terminal."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_") and key != "COLUMNS"}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def headwater(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command's result; its output is no terminal."""
    return headwater_in(Path("/"), *arguments, **variables)


def headwater_in(folder: Path, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command's result, run in a folder."""
    command = [sys.executable, "-m", "headwater", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=PATIENCE, env=environment(**variables), cwd=folder
    )


@dataclass
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    folder: Path
    url: str
    trusted: ssl.SSLContext | None = None  #: for a server with a certificate

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """The status and the JSON (or text) of an answer; of a graph that is not far enough it is asked again."""
        end = time.monotonic() + PATIENCE
        while True:
            status, said = self._once(path, headers)
            behind = status == http.HTTPStatus.SERVICE_UNAVAILABLE and "is not in the graph after" in str(said)
            if not behind or time.monotonic() > end:
                return status, said

    def _once(self, path: str, headers: dict[str, str]) -> tuple[int, Any]:
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE, context=self.trusted) as response:
                return response.status, parsed(response.read())
        except urllib.error.HTTPError as error:
            return error.code, parsed(error.read())

    def wait_until_ready(self) -> None:
        """Until its graph can be asked."""
        end = time.monotonic() + PATIENCE
        while (found := self.get("/ready"))[0] != 200:
            assert time.monotonic() < end, found
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal to this process; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def eventually(holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until something holds. AssertionError: not within `seconds`."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


@contextmanager
def ended(process: subprocess.Popen[AnyStr]) -> Iterator[subprocess.Popen[AnyStr]]:
    """A process that is killed at the end of the block, if it is still there then, with its pipes closed.

    One that outlives a test that failed would fail others: where it is forgotten, Python warns.
    """
    with process:
        try:
            yield process
        finally:
            process.kill()


def parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


@contextmanager
def serving(
    folder: Path,
    *arguments: str,
    command: Sequence[str] = (sys.executable, "-m", "headwater"),
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
    ready: bool = True,
    trusted: ssl.SSLContext | None = None,
) -> Iterator[Server]:
    """A server on a data folder, ended at the end. `ready`: wait until its graph can be asked."""
    whole = [*command, "serve", "--port", "0", "--data", str(folder), *arguments]
    log = folder.with_name(f"{folder.name}.log").open("wb")
    process = subprocess.Popen(
        whole, stdout=log, stderr=subprocess.STDOUT, cwd=cwd, env=environment() if variables is None else variables
    )
    log.close()
    try:
        server = Server(process, folder, started(process, folder), trusted)
        if ready:
            server.wait_until_ready()
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)


def started(process: subprocess.Popen[bytes], folder: Path, patience: float = PATIENCE) -> str:
    """Its URL, as soon as it says that it is ready. AssertionError, with its log: not within `patience` seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end and process.poll() is None:
        try:
            said = json.loads((folder / "server.json").read_text())
        except (OSError, ValueError):
            time.sleep(0.02)
            continue
        if said["pid"] == process.pid:
            return str(said["url"])
        time.sleep(0.02)
    raise AssertionError(folder.with_name(f"{folder.name}.log").read_text())


def graph_process(server: Server) -> int:
    """The id of the process that has the graph."""
    whose = ["pgrep", "-P", str(server.process.pid), "-f", "graph_worker"]
    return int(subprocess.run(whose, capture_output=True, text=True, check=True).stdout)
