"""The facts that systems state of nodes: types and formats of a catalogue, statistics, who can read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P, T

from headwater.queries.tracing.walk import chunks


class Fact(NamedTuple):
    """One fact, as `graphmodel.statements.shown.facts` writes it."""

    key: str
    value: Any  #: any JSON value
    source: str  #: the system that says it
    scope: str  #: what part of the system
    name: str  #: of several things at one location the one that it is about, e.g. a table; empty for none
    at: int  #: when the system said so, in ms since 1970


def facts_in(text: str) -> list[Fact]:
    """The facts in the property ``facts`` of a vertex."""
    found = json.loads(text) if text else []
    return [Fact(name=one.pop("name", ""), **one) for one in found]


def facts_of(g: GraphTraversalSource, nodes: Sequence[str]) -> dict[str, list[Fact]]:
    """The facts of each of these nodes that has any, by key, source, scope and name."""
    found: dict[str, list[Fact]] = {}
    for ids in chunks(nodes):
        said = g.V(ids).has("facts", P.neq("")).project("node", "facts").by(T.id).by(__.values("facts"))
        for row in said.to_list():
            found[row["node"]] = facts_in(row["facts"])
    return found
