"""The open WebSockets of an application, and closing them even if the other side does not read."""

from __future__ import annotations

import asyncio

from aiohttp import web

#: Seconds to send a close frame: if the client does not read, it cannot be sent, and the connection is cut.
_CLOSE_SECONDS = 2.0


class Sockets:
    """The open WebSockets of one application."""

    def __init__(self) -> None:
        self._open: dict[web.WebSocketResponse, asyncio.Transport | None] = {}

    def __len__(self) -> int:
        return len(self._open)

    async def accept(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        """Answer the handshake and remember the socket; the caller calls `discard` when it has ended."""
        await socket.prepare(request)
        self._open[socket] = request.transport

    def discard(self, socket: web.WebSocketResponse) -> None:
        """Forget a socket that has ended, or whose handler has ended."""
        self._open.pop(socket, None)

    async def end(self, socket: web.WebSocketResponse, code: int) -> None:
        """Close a socket with a close code; cut the connection if that cannot be sent. Closing twice is no error."""
        try:
            await asyncio.wait_for(socket.close(code=code), _CLOSE_SECONDS)
        except asyncio.TimeoutError:
            transport = self._open.get(socket)
            if transport is not None:
                transport.abort()

    async def end_all(self, code: int) -> None:
        """Close all sockets at the same time, so that one that does not read does not delay the others."""
        await asyncio.gather(*(self.end(socket, code) for socket in list(self._open)))
