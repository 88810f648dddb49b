"""Reading SQL takes work that does not explode, whatever the statement is: counted in lines of Python that run."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from headwater.graphmodel.model import DependencyType
from headwater.spline_bridge.jdbc_queries import JdbcQuery, read_query
from headwater.sql_bridge.model import Dialect, Known
from headwater.sql_bridge.statements import read
from tests.laws.steps import lines

ATHENA, SPARK = Dialect("athena", "c", "s"), Dialect("spark", "c", "s")


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.getLogger("sqlglot").setLevel(logging.ERROR)


def chain(levels: int, step: str) -> str:
    """A WITH in which each query names the one before as often as `step` does."""
    steps = [f"c{i} as ({step.format(before=f'c{i - 1}')})" for i in range(1, levels)]
    return f"with {', '.join(['c0 as (select k from t where p > 1)', *steps])} select k from c{levels - 1}"


def columns(count: int) -> str:
    return ", ".join(f"a{i}" for i in range(count))


#: What can be written so that its reading costs more than its length: of each, the text of a size.
HOSTILE: dict[str, Callable[[int], str]] = {
    "joins with itself": lambda n: chain(n, "select a.k from {before} a join {before} b on a.k = b.k"),
    "unions with itself": lambda n: chain(n, "select k from {before} union all select k from {before}"),
    "sums of sums": lambda n: chain(n, "select a.k + b.k as k from {before} a cross join {before} b"),
    "except itself": lambda n: chain(n, "select k from {before} except select k from {before}"),
    "all columns, twice as many each time": lambda n: "with q0 as (select a, b from t), "
    + ", ".join(f"q{i} as (select x.*, x.* from q{i - 1} x)" for i in range(1, n)) + f" select * from q{n - 1}",
    "all columns, many times": lambda n: f"select {', '.join(['q.*'] * n)} from (select {columns(10 * n)} from t) q",
    "many columns, sorted and distinct": lambda n: f"select distinct {columns(5 * n)} from t order by {columns(5 * n)}",
    "many columns, level by level": lambda n: f"select * from (select * from (select {columns(5 * n)} from t))",
    "one long sum": lambda n: f"select {'+'.join(['a'] * 10 * n)} from t",
    "one long condition": lambda n: f"select a from t where {' and '.join(['a = 1'] * 10 * n)}",
    "a deep query with a long text": lambda n: f"select {'coalesce(' * 40}{', '.join(['a'] * 5 * n)}{')' * 40} from t",
}  # fmt: skip


def as_bridge(query: str) -> object:
    return read(f"insert into x (k) {query}", ATHENA)


def as_jdbc(query: str) -> JdbcQuery | None:
    return read_query(query, "jdbc:postgresql://h/db", lambda name: f"db:{name}")


@pytest.mark.parametrize("reader", [as_bridge, as_jdbc])
@pytest.mark.parametrize("made", HOSTILE.values(), ids=HOSTILE)
def test_twice_the_statement_is_not_much_more_than_twice_the_work(
    reader: Callable[[str], object], made: Callable[[int], str]
) -> None:
    reader(made(4))  # what is imported and cached is there now
    few, many = (lines(lambda n=n: reader(made(n))) for n in (16, 32))  # type: ignore[misc]
    assert many <= max(few * 4.5, 20_000)  # each query may hand on all that the ones before depend on


@pytest.mark.parametrize(("sql", "dropped"), [
    ("alter table t drop   column a", True),
    ("alter table t drop column a" + " " * 20_000 + "(", False),
])  # fmt: skip
def test_an_alter_is_read_whatever_blanks_it_has(sql: str, dropped: bool) -> None:
    found = read(sql, SPARK, lambda _: Known({"a": "int", "b": "int"}))
    assert found.created == ({"c.s.t": Known({"b": "int"})} if dropped else {})


def test_a_query_that_is_named_twice_a_level_has_the_sources_of_one() -> None:
    step = "select a.k from {before} a join {before} b on a.k = b.k"
    (write,) = read(f"insert into x (k) {chain(60, step)}", ATHENA).writes
    assert write.reason == ""
    found = {(one.dataset, one.column) for one in write.columns[0].sources if one.type is DependencyType.DIRECT}
    assert found == {("c.s.t", "k")}
    assert {one.column for one in write.rows} == {"k", "p"}
    query = as_jdbc(chain(40, step))
    assert query is not None
    assert len(query.result.keys) == 40
