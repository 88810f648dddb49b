"""Counts the requests that questions send to a store, and the results that it sends, whichever store it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gremlin_python.driver.remote_connection import RemoteConnection
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.graph_traversal import GraphTraversalSource
from gremlin_python.process.traversal import Bytecode


class Counting(RemoteConnection):  # type: ignore[misc]  # gremlinpython ships no types
    """Sends traversals on to the connection of another source. `g` is the source to ask through."""

    def __init__(self, source: GraphTraversalSource) -> None:
        strategies = source.traversal_strategies.traversal_strategies
        (self._connection,) = [s.remote_connection for s in strategies if hasattr(s, "remote_connection")]
        super().__init__(self._connection.url, "g")
        self.requests = self.results = 0
        self.g = traversal().with_remote(self)

    def submit(self, bytecode: Bytecode) -> Any:
        """Count one, and ask; its results are counted as they are read."""
        self.requests += 1
        answer = self._connection.submit(bytecode)
        answer.traversers = self._counted(answer.traversers)
        return answer

    def _counted(self, traversers: Iterable[Any]) -> Iterator[Any]:
        for each in traversers:
            self.results += 1
            yield each

    def is_closed(self) -> bool:
        """As the other one."""
        return bool(self._connection.is_closed())
