"""The HTTP API as an OpenAPI 3.1 document, made from the table of queries, the shapes of answers and the table here.

Served as ``/api/v1/openapi.json``; docs/http.md is made from it:
``python -m headwater.ingest.http.openapi > docs/http.md``. Not here: what the routes do.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from headwater.ingest.http.authenticator import Scope
from headwater.queries.answers.answer import Answer, Edge, Node
from headwater.queries.answers.audit import ROWS, Audit
from headwater.queries.answers.grades import GRADES
from headwater.queries.answers.impact import LABELS, AffectedNode, Impact, UngradedJob
from headwater.queries.answers.paths import Paths
from headwater.queries.catalogue.catalogue import BY_NAME, QUERIES
from headwater.queries.catalogue.parameters import Parameter
from headwater.queries.catalogue.query import Query

PATH = "/api/v1/openapi.json"
Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer"}
_YES: Schema = {"type": "boolean"}
_ANCHOR: Schema = {"type": ["object", "null"], "description": "where the ledger ended: at, file, sequence, hash"}
_AFTER = Parameter("after", "wait until this entry of the ledger is in the graph (Headwater-Entry)", "integer")


def _object(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def _null_or(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


@dataclass(frozen=True)
class Endpoint:
    """A route that is no query: who may ask, what it takes, and what it answers (None: nothing but its status)."""

    path: str
    summary: str
    answer: Schema | None
    parameters: tuple[Parameter, ...] = ()
    method: Literal["get", "head", "post"] = "get"
    scope: Scope | None = "read"
    status: int = 200
    content_type: str = "application/json"
    body: Mapping[str, Schema] | None = None  #: schema of what is sent, by content type


_COUNTS: Schema = {"type": "object", "additionalProperties": _NUMBER}
_PLAN = (_AFTER, Parameter("plan", "the plan's id in the graph", required=True))
_STATEMENT = _object(
    {"kind": {"enum": ["tag", "description", "same"]}, "subject": _TEXT, "value": _TEXT},
    {"withdrawn": _YES, "by": _TEXT, "reason": _TEXT},
)
_SPLINE = (
    *(f"application/vnd.absa.spline.producer.v{version}+json" for version in ("1.2", "1.1")),
    "application/json",
)

_EVENTS_ASKED = (
    Parameter("timestampStart", "ms since 1970, inclusive", "integer"),
    Parameter("timestampEnd", "ms since 1970, inclusive", "integer"),
    Parameter("asAtTime", "only what had been received by then, in ms since 1970; 0: all", "integer", 0),
    Parameter("pageNum", "the page, from 1", "integer", 1, minimum=1),
    Parameter("pageSize", "items of one page", "integer", 10, minimum=1, maximum=1_000),
    Parameter("sortField", "a field of the items"),
    Parameter("sortOrder", "asc or desc", choices=("asc", "desc")),
    Parameter("searchTerm", "a text in the framework, application, its id, or the data source's URI or type"),
    Parameter("append", "true, false, or nothing for sources never written; several between commas"),
    Parameter("label", "NAME:VALUE,VALUE; may be given several times"),
    Parameter("applicationId", "the Spark application's id"),
    Parameter("dataSourceUri", "the data source, in any spelling"),
    Parameter("facet.timestamp", "true: `totalDateRange` is computed"),
)
_OVERVIEW = (
    Parameter("eventId", "the execution event", required=True),
    Parameter("maxDepth", "jobs on any way", "integer", 5, maximum=100),
)
_ITEMS = {"items": _list({"type": "object"}), **dict.fromkeys(("totalCount", "pageNum", "pageSize"), _NUMBER)}
_GRAPH = _object({"nodes": _list({"type": "object"}), "edges": _list({"type": "object"})})
_DETAILED = _object({"executionPlan": {"type": "object"}, "graph": _GRAPH})
_LABELS_ASKED = (
    Parameter("search", "a text in the names"),
    Parameter("offset", "how many are passed over", "integer", 0),
    Parameter("length", "how many, at most", "integer"),
)

#: Spline's Consumer API, as its UI asks it: docs/consumer.md.
_CONSUMER = tuple(
    Endpoint(f"/consumer/{path}", f"Spline: {summary}", answer, parameters)
    for path, summary, answer, parameters in (
        ("execution-events", "executions, page by page", _object(_ITEMS), _EVENTS_ASKED),
        ("data-sources", "data sources, each with its last write", _object(_ITEMS), _EVENTS_ASKED),
        ("execution-plans", "plans, the newest first", _object(_ITEMS), _EVENTS_ASKED[2:5]),
        ("execution-plans/{plan}", "a plan and its operations", _DETAILED, ()),
        ("execution-plans/{plan}/write-op", "the plan's write operation, by a redirection", {"type": "object"}, ()),
        (
            "execution-plans/{plan}/data-sources",
            "the data sources of a plan",
            _list(_TEXT),
            (Parameter("access", "read or write", choices=("read", "write")),),
        ),
        (
            "lineage-detailed",
            "a plan and its operations",
            _DETAILED,
            (Parameter("execId", "the plan's id", required=True),),
        ),
        (
            "lineage-overview",
            "plans and data sources upstream of an execution",
            _object({"graph": _GRAPH, "info": {"type": "object"}}),
            _OVERVIEW,
        ),
        (
            "impact-overview",
            "plans and data sources downstream of an execution",
            _object({"graph": _GRAPH, "info": {"type": "object"}}),
            _OVERVIEW,
        ),
        (
            "attribute-lineage-and-impact",
            "where an attribute of a plan comes from, and what is computed from it",
            _object({"lineage": _GRAPH, "impact": _GRAPH}),
            (Parameter("attributeId", "PLAN:ATTRIBUTE", required=True),),
        ),
        (
            "operations/{operation}",
            "an operation with its schemas and expressions; the id is PLAN:OPERATION",
            {"type": "object"},
            (),
        ),
        ("labels/names", "the labels of plans", _list(_TEXT), _LABELS_ASKED),
        ("labels/names/{label}/values", "the values of a label", _list(_TEXT), _LABELS_ASKED),
    )
)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "/api",
        "what there is on this server: each path, with what it is for; also as /api/v1",
        _object(
            {
                "name": _TEXT,
                "version": _TEXT,
                "openapi": {**_TEXT, "description": "the path of this API's description as OpenAPI 3.1"},
                "paths": {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": _TEXT}},
            }
        ),
    ),
    Endpoint(
        "/api/v1/queries",
        "the queries that can be asked",
        _object({"queries": _list({"type": "object"})}),
    ),
    Endpoint(
        "/api/v1/stats",
        "what there is: entries of the ledger, how many are not yet in the graph, vertices and edges by label",
        _object(
            {
                **dict.fromkeys(("entries", "lag", "parked", "waiting"), _NUMBER),
                **dict.fromkeys(("vertices", "edges"), _COUNTS),
                "rebuilding": _YES,
            },
            {
                "bytes": {**_NUMBER, "description": "of the ledger's files"},
                "verified": {
                    **_null_or(_object({"at": _NUMBER, "ok": _YES, "entries": _NUMBER}, {"anchor": _ANCHOR})),
                    "description": "the last `headwater verify` of this folder, and the last with an anchor",
                },
            },
        ),
        (_AFTER,),
    ),
    Endpoint(
        "/sagemaker/query-lineage",
        "QueryLineage of Amazon SageMaker, from this graph: its request, and its answer",
        _object({"Vertices": _list({"type": "object"})}, {"Edges": _list({"type": "object"}), "NextToken": _TEXT}),
        method="post",
        content_type="application/x-amz-json-1.1",
        body={key: {"type": "object"} for key in ("application/x-amz-json-1.1", "application/json")},
    ),
    Endpoint(
        "/api/v1/parked",
        "entries that could not be brought into the graph, with the reason",
        _object(
            {
                "parked": _list(_object({"sequence": _NUMBER, "kind": _TEXT, "reason": _TEXT, "at": _NUMBER})),
                "next": _null_or(_TEXT),
            }
        ),
        (
            _AFTER,
            Parameter("limit", "rows of one page", "integer", 100, maximum=1_000),
            Parameter("next", "where the page begins: `next` of the page before", "integer"),
        ),
    ),
    Endpoint(
        "/api/v1/parked/retry",
        "try the parked entries again",
        _object({"retried": _NUMBER, "parked": _NUMBER}),
        method="post",
        scope="admin",
    ),
    Endpoint(
        "/api/v1/plan-types",
        "Spark's type of each column that a plan writes",
        _object({"plan": _TEXT, "types": {"type": "object", "additionalProperties": _TEXT}}),
        _PLAN,
    ),
    Endpoint(
        "/api/v1/plan-entry",
        "the entry of the ledger that holds a plan, with its hash; null if there is none",
        _object(
            {"plan": _TEXT, "entry": _null_or(_NUMBER)},
            {"hash": _TEXT, "receivedAt": _NUMBER, "sender": _null_or(_TEXT)},
        ),
        _PLAN,
    ),
    Endpoint(
        "/api/v1/column-types",
        "Spark's type of each column of a dataset, as the plans say that write it, or else those that read it",
        _object({"dataset": _TEXT, "types": {"type": "object", "additionalProperties": _TEXT}}),
        (
            _AFTER,
            Parameter("dataset", "the dataset, in any spelling", required=True),
            Parameter("asOf", "a time or run: as the plans say that ran until then; absent or now: all"),
        ),
    ),
    Endpoint(
        "/api/v1/impact-report",
        "the query impact as a file to keep or send",
        _TEXT,
        (
            _AFTER,
            Parameter("format", "of the file", default="html", choices=("csv", "markdown", "html")),
            *BY_NAME["impact"].parameters,
        ),
        content_type="text/html",
    ),
    Endpoint(
        "/api/v1/events",
        "server-sent events: how far the graph is, at once and whenever that changes",
        _TEXT,
        content_type="text/event-stream",
    ),
    Endpoint(
        "/api/v1/me",
        "who asks, and which scopes that opens; the data folder, for who may do all, else null",
        _object(
            {
                "name": _null_or(_TEXT),
                "scopes": _list({"enum": ["write", "read", "annotate", "admin"]}),
                "folder": _null_or(_TEXT),
            }
        ),
    ),
    Endpoint(
        "/api/v1/run-links",
        "where else runs can be looked at: addresses with places for {job}, {appId} and {jobRun},"
        " for runs whose property `needs` begins with `begins`",
        _object({"links": _list(_object(dict.fromkeys(("title", "needs", "begins", "url"), _TEXT)))}),
    ),
    Endpoint(
        "/api/v1/first-plan",
        "how a first job is made to report here: lines of PySpark, and parameters of an AWS Glue job",
        _object({"pyspark": _TEXT, "glue": _list(_list(_TEXT))}),
        (Parameter("url", "the address by which jobs reach this server"),),
    ),
    Endpoint(
        "/api/v1/name-entry",
        "the first entry of the ledger that gives a dataset another name; null if none does",
        _object({"name": _TEXT, "dataset": _TEXT, "entry": _null_or(_NUMBER), "source": _null_or(_TEXT)}),
        (
            _AFTER,
            Parameter("name", "the other name", required=True),
            Parameter("dataset", "the id of the dataset", required=True),
        ),
    ),
    Endpoint(
        "/api/v1/erased",
        "the last entry in the graph that says that a payload was erased; 0: none does",
        _object({"entry": _NUMBER}),
        (_AFTER,),
    ),
    Endpoint(
        "/api/v1/snapshots",
        "the last snapshot of each scope of a source: when it was taken, and the digest that its sender gave",
        _object({"source": _TEXT, "snapshots": _list(_object({"scope": _TEXT, "at": _NUMBER, "digest": _TEXT}))}),
        (_AFTER, Parameter("source", "the system that sends the snapshots, e.g. glue", required=True)),
    ),
    Endpoint("/api/v1/naming", "the naming rules with which the graph is built", _object({"rules": _TEXT})),
    Endpoint(
        "/api/v1/statements",
        "state a tag, an owner (the tag owner=NAME), a description, or that two datasets are one",
        _object({"entry": _NUMBER, "subject": _TEXT, "value": _TEXT, "nodes": _NUMBER}),
        method="post",
        scope="annotate",
        status=201,
        body={"application/json": _STATEMENT},
    ),
    Endpoint(
        "/api/v1/statements/snapshots",
        "all that a system states about one scope; what it does not list any more is withdrawn",
        _object({"entry": _NUMBER}),
        method="post",
        scope="admin",
        status=201,
        body={"application/json": {"type": "object"}},
    ),
    Endpoint(
        "/api/v1/lineage",
        "an OpenLineage event",
        None,
        method="post",
        scope="write",
        status=201,
        body={"application/json": {"type": "object"}},
    ),
    Endpoint(
        "/api/v1/lineage/batch",
        "many OpenLineage events",
        {"type": "object"},
        method="post",
        scope="write",
        body={"application/json": _list({"type": "object"})},
    ),
    Endpoint(
        "/producer/execution-plans",
        "Spline's Producer API 1.0, 1.1 and 1.2: a plan; its id is answered",
        _TEXT,
        method="post",
        scope="write",
        status=201,
        body={kind: {"type": "object"} for kind in _SPLINE},
    ),
    Endpoint(
        "/producer/execution-events",
        "Spline's Producer API: events, one for each run",
        None,
        method="post",
        scope="write",
        status=201,
        body=dict.fromkeys(_SPLINE, _list({"type": "object"})),
    ),
    *_CONSUMER,
    Endpoint("/producer/status", "what a Spline agent asks first", None, method="head", scope="write"),
    Endpoint("/health", "whether the server runs", _object({"status": _TEXT, "instance": _TEXT}), scope=None),
    Endpoint(
        "/ready",
        "whether the ledger takes entries and the graph can be asked",
        _object({"status": _TEXT, "entries": _NUMBER, "lag": _null_or(_NUMBER), "rebuilding": _YES}),
        scope=None,
    ),
    Endpoint("/metrics", "figures for Prometheus", _TEXT, content_type="text/plain"),
)


_HEADERS: Schema = {
    "Headwater-Graph": {
        "description": "number and hash of the last entry of the ledger that was in the graph when it was asked",
        "schema": {"type": "string"},
    }
}


def document(version: str) -> Schema:
    """The whole document; `version` is that of the package."""
    paths: dict[str, Schema] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method] = _operation(endpoint)
    for query in QUERIES:
        paths[f"/api/v1/queries/{query.name}"] = {"get": _query(query, query.name)}
    for name in ("lineage", "search"):
        paths.setdefault(f"/api/v1/{name}", {})["get"] = _query(BY_NAME[name], f"{name}-directly")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headwater",
            "version": version,
            "summary": "Column-level data lineage for Spark on AWS",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"apiKey": []}, {}],
        "tags": [{"name": tag} for tag in ("queries", "server", "senders")],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
            "responses": {"error": {"description": "why not", "content": _json_of(_ref("Error"))}},
        },
    }


def _operation(endpoint: Endpoint) -> Schema:
    answered: Schema = {"description": "the answer"}
    if endpoint.answer is not None:
        answered["content"] = {endpoint.content_type: {"schema": endpoint.answer}}
    operation: Schema = {
        "operationId": f"{endpoint.method}-{re.sub('[{}]', '', endpoint.path).strip('/').replace('/', '-')}",
        "summary": endpoint.summary,
        "tags": ["senders" if endpoint.scope in ("write", "annotate", "admin") else "server"],
        "description": f"Scope: {endpoint.scope or 'none; no token is needed'}.",
        "parameters": [*_in_path(endpoint.path), *(_parameter(parameter) for parameter in endpoint.parameters)],
        "responses": {str(endpoint.status): answered, "default": {"$ref": "#/components/responses/error"}},
    }
    if endpoint.scope is None:
        operation["security"] = [{}]
    if endpoint.body is not None:
        content = {kind: {"schema": schema} for kind, schema in endpoint.body.items()}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _in_path(path: str) -> Iterator[Schema]:
    """The parameters that stand in braces in a path."""
    for name in re.findall(r"{(\w+)}", path):
        yield {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _query(query: Query, identity: str) -> Schema:
    answer = _ref(_SHAPES[query.shape])
    if query.shape == "rows":
        row = _object({column: {} for column in query.columns})
        answer = {"allOf": [answer, {"type": "object", "properties": {"rows": _list(row)}}]}
    return {
        "operationId": identity,
        "summary": query.summary,
        "tags": ["queries"],
        "description": "Scope: read.",
        "parameters": [_parameter(parameter) for parameter in (*query.parameters, _AFTER)],
        "responses": {
            "200": {"description": "the answer", "headers": _HEADERS, "content": _json_of(answer)},
            "default": {"$ref": "#/components/responses/error"},
        },
    }


def _json_of(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _parameter(parameter: Parameter) -> Schema:
    schema: Schema = {"type": parameter.type if parameter.type in ("integer", "boolean") else "string"}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.type == "integer":
        schema["minimum"] = parameter.minimum
        if parameter.maximum is not None:
            schema["maximum"] = parameter.maximum
    if parameter.default is not None:
        schema["default"] = parameter.default
    described = {"name": parameter.name, "in": "query", "description": parameter.meaning, "schema": schema}
    return {**described, "required": True} if parameter.required else described


# shapes ---------------------------------------------------------------------------------------------------------------

#: The name of the schema of each shape of an answer.
_SHAPES = {"lineage": "Lineage", "rows": "Rows", "impact": "Impact", "paths": "Paths", "audit": "Audit"}
#: What is in the JSON of a class only where it says something.
_OPTIONAL = {
    Node: ("columnCount", "moreUpstream", "moreDownstream", "lastRun", "lastStatus"),
    Edge: ("columns", "behind"),
}


def _schemas() -> dict[str, Schema]:
    state = {"complete": _YES, "reason": _null_or(_TEXT)}
    graph = {"nodes": _list(_ref("Node")), "edges": _list(_ref("Edge"))}
    affected = AffectedNode("", "", "", 0).to_dict()
    types = {"distance": _NUMBER, "path": _list(_NUMBER), "lastRun": _null_or(_NUMBER), "intervalMs": _null_or(_NUMBER)}
    nullable = {"job", "owner"}
    return {
        "Error": _object(
            {"error": _TEXT}, {"field": _null_or(_TEXT), "suggestions": _list(_TEXT), "reason": _TEXT, "lag": _NUMBER}
        ),
        "Node": _of_class(Node),
        "Edge": _of_class(Edge),
        "Lineage": _object(
            {
                "shape": {"const": Answer.shape},
                "root": _TEXT,
                "direction": {"enum": ["upstream", "downstream", "both"]},
                "depth": _null_or(_NUMBER),
                "type": {"enum": ["direct", "indirect", "all"]},
                "asOf": _null_or(_TEXT),
                **graph,
                **state,
            },
            {"datasets": _list(_ref("Node"))},
        ),
        "Rows": _object(
            {
                "shape": {"const": "rows"},
                "query": _TEXT,
                "parameters": {"type": "object"},
                "columns": _list(_TEXT),
                "rows": _list({"type": "object"}),
                "next": _null_or(_TEXT),
                **state,
            }
        ),
        "Impact": _object(
            {
                "shape": {"const": Impact.shape},
                "root": _TEXT,
                "change": _TEXT,
                "depth": _null_or(_NUMBER),
                "asOf": _null_or(_TEXT),
                "totals": _object(dict.fromkeys([g.value for g in GRADES], _object(dict.fromkeys(LABELS, _NUMBER)))),
                "affected": _list(
                    _object({key: types.get(key, _null_or(_TEXT) if key in nullable else _TEXT) for key in affected})
                ),
                "edges": _list(_ref("Edge")),
                "unknown": _list(_of_class(UngradedJob)),
                **state,
            }
        ),
        "Audit": _object(
            {
                "shape": {"const": Audit.shape},
                "root": _TEXT,
                "kind": _TEXT,
                "name": _TEXT,
                "asOf": _null_or(_TEXT),
                **dict.fromkeys(ROWS, _list({"type": "object"})),
                **state,
            }
        ),
        "Paths": _object(
            {
                "shape": {"const": Paths.shape},
                "from": _TEXT,
                "to": _TEXT,
                "type": _TEXT,
                "asOf": _null_or(_TEXT),
                "direction": _null_or(_TEXT),
                **graph,
                "paths": _list(_list(_TEXT)),
                **state,
            }
        ),
    }


_OF_TYPE: Mapping[object, Schema] = {str: _TEXT, int: _NUMBER, bool: _YES}


def _of_class(kind: type[Any]) -> Schema:
    hints = get_type_hints(kind)
    known = {field.name: _of_hint(hints[field.name]) for field in fields(kind)}
    optional = _OPTIONAL.get(kind, ())
    required = {name: schema for name, schema in known.items() if name not in optional}
    return _object(required, {name: known[name] for name in optional})


def _of_hint(hint: object) -> Schema:
    if get_origin(hint) is tuple:
        return _list(_of_hint(get_args(hint)[0]))
    if NoneType in get_args(hint):
        (inner,) = (arg for arg in get_args(hint) if arg is not NoneType)
        return _null_or(_of_hint(inner))
    return _OF_TYPE[hint]


def entry(version: str) -> Schema:
    """What somebody gets who asks for the API itself; the paths by method, each with its summary."""
    paths = {
        path: {method.upper(): operation["summary"] for method, operation in operations.items()}
        for path, operations in document(version)["paths"].items()
    }
    found = {"/": {"GET": "the page in a browser"}, "/gremlin": {"GET": "Gremlin, over a WebSocket"}, **paths}
    return {"name": "Headwater", "version": version, "openapi": PATH, "paths": dict(sorted(found.items()))}


# the page of the documentation ----------------------------------------------------------------------------------------

_HEAD = """\
# HTTP

<!-- Made by `python -m headwater.ingest.http.openapi > docs/http.md` from ingest/http/openapi.py. -->

All that a server answers over HTTP. The same as OpenAPI 3.1: `GET /api/v1/openapi.json`. Parameters
and columns of the queries are in [Queries](queries.md), the Gremlin endpoint in
[Gremlin](gremlin.md), the page in a browser in [In a browser](page.md), what OpenLineage's clients
send in [OpenLineage](openlineage.md).

A token is sent as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`, once there are tokens;
`scope` is the one that it needs ([Who may do what](security.md#tokens-and-scopes)). An error is
JSON: `error` says in a sentence what is wrong, `field` names the parameter, `suggestions` are
values that may be meant. Answers above 1 kB are sent gzipped to clients that take it. A question
may take 60 seconds; 64 are answered at a time, and further ones get 503 with `Retry-After`. The
answer of a query has the header `Headwater-Graph`: number and hash of the last entry of the ledger
that was in the graph when it was asked.

| method | path | scope | what |
|---|---|---|---|
"""


def page() -> str:
    """The page about HTTP, in Markdown."""
    return _HEAD + "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    for endpoint in ENDPOINTS:
        yield _line(endpoint.method, endpoint.path, endpoint.scope, endpoint.summary)
    for name in ("lineage", "search"):
        yield _line("get", f"/api/v1/{name}", "read", f"as the query {name}")
    for query in QUERIES:
        yield _line("get", f"/api/v1/queries/{query.name}", "read", query.summary)


def _line(method: str, path: str, scope: Scope | None, summary: str) -> str:
    return f"| {method.upper()} | `{path}` | {scope or ''} | {summary} |"


if __name__ == "__main__":
    sys.stdout.write(page())
