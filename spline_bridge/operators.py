"""What each operator of a plan does to the columns that it is given.

One table, `OPERATORS`, from the operator's name to a function of (operator, children's rows, context). An operator that
is not in it keeps the columns that it shares with its children, and computes the others from what the agent says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from headwater.graphmodel.expressions.text import Text, concat, distinct, join, text
from headwater.graphmodel.expressions.values import (
    IDENTITY,
    TRANSFORMATION,
    Value,
    combine,
    follow_fields,
    sizes,
    unresolved,
)
from headwater.graphmodel.model import Subtype
from headwater.spline_bridge.expressions import apply, grouping_number
from headwater.spline_bridge.functions import LOCAL, OPAQUE, PASS_THROUGH
from headwater.spline_bridge.rendering import cast
from headwater.spline_bridge.wire import Expression, OperationNode, Ref, listed, reference, references


@dataclass(frozen=True)
class Rows:
    """The output of an operator: attribute ids and their values, by position (an id can occur twice)."""

    ids: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()

    @cached_property
    def environment(self) -> Mapping[str, Value]:
        """The values by attribute id."""
        return dict(zip(self.ids, self.values, strict=False))

    @cached_property
    def size(self) -> int:
        """How many columns and sources of them there are."""
        # Out of a list: a plan of 200 steps over 100 columns has 20,000 of them.
        return len(self.values) + sum([len(value.direct) + len(value.indirect) for value in self.values])


class Context(Protocol):
    """What an operator may ask of its plan."""

    def value(self, ref: Ref) -> Value:
        """The value of a reference, seen from the operator's input."""

    def values(self, refs: Sequence[Ref]) -> Sequence[Value]:
        """The values of many references, as `value`."""

    def expression(self, ref: Ref) -> Expression | None:
        """The expression behind a reference."""

    def computed(self, attribute: str) -> Value | None:
        """The value of an attribute that the agent says how to compute; None if it does not."""

    def parts(self, attribute: str) -> Sequence[Value]:
        """The values of all that the agent says an attribute is computed from, one by one."""

    def named(self, attribute: str) -> str:
        """The attribute's name."""

    def keys(self, subtype: Subtype, values: Iterable[Value]) -> None:
        """Notes keys or conditions that the whole output depends on."""

    def pivots(self) -> frozenset[str]:
        """The attributes that the operator groups by for a PIVOT above it alone."""

    def definition(self, operation: OperationNode) -> Rows | None:
        """The rows of the CTE that the operator refers to."""

    def writes(self, dataset: str) -> bool:
        """Whether the plan writes this dataset."""

    def spend(self, steps: int) -> bool:
        """Counts work; False once the plan has had its share."""

    def subplan(self, expression: Expression, outer: Mapping[str, Value]) -> Rows | None:
        """The rows of the plan inside an expression."""


Operator = Callable[[OperationNode, Sequence[Rows], Context], Rows]


def evaluate(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    """The operator's output."""
    rule = OPERATORS.get(operation.name) or (_rdd if operation.name.endswith("RDD") else _generic)
    return rule(operation, children, context)


def _ids(operation: OperationNode, children: Sequence[Rows]) -> tuple[str, ...]:
    if operation.output is not None:
        return operation.output
    return children[0].ids if len(children) == 1 else ()


def _environment(children: Sequence[Rows]) -> dict[str, Value]:
    out: dict[str, Value] = {}
    for rows in children:
        out.update(rows.environment)
    return out


def _generic(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    known = _environment(children)
    ids = _ids(operation, children)
    if children and not any(i in known for i in ids) and [len(c.ids) for c in children] == [len(ids)]:
        computed = [context.computed(i) for i in ids]
        if all(value is None for value in computed):
            return (
                Rows(ids, children[0].values)
                if operation.name in PASS_THROUGH
                else _opaque(operation, children, context)
            )
    return Rows(ids, tuple(_known_or_computed(ids, known, children, context)))


def _known_or_computed(
    ids: Sequence[str], known: Mapping[str, Value], children: Sequence[Rows], context: Context
) -> Iterator[Value]:
    """Each column from the input, or as the agent says it is computed; else from all of the input, not exact."""
    everything: Value | None = None  # made once: it has as many sources as the input has columns
    for i in ids:
        value = known[i] if i in known else context.computed(i)
        if value is None:
            if everything is None:
                everything = _all_of(children)
            value = everything._replace(text=text(context.named(i)))
        yield value if i in known else cast(value)


def _all_of(children: Sequence[Rows]) -> Value:
    """What code that cannot be seen makes of its input: it may come from every column; without input, unresolved."""
    values = [value for rows in children for value in rows.values]
    return combine(values, TRANSFORMATION, exact=False) if values else unresolved()


def _pass_through(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    if len(children) != 1 or operation.output is None:
        return _generic(operation, children, context) if operation.output is not None else _inherited(children)
    child, ids = children[0], operation.output
    if ids == child.ids:
        return child
    known = child.environment
    if all(i in known for i in ids):
        return Rows(ids, tuple(known[i] for i in ids))
    return Rows(ids, child.values) if len(ids) == len(child.ids) else _generic(operation, children, context)


def _inherited(children: Sequence[Rows]) -> Rows:
    return children[0] if children else Rows()


def _listed(operation: OperationNode, refs: Sequence[Ref], children: Sequence[Rows], context: Context) -> Rows:
    """Output by position of a list of expressions."""
    ids = _ids(operation, children)
    if len(refs) != len(ids):
        return _generic(operation, children, context)
    return Rows(ids, tuple([value if value.cast is None else cast(value) for value in context.values(refs)]))


def _project(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    return _listed(operation, listed(operation.params.get("projectList")), children, context)


def _aggregate(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    grouping = references(operation.params.get("groupingExpressions"))
    pivots, outputs = context.pivots(), operation.output or ()
    # Of all values of these the operator above makes one row: only its columns depend on them, and say so.
    rows = [ref for at, ref in enumerate(grouping) if pivots.isdisjoint((ref.id, *outputs[at : at + 1]))]
    context.keys(Subtype.GROUP_BY, map(context.value, rows))
    return _listed(operation, listed(operation.params.get("aggregateExpressions")), children, context)


def _window(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    known, ids = _environment(children), _ids(operation, children)
    refs = iter(listed(operation.params.get("windowExpressions")))
    for i in ids:
        ref = None if i in known else next(refs, None)
        if ref:
            known[i] = context.value(ref)
    return Rows(ids, tuple(_known_or_computed(ids, known, children, context)))


def _keyed(param: str, subtype: Subtype) -> Operator:
    """Keeps its child's columns; all of the output depends on the keys in `param`."""

    def rule(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
        context.keys(subtype, map(context.value, references(operation.params.get(param))))
        return _pass_through(operation, children, context)

    return rule


def _distinct(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    rows = _pass_through(operation, children, context)
    context.keys(Subtype.GROUP_BY, rows.values)
    return rows


def _join(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    context.keys(Subtype.JOIN, map(context.value, references(operation.params)))
    return _generic(operation, children, context)


def _lateral_join(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    known, ids = _environment(children), _ids(operation, children)
    inner = _lateral_rows(operation, context)
    context.keys(Subtype.JOIN, map(context.value, references(operation.params.get("condition"))))
    new = [i for i in ids if i not in known]
    if inner is not None and len(inner.values) == len(new):
        known.update(zip(new, inner.values, strict=False))
    values = [known.get(i) or context.computed(i) or unresolved(text(context.named(i))) for i in ids]
    return Rows(ids, tuple(values))


def _lateral_rows(operation: OperationNode, context: Context) -> Rows | None:
    for ref in references(operation.params):
        expression = context.expression(ref)
        if expression is not None and "plan" in expression.params:
            return context.subplan(expression, {})
    right = operation.params.get("right")
    body = right if isinstance(right, str) else None
    return context.subplan(Expression("right", "LateralSubquery", params={"plan": body}), {}) if body else None


def _union(operation: OperationNode, children: Sequence[Rows], _: Context) -> Rows:
    """All sides, by position."""
    width = min((len(rows.values) for rows in children), default=0)
    values = tuple(_merged([rows.values[i] for rows in children], "union") for i in range(width))
    return Rows((_ids(operation, children) or children[0].ids)[:width], values) if children else Rows()


def _merged(values: Sequence[Value], name: str) -> Value:
    texts = distinct(value.text for value in values)
    value = follow_fields(combine(values, IDENTITY), values, IDENTITY)
    shown = texts[0] if len(texts) == 1 else concat([f"{name}(", join(", ", texts), ")"])
    size = None if any(one.size is None for one in values) else sizes(values)
    return value._replace(text=shown, literal=all(v.literal for v in values), size=size)


def _set_operation(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    """EXCEPT, INTERSECT: values from the left; rows depend on every compared column."""
    for rows in children:
        context.keys(Subtype.FILTER, rows.values)
    ids = _ids(operation, children[:1])
    values = children[0].values if children else ()
    return Rows(ids[: len(values)], values[: len(ids)])


def _expand(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    """ROLLUP, CUBE, GROUPING SETS, UNPIVOT: each output column is one of its projections' expressions."""
    ids = _ids(operation, children)
    projections = [listed(row) for row in _lists(operation.params.get("projections"))]
    if not projections or any(len(row) != len(ids) for row in projections):
        return _generic(operation, children, context)
    columns = zip(*projections, strict=False)
    values = [_projected([context.value(ref) for ref in column]) for column in columns]
    names = [context.named(i) for i in ids]
    numbered = (
        # Spark adds the grouped columns at the end of the output, and the number of the set behind them.
        grouping_number(value, names[max(0, i - _MOST_GROUPED) : i]) if name.lower() in _GROUPING_NUMBERS else value
        for i, (value, name) in enumerate(zip(values, names, strict=True))
    )
    return Rows(ids, tuple(numbered))


#: Spark numbers the grouping sets in 64 bits.
_MOST_GROUPED = 64


#: What Spark numbers the grouping sets by.
_GROUPING_NUMBERS = frozenset({"spark_grouping_id", "grouping__id", "_gen_grouping_pos"})


def _projected(values: Sequence[Value]) -> Value:
    """NULLs stand for what a grouping set leaves out; the names that UNPIVOT writes are literals alone."""
    taken = [value for value in values if not value.literal]
    taken = taken or [value for value in values if str(value.text) != "NULL"]
    return _merged([cast(value) for value in taken or values], "unpivot")


def _generate(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    known, ids = _environment(children), _ids(operation, children)
    generator = reference(operation.params.get("generator"))
    expression = context.expression(generator) if generator else None
    if generator is None or expression is None:
        return _generic(operation, children, context)
    operands = [context.value(ref) for ref in expression.operands]
    whole = context.value(generator)
    if expression.operator not in _FIXED:
        deciding = operands[0].size if operands and operands[0].size is not None else (whole,)
        context.keys(Subtype.JOIN, [value._replace(text=whole.text) for value in deciding])
    # A LATERAL VIEW's alias gives its columns new ids, so the generator's own are matched by position.
    new = [i for i in ids if i not in known]
    own = [ref.id for ref in listed(operation.params.get("generatorOutput"))]
    for position, i in enumerate(new):
        known[i] = _generated(expression, whole, operands, position, len(new), context.named(i))
    known.update(zip(own, [known[i] for i in new], strict=False))
    return Rows(ids, tuple(known[i] for i in ids))


def _generated(
    expression: Expression, whole: Value, operands: Sequence[Value], position: int, width: int, name: str
) -> Value:
    if expression.operator == "Stack":
        cells = list(operands[1 + position :: width])
        return _merged(cells, "stack")._replace(text=whole.text) if cells else whole
    if expression.operator == "Inline" and operands:
        # An alias gives the columns other names: the fields are known by their position.
        inner, names = operands[0].element or operands[0], expression.params.get("fields")
        if operands[0].element is not None and inner.fields is not None and len(inner.fields) == width:
            names = list(inner.fields)
        if isinstance(names, (list, tuple)) and len(names) == width:
            name = str(names[position])
        elif inner.fields is None:  # it is not known which field of what is read this is
            return combine_text(inner._replace(paths=None), TRANSFORMATION, whole.text)
        value = apply(Expression("field", "GetStructField", "getstructfield", params={"name": name}), [inner])
        return combine_text(value, TRANSFORMATION, whole.text)
    item = _item(operands[0], position - width) if operands and expression.operator in _EXPLODING else None
    if item is not None:
        return combine_text(item, TRANSFORMATION, whole.text)._replace(fields=item.fields, base=item.base)
    if expression.operator == "PosExplode" and position == 0 and operands and operands[0].size == ():
        return Value(text=whole.text, generated=True)
    return whole._replace(paths=operands[0].paths if operands else None)


#: Generators that make as many rows of each input row, whatever it holds.
_FIXED = frozenset({"Stack", "JsonTuple"})
_EXPLODING = frozenset({"Explode", "PosExplode"})


def _item(exploded: Value, position: int) -> Value | None:
    """What a generated column holds of the items, counted from the last column; None: it is not known.

    Of an array the last column has the items; of a map the last has the values, the one before it the keys.
    """
    if exploded.entry is not None:
        return {-1: exploded.entry[1], -2: exploded.entry[0]}.get(position)
    return exploded.element if position == -1 else None


def combine_text(value: Value, strength: int, shown: Text) -> Value:
    """The value after a function of the given strength, shown as `shown`."""
    return combine([value], strength)._replace(text=shown, paths=value.paths)


def _opaque(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    """Code that a plan cannot show: every output column from every input column, not exact."""
    known, ids = _environment(children), _ids(operation, children)
    grouping = references([operation.params.get(key) for key in _GROUPINGS])
    context.keys(Subtype.GROUP_BY, map(context.value, grouping))
    context.keys(Subtype.GROUP_BY, _leading(operation, children))
    shown = _code_name(operation, context)
    value = _all_of(children)._replace(text=shown)
    return Rows(ids, tuple(known.get(i, value) if operation.name in _KEEPING else value for i in ids))


def _leading(operation: OperationNode, children: Sequence[Rows]) -> list[Value]:
    """The keys of a cogroup: the first columns of each side."""
    widths = [operation.params.get(key) for key in ("leftGroupingLen", "rightGroupingLen")]
    sides = zip(children, widths, strict=False)
    return [value for rows, width in sides if isinstance(width, int) for value in rows.values[: max(width, 0)]]


_GROUPINGS = ("groupingAttributes", "leftAttributes", "rightAttributes", "leftGroup", "rightGroup")
#: These add columns to their child's.
_KEEPING = frozenset({"AppendColumns", "AppendColumnsWithObject", "AttachDistributedSequence"})


def _code_name(operation: OperationNode, context: Context) -> Text:
    for ref in references(operation.params.get("functionExpr")):
        expression = context.expression(ref)
        if expression is not None and expression.params.get("name"):
            return text(f"{operation.name}({expression.params['name']})")
    return text(operation.name)


def _merge_rows(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    """What Spark makes of a MERGE into a table of a catalog plugin: each column gets the value of one of its clauses.

    All clauses feed the column. What is shown is what they assign; a row that is kept assigns the column to itself.
    """
    context.keys(Subtype.FILTER, map(context.value, references(operation.params.get("clauses"))))
    values = []
    for i in _ids(operation, children):
        parts = context.parts(i)
        assigned = [part for part in parts if not _is_kept(part, context.named(i).lower(), context)] or parts
        shown = join("; ", distinct(part.text for part in assigned))
        values.append(combine(parts, IDENTITY)._replace(text=shown) if parts else unresolved(text(context.named(i))))
    return Rows(_ids(operation, children), tuple(values))


def _is_kept(value: Value, name: str, context: Context) -> bool:
    """Whether a value is the column of that name of the table that is written."""
    if len(value.direct) != 1 or value.indirect:
        return False
    ((dataset, column), use), *_ = value.direct.items()
    return use.strength == IDENTITY and column == name and context.writes(dataset)


def _local(operation: OperationNode, _: Sequence[Rows], context: Context) -> Rows:
    ids = operation.output or ()
    return Rows(ids, tuple(Value(text=text(context.named(i)), literal=True) for i in ids))


def _range(operation: OperationNode, _: Sequence[Rows], __: Context) -> Rows:
    ids = operation.output or ()
    return Rows(ids, tuple(Value(text=text("range()"), generated=True) for _ in ids))


def _rdd(operation: OperationNode, _: Sequence[Rows], context: Context) -> Rows:
    """RDD code is not seen through: its columns come from somewhere that the plan does not name."""
    ids = operation.output or ()
    return Rows(ids, tuple(context.computed(i) or unresolved(text(context.named(i))) for i in ids))


def _cte_reference(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    ids = operation.output or ()
    rows = context.definition(operation)
    if rows is None or len(rows.values) != len(ids):
        return _generic(operation, children, context)
    return Rows(ids, rows.values)


def _with_cte(operation: OperationNode, children: Sequence[Rows], context: Context) -> Rows:
    """The definitions come first, the main plan last."""
    return _pass_through(operation, children[-1:], context)


def _lists(node: Any) -> list[Any]:
    return [item for item in node if isinstance(item, list)] if isinstance(node, list) else []


OPERATORS: Mapping[str, Operator] = {
    "Project": _project,
    "Aggregate": _aggregate,
    "Window": _window,
    "Filter": _keyed("condition", Subtype.FILTER),
    "Sort": _keyed("order", Subtype.SORT),
    "Deduplicate": _keyed("keys", Subtype.GROUP_BY),
    "DeduplicateWithinWatermark": _keyed("keys", Subtype.GROUP_BY),
    "Distinct": _distinct,
    "Join": _join,
    "AsOfJoin": _join,
    "LateralJoin": _lateral_join,
    "Union": _union,
    "UnionLoop": _union,
    **dict.fromkeys(("Except", "Except All", "Intersect", "Intersect All"), _set_operation),
    "Expand": _expand,
    "Generate": _generate,
    "MergeRows": _merge_rows,
    "CTERelationRef": _cte_reference,
    "WithCTE": _with_cte,
    "Range": _range,
    "LogicalRDD": _rdd,
    "ExternalRDD": _rdd,
    **dict.fromkeys(PASS_THROUGH, _pass_through),
    **dict.fromkeys(OPAQUE, _opaque),
    **dict.fromkeys(LOCAL, _local),
}
