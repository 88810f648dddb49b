"""Column lineage of one plan: from the wire form to the write's columns, each with its sources.

Operators are evaluated once each, inputs first, from a list and not by recursion: a plan can be thousands of
operators deep. What the whole output depends on (filters, keys) is gathered once for the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headwater.graphmodel.model import Subtype
from headwater.spline_bridge import commands
from headwater.spline_bridge.expressions import Evaluator, read_column
from headwater.spline_bridge.operators import Rows, evaluate
from headwater.spline_bridge.subqueries import evaluate_text
from headwater.spline_bridge.text import Text, concat, text
from headwater.spline_bridge.values import IDENTITY, Influence, Use, Value, as_role, combine, merge_into, unresolved
from headwater.spline_bridge.wire import Expression, OperationNode, Ref, WirePlan, reference

#: How far attributes that no operator puts out are followed through what the agent says of them.
_CHASE = 100
#: Spark's hidden column of a file's name, size and times: no column of the data.
_FILE_METADATA = "_metadata"


@dataclass(frozen=True)
class PlanColumns:
    """The write's columns by position, what its whole output depends on, and the operators not fully resolved."""

    names: tuple[str, ...]
    values: tuple[Value, ...]
    dependencies: Mapping[Influence, Use]
    unresolved: frozenset[str]


def resolve(plan: WirePlan, datasets: Mapping[str, Sequence[str]]) -> PlanColumns:
    """The column lineage of a plan. `datasets` gives the canonical URIs that each read or write operator names."""
    return _Resolver(plan, datasets).resolved()


class _Resolver:
    def __init__(self, plan: WirePlan, datasets: Mapping[str, Sequence[str]]) -> None:
        self.plan = plan
        self.datasets = datasets
        self.rows: dict[str, Rows] = {}
        self.known: dict[str, Value] = {}
        self.dependencies: dict[Influence, Use] = {}
        self.unresolved: set[str] = set()
        self.definitions = {
            str(op.params.get("id")): op.id for op in plan.operations.values() if op.name == "CTERelationDef"
        }
        self._begun: set[str] = set()
        self._aliases = _read_names(plan, datasets)

    def resolved(self) -> PlanColumns:
        write = self.plan.operations[self.plan.write]
        children = [self.run(child) for child in write.inputs if child in self.plan.operations]
        rows = children[0] if children else Rows()
        if write.name in ("UpdateCommand", "UpdateTable", "DeleteCommand", "DeleteFromTable"):
            rows = commands.update(write, rows, _Place(self, write, children))
        names = _output_names(write, rows, self.plan)
        return PlanColumns(names, rows.values, self.dependencies, frozenset(self.unresolved))

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
        definition = self.definitions.get(str(operation.params.get("cteId")))
        return [*inputs, definition] if operation.name == "CTERelationRef" and definition else inputs

    def _evaluate(self, operation: OperationNode) -> None:
        children = [self.rows.get(i, Rows()) for i in operation.inputs if i in self.plan.operations]
        if operation.kind == "read":
            rows = self._read(operation)
        else:
            place = _Place(self, operation, children)
            rows = self._transformed(operation, children, place)
        self.rows[operation.id] = rows
        self.known.update(rows.environment())

    def _transformed(self, operation: OperationNode, children: Sequence[Rows], place: _Place) -> Rows:
        if commands.is_referenced(operation):
            return commands.referenced(operation, children, place)
        return self._merge(operation, place) if _is_merge(operation) else evaluate(operation, children, place)

    def _read(self, operation: OperationNode) -> Rows:
        ids = operation.output or ()
        return Rows(ids, tuple(self._read_column(operation, i) for i in ids))

    def _read_column(self, operation: OperationNode, attribute: str) -> Value:
        name = self.named(attribute)
        if name == _FILE_METADATA:
            return Value(text=text(name), generated=True)
        qualifier = self._aliases.get((operation.id, name.lower()))
        shown = f"{qualifier}.{name}" if qualifier else name
        columns = [read_column(uri, name, shown) for uri in self.datasets.get(operation.id, ())]
        return columns[0] if len(columns) == 1 else combine(columns, IDENTITY)._replace(text=text(shown), path=name)

    def _merge(self, operation: OperationNode, place: _Place) -> Rows:
        target = set(self.datasets.get(self.plan.write, ()))
        sides = [i for i in operation.inputs if i in self.plan.operations]
        kept = [i for i in sides if target & self._reads_below(i)]
        kept_side = kept[-1] if kept else sides[-1]
        others = [i for i in sides if i != kept_side]
        source = self.rows.get(others[0], Rows()) if others else Rows()
        names = [self.named(i) for i in operation.output or self.rows.get(kept_side, Rows()).ids]
        return commands.merge(operation, source, self.rows.get(kept_side, Rows()), names, place)

    def _reads_below(self, root: str) -> set[str]:
        out: set[str] = set()
        seen, stack = set[str](), [root]
        while stack:
            operation = self.plan.operations.get(stack.pop())
            if operation is None or operation.id in seen:
                continue
            seen.add(operation.id)
            out.update(self.datasets.get(operation.id, ()))
            stack.extend(operation.inputs)
        return out

    def named(self, attribute: str) -> str:
        known = self.plan.attributes.get(attribute)
        return known.name if known else attribute

    # What the leaves of a subquery's text are bound to (subqueries.Bindings)

    def cte(self, key: str) -> Rows | None:
        return self._other_rows(self.definitions.get(key))

    def view(self, name: str, width: int) -> Rows | None:
        for operation in self.plan.operations.values():
            if operation.name == "View" and _view_name(operation) == _last_parts(name, _view_name(operation)):
                rows = self._other_rows(operation.id)
                if rows is not None and len(rows.values) == width:
                    return rows
        return None

    def relation(self, table: str, columns: Sequence[str], format_: str) -> Rows | None:
        wanted = [column.lower() for column in columns]
        fitting = [
            op for op in self.plan.operations.values() if op.kind == "read" and self._fits(op, table, wanted, format_)
        ]
        if len({tuple(self.datasets.get(op.id, ())) for op in fitting}) != 1:
            return None
        return self._other_rows(fitting[0].id)

    def _fits(self, read: OperationNode, table: str, wanted: list[str], format_: str) -> bool:
        if [self.named(i).lower() for i in read.output or ()] != wanted:
            return False
        identifier = table_identifier(read)
        if table:
            return identifier is not None and _last_parts(table, identifier) == identifier
        return identifier is None and str(read.extra.get("sourceType") or format_) == format_

    def _other_rows(self, operation: str | None) -> Rows | None:
        if operation is None or (operation in self._begun and operation not in self.rows):
            return None
        return self.run(operation)

    def keys(self, subtype: Subtype, values: Iterable[Value]) -> None:
        merge_into(self.dependencies, as_role(values, subtype))


class _Place:
    """One operator's view of its plan: `operators.Context` and `subqueries.Bindings`."""

    def __init__(self, resolver: _Resolver, operation: OperationNode, children: Sequence[Rows]) -> None:
        self._resolver = resolver
        self._operation = operation
        self._children = children
        self._environment: dict[str, Value] | None = None
        self._evaluator = Evaluator(resolver.plan.expressions, self._lookup, self._subquery)
        self._chased: list[str] = []
        self.cte, self.view, self.relation = resolver.cte, resolver.view, resolver.relation

    def value(self, ref: Ref) -> Value:
        return self._evaluator.value(ref)

    def expression(self, ref: Ref) -> Expression | None:
        return self._resolver.plan.expressions.get(ref.id) if ref.kind == "e" else None

    def named(self, attribute: str) -> str:
        return self._resolver.named(attribute)

    def keys(self, subtype: Subtype, values: Iterable[Value]) -> None:
        noted = list(values)
        if any(value.unresolved for value in noted):
            self._resolver.unresolved.add(self._operation.id)
        self._resolver.keys(subtype, noted)

    def definition(self, operation: OperationNode) -> Rows | None:
        return self._resolver.rows.get(self._resolver.definitions.get(str(operation.params.get("cteId")), ""))

    def computed(self, attribute: str) -> Value | None:
        values = self.parts(attribute)
        if len(values) <= 1:
            return values[0] if values else None
        return combine(values, IDENTITY)._replace(text=values[0].text)

    def parts(self, attribute: str) -> list[Value]:
        known = self._resolver.plan.attributes.get(attribute)
        if known is None or attribute in self._chased or len(self._chased) > _CHASE:
            return []
        self._chased.append(attribute)
        values = [self.value(ref) for ref in known.refs]
        self._chased.pop()
        return values

    def _lookup(self, attribute: str) -> Value:
        if self._environment is None:
            self._environment = {i: v for rows in self._children for i, v in zip(rows.ids, rows.values, strict=False)}
        value = self._environment.get(attribute) or self._resolver.known.get(attribute) or self.computed(attribute)
        return value if value is not None else unresolved(text(self.named(attribute)))

    def subplan(self, expression: Expression, outer: Mapping[str, Value]) -> Rows | None:
        by_name = {
            self.named(i).lower(): v for rows in self._children for i, v in zip(rows.ids, rows.values, strict=False)
        }
        named = _outer_by_id(expression, [], by_name)
        values = evaluate_text(str(expression.params.get("plan") or ""), {**named, **outer}, self)
        return None if values is None else Rows(tuple(map(str, range(len(values)))), tuple(values))

    def _subquery(self, expression: Expression, operands: Sequence[Value]) -> Value:
        if "plan" not in expression.params:
            return _seen_subquery(expression, operands)
        outer = _outer_by_id(expression, operands, {})
        rows = self.subplan(expression, outer)
        if rows is None or not rows.values:
            return combine(operands, IDENTITY)._replace(text=text(f"{expression.name}(...)"), unresolved=True)
        shown = concat(["(SELECT ", rows.values[0].text, ")"])
        return _exists(operands, shown) if expression.operator == "Exists" else _selected(rows.values, shown)


def _seen_subquery(expression: Expression, operands: Sequence[Value]) -> Value:
    """A subquery whose operators are among the plan's: its operands are its output; of EXISTS, the outer references."""
    if expression.operator == "Exists":
        return _exists(operands, text("(...)"))
    shown = operands[0].text if operands else text(f"{expression.name}(...)")
    return _selected(operands, concat(["(SELECT ", shown, ")"])) if operands else unresolved(shown)


def _exists(outer: Sequence[Value], shown: Text) -> Value:
    conditions = as_role(outer, Subtype.CONDITIONAL)
    return Value(indirect=conditions, text=concat(["EXISTS ", shown]), generated=True)


def _selected(output: Sequence[Value], shown: Text) -> Value:
    return combine(output, IDENTITY)._replace(text=shown)


def _outer_by_id(expression: Expression, operands: Sequence[Value], names: Mapping[str, Value]) -> dict[str, Value]:
    """Outer references by expression id: by position where the agent lists them, else by their name."""
    attributes = expression.params.get("outerAttrs")
    texts = [str(item) for item in attributes] if isinstance(attributes, list) else []
    out: dict[str, Value] = {}
    for position, item in enumerate(texts):
        name, _, key = item.rpartition("#")
        value = operands[position] if position < len(operands) else names.get(name.lower())
        if value is not None:
            out[key.rstrip("L")] = value
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


def table_identifier(operation: OperationNode) -> str | None:
    """``db.table`` of a catalog table, as the agent names it."""
    table = operation.params.get("table")
    identifier = table.get("identifier") if isinstance(table, Mapping) else None
    if isinstance(identifier, Mapping):
        parts = [identifier.get(key) for key in ("catalog", "database", "table")]
        return ".".join(str(part) for part in parts if part) or None
    return str(identifier) if identifier else None


def _last_parts(name: str, other: str | None) -> str:
    """The last parts of a dotted name, as many as the other has: the catalog's part may be left out."""
    width = other.count(".") + 1 if other else 1
    return ".".join(name.replace("`", "").split(".")[-width:])


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
    out = {}
    for read in (op for op in plan.operations.values() if op.kind == "read"):
        above = parents.get(read.id, [])
        seen = {read.id}
        while len(above) == 1 and above[0].name in ("SubqueryAlias", "View") and above[0].id not in seen:
            seen.add(above[0].id)
            if above[0].name == "SubqueryAlias":
                out[read.id] = str(above[0].params.get("identifier", "")).rpartition(".")[2].strip("`/")
            above = parents.get(above[0].id, [])
    return out
