"""From the tree of a plan to its operations, attributes and expressions in the wire form.

Operators are made once each, inputs first, from a list and not by recursion. The operators of a subquery come after
those that its holder reads from, so that they can refer to the holder's columns, and feed the holder like those do.
Attributes are resolved operator by operator: Spark's expression ids are not unique in a plan that uses a frame twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from headwater.spline_bridge.agent import arguments, operators
from headwater.spline_bridge.agent.expressions import SUBQUERIES, Expressions, Ref, Typed
from headwater.spline_bridge.agent.model import Leaf
from headwater.spline_bridge.agent.operators import Column, Columns
from headwater.spline_bridge.agent.sources import Source, source
from headwater.spline_bridge.agent.tree import Node, expressions, roots, walk
from headwater.spline_bridge.agent.types import Types


class Builder:
    """The tables of one plan; `add` puts operators into them."""

    def __init__(
        self,
        leaves: Sequence[Leaf],
        known_types: Mapping[int, Any],
        filesystem: str | None,
        hidden: Collection[int] = (),
    ) -> None:
        """`known_types` are the types of attributes by expression id, `filesystem` is that of bare paths.

        `hidden` are the expression ids of columns that a format adds to each row.
        """
        self._hidden = hidden
        self.types = Types()
        self.expressions = Expressions(self.types)
        self.attributes: list[dict[str, Any]] = []
        self.reads: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []
        self.attribute_types: dict[str, Any] = {}
        self.latest: dict[int, Column] = {}
        self.definitions: dict[Any, BuiltOperator] = {}
        self.built: dict[int, BuiltOperator] = {}
        self.holders: dict[int, Node | None] = {}
        self._cte_numbers: dict[Any, int] = {}
        self._known_types = known_types
        self._filesystem = filesystem
        self._leaves = {(leaf.operator, leaf.ids): leaf for leaf in leaves}

    def add(self, root: Node) -> BuiltOperator:
        """The operators of a plan and of all its subqueries; the operator of the root."""
        for node, holder in _inputs_first(root):
            self.holders[id(node)] = holder
            operator = self.built[id(node)] = BuiltOperator(self, node, holder)
            if node.name == "CTERelationDef":
                self.definitions[node.fields.get("id")] = operator
        return self.built[id(root)]

    def target(self, columns: Sequence[Node], written: Columns, *, by_name: bool) -> list[Ref]:
        """New attributes for the columns of the target, in the order of those that are written to them."""
        names = {str(node.fields["name"]).lower(): node for node in columns}
        named = [names.get(self.named(column).lower()) for column in written]
        ordered = named if by_name and None not in named else columns if len(columns) == len(written) else []
        made = [
            self.attribute(
                node.fields["exprId"],
                str(node.fields["name"]),
                node.fields.get("dataType"),
                (Typed({"__attrId": column.attribute}),),
            )
            for node, column in zip(ordered, written, strict=False)
            if node is not None
        ]
        return [{"__attrId": column.attribute} for column in made]

    def details(self, node: Node) -> Mapping[str, Any]:
        """What the JVM was asked about an operator: it is known by its class and the ids of its output.

        An operator that the agent made itself has it with it.
        """
        if "details" in node.fields:
            return dict(node.fields["details"])
        ids = tuple(str(item.fields["exprId"]) for item in operators.listed(node))
        found = self._leaves.get((node.name, ids))
        return found.details if found else {}

    def emit(self, node: Node, operator: BuiltOperator, inputs: Sequence[str]) -> str:
        """Adds the operator to the plan's operations; its id."""
        read = source(self.details(node), self._filesystem) if not node.children else None
        if read is not None and node.name != "LogicalRDD":
            return self._read(arguments.name(node), read, operator.columns)
        if read is not None:
            inputs = [self._read("FileScanRDD", read, None)]
        if node.name == "CTERelationRef" and node.fields.get("cteId") in self.definitions:
            inputs = [self.definitions[node.fields["cteId"]].id]
        told = {**arguments.params(node, operator), **self._cte(node)}
        return self._listed(
            self.others,
            {
                "name": arguments.name(node),
                **({"childIds": list(inputs)} if inputs else {}),
                "output": [column.attribute for column in operator.columns],
                **({"params": told} if told else {}),
            },
        )

    def _read(self, name: str, read: Source, columns: Columns | None) -> str:
        output = {} if columns is None else {"output": [column.attribute for column in columns]}
        params = {"params": dict(read.params)} if read.params else {}
        extra = {"extra": {"sourceType": read.format}} if read.format else {}
        return self._listed(self.reads, {"name": name, "inputSources": list(read.uris), **output, **params, **extra})

    def _listed(self, operations: list[dict[str, Any]], operation: dict[str, Any]) -> str:
        """Adds an operation under the next id; the write has the first one."""
        key = f"op-{len(self.reads) + len(self.others) + 1}"
        operations.append({"id": key, **operation})
        return key

    def _cte(self, node: Node) -> dict[str, int]:
        """The number of a CTE within the plan: Spark numbers them through a session."""
        name = _CTE_IDS.get(node.name)
        return {name: self._cte_numbers.setdefault(node.fields.get(name), len(self._cte_numbers))} if name else {}

    def renamed(self, column: Column, sources: Sequence[Typed]) -> Column:
        """A new attribute under the id, name and type of another one."""
        type_ = self.attribute_types[column.attribute]
        return self.attribute(column.expression_id, self.named(column), type_, sources)

    def named(self, column: Column) -> str:
        """The name of a column."""
        return str(self.attributes[int(column.attribute.rpartition("-")[2])]["name"])

    def attribute(self, expression_id: int, name: str, type_: Any, sources: Sequence[Typed]) -> Column:
        """A new attribute, computed from the sources."""
        column = Column(expression_id, f"attr-{len(self.attributes)}")
        type_ = self._known_types.get(expression_id) if type_ is None else type_
        type_id = self.types.id(type_)
        self.attribute_types[column.attribute] = type_
        self.attributes.append(
            {
                "id": column.attribute,
                "name": name,
                **({"dataType": type_id} if type_id else {}),
                **({"childRefs": [item.ref for item in sources]} if sources else {}),
                **({"extra": {"metadataColumn": True}} if expression_id in self._hidden and not sources else {}),
            }
        )
        self.latest[expression_id] = column
        return column


#: Where CTEs keep their ids.
_CTE_IDS = {"CTERelationDef": "id", "CTERelationRef": "cteId"}


def _inputs_first(root: Node) -> Iterator[tuple[Node, Node | None]]:
    """Each operator, after its children and its subqueries, with the operator that holds it as a subquery."""
    stack: list[tuple[Node, Node | None, bool]] = [(root, None, False)]
    while stack:
        node, holder, ready = stack.pop()
        if ready:
            yield node, holder
            continue
        stack.append((node, holder, True))
        stack.extend((plan, node, False) for _, plan in reversed(subqueries(node)))
        stack.extend((child, holder, False) for child in reversed(node.children))


def subqueries(node: Node) -> list[tuple[Node, Node]]:
    """The expressions of an operator that hold a plan, each with that plan."""
    found = [item for value in expressions(node).values() for root in roots(value) for item in _walked(root)]
    return [(item, item.fields["plan"]) for item in found if item.name in SUBQUERIES]


def _walked(root: Node) -> Iterator[Node]:
    return iter(()) if root.name == "AttributeReference" else walk(root)


class BuiltOperator:
    """One operator: what it sees of its plan (`expressions.Scope`, `OperatorScope`), and what it puts out."""

    def __init__(self, builder: Builder, node: Node, holder: Node | None) -> None:
        self._builder = builder
        self._holder = holder
        self._made: dict[int, Typed] = {}
        inputs = [builder.built[id(child)] for child in node.children]
        self._inner = {id(expression): builder.built[id(plan)] for expression, plan in subqueries(node)}
        self.children: Sequence[Columns] = [operator.columns for operator in inputs]
        self._input = {column.expression_id: column for columns in self.children for column in columns}
        self._own: dict[int, Column] = {}
        self.columns: Columns = operators.output(node, self)
        self._own = {column.expression_id: column for column in self.columns}
        self.id: str = builder.emit(node, self, [operator.id for operator in (*inputs, *self._inner.values())])

    def typed(self, expression: Node) -> Typed:
        """The expression, made once however often the operator asks."""
        if expression.name == "AttributeReference":
            return self.attribute(expression)
        if id(expression) not in self._made:
            self._made[id(expression)] = self._builder.expressions.typed(expression, self)
        return self._made[id(expression)]

    def attribute(self, node: Node) -> Typed:
        """The column that a reference means here; one that nothing puts out becomes an attribute without sources."""
        column = self._seen(node.fields["exprId"]) or self.new(node, ())
        return Typed({"__attrId": column.attribute}, node.fields.get("dataType"))

    def _seen(self, expression_id: int) -> Column | None:
        """Its input's column, or its own, else one of the operators that hold it as a subquery, else the latest."""
        return (
            self._input.get(expression_id)
            or self._own.get(expression_id)
            or self._outer(expression_id)
            or self._builder.latest.get(expression_id)
        )

    def _outer(self, expression_id: int) -> Column | None:
        holder = self._holder
        while holder is not None:
            for child in holder.children:
                column = self._builder.built[id(child)].known_here(expression_id)
                if column is not None:
                    return column
            holder = self._builder.holders.get(id(holder))
        return None

    def known_here(self, expression_id: int) -> Column | None:
        """The column of its output with that id."""
        return self._own.get(expression_id)

    def latest(self, expression_id: int) -> Column | None:
        """The column of that id which was made last."""
        return self._builder.latest.get(expression_id)

    def known(self, expression_id: int) -> Column | None:
        """The column of its input with that id."""
        return self._input.get(expression_id)

    def subquery(self, node: Node) -> list[Typed]:
        """The output of the subquery that an expression of this operator holds, as operands."""
        return [Typed({"__attrId": column.attribute}) for column in self.outputs(node)]

    def subquery_operation(self, node: Node) -> str | None:
        """The id of the operator that gives the output of the subquery that an expression of this operator holds."""
        operator = self._inner.get(id(node))
        return operator.id if operator else None

    def outputs(self, expression: Node) -> Columns:
        """The output of the subquery that an expression of this operator holds."""
        operator = self._inner.get(id(expression))
        return operator.columns if operator else []

    def new(self, node: Node, sources: Sequence[Typed]) -> Column:
        """A new attribute for what an `Alias`, an attribute or an outer reference names."""
        named = node.fields["e"] if node.name == "OuterReference" else node
        type_ = named.fields.get("dataType") or next((item.type for item in sources if item.type is not None), None)
        return self._builder.attribute(named.fields.get("exprId", -1), str(named.fields.get("name")), type_, sources)

    def same(self, column: Column, sources: Sequence[Typed]) -> Column:
        """A new attribute under the id, name and type of a column."""
        return self._builder.renamed(column, sources)

    def named(self, column: Column) -> str:
        """The name of a column."""
        return self._builder.named(column)

    def union(self, sources: Sequence[Typed]) -> Typed:
        """All sides of a union, as the expression that Spline's agent makes up for it."""
        return self._builder.expressions.call("union", "union", sources, None, {})

    def details(self, node: Node) -> Mapping[str, Any]:
        """What the JVM was asked about the operator."""
        return self._builder.details(node)

    def definition(self, key: Any) -> Columns:
        """The output of a CTE."""
        return self._builder.definitions[key].columns if key in self._builder.definitions else []
