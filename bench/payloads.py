"""Generates plans and events in the format of Spline's agent; with one seed they are always the same."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CONTENT_TYPE = "application/vnd.absa.spline.producer.v1.2+json"
START_MS = 1_780_000_000_000

#: output column -> the (dataset, column) pairs that it is made of
Columns = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Job:
    """A plan and one event of it."""

    plan: bytes
    event: bytes


def job(name: str, target: str, columns: Columns, at: int, *, tag: str = "") -> Job:
    """A job that reads what `columns` name and overwrites `target`. `tag` makes another logic of it."""
    plan_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name} {target} {tag}"))
    document = _document(plan_id, name, target, columns, tag)
    return Job(json.dumps(document).encode(), event(plan_id, at))


def event(plan_id: str, at: int) -> bytes:
    """A successful run, `at` seconds after the start of the made-up time."""
    extra = {"appId": f"app-{at}"}
    document = {"planId": plan_id, "timestamp": START_MS + at * 1_000, "durationNs": 10**8, "extra": extra}
    return json.dumps([document]).encode()


def _document(plan_id: str, name: str, target: str, columns: Columns, tag: str) -> dict[str, Any]:
    sources = sorted({source for pairs in columns.values() for source in pairs})
    ids = {source: f"attr-{i}" for i, source in enumerate(sources)}
    datasets = sorted({dataset for dataset, _ in sources})
    reads = [
        {
            "id": f"op-{2 + i}",
            "name": "LogicalRelation",
            "inputSources": [dataset],
            "output": [ids[s] for s in sources if s[0] == dataset],
            "params": {"path": dataset},
            "extra": {"sourceType": "parquet"},
        }
        for i, dataset in enumerate(datasets)
    ]
    attributes: list[dict[str, Any]] = [{"id": ids[source], "name": source[1]} for source in sources]
    functions: list[dict[str, Any]] = []
    for i, (column, pairs) in enumerate(columns.items()):
        attributes.append({"id": f"out-{i}", "name": column, "childRefs": [{"__exprId": f"expr-{i}"}]})
        functions.append(
            {
                "id": f"expr-{i}",
                "name": f"concat{tag}",
                "childRefs": [{"__attrId": ids[pair]} for pair in pairs],
                "extra": {"simpleClassName": "Concat", "_typeHint": "expr.Generic"},
            }
        )
    outputs = [f"out-{i}" for i in range(len(columns))]
    project = {
        "id": "op-1",
        "name": "Project",
        "childIds": [read["id"] for read in reads],
        "output": outputs,
        "params": {"projectList": [{"__exprId": f"expr-{i}"} for i in range(len(columns))]},
    }
    write = {
        "id": "op-0",
        "name": "InsertIntoHadoopFsRelationCommand",
        "outputSource": target,
        "append": False,
        "childIds": ["op-1"],
        "params": {"path": target},
    }
    return {
        "id": plan_id,
        "name": name,
        "operations": {"write": write, "reads": reads, "other": [project]},
        "attributes": attributes,
        "expressions": {"functions": functions},
        "systemInfo": {"name": "spark", "version": "3.5.4"},
        "agentInfo": {"name": "spline", "version": "2.2.0"},
        "extraInfo": {"appName": name},
    }


def estate(count: int, seed: int = 1, width: int = 12) -> Iterator[Job]:
    """Ordinary jobs: each makes `width` columns from 2 datasets of earlier jobs, and each has a logic of its own."""
    rng = random.Random(seed)
    for i in range(count):
        upstream = [f"s3://lake/d{rng.randrange(max(0, i - 200), i + 1)}" for _ in range(2)]
        columns = {
            f"c{k}": [(rng.choice(upstream), f"c{rng.randrange(width)}") for _ in range(rng.choice((1, 1, 2)))]
            for k in range(width)
        }
        yield job(f"job {i}", f"s3://lake/d{i + 1}", columns, i)


def layers(prefix: str, widths: Sequence[int], at: int) -> Iterator[Job]:
    """Layers of columns, each made of all columns of the layer before: layer 0 is read, never written."""
    for level in range(1, len(widths)):
        before = [(f"s3://{prefix}/l{level - 1}", f"c{k}") for k in range(widths[level - 1])]
        columns = {f"c{k}": before for k in range(widths[level])}
        yield job(f"{prefix} {level}", f"s3://{prefix}/l{level}", columns, at + level)


def hub(readers: int, columns: int, at: int) -> Iterator[Job]:
    """One column from which many others are computed."""
    for i in range(readers):
        made = {f"c{k}": [("s3://hub/source", "key")] for k in range(columns)}
        yield job(f"hub {i}", f"s3://hub/d{i}", made, at + i)


def superseded(target: str, logics: int, at: int) -> Iterator[Job]:
    """A dataset that one logic after another overwrote; only the last one contributes to it now."""
    for i in range(logics):
        columns = {f"c{k}": [(f"{target}-source", f"c{k}")] for k in range(10)}
        yield job("changing", target, columns, at + i, tag=str(i))
