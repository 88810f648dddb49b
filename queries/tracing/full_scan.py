"""Reading all vertices of a label, one chunk after another until the deadline: for questions about the whole graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P

from headwater.graphmodel.statements.model import IGNORED, RETIRED
from headwater.queries.answers.answer import Reason
from headwater.queries.answers.page import Page, Row, Values, slice_page
from headwater.queries.tracing.tags import reason_of_all_erasures
from headwater.queries.tracing.walk import DeadlinePassed

#: Vertices in one request: fewer than `walk.CHUNK`, because a question asks for much about each of them.
_CHUNK = 500
#: The most vertices of one label that are read; if there are more, the answer says that it is not complete.
_MAX_VERTICES = 200_000


@dataclass
class FullScan:
    """The rows found so far, and the reason why not all of the graph was read (None: all was)."""

    g: GraphTraversalSource
    deadline_passed: DeadlinePassed
    rows: list[Row] = field(default_factory=list)
    reason: Reason | None = None
    whole: bool = False  #: all vertices of a label were asked for, so that each erased entry is one that may lack

    def ids_by_chunk(self, label: str) -> Iterator[list[str]]:
        """The ids of all vertices of a label, by chunk, in order of id; not of those that are retired or ignored."""
        self.whole = True
        left_out = __.out("taggedWith").has("name", P.within(RETIRED, IGNORED))
        ids = self.g.V().has_label(label).not_(left_out).id_().limit(_MAX_VERTICES + 1).to_list()
        if len(ids) > _MAX_VERTICES:
            self.reason = "limit"
        yield from self.chunks(sorted(ids)[:_MAX_VERTICES])

    def chunks(self, ids: list[str]) -> Iterator[list[str]]:
        """These ids, by chunk, until the deadline."""
        for start in range(0, len(ids), _CHUNK):
            if self.deadline_passed():
                self.reason = "deadline"
                return
            yield ids[start : start + _CHUNK]

    def page(self, values: Values, order: Callable[[Row], Any]) -> Page:
        """The page of the sorted rows that the parameters ask for."""
        reason = self.reason or (reason_of_all_erasures(self.g) if self.whole else None)
        return slice_page(sorted(self.rows, key=order), values, reason)
