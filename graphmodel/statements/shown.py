"""What statements that count show in the graph: tags and their edges, and properties of vertices.

Functions of the node and of the statements `about` it (`StatementIndex.about`), not of what the graph showed before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from headwater.graphmodel import ids
from headwater.graphmodel.delta import Edge, Part, Vertex, edge, vertex
from headwater.graphmodel.statements.effective import StatementIndex
from headwater.graphmodel.statements.model import DATASET, DESCRIPTION, FACTS, LABELS, PEOPLE, RETIRED, TAG, Statement
from headwater.graphmodel.statements.values import BUSINESS_NAME, StatedColumn, facts_of


def tag_edges(node: str, about: Iterable[Statement]) -> dict[str, Edge]:
    """The edges from a node to its tags, by tag, out of the statements that count and are `about` it.

    A tag stays as long as one statement gives it: the node's own or a pattern's, of any source. The latest one gives
    the edge its properties; `sources` names all sources.
    """
    by_tag: dict[str, list[Statement]] = {}
    for one in about:
        if one.kind == TAG and not one.withdrawn:
            by_tag.setdefault(one.value, []).append(one)
    return {tag: _tag_edge(node, tag, by_tag[tag]) for tag in sorted(by_tag)}


def _tag_edge(node: str, tag: str, given: list[Statement]) -> Edge:
    last = max(given, key=lambda one: (one.rank, one.key))
    properties = {
        "statedBy": last.by or "",
        "reason": last.reason or "",
        "pattern": last.subject if last.is_pattern else "",
        "sources": ", ".join(sorted({one.source for one in given})),
    }
    return edge("taggedWith", node, ids.tag_id(tag), statedAt=last.at, **properties)


def edge_of(node: str, tag: str) -> Edge:
    """What identifies the edge from a node to a tag."""
    return edge("taggedWith", node, ids.tag_id(tag))


def tag_vertex(tag: str) -> Vertex:
    """A tag: ``key`` or ``key=value``."""
    return vertex(ids.tag_id(tag), "tag", name=tag)


def retirements(about: Iterable[Statement]) -> list[int]:
    """When a dataset was dropped, in ms since 1970, out of the statements that count and are `about` it."""
    return sorted({one.at for one in about if (one.kind, one.value, one.withdrawn) == (TAG, RETIRED, False)})


def description(node: str, about: Iterable[Statement]) -> str | None:
    """The description of a node, out of the statements `about` it; `""` if it was withdrawn, None if there was none.

    Of several sources people's counts, else the latest. What a system lists as the comment of a column describes it.
    """
    said = list(_describing(node, about))
    standing = [one for one in said if not one.withdrawn]
    if standing:
        return max(standing, key=lambda one: (one.source == PEOPLE, one.rank, one.key, one.value)).value
    return "" if said else None


def _describing(node: str, about: Iterable[Statement]) -> Iterator[Statement]:
    for one in about:
        if one.kind == DESCRIPTION and one.subject == node:
            yield one
        elif one.kind == DATASET and one.subject != node:
            column = _column(one, node)
            comment = column.comment if column else ""
            yield replace(one, kind=DESCRIPTION, subject=node, value=comment, name="", withdrawn=not comment)


def facts(node: str, about: Iterable[Statement]) -> str | None:
    """The facts of a node as JSON, out of the statements `about` it; `""` if all were withdrawn, None for none ever.

    A list of ``{"key", "value", "source", "scope", "at"}`` and perhaps ``name``, by key, then source, scope and name:
    where several say something of one key, all of it is told. What a system lists gives facts as well: `_listed_facts`.
    """
    said = [one for one in about if one.kind == DATASET or (one.kind == FACTS and one.subject == node)]
    if not said:
        return None
    found = [
        (key, one.source, one.scope, one.name, one.at, value)
        for one in said
        if not one.withdrawn
        for key, value in (facts_of(one.value) if one.kind == FACTS else _listed_facts(one, node)).items()
    ]
    if not found:
        return ""
    found.sort(key=lambda fact: (*fact[:5], json.dumps(fact[5])))
    told = [
        {"key": key, "value": value, "source": source, "scope": scope, "at": at, **({"name": name} if name else {})}
        for key, source, scope, name, at, value in found
    ]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def business_names(node: str, about: Iterable[Statement]) -> str | None:
    """How catalogues for people call a node, in lower case, for a search; `""` for no more, None for none ever.

    The fact ``businessName`` of each source, in order of the alphabet, one a line.
    """
    said = [one for one in about if one.kind == FACTS and one.subject == node]
    if not said:
        return None
    found = {facts_of(one.value).get(BUSINESS_NAME) for one in said if not one.withdrawn}
    return "\n".join(sorted({" ".join(name.lower().split()) for name in found if isinstance(name, str)}))


def _listed_facts(one: Statement, node: str) -> dict[str, Any]:
    """What a statement that lists a dataset says of the dataset, or of a column of it.

    Of the dataset ``table`` (the statement's name), ``format`` and ``partitionKeys``; of a column ``type`` and
    ``partitionKey``.
    """
    listed = one.dataset
    if listed is None:
        return {}
    if one.subject == node:
        said: dict[str, Any] = {"table": one.name, "format": listed.format, "partitionKeys": listed.partition_keys}
    else:
        column = _column(one, node)
        said = {"type": column.type, "partitionKey": column.partition_key} if column else {}
    return {key: value for key, value in said.items() if value}


def _column(one: Statement, node: str) -> StatedColumn | None:
    listed = one.dataset
    return listed.columns.get(ids.split_node(node)[1] or "") if listed else None


def said_of(node: str, about: Iterable[Statement]) -> dict[str, str]:
    """The properties that statements `about` a node give its vertex."""
    listed = list(about)
    said = {
        "description": description(node, listed),
        "facts": facts(node, listed),
        "businessNames": business_names(node, listed),
    }
    return {name: value for name, value in said.items() if value is not None}


def parts(index: StatementIndex, nodes: Mapping[str, str]) -> Iterator[Part]:
    """All that statements add to a graph with these nodes (id -> label), to which those that are listed belong."""
    for node, label in nodes.items():
        about = index.about(node)
        for tag, its_edge in tag_edges(node, about).items():
            yield Part((tag_vertex(tag),), (its_edge,))
        said = said_of(node, about)
        if said:
            yield Part((vertex(node, label, **said),))


def with_properties(part: Part, index: StatementIndex) -> Part:
    """The part with the properties that statements give its vertices."""
    vertices = (_with_properties(v, index.about(v.id)) if v.label in LABELS else v for v in part.vertices)
    return Part(tuple(vertices), part.edges)


def _with_properties(v: Vertex, about: Iterable[Statement]) -> Vertex:
    said = said_of(v.id, about)
    return Vertex(v.id, v.label, {**v.properties, **said}) if said else v


def with_statements(part: Part, index: StatementIndex) -> Part:
    """The part with what statements give its vertices: properties, and tags."""
    described = with_properties(part, index)
    tags: dict[str, Vertex] = {}
    edges: list[Edge] = []
    for v in part.vertices:
        if v.label in LABELS:
            for tag, its_edge in tag_edges(v.id, index.about(v.id)).items():
                tags[tag] = tag_vertex(tag)
                edges.append(its_edge)
    return Part((*described.vertices, *tags.values()), (*described.edges, *edges))
