"""The operations of a plan as people read them: each with its own expressions, over the names of its input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headwater.graphmodel.expressions.text import Text, concat, join, text
from headwater.graphmodel.expressions.values import Value
from headwater.graphmodel.model import Operation
from headwater.graphmodel.naming import Name
from headwater.spline_bridge.expressions import Evaluator
from headwater.spline_bridge.plantext import readable
from headwater.spline_bridge.wire import Expression, OperationNode, Ref, WirePlan, listed_expressions, references


def operations(
    plan: WirePlan, named: Mapping[str, Sequence[Name]], unresolved: frozenset[str]
) -> tuple[Operation, ...]:
    """All operations, in order of id."""
    describer = _Describer(plan)
    described = {op.id: _described(op, describer, named) for op in plan.operations.values()}
    return tuple(
        Operation(
            id=op.id,
            name=op.name,
            kind=op.kind,
            inputs=tuple(i for i in op.inputs if i in plan.operations),
            expression=str(described[op.id]) or None,
            resolved=op.id not in unresolved,
            form=described[op.id].form,
        )
        for op in sorted(plan.operations.values(), key=lambda op: op.id)
    )


class _Describer(Evaluator):
    """Texts of references, over names and not over what the names stand for."""

    def __init__(self, plan: WirePlan) -> None:
        super().__init__(plan.expressions)
        self.plan = plan

    def lookup(self, attribute: str) -> Value:
        known = self.plan.attributes.get(attribute)
        return Value(text=text(_name(known.name if known else attribute)))

    def subquery(self, expression: Expression, _: Sequence[Value]) -> Value:
        return Value(text=text(f"{expression.name}(...)"))

    def of(self, ref: Ref) -> Text:
        return self.value(ref).text

    def all(self, node: Any) -> Text:
        return join(", ", [self.of(ref) for ref in references(node)])

    def defined(self, node: Any) -> Text:
        """Of a list of columns, those that are computed: ``expression AS name``."""
        return join(", ", [self._aliased(ref) for ref in listed_expressions(node)])

    def _aliased(self, ref: Ref) -> Text:
        expression = self.plan.expressions.get(ref.id)
        name = expression.params.get("name") if expression and expression.operator == "Alias" else None
        return concat([self.of(ref), f" AS {_name(str(name))}"]) if name else self.of(ref)


def _name(name: str) -> str:
    """Spark names a computed key after its expression, ids and all: ``upper(status#88)``."""
    return readable(name) if "(" in name else name


def _described(operation: OperationNode, describer: _Describer, named: Mapping[str, Sequence[Name]]) -> Text:
    if operation.id in named:
        return join(", ", [text(name.uri) for name in named[operation.id]])
    rule = _RULES.get(operation.name)
    return rule(operation.params, describer) if rule else text("")


def _aggregate(params: Mapping[str, Any], describer: _Describer) -> Text:
    keys, computed = (
        describer.all(params.get("groupingExpressions")),
        describer.defined(params.get("aggregateExpressions")),
    )
    grouped = concat(["GROUP BY ", keys]) if keys.length else text("")
    return join("; ", [part for part in (computed, grouped) if part.length])


def _join(params: Mapping[str, Any], describer: _Describer) -> Text:
    condition = describer.all(params.get("condition"))
    kind = str(params.get("joinType") or "")
    return concat([kind, " ON ", condition]) if condition.length else text(kind)


def _param(key: str) -> Callable[[Mapping[str, Any], _Describer], Text]:
    return lambda params, describer: describer.all(params.get(key))


def _computed(key: str) -> Callable[[Mapping[str, Any], _Describer], Text]:
    return lambda params, describer: describer.defined(params.get(key))


def _plain(key: str) -> Callable[[Mapping[str, Any], _Describer], Text]:
    return lambda params, _: text(str(params.get(key) or ""))


def _order(params: Mapping[str, Any], describer: _Describer) -> Text:
    order = params.get("order")
    keys = []
    for item in order if isinstance(order, list) else []:
        descending = isinstance(item, Mapping) and str(item.get("direction")).upper().startswith("DESC")
        keys.append(concat([describer.all(item), " DESC" if descending else ""]))
    return join(", ", keys)


_RULES: Mapping[str, Callable[[Mapping[str, Any], _Describer], Text]] = {
    "Project": _computed("projectList"),
    "Aggregate": _aggregate,
    "Filter": _param("condition"),
    "Join": _join,
    "Sort": _order,
    "Window": _computed("windowExpressions"),
    "Deduplicate": _param("keys"),
    "Generate": _param("generator"),
    "SubqueryAlias": _plain("identifier"),
    "RepartitionByExpression": _param("partitionExpressions"),
}
