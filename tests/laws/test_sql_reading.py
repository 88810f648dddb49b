"""Laws of reading SQL: any text has an answer, names do not matter, and wrapping a query changes no source."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.graphmodel.model import DependencyType
from headwater.sql_bridge.model import Dialect, Known, Statement
from headwater.sql_bridge.statements import Session, read

DIALECTS = [Dialect(name, "c", "s") for name in ("athena", "trino", "redshift", "snowflake", "spark", "postgres")]
TABLES = {"c.s.t": Known({"a": "int", "b": "int"}), "c.s.u": Known({"a": "int", "d": "int"})}

TEXT = """select from where insert into create table view as t u a b d , ( ) * join on = 1 'x' union all merge using
update set delete copy unload to 's3://b/x' ; group by over partition order with recursive values case when then end
-- /* " $$ drop alter rename in exists not"""
WORDS = st.sampled_from(TEXT.split())
COLUMNS = st.sampled_from(
    ["a", "b", "a + b", "sum(a) over (partition by b)", "case when a > 1 then b end", "b", "1", "md5(a)"]
)
ITEMS = st.lists(st.tuples(COLUMNS, st.sampled_from("pqrs")), min_size=1, max_size=4, unique_by=lambda one: one[1])


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.getLogger("sqlglot").setLevel(logging.ERROR)


def catalog(name: str) -> Known | None:
    return TABLES.get(name.lower())


@given(st.sampled_from(DIALECTS), st.lists(WORDS, max_size=30))
def test_any_text_has_an_answer_and_the_same_one_twice(dialect: Dialect, words: list[str]) -> None:
    text = " ".join(words)
    found = Session(dialect, catalog).script(text)
    assert found == Session(dialect, catalog).script(text)
    for one in found:
        for write in one.writes:
            assert not (write.reason and write.columns)
            sources = [source for column in write.columns for source in column.sources] + list(write.rows)
            assert {source.dataset for source in sources} <= set(write.inputs)


def query(items: list[tuple[str, str]], table: str = "t") -> str:
    return f"select {', '.join(f'{shown} as {name}' for shown, name in items)} from {table}"


def edges(found: Statement) -> dict[str, set[tuple[str, ...]]]:
    (write,) = found.writes
    assert write.reason == ""
    return {
        column.name: {(one.dataset, one.column, one.type.value, str(one.masking)) for one in column.sources}
        for column in write.columns
    }


@given(ITEMS)
def test_a_query_in_a_query_has_its_sources(items: list[tuple[str, str]]) -> None:
    plain = edges(read(f"create table x as {query(items)}", DIALECTS[1], catalog))
    for wrapped in (
        f"create table x as select * from ({query(items)}) q",
        f"create table x as with q as ({query(items)}) select * from q",
        f"create table x as {query(items)} union all {query(items)}",
        f"insert into x ({', '.join(name for _, name in items)}) {query(items)}",
    ):
        assert edges(read(wrapped, DIALECTS[1], catalog)) == plain


@given(ITEMS, st.sampled_from(["alias", '"Quoted"', "t"]))
def test_what_a_table_is_called_in_a_query_does_not_matter(items: list[tuple[str, str]], alias: str) -> None:
    plain = edges(read(f"create table x as {query(items)}", DIALECTS[1], catalog))
    assert edges(read(f"create table x as {query(items, f'c.s.t as {alias}')}", DIALECTS[1], catalog)) == plain


@given(ITEMS)
def test_a_column_has_a_source_or_an_origin(items: list[tuple[str, str]]) -> None:
    (write,) = read(f"create table x as {query(items)}", DIALECTS[0], catalog).writes
    assert [column.name for column in write.columns] == [name for _, name in items]
    for column in write.columns:
        direct = any(one.type is DependencyType.DIRECT for one in column.sources)
        assert direct != (column.origin is not None)
