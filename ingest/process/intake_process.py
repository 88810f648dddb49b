"""Large bodies are worked on in processes of their own: parsing and searching texts hold Python's lock all the time.

In the server every other sender would wait for it. Two processes, started with the first body that needs one: bodies
of megabytes do not hold up those of some hundred KB. Here: both sides of the pipe. Not here: the work (`intake.work`).

A message is a length (8 bytes), a pickle without any body, and the bodies, so that no large object is pickled. Both
sides are this program, and the pipe is closed to others.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO, Any

from headwater.ingest.intake.body import InvalidBody
from headwater.ingest.intake.bridge import Accepted
from headwater.ingest.intake.work import Job
from headwater.ingest.process.child import FIRST_VICTIM, belong_to_parent, command
from headwater.ingest.process.memory import PLANS, collect_rarely

log = logging.getLogger(__name__)

_HUGE_BYTES = 4 * 2**20  #: on the wire; a body of that size takes about a fifth of a second
_PACKED = 16  #: plans shrink to about so many parts of their size when they are packed
#: Seconds for one body: the largest that is allowed takes about 15 s. The agent itself waits no longer than this.
WORK_SECONDS = 120.0
_LENGTH_BYTES = 8


class IntakeProcesses:
    """See `intake.work.LargeBodies`."""

    def __init__(self) -> None:
        self._large, self._huge = _Lane("large-bodies"), _Lane("huge-bodies")

    async def accept(self, job: Job) -> Accepted:
        """See `LargeBodies`."""
        size = len(job.wire) * (_PACKED if job.packed else 1)
        return await (self._huge if size > _HUGE_BYTES else self._large).accept(job)

    @property
    def pids(self) -> list[int]:
        """Of the processes that are there."""
        return [lane.process.pid for lane in (self._large, self._huge) if lane.process]

    def close(self) -> None:
        """See `LargeBodies`."""
        for lane in (self._large, self._huge):
            lane.close()


class _Lane:
    """One process, and the thread that talks to it: one body at a time."""

    def __init__(self, name: str) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def accept(self, job: Job) -> Accepted:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, job)

    def _work(self, job: Job) -> Accepted:
        if self.process is None or self.process.poll() is not None:
            self._end()
            self.process = _start()
        process, late = self.process, threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(WORK_SECONDS, stop)
        timer.daemon = True
        timer.start()
        try:
            return _exchange(process, job)
        except (OSError, EOFError):
            process.kill()
            process.wait()
            if late.is_set():
                raise InvalidBody(413, f"the body takes more than {WORK_SECONDS:g} s to be read") from None
            log.error("the process for large bodies died (exit code %s)", process.returncode)  # noqa: TRY400
            sentence = "the body could not be worked on, perhaps for lack of memory; nothing was kept, try again later"
            raise InvalidBody(503, sentence, {"Retry-After": "5"}) from None
        finally:
            timer.cancel()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._end()

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was written and is not read any more
                        pipe.close()


def _start() -> subprocess.Popen[bytes]:
    line = command("headwater.ingest.process.intake_process:main")
    return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own module


@dataclass(frozen=True)
class _Refused:
    """An `InvalidBody`, as data."""

    status: int
    sentence: str
    headers: dict[str, str]


def _exchange(process: subprocess.Popen[bytes], job: Job) -> Accepted:
    assert process.stdin is not None, "started with a pipe"
    assert process.stdout is not None, "started with a pipe"
    _send(process.stdin, replace(job, wire=b""), [job.wire])
    said, bodies = _receive(process.stdout)
    if isinstance(said, _Refused):
        raise InvalidBody(said.status, said.sentence, said.headers)
    if not isinstance(said, Accepted):
        raise RuntimeError(f"the process for large bodies failed:\n{said}")  # noqa: TRY004 - a fault of ours
    entries = tuple(replace(entry, body=body) for entry, body in zip(said.entries, bodies, strict=True))
    return replace(said, entries=entries)


def _send(pipe: IO[bytes], said: object, bodies: Sequence[bytes]) -> None:
    head = pickle.dumps((said, [len(body) for body in bodies]))
    pipe.write(len(head).to_bytes(_LENGTH_BYTES, "big"))
    pipe.write(head)
    for body in bodies:
        pipe.write(body)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> tuple[Any, list[bytes]]:
    """EOFError: the other side is gone."""
    said, lengths = pickle.loads(_read(pipe, int.from_bytes(_read(pipe, _LENGTH_BYTES), "big")))  # noqa: S301 - our own
    return said, [_read(pipe, length) for length in lengths]


def _read(pipe: IO[bytes], length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data


# In the process -------------------------------------------------------------------------------------------------------


def main(_arguments: Sequence[str]) -> int:
    """Work on the bodies that come by standard input, one after the other, until its end; the exit code."""
    belong_to_parent(FIRST_VICTIM)
    source, target = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no answer
    collect_rarely(PLANS)
    while True:
        try:
            job, (wire,) = _receive(source)
        except (EOFError, OSError):
            return 0
        try:
            accepted = replace(job, wire=wire).whole()
            said: object = replace(accepted, entries=tuple(replace(entry, body=b"") for entry in accepted.entries))
            bodies = [entry.body for entry in accepted.entries]
        except InvalidBody as refused:
            said, bodies = _Refused(refused.status, refused.sentence, refused.headers), []
        except Exception:  # noqa: BLE001 - told to the server, which logs it; the next body is another one
            said, bodies = traceback.format_exc(), []
        _send(target, said, bodies)
