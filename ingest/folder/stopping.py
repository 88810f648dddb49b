"""Questions that can be stopped: before each request to the store it is asked whether the answer is still wanted.

A question is many requests, each bounded by the store. Here: the stop between two of them. Not here: the limits of one
request (`graphstore`), and the deadline within which a question gives what it has found (`queries`).
"""

from __future__ import annotations

from collections.abc import Callable

from gremlin_python.process.graph_traversal import GraphTraversalSource
from gremlin_python.process.traversal import Traversal, TraversalStrategies, TraversalStrategy

Check = Callable[[], None]
"""Called before each request to the store; raises to stop the question."""


class Abandoned(Exception):
    """Nobody waits for the answer any more."""


class _Stop(TraversalStrategy):  # type: ignore[misc]  # gremlinpython ships no types
    """Runs in this process, before the strategy that sends the traversal."""

    def __init__(self, check: Check) -> None:
        super().__init__(fqcn="py:StopStrategy")
        self._check = check

    def apply(self, _traversal: Traversal) -> None:
        self._check()


def stoppable(g: GraphTraversalSource, check: Check) -> GraphTraversalSource:
    """The same source, which calls `check` before each request."""
    strategies = TraversalStrategies()
    strategies.add_strategies([_Stop(check), *g.traversal_strategies.traversal_strategies])
    source = g.get_graph_traversal_source()
    source.traversal_strategies = strategies
    return source
