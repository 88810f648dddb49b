"""What runs in the graph process: projector, store and the API over them, on a Unix socket that the server asks.

A process of its own, since Python computes on one core a process: in the server, every acknowledgement would wait for
the projector. The ledger is read here and never written.

The server (`graph_process`) signals by standard input: the first byte says that it holds the lock of the data folder, a
further one that entries came, the end of input that the server is gone. This process writes one line to standard
output: that all is open, or what went wrong.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from headwater.ingest.folder.service import Service
from headwater.ingest.gremlin import endpoint
from headwater.ingest.http import api
from headwater.ingest.http.auth import check_forwarded_requests
from headwater.ingest.http.error_table import explained_errors, transport_name
from headwater.ingest.http.serving import answer_errors, make_runner
from headwater.ingest.process.graph_process import TAKE_OVER

#: Seconds after which Python switches between the threads that project and answer; its default would be 5 ms.
_SWITCH_SECONDS = 0.001
_KEEPALIVE_SECONDS = 86_400.0  #: only the server closes its connections: a question on its way would be lost
_READ = 4_096


def main(arguments: Sequence[str]) -> int:
    """Serve until standard input ends; the exit code.

    Arguments: folder, store (empty: the folder's own), socket, and perhaps `graph_process.TAKE_OVER`.
    """
    folder, store, address, *words = arguments
    for number in (signal.SIGINT, signal.SIGTERM):  # the server is told, drains, and then ends this process
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("gremlinpython").setLevel(logging.WARNING)
    sys.setswitchinterval(_SWITCH_SECONDS)
    if not os.read(sys.stdin.fileno(), _READ):
        return 0
    try:
        service = Service.open(Path(folder), store or None, follows=True, take_over=TAKE_OVER in words)
    except explained_errors() as error:
        _tell({"error": transport_name(type(error)), "text": str(error)})
        return 1
    with service:
        asyncio.run(_run(service, address))
    return 0


async def _run(service: Service, address: str) -> None:
    app = web.Application(middlewares=[answer_errors, check_forwarded_requests()])
    endpoint.add_routes(app, service.store)
    api.add_routes(app, service)
    runner = make_runner(app, keepalive_seconds=_KEEPALIVE_SECONDS)
    await runner.setup()
    await web.UnixSite(runner, address).start()
    service.start()
    gone = asyncio.Event()
    threading.Thread(target=_listen, args=(service, asyncio.get_running_loop(), gone), daemon=True).start()
    _tell({"ready": True})
    await gone.wait()
    await runner.cleanup()


def _listen(service: Service, loop: asyncio.AbstractEventLoop, gone: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), _READ):
        service.projector.wake()
    loop.call_soon_threadsafe(gone.set)


def _tell(said: dict[str, object]) -> None:
    print(json.dumps(said), flush=True)  # noqa: T201 - the one line that the server reads
