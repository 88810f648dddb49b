"""Other people's servers, on loopback: each request is answered as the script says, or never."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """What came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The JSON, unpacked."""
        packed = self.headers.get("content-encoding") == "gzip"
        return json.loads(gzip.decompress(self.body) if packed else self.body)


@dataclass(frozen=True)
class Reply:
    """What goes back; without a status nothing does, until the server ends."""

    status: int | None = 201
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


#: A Spline server of today.
STATUS = Reply(200, tuple(("ABSA-Spline-API-Version", version) for version in ("1.2", "1.1", "1")))


@dataclass
class SplineServer:
    """A server on loopback. `answer` decides by the request; `requests` are those that came."""

    answer: Callable[[Request], Reply]
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def paths(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]

    def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.answer(request)


def usual(request: Request) -> Reply:
    """What a Spline server answers."""
    return STATUS if request.method == "HEAD" else Reply()


@contextmanager
def spline_server(
    answer: Callable[[Request], Reply] = usual, tls: ssl.SSLContext | None = None
) -> Iterator[SplineServer]:
    """A server until the end of the block."""
    server = SplineServer(answer)

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.reply(Request(self.command, self.path, headers, body))
            if reply.status is None:
                server.ended.wait()
                return
            self.send_response(reply.status)
            for name, value in (*reply.headers, ("Content-Length", str(len(reply.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_HEAD = do_GET = do_POST = do_PUT = _any  # noqa: N815 - http.server's names

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        if tls is not None:
            listening.socket = tls.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
        server.url = f"http{'s' if tls else ''}://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            listening.shutdown()
            thread.join()
