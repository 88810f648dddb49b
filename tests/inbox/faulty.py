"""A proxy before S3 and SQS on loopback that loses requests and answers, as networks and busy services do."""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_PASSED_ON = ("content-length", "transfer-encoding", "connection")


@dataclass
class Faults:
    """What goes wrong, decided by a seed: shares of all requests. `script` goes before: a word for each next PUT."""

    refused: float = 0.0  #: 503, nothing was done
    lost: float = 0.0  #: it was done, and the answer is lost
    seed: int = 0
    script: list[str] = field(default_factory=list)  #: "refuse", "lose" or "pass"
    url: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    calls: list[tuple[str, str, str]] = field(default_factory=list)  #: method, path, X-Amz-Target
    asked: list[str] = field(default_factory=list)  #: paths for which the sender waited for 100 Continue

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def decide(self, method: str) -> str:
        """What becomes of the next request."""
        with self._lock:
            if self.script and method == "PUT":
                said = self.script.pop(0)
            else:
                drawn = self._random.random()
                said = "refuse" if drawn < self.refused else "lose" if drawn < self.refused + self.lost else "pass"
            self.counts[said] = self.counts.get(said, 0) + 1
            return said


def _handler(target: str, faults: Faults) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one class
    address = urlsplit(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            body = self._body()
            faults.calls.append((self.command, self.path, self.headers.get("X-Amz-Target", "")))
            if "Expect" in self.headers:
                faults.asked.append(self.path)
            said = faults.decide(self.command)
            if said == "refuse":
                self._send(503, [("Content-Type", "application/xml")], _BUSY)
                return
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _PASSED_ON}
            with closing(http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)) as connection:
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
            if said == "lose":
                self.close_connection = True
                self.connection.close()
                return
            self._send(answer.status, answer.getheaders(), content)

        do_GET = _forward  # noqa: N815 - the base class's names
        do_PUT = _forward  # noqa: N815
        do_POST = _forward  # noqa: N815
        do_HEAD = _forward  # noqa: N815
        do_DELETE = _forward  # noqa: N815

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response(status)
            length = next((v for k, v in headers if k.lower() == "content-length"), str(len(content)))
            for name, value in headers:
                if name.lower() not in (*_PASSED_ON, "server", "date"):
                    self.send_header(name, value)
            self.send_header("Content-Length", length if self.command == "HEAD" else str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is gone is no news here."""


@contextmanager
def faulty(target: str, faults: Faults) -> Iterator[Faults]:
    """The proxy, on a free port, as the URL of `faults`."""
    server = _Server(("127.0.0.1", 0), _handler(target, faults))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    faults.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
