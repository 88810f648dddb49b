"""The table of all queries, and how a query is run. HTTP, the command line and the docs are derived from the table.

Here: names, parameters and columns of the queries. Not here: how they are answered (`questions`).
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversalSource
from gremlin_python.process.traversal import P

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.naming import DEFAULT, Rules
from headwater.graphmodel.statements.model import LABELS
from headwater.queries.answers.answer import Answer, Table
from headwater.queries.answers.audit import Audit
from headwater.queries.answers.errors import NodeNotFound, NothingWritten, QueryError, UnknownQuery
from headwater.queries.answers.grades import Change
from headwater.queries.answers.impact import Impact
from headwater.queries.answers.page import Page
from headwater.queries.answers.paths import Paths
from headwater.queries.answers.shapes import Result
from headwater.queries.catalogue.parameters import Parameter, parse
from headwater.queries.catalogue.query import Query, node, paging
from headwater.queries.questions import access, estate, estate_state, latest, lineage, places, search, sentence, tables
from headwater.queries.questions import consumers as consuming
from headwater.queries.questions import explain as explaining
from headwater.queries.questions import tags as tagged
from headwater.queries.questions import why as causes
from headwater.queries.questions.audit import audit
from headwater.queries.questions.changes import changes
from headwater.queries.questions.differences import differences, run_differences
from headwater.queries.questions.impact import impact
from headwater.queries.questions.inputs import inputs
from headwater.queries.questions.paths import paths
from headwater.queries.tracing.as_of import PastTime, as_of, past_time
from headwater.queries.tracing.resolve import resolve, resolve_all
from headwater.queries.tracing.tags import reason_of_erasures

#: Seconds after which a walk stops, and the answer is what was found until then.
DEADLINE = 10.0
_MOST = 100_000  #: highest `limit` of one answer; users ask for more in parts, node by node


_DIRECTION = Parameter(
    "direction", "where to look from the node", default="upstream", choices=("upstream", "downstream", "both")
)
_AS_OF = Parameter(
    "asOf",
    "absent: what holds now; ever: all that ever held; a time (2026-03-01, 2026-03-01T08:00Z, seconds or ms since "
    "1970): what held at that time; the id of a run, Glue job run or Spark application: what held for it, with its "
    "inputs in the versions that it read",
)
_TYPE = Parameter(
    "type",
    "direct: what values are made of; all: also filters, joins, keys",
    default="direct",
    choices=("direct", "all"),
)
_PATHS = ("shortest", "all")
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
        "behind",
        "each edge says whether its source's logic changed after its target last read it",
        "boolean",
        default=False,
    ),
    Parameter(
        "counts",
        "also `datasets`: each with its columns, the datasets directly upstream and downstream, and its last run",
        "boolean",
        default=False,
    ),
    Parameter("limit", "nodes to keep, the nearest first", "integer", 10_000, minimum=1, maximum=_MOST),
)

_INPUTS = Parameter(
    "node",
    "a run, or all of a Glue job run or Spark application; a dataset version; a dataset: its newest version; a job: "
    "its last run that succeeded",
    "node",
    required=True,
    labels=("run", "datasetVersion", "dataset", "job"),
    many=True,
)

_CHANGE = ("change", "before", "after", "sourcesAdded", "sourcesDropped")
_DIFFERENCE = ("dataset", "kind", "id", *_CHANGE)


def _time(name: str, meaning: str, default: str | None = None) -> Parameter:
    return Parameter(name, f"{meaning}: a time or a run, as asOf takes them", "time", default)


def _runs(name: str, meaning: str) -> Parameter:
    return Parameter(name, meaning, "node", required=True, labels=("run",), many=True)


_PAST: tuple[Query, ...] = (
    Query(
        "inputs",
        "the versions of datasets that a run read, who wrote each, and whether it has been overwritten since",
        (
            _INPUTS,
            Parameter("depth", "runs to go back; 1: what the run itself read", "integer", 1, minimum=1),
            *paging(1_000),
        ),
        columns=(
            *("distance", "dataset", "version", "timestamp", "partition", "run", "job", "usedBy", "certain"),
            *("overwritten", "overwrittenBy", "overwrittenAt", "tableVersion", "tableFormat", "reproduce"),
            "versionExists",
        ),
        ask=inputs,
    ),
    Query(
        "consumers",
        "the runs that read what a run wrote, directly or through others, in the order in which to run them again",
        (
            _INPUTS,
            Parameter("depth", "runs to go on; absent: all, 1: those that read it directly", "integer"),
            *paging(1_000),
        ),
        columns=consuming.COLUMNS,
        ask=consuming.consumers,
    ),
    Query(
        "diff-runs",
        "what differs between a run, `other`, and an earlier one, `run`: columns, what rows depend on, inputs",
        (
            _runs("run", "a run, or all of a Glue job run or Spark application"),
            _runs("other", "the run, or runs, to compare it with"),
            *paging(1_000),
        ),
        columns=_DIFFERENCE,
        ask=run_differences,
    ),
    Query(
        "diff",
        "what changed in a dataset, or in what a job writes, between two times; a job's last two logics without `from`",
        (
            node("node", "the dataset or job", "dataset", "job"),
            _time("from", "the earlier time"),
            _time("to", "the later time", "now"),
            *paging(1_000),
        ),
        columns=_DIFFERENCE,
        ask=differences,
    ),
    Query(
        "changes",
        "when the logic of a dataset or column changed and by which run",
        (
            node("node", "the dataset or column, in any spelling", "dataset", "column"),
            Parameter("upstream", "also the changes of all that was ever upstream of it", "boolean", default=False),
            Parameter("type", "all: also of what its rows depend on", default="direct", choices=("direct", "all")),
            _time("from", "only changes since then"),
            _time("to", "only changes until then"),
            Parameter("order", "which change comes first", default="oldest", choices=("oldest", "newest")),
            *paging(1_000),
        ),
        columns=("timestamp", "distance", "id", *_CHANGE, "run", "job"),
        ask=changes,
    ),
)
_WHY = Query(
    "why",
    "what may be the cause if a dataset or column looks wrong: last writes, failed or late jobs, changed logic, owner",
    (
        node("node", "the dataset or column, in any spelling", "dataset", "column"),
        Parameter(
            "times", "a job is late after so many of its usual intervals", "integer", 2, minimum=1, maximum=1_000
        ),
        Parameter("at", "ms since 1970-01-01Z up to which is counted; absent: now", "integer"),
        *paging(),
    ),
    columns=causes.COLUMNS,
    ask=causes.why,
)
#: What `headwater estate` asks, one after the other.
ESTATE: tuple[Query, ...] = (
    Query(
        "unread-datasets",
        "datasets that a job writes and that no other job ever read",
        paging(),
        columns=("dataset", "jobs", "lastWrite"),
        ask=estate.unread_datasets,
    ),
    Query(
        "unused-columns",
        "columns that a job writes and that no job ever used, of datasets that jobs read",
        paging(),
        columns=("column", "dataset"),
        ask=estate.unused_columns,
    ),
    Query(
        "stopped-jobs",
        "jobs that did not run for several of their usual intervals, the longest overdue first",
        (
            Parameter("times", "how many of their intervals", "integer", 3, minimum=1, maximum=1_000),
            Parameter("at", "ms since 1970-01-01Z up to which is counted; absent: now", "integer"),
            *paging(),
        ),
        columns=("job", "lastRun", "intervalMs", "missed"),
        ask=estate.stopped_jobs,
    ),
    Query(
        "schema-drift",
        "datasets whose columns differ between one logic that wrote them and the next, the latest change first",
        paging(),
        columns=("dataset", "at", "added", "dropped", "job", "before", "after"),
        ask=estate_state.schema_drift,
    ),
    Query(
        "hot-spots",
        "the datasets, or columns, from which most others are directly derived, or on which most others depend",
        (Parameter("level", "dataset or column", default="dataset", choices=("dataset", "column")), *paging()),
        columns=("id", "dependents", "jobs"),
        ask=estate.hot_spots,
    ),
    Query(
        "cycles",
        "datasets that feed themselves through other jobs, now; each group with the jobs inside it",
        paging(),
        columns=("datasets", "jobs"),
        ask=estate_state.cycles,
    ),
    Query(
        "coverage",
        "jobs whose column lineage is missing or incomplete, and why; or one job alone",
        (Parameter("job", "only this job: its id, or namespace/name", "node", labels=("job",)), *paging()),
        columns=("job", "dataset", "reason", "columns", "cause"),
        ask=estate_state.coverage,
    ),
    Query(
        "two-names",
        "suggestions of datasets that may be one dataset with several names: the same last part of the name, the same "
        "columns",
        paging(),
        columns=("name", "datasets", "columns"),
        ask=estate.two_names,
    ),
)

_TAG = node("tag", "the tag: a word, or KEY=VALUE", "tag")

QUERIES: tuple[Query, ...] = (
    Query(
        "lineage",
        "where a dataset or column comes from, what is derived from it, or both",
        (_DIRECTION, *_LINEAGE),
        lineage.lineage,
        shape=Answer.shape,
    ),
    Query("upstream", "where a dataset or column comes from", _LINEAGE, lineage.upstream, shape=Answer.shape),
    Query("downstream", "what is derived from a dataset or column", _LINEAGE, lineage.downstream, shape=Answer.shape),
    Query("both", "upstream and downstream in one answer", _LINEAGE, lineage.both, shape=Answer.shape),
    Query(
        "impact",
        "what a change of a dataset or column affects: columns, datasets and jobs, each with a grade and a path",
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
        impact,
        shape=Impact.shape,
    ),
    Query(
        "paths",
        "how data gets from one of two datasets or columns to the other: the shortest path, or all paths",
        (
            node("from", "one end, in any spelling", "dataset", "column"),
            node("to", "the other end", "dataset", "column"),
            Parameter("ways", "shortest, or all that lies between the two", default="shortest", choices=_PATHS),
            _TYPE,
            _AS_OF,
            Parameter("limit", "paths to list, the shortest first", "integer", 100, minimum=1, maximum=10_000),
        ),
        paths,
        shape=Paths.shape,
    ),
    Query(
        "audit",
        "what a model was made of: from an endpoint, model or job of SageMaker back to the data as it stood when it "
        "was read, the runs that made it, its source columns, and what has changed since",
        (
            node(
                "node",
                "an endpoint, model, model package or job: its ARN, KIND/NAME or name; or a dataset, or a run",
                "dataset",
                "run",
            ),
            _AS_OF,
        ),
        audit,
        shape=Audit.shape,
    ),
    Query(
        "search",
        "datasets, columns, jobs (also by their business names), other names of datasets, tags (also owners), runs by "
        "any id: exact matches, then prefixes, then the rest",
        (
            Parameter(
                "q", "what to look for in names and ids, in upper or lower case; or words of them", required=True
            ),
            Parameter("limit", "rows of one page", "integer", 50, minimum=1, maximum=1_000),
            Parameter("next", "where the page begins: `next` of the page before"),
        ),
        search.search,
        ("id", "label", "name", "dataset", "match", "businessName"),
    ),
    Query(
        "datasets",
        "all datasets",
        (Parameter("dataset", "only this one", "node", labels=("dataset",)), *paging()),
        tables.datasets,
        ("id", "name", "namespace", "columns", "description"),
    ),
    Query(
        "columns",
        "the columns of a dataset",
        (node("dataset", "the dataset, in any spelling", "dataset"), *paging()),
        tables.columns,
        ("id", "name", "type", "origin", "resolved", "expression", "ambiguous", "description"),
    ),
    Query(
        "dataset-versions",
        "the states of a dataset, newest first, with the runs that made them",
        (node("dataset", "the dataset, in any spelling", "dataset"), *paging()),
        tables.dataset_versions,
        ("id", "timestamp", "effect", "partition", "run", "previous", *tables.TOLD),
    ),
    Query("jobs", "all jobs", paging(), tables.jobs, ("id", "namespace", "name", "plans", "description")),
    Query(
        "plans",
        "the logics of a job: what each reads and writes, and its runs",
        (node("job", "the job's id, or namespace/name", "job"), *paging()),
        tables.plans,
        ("id", "target", "effect", "reads", "runs", "failed", "lastRun"),
    ),
    Query(
        "runs",
        "the runs of a job, newest first",
        (node("job", "the job's id, or namespace/name", "job"), *paging()),
        tables.runs,
        (
            "id",
            "timestamp",
            "durationNs",
            "status",
            "error",
            "appId",
            "user",
            "jobRun",
            "runId",
            "parentJob",
            "parentRun",
            "plan",
        ),
    ),
    Query(
        "latest-runs",
        "the latest runs of all jobs, newest first",
        (
            Parameter("status", "absent: all", choices=("success", "failed")),
            _time("since", "only runs since then"),
            Parameter("job", "only of jobs with this text in their name; with *: whose whole name matches"),
            *paging(),
        ),
        latest.latest_runs,
        latest.RUNS,
    ),
    Query(
        "latest-changes",
        "datasets that are new, jobs that are new to a dataset, and jobs with new logic, the latest first",
        paging(),
        latest.latest_changes,
        latest.CHANGES,
    ),
    Query(
        "run",
        "what a run executed, used and generated",
        (node("run", "the run's id", "run"), *paging()),
        tables.run,
        ("relation", "id", "dataset", "timestamp", "effect", "partition", "certain"),
    ),
    _WHY,
    *_PAST,
    Query(
        "operations",
        "what a plan does, operation by operation, in the order in which data flows",
        (node("plan", "the plan's id, or the agent's id of it", "plan"), *paging(1_000)),
        tables.operations,
        ("id", "name", "kind", "expression", "follows"),
    ),
    Query(
        "tags",
        "the tags of a dataset and its columns, of a column, or of a job",
        (node("node", "the dataset, column or job, in any spelling", *LABELS), *paging()),
        tagged.tags,
        ("node", "tag", "statedBy", "statedAt", "reason", "pattern"),
    ),
    Query(
        "facts",
        "what systems say of a dataset and its columns, of a column, or of a job: types and formats in a catalogue, "
        "statistics, who can read it",
        (
            node("node", "the dataset, column or job, in any spelling", *LABELS),
            Parameter("key", "only facts with this key, e.g. type"),
            *paging(),
        ),
        tables.facts,
        ("node", "key", "value", "source", "scope", "name", "at"),
    ),
    Query(
        "at-path",
        "the tables and datasets at a path or around it, the nearest first, and which partition of them it is",
        (Parameter("path", "a path, e.g. of a file in S3", required=True), *paging()),
        places.at_path,
        ("dataset", "tables", "rest", "partition"),
    ),
    Query(
        "who-can-read",
        "who can read a dataset or column, or the columns with a tag, as Lake Formation says",
        (
            Parameter("node", "the dataset or column, in any spelling", "node", labels=("dataset", "column")),
            Parameter("tag", "instead of a node: the columns with this tag", "node", labels=("tag",)),
            Parameter(
                "reached",
                "also of the columns that its data reached, until it is hashed or masked",
                "boolean",
                default=False,
            ),
            *paging(),
        ),
        access.who_can_read,
        ("node", "principal", "through", "columns", "rows", "condition", "grant", "table", "at"),
    ),
    Query(
        "wider-access",
        "columns that somebody can read who cannot read a column from which they are derived, as Lake Formation says",
        paging(),
        access.wider_access,
        ("column", "source", "principals"),
    ),
    Query(
        "tagged",
        "the datasets, columns and jobs that have a tag",
        (_TAG, *paging()),
        tagged.tagged,
        ("id", "label", "tag", "statedBy", "statedAt", "reason", "pattern"),
    ),
    Query("tag-counts", "all tags, and how many nodes have each", paging(), tagged.tag_counts, ("tag", "nodes")),
    Query(
        "tag-flow",
        "the columns that a tag reaches with the data: along DIRECT edges, until a column is hashed or masked",
        (
            _TAG,
            Parameter(
                "state",
                "declared: has the tag itself; undeclared: derived from such a column; masked: where the tag ends",
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
        "why there is an edge, or why all edges of a node: rule, expression, plan, runs; and why names are one dataset",
        (
            node("node", "the dataset or column that is derived, in any spelling", "dataset", "column"),
            Parameter("source", "from what it is derived; absent: all", "node", labels=("dataset", "column")),
            *paging(),
        ),
        explaining.explain,
        explaining.COLUMNS,
    ),
    Query(
        "in-words",
        "where a dataset or column comes from, in one sentence",
        (node("node", "the dataset or column, in any spelling", "dataset", "column"), _AS_OF, *paging()),
        sentence.sentence,
        sentence.COLUMNS,
    ),
    Query(
        "find-runs",
        "the runs of an id: an agent's plan id, a Spark application, a Glue job run (jr_...), OpenLineage's runId",
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
    rules: Rules = DEFAULT,
) -> Result:
    """Run a query by its name, with parameters as text or typed.

    With pairs instead of a mapping, a parameter that is given twice can be refused. `deadline` is in seconds of
    `clock`. `now_ms` gives ms since 1970: a later `asOf` is refused. `rules` are the naming rules with which the graph
    was built. Raises UnknownQuery, QueryError for a parameter, NodeNotFound, and the store's own errors.
    """
    query = BY_NAME.get(name)
    if query is None:
        raise UnknownQuery(f"there is no query {name!r}", "query", difflib.get_close_matches(name, BY_NAME))
    pairs = given.items() if isinstance(given, Mapping) else given
    values = dict(values_of(query, pairs))
    for parameter in query.parameters:
        if parameter.type == "node" and values[parameter.name] is not None:
            find = resolve_all if parameter.many else resolve
            spelling = values[parameter.name]
            try:
                values[parameter.name] = find(g, spelling, parameter.labels, parameter.name, rules)
            except NothingWritten:
                raise
            except NodeNotFound as error:
                columns = _columns_named(g, spelling) if "column" in parameter.labels else []
                near = list(dict.fromkeys((*columns, *error.suggestions)))[:_SUGGESTED]
                raise type(error)(error.message, error.field, near) from error
        elif parameter.type == "time" and values[parameter.name] is not None:
            values[parameter.name] = past_time(g, values[parameter.name], parameter.name, now_ms())
    if "asOf" in values:
        values["asOf"] = as_of(g, values["asOf"], "asOf", now_ms())
    _refuse_backwards(values)
    until = clock() + deadline
    found = query.ask(g, values, lambda: clock() >= until)
    if not isinstance(found, Page):
        return found
    asked = {name: value.name if isinstance(value, PastTime) else value for name, value in values.items()}
    rows = tuple({name: row.get(name) for name in query.columns} for row in found.rows)
    about = [*found.about, *_datasets_asked(query, values, found.rows)]
    reason = found.reason or reason_of_erasures(g, about, found.writes_of)
    return Table(query.name, asked, query.columns, rows, found.next, reason)


def _datasets_asked(query: Query, values: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The datasets that a question names, and those that its rows are about; none if it is about no node."""
    asked = [values[parameter.name] for parameter in query.parameters if parameter.type == "node"]
    nodes = [node for given in asked if given for node in ([given] if isinstance(given, str) else given)]
    about = [row["id"] for row in rows if isinstance(row.get("id"), str)] if nodes else []
    return [split_node(node)[0] for node in (*nodes, *about)]


def _columns_named(g: GraphTraversalSource, spelling: str) -> list[str]:
    """Some columns with this bare name, of whatever dataset: who knows the column alone has to be told the whole id."""
    bare = spelling.strip()
    if not bare or "#" in bare or "/" in bare:
        return []
    named = g.V().has_label("column").has("name", P.within(bare, bare.lower())).limit(_SUGGESTED)
    return sorted(named.id_().to_list())


_SUGGESTED = 5  #: nodes


def _refuse_backwards(values: Mapping[str, object]) -> None:
    """QueryError: a period ends before it begins."""
    begin, end = values.get("from"), values.get("to")
    if isinstance(begin, PastTime) and isinstance(end, PastTime) and end.at < begin.at:
        raise QueryError(f"to ({end.name}) is earlier than from ({begin.name}): give the earlier one as from", "to")


def values_of(query: Query, given: Iterable[tuple[str, object]]) -> Mapping[str, Any]:
    """What is asked, typed, with nodes as they were spelled: no graph is needed. QueryError: for a parameter."""
    return parse(query.parameters, _with_column(query, list(given)))


def _with_column(query: Query, pairs: list[tuple[str, object]]) -> list[tuple[str, object]]:
    """`column` joined to the node: in a URL a bare ``#`` and what follows it never reach the server."""
    names = {parameter.name for parameter in query.parameters}
    takes = any(parameter.name == "node" and "column" in parameter.labels for parameter in query.parameters)
    columns = [value for name, value in pairs if name == "column"]
    if not takes or "column" in names or not columns:
        return pairs
    nodes = [value for name, value in pairs if name == "node"]
    if len(columns) > 1 or len(nodes) != 1 or "#" in str(nodes[0]):
        raise QueryError("column is given once, beside one node that is a dataset", "column")
    rest = [(name, value) for name, value in pairs if name not in ("node", "column")]
    return [*rest, ("node", f"{nodes[0]}#{columns[0]}")]
