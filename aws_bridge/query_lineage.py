"""SageMaker's QueryLineage, answered from Headwater's graph: the same request and the same shape, into Spark's columns.

Pure: what is asked of the graph is a function that is given. A vertex is a dataset or column (``Artifact``) or a job
(``Action``; ``TrialComponent`` for what trains, processes and transforms). What has no ARN of its own gets one in which
its id can be read, and beside it the id itself, as ``Id``: a key that AWS's shape does not have and its clients skip.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_QueryLineage.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from headwater.queries.answers.answer import Answer
from headwater.queries.answers.errors import NodeNotFound, QueryError

_DIRECTIONS = ("Both", "Ascendants", "Descendants")
_FILTERS = ("Types", "LineageTypes")  #: of QueryFilters; the others need what the graph does not have
_FIELDS = ("StartArns", "Direction", "IncludeEdges", "Filters", "MaxDepth", "MaxResults", "NextToken")
_DEPTH, _MOST_DEPTH = 10, 1_000  #: hops without MaxDepth, as at AWS, whose own limit this is too; and the most
_RESULTS, _MOST_RESULTS = 50, 10_000
_LONGEST_ARN = 256
_OWN = "arn:aws:sagemaker:headwater:000000000000"  #: the root of ARNs for what AWS does not know
_OWN_ARN = re.compile(rf"{_OWN}:(?:artifact|action)/(.+)")
_RESOURCE = re.compile(r"arn:[^:]+:sagemaker:[^:]*:[^:]*:([^/]+)/.+")
_SAGEMAKER_JOB = re.compile(r"job:sagemaker://[^/]*/([^/]+)/.*")
_COMPONENTS = frozenset({"training-job", "processing-job", "transform-job"})

Ask = Callable[[str, Mapping[str, object]], Any]
"""(name of a canned query, parameters) -> its answer. QueryError, NodeNotFound."""


class InvalidRequest(Exception):
    """A request that cannot be answered: `code` as AWS names it, and one sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class _Vertex:
    id: str
    arn: str
    type: str
    lineage_type: str

    def to_dict(self) -> dict[str, str]:
        return {"Arn": self.arn, "Type": self.type, "LineageType": self.lineage_type, "Id": self.id}


@dataclass
class _Graph:
    """Vertices by id, and edges as (source, destination) -> type; each points the way the data flows."""

    vertices: dict[str, _Vertex] = field(default_factory=dict)
    edges: dict[tuple[str, str], str] = field(default_factory=dict)

    def node(self, node: str) -> str:
        self.vertices.setdefault(node, _vertex(node))
        return node

    def edge(self, source: str, destination: str, kind: str) -> None:
        self.edges.setdefault((self.node(source), self.node(destination)), kind)


def answer(asked: Mapping[str, Any], ask: Ask) -> dict[str, Any]:
    """The answer to a request of QueryLineage. InvalidRequest."""
    _check(asked)
    direction = asked.get("Direction") or "Both"
    graph = _Graph()
    starts = [_start(one, ask) for one in asked["StartArns"]]
    for start in starts:
        _read(graph, start, direction, ask)
        graph.node(start)
    order = _reached(graph, starts, direction, asked.get("MaxDepth") or _DEPTH)
    filters = asked.get("Filters") or {}
    kept = [one for one in order if _passes(graph.vertices[one], filters)]
    begin, size = int(asked.get("NextToken") or 0), asked.get("MaxResults") or _RESULTS
    place = {node: number for number, node in enumerate(kept)}
    found: dict[str, Any] = {"Vertices": [graph.vertices[node].to_dict() for node in kept[begin : begin + size]]}
    if asked.get("IncludeEdges", True):
        # An edge comes with the later of its ends, so that all pages together have each edge once.
        found["Edges"] = [
            {
                "SourceArn": graph.vertices[source].arn,
                "DestinationArn": graph.vertices[destination].arn,
                "AssociationType": kind,
            }
            for (source, destination), kind in sorted(graph.edges.items())
            if source in place
            and destination in place
            and begin <= max(place[source], place[destination]) < begin + size
        ]
    return found | ({"NextToken": str(begin + size)} if begin + size < len(kept) else {})


def _check(asked: Mapping[str, Any]) -> None:
    unknown = sorted(asked.keys() - set(_FIELDS))
    if unknown:
        raise InvalidRequest("ValidationException", f"there is no field {unknown[0]}")
    starts = asked.get("StartArns")
    if not isinstance(starts, list) or not starts or not all(isinstance(one, str) and one for one in starts):
        raise InvalidRequest("ValidationException", "StartArns must be a list of ARNs, or ids of nodes")
    if asked.get("Direction") not in (None, *_DIRECTIONS):
        raise InvalidRequest("ValidationException", f"Direction must be one of {', '.join(_DIRECTIONS)}")
    for name, most in (("MaxDepth", _MOST_DEPTH), ("MaxResults", _MOST_RESULTS)):
        value = asked.get(name)
        if value is not None and not (isinstance(value, int) and 0 < value <= most):
            raise InvalidRequest("ValidationException", f"{name} must be a whole number from 1 to {most:,}")
    token = asked.get("NextToken")
    if token is not None and not (isinstance(token, str) and token.isdecimal()):
        raise InvalidRequest("ValidationException", "NextToken must be that of the page before")
    filters = asked.get("Filters") or {}
    refused = sorted(set(filters) - set(_FILTERS)) if isinstance(filters, dict) else ["Filters"]
    if refused:
        expected = " and ".join(f"Filters.{name}" for name in _FILTERS)
        raise InvalidRequest("ValidationException", f"{refused[0]} is not supported: only {expected} are")


def _start(arn: str, ask: Ask) -> str:
    """The node that an ARN, or an id, names; of a job of SageMaker what it wrote."""
    own = _OWN_ARN.fullmatch(arn)
    name = unquote(own[1]) if own else arn
    if name.startswith("job:"):
        plans = ask("plans", {"job": name, "limit": 1}).rows
        if plans:
            return str(plans[0]["target"])
    try:
        return str(ask("lineage", {"node": name, "depth": 0}).root)
    except QueryError as error:
        try:
            runs = ask("find-runs", {"id": name}).rows
        except NodeNotFound:
            runs = ()
        for run in runs:
            for row in ask("run", {"run": run["run"]}).rows:
                if row["relation"] == "generated":
                    return str(row["dataset"])
        raise InvalidRequest("ResourceNotFound", error.message) from None


def _read(graph: _Graph, start: str, direction: str, ask: Ask) -> None:
    """All that lies on the asked sides of a node: datasets with the jobs between them, then columns."""
    ways = {"Ascendants": ("upstream",), "Descendants": ("downstream",)}.get(direction, ("upstream", "downstream"))
    dataset, _, column = start.partition("#")
    with_columns: set[str] = {dataset} if column else set()
    for way in ways:
        found: Answer = ask("lineage", {"node": dataset, "direction": way, "level": "dataset", "limit": 100_000})
        for edge in found.edges:
            graph.edge(edge.source, edge.job or edge.source, "ContributedTo")
            graph.edge(edge.job or edge.source, edge.target, "Produced")
            if _SAGEMAKER_JOB.fullmatch(edge.job or "") and way == "upstream":
                with_columns.add(edge.source)  # where SageMaker's own knowledge ends
        for one in sorted(with_columns | ({dataset} if not _RESOURCE.fullmatch(dataset) else set())):
            _read_columns(graph, start if one == dataset and column else one, way, ask)


def _read_columns(graph: _Graph, node: str, way: str, ask: Ask) -> None:
    found: Answer = ask("lineage", {"node": node, "direction": way, "level": "column", "limit": 100_000})
    for one in found.nodes:
        if one.label == "column":
            graph.edge(one.id, one.dataset, "AssociatedWith")
    for edge in found.edges:
        if "#" in edge.source and "#" in edge.target:
            graph.edge(edge.source, edge.target, "DerivedFrom")


def _reached(graph: _Graph, starts: Iterable[str], direction: str, depth: int) -> list[str]:
    """The vertices within so many hops, the nearest first; each side is walked for itself."""
    back: dict[str, list[str]] = {}
    ahead: dict[str, list[str]] = {}
    for source, destination in sorted(graph.edges):
        back.setdefault(destination, []).append(source)
        ahead.setdefault(source, []).append(destination)
    sides = {"Ascendants": (back,), "Descendants": (ahead,)}.get(direction, (back, ahead))
    distance: dict[str, int] = {}
    for side in sides:
        level, seen = list(dict.fromkeys(starts)), dict[str, int]()
        for hops in range(depth + 1):
            seen.update(dict.fromkeys(level, hops))
            level = sorted({other for node in level for other in side.get(node, ())} - seen.keys())
        for node, hops in seen.items():
            distance[node] = min(hops, distance.get(node, hops))
    return sorted(distance, key=lambda node: (distance[node], node))


def _passes(vertex: _Vertex, filters: Mapping[str, Any]) -> bool:
    types, lineage_types = filters.get("Types"), filters.get("LineageTypes")
    return (not types or vertex.type in types) and (not lineage_types or vertex.lineage_type in lineage_types)


def _vertex(node: str) -> _Vertex:
    job = node.startswith("job:")
    resource = _RESOURCE.fullmatch(node)
    if job:
        sagemaker = _SAGEMAKER_JOB.fullmatch(node)
        kind = _camel(sagemaker[1]) if sagemaker else "SparkExecution"
        lineage_type = "TrialComponent" if sagemaker and sagemaker[1] in {*_COMPONENTS, "pipeline"} else "Action"
        return _Vertex(node, _arn("action", node), kind, lineage_type)
    if resource:
        return _Vertex(node, node, _camel(resource[1]), "Artifact")
    return _Vertex(node, _arn("artifact", node), "Column" if "#" in node else "DataSet", "Artifact")


def _arn(kind: str, node: str) -> str:
    """An ARN of AWS's form in which the id can be read; an id that is too long for one is cut, `Id` has it whole."""
    return f"{_OWN}:{kind}/{quote(node, safe='/:.@=-_')}"[:_LONGEST_ARN]


def _camel(kind: str) -> str:
    return "".join(part.capitalize() for part in kind.split("-"))
