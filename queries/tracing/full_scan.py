"""Looking at all vertices of a label, a chunk at a time, as long as there is time. Estate questions stand on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import P

from headwater.graphmodel.statements import IGNORED, RETIRED
from headwater.queries.answers.answer import Reason
from headwater.queries.answers.page import Page, Row, Values, slice_page
from headwater.queries.tracing.walk import DeadlinePassed

#: Vertices in one request: what is asked about each of them may be long.
_CHUNK = 500
#: Vertices of one label that are looked at; beyond that the answer says so.
_MOST = 200_000


@dataclass
class FullScan:
    """The rows found so far, and why not all of the graph was looked at (None: it was)."""

    g: GraphTraversalSource
    deadline_passed: DeadlinePassed
    rows: list[Row] = field(default_factory=list)
    reason: Reason | None = None

    def over(self, label: str) -> Iterator[list[str]]:
        """The ids of all vertices of a label, by chunk, in order of id; not of those that are retired or ignored."""
        gone = __.out("taggedWith").has("name", P.within(RETIRED, IGNORED))
        ids = self.g.V().has_label(label).not_(gone).id_().limit(_MOST + 1).to_list()
        if len(ids) > _MOST:
            self.reason = "limit"
        yield from self.chunks(sorted(ids)[:_MOST])

    def chunks(self, ids: list[str]) -> Iterator[list[str]]:
        """Some ids, by chunk, as long as there is time."""
        for start in range(0, len(ids), _CHUNK):
            if self.deadline_passed():
                self.reason = "deadline"
                return
            yield ids[start : start + _CHUNK]

    def page(self, values: Values, order: Callable[[Row], Any]) -> Page:
        """The page that is asked for."""
        return slice_page(sorted(self.rows, key=order), values, self.reason)


def followed(edges: GraphTraversal) -> GraphTraversal:
    """Without what is merely carried on from a dataset's own rows."""
    return edges.not_(__.has("carried", True))  # noqa: FBT003 - Gremlin's has(key, value)
