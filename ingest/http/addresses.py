"""The addresses of a server: which are this machine's own, and the URLs by which it and others reach one."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

_ANY = frozenset({"", "0.0.0.0", "::", "[::]"})  # noqa: S104 - named in order to be treated with care


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_any_address(host: str) -> bool:
    """Whether a server that listens on `host` is reached by every address of this machine."""
    return host in _ANY


def url_of(listening: socket.socket, scheme: str = "http", host: str | None = None) -> str:
    """The URL by which programs of this machine reach a socket; `host` is what it was told to listen on."""
    bound, port = listening.getsockname()[:2]
    name = bound if host is None else host
    return _url("127.0.0.1" if is_any_address(name) else name, port, scheme)


def url_elsewhere(url: str, host: str, known_as: Sequence[str] = (), own_name: str | None = None) -> str | None:
    """The URL by which other machines reach a server that listens on every address; None where it listens on one.

    `url` is what `url_of` said, `known_as` are the names that requests may use, `own_name` is what this machine calls
    itself (None: asked of the system). Nobody else is asked: a look-up of names is traffic, and can take seconds. So it
    is not known whether others find the machine by that name.
    """
    if not is_any_address(host):
        return None
    own = socket.gethostname() if own_name is None else own_name
    names = [name for name in (*known_as, own) if name and not is_loopback(name)]
    parts = urlsplit(url)
    return _url(names[0] if names else "HOST", parts.port or 0, parts.scheme)


def _url(host: str, port: int, scheme: str) -> str:
    name = host.strip("[]")
    return f"{scheme}://[{name}]:{port}" if ":" in name else f"{scheme}://{name}:{port}"
