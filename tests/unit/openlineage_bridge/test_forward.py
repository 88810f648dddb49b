"""Events that came as OpenLineage events go on: their datasets are known, and a run id that is none becomes one."""

from __future__ import annotations

import uuid
from typing import Any

from headwater.openlineage_bridge.events import event
from headwater.openlineage_bridge.forward import forwarded, pairs

RUN: dict[str, Any] = {
    "eventType": "COMPLETE",
    "eventTime": "2026-03-01T08:00:00Z",
    "run": {"runId": "01a22714-8253-7b84-9241-f098e08d17ae", "facets": {"x": {"y": 1}}},
    "job": {"namespace": "n", "name": "j"},
    "inputs": [{"namespace": "s3://lake", "name": "a"}],
    "outputs": [{"namespace": "s3://lake", "name": "b"}],
}


def test_a_run_goes_on_as_it_came() -> None:
    assert forwarded(event(RUN)) == RUN
    assert list(pairs(event(RUN))) == [("s3://lake", "a"), ("s3://lake", "b")]


def test_a_run_id_that_is_no_uuid_becomes_one_the_same_for_one_run() -> None:
    odd = {**RUN, "run": {**RUN["run"], "runId": "run_id"}}
    one, again = forwarded(event(odd)), forwarded(event({**odd, "eventType": "START"}))
    assert one["run"]["runId"] == again["run"]["runId"]
    assert uuid.UUID(one["run"]["runId"]).version == 5
    assert one["run"]["facets"] == RUN["run"]["facets"]
    assert odd["run"]["runId"] == "run_id"  # what is kept stays as it is


def test_an_event_about_a_dataset_names_it() -> None:
    about = {"eventTime": "2026-03-01T08:00:00Z", "dataset": {"namespace": "s3://lake", "name": "a"}}
    assert list(pairs(event(about))) == [("s3://lake", "a")]
    assert forwarded(event(about)) == about
