"""Ports of loopback for programs that cannot choose one themselves and say which."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

_LOWEST, _TRIES = 10_000, 1_000


def free_port() -> int:
    """A port that nobody listens on, and that is still free when the program has started, seconds later.

    The system gives others, which ask for any port or open a connection, those of its own range alone: this is below
    it. Drawn by `secrets`: pytest-randomly gives all processes of a run the same `random`.
    """
    for _ in range(_TRIES):
        port = _LOWEST + secrets.randbelow(_beginning_of_the_systems_range() - _LOWEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port of loopback is free")


def _beginning_of_the_systems_range() -> int:
    """Of Linux it can be asked, and lowered; elsewhere it is at least this."""
    try:
        said = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    except OSError:
        return 32_768
    return max(int(said.split()[0]), _LOWEST + _TRIES)
