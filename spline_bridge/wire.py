"""One shape for both wire forms of a Spline execution plan: the flat one (API 1.1, 1.2) and the nested one (1.0).

Nothing is interpreted here. In the nested form expressions are inlined in `params`; they are moved into the table of
expressions and replaced by references, so that everything behind this module knows the flat form only.
Wire forms: https://absaoss.github.io/spline/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple


class Ref(NamedTuple):
    """A reference to an attribute (`kind` ``a``) or to an expression (``e``) of the same plan."""

    kind: str
    id: str


@dataclass(frozen=True)
class Expression:
    """A function or a literal. `operator` is Spark's class name without its package, ``Literal`` for constants."""

    id: str
    operator: str
    name: str = ""
    operands: tuple[Ref, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[Ref, ...] = ()  #: what people gave it, where its operand is what Spark replaces it by
    symbol: str | None = None
    value: Any = None
    type: str | None = None
    type_id: str | None = None


@dataclass(frozen=True)
class Attribute:
    """A column of an operator's output. `refs` is what it is computed from, where the agent says so."""

    id: str
    name: str
    refs: tuple[Ref, ...] = ()
    type_id: str | None = None
    hidden: bool = False  #: a column that the format adds to each row, such as the file's name; no column of the data


@dataclass(frozen=True)
class OperationNode:
    """One operator. `output` is None where the agent left it out. `kind` is read, write or transformation."""

    id: str
    name: str
    kind: str
    inputs: tuple[str, ...] = ()
    output: tuple[str, ...] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    append: bool = False


@dataclass(frozen=True)
class WirePlan:
    """A plan: its operators, attributes and expressions by id; `write` is the id of the write."""

    name: str | None
    write: str
    operations: Mapping[str, OperationNode]
    attributes: Mapping[str, Attribute]
    expressions: Mapping[str, Expression]
    labels: Mapping[str, Any]
    extra: Mapping[str, Any]
    system: str | None
    agent: str | None


def read_plan(document: Mapping[str, Any], *, nested: bool) -> WirePlan:
    """A validated execution-plan document as `WirePlan`. `nested` is API 1.0."""
    extra = _mapping(document.get("extraInfo"))
    types = {str(t.get("id")): _type_name(t) for t in _mappings(extra.get("dataTypes"))}
    flat = _Nested(types) if nested else None
    operations = {op.id: op for op in _operations(document["operations"], flat)}
    write = _id(document["operations"]["write"]["id"])
    if flat is None:
        attributes = {a.id: a for a in map(_attribute, _mappings(document.get("attributes")))}
        expressions = _flat_expressions(_mapping(document.get("expressions")), types)
    else:
        attributes = {a.id: a for a in map(_attribute, _mappings(extra.get("attributes")))}
        expressions = flat.expressions
    expressions.update(_named_fields(expressions, attributes, _mappings(extra.get("dataTypes"))))
    expressions.update(_without_effect(expressions, attributes, types))
    return WirePlan(
        name=document.get("name") or extra.get("appName"),
        write=write,
        operations=operations,
        attributes=attributes,
        expressions=expressions,
        labels=_mapping(document.get("labels")),
        extra=extra,
        system=_product(document.get("systemInfo")),
        agent=_product(document.get("agentInfo")),
    )


def _type_name(node: Mapping[str, Any]) -> str:
    """``double``; of nested types, ``struct`` or ``array``."""
    return str(node.get("name") or str(node.get("_typeHint", "")).rpartition(".")[2].lower())


def reference(node: object) -> Ref | None:
    """The reference that a JSON node is, if it is one."""
    if isinstance(node, dict):  # not Mapping: a plan has tens of thousands of references, and that takes far longer
        if "__attrId" in node:
            return Ref("a", str(node["__attrId"]))
        if "__exprId" in node:
            return Ref("e", str(node["__exprId"]))
    return None


def listed(node: object) -> tuple[Ref, ...]:
    """The references in a list, not those further down."""
    if not isinstance(node, list):
        return ()
    # As `reference`, without a call for each: a plan of 200 steps over 200 columns lists them 40,000 times.
    return tuple(
        [
            _new(Ref, ("a", str(item["__attrId"])) if "__attrId" in item else ("e", str(item["__exprId"])))
            for item in node
            if isinstance(item, dict) and ("__attrId" in item or "__exprId" in item)
        ]
    )


_new = tuple.__new__  # what a NamedTuple's own constructor calls, in half the time


def listed_expressions(node: object) -> tuple[Ref, ...]:
    """Of the references in a list, those to expressions."""
    found = node if isinstance(node, list) else ()
    return tuple(
        [
            _new(Ref, ("e", str(item["__exprId"])))
            for item in found
            if isinstance(item, dict) and "__exprId" in item and "__attrId" not in item
        ]
    )


def references(node: object) -> tuple[Ref, ...]:
    """All references in a JSON node, at any depth, in order."""
    out: list[Ref] = []
    stack = [node]
    while stack:
        item = stack.pop()
        ref = reference(item)
        if ref is not None:
            out.append(ref)
        elif isinstance(item, Mapping):
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            stack.extend(reversed(item))
    return tuple(out)


def _operations(operations: Mapping[str, Any], flat: _Nested | None) -> list[OperationNode]:
    kinds = (
        ("write", [operations["write"]]),
        ("read", _mappings(operations.get("reads"))),
        ("transformation", _mappings(operations.get("other"))),
    )
    return [_operation(node, kind, flat) for kind, nodes in kinds for node in nodes]


def _operation(node: Mapping[str, Any], kind: str, flat: _Nested | None) -> OperationNode:
    output = node.get("output") if flat is None else node.get("schema")
    params = _mapping(node.get("params"))
    extra = _mapping(node.get("extra"))
    sources = [node["outputSource"]] if kind == "write" else node.get("inputSources") or []
    return OperationNode(
        id=_id(node["id"]),
        name=str(node.get("name") or extra.get("name") or kind),
        kind=kind,
        inputs=tuple(map(str, node.get("childIds") or ())),
        output=None if output is None else tuple(map(str, output)),
        params=params if flat is None else flat.params(params),
        extra=extra,
        sources=tuple(map(str, sources)),
        append=bool(node.get("append")),
    )


def _attribute(node: Mapping[str, Any]) -> Attribute:
    refs = tuple(ref for ref in map(reference, node.get("childRefs") or []) if ref)
    type_id = node.get("dataType") or node.get("dataTypeId")
    hidden = _mapping(node.get("extra")).get("metadataColumn") is True
    return Attribute(_id(node["id"]), str(node.get("name", "")), refs, str(type_id) if type_id else None, hidden)


#: Spark's hidden column of a file's name, size and times.
_FILE_METADATA = frozenset({"_metadata"})
#: Those of Iceberg, whose names no column of a table can have (https://iceberg.apache.org/docs/latest/spark-queries).
_ICEBERG_METADATA = frozenset({"_file", "_pos", "_deleted", "_spec_id", "_partition"})
#: Those that Hudi keeps beside each row (https://hudi.apache.org/docs/configurations).
_HUDI_METADATA = frozenset({
    "_hoodie_commit_time", "_hoodie_commit_seqno", "_hoodie_record_key", "_hoodie_partition_path", "_hoodie_file_name",
    "_hoodie_operation",
})  # fmt: skip


def hides(plan: WirePlan, operation: OperationNode, attribute: str) -> bool:
    """Whether a column of a read is none of the data: one that the format adds to each row."""
    known = plan.attributes.get(attribute)
    if known is None:
        return False
    if known.hidden or known.name in _FILE_METADATA:
        return True
    return adds(str(operation.extra.get("sourceType") or ""), known.name)


def adds(format_: str, name: str) -> bool:
    """Whether tables of a format have a column of this name that is none of the data: the format fills it in."""
    kind = format_.lower()
    return (name in _ICEBERG_METADATA and "iceberg" in kind) or (
        name in _HUDI_METADATA and ("hudi" in kind or "hoodie" in kind)
    )


def _flat_expressions(node: Mapping[str, Any], types: Mapping[str, Any]) -> dict[str, Expression]:
    out: dict[str, Expression] = {}
    for item in _mappings(node.get("functions")):
        extra = _mapping(item.get("extra"))
        out[_id(item["id"])] = Expression(
            id=_id(item["id"]),
            operator=_operator(extra.get("simpleClassName") or item.get("name")),
            name=str(item.get("name", "")),
            operands=tuple(ref for ref in map(reference, item.get("childRefs") or []) if ref),
            params=_mapping(item.get("params")),
            arguments=references(_mapping(item.get("params")).get("arguments")),
            symbol=extra.get("symbol"),
            type=types.get(str(item.get("dataType"))),
            type_id=str(item.get("dataType")),
        )
    for item in _mappings(node.get("constants")):
        key, type_id = _id(item["id"]), str(item.get("dataType"))
        out[key] = Expression(key, "Literal", value=item.get("value"), type=types.get(type_id), type_id=type_id)
    return out


class NestedType(NamedTuple):
    """A type of a payload. What it has inside is looked up when it is asked for: a payload's types can be a circle."""

    id: str
    fields_of: Mapping[str, Sequence[tuple[str, str]]]  #: of structs, by id: (name, id of the type) of each
    elements: Mapping[str, str]  #: of arrays, by id: the id of the items' type

    @property
    def fields(self) -> list[tuple[str, NestedType]]:
        """The fields of a struct; none for other types."""
        return [(name, self._replace(id=id_)) for name, id_ in self.fields_of.get(self.id, ())]

    @property
    def element(self) -> NestedType | None:
        """The type of an array's items; None for other types."""
        return self._replace(id=self.elements[self.id]) if self.id in self.elements else None


def _named_fields(
    expressions: Mapping[str, Expression], attributes: Mapping[str, Attribute], types: Sequence[Mapping[str, Any]]
) -> dict[str, Expression]:
    """Field accesses of which the agent sent the ordinal only (``struct.*``), with the name from the struct's type.

    ``inline`` of an array of structs gets the names of all fields, by position.
    """
    fields_of = {
        str(t.get("id")): [(str(f.get("name")), str(f.get("dataTypeId"))) for f in _mappings(t.get("fields"))]
        for t in types
        if "fields" in t
    }
    structs = {id_: [name for name, _ in fields] for id_, fields in fields_of.items()}
    elements = {str(t.get("id")): str(t.get("elementDataTypeId")) for t in types if "elementDataTypeId" in t}
    out = {}
    for expression in expressions.values():
        if expression.operator == "Inline" and expression.operands:
            ref = expression.operands[0]
            inner = attributes.get(ref.id) if ref.kind == "a" else expressions.get(ref.id)
            fields = structs.get(elements.get(str(inner.type_id), ""), []) if inner is not None else []
            out[expression.id] = replace(expression, params={**expression.params, "fields": fields})
        if expression.operator in _CASTS and str(expression.type_id) in (fields_of.keys() | elements.keys()):
            to = NestedType(str(expression.type_id), fields_of, elements)
            out[expression.id] = replace(expression, params={**expression.params, "to": to})
        if expression.operator == "GetStructField" and not expression.params.get("name") and expression.operands:
            ref, ordinal = expression.operands[0], expression.params.get("ordinal")
            inner = attributes.get(ref.id) if ref.kind == "a" else expressions.get(ref.id)
            fields = structs.get(str(inner.type_id), []) if inner is not None else []
            if isinstance(ordinal, int) and 0 <= ordinal < len(fields):
                out[expression.id] = replace(expression, params={**expression.params, "name": fields[ordinal]})
    return out


def _without_effect(
    expressions: Mapping[str, Expression], attributes: Mapping[str, Attribute], types: Mapping[str, str]
) -> dict[str, Expression]:
    """Casts to the type that the operand has: views and inserts add them to every column. They become aliases."""
    out = {}
    for expression in expressions.values():
        if expression.operator in _CASTS and expression.operands and expression.type not in (None, *_NESTED_TYPES):
            ref = expression.operands[0]
            inner = attributes.get(ref.id) if ref.kind == "a" else expressions.get(ref.id)
            if inner is not None and types.get(str(inner.type_id)) == expression.type:
                out[expression.id] = replace(expression, operator="Alias")
    return out


_CASTS = frozenset({"Cast", "AnsiCast", "UpCast", "TryCast"})
_NESTED_TYPES = ("struct", "array", "map")


class _Nested:
    """Moves the expression trees of API 1.0 into a table of expressions."""

    def __init__(self, types: Mapping[str, Any]) -> None:
        self.expressions: dict[str, Expression] = {}
        self._types = types

    def params(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """The params with every inlined expression replaced by a reference to it.

        Children come before their parents, from a list instead of by recursion: a sum of a thousand terms is a tree
        a thousand levels deep.
        """
        done: dict[int, Any] = {}
        for node in reversed(_containers(params)):
            done[id(node)] = self._replaced(node, done)
        return _mapping(done[id(params)])

    def _replaced(self, node: Any, done: Mapping[int, Any]) -> Any:
        if isinstance(node, list):
            return [done.get(id(item), item) for item in node]
        if not str(node.get("_typeHint", "")).startswith("expr."):
            return {key: done.get(id(value), value) for key, value in node.items()}
        if node["_typeHint"] == "expr.AttrRef":
            return {"__attrId": _id(node.get("refId"))}
        children = node.get("children")
        operands = children if isinstance(children, list) else [node["child"]] if node.get("child") else []
        refs = tuple(ref for ref in (reference(done.get(id(child))) for child in operands) if ref)
        key = f"expr-{len(self.expressions)}"
        params = done.get(id(node.get("params")))
        self.expressions[key] = _nested_expression(key, node, refs, self._types, params)
        return {"__exprId": key}


def _containers(root: Any) -> list[Any]:
    out: list[Any] = []
    stack = [root]
    while stack:
        node = stack.pop()
        out.append(node)
        inner = node.values() if isinstance(node, Mapping) else node
        stack.extend(item for item in inner if isinstance(item, (Mapping, list)))
    return out


_HINTS = {"expr.Literal": "Literal", "expr.Alias": "Alias", "expr.UDF": "ScalaUDF"}


def _nested_expression(
    key: str, node: Mapping[str, Any], operands: tuple[Ref, ...], types: Mapping[str, Any], params: Any
) -> Expression:
    operator = _HINTS.get(node["_typeHint"]) or node.get("exprType") or _BINARY.get(str(node.get("symbol")), "Binary")
    name = node.get("name") or node.get("alias") or operator.lower()
    named = {"name": node["alias"]} if "alias" in node else {}
    return Expression(
        id=key,
        operator=_operator(operator),
        name=str(name),
        operands=operands,
        params={**_mapping(params), **named},
        symbol=node.get("symbol"),
        value=node.get("value"),
        type=types.get(str(node.get("dataTypeId"))),
        type_id=str(node.get("dataTypeId")),
    )


#: API 1.0 gives a binary operator's symbol only.
_BINARY = {
    "=": "EqualTo",
    "<=>": "EqualNullSafe",
    "&&": "And",
    "||": "Or",
    "+": "Add",
    "-": "Subtract",
    "*": "Multiply",
    "/": "Divide",
    "%": "Remainder",
    "<": "LessThan",
    "<=": "LessThanOrEqual",
    ">": "GreaterThan",
    ">=": "GreaterThanOrEqual",
    "&": "BitwiseAnd",
    "|": "BitwiseOr",
    "^": "BitwiseXor",
}


def _operator(name: object) -> str:
    return str(name or "").rsplit(".", 1)[-1].rstrip("$")


def _product(node: object) -> str | None:
    node = _mapping(node)
    return f"{node.get('name')} {node.get('version')}" if node else None


def _id(value: object) -> str:
    return str(value)


def _mapping(node: object) -> Mapping[str, Any]:
    return node if isinstance(node, Mapping) else {}


def _mappings(node: object) -> Sequence[Mapping[str, Any]]:
    return [item for item in node if isinstance(item, Mapping)] if isinstance(node, list) else []
