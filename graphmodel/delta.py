"""Vertices, edges and sets of changes to them: what a store is asked to hold.

Values are str, bool, int or float only (Neptune takes no lists, maps or nulls): absent means absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

Value = str | bool | int | float

_NONE: Mapping[str, Value] = MappingProxyType({})


# Tuples, since a new plan makes some hundred of them: a frozen dataclass takes three times as long to make.


class Vertex(NamedTuple):
    """A vertex. `id` is a function of the content; `label` is in `graphmodel.vocabulary`."""

    id: str
    label: str
    properties: Mapping[str, Value] = _NONE


class Edge(NamedTuple):
    """An edge from `source` to `target` (vertex ids, `out` and `in` in Gremlin). `key` is its own identity."""

    label: str
    source: str
    target: str
    key: str
    properties: Mapping[str, Value] = _NONE


@dataclass(frozen=True)
class Part:
    """Vertices and edges that belong together."""

    vertices: tuple[Vertex, ...] = ()
    edges: tuple[Edge, ...] = ()


@dataclass(frozen=True)
class GraphDelta:
    """Changes to be applied as one: removals first, then vertices, then edges.

    `vertices` and `edges` are upserts: a vertex that exists gets the properties named (Cardinality.single).
    `removed_edges` are (label, source, key), `removed_vertices` are ids (their edges go with them); what is
    already absent is no error.
    """

    vertices: tuple[Vertex, ...] = ()
    edges: tuple[Edge, ...] = ()
    removed_edges: tuple[tuple[str, str, str], ...] = ()
    removed_vertices: tuple[str, ...] = ()


def digest(*parts: str) -> str:
    """128 bits of SHA-256 over the parts, as 32 hex digits.

    The length of each part is hashed before it, so that ("ab", "c") and ("a", "bc") have two digests.
    """
    # Joined, and hashed at once: each edge of each plan needs a digest.
    hashed = [_known_part(part) if len(part) < _SHORT else _part(part) for part in parts]
    return hashlib.sha256(b"".join(hashed)).hexdigest()[:32]


def _part(part: str) -> bytes:
    data = part.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "big") + data


_SHORT = 200  #: characters: labels, ids of plans and of columns, which come in many edges of one plan
_known_part = lru_cache(4_096)(_part)


def edge(label: str, source: str, target: str, *discriminators: str, **properties: Value | None) -> Edge:
    """An edge whose key is the hash of label, ends and discriminators. Properties that are None are left out."""
    key = digest(label, source, target, *discriminators)
    return Edge(label, source, target, key, {k: v for k, v in properties.items() if v is not None})


def vertex(id: str, label: str, **properties: Value | None) -> Vertex:  # noqa: A002 - the field's own name
    """A vertex without the properties that are None."""
    return Vertex(id, label, {k: v for k, v in properties.items() if v is not None})


def edge_id(label: str, source: str, target: str, key: str) -> str:
    """The id of an edge as 32 hex digits, for stores that take an id (T.id, ``~id`` in a file of Neptune's loader)."""
    return digest(label, source, target, key)
