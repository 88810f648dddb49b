"""The port: what every graph store promises, embedded or remote. Callers depend on this and on nothing behind it."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Protocol

from gremlin_python.process.graph_traversal import GraphTraversalSource

from headwater.graphmodel.delta import GraphDelta


class Guard(NamedTuple):
    """A condition of a write: that a vertex has this value of a property."""

    vertex: str
    property: str
    value: str


class GraphStore(Protocol):
    """A graph that is read by gremlinpython traversals and changed by deltas. Safe to use from several threads.

    Every method raises `graphstore.errors.StoreError`: `TransientError` may be retried, `PermanentError` never.
    """

    @property
    def atomic(self) -> bool:
        """Whether `apply` is one transaction.

        If not, what cuts it off leaves a part, which readers may see; the same deltas, sent again, make it whole.
        """

    @property
    def g(self) -> GraphTraversalSource:
        """The source of every query: read-only. In an atomic store a traversal sees all of a delta or nothing."""

    @property
    def latest(self) -> GraphTraversalSource:
        """As `g`, and sees every write that has returned; `g` may lag where another instance answers (Neptune)."""

    def apply(self, deltas: GraphDelta | Sequence[GraphDelta], *, only_if: Guard | None = None) -> None:
        """Write the deltas in their order; on return all is kept. On an exception nothing changed, if it is atomic.

        `only_if` is for stores that are not atomic: each request looks first, within itself, whether this holds, and
        else writes nothing. That is no error: read the vertex afterwards. An atomic store has one writer, and ignores
        it.

        What `InvalidRequest` is raised for leaves nothing in any store: values are checked before the first is written.
        Within a delta: removals, then vertices, then edges. Upserts are idempotent: what exists gets the
        properties named, with one value each, and keeps the others. An edge is known by its label, ends and `key`
        (stored as its property `key`); both ends must exist. Values of a wrong type raise `InvalidRequest`. Texts,
        whole numbers and truth values come back as they were; a fraction may differ in its last bit.
        """

    def clear(self) -> None:
        """Remove every vertex and edge, durably."""

    def counts(self) -> dict[str, int]:
        """How many vertices and edges there are, by label. Labels of vertices and edges never coincide."""

    def checkpoint(self) -> None:
        """Shorten the next opening where the store can; takes time and memory, changes nothing, may be skipped."""

    def close(self) -> None:
        """Release the store. Whatever `apply` returned from is kept; closing twice is no error."""

    def __enter__(self) -> GraphStore:  # noqa: PYI034 - Self is 3.11
        """The store itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
