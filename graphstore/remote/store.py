"""A graph behind a socket: questions and bounded requests over `graphstore.remote.channel`. Gremlin Server, Neptune.

What differs between them is handed in: how to connect, what errors mean, how much one request may hold. A delta is
many requests, sent in their order and not undone: whoever is cut off sends the same deltas again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from gremlin_python.driver.remote_connection import RemoteConnection, RemoteTraversal
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource
from gremlin_python.process.traversal import Bytecode, T

from headwater.graphmodel.delta import GraphDelta
from headwater.graphstore.allowed_steps import check_steps, timeout_of
from headwater.graphstore.errors import Exceeded, InvalidRequest, PermanentError, TransientError
from headwater.graphstore.port import Guard
from headwater.graphstore.remote.channel import Channel, ConnectionLost
from headwater.graphstore.remote.requests import Budget, Request, Start, requests

log = logging.getLogger(__name__)

READ_TIMEOUT = 30_000  #: ms that one question may take
WRITE_TIMEOUT = 120_000  #: ms that one request of a write may take, before it is sent in halves
_OTHER = {"none": "discard", "discard": "none"}
_SMALL = 60_000  #: bytes that every server takes (the smallest setting in use is 64 KiB)


@dataclass(frozen=True)
class Limits:
    """What one request may hold, and how many elements one drop takes (`clear`). `answers` go in one frame."""

    budget: Budget
    dropped: int = 5_000
    answers: int = 500
    read_ms: int = READ_TIMEOUT
    write_ms: int = WRITE_TIMEOUT


class RemoteStore:
    """See `graphstore.port.GraphStore` for its promises.

    Questions are sent over the channel `reads`, changes over `writes`; both may be the same one. Writes take turns. A
    request that the server does not take at once, or not in time, is sent in halves.
    """

    atomic = False

    def __init__(self, reads: Channel, writes: Channel, limits: Limits, *, readonly: bool = False) -> None:
        self._read_channel = reads
        self._write_channel = writes
        self._limits = limits
        self._readonly = readonly
        self._turn = threading.Lock()
        self._ending = "none"
        self._g = traversal().with_remote(_Connection(self, reads))
        self._latest = traversal().with_remote(_Connection(self, writes))

    @property
    def g(self) -> GraphTraversalSource:
        """The source of every query: read-only, each query bounded by its limit."""
        return self._g

    @property
    def latest(self) -> GraphTraversalSource:
        """As `g`, and sees every write that has returned, wherever `g` asks."""
        return self._latest

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._read_channel.closed

    def apply(self, deltas: GraphDelta | Sequence[GraphDelta], *, only_if: Guard | None = None) -> None:
        """Write the deltas request by request; all values are checked before the first is sent."""
        many = [deltas] if isinstance(deltas, GraphDelta) else deltas
        self._may_write()
        with self._turn:
            for request in list(requests(many, self._limits.budget)):
                self._write(request, only_if)

    def clear(self) -> None:
        """Remove everything, some at a time, edges first: a hub with all its edges may be more than one request."""
        self._may_write()
        with self._turn:
            for elements in (self._latest.E, self._latest.V):
                while elements().limit(1).has_next():
                    self._send(elements().limit(self._limits.dropped).drop().none())

    def counts(self) -> dict[str, int]:
        """How many vertices and edges there are, by label. The server looks at each."""
        vertices = self._latest.V().group_count().by(T.label).next()
        return {**vertices, **self._latest.E().group_count().by(T.label).next()}

    def checkpoint(self) -> None:
        """Nothing: how a server keeps its graph is its own affair."""

    def close(self) -> None:
        """Close the connections."""
        for channel in (self._read_channel, self._write_channel):
            channel.close()

    def __enter__(self) -> RemoteStore:  # noqa: PYI034 - Self is 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, bytecode: Bytecode, channel: Channel) -> RemoteTraversal:
        """The traversers of one read-only traversal."""
        check_steps(bytecode, changes=False)
        options = {
            "evaluationTimeout": timeout_of(bytecode, self._limits.read_ms),
            "batchSize": self._limits.answers,
        }
        return RemoteTraversal(iter(self._submit(channel, bytecode, options)))

    def _may_write(self) -> None:
        if self._readonly:
            raise InvalidRequest("the store was opened read-only")

    def _write(self, request: Request, only_if: Guard | None) -> None:
        try:
            self._send(request.traversal(self._start(only_if)))
        except (ConnectionLost, Exceeded) as error:
            if len(request.rows) == 1:
                raise _of_one_row(request, error) from error
            log.info("a request of %s rows is sent in halves: %s", len(request.rows), error)
            for half in request.halves():
                self._write(half, only_if)
            if isinstance(error, ConnectionLost):
                self._shrink(request.bytes)

    def _start(self, only_if: Guard | None) -> Start:
        """What a request begins with: where the condition does not hold there is no traverser, and so no effect."""
        return self._g if only_if is None else self._g.V(only_if.vertex).has(only_if.property, only_if.value)

    def _shrink(self, size: int) -> None:
        """The server's limit does not change: from now on no request is as large as one that it hung up on."""
        budget = self._limits.budget
        smaller = replace(budget, bytes=max(_SMALL, min(size // 2, budget.bytes)))
        self._limits = replace(self._limits, budget=smaller)

    def _send(self, change: GraphTraversal) -> None:
        """What the server refuses here is not the caller's fault: a part of the delta may be in the graph by now."""
        try:
            self._submit(self._write_channel, change.bytecode, {"evaluationTimeout": self._limits.write_ms})
        except InvalidRequest as error:
            raise PermanentError(str(error)) from error

    def _submit(self, channel: Channel, bytecode: Bytecode, options: dict[str, Any]) -> list[Any]:
        """A traversal without results ends in none() up to TinkerPop 3.7, in discard() from 3.8 on: as it turns out."""
        ending = self._ending
        try:
            return channel.submit(_ended(bytecode, ending), options)
        except InvalidRequest as error:
            if f".{ending}()" not in str(error):
                raise
            log.info("%s knows no %s()", channel.name, ending)
            self._ending = _OTHER[ending]
            return channel.submit(_ended(bytecode, _OTHER[ending]), options)


def _ended(bytecode: Bytecode, ending: str) -> Bytecode:
    """The traversal; if it has no results, with that ending."""
    if bytecode.step_instructions and bytecode.step_instructions[-1] in ([name] for name in _OTHER):
        bytecode.step_instructions[-1] = [ending]
    return bytecode


def _of_one_row(request: Request, error: TransientError | Exceeded) -> TransientError | PermanentError:
    """One element that takes too long is a server with too much to do; one that is too large stays so."""
    if isinstance(error, Exceeded):
        return TransientError(str(error))
    if request.bytes > _SMALL:
        return PermanentError(f"an element of {request.bytes:,} bytes is more than the server takes: {error}")
    return error


class _Connection(RemoteConnection):  # type: ignore[misc]  # gremlinpython ships no types
    """What `g` sends its traversals through."""

    def __init__(self, store: RemoteStore, channel: Channel) -> None:
        super().__init__(channel.name, "g")
        self._store = store
        self._channel = channel

    def submit(self, bytecode: Bytecode) -> RemoteTraversal:
        return self._store.ask(bytecode, self._channel)

    def is_closed(self) -> bool:
        return self._store.closed
