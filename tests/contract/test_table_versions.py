"""Which version of a table a run read, as its format counts, and the read that brings it back; on every store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphmodel.model import Dataset, Effect, Job, Plan, Run
from headwater.graphmodel.whole import graph
from headwater.graphstore import GraphStore
from headwater.spline_bridge.decode import decode_events
from tests.contract.queries_world import rows
from tests.contract.test_past import at

DELTA, ICE, HUDI, OUT = "s3://lake/delta", "s3://lake/ice", "s3://lake/hudi", "s3://lake/out"


def plan(name: str, target: str, *inputs: Dataset) -> Plan:
    return Plan(name, Job("spark", name), Dataset(target), Effect.KEEP, "Save", inputs, (), (), ())


def put(store: GraphStore, plans: Sequence[Plan], events: Sequence[Event]) -> None:
    whole = graph([Body(one, one.agent_plan_id) for one in plans], events)
    store.apply(GraphDelta(tuple(whole.vertices.values()), tuple(whole.edges.values())))


def event(name: str, minute: int, **extra: object) -> Event:
    """As the agent in Python sends it."""
    document = {"planId": _UUIDS[name], "timestamp": at(minute), "extra": {"appId": f"{name}{minute}", **extra}}
    (run,) = decode_events(json.dumps([document]).encode(), "application/json")
    return Event(replace(run, agent_plan_id=name), run.timestamp)


_UUIDS = {name: f"00000000-0000-4000-8000-00000000000{n}" for n, name in enumerate(("delta", "ice", "out"))}


@pytest.fixture
def lake(store: GraphStore) -> GraphStore:
    ice = Dataset(ICE, spellings=("sales.orders",))
    plans = (plan("delta", DELTA), plan("ice", ICE), plan("out", OUT, Dataset(DELTA), ice, Dataset(HUDI)))
    written = {"format": "delta", "version": "7"}
    read = [
        {"dataset": "s3a://lake/ice/", "format": "iceberg", "version": "2840954354724191940"},
        {"dataset": HUDI, "format": "hudi", "version": "20261129224041784"},
        {"dataset": DELTA, "format": "delta", "version": "6"},
    ]
    events = (
        event("delta", 1, writtenVersion=written),
        event("ice", 2),
        event("out", 9, readVersions=read),
        event("out", 5),
    )
    put(store, plans, events)
    return store


def test_what_a_run_read_is_told_with_the_read_that_brings_it_back(lake: GraphStore) -> None:
    found = {row["dataset"]: row for row in rows(lake, "inputs", node=f"run:out:{at(9)}:out9")}
    assert {dataset: row["reproduce"] for dataset, row in found.items()} == {
        DELTA: 'spark.read.format("delta").option("versionAsOf", "6").load("s3://lake/delta")',
        ICE: "SELECT * FROM sales.orders VERSION AS OF 2840954354724191940",
        HUDI: 'spark.read.format("hudi").option("as.of.instant", "20261129224041784").load("s3://lake/hudi")',
    }


@pytest.mark.parametrize(
    ("listed", "exists"),
    [
        ({"ids": ["7", "2840954354724191940"], "whole": True}, True),
        ({"ids": ["7"], "whole": True}, False),  # it was expired
        ({"ids": ["7"], "whole": False}, None),  # it may be older than those that are told
        ("x", None),
        (None, None),  # no catalogue was asked
    ],
)
def test_a_catalogue_says_whether_the_version_is_still_there(lake: GraphStore, listed: object, exists: object) -> None:
    facts = [{"key": "snapshots", "value": listed, "source": "glue", "scope": "s", "at": 1}] if listed else []
    for uri in (ICE, DELTA):
        lake.apply(GraphDelta((vertex(uri, "dataset", facts=json.dumps(facts)),)))
    found = {row["dataset"]: row["versionExists"] for row in rows(lake, "inputs", node=f"run:out:{at(9)}:out9")}
    assert found == {ICE: exists, DELTA: None, HUDI: None}


def test_where_the_reader_did_not_tell_the_writer_did(lake: GraphStore) -> None:
    found = {row["dataset"]: row for row in rows(lake, "inputs", node=f"run:out:{at(5)}:out5")}
    assert (found[DELTA]["tableFormat"], found[DELTA]["tableVersion"]) == ("delta", "7")
    assert (found[ICE]["tableVersion"], found[ICE]["reproduce"]) == (None, None)


@pytest.mark.parametrize(
    "extra",
    [
        {"readVersions": "x"},
        {"readVersions": [1, {"dataset": 3, "version": "1"}, {"dataset": DELTA}]},
        {"writtenVersion": [], "readVersions": None},
        {"writtenVersion": {"version": 3}},
    ],
)
def test_what_is_no_version_is_none(extra: dict[str, object]) -> None:
    assert event("out", 1, **extra).run.facts == ()


def test_a_version_that_is_no_number_is_shown_and_never_part_of_a_command(store: GraphStore) -> None:
    hostile = [{"dataset": DELTA, "format": "delta", "version": '1").load("x")  # '}]
    put(store, [plan("out", OUT, Dataset(DELTA))], [event("out", 9, readVersions=hostile)])
    (row,) = rows(store, "inputs", node=f"run:out:{at(9)}:out9")
    assert (row["tableVersion"], row["reproduce"]) == ('1").load("x")  # ', None)


def test_a_failed_run_wrote_no_version() -> None:
    document = {"planId": _UUIDS["out"], "timestamp": 1, "error": "x", "extra": {"writtenVersion": {"version": "1"}}}
    (run,) = decode_events(json.dumps([document]).encode(), "application/json")
    assert isinstance(run, Run)
    assert run.facts == ()
