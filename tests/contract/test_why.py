"""What may be the cause if a column looks wrong: the lake of test_past with a failure and a change, on every store."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphstore import GraphStore
from tests.contract.queries_world import rows
from tests.contract.test_past import CLEAN, EVENTS, LOG, RAW, REPORT, at, fill, id_of, run


@pytest.fixture
def lake(store: GraphStore) -> GraphStore:
    fill(store, EVENTS)
    return store


def facts(store: GraphStore, node: str, *names: str, **given: object) -> list[tuple[Any, ...]]:
    names = names or ("what", "id", "detail", "run")
    return [tuple(row[name] for name in names) for row in rows(store, "why", node=node, **given)]


AT = at(90)


def test_a_failed_run_a_change_upstream_and_the_last_writes_come_newest_first(lake: GraphStore) -> None:
    found = facts(lake, f"{REPORT}#total", at=AT)
    assert found[0] == ("run failed", CLEAN, "OutOfMemoryError", id_of("clean2", 80))
    assert ("last write", REPORT, "added to it, or changed a part", id_of("copy", 72)) in found
    assert ("logic changed", f"{CLEAN}#v", "v + 1 -> v + 2", id_of("clean2", 40)) in found
    times = [row["timestamp"] for row in rows(lake, "why", node=f"{REPORT}#total", at=AT)]
    assert [time for time in times if time] == sorted((time for time in times if time), reverse=True)


def test_the_first_logic_of_a_dataset_is_no_change(lake: GraphStore) -> None:
    assert not [row for row in facts(lake, LOG, at=AT) if row[0] == "logic changed"]


def test_a_job_that_missed_its_usual_times_is_late(store: GraphStore) -> None:
    fill(store, [run("log", minute) for minute in (10, 20, 30, 40)])
    late = ("late", LOG, "5 runs missed", None)
    assert late in facts(store, LOG, at=at(95))
    assert late in facts(store, LOG, at=at(95), times=5)
    assert not [row for row in facts(store, LOG, at=at(95), times=6) if row[0] == "late"]
    assert not [row for row in facts(store, LOG, at=at(41)) if row[0] == "late"]


def test_a_hop_that_was_last_derived_before_its_source_changed_is_behind(store: GraphStore) -> None:
    fill(store, [run("clean1", 10), run("log", 15), run("report", 30, minutes=5), run("clean2", 40)])
    behind = [row for row in facts(store, f"{REPORT}#total", at=at(50)) if row[0] == "behind"]
    assert [(row[1], f"{CLEAN}#v" in row[2]) for row in behind] == [(f"{REPORT}#total", True)]


def test_owners_of_what_is_named_come_last(lake: GraphStore) -> None:
    owned = GraphDelta(
        (vertex("tag:owner=ann", "tag", name="owner=ann"),), (edge("taggedWith", CLEAN, "tag:owner=ann", ""),)
    )
    lake.apply(owned)
    assert facts(lake, f"{REPORT}#total", at=AT)[-1] == ("owner", CLEAN, "ann", None)


def test_a_dataset_that_no_job_writes_has_no_facts(lake: GraphStore) -> None:
    assert facts(lake, RAW, at=AT) == []
