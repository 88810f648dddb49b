"""The open WebSockets of an application, which of them nobody uses, and closing them even if nobody reads there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import WSCloseCode, web

#: Seconds to send a close frame: if the client does not read, it cannot be sent, and the connection is cut.
_CLOSE_SECONDS = 2.0


@dataclass
class _Use:
    """What a socket is used for: requests that are worked on, whether there ever was one, and since when there is none.

    `since` is in seconds of the event loop's clock.
    """

    transport: asyncio.Transport | None
    since: float
    asked: bool = False
    under_way: int = 0


class Sockets:
    """The open WebSockets of one application."""

    def __init__(self) -> None:
        self._open: dict[web.WebSocketResponse, _Use] = {}
        self._closing = set[asyncio.Task[None]]()

    def __len__(self) -> int:
        return len(self._open)

    async def accept(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        """Answer the handshake and remember the socket; the caller calls `discard` when it has ended."""
        await socket.prepare(request)
        self._open[socket] = _Use(request.transport, _now())

    def begin(self, socket: web.WebSocketResponse) -> None:
        """A request of the socket is worked on."""
        if use := self._open.get(socket):
            use.asked = True
            use.under_way += 1

    def done(self, socket: web.WebSocketResponse) -> None:
        """A request of the socket was answered, or given up."""
        if use := self._open.get(socket):
            use.under_way -= 1
            use.since = _now()

    def make_room(self, idle_seconds: float) -> bool:
        """Close one that waits for nothing since then, if there is one: one that never asked before all others.

        Of several the one that is silent for longest. Its place is free at once; it is told goodbye beside that.
        """
        until = _now() - idle_seconds
        idle = [
            (use.asked, use.since, socket)
            for socket, use in self._open.items()
            if not use.under_way and use.since <= until
        ]
        if not idle:
            return False
        socket = min(idle, key=lambda one: one[:2])[2]
        closing = asyncio.ensure_future(_end(socket, self._open.pop(socket).transport, WSCloseCode.GOING_AWAY))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        return True

    def discard(self, socket: web.WebSocketResponse) -> None:
        """Forget a socket that has ended, or whose handler has ended."""
        self._open.pop(socket, None)

    async def end(self, socket: web.WebSocketResponse, code: int) -> None:
        """Close a socket with a close code; cut the connection if that cannot be sent. Closing twice is no error."""
        use = self._open.get(socket)
        await _end(socket, None if use is None else use.transport, code)

    async def end_all(self, code: int) -> None:
        """Close all sockets at the same time, so that one that does not read does not delay the others."""
        await asyncio.gather(*(self.end(socket, code) for socket in list(self._open)), *self._closing)


async def _end(socket: web.WebSocketResponse, transport: asyncio.Transport | None, code: int) -> None:
    try:
        await asyncio.wait_for(socket.close(code=code), _CLOSE_SECONDS)
    except asyncio.TimeoutError:
        if transport is not None:
            transport.abort()


def _now() -> float:
    return asyncio.get_running_loop().time()
