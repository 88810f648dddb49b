"""A strict OpenLineage backend on loopback: what it takes is checked as the specification demands, and kept."""

from __future__ import annotations

import gzip
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).parents[1] / "openlineage_schema.json").read_text("utf-8"))
_VALIDATOR = Draft202012Validator(SCHEMA)


def faults(event: Any) -> list[str]:
    """What is wrong with an event; empty for a valid one."""
    found = [f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in _VALIDATOR.iter_errors(event)]
    if found:
        return found
    try:
        uuid.UUID(event["run"]["runId"])
        at = datetime.fromisoformat(event["eventTime"].replace("Z", "+00:00"))
    except ValueError as error:
        return [str(error)]
    return [] if at.tzinfo else ["eventTime has no zone"]


@dataclass
class Backend:
    """What came. `answer` may refuse: it takes the number of the request and the event, and gives a status or None."""

    url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    requests: int = 0
    authorization: set[str | None] = field(default_factory=set)
    answer: Callable[[int, dict[str, Any]], int | None] = lambda _number, _event: None
    strict: bool = True  #: False: whatever is JSON is taken, as other producers have facets of their own
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, path: str, headers: Any, body: bytes) -> tuple[int, str]:
        """The status and text for one request."""
        with self.lock:
            self.requests += 1
            number = self.requests
            self.authorization.add(headers.get("Authorization"))
        if urlsplit(path).path != "/api/v1/lineage":
            return 404, "no such path"
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        event = json.loads(body)
        status = self.answer(number, event)
        if status is not None:
            return status, "as the test says"
        wrong = faults(event) if self.strict else []
        with self.lock:
            if wrong:
                self.problems += wrong
                return 400, wrong[0]
            self.events.append(event)
        return 201, ""


@contextmanager
def backend() -> Iterator[Backend]:
    """One that runs."""
    kept = Backend()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, text = kept.take(self.path, self.headers, body)
            said = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    server = Server(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
