"""The readable text of an expression: `sum(price * quantity)`, not a dump.

Spark adds casts wherever types differ; they are shown only where a cast is all that a column is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from headwater.graphmodel.expressions.text import Text, concat, constant, join, text
from headwater.graphmodel.expressions.values import ATOM, Value, within
from headwater.spline_bridge.functions import BINARY, SECRET_ARGUMENTS, SEEDED
from headwater.spline_bridge.wire import Expression

_NOT, _PREDICATE = 40, 45
_NUMERIC = ("int", "bigint", "smallint", "tinyint", "double", "float", "decimal", "long", "short", "byte", "boolean")

Rendered = tuple[Text, int]


def render(expression: Expression, operands: Sequence[Value]) -> Rendered:
    """The text of a function over its operands' texts, and its precedence."""
    special = _SPECIAL.get(expression.operator)
    if special is not None:
        return special(expression, operands)
    if expression.operator in BINARY and len(operands) == 2:  # noqa: PLR2004 - two operands are what binary means
        return _binary(*BINARY[expression.operator], operands)
    if expression.symbol and len(operands) == 2:  # noqa: PLR2004
        return _binary(expression.symbol, _PREDICATE, operands)
    return _call(expression, operands)


def literal(expression: Expression) -> Text:
    """A constant as SQL would write it."""
    value, type_name = expression.value, expression.type or ""
    if value is None:
        return constant("NULL")
    if isinstance(value, bool):
        return constant(str(value).lower())
    if type_name.startswith("interval"):
        return constant(_interval(str(value), type_name))
    if type_name == "binary":  # the agent sends the address of the bytes
        return text("<binary>")
    if isinstance(value, str) and not type_name.startswith(_NUMERIC):
        return constant("'" + value.replace("'", "''") + "'")
    return constant(str(value))


def _interval(value: str, type_name: str) -> str:
    """``INTERVAL 3 MONTHS``: Spark keeps months, or microseconds, whatever the words were; or it prints words."""
    if not _WHOLE.fullmatch(value):
        return f"INTERVAL '{value}'"
    number = int(value)
    units = _MONTHS if "month" in type_name or "year" in type_name else _MICROSECONDS
    size, unit = next((size, unit) for size, unit in units if number % size == 0)
    count = number // size
    return f"INTERVAL {count} {unit}{'' if abs(count) == 1 else 'S'}"


#: A number of months or microseconds.
_WHOLE = re.compile(r"-?[0-9]{1,19}")


_MONTHS = ((12, "YEAR"), (1, "MONTH"))
_MICROSECONDS = (
    (86_400_000_000, "DAY"),
    (3_600_000_000, "HOUR"),
    (60_000_000, "MINUTE"),
    (1_000_000, "SECOND"),
    (1, "MICROSECOND"),
)


def cast(value: Value) -> Value:
    """The value as a column: with its cast, where a cast is all that it is."""
    if value.cast is None:
        return value
    shown = concat(["CAST(", value.text, f" AS {value.cast})"])
    return value._replace(text=shown, precedence=ATOM, cast=None)


def _binary(symbol: str, precedence: int, operands: Sequence[Value]) -> Rendered:
    left, right = operands
    parts: list[Text | str] = [within(left, precedence), f" {symbol} ", within(right, precedence + 1)]
    return concat(parts), precedence


def _call(expression: Expression, operands: Sequence[Value]) -> Rendered:
    if expression.operator in SEEDED:  # Spark draws a seed where none is given: another one for every run
        operands = ()
    secret = expression.operator in SECRET_ARGUMENTS
    shown = [text("'***'") if secret and value.literal else value.text for value in operands]
    return concat([function_name(expression), "(", join(", ", shown), ")"]), ATOM


def function_name(expression: Expression) -> str:
    """What people call the function. A UDF's is its own name, without the addresses that a JVM adds to it."""
    name = str((expression.params.get("name") if expression.operator in _NAMED else None) or expression.name)
    name = _ADDRESS.sub("", name.strip())
    return _RANDOM.sub("", _PACKAGES.sub("", name)).rstrip("$") or expression.operator.lower()


_NAMED = frozenset({"PythonUDF", "PythonUDAF", "ScalaUDF", "HiveSimpleUDF", "HiveGenericUDF", "ScalaAggregator"})
#: A JVM's names for lambdas and objects change with every start.
_ADDRESS = re.compile(r"\$\$Lambda[$/].*|@[0-9a-f]{4,}")
_PACKAGES = re.compile(r"^(?:[a-z]\w*\.){2,}")
#: Spark ML names its stages at random: ``VectorAssembler_3b9fa9492f75``.
_STAGE = re.compile(r"_[0-9a-f]{12}\b")
#: In the name of a function also a shorter one: such names are another one for every run.
_RANDOM = re.compile(r"_[0-9a-f]{8}(?:[0-9a-f]{4})?\b")


def _negation(expression: Expression, operands: Sequence[Value]) -> Rendered:
    return concat(["NOT ", within(operands[0], _NOT)]), _NOT


def _suffix(words: str) -> Callable[[Expression, Sequence[Value]], Rendered]:
    def rendered(_: Expression, operands: Sequence[Value]) -> Rendered:
        return concat([within(operands[0], _PREDICATE), " ", words]), _PREDICATE

    return rendered


def _membership(_: Expression, operands: Sequence[Value]) -> Rendered:
    items = join(", ", [value.text for value in operands[1:]])
    if len(operands) > 1 and all(value.literal and value.text.whole for value in operands[1:]):
        items = constant(str(items))  # a list of any length is one constant
    if len(operands) == 1:  # the set of an agent that leaves out its values
        items = constant("...")
    return concat([within(operands[0], _PREDICATE), " IN (", items, ")"]), _PREDICATE


def _like(words: str) -> Callable[[Expression, Sequence[Value]], Rendered]:
    """``name LIKE ANY ('a%', 'b%')``: Spark leaves patterns that are literals out of what it says of its plans."""

    def rendered(_: Expression, operands: Sequence[Value]) -> Rendered:
        items = join(", ", [value.text for value in operands[1:]]) if len(operands) > 1 else constant("...")
        return concat([within(operands[0], _PREDICATE), f" {words} (", items, ")"]), _PREDICATE

    return rendered


def _in_subquery(_: Expression, operands: Sequence[Value]) -> Rendered:
    left = join(", ", [within(value, _PREDICATE) for value in operands[:-1]])
    if len(operands) > 2:  # noqa: PLR2004 - several columns are compared at once
        left = concat(["(", left, ")"])
    return concat([left, " IN ", operands[-1].text]), _PREDICATE


def _case(_: Expression, operands: Sequence[Value]) -> Rendered:
    parts: list[Text | str] = ["CASE"]
    pairs = len(operands) // 2
    for i in range(pairs):
        parts += [" WHEN ", operands[2 * i].text, " THEN ", operands[2 * i + 1].text]
    if len(operands) % 2:
        parts += [" ELSE ", operands[-1].text]
    return concat([*parts, " END"]), ATOM


def _aggregate(expression: Expression, operands: Sequence[Value]) -> Rendered:
    inner = operands[0].text
    if expression.params.get("isDistinct") is True and inner.whole:
        name, _, rest = inner.head.partition("(")
        if rest:
            inner = concat([f"{name}(DISTINCT ", inner._replace(head=rest, length=len(rest))])
    if len(operands) > 1:
        inner = concat([inner, " FILTER (WHERE ", operands[1].text, ")"])
    return inner, ATOM


def _window(_: Expression, operands: Sequence[Value]) -> Rendered:
    return concat([operands[0].text, " OVER (", operands[1].text if len(operands) > 1 else "", ")"]), ATOM


def _specification(expression: Expression, operands: Sequence[Value]) -> Rendered:
    partition = len(expression.params.get("partitionSpec") or [])
    order = len(expression.params.get("orderSpec") or [])
    parts = []
    if partition:
        parts.append(concat(["PARTITION BY ", join(", ", [value.text for value in operands[:partition]])]))
    if order:
        keys = join(", ", [value.text for value in operands[partition : partition + order]])
        parts.append(concat(["ORDER BY ", keys]))
    return join(" ", parts), ATOM


def _order(expression: Expression, operands: Sequence[Value]) -> Rendered:
    descending = str(expression.params.get("direction", "")).lower().startswith("desc")
    return (concat([operands[0].text, " DESC"]) if descending else operands[0].text), _PREDICATE


def _field(expression: Expression, operands: Sequence[Value]) -> Rendered:
    name = str(expression.params.get("name") or expression.params.get("field") or expression.params.get("ordinal"))
    return concat([within(operands[0], ATOM), ".", name]), ATOM


def _element(_: Expression, operands: Sequence[Value]) -> Rendered:
    return concat([within(operands[0], ATOM), "[", operands[-1].text, "]"]), ATOM


def _struct(_: Expression, operands: Sequence[Value]) -> Rendered:
    names = [_STAGE.sub("", str(value.text).strip("'")) for value in operands[::2]]
    values = [value.text for value in operands[1::2]]
    shown = [
        value if str(value).rpartition(".")[2] == name else concat([value, f" AS {name}"])
        for name, value in zip(names, values, strict=False)
    ]
    return concat(["struct(", join(", ", shown), ")"]), ATOM


def _lambda(_: Expression, operands: Sequence[Value]) -> Rendered:
    names = join(", ", [value.text for value in operands[1:]])
    arguments = names if len(operands) == 2 else concat(["(", names, ")"])  # noqa: PLR2004 - one argument
    return concat([arguments, " -> ", operands[0].text]), 10


def _lambda_variable(expression: Expression, _: Sequence[Value]) -> Rendered:
    return text(str(expression.params.get("name") or "x")), ATOM


def _minus(_: Expression, operands: Sequence[Value]) -> Rendered:
    return concat(["-", within(operands[0], _MINUS)]), _MINUS


def _later(expression: Expression, operands: Sequence[Value]) -> Rendered:
    """A date or time plus an interval, or minus one; a date plus a number of days stays a function."""
    if len(operands) != 2:  # noqa: PLR2004 - the two operands
        return _call(expression, operands)
    by = operands[1]
    if by.precedence == _MINUS and by.text.whole and str(by.text).startswith("-INTERVAL "):
        shown = by.text._replace(head=by.text.head[1:], length=by.text.length - 1)
        return _binary("-", _SUM, (operands[0], by._replace(text=shown, precedence=ATOM)))
    if expression.operator != "DateAdd" or str(by.text).startswith("INTERVAL "):
        return _binary("+", _SUM, operands)
    return _call(expression, operands)


_SUM, _MINUS = 60, 80


def _in_units(expression: Expression, operands: Sequence[Value]) -> Rendered:
    """``timestampadd(HOUR, 3, ts)``: the unit is no operand."""
    unit = expression.params.get("unit")
    given = [text(str(unit))] if unit else []
    return concat([function_name(expression), "(", join(", ", [*given, *(o.text for o in operands)]), ")"]), ATOM


def _complement(_: Expression, operands: Sequence[Value]) -> Rendered:
    return concat(["~", within(operands[0], _MINUS)]), _MINUS


def _not_null(expression: Expression, operands: Sequence[Value]) -> Rendered:
    """``na.drop()``: so many of the columns must not be NULL."""
    least = expression.params.get("n", len(operands))
    if least not in (1, len(operands)) or not operands:
        return _call(expression, operands)
    parts = [concat([within(operand, _PREDICATE), " IS NOT NULL"]) for operand in operands]
    alone = len(parts) == 1
    word, precedence = (" AND ", _AND) if least == len(operands) else (" OR ", _OR)
    return join(word, parts), _PREDICATE if alone else precedence


_AND, _OR = BINARY["And"][1], BINARY["Or"][1]


def _first(_: Expression, operands: Sequence[Value]) -> Rendered:
    return (operands[0].text, operands[0].precedence) if operands else (text("NULL"), ATOM)


def _empty(_: Expression, __: Sequence[Value]) -> Rendered:
    return text(""), ATOM


_SPECIAL: dict[str, Callable[[Expression, Sequence[Value]], Rendered]] = {
    "Not": _negation,
    "IsNull": _suffix("IS NULL"),
    "IsNotNull": _suffix("IS NOT NULL"),
    "In": _membership,
    "InSet": _membership,
    "InSubquery": _in_subquery,
    "LikeAny": _like("LIKE ANY"),
    "LikeAll": _like("LIKE ALL"),
    "NotLikeAny": _like("NOT LIKE ANY"),
    "NotLikeAll": _like("NOT LIKE ALL"),
    "CaseWhen": _case,
    "AggregateExpression": _aggregate,
    "WindowExpression": _window,
    "WindowSpecDefinition": _specification,
    "SortOrder": _order,
    "GetStructField": _field,
    "GetArrayStructFields": _field,
    "GetArrayItem": _element,
    "GetMapValue": _element,
    "CreateNamedStruct": _struct,
    "LambdaFunction": _lambda,
    "NamedLambdaVariable": _lambda_variable,
    "UnaryMinus": _minus,
    "BitwiseNot": _complement,
    "AtLeastNNonNulls": _not_null,
    **dict.fromkeys(
        (
            "DateAdd",
            "DateAddInterval",
            "DateAddYMInterval",
            "TimeAdd",
            "TimestampAddYMInterval",
            "TimestampAddInterval",
        ),
        _later,
    ),
    "TimestampAdd": _in_units,
    "TimestampDiff": _in_units,
    "Cast": _first,
    "TryCast": _first,
    "SpecifiedWindowFrame": _empty,
    "UnspecifiedFrame": _empty,
}
