"""Expressions of one plan in the wire form: a table of functions and constants that refer to each other.

Work is iterative: an expression is as deep as a program makes it. Which arguments of a class are worth a word is an
allow-list, since most numbers among them are positions of children.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from headwater.spline_bridge.agent.names import function_name
from headwater.spline_bridge.agent.results import result
from headwater.spline_bridge.agent.tree import Node, product, roots, singleton, walk
from headwater.spline_bridge.agent.types import Types

Ref = dict[str, str]
"""``{"__attrId": ..}`` or ``{"__exprId": ..}``."""


class Typed(NamedTuple):
    """A reference, and the type behind it as Spark's JSON has it; None where it is not known."""

    ref: Ref
    type: Any = None


class Scope(Protocol):
    """What an expression sees of the plan around it."""

    def attribute(self, node: Node) -> Typed:
        """The attribute that an `AttributeReference` means here."""

    def subquery(self, node: Node) -> list[Typed]:
        """The output of the subquery that an expression holds."""

    def subquery_operation(self, node: Node) -> str | None:
        """The id of the operator that gives the output of the subquery."""


class Expressions:
    """The expressions of one plan."""

    def __init__(self, data_types: Types) -> None:
        self.functions: list[dict[str, Any]] = []
        self.constants: list[dict[str, Any]] = []
        self._types = data_types

    def typed(self, root: Node, scope: Scope) -> Typed:
        """An expression's reference and type; what it is made of is added to the tables, operands first."""
        done: dict[int, Typed] = {}
        stack = [root]
        while stack:
            node = stack[-1]
            operands, arguments = _operands(node), _arguments(node)
            missing = [operand for operand in (*operands, *arguments) if id(operand) not in done]
            if missing and id(node) not in done:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            if id(node) not in done:
                given = [done[id(argument)].ref for argument in arguments]
                done[id(node)] = self._built(node, [done[id(operand)] for operand in operands], scope, given)
        return done[id(root)]

    def _built(self, node: Node, operands: list[Typed], scope: Scope, arguments: list[Ref]) -> Typed:
        if node.name == "AttributeReference":
            return scope.attribute(node)
        if node.name == "OuterReference":
            return operands[0]
        if node.name == "Literal":
            return self._constant(node)
        if node.name not in SUBQUERIES:
            return self.function(node, operands, arguments=arguments)
        return self.function(node, scope.subquery(node) if node.name in _WHOLE_SUBQUERIES else operands, scope)

    def _constant(self, node: Node) -> Typed:
        key, type_, said = self._next(), node.fields.get("dataType"), node.fields.get("value")
        self.constants.append(
            {
                "id": key,
                "value": None if said is None else _VALUES.get(_type_name(type_), str)(said),
                **self._type(type_),
                "extra": {"_typeHint": "expr.Literal", "simpleClassName": "Literal"},
            }
        )
        return Typed({"__exprId": key}, type_)

    def function(
        self, node: Node, operands: Sequence[Typed], scope: Scope | None = None, arguments: Sequence[Ref] = ()
    ) -> Typed:
        """A function over operands that are known already. Of a subquery, `scope` knows its operators.

        `arguments`: what people gave it, where its operand is what Spark replaces it by.
        """
        type_ = result(node, [operand.type for operand in operands])
        name = str(node.fields.get("name")) if node.name in _NAMED else function_name(node.name)
        params = {**_params(node, operands), **({"arguments": list(arguments)} if arguments else {})}
        operation = scope.subquery_operation(node) if scope is not None and node.name in _KEYED else None
        return self.call(
            _class(node), name, operands, type_, {**params, **({"operation": operation} if operation else {})}
        )

    def call(
        self, class_name: str, name: str, operands: Sequence[Typed], type_: Any, params: Mapping[str, Any]
    ) -> Typed:
        """Adds a function to the table."""
        key, simple = self._next(), class_name.rpartition(".")[2]
        symbol = _SYMBOLS.get(simple)
        hint = _HINTS.get(simple) or ("expr.Binary" if symbol else "expr.Generic" if operands else "expr.GenericLeaf")
        self.functions.append(
            {
                "id": key,
                "name": name,
                **self._type(type_),
                "childRefs": [operand.ref for operand in operands],
                **({"params": dict(params)} if params else {}),
                "extra": {"_typeHint": hint, "simpleClassName": class_name, **({"symbol": symbol} if symbol else {})},
            }
        )
        return Typed({"__exprId": key}, type_)

    def _next(self) -> str:
        return f"expr-{len(self.functions) + len(self.constants)}"

    def _type(self, type_: Any) -> dict[str, str]:
        key = self._types.id(type_)
        return {"dataType": key} if key else {}


#: Expressions whose value is a plan's output.
_WHOLE_SUBQUERIES = frozenset(
    {"ScalarSubquery", "ListQuery", "LateralSubquery", "FunctionTableSubqueryArgumentExpression"}
)
#: All expressions that hold a plan.
SUBQUERIES = _WHOLE_SUBQUERIES | {"Exists"}

#: Subqueries whose filters and join keys concern the expression that holds them, and not the rows of its operator.
_KEYED = frozenset({"ScalarSubquery", "ListQuery", "Exists"})

_NAMED = frozenset({"Alias", "PythonUDF", "PythonUDAF", "PythonUDTF"})
_HINTS = {
    "Alias": "expr.Alias",
    "ScalaUDF": "expr.UDF",
    "SpecifiedWindowFrame": "expr.UntypedExpression",
    "WindowSpecDefinition": "expr.UntypedExpression",
}
_SYMBOLS = {
    "Add": "+", "Subtract": "-", "Multiply": "*", "Divide": "/", "Remainder": "%", "IntegralDivide": "div",
    "EqualTo": "=", "EqualNullSafe": "<=>", "LessThan": "<", "LessThanOrEqual": "<=", "GreaterThan": ">",
    "GreaterThanOrEqual": ">=", "And": "&&", "Or": "||", "BitwiseAnd": "&", "BitwiseOr": "|", "BitwiseXor": "^",
}  # fmt: skip

_CATALYST = "org.apache.spark.sql.catalyst.expressions."


def _class(node: Node) -> str:
    """The class as Spline's agent names it: without the common package, ``aggregate.Sum``."""
    return f"{node.package}.{node.name}".removeprefix(_CATALYST).rstrip("$")


def _operands(node: Node) -> list[Node]:
    if node.name == "OuterReference":
        return [node.fields["e"]]
    return [] if node.fields.get("hideSeed") else node.children  # a drawn seed is another one in every run


def _arguments(node: Node) -> list[Node]:
    """What a function was called with, where its only child is what Spark replaces it by: ``a / b`` of `try_divide`."""
    if len(node.children) != 1 or node.fields.get("replacement") != 0:
        return []
    given = [tree for name, value in node.fields.items() if name != "replacement" for tree in roots(value)]
    # A subquery among them is told once, as a part of what the function is replaced by.
    return [] if any(inner.name in SUBQUERIES for tree in given for inner in walk(tree)) else given


# Values of constants --------------------------------------------------------------------------------------------------


def _boolean(text: Any) -> bool:
    return str(text) == "true"


def _number(text: Any) -> Any:
    try:
        return int(text)
    except ValueError:
        return str(text)


def _real(text: Any) -> Any:
    """JSON has no NaN and no infinity: they stay texts."""
    try:
        number = float(text)
    except ValueError:
        return str(text)
    return number if number - number == 0 else str(text)


def _hidden(_: Any) -> str:
    """Bytes and objects of the JVM print as addresses."""
    return "..."


_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "boolean": _boolean,
    **dict.fromkeys(("byte", "short", "integer", "long"), _number),
    **dict.fromkeys(("float", "double"), _real),
    **dict.fromkeys(("binary", "object"), _hidden),
}


def _type_name(type_: Any) -> str:
    return type_ if isinstance(type_, str) else str(product(type_).get("type"))


# Params: what of a class's arguments is worth a word ------------------------------------------------------------------

#: Class -> arguments that are kept, where they are plain.
_KEPT: Mapping[str, tuple[str, ...]] = {
    "Alias": ("name",),
    "AggregateExpression": ("isDistinct",),
    "GetStructField": ("ordinal", "name"),
    "PythonUDF": ("name", "evalType"),
    "PythonUDAF": ("name",),
    "PythonUDTF": ("name", "evalType"),
    "NamedLambdaVariable": ("name",),
    **dict.fromkeys(("WithField", "DropField"), ("name",)),
    "StaticInvoke": ("functionName",),
    "ListQuery": ("numCols",),
    "AtLeastNNonNulls": ("n",),
    **dict.fromkeys(("TimestampAdd", "TimestampDiff"), ("unit",)),
    **dict.fromkeys(("First", "Last", "AnyValue", "Lag", "Lead", "NthValue"), ("ignoreNulls",)),
}


def _params(node: Node, operands: Sequence[Typed]) -> dict[str, Any]:
    fields = node.fields
    kept = {name: fields[name] for name in _KEPT.get(node.name, ()) if fields.get(name) is not None}
    special = _SPECIAL.get(node.name)
    return {**kept, **special(fields, operands)} if special else kept


def _aggregate(fields: Mapping[str, Any], _: Sequence[Typed]) -> dict[str, Any]:
    return {"mode": singleton(fields.get("mode"))}


def _order(fields: Mapping[str, Any], _: Sequence[Typed]) -> dict[str, Any]:
    return {name: singleton(fields.get(name)) for name in ("direction", "nullOrdering")}


def _specification(fields: Mapping[str, Any], operands: Sequence[Typed]) -> dict[str, Any]:
    """The keys of a window by role, as references: its operands are both, and its frame."""
    keys = {name: fields.get(name) or [] for name in ("partitionSpec", "orderSpec")}
    return {name: [operands[i].ref for i in positions] for name, positions in keys.items() if positions}


def _frame(fields: Mapping[str, Any], _: Sequence[Typed]) -> dict[str, Any]:
    return {"frameType": singleton(fields.get("frameType"))}


def _element_field(fields: Mapping[str, Any], _: Sequence[Typed]) -> dict[str, Any]:
    return {"field": product(fields.get("field")).get("name")}


def _zipped(fields: Mapping[str, Any], operands: Sequence[Typed]) -> dict[str, Any]:
    """The fields of what ``arrays_zip`` makes, one for each array."""
    names = [name.fields.get("value") for name in roots(fields.get("names")) if name.name == "Literal"]
    return {"names": list(map(str, names))} if len(names) == len(operands) else {}


def _pivot(fields: Mapping[str, Any], _: Sequence[Typed]) -> dict[str, Any]:
    """The values of the pivot column, where they are known: Spark prints texts in one list, or no values at all."""
    listed = fields.get("pivotColumnValues")
    values = listed[1:-1].split(", ") if isinstance(listed, str) else listed
    return {"pivotColumnValues": values} if isinstance(values, list) else {}


def _udf(fields: Mapping[str, Any], _: Sequence[Typed]) -> dict[str, Any]:
    return {"name": fields.get("udfName") or "UDF"}


_SPECIAL: Mapping[str, Callable[[Mapping[str, Any], Sequence[Typed]], dict[str, Any]]] = {
    "AggregateExpression": _aggregate,
    "SortOrder": _order,
    "WindowSpecDefinition": _specification,
    "SpecifiedWindowFrame": _frame,
    "GetArrayStructFields": _element_field,
    "ArraysZip": _zipped,
    "PivotFirst": _pivot,
    "ScalaUDF": _udf,
}
