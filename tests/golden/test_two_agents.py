"""One job that Spline and OpenLineage both report: one job, dataset and write each, as Spline tells them."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter, defaultdict
from datetime import datetime, timezone
from typing import Any

import pytest

from headwater.graphmodel import whole
from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.naming import DEFAULT
from headwater.graphmodel.whole import Graph
from headwater.openlineage_bridge.events import event
from headwater.openlineage_bridge.mapping import Mapped, mapped
from headwater.openlineage_bridge.outcome import Outcome
from headwater.spline_bridge.decode import decode_events, decode_plan
from tests.golden import openlineage, recorded

NOW = 1_796_000_000_000
NS = 1_000_000

#: Jobs that were recorded with both agents. Of h01, i02, k01, k02 and n01 one of them tells writes or names that the
#: other has not.
CASES = [
    "a01_customers_clean",
    "e01_sql_report",
    "l01_stage_customers",
    "l02_stage_orders",
    "l03_mart_customer_orders",
    "l04_features",
    "l05_training_set",
    "l07_score_report",
    "m01_rerun",
]

#: What holds now and what ran when, by Spline alone, must stand as it is.
KEPT = {"derivesFrom", "dependsOn", "madeBy", "appendsTo"}


def by_spline(case: str) -> tuple[list[Body], list[Event]]:
    bodies, events = [], []
    for payload in recorded.payloads(case):
        if payload.kind == "plan":
            digest = hashlib.sha256(payload.body).hexdigest()
            bodies.append(Body(decode_plan(payload.body, payload.content_type), digest))
        else:
            events += [Event(run, NOW) for run in decode_events(payload.body, payload.content_type)]
    return bodies, events


def at_the_time_of(spline: tuple[list[Body], list[Event]], case: str) -> tuple[list[Body], list[Event]]:
    """What OpenLineage tells of the same script, as if its agent had listened in the very same run of it.

    The two were recorded in two runs of the script. The n-th write of a dataset by one is that of the other.
    """
    target = {body.plan.agent_plan_id: body.plan.target.uri for body in spline[0]}
    ended: dict[str, list[Event]] = defaultdict(list)
    for one in sorted(spline[1], key=lambda e: e.run.timestamp):
        ended[target[one.run.agent_plan_id]].append(one)
    runs = [(documents, found(documents)) for documents in openlineage.by_run(case).values()]
    runs = [run for run in runs if run[1].plans]
    seen: Counter[str] = Counter()
    bodies, events = [], []
    for documents, told in sorted(runs, key=lambda run: run[1].runs[0].timestamp):
        uri = told.plans[0].target.uri
        spline_event = ended[uri][seen[uri]]
        seen[uri] += 1
        moved = found([later(one, spline_event, told) for one in documents])
        assert moved.outcome is Outcome.WRITTEN
        bodies += [Body(plan, moved.digest) for plan in moved.plans]
        events += [Event(run, NOW) for run in moved.runs]
    return bodies, events


def found(documents: list[dict[str, Any]]) -> Mapped:
    told = mapped(map(event, documents), DEFAULT)
    assert told is not None
    return told


def later(document: dict[str, Any], spline: Event, told: Mapped) -> dict[str, Any]:
    """The event in the application that Spline reports, ended some ms after Spline's report of it."""
    by = spline.run.timestamp - told.runs[0].timestamp - 7
    at = event(document).at // NS + by
    seconds, ms = divmod(at, 1_000)
    moved: dict[str, Any] = json.loads(json.dumps(document))
    moved["eventTime"] = f"{iso(seconds)}.{ms:03}Z"
    facets = moved["run"]["facets"]
    facets["spark_applicationDetails"] = {"applicationId": spline.run.app_id}
    return moved


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


def labelled(graph: Graph, label: str) -> set[str]:
    return {node for node, vertex in graph.vertices.items() if vertex.label == label}


@pytest.mark.parametrize("case", CASES)
def test_both_give_the_graph_that_spline_gives(case: str) -> None:
    spline = by_spline(case)
    other = at_the_time_of(spline, case)
    alone = whole.graph(*spline)
    both_bodies, both_events = [*spline[0], *other[0]], [*spline[1], *other[1]]
    random.Random(1).shuffle(both_bodies)
    random.Random(2).shuffle(both_events)
    both = whole.graph(both_bodies, both_events)
    assert labelled(both, "job") == labelled(alone, "job")
    assert labelled(both, "dataset") == labelled(alone, "dataset")
    assert labelled(both, "column") == labelled(alone, "column")
    for label in KEPT:
        edges = {key: edge for key, edge in both.edges.items() if key[0] == label}
        assert edges == {key: edge for key, edge in alone.edges.items() if key[0] == label}, label
    written = [edge for edge in both.edges.values() if edge.label == "sameWriteAs"]
    assert len(written) >= len(other[1])
    assert {edge.source for edge in written} >= {one.id for one in other[1]}
