"""The Python agent's pure part: identities, secrets, and what the mapping makes of expressions that are referred to."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from headwater.graphmodel.model import DependencyType, Effect, Origin, Plan, Subtype
from headwater.spline_bridge.agent import Captured, Run, is_write, report
from headwater.spline_bridge.agent.model import Frozen, Leaf
from headwater.spline_bridge.agent.printed import expression
from headwater.spline_bridge.agent.results import result
from headwater.spline_bridge.agent.tree import Node, parse
from headwater.spline_bridge.decode import decode_plan
from headwater.spline_bridge.plantext import attribute as attribute_of
from headwater.spline_bridge.versions import CONTENT_TYPES

_CATALYST = "org.apache.spark.sql.catalyst."
FLAT = next(name for name, version in CONTENT_TYPES.items() if version == "1.2")
RUN = Run("app-1", "nightly", "ann", "3.5.9", started_ms=1_000, ended_ms=3_000, duration_ns=2_000_000_000)


def attribute(name: str, key: int) -> dict[str, object]:
    return {
        "class": f"{_CATALYST}expressions.AttributeReference",
        "num-children": 0,
        "name": name,
        "dataType": "long",
        "exprId": {"product-class": f"{_CATALYST}expressions.ExprId", "id": key},
        "qualifier": [],
    }


def insert(key: int, **options: str) -> Captured:
    """One column from a relation without files into files."""
    plan = [
        {
            "class": "org.apache.spark.sql.execution.datasources.InsertIntoHadoopFsRelationCommand",
            "num-children": 1,
            "query": 0,
        },
        {
            "class": f"{_CATALYST}plans.logical.LocalRelation",
            "num-children": 0,
            "output": [[attribute("n", key)]],
        },
    ]
    command = {"path": "s3://lake/out/", "mode": "Append", "format": "parquet", "options": options}
    return Captured(json.dumps(plan), command)


def test_a_plan_has_one_id_whatever_spark_counts_and_whenever_it_runs() -> None:
    ids = {
        report(insert(1), RUN).plan["id"],
        report(insert(99), replace(RUN, app_id="app-2", started_ms=5, ended_ms=6, spark_version="4.0.0")).plan["id"],
    }
    assert len(ids) == 1
    assert report(insert(1), replace(RUN, app_name="hourly")).plan["id"] not in ids


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("nativespark-orders-jr_0123456789abcdef", {}),
        ("anything", {"spark.glue.JOB_NAME": "orders", "spark.glue.JOB_RUN_ID": "jr_0123456789abcdef"}),
    ],
)
def test_a_glue_job_goes_by_its_name_and_its_runs_are_one_plan(name: str, extra: dict[str, str]) -> None:
    found = report(insert(1), replace(RUN, app_name=name, extra=extra))
    assert "jr_" not in json.dumps(found.plan)
    assert decode_plan(json.dumps(found.plan).encode(), FLAT).job.name == "orders"
    assert found.event["extra"].items() >= extra.items()


def test_an_event_tells_when_it_ran_and_how_it_failed() -> None:
    event = report(insert(1), replace(RUN, duration_ns=None, error="java.io.IOException: disk full\n\tat x")).event
    assert (event["timestamp"], event["extra"]["startTime"]) == (3_000, 1_000)
    assert "durationNs" not in event
    assert event["error"] == "java.io.IOException: disk full"


def test_secrets_are_nowhere_in_a_report() -> None:
    found = report(insert(1, password="hunter2", url="jdbc:h2:mem:x;PASSWORD=hunter2"), RUN)
    assert "hunter2" not in json.dumps([found.plan, found.event])


def test_a_hive_table_is_its_location_and_its_columns_are_in_two_lists() -> None:
    table = {"Database": "db", "Provider": "hive"}
    relation = {"class": f"{_CATALYST}catalog.HiveTableRelation", "num-children": 0}
    columns = {"dataCols": [[attribute("k", 1)]], "partitionCols": [[attribute("p", 2)]]}
    command = {"class": "org.apache.spark.sql.hive.execution.InsertIntoHiveTable", "num-children": 1, "query": 0}
    leaf = Leaf("HiveTableRelation", ("1", "2"), {"table": {**table, "Table": "a", "Location": "s3://lake/a"}})
    details = {"table": {**table, "Table": "b", "Location": "s3://lake/b/"}, "static": {"d": "Some(x)", "e": "None"}}
    captured = Captured(json.dumps([{**command, "overwrite": True}, {**relation, **columns}]), details, (leaf,))
    found = report(captured, RUN).plan
    plan = decode_plan(json.dumps(found).encode(), FLAT)
    assert found["operations"]["write"]["params"]["staticPartitions"] == {"d": "x", "e": "None"}
    assert (plan.target.uri, plan.effect) == ("s3://lake/b", Effect.KEEP)
    assert {(d.source_dataset, d.source_column) for d in plan.derivations} == {
        ("s3://lake/a", "k"),
        ("s3://lake/a", "p"),
    }


def test_what_is_no_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="no tree"):
        parse("[]")


@pytest.mark.parametrize("type_", ["long", "decimal(3,1)", [], [{"name": "x"}], {"type": "map"}, {"type": "new"}, 7])
def test_a_type_that_is_not_known_stops_nothing(type_: object) -> None:
    captured = insert(1)
    plan = json.loads(captured.plan)
    plan[1]["output"][0][0]["dataType"] = type_
    assert report(replace(captured, plan=json.dumps(plan)), RUN).plan["attributes"][0]["name"] == "n"


@pytest.mark.parametrize(
    ("text", "name", "columns"),
    [
        ("amount#12L", "AttributeReference", [12]),
        ("cast(b#3 as double)", "Cast", [3]),
        ("price", "Literal", []),
        ("(a#1 + b#2)", "PrintedExpression", [1, 2]),
    ],
)
def test_printed_expressions_keep_their_columns(text: str, name: str, columns: list[int]) -> None:
    found = expression(text)
    named = [found] if name == "AttributeReference" else found.children
    assert (found.name, [item.fields["exprId"] for item in named]) == (name, columns)


def test_the_agent_needs_the_standard_library_alone() -> None:
    code = (
        "import sys; before = set(sys.modules); import headwater.spline_bridge.agent;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "['headwater']"


def rows(key: int) -> dict[str, object]:
    """A leaf that holds rows of an RDD, with one column."""
    return {
        "class": "org.apache.spark.sql.execution.LogicalRDD",
        "num-children": 0,
        "output": [[attribute("n", key)]],
        "rdd": None,
    }


def relation(key: int) -> dict[str, object]:
    return {
        "class": "org.apache.spark.sql.execution.datasources.LogicalRelation",
        "num-children": 0,
        "output": [[attribute("n", key)]],
    }


def sink(above: int) -> dict[str, object]:
    return {
        "class": "org.apache.spark.sql.execution.streaming.sources.WriteToMicroBatchDataSourceV1",
        "num-children": above,
    }


@pytest.mark.parametrize("above", [[], [sink(1)]])
def test_the_rows_of_a_checkpoint_or_a_batch_come_from_the_plan_behind_them(above: list[dict[str, object]]) -> None:
    insert_of_rows = [*json.loads(insert(7).plan)[:1], rows(7)]
    leaf = Leaf("LogicalRelation", ("7",), {"paths": ["s3://lake/raw"], "format": "Parquet"})
    before = Captured(json.dumps([*above, relation(7)]), {}, (leaf,))
    captured = replace(insert(7), plan=json.dumps(insert_of_rows), frozen=(Frozen(("7",), before),))
    plan = decode_plan(json.dumps(report(captured, RUN).plan).encode(), FLAT)
    assert {(d.source_dataset, d.source_column, d.target) for d in plan.derivations} == {("s3://lake/raw", "n", "n")}
    unknown = replace(captured, frozen=(Frozen(("8",), before),))
    assert decode_plan(json.dumps(report(unknown, RUN).plan).encode(), FLAT).derivations == ()


def test_the_rows_of_a_checkpoint_may_have_new_ids() -> None:
    leaf = Leaf("LogicalRelation", ("7",), {"paths": ["s3://lake/raw"], "format": "Parquet"})
    before = Captured(json.dumps([relation(7)]), {}, (leaf,))
    plan = [*json.loads(insert(17).plan)[:1], rows(17)]
    captured = replace(insert(17), plan=json.dumps(plan), frozen=(Frozen(("17",), before, ("7",)),))
    found = decode_plan(json.dumps(report(captured, RUN).plan).encode(), FLAT)
    assert {(d.source_dataset, d.source_column, d.target) for d in found.derivations} == {("s3://lake/raw", "n", "n")}


def idle(told: dict[str, object]) -> Captured:
    """A batch of a stream whose source had nothing new: its plan has an empty table in place of the source."""
    path = f"{_CATALYST}plans.logical."
    plan = [
        {"class": "org.apache.spark.sql.execution.streaming.sources.WriteToMicroBatchDataSourceV1", "num-children": 1},
        {"class": f"{path}LocalRelation", "num-children": 0, "output": [[attribute("n", 5)]], "isStreaming": True},
    ]
    command = {"sink": "FileSink[/lake/out]", "options": {"path": "/lake/out"}, "filesystem": "file:///"}
    return Captured(json.dumps(plan), command, (Leaf("StreamingRelation", ("5",), told),))


def test_a_stream_without_new_rows_is_read_from_its_source() -> None:
    told: dict[str, object] = {"format": "json", "options": {"path": "s3://lake/raw"}}
    plan = decode_plan(json.dumps(report(idle(told), RUN).plan).encode(), FLAT)
    assert {(d.source_dataset, d.source_column, d.target) for d in plan.derivations} == {("s3://lake/raw", "n", "n")}


def test_a_stream_without_new_rows_whose_source_is_not_known_is_no_constant() -> None:
    plan = decode_plan(json.dumps(report(idle({}), RUN).plan).encode(), FLAT)
    assert [column.resolved for column in plan.columns] == [False]


def test_rows_of_an_rdd_that_is_empty_are_not_unresolved() -> None:
    captured = insert(5)
    plan = [*json.loads(captured.plan)[:-1], {"class": "org.apache.spark.sql.execution.LogicalRDD", "num-children": 0,
            "output": [[attribute("n", 5)]]}]  # fmt: skip
    empty = replace(captured, plan=json.dumps(plan), leaves=(Leaf("LogicalRDD", ("5",), {"paths": [], "empty": True}),))
    found = decode_plan(json.dumps(report(empty, RUN).plan).encode(), FLAT)
    assert [(column.resolved, column.origin) for column in found.columns] == [(True, Origin.CONSTANT)]


def test_what_delta_says_of_a_change_is_no_column_of_the_table() -> None:
    details = {"format": "delta", "paths": ["s3://lake/t"], "hidden": ["8"]}
    leaf = Leaf("LogicalRelation", ("7", "8"), details)
    read = {**relation(7), "output": [[attribute("n", 7)], [attribute("_change_type", 8)]]}
    captured = replace(insert(7), plan=json.dumps([*json.loads(insert(7).plan)[:1], read]), leaves=(leaf,))
    plan = decode_plan(json.dumps(report(captured, RUN).plan).encode(), FLAT)
    assert plan.inputs[0].columns == ("n",)
    assert {(d.source_column, d.target) for d in plan.derivations} == {("n", "n")}
    assert plan.target.columns == ("n", "_change_type")


def merge_action(name: str, key: int) -> list[dict[str, object]]:
    """``SET name = <the column with that id>``, as Delta's plan has it."""
    action = {
        "class": f"{_CATALYST}plans.logical.DeltaMergeAction",
        "num-children": 1,
        "targetColNameParts": f"[{name}]",
        "expr": 0,
    }
    return [action, attribute(name, key)]


def test_a_merge_that_adds_columns_to_its_target_gives_them_lineage() -> None:
    """With schema evolution the clauses assign to columns that the target does not have."""
    clause = {
        "class": f"{_CATALYST}plans.logical.DeltaMergeIntoNotMatchedInsertClause",
        "num-children": 2,
        "condition": None,
        "actions": [0, 1],
    }
    merge = {
        "class": "org.apache.spark.sql.delta.commands.MergeIntoCommand",
        "num-children": 0,
        "source": [{**relation(1), "output": [[attribute("id", 1)], [attribute("w", 2)]]}],
        "target": [{**relation(3), "output": [[attribute("id", 3)]]}],
        "condition": [attribute("id", 1)],
        "notMatchedClauses": [[clause, *merge_action("id", 1), *merge_action("w", 2)]],
    }
    leaves = (
        Leaf("LogicalRelation", ("1", "2"), {"paths": ["s3://lake/raw"], "format": "Parquet"}),
        Leaf("LogicalRelation", ("3",), {"paths": ["s3://lake/t"], "format": "Parquet"}),
    )
    command = {"relation": {"paths": ["s3://lake/t"], "format": "Parquet"}}
    plan = decode_plan(json.dumps(report(Captured(json.dumps([merge]), command, leaves), RUN).plan).encode(), FLAT)
    assert [column.name for column in plan.columns] == ["id", "w"]
    found = {(d.source_dataset, d.source_column, d.target) for d in plan.derivations}
    assert found == {("s3://lake/t", "id", "id"), ("s3://lake/raw", "id", "id"), ("s3://lake/raw", "w", "w")}


class Command:
    """A logical plan of the JVM as py4j shows it: its class, and getters that are named here."""

    def __init__(self, name: str, **getters: object) -> None:
        self._name = name
        for getter, answer in getters.items():
            setattr(self, getter, lambda answer=answer: answer)

    def getClass(self) -> Command:  # noqa: N802 - Java's name
        return self

    def getName(self) -> str:  # noqa: N802 - Java's name
        return f"org.example.{self._name}"


@pytest.mark.parametrize(
    ("command", "writes"),
    [
        (Command("RestoreTableCommand"), True),
        (Command("SomebodysUpsertCommand"), True),
        (Command("AlterTableRenameCommand", isView=False), True),
        (Command("AlterTableRenameCommand", isView=True), False),
        (Command("RenameTable", isView=False), True),
        (Command("CreateDeltaTableCommand", query=Command("Some", get=Command("CloneTableCommand"))), True),
        (Command("CreateDeltaTableCommand", query=Command("None$")), False),
        (Command("TruncateTableCommand", partitionSpec=Command("None$", isDefined=False)), True),
        (Command("TruncateTableCommand", partitionSpec=Command("Some", isDefined=True)), False),
        (Command("DropColumns"), True),
        (Command("CreateViewCommand"), False),
        (Command("AnalyzeColumnCommand"), False),
        (Command("Project"), False),
        (Command("LoadDataCommand", isView=False), True),
        (Command("Call", procedure=Command("AddFilesProcedure")), True),
        (Command("Call", procedure=Command("RewriteDataFilesProcedure")), False),
    ],
)
def test_a_command_without_a_rule_is_a_write_by_its_name(command: Command, writes: bool) -> None:
    assert is_write("command", Command("QueryExecution", analyzed=command)) is writes


def test_a_write_that_is_not_understood_has_an_unresolved_target() -> None:
    """Its run is known, and so is what it reads: the dataset is never taken for one that the plan names."""
    restore = {"class": "org.example.SomebodysUpsertCommand", "num-children": 1, "table": 0}
    leaf = Leaf("LogicalRelation", ("1",), {"paths": ["s3://lake/raw"], "format": "Parquet"})
    found = report(Captured(json.dumps([restore, relation(1)]), {}, (leaf,)), RUN)
    plan = decode_plan(json.dumps(found.plan).encode(), FLAT)
    assert found.plan["operations"]["write"]["outputSource"] == "unresolved:SomebodysUpsertCommand"
    assert plan.target.uri.startswith("unresolved:")
    assert [read.uri for read in plan.inputs] == ["s3://lake/raw"]


def test_a_clone_has_the_columns_of_its_source() -> None:
    clone = {"class": "org.apache.spark.sql.delta.commands.CloneTableCommand", "num-children": 0, "sourceTable": None}
    create = {"class": "org.apache.spark.sql.delta.commands.CreateDeltaTableCommand", "num-children": 0}
    output = [[attribute("source_table_size", 186)]]
    schema = [{"name": "id", "type": "long"}, {"name": "at", "type": {"type": "struct", "fields": []}}]
    details = {
        "path": "s3://lake/copy",
        "clone": {"paths": ["s3://lake/d"], "format": "delta", "schema": json.dumps({"fields": schema})},
    }
    captured = Captured(json.dumps([{**create, "query": [clone], "output": output}]), details)
    plan = decode_plan(json.dumps(report(captured, RUN).plan).encode(), FLAT)
    assert (plan.target.uri, plan.effect) == ("s3://lake/copy", Effect.OVERWRITE)
    assert {(d.source_dataset, d.source_column, d.target, d.subtype) for d in plan.derivations} == {
        ("s3://lake/d", "id", "id", Subtype.IDENTITY),
        ("s3://lake/d", "at", "at", Subtype.IDENTITY),
    }


@pytest.mark.parametrize("command", ["AlterTableRenameCommand", "RenameTable"])
def test_a_table_whose_files_moved_with_its_name_has_its_columns_from_the_old_place(command: str) -> None:
    schema = json.dumps({"fields": [{"name": "id", "type": "long"}]})
    details = {
        "path": "s3://lake/new",
        "table": {"Table": "new", "Database": "shop"},
        "clone": {"paths": ["s3://lake/old"], "schema": schema},
    }
    tree = [{"class": f"{_CATALYST}plans.logical.{command}", "num-children": 0}]
    plan = decode_plan(json.dumps(report(Captured(json.dumps(tree), details), RUN).plan).encode(), FLAT)
    assert (plan.target.uri, plan.effect) == ("s3://lake/new", Effect.ALL)
    assert "shop.new" in plan.target.spellings
    assert [(d.source_dataset, d.source_column, d.target) for d in plan.derivations] == [("s3://lake/old", "id", "id")]
    unknown = decode_plan(json.dumps(report(Captured(json.dumps(tree), {}), RUN).plan).encode(), FLAT)
    assert unknown.target.uri.startswith("unresolved:")  # where the agent could not find out


def test_a_renamed_column_comes_from_the_one_of_the_old_name() -> None:
    field = {"product-class": "org.apache.spark.sql.types.StructField", "name": "old", "dataType": "string"}
    column = {"class": f"{_CATALYST}analysis.ResolvedFieldName", "num-children": 0, "path": [], "field": field}
    rename = {"class": f"{_CATALYST}plans.logical.RenameColumn", "num-children": 1, "table": 0}
    table = {"class": f"{_CATALYST}analysis.ResolvedTable", "num-children": 0}
    outputs = [[attribute("id", 1)], [attribute("old", 2)]]
    at = {"identifier": "default.rc", "name": "spark_catalog.default.rc", "properties": {"location": "s3://lake/rc"}}
    tree = [{**rename, "column": [column], "newName": "new"}, {**table, "outputAttributes": outputs}]
    captured = Captured(json.dumps(tree), {"relation": at}, (Leaf("ResolvedTable", ("1", "2"), at),))
    plan = decode_plan(json.dumps(report(captured, RUN).plan).encode(), FLAT)
    assert (plan.target.uri, plan.effect) == ("s3://lake/rc", Effect.KEEP)
    assert plan.renames == (("old", "new"),)
    assert {(d.source_dataset, d.source_column, d.target, d.subtype) for d in plan.derivations} == {
        ("s3://lake/rc", "id", "id", Subtype.IDENTITY),
        ("s3://lake/rc", "old", "new", Subtype.IDENTITY),
    }


def test_a_dropped_column_takes_what_was_written_to_it_along() -> None:
    """The others stay as they are; of a struct that only loses a field, too."""

    def dropped(name: str, *path: str) -> dict[str, object]:
        field = {"product-class": "org.apache.spark.sql.types.StructField", "name": name, "dataType": "string"}
        column = {"class": f"{_CATALYST}analysis.ResolvedFieldName", "num-children": 0}
        return {**column, "path": list(path), "field": field}

    drop = {"class": f"{_CATALYST}plans.logical.DropColumns", "num-children": 1, "table": 0, "ifExists": False}
    table = {"class": f"{_CATALYST}analysis.ResolvedTable", "num-children": 0}
    outputs = [[attribute("id", 1)], [attribute("a", 2)], [attribute("s", 3)]]
    at = {"identifier": "default.dc", "name": "spark_catalog.default.dc", "properties": {"location": "s3://lake/dc"}}
    tree = [
        {**drop, "columnsToDrop": [[dropped("a")], [dropped("x", "s")]]},
        {**table, "outputAttributes": outputs},
    ]
    captured = Captured(json.dumps(tree), {"relation": at}, (Leaf("ResolvedTable", ("1", "2", "3"), at),))
    plan = decode_plan(json.dumps(report(captured, RUN).plan).encode(), FLAT)
    assert (plan.target.uri, plan.effect, plan.renames) == ("s3://lake/dc", Effect.ALL, ())
    assert {(d.source_column, d.target, d.carried) for d in plan.derivations} == {("id", "id", True), ("s", "s", True)}


_EMPTIED = {"identifier": "default.t", "name": "ice.default.t", "properties": {"location": "s3://lake/t"}}


@pytest.mark.parametrize(
    ("command", "details", "effect"),
    [
        ("TruncateTable", {"relation": _EMPTIED}, Effect.END),
        ("TruncateTableCommand", {"table": {"Table": "t", "Location": "s3://lake/t"}}, Effect.END),
        ("TruncateHoodieTableCommand", {"table": {"Table": "t", "Location": "s3://lake/t"}}, Effect.END),
        ("DeleteFromTable", {"relation": _EMPTIED, "all_rows": True}, Effect.END),
        ("DeleteCommand", {"relation": _EMPTIED, "all_rows": True}, Effect.END),
        ("DeleteCommand", {"relation": _EMPTIED, "all_rows": False}, Effect.KEEP),
        ("DeleteCommand", {"relation": {**_EMPTIED, "staged": True}, "all_rows": True}, Effect.KEEP),
    ],
)
def test_what_empties_a_table_ends_its_lineage(command: str, details: dict[str, object], effect: Effect) -> None:
    held = [relation(1)] if "relation" in details else []  # a command of Spark's own catalog has the table's name alone
    tree = [{"class": f"org.example.{command}", "num-children": len(held), "table": 0}, *held]
    plan = decode_plan(json.dumps(report(Captured(json.dumps(tree), details), RUN).plan).encode(), FLAT)
    assert (plan.target.uri, plan.effect) == ("s3://lake/t", effect)
    if effect is Effect.END:
        assert (plan.inputs, plan.columns, plan.derivations) == ((), (), ())


def generated(operator: list[dict[str, object]]) -> str:
    """The plan by which the agent learns of a column that Delta computes: a filter of the table by its expression."""
    condition = [{"class": f"{_CATALYST}expressions.IsNotNull", "num-children": 1, "child": 0}, *operator]
    table = {"class": f"{_CATALYST}plans.logical.LocalRelation", "num-children": 0}
    return json.dumps(
        [
            {"class": f"{_CATALYST}plans.logical.Filter", "num-children": 1, "condition": condition, "child": 0},
            {**table, "output": [[attribute("n", 70)], [attribute("note", 71)]]},
        ]
    )


def test_columns_that_delta_counts_or_gives_a_default_are_the_tables_too() -> None:
    literal = {"class": f"{_CATALYST}expressions.Literal", "num-children": 0, "value": "7", "dataType": "integer"}
    clock = {"class": f"{_CATALYST}expressions.CurrentTimestamp", "num-children": 0}
    plan = [
        {"class": "org.apache.spark.sql.execution.datasources.SaveIntoDataSourceCommand", "num-children": 0,
         "query": [relation(5)]},
    ]  # fmt: skip
    details = {"mode": "Append", "format": "delta", "options": {"path": "s3://lake/gen"}, "counted": ["id"]}
    filled = {"generated": {"seven": generated([literal]), "at": generated([clock])}, "output": ["n#5L"]}
    leaf = Leaf("LogicalRelation", ("5",), {"paths": ["s3://lake/raw"], "format": "Parquet"})
    captured = Captured(json.dumps(plan), {**details, **filled}, (leaf,))
    found = decode_plan(json.dumps(report(captured, RUN).plan).encode(), FLAT)
    assert {column.name: column.origin for column in found.columns} == {
        "n": None,
        "seven": Origin.CONSTANT,
        "at": Origin.GENERATED,
        "id": Origin.GENERATED,
    }


def test_deltas_own_overwrite_of_partitions_leaves_the_others() -> None:
    name = "org.apache.spark.sql.delta.DeltaDynamicPartitionOverwriteCommand"
    table = {"class": "org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation", "num-children": 0,
             "output": [[attribute("n", 6)]]}  # fmt: skip
    root = {"class": name, "num-children": 1, "query": 0, "isByName": True, "table": [table]}
    at = {"identifier": "default.t", "name": "spark_catalog.default.t", "properties": {"location": "s3://lake/t"}}
    leaf = Leaf("LogicalRelation", ("5",), {"paths": ["s3://lake/raw"], "format": "Parquet"})
    captured = Captured(json.dumps([root, relation(5)]), {"relation": at}, (leaf,))
    plan = decode_plan(json.dumps(report(captured, RUN).plan).encode(), FLAT)
    assert (plan.target.uri, plan.effect) == ("s3://lake/t", Effect.KEEP)
    assert {(d.source_dataset, d.source_column, d.target) for d in plan.derivations} == {("s3://lake/raw", "n", "n")}


def test_a_column_that_delta_computes_comes_from_what_is_written() -> None:
    doubled = {"class": f"{_CATALYST}expressions.Add", "num-children": 2, "left": 0, "right": 1}
    upper = {"class": f"{_CATALYST}expressions.Upper", "num-children": 1, "child": 0}
    made = {
        "n2": generated([doubled, attribute("n", 70), attribute("n", 70)]),
        "copy": generated([attribute("N", 70)]),
        "loud": generated([upper, attribute("note", 71)]),  # of a column that the write leaves out
    }
    plan = [
        {"class": "org.apache.spark.sql.execution.datasources.SaveIntoDataSourceCommand", "num-children": 0,
         "query": [relation(5)]},
    ]  # fmt: skip
    details = {"mode": "Append", "format": "delta", "options": {"path": "s3://lake/gen"}, "generated": made}
    leaf = Leaf("LogicalRelation", ("5",), {"paths": ["s3://lake/raw"], "format": "Parquet"})
    captured = Captured(json.dumps(plan), {**details, "output": ["n#5L"]}, (leaf,))
    found = decode_plan(json.dumps(report(captured, RUN).plan).encode(), FLAT)
    assert {(d.target, d.subtype, d.expression) for d in found.derivations} >= {
        ("n2", Subtype.TRANSFORMATION, "n + n"),
        ("copy", Subtype.IDENTITY, "n"),
    }
    assert [c.origin for c in found.columns if c.name == "loud"] == [Origin.CONSTANT]


@pytest.mark.parametrize(
    ("literal", "default", "origin"),
    [
        ("2023-11-14 22:13:21.199686", "current_timestamp()", Origin.GENERATED),
        ("2023-11-14 22:13:21.2", "now()", Origin.GENERATED),
        ("2023-11-15", "CURRENT_DATE", Origin.GENERATED),  # in a time zone where it is tomorrow
        ("2020-01-01 00:00:00", "current_timestamp()", Origin.CONSTANT),  # the query gives it
        ("2023-11-14 22:13:21.199686", "'EU'", Origin.CONSTANT),
        ("EU", "current_timestamp()", Origin.CONSTANT),
    ],
)
def test_a_default_that_is_the_time_of_the_run_is_generated(literal: str, default: str, origin: Origin) -> None:
    alias = {"class": f"{_CATALYST}expressions.Alias", "num-children": 1, "child": 0, "name": "loaded"}
    key = {"product-class": f"{_CATALYST}expressions.ExprId", "id": 8}
    value = {"class": f"{_CATALYST}expressions.Literal", "num-children": 0, "value": literal, "dataType": "timestamp"}
    project = {"class": f"{_CATALYST}plans.logical.Project", "num-children": 1, "child": 0}
    insert_ = {"class": "org.apache.spark.sql.execution.datasources.InsertIntoHadoopFsRelationCommand"}
    fields = [{"name": "Loaded", "metadata": {"CURRENT_DEFAULT": default}}, {"name": "n", "metadata": {}}]
    table = {"product-class": "CatalogTable", "schema": {"type": "struct", "fields": fields}}
    plan = [
        {**insert_, "num-children": 1, "query": 0, "catalogTable": table},
        {**project, "projectList": [[attribute("n", 5)], [{**alias, "exprId": key}, value]]},
        relation(5),
    ]
    captured = Captured(json.dumps(plan), {"path": "s3://lake/t", "mode": "Append", "format": "parquet"})
    run = replace(RUN, started_ms=1_700_000_000_000, ended_ms=1_700_000_003_000)
    found = decode_plan(json.dumps(report(captured, run).plan).encode(), FLAT)
    assert [c.origin for c in found.columns if c.name == "loaded"] == [origin]


# Functions that Spark replaces by others ------------------------------------------------------------------------------


def _node(name: str, count: int, /, **fields: object) -> dict[str, object]:
    return {"class": f"{_CATALYST}expressions.{name}", "num-children": count, **fields}


def _projection(*expression: dict[str, object], leaves: tuple[Leaf, ...] = ()) -> Plan:
    """The plan that writes an expression over the columns a and b of a table."""
    insert_command, _ = json.loads(insert(1).plan)
    alias = _node("Alias", 1, child=0, name="x", exprId=attribute("x", 9)["exprId"], qualifier=[])
    project = {"class": f"{_CATALYST}plans.logical.Project", "num-children": 1, "projectList": [[alias, *expression]]}
    columns = [[attribute("a", 1)], [attribute("b", 2)]]
    relation = {"class": f"{_CATALYST}catalog.HiveTableRelation", "num-children": 0, "dataCols": columns}
    table = {"table": {"Database": "db", "Provider": "hive", "Table": "t", "Location": "s3://lake/t"}}
    plan = json.dumps([insert_command, {**project, "child": 0}, {**relation, "partitionCols": []}])
    captured = Captured(plan, insert(1).command, (Leaf("HiveTableRelation", ("1", "2"), table), *leaves))
    return decode_plan(json.dumps(report(captured, RUN).plan).encode(), FLAT)


def _projected(*expression: dict[str, object], leaves: tuple[Leaf, ...] = ()) -> str | None:
    """What is shown of an expression over the columns a and b of a table."""
    found = _projection(*expression, leaves=leaves)
    assert {d.source_column for d in found.derivations} == {"a", "b"}
    return next(d.expression for d in found.derivations if d.type is DependencyType.DIRECT)


def test_a_function_that_spark_replaces_is_shown_as_it_was_called() -> None:
    a, b = attribute("a", 1), attribute("b", 2)
    divided = [_node("Divide", 2, left=0, right=1), a, b]
    assert _projected(_node("TryDivide", 1, left=[a], right=[b], replacement=0), *divided) == "try_divide(a, b)"
    conditional = [_node("If", 3, predicate=0, trueValue=1, falseValue=2), _node("IsNotNull", 1, child=0), a, b, a]
    assert _projected(_node("Nvl2", 1, expr1=[a], expr2=[b], expr3=[a], replacement=0), *conditional) == "nvl2(a, b, a)"


def test_a_field_of_zipped_arrays_comes_from_its_array() -> None:
    names = [[_node("Literal", 0, value=name, dataType="string")] for name in ("p", "q")]
    zipped = [_node("ArraysZip", 2, children=[0, 1], names=names), attribute("a", 1), attribute("b", 2)]
    first = [_node("GetArrayItem", 2, child=0, ordinal=1), *zipped, _node("Literal", 0, value="0", dataType="integer")]
    plan = _projection(_node("GetStructField", 1, child=0, ordinal=1, name="q"), *first)
    assert {(d.source_column, d.expression) for d in plan.derivations} == {("b", "arrays_zip(a, b)[0].q")}


@pytest.mark.parametrize("function", ["ArrayFilter", "SortArray", "Slice", "ArrayDistinct", "Concat", "ArrayUnion"])
def test_a_function_that_gives_items_of_its_array_has_its_type(function: str) -> None:
    array = {"type": "array", "elementType": "long"}
    of = Node(f"{_CATALYST}expressions.{function}", 2, {})
    assert result(of, [array, array]) == array
    assert result(Node(f"{_CATALYST}expressions.Flatten", 1, {}), [{"type": "array", "elementType": array}]) == array


def test_the_values_of_a_pivot_are_asked_for_where_the_plan_lacks_them() -> None:
    item = [_node("GetArrayItem", 2, child=0, ordinal=1)]
    literal = _node("Literal", 0, value="1", dataType="integer")
    first = _node("PivotFirst", 2, pivotColumn=0, valueColumn=1, pivotColumnValues=None)
    pivot = [*item, first, attribute("a", 1), attribute("b", 2), literal]
    assert _projected(*pivot) == "b FILTER (WHERE a = ...)"
    asked = Leaf("PivotFirst", ("9",), {"values": ["x", "y, z"]})
    assert _projected(*pivot, leaves=(asked,)) == "b FILTER (WHERE a = 'y, z')"


@pytest.mark.parametrize(
    ("printed", "known"),
    [
        ("id#12", ("id", "12")),
        ("id#12L", ("id", "12")),
        ("at#97-T3600000ms", ("at", "97")),
        ("a#b#7", ("a#b", "7")),
        ("n-T1ms#7L", ("n-T1ms", "7")),
    ],
)
def test_an_attribute_is_known_by_what_spark_prints_of_it(printed: str, known: tuple[str, str]) -> None:
    assert attribute_of(printed) == known
