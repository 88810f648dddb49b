"""What a row of the table of queries is, and the parameters that several of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversalSource

from headwater.queries.answers.page import Page
from headwater.queries.answers.shapes import Result
from headwater.queries.catalogue.parameters import Parameter
from headwater.queries.tracing.full_scan import DeadlinePassed


@dataclass(frozen=True)
class Query:
    """One canned query. `columns` are those of its rows; a query without them answers with nodes and edges.

    `function` gives one page of rows, `survey` one of what was found in the whole graph, and `walk` any other answer;
    the latter two are told by their third argument when to stop.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    function: Callable[[GraphTraversalSource, Mapping[str, Any]], Page] | None = None
    columns: tuple[str, ...] = ()
    walk: Callable[[GraphTraversalSource, Mapping[str, Any], DeadlinePassed], Result] | None = None
    survey: Callable[[GraphTraversalSource, Mapping[str, Any], DeadlinePassed], Page] | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for the list of queries."""
        parameters = [parameter.to_dict() for parameter in self.parameters]
        return {"name": self.name, "summary": self.summary, "parameters": parameters, "columns": list(self.columns)}


def node(name: str, meaning: str, *labels: str) -> Parameter:
    """A required parameter that is a node of one of these labels."""
    return Parameter(name, meaning, "node", required=True, labels=labels)


def paging(limit: int = 100) -> tuple[Parameter, ...]:
    """The parameters of a query that answers page by page; `limit` is what a page has by default."""
    return (
        Parameter("limit", "rows of one page", "integer", limit, minimum=1, maximum=10_000),
        Parameter("next", "where the page begins: `next` of the page before", "integer", 0),
    )
