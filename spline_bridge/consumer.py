"""One execution plan as Spline's Consumer API shows it: its operations, an operation's details, its attributes. Pure.

Here: the shapes of single answers, made of the document of a plan, of any version of the Producer API. Local ids become
``<plan id>:<local id>``, as Spline's server makes them. Not here: which plan, pages, the lineage across plans
(`ingest.folder.spline_consumer`), HTTP.
Shapes: the public OpenAPI description of Spline's consumer REST endpoint, https://absaoss.github.io/spline/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from headwater.graphmodel.model import DependencyType, Plan

Json = Mapping[str, Any]

#: Nodes of expressions in one answer: parts that a plan has once can stand in its trees any number of times.
MOST_NODES = 200_000


class NotInPlan(ValueError):
    """The plan has no operation, or attribute, with this id."""


class TooLarge(ValueError):
    """Written out as trees, the expressions of an operation do not fit into an answer."""


@dataclass(frozen=True)
class _Operation:
    id: str
    type: str  #: Read, Transformation or Write
    node: Json
    children: tuple[str, ...]


class ConsumerPlan:
    """A plan, to be shown. `id` is the agent's id of it, a UUID; `document` what was sent, in API 1.1 or later form.

    `nested`: the document is of API 1.0, where expressions are trees already.
    """

    def __init__(self, id: str, document: Json, *, nested: bool = False) -> None:  # noqa: A002 - as Spline calls it
        self.id = id
        self._document = document
        self._nested = nested
        self._extra = _mapping(document.get("extraInfo"))
        self._schemas: dict[str, tuple[str, ...]] = {}  # by operation, as far as they were looked for

    # what is said of the whole

    @property
    def name(self) -> str:
        """The application's name, else the id."""
        return str(self._document.get("name") or self._extra.get("appName") or self.id)

    @property
    def system_info(self) -> dict[str, Any]:
        """Name and version of the framework."""
        return dict(_mapping(self._document.get("systemInfo")))

    @property
    def agent_info(self) -> dict[str, Any] | None:
        """Name and version of the agent, as far as it says them."""
        return dict(_mapping(self._document.get("agentInfo"))) or None

    @property
    def framework(self) -> str:
        """As events name it: ``spark 3.5.9``."""
        return " ".join(str(self.system_info[key]) for key in ("name", "version") if self.system_info.get(key))

    @property
    def labels(self) -> dict[str, list[str]]:
        """Labels with their values."""
        found = _mapping(self._document.get("labels"))
        return {str(name): [str(one) for one in values] for name, values in found.items() if isinstance(values, list)}

    @property
    def output(self) -> dict[str, Any]:
        """The data source that it writes."""
        write = self._write.node
        return {"source": write.get("outputSource"), "sourceType": _mapping(write.get("extra")).get("destinationType")}

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """The data sources that it reads, one for each read."""
        return [
            {"source": source, "sourceType": _mapping(one.node.get("extra")).get("sourceType")}
            for one in self._operations.values()
            if one.type == "Read"
            for source in one.node.get("inputSources") or ()
        ]

    @property
    def append(self) -> bool:
        """Whether it adds to what is there."""
        return bool(self._write.node.get("append"))

    @property
    def write_operation(self) -> str:
        """The id of its write operation."""
        return self._global(self._write.id)

    def info(self) -> dict[str, Any]:
        """`ExecutionPlanInfo`."""
        return {
            "_id": self.id,
            "name": self.name,
            "systemInfo": self.system_info,
            "agentInfo": self.agent_info,
            "extra": {**self._extra, "attributes": list(self._attributes_of_schemas()), "appName": self.name},
            "inputs": self.inputs,
            "output": self.output,
        }

    def detailed(self) -> dict[str, Any]:
        """`LineageDetailed`: the plan, and its operations in the direction in which data flows."""
        nodes = [
            {"_id": self._global(one.id), "_type": one.type, "name": _name(one), "properties": {}}
            for one in self._operations.values()
        ]
        edges = [
            {"source": self._global(child), "target": self._global(one.id)}
            for one in self._operations.values()
            for child in one.children
        ]
        return {"executionPlan": self.info(), "graph": {"nodes": nodes, "edges": edges}}

    # an operation

    def operation(self, operation: str) -> dict[str, Any]:
        """`OperationDetails` of the operation with this local id. NotInPlan, TooLarge."""
        one = self._operations.get(operation)
        if one is None:
            raise NotInPlan(f"Operation ID '{self._global(operation)}' not found")
        node = one.node
        properties = {
            "inputSources": node.get("inputSources"),
            "outputSource": node.get("outputSource"),
            "append": node.get("append"),
            **_Trees(self._expressions, self._attributes, self._global)(_mapping(node.get("params"))),
            **_mapping(node.get("extra")),
        }
        schemas = [[self._attribute(id_) for id_ in self._schema(each)] for each in (*one.children, operation)]
        types = {attribute["dataTypeId"] for schema in schemas for attribute in schema}
        return {
            "operation": {
                "_id": self._global(one.id),
                "_type": one.type,
                "name": _name(one),
                "properties": properties,
            },
            "dataTypes": list(self._data_types(types)),
            "schemas": schemas,
            "inputs": list(range(len(one.children))),
            "output": len(schemas) - 1,
        }

    # attributes

    def attribute_lineage_and_impact(self, attribute: str) -> dict[str, Any]:
        """`AttributeLineageAndImpact` of the attribute with this local id. NotInPlan.

        Edges point from what is derived to what it is derived from, as Spline's do.
        """
        if attribute not in self._attributes:
            raise NotInPlan(f"Attribute ID '{self._global(attribute)}' not found")
        before = self._preceding(self._origins.get(attribute))
        lineage = self._attribute_graph(attribute, self._derived_from, lambda operation: operation in before)
        impact = self._attribute_graph(attribute, self._derived_to, lambda _operation: True, reverse=True)
        return {"lineage": lineage, "impact": impact}

    def _attribute_graph(
        self, start: str, following: Mapping[str, list[str]], passes: Callable[[str], bool], *, reverse: bool = False
    ) -> dict[str, Any]:
        found, seen = [start], {start}
        edges: dict[tuple[str, str], None] = {}
        for one in found:
            for other in following.get(one, ()):
                edges[(other, one) if reverse else (one, other)] = None
                if other not in seen:
                    seen.add(other)
                    found.append(other)
        nodes = [
            {
                "_id": self._global(one),
                "name": str(self._attributes.get(one, {}).get("name") or one),
                "originOpId": self._global(self._origins[one]) if one in self._origins else None,
                "transOpIds": [
                    self._global(op)
                    for op in self._having.get(one, ())
                    if op != self._origins.get(one) and passes(op) and (one != start or reverse)
                ],
            }
            for one in found
        ]
        pairs = [{"source": self._global(source), "target": self._global(target)} for source, target in edges]
        return {"nodes": nodes, "edges": pairs}

    @cached_property
    def _derived_from(self) -> dict[str, list[str]]:
        """For each attribute the nearest ones from which it is computed, through expressions."""
        if self._nested:
            return {attribute: list(self._in_tree(attribute, op)) for attribute, op in self._origins.items()}
        return {id_: list(self._nearest(node.get("childRefs") or ())) for id_, node in self._attributes.items()}

    def _in_tree(self, attribute: str, operation: str) -> Iterator[str]:
        """API 1.0 tells nothing of an attribute but its name: the alias of this name in the operation that makes it."""
        name = self._attributes.get(attribute, {}).get("name")
        waiting: list[tuple[Any, bool]] = [(self._operations[operation].node.get("params"), False)]
        seen = set[str]()
        while waiting:
            node, inside = waiting.pop()
            if isinstance(node, Mapping):
                inside = inside or (node.get("_typeHint") == "expr.Alias" and node.get("alias") == name)
                ref = str(node.get("refId"))
                if inside and node.get("_typeHint") == "expr.AttrRef" and ref != attribute and ref not in seen:
                    seen.add(ref)
                    yield ref
            inner = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
            waiting += ((one, inside) for one in inner)

    @cached_property
    def _derived_to(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for derived, sources in self._derived_from.items():
            for source in sources:
                found.setdefault(source, []).append(derived)
        return found

    def _nearest(self, refs: Iterable[Any]) -> Iterator[str]:
        waiting, seen = list(reversed(list(refs))), set[str]()
        while waiting:
            ref = waiting.pop()
            if not isinstance(ref, Mapping):
                continue
            if "__attrId" in ref:
                key = f"a{ref['__attrId']}"
                if key not in seen:
                    seen.add(key)
                    yield str(ref["__attrId"])
            elif "__exprId" in ref and (key := f"e{ref['__exprId']}") not in seen:
                seen.add(key)
                waiting += reversed(self._expressions.get(str(ref["__exprId"]), {}).get("childRefs") or [])

    @cached_property
    def _having(self) -> dict[str, list[str]]:
        """For each attribute the operations that have it in their output."""
        found: dict[str, list[str]] = {}
        for one in self._operations:
            for attribute in self._schema(one):
                found.setdefault(attribute, []).append(one)
        return found

    @cached_property
    def _origins(self) -> dict[str, str]:
        """For each attribute the operation in whose output it appears first."""
        found: dict[str, str] = {}
        for attribute, operations in self._having.items():
            having = set(operations)
            first = (one for one in operations if having.isdisjoint(self._operations[one].children))
            origin = next(first, None)
            if origin is not None:
                found[attribute] = origin
        return found

    def _preceding(self, operation: str | None) -> set[str]:
        """The operations that feed one, directly or not."""
        waiting = [operation] if operation is not None and operation in self._operations else []
        found: set[str] = set()
        for one in waiting:
            for child in self._operations[one].children:
                if child in self._operations and child not in found:
                    found.add(child)
                    waiting.append(child)
        return found

    # the document

    @cached_property
    def _operations(self) -> dict[str, _Operation]:
        operations = _mapping(self._document.get("operations"))
        listed: list[tuple[str, Any]] = [("Write", operations.get("write"))]
        listed += [("Read", one) for one in operations.get("reads") or ()]
        listed += [("Transformation", one) for one in operations.get("other") or ()]
        found = {}
        for kind, node in listed:
            if isinstance(node, Mapping):
                id_ = str(node.get("id"))
                found[id_] = _Operation(id_, kind, node, tuple(map(str, node.get("childIds") or ())))
        return found

    @property
    def _write(self) -> _Operation:
        return next(iter(self._operations.values()))

    @cached_property
    def _attributes(self) -> dict[str, Json]:
        listed = self._extra.get("attributes") if self._nested else self._document.get("attributes")
        return {str(one["id"]): one for one in _mappings(listed) if "id" in one}

    @cached_property
    def _expressions(self) -> dict[str, Json]:
        expressions = _mapping(self._document.get("expressions"))
        listed = [*_mappings(expressions.get("functions")), *_mappings(expressions.get("constants"))]
        return {str(one["id"]): one for one in listed if "id" in one}

    def _schema(self, operation: str) -> tuple[str, ...]:
        """The attributes of an operation's output; without any of its own they are those of what feeds it."""
        chain: list[str] = []
        at: str | None = operation
        found: tuple[str, ...] = ()
        while at is not None and at in self._operations and at not in chain:
            if at in self._schemas:
                found = self._schemas[at]
                break
            chain.append(at)
            node = self._operations[at].node
            output = node.get("schema") if self._nested else node.get("output")
            if isinstance(output, list):
                found = tuple(map(str, output))
                break
            at = next(iter(self._operations[at].children), None)
        self._schemas.update(dict.fromkeys(chain, found))
        return found

    def _attribute(self, id_: str) -> dict[str, Any]:
        node = self._attributes.get(id_, {})
        type_id = node.get("dataType") or node.get("dataTypeId")
        name = str(node.get("name") or id_)
        return {"id": self._global(id_), "name": name, "dataTypeId": None if type_id is None else str(type_id)}

    def _attributes_of_schemas(self) -> Iterator[dict[str, Any]]:
        listed = dict.fromkeys(id_ for one in self._operations for id_ in self._schema(one))
        return map(self._attribute, listed)

    def _data_types(self, wanted: set[Any]) -> Iterator[Json]:
        """The types with these ids, and those that they are made of."""
        known = {str(one.get("id")): one for one in _mappings(self._extra.get("dataTypes"))}
        waiting = sorted(str(one) for one in wanted if one is not None)
        seen = set(waiting)
        for id_ in waiting:
            one = known.get(id_)
            if one is None:
                continue
            yield one
            inner = [one.get("elementDataTypeId"), *(field.get("dataTypeId") for field in _mappings(one.get("fields")))]
            for each in (str(some) for some in inner if some is not None):
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)

    def _global(self, local: str) -> str:
        return f"{self.id}:{local}"


class _Trees:
    """Replaces references in an operation's parameters by trees of expressions, as API 1.0 had them."""

    def __init__(
        self, expressions: Mapping[str, Json], attributes: Mapping[str, Json], global_id: Callable[[str], str]
    ) -> None:
        self._expressions = expressions
        self._attributes = attributes
        self._global = global_id
        self._made: dict[str, tuple[dict[str, Any], int]] = {}  # by expression: its tree, and how many nodes that has
        self._nodes = 0

    def __call__(self, params: Json) -> dict[str, Any]:
        """The parameters with trees. TooLarge."""
        return {key: self._replaced(value) for key, value in params.items()}

    def _replaced(self, value: Any, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            return None
        if isinstance(value, list):
            return [self._replaced(one, depth + 1) for one in value]
        if not isinstance(value, Mapping):
            return value
        if set(value) in ({"__attrId"}, {"__exprId"}):
            tree, size = self._tree(value)
            self._nodes += size
            if self._nodes > MOST_NODES:
                raise TooLarge(f"the expressions of this operation have more than {MOST_NODES:,} parts")
            return tree
        if value.get("_typeHint") == "expr.AttrRef" and "refId" in value:  # API 1.0
            return {**value, "refId": self._global(str(value["refId"]))}
        return {key: self._replaced(one, depth + 1) for key, one in value.items()}

    def _tree(self, root: Json) -> tuple[dict[str, Any], int]:
        """The tree of a reference, operands first: a sum of a thousand terms is a thousand levels deep."""
        if "__attrId" in root:
            return self._leaf(str(root["__attrId"])), 1
        first = str(root["__exprId"])
        waiting, open_ = [first], set[str]()
        while waiting:
            id_ = waiting[-1]
            operands = [str(ref["__exprId"]) for ref in self._operands(id_) if "__exprId" in ref]
            missing = [one for one in operands if one not in self._made and one not in open_]
            if id_ in self._made or (id_ not in open_ and missing):
                if id_ in self._made:
                    waiting.pop()
                else:
                    open_.add(id_)
                    waiting += missing
            else:
                self._made.setdefault(id_, self._node(id_))
                waiting.pop()
        return self._made[first]

    def _operands(self, id_: str) -> list[Json]:
        return _mappings(self._expressions.get(id_, {}).get("childRefs"))

    def _node(self, id_: str) -> tuple[dict[str, Any], int]:
        expression = self._expressions.get(id_, {})
        extra, params = _mapping(expression.get("extra")), _mapping(expression.get("params"))
        hint = extra.get("_typeHint") or ("expr.Literal" if "value" in expression else "expr.UntypedExpression")
        children, size = [], 1
        for ref in self._operands(id_):
            child = str(ref.get("__exprId"))
            tree, nodes = (self._leaf(str(ref["__attrId"])), 1) if "__attrId" in ref else self._made.get(child, ({}, 0))
            children.append(tree)
            size += nodes
        node: dict[str, Any] = {"_typeHint": hint, "dataTypeId": expression.get("dataType")}
        node["name"] = expression.get("name")
        if hint == "expr.Literal":
            return {**node, "value": expression.get("value")}, 1
        if hint == "expr.Alias":
            return {**node, "alias": params.get("name"), "child": children[0] if children else None}, size
        if hint == "expr.Binary":
            return {**node, "symbol": extra.get("symbol"), "children": children}, size
        if hint == "expr.UDF":
            return {**node, "children": children}, size
        generic = {**node, "exprType": extra.get("simpleClassName"), "params": params}
        return (generic if hint == "expr.GenericLeaf" else {**generic, "children": children}), size

    def _leaf(self, attribute: str) -> dict[str, Any]:
        known = self._attributes.get(attribute, {})
        type_id = known.get("dataType") or known.get("dataTypeId")
        named = {"name": known.get("name"), "refId": self._global(attribute)}
        return {"_typeHint": "expr.AttrRef", "dataTypeId": type_id, **named}


_DEEPEST = 500  #: levels of parameters; Python cannot write more as JSON


def document_of(plan: Plan) -> dict[str, Any]:
    """A plan that no Spline agent sent, as the document that one would have sent: a read for each input, and the write.

    Column lineage stands in the attributes of the write: each output column is computed from the columns of the reads.
    """
    reads: list[dict[str, Any]] = []
    attributes: list[dict[str, Any]] = []
    ids: dict[tuple[str, str], str] = {}
    for number, one in enumerate(plan.inputs, start=1):
        used = [d.source_column for d in plan.derivations if d.source_dataset == one.uri]
        used += [d.source_column for d in plan.dependencies if d.source_dataset == one.uri]
        names = {name.lower(): name for name in (*used, *one.columns)}
        output = []
        for lower, name in names.items():
            ids[one.uri, lower] = f"attr-{len(ids)}"
            output.append(ids[one.uri, lower])
            attributes.append({"id": ids[one.uri, lower], "name": name})
        reads.append(
            {
                "id": f"op-{number}",
                "name": "Read",
                "inputSources": [one.uri],
                "output": output,
                "extra": {"sourceType": one.format},
            }
        )
    written: list[str] = []
    for column in plan.columns:
        sources = {
            ids[d.source_dataset, d.source_column.lower()]: None
            for d in plan.derivations
            if d.target == column.name and d.type is DependencyType.DIRECT
            if (d.source_dataset, d.source_column.lower()) in ids
        }
        written.append(f"out-{len(written)}")
        refs = [{"__attrId": source} for source in sources]
        attributes.append({"id": written[-1], "name": column.name, "childRefs": refs})
    project: dict[str, Any] = {
        "id": "op-select",
        "name": plan.command,
        "childIds": [one["id"] for one in reads],
        "output": written,
        "params": {},
    }
    write: dict[str, Any] = {
        "id": "op-0",
        "name": plan.command,
        "childIds": ["op-select"],
        "outputSource": plan.target.uri,
        "append": plan.effect.value == "keep",
        "extra": {"destinationType": plan.target.format},
    }
    name, _, version = (plan.system or plan.agent or "").partition(" ")
    agent, _, agent_version = (plan.agent or "").partition(" ")
    return {
        "id": plan.agent_plan_id,
        "name": plan.job.name,
        "operations": {"write": write, "reads": reads, "other": [project]},
        "attributes": attributes,
        "systemInfo": {"name": name, "version": version},
        "agentInfo": {"name": agent, "version": agent_version},
        "extraInfo": {"appName": plan.job.name},
    }


def _name(operation: _Operation) -> str:
    extra = _mapping(operation.node.get("extra"))
    return str(operation.node.get("name") or extra.get("name") or operation.type)


def _mapping(node: object) -> Json:
    return node if isinstance(node, Mapping) else {}


def _mappings(node: object) -> list[Json]:
    return [item for item in node if isinstance(item, Mapping)] if isinstance(node, list) else []
