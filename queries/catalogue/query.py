"""The class of one query in the table of queries (`catalogue`), and the parameters that several queries share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversalSource

from headwater.queries.answers.answer import Answer
from headwater.queries.answers.audit import Audit
from headwater.queries.answers.impact import Impact
from headwater.queries.answers.page import Page, Values
from headwater.queries.answers.paths import Paths
from headwater.queries.catalogue.parameters import Parameter
from headwater.queries.tracing.walk import DeadlinePassed

#: The one signature of every query: the graph, the typed values of its parameters (nodes as ids, times as `PastTime`),
#: and a function that says when to stop. A `Page` becomes a `Table` of the query's columns in `catalogue.run`.
Ask = Callable[[GraphTraversalSource, Values, DeadlinePassed], Answer | Impact | Paths | Audit | Page]


@dataclass(frozen=True)
class Query:
    """One query that users call by its name: its parameters, and the function that answers it.

    `shape` is the key `shape` of its JSON answer (see `queries.answers.shapes`). If the shape is "rows", `columns` are
    the keys of its rows, in order.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    ask: Ask
    columns: tuple[str, ...] = ()
    shape: str = "rows"

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for the list of queries."""
        return {
            "name": self.name,
            "summary": self.summary,
            "shape": self.shape,
            "parameters": [parameter.to_dict() for parameter in self.parameters],
            "columns": list(self.columns),
        }


def node(name: str, meaning: str, *labels: str) -> Parameter:
    """A required parameter that names a node with one of these vertex labels."""
    return Parameter(name, meaning, "node", required=True, labels=labels)


def paging(limit: int = 100) -> tuple[Parameter, ...]:
    """The parameters of a query that answers page by page; `limit` is the default number of rows in a page."""
    return (
        Parameter("limit", "rows of one page", "integer", limit, minimum=1, maximum=10_000),
        Parameter("next", "where the page begins: `next` of the page before", "integer", 0),
    )
