"""A job that runs each day with another date in its filter, against the same job whose filter never changes."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.figure import Figure
from bench.payloads import CONTENT_TYPE, Job, event, job

_RAW, _MART = "s3://lake/raw", "s3://lake/daily"
_RUNS = 1_000
_DAY_SECONDS = 86_400


def daily(place: Path, *, quick: bool) -> list[Figure]:
    """What a thousand runs with a thousand dates cost, and how large the answer for now is after them."""
    runs = _RUNS // (10 if quick else 1)
    (with_dates, dated), (without, plain) = (_measured(place, runs, dated=dated) for dated in (True, False))
    return [
        Figure(f"{runs:,} appends with one filter, into the graph", without, "CPU s"),
        Figure(f"{runs:,} appends, another date in the filter of each", with_dates, "CPU s"),
        Figure("ratio", with_dates / without, "x", 1.3),
        Figure("plans of the job with dates", dated["plans"], "", 1),
        Figure("edges of the job with dates, to the other's", dated["edges"] / plain["edges"], "x", 1.01),
        Figure("answer about now, all types, with dates", dated["bytes"] / 1_000, "kB"),
        Figure("the same, to the other job's", dated["bytes"] / plain["bytes"], "x", 1.3),
    ]


def _measured(place: Path, runs: int, *, dated: bool) -> tuple[float, dict[str, int]]:
    """CPU seconds from the ledger into the graph; what there is then."""
    from headwater.ingest.folder.service import Service
    from headwater.ingest.ledger.ledger import NewEntry
    from headwater.queries.catalogue.catalogue import run

    with Service.open(place / f"daily-{dated}") as service:
        for made in _days(runs, dated=dated):
            entries = [NewEntry("spline.plan", CONTENT_TYPE, made.plan)]
            service.ledger.append([*entries, NewEntry("spline.events", CONTENT_TYPE, made.event)])
        begin = time.process_time()
        service.catch_up()
        took = time.process_time() - begin
        answer = run("upstream", service.store.g, {"node": _MART, "level": "column", "type": "all"})
        counts = service.store.counts()
    labels = ("derivesFrom", "dependsOn", "everDerivesFrom", "everDependsOn", "madeBy")
    said = json.dumps(answer.to_dict())
    return took, {"plans": counts["plan"], "edges": sum(counts.get(label, 0) for label in labels), "bytes": len(said)}


def _days(runs: int, *, dated: bool) -> Iterator[Job]:
    columns = {f"c{k}": [(_RAW, f"c{k}")] for k in range(5)}
    document = json.loads(job("daily", _MART, columns, 0).plan)
    document["operations"]["write"]["append"] = True
    for i in range(runs):
        document["id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"daily {dated} {i}"))
        day = date(2026, 1, 1) + timedelta(i)
        made = _filtered(document, day.isoformat() if dated else "2026-01-01")
        yield Job(json.dumps(made).encode(), event(document["id"], i * _DAY_SECONDS))


def _filtered(document: dict[str, Any], day: str) -> dict[str, Any]:
    """The same plan with ``c0 = day`` below its projection."""
    operations, expressions = document["operations"], document["expressions"]
    project = operations["other"][0]
    between = {
        "id": "op-9",
        "name": "Filter",
        "childIds": project["childIds"],
        "output": operations["reads"][0]["output"],
        "params": {"condition": {"__exprId": "expr-91"}},
    }
    equals = {
        "id": "expr-91",
        "name": "equalto",
        "childRefs": [{"__attrId": operations["reads"][0]["output"][0]}, {"__exprId": "expr-90"}],
        "extra": {"simpleClassName": "EqualTo", "_typeHint": "expr.Binary", "symbol": "="},
    }
    literal = {"id": "expr-90", "value": day, "extra": {"simpleClassName": "Literal", "_typeHint": "expr.Literal"}}
    return {
        **document,
        "operations": {**operations, "other": [{**project, "childIds": ["op-9"]}, between]},
        "expressions": {"functions": [*expressions["functions"], equals], "constants": [literal]},
    }
