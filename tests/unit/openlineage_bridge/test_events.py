"""One event: its time, its group, and what is wrong with one that is none."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.openlineage_bridge.events import digest, event, new_event
from headwater.openlineage_bridge.redact import redact
from headwater.spline_bridge.errors import DecodeError

SECOND = 10**9
NEW_YEAR = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z
RUN = "01A22714-8253-7B84-9241-F098E08D17AE"


def run_event(**fields: Any) -> dict[str, Any]:
    made = {
        "eventTime": "2026-01-01T00:00:00Z",
        "eventType": "COMPLETE",
        "run": {"runId": RUN},
        "job": {"namespace": "etl", "name": "load"},
    }
    return {**made, **fields}


TIMES = {
    "2026-01-01T00:00:00Z": NEW_YEAR,
    "2026-01-01T00:00:00": NEW_YEAR,  # no zone: UTC
    "2026-01-01T00:00Z": NEW_YEAR,
    "2026-01-01 00:00:00Z": NEW_YEAR,
    "2026-01-01T00:00:00.5Z": NEW_YEAR + SECOND // 2,
    "2026-01-01T00:00:00.123456789Z": NEW_YEAR + 123_456_789,
    "2026-01-01T00:00:00.1234567891Z": NEW_YEAR + 123_456_789,
    "2026-01-01T01:00:00+01:00": NEW_YEAR,
    "2026-01-01T01:00:00+0100": NEW_YEAR,
    "2025-12-31T19:00:00-05": NEW_YEAR,
    "2026-01-01T00:00:00Z[UTC]": NEW_YEAR,  # Java's ZonedDateTime
    "2025-12-31T23:59:60Z": NEW_YEAR,  # a leap second
}


@pytest.mark.parametrize(("text", "expected"), TIMES.items())
def test_times_as_clients_write_them(text: str, expected: int) -> None:
    assert event(run_event(eventTime=text)).at == expected


@pytest.mark.parametrize(
    "text", ["", "2026-01-01", "now", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+23:00", 7, None]
)
def test_what_is_no_time_is_refused_by_its_field(text: Any) -> None:
    with pytest.raises(DecodeError, match=r"\$\.eventTime"):
        event(run_event(eventTime=text))


def test_a_uuid_is_one_run_and_any_other_id_is_one_of_its_job() -> None:
    assert (
        event(run_event()).group
        == event(run_event(run={"runId": RUN.lower()}, job={"namespace": "a", "name": "b"})).group
    )
    named = [event(run_event(run={"runId": "run_id"}, job={"namespace": "a", "name": name})).group for name in "xy"]
    assert len(set(named)) == 2


def test_events_without_a_run_are_of_their_job_or_dataset() -> None:
    job = event({"eventTime": "2026-01-01T00:00:00Z", "job": {"namespace": "a", "name": "b"}})
    dataset = event({"eventTime": "2026-01-01T00:00:00Z", "dataset": {"namespace": "a", "name": "b"}})
    assert (job.group, job.is_run, job.job, job.run_id) == ("job:a b", False, ("a", "b"), "")
    assert (dataset.is_dataset, dataset.job, dataset.state) == (True, ("", ""), "OTHER")
    later = event({"eventTime": "2026-01-02T00:00:00Z", "dataset": {"namespace": "a", "name": "b"}})
    assert later.group != dataset.group
    assert dataset.datasets("outputs") == [{"namespace": "a", "name": "b"}]
    assert job.settles
    assert dataset.settles


def test_only_the_end_of_a_run_or_an_application_settles_it() -> None:
    application = {"namespace": "a", "name": "b", "facets": {"jobType": {"jobType": "APPLICATION"}}}
    assert event(run_event(eventType="complete")).settles
    assert not event(run_event(eventType="RUNNING")).settles
    assert not event(run_event(eventType=None)).settles
    assert event(run_event(eventType="START", job=application)).settles


def test_the_digest_is_of_the_content_however_it_is_written_and_however_deep() -> None:
    deep: Any = "x"
    for _ in range(400):
        deep = {"a": [deep]}
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": deep, "b": 1}) == digest({"b": 1, "a": deep})
    assert digest({"a": deep}) != digest({"a": {"a": [deep]}})


def test_a_stack_trace_is_dropped_and_an_error_is_its_first_line() -> None:
    facet = {"message": "java.io.IOException: no\n  at x", "stackTrace": "at org.example.A"}
    document = run_event(run={"runId": RUN, "facets": {"errorMessage": facet}})
    kept, notes = redact(document)
    assert kept["run"]["facets"]["errorMessage"] == {"message": "java.io.IOException: no"}
    assert notes[0] == "$.run.facets.errorMessage.stackTrace: stack trace"
    assert document["run"]["facets"]["errorMessage"] == facet
    assert redact(kept) == (kept, ())


def output(facet: Any, facets: str = "columnLineage") -> dict[str, Any]:
    return {"namespace": "s3://lake", "name": "mart", "facets": {facets: facet}}


NO_RUN = {key: value for key, value in run_event().items() if key != "run"}
NONE = {
    "$.run": NO_RUN,
    "$.run ": run_event(run=None),
    "$.run.runId": run_event(run={}),
    "$.eventType": run_event(eventType="DONE"),
    "$.eventType ": run_event(eventType=""),
    "$.outputs[0].facets.columnLineage.fields.a.inputFields": run_event(
        outputs=[output({"fields": {"a": {"inputFields": "orders.a"}}})]
    ),
    "$.inputs[0].facets.columnLineage.fields.a.inputFields": run_event(
        inputs=[output({"fields": {"a": {"inputFields": ["orders.a"]}}})]
    ),
    "$.dataset.facets.columnLineage.fields.a.inputFields": {
        "eventTime": "2026-01-01T00:00:00Z",
        "dataset": output({"fields": {"a": {"inputFields": {}}}}),
    },
}


@pytest.mark.parametrize("field", NONE)
def test_what_is_no_new_event_is_refused_by_its_field(field: str) -> None:
    with pytest.raises(DecodeError) as raised:
        new_event(NONE[field])
    assert str(raised.value).startswith(f"{field.strip()}: ")


ODD = {
    "no state": run_event(eventType=None),
    "a state in lower case": run_event(eventType="complete"),
    "a job": {**NO_RUN, "eventType": None},
    "no input fields": run_event(outputs=[output({"fields": {"a": {"inputFields": None}, "b": {}, "c": 7}})]),
    "no fields": run_event(outputs=[output({"fields": None}), output(None), output([])]),
    "an unknown facet": run_event(outputs=[output({"fields": {"a": {"inputFields": 7}}}, "acme_lineage")]),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_only_odd_is_taken(odd: str) -> None:
    assert new_event(ODD[odd]) == event(ODD[odd])


@pytest.mark.parametrize("state", ["DONE", ""])
def test_what_an_earlier_version_kept_can_still_be_read(state: str) -> None:
    assert event(run_event(eventType=state)).group == event(run_event()).group
