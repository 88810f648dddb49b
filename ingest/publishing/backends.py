"""Where events go: a file of JSON lines, or any backend that takes OpenLineage over HTTP. Each promises the same.

Here: `Backend`, the promise; `FileBackend`, `HttpBackend`. Not here: what is sent (`publisher`), DataZone (`datazone`).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson

from headwater.backoff import Backoff
from headwater.graphstore.errors import Denied, TransientError
from headwater.ingest.graph.following import CannotFollow

_PATH = "/api/v1/lineage"  #: of OpenLineage's HTTP transport, where the URL has none
_CONNECTIONS = 8  #: runs that are sent at a time; the events of one run follow each other
_SECONDS = 30.0  #: a backend that takes longer for one event cannot do it now
_ATTEMPTS = 6  #: of one event, for about six seconds, before the whole batch waits longer
#: Statuses that say: not now. Marquez answers 500 while its database is away.
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_DENIED = frozenset({401, 403})
_NOWHERE = frozenset({404, 405})
_QUOTED = 500  #: characters of a backend's answer that are kept as the reason of a refusal


@dataclass(frozen=True)
class Sending:
    """The events of one run, in order; `key` tells them from others, for messages."""

    key: str
    events: tuple[Mapping[str, Any], ...]


class Backend(Protocol):
    """A place that takes events. Used from one thread."""

    @property
    def place(self) -> str:
        """What it is, for messages: without secrets."""

    def send(self, sendings: Sequence[Sending]) -> dict[str, str]:
        """Send all of them; the reason of each that it will never take, by key.

        The events of one sending come in order, sendings in any order. On return all others are taken, as durable as
        the backend makes them. May send an event twice. TransientError: it cannot now; Denied; CannotFollow.
        """

    def close(self) -> None:
        """Let go of it."""


def line(event: Mapping[str, Any]) -> bytes:
    """An event as one line of JSON."""
    return orjson.dumps(event)


class FileBackend:
    """Appends to a file, one event a line; ``-`` is standard output. What a crash left of a line is taken away.

    A file whose last line has no end and is not the beginning of an event is somebody else's, and is not touched.
    """

    def __init__(self, path: str) -> None:
        """CannotFollow: the file cannot be opened."""
        self.place = "standard output" if path == "-" else path
        self._file: BinaryIO = sys.stdout.buffer if path == "-" else _opened(Path(path))

    def send(self, sendings: Sequence[Sending]) -> dict[str, str]:
        """TransientError: the disk is full, or the like."""
        try:
            self._file.writelines(line(event) + b"\n" for one in sendings for event in one.events)
            self._file.flush()
            if self._file is not sys.stdout.buffer:
                os.fsync(self._file.fileno())
        except BrokenPipeError:
            raise
        except OSError as error:
            raise TransientError(f"{self.place} cannot be written: {error.strerror or error}") from error
        return {}

    def close(self) -> None:
        """Close the file."""
        if self._file is not sys.stdout.buffer:
            self._file.close()


def _opened(path: Path) -> BinaryIO:
    try:
        file = path.open("a+b")
    except OSError as error:
        raise CannotFollow(f"{path} cannot be written: {error.strerror or error}") from error
    whole = file.seek(0, os.SEEK_END)
    while whole:  # back to the end of the last whole line
        begin = max(0, whole - 2**16)
        file.seek(begin)
        end = file.read(whole - begin).rfind(b"\n")
        if end >= 0:
            whole = begin + end + 1
            break
        whole = begin
    file.seek(whole)
    rest = file.read()
    if _is_json(rest):  # a whole event, or what somebody else wrote: nothing of it is taken away
        file.write(b"\n")
    elif rest and not rest.startswith(b"{"):
        file.close()
        raise CannotFollow(f"{path} is no file of events: what its last line has is not the beginning of one")
    else:
        file.truncate(whole)
    return file


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def endpoint(url: str) -> str:
    """Where events are posted: the URL itself, or where it names a host alone, OpenLineage's usual path on it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=_PATH)) if parts.path in ("", "/") else url


def _proxy(url: str) -> str | None:
    """The proxy of the environment for a URL. Asked once: aiohttp's own way asks in a thread for each request."""
    address = urlsplit(url)
    return None if proxy_bypass(address.netloc.rpartition("@")[2]) else getproxies().get(address.scheme)


class HttpBackend:
    """Posts each event, as OpenLineage's own clients do, over a few connections that stay open.

    An event that the backend cannot take now is tried again here for some seconds (`backoff`); an answer from 400 to
    499 that is no matter of time or of permission refuses the event for ever.
    """

    def __init__(self, url: str, token: str | None = None, backoff: Backoff | None = None) -> None:
        """`token` is sent as ``Authorization: Bearer``. The environment's proxies are used, and no others."""
        self._url = endpoint(url)
        address = urlsplit(self._url)
        self.place = urlunsplit(address._replace(netloc=address.netloc.rpartition("@")[2], query="", fragment=""))
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        self._backoff = backoff or Backoff(attempts=_ATTEMPTS, first=0.2, longest=5.0)
        self._loop = asyncio.new_event_loop()
        self._session: aiohttp.ClientSession | None = None

    def send(self, sendings: Sequence[Sending]) -> dict[str, str]:
        """As `Backend.send`."""
        return self._loop.run_until_complete(self._send(sendings))

    def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            self._loop.run_until_complete(self._session.close())
        self._loop.close()

    async def _send(self, sendings: Sequence[Sending]) -> dict[str, str]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
                proxy=_proxy(self._url),
                headers=self._headers,
            )
        refused: dict[str, str] = {}
        waiting = iter(sendings)
        lanes = [asyncio.create_task(self._lane(self._session, waiting, refused)) for _ in range(_CONNECTIONS)]
        try:
            await asyncio.gather(*lanes)
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
        return refused

    async def _lane(self, session: aiohttp.ClientSession, waiting: Iterable[Sending], refused: dict[str, str]) -> None:
        for one in waiting:
            for event in one.events:
                reason = await self._deliver(session, line(event))
                if reason is not None:
                    refused[one.key] = reason
                    break  # the end of a run whose beginning was refused says nothing

    async def _deliver(self, session: aiohttp.ClientSession, body: bytes) -> str | None:
        """None: it is taken; else why it never will be."""
        failures = 0
        while True:
            try:
                async with session.post(self._url, data=body, allow_redirects=False) as answer:
                    if answer.status < 300:  # noqa: PLR2004 - success
                        await answer.read()
                        return None
                    said = (await answer.text(errors="replace"))[:_QUOTED].strip()
                    later = self._not_taken(answer.status, said)
                    if later is None:
                        return f"HTTP {answer.status}: {said}" if said else f"HTTP {answer.status}"
            except (aiohttp.InvalidURL, UnicodeError):  # its text is the URL, with the password in it
                raise CannotFollow(f"{self.place} is no URL to which something can be sent") from None
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                later = TransientError(f"{self.place} cannot be reached: {str(error) or type(error).__name__}")
            if self._backoff.is_last(failures):
                raise later
            await asyncio.sleep(self._backoff.seconds(failures))
            failures += 1

    def _not_taken(self, status: int, said: str) -> TransientError | None:
        """The error of an answer that may be another one later; None: it is about the event. Denied, CannotFollow."""
        if status in _LATER:
            return TransientError(f"{self.place} answered {status}: {said}")
        if status in _DENIED:
            raise Denied(f"{self.place} answered {status}: {said or 'no permission'}")
        if status in _NOWHERE or 300 <= status < 400:  # noqa: PLR2004 - redirections: a POST is not sent elsewhere
            raise CannotFollow(f"{self.place} takes no OpenLineage events: it answered {status}")
        return None
