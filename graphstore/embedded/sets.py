"""Which lists of an answer are sets for TinkerPop: the engine gives Python lists alone. Pure.

What a traversal ends with says it: select(keys), intersect(), dedup(local), ... So it is found out of the steps, also
where such a step stands inside of others, and then the values are marked as sets (`Set`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gremlin_python.process.traversal import Bytecode, Column, Direction, Scope, T

Step = Sequence[Any]


class Set(list[Any]):
    """A set with the order that the engine gave it; its values need no hash, since maps and lists can be among them."""


@dataclass(frozen=True)
class Shape:
    """Where sets are in a value: it is one, or `each` of its items is of a shape, or the value at a key of a map.

    `tokens`: the keys of an element map, of which some are T.id, T.label and the ends of an edge.
    """

    is_set: bool = False
    tokens: bool = False
    each: Shape | None = None
    of_keys: Mapping[str, Shape] | None = field(default=None, hash=False)


_MAKING = frozenset({"difference", "disjunct", "intersect", "merge"})
#: Behind the step that makes the results these choose among them, or give the same ones.
_KEEPING = frozenset(
    "as barrier by dedup filter has identity is limit not order range sideEffect skip tail where".split()  # noqa: SIM905 - read as words
)
_CUTTING = frozenset({"limit", "range", "skip", "tail"})  #: keep a set one, also if they are local
_INSIDE = frozenset({"coalesce", "flatMap", "local", "map", "optional", "union"})
_TOKENS = {"id": T.id, "label": T.label, "IN": Direction.IN, "OUT": Direction.OUT}


def shape_of(steps: Sequence[Step]) -> Shape | None:
    """Where sets are in each result of these steps; None: nowhere, as far as their names tell."""
    at = next((at for at in range(len(steps) - 1, -1, -1) if not _keeps(steps[at])), None)
    if at is None:
        return None
    name, *args = steps[at]
    if name in _MAKING or (name == "dedup" and _is_local(args)):
        return Shape(is_set=True)
    if name == "select" and args == [Column.keys]:
        return Shape(is_set=True, tokens=at > 0 and _has_tokens(steps[at - 1]))
    if name == "fold" and not args:
        each = shape_of(steps[:at])
        return each and Shape(each=each)
    if name == "project":
        return _of_projected(args, steps[at + 1 :])
    inside = {_of_nested([arg]) for arg in args} if name in _INSIDE else set()
    return inside.pop() if len(inside) == 1 else None


def _of_projected(args: Sequence[Any], behind: Sequence[Step]) -> Shape | None:
    keys = args[0] if args and isinstance(args[0], list) else args
    made = (step[1:2] for step in behind if step[0] == "by")
    found = {key: shape for key, given in zip(keys, made, strict=False) if (shape := _of_nested(given))}
    return Shape(of_keys=found) if found else None


def _keeps(step: Step) -> bool:
    name, *args = step
    return name in _KEEPING and (name in _CUTTING or not _is_local(args))


def _is_local(args: Sequence[Any]) -> bool:
    return args[:1] == [Scope.local]


def _has_tokens(step: Step) -> bool:
    return step[0] == "elementMap" or (step[0] == "valueMap" and step[1:2] == [True])


def _of_nested(args: Sequence[Any]) -> Shape | None:
    return shape_of(args[0].step_instructions) if args and isinstance(args[0], Bytecode) else None


def with_sets(shape: Shape | None, value: Any) -> Any:
    """The value with its lists that are sets as `Set`. What is of another shape stays, e.g. maps that were merged."""
    if shape is None:
        return value
    if shape.of_keys is not None and isinstance(value, dict):
        return {key: with_sets(shape.of_keys.get(key), item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if shape.tokens:
        return Set(_TOKENS.get(item, item) for item in value)
    if shape.is_set:
        return Set(value)
    return [with_sets(shape.each, item) for item in value]
