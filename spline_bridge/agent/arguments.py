"""What is told of an operator's arguments in the wire form's `params`.

Arguments that are expressions are told by reference. Of the plain ones a few are told, by an allow-list: most numbers
in a plan's JSON are positions of children, and seeds, ids and times are other ones in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headwater.spline_bridge.agent import rowlevel
from headwater.spline_bridge.agent.operators import OperatorScope
from headwater.spline_bridge.agent.tree import Node, expressions, product, singleton

#: Arguments that are told elsewhere: as output, as children, or as operations of their own.
_ELSEWHERE = frozenset({
    "output", "dataCols", "partitionCols", "child", "children", "left", "right", "cteDefs",
})  # fmt: skip

#: Plain arguments that are told. Other numbers are positions of children, seeds, or sizes of no interest.
_KEPT = (
    "isAll", "byName", "allowMissingCol", "global", "outer", "withReplacement", "lowerBound", "upperBound", "shuffle",
    "numPartitions", "optNumPartitions", "leftGroupingLen", "rightGroupingLen", "isBarrier", "isTempView",
    "isStreaming", "isByName", "ignoreIfExists", "orCreate",
)  # fmt: skip


def params(node: Node, scope: OperatorScope) -> dict[str, Any]:
    """What is told of an operator's arguments: its expressions by reference, and a few plain ones."""
    elsewhere = _ELSEWHERE | rowlevel.ARGUMENTS if node.name in rowlevel.CONDITIONAL else _ELSEWHERE
    told = {name: _told(value, scope) for name, value in expressions(node).items() if name not in elsewhere}
    kept = {name: node.fields[name] for name in _KEPT if isinstance(node.fields.get(name), (bool, int, float))}
    special = _SPECIAL.get(node.name)
    found = {**told, **kept, **(special(node, scope) if special else {})}
    return {name: value for name, value in found.items() if value not in (None, [], "")}


def _told(value: Any, scope: OperatorScope) -> Any:
    """A field's expressions as references, in the lists that they stand in; None if there are none."""
    if isinstance(value, list):
        inner = [_told(item, scope) for item in value]
        return inner if any(item is not None for item in inner) else None
    if not isinstance(value, Node):
        return None
    return _sort_key(value, scope) if value.name == "SortOrder" else scope.typed(value).ref


def _sort_key(order: Node, scope: OperatorScope) -> dict[str, Any]:
    descending = singleton(order.fields.get("direction")) == "Descending"
    last = singleton(order.fields.get("nullOrdering")) == "NullsLast"
    return {
        "expression": scope.typed(order.children[0]).ref,
        "direction": "DESC" if descending else "ASC",
        "nullOrdering": "NULLS LAST" if last else "NULLS FIRST",
    }


_JOINS = {
    "Inner": "INNER",
    "Cross": "CROSS",
    "LeftOuter": "LEFT OUTER",
    "RightOuter": "RIGHT OUTER",
    "FullOuter": "FULL OUTER",
    "LeftSemi": "LEFT SEMI",
    "LeftAnti": "LEFT ANTI",
    "ExistenceJoin": "EXISTENCE",
}


def _join_type(node: Node, _: OperatorScope) -> dict[str, Any]:
    kind = singleton(node.fields.get("joinType"))
    return {"joinType": _JOINS.get(kind, kind)}


def _alias(node: Node, _: OperatorScope) -> dict[str, Any]:
    return {"identifier": dotted(node.fields.get("identifier"))}


def dotted(identifier: Any) -> str:
    """``catalog.database.table`` of a `TableIdentifier` or an `AliasIdentifier`, whose qualifier prints as a list."""
    known = product(identifier)
    qualifier = str(known.get("qualifier") or "").strip("[]").replace(", ", ".")
    parts = [known.get("catalog"), known.get("database"), qualifier, known.get("table") or known.get("name")]
    return ".".join(str(part) for part in parts if part)


def _view(node: Node, _: OperatorScope) -> dict[str, Any]:
    return {"identifier": dotted(product(node.fields.get("desc")).get("identifier"))}


def _conditions(node: Node, scope: OperatorScope) -> dict[str, Any]:
    """When rows change: one condition of the command, and those of a MERGE's clauses."""
    own, clauses = rowlevel.conditions(node)
    return {"condition": [scope.typed(item).ref for item in own], "clauses": [scope.typed(c).ref for c in clauses]}


_SPECIAL: Mapping[str, Callable[[Node, OperatorScope], dict[str, Any]]] = {
    **dict.fromkeys(rowlevel.CONDITIONAL, _conditions),
    **dict.fromkeys(("Join", "LateralJoin"), _join_type),
    "SubqueryAlias": _alias,
    "View": _view,
}


def name(node: Node) -> str:
    """What Spark calls the operator."""
    every = node.name in ("Except", "Intersect") and node.fields.get("isAll")
    return f"{node.name} All" if every else node.name.rstrip("$")
