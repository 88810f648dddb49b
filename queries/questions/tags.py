"""Queries about what people state: the tags of a node, the nodes of a tag, and how far a tag flows with the data."""

from __future__ import annotations

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import T, TextP

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.statements import LABELS, pattern
from headwater.queries.answers.errors import QueryError
from headwater.queries.answers.page import Page, Row, Values, cut
from headwater.queries.tracing.tags import TagFlow, columns_with_tag
from headwater.queries.tracing.walk import DeadlinePassed, walk

_MOST = 100_000  #: columns that one tag may reach

_EDGE = ("statedBy", "statedAt", "reason", "pattern")


def tags(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The tags of a node; of a dataset also those of its columns."""
    node = values["node"]
    own = g.V(node).union(__.identity(), __.out("hasColumn")) if split_node(node)[1] is None else g.V(node)
    rows = _rows(own.out_e("taggedWith"), node=__.out_v().id_(), tag=__.in_v().values("name"))
    return cut(sorted(rows, key=lambda row: (row["node"], row["tag"])), values)


def tagged(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The nodes that have a tag."""
    edges = g.V(values["tag"]).in_e("taggedWith")
    rows = _rows(edges, id=__.out_v().id_(), label=__.out_v().label(), tag=__.in_v().values("name"))
    return cut(sorted(rows, key=lambda row: (row["id"], row["tag"])), values)


def tag_counts(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """All tags by name, each with the number of nodes that have it."""
    found = g.V().has_label("tag").project("tag", "nodes").by("name").by(__.in_("taggedWith").count()).to_list()
    counted = [{"tag": row["tag"], "nodes": row["nodes"]} for row in found]
    return cut(sorted(counted, key=lambda row: row["tag"]), values)


def matching(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The datasets, columns and jobs whose id matches a pattern."""
    wanted = values["pattern"]
    labels = ["column"] if "#" in wanted else [label for label in LABELS if label != "column"]
    found = g.V().has_label(*labels).has(T.id, TextP.starting_with(wanted.partition("*")[0]))
    rows = found.project("id", "label", "name").by(T.id).by(T.label).by("name").to_list()
    fits = pattern(wanted).fullmatch
    return cut(sorted((row for row in rows if fits(row["id"])), key=lambda row: row["id"]), values)


def tag_flow(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """Where a tag has come with the data: along DIRECT edges, from the columns that have it, up to those that mask.

    A row a column: `state` is ``declared`` (it has the tag itself, or its dataset has), ``undeclared``, or ``masked``
    (it is derived from such a column, hashed or masked: the tag stops there). `path` is a shortest one, from a declared
    column on.
    """
    declared = columns_with_tag(g, values["tag"])
    flow = TagFlow(g, declared)
    walked = walk(declared, flow.step, depth=None, limit=_MOST, deadline_passed=deadline_passed)
    if walked.reason == "limit":
        raise QueryError(f"{values['tag']} reaches more than {_MOST:,} columns", "tag")
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
        if values["state"] in (None, state)
    ]
    return cut(sorted(rows, key=lambda row: (row["distance"], row["id"])), values, walked.reason)


def _rows(edges: GraphTraversal, **cells: GraphTraversal) -> list[Row]:
    """Rows of these cells and the edge's own properties; what is not known is None."""
    every: dict[str, GraphTraversal | str] = {**cells, **{key: key for key in _EDGE}}
    projected = edges.project(*every)
    for cell in every.values():
        projected = projected.by(cell)
    return [{name: None if row[name] == "" else row[name] for name in every} for row in projected.to_list()]
