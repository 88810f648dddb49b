"""What statements did to their tables; what is not known is no answer."""

from __future__ import annotations

import pytest

from headwater.sql_bridge.effects import LONGEST, Did, effects


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("create table a (x int)", {"a": Did.CREATED}),
        ("CREATE TABLE IF NOT EXISTS mart.a (x int default 'select');\nset search_path = mart", {"a": Did.CREATED}),
        ('create table "shop"."Mart"."A" (x int); -- select\n/* insert; */ analyze a', {"a": Did.CREATED}),
        ("create or replace table a (x int)", {"a": Did.EMPTIED}),
        ("create table a as select 1 as x", {"a": Did.REPLACED}),
        ("create table if not exists a as select 1 as x", {"a": Did.ADDED}),
        ("create or replace view v as select x from a", {"v": Did.REPLACED}),
        ("create external table a (x int) location 's3://b/a'", {"a": Did.ADDED}),
        ("create table a (like b including all)", {"a": Did.ADDED}),
        ("create index i on a (x)", {}),
        ("drop table if exists a cascade", {"a": Did.DROPPED}),
        ("drop table a; create table a (x int)", {"a": Did.EMPTIED}),
        ("drop table a; create table a as select x from b", {"a": Did.REPLACED}),
        ("truncate table mart.a", {"a": Did.EMPTIED}),
        ("truncate a; insert into a select x from b", {"a": Did.REPLACED}),
        ("delete from a; insert into a (x) values (1)", {"a": Did.REPLACED}),
        ("delete from a where d = 1; insert into a select x from b", {"a": Did.ADDED}),
        ("delete from a where d = ';'", {"a": Did.CHANGED}),
        ("insert overwrite table a select x from b", {"a": Did.REPLACED}),
        ("insert overwrite table a partition (d = 1) select x from b", {"a": Did.ADDED}),
        ("insert into a select 1; delete from a where x > 3", {"a": Did.ADDED}),
        ("create table if not exists a (x int); insert into b select x from c", {"a": Did.CREATED, "b": Did.ADDED}),
        (
            "update a set x = 1; merge into b using c on b.i = c.i when matched then delete",
            {"a": Did.ADDED, "b": Did.ADDED},
        ),
        ("alter table a add column y int", {"a": Did.CHANGED}),
        ("create temp table a as select 1; insert into b select * from a", {"b": Did.ADDED}),
        ("grant insert on a to b; commit", {}),
        ("truncate a, b", {"a": Did.EMPTIED, "b": Did.EMPTIED}),
        ("with n as (select 1 as x) insert into a select x from n; select x from a", {"a": Did.ADDED}),
        ("begin; vacuum a; end", {}),
    ],
)
def test_what_statements_did(script: str, expected: dict[str, Did]) -> None:
    assert effects(script) == expected


@pytest.mark.parametrize(
    "unknown",
    [
        "copy a from 's3://b/a'",
        "call load_a()",
        "alter table a append from b",
        "alter table a rename to b",
        "begin insert into a select 1",
        "explain analyze insert into a select 1",
        "select 1 into a",
        "this is no SQL",
        "drop table",
        "create table",
        "create function f() returns int",
    ],
)
def test_one_statement_that_is_not_known_says_nothing_of_any(unknown: str) -> None:
    assert effects(f"create table a (x int); {unknown}") == {}


def test_a_long_script_is_not_read_nor_one_that_does_not_end() -> None:
    assert effects("create table a (x int);" + " " * LONGEST) == {}
    assert effects("create table a (x int) /*" + "/*" * 9_000) == {}
    assert effects("create table a (x int) '" + '"' * 9_000) == {}
    assert effects("create table a as select " + "(" * 9_000) == {}


@pytest.mark.parametrize(
    ("system", "script", "expected"),
    [
        (
            "postgres",
            "create table a (x serial); create table b (like a including all)",
            {"a": Did.CREATED, "b": Did.ADDED},
        ),
        ("sqlserver", "select x into [a] from b", {}),
        ("mysql", "create table `Shop`.`A` (x int) engine=InnoDB", {"a": Did.CREATED}),
        ("awsathena", "create table a with (format = 'parquet') as select 1 as x", {"a": Did.REPLACED}),
        ("snowflake", "create or replace transient table a clone b", {"a": Did.REPLACED}),
        ("a system that nobody knows", "truncate table a", {"a": Did.EMPTIED}),
    ],
)
def test_a_script_is_read_as_its_database_reads_it(system: str, script: str, expected: dict[str, Did]) -> None:
    assert effects(script, system) == expected


@pytest.mark.parametrize("system", ["mysql", "mariadb", "MariaDB"])
def test_a_database_by_any_of_its_names(system: str) -> None:
    assert effects("truncate table `mart`.`a`", system) == {"a": Did.EMPTIED}
    assert effects("truncate table [mart].[a]", "mssql") == effects("truncate table [mart].[a]", "sqlserver")
    assert effects("truncate table [mart].[a]", "sqlserver") == {"a": Did.EMPTIED}
