"""Opening a connection to Neptune: over TLS, signed at that moment; and the port's error if it cannot be opened."""

from __future__ import annotations

import asyncio
import ssl
import time
from asyncio.trsock import TransportSocket
from collections.abc import Callable, Mapping
from contextlib import suppress
from math import inf
from socket import SHUT_RDWR
from typing import Any

import aiohttp

from headwater.graphstore.errors import Denied, InvalidRequest, StoreError, TransientError
from headwater.graphstore.neptune.signing import Signer
from headwater.graphstore.remote import channel

_DENIED = frozenset({401, 403})
_GOOD_BYE = 1.0  #: seconds in which the other end may say good-bye
_TURNS = 5  #: of the event loop, until a socket that was shut down is closed


def trust(ca: str | None) -> ssl.SSLContext:
    """TLS with the machine's certificates, or with those of a file. Raises `InvalidRequest`: it has none."""
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise InvalidRequest(
            f"neptune: ca: no certificates could be read from {ca}: {error.strerror or error}"
        ) from error


class Transport(channel.Transport):
    """The driver's WebSocket, opened with a fresh signature; `signer` is None where the cluster has no IAM."""

    def __init__(
        self,
        signer: Signer | None,
        *,
        idle: float = inf,
        life: float = inf,
        clock: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        """`idle` and `life` in seconds: see `write`. The other `options` are the driver's."""
        super().__init__(timeout=aiohttp.ClientWSTimeout(ws_close=_GOOD_BYE), **options)
        self._signer = signer
        self._idle = idle
        self._life = life
        self._clock = clock
        self._opened = self._used = clock()
        self._socket: TransportSocket | None = None

    def connect(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        """Open it. Raises `Denied` if signature or certificate are not accepted, else `TransientError`."""
        signed = self._signer.headers(url) if self._signer else {}
        try:
            super().connect(url, {**(headers or {}), **signed})
        except Exception as error:  # the driver makes a plain Exception of what aiohttp says
            self.close()
            translated = _store_error(error)
            if self._signer and isinstance(translated, Denied):
                self._signer.forget()
            raise translated from error
        self._socket = self._websocket.get_extra_info("socket")

    def write(self, message: bytes) -> None:
        """Send. Raises ConnectionResetError, with nothing sent, where the server has closed it by now or soon will."""
        now = self._clock()
        if now - self._used > self._idle or now - self._opened > self._life:
            raise ConnectionResetError("it was open, or not used, for too long")
        self._used = now
        super().write(message)

    def close(self) -> None:
        """Close it, the socket too: a TLS connection would wait for the other end, and the driver ends its loop."""
        if not self._loop.is_closed():
            with suppress(Exception):  # it may be broken already, in any way
                self._loop.run_until_complete(self._end())
        super().close()

    async def _end(self) -> None:
        if self._websocket is not None:
            await self._websocket.close()
        if self._client_session is not None:
            await self._client_session.close()
        if self._socket is not None:
            with suppress(OSError):  # closed by now
                self._socket.shutdown(SHUT_RDWR)
        for _ in range(_TURNS):
            await asyncio.sleep(0)


def _store_error(error: Exception) -> StoreError:
    cause = error.__context__ if isinstance(error.__context__, aiohttp.ClientResponseError) else error
    if isinstance(cause, aiohttp.ClientResponseError):
        if cause.status in _DENIED:
            return Denied(f"neptune: the cluster does not let us in (HTTP {cause.status}): see the IAM policy")
        return TransientError(f"neptune: the cluster does not open a connection (HTTP {cause.status})")
    if isinstance(cause, (ssl.SSLCertVerificationError, aiohttp.ClientConnectorCertificateError)):
        return Denied("neptune: the cluster's certificate is not trusted; ca=FILE in the URL names others to trust")
    return TransientError(f"neptune: the cluster cannot be reached: {type(cause).__name__}")
