"""What each operator of a plan puts out: how its columns follow from its expressions and from its children's.

One table, `_OUTPUTS`, by the operator's class. An operator that is not in it puts out the columns that it lists, or
else those of its children.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, Protocol

from headwater.spline_bridge.agent import rowlevel
from headwater.spline_bridge.agent.expressions import Typed
from headwater.spline_bridge.agent.printed import expression
from headwater.spline_bridge.agent.tree import Node, product, roots, singleton


class Column(NamedTuple):
    """A column of an operator's output: Spark's expression id, and the attribute of the wire form."""

    expression_id: int
    attribute: str


Columns = list[Column]


class OperatorScope(Protocol):
    """What an operator may ask while its columns are made."""

    @property
    def children(self) -> Sequence[Columns]:
        """The output of each child, in order; those of subqueries are not among them."""

    def typed(self, expression: Node) -> Typed:
        """An expression, seen from the operator's input."""

    def new(self, node: Node, sources: Sequence[Typed]) -> Column:
        """A new attribute for what an `Alias` or `AttributeReference` names, computed from the sources."""

    def same(self, column: Column, sources: Sequence[Typed]) -> Column:
        """A new attribute under the id, name and type of a column, computed from the sources."""

    def named(self, column: Column) -> str:
        """The name of a column."""

    def latest(self, expression_id: int) -> Column | None:
        """The column of that id which was made last, anywhere in the plan."""

    def known(self, expression_id: int) -> Column | None:
        """The column of the operator's input with that id."""

    def outputs(self, expression: Node) -> Columns:
        """The output of the subquery that an expression holds."""

    def union(self, sources: Sequence[Typed]) -> Typed:
        """The values of all sides of a union, as one expression."""

    def definition(self, key: Any) -> Columns:
        """The output of the CTE with that id."""

    def details(self, node: Node) -> Mapping[str, Any]:
        """What the JVM was asked about the operator, beside its JSON."""


def output(node: Node, scope: OperatorScope) -> Columns:
    """The columns that an operator puts out."""
    return _OUTPUTS.get(node.name, _default)(node, scope)


def _default(node: Node, scope: OperatorScope) -> Columns:
    """Its own list of columns, where it has one; else those of its children."""
    return _declared(node, scope) if listed(node) else _all(node, scope)


def _all(_: Node, scope: OperatorScope) -> Columns:
    return list(chain.from_iterable(scope.children))


def _first(_: Node, scope: OperatorScope) -> Columns:
    return scope.children[0] if scope.children else []


def _last(_: Node, scope: OperatorScope) -> Columns:
    return scope.children[-1] if scope.children else []


def _declared(node: Node, scope: OperatorScope) -> Columns:
    """Columns that the operator lists: new ones, but for those that it only passes on."""
    return [scope.known(column.fields["exprId"]) or scope.new(column, ()) for column in listed(node)]


def _fresh(node: Node, scope: OperatorScope) -> Columns:
    """Columns that the operator lists, all of them new: the same relation can stand in a plan twice."""
    return [scope.new(column, ()) for column in _attributes(node, "output")]


def listed(node: Node) -> list[Node]:
    """The columns that an operator lists as its output; a Hive table's are in two lists."""
    return [column for name in ("output", "dataCols", "partitionCols") for column in _attributes(node, name)]


def _attributes(node: Node, name: str) -> list[Node]:
    return [item for item in roots(node.fields.get(name)) if "exprId" in item.fields]


def _named(name: str) -> Callable[[Node, OperatorScope], Columns]:
    """One column for each expression of a list."""
    return lambda node, scope: [_column(item, scope) for item in roots(node.fields.get(name))]


def _column(item: Node, scope: OperatorScope) -> Column:
    typed = scope.typed(item)
    if item.name == "AttributeReference":
        return Column(item.fields["exprId"], typed.ref["__attrId"])
    return scope.new(item, (typed,))


def _window(node: Node, scope: OperatorScope) -> Columns:
    return [*_first(node, scope), *_named("windowExpressions")(node, scope)]


def _generate(node: Node, scope: OperatorScope) -> Columns:
    generator = scope.typed(node.fields["generator"])
    return [*_first(node, scope), *(scope.new(column, (generator,)) for column in _attributes(node, "generatorOutput"))]


def _join(node: Node, scope: OperatorScope) -> Columns:
    kind = singleton(node.fields.get("joinType"))
    if kind in ("LeftSemi", "LeftAnti"):
        return _first(node, scope)
    exists = product(node.fields.get("joinType")).get("exists")
    return [*_first(node, scope), scope.new(exists, ())] if isinstance(exists, Node) else _all(node, scope)


def _lateral_join(node: Node, scope: OperatorScope) -> Columns:
    return [*_first(node, scope), *scope.outputs(node.fields["right"])]


def _union(node: Node, scope: OperatorScope) -> Columns:
    """New columns under the first side's ids, each from all sides by position."""
    sides = zip(*scope.children, strict=False)
    return [
        scope.same(column[0], (scope.union([Typed({"__attrId": c.attribute}) for c in column]),)) for column in sides
    ]


def _expand(node: Node, scope: OperatorScope) -> Columns:
    """Each column is computed by one expression of every projection."""
    rows = _projections(node, scope)
    columns = _attributes(node, "output")
    if any(len(row) != len(columns) for row in rows):
        return _fresh(node, scope)
    sources = zip(*rows, strict=True) if rows else [()] * len(columns)
    return [scope.new(c, [scope.typed(item) for item in s]) for c, s in zip(columns, sources, strict=True)]


def _projections(node: Node, scope: OperatorScope) -> list[list[Node]]:
    """The rows that an `Expand` makes of each one that it is given; from their texts where the JSON lacks them."""
    if not isinstance(node.fields.get("projections"), list):
        texts = scope.details(node).get("projections", [])
        node.fields["projections"] = [[expression(item) for item in row] for row in texts]
    return [list(roots(row)) for row in node.fields["projections"]]


def _cte(node: Node, scope: OperatorScope) -> Columns:
    """New columns, each the one of the definition at its position."""
    columns, defined = _attributes(node, "output"), scope.definition(node.fields.get("cteId"))
    if len(defined) != len(columns):
        return _fresh(node, scope)
    return [scope.new(c, (Typed({"__attrId": d.attribute}),)) for c, d in zip(columns, defined, strict=True)]


def _row_level(node: Node, scope: OperatorScope) -> Columns:
    """The target's columns: new ones from what is assigned to them, and from themselves; of a DELETE, as they are."""
    target = scope.children[-1] if scope.children else []
    assigned = rowlevel.assignments(node, [scope.named(column) for column in target])
    if not assigned:
        return target
    given: dict[str, list[Typed]] = {}
    for name, value in assigned:
        given.setdefault(name, []).append(scope.typed(value))
    kept = [
        scope.same(column, (*given.pop(scope.named(column).lower(), ()), Typed({"__attrId": column.attribute})))
        for column in target
    ]
    # A MERGE with schema evolution assigns to columns that the target does not have yet.
    added = [scope.new(rowlevel.column_named(name), sources) for name, sources in given.items()]
    return [*kept, *added]


def _merge_rows(node: Node, scope: OperatorScope) -> Columns:
    """New columns, each from all values that an instruction may give it."""
    columns = _attributes(node, "output")
    values = rowlevel.merged(node, len(columns)) or [[]] * len(columns)
    return [scope.new(column, [scope.typed(v) for v in of]) for column, of in zip(columns, values, strict=True)]


def _rewritten(node: Node, scope: OperatorScope) -> Columns:
    """The target's columns by name: the query has columns for row ids too, and may lack those that nothing changes."""
    given = {scope.named(column).lower(): column for column in _first(node, scope)}
    target = node.fields.get("table")
    columns = _attributes(target, "output") if isinstance(target, Node) else []
    found = [given.get(str(c.fields["name"]).lower()) or scope.latest(c.fields["exprId"]) for c in columns]
    return [column for column in found if column is not None]


_OUTPUTS: Mapping[str, Callable[[Node, OperatorScope], Columns]] = {
    **dict.fromkeys(rowlevel.READS, _row_level),
    **dict.fromkeys(rowlevel.REWRITTEN, _rewritten),
    "MergeRows": _merge_rows,
    "Project": _named("projectList"),
    "Aggregate": _named("aggregateExpressions"),
    "Window": _window,
    "Generate": _generate,
    **dict.fromkeys(("Join", "AsOfJoin"), _join),
    "LateralJoin": _lateral_join,
    **dict.fromkeys(("Union", "UnionLoop"), _union),
    **dict.fromkeys(("Except", "Intersect"), _first),
    "Expand": _expand,
    "CTERelationRef": _cte,
    "WithCTE": _last,
}
