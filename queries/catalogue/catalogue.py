"""The one table of all canned queries, from which HTTP, the command line and the docs are derived; and how one runs."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversalSource

from headwater.graphmodel.statements import LABELS
from headwater.queries.answers.answer import Table
from headwater.queries.answers.errors import QueryError, UnknownQuery
from headwater.queries.answers.grades import Change
from headwater.queries.answers.shapes import Result
from headwater.queries.catalogue.estate_queries import ESTATE
from headwater.queries.catalogue.parameters import Parameter, parse
from headwater.queries.catalogue.past_queries import PAST
from headwater.queries.catalogue.query import Query, node, paging
from headwater.queries.questions import explain as explaining
from headwater.queries.questions import search, tables
from headwater.queries.questions import tags as tagged
from headwater.queries.questions.impact import impact
from headwater.queries.questions.lineage import Question, lineage
from headwater.queries.questions.paths import paths
from headwater.queries.tracing.as_of import PastTime, as_of, moment
from headwater.queries.tracing.full_scan import DeadlinePassed
from headwater.queries.tracing.resolve import resolve, resolve_all
from headwater.queries.tracing.staleness import marked

#: Seconds after which a walk stops and answers with what it has.
DEADLINE = 10.0
_MOST = 100_000  #: nodes of an answer; a larger one is asked for in parts


_DIRECTION = Parameter(
    "direction", "where to look from the node", default="upstream", choices=("upstream", "downstream", "both")
)
_AS_OF = Parameter(
    "asOf",
    "absent: what holds now; ever: all that ever held; a time (2026-03-01, 2026-03-01T08:00Z, ms since 1970): what "
    "held then; the id of a run, Glue job run or Spark application: what held for it, its inputs as it saw them",
)
_TYPE = Parameter(
    "type",
    "direct: what values are made of; all: also filters, joins, keys",
    default="direct",
    choices=("direct", "all"),
)
_WAYS = ("shortest", "all")
_LINEAGE = (
    node("node", "a dataset or column, in any spelling", "dataset", "column"),
    Parameter("depth", "hops to follow; absent: all, 0: the node alone", "integer"),
    Parameter(
        "type",
        "direct: what values are made of; all: also filters, joins, keys; indirect: only these, of the node itself",
        default="direct",
        choices=("direct", "indirect", "all"),
    ),
    _AS_OF,
    Parameter("level", "column or dataset; absent: the node's own", choices=("column", "dataset")),
    Parameter(
        "behind", "edges say whether their source's logic changed since their target read it", "boolean", default=False
    ),
    Parameter("limit", "nodes to keep, the nearest first", "integer", 10_000, minimum=1, maximum=_MOST),
)

_TAG = node("tag", "the tag: a word, or KEY=VALUE", "tag")

QUERIES: tuple[Query, ...] = (
    Query("lineage", "where a dataset or column comes from, what is made of it, or both", (_DIRECTION, *_LINEAGE)),
    Query("upstream", "where a dataset or column comes from", _LINEAGE),
    Query("downstream", "what is made of a dataset or column", _LINEAGE),
    Query("both", "upstream and downstream in one answer", _LINEAGE),
    Query(
        "impact",
        "what a change of a dataset or column comes to: columns, datasets and jobs, each graded, with its path",
        (
            node("node", "the dataset or column that is changed, in any spelling", "dataset", "column"),
            Parameter(
                "change",
                "what is done to it; semantics: the same name and type, other values; rows: other rows",
                default=Change.DROP.value,
                choices=tuple(change.value for change in Change),
            ),
            Parameter("depth", "hops to follow; absent: all", "integer"),
            _AS_OF,
            Parameter("limit", "nodes to look at, the nearest first", "integer", 10_000, minimum=1, maximum=_MOST),
        ),
        walk=impact,
    ),
    Query(
        "paths",
        "how data gets from one dataset or column to another, whichever way round: the shortest path, or all",
        (
            node("from", "one end, in any spelling", "dataset", "column"),
            node("to", "the other end", "dataset", "column"),
            Parameter("ways", "shortest, or all that lies between the two", default="shortest", choices=_WAYS),
            _TYPE,
            _AS_OF,
            Parameter("limit", "paths to list, the shortest first", "integer", 100, minimum=1, maximum=10_000),
        ),
        walk=paths,
    ),
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
        paging(),
        tables.datasets,
        ("id", "name", "namespace", "columns", "description"),
    ),
    Query(
        "columns",
        "the columns of a dataset",
        (node("dataset", "the dataset, in any spelling", "dataset"), *paging()),
        tables.columns,
        ("id", "name", "origin", "resolved", "expression", "ambiguous", "description"),
    ),
    Query(
        "dataset-versions",
        "the states of a dataset, newest first, with the runs that made them",
        (node("dataset", "the dataset, in any spelling", "dataset"), *paging()),
        tables.dataset_versions,
        ("id", "timestamp", "effect", "partition", "run", "previous"),
    ),
    Query("jobs", "all jobs", paging(), tables.jobs, ("id", "namespace", "name", "plans", "description")),
    Query(
        "plans",
        "the logics of a job: what each reads and writes, and its runs",
        (node("job", "the job's id, or namespace/name", "job"), *paging()),
        tables.plans,
        ("id", "target", "effect", "reads", "runs", "lastRun"),
    ),
    Query(
        "runs",
        "the runs of a job, newest first",
        (node("job", "the job's id, or namespace/name", "job"), *paging()),
        tables.runs,
        ("id", "timestamp", "durationNs", "status", "error", "appId", "user", "jobRun", "plan"),
    ),
    Query(
        "run",
        "what a run executed, used and generated",
        (node("run", "the run's id", "run"), *paging()),
        tables.run,
        ("relation", "id", "dataset", "timestamp", "effect", "partition", "certain"),
    ),
    *PAST,
    Query(
        "operations",
        "what a plan does, operation by operation, in the order in which data flows",
        (node("plan", "the plan's id, or the agent's id of it", "plan"), *paging(1_000)),
        tables.operations,
        ("id", "name", "kind", "expression", "follows"),
    ),
    Query(
        "tags",
        "what people say of a dataset and its columns, of a column, or of a job",
        (node("node", "the dataset, column or job, in any spelling", *LABELS), *paging()),
        tagged.tags,
        ("node", "tag", "statedBy", "statedAt", "reason", "pattern"),
    ),
    Query(
        "tagged",
        "what has a tag",
        (_TAG, *paging()),
        tagged.tagged,
        ("id", "label", "tag", "statedBy", "statedAt", "reason", "pattern"),
    ),
    Query("tag-counts", "all tags, and how many nodes have each", paging(), tagged.tag_counts, ("tag", "nodes")),
    Query(
        "tag-flow",
        "where a tag has come with the data: along DIRECT edges, up to columns that are hashed or masked",
        (
            _TAG,
            Parameter(
                "state",
                "declared: has the tag itself; undeclared: derived from such a column; masked: where the tag stops",
                choices=("declared", "undeclared", "masked"),
            ),
            *paging(),
        ),
        tagged.tag_flow,
        ("id", "dataset", "state", "distance", "path"),
    ),
    Query(
        "matching",
        "the datasets and jobs, or with a # the columns, whose id matches a pattern",
        (Parameter("pattern", "an id in which * stands for any text", required=True), *paging()),
        tagged.matching,
        ("id", "label", "name"),
    ),
    Query(
        "explain",
        "why an edge is there, or all edges of a node: rule, expression, plan, runs; and why names are one",
        (
            node("node", "the dataset or column that is derived, in any spelling", "dataset", "column"),
            Parameter("source", "what it is made of; absent: all", "node", labels=("dataset", "column")),
            *paging(),
        ),
        explaining.explain,
        explaining.COLUMNS,
    ),
    Query(
        "find-runs",
        "the runs behind an id: an agent's plan id, a Spark application, a Glue job run (jr_...)",
        (Parameter("id", "the id", "node", required=True, labels=("run",), many=True), *paging()),
        explaining.find_runs,
        explaining.FIND_RUNS,
    ),
    *ESTATE,
    Query("stats", "how many vertices and edges there are", paging(), tables.stats, ("kind", "label", "count")),
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
) -> Result:
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
        if parameter.type == "node" and values[parameter.name] is not None:
            find = resolve_all if parameter.many else resolve
            values[parameter.name] = find(g, values[parameter.name], parameter.labels, parameter.name)
        elif parameter.type == "moment" and values[parameter.name] is not None:
            values[parameter.name] = moment(g, values[parameter.name], parameter.name, now_ms())
    if "asOf" in values:
        values["asOf"] = as_of(g, values["asOf"], "asOf", now_ms())
    until = clock() + deadline
    if query.function:
        page = query.function(g, values)
    elif query.survey:
        found = query.survey(g, values, lambda: clock() >= until)
        page = found._replace(rows=[{name: row.get(name) for name in query.columns} for row in found.rows])
    else:
        return (query.walk or _lineage(name))(g, values, lambda: clock() >= until)
    asked = {name: value.name if isinstance(value, PastTime) else value for name, value in values.items()}
    return Table(query.name, asked, query.columns, tuple(page.rows), page.next, page.reason)


def _lineage(name: str) -> Callable[[GraphTraversalSource, Mapping[str, Any], DeadlinePassed], Result]:
    """The walk of the query of this name: a direction, or lineage, whose direction is a parameter."""

    def walk(g: GraphTraversalSource, values: Mapping[str, Any], late: DeadlinePassed) -> Result:
        question = Question(
            direction=values.get("direction", name),
            depth=values["depth"],
            type=values["type"],
            as_of=values["asOf"],
            level=values["level"],
            limit=values["limit"],
        )
        if values["behind"] and question.as_of is not None:
            raise QueryError("behind compares with what holds now: it has no meaning with asOf", "behind")
        answer = lineage(g, values["node"], question, late)
        return marked(g, answer) if values["behind"] else answer

    return walk
