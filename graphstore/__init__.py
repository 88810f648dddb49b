"""Where the graph lives. `open_store` is the door; `GraphStore` is what it gives, whatever lies behind the URL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from headwater.graphstore.errors import InvalidRequest
from headwater.graphstore.port import GraphStore

__all__ = ["GraphStore", "check_url", "open_store", "set_aside"]


def _embedded(url: str, readonly: bool) -> GraphStore:  # noqa: FBT001 - the table's one signature
    from headwater.graphstore.embedded.store import EmbeddedStore

    return EmbeddedStore(_path(url), readonly=readonly)


def _path(url: str) -> Path:
    return Path(url.partition(":")[2]).expanduser()


def _gremlin_server(url: str, readonly: bool) -> GraphStore:  # noqa: FBT001 - as above
    from headwater.graphstore.remote.gremlin_server import open_gremlin_server

    return open_gremlin_server(url, readonly=readonly)


def _neptune(url: str, readonly: bool) -> GraphStore:  # noqa: FBT001 - as above
    from headwater.graphstore.neptune.store import open_neptune

    return open_neptune(url, readonly=readonly)


#: By the scheme of a URL: what opens the whole of it.
_SCHEMES: dict[str, Callable[[str, bool], GraphStore]] = {
    "embedded": _embedded,
    "ws": _gremlin_server,
    "wss": _gremlin_server,
    "neptune": _neptune,
}
_EXPECTED = "expected embedded:PATH, ws://HOST:PORT/gremlin or neptune://HOST?region=REGION"


def open_store(url: str, *, readonly: bool = False) -> GraphStore:
    """Open the store at the URL.

    ``embedded:PATH`` is a folder on this machine, made where there is none; `InUse`: another process has it open,
    `Damaged`: with the store's own report. ``ws://`` and ``wss://`` are a Gremlin Server, ``neptune://`` is Amazon
    Neptune; nothing is sent to either before the first use. `readonly` makes nothing and refuses `apply`.
    `InvalidRequest`: the URL is none that is known.
    """
    check_url(url)
    return _SCHEMES[url.partition(":")[0]](url, readonly)


def check_url(url: str) -> None:
    """InvalidRequest: the URL is of no store that is known. Nothing is opened, and no engine loaded."""
    scheme, separator, address = url.partition(":")
    if not (separator and address and scheme in _SCHEMES):
        raise InvalidRequest(f"{url!r} is no store: {_EXPECTED}")


def set_aside(url: str) -> Path:
    """Move the store of an ``embedded:PATH`` that raised `Damaged` out of the way; returns its new place.

    `open_store` then makes an empty one, for the ledger to be replayed into.
    """
    from headwater.graphstore.embedded.store import set_aside as move

    return move(_path(url))
