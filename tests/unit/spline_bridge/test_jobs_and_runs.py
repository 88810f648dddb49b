"""Which job a plan belongs to, and what an event says of its run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.graphmodel.model import Job
from headwater.spline_bridge.decode import decode_events, decode_plan
from headwater.spline_bridge.errors import DecodeError
from tests.unit.spline_bridge.plans import FLAT, PLAN_ID, document, mapped

JR = "jr_" + "0a" * 32

#: application name, labels, extra -> job, job run
JOBS = {
    "Glue's application name": (f"nativespark-daily orders-v2-{JR}", {}, {}, Job("glue", "daily orders-v2"), JR),
    "a label": ("app", {"job": ["nightly"]}, {}, Job("spark", "nightly"), None),
    "extra that names a Glue job": (
        "app",
        {},
        {"glueJobName": "orders", "glueJobRunId": JR},
        Job("glue", "orders"),
        JR,
    ),
    "a namespace": ("app", {"namespace": ["team-a"]}, {}, Job("team-a", "app"), None),
    "the application": ("app", {}, {}, Job("spark", "app"), None),
}


@pytest.mark.parametrize(("application", "labels", "extra", "job", "run"), JOBS.values(), ids=JOBS)
def test_jobs(application: str, labels: dict[str, Any], extra: dict[str, Any], job: Job, run: str | None) -> None:
    plan = {**document([]), "name": application, "labels": labels, "extraInfo": extra}
    assert (mapped(plan).job, mapped(plan).job_run) == (job, run)


#: event -> duration in ns, error, start in ms
EVENTS = {
    "API 1.2": ({"durationNs": 2_000_000_000}, 2_000_000_000, None, 8_000),
    "API 1.0: the duration is in extra, perhaps as text": (
        {"extra": {"durationNs": "1000000000"}},
        1_000_000_000,
        None,
        9_000,
    ),
    "failed": (
        {"error": "java.lang.IllegalStateException: no\n\tat x"},
        None,
        "java.lang.IllegalStateException: no",
        10_000,
    ),
    "an error that is no text": ({"error": {"x": 1}}, None, "error", 10_000),
    "a duration that is none": ({"extra": {"durationNs": "soon"}}, None, None, 10_000),
    "an empty error is one": ({"error": ""}, None, "error", 10_000),
}


@pytest.mark.parametrize(("event", "duration", "error", "start"), EVENTS.values(), ids=EVENTS)
def test_events(event: dict[str, Any], duration: int | None, error: str | None, start: int) -> None:
    body = json.dumps([{"planId": PLAN_ID.upper(), "timestamp": 10_000, **event}]).encode()
    (run,) = decode_events(body, FLAT)
    assert (run.agent_plan_id, run.duration_ns, run.error, run.start) == (PLAN_ID, duration, error, start)


#: body -> the place that the error names
BROKEN = {
    b"{": "$",
    b"[]": "$",
    b'{"systemInfo": {"name": "spark", "version": "3"}, "operations": {}}': "$.operations.write",
}


@pytest.mark.parametrize(("body", "path"), BROKEN.items())
def test_what_is_no_plan_is_refused_with_its_place(body: bytes, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_plan(body, FLAT)
    assert caught.value.path == path


def test_an_unknown_content_type_is_refused() -> None:
    with pytest.raises(DecodeError):
        decode_plan(json.dumps(document([])).encode(), "text/csv")
