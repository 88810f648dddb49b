"""The stores that every contract test runs on, by name; each is handed out empty.

`neptune-profile` is as near to Neptune as one gets without it: its default cardinality (set), string ids, no more
records in a request than its documentation advises, and every traversal sent as text that the strict grammar parses,
with no other script engine asked. What it has not: Neptune's transactions (one a request).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gremlin_python.process.traversal import Bytecode, Traverser

from headwater.graphstore import GraphStore, open_store
from headwater.graphstore.remote.channel import Channel, SingleClient
from headwater.graphstore.remote.gremlin_server import store_error
from headwater.graphstore.remote.requests import Budget
from headwater.graphstore.remote.store import Limits, RemoteStore
from tests.gremlin_server.server import Server
from tests.gremlin_server.text import text_of

EMBEDDED, GREMLIN_SERVER, NEPTUNE_PROFILE = "embedded", "gremlin-server", "neptune-profile"
STORES = (EMBEDDED, GREMLIN_SERVER, NEPTUNE_PROFILE)
NEPTUNE_LIMITS = Limits(Budget(records=200, bytes=1_000_000), dropped=200)

Ask = Callable[[], Server]  #: starts the server, if a store needs it


class StrictChannel(Channel):
    """Sends every traversal as text of the strict grammar."""

    def submit(self, request: Bytecode | str, options: Mapping[str, Any] | None = None) -> list[Any]:
        assert isinstance(request, Bytecode)
        found = super().submit(text_of(request), {**(options or {}), "language": "gremlin-lang"})
        return [Traverser(item) for item in found]


@contextmanager
def opened(name: str, place: Path, ask: Ask, number: int = 0) -> Iterator[GraphStore]:
    """An empty store of that name. `place` is a folder for it; two at once need different numbers."""
    with _open(name, place, ask, number) as store:
        if name != EMBEDDED:
            store.clear()
        yield store


def _open(name: str, place: Path, ask: Ask, number: int) -> GraphStore:
    if name == EMBEDDED:
        return open_store(f"embedded:{place / f'graph{number or str()}'}")
    if name == GREMLIN_SERVER:
        return open_store(ask().url("single", number))
    url, source = ask().url("set", number).split("?g=")
    channel = StrictChannel(url, lambda: SingleClient(url, source, answer_within=60), store_error, threads=4)
    return RemoteStore(channel, channel, NEPTUNE_LIMITS)
