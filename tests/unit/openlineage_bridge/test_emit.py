"""A run and its plan as OpenLineage events: what each facet says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from headwater.graphmodel.model import (
    Dataset,
    Dependency,
    DependencyType,
    Derivation,
    Effect,
    Job,
    Origin,
    OutputColumn,
    Plan,
    Run,
    SharedSources,
    Subtype,
)
from headwater.openlineage_bridge.emit import Executed, Labels, describe, producer, run_events, run_uuid
from tests.acceptance.openlineage_backend import faults

ORDERS, MART = "s3://lake/orders", "s3://lake/mart/orders"
DIRECT, INDIRECT = DependencyType.DIRECT, DependencyType.INDIRECT
PLAN = Plan(
    "agent-1",
    Job("glue", "nightly"),
    Dataset(MART, ("mart.orders", "s3a://lake/mart/orders"), columns=("id", "Amount", "day", "n")),
    Effect.OVERWRITE,
    "InsertIntoHadoopFsRelationCommand",
    (Dataset(ORDERS, columns=("id", "price", "state")), Dataset("sales.rates", columns=("rate",))),
    (
        OutputColumn("id"),
        OutputColumn("Amount"),
        OutputColumn("day", Origin.CONSTANT, expression="'2026-03-01'"),
        OutputColumn("n", resolved=False),
    ),
    (
        Derivation("id", ORDERS, "id", DIRECT, Subtype.IDENTITY),
        Derivation("Amount", ORDERS, "price", DIRECT, Subtype.TRANSFORMATION, expression="price * rate"),
        Derivation("Amount", "sales.rates", "rate", DIRECT, Subtype.TRANSFORMATION, masking=True, exact=False),
        Derivation("Amount", ORDERS, "price", INDIRECT, Subtype.CONDITIONAL),
        Derivation("id", MART, "id", DIRECT, Subtype.IDENTITY, carried=True),
    ),
    (Dependency(ORDERS, "state", Subtype.FILTER, expression="state = 'paid'"),),
    agent="spline 2.2.0",
    system="spark 3.5.9",
)
RUN = Run("agent-1", 1_772_352_000_123, duration_ns=5_000_000_000, app_id="application_1", job_run="jr_1")
LABELS = Labels(
    {MART: ("pii", "owner=finance"), f"{MART}#amount": ("unit=EUR",), "job:glue/nightly": ("owner=ann", "tier=1")},
    {MART: "orders of the day"},
)
MAKER = producer("1.2.3")


def events(plan: Plan = PLAN, run: Run = RUN, labels: Labels = LABELS) -> tuple[dict[str, Any], dict[str, Any]]:
    described = describe(plan, "plan:1", {"amount": "double"}, labels, MAKER)
    start, end = run_events(described, Executed(run, "run:agent-1:1", 7, {ORDERS: f"{ORDERS}@initial"}))
    assert [faults(json.loads(json.dumps(event))) for event in (start, end)] == [[], []]
    return start, end


def facet(dataset: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in dataset["facets"][name].items() if not key.startswith("_")}


def test_a_run_begins_and_ends() -> None:
    start, end = events()
    assert (start["eventType"], start["eventTime"]) == ("START", "2026-03-01T07:59:55.123Z")
    assert (end["eventType"], end["eventTime"]) == ("COMPLETE", "2026-03-01T08:00:00.123Z")
    assert start["run"]["runId"] == end["run"]["runId"] == run_uuid("run:agent-1:1")
    assert start["job"] == end["job"]
    assert (end["job"]["namespace"], end["job"]["name"]) == ("glue", "nightly.mart/orders")
    assert (start["inputs"], start["outputs"]) == ([], [])
    assert end["producer"] == "urn:headwater:1.2.3"


def test_the_output_says_what_was_written() -> None:
    (output,) = events()[1]["outputs"]
    assert (output["namespace"], output["name"]) == ("s3://lake", "mart/orders")
    assert facet(output, "schema")["fields"] == [
        {"name": "id"},
        {"name": "Amount", "type": "double"},
        {"name": "day"},
        {"name": "n"},
    ]
    assert facet(output, "lifecycleStateChange") == {"lifecycleStateChange": "OVERWRITE"}
    assert facet(output, "symlinks") == {
        "identifiers": [{"namespace": "headwater", "name": "mart.orders", "type": "TABLE"}]
    }
    assert facet(output, "version")["datasetVersion"].startswith(f"{MART}@")
    assert facet(output, "headwater_dataset")["columns"] == [
        {"name": "day", "origin": "constant", "expression": "'2026-03-01'"},
        {"name": "n", "resolved": False},
    ]


def test_column_lineage_has_sources_by_column_and_of_the_whole() -> None:
    (output,) = events()[1]["outputs"]
    lineage = facet(output, "columnLineage")
    orders = {"namespace": "s3://lake", "name": "orders"}
    identity = {"type": "DIRECT", "subtype": "IDENTITY", "masking": False}
    made = {"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": False, "description": "price * rate"}
    condition = {"type": "INDIRECT", "subtype": "CONDITIONAL", "masking": False}
    masked = {"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True}
    paid = {"type": "INDIRECT", "subtype": "FILTER", "masking": False, "description": "state = 'paid'"}
    assert lineage["fields"] == {
        "id": {"inputFields": [{**orders, "field": "id", "transformations": [identity]}]},  # rows that stay are none
        "Amount": {
            "inputFields": [
                {**orders, "field": "price", "transformations": [made, condition]},
                {"namespace": "headwater", "name": "sales.rates", "field": "rate", "transformations": [masked]},
            ]
        },
    }
    assert lineage["dataset"] == [{**orders, "field": "state", "transformations": [paid]}]


def test_inputs_say_what_was_read_and_in_which_version() -> None:
    orders, rates = events()[1]["inputs"]
    assert (orders["namespace"], orders["name"]) == ("s3://lake", "orders")
    assert facet(orders, "version") == {"datasetVersion": f"{ORDERS}@initial"}
    assert "version" not in rates["facets"]  # not known
    assert facet(rates, "schema")["fields"] == [{"name": "rate"}]


def test_tags_owners_and_descriptions_of_datasets_columns_and_jobs() -> None:
    end = events()[1]
    (output,) = end["outputs"]
    assert facet(output, "tags")["tags"] == [
        {"key": "pii", "value": "true", "source": "HEADWATER"},
        {"key": "unit", "value": "EUR", "source": "HEADWATER", "field": "Amount"},
    ]
    assert facet(output, "ownership") == {"owners": [{"name": "finance"}]}
    assert facet(output, "documentation") == {"description": "orders of the day"}
    assert facet(end["job"], "ownership") == {"owners": [{"name": "ann"}]}
    assert facet(end["job"], "tags")["tags"] == [{"key": "tier", "value": "1", "source": "HEADWATER"}]
    plain = events(labels=Labels())[1]
    assert not {"tags", "ownership", "documentation"} & set(plain["outputs"][0]["facets"])


def test_the_run_says_where_it_comes_from() -> None:
    run = events()[1]["run"]
    assert facet(run, "processing_engine") == {"name": "spark", "version": "3.5.9"}
    assert facet(run, "parent") == {
        "run": {"runId": run_uuid("application:jr_1")},
        "job": {"namespace": "glue", "name": "nightly"},
    }
    assert facet(run, "headwater_run") == {
        "plan": "plan:1",
        "job": {"namespace": "glue", "name": "nightly"},
        "run": "run:agent-1:1",
        "agentPlanId": "agent-1",
        "agent": "spline 2.2.0",
        "applicationId": "application_1",
        "ledgerEntry": 7,
        "effect": "overwrite",
        "command": "InsertIntoHadoopFsRelationCommand",
        "inexactColumns": ["Amount"],
    }
    alone = events(replace(PLAN, system=None), Run("agent-1", 0))[1]["run"]
    assert set(alone["facets"]) == {"headwater_run"}


def test_a_run_that_failed_says_why_and_wrote_no_version() -> None:
    end = events(run=replace(RUN, error="java.lang.IllegalStateException: no"))[1]
    assert end["eventType"] == "FAIL"
    assert facet(end["run"], "errorMessage") == {
        "message": "java.lang.IllegalStateException: no",
        "programmingLanguage": "JVM",
    }
    assert "version" not in end["outputs"][0]["facets"]


def test_an_append_changes_no_state_and_a_plan_without_columns_has_no_lineage() -> None:
    bare = replace(PLAN, effect=Effect.KEEP, columns=(), derivations=(), dependencies=(), inputs=(Dataset(ORDERS),))
    end = events(bare)[1]
    assert not {"lifecycleStateChange", "columnLineage", "schema"} & set(end["outputs"][0]["facets"])
    assert set(end["inputs"][0]["facets"]) == {"version"}


def test_partitions_are_told_as_one_of_them_may_be_all_that_was_replaced() -> None:
    target = replace(PLAN.target, partition="dt=2026-03-01", partition_columns=("dt",))
    plan = replace(
        PLAN, target=target, columns=PLAN.columns[:2], inputs=(replace(PLAN.inputs[0], partition="2026/03"),)
    )
    end = events(plan)[1]
    partitioned = {"partition": "dt=2026-03-01", "partitionColumns": ["dt"]}
    assert facet(end["outputs"][0], "headwater_dataset") == partitioned
    assert facet(end["inputs"][0], "headwater_dataset") == {"partition": "2026/03"}


def test_a_plan_whose_rows_depend_on_nothing_has_no_lineage_of_the_whole() -> None:
    (output,) = events(replace(PLAN, dependencies=()))[1]["outputs"]
    assert set(facet(output, "columnLineage")) == {"fields"}
    (output,) = events(replace(PLAN, derivations=()))[1]["outputs"]
    assert facet(output, "columnLineage")["fields"] == {}


def test_times_that_no_date_has_are_the_nearest_that_one_has() -> None:
    assert events(run=Run("agent-1", 10**17))[1]["eventTime"] == "9999-12-31T23:59:59.999Z"
    assert events(run=Run("agent-1", -5))[0]["eventTime"] == "1970-01-01T00:00:00.000Z"


def sharing(columns: int, sources: int) -> Plan:
    """A plan of which code that it does not show makes each of these columns of each of these sources."""
    targets = tuple(Derivation(f"c{n}", "", "", DIRECT, Subtype.TRANSFORMATION, exact=False) for n in range(columns))
    read = tuple(Derivation("", ORDERS, f"s{n}", DIRECT, Subtype.IDENTITY) for n in range(sources))
    made = tuple(OutputColumn(target.target) for target in targets)
    return replace(PLAN, columns=made, derivations=(), shared=(SharedSources(targets, read),))


def test_sources_that_columns_have_in_common_are_sources_of_each() -> None:
    _, end = events(sharing(2, 3))
    fields = facet(end["outputs"][0], "columnLineage")["fields"]
    assert {name: [one["field"] for one in told["inputFields"]] for name, told in fields.items()} == {
        "c0": ["s0", "s1", "s2"],
        "c1": ["s0", "s1", "s2"],
    }
    assert end["run"]["facets"]["headwater_run"]["inexactColumns"] == ["c0", "c1"]
    assert "columns" not in end["outputs"][0]["facets"].get("headwater_dataset", {})


def test_columns_with_too_many_sources_in_common_are_not_resolved() -> None:
    _, end = events(sharing(200, 101))
    assert facet(end["outputs"][0], "columnLineage")["fields"] == {}  # the filter is told
    told = facet(end["outputs"][0], "headwater_dataset")["columns"]
    assert told == [{"name": f"c{n}", "resolved": False} for n in range(200)]
