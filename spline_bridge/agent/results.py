"""Types of results: a plan's JSON has them for some classes of expressions only.

For a few others they follow from the operands. Types are as Spark's JSON has them; one that is not known is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headwater.spline_bridge.agent import types
from headwater.spline_bridge.agent.tree import Node


def result(node: Node, operands: Sequence[Any]) -> Any:
    """The type of a function's result, where it is said or follows from the operands'; None if neither."""
    said = node.fields.get("dataType")
    if said is not None:
        return said
    rule = _RESULTS.get(node.name)
    return rule(node, operands) if rule else None


def _first(_: Node, operands: Sequence[Any]) -> Any:
    return operands[0] if operands else None


def _arithmetic(_: Node, operands: Sequence[Any]) -> Any:
    """Both operands have the result's type by now, but for decimals, whose precision grows."""
    first = _first(_, operands)
    return None if str(first).startswith("decimal") else first


def _summed(_: Node, operands: Sequence[Any]) -> Any:
    """Whole numbers add up to longs, floating ones to doubles; a decimal's precision grows."""
    return {"float": "double", "double": "double", **dict.fromkeys(_WHOLE, "long")}.get(str(_first(_, operands)))


_WHOLE = ("byte", "short", "integer", "long")


def _second(_: Node, operands: Sequence[Any]) -> Any:
    return operands[1] if len(operands) > 1 else None


def _constantly(name: str) -> Callable[[Node, Sequence[Any]], Any]:
    return lambda _node, _operands: name


def _field_type(node: Node, operands: Sequence[Any]) -> Any:
    found = types.field(_first(node, operands), node.fields.get("ordinal"))
    return found.get("type") if found else None


def _element_type(node: Node, operands: Sequence[Any]) -> Any:
    return types.element(_first(node, operands))


#: The type of the first operand.
_LIKE_FIRST = frozenset({
    "Alias", "AggregateExpression", "Coalesce", "Max", "Min", "First", "Last", "AnyValue", "Lag", "Lead", "NthValue",
    "Nvl", "NullIf", "Decode", "Nvl2", "WindowExpression", "UnaryMinus", "Greatest", "Least", "KnownNotNull",
    "KnownNullable", "ScalarSubquery", "Round", "Abs", "ArrayFilter", "ArraySort", "SortArray", "Reverse", "Shuffle",
    "Slice", "ArrayDistinct", "ArrayRemove", "ArrayCompact", "ArrayExcept", "ArrayUnion", "ArrayIntersect",
    "ArrayAppend", "ArrayPrepend", "ArrayInsert", "Concat", "MapFilter", "MapConcat",
})  # fmt: skip
_PREDICATES = frozenset({
    "EqualTo", "EqualNullSafe", "LessThan", "LessThanOrEqual", "GreaterThan", "GreaterThanOrEqual", "And", "Or", "Not",
    "In", "InSubquery", "IsNull", "IsNotNull", "IsNaN", "Exists", "Like", "RLike", "Contains", "StartsWith", "EndsWith",
})  # fmt: skip
_TEXTS = frozenset({
    "Lower", "Upper", "StringTrim", "ConcatWs", "RegExpReplace", "Substring", "Md5", "Sha1", "Sha2",
})  # fmt: skip

_RESULTS: Mapping[str, Callable[[Node, Sequence[Any]], Any]] = {
    "GetStructField": _field_type,
    "Flatten": _element_type,
    **dict.fromkeys(("GetArrayItem", "GetMapValue", "ElementAt"), _element_type),
    **dict.fromkeys(_LIKE_FIRST, _first),
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Divide", "Remainder"), _arithmetic),
    "Sum": _summed,
    **dict.fromkeys(("If", "CaseWhen"), _second),
    **dict.fromkeys(_PREDICATES, _constantly("boolean")),
    **dict.fromkeys(_TEXTS, _constantly("string")),
    **dict.fromkeys(("Count", "MonotonicallyIncreasingID"), _constantly("long")),
    **dict.fromkeys(("Year", "Month", "RowNumber", "Rank", "DenseRank", "Length"), _constantly("integer")),
    "ParseToDate": _constantly("date"),
}
