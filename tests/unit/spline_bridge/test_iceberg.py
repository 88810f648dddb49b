"""Iceberg's branches and metadata tables, its hidden columns, and what Spark makes of MERGE and UPDATE for it."""

from __future__ import annotations

import pytest

from headwater.spline_bridge.agent.sources import source
from tests.unit.spline_bridge.plans import (
    attr,
    direct,
    document,
    expr,
    function,
    indirect,
    literal,
    mapped,
    operation,
    read,
)

TABLE = {
    "class": "SparkTable",
    "name": "ice.db.t",
    "identifier": "db.t",
    "iceberg": "BaseTable",
    "properties": {"location": "/lake/ice/db/t", "provider": "iceberg"},
}
PARTS: dict[str, tuple[dict[str, object], str]] = {
    "the table": ({}, ""),
    "a branch": ({"branch": "audit"}, ".branch_audit"),
    "a branch by an option": ({"options": {"branch": "audit"}}, ".branch_audit"),
    "the main branch": ({"branch": "main"}, ""),
    "a tag": ({"options": {"tag": "end-of-year"}}, ""),
    "a snapshot": ({"options": {"snapshot-id": "1"}}, ""),
    "a table that CREATE TABLE AS SELECT is making": ({"iceberg": "BaseTransaction$TransactionTable"}, ""),
    "a metadata table of a worker": (
        {"iceberg": "SerializableTable$SerializableMetadataTable", "name": "t.files"},
        ".files",
    ),
    "a metadata table by its path": ({"iceberg": "FilesTable", "name": "/lake/ice/db/t#files"}, ".files"),
    "a table of changes": ({"class": "SparkChangelogTable", "name": "ice.db.t.changes"}, ".changes"),
    "a metadata table": ({"iceberg": "FilesTable", "name": "ice.db.t.files"}, ".files"),
}


@pytest.mark.parametrize("case", PARTS)
def test_what_is_not_the_table_as_it_is_has_a_name_of_its_own(case: str) -> None:
    details, ending = PARTS[case]
    found = source({**TABLE, **details}, None)
    assert found is not None
    assert found.uris == (f"/lake/ice/db/t{ending}",)


def test_hidden_columns_are_no_columns_of_the_table() -> None:
    table = read("r", "s3://lake/t", ["a", "_file", "_pos"], sourceType="iceberg")
    plan = mapped(document([operation("s", "Sort", ["r"], ["a"], order=[attr("_file")])], reads=[table]))
    assert plan.inputs[0].columns == ("a",)
    assert indirect(plan)["*"] == set()


@pytest.mark.parametrize(("format_", "columns"), [("hudi", ("a",)), ("parquet", ("a", "_hoodie_commit_time"))])
def test_what_hudi_keeps_beside_a_row_is_no_column_of_the_table(format_: str, columns: tuple[str, ...]) -> None:
    table = read("r", "s3://lake/t", ["a", "_hoodie_commit_time"], sourceType=format_)
    assert mapped(document([], reads=[table])).inputs[0].columns == columns


def test_columns_that_the_agent_calls_hidden_are_none_of_any_format() -> None:
    table = document([], reads=[read("r", "s3://lake/t", ["a", "_offset"], sourceType="other")])
    table["attributes"] = [
        {**a, **({"extra": {"metadataColumn": True}} if a["name"] == "_offset" else {})} for a in table["attributes"]
    ]
    assert mapped(table).inputs[0].columns == ("a",)


def test_an_update_touches_only_what_it_sets() -> None:
    """Spark gives each column "if(condition, new, old)", of which both are the same where nothing is set."""
    functions = [
        function("kept", "If", attr("c"), attr("a"), attr("a")),
        function("set", "If", attr("c"), expr("one"), attr("b")),
    ]
    project = operation("p", "Project", ["r"], ["x", "y"], projectList=[expr("kept"), expr("set")])
    plan = mapped(document([project], functions=functions, constants=[literal("one", 1)]))
    assert direct(plan) == {"x": {"IDENTITY t.a"}, "y": {"TRANSFORMATION t.b"}}
    assert indirect(plan) == {"*": set(), "y": {"CONDITIONAL t.c"}}


def test_a_merge_shows_its_conditions_and_what_its_clauses_assign() -> None:
    reads = [read("s", "s3://lake/s", ["sk", "sl"]), read("t", "s3://lake/out", ["k", "l"])]
    others = [
        operation("m", "MergeRows", ["j"], ["k2", "l2"], clauses=[attr("sl")]),
        operation("j", "Join", ["s", "t"], ["sk", "sl", "k", "l"], condition=attr("sk")),
    ]
    refs = {"k2": [attr("k"), attr("sk")], "l2": [expr("upper"), attr("l")]}
    plan = mapped(
        document(
            others,
            reads=reads,
            refs=refs,
            names={"k2": "k", "l2": "l"},
            functions=[function("upper", "Upper", attr("sl"))],
            write={"name": "ReplaceData"},
        )
    )
    assert direct(plan) == {
        "k": {"IDENTITY out.k", "IDENTITY s.sk"},
        "l": {"IDENTITY out.l", "TRANSFORMATION s.sl"},
    }
    assert {d.target: d.expression for d in plan.derivations if d.source_dataset.endswith("/s")} == {
        "k": "sk",
        "l": "upper(sl)",
    }
    assert indirect(plan)["*"] == {"JOIN s.sk", "FILTER s.sl"}
