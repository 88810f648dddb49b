"""What one column of one operator's output is made of: its sources, its readable text, and what is known of it.

Values are built bottom-up, once per column and operator, so work grows with the plan and not with the paths through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from headwater.graphmodel.expressions.text import EMPTY, Text, concat
from headwater.graphmodel.expressions.text import text as as_text
from headwater.graphmodel.model import Subtype

#: A read column: (canonical dataset URI, lower-case column name).
Column = tuple[str, str]

IDENTITY, TRANSFORMATION, AGGREGATION = 0, 1, 2
STRENGTH = (Subtype.IDENTITY, Subtype.TRANSFORMATION, Subtype.AGGREGATION)

#: Precedence of a text that needs no parentheses anywhere.
ATOM = 100


_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Use(NamedTuple):
    """How a read column goes into a value."""

    strength: int = IDENTITY
    masking: bool = False
    exact: bool = True
    fields: frozenset[str] | None = None  #: paths of the nested fields read; None: the whole column
    text: Text | None = None  #: INDIRECT only: the condition or key it takes part in


class Influence(NamedTuple):
    """An INDIRECT role of a read column."""

    column: Column
    subtype: Subtype


def rows_of(dataset: str) -> Column:
    """What stands among sources for the rows of a dataset, whatever its columns hold: a column without a name."""
    return (dataset, "")


class Value(NamedTuple):
    """A column's value. `direct` and `indirect` are its sources; without DIRECT ones the flags say why."""

    direct: Mapping[Column, Use] = _NOTHING
    indirect: Mapping[Influence, Use] = _NOTHING
    text: Text = EMPTY
    precedence: int = ATOM
    generated: bool = False
    unresolved: bool = False
    literal: bool = False
    fields: Mapping[str, Value] | None = None  #: of a struct or array built by the plan: its fields, or items by number
    base: Value | None = None  #: of a struct that the plan changed: what has the fields that are not in `fields`
    element: Value | None = None  #: of an array built by the plan: what any of its items is
    entry: tuple[Value, Value] | None = None  #: of a map built by the plan: what any of its keys is, and of its values
    size: tuple[Value, ...] | None = None  #: of an array or map: what decides how many items it has; None: itself
    paths: Mapping[Column, frozenset[str]] | None = None  #: of a plain access: the paths from read columns to the field
    function: object = None  #: of a lambda: a `lambdas.Function`
    cast: str | None = None  #: of a cast: the type; shown only where the cast is a column's whole expression


def either(first: Use, second: Use) -> Use:
    """One column through two operands: the stronger; masked only if both are; exact if one is."""
    fields = None if first.fields is None or second.fields is None else first.fields | second.fields
    return Use(
        max(first.strength, second.strength),
        first.masking and second.masking,
        first.exact or second.exact,
        fields,
        first.text or second.text,
    )


def merge_into(target: dict, uses: Mapping) -> None:  # type: ignore[type-arg]
    """Adds uses to a mapping of the same kind."""
    if not target:
        target.update(uses)
        return
    for key, use in uses.items():
        known = target.get(key)
        target[key] = use if known is None else either(known, use)


def through(
    uses: Mapping[Column, Use], strength: int, *, masking: bool = False, exact: bool = True
) -> dict[Column, Use]:
    """Uses after a function of the given strength."""
    return {
        column: use
        if use.strength >= strength and use.masking >= masking and use.exact <= exact
        else use._replace(
            strength=max(use.strength, strength), masking=use.masking or masking, exact=use.exact and exact
        )
        for column, use in uses.items()
    }


def as_role(values: Iterable[Value], subtype: Subtype) -> dict[Influence, Use]:
    """All sources of keys or conditions, in one INDIRECT role: a computed key takes the outer role."""
    out: dict[Influence, Use] = {}
    for value in values:
        for column, use in value.direct.items():
            _add_role(out, column, subtype, use, value.text)
        for influence, use in value.indirect.items():
            _add_role(out, influence.column, subtype, use, value.text)
    return out


def _add_role(out: dict[Influence, Use], column: Column, subtype: Subtype, use: Use, text: Text) -> None:
    merge_into(out, {Influence(column, subtype): Use(0, use.masking, use.exact, use.fields, text)})


def combine(values: Iterable[Value], strength: int, *, masking: bool = False, exact: bool = True) -> Value:
    """The value of a function of these operands; its text is still to be set."""
    direct: dict[Column, Use] = {}
    indirect: dict[Influence, Use] = {}
    generated = unresolved = False
    for value in values:
        if value.direct:
            merge_into(direct, through(value.direct, strength, masking=masking, exact=exact))
        if value.indirect:
            merge_into(indirect, value.indirect)
        generated |= value.generated
        unresolved |= value.unresolved
    return Value(direct, indirect, generated=generated, unresolved=unresolved)


#: Fields that are followed through one function, nested ones included: a payload can nest structs so that each holds
#: the one before twice.
MOST_FIELDS = 5_000


def sizes(values: Iterable[Value]) -> tuple[Value, ...]:
    """What decides how many items arrays or maps have, taken together."""
    found: dict[int, Value] = {}
    for value in values:
        deciding = (value,) if value.size is None else value.size
        found |= {id(one): one for one in deciding if one.direct or one.indirect or one.unresolved}
    if len(found) <= _MOST_SIZES:
        return tuple(found.values())
    return (combine(found.values(), TRANSFORMATION),)


#: Values that decide a size are kept apart up to here: an array can be made of two, each of which is made of two, ...
_MOST_SIZES = 16


def field_of(struct: Value, name: str) -> Value:
    """The field of a struct: as the plan built it, else with its path in the columns that are read."""
    shown = concat([within(struct, ATOM), ".", name])
    while True:
        if struct.fields is not None and name.lower() in struct.fields:
            field = struct.fields[name.lower()]
            return field if field.text.length else field._replace(text=shown, precedence=ATOM)
        if struct.base is None:
            break
        struct = struct.base
    value = combine([struct], IDENTITY)._replace(text=concat([within(struct, ATOM), ".", name]))
    if not struct.paths:
        return value
    paths = {column: frozenset(f"{path}.{name}" for path in some) for column, some in struct.paths.items()}
    direct = {column: use._replace(fields=paths.get(column, use.fields)) for column, use in value.direct.items()}
    return value._replace(direct=direct, paths=paths)


def item_of(array: Value) -> Value:
    """An item of an array: as the plan built it, else one of the array that is read."""
    if array.element is not None and array.element.text.length:
        return array.element
    if array.element is not None:
        return array.element._replace(text=array.text, precedence=array.precedence)
    return combine([array], TRANSFORMATION)._replace(text=array.text, precedence=array.precedence, paths=array.paths)


def within(value: Value, precedence: int) -> Text:
    """The operand's text, in parentheses if it binds less tightly than its place needs."""
    return value.text if value.precedence >= precedence else concat(["(", value.text, ")"])


def follow_fields(value: Value, operands: Sequence[Value], strength: int) -> Value:
    """The value with the fields, or the items, that all operands have: each field from that field of all operands.

    For functions that give one of their operands as it is: CASE, COALESCE, UNION. NULLs are left out.
    """
    return _followed(value, operands, strength, [MOST_FIELDS])


def _followed(value: Value, operands: Sequence[Value], strength: int, room: list[int]) -> Value:
    given = [operand for operand in operands if not (operand.literal and operand.fields is None)]
    room[0] -= len(given) + 1
    if not given or room[0] < 0:
        return value
    if not all(_is_known_inside(operand) for operand in given):
        return value
    if all(operand.paths is not None for operand in given):
        return value._replace(paths=_all_paths(given))
    if any(operand.element is not None for operand in given):
        items = [item_of(operand) for operand in given]
        element = _followed(_one_of(items, strength), items, strength, room)
        value = value._replace(
            element=element if any(i.size is None for i in items) else element._replace(size=sizes(items))
        )
    if all(operand.entry is not None for operand in given):
        entries = [operand.entry for operand in given if operand.entry is not None]
        sides = [[entry[0] for entry in entries], [entry[1] for entry in entries]]
        key, item = (_followed(_one_of(parts, strength), parts, strength, room) for parts in sides)
        value = value._replace(entry=(key, item))
    built = [operand.fields for operand in given if operand.fields is not None]
    if built and all(operand.base is not None or operand.paths is not None for operand in given):
        bases = [operand if operand.base is None else operand.base for operand in given]  # have what was set in none
        value = value._replace(base=_followed(_one_of(bases, strength), bases, strength, room))
        built = [{name: field for fields in built for name, field in fields.items()}]
    if not built or any(fields.keys() != built[0].keys() for fields in built):
        return value
    if len(built) < len(given) and any(operand.element or operand.entry for operand in given):
        return value  # which items a read array has is not known
    found = {}
    for name in built[0]:
        parts = [field_of(operand, name) for operand in given]
        found[name] = _followed(_one_of(parts, strength), parts, strength, room)
    return value._replace(fields=found) if room[0] >= 0 else value


def _one_of(parts: Sequence[Value], strength: int) -> Value:
    """As `alike`; without a text where the parts have different ones: `field_of` shows it as a field then."""
    value = alike(parts, strength)
    return value if all(part.text == value.text for part in parts) else value._replace(text=EMPTY, precedence=ATOM)


def _is_known_inside(value: Value) -> bool:
    built = value.fields is not None or value.element is not None or value.entry is not None
    return built or value.paths is not None


def _all_paths(values: Iterable[Value]) -> dict[Column, frozenset[str]]:
    found: dict[Column, frozenset[str]] = {}
    for value in values:
        for column, paths in (value.paths or {}).items():
            found[column] = found.get(column, frozenset()) | paths
    return found


def same(first: Value, second: Value) -> bool:
    """Whether two values are certainly the same: their whole texts are, and all their sources.

    Never if there is a literal in them: with another one they would not be, and literals make no other logic.
    """
    return (
        first.text == second.text
        and first.text.whole
        and not first.text.constants
        and first.cast == second.cast
        and first.direct == second.direct
        and first.indirect == second.indirect
        and not (first.generated or first.unresolved or second.unresolved)
    )


def alike(values: Sequence[Value], strength: int) -> Value:
    """One of these values, at least of the given strength; shown as the first of them."""
    if len(values) == 1 and strength == IDENTITY:
        return values[0]
    value = combine(values, strength)
    return value._replace(
        text=values[0].text, precedence=values[0].precedence, literal=all(item.literal for item in values)
    )


def influenced(value: Value, roles: Mapping[Influence, Use], *, by: Iterable[Value] = ()) -> Value:
    """The value with more INDIRECT sources; conditions or keys that could not be resolved are remembered."""
    return _influenced(value, roles, any(key.unresolved for key in by), [MOST_FIELDS])


def _influenced(value: Value, roles: Mapping[Influence, Use], unresolved_keys: bool, room: list[int]) -> Value:  # noqa: FBT001 - private
    room[0] -= 1
    indirect = dict(value.indirect)
    merge_into(indirect, roles)
    fields = base = element = entry = None
    if value.fields is not None and room[0] >= 0:
        fields = {name: _influenced(field, roles, unresolved_keys, room) for name, field in value.fields.items()}
    if value.base is not None and room[0] >= 0:
        base = _influenced(value.base, roles, unresolved_keys, room)
    if value.element is not None and room[0] >= 0:
        element = _influenced(value.element, roles, unresolved_keys, room)
    if value.entry is not None and room[0] >= 0:
        key, item = value.entry
        entry = (_influenced(key, roles, unresolved_keys, room), _influenced(item, roles, unresolved_keys, room))
    inside = {"fields": fields, "base": base, "element": element, "entry": entry}
    return value._replace(
        indirect=indirect,
        unresolved=value.unresolved or unresolved_keys,
        **(inside if room[0] >= 0 else dict.fromkeys(inside)),
    )


def chosen_by(item: Value, keys: Iterable[Value]) -> Value:
    """One of several items, which the keys choose: they are DIRECT sources of it, and of all that is inside of it."""
    return _chosen_by(item, combine(keys, TRANSFORMATION), [MOST_FIELDS])


def _chosen_by(value: Value, keys: Value, room: list[int]) -> Value:
    room[0] -= 1
    chosen = combine([value, keys], TRANSFORMATION)
    if room[0] < 0:
        return chosen
    return chosen._replace(
        fields=value.fields and {name: _chosen_by(field, keys, room) for name, field in value.fields.items()},
        base=value.base and _chosen_by(value.base, keys, room),
        element=value.element and _chosen_by(value.element, keys, room),
        entry=value.entry and (_chosen_by(value.entry[0], keys, room), _chosen_by(value.entry[1], keys, room)),
        paths=value.paths,
    )


def unresolved(text: Text = EMPTY) -> Value:
    """A value of which the payload does not say where it comes from."""
    return Value(text=text, unresolved=True)


def read_column(dataset: str, name: str, shown: str) -> Value:
    """A column as a read gives it."""
    return Value(
        {(dataset, name.lower()): Use()}, text=as_text(shown), paths={(dataset, name.lower()): frozenset({name})}
    )
