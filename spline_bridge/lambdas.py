"""Functions of functions: ``transform(array, x -> ...)``. A lambda's variable stands for the items of an array or map.

While a lambda is read, its variable is a source without a dataset (`variable`). The function that takes the lambda says
what the variable stands for (`bound`); for one that does not, the variable is nothing: the array is an operand as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from headwater.graphmodel.expressions.text import Text
from headwater.graphmodel.expressions.values import (
    MOST_FIELDS,
    TRANSFORMATION,
    Column,
    Influence,
    Use,
    Value,
    as_role,
    combine,
    field_of,
    item_of,
    merge_into,
    through,
)

_VARIABLE = "\0variable"


class Function(NamedTuple):
    """A lambda: its variables, and its value in terms of them."""

    variables: tuple[Column, ...]
    body: Value


def variable(name: str, shown: Text) -> Value:
    """What a variable is until it is known what it stands for."""
    column = (_VARIABLE, name)
    return Value({column: Use()}, text=shown, paths={column: frozenset({""})})


def function(body: Value, variables: Sequence[Value]) -> Function:
    """The lambda of these variables with this body."""
    return Function(tuple(column for value in variables for column in value.direct), body)


def without_variables(value: Value) -> Value:
    """The value where its variables stand for nothing."""
    columns = {c for c in value.direct if c[0] == _VARIABLE} | {i.column for i in value.indirect if _is_variable(i)}
    return bound(value, dict.fromkeys(columns, Value(literal=True))) if columns else value


def _is_variable(influence: Influence) -> bool:
    return influence.column[0] == _VARIABLE


def called(of: Function, arguments: Sequence[Value]) -> Value:
    """What a lambda gives for these arguments; variables without one stand for nothing."""
    given = dict(zip(of.variables, arguments, strict=False))
    return bound(of.body, {column: given.get(column, Value(literal=True)) for column in of.variables})


def bound(value: Value, items: Mapping[Column, Value]) -> Value:
    """The value where variables stand for `items`; what is inside of it as well."""
    return _bound(value, items, [MOST_FIELDS])


def _bound(value: Value, items: Mapping[Column, Value], room: list[int]) -> Value:
    room[0] -= 1
    whole = _as_it_is(value, items)
    if whole is not None:
        return whole
    direct: dict[Column, Use] = {}
    indirect: dict[Influence, Use] = {}
    generated, unresolved = value.generated, value.unresolved
    for column, use in value.direct.items():
        if column not in items:
            merge_into(direct, {column: use})
            continue
        for source in _sources(items[column], use):
            merge_into(direct, through(source.direct, use.strength, masking=use.masking, exact=use.exact))
            merge_into(indirect, source.indirect)
            generated, unresolved = generated or source.generated, unresolved or source.unresolved
    for influence, use in value.indirect.items():
        if influence.column not in items:
            merge_into(indirect, {influence: use})
            continue
        for source in _sources(items[influence.column], use):
            key = source if use.text is None else source._replace(text=use.text)
            merge_into(indirect, as_role([key], influence.subtype))
    value = value._replace(direct=direct, indirect=indirect, generated=generated, unresolved=unresolved, paths=None)
    return _settled(_bound_inside(value, lambda inner: _bound(inner, items, room), room))


def _settled(value: Value) -> Value:
    """The value of a struct that the plan changed, now that it may be known what the struct's other fields are."""
    base = value.base
    if base is None or base.fields is None or base.element is not None:
        return value
    fields = {**base.fields, **(value.fields or {})}
    whole = combine([*fields.values(), *(() if base.base is None else (base.base,))], TRANSFORMATION)
    indirect = dict(value.indirect)
    merge_into(indirect, whole.indirect)
    return value._replace(
        direct=whole.direct,
        indirect=indirect,
        generated=whole.generated,
        unresolved=whole.unresolved,
        fields=fields,
        base=base.base,
    )


def _bound_inside(value: Value, anew: Callable[[Value], Value], room: list[int]) -> Value:
    fields = {name: anew(field) for name, field in value.fields.items()} if value.fields and room[0] >= 0 else None
    element = anew(value.element) if value.element is not None and room[0] >= 0 else None
    entry = (anew(value.entry[0]), anew(value.entry[1])) if value.entry is not None and room[0] >= 0 else None
    size = tuple(map(anew, value.size)) if value.size is not None and room[0] >= 0 else None
    base = anew(value.base) if value.base is not None and room[0] >= 0 else None
    if room[0] < 0:
        fields = element = entry = size = base = None
    return value._replace(fields=fields, element=element, entry=entry, size=size, base=base)


def _as_it_is(value: Value, items: Mapping[Column, Value]) -> Value | None:
    """What a variable, or a field of it, stands for, where the value is no more than that; None: it is more."""
    if not value.paths or len(value.paths) != 1 or len(value.direct) != 1 or value.indirect:
        return None
    ((column, paths),) = value.paths.items()
    if column not in items or len(paths) != 1 or value.direct.get(column, Use(1)).strength:
        return None
    (path,) = paths
    return _at(items[column], path)._replace(text=value.text, precedence=value.precedence)


def _sources(item: Value, use: Use) -> list[Value]:
    return [item] if use.fields is None else [_at(item, path) for path in sorted(use.fields)]


def _at(item: Value, path: str) -> Value:
    for name in path.split(".")[1:]:
        item = field_of(item, name)
    return item


def _items(operands: Sequence[Value]) -> list[Value]:
    return [item_of(operands[0])]


def _items_of_both(operands: Sequence[Value]) -> list[Value]:
    return [item_of(operands[0]), item_of(operands[1])]


def _entry(operands: Sequence[Value]) -> list[Value]:
    return list(operands[0].entry or (operands[0], item_of(operands[0])))


def _entries_of_both(operands: Sequence[Value]) -> list[Value]:
    first, second = _entry(operands), _entry(operands[1:])
    return [first[0], first[1], second[1]]


def _compared(operands: Sequence[Value]) -> list[Value]:
    return [item_of(operands[0])] * 2


def _folded(operands: Sequence[Value]) -> list[Value]:
    """The first variable is what has come together so far: of the items and the first value, which are operands."""
    return [Value(literal=True), item_of(operands[0])]


_ARGUMENTS: Mapping[str, Callable[[Sequence[Value]], list[Value]]] = {
    **dict.fromkeys(("ArrayTransform", "ArrayFilter", "ArrayExists", "ArrayForAll"), _items),
    "ArraySort": _compared,
    "ArrayAggregate": _folded,
    "ZipWith": _items_of_both,
    **dict.fromkeys(("MapFilter", "TransformKeys", "TransformValues"), _entry),
    "MapZipWith": _entries_of_both,
}


def with_arguments(operator: str, operands: Sequence[Value]) -> Sequence[Value]:
    """The operands of a function; a lambda among them is what it gives for the items of the others."""
    arguments = _ARGUMENTS.get(operator)
    if arguments is None or not operands or not any(isinstance(one.function, Function) for one in operands):
        return operands
    known = arguments(operands) if operands[0].function is None else []
    return [_given(one, known) for one in operands]


def calls_a_lambda(operands: Sequence[Value]) -> bool:
    """Whether the operands of a function end in a lambda, and it is known what that is called with."""
    return len(operands) > 1 and isinstance(operands[-1].function, Function) and operands[0].function is None


def called_on_each(of: object, array: Value) -> dict[str, Value] | None:
    """What a lambda makes of each item of an array that lists its items, by number; None: it is not such an array."""
    if not isinstance(of, Function) or array.element is None or array.fields is None:
        return None
    items = {number: called(of, [item]) for number, item in islice(array.fields.items(), _MOST_ITEMS)}
    return items if len(items) == len(array.fields) else None


#: Items of one array for which a lambda is called one by one.
_MOST_ITEMS = 20


def _given(operand: Value, known: Sequence[Value]) -> Value:
    if not isinstance(operand.function, Function):
        return operand
    made = called(operand.function, known)
    return made._replace(text=operand.text, precedence=operand.precedence, literal=False)
