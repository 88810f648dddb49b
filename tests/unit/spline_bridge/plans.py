"""Small Spline plans, written as a person would: a read of one or two tables, operators, a write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from headwater.graphmodel.model import DependencyType, Plan
from headwater.spline_bridge.decode import decode_plan

FLAT = "application/vnd.absa.spline.producer.v1.2+json"
PLAN_ID = "11111111-1111-5111-8111-111111111111"


def attr(name: str) -> dict[str, str]:
    return {"__attrId": name}


def expr(name: str) -> dict[str, str]:
    return {"__exprId": name}


def function(key: str, operator: str, *operands: dict[str, str], **params: Any) -> dict[str, Any]:
    """A function as the agent sends it."""
    return {
        "id": key,
        "name": operator.rpartition(".")[2].lower(),
        "childRefs": list(operands),
        "params": params,
        "extra": {"simpleClassName": operator, "_typeHint": "expr.Generic"},
    }


def literal(key: str, value: object) -> dict[str, Any]:
    return {"id": key, "value": value, "extra": {"simpleClassName": "Literal", "_typeHint": "expr.Literal"}}


def operation(
    key: str, name: str, children: Sequence[str], output: Sequence[str] | None, **params: Any
) -> dict[str, Any]:
    node: dict[str, Any] = {"id": key, "name": name, "childIds": list(children), "params": params}
    return node if output is None else {**node, "output": list(output)}


def read(key: str, source: str, output: Sequence[str], **extra: Any) -> dict[str, Any]:
    return {
        "id": key,
        "name": "LogicalRelation",
        "inputSources": [source],
        "output": list(output),
        "params": {"path": source},
        "extra": extra,
    }


def document(
    others: Sequence[dict[str, Any]],
    *,
    reads: Sequence[dict[str, Any]] | None = None,
    functions: Sequence[dict[str, Any]] = (),
    constants: Sequence[dict[str, Any]] = (),
    names: dict[str, str] | None = None,
    refs: dict[str, list[dict[str, str]]] | None = None,
    write: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A plan whose last operator, the first of `others`, feeds the write. Attributes are named by their ids."""
    reads = [read("r", "s3://lake/t", ["a", "b", "c"])] if reads is None else reads
    used = {i for node in (*others, *reads) for i in node.get("output", [])} | set(refs or {})
    attributes = [
        {"id": i, "name": (names or {}).get(i, i), **({"childRefs": (refs or {})[i]} if i in (refs or {}) else {})}
        for i in sorted(used)
    ]
    top = others[0]["id"] if others else reads[0]["id"]
    return {
        "id": PLAN_ID,
        "name": "job",
        "operations": {
            "write": {
                "id": "w",
                "name": "InsertIntoHadoopFsRelationCommand",
                "outputSource": "s3://lake/out",
                "append": False,
                "childIds": [top],
                **(write or {}),
            },
            "reads": list(reads),
            "other": list(others),
        },
        "attributes": attributes,
        "expressions": {"functions": list(functions), "constants": list(constants)},
        "systemInfo": {"name": "spark", "version": "3.5.4"},
        "extraInfo": {"appName": "job"},
    }


def mapped(plan: dict[str, Any]) -> Plan:
    return decode_plan(json.dumps(plan).encode(), FLAT)


def direct(plan: Plan) -> dict[str, set[str]]:
    """Output column -> its DIRECT source columns, as ``SUBTYPE table.column``."""
    out: dict[str, set[str]] = {column.name: set() for column in plan.columns}
    for d in plan.derivations:
        if d.type is DependencyType.DIRECT:
            out[d.target].add(f"{d.subtype.value} {d.source_dataset.rpartition('/')[2]}.{d.source_column}")
    return out


def indirect(plan: Plan) -> dict[str, set[str]]:
    """Output column -> its own INDIRECT sources; under ``*`` those of the whole output."""
    out: dict[str, set[str]] = {
        "*": {f"{d.subtype.value} {d.source_dataset.rpartition('/')[2]}.{d.source_column}" for d in plan.dependencies}
    }
    for d in plan.derivations:
        if d.type is DependencyType.INDIRECT:
            out.setdefault(d.target, set()).add(
                f"{d.subtype.value} {d.source_dataset.rpartition('/')[2]}.{d.source_column}"
            )
    return out
