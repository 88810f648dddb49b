"""One endpoint that speaks Gremlin over a WebSocket, through gremlinpython's own driver, for many threads.

Each of the channel's threads has one connection, opened with its first request. The driver never repairs a broken
connection, so it is thrown away; a request that finds it broken is sent once more over a fresh one, which is safe: a
question changes nothing, and `graphstore.remote.requests` can be sent again. What fails on a fresh one is
`TransientError`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import aiohttp
from gremlin_python.driver.aiohttp.transport import AiohttpTransport
from gremlin_python.driver.client import Client
from gremlin_python.driver.protocol import ConfigurationError, GremlinServerError
from gremlin_python.process.traversal import Bytecode

from headwater.graphstore.errors import InvalidRequest, PermanentError, StoreError, TransientError
from headwater.graphstore.remote.graphbinary import serializer

log = logging.getLogger(__name__)
#: The driver logs a failed request with all its data, beside raising it.
logging.getLogger("gremlinpython").addFilter(lambda record: record.levelno < logging.ERROR)

_NO_LIMIT = 0
CONNECT_SECONDS = 10.0  #: until a server that does not answer counts as away
_CUT_OFF = "Server disconnected"  #: how the driver tells of an end in the middle, as an error of the server
#: Answers to the handshake that no waiting changes.
_REFUSALS = (400, 401, 403, 404, 405)

Connect = Callable[[], "SingleClient"]
TranslateError = Callable[[GremlinServerError], StoreError]  #: from the server's error to one of the port


class WrongInstance(TransientError):
    """The connection leads to an instance that no longer takes such requests: a new connection leads to another one."""


class ConnectionLost(TransientError):
    """The connection broke before the answer came, and a new one did too. The request may be too large."""


class Transport(AiohttpTransport):  # type: ignore[misc]  # gremlinpython ships no types
    """The driver's own, which gives up connecting after a while. Raises TimeoutError then."""

    def connect(self, url: str, headers: Any = None) -> None:
        """Connect, or raise what aiohttp raises."""
        timer = self._loop.call_later(CONNECT_SECONDS, self._give_up)
        try:
            super().connect(url, headers)
        except asyncio.CancelledError:
            raise TimeoutError(f"no connection after {CONNECT_SECONDS:g} s") from None
        finally:
            timer.cancel()

    def close(self) -> None:
        """Close the connection and its event loop, however broken the connection is."""
        with suppress(Exception):
            super().close()
        self._loop.close()

    def _give_up(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()


class SingleClient(Client):  # type: ignore[misc]  # as above
    """The driver's client with one connection, opened by the first request.

    `transport` connects in another way; `answer_within` is the seconds without an answer after which the connection
    counts as dead; `options` are the driver's own.
    """

    def __init__(
        self,
        url: str,
        traversal_source: str = "g",
        *,
        transport: Callable[..., Transport] = Transport,
        answer_within: float,
        **options: Any,
    ) -> None:
        self._transports: list[Transport] = []

        def connecting() -> Transport:
            made = transport(read_timeout=answer_within, write_timeout=answer_within, max_content_length=_NO_LIMIT)
            self._transports.append(made)
            return made

        super().__init__(
            url,
            traversal_source,
            pool_size=1,
            transport_factory=connecting,
            message_serializer=serializer(),
            max_content_length=_NO_LIMIT,
            **options,
        )

    def close(self) -> None:
        """Close the connection, also one that the driver lost sight of, as it does when connecting or writing fails."""
        with suppress(Exception):  # it may be broken already, in any way
            super().close()
        for transport in self._transports:
            transport.close()
        self._transports.clear()


class Channel:
    """Requests to one endpoint; `threads` is the most connections that it has. `name` is the endpoint for people.

    Threads of its own also keep the driver's event loops apart from one that runs in the caller's (a notebook's).
    """

    def __init__(self, name: str, connect: Connect, translate_error: TranslateError, *, threads: int) -> None:
        self.name = name
        self._connect = connect
        self._translate_error = translate_error
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="gremlin")
        self._mine = threading.local()
        self._open: set[SingleClient] = set()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def submit(self, request: Bytecode | str, options: Mapping[str, Any] | None = None) -> list[Any]:
        """What the server answers: traversers to bytecode, plain values to a text. `options` are the request's.

        TransientError: the server cannot be reached; ConnectionLost: it hung up; InvalidRequest: it does not let us in;
        and what `translate_error` makes of its errors.
        """
        if self._closed:
            raise PermanentError("the store is closed")
        return self._threads.submit(self._send, request, dict(options or {})).result()

    def close(self) -> None:
        """Wait for what is asked just now, and close the connections. Closing twice is no error."""
        self._closed = True
        self._threads.shutdown()
        with ThreadPoolExecutor(1) as closing:
            for client in list(self._open):
                closing.submit(self._drop, client)

    def _send(self, request: Bytecode | str, options: dict[str, Any]) -> list[Any]:
        """Over this thread's connection; if that proves broken, once more over a fresh one."""
        client = getattr(self._mine, "client", None)
        if client in self._open:
            try:
                return self._ask(client, request, options)
            except TransientError as error:
                if client in self._open:
                    raise
                log.info("a connection to %s is replaced: %s", self.name, error)
        self._mine.client = self._connect()
        self._open.add(self._mine.client)
        return self._ask(self._mine.client, request, options)

    def _ask(self, client: SingleClient, request: Bytecode | str, options: dict[str, Any]) -> list[Any]:
        try:
            found: list[Any] = client.submit(request, request_options=options).all().result()
        except GremlinServerError as error:
            meant = ConnectionLost(f"{self.name} hung up") if _CUT_OFF in str(error) else self._translate_error(error)
            if isinstance(meant, (ConnectionLost, WrongInstance)):
                self._drop(client)
            raise meant from error
        except ConfigurationError as error:  # it asks who we are, and nothing says so
            self._drop(client)
            raise InvalidRequest(f"{self.name} asks for a user and a password") from error
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"a text cannot be sent: {error.reason}") from error
        except Exception as error:
            self._drop(client)
            raise self._connection_error(error) from error
        else:
            return found

    def _connection_error(self, error: Exception) -> StoreError:
        """The port's error for an exception of the driver, which raises those of its libraries and bare ones."""
        if isinstance(error, StoreError):  # of a transport that knows
            return error
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, aiohttp.WSServerHandshakeError):
            kind = InvalidRequest if error.status in _REFUSALS else TransientError
            return kind(f"{self.name} answers the handshake with HTTP {error.status}")
        if "403 - Forbidden" in said:
            return InvalidRequest(f"{self.name} answers the handshake with HTTP 403")
        if isinstance(error, aiohttp.ClientConnectorError):
            return TransientError(f"{self.name} cannot be reached: {error.os_error.strerror or error.os_error}")
        if isinstance(error, (TimeoutError, asyncio.TimeoutError)):  # two classes before 3.11
            return TransientError(f"{self.name} did not answer in time")
        return ConnectionLost(f"the connection to {self.name} broke: {said}")

    def _drop(self, client: SingleClient) -> None:
        self._open.discard(client)
        client.close()
