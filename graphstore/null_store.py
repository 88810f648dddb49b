"""A store that keeps nothing: for working out what a graph that is there already was made of."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from gremlin_python.driver.remote_connection import RemoteConnection, RemoteTraversal
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.graph_traversal import GraphTraversalSource
from gremlin_python.process.traversal import Bytecode

from headwater.graphmodel.delta import GraphDelta
from headwater.graphstore.port import Guard
from headwater.graphstore.writer import batches


class NullStore:
    """Always empty. Deltas are checked as every store checks them, and forgotten."""

    atomic = True

    @property
    def g(self) -> GraphTraversalSource:
        """The source of queries that all have no answer."""
        return traversal().with_remote(_NoAnswer("blank", "g"))

    @property
    def latest(self) -> GraphTraversalSource:
        """The same."""
        return self.g

    def apply(self, deltas: GraphDelta | Sequence[GraphDelta], *, only_if: Guard | None = None) -> None:
        """Check the values. InvalidRequest: as in every store."""
        for _ in batches([deltas] if isinstance(deltas, GraphDelta) else deltas):
            pass

    def clear(self) -> None:
        """Nothing is there."""

    def counts(self) -> dict[str, int]:
        """None."""
        return {}

    def checkpoint(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> NullStore:  # noqa: PYI034 - Self is 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class _NoAnswer(RemoteConnection):  # type: ignore[misc]  # gremlinpython ships no types
    """Answers every traversal with nothing."""

    def submit(self, bytecode: Bytecode) -> RemoteTraversal:
        return RemoteTraversal(iter([]))

    def is_closed(self) -> bool:
        return False
