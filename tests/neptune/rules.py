"""What Neptune refuses, as far as a request shows it, and what it counts. Read from bytecode.

https://docs.aws.amazon.com/neptune/latest/userguide/access-graph-gremlin-differences.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.neptune.wire import Code, Other, Pairs, Request, Token, values

MOST_BYTES = 157_286_400
_WRITING = frozenset({"addV", "addE", "mergeV", "mergeE", "drop", "property"})
_FORBIDDEN = frozenset(
    {"io", "program", "pageRank", "peerPressure", "connectedComponent", "shortestPath", "read", "write"}
)
#: Steps that Neptune has, and that no request of ours may use (DESIGN.md, section 4).
_OURS = frozenset({"match", "tree", "store"})
_EDGES = frozenset({"E", "addE", "mergeE", "outE", "inE", "bothE"})
_VERTICES = frozenset({"V", "addV", "mergeV", "out", "in", "both", "outV", "inV", "bothV", "otherV"})
_ID, _LABEL = Token("T", "id"), Token("T", "label")


def wrong(asked: Request) -> tuple[str, str] | None:
    """Code and words of a refusal."""
    if asked.size > MOST_BYTES:
        return "QueryTooLargeException", "The request is larger than 157286400 bytes"
    if not isinstance(asked.gremlin, Code):
        return None
    for node in values(asked.gremlin):
        if isinstance(node, Other):
            return "UnsupportedOperationException", f"a {node.kind} is not supported"
        if isinstance(node, Code) and (found := _step(node)):
            return found
        if isinstance(node, Pairs) and (found := _pairs(node)):
            return found
    return None


def _step(code: Code) -> tuple[str, str] | None:
    edge = False  #: what the steps are at: only a vertex has cardinalities
    for name, arguments in code.steps:
        edge = name in _EDGES or (edge and name not in _VERTICES)
        if name in _FORBIDDEN | _OURS:
            return "UnsupportedOperationException", f"the step {name}() is not supported"
        if name in ("V", "E") and not all(type(id_) is str for id_ in _flat(arguments)):
            return "InvalidParameterException", f"{name}() takes ids that are strings"
        if name == "property" and not edge and arguments[0] != Token("Cardinality", "single"):
            return "UnsupportedOperationException", "property() without single would add to a set"
    return None


def _flat(arguments: tuple[Any, ...]) -> Iterator[Any]:
    for argument in arguments:
        if type(argument) is list:
            yield from argument
        else:
            yield argument


def _pairs(node: Pairs) -> tuple[str, str] | None:
    for key, value in node.pairs:
        if key == _ID and type(value) not in (str, Code):
            return "InvalidParameterException", "an id is a string"
        if key == _LABEL and isinstance(value, str) and "::" in value:
            return "UnsupportedOperationException", "'::' stands between labels"
        if value is None:
            return "InvalidParameterException", "a property cannot be null"
    return None


def writes(gremlin: Any) -> bool:
    """Whether a request changes anything."""
    return any(name in _WRITING for node in values(gremlin) if isinstance(node, Code) for name, _ in node.steps)


def records(gremlin: Any) -> int:
    """Labels and properties in a request's rows and steps."""
    steps = [name for node in values(gremlin) if isinstance(node, Code) for name, _ in node.steps]
    return steps.count("property") + sum(
        1
        for node in values(gremlin)
        if isinstance(node, Pairs)
        for key, value in node.pairs
        if not isinstance(value, (Pairs, list)) and (key == _LABEL or isinstance(key, str))
    )
