"""Queries about what people state: the tags of a node, the nodes of a tag, and how far a tag flows with the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import P, T, TextP

from headwater.graphmodel.ids import split_node, tag_id
from headwater.graphmodel.statements import IGNORED, LABELS, pattern
from headwater.queries.answers.errors import QueryError
from headwater.queries.answers.page import Page, Row, cut
from headwater.queries.tracing.walk import Step, chunks, walk

_MOST = 100_000  #: columns that one tag may reach

Given = Mapping[str, Any]

_EDGE = ("statedBy", "statedAt", "reason", "pattern")


def tags(g: GraphTraversalSource, given: Given) -> Page:
    """The tags of a node; of a dataset also those of its columns."""
    node = given["node"]
    own = g.V(node).union(__.identity(), __.out("hasColumn")) if split_node(node)[1] is None else g.V(node)
    rows = _told(own.out_e("taggedWith"), node=__.out_v().id_(), tag=__.in_v().values("name"))
    return cut(sorted(rows, key=lambda row: (row["node"], row["tag"])), given)


def tagged(g: GraphTraversalSource, given: Given) -> Page:
    """The nodes that have a tag."""
    edges = g.V(given["tag"]).in_e("taggedWith")
    rows = _told(edges, id=__.out_v().id_(), label=__.out_v().label(), tag=__.in_v().values("name"))
    return cut(sorted(rows, key=lambda row: (row["id"], row["tag"])), given)


def tag_counts(g: GraphTraversalSource, given: Given) -> Page:
    """All tags by name, each with the number of nodes that have it."""
    found = g.V().has_label("tag").project("tag", "nodes").by("name").by(__.in_("taggedWith").count()).to_list()
    counted = [{"tag": row["tag"], "nodes": row["nodes"]} for row in found]
    return cut(sorted(counted, key=lambda row: row["tag"]), given)


def matching(g: GraphTraversalSource, given: Given) -> Page:
    """The datasets, columns and jobs whose id matches a pattern."""
    wanted = given["pattern"]
    labels = ["column"] if "#" in wanted else [label for label in LABELS if label != "column"]
    found = g.V().has_label(*labels).has(T.id, TextP.starting_with(wanted.partition("*")[0]))
    rows = found.project("id", "label", "name").by(T.id).by(T.label).by("name").to_list()
    fits = pattern(wanted).fullmatch
    return cut(sorted((row for row in rows if fits(row["id"])), key=lambda row: row["id"]), given)


def tag_flow(g: GraphTraversalSource, given: Given) -> Page:
    """Where a tag has come with the data: along DIRECT edges, from the columns that have it, up to those that mask.

    A row a column: `state` is ``declared`` (it has the tag itself, or its dataset has), ``undeclared``, or ``masked``
    (it is derived from such a column, hashed or masked: the tag stops there). `path` is a shortest one, from a declared
    column on.
    """
    declared = _declared(g, given["tag"])
    flow = _Flow(g, declared)
    walked = walk(declared, flow.step, depth=None, limit=_MOST, late=lambda: False)
    if walked.reason:
        raise QueryError(f"{given['tag']} reaches more than {_MOST:,} columns", "tag")
    masked = {node: 1 + walked.distances[source] for node, source in flow.masked.items()}
    states = {node: "declared" if node in declared else "undeclared" for node in walked.distances}
    found = {**dict.fromkeys(masked.keys() - states.keys(), "masked"), **states}
    rows: list[Row] = [
        {
            "id": node,
            "dataset": split_node(node)[0],
            "state": state,
            "distance": walked.distances.get(node, masked.get(node)),
            "path": flow.path(node),
        }
        for node, state in found.items()
        if given["state"] in (None, state)
    ]
    return cut(sorted(rows, key=lambda row: (row["distance"], row["id"])), given)


def tags_of(g: GraphTraversalSource, nodes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The tags of each of these nodes that has any, in order. Costs one short request where nothing is tagged."""
    if not _any_tags(g):
        return {}
    found: dict[str, set[str]] = {}
    for ids in chunks(nodes):
        edges = g.V(ids).out_e("taggedWith")
        for row in edges.project("node", "tag").by(__.out_v().id_()).by(__.in_v().values("name")).to_list():
            found.setdefault(row["node"], set()).add(row["tag"])
    return {node: tuple(sorted(names)) for node, names in found.items()}


def _any_tags(g: GraphTraversalSource) -> bool:
    """Whether anything is tagged."""
    return bool(g.V().has_label("tag").limit(1).id_().to_list())


def ignored_jobs(g: GraphTraversalSource) -> list[str]:
    """The jobs whose lineage is left out of answers."""
    return sorted(g.V(tag_id(IGNORED)).in_("taggedWith").has_label("job").id_().to_list())


def _declared(g: GraphTraversalSource, tag: str) -> dict[str, None]:
    """The columns that have a tag, or whose dataset has it."""
    nodes = g.V(tag).in_("taggedWith")
    columns = nodes.union(__.has_label("column"), __.has_label("dataset").out("hasColumn"))
    return dict.fromkeys(sorted(columns.id_().dedup().to_list()))


class _Flow:
    """The edges that carry a tag, as they are met; `masked` are the columns where it stops, with a source of each."""

    def __init__(self, g: GraphTraversalSource, declared: Mapping[str, None]) -> None:
        self._g = g
        self._declared = declared
        self._ignored = ignored_jobs(g)
        self._from: dict[str, str] = {}
        self.masked: dict[str, str] = {}

    def step(self, level: Sequence[str]) -> Step:
        """One hop with the flow."""
        beyond: set[str] = set()
        for ids in chunks(level):
            for row in sorted(self._edges(ids), key=lambda row: (row["source"], row["target"])):
                if row["masking"]:
                    self.masked.setdefault(row["target"], row["source"])
                else:
                    beyond.add(row["target"])
                    self._from.setdefault(row["target"], row["source"])
        return Step((), beyond)

    def path(self, node: str) -> list[str]:
        """From a declared column to this one."""
        path = [node]
        if node not in self._from and node in self.masked:
            path.append(self.masked[node])
        while path[-1] not in self._declared:
            path.append(self._from[path[-1]])
        return path[::-1]

    def _edges(self, ids: list[str]) -> list[Row]:
        edges = self._g.V(ids).in_e("derivesFrom").has("type", "DIRECT")
        edges = edges.not_(__.has("carried", True))  # noqa: FBT003 - Gremlin's has(key, value)
        if self._ignored:
            edges = edges.not_(__.has("job", P.within(self._ignored)))
        rows = edges.project("source", "target", "masking").by(__.in_v().id_()).by(__.out_v().id_()).by("masking")
        found: list[Row] = rows.to_list()
        return found


def _told(edges: GraphTraversal, **cells: GraphTraversal) -> list[Row]:
    """Rows of these cells and the edge's own properties; what is not known is None."""
    every: dict[str, GraphTraversal | str] = {**cells, **{key: key for key in _EDGE}}
    projected = edges.project(*every)
    for cell in every.values():
        projected = projected.by(cell)
    return [{name: None if row[name] == "" else row[name] for name in every} for row in projected.to_list()]
