"""The server's side of the graph process: start it, wake it, watch it, replace it if it dies or is deaf, end it.

Acknowledging a payload never waits for it, and a crash of it loses nothing: only the server writes the ledger. This
module imports little, so that the process is started first and gets ready while the server does. What runs in the
process is `graph_worker`.

The two talk over the process's standard input and output, which need no further file descriptor when there is none
left: the server sends single bytes (below), the process answers with lines of JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from headwater.backoff import Backoff
from headwater.ingest.process.child import command
from headwater.temporary import TemporaryFolder

log = logging.getLogger(__name__)

_END_SECONDS = 30.0  #: what the process gets to finish the batch in hand and close the store
_STARTED_AGAIN = Backoff(first=1.0, longest=60.0)  #: for a process that dies as soon as it is started
_POLL_SECONDS = 0.25
_SIGNAL_SECONDS = 0.01  #: entries that come within this time share one signal to the process
_BEAT_POLLS = 8  #: a heartbeat is asked for every so many looks at the process: every 2 s
#: So many heartbeats in a row without an answer, 30 s: the process is deaf. Counted and not timed: a server that was
#: stopped itself must not take that time for the process's.
_MISSED_BEATS = 15
_MISSED_AT_START = 60  #: the same for a process that has answered none so far: on a busy machine it starts slowly
#: Computing on one batch, whose size is bounded, for longer than this is taken for computing without end.
_COMPUTING_SECONDS = 300.0

_BEING_STARTED = "its process has ended and is started again"
_DIED_OFTEN = 2  #: so many processes in a row ended while they opened the graph: then it is not just slow

TAKE_OVER = "take-over"  #: an argument of the process
WAKE = b"\n"  #: entries came; the first one says that the server holds the lock of the data folder
BEAT = b"?"  #: answered by ``{"beat": checkpoint, "computing": seconds}``
READINESS = b"!"  #: answered by ``{"readiness": ...}`` as soon as the store has answered
#: The end of input that follows is in order. Without it the server was killed, and the process ends at once.
BYE = b"."


class NotOpen(NamedTuple):
    """Why the graph cannot be asked at this moment.

    `reason`: "opening", "rebuilding" (the tables beside a graph that was loaded in another way are worked out), or
    "failed": it could not be opened, and is tried again from time to time. `text` is one sentence for people.
    """

    reason: Literal["opening", "rebuilding", "failed"]
    text: str


class GraphProcess:
    """Made by `start`; `close` ends it. Its socket lies in a folder that only this user can enter."""

    def __init__(self, command: Callable[[Path], list[str]], first: Sequence[str] = ()) -> None:
        """Use `start`. `command` gives the command line for the path of the socket.

        `first` is added to it until a process has opened the graph.
        """
        self._place = TemporaryFolder()
        self.address = self._place.path / "graph"
        self._command = command
        self._first = first
        self._allowed = False
        self._failure: str | None = None  #: why the graph could not be opened the last time; None once it is open
        self._signal: asyncio.TimerHandle | None = None  #: the next byte to the process
        self._asked: asyncio.Future[dict[str, Any]] | None = None  #: the answer about readiness that is on its way
        self._closing = threading.Event()
        self._replacing = threading.Lock()
        self._supervisor: threading.Thread | None = None
        self._child = _Child([*command(self.address), *first])

    @classmethod
    def start(cls, folder: Path, store: str | None, *, take_over: bool = False) -> GraphProcess:
        """Start the process, which opens nothing yet: the server first makes sure that the folder is its own.

        `take_over`: write a remote graph even if another data folder does. Once the graph was open, that is not said
        again to a process that is started anew: a server that lost the graph must not take it back by itself.
        """
        return cls(
            lambda path: command("headwater.ingest.process.graph_worker:main", str(folder), store or "", str(path)),
            [TAKE_OVER] if take_over else [],
        )

    def begin(self) -> None:
        """Let the process open the graph, and watch it from now on, until `close`; returns at once.

        A process that has died, that no longer answers, or that could not open the graph is replaced.
        """
        self._allowed = True
        self._child.send(WAKE)
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._supervisor.start()

    @property
    def not_open(self) -> NotOpen | None:
        """Why the graph cannot be asked; None: it is open, as far as is known. From any thread."""
        child = self._child
        if child.is_open:
            return None
        failure = child.failure or (None if child.was_open else self._failure)
        if failure:
            return NotOpen("failed", f"the graph cannot be opened: {failure}")
        if child.rebuilding:
            return NotOpen("rebuilding", f"the graph is being opened, its tables are rebuilt: {child.rebuilding}")
        return NotOpen("opening", "the graph is being opened: ask again soon")

    def wake(self, _sequence: int = 0) -> None:
        """Signal that entries came, a moment later and once for many of them. Called in the event loop."""
        if self._signal is None:
            self._signal = asyncio.get_running_loop().call_later(_SIGNAL_SECONDS, self._send_signal)

    def _send_signal(self) -> None:
        self._signal = None
        self._child.send(WAKE)

    @property
    def pid(self) -> int:
        """Of the process that is there now, or was there last."""
        return self._child.process.pid

    @property
    def checkpoint(self) -> int | None:
        """The last entry in the graph, as of the last heartbeat; None before the first one."""
        return self._child.checkpoint

    async def readiness(self, seconds: float) -> dict[str, Any] | None:
        """What the process says of its graph: its `checkpoint`, or an `error`; None: no answer within `seconds`.

        Many that ask at once share one question.
        """
        if self._asked is None or self._asked.done():
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[dict[str, Any]] = loop.create_future()

            def settle(said: dict[str, Any]) -> None:
                if not answer.done():
                    answer.set_result(said)

            self._asked = answer
            self._child.ask(lambda said: loop.call_soon_threadsafe(settle, said))
        asked = self._asked
        done, _ = await asyncio.wait([asked], timeout=seconds)
        if done:
            return asked.result()
        if self._asked is asked:  # whoever asks next asks anew: the process may be another one by then
            self._asked = None
        return None

    def close(self) -> None:
        """End the process after the batch that it is writing. Closing twice is no error."""
        self._closing.set()
        with self._replacing:
            child = self._child
        if not self._allowed:
            child.kill()
        child.end(_END_SECONDS)
        if self._supervisor is not None:
            self._supervisor.join()
        self._place.cleanup()

    def _supervise(self) -> None:
        """In a thread of its own: whatever goes wrong, the next look comes a moment later.

        The thread goes on for as long as the process that it started: the system ends that one with its thread.
        """
        watch = _Watch()
        while not self._closing.wait(_POLL_SECONDS):
            try:
                watch.look(self._child)
                if self._child.process.poll() is not None:
                    self._replace(watch)
            except Exception:  # no file descriptor or memory left, or a bug: supervision must outlive it
                log.exception("the graph's process cannot be looked after now")
        self._child.process.wait()

    def _replace(self, watch: _Watch) -> None:
        child = self._child
        watch.failures = 0 if child.was_open else watch.failures + 1
        if child.was_open:
            self._failure, self._first = None, ()
        elif child.failure or watch.failures >= _DIED_OFTEN:
            self._failure = child.failure or f"its process ended {watch.failures} times in a row while it opened it"
        wait = _STARTED_AGAIN.seconds(max(0, watch.failures - 1))
        if child.failure:
            log.error(
                "the graph cannot be opened, what is sent is kept in the ledger: %s; tried again in %.0f s",
                child.failure,
                wait,
            )
        else:
            log.error("the graph's process died (exit code %s); it is started again", child.process.returncode)
        if self._closing.wait(wait):
            return
        with self._replacing:
            if not self._closing.is_set():
                child.release()
                self._child = _Child([*self._command(self.address), *self._first])
                self._child.send(WAKE)
                watch.forget()


class _Watch:
    """What the supervisor knows of the process that is there now."""

    def __init__(self) -> None:
        self.failures = 0  #: processes in a row that did not come to answer questions, those before this one
        self.forget()

    def forget(self) -> None:
        """Another process is there."""
        self._polls = self._missed = self._answers = 0

    def look(self, child: _Child) -> None:
        """Count heartbeats, and kill a process that is deaf, or computes without end."""
        self._polls += 1
        if self._polls % _BEAT_POLLS:
            return
        self._missed = self._missed + 1 if child.answers == self._answers else 0
        self._answers = child.answers
        if self._missed > (_MISSED_BEATS if child.answers else _MISSED_AT_START):
            log.error("the graph's process answers no heartbeat; it is killed, and started again")
            child.kill()
        elif child.computing > _COMPUTING_SECONDS:
            log.error("the graph's process computes on one batch for %d s; it is killed", child.computing)
            child.kill()
        else:
            child.send(BEAT)


class _Child:
    """One life of the process: its pipes, and what it has said. A thread reads what it says, until it ends."""

    def __init__(self, command: Sequence[str]) -> None:
        self.was_open = False  #: it has come to answer questions
        self.failure: str | None = None  #: why it could not open the graph, in its words
        self.rebuilding: str | None = None  #: how far it is with the tables beside the graph, before that is open
        self.answers = 0  #: heartbeats that it has answered
        self.checkpoint: int | None = None
        self.computing = 0.0  #: seconds, on the batch in hand, without waiting for the store
        self._asking: list[Callable[[dict[str, Any]], object]] = []
        self._over = False  #: it says nothing any more
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own module
        assert self.process.stdin is not None, "started with a pipe"
        os.set_blocking(self.process.stdin.fileno(), False)
        threading.Thread(target=self._read, name="graph-process", daemon=True).start()

    @property
    def is_open(self) -> bool:
        """Whether it answers questions, as far as is known."""
        return self.was_open and not self._over

    def send(self, byte: bytes) -> None:
        """Never waits: if the pipe is full, the process has bytes to read."""
        assert self.process.stdin is not None, "started with a pipe"
        with suppress(BlockingIOError, BrokenPipeError, ValueError):  # ValueError: it was released
            os.write(self.process.stdin.fileno(), byte)

    def ask(self, answer: Callable[[dict[str, Any]], object]) -> None:
        """Ask for readiness; `answer` is called from a thread, or never."""
        self._asking.append(answer)
        self.send(READINESS)
        if self._over:
            self._answer({"error": _BEING_STARTED})

    def kill(self) -> None:
        """End it at once, even if it is stopped."""
        self.process.kill()

    def end(self, seconds: float) -> None:
        """Let it end in order, at most so many seconds."""
        self.send(BYE)
        self.release()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def release(self) -> None:
        """Close the pipe to it; the thread that reads closes the other one."""
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()

    def _read(self) -> None:
        assert self.process.stdout is not None, "started with a pipe"
        with self.process.stdout as lines:
            for line in lines:
                with suppress(ValueError, TypeError, KeyError):  # no line of ours: a library that prints
                    self._take(json.loads(line))
        self._over = True
        self._answer({"error": _BEING_STARTED})

    def _take(self, said: dict[str, Any]) -> None:
        if "beat" in said:
            self.checkpoint, self.computing = said["beat"], float(said["computing"])
            self.answers += 1
        elif "readiness" in said:
            self.checkpoint = said["readiness"].get("checkpoint", self.checkpoint)
            self._answer(said["readiness"])
        elif "rebuilding" in said:
            self.rebuilding = str(said["rebuilding"])
        elif "error" in said:
            self.failure = str(said["error"])
        elif "open" in said:
            self.was_open = True

    def _answer(self, readiness: dict[str, Any]) -> None:
        asking, self._asking = self._asking, []
        for answer in asking:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                answer(readiness)
