"""What the events of a run map to: columns in each released form, effects, jobs, names, facts of the version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.graphmodel.model import Dependency, DependencyType, Derivation, Effect, Job, Origin, Plan, Role, Subtype
from headwater.graphmodel.naming import DEFAULT
from headwater.openlineage_bridge.events import event
from headwater.openlineage_bridge.mapping import Mapped, mapped
from headwater.openlineage_bridge.outcome import Outcome
from headwater.spline_bridge.errors import DecodeError

RUN = "01a22714-8253-7b84-9241-f098e08d17ae"
LAKE = "s3://lake"
RAW = "s3://lake/raw"


def dataset(name: str, own: dict[str, Any] | None = None, **facets: Any) -> dict[str, Any]:
    return {"namespace": LAKE, "name": name, "facets": facets, "outputFacets": own or {}}


def schema(*names: str) -> dict[str, Any]:
    return {"fields": [{"name": name, "type": "long"} for name in names]}


def source(field: str, *transformations: tuple[str, str], name: str = "raw", **more: Any) -> dict[str, Any]:
    listed = [{"type": type_, "subtype": subtype, **more} for type_, subtype in transformations]
    return {"namespace": LAKE, "name": name, "field": field, **({"transformations": listed} if listed else {})}


def folded(*events: dict[str, Any]) -> Mapped:
    made = {
        "eventTime": "2026-01-01T00:00:00Z",
        "eventType": "COMPLETE",
        "run": {"runId": RUN},
        "job": {"namespace": "etl", "name": "load"},
    }
    found = mapped([event({**made, **one}) for one in events], DEFAULT)
    assert found is not None
    return found


def one_plan(output: dict[str, Any], **fields: Any) -> Plan:
    (plan,) = folded({"inputs": [dataset("raw")], "outputs": [output], **fields}).plans
    return plan


def edges(plan: Plan) -> set[tuple[str, str, str, bool]]:
    return {(d.target, d.source_column, f"{d.type.value}/{d.subtype.value}", d.exact) for d in plan.derivations}


DIRECT, INDIRECT = "DIRECT", "INDIRECT"

#: columnLineage facet -> (target, source column, type/subtype, exact)
FORMS: list[tuple[dict[str, Any], set[tuple[str, str, str, bool]]]] = [
    (
        {"fields": {"a": {"inputFields": [source("x")], "transformationType": "IDENTITY"}}},
        {("a", "x", "DIRECT/IDENTITY", True)},
    ),
    (
        {"fields": {"a": {"inputFields": [source("x")], "transformationType": "MASKED"}}},
        {("a", "x", "DIRECT/TRANSFORMATION", False)},
    ),
    ({"fields": {"a": {"inputFields": [source("x")]}}}, {("a", "x", "DIRECT/TRANSFORMATION", False)}),
    (
        {"fields": {"a": {"inputFields": [source("x", (DIRECT, "AGGREGATION"), (INDIRECT, "CONDITIONAL"))]}}},
        {("a", "x", "DIRECT/AGGREGATION", True), ("a", "x", "INDIRECT/CONDITIONAL", True)},
    ),
    (
        {"fields": {"a": {"inputFields": [source("x", (DIRECT, "NEW"), (INDIRECT, "IDENTITY"))]}, "b": {}}},
        {("a", "x", "DIRECT/TRANSFORMATION", False), ("a", "x", "INDIRECT/FILTER", False)},
    ),
    ({"fields": {"a": {"inputFields": [source("_file", (DIRECT, "IDENTITY")), {"field": "x"}, 7]}}}, set()),
    ({"fields": {"a": 7, "": {}}, "dataset": 7}, set()),
    ({"fields": []}, set()),
]


@pytest.mark.parametrize(("facet", "expected"), FORMS)
def test_column_lineage_of_each_version(facet: dict[str, Any], expected: set[tuple[str, str, str, bool]]) -> None:
    assert edges(one_plan(dataset("mart", columnLineage=facet))) == expected


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ({"storage": {"storageLayer": "iceberg"}}, ("id",)),
        ({"catalog": {"framework": "iceberg"}}, ("id",)),
        ({}, ("id", "_file")),
    ],
)
def test_columns_that_iceberg_adds_to_a_row_are_none_of_its_table(
    table: dict[str, Any], columns: tuple[str, ...]
) -> None:
    """Another table can have a column of such a name, which is one then."""
    fields = {"a": {"inputFields": [source("_file", (DIRECT, "IDENTITY")), source("id", (DIRECT, "IDENTITY"))]}}
    raw = dataset("raw", schema=schema("id", "_file"), **table)
    plan = one_plan(dataset("mart", columnLineage={"fields": fields}), inputs=[raw])
    assert plan.inputs[0].columns == columns
    assert {source for _, source, _, _ in edges(plan)} == set(columns)


def test_what_all_columns_depend_on_is_of_the_whole_output() -> None:
    repeated = source("k", (INDIRECT, "JOIN"), (INDIRECT, "FILTER"))
    window = source("w", (INDIRECT, "WINDOW"))
    fields = {name: {"inputFields": [source(name, (DIRECT, "IDENTITY")), repeated, window]} for name in "ab"}
    by_fields = one_plan(dataset("mart", columnLineage={"fields": fields}))
    assert by_fields.dependencies == (Dependency(RAW, "k", Subtype.JOIN),)  # the filter is IS NOT NULL of the join
    assert ("a", "w", "INDIRECT/WINDOW", True) in edges(by_fields)
    whole = {"fields": {}, "dataset": [repeated, source("s", (DIRECT, "AGGREGATION"))]}
    by_dataset = one_plan(dataset("mart", columnLineage=whole))
    assert by_dataset.dependencies == (
        Dependency(RAW, "k", Subtype.JOIN),
        Dependency(RAW, "s", Subtype.AGGREGATION, exact=False),
    )


def test_the_lineage_facet_supersedes_column_lineage() -> None:
    inputs = [{"type": "DATASET", **source("k", (INDIRECT, "FILTER"))}, {"type": "JOB", "name": "j"}]
    lineage = {"fields": {"a": {"inputs": [source("x", (DIRECT, "IDENTITY"))]}, "b": 7}, "inputs": inputs}
    plan = one_plan(dataset("mart", lineage=lineage, columnLineage={"fields": {"a": {"inputFields": [source("y")]}}}))
    assert edges(plan) == {("a", "x", "DIRECT/IDENTITY", True)}
    assert plan.dependencies == (Dependency(RAW, "k", Subtype.FILTER),)


def test_columns_without_sources_say_why_as_far_as_the_producer_does() -> None:
    fields = {
        "conditional": {"inputFields": [source("x", (INDIRECT, "CONDITIONAL"))]},
        "rank": {"inputFields": [source("x", (INDIRECT, "WINDOW"))]},
        "direct": {"inputFields": [source("x", (DIRECT, "IDENTITY"))]},
    }
    plan = one_plan(dataset("mart", columnLineage={"fields": fields}, schema=schema("direct", "untold")))
    origins = {column.name: column.origin for column in plan.columns}
    assert origins == {
        "direct": None,
        "untold": Origin.UNRESOLVED,
        "conditional": Origin.CONDITIONAL,
        "rank": Origin.GENERATED,
    }


def test_a_nested_field_is_in_its_column() -> None:
    nested = {"fields": {"city": {"inputFields": [source("address.city", (DIRECT, "IDENTITY"))]}}}
    (plan,) = folded(
        {
            "inputs": [dataset("raw", schema=schema("address"))],
            "outputs": [dataset("mart", columnLineage=nested)],
        }
    ).plans
    (edge,) = plan.derivations
    assert (edge.source_column, edge.source_field) == ("address", "address.city")


def test_a_description_is_the_expression_and_masking_is_kept() -> None:
    entry = source("x", (DIRECT, "TRANSFORMATION"), description="sha2(x)", masking=True)
    plan = one_plan(dataset("mart", columnLineage={"fields": {"a": {"inputFields": [entry]}}}))
    assert plan.derivations == (
        Derivation("a", RAW, "x", DependencyType.DIRECT, Subtype.TRANSFORMATION, masking=True, expression="sha2(x)"),
    )


def test_an_input_through_a_symlink_and_an_alias_of_a_subquery() -> None:
    warehouse = "postgres://h:5432"
    symlink = {"identifiers": [{"namespace": "arn:aws:glue:eu-west-1:1", "name": "table/shop/orders", "type": "TABLE"}]}
    inputs = [{"namespace": warehouse, "name": "shop.public.orders", "facets": {"symlinks": symlink}}]
    fields = {
        "a": {"inputFields": [{"namespace": "arn:aws:glue:eu-west-1:1", "name": "table/shop/orders", "field": "x"}]},
        "n": {"inputFields": [{"namespace": warehouse, "name": "o", "field": "n"}]},
        "t": {"inputFields": [{"namespace": "inmemory://", "name": "temp", "field": "n"}]},
    }
    output = {"namespace": warehouse, "name": "shop.public.mart", "facets": {"columnLineage": {"fields": fields}}}
    (plan,) = folded({"inputs": inputs, "outputs": [output]}).plans
    assert edges(plan) == {("a", "x", "DIRECT/TRANSFORMATION", False)}
    assert {one.uri for one in plan.inputs} == {"postgres://h:5432/shop.public.orders"}


def spark(lifecycle: str | None = None, node: str = "adaptive_spark_plan", **more: Any) -> dict[str, Any]:
    facets = {"lifecycleStateChange": {"lifecycleStateChange": lifecycle}} if lifecycle else {}
    return {
        "job": {
            "namespace": "default",
            "name": f"app.{node}.mart",
            "facets": {"jobType": {"integration": "SPARK", "jobType": "SQL_JOB"}},
        },
        "run": {"runId": RUN, "facets": {"spark_properties": {"properties": {"spark.app.name": "app"}}}},
        "outputs": [dataset("mart", {"outputStatistics": {"rowCount": 3}}, **facets)],
        **more,
    }


EFFECTS = [
    (spark("OVERWRITE"), Effect.OVERWRITE, Role.INNER),
    (spark("TRUNCATE"), Effect.ALL, Role.INNER),
    (spark("CREATE"), Effect.KEEP, Role.INNER),  # as a Delta append says
    (spark(), Effect.KEEP, Role.INNER),
    (spark("CREATE", "execute_create_data_source_table_as_select_command"), Effect.ALL, Role.WRAPPER),
    ({"outputs": [dataset("mart", dbt_model={"config": {"materialized": "view"}})]}, Effect.ALL, Role.NONE),
    ({"outputs": [dataset("mart", dbt_model={"config": {"materialized": "incremental"}})]}, Effect.KEEP, Role.NONE),
    ({"outputs": [dataset("mart")]}, Effect.KEEP, Role.NONE),
    ({"outputs": [dataset("mart", lifecycleStateChange={"lifecycleStateChange": "CREATE"})]}, Effect.ALL, Role.NONE),
]


@pytest.mark.parametrize(("sent", "effect", "role"), EFFECTS)
def test_what_a_run_did_to_its_output(sent: dict[str, Any], effect: Effect, role: Role) -> None:
    (plan,) = folded(sent).plans
    assert (plan.effect, plan.role) == (effect, role)
    assert plan.secondary


def test_jobs_are_those_of_other_agents_and_openlineages_names_are_aliases() -> None:
    (plan,) = folded(spark()).plans
    assert (plan.job, plan.job_names) == (Job("spark", "app"), ("default/app.adaptive_spark_plan.mart",))
    glue = {"spark.app.name": "nightly", "spark.glue.JOB_NAME": "load", "spark.glue.JOB_RUN_ID": "jr_1"}
    sent = spark(run={"runId": RUN, "facets": {"spark_properties": {"properties": glue}}})
    (plan,), (run,) = folded(sent).plans, folded(sent).runs
    assert (plan.job, run.job_run) == (Job("glue", "load"), "jr_1")
    node = {"namespace": "dbt", "name": "x", "facets": {"dbt_node": {"unique_id": "model.shop.orders"}}}
    assert one_plan(dataset("mart"), job=node).job == Job("dbt", "model.shop.orders")
    assert one_plan(dataset("mart")).job_names == ()


def test_a_run_with_two_outputs_is_two_plans_each_with_its_sources() -> None:
    told = dataset("told", columnLineage={"fields": {"a": {"inputFields": [source("x", name="raw")]}}})
    found = folded({"inputs": [dataset("raw"), dataset("other")], "outputs": [told, dataset("untold")]})
    inputs = {plan.target.uri.rpartition("/")[2]: [one.uri for one in plan.inputs] for plan in found.plans}
    assert inputs == {"told": [RAW], "untold": ["s3://lake/other", RAW]}
    assert len({plan.agent_plan_id for plan in found.plans}) == len(found.runs) == 2


def test_facts_of_the_version_that_was_written() -> None:
    own = {
        "outputStatistics": {"rowCount": 3, "size": 10, "fileCount": True},
        "dataQualityMetrics": {"_producer": "x", "rowCount": 3},
    }
    output = dataset("mart", own, version={"datasetVersion": "7"}, schema=schema("A"))
    (run,) = folded({"outputs": [output]}).runs
    facts = dict(run.facts)
    assert json.loads(str(facts.pop("columnTypes"))) == {"a": "long"}
    assert json.loads(str(facts.pop("quality"))) == {"dataQualityMetrics": {"rowCount": 3}}
    assert facts == {"rowCount": 3, "byteCount": 10, "tableVersion": "7"}


def test_a_failed_run_has_an_error_and_no_facts() -> None:
    failed = {"eventType": "FAIL", "run": {"runId": RUN, "facets": {"errorMessage": {"message": "no\nat x"}}}}
    found = folded({"outputs": [dataset("mart", schema=schema("a"))]}, failed)
    (run,) = found.runs
    assert (found.outcome, run.error, run.facts) == (Outcome.FAILED, "no", ())
    aborted = folded({"eventType": "ABORT", "outputs": [dataset("mart")]})
    assert aborted.runs[0].error == "the run ended with ABORT"


def test_facets_add_up_the_latest_counts_and_one_can_be_taken_back() -> None:
    first = {"eventType": "START", "outputs": [dataset("mart", schema=schema("a"), storage={"storageLayer": "delta"})]}
    second = {
        "eventTime": "2026-01-01T00:00:01Z",
        "outputs": [dataset("mart", schema=schema("b"), storage={"_deleted": True})],
    }
    for events in ((first, second), (second, first)):
        (plan,) = folded(*events).plans
        assert [column.name for column in plan.columns] == ["b"]
        assert plan.target.format is None


def test_the_declaration_of_a_job_is_replaced_by_a_later_one() -> None:
    job = {"eventType": None, "run": None}
    first = {**job, "inputs": [dataset("old")], "outputs": [dataset("mart")]}
    later = {**job, "eventTime": "2026-01-02T00:00:00Z", "inputs": [dataset("new")], "outputs": [dataset("mart")]}
    for events in ((first, later), (later, first)):
        (plan,) = folded(*events).plans
        assert [one.uri for one in plan.inputs] == ["s3://lake/new"]


def test_partitions_of_one_dataset_are_one_input() -> None:
    inputs = [dataset("raw/dt=2026-01-01"), dataset("raw/dt=2026-01-02")]
    (plan,) = folded({"inputs": inputs, "outputs": [dataset("mart")]}).plans
    assert [(one.uri, one.partition) for one in plan.inputs] == [(RAW, None)]


def test_no_events_are_nothing() -> None:
    assert mapped([], DEFAULT) is None


def test_ten_thousand_inputs() -> None:
    (plan,) = folded({"inputs": [dataset(f"raw{n}") for n in range(10_000)], "outputs": [dataset("mart")]}).plans
    assert len(plan.inputs) == 10_000


def test_a_run_with_too_many_pairs_of_inputs_and_outputs_is_refused() -> None:
    """Of a body of 60 kB the graph would have to keep 90,000 edges: the work has to grow with the bytes."""
    inputs, outputs = ([dataset(f"{name}{n}") for n in range(300)] for name in ("raw", "mart"))
    with pytest.raises(DecodeError, match="300 outputs without column lineage and 300 inputs"):
        folded({"inputs": inputs, "outputs": outputs})
    told = [dataset(f"mart{n}", columnLineage={"fields": {"a": {"inputFields": [source("b")]}}}) for n in range(300)]
    plans = folded({"inputs": inputs, "outputs": told}).plans
    assert {len(plan.inputs) for plan in plans} == {1}
    assert len({plan.key for plan in plans}) == 300


def test_what_all_columns_depend_on_is_found_among_many() -> None:
    many = [source(f"c{n}", ("INDIRECT", "FILTER")) for n in range(8_000)]
    fields = {"a": {"inputFields": many}, "b": {"inputFields": [*reversed(many), source("own", ("INDIRECT", "SORT"))]}}
    plan = one_plan(dataset("mart", columnLineage={"fields": fields}))
    assert [one.source_column for one in plan.dependencies] == [f"c{n}" for n in range(8_000)]
    assert [(one.target, one.source_column) for one in plan.derivations] == [("b", "own")]


def test_that_one_output_was_overwritten_says_nothing_of_the_others() -> None:
    replaced = dataset("a", lifecycleStateChange={"lifecycleStateChange": "OVERWRITE"})
    plans = folded({"inputs": [dataset("raw")], "outputs": [replaced, dataset("b")]}).plans
    assert [plan.effect for plan in plans] == [Effect.OVERWRITE, Effect.KEEP]


def of_sql(query: str, *outputs: dict[str, Any], inputs: list[dict[str, Any]] | None = None, **more: Any) -> Mapped:
    """A task of Airflow that ran SQL: the provider says the same of it, whatever the statements do."""
    facets = {"jobType": {"integration": "AIRFLOW", "jobType": "TASK"}, "sql": {"query": query}}
    return folded(
        {"job": {"namespace": "air", "name": "d.t", "facets": facets}, "inputs": inputs or [], "outputs": [*outputs]}
        | more
    )


@pytest.mark.parametrize(
    ("query", "outcome", "effects"),
    [
        ("create table if not exists shop.mart.orders (a int)", Outcome.CREATED, []),
        ("delete from mart.orders where day = 1", Outcome.NO_OUTPUT, []),
        ("truncate table mart.orders", Outcome.EMPTIED, [Effect.END]),
        ("drop table mart.orders", Outcome.DROPPED, [Effect.END]),
        ("insert into mart.orders values (1)", Outcome.WRITTEN, [Effect.KEEP]),
        ("create table mart.orders as select 1 as a", Outcome.WRITTEN, [Effect.ALL]),
        ("copy mart.orders from 's3://lake/x'", Outcome.WRITTEN, [Effect.KEEP]),
        ("create table other (a int)", Outcome.WRITTEN, [Effect.KEEP]),
    ],
)
def test_sql_says_what_a_task_did_to_its_table(query: str, outcome: Outcome, effects: list[Effect]) -> None:
    found = of_sql(query, dataset("shop.mart.orders", schema=schema("a")))
    assert (found.outcome, [plan.effect for plan in found.plans]) == (outcome, effects)
    failed = of_sql(query, dataset("shop.mart.orders", schema=schema("a")), eventType="FAIL")
    assert (failed.outcome, len(failed.plans), len(failed.runs)) == (Outcome.FAILED, 1, 1)


def test_a_table_that_a_task_only_made_is_no_output_beside_the_one_that_it_wrote() -> None:
    query = "create table if not exists staged (a int); truncate mart; insert into mart select a from raw"
    found = of_sql(query, dataset("staged"), dataset("mart", schema=schema("a")), inputs=[dataset("raw")])
    assert [(plan.target.uri, plan.effect) for plan in found.plans] == [(f"{LAKE}/mart", Effect.ALL)]


def test_the_words_of_the_producer_count_before_those_of_its_sql() -> None:
    said = {"lifecycleStateChange": {"lifecycleStateChange": "OVERWRITE"}}
    (plan,) = of_sql("truncate mart", dataset("mart", **said)).plans
    assert plan.effect is Effect.OVERWRITE
    (plan,) = of_sql("truncate mart", dataset("mart", dbt_model={"config": {"materialized": "incremental"}})).plans
    assert plan.effect is Effect.KEEP


@pytest.mark.parametrize(
    ("fields", "of_table", "unclear"),
    [
        ({"a": "x", "_0": "y"}, {("a", "x"), ("total", "y")}, set()),
        ({"A": "x", "y": "y", "_0": "z"}, {("a", "x"), ("total", "y"), ("total", "z")}, {"total"}),
        ({"y": "y"}, {("a", "y"), ("total", "y")}, {"a", "total"}),
        ({"a": "x", "total": "y", "z": "z"}, {("a", "x"), ("total", "y"), ("z", "z")}, set()),
    ],
)
def test_columns_that_airflow_calls_as_the_query_does_are_those_of_the_table(
    fields: dict[str, str], of_table: set[tuple[str, str]], unclear: set[str]
) -> None:
    facet = {"fields": {name: {"inputFields": [source(column)]} for name, column in fields.items()}}
    output = dataset("mart", schema=schema("a", "total"), columnLineage=facet)
    (plan,) = of_sql("insert into mart select ...", output, inputs=[dataset("raw")]).plans
    assert {(d.target, d.source_column) for d in plan.derivations} == of_table
    assert {column.name for column in plan.columns if not column.resolved} == unclear
    assert not any(d.exact for d in plan.derivations)


def test_a_column_in_another_case_is_that_of_the_schema() -> None:
    facet = {"fields": {"amount": {"inputFields": [source("AMOUNT")]}}}
    plan = one_plan(dataset("mart", schema=schema("AMOUNT", "DAY"), columnLineage=facet))
    assert [(column.name, column.resolved) for column in plan.columns] == [("AMOUNT", True), ("DAY", False)]
    both = {"fields": {"a": {"inputFields": [source("x")]}, "A": {"inputFields": [source("y")]}}}
    plan = one_plan(dataset("mart", schema=schema("a", "A"), columnLineage=both))
    assert {(d.target, d.source_column) for d in plan.derivations} == {("a", "x"), ("A", "y")}


def test_a_dataset_without_a_namespace_is_of_its_job_alone() -> None:
    """Flink 2.1 sends tables of its connector for files so, and its own catalog has an `orders` in each job."""

    def flink(job: str) -> Plan:
        nameless = {"namespace": "", "name": "default_catalog.default_database.orders"}
        fields = {"total": {"inputFields": [{**nameless, "field": "amount"}]}}
        output = dataset("mart", schema=schema("total"), columnLineage={"fields": fields})
        (plan,) = folded(
            {"job": {"namespace": "flink-jobs", "name": job}, "inputs": [nameless], "outputs": [output]}
        ).plans
        return plan

    one, again, other = flink("one"), flink("one"), flink("other")
    (source_,) = one.inputs
    assert source_.uri.startswith("unresolved:")
    assert source_.uri.endswith("/default_catalog.default_database.orders")
    assert [dataset_.uri for dataset_ in again.inputs] == [source_.uri]
    assert [dataset_.uri for dataset_ in other.inputs] != [source_.uri]
    assert {(d.source_dataset, d.source_column) for d in one.derivations} == {(source_.uri, "amount")}
