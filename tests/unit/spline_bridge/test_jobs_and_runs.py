"""Which job a plan belongs to, and what an event says of its run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.graphmodel.model import Job
from headwater.graphmodel.run_names import job_name
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


UUID = "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0"
#: application name -> the job's
OF_RUNS = {
    "etl_20260301": "etl",
    "etl 2026-03-01 08:15:00": "etl",
    "etl@2026-03-01T08:15:00.123Z": "etl",
    "etl-20260301-0815": "etl",
    "etl 01/03/2026": "etl",
    "nightly/2026/03/01/etl": "nightly/etl",
    "etl (2026-03-01) full": "etl full",
    "etl - 2026-03-01 - EU": "etl - EU",
    "2026-03-01_etl": "etl",
    "etl_202603": "etl",
    "etl 2026-W09": "etl",
    "etl_2026Q1": "etl",
    "etl_1772352000000": "etl",
    "etl_1772352000": "etl",
    f"etl-{UUID}": "etl",
    f"etl_run_{UUID.replace('-', '')}": "etl_run",
    "dag.task__scheduled__2026-03-01T00:00:00+00:00": "dag.task",
    "etl_application_1772352000000_0001": "etl",
    UUID: "unnamed",
    # what is no date or id stays
    "20260301": "20260301",
    "report 2026": "report 2026",
    "etl v2": "etl v2",
    "step-7 of 12": "step-7 of 12",
    "orders_12345678": "orders_12345678",
    "com.acme.Etl$": "com.acme.Etl$",
    "etl20260301x": "etl20260301x",
    "model 3.5.2026": "model 3.5.2026",
}


@pytest.mark.parametrize(("application", "job"), OF_RUNS.items())
def test_what_one_run_puts_into_its_name_is_no_part_of_the_job(application: str, job: str) -> None:
    named = {**document([]), "name": application, "labels": {}}
    assert mapped({**named, "extraInfo": {}}).job == Job("spark", job)
    assert job_name(job) in (job, "")
    # a name that somebody gives the job is taken as it is
    assert mapped({**named, "extraInfo": {"jobName": application}}).job == Job("spark", application)


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
