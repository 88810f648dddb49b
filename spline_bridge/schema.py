"""The types of what a plan writes and reads, as Spark writes them: `decimal(10,2)`, `array<struct<a:int>>`. Pure.

No part of the mapping: the graph knows columns by name. Asked for when a changed plan is compared with the one before,
and when the columns of a dataset are shown to people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from headwater.graphmodel.naming import DEFAULT, Rules
from headwater.spline_bridge import datasets
from headwater.spline_bridge.columns import resolve
from headwater.spline_bridge.decode import api_version, dataset_names
from headwater.spline_bridge.identity import agent_plan_id
from headwater.spline_bridge.wire import WirePlan, read_plan

_DEPTH = 20  #: levels of nesting that are written out
_UNKNOWN = "?"


def output_types(body: bytes, content_type: str, names: Sequence[str] | None = None) -> dict[str, str]:
    """The type of each output column, by its name in lower case; without those whose type the plan does not say.

    `body` is a plan that `decode_plan` takes. `names` are those of the columns of what it gave; without them the plan
    is mapped for their sake.
    """
    document = orjson.loads(body)
    wire = read_plan(document, nested=api_version(content_type) == "1.0")
    if names is None:
        named = datasets.names(wire, agent_plan_id(document, body))
        names = resolve(wire, {op: [name.uri for name in listed] for op, listed in named.items()}).names
    types = _types(document)
    written = _written(wire)
    if len(written) != len(names):
        return {}
    told = {name.lower(): type_text(types, wire.attributes[i].type_id) for name, i in zip(names, written, strict=True)}
    return {name: text for name, text in told.items() if _UNKNOWN not in text}


def input_types(body: bytes, content_type: str, rules: Rules = DEFAULT) -> dict[str, dict[str, str]]:
    """By URI of each dataset that a plan reads, the type of each column that it reads, by its name in lower case.

    Of a read that stands for several datasets (two paths, tables of a query) nothing is said.
    """
    document = orjson.loads(body)
    version = api_version(content_type)
    wire = read_plan(document, nested=version == "1.0")
    identity = agent_plan_id(document, body)
    queries = datasets.jdbc_queries(wire, identity, rules)
    named = dataset_names(wire, identity, version, rules, queries)
    types = _types(document)
    found: dict[str, dict[str, str]] = {}
    for operation in wire.operations.values():
        listed = named.get(operation.id, ())
        if operation.id == wire.write or len({name.uri for name in listed}) != 1:
            continue
        attributes = [wire.attributes[i] for i in operation.output or () if i in wire.attributes]
        told = {item.name.lower(): type_text(types, item.type_id) for item in attributes}
        found.setdefault(listed[0].uri, {}).update({name: text for name, text in told.items() if _UNKNOWN not in text})
    return found


def _types(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    extra = document.get("extraInfo") or {}
    return {str(item.get("id")): item for item in extra.get("dataTypes") or [] if isinstance(item, Mapping)}


def _written(wire: WirePlan) -> tuple[str, ...]:
    """The attributes that reach the write, in order; none where the agent does not list them."""
    write = wire.operations[wire.write]
    feeding = [wire.operations[i] for i in write.inputs if i in wire.operations]
    output = feeding[0].output if feeding else None
    return output if output and all(i in wire.attributes for i in output) else ()


def type_text(types: Mapping[str, Mapping[str, Any]], type_id: str | None, depth: int = _DEPTH) -> str:
    """A type of the agent's table of types as Spark writes it; ``?`` where it is not known, or too deep."""
    item = types.get(str(type_id))
    if item is None or depth == 0:
        return _UNKNOWN
    if "fields" in item:
        fields = (
            f"{field.get('name')}:{type_text(types, _of(field, 'dataTypeId'), depth - 1)}" for field in item["fields"]
        )
        return f"struct<{','.join(fields)}>"
    if "elementDataTypeId" in item:
        return f"array<{type_text(types, _of(item, 'elementDataTypeId'), depth - 1)}>"
    if "keyDataTypeId" in item:
        inner = (type_text(types, _of(item, key), depth - 1) for key in ("keyDataTypeId", "valueDataTypeId"))
        return f"map<{','.join(inner)}>"
    return str(item.get("name") or _UNKNOWN)


def _of(item: Mapping[str, Any], key: str) -> str:
    return str(item.get(key))
