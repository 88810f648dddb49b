"""From an expression to a `Value`: which read columns it takes, directly or as conditions and keys.

One table, `_RULES`, says what each class of function does; whatever is not in it takes all its operands DIRECT, as
TRANSFORMATION. Evaluation is iterative: expressions are as deep as a program makes them.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from headwater.graphmodel.expressions.text import concat, constant, join, text
from headwater.graphmodel.expressions.values import (
    AGGREGATION,
    ATOM,
    IDENTITY,
    MOST_FIELDS,
    TRANSFORMATION,
    Column,
    Value,
    alike,
    as_role,
    chosen_by,
    combine,
    field_of,
    follow_fields,
    influenced,
    item_of,
    same,
    sizes,
    through,
    unresolved,
)
from headwater.graphmodel.model import Subtype
from headwater.spline_bridge.functions import FRAMES, GENERATED, MASKING, RANKS, SUBQUERIES, TRANSPARENT
from headwater.spline_bridge.lambdas import (
    bound,
    called_on_each,
    calls_a_lambda,
    function,
    variable,
    with_arguments,
    without_variables,
)
from headwater.spline_bridge.rendering import literal, render
from headwater.spline_bridge.wire import Expression, NestedType, Ref


class Evaluator(ABC):
    """Evaluates the references of one operator. Its memory belongs to one place of the plan: do not share it.

    What a place gives is in methods, not in functions that are handed over: these would refer back to their owner, and
    the values of a plan would be kept until the garbage collector comes by.
    """

    def __init__(self, expressions: Mapping[str, Expression]) -> None:
        self._expressions = expressions
        self._memo: dict[str, Value] = {}

    @abstractmethod
    def lookup(self, attribute: str) -> Value:
        """What an attribute stands for at this place of the plan."""

    @abstractmethod
    def subquery(self, expression: Expression, operands: Sequence[Value]) -> Value:
        """What a subquery's output is; `operands` are the values of its outer references."""

    def spend(self, steps: int, /) -> bool:
        """Counts sources that are looked at; once it is False, expressions are unresolved."""
        return True

    def value(self, ref: Ref) -> Value:
        """The value of a reference. An expression that the payload lacks is unresolved."""
        if ref.kind == "a":
            return self.lookup(ref.id)
        memo, stack, begun = self._memo, [ref.id], set[str]()
        while stack:
            key = stack[-1]
            if key in memo:
                stack.pop()
                continue
            expression = self._expressions.get(key)
            if expression is None:
                memo[key] = unresolved(text("?"))
                continue
            if key not in begun:
                begun.add(key)
                missing = [one.id for one in (*expression.operands, *expression.arguments) if one.kind == "e"]
                missing = [id_ for id_ in missing if id_ not in memo]
                if missing:
                    stack += missing
                    continue
            memo[key] = self._apply(expression)
        return without_variables(memo[ref.id])

    def _apply(self, expression: Expression) -> Value:
        operands = [self._operand(ref) for ref in expression.operands]
        steps = 1
        for value in operands:
            steps += len(value.direct) + len(value.indirect)
        if not self.spend(steps):
            return unresolved(text("?"))
        if expression.operator in SUBQUERIES:
            return self.subquery(expression, operands)
        if expression.operator == _OF_TIMES and len(operands) == 1:
            return _of_window(operands[0], self._windowed(expression))
        if expression.arguments and len(operands) == 1:
            return _replaced(expression, operands[0], [self._operand(ref) for ref in expression.arguments])
        return apply(expression, operands)

    def _windowed(self, expression: Expression) -> tuple[str, Value] | None:
        """Which kind of time window an expression is the start or end of, and of which time; None: of none."""
        stack, seen = list(expression.operands), 0
        while stack and (seen := seen + 1) <= _MOST_OF_A_WINDOW:
            inner = self._expressions.get(stack.pop().id)
            if inner is not None and inner.operator == _OF_TIMES and inner.operands:
                plain = seen == 1 and "window" not in str(self._operand(inner.operands[0]).text)
                return ("session_window" if plain else "window"), self._operand(inner.operands[0])
            stack += reversed(inner.operands) if inner is not None else ()
        return None

    def _operand(self, ref: Ref) -> Value:
        # An expression that contains itself has no value of its own: it is left out, and said to be unresolved.
        return self.lookup(ref.id) if ref.kind == "a" else self._memo.get(ref.id) or unresolved(text("?"))


#: Spark computes the windows of times in numbers, and casts the times by this.
_OF_TIMES = "PreciseTimestampConversion"
#: Expressions that the start or end of a time window is made of, at most.
_MOST_OF_A_WINDOW = 50


def _of_window(value: Value, window: tuple[str, Value] | None) -> Value:
    if window is None:
        return combine([value], TRANSFORMATION)._replace(text=value.text, precedence=value.precedence)
    kind, time = window
    return combine([time], TRANSFORMATION)._replace(text=concat([kind, "(", time.text, ")"]))


def apply(expression: Expression, operands: Sequence[Value]) -> Value:
    """The value of one function over the values of its operands."""
    rule = _RULES.get(expression.operator)
    if not operands and expression.operator in _OF_AN_OPERAND:
        return unresolved(text(f"{expression.name or expression.operator}(?)"))
    if rule is not None:
        return rule(expression, operands)
    if not operands:
        return _shown(expression, operands, Value(generated=True))
    called, operands = operands, with_arguments(expression.operator, operands)
    masking = expression.operator in MASKING
    arrays = _CALLING.get(expression.operator, 0) if calls_a_lambda(called) else 0
    strength = AGGREGATION if any(map(_is_collected, operands[:arrays])) else TRANSFORMATION
    value = combine(_taken(operands, arrays), strength, masking=masking)
    inside = _INSIDE.get(expression.operator)
    if inside is not None:
        value = inside(expression, operands, value)
    if expression.operator == "ArrayTransform" and len(called) > 1:
        items = called_on_each(called[1].function, called[0])
        value = value._replace(fields=items and {number: _as_an_item(item) for number, item in items.items()})
    return _shown(expression, operands, value._replace(size=_size(expression.operator, operands)))


#: Functions whose result is what a lambda gives for the items of so many arrays, which are the first operands.
_CALLING = {"ArrayTransform": 1, "ArrayExists": 1, "ArrayForAll": 1, "ArrayAggregate": 1, "ZipWith": 2}


def _taken(operands: Sequence[Value], arrays: int) -> list[Value]:
    """The operands; of the first ones, which are arrays, no more than what decides how many items these have."""
    used = {column for made in operands[arrays:] for column in made.direct}
    return [*(_counted(array, used) for array in operands[:arrays]), *operands[arrays:]]


def _is_collected(array: Value) -> bool:
    """Whether an array has values of many rows."""
    return any(use.strength == AGGREGATION for use in array.direct.values())


def _counted(array: Value, used: Collection[Column]) -> Value:
    if array.size is None:  # it says itself how many there are, and does so already where something of it is taken
        return array._replace(direct={}) if all(column in used for column in array.direct) else array
    deciding = {column for one in array.size for column in (*one.direct, *(i.column for i in one.indirect))}
    return array._replace(direct={column: use for column, use in array.direct.items() if column in deciding})


def _size(function: str, operands: Sequence[Value]) -> tuple[Value, ...] | None:
    if function in _SIZED_BY_ALL:
        return sizes(operands)
    if function == "Flatten" and operands and operands[0].element is not None:
        return sizes([operands[0], operands[0].element])
    sized = [operands[i] for i in _SIZED_BY.get(function, ()) if i < len(operands)]
    return sizes(sized) if sized else None


def _replaced(expression: Expression, by: Value, arguments: Sequence[Value]) -> Value:
    """A function that Spark replaces by another expression: its value is that one's, shown as people wrote it."""
    if expression.operator == "DatetimeSub":  # what `ts - INTERVAL 1 HOUR` is for Spark at first
        return by
    shown, precedence = render(expression, arguments)
    value = by._replace(text=shown, precedence=precedence, cast=None)
    if expression.operator in MASKING:
        value = value._replace(direct=through(value.direct, TRANSFORMATION, masking=True))
    return value


#: Functions that give an array or map with as many items as one of their operands has (or, of a number, says).
_SIZED_BY = {
    **dict.fromkeys(("ArrayTransform", "ArraySort", "SortArray", "Reverse", "Shuffle", "TransformKeys"), (0,)),
    **dict.fromkeys(("TransformValues", "MapKeys", "MapValues", "MapEntries", "MapFromEntries"), (0,)),
    **dict.fromkeys(("ArrayAppend", "ArrayPrepend"), (0,)),
    "ArrayInsert": (0, 1),
    "ArrayRepeat": (1,),
    "ZipWith": (0, 1),
}
#: Functions whose result has as many items as all of their operands say together.
_SIZED_BY_ALL = frozenset({"Concat", "ArraysZip", "MapFromArrays", "MapConcat", "Slice", "Sequence"})


def _inside_like_first(expression: Expression, operands: Sequence[Value], value: Value) -> Value:
    """Some of the items of the first operand, or all in another order. What decides that is CONDITIONAL for each."""
    value = follow_fields(value, operands[:1], TRANSFORMATION)._replace(fields=None)
    deciding = operands[1:] if expression.operator in _BY_OTHERS else operands
    conditions = as_role(deciding, Subtype.CONDITIONAL)
    inside = influenced(value, conditions)
    if value.paths is None or expression.operator == "MapFilter":
        return value._replace(element=_untitled(inside.element), entry=inside.entry)
    return value._replace(element=_untitled(influenced(item_of(operands[0]), conditions)))  # of an array that is read


#: Functions that choose among the items of their first operand by what the others say.
_BY_OTHERS = frozenset({"ArrayFilter", "MapFilter", "Slice", "Reverse", "Shuffle"})


def _untitled(item: Value | None) -> Value | None:
    """An item that is to be shown as one of its array."""
    return item and item._replace(text=text(""))


def _inside_added(_: Expression, operands: Sequence[Value], value: Value) -> Value:
    """The items of an array, and one more."""
    array, added = operands[0], operands[-1]
    if not _has_known_items(array):
        return value
    items = [item_of(array), added]
    return value._replace(element=follow_fields(alike(items, TRANSFORMATION), items, TRANSFORMATION))


def _inside_repeated(_: Expression, operands: Sequence[Value], value: Value) -> Value:
    return value._replace(element=alike(operands[:1], TRANSFORMATION)._replace(**_of_struct(operands[0])))


def _inside_all(_: Expression, operands: Sequence[Value], value: Value) -> Value:
    return follow_fields(value, operands, TRANSFORMATION)._replace(fields=None)


def _inside_flattened(_: Expression, operands: Sequence[Value], value: Value) -> Value:
    array = operands[0]
    if array.paths is not None:
        return value._replace(paths=array.paths)
    return value if array.element is None else value._replace(element=array.element.element)


def _inside_mapped(_: Expression, operands: Sequence[Value], value: Value) -> Value:
    """``transform(array, x -> ...)``: an item is what the lambda gives."""
    return value._replace(element=_as_an_item(operands[-1])) if len(operands) > 1 else value


def _as_an_item(value: Value) -> Value:
    """The value without texts of its own: it is shown as an item of the array or map that it is in.

    What a lambda gives has texts in terms of the lambda's variables.
    """
    fields = value.fields and {name: field._replace(text=text("")) for name, field in value.fields.items()}
    return value._replace(text=text(""), precedence=ATOM, fields=fields)


def _inside_zipped(expression: Expression, operands: Sequence[Value], value: Value) -> Value:
    """``arrays_zip``: an item is a struct with a field for each array."""
    names = expression.params.get("names")
    names = names if isinstance(names, list) and len(names) == len(operands) else list(range(len(operands)))
    items = {str(name).lower(): _as_an_item(item_of(of)) for name, of in zip(names, operands, strict=True)}
    return value._replace(element=combine(operands, TRANSFORMATION)._replace(fields=items))


def _inside_map_of_arrays(_: Expression, operands: Sequence[Value], value: Value) -> Value:
    if len(operands) != 2:  # noqa: PLR2004 - keys and values
        return value
    return value._replace(entry=(item_of(operands[0]), item_of(operands[1])))


def _inside_map_of_entries(_: Expression, operands: Sequence[Value], value: Value) -> Value:
    entry = operands[0].element.fields if operands and operands[0].element is not None else None
    if entry is None or len(entry) != 2:  # noqa: PLR2004 - key and value
        return value
    key, item = entry.values()
    return value._replace(entry=(key, item))


def _inside_part_of_map(expression: Expression, operands: Sequence[Value], value: Value) -> Value:
    entry = operands[0].entry
    if entry is None:
        return value
    if expression.operator == "MapEntries":
        struct = combine(entry, TRANSFORMATION)._replace(fields={"key": entry[0], "value": entry[1]})
        return value._replace(element=struct)
    return value._replace(element=entry[0] if expression.operator == "MapKeys" else entry[1])


def _inside_changed_map(expression: Expression, operands: Sequence[Value], value: Value) -> Value:
    entry = operands[0].entry
    if entry is None or len(operands) != 2:  # noqa: PLR2004 - a map, and a lambda
        return value
    made = _as_an_item(operands[1])
    return value._replace(entry=(made, entry[1]) if expression.operator == "TransformKeys" else (entry[0], made))


def _of_struct(value: Value) -> dict[str, Any]:
    """What is known inside of a value."""
    names = ("fields", "base", "element", "entry", "paths", "size")
    return {name: getattr(value, name) for name in names}


def _has_known_items(value: Value) -> bool:
    return value.element is not None or value.paths is not None


#: What is known of the items of the arrays and maps that functions give.
_INSIDE: dict[str, Callable[[Expression, Sequence[Value], Value], Value]] = {
    **dict.fromkeys(
        ("ArrayFilter", "ArraySort", "SortArray", "Reverse", "Shuffle", "Slice", "ArrayDistinct", "ArrayRemove",
         "ArrayCompact", "ArrayExcept", "MapFilter"), _inside_like_first,
    ),
    **dict.fromkeys(("ArrayAppend", "ArrayPrepend", "ArrayInsert"), _inside_added),
    **dict.fromkeys(("Concat", "ArrayUnion", "ArrayIntersect", "MapConcat"), _inside_all),
    **dict.fromkeys(("ArrayTransform", "ZipWith"), _inside_mapped),
    **dict.fromkeys(("MapKeys", "MapValues", "MapEntries"), _inside_part_of_map),
    **dict.fromkeys(("TransformKeys", "TransformValues"), _inside_changed_map),
    "ArrayRepeat": _inside_repeated,
    "Flatten": _inside_flattened,
    "ArraysZip": _inside_zipped,
    "MapFromArrays": _inside_map_of_arrays,
    "MapFromEntries": _inside_map_of_entries,
}  # fmt: skip


def _shown(expression: Expression, operands: Sequence[Value], value: Value) -> Value:
    shown, precedence = render(expression, operands)
    return Value._make((*value[:2], shown, precedence, *value[4:]))  # in half the time of _replace()


def _literal(expression: Expression, _: Sequence[Value]) -> Value:
    return Value(text=literal(expression), literal=True)


def _transparent(expression: Expression, operands: Sequence[Value]) -> Value:
    """A wrapper gives what it wraps; the same name with more operands is a function like others."""
    if len(operands) == 1:
        return operands[0]
    return _shown(expression, operands, combine(operands, TRANSFORMATION)) if operands else unresolved()


def _cast(expression: Expression, operands: Sequence[Value]) -> Value:
    value = combine(operands[:1], TRANSFORMATION)
    inner, to = operands[0], expression.params.get("to")
    return value._replace(
        text=inner.text,
        precedence=inner.precedence,
        literal=inner.literal,
        cast=expression.type or "?",
        **_cast_inside(inner, to if isinstance(to, NestedType) else None, [MOST_FIELDS]),
    )


def _cast_inside(inner: Value, to: NestedType | None, room: list[int]) -> dict[str, Any]:
    """Fields or items of what is cast: fields by position, under the names of the type that it is cast to."""
    room[0] -= 1
    if room[0] < 0:
        return {"fields": None}
    if inner.element is not None:
        of = to and to.element
        items = inner.fields and {key: _cast_item(item, of, room) for key, item in inner.fields.items()}
        return {"fields": items, "element": _cast_item(inner.element, of, room), "size": inner.size}
    if inner.fields is None or to is None:
        return {"fields": None}
    types = [(name.lower(), its_type) for name, its_type in to.fields]
    if inner.base is not None:  # a struct that is read, and the fields that were set in it: these are found by name
        by_name = dict(types)
        types = [(name, by_name[name]) for name in inner.fields if name in by_name]
    if len(types) != len(inner.fields):
        return {"fields": None}
    cast = {
        name: alike([field], TRANSFORMATION)._replace(**_cast_inside(field, its_type, room))
        for (name, its_type), field in zip(types, inner.fields.values(), strict=True)
    }
    return {"fields": cast, "base": inner.base}


def _cast_item(item: Value, to: NestedType | None, room: list[int]) -> Value:
    return item._replace(**_cast_inside(item, to, room))


def _case(expression: Expression, operands: Sequence[Value]) -> Value:
    pairs = len(operands) // 2
    conditions = [operands[2 * i] for i in range(pairs)]
    results = [operands[2 * i + 1] for i in range(pairs)] + ([operands[-1]] if len(operands) % 2 else [])
    return _conditional(expression, operands, conditions, results)


def _if(expression: Expression, operands: Sequence[Value]) -> Value:
    return _built_again(operands) or _conditional(expression, operands, operands[:1], operands[1:])


def _built_again(operands: Sequence[Value]) -> Value | None:
    """``if(d IS NULL, NULL, struct(d.x, d.y))`` as the struct ``d``: so Spark reads one that has a CHAR in it.

    None: it is another IF.
    """
    if len(operands) != 3 or not operands[1].literal or operands[1].fields or not operands[2].fields:  # noqa: PLR2004
        return None
    owners = {_owner(field, name) for name, field in operands[2].fields.items()}
    owner = owners.pop()
    if owners or owner is None or str(operands[0].text) != f"{owner[1]} IS NULL":
        return None
    column, shown, path = owner
    return operands[2]._replace(text=text(shown), precedence=ATOM, paths={column: frozenset({path})})


def _owner(field: Value, name: str) -> tuple[Column, str, str] | None:
    """The column, the text and the path of the struct whose field, of this name, a value is; None: it is no field."""
    if not field.paths or len(field.paths) != 1 or field.indirect:
        return None
    if field.fields is None and any(use.strength for use in field.direct.values()):
        return None
    ((column, paths),) = field.paths.items()
    path, _, last = next(iter(paths)).rpartition(".") if len(paths) == 1 else ("", "", "")
    shown, _, _ = str(field.text).rpartition(".")
    return (column, shown, path) if path and last.lower() == name else None


def _nvl2(expression: Expression, operands: Sequence[Value]) -> Value:
    if len(operands) == 1:  # the agent sends what it is replaced by
        return operands[0]
    return _conditional(expression, operands, operands[:1], operands[1:])


def _conditional(
    expression: Expression, operands: Sequence[Value], conditions: Sequence[Value], results: Sequence[Value]
) -> Value:
    if len(results) > max(1, len(conditions)) and all(same(result, results[0]) for result in results[1:]):
        return results[0]  # Spark rewrites an UPDATE so: what it does not set is "if(condition, old, old)"
    value = follow_fields(combine(results, TRANSFORMATION), results, TRANSFORMATION)
    value = influenced(value, as_role(conditions, Subtype.CONDITIONAL), by=conditions)
    if any(result.size is not None for result in results):
        counts = {_count(result) for result in results}
        same_count = len(counts) == 1 and None not in counts
        value = value._replace(size=() if same_count else sizes([*conditions, *results]))
    return _shown(expression, operands, value)


def _count(value: Value) -> int | None:
    """How many items an array has that lists them; None: it is no such array."""
    return len(value.fields) if value.element is not None and value.fields is not None and value.size == () else None


def _coalesce(expression: Expression, operands: Sequence[Value]) -> Value:
    """OpenLineage: what COALESCE takes is looked at as well, so each operand is CONDITIONAL beside DIRECT."""
    value = follow_fields(combine(operands, TRANSFORMATION), operands, TRANSFORMATION)
    value = influenced(value, as_role(operands, Subtype.CONDITIONAL))
    if any(operand.size is not None for operand in operands):
        value = value._replace(size=sizes(operands))
    return _shown(expression, operands, value._replace(literal=all(o.literal for o in operands)))


def _aggregate(expression: Expression, operands: Sequence[Value]) -> Value:
    """AggregateExpression(function, filter?): the FILTER (WHERE ...) clause is a condition on this column alone."""
    inner = operands[0]
    value = combine([inner], AGGREGATION)._replace(**_of_struct(inner))
    if operands[1:]:
        value = value._replace(size=None)  # of a list
    value = influenced(value, as_role(operands[1:], Subtype.FILTER), by=operands[1:])
    # An aggregate of constants depends on how many rows there are.
    return _shown(expression, operands, value._replace(generated=value.generated or not value.direct))


def _window(expression: Expression, operands: Sequence[Value]) -> Value:
    function, keys = operands[0], operands[1:]
    value = follow_fields(combine([function], TRANSFORMATION), [function], TRANSFORMATION)
    value = influenced(value, as_role(keys, Subtype.WINDOW), by=keys)
    return _shown(expression, operands, value._replace(generated=value.generated or not value.direct))


def _specification(expression: Expression, operands: Sequence[Value]) -> Value:
    keys = len(expression.params.get("partitionSpec") or []) + len(expression.params.get("orderSpec") or [])
    return _shown(expression, operands, combine(operands[:keys] if keys else operands, TRANSFORMATION))


def _rank(expression: Expression, operands: Sequence[Value]) -> Value:
    """What the agent gives a rank as operands is the order key, which its window has as well."""
    shown = operands if expression.operator == "NTile" else ()
    return _shown(expression, [operand for operand in shown if operand.literal], Value(generated=True))


def _null(_: Expression, __: Sequence[Value]) -> Value:
    return Value(text=constant("NULL"), literal=True)


def _field(expression: Expression, operands: Sequence[Value]) -> Value:
    """GetStructField: a built struct's field is that field's value; a read one's is IDENTITY with its path."""
    inner, name = operands[0], str(expression.params.get("name") or expression.params.get("ordinal"))
    return field_of(inner, name)


def _element_field(expression: Expression, operands: Sequence[Value]) -> Value:
    """GetArrayStructFields: one field of every element."""
    field = expression.params.get("field")
    name = str(expression.params.get("name") or field).partition("(")[2].partition(",")[0] or str(field)
    named = replace(expression, params={"name": name})
    array = operands[0]
    if array.element is None:
        return _field(named, operands)
    field_ = _field(named, [item_of(array)])
    value = combine([field_], AGGREGATION if _is_collected(array) else TRANSFORMATION)
    return value._replace(text=field_.text, precedence=field_.precedence, element=field_, size=array.size)


def _pivot(expression: Expression, operands: Sequence[Value]) -> Value:
    """PivotFirst(pivot column, value): an array with one element for each value of the pivot column."""
    if len(operands) != 2:  # noqa: PLR2004 - the two operands that the class has
        return _shown(expression, operands, combine(operands, AGGREGATION))
    by, taken = operands
    value = influenced(combine([taken], AGGREGATION), as_role([by], Subtype.CONDITIONAL), by=[by])
    names = expression.params.get("pivotColumnValues")

    def of_value(shown: str) -> Value:
        return value._replace(text=concat([taken.text, " FILTER (WHERE ", by.text, " = ", constant(shown), ")"]))

    elements = {str(i): of_value(f"'{name}'") for i, name in enumerate(names if isinstance(names, list) else [])}
    return _shown(expression, operands, value)._replace(fields=elements, element=of_value("..."))


def _element(expression: Expression, operands: Sequence[Value]) -> Value:
    inner, key = operands[0], str(operands[-1].text)
    if inner.fields is not None and operands[-1].literal and key in inner.fields:
        item = inner.fields[key]
        return item if item.text.length else _shown(expression, operands, item)
    if inner.element is not None and operands[-1].literal:
        item = inner.element
        return item if item.text.length else _shown(expression, operands, item)
    value = _shown(expression, operands, combine(operands, TRANSFORMATION)._replace(paths=inner.paths))
    # Which of them it is, the keys say: a field comes from that field of all of them, and from the keys.
    if inner.element is not None:
        return value._replace(**_of_struct(chosen_by(inner.element, operands[1:])))
    if inner.entry is not None:
        return value._replace(**_of_struct(chosen_by(inner.entry[1], [*operands[1:], inner.entry[0]])))
    return value


def _element_at(expression: Expression, operands: Sequence[Value]) -> Value:
    """``element_at(array, n)`` counts from 1, and from the end where n is negative; of a map it is as ``map[key]``."""
    inner, key = operands[0], str(operands[-1].text)
    if inner.element is None or not _WHOLE.fullmatch(key):
        return _element(expression, operands)
    items = inner.fields or {}
    place = int(key) - 1 if int(key) > 0 else len(items) + int(key)
    item = items.get(str(place), inner.element)
    return item if item.text.length else _shown(expression, operands, item)


#: A number that fits in Spark's `int`.
_WHOLE = re.compile("-?[0-9]{1,10}")


def _struct(expression: Expression, operands: Sequence[Value]) -> Value:
    """CreateNamedStruct(name1, value1, ...): remembers its fields, so that taking one out again is exact."""
    names = [str(operands[i].text).strip("'").lower() for i in range(0, len(operands) - 1, 2)]
    values = [operands[i] for i in range(1, len(operands), 2)]
    value = combine(values, TRANSFORMATION)
    fields = dict(zip(names, values, strict=False))
    start = values[0].text if names[:2] == ["start", "end"] else text("")
    if start.head.startswith(("window(", "session_window(")):  # as `_of_window` shows what these are made of
        shown = {name: field._replace(text=concat([start, f".{name}"])) for name, field in fields.items()}
        return value._replace(text=start, fields=shown)
    return _shown(expression, operands, value._replace(fields=fields))


def _with_field(expression: Expression, operands: Sequence[Value]) -> Value:
    """WithField(value): one field that `UpdateFields` sets."""
    name = str(expression.params.get("name", ""))
    shown = concat([f"withField('{name}', ", operands[0].text, ")"])
    return operands[0]._replace(fields={name.lower(): operands[0]}, text=shown)


def _drop_field(expression: Expression, _: Sequence[Value]) -> Value:
    """DropField: one field that `UpdateFields` leaves out."""
    name = str(expression.params.get("name", ""))
    return Value(text=concat([f"dropFields('{name}')"]), fields={name.lower(): _DROPPED}) if name else Value()


#: Stands for a field that is left out.
_DROPPED = Value(literal=True)


def _update_fields(_: Expression, operands: Sequence[Value]) -> Value:
    """UpdateFields(struct, WithField or DropField ...): the struct's fields but for those that are set or dropped.

    A dropped field that the agent does not name is kept: nobody can ask for it. Of a struct whose other fields are not
    known yet, or never, it stays as one that has no sources.
    """
    inner, changes = operands[0], operands[1:]
    fields = dict(inner.fields or {})
    for name, field in (item for change in changes for item in (change.fields or {}).items()):
        if field is _DROPPED and inner.fields is not None and inner.base is None:
            fields.pop(name, None)
        else:
            fields[name] = field
    parts = list(fields.values()) if inner.fields is not None and inner.base is None else [inner, *fields.values()]
    base = inner.base if inner.fields is not None else inner
    value = combine(parts, TRANSFORMATION)._replace(fields=fields, base=base)
    shown = join(".", [inner.text, *(change.text for change in changes if change.fields)])
    return value._replace(text=shown)


def _array(expression: Expression, operands: Sequence[Value]) -> Value:
    """CreateArray(items): remembers its items, and how many there are."""
    items = {str(i): item for i, item in enumerate(operands)}
    element = follow_fields(alike(operands, TRANSFORMATION), operands, TRANSFORMATION) if operands else None
    if element is not None and all(operand.size is not None for operand in operands):
        element = element._replace(size=sizes(operands))
    value = combine(operands, TRANSFORMATION)._replace(fields=items, element=element, size=())
    return _shown(expression, operands, value)


def _map(expression: Expression, operands: Sequence[Value]) -> Value:
    """CreateMap(key, value, ...): remembers its keys and values; by its key each value whose keys are all literals."""
    keys, items = operands[::2], operands[1::2]
    value = combine(operands, TRANSFORMATION)._replace(size=())
    if items and len(keys) == len(items):
        key, item = (follow_fields(alike(some, TRANSFORMATION), some, TRANSFORMATION) for some in (keys, items))
        value = value._replace(entry=(key, item))
        if all(key.literal for key in keys):
            value = value._replace(fields={str(key.text): item for key, item in zip(keys, items, strict=True)})
    return _shown(expression, operands, value)


def _one_of_the_rows(expression: Expression, operands: Sequence[Value]) -> Value:
    """first, last, lag, ...: the value of one row as it is, or a default. A struct's fields are those of that row."""
    strength = AGGREGATION if expression.operator in _OF_A_GROUP else TRANSFORMATION
    given = [operand for i, operand in enumerate(operands) if i != 1]  # the second says which row
    value = _shown(expression, operands, follow_fields(combine(operands, TRANSFORMATION), given, strength))
    if value.fields is None or value.element is not None:
        return value
    parts = value.fields.items()
    return value._replace(
        fields={name: part._replace(text=concat([value.text, f".{name}"]), precedence=ATOM) for name, part in parts}
    )


def _extreme(expression: Expression, operands: Sequence[Value]) -> Value:
    """max, min: one of the values as it is. Of structs and arrays, the other fields or items decide which of them."""
    value = _shown(expression, operands, follow_fields(combine(operands, TRANSFORMATION), operands, AGGREGATION))
    parts, element = value.fields, value.element
    if element is not None:
        value = value._replace(element=_as_an_item(influenced(element, as_role([value], Subtype.CONDITIONAL))))
    if parts is None or len(parts) > _MOST_COMPARED:
        return value._replace(fields=None, base=None)
    fields = {}
    for name, part in parts.items():
        others = [other for key, other in parts.items() if key != name]
        shown = text("") if element is not None else concat([value.text, f".{name}"])
        fields[name] = influenced(part._replace(text=shown), as_role(others, Subtype.CONDITIONAL), by=others)
        fields[name] = fields[name]._replace(precedence=ATOM)
    return value._replace(fields=fields)


#: Fields of a struct that are told to decide about each other: each of them from all.
_MOST_COMPARED = 16

_OF_A_GROUP = frozenset({"First", "Last", "AnyValue"})


def _of_extreme_row(expression: Expression, operands: Sequence[Value]) -> Value:
    """max_by, min_by: the value of one row as it is, which another value decides; a field is that row's."""
    value = _shown(expression, operands, combine(operands, TRANSFORMATION))
    return follow_fields(value, [chosen_by(operands[0], operands[1:])], AGGREGATION) if operands else value


def _collected(expression: Expression, operands: Sequence[Value]) -> Value:
    """collect_list, collect_set: an item is what was collected.

    A list of structs that the plan builds has as many items as there are rows: such a struct is never NULL.
    """
    value = combine(operands, TRANSFORMATION)
    if expression.operator == "CollectList" and operands and operands[0].fields and not operands[0].indirect:
        value = value._replace(size=() if operands[0].base is None and operands[0].element is None else None)
    return _shown(expression, operands, value._replace(element=_as_an_item(operands[0]) if operands else None))


#: Spark's checks of CHAR and VARCHAR, which give the text that they are given (a CHAR with blanks at its end).
_CHECKS = frozenset({"varcharTypeWriteSideCheck", "charTypeWriteSideCheck", "readSidePadding"})


def _static_invoke(expression: Expression, operands: Sequence[Value]) -> Value:
    """A method of Spark's own, called by its name."""
    method = str(expression.params.get("functionName") or "")
    if method in _CHECKS and operands:
        return operands[0]
    named = replace(expression, name=method) if method else expression
    return _shown(named, operands, combine(operands, TRANSFORMATION))


def _shift(expression: Expression, operands: Sequence[Value]) -> Value:
    """One bit of the number of a grouping set, which says whether a column is grouped by: ``grouping(shop)``."""
    if operands and operands[0].generated and operands[0].fields is not None:
        found = operands[0].fields.get(f"{_BIT}{operands[-1].text}")
        if found is not None:
            return found
    return _shown(expression, operands, combine(operands, TRANSFORMATION))


def _bit_and(expression: Expression, operands: Sequence[Value]) -> Value:
    if len(operands) > 1 and operands[0].fields is not None and _BIT in operands[0].fields:
        return operands[0]
    return _shown(expression, operands, combine(operands, TRANSFORMATION))


_BIT = "bit "


def grouping_number(value: Value, columns: Sequence[str]) -> Value:
    """What numbers the grouping sets: bit 0 is the last of the columns."""
    bits = {
        f"{_BIT}{i}": Value(text=text(f"grouping({name})"), generated=True, fields={_BIT: Value()})
        for i, name in enumerate(reversed(columns))
    }
    return value._replace(text=text("grouping_id()"), generated=True, fields=bits)


def _variable(expression: Expression, operands: Sequence[Value]) -> Value:
    shown = render(expression, operands)[0]
    return variable(str(shown), shown)


def _lambda(expression: Expression, operands: Sequence[Value]) -> Value:
    body, variables = operands[0], operands[1:]
    of = function(body, variables)
    nothing = dict.fromkeys(of.variables, Value(literal=True))
    return _shown(expression, operands, bound(combine([body], TRANSFORMATION), nothing))._replace(function=of)


def _neutral(expression: Expression, operands: Sequence[Value]) -> Value:
    """A frame is no value."""
    return _shown(expression, operands, Value(literal=True))


def _generated(expression: Expression, operands: Sequence[Value]) -> Value:
    return _shown(expression, operands, combine(operands, TRANSFORMATION)._replace(generated=True))


def _union(expression: Expression, operands: Sequence[Value]) -> Value:
    """The agent's synthetic `union` expression: one operand a side."""
    return _shown(expression, operands, combine(operands, IDENTITY))


#: Functions that mean nothing without an operand: a payload that sends them so is damaged.
_OF_AN_OPERAND = frozenset({
    "Cast", "TryCast", "AnsiCast", "AggregateExpression", "WindowExpression", "GetStructField", "GetArrayStructFields",
    "GetArrayItem", "GetMapValue", "ElementAt", "Not", "IsNull", "IsNotNull", "In", "InSet", "InSubquery", "SortOrder",
    "UnaryMinus", "LambdaFunction", "WithField", "UpdateFields", "Nvl2", "If",
})  # fmt: skip

_RULES: dict[str, Callable[[Expression, Sequence[Value]], Value]] = {
    "Literal": _literal,
    "Cast": _cast,
    "TryCast": _cast,
    "AnsiCast": _cast,
    "TypedNullLiteral": _null,
    "CaseWhen": _case,
    "If": _if,
    "Nvl2": _nvl2,
    "AggregateExpression": _aggregate,
    "WindowExpression": _window,
    "WindowSpecDefinition": _specification,
    "GetStructField": _field,
    "GetArrayStructFields": _element_field,
    "GetArrayItem": _element,
    "GetMapValue": _element,
    "ElementAt": _element_at,
    "CreateNamedStruct": _struct,
    "Coalesce": _coalesce,
    "WithField": _with_field,
    "DropField": _drop_field,
    "UpdateFields": _update_fields,
    "CreateArray": _array,
    "CreateMap": _map,
    "CollectList": _collected,
    "CollectSet": _collected,
    **dict.fromkeys((*_OF_A_GROUP, "Lag", "Lead", "NthValue"), _one_of_the_rows),
    **dict.fromkeys(("Max", "Min"), _extreme),
    **dict.fromkeys(("MaxBy", "MinBy"), _of_extreme_row),
    "StaticInvoke": _static_invoke,
    "ShiftRight": _shift,
    "BitwiseAnd": _bit_and,
    "CreateStruct": _struct,
    "PivotFirst": _pivot,
    "NamedLambdaVariable": _variable,
    "LambdaFunction": _lambda,
    "union": _union,
    **dict.fromkeys(TRANSPARENT, _transparent),
    **dict.fromkeys(RANKS, _rank),
    **dict.fromkeys(FRAMES, _neutral),
    **dict.fromkeys(GENERATED, _generated),
}
