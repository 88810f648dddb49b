"""Column lineage of one plan: from the wire form to the write's columns, each with its sources.

Operators are evaluated once each, inputs first, from a list and not by recursion: a plan can be thousands of
operators deep. What the whole output depends on (filters, keys) is gathered once for the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from headwater.graphmodel.expressions.text import Text, concat, join, text
from headwater.graphmodel.expressions.values import (
    ATOM,
    IDENTITY,
    Column,
    Influence,
    Use,
    Value,
    as_role,
    combine,
    follow_fields,
    influenced,
    merge_into,
    read_column,
    rows_of,
    unresolved,
)
from headwater.graphmodel.model import Subtype
from headwater.spline_bridge import commands
from headwater.spline_bridge.expressions import Evaluator
from headwater.spline_bridge.jdbc_queries import JdbcQuery
from headwater.spline_bridge.operators import Rows, evaluate
from headwater.spline_bridge.plantext import attribute
from headwater.spline_bridge.shared import SharedSources
from headwater.spline_bridge.subqueries import Bindings, evaluate_text
from headwater.spline_bridge.wire import Expression, OperationNode, Ref, WirePlan, adds, hides, reference, references

#: How far attributes that no operator puts out are followed through what the agent says of them.
_CHASE = 100
#: How many sources may be looked at for one plan. One of 2,000 columns and 300 operators takes some 1,200,000; a plan
#: can be written so that its answer is a product (each of 5,000 columns from all of 5,000), and that must not stop the
#: others. What is beyond is unresolved.
_MOST_STEPS = 3_000_000
_ONE_OF_MANY = 10  #: steps that a column costs for each dataset, where an operator reads several: a value is made of it


@dataclass(frozen=True)
class PlanColumns:
    """The write's columns by position, what its whole output depends on, and the operators not fully resolved."""

    names: tuple[str, ...]
    values: tuple[Value, ...]
    dependencies: Mapping[Influence, Use]
    unresolved: frozenset[str]
    write: str
    """The id of the operator that writes."""
    unused: frozenset[str] = frozenset()
    """Operators of CTEs that nothing refers to."""
    shared: Mapping[Column, Value] = field(default_factory=dict)
    """What the sources of `values` without a dataset stand for: sources that several of these have in common."""
    row_sources: tuple[tuple[str, str | None], ...] = ()
    """Datasets of which the rows count and no column, each with the output column that depends on it; None: all."""


def with_row_sources(found: PlanColumns, written: Collection[str]) -> PlanColumns:
    """The plan's columns with its `row_sources`, out of the sources that stand for rows, and without these.

    The rows of a dataset are told only where nothing else leads to it: of the whole output no key, or of each column a
    source of its own. Those of the dataset that is written are not.
    """
    rows = {influence.column[0] for influence in found.dependencies if not influence.column[1]}.difference(written)
    keys = _without_rows(found.dependencies)
    keyed = {influence.column[0] for influence in keys}
    used = [_datasets_of(value, found.shared) for value in found.values]
    known = [datasets for datasets, value in zip(used, found.values, strict=True) if not value.unresolved]
    told = sorted(uri for uri in rows - keyed if any(uri not in datasets for datasets in known))
    row_sources: list[tuple[str, str | None]] = [(uri, None) for uri in told]
    for name, value, datasets in zip(found.names, found.values, used, strict=False):
        own = {influence.column[0] for influence in value.indirect if not influence.column[1]}
        own = own.difference(written, keyed, datasets, told)
        row_sources += [(uri, name) for uri in sorted(own)]
    return replace(
        found,
        values=tuple(map(_without_row_sources, found.values)),
        shared={key: _without_row_sources(value) for key, value in found.shared.items()},
        dependencies=keys,
        row_sources=tuple(row_sources),
    )


def _without_row_sources(value: Value) -> Value:
    kept = _without_rows(value.indirect)
    return value if kept is value.indirect else value._replace(indirect=kept)


def _without_rows(sources: Mapping[Influence, Use]) -> Mapping[Influence, Use]:
    if all(influence.column[1] for influence in sources):
        return sources
    return {influence: use for influence, use in sources.items() if influence.column[1]}


def _datasets_of(value: Value, shared: Mapping[Column, Value]) -> set[str]:
    """The datasets of which the value has a column as a source."""
    columns = {*value.direct, *(influence.column for influence in value.indirect)}
    for column in columns & shared.keys():
        columns |= {*shared[column].direct, *(influence.column for influence in shared[column].indirect)}
    return {dataset for dataset, name in columns if name and dataset}


def resolve(
    plan: WirePlan, datasets: Mapping[str, Sequence[str]], queries: Mapping[str, JdbcQuery] | None = None
) -> PlanColumns:
    """The column lineage of a plan. `datasets` gives the canonical URIs that each read or write operator names.

    `queries` are the queries that reads hand to a database, by operator.
    """
    return _Resolver(plan, datasets, queries or {}).resolved()


class _Budget:
    """The work that a plan may take; nothing that counts it keeps the plan."""

    def __init__(self) -> None:
        self._steps = 0

    def spend(self, steps: int, /) -> bool:
        """Counts work; False once the plan has had its share (`_MOST_STEPS`)."""
        self._steps += steps
        return self._steps <= _MOST_STEPS


class _Resolver:
    def __init__(self, plan: WirePlan, datasets: Mapping[str, Sequence[str]], queries: Mapping[str, JdbcQuery]) -> None:
        self.plan = plan
        self.queries = queries
        self.datasets = datasets
        self.rows: dict[str, Rows] = {}
        self.known: dict[str, Value] = {}
        self.dependencies: dict[Influence, Use] = {}
        self.unresolved: set[str] = set()
        self.definitions = {
            str(op.params.get("id")): op.id for op in plan.operations.values() if op.name == "CTERelationDef"
        }
        self._definitions = frozenset(self.definitions.values())
        self._subqueries_of = _subqueries(plan, self._inputs)
        self._subquery_keys: dict[str, dict[Influence, Use]] = {}
        self._begun: set[str] = set()
        self._aliases = _read_names(plan, datasets)
        self._views = _views(plan)
        self.pivots = _pivots(plan)
        self._tables, self._untitled = _reads(plan, self.named)
        self._reads_target = _above_target(plan, datasets)
        self.spend = _Budget().spend
        self._shared = SharedSources(self.spend)

    def resolved(self) -> PlanColumns:
        write = self.plan.operations[self.plan.write]
        children = [self.run(child) for child in write.inputs if child in self.plan.operations]
        rows = children[0] if children else Rows()
        if write.name in ("UpdateCommand", "UpdateTable", "DeleteCommand", "DeleteFromTable"):
            rows = commands.update(write, rows, _OperatorContext(self, write, children))
        for keys in self._subquery_keys.values():  # of expressions that nothing evaluated
            merge_into(self.dependencies, keys)
        format_ = str(write.extra.get("destinationType") or "")
        written = zip(_output_names(write, rows, self.plan), rows.values, strict=False)
        kept = [(name, value) for name, value in written if not adds(format_, name)]
        names = tuple(name for name, _ in kept)
        values, shared = self._shared.settled([value for _, value in kept])
        dependencies = self._shared.expanded_keys(self.dependencies)
        if self._shared.exhausted:
            self.unresolved.add(write.id)
        return with_row_sources(
            PlanColumns(
                names,
                values,
                dependencies,
                frozenset(self.unresolved),
                write.id,
                self._unused(),
                shared,
            ),
            self.datasets.get(write.id, ()),
        )

    def _unused(self) -> frozenset[str]:
        """The operators of CTEs that nothing refers to."""
        stack = [key for key in self._definitions if key not in self.rows]
        found = set[str]()
        while stack:
            key = stack.pop()
            if key not in found and key not in self.rows and key in self.plan.operations:
                found.add(key)
                stack.extend(self.plan.operations[key].inputs)
        return frozenset(found)

    def run(self, root: str) -> Rows:
        """The rows of an operator; a cycle through CTEs or an operator that the payload lacks gives none."""
        stack = [root]
        while stack:
            key = stack[-1]
            operation = self.plan.operations.get(key)
            if key in self.rows or operation is None:
                stack.pop()
                continue
            missing = [] if key in self._begun else [i for i in self._inputs(operation) if i not in self.rows]
            self._begun.add(key)
            stack.extend(i for i in reversed(missing) if i not in self._begun)
            if stack[-1] == key:
                self._evaluate(operation)
        return self.rows.get(root, Rows())

    def _inputs(self, operation: OperationNode) -> list[str]:
        inputs = [i for i in operation.inputs if i in self.plan.operations]
        if operation.name == "WithCTE":  # its definitions come first; those that nothing refers to decide nothing
            return [i for i in inputs if i not in self._definitions] or inputs
        definition = self.definitions.get(str(operation.params.get("cteId")))
        return [*inputs, definition] if operation.name == "CTERelationRef" and definition else inputs

    def _evaluate(self, operation: OperationNode) -> None:
        children = [self.rows.get(i, Rows()) for i in operation.inputs if i in self.plan.operations]
        if not self.spend(sum(rows.size for rows in children) + len(operation.output or ())):
            rows = self._left_out(operation)
        elif operation.kind == "read":
            rows = self._read(operation)
        else:
            rows = self._transformed(operation, children, _OperatorContext(self, operation, children))
        rows = self._shared.with_stand_ins(rows)
        if not self.spend(rows.size):
            rows = self._left_out(operation)
        self.rows[operation.id] = rows
        self.known.update(rows.environment)

    def _left_out(self, operation: OperationNode) -> Rows:
        """An operator that is not looked at, since the plan has taken too much work."""
        self.unresolved.add(operation.id)
        ids = operation.output or ()
        return Rows(ids, tuple(unresolved(text(self.named(i))) for i in ids))

    def _transformed(self, operation: OperationNode, children: Sequence[Rows], context: _OperatorContext) -> Rows:
        if commands.is_referenced(operation):
            return commands.referenced(operation, children, context)
        return self._merge(operation, context) if _is_merge(operation) else evaluate(operation, children, context)

    def _read(self, operation: OperationNode) -> Rows:
        ids = operation.output or ()
        rows = {Influence(rows_of(uri), Subtype.FILTER): Use() for uri in self.datasets.get(operation.id, ())}
        self.noted(operation.id, rows)
        query = self.queries.get(operation.id)
        if query is not None:
            for subtype, key in query.result.keys:
                if key.unresolved:
                    self.unresolved.add(operation.id)
                self.noted(operation.id, as_role([key], subtype))
            given = query.result
            by_position = not given.whole and len(given.columns) == len(ids)
            values = [value for _, value in given.columns] if by_position else [given.named(self.named(i)) for i in ids]
            return Rows(ids, tuple(values))
        return Rows(ids, tuple(self._read_column(operation, i) for i in ids))

    def _read_column(self, operation: OperationNode, attribute: str) -> Value:
        name = self.named(attribute)
        if hides(self.plan, operation, attribute):
            return Value(text=text(name), generated=True)
        qualifier = self._aliases.get((operation.id, name.lower()))
        shown = f"{qualifier}.{name}" if qualifier else name
        uris = self.datasets.get(operation.id, ())
        if len(uris) > 1 and not self.spend(len(uris) * _ONE_OF_MANY):
            self.unresolved.add(operation.id)
            return unresolved(text(shown))
        columns = [read_column(uri, name, shown) for uri in uris]
        return (
            columns[0]
            if len(columns) == 1
            else follow_fields(combine(columns, IDENTITY), columns, IDENTITY)._replace(text=text(shown))
        )

    def _merge(self, operation: OperationNode, context: _OperatorContext) -> Rows:
        sides = [i for i in operation.inputs if i in self.plan.operations]
        kept = [i for i in sides if i in self._reads_target]
        kept_side = kept[-1] if kept else sides[-1]
        others = [i for i in sides if i != kept_side]
        source = self.rows.get(others[0], Rows()) if others else Rows()
        names = [self.named(i) for i in operation.output or self.rows.get(kept_side, Rows()).ids]
        return commands.merge(operation, source, self.rows.get(kept_side, Rows()), names, context)

    def named(self, attribute: str) -> str:
        known = self.plan.attributes.get(attribute)
        return known.name if known else attribute

    # What the leaves of a subquery's text are bound to (subqueries.Bindings)

    def cte(self, key: str) -> Rows | None:
        return self._other_rows(self.definitions.get(key))

    def view(self, name: str, width: int) -> Rows | None:
        for operation in (i for ending in _endings(name) for i in self._views.get(ending, ())):
            rows = self._other_rows(operation)
            if rows is not None and len(rows.values) == width:
                return rows
        return None

    def relation(self, table: str, columns: Sequence[str], format_: str) -> Rows | None:
        wanted = tuple(column.lower() for column in columns)
        if table:
            fitting = [op for ending in _endings(table) for op in self._tables.get((ending, wanted), ())]
        else:
            untitled = self._untitled.get(wanted, {})
            fitting = [*untitled.get(format_, ()), *(untitled.get("", ()) if format_ else ())]
        if len({tuple(self.datasets.get(op, ())) for op in fitting}) != 1:
            return None
        return self._other_rows(fitting[0])

    def _other_rows(self, operation: str | None) -> Rows | None:
        if operation is None or (operation in self._begun and operation not in self.rows):
            return None
        return self.run(operation)

    def noted(self, operation: str, keys: Mapping[Influence, Use]) -> None:
        """Keys of an operator: of the whole output, or of the subqueries that the operator is part of."""
        subqueries = self._subqueries_of.get(operation)
        if subqueries is None:
            merge_into(self.dependencies, keys)
        for subquery in subqueries or ():
            merge_into(self._subquery_keys.setdefault(subquery, {}), keys)

    def subquery_keys(self, root: str) -> Mapping[Influence, Use]:
        """What the operators of a subquery noted, for the expression that holds it; once only."""
        return self._subquery_keys.pop(root, {})


class _OperatorContext(Evaluator):
    """One operator's view of its plan: `operators.Context` and `subqueries.Bindings`."""

    def __init__(self, resolver: _Resolver, operation: OperationNode, children: Sequence[Rows]) -> None:
        super().__init__(resolver.plan.expressions)
        self._resolver = resolver
        self._operation = operation
        self._children = children
        self._environment: Mapping[str, Value] | None = None
        self._chased: list[str] = []
        self._parts: dict[str, list[Value]] = {}
        self.cte, self.view, self.relation = resolver.cte, resolver.view, resolver.relation

    def spend(self, steps: int, /) -> bool:
        return self._resolver.spend(steps)

    def values(self, refs: Sequence[Ref]) -> list[Value]:
        known = self._input()  # most columns of most operators are those of their input
        return [known[ref.id] if ref.kind == "a" and ref.id in known else self.value(ref) for ref in refs]

    def expression(self, ref: Ref) -> Expression | None:
        return self._resolver.plan.expressions.get(ref.id) if ref.kind == "e" else None

    def named(self, attribute: str) -> str:
        return self._resolver.named(attribute)

    def pivots(self) -> frozenset[str]:
        return self._resolver.pivots.get(self._operation.id, _NO_PIVOTS)

    def keys(self, subtype: Subtype, values: Iterable[Value]) -> None:
        for value in values:
            if value.unresolved or not self.spend(1 + len(value.direct) + len(value.indirect)):
                self._resolver.unresolved.add(self._operation.id)
            if self.spend(0):
                self._resolver.noted(self._operation.id, as_role([value], subtype))

    def mark_unresolved(self) -> None:
        """A key or condition of the operator could not be resolved."""
        self._resolver.unresolved.add(self._operation.id)

    def writes(self, dataset: str) -> bool:
        return dataset in self._resolver.datasets.get(self._resolver.plan.write, ())

    def definition(self, operation: OperationNode) -> Rows | None:
        return self._resolver.rows.get(self._resolver.definitions.get(str(operation.params.get("cteId")), ""))

    def computed(self, attribute: str) -> Value | None:
        values = self.parts(attribute)
        if len(values) <= 1:
            return values[0] if values else None
        return combine(values, IDENTITY)._replace(text=values[0].text)

    def parts(self, attribute: str) -> list[Value]:
        known = self._resolver.plan.attributes.get(attribute)
        if attribute in self._parts:  # attributes may refer to one another many times
            return self._parts[attribute]
        if known is None or attribute in self._chased or len(self._chased) > _CHASE:
            return []
        self._chased.append(attribute)
        values = [self.value(ref) for ref in known.refs] if self.spend(len(known.refs)) else [unresolved()]
        self._chased.pop()
        self._parts[attribute] = values
        return values

    def lookup(self, attribute: str) -> Value:
        value = self._input().get(attribute) or self._resolver.known.get(attribute) or self.computed(attribute)
        return value if value is not None else unresolved(text(self.named(attribute)))

    def _input(self) -> Mapping[str, Value]:
        """The columns of all children by attribute id."""
        if self._environment is None:
            one = self._children[0].environment if len(self._children) == 1 else None
            self._environment = one or {i: v for rows in self._children for i, v in rows.environment.items()}
        return self._environment

    def subplan(self, expression: Expression, outer: Mapping[str, Value]) -> Rows | None:
        by_name = {
            self.named(i).lower(): v for rows in self._children for i, v in zip(rows.ids, rows.values, strict=False)
        }
        return self._text_rows(expression, {**_outer_by_id(expression, [], by_name), **outer}, self)

    @staticmethod
    def _text_rows(expression: Expression, outer: Mapping[str, Value], bindings: Bindings) -> Rows | None:
        values = evaluate_text(str(expression.params.get("plan") or ""), outer, bindings)
        return None if values is None else Rows(tuple(map(str, range(len(values)))), tuple(values))

    def subquery(self, expression: Expression, operands: Sequence[Value]) -> Value:
        """A subquery's value. Where it makes a column, its filters and join keys are that column's alone."""
        keys: Mapping[Influence, Use]
        if "plan" in expression.params:
            bindings = _SubqueryBindings(self)
            value = self._told_subquery(expression, operands, bindings)
            keys = bindings.collected
        else:
            value = _seen_subquery(expression, operands)
            keys = self._resolver.subquery_keys(str(expression.params.get("operation")))
        if self._operation.name not in _COLUMN_MAKERS:
            self._resolver.noted(self._operation.id, keys)
            return value
        if expression.operator == "Exists":
            keys = as_role([Value(indirect=keys, text=value.text)], Subtype.CONDITIONAL)
        return influenced(value, keys)

    def _told_subquery(self, expression: Expression, operands: Sequence[Value], bindings: Bindings) -> Value:
        rows = self._text_rows(expression, _outer_by_id(expression, operands, {}), bindings)
        if rows is None or not rows.values:
            return combine(operands, IDENTITY)._replace(text=text(f"{expression.name}(...)"), unresolved=True)
        shown = concat(["(SELECT ", rows.values[0].text, ")"])
        return _exists(operands, shown) if expression.operator == "Exists" else _selected(rows.values, shown)


#: Operators whose expressions are columns and not conditions.
_COLUMN_MAKERS = frozenset({"Project", "Aggregate", "Window", "Expand"})


class _SubqueryBindings:
    """An operator's bindings for the text of a subquery; the keys that the text names are collected."""

    def __init__(self, context: _OperatorContext) -> None:
        self._context = context
        self.cte, self.view, self.relation, self.spend = context.cte, context.view, context.relation, context.spend
        self.collected: dict[Influence, Use] = {}

    def keys(self, subtype: Subtype, values: Iterable[Value]) -> None:
        for value in values:
            if value.unresolved:
                self._context.mark_unresolved()
            if self.spend(1 + len(value.direct) + len(value.indirect)):
                merge_into(self.collected, as_role([value], subtype))


def _seen_subquery(expression: Expression, operands: Sequence[Value]) -> Value:
    """A subquery whose operators are among the plan's: its operands are its output; of EXISTS, the outer references."""
    if expression.operator == "Exists":
        return _exists(operands, text("(...)"))
    shown = join(", ", [operand.text for operand in operands]) if operands else text(f"{expression.name}(...)")
    return _selected(operands, concat(["(SELECT ", shown, ")"])) if operands else unresolved(shown)


def _exists(outer: Sequence[Value], shown: Text) -> Value:
    conditions = as_role(outer, Subtype.CONDITIONAL)
    return Value(indirect=conditions, text=concat(["EXISTS ", shown]), generated=True)


def _selected(output: Sequence[Value], shown: Text) -> Value:
    value = (
        follow_fields(combine(output, IDENTITY), output, IDENTITY) if len(output) == 1 else combine(output, IDENTITY)
    )
    fields = value.fields and {
        name: field._replace(text=concat([shown, f".{name}"]), precedence=ATOM) for name, field in value.fields.items()
    }
    return value._replace(text=shown, fields=fields)


def _outer_by_id(expression: Expression, operands: Sequence[Value], names: Mapping[str, Value]) -> dict[str, Value]:
    """Outer references by expression id: by position where the agent lists them, else by their name."""
    attributes = expression.params.get("outerAttrs")
    texts = [str(item) for item in attributes] if isinstance(attributes, list) else []
    out: dict[str, Value] = {}
    for position, item in enumerate(texts):
        name, key = attribute(item)
        value = operands[position] if position < len(operands) else names.get(name.lower())
        if value is not None:
            out[key] = value
    return out


def _is_merge(operation: OperationNode) -> bool:
    return operation.name.startswith("MergeInto") and operation.kind == "transformation"


def _output_names(write: OperationNode, rows: Rows, plan: WirePlan) -> tuple[str, ...]:
    """The target's names where the command has them (v2 writes), else those of the rows; by position."""
    table = write.params.get("table")
    output = table.get("output") if isinstance(table, Mapping) else None
    refs = [ref for ref in map(reference, output) if ref] if isinstance(output, list) else []
    ids = [ref.id for ref in refs] if len(refs) == len(rows.ids) else list(rows.ids)
    return tuple(plan.attributes[i].name if i in plan.attributes else i for i in ids)


_NO_PIVOTS = frozenset[str]()


def _pivots(plan: WirePlan) -> dict[str, frozenset[str]]:
    """By operator what it groups by for a PIVOT, which the aggregate above it turns into columns (`PivotFirst`)."""
    if not any(expression.operator == "PivotFirst" for expression in plan.expressions.values()):
        return {}
    out = {}
    for operation in plan.operations.values():
        stack = [ref.id for ref in references(operation.params.get("aggregateExpressions"))]
        seen, found = set[str](), set[str]()
        while stack:
            expression = plan.expressions.get(stack.pop())
            if expression is None or expression.id in seen:
                continue
            seen.add(expression.id)
            if expression.operator == "PivotFirst" and expression.operands:
                found.add(expression.operands[0].id)
            stack.extend(ref.id for ref in expression.operands)
        out.update(dict.fromkeys(operation.inputs if found else (), frozenset(found)))
    return out


def table_identifier(operation: OperationNode) -> str | None:
    """``db.table`` of a catalog table, as the agent names it."""
    table = operation.params.get("table")
    identifier = table.get("identifier") if isinstance(table, Mapping) else None
    if isinstance(identifier, Mapping):
        parts = [identifier.get(key) for key in ("catalog", "database", "table")]
        return ".".join(str(part) for part in parts if part) or None
    return str(identifier) if identifier else None


#: Catalog, database, table; deeper namespaces are rare.
_MOST_PARTS = 8


def _endings(name: str) -> list[str]:
    """``c.d.t`` as ``c.d.t``, ``d.t`` and ``t``: the first parts of a table's name may be left out."""
    parts = name.replace("`", "").split(".")[-_MOST_PARTS:]
    return [".".join(parts[i:]) for i in range(len(parts))]


def _views(plan: WirePlan) -> dict[str, list[str]]:
    """The operators that are views, by the view's name."""
    out: dict[str, list[str]] = {}
    for operation in plan.operations.values():
        name = _view_name(operation) if operation.name == "View" else None
        if name is not None:
            out.setdefault(name, []).append(operation.id)
    return out


_Columns = tuple[str, ...]


def _reads(
    plan: WirePlan, named: Callable[[str], str]
) -> tuple[dict[tuple[str, _Columns], list[str]], dict[_Columns, dict[str, list[str]]]]:
    """The reads by table and lower-case columns; those of no table by columns and format (``""``: not told)."""
    tables: dict[tuple[str, _Columns], list[str]] = {}
    untitled: dict[_Columns, dict[str, list[str]]] = {}
    for read in (op for op in plan.operations.values() if op.kind == "read"):
        columns = tuple(named(i).lower() for i in read.output or ())
        identifier = table_identifier(read)
        if identifier is not None:
            tables.setdefault((identifier, columns), []).append(read.id)
        else:
            format_ = str(read.extra.get("sourceType") or "")
            untitled.setdefault(columns, {}).setdefault(format_, []).append(read.id)
    return tables, untitled


def _subqueries(plan: WirePlan, inputs: Callable[[OperationNode], Sequence[str]]) -> dict[str, frozenset[str]]:
    """The operators that belong to subqueries alone, each with the operators that give these subqueries' outputs.

    The agent says so of scalar subqueries, EXISTS and IN. A CTE belongs to the subqueries that refer to it; one that
    the query itself reads as well decides about the whole output.
    """
    roots = {str(e.params["operation"]) for e in plan.expressions.values() if "operation" in e.params}
    owners: dict[str, frozenset[str] | None] = {}  # None: the whole output
    for root in (None, *sorted(roots)):
        stack: list[tuple[str, str | None]] = [(plan.write if root is None else root, root)]
        while stack:
            key, owner = stack.pop()
            operation, known = plan.operations.get(key), owners.get(key, frozenset())
            if operation is None or known is None or owner in known:
                continue
            if len(known) == _MOST_OWNERS:
                owner = None
            owners[key] = None if owner is None else known | {owner}
            stack.extend((i, owner) for i in inputs(operation) if i not in roots)
    return {key: of for key, of in owners.items() if of is not None}


#: Subqueries that share one operator, each of which is told what it depends on.
_MOST_OWNERS = 16


def _above_target(plan: WirePlan, datasets: Mapping[str, Sequence[str]]) -> set[str]:
    """The operators that read the dataset which the plan writes, directly or through others."""
    target = set(datasets.get(plan.write, ()))
    above: dict[str, list[str]] = {}
    for operation in plan.operations.values():
        for i in operation.inputs:
            above.setdefault(i, []).append(operation.id)
    found, stack = set[str](), [i for i, uris in datasets.items() if i != plan.write and target.intersection(uris)]
    while stack:
        key = stack.pop()
        if key not in found:
            found.add(key)
            stack.extend(above.get(key, ()))
    return found


def _view_name(operation: OperationNode) -> str | None:
    lines = str(operation.params.get("desc") or "").splitlines()
    found = {line.split(": ", 1)[0]: line.split(": ", 1)[1] for line in lines if ": " in line}
    return found.get("Table")


def _read_names(plan: WirePlan, datasets: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], str]:
    """Qualifiers for columns whose name several reads have, by (read operator, lower-case name)."""
    owners: dict[str, list[str]] = {}
    for operation in plan.operations.values():
        if operation.kind == "read":
            for i in operation.output or ():
                name = plan.attributes[i].name.lower() if i in plan.attributes else i
                owners.setdefault(name, []).append(operation.id)
    aliases = _aliases(plan)
    out = {}
    for name, reads in owners.items():
        for read in reads if len(set(reads)) > 1 else ():
            uri = next(iter(datasets.get(read, ())), "")
            out[read, name] = aliases.get(read) or uri.rstrip("/").rpartition("/")[2].partition(".")[0]
    return out


def _aliases(plan: WirePlan) -> dict[str, str]:
    """The outermost alias of each read that nothing but aliases and views stands between."""
    parents: dict[str, list[OperationNode]] = {}
    for operation in plan.operations.values():
        for i in operation.inputs:
            parents.setdefault(i, []).append(operation)
    outermost: dict[str, str | None] = {}
    out = {}
    for read in (op for op in plan.operations.values() if op.kind == "read"):
        path, key = list[str](), read.id
        while key not in outermost:
            outermost[key] = None  # what is met again on the way up has no end
            path.append(key)
            above = parents.get(key, [])
            if len(above) != 1 or above[0].name not in ("SubqueryAlias", "View"):
                break
            key = above[0].id
        for below in reversed(path):
            above = parents.get(below, [])
            if len(above) == 1 and above[0].name in ("SubqueryAlias", "View"):
                own = str(above[0].params.get("identifier", "")).rpartition(".")[2].strip("`/")
                own_alias = own if above[0].name == "SubqueryAlias" else None
                outermost[below] = outermost.get(above[0].id) or own_alias
        alias = outermost.get(read.id)
        if alias is not None:
            out[read.id] = alias
    return out
