"""TinkerPop's words for gremlinpython's objects: enums and predicates, as texts and both wire formats spell them. Pure.

gremlinpython has the client's half only: it writes what is here, and cannot read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from gremlin_python.process.strategies import OptionsStrategy, ReadOnlyStrategy
from gremlin_python.process.traversal import (
    DT,
    Barrier,
    Cardinality,
    Column,
    Direction,
    Merge,
    Operator,
    Order,
    P,
    Pick,
    Pop,
    Scope,
    T,
    TextP,
)

from headwater.graphstore.embedded.values import token
from headwater.graphstore.errors import InvalidRequest


def _members(kind: type[Enum]) -> dict[str, Enum]:
    """By TinkerPop's spelling (``onCreate``, ``all``); gremlinpython has some members twice, the first counts."""
    members: dict[str, Enum] = {}
    for member in kind:
        members.setdefault(token(member).partition(".")[2], member)
    return members


_KINDS = (T, Order, Scope, Column, Pop, Direction, Cardinality, Operator, Merge, Pick, DT, Barrier)
#: The members of each enum, by TinkerPop's names of both.
ENUMS: Mapping[str, Mapping[str, Enum]] = {
    **{kind.__name__: _members(kind) for kind in _KINDS},
    "Direction": {**_members(Direction), "from": Direction.OUT, "to": Direction.IN},
}

_ONE = frozenset({"eq", "neq", "gt", "gte", "lt", "lte"})
_TWO = frozenset({"between", "inside", "outside"})
_MANY = frozenset({"within", "without"})
#: How many values each predicate takes; None: any number.
PREDICATES: Mapping[str, int | None] = {
    **dict.fromkeys(_ONE, 1),
    **dict.fromkeys(_TWO, 2),
    **dict.fromkeys(_MANY, None),
    "not": 1,
    "and": 2,
    "or": 2,
}
TEXT_PREDICATES = frozenset(
    {
        "containing",
        "notContaining",
        "startingWith",
        "notStartingWith",
        "endingWith",
        "notEndingWith",
        "regex",
        "notRegex",
    }
)


def predicate(name: str, values: Sequence[Any]) -> P:
    """``gt(3)``, ``within('a', 'b')``, ``containing('x')`` of these values. InvalidRequest: there is none such."""
    if name in TEXT_PREDICATES:
        return TextP(name, *_counted(name, values, 1))
    if name not in PREDICATES:
        raise InvalidRequest(f"the predicate {name[:40]!r} does not exist")
    count = PREDICATES[name]
    if count is not None:
        return P(name, *_counted(name, values, count))
    listed = len(values) == 1 and isinstance(values[0], (list, set, tuple))
    return P(name, list(values[0] if listed else values))


def _counted(name: str, values: Sequence[Any], count: int) -> Sequence[Any]:
    if len(values) != count or any(value is None for value in values[1:]):
        raise InvalidRequest(f"{name}() takes {count} value{'s' if count > 1 else ''}, not {len(values)}")
    return values


_STRATEGIES = {"OptionsStrategy": OptionsStrategy, "ReadOnlyStrategy": lambda _options: ReadOnlyStrategy()}


def strategy(name: str, configuration: Mapping[str, Any]) -> Any:
    """A strategy by its name, Java's class name or GraphSON's. InvalidRequest: it would change the answer."""
    short = name.rpartition(".")[2].rpartition(":")[2]
    if short not in _STRATEGIES:
        raise InvalidRequest(f"the strategy {short[:40]} would change the answer; the embedded store has none")
    return _STRATEGIES[short](dict(configuration))
