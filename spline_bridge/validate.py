"""Is a parsed document what the Spline Producer API allows? First its schema, then what a schema cannot say.

The compiled validator only says yes or no; what is wrong with a refused document is explained by `jsonschema`, which
takes a hundred times as long. Dangling references are no fault: Spline takes them, and so does the mapping.
Rules: https://absaoss.github.io/spline/ (Producer API).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from headwater.spline_bridge.errors import DecodeError, InvalidDocument, json_path, shown

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

# 1.1 is 1.2 without `labels`, and a field that a version does not know is ignored: one schema serves both.
_SCHEMA_VERSION = {"1.0": "1.0", "1.1": "1.2", "1.2": "1.2"}

_EXPLAINED = 3
_COUNTED = 1_000  #: a hostile document can break its schema a million times; counting them all helps nobody

_TYPES = {
    "null": "null",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}

_KINDS: Mapping[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def validate_plan(document: object, version: str) -> None:
    """An execution plan of API `version` (1.0, 1.1, 1.2). DecodeError: with the path of what is wrong."""
    plan = _conforming(document, f"plan-{_SCHEMA_VERSION[version]}")
    for what, path, things in _identified(plan):
        _unique(what, path, things)
    _acyclic(plan["operations"])


def validate_events(document: object, version: str) -> None:
    """An array of execution events of API `version` (1.0, 1.1, 1.2). DecodeError: with the path of what is wrong."""
    for index, event in enumerate(_conforming(document, f"events-{_SCHEMA_VERSION[version]}")):
        for field in ("timestamp", "durationNs"):
            # 1.0 is an integer in JSON Schema's eyes; so is a number too large for JSON readers to keep exact.
            if isinstance(event.get(field), float):
                message = "expected a 64-bit integer, got a number with a fraction or an exponent"
                raise DecodeError(message, json_path((index, field)))


def _conforming(document: object, name: str) -> Any:
    fast, schema = _validators(name)
    if not fast.is_valid(document):
        raise _explained(document, schema) or _named(document, fast)
    return document


@cache
def _validators(name: str) -> tuple[jsonschema_rs.Draft202012Validator, dict[str, Any]]:
    schema = json.loads((files("headwater.spline_bridge") / "schemas" / f"{name}.json").read_text("utf-8"))
    return jsonschema_rs.Draft202012Validator(schema), schema


# What is wrong, in words ----------------------------------------------------------------------------------------------


def _named(document: object, fast: jsonschema_rs.Draft202012Validator) -> InvalidDocument:
    """Should the two validators disagree, the compiled one is right; the other one has no words for it."""
    path = next(iter(fast.iter_errors(document))).instance_path
    return InvalidDocument("expected another value", json_path(path))


def _explained(document: object, schema: Mapping[str, Any]) -> InvalidDocument | None:
    from jsonschema import Draft202012Validator  # a tenth of a second, and most processes refuse nothing

    errors = Draft202012Validator(schema).iter_errors(document)
    violations = list(dict.fromkeys(chain.from_iterable(_sentences(e, schema) for e in islice(errors, _COUNTED))))
    if not violations:
        return None
    (path, message), *rest = violations[:_EXPLAINED]
    lines = [f"{p}: {m}" for p, m in rest]
    more = len(violations) - _EXPLAINED
    if more > 0:
        lines.append(f"and {more} more")
    return InvalidDocument(message, path, tuple(lines))


def _sentences(error: ValidationError, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path, message) of each fault that a schema error stands for."""
    at = tuple(error.absolute_path)
    instance: Any = error.instance
    part: Any = error.schema
    if error.validator == "required":
        for name in part["required"]:
            if name not in instance:
                expected = _expected(part["properties"][name], schema)
                yield json_path((*at, name)), f"expected {expected}, got nothing"
    else:
        got = _GOT.get(str(error.validator), _kind)(instance)
        yield json_path(at), f"expected {_expected(part, schema)}, got {got}"


def _expected(part: Any, schema: Mapping[str, Any]) -> str:
    while "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    if "title" in part:
        return str(part["title"])
    types = part["type"]
    return _TYPES[types if isinstance(types, str) else types[0]]


def _kind(instance: object) -> str:
    return _KINDS[type(instance)]


def _other_text(_: object) -> str:
    return "another string"


def _out_of_range(instance: object) -> str:
    return f"{_kind(instance)} out of its range"


def _how_many(reference: object) -> str:
    if not isinstance(reference, dict):
        return _kind(reference)  # as its type error says: the two become one sentence
    return "both" if all(isinstance(reference.get(k), str) for k in ("__attrId", "__exprId")) else "neither"


_GOT: Mapping[str, Callable[[Any], str]] = {
    "pattern": _other_text,
    "maxLength": _other_text,
    "minimum": _out_of_range,
    "maximum": _out_of_range,
    "oneOf": _how_many,
}


# What a schema cannot say ---------------------------------------------------------------------------------------------


def _operations(operations: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield operations["write"]
    yield from operations.get("reads") or ()
    yield from operations.get("other") or ()


def _identified(plan: Mapping[str, Any]) -> Iterator[tuple[str, str, Iterable[Mapping[str, Any]]]]:
    """(what, path, the things) for each kind of thing whose ids are unique in a plan."""
    expressions = plan.get("expressions") or {}
    extra = plan.get("extraInfo") or {}
    yield "operation", "$.operations", _operations(plan["operations"])
    if "attributes" in plan:
        yield "attribute", "$.attributes", plan["attributes"] or ()
    elif _are_attributes(extra.get("attributes")):  # API 1.0
        yield "attribute", "$.extraInfo.attributes", extra["attributes"]
    functions, constants = expressions.get("functions") or (), expressions.get("constants") or ()
    yield "expression", "$.expressions", chain(functions, constants)


def _are_attributes(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(x, dict) and "id" in x for x in value)


def _unique(what: str, path: str, things: Iterable[Mapping[str, Any]]) -> None:
    seen: set[Any] = set()
    repeated: dict[Any, None] = {}
    for thing in things:
        identity = thing["id"]
        if identity in seen:
            repeated[identity] = None
        seen.add(identity)
    if repeated:
        ids = ", ".join(_id_text(i) for i in islice(repeated, _EXPLAINED))
        raise DecodeError(f"Duplicated {what} IDs: {ids}", path)


def _id_text(identity: object) -> str:
    """An id for an answer of plain text: without its line breaks and control characters, and not too long."""
    return shown("".join(c if c.isprintable() else "?" for c in str(identity)))


def _acyclic(operations: Mapping[str, Any]) -> None:
    """Kahn's algorithm: whatever is left over when no operation without inputs is left lies on or behind a cycle."""
    children = {o["id"]: tuple(dict.fromkeys(o.get("childIds") or ())) for o in _operations(operations)}
    waiting = {i: sum(c in children for c in ids) for i, ids in children.items()}
    parents: dict[Any, list[Any]] = {}
    for identity, ids in children.items():
        for child in ids:
            parents.setdefault(child, []).append(identity)
    ready = deque(i for i, count in waiting.items() if count == 0)
    while ready:
        done = ready.popleft()
        del waiting[done]
        for parent in parents.get(done, ()):
            waiting[parent] -= 1
            if waiting[parent] == 0:
                ready.append(parent)
    if waiting:
        cycle = " -> ".join(_id_text(i) for i in _cycle(children, waiting))
        raise DecodeError(f"Inconsistent entity: the operations are cyclic: {cycle}", "$.operations")


def _cycle(children: Mapping[Any, Sequence[Any]], left: Mapping[Any, int]) -> list[Any]:
    """The shown part of one cycle among the operations that are left: each of them has an input among them."""
    trail: list[Any] = []
    seen: dict[Any, int] = {}
    current = next(iter(left))
    while current not in seen:
        seen[current] = len(trail)
        trail.append(current)
        current = next(c for c in children[current] if c in left)
    cycle = [*trail[seen[current] :], current]
    return cycle if len(cycle) <= _EXPLAINED + 2 else [*cycle[:_EXPLAINED], "...", current]
