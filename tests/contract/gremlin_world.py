"""The Gremlin endpoint over a real store, on a free port, in a thread of its own: gremlinpython's client blocks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from aiohttp import web
from gremlin_python.driver.client import Client
from gremlin_python.driver.driver_remote_connection import DriverRemoteConnection
from gremlin_python.driver.serializer import GraphBinarySerializersV1, GraphSONSerializersV3d0
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.graph_traversal import GraphTraversalSource
from gremlin_python.structure.graph import Edge, Path, Property, Vertex, VertexProperty

from headwater.graphstore import GraphStore
from headwater.ingest.gremlin.endpoint import add_routes
from headwater.ingest.gremlin.limits import Limits

SERIALIZERS = {"GraphBinary": GraphBinarySerializersV1, "GraphSON": GraphSONSerializersV3d0}


@contextmanager
def listening(store: GraphStore, limits: Limits | None = None) -> Iterator[str]:
    """The address of the endpoint."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    app = web.Application()
    add_routes(app, store, limits)
    runner = web.AppRunner(app, access_log=None)
    asyncio.run_coroutine_threadsafe(_start(runner), loop).result()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/gremlin"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(runner: web.AppRunner) -> None:
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()


@contextmanager
def connected(address: str, serializer: str = "GraphBinary") -> Iterator[Client]:
    """A client that sends texts."""
    with closing(Client(address, "g", message_serializer=SERIALIZERS[serializer](), pool_size=1)) as client:
        yield client


@contextmanager
def remote(address: str, serializer: str = "GraphBinary") -> Iterator[GraphTraversalSource]:
    """A source of traversals that are sent as bytecode."""
    made = DriverRemoteConnection(address, "g", message_serializer=SERIALIZERS[serializer](), pool_size=1)
    with closing(made) as connection:
        yield traversal().with_remote(connection)


def plain(value: Any) -> Any:
    """A value with its type and all that it holds: gremlinpython's elements are equal as soon as their ids are."""
    for kind, convert in _PLAIN:
        if isinstance(value, kind):
            return convert(value)
    return type(value).__name__, value


_PLAIN: tuple[tuple[type | tuple[type, ...], Any], ...] = (
    (VertexProperty, lambda v: ("VertexProperty", v.id, v.label, plain(v.value))),
    (Property, lambda v: ("Property", v.key, plain(v.value))),
    (Vertex, lambda v: ("Vertex", v.id, v.label, sorted(map(plain, v.properties or ()), key=repr))),
    (
        Edge,
        lambda v: (
            "Edge",
            v.id,
            v.label,
            plain(v.outV),
            plain(v.inV),
            sorted(map(plain, v.properties or ()), key=repr),
        ),
    ),
    (Path, lambda v: ("Path", v.labels, [plain(item) for item in v.objects])),
    (dict, lambda v: ("map", sorted(((plain(key), plain(item)) for key, item in v.items()), key=repr))),
    ((list, tuple), lambda v: ("list", [plain(item) for item in v])),
    (bool, lambda v: ("bool", v)),
    (int, lambda v: ("int", int(v))),
    (float, lambda v: ("float", v)),
)
