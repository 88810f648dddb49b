"""Where the graph lives. `open_store` is the door; `GraphStore` is what it gives, whatever lies behind the URL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from graphstore.errors import Refused
from graphstore.port import GraphStore

__all__ = ["GraphStore", "open_store", "set_aside"]


def _embedded(address: str, readonly: bool) -> GraphStore:  # noqa: FBT001 - the table's one signature
    from graphstore.embedded import EmbeddedStore

    return EmbeddedStore(Path(address).expanduser(), readonly=readonly)


_SCHEMES: dict[str, Callable[[str, bool], GraphStore]] = {"embedded": _embedded}
_LATER = ("ws", "wss", "neptune")


def open_store(url: str, *, readonly: bool = False) -> GraphStore:
    """Open the store at the URL: ``embedded:PATH`` is a folder on this machine, made where there is none.

    `readonly` makes nothing and refuses `apply`. Raises `InUse` where another process has it open, `Damaged` with
    the store's own report, `Refused` for a URL of no known scheme.
    """
    scheme, separator, address = url.partition(":")
    if separator and address and scheme in _SCHEMES:
        return _SCHEMES[scheme](address, readonly)
    if scheme in _LATER:
        raise Refused(f"{scheme}: stores come in a later release; use embedded:PATH")
    raise Refused(f"{url!r} is no store: expected embedded:PATH")


def set_aside(url: str) -> Path:
    """Move the store of an ``embedded:PATH`` that raised `Damaged` out of the way; returns its new place.

    `open_store` then makes an empty one, for the ledger to be replayed into.
    """
    from graphstore.embedded import set_aside as move

    return move(Path(url.partition(":")[2]).expanduser())
