"""The one table of all canned queries, from which HTTP, the command line and the docs are derived; and how one runs."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gremlin_python.process.graph_traversal import GraphTraversalSource

from queries import search, tables
from queries.answer import Answer, Table
from queries.errors import UnknownQuery
from queries.lineage import Question, lineage
from queries.moment import Moment, moment
from queries.page import Page
from queries.parameters import Parameter, parse
from queries.resolve import resolve

#: Seconds after which a walk stops and answers with what it has.
DEADLINE = 10.0
_MOST = 100_000  #: nodes of an answer; a larger one is asked for in parts


@dataclass(frozen=True)
class Query:
    """One canned query. `columns` are those of its rows; a query without them answers with nodes and edges."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    function: Callable[[GraphTraversalSource, Mapping[str, Any]], Page] | None = None
    columns: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for the list of queries."""
        parameters = [parameter.to_dict() for parameter in self.parameters]
        return {"name": self.name, "summary": self.summary, "parameters": parameters, "columns": list(self.columns)}


def _node(name: str, meaning: str, *labels: str) -> Parameter:
    return Parameter(name, meaning, "node", required=True, labels=labels)


def _paging(limit: int = 100) -> tuple[Parameter, ...]:
    return (
        Parameter("limit", "rows of one page", "integer", limit, minimum=1, maximum=10_000),
        Parameter("next", "where the page begins: `next` of the page before", "integer", 0),
    )


_DIRECTION = Parameter(
    "direction", "where to look from the node", default="upstream", choices=("upstream", "downstream", "both")
)
_LINEAGE = (
    _node("node", "a dataset or column, in any spelling", "dataset", "column"),
    Parameter("depth", "hops to follow; absent: all, 0: the node alone", "integer"),
    Parameter(
        "type",
        "direct: what values are made of; all: also filters, joins, keys; indirect: only these, of the node itself",
        default="direct",
        choices=("direct", "indirect", "all"),
    ),
    Parameter(
        "asOf",
        "absent: what holds now; ever: all that ever held; a time (2026-03-01, 2026-03-01T08:00Z, ms since 1970): what "
        "held then; the id of a run, Glue job run or Spark application: what held for it, its inputs as it saw them",
    ),
    Parameter("level", "column or dataset; absent: the node's own", choices=("column", "dataset")),
    Parameter("limit", "nodes to keep, the nearest first", "integer", 10_000, minimum=1, maximum=_MOST),
)

QUERIES: tuple[Query, ...] = (
    Query("lineage", "where a dataset or column comes from, what is made of it, or both", (_DIRECTION, *_LINEAGE)),
    Query("upstream", "where a dataset or column comes from", _LINEAGE),
    Query("downstream", "what is made of a dataset or column", _LINEAGE),
    Query("both", "upstream and downstream in one answer", _LINEAGE),
    Query(
        "search",
        "datasets, columns, jobs and other names of datasets: exact matches, then prefixes, then the rest",
        (
            Parameter("q", "what to look for in names and ids, in upper or lower case", required=True),
            Parameter("limit", "rows of one page", "integer", 50, minimum=1, maximum=1_000),
            Parameter("next", "where the page begins: `next` of the page before"),
        ),
        search.search,
        ("id", "label", "name", "dataset", "match"),
    ),
    Query(
        "datasets",
        "all datasets",
        _paging(),
        tables.datasets,
        ("id", "name", "namespace", "columns"),
    ),
    Query(
        "columns",
        "the columns of a dataset",
        (_node("dataset", "the dataset, in any spelling", "dataset"), *_paging()),
        tables.columns,
        ("id", "name", "origin", "resolved", "expression", "ambiguous"),
    ),
    Query(
        "dataset-versions",
        "the states of a dataset, newest first, with the runs that made them",
        (_node("dataset", "the dataset, in any spelling", "dataset"), *_paging()),
        tables.dataset_versions,
        ("id", "timestamp", "effect", "partition", "run", "previous"),
    ),
    Query("jobs", "all jobs", _paging(), tables.jobs, ("id", "namespace", "name", "plans")),
    Query(
        "plans",
        "the logics of a job: what each reads and writes, and its runs",
        (_node("job", "the job's id, or namespace/name", "job"), *_paging()),
        tables.plans,
        ("id", "target", "effect", "reads", "runs", "lastRun"),
    ),
    Query(
        "runs",
        "the runs of a job, newest first",
        (_node("job", "the job's id, or namespace/name", "job"), *_paging()),
        tables.runs,
        ("id", "timestamp", "durationNs", "status", "error", "appId", "user", "jobRun", "plan"),
    ),
    Query(
        "run",
        "what a run executed, used and generated",
        (_node("run", "the run's id", "run"), *_paging()),
        tables.run,
        ("relation", "id", "dataset", "timestamp", "effect", "partition", "certain"),
    ),
    Query(
        "operations",
        "what a plan does, operation by operation, in the order in which data flows",
        (_node("plan", "the plan's id, or the agent's id of it", "plan"), *_paging(1_000)),
        tables.operations,
        ("id", "name", "kind", "expression", "follows"),
    ),
    Query("stats", "how many vertices and edges there are", _paging(), tables.stats, ("kind", "label", "count")),
)
BY_NAME: Mapping[str, Query] = {query.name: query for query in QUERIES}


def run(
    name: str,
    g: GraphTraversalSource,
    given: Iterable[tuple[str, object]] | Mapping[str, object],
    *,
    deadline: float = DEADLINE,
    clock: Callable[[], float] = time.monotonic,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> Answer | Table:
    """Run a query by its name, with parameters as text or typed.

    Pairs rather than a mapping let a parameter be given twice, which is refused. `deadline` is in seconds of `clock`;
    `now_ms` gives ms since 1970: there is no lineage as of a later time. Raises UnknownQuery, QueryError for a
    parameter, NodeNotFound, and the store's own errors.
    """
    query = BY_NAME.get(name)
    if query is None:
        raise UnknownQuery(f"there is no query {name!r}", "query", difflib.get_close_matches(name, BY_NAME))
    pairs = given.items() if isinstance(given, Mapping) else given
    values = dict(parse(query.parameters, pairs))
    for parameter in query.parameters:
        if parameter.type == "node":
            values[parameter.name] = resolve(g, values[parameter.name], parameter.labels, parameter.name)
    if query.function is None:
        until = clock() + deadline
        question = _question(name, values, _as_of(g, values["asOf"], now_ms))
        return lineage(g, values["node"], question, lambda: clock() >= until)
    page = query.function(g, values)
    return Table(query.name, values, query.columns, tuple(page.rows), page.next)


def _as_of(g: GraphTraversalSource, text: str | None, now_ms: Callable[[], int]) -> Moment | Literal["ever"] | None:
    if text is None:
        return None
    return "ever" if text == "ever" else moment(g, text, "asOf", now_ms())


def _question(name: str, values: Mapping[str, Any], as_of: Moment | Literal["ever"] | None) -> Question:
    return Question(
        direction=values.get("direction", name),
        depth=values["depth"],
        type=values["type"],
        as_of=as_of,
        level=values["level"],
        limit=values["limit"],
    )
