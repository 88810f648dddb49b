"""A JDBC read by a query: its columns come from those of the tables that the query names."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.graphmodel.constants import MARK, Form
from headwater.graphmodel.logic import logic
from headwater.graphmodel.model import Plan
from headwater.spline_bridge.datasets import MOST_SQL
from headwater.spline_bridge.jdbc_queries import read_query
from tests.unit.spline_bridge.plans import direct, document, indirect, mapped, read

URL = "jdbc:postgresql://h/shop"


def queried(sql: str, *output: str, option: str = "query", url: str = URL) -> Plan:
    params: dict[str, Any] = {"url": url, option: sql}
    source = {**read("r", "", output, sourceType="jdbc"), "inputSources": [f"{url}:{sql}"], "params": params}
    return mapped(document([], reads=[source]))


P, O = "shop.public.person", "shop.public.orders"  # noqa: E741
#: SQL, its columns -> DIRECT sources by column, INDIRECT ones of all rows and of columns
QUERIES: dict[str, tuple[str, dict[str, set[str]], dict[str, set[str]]]] = {
    "aliases": (
        "select name as namex, city from person where id > 3",
        {"namex": {f"IDENTITY {P}.name"}, "city": {f"IDENTITY {P}.city"}},
        {"*": {f"FILTER {P}.id"}},
    ),
    "a join of aliased tables": (
        "select p.name, o.amount * 2 as double_ from person p join orders o on p.id = o.person_id",
        {"name": {f"IDENTITY {P}.name"}, "double_": {f"TRANSFORMATION {O}.amount"}},
        {"*": {f"JOIN {P}.id", f"JOIN {O}.person_id"}},
    ),
    "groups": (
        "select city, count(*) as n, sum(age) as s from person group by city having max(id) > 1 order by city",
        {"city": {f"IDENTITY {P}.city"}, "n": set(), "s": {f"AGGREGATION {P}.age"}},
        {"*": {f"GROUP_BY {P}.city", f"FILTER {P}.id", f"SORT {P}.city"}},
    ),
    "a CTE and a subquery": (
        "with x as (select id as i, name from person where age > 1) select q.i, q.name from (select i, name from x) q",
        {"i": {f"IDENTITY {P}.id"}, "name": {f"IDENTITY {P}.name"}},
        {"*": {f"FILTER {P}.age"}},
    ),
    "a union": (
        "select id as k from person union all select person_id from orders",
        {"k": {f"IDENTITY {P}.id", f"IDENTITY {O}.person_id"}},
        {"*": set()},
    ),
    "CASE and a window": (
        "select case when age > 1 then name else city end c, rank() over (partition by city order by id) r from person",
        {"c": {f"TRANSFORMATION {P}.name", f"TRANSFORMATION {P}.city"}, "r": set()},
        {"*": set(), "c": {f"CONDITIONAL {P}.age"}, "r": {f"WINDOW {P}.city", f"WINDOW {P}.id"}},
    ),
    "a correlated subquery": (
        "select name from person p where exists (select 1 from orders o where o.person_id = p.id)",
        {"name": {f"IDENTITY {P}.name"}},
        {"*": {f"FILTER {O}.person_id", f"FILTER {P}.id"}},
    ),
    "a name that the result has too, and keys by number": (
        "select upper(name) as name, count(*) as n from person where name > 'B' group by 1 order by 2",
        {"name": {f"TRANSFORMATION {P}.name"}, "n": set()},
        {"*": {f"FILTER {P}.name", f"GROUP_BY {P}.name"}},
    ),
    "all columns of one table, filtered": (
        "select * from person where age > 1",
        {"id": {f"IDENTITY {P}.id"}, "name": {f"IDENTITY {P}.name"}},
        {"*": {f"FILTER {P}.age"}},
    ),
    "all columns of one of two tables, and another": (
        "select p.*, o.amount from person p join orders o on p.id = o.person_id",
        {"id": {f"IDENTITY {P}.id"}, "amount": {f"IDENTITY {O}.amount"}},
        {"*": {f"JOIN {P}.id", f"JOIN {O}.person_id"}},
    ),
}


@pytest.mark.parametrize("case", QUERIES)
def test_columns_come_from_those_of_the_tables(case: str) -> None:
    sql, wanted, keys = QUERIES[case]
    plan = queried(sql, *wanted)
    assert direct(plan) == wanted
    assert indirect(plan) == keys
    assert not any(dataset.uri.startswith("unresolved:") for dataset in plan.inputs)


def test_a_query_that_is_joined_with_itself_again_and_again_is_read_once() -> None:
    steps = ", ".join(f"c{n} as (select a.k from c{n - 1} a join c{n - 1} b on a.k = b.k)" for n in range(1, 60))
    plan = queried(f"with c0 as (select id as k from person where age > 1), {steps} select k from c59", "k")
    assert direct(plan) == {"k": {f"IDENTITY {P}.id"}}
    assert indirect(plan) == {"*": {f"FILTER {P}.age", f"JOIN {P}.id"}}


def test_a_query_in_place_of_a_table_is_read_too() -> None:
    plan = queried("(select name as n from person) q", "n", option="dbtable")
    assert direct(plan) == {"n": {f"IDENTITY {P}.name"}}
    assert [(d.uri, d.columns) for d in plan.inputs] == [("postgres://h:5432/shop.public.person", ("name",))]


def test_a_database_in_a_file_and_a_schema() -> None:
    url = "jdbc:h2:file:/lake/shop;DATABASE_TO_UPPER=FALSE"
    plan = queried("select name as namex from sales.person", "namex", url=url)
    assert [d.uri for d in plan.inputs] == ["h2:///lake/shop/sales.person"]


UNREAD: dict[str, tuple[str, dict[str, set[str]], bool]] = {
    "a column that may be of either table": ("select name from person, orders", {"name": set()}, False),
    "a procedure": ("exec all_people 1", {"name": set()}, True),
    "no SQL": ("select from where (", {"name": set()}, True),
    "a function of the database": ("select name from shop.people(1)", {"name": set()}, True),
    "too long": (f"select name from person where id in ({', '.join(['1'] * 20_000)})", {"name": set()}, True),
    "too deep": ("select " + "(" * 500 + "name" + ")" * 500 + " from person", {"name": set()}, True),
}


@pytest.mark.parametrize("case", UNREAD)
def test_what_is_not_certain_stays_unresolved(case: str) -> None:
    sql, wanted, unread = UNREAD[case]
    plan = queried(sql, *wanted)
    if unread:
        assert [d.uri.partition(":")[0] for d in plan.inputs] == ["unresolved"]
    else:
        assert direct(plan) == wanted
        assert not plan.columns[0].resolved


def test_a_source_that_ends_in_a_masked_password_stays_unresolved() -> None:
    params = {"url": URL, "query": "select name from person"}
    masked = {**read("r", "", ["name"]), "inputSources": [f"{URL}?user=a&password=*****"], "params": params}
    assert mapped(document([], reads=[masked])).inputs[0].uri.startswith("unresolved:")


@pytest.mark.parametrize(
    "sql",
    [
        "select name from person where born > '{day}' and id in ({ids}) and age < {number}",
        "select name from person p join orders o on p.id = o.person_id and o.day = date '{day}'",
        "select concat(name, '{day}') as name from person group by name having count(*) > {number}",
        "select case when age > {number} then name else '{day}' end as name from person",
        "select '{day}' as name, max(id) from person",
        "with x as (select name from person where id = {number}) select name from x order by coalesce(name, '{day}')",
        "select name from person where born > '{day}' union all select city from person where age = {number}",
        "select sum(age + {number}) over (partition by date_trunc('{day}', born)) as name from person",
        "select name from (select name from person where born between '{day}' and '9{day}') q limit {number}",
    ],
)
def test_other_literals_in_a_query_are_the_same_logic(sql: str) -> None:
    days = [("2026-03-01", "1, 2", "1"), ("2027-12-31", "4", "23.5"), ("a''b", "1, 2, 3", "1e3")]
    found = [logic(queried(sql.format(day=day, ids=ids, number=number), "name")) for day, ids, number in days]
    assert len({one.plan for one in found}) == 1
    assert not any(uri.startswith("unresolved:") for uri in found[0].inputs)


def test_the_literals_of_a_query_are_shown() -> None:
    (key,) = queried("select name from person where born > '2026-03-01' and id in (1, 2)", "name").dependencies[:1]
    assert (key.expression, key.form) == (
        "born > '2026-03-01' AND id IN (1, 2)",
        Form(f"born > {MARK} AND id IN ({MARK})", ("'2026-03-01'", "1, 2")),
    )


def test_the_queries_of_one_plan_are_read_up_to_a_number_of_characters_together() -> None:
    """Sixty of 49,000 characters kept everything else out of the graph for two minutes."""
    long = f"select name from person where id in ({', '.join(['1'] * 14_000)}) and age > "
    queries = {f"r{number}": f"{long}{number}" for number in range(9)} | {"short": "select name from orders"}
    reads = [
        {
            **read(key, "", ["name"], sourceType="jdbc"),
            "inputSources": [f"{URL}:{sql}"],
            "params": {"url": URL, "query": sql},
        }
        for key, sql in queries.items()
    ]
    union = {"id": "u", "name": "Union", "childIds": list(queries), "output": ["name"], "params": {}}
    plan = mapped(document([union], reads=reads))
    known = [d.uri for d in plan.inputs if not d.uri.startswith("unresolved:")]
    assert known == [f"postgres://h:5432/{O}", f"postgres://h:5432/{P}"]
    assert sum(map(len, sorted(queries.values(), key=len)[:3])) <= MOST_SQL < sum(map(len, queries.values()))
    assert any(d.uri.startswith("unresolved:") for d in plan.inputs)


#: In which of these databases a text in double quotes is the name of a column, as a query is read.
QUOTED = {"postgresql": True, "sqlserver": True, "h2": True, "databricks": True, "awsathena": True, "mariadb": False}


@pytest.mark.parametrize(("database", "is_name"), QUOTED.items())
def test_a_query_is_read_as_ever_by_the_name_of_its_database(database: str, is_name: bool) -> None:
    """By sqlglot Databricks has no names in double quotes: read so, plans in a ledger would have other ids."""
    found = read_query('select "name" from person', f"jdbc:{database}://h/shop", str)
    assert found is not None
    assert bool(found.tables["person"].used) is is_name
