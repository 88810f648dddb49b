"""A door in front of a server on loopback: opened, shut, or one that shuts after so many bytes."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Relay:
    """Passes bytes on to a port, on a port of its own that stays the same. Shut at first. A context manager."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._door: socket.socket | None = None
        self._accepting: threading.Thread | None = None
        self._ends: list[socket.socket] = []
        self._most: int | None = None
        # Bound and never listened on: nobody else gets the port, and who connects to a door that is shut is refused.
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._place.bind(("127.0.0.1", 0))
        self.port = int(self._place.getsockname()[1])

    def open(self, most: int | None = None) -> None:
        """Let connections through; each is cut when its client has sent more than `most` bytes."""
        self._most = most
        self._door = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        self._accepting = threading.Thread(target=self._accept, args=(self._door,), daemon=True)
        self._accepting.start()

    def shut(self) -> None:
        """Cut all connections, and take no more."""
        door, self._door = self._door, None
        if door is not None and self._accepting is not None:
            _closed(door)
            self._accepting.join(5)  # it takes in nobody any more
        ends, self._ends = self._ends, []
        for end in ends:
            _closed(end)

    def __enter__(self) -> Relay:  # noqa: PYI034 - Self is 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()
        self._place.close()

    def _accept(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = door.accept()
                self._ends.append(client)
                server = socket.create_connection(("127.0.0.1", self._target))
                self._ends.append(server)
                for ends, most in (((client, server), self._most), ((server, client), None)):
                    threading.Thread(target=self._pass, args=(*ends, most), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, most: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(65_536):
                passed += len(data)
                if most is not None and passed > most:
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _closed(end: socket.socket) -> None:
    """Closed, and whoever waits at it in another thread is woken."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
