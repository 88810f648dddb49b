"""A plan and an event out of the documents in which Spline's server keeps them in ArangoDB, in API 1.2 form. Pure.

The server takes a plan apart: operations, attributes and expressions are documents with the key ``PLAN:LOCAL ID``, and
what one of them names is an edge. Here: how they are put together again. Not here: reading a dump
(`headwater.moving_in`). Collections: https://github.com/AbsaOSS/spline, persistence model of the server 0.7 to 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

PLANS, EVENTS = "executionPlan", "progress"
"""The collections of plans, and of events."""

PARTS = ("operation", "follows", "emits", "consistsOf", "attribute", "computedBy", "derivesFrom", "expression", "takes")
"""The collections whose documents belong to a plan, by `_belongsTo`."""

_SYSTEM = "__spline"  #: begins what the server itself adds to `extra`


def plan_of(document: Json) -> str | None:
    """The id of the plan to which a document belongs; None if it says none."""
    found = document.get("_belongsTo")
    return found.rpartition("/")[2] if isinstance(found, str) and found else None


def plan_document(plan: Json, parts: Mapping[str, Sequence[Json]]) -> dict[str, Any]:
    """The plan as it was posted: `parts` are its documents by collection, in any order. The same for the same parts."""
    edges = {name: _edges(parts.get(name, ())) for name in ("follows", "emits", "computedBy", "derivesFrom", "takes")}
    schemas = _edges(parts.get("consistsOf", ()))
    outputs = {op: _schema(found, schemas) for op, found in edges["emits"].items()}
    operations: dict[str, Any] = {"reads": [], "other": []}
    for one in _sorted(parts.get("operation", ())):
        kind, id_ = one.get("type"), local(one.get("_key"))
        node = {"id": id_, **{key: _plain(one[key]) for key in ("name", "params", "extra") if one.get(key) is not None}}
        children = [local(to) for to in edges["follows"].get(id_, ())]
        if kind == "Write":
            sink = {"outputSource": one.get("outputSource"), "append": bool(one.get("append"))}
            operations["write"] = {**node, **sink, "childIds": children}
            continue
        if id_ in outputs:
            node["output"] = outputs[id_]
        if kind == "Read":
            operations["reads"].append({**node, "inputSources": list(one.get("inputSources") or ())})
        else:
            operations["other"].append({**node, "childIds": children})
    expressions = _expressions(parts.get("expression", ()), edges["takes"])
    made: dict[str, Any] = {
        "id": plan.get("_key"),
        "operations": operations,
        "attributes": _attributes(parts.get("attribute", ()), edges),
        "expressions": expressions,
        "systemInfo": plan.get("systemInfo"),
        "extraInfo": {k: v for k, v in (plan.get("extra") or {}).items() if not k.startswith(_SYSTEM)},
    }
    for name in ("name", "labels", "agentInfo", "discriminator"):
        if plan.get(name):
            made[name] = plan[name]
    return made


_DOCUMENTS = ("operation", "attribute", "expression")  #: the collections of which edges name documents


def missing_parts(parts: Mapping[str, Sequence[Json]]) -> list[str]:
    """What the edges of a plan name that is not among its documents, as ``COLLECTION/PLAN:LOCAL ID``, in order."""
    there = {f"{name}/{one.get('_key')}" for name in _DOCUMENTS for one in parts.get(name, ())}
    ends = (str(one.get(end)) for name in PARTS for one in parts.get(name, ()) for end in ("_from", "_to"))
    named = (end for end in ends if end.partition("/")[0] in _DOCUMENTS)
    return sorted(set(named) - there)


def event_document(event: Json) -> dict[str, Any]:
    """The event as it was posted."""
    details = event.get("execPlanDetails")
    known = event.get("planKey") or (details.get("executionPlanKey") if isinstance(details, Mapping) else None)
    made = {"planId": known, "timestamp": event.get("timestamp")}
    further = ("durationNs", "discriminator", "labels", "error", "extra")
    return {**made, **{name: event[name] for name in further if event.get(name) is not None}}


def local(key: object) -> str:
    """The id within its plan, of a key or of a reference such as ``attribute/PLAN:attr-1``."""
    return str(key).rpartition("/")[2].partition(":")[2] or str(key)


def _edges(documents: Iterable[Json]) -> dict[str, list[str]]:
    """By local id of where they begin, the ends of the edges in their order, with their collection."""
    found: dict[str, list[tuple[int, str]]] = {}
    for one in documents:
        place = one.get("index")
        found.setdefault(local(one.get("_from")), []).append(
            (place if isinstance(place, int) else 0, str(one.get("_to")))
        )
    return {begin: [to for _, to in sorted(ends)] for begin, ends in found.items()}


def _schema(found: Sequence[str], schemas: Mapping[str, Sequence[str]]) -> list[str]:
    return [local(attribute) for schema in found[:1] for attribute in schemas.get(local(schema), ())]


def _attributes(documents: Iterable[Json], edges: Mapping[str, Mapping[str, Sequence[str]]]) -> list[dict[str, Any]]:
    """Attributes with what they are computed from: expressions in their order, and attributes that no expression has.

    The server keeps of an attribute that is computed from another one without an expression only that it derives from
    it, as it does for those behind expressions.
    """
    made = []
    for one in _sorted(documents):
        id_ = local(one.get("_key"))
        computed = [local(to) for to in edges["computedBy"].get(id_, ())]
        behind = _attributes_behind(computed, edges["takes"])
        refs: list[dict[str, str]] = [{"__exprId": expression} for expression in computed]
        refs += [{"__attrId": a} for a in map(local, edges["derivesFrom"].get(id_, ())) if a not in behind]
        node = {"id": id_, "name": one.get("name")}
        node |= {key: one[key] for key in ("dataType", "extra") if one.get(key)}
        made.append({**node, "childRefs": refs} if refs else node)
    return made


def _attributes_behind(expressions: Iterable[str], takes: Mapping[str, Sequence[str]]) -> set[str]:
    waiting, seen, found = list(expressions), set[str](), set[str]()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for to in takes.get(one, ()):
            if to.startswith("attribute/"):
                found.add(local(to))
            else:
                waiting.append(local(to))
    return found


def _expressions(documents: Iterable[Json], takes: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    made: dict[str, Any] = {"functions": [], "constants": []}
    for one in _sorted(documents):
        id_ = local(one.get("_key"))
        node = {"id": id_, **{key: _plain(one[key]) for key in ("dataType", "extra") if one.get(key)}}
        if one.get("type") == "Lit" or ("value" in one and "name" not in one):
            made["constants"].append({**node, "value": one.get("value")})
            continue
        refs = [{"__attrId" if to.startswith("attribute/") else "__exprId": local(to)} for to in takes.get(id_, ())]
        params = {"params": _plain(one["params"])} if one.get("params") else {}
        made["functions"].append({**node, "name": one.get("name"), **params, **({"childRefs": refs} if refs else {})})
    return made


def _plain(value: Any) -> Any:
    """References as they are sent: the server writes the half of them that is not used as null."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    if value and value.keys() <= {"__attrId", "__exprId"}:
        return {key: one for key, one in value.items() if one is not None}
    return {key: _plain(one) for key, one in value.items()}


def _sorted(documents: Iterable[Json]) -> list[Json]:
    """In the order of their numbers: a dump has them in any order."""
    return sorted(documents, key=lambda one: _natural(local(one.get("_key"))))


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    parts = re.split(r"([0-9]+)", text)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
