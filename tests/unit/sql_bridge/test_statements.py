"""Statements of SQL and what is read out of them: the cases of truth.sql, each derived by hand, and others.

The tables of the cases are `TABLES`, all in the database ``c.s``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from headwater.sql_bridge.model import Dialect, Known, Statement, Write
from headwater.sql_bridge.statements import MOST_CHARACTERS, Session, read

TABLES = {
    "c.s.orders": "id cust amount status dt",
    "c.s.cust": "id name country",
    "c.s.fx": "cur rate",
    "c.s.out": "a b d",
}
REDSHIFT, TRINO, ATHENA = (Dialect(name, "c", "s") for name in ("redshift", "trino", "athena"))
SPARK, POSTGRES, SNOWFLAKE = Dialect("spark", "c", "s"), Dialect("postgres", "c", "s"), Dialect("snowflake", "C", "S")


def catalog(name: str) -> Known | None:
    columns = TABLES.get(name.lower())
    return Known(dict.fromkeys(columns.split(), "")) if columns else None


def told(write: Write) -> Iterator[str]:
    for column in write.columns:
        for one in column.sources:
            table = one.dataset.rpartition(".")[2].lower() if "://" not in one.dataset else one.dataset
            mask = " +mask" if one.masking else ""
            yield f"{column.name.lower()} <- {table}.{one.column} {one.subtype.value}{mask}"
        if column.origin is not None:
            yield f"{column.name.lower()} = {column.origin.value}"
        elif not column.resolved:
            yield f"{column.name.lower()} = partly"
    for one in write.rows:
        yield f"* <- {one.dataset.rpartition('.')[2].lower()}.{one.column} {one.subtype.value}"


def the_write(dialect: Dialect, sql: str) -> Write:
    (write,) = read(sql, dialect, catalog).writes
    return write


class Case(NamedTuple):
    """One block of truth.sql."""

    dialect: Dialect
    sql: str
    head: str
    edges: set[str]


def cases() -> Iterator[Case]:
    known = {one.name: one for one in (REDSHIFT, TRINO, ATHENA, SPARK, POSTGRES, SNOWFLAKE)}
    _, *blocks = Path(__file__).with_name("truth.sql").read_text().split("\n\n")
    for block in blocks:
        asked, _, expected = block.partition("\n=>")
        dialect, _, sql = asked.partition("\n")
        head, *edges = expected.splitlines()
        yield Case(known[dialect.removeprefix("-- ").strip()], sql, head.strip(), set(edges))


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=[f"{case.dialect.name}: {case.sql[:60]}" for case in CASES])
def test_what_is_read_out_of_a_statement(case: Case) -> None:
    write = the_write(case.dialect, case.sql if case.head else f"create table t as {case.sql}")
    assert (write.reason, set(told(write))) == ("", case.edges)
    if case.head:
        made, _, inputs = case.head.partition(" <-")
        assert f"{write.effect.value} {write.target}" == made
        assert {name.rpartition(".")[2].lower() for name in write.inputs} == set(inputs.split())


#: a statement whose columns are not certain: the tables written <- those read; a part of the reason
DARK: list[tuple[Dialect, str, str, str]] = [
    (ATHENA, "create view v as select * from nowhere", "c.s.v <- c.s.nowhere", "all columns of c.s.nowhere, which"),
    (
        REDSHIFT,
        "insert into nowhere select id from orders",
        "c.s.nowhere <- c.s.orders",
        "of c.s.nowhere are not known",
    ),
    (REDSHIFT, "insert into out select 1, 2, 3, 4 from fx", "c.s.out <- c.s.fx", "it inserts 4 columns into 3"),
    (REDSHIFT, "copy out (a, b) from 's3://lake/in/' iam_role 'r' csv", "c.s.out <- s3://lake/in/", "(a, b)"),
    (SNOWFLAKE, "copy into out from @stage/x", "C.S.OUT <- @stage/x", "COPY does not say"),
    (SNOWFLAKE, "create table p as select * from fx pivot (sum(rate) for cur in ('a'))", "C.S.P <- C.S.FX", "PIVOT"),
    (SNOWFLAKE, "create table p as select * ilike '%a%' from fx", "C.S.P <- C.S.FX", "a * by a pattern"),
    (
        ATHENA,
        "create table p as select * from fx match_recognize (measures last(u.rate) as l pattern (u+) define u as true)",
        "c.s.p <- c.s.fx",
        "MATCH_RECOGNIZE",
    ),
    (TRINO, "create table p as select * from fx natural join nowhere", "c.s.p <- c.s.fx c.s.nowhere", "NATURAL JOIN"),
    (ATHENA, "create table p as table fx", "c.s.p <- c.s.fx", "CREATE in this form"),
    (SPARK, "load data inpath 's3://lake/in' into table out", "c.s.out <- s3://lake/in", "LOAD DATA does not say"),
    (SNOWFLAKE, "create table p as select * from table(result_scan('x'))", "C.S.P <- ", "in FROM is not read"),
    (ATHENA, "execute prepared using 1", "", "does not say what was prepared"),
    (
        SNOWFLAKE,
        "insert all into a (x) values (x) into b select x from fx",
        "C.S.A <- C.S.FX; C.S.B <- C.S.FX",
        "several tables",
    ),
    (REDSHIFT, "alter table out append from fx", "c.s.out <- c.s.fx", "ALTER in this form"),
    (
        REDSHIFT,
        "insert into out select from where x from fx join cust on on",
        "c.s.out <- c.s.fx c.s.cust",
        "it cannot be parsed",
    ),
    (
        SPARK,
        "create table n as select cur from fx union select id, name from cust",
        "c.s.n <- c.s.fx c.s.cust",
        "UNION",
    ),
    (REDSHIFT, f"create table n as select {'(' * 400}1{')' * 400} from fx", "c.s.n <- c.s.fx", "too deeply"),
    (REDSHIFT, f"insert into out (a) select '{'x' * MOST_CHARACTERS}' from fx", "", "longer than 200,000 characters"),
]


@pytest.mark.parametrize(("dialect", "sql", "edges", "reason"), DARK, ids=[row[1][:60] for row in DARK])
def test_what_is_not_certain_is_an_edge_of_datasets_with_its_reason(
    dialect: Dialect, sql: str, edges: str, reason: str
) -> None:
    found = read(sql, dialect, catalog)
    assert "; ".join(f"{write.target} <- {' '.join(write.inputs)}" for write in found.writes) == edges
    reasons = [write.reason for write in found.writes] or [found.reason]
    assert all(one and reason in one for one in reasons)
    assert all(not write.columns for write in found.writes)


@pytest.mark.parametrize(
    "sql",
    ["select * from orders", "(select 1) union (select 2)", "show tables", "vacuum out", "grant select on out to bob",
     "set x = 1", "drop table if exists out", "create table n (a int)", "call p()", "explain select 1", ""],
)  # fmt: skip
def test_what_writes_nothing_says_so(sql: str) -> None:
    found = read(sql, REDSHIFT, catalog)
    assert (found.writes, found.kind != "unknown" or not sql) == ((), True)


def session(*statements: str, dialect: Dialect = REDSHIFT) -> list[Statement]:
    return Session(dialect, catalog).script("; ".join(statements))


def test_a_temporary_table_is_the_query_that_made_it() -> None:
    *quiet, last = session(
        "create temp table q as select cust, amount from orders where status = 'x'",
        "select country into #r from cust",
        "insert into q select id, 0 from cust",
        "insert into out (a, b) select q.cust, q.amount from q",
    )
    assert [one.writes for one in quiet] == [(), (), ()]
    assert set(told(last.writes[0])) == {
        "a <- orders.cust IDENTITY",
        "a <- cust.id IDENTITY",
        "b <- orders.amount IDENTITY",
        "* <- orders.status FILTER",
    }
    assert set(last.writes[0].inputs) == {"c.s.orders", "c.s.cust"}


#: what a Redshift session does to a temporary table, before `out` is made of it -> the edge, and why it is no more
STAGED: list[tuple[tuple[str, ...], str, str]] = [
    (("create temp table st (like out)", "copy st from 's3://lake/in/' iam_role 'r'"), "s3://lake/in/", "COPY does"),
    (("create table #st (a int)", "copy #st from 's3://lake/in/' iam_role 'r'"), "s3://lake/in/", "COPY does"),
    (("create temp table st as select cur a from fx pivot (max(rate) for cur in (1))",), "c.s.fx", "PIVOT"),
    (
        ("create temp table st as select id a from cust", "update st set a = fx.rate from fx where fx.cur = st.a"),
        "c.s.cust c.s.fx",
        "UPDATE of a temporary table",
    ),
    (
        ("create temp table q (a int)", "copy q from 's3://lake/in/' iam_role 'r'", "select a into temp st from q"),
        "s3://lake/in/",
        "COPY does",
    ),
]


@pytest.mark.parametrize(("before", "inputs", "reason"), STAGED)
def test_of_a_temporary_table_that_is_not_read_its_tables_are_told(
    before: tuple[str, ...], inputs: str, reason: str
) -> None:
    name = "#st" if "#st" in before[0] else "st"
    *quiet, last = session(*before, f"insert into out (a) select a from {name}")
    assert [one.writes for one in quiet] == [()] * len(before)
    (write,) = last.writes
    assert (" ".join(sorted(write.inputs)), write.columns) == (inputs, ())
    assert reason in write.reason


def test_a_temporary_table_that_is_made_empty_has_the_rows_that_are_inserted() -> None:
    *quiet, last, counted = session(
        "create temp table st (x int, y varchar)",
        "insert into st select id, name from cust where country = 'x'",
        "insert into out (a, b) select x, y from st",
        "insert into out (a) select count(*) from st",
    )
    assert [one.writes for one in quiet] == [(), ()]
    assert set(told(last.writes[0])) == {"a <- cust.id IDENTITY", "b <- cust.name IDENTITY", "* <- cust.country FILTER"}
    assert counted.writes[0].inputs == ("c.s.cust",)


def test_a_table_that_is_like_another_has_its_columns() -> None:
    for dialect in (SNOWFLAKE, SPARK, REDSHIFT):
        like = "like fx" if dialect is not REDSHIFT else "(like fx)"
        *_, last = session(f"create table n {like}", "insert into n select id, name from cust", dialect=dialect)
        assert set(told(last.writes[0])) == {"cur <- cust.id IDENTITY", "rate <- cust.name IDENTITY"}


def test_a_table_is_known_by_the_statement_that_made_it() -> None:
    *_, last = session(
        "create table n (x int, y varchar(10))",
        "alter table n add column z date",
        "insert into n select 1, 2, dt from orders",
    )
    assert set(told(last.writes[0])) == {"x = constant", "y = constant", "z <- orders.dt IDENTITY"}
    *_, last = session("create table n as select id i, cust c from orders", "create view v as select * from n")
    assert set(told(last.writes[0])) == {"i <- n.i IDENTITY", "c <- n.c IDENTITY"}
    *_, last = session("create table n (x int)", "drop table n", "insert into n select 1")
    assert "not known" in last.writes[0].reason


def test_the_types_of_columns() -> None:
    known = {"c.s.t": Known({"a": "int", "b": "decimal(10,2)"})}
    sql = "create table n as select a, a + b s, cast(a as varchar) v, count(*) n, a > 1 as f, nosuch from t"
    (write,) = Session(TRINO, known.get, types=True).read(sql).writes
    assert {column.name: column.type for column in write.columns} == {
        "a": "integer", "s": "decimal(10, 2)", "v": "varchar", "n": "bigint", "f": "boolean", "nosuch": "",
    }  # fmt: skip


@pytest.mark.parametrize("dialect", [SPARK, SNOWFLAKE])
def test_what_was_dropped_is_not_there_any_more(dialect: Dialect) -> None:
    """A table that is made again has the columns that it was made with, and not those that the catalog knows."""
    *_, altered = session(
        "drop table out",
        "create table if not exists out (x int, y int)",
        "alter table out drop column y",
        dialect=dialect,
    )
    ((_, known),) = altered.created.items()
    assert ([name.lower() for name in known.columns], altered.reason) == (["x"], "")
    *_, written = session("drop table out", "create table n as select * from out", dialect=dialect)
    (write,) = written.writes
    assert "takes all columns" in write.reason  # of which nothing is known
    *_, altered = session("create table if not exists out (x int)", "alter table out drop column b", dialect=dialect)
    ((_, known),) = altered.created.items()
    assert [name.lower() for name in known.columns] == ["a", "d"]


def test_expressions_are_told_as_they_were_written() -> None:
    common = "select o.amount * f.rate as eur, o.dt from orders o join fx f on o.status = f.cur"
    query = f"with q as ({common}) select sum(eur) as total, eur, dt from q where eur > 3 group by dt, eur"
    write = the_write(TRINO, f"create table t as {query}")
    assert [column.expression for column in write.columns] == ["sum(eur)", "o.amount * f.rate", "dt"]
    assert {one.expression for one in write.rows} == {"o.status = f.cur", "eur > 3", "dt", "o.amount * f.rate"}


#: an ALTER of `out` (a b d) -> its columns after it; "" where it is not read, with a part of the reason
ALTERED: list[tuple[Dialect, str, str, str]] = [
    (SPARK, "drop columns (a, b)", "d", ""),
    (SPARK, "drop columns a, b", "d", ""),
    (SPARK, "drop column a, b", "d", ""),
    (SPARK, "drop column if exists A", "b d", ""),
    (SPARK, "add columns (x int, y int)", "a b d x:int y:int", ""),
    (SPARK, "alter column a type string", "a:string b d", ""),
    (SPARK, "alter column a comment 'x'", "a b d", ""),
    (SPARK, "change column a x double", "x:double b d", ""),
    (SPARK, "change column a x double comment 'it is' after b", "x:double b d", ""),
    (SPARK, "replace columns (x bigint)", "x:bigint", ""),
    (SPARK, "set tblproperties ('x' = 'y')", "a b d", ""),
    (SPARK, "add partition (dt = '1')", "a b d", ""),
    (SPARK, "drop column a.field", "", "a field within a column"),
    (SPARK, "set location 's3://lake/x'", "", "not read in this form: SET LOCATION"),
    (SPARK, "do what nobody knows", "", "not read in this form"),
    (SPARK, "drop column nothing", "a b d", "is not known to have what it names: nothing"),
    (ATHENA, "replace columns (x bigint)", "x:bigint", ""),
    (REDSHIFT, "drop column a cascade", "b d", ""),
    (REDSHIFT, "owner to somebody", "", ""),
    (REDSHIFT, "owner to somebody, drop column a", "", "not read in this form"),
    (POSTGRES, "rename a to x", "x b d", ""),
    (POSTGRES, "drop column a, add column x int", "b d x:int", ""),
    (SNOWFLAKE, "drop column a, b", "d", ""),
    (SNOWFLAKE, "drop a, b", "d", ""),
    (SNOWFLAKE, "drop primary key", "", "not read in this form"),
    (SNOWFLAKE, "alter column a set data type varchar", "a:varchar b d", ""),
    (SNOWFLAKE, "modify column a varchar", "a:varchar b d", ""),
    (SNOWFLAKE, "swap with fx", "cur rate", "are swapped"),
]


@pytest.mark.parametrize(("dialect", "action", "columns", "reason"), ALTERED)
def test_an_alter_is_read_or_says_that_it_is_not(dialect: Dialect, action: str, columns: str, reason: str) -> None:
    statement = read(f"alter table out {action}", dialect, catalog)
    assert statement.kind == "alter table"
    assert not statement.writes
    name, *_ = statement.altered
    assert name.lower() == "c.s.out"
    known = statement.created.get(name)
    told = (f"{one.lower()}:{type_}".removesuffix(":") for one, type_ in known.columns.items()) if known else ()
    assert " ".join(told) == columns
    assert bool(statement.reason) == bool(reason)
    assert reason in statement.reason


def test_what_is_not_parsed_names_the_place_that_it_writes() -> None:
    for sql in ("create table delta.`/lake/x` as selekt a from b", "insert into delta.`/lake/x` select from where"):
        statement = read(sql, SPARK, catalog)
        assert [write.target for write in statement.writes] == ["/lake/x"]
    assert "template" in read("create table x as select * from {{ ref('y') }}", SPARK, catalog).reason


def test_rows_that_are_written_take_the_types_of_the_table() -> None:
    for sql, keeps in (
        ("insert into out (a) select id from orders", True),
        ("update out set a = 0", True),
        ("merge into out using fx on out.a = fx.cur when matched then update set a = rate", True),
        ("create table out as select id as a from orders", False),
    ):
        assert the_write(SPARK, sql).keeps_types == keeps
    assert the_write(SPARK, "create table if not exists out as select id as a from orders").if_missing
