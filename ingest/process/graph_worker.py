"""What runs in the graph process: projector, store and the API over them, on a Unix socket that the server asks.

A process of its own, since Python computes on one core a process: in the server, every acknowledgement would wait for
the projector. The ledger is read here and never written.

The server (`graph_process`) sends single bytes by standard input, and is answered by lines of JSON on standard output;
one of them says that all is open, or why it cannot be. The process does not outlive the server: it would keep the
store's lock from the next one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from headwater import tracing
from headwater.ingest.folder.service import Service
from headwater.ingest.gremlin import endpoint
from headwater.ingest.http import api
from headwater.ingest.http.auth import check_forwarded_requests
from headwater.ingest.http.error_table import explained_errors
from headwater.ingest.http.serving import answer_errors, make_runner, pack_answers
from headwater.ingest.http.spans import trace_requests
from headwater.ingest.process import emf, logs
from headwater.ingest.process.child import SECOND_VICTIM, belong_to_parent
from headwater.ingest.process.graph_process import BEAT, BYE, READINESS, TAKE_OVER, WAKE
from headwater.ingest.process.memory import PLANS, Returning, collect_rarely

log = logging.getLogger(__name__)

#: Seconds after which Python switches between the threads that project and answer; its default would be 5 ms.
_SWITCH_SECONDS = 0.001
_KEEPALIVE_SECONDS = 86_400.0  #: only the server closes its connections: a question on its way would be lost
_READ = 4_096
_ORPHANED, _FAILED = 1, 12  #: exit codes
_LOGGED = 300  #: characters of an error


def main(arguments: Sequence[str]) -> int:
    """Serve until standard input ends; the exit code.

    Arguments: folder, store (empty: the folder's own), socket, and perhaps `graph_process.TAKE_OVER`.
    """
    folder, store, address, *words = arguments
    belong_to_parent(SECOND_VICTIM)  # where that cannot be: `_Link.listen`
    logs.set_up()
    tracing.set_up("graph")
    sys.setswitchinterval(_SWITCH_SECONDS)
    link = _Link()
    threading.Thread(target=link.listen_or_end, name="link", daemon=True).start()
    link.allowed.wait()
    if link.ended:
        return 0
    try:
        service = Service.open(
            Path(folder), store or None, follows=True, take_over=TAKE_OVER in words, progress=_tell_progress
        )
    except explained_errors() as error:
        _tell({"error": str(error)})
        return 1
    except Exception:  # the server must be told
        log.exception("the graph cannot be opened")
        _tell({"error": "internal error, see the log"})
        return 1
    with service, emf.telling({"graph": partial(emf.of_service, service)}, out=sys.stderr):  # output is the server's
        try:
            asyncio.run(_run(service, address, link))
        except BaseException as error:  # noqa: BLE001 - to close in order would wait for the batch in hand, deaf
            _end_at_once(error)
    tracing.shut_down()
    return 0


def _end_at_once(error: BaseException) -> None:
    """As if the system had ended this process. The server starts another one, which takes less at once."""
    with suppress(MemoryError):
        log.error("the graph's process ends: %s", repr(error)[:_LOGGED], exc_info=error)
    os._exit(_FAILED)


class _Link:
    """The server's end of the pipes: a thread listens to it from the first moment."""

    def __init__(self) -> None:
        self.allowed = threading.Event()  #: the server holds the lock of the data folder, or is gone
        self.ended = False  #: the server has ended in order
        self.over = False  #: the end of input was reached
        self.on: dict[bytes, Callable[[], object]] = {}  #: what is done for a byte, in this thread

    def listen_or_end(self) -> None:
        """`listen`; without this thread the process would be deaf, so it ends with it."""
        try:
            self.listen()
        except BaseException as error:  # noqa: BLE001 - whatever it was
            _end_at_once(error)

    def listen(self) -> None:
        """Until the end of input. If the server did not announce that, it was killed: this process ends at once."""
        while data := os.read(sys.stdin.fileno(), _READ):
            for byte in (BYE, BEAT, READINESS, WAKE):
                if byte in data:
                    self._received(byte)
        if not self.ended:
            os._exit(_ORPHANED)
        self.over = True
        self.allowed.set()
        self.on.get(b"", _nothing)()

    def _received(self, byte: bytes) -> None:
        if byte == WAKE:
            self.allowed.set()
        elif byte == BYE:
            self.ended = True
        elif byte == BEAT and byte not in self.on:  # while the store is being opened
            _tell({"beat": None, "computing": 0})
        self.on.get(byte, _nothing)()


def _nothing() -> None:
    pass


async def _run(service: Service, address: str, link: _Link) -> None:
    traced = (trace_requests,) if tracing.on() else ()
    app = web.Application(middlewares=[*traced, pack_answers, answer_errors, check_forwarded_requests()])
    endpoint.add_routes(app, service.store)
    api.add_routes(app, service)
    runner = make_runner(app, keepalive_seconds=_KEEPALIVE_SECONDS, cancels=True)
    await runner.setup()
    await web.UnixSite(runner, address).start()
    service.start(_end_at_once)
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    facts = _Facts(service)
    link.on.update(
        {
            WAKE: service.projector.wake,
            BYE: service.projector.ends_in_order,
            BEAT: lambda: loop.call_soon_threadsafe(facts.beat),  # the loop answers: it has to be alive as well
            READINESS: lambda: loop.call_soon_threadsafe(facts.tell_readiness),
            b"": lambda: loop.call_soon_threadsafe(gone.set),
        }
    )
    if link.over:  # while the store was being opened
        gone.set()
    collect_rarely(PLANS)
    _tell({"open": True})
    await gone.wait()
    await runner.cleanup()


class _Facts:
    """What the server is told of this process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="readiness")
        self._looking = False
        self._memory = Returning()

    def beat(self) -> None:
        """Answer a heartbeat; every now and then memory is given back."""
        projector = self._service.projector
        _tell({"beat": projector.reached, "computing": round(projector.computing_seconds, 1)})
        self._memory.look()

    def tell_readiness(self) -> None:
        """Ask the store in a thread of its own, and tell what comes of it; once for all who ask meanwhile.

        Who asks after it was told gets an answer of its own: both are decided in the loop, one after the other.
        """
        if not self._looking:
            self._looking = True
            looked = asyncio.get_running_loop().run_in_executor(self._thread, self._look)
            looked.add_done_callback(self._tell_looked)

    def _tell_looked(self, looked: asyncio.Future[dict[str, Any]]) -> None:
        self._looking = False
        _tell({"readiness": looked.result()})

    def _look(self) -> dict[str, Any]:
        said: dict[str, Any]
        try:
            self._service.readiness()
            projector = self._service.projector
            said = {"checkpoint": projector.reached, "rebuilding": projector.rebuilding}
        except explained_errors() as error:
            said = {"error": str(error)}
        except Exception:  # the server must be answered
            log.exception("readiness cannot be told")
            said = {"error": "internal error, see the log"}
        return said


def _tell_progress(done: int, of: int) -> None:
    """How far the tables are that are worked out while the graph is opened."""
    _tell({"rebuilding": f"{done:,} of {of:,} entries"})


def _tell(said: dict[str, object]) -> None:
    """One line to the server, whole: several threads tell. If nobody reads, it was killed (`_Link.listen`)."""
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), json.dumps(said).encode() + b"\n")
    except BrokenPipeError:
        os._exit(_ORPHANED)
