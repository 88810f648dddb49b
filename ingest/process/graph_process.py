"""The server's side of the graph process: start it, wake it, start it again if it dies, end it.

Acknowledging a payload never waits for it, and a crash of it loses nothing: only the server writes the ledger. This
module imports little, so that the process is started first and gets ready while the server does. What runs in the
process is `graph_worker`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from headwater.backoff import Backoff
from headwater.ingest.process.child import command

log = logging.getLogger(__name__)

_END_SECONDS = 30.0  #: what the process gets to finish the batch in hand and close the store
_STARTED_AGAIN = Backoff(first=1.0, longest=60.0)  #: for a process that dies as soon as it is started
_POLL_SECONDS = 0.25
_SIGNAL_SECONDS = 0.01  #: entries that come within this time share one signal to the process
TAKE_OVER = "take-over"  #: an argument of the process


class GraphProcess:
    """Made by `start`; `close` ends it. Its socket lies in a folder that only this user can enter."""

    def __init__(self, command: Callable[[Path], list[str]], first: Sequence[str] = ()) -> None:
        """Use `start`. `command` gives the command line for the path of the socket; `first` is added the first time."""
        self._place = Path(tempfile.mkdtemp(prefix="headwater-"))
        self.address = self._place / "graph"
        self._command = command
        self._opened = False
        self._signal: asyncio.TimerHandle | None = None  #: the next byte to the process
        self._process = self._spawn(first)

    @classmethod
    def start(cls, folder: Path, store: str | None, *, take_over: bool = False) -> GraphProcess:
        """Start the process, which opens nothing yet: the server first makes sure that the folder is its own.

        `take_over`: write a remote graph even if another data folder does. That is not said again if the process dies
        and is started again: a server that lost the graph meanwhile must not take it back by itself.
        """
        return cls(
            lambda path: command("headwater.ingest.process.graph_worker:main", str(folder), store or "", str(path)),
            [TAKE_OVER] if take_over else [],
        )

    def open(self) -> None:
        """Let the process open the store; wait until it answers questions. Raises what `Service.open` raised there."""
        assert self._process.stdout is not None, "the process was started with a pipe"
        self._opened = True
        self._send_signal()
        line = self._process.stdout.readline()
        said = json.loads(line) if line else {"error": "", "text": "the graph's process did not start"}
        if "error" in said:
            from headwater.ingest.http.error_table import class_of

            raise class_of(said["error"])(said["text"])

    def wake(self, _sequence: int = 0) -> None:
        """Signal that entries came, a moment later and once for many of them. Called in the event loop."""
        if self._signal is None:
            self._signal = asyncio.get_running_loop().call_later(_SIGNAL_SECONDS, self._send_signal)

    def _send_signal(self) -> None:
        """One byte to the process. Never waits: if the pipe is full, the process has signals to read."""
        self._signal = None
        assert self._process.stdin is not None, "the process was started with a pipe"
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._process.stdin.fileno(), b"\n")

    async def keep(self) -> None:
        """Start the process again whenever it dies, until cancelled."""
        failures = 0
        while True:
            while self._process.poll() is None:  # noqa: ASYNC110 - a thread that waits could not be told to stop
                await asyncio.sleep(_POLL_SECONDS)
            log.error("the graph's process died (exit code %s); it is started again", self._process.returncode)
            await asyncio.sleep(_STARTED_AGAIN.seconds(failures))
            failures += 1
            self._release()
            self._process = self._spawn()
            try:
                await asyncio.to_thread(self.open)
                failures = 0
            except _opening_errors() as error:
                log.error("the graph cannot be opened: %s", error)  # noqa: TRY400 - the text says all

    def close(self) -> None:
        """End the process after the batch that it is writing. Closing twice is no error."""
        if not self._opened:
            self._process.kill()
        self._release()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._place, ignore_errors=True)

    def _release(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _spawn(self, words: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [*self._command(self.address), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert process.stdin is not None, "started with a pipe"
        os.set_blocking(process.stdin.fileno(), False)
        return process


def _opening_errors() -> tuple[type[Exception], ...]:
    """What is tried again: the store's, the folder's, and a process that did not start."""
    from headwater.ingest.http.error_table import explained_errors

    return (*explained_errors(), RuntimeError)
