"""Queries about what people state: the tags of a node, the nodes of a tag, and how far a tag flows with the data."""

from __future__ import annotations

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import T, TextP

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.statements.model import LABELS, pattern
from headwater.queries.answers.errors import QueryError
from headwater.queries.answers.page import Page, Row, Values, page, slice_page
from headwater.queries.tracing.rows import Cells, rows
from headwater.queries.tracing.tags import TagFlow, columns_with_tag
from headwater.queries.tracing.walk import DeadlinePassed, chunks, walk

_MOST = 100_000  #: columns that one tag may reach

_STATED = ("statedBy", "statedAt", "reason", "pattern")


def tags(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The tags of a node; of a dataset also those of its columns."""
    node = values["node"]
    own = g.V(node).union(__.identity(), __.out("hasColumn")) if split_node(node)[1] is None else g.V(node)
    found = _statements(own.out_e("taggedWith"), {"node": __.out_v().id_(), "tag": __.in_v().values("name")})
    return slice_page(sorted(found, key=lambda row: (row["node"], row["tag"])), values)


def tagged(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The nodes that have a tag, by id. The store sorts and cuts: a tag by a pattern may be that of every column."""
    first, most = values["next"], values["limit"] + 1
    found = g.V(values["tag"]).in_("taggedWith").order().by(T.id).range_(first, first + most).id_().to_list()
    cells = {"id": __.out_v().id_(), "label": __.out_v().label(), "tag": __.in_v().values("name")}
    stated = list[Row]()
    for ids in chunks(found):
        stated += _statements(g.V(ids).out_e("taggedWith").where(__.in_v().has_id(values["tag"])), cells)
    return page(sorted(stated, key=lambda row: row["id"]), values)


def tag_counts(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """All tags by name, each with the number of nodes that have it."""
    counted = rows(g.V().has_label("tag"), {"tag": "name", "nodes": __.in_("taggedWith").count()})
    return slice_page(sorted(counted, key=lambda row: row["tag"]), values)


def matching(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The datasets, columns and jobs whose id matches a pattern."""
    wanted = values["pattern"]
    labels = ["column"] if "#" in wanted else [label for label in LABELS if label != "column"]
    found = g.V().has_label(*labels).has(T.id, TextP.starting_with(wanted.partition("*")[0]))
    ids = sorted(filter(pattern(wanted).matches, found.id_().to_list()))
    shown = ids[values["next"] : values["next"] + values["limit"] + 1]
    cells = {"id": T.id, "label": T.label, "name": "name"}
    named = [row for some in chunks(shown) for row in rows(g.V(some), cells)]
    return page(sorted(named, key=lambda row: row["id"]), values)


def tag_flow(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """Where a tag has come with the data: along DIRECT edges, from the columns that have it, up to those that mask.

    A row a column: `state` is ``declared`` (it has the tag itself, or its dataset has), ``undeclared``, or ``masked``
    (it is derived from such a column, hashed or masked: the tag stops there). `path` is a shortest one, from a declared
    column on.
    """
    declared = columns_with_tag(g, values["tag"])
    flow = TagFlow(g, declared)
    walked = walk(declared, flow.steps, depth=None, limit=_MOST, deadline_passed=deadline_passed)
    if walked.reason == "limit":
        raise QueryError(f"{values['tag']} reaches more than {_MOST:,} columns", "tag")
    masked = {node: 1 + walked.distances[source] for node, source in flow.masked.items()}
    states = {node: "declared" if node in declared else "undeclared" for node in walked.distances}
    found = {**dict.fromkeys(masked.keys() - states.keys(), "masked"), **states}
    flowed: list[Row] = [
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
    return slice_page(sorted(flowed, key=lambda row: (row["distance"], row["id"])), values, walked.reason)


def _statements(edges: GraphTraversal, cells: Cells) -> list[Row]:
    """Rows of these cells and of who stated it, when and why; what is not known is None."""
    found = rows(edges, {**cells, **{key: key for key in _STATED}})
    return [{name: None if value == "" else value for name, value in row.items()} for row in found]
