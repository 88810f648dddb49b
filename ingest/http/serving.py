"""What both HTTP servers (the receiver, and the graph's process behind it) share: the runner, and answers to errors."""

from __future__ import annotations

import asyncio
import gzip
import logging
import signal
import socket
import ssl
import time
import traceback
import uuid
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from headwater.ingest.intake.body import InvalidBody
from headwater.spline_bridge.errors import shown
from headwater.spline_bridge.secret_patterns import clean_text

log = logging.getLogger(__name__)

_protocol_log = logging.getLogger(f"{__name__}.protocol")
"""What aiohttp itself says of connections, through `_without_what_was_sent`."""

_LOGGED_CHARACTERS = 8_000  #: of a stack trace, from its end: the last lines name the error
_LOGGED_PATH = 200  #: characters of a path in the log: the sender chooses the path, and must not fill the log
_WRITE_SECONDS = 30.0
_HANDSHAKE_SECONDS = 20.0  #: as long as a sender may take for the header of a request
_LONG_HEADER = 16_384  #: bytes of one header, as an AWS load balancer passes it on; aiohttp itself takes 8,190
_CLIENT_GONE = 499  #: as nginx has it; nobody reads it


async def alive(_: web.Request) -> web.StreamResponse:
    """``/health`` of a server that has no more to say than that it lives."""
    return web.json_response({"status": "ok"})


def stop_signal() -> asyncio.Event:
    """Set at SIGTERM and SIGINT; for the running loop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def make_runner(
    app: web.Application,
    *,
    keepalive_seconds: float = 75.0,
    lingering_seconds: float = 2.0,
    shutdown_seconds: float = 60.0,
    cancels: bool = False,
    people: bool = False,
) -> web.AppRunner:
    """A runner that does not unpack bodies (`intake.body` does, within limits) and closes idle connections.

    After `keepalive_seconds` without a complete request header a connection is closed. After a refusal the sender may
    go on sending for `lingering_seconds` before the connection is closed: a sender that reads only after it has sent
    everything would otherwise not get the answer. At a shutdown open requests have `shutdown_seconds` to finish.
    `cancels`: a handler is cancelled when its client is gone; for handlers that only answer. `people`: senders show
    JSON Web Tokens, whose list of groups can make them longer than any other header.
    """
    longest: dict[str, Any] = {"max_field_size": _LONG_HEADER} if people else {}
    return web.AppRunner(
        app,
        auto_decompress=False,
        keepalive_timeout=keepalive_seconds,
        lingering_time=lingering_seconds,
        access_log=None,
        logger=_protocol_log,
        shutdown_timeout=shutdown_seconds,
        handler_cancellation=cancels,
        **longest,
    )


def limit_writes(listening: socket.socket, seconds: float = _WRITE_SECONDS) -> None:
    """Close connections of a listening socket whose other side takes nothing of an answer for so long.

    Otherwise a few readers that never read hold all of their answers in memory. Left to the system (Linux), which
    knows whether anything was taken, however slowly; where it cannot do that, nothing is limited.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        listening.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))


def listen(host: str, port: int) -> socket.socket:
    """The socket, before anything else is opened: a port that is taken is said at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    limit_writes(listening)
    try:
        listening.bind((host.strip("[]"), port))
    except OSError:
        listening.close()
        raise
    return listening


def printable(text: str) -> str:
    """At most 80 characters for a line of the log or an answer, none of which moves a cursor or turns the writing."""
    return shown(text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text))


def _without_what_was_sent(record: logging.LogRecord) -> bool:
    """A filter. A malformed request is one line: aiohttp logs a stack trace with the header's text, tokens and all."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.levelno, record.levelname = logging.INFO, "INFO"
        peer = next(iter(record.args), None) if isinstance(record.args, tuple) else None
        record.msg = f"refused with {error.code} (malformed request, {type(error).__name__}): from {peer}"
        record.args = ()
        record.exc_info = record.exc_text = None
    elif record.exc_info:
        trace = "".join(traceback.format_exception(*record.exc_info))[-_LOGGED_CHARACTERS:]
        record.msg, record.args = clean_text(f"{record.getMessage()}\n{trace}")[0], ()
        record.exc_info = record.exc_text = None
    return True


_protocol_log.addFilter(_without_what_was_sent)


class LimitedSite(web.SockSite):
    """Listens on a socket, and keeps at most `most` connections: each further one is told 503 and closed at once.

    Without a limit, connections that nobody uses take the file descriptors that the ledger and the graph need.
    """

    __slots__ = ("_most",)

    def __init__(
        self, runner: web.AppRunner, listening: socket.socket, most: int, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(runner, listening, ssl_context=tls)
        self._most = most

    async def start(self) -> None:
        """Begin to listen."""
        await web.BaseSite.start(self)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._protocol,
            sock=self._sock,
            backlog=self._backlog,
            ssl=self._ssl_context,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS if self._ssl_context else None,
        )

    def _protocol(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        assert server is not None, "the runner was set up before"
        return server() if len(server.connections) < self._most else _Refusal()


class _Refusal(asyncio.Protocol):
    """The answer to a connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a socket's transport can be written to"
        transport.write(_TOO_MANY)
        transport.close()


_TOO_MANY_TEXT = b"too many connections: close some"
_TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_TOO_MANY_TEXT), _TOO_MANY_TEXT)
)


_BARE_HASH = "a # in a URL is written %23: what follows a bare one is no part of the question"


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns errors into answers. A refused body: one sentence, as text, or as JSON under /api.

    An error of the server itself: 500 with an error id, as Spline answers it. The stack trace is in the log with that
    id; the content of the request is not.
    """
    try:
        if request.rel_url.raw_fragment:  # few clients send it: most leave it out
            return _refusal(request, InvalidBody(400, _BARE_HASH))
        return await handler(request)
    except InvalidBody as refused:
        return _refusal(request, refused)
    except web.RequestPayloadError:  # raised by aiohttp's Python parser; with its C parser such a body times out
        return _refusal(request, InvalidBody(400, "the body's transfer encoding is broken", {"Connection": "close"}))
    except ConnectionError:  # aiohttp would log a stack trace
        path = clean_text(request.rel_url.raw_path[:_LOGGED_PATH])[0]
        log.info("the client hung up: %s %s from %s", request.method, path, request.remote)
        return web.Response(status=_CLIENT_GONE)
    except web.HTTPException:
        raise
    except Exception as error:  # noqa: BLE001 - the last place before aiohttp would answer without an id
        return _fault(request, error)


@web.middleware
async def pack_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers of text above 1 kB are sent gzipped to clients that take it: lineage as JSON shrinks to a twentieth."""
    response = await handler(request)
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    if len(response.body) < _PACKED_FROM or response.content_type not in _PACKED_TYPES:
        return response
    response.headers["Vary"] = "Accept-Encoding"
    if takes_gzip(request):
        response.body = await asyncio.to_thread(gzip.compress, response.body, _PACKED_LEVEL, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
    return response


def takes_gzip(request: web.BaseRequest) -> bool:
    """Whether the client says that it unpacks gzip."""
    return any(
        coding.strip().lower() in ("gzip", "x-gzip")
        for coding, _, weight in (part.partition(";") for part in request.headers.get("Accept-Encoding", "").split(","))
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    )


_PACKED_FROM = 1_024  #: bytes: below it the headers of a packed answer are a good part of what is gained
_PACKED_LEVEL = 5  #: half the time of the default level for two per cent more bytes
_PACKED_TYPES = frozenset({"application/json", "text/html", "text/csv", "text/markdown", "text/plain"})


def _refusal(request: web.Request, refused: InvalidBody) -> web.Response:
    """The answer, and a line in the log. The log has neither the sentence nor the query: they repeat what was sent."""
    path, phrase = clean_text(request.rel_url.raw_path[:_LOGGED_PATH])[0], HTTPStatus(refused.status).phrase
    log.info("refused with %d (%s): %s %s from %s", refused.status, phrase, request.method, path, request.remote)
    if request.path.startswith("/api/"):
        content: dict[str, object] = {"error": refused.sentence, "field": None, "suggestions": []}
        response = web.json_response(content, status=refused.status, headers=refused.headers)
    else:
        response = web.Response(text=refused.sentence, status=refused.status, headers=refused.headers)
    response.headers["X-Content-Type-Options"] = "nosniff"
    if refused.headers.get("Connection") == "close":
        response.force_close()
    return response


def _fault(request: web.Request, error: Exception) -> web.Response:
    error_id = str(uuid.uuid4())
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    log.error(
        "error %s at %s %s\n%s", error_id, request.method, request.path, clean_text(trace[-_LOGGED_CHARACTERS:])[0]
    )
    answer = {"errorId": error_id, "timestamp": time.time_ns() // 1_000_000, "message": "internal error, see the log"}
    return web.json_response(answer, status=500)
