"""What an overwrite replaces: all of a table, or the partitions that options of the write name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from headwater.graphmodel.model import Effect
from headwater.spline_bridge.agent import Captured, report
from headwater.spline_bridge.decode import decode_plan
from tests.unit.spline_bridge.test_agent import FLAT, RUN, attribute, insert

TABLE = {
    "class": "DeltaTableV2",
    "name": "spark_catalog.default.t",
    "identifier": "default.t",
    "properties": {"provider": "delta"},
    "path": "s3://lake/t",
}
OPTIONS: dict[str, tuple[dict[str, str], Effect]] = {
    "nothing is said": ({}, Effect.OVERWRITE),
    "dynamic": ({"partitionOverwriteMode": "DYNAMIC"}, Effect.KEEP),
    "static": ({"partitionOverwriteMode": "static"}, Effect.OVERWRITE),
    "dynamic, as Iceberg calls it": ({"overwrite-mode": "dynamic"}, Effect.KEEP),
    "rows by a condition": ({"replacewhere": "p = 1"}, Effect.KEEP),
    "another option": ({"mergeSchema": "true"}, Effect.OVERWRITE),
}


def effect(command: str, details: dict[str, object]) -> Effect:
    plan = json.loads(insert(1).plan)
    head = {"class": f"org.apache.spark.sql.{command}", "num-children": 1, "query": 0}
    captured = replace(insert(1), plan=json.dumps([head, *plan[1:]]), command=details)
    return decode_plan(json.dumps(report(captured, RUN).plan).encode(), FLAT).effect


@pytest.mark.parametrize("case", OPTIONS)
def test_an_overwrite_of_a_table_replaces_what_its_options_say(case: str) -> None:
    """`writeTo` and `saveAsTable` give a table's own source the options of the write."""
    options, expected = OPTIONS[case]
    details = {"relation": TABLE, "write_options": options}
    assert effect("OverwritePartitions", details) is expected


@pytest.mark.parametrize(("dynamic", "expected"), [(True, Effect.KEEP), (False, Effect.OVERWRITE)])
def test_delta_files_follow_the_setting(dynamic: bool, expected: Effect) -> None:
    options = {"path": "s3://lake/t", "__partition_columns": '["p"]'}
    details = {"format": "delta", "mode": "Overwrite", "options": options, "dynamic": dynamic}
    assert effect("SaveIntoDataSourceCommand", details) is expected


def test_iceberg_rows_that_are_staged_replace_nothing() -> None:
    """With `spark.wap.id` a write is a snapshot that is no table's yet."""
    assert effect("OverwritePartitions", {"relation": {**TABLE, "staged": True}}) is Effect.KEEP


def test_iceberg_procedures_name_their_table() -> None:
    command = {"class": "org.apache.spark.sql.catalyst.plans.logical.Call", "num-children": 0, "args": []}
    copy = {"paths": ["/lake/t.branch_dev"], "format": "iceberg"}
    schema = json.dumps({"fields": [{"name": "id", "type": "long"}]})
    moved = Captured(
        json.dumps([command]), {"path": "/lake/t", "clone": {**copy, "schema": schema}, "filesystem": "file:///"}
    )
    plan = decode_plan(json.dumps(report(moved, RUN).plan).encode(), FLAT)
    assert (plan.target.uri, plan.effect) == ("file:///lake/t", Effect.OVERWRITE)
    assert {(d.source_dataset, d.source_column, d.target) for d in plan.derivations} == {
        ("file:///lake/t.branch_dev", "id", "id")
    }
    rolled_back = Captured(json.dumps([command]), {"path": "/lake/t", "format": "iceberg", "filesystem": "file:///"})
    plan = decode_plan(json.dumps(report(rolled_back, RUN).plan).encode(), FLAT)
    assert (plan.target.uri, plan.effect, plan.derivations) == ("file:///lake/t", Effect.KEEP, ())


@pytest.mark.parametrize(("value", "uri"), [("o1", "kafka://b1:9092/o1"), (None, "unresolved:")])
def test_the_topic_that_all_rows_name_is_the_target(value: str | None, uri: str) -> None:
    """``SELECT value, 'o1' AS topic``; a topic that a column gives is not known."""
    plan = json.loads(insert(1).plan)
    expressions = "org.apache.spark.sql.catalyst.expressions"
    item = {"class": f"{expressions}.Literal", "num-children": 0, "value": value, "dataType": "string"}
    topic = {
        "class": f"{expressions}.Alias",
        "num-children": 1,
        "child": 0,
        "name": "topic",
        "exprId": attribute("topic", 9)["exprId"],
    }
    given = [item] if value else [plan[1]["output"][0][0]]
    rows = {
        "class": "org.apache.spark.sql.catalyst.plans.logical.Project",
        "num-children": 1,
        "projectList": [[topic, *given]],
        "child": 0,
    }
    command = {"class": "org.apache.spark.sql.SaveIntoDataSourceCommand", "num-children": 0, "query": [rows, plan[1]]}
    details = {"format": "kafka", "mode": "Append", "options": {"kafka.bootstrap.servers": "b1:9092"}}
    found = report(replace(insert(1), plan=json.dumps([command]), command=details), RUN)
    assert decode_plan(json.dumps(found.plan).encode(), FLAT).target.uri.startswith(uri)


@pytest.mark.parametrize(
    ("details", "uri"),
    [
        ({"class": "KafkaSourceProvider$KafkaTable", "table": "KafkaTable", "options": {"topic": "o1"}}, "kafka:o1"),
        (
            {"table": "ic.db.t", "properties": {"location": "s3://lake/db/t", "provider": "iceberg"}},
            "s3://lake/db/t",
        ),
    ],
)
def test_a_stream_writes_to_a_topic_or_a_table(details: dict[str, object], uri: str) -> None:
    plan = json.loads(insert(1).plan)
    sink = {"class": "org.apache.spark.sql.execution.streaming.sources.WriteToMicroBatchDataSource", "num-children": 1}
    captured = replace(insert(1), plan=json.dumps([sink, plan[1]]), command=details)
    assert report(captured, RUN).plan["operations"]["write"]["outputSource"] == uri
