"""Subqueries: a plan of which only the text is known, read as far as it is certain.

A leaf of the text is bound to what the payload has as well: the CTE of that id, the view of that name, a read of that
table or of exactly those columns. Whatever cannot be bound makes the columns that need it unresolved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from headwater.graphmodel.expressions.text import EMPTY, concat, join, text
from headwater.graphmodel.expressions.values import IDENTITY, Value, combine, unresolved
from headwater.graphmodel.model import Subtype
from headwater.spline_bridge import plantext
from headwater.spline_bridge.operators import Rows
from headwater.spline_bridge.plantext import TextNode
from headwater.spline_bridge.textvalues import text_value

#: Longest text of a subquery's plan that is read, in characters; a wide table's has some 50,000.
MAX_PLAN = 2_000_000


class Bindings(Protocol):
    """What the leaves of a plan's text can be bound to."""

    def cte(self, key: str) -> Rows | None:
        """The rows of the CTE with this id."""

    def view(self, name: str, width: int) -> Rows | None:
        """The rows of the view with this name, where the payload has it."""

    def relation(self, table: str, columns: Sequence[str], format_: str) -> Rows | None:
        """The rows of the read of this table, or of exactly these columns."""

    def keys(self, subtype: Subtype, values: Iterable[Value]) -> None:
        """Notes keys or conditions that the whole output depends on."""

    def spend(self, steps: int) -> bool:
        """Counts work; False once the plan has had its share."""


@dataclass
class _Text:
    """The evaluation of one plan's text: values by expression id, which is unique in the whole text."""

    bindings: Bindings
    known: dict[str, Value]
    rows: dict[int, list[Value]] = field(default_factory=dict)

    def of(self, node: TextNode) -> list[Value]:
        """The columns of all children, one after the other. One child's list is shared: nobody changes a list."""
        if len(node.children) == 1:
            return self.rows.get(id(node.children[0]), [])
        return [value for child in node.children for value in self.rows.get(id(child), [])]

    def define(self, item: str) -> Value:
        value = text_value(item, self.known) if self.bindings.spend(0) else unresolved(text(_name(item)))
        self.bindings.spend(len(value.direct) + len(value.indirect))
        key = plantext.output_id(item)
        if key is not None:
            self.known[key] = value
        return value

    def leaf(self, items: Sequence[str], rows: Rows | None) -> list[Value]:
        fits = rows is not None and len(rows.values) == len(items)
        values = list(rows.values) if rows is not None and fits else [unresolved(text(_name(i))) for i in items]
        for item, value in zip(items, values, strict=False):
            key = plantext.output_id(item)
            if key is not None:
                self.known[key] = value
        return values


def evaluate_text(body: str, outer: Mapping[str, Value], bindings: Bindings) -> list[Value] | None:
    """The output of the plan that `body` prints. `outer` gives the outer references by expression id."""
    root = plantext.parse(body) if len(body) <= MAX_PLAN else None
    if root is None:
        return None
    state = _Text(bindings, dict(outer))
    for node in reversed(_nodes(root)):
        for key, inner in node.subqueries.items():
            values = state.rows.get(id(inner)) or [unresolved()]
            state.known[key] = values[0]._replace(text=concat(["(SELECT ", values[0].text, ")"]))
        found = state.rows[id(node)] = _RULES.get(node.name, _default)(node, state)
        if not bindings.spend(1 + sum(1 + len(value.direct) + len(value.indirect) for value in found)):
            return None
    return state.rows[id(root)]


def _nodes(root: TextNode) -> list[TextNode]:
    """All nodes, so that in reverse order children and subqueries come before their owner, and the left child first."""
    out, stack = [], [root]
    while stack:
        node = stack.pop()
        out.append(node)
        stack.extend(node.subqueries.values())
        stack.extend(node.children)
    return out


def _default(node: TextNode, state: _Text) -> list[Value]:
    if node.children:
        return state.of(node)
    items = next(iter(plantext.lists(node.rest)), [])
    return state.leaf(items, None)


def _project(node: TextNode, state: _Text) -> list[Value]:
    return [state.define(item) for item in next(iter(plantext.lists(node.rest)), [])]


def _aggregate(node: TextNode, state: _Text) -> list[Value]:
    found = plantext.lists(node.rest)
    keys, items = (found[0], found[-1]) if len(found) > 1 else ([], found[0] if found else [])
    state.bindings.keys(Subtype.GROUP_BY, [text_value(key, state.known) for key in keys])
    return [state.define(item) for item in items]


def _filter(node: TextNode, state: _Text) -> list[Value]:
    state.bindings.keys(Subtype.FILTER, [text_value(node.rest, state.known)])
    return state.of(node)


def _join(node: TextNode, state: _Text) -> list[Value]:
    kind, _, condition = node.rest.partition(", ")
    if condition:
        state.bindings.keys(Subtype.JOIN, [text_value(condition, state.known)])
    only_left = kind.strip() in ("LeftSemi", "LeftAnti")
    return state.rows.get(id(node.children[0]), []) if only_left and node.children else state.of(node)


def _keyed(subtype: Subtype) -> Callable[[TextNode, _Text], list[Value]]:
    def rule(node: TextNode, state: _Text) -> list[Value]:
        keys = next(iter(plantext.lists(node.rest)), [])
        state.bindings.keys(subtype, [text_value(key, state.known) for key in keys])
        return state.of(node)

    return rule


def _distinct(node: TextNode, state: _Text) -> list[Value]:
    values = state.of(node)
    state.bindings.keys(Subtype.GROUP_BY, values)
    return values


def _window(node: TextNode, state: _Text) -> list[Value]:
    return [*state.of(node), *_project(node, state)]


def _generate(node: TextNode, state: _Text) -> list[Value]:
    generator = plantext.split(node.rest)[0]
    value = text_value(generator, state.known)
    state.bindings.keys(Subtype.JOIN, [value])
    items = plantext.lists(node.rest)[-1] if plantext.lists(node.rest) else []
    for item in items:
        state.known[plantext.output_id(item) or item] = value
    return [*state.of(node), *(value for _ in items)]


def _union(node: TextNode, state: _Text) -> list[Value]:
    sides = [state.rows.get(id(child), []) for child in node.children]
    return [_both(list(column)) for column in zip(*sides, strict=False)]


def _both(values: list[Value]) -> Value:
    shown = join(", ", [value.text for value in values])
    return combine(values, IDENTITY)._replace(text=concat(["union(", shown, ")"]))


def _set_operation(node: TextNode, state: _Text) -> list[Value]:
    state.bindings.keys(Subtype.FILTER, state.of(node))
    return state.rows.get(id(node.children[0]), []) if node.children else []


def _cte(node: TextNode, state: _Text) -> list[Value]:
    key = plantext.split(node.rest)[0]
    items = next(iter(plantext.lists(node.rest)), [])
    return state.leaf(items, state.bindings.cte(key))


def _view(node: TextNode, state: _Text) -> list[Value]:
    """View (`name`, [columns]): the payload's own, else what the text shows below it."""
    name = node.rest.lstrip("(").split(",")[0].strip()
    items = next(iter(plantext.lists(node.rest.removeprefix("("))), [])
    rows = state.bindings.view(name.replace("`", ""), len(items))
    below = state.of(node)
    if rows is None and len(below) == len(items):
        rows = Rows(tuple(items), tuple(below))
    return state.leaf(items, rows)


def _relation(node: TextNode, state: _Text) -> list[Value]:
    table, bracket, rest = node.rest.partition("[")
    items = next(iter(plantext.lists(bracket + rest)), [])
    tail = rest.rpartition("]")[2].split()
    named = table.strip() or (tail[0] if node.name == "RelationV2" and tail else "")
    format_ = "" if named and not table.strip() else " ".join(tail)
    return state.leaf(items, state.bindings.relation(named, [_name(item) for item in items], format_))


def _local(node: TextNode, state: _Text) -> list[Value]:
    items = next(iter(plantext.lists(node.rest)), [])
    return state.leaf(items, Rows(tuple(items), tuple(Value(text=text(_name(i)), literal=True) for i in items)))


def _one_row(_: TextNode, __: _Text) -> list[Value]:
    return []


def _name(item: str) -> str:
    return plantext.readable(item).strip() or str(EMPTY)


_RULES: Mapping[str, Callable[[TextNode, _Text], list[Value]]] = {
    "Project": _project,
    "Aggregate": _aggregate,
    "Filter": _filter,
    "Join": _join,
    "Sort": _keyed(Subtype.SORT),
    "Deduplicate": _keyed(Subtype.GROUP_BY),
    "Distinct": _distinct,
    "Window": _window,
    "Generate": _generate,
    "Union": _union,
    **dict.fromkeys(("Except", "Except All", "Intersect", "Intersect All"), _set_operation),
    "CTERelationRef": _cte,
    "View": _view,
    "Relation": _relation,
    "RelationV2": _relation,
    "LocalRelation": _local,
    "OneRowRelation": _one_row,
}
