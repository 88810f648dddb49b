"""INSERT and MERGE of Hudi's own, from plan trees as Hudi 0.15 on Spark 3.5 makes them, views left out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from headwater.graphmodel.model import DependencyType, Effect, Plan
from headwater.spline_bridge.agent import Captured, Run, report
from headwater.spline_bridge.agent.model import Leaf
from headwater.spline_bridge.agent.sources import source
from headwater.spline_bridge.decode import decode_plan

_LOGICAL = "org.apache.spark.sql.catalyst.plans.logical."
_HUDI = "org.apache.spark.sql.hudi.command."
_FLAT = "application/vnd.absa.spline.producer.v1.2+json"
_RUN = Run("app-1", "nightly", "ann", "3.5.9", started_ms=1_000, ended_ms=3_000)
#: What Hudi adds to each row.
_OWN = ("_hoodie_commit_time", "_hoodie_commit_seqno", "_hoodie_record_key", "_hoodie_partition_path")
_TABLE = {"relation": {"paths": ["s3://lake/ht"], "format": "hudi"}}
_RAW = Leaf("LogicalRelation", ("7", "8"), {"paths": ["s3://lake/raw"], "format": "Parquet"})

Node = dict[str, Any]


def attribute(name: str, key: int) -> Node:
    return expression("AttributeReference", 0, name=name, dataType="string", exprId=_id(key), metadata={})


def expression(class_: str, children: int, **fields: object) -> Node:
    return {"class": f"org.apache.spark.sql.catalyst.expressions.{class_}", "num-children": children, **fields}


def _id(key: int) -> Node:
    return {"product-class": "org.apache.spark.sql.catalyst.expressions.ExprId", "id": key, "jvmId": "0"}


def logical(name: str, children: int, **fields: object) -> Node:
    return {"class": f"{_LOGICAL}{name}", "num-children": children, **fields}


def relation(*columns: Node) -> Node:
    output = [[column] for column in columns]
    return {"class": "org.apache.spark.sql.execution.datasources.LogicalRelation", "num-children": 0, "output": output}


def raw() -> Node:
    return relation(attribute("id", 7), attribute("name", 8))


def insert(target: Node, *, overwrite: bool) -> Captured:
    """``INSERT INTO ht SELECT id, upper(name) FROM raw``."""
    alias = expression("Alias", 1, child=0, name="upper(name)", exprId=_id(11))
    projected = [[attribute("id", 7)], [alias, expression("Upper", 1, child=0), attribute("name", 8)]]
    command = {
        "class": f"{_HUDI}InsertIntoHoodieTableCommand",
        "num-children": 0,
        "logicalRelation": [target],
        "query": [logical("Project", 1, projectList=projected, child=0), raw()],
        "partitionSpec": None,
        "overwrite": overwrite,
    }
    return Captured(json.dumps([command]), _TABLE, (_RAW,))


def decoded(captured: Captured) -> Plan:
    return decode_plan(json.dumps(report(captured, _RUN).plan).encode(), _FLAT)


def direct(plan: Plan) -> set[tuple[str, str, str]]:
    found = (each for each in plan.derivations if each.type is DependencyType.DIRECT)
    return {(each.source_dataset, each.source_column, each.target) for each in found}


def test_an_insert_writes_by_position_into_the_columns_that_are_not_hudis() -> None:
    hidden = [attribute(name, 12 + position) for position, name in enumerate(_OWN)]
    for target in (
        relation(attribute("id", 17), attribute("name", 18)),  # before the first commit, Hudi does not list its own
        relation(*hidden, attribute("id", 17), attribute("name", 18)),
    ):
        plan = decoded(insert(target, overwrite=False))
        assert (plan.target.uri, plan.effect) == ("s3://lake/ht", Effect.KEEP)
        assert [column.name for column in plan.columns] == ["id", "name"]
        assert direct(plan) == {("s3://lake/raw", "id", "id"), ("s3://lake/raw", "name", "name")}
        assert decoded(insert(target, overwrite=True)).effect is Effect.OVERWRITE


def assignment(target: Node, source: Node) -> list[Node]:
    return [logical("Assignment", 2, key=0, value=1), target, source]


def test_a_merge_is_read_from_the_one_that_the_command_holds() -> None:
    """``WHEN MATCHED THEN UPDATE SET t.name = s.name WHEN NOT MATCHED THEN INSERT *``."""
    id_, name = (attribute("id", 17), attribute("id", 7)), (attribute("name", 18), attribute("name", 8))
    update = [logical("UpdateAction", 1, assignments=[0]), *assignment(*name)]
    added = [logical("InsertAction", 2, assignments=[0, 1]), *assignment(*id_), *assignment(*name)]
    merge = logical(
        "MergeIntoTable",
        2,
        targetTable=0,
        sourceTable=1,
        mergeCondition=[expression("EqualTo", 2, left=0, right=1), *id_],
        matchedActions=[update],
        notMatchedActions=[added],
        notMatchedBySourceActions=[],
    )
    command = {"class": f"{_HUDI}MergeIntoHoodieTableCommand", "num-children": 0}
    target = Leaf("LogicalRelation", ("17", "18"), _TABLE["relation"])
    tree = [{**command, "mergeInto": [merge, relation(attribute("id", 17), attribute("name", 18)), raw()]}]
    plan = decoded(Captured(json.dumps(tree), _TABLE, (_RAW, target)))
    assert plan.target.uri == "s3://lake/ht"
    assert direct(plan) == {
        (source, column, column) for source in ("s3://lake/raw", "s3://lake/ht") for column in ("id", "name")
    }
    joined = {(each.source_dataset, each.source_column) for each in plan.dependencies}
    assert joined == {("s3://lake/raw", "id"), ("s3://lake/ht", "id")}


def test_an_update_and_a_delete_are_read_from_those_that_the_command_holds() -> None:
    """``UPDATE ht SET name = id WHERE id = name``."""
    id_, name = attribute("id", 17), attribute("name", 18)
    condition = [expression("EqualTo", 2, left=0, right=1), id_, name]
    set_ = [[*assignment(name, id_)]]
    held = {
        "UpdateHoodieTableCommand": ("ut", logical("UpdateTable", 1, table=0, assignments=set_, condition=condition)),
        "DeleteHoodieTableCommand": ("dft", logical("DeleteFromTable", 1, table=0, condition=condition)),
    }
    for class_, (argument, inner) in held.items():
        command = {"class": f"{_HUDI}{class_}", "num-children": 0, argument: [inner, relation(id_, name)]}
        target = Leaf("LogicalRelation", ("17", "18"), _TABLE["relation"])
        plan = decoded(Captured(json.dumps([command]), _TABLE, (target,)))
        assert (plan.target.uri, plan.effect) == ("s3://lake/ht", Effect.KEEP)
        changed = {("s3://lake/ht", "id", "name")} if argument == "ut" else set()
        assert direct(plan) == {("s3://lake/ht", "id", "id"), ("s3://lake/ht", "name", "name"), *changed}
        assert {each.source_column for each in plan.dependencies} == {"id", "name"}


def test_an_update_has_no_columns_that_hudi_adds_to_each_row() -> None:
    id_, name, own = attribute("id", 17), attribute("name", 18), attribute(_OWN[0], 12)
    update = logical("UpdateTable", 1, table=0, assignments=[[*assignment(name, id_)]], condition=None)
    tree = {"class": f"{_HUDI}UpdateHoodieTableCommand", "num-children": 0, "ut": [update, relation(own, id_, name)]}
    target = Leaf("LogicalRelation", ("12", "17", "18"), _TABLE["relation"])
    plan = decoded(Captured(json.dumps([tree]), _TABLE, (target,)))
    assert [column.name for column in plan.columns] == ["id", "name"]
    assert plan.target.columns == ("id", "name")


def test_an_insert_into_a_static_partition_does_not_write_its_column() -> None:
    target = relation(attribute("p", 19), attribute("id", 17), attribute("name", 18))
    captured = insert(target, overwrite=True)
    plan = decoded(replace(captured, command={**_TABLE, "static": {"p": "Some(3)"}}))
    assert direct(plan) == {("s3://lake/raw", "id", "id"), ("s3://lake/raw", "name", "name")}
    assert plan.effect is Effect.KEEP


def test_a_table_made_by_a_query_is_told() -> None:
    query = json.loads(insert(relation(), overwrite=False).plan)[0]["query"]
    command = {"class": f"{_HUDI}CreateHoodieTableAsSelectCommand", "num-children": 0, "query": query}
    details = {"table": {"Table": "hc", "Provider": "hudi"}, "location": "s3://lake/hc"}
    plan = decoded(Captured(json.dumps([command]), details, (_RAW,)))
    assert (plan.target.uri, plan.effect) == ("s3://lake/hc", Effect.ALL)
    assert direct(plan) == {("s3://lake/raw", "id", "id"), ("s3://lake/raw", "name", "upper(name)")}


def test_an_insert_goes_by_name_where_the_query_has_all_names() -> None:
    """``INSERT INTO ht (name, id) SELECT ...``: Hudi gives the query the names of the list."""
    captured = insert(relation(attribute("upper(name)", 18), attribute("id", 17)), overwrite=False)
    assert direct(decoded(captured)) == {
        ("s3://lake/raw", "id", "id"),
        ("s3://lake/raw", "name", "upper(name)"),
    }


def test_files_that_hudi_lists_are_hudis() -> None:
    listed = {"format": "parquet", "paths": ["s3://lake/ht"], "index": "org.apache.hudi.HoodieFileIndex@1f"}
    found = source(listed, None)
    assert found is not None
    assert found.format == "hudi"
