"""The plan and the event as documents of the Spline Producer API 1.2, and the plan's id. Pure."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from headwater.spline_bridge.agent import versions
from headwater.spline_bridge.agent.build import Builder, BuiltOperator
from headwater.spline_bridge.agent.model import IDLE, NO_NEW_ROWS, Captured, Leaf, Report, Run
from headwater.spline_bridge.agent.operators import listed
from headwater.spline_bridge.agent.sources import source
from headwater.spline_bridge.agent.tree import Tree, everything, parse, walk
from headwater.spline_bridge.agent.writes import Write, renumbered, write
from headwater.spline_bridge.glue_names import APPLICATION, JOB_NAME
from headwater.spline_bridge.redact import redact

AGENT = {"name": "headwater-python-agent", "version": "1"}

#: Random once, fixed for ever: changing it would give every plan a new id.
_NAMESPACE = uuid.UUID("5f0c7a53-94d4-4b0e-9f3f-3c1d3b0c8a0e")


def report(captured: Captured, run: Run) -> Report:
    """The plan and the event. Pure: the same arguments give the same documents, and one logic one plan id."""
    plan = _plan(captured, run)
    cleaned, _ = redact(plan)
    plan_id = str(uuid.uuid5(_NAMESPACE, _content(cleaned)))
    told = _versions(captured, str(plan["operations"]["write"]["outputSource"])) if run.error is None else {}
    event, _ = redact([_event(plan_id, run, captured.command.get("metrics"), told)])
    return Report({"id": plan_id, **cleaned}, event[0])


def _plan(captured: Captured, run: Run) -> dict[str, Any]:
    tree, leaves = _whole(captured)
    hidden = tree.hidden | {int(key) for leaf in leaves for key in leaf.details.get("hidden", ())}
    builder = Builder(leaves, tree.types, captured.command.get("filesystem"), hidden)
    target = write(tree.root, {**captured.command, "ended_ms": run.ended_ms})
    rows = builder.add(target.query) if target.query is not None else None
    name, job = _names(run)
    return {
        "name": name,
        "operations": {
            "write": {
                "id": "op-0",
                "name": tree.root.name,
                "outputSource": target.uri or f"unresolved:{tree.root.name}",
                "append": target.append,
                "childIds": [rows.id] if rows else [],
                "params": _params(target, rows, builder),
                **({"extra": {"destinationType": target.format}} if target.format else {}),
            },
            "reads": builder.reads,
            "other": builder.others,
        },
        "attributes": builder.attributes,
        "expressions": {"functions": builder.expressions.functions, "constants": builder.expressions.constants},
        "systemInfo": {"name": "spark", "version": run.spark_version},
        "agentInfo": AGENT,
        "extraInfo": {"appName": name, **job, "dataTypes": builder.types.listed},
    }


def _whole(captured: Captured) -> tuple[Tree, tuple[Leaf, ...]]:
    """The plan with the plans of checkpoints and micro-batches in place of the leaves that hold their rows."""
    tree, leaves = parse(captured.plan), captured.leaves
    pivots = {leaf.ids: leaf.details["values"] for leaf in leaves if leaf.operator == "PivotFirst"}
    for node in everything(tree.root) if pivots else ():
        values = pivots.get((str(node.fields.get("exprId")),)) if node.name == "Alias" else None
        for function in walk(node) if values else ():
            if function.name == "PivotFirst":
                function.fields["pivotColumnValues"] = values
    _named_leaves(tree, leaves)
    if not captured.frozen:
        return tree, leaves
    before = {frozen.ids: _whole(frozen.captured) for frozen in captured.frozen}
    own = {frozen.ids: frozen.own or frozen.ids for frozen in captured.frozen}
    for node in everything(tree.root):
        columns = listed(node) if node.name == "LogicalRDD" else []
        ids = tuple(str(item.fields["exprId"]) for item in columns)
        if ids in before:
            found = before[ids][0].root
            while found.name.startswith("WriteTo") and found.children:  # a micro-batch, below its sink
                found = found.children[0]
            node.become(found if own[ids] == ids else renumbered(columns, own[ids], found))
    types, hidden = dict(tree.types), set(tree.hidden)
    for inner, inner_leaves in before.values():
        types = {**inner.types, **types}
        hidden |= inner.hidden
        leaves = (*leaves, *inner_leaves)
    return Tree(tree.root, types, frozenset(hidden)), leaves


def _named_leaves(tree: Tree, leaves: Sequence[Leaf]) -> None:
    """Call leaves what they are: a source of a stream is no table of constants, though it had nothing new for a batch.

    And an RDD that holds nothing at all is one.
    """
    empty = {leaf.ids for leaf in leaves if leaf.details.get("empty")}
    if not empty and not any(leaf.operator == IDLE for leaf in leaves):
        return
    for node in everything(tree.root):
        if node.name == NO_NEW_ROWS and node.fields.get("isStreaming") is True:
            node.name = IDLE
        elif node.name == "LogicalRDD" and tuple(str(item.fields["exprId"]) for item in listed(node)) in empty:
            node.name = NO_NEW_ROWS


def _params(target: Write, rows: BuiltOperator | None, builder: Builder) -> dict[str, Any]:
    """What is told of the command: its options, the target's columns, and conditions, both by reference."""
    params = dict(target.params)
    if target.columns and rows is not None:
        written = builder.target(target.columns, rows.columns, by_name=target.by_name)
        params["table"] = {**params.get("table", {}), "output": written}
    told = {name: rows.typed(expression).ref for name, expression in target.expressions.items() if rows is not None}
    return {**params, **told}


def _names(run: Run) -> tuple[str, dict[str, str]]:
    """The application's name without what changes from run to run, and the Glue job's name, if it is one."""
    glue = APPLICATION.match(run.app_name)
    job = run.extra.get(JOB_NAME) or (glue["job"] if glue else "")
    return (job, {JOB_NAME: job}) if job else (run.app_name, {})


_EXPRESSION_ID = re.compile(r"#\d+L?\b")


def _content(plan: Mapping[str, Any]) -> str:
    """What makes a plan itself: not the versions of what ran it, nor ids in names that Spark makes up."""
    kept = {key: value for key, value in plan.items() if key not in ("systemInfo", "agentInfo")}
    return _EXPRESSION_ID.sub("#", json.dumps(kept, sort_keys=True, separators=(",", ":")))


def _versions(captured: Captured, target: str) -> dict[str, Any]:
    """The versions of the tables that were read and written, those behind checkpoints too."""
    filesystem = captured.command.get("filesystem")
    waiting, reads = [captured], list[tuple[str, Mapping[str, Any]]]()
    while waiting:
        one = waiting.pop()
        waiting += [frozen.captured for frozen in one.frozen]
        for leaf in one.leaves:
            found = source(leaf.details, filesystem) if leaf.details.get("version") else None
            reads += [(uri, leaf.details["version"]) for uri in (found.uris if found else ())]
    return versions.told(reads, target, captured.command.get("version") or {})


def _event(plan_id: str, run: Run, metrics: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "planId": plan_id,
        "timestamp": run.ended_ms,
        **({"durationNs": run.duration_ns} if run.duration_ns is not None else {}),
        **({"error": run.error} if run.error is not None else {}),
        "extra": {
            "appId": run.app_id,
            "user": run.user,
            "startTime": run.started_ms,
            "sparkVersion": run.spark_version,
            **({"writeMetrics": metrics} if metrics else {}),
            **told,
            **run.extra,
        },
    }
