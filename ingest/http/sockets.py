"""The open WebSockets of an application, and how they are closed even if the other side does not read."""

from __future__ import annotations

import asyncio

from aiohttp import web

#: Seconds for a close frame to leave: a client that does not read holds it up.
_CLOSE_SECONDS = 2.0


class Sockets:
    """The open WebSockets of one application."""

    def __init__(self) -> None:
        self._open: dict[web.WebSocketResponse, asyncio.Transport | None] = {}

    def __len__(self) -> int:
        return len(self._open)

    async def accept(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        """Answer the handshake; `discard` it in the end."""
        await socket.prepare(request)
        self._open[socket] = request.transport

    def discard(self, socket: web.WebSocketResponse) -> None:
        """It has ended, or its handler has."""
        self._open.pop(socket, None)

    async def end(self, socket: web.WebSocketResponse, code: int) -> None:
        """Say why, and close; the connection is cut if that cannot be said. Ending twice is no error."""
        try:
            await asyncio.wait_for(socket.close(code=code), _CLOSE_SECONDS)
        except asyncio.TimeoutError:
            transport = self._open.get(socket)
            if transport is not None:
                transport.abort()

    async def end_all(self, code: int) -> None:
        """Side by side: one that does not read does not hold up the others."""
        await asyncio.gather(*(self.end(socket, code) for socket in list(self._open)))
