"""Every recorded job maps, and its column lineage is what its script says."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import lru_cache
from typing import Any

import pytest

from headwater.graphmodel.model import DependencyType, Derivation, Effect, Origin, Plan, Subtype
from headwater.graphmodel.naming import canonical
from headwater.spline_bridge.decode import decode_events, decode_plan
from tests.golden.recorded import ALL, PAYLOADS, cases, expected, payloads

ROLES = {
    "filter": Subtype.FILTER,
    "setop": Subtype.FILTER,
    "join": Subtype.JOIN,
    "generate": Subtype.JOIN,
    "group": Subtype.GROUP_BY,
    "distinct": Subtype.GROUP_BY,
    "sort": Subtype.SORT,
    "window": Subtype.WINDOW,
}

#: Columns in CASE conditions: the truth calls them direct, the graph INDIRECT/CONDITIONAL.
CONDITIONS = {
    ("e01_sql_report", "tier"),
    ("l04_features", "web_eur"),
    ("l04_features", "web_share"),
    ("l05_training_set", "label"),
}

#: Code that a plan cannot show: what is expected is contained, and the edges are not exact.
OPAQUE = {"file:///data/lake/mart/order_centered", "file:///data/lake/mart/order_doubled"}

#: Through RDDs: no column edge, the dataset edge stays.
UNSEEN = {"file:///data/lake/mart/order_rdd", "file:///data/lake/stream/clicks_fb"}

#: JDBC tables that the agent lost behind a masked password: a dataset of that plan alone, instead of a shared name.
LOST = "unresolved:"


@lru_cache
def mapped(case: str) -> dict[str, list[Plan]]:
    plans = [decode_plan(p.body, p.content_type) for p in payloads(case) if p.kind == "plan"]
    out: dict[str, list[Plan]] = defaultdict(list)
    for plan in plans:
        out[plan.target.uri].append(plan)
    return out


def truths() -> list[Any]:
    out = []
    for case in cases():
        writes: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for write in (expected(case) or {"writes": []})["writes"]:
            writes[canonical(write["output_dataset"])].append(write)
        out += [pytest.param(case, uri, same, id=f"{case}-{uri.rpartition('/')[2]}") for uri, same in writes.items()]
    return out


def shared(uri: str) -> str:
    """A lost table's dataset under the truncated name that the agent gave it."""
    return uri.partition("/")[2].partition("?")[0] if uri.startswith(LOST) else uri


def plans_of(case: str, uri: str) -> list[Plan]:
    return [plan for target, plans in mapped(case).items() if shared(target) == uri for plan in plans]


def pair(derivation: Derivation) -> tuple[str, str, str]:
    return derivation.target.lower(), shared(derivation.source_dataset), derivation.source_column.lower()


def expected_pairs(case: str, writes: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {
        (row["output_column"].lower(), canonical(row["input_dataset"]), row["input_column"].lower().partition(".")[0])
        for write in writes
        for row in write["columns"]
        if row["direct"] and (case, row["output_column"]) not in CONDITIONS
    }


@pytest.mark.parametrize(("case", "uri", "writes"), truths())
def test_direct_sources_are_what_the_script_says(case: str, uri: str, writes: list[dict[str, Any]]) -> None:
    plans = plans_of(case, uri)
    direct = [d for plan in plans for d in plan.derivations if d.type is DependencyType.DIRECT]
    found = {pair(d) for d in direct if (case, d.target) not in CONDITIONS}
    wanted = expected_pairs(case, writes)
    assert plans
    if uri in UNSEEN:
        assert not found
        assert Origin.UNRESOLVED in {column.origin for plan in plans for column in plan.columns}
    elif uri in OPAQUE:
        assert wanted < found
        assert not any(d.exact for d in direct)
    else:
        assert found == wanted
        assert all(d.exact for d in direct)


@pytest.mark.parametrize(("case", "uri", "writes"), [truth for truth in truths() if truth.values[1] not in UNSEEN])
def test_indirect_roles_are_on_their_column_or_on_the_output(case: str, uri: str, writes: list[dict[str, Any]]) -> None:
    plans = plans_of(case, uri)
    whole = {(shared(d.source_dataset), d.source_column.lower(), d.subtype) for p in plans for d in p.dependencies}
    own = {(*pair(d), d.subtype) for p in plans for d in p.derivations if d.type is DependencyType.INDIRECT}
    wanted = {
        (row["output_column"].lower(), canonical(row["input_dataset"]), row["input_column"].lower(), ROLES[word])
        for write in writes
        for row in write["columns"]
        for word in row["via"]
        if word in ROLES
    }
    assert {row for row in wanted if row not in own and row[1:] not in whole} == set()
    assert whole <= {row[1:] for row in wanted}


@pytest.mark.parametrize(("case", "uri", "writes"), truths())
def test_columns_without_sources_say_why(case: str, uri: str, writes: list[dict[str, Any]]) -> None:
    named = {column.lower() for write in writes for column in write["literal_columns"]}
    for plan in plans_of(case, uri):
        fed = {d.target.lower() for d in plan.derivations if d.type is DependencyType.DIRECT}
        bare = {column.name.lower() for column in plan.columns if column.origin is not None}
        assert fed.isdisjoint(bare)
        assert fed | bare == {column.name.lower() for column in plan.columns}
        conditional = {column for where, column in CONDITIONS if where == case}
        assert uri in UNSEEN or bare <= named | conditional


@pytest.mark.parametrize("payload", [p for p in ALL if p.kind == "plan"], ids=str)
def test_every_recorded_plan_maps_and_maps_again_to_the_same(payload: Any) -> None:
    plan = decode_plan(payload.body, payload.content_type)
    assert plan == decode_plan(payload.body, payload.content_type)
    assert plan.agent_plan_id == json.loads(payload.body)["id"]
    assert plan.target.uri == canonical(plan.target.uri)
    assert {dataset.uri for dataset in plan.inputs} >= {d.source_dataset for d in plan.derivations}
    assert not re.search(r"\w#\d", "".join(o.expression or "" for o in plan.operations if o.kind == "transformation"))


@pytest.mark.parametrize("payload", [p for p in ALL if p.kind == "event"], ids=str)
def test_every_recorded_event_is_a_run(payload: Any) -> None:
    (run,) = decode_events(payload.body, payload.content_type)
    (event,) = json.loads(payload.body)
    assert (run.agent_plan_id, run.timestamp) == (event["planId"], event["timestamp"])
    assert (run.error is None) == ("error" not in event)
    assert run.error or run.duration_ns


def test_both_wire_forms_of_a_job_are_the_same_logic() -> None:
    nested = [decode_plan(p.body, p.content_type) for p in payloads("proto_api_1_0_no_headers") if p.kind == "plan"]
    flat = [decode_plan(p.body, p.content_type) for p in payloads("proto_api_1_1") if p.kind == "plan"]
    for old, new in zip(nested, flat, strict=True):
        assert (old.agent_plan_id, old.api_version, new.api_version) == (new.agent_plan_id, "1.0", "1.1")
        assert (old.derivations, old.dependencies, old.columns) == (new.derivations, new.dependencies, new.columns)


#: file of h01 -> what the write does to its target
EFFECTS = {
    "002-plan.json": Effect.OVERWRITE,
    "004-plan.json": Effect.KEEP,  # append
    "008-plan.json": Effect.ALL,  # CREATE TABLE AS SELECT
    "018-plan.json": Effect.KEEP,  # insertInto
    "026-plan.json": Effect.OVERWRITE,  # a dynamic partition overwrite, which the payload does not say
}


@pytest.mark.parametrize(("file", "effect"), EFFECTS.items())
def test_what_a_write_does_to_its_target(file: str, effect: Effect) -> None:
    assert (
        decode_plan(
            (PAYLOADS / "h01_tables_and_modes" / file).read_bytes(), "application/vnd.absa.spline.producer.v1.2+json"
        ).effect
        is effect
    )


def test_two_hundred_steps_do_not_print_themselves_exponentially() -> None:
    for payload in payloads("o02_long_plan_200"):
        if payload.kind == "plan":
            plan = decode_plan(payload.body, payload.content_type)
            assert max(len(d.expression or "") for d in plan.derivations) < 2_200
