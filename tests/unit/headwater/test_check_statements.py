"""SQL against what is written now: which differences are told, and which are only other words."""

from __future__ import annotations

import pytest

from headwater.check.difference import Difference
from headwater.check.statements import Written, definitions, differences, kind, plain, written_by, written_now
from headwater.queries.answers.answer import Answer, Edge, Node
from headwater.sql_bridge.model import Dialect, Known
from headwater.sql_bridge.statements import Session

T, S = "s3://lake/orders", "s3://lake/items"
NODES = {"t": T, "s": S}
NOW = Answer(
    root=T,
    direction="upstream",
    depth=1,
    type="all",
    as_of=None,
    nodes=(
        Node(f"{T}#revenue", "column", "revenue", T, 0, "upstream"),
        Node(f"{T}#currency", "column", "currency", T, 0, "upstream", origin="constant", expression="'EUR'"),
    ),
    edges=(
        Edge(f"{S}#price", f"{T}#revenue", "DIRECT", "AGGREGATION", expression="sum((price * 2))", job="job:a/b"),
        Edge(f"{S}#status", T, "INDIRECT", "FILTER", expression="(status = 'paid')", job="job:a/b"),
        Edge(S, T, "DIRECT", None, job="job:a/b"),  # the datasets themselves are no columns
    ),
)
ASKED = {"s": Known({"price": "double", "status": "string", "other": "int"})}


def found(sql: str, types: dict[str, str] | None = None, *, guess: bool = False) -> list[Difference]:
    (write,) = Session(Dialect("spark"), ASKED.get, types=True).read(sql).writes
    new = written_by(write, lambda name: NODES[name])
    after = {column.name: kind(column.type) for column in write.columns}
    whole = write.whole_rows
    return list(differences(T, written_now(NOW), new, (types or {}, after), whole_rows=whole, guess_renames=guess))


SAME = "create table t as select SUM(x.price * 2) as revenue, 'EUR' currency from s x where x.status = 'paid'"


@pytest.mark.parametrize(
    ("sql", "types", "guess", "expected"),
    [
        (SAME, {}, False, []),
        (SAME, {"revenue": "double"}, False, []),
        (SAME, {"revenue": "decimal(10,2)"}, False, [Difference(T, "revenue", "retype", "decimal(10,2)", "double")]),
        (SAME.replace("'EUR' currency", "1 flag"), {}, False,
         [Difference(T, "currency", "drop", "'EUR'"), Difference(T, "flag", "add", None, "1")]),
        (SAME.replace("SUM", "max"), {}, False,
         [Difference(T, "revenue", "semantics", "sum((price * 2))", "max(price * 2)")]),
        (SAME.replace("x.price", "x.other"), {}, False,
         [Difference(T, "revenue", "semantics", "sum((price * 2))", "sum(other * 2)")]),
        (SAME.replace("where x.status = 'paid'", "where x.other > 1"), {}, False,
         [Difference(T, None, "rows", "FILTER: items#status", "FILTER: items#other")]),
        (SAME.replace("as revenue", "as rev"), {}, False,
         [Difference(T, "revenue", "drop", "sum((price * 2))"), Difference(T, "rev", "add", None, "sum(price * 2)")]),
        (SAME.replace("as revenue", "as rev"), {}, True,
         [Difference(T, "revenue", "rename", "revenue", "rev", guessed=True)]),
        # a statement that writes some columns alone drops none
        ("insert into t (revenue) select sum(price * 2) from s where status = 'paid'", {}, False, []),
    ],
)  # fmt: skip
def test_differences(sql: str, types: dict[str, str], guess: bool, expected: list[Difference]) -> None:
    assert found(sql, types, guess=guess) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sum((price * 2))", "SUM(s.price * 2)"),
        ("(amount)", "`Amount`"),
        ("count(1)", "COUNT( 1 )"),
        ("is not sql ((", "IS  not sql (("),
    ],
)
def test_expressions_that_are_the_same_in_other_words(one: str, other: str) -> None:
    assert plain(one) == plain(other)


@pytest.mark.parametrize(
    ("text", "dialect", "expected"),
    [
        ("INTEGER", "redshift", "int"),
        ("varchar(20)", "redshift", "string"),
        ("text", "postgres", "string"),
        ("double precision", "redshift", "double"),
        ("decimal(10, 2)", "athena", "decimal(10,2)"),
        ("int8", "postgres", "bigint"),
        ("array<struct<a:int>>", "", "array<struct<a: int>>"),
        ("", "", ""),
        ("no such type", "", "no such type"),
    ],
)
def test_types_in_one_set_of_words(text: str, dialect: str, expected: str) -> None:
    assert kind(text, dialect) == expected


def test_definitions() -> None:
    now = {"t": {"a": "int", "b": "string", "c": "double"}}
    session = Session(Dialect("spark"), lambda name: Known(now[name]) if name in now else None)
    changed = session.read("alter table t rename column a to z")
    (pair,) = definitions(changed, now.get, NODES.__getitem__, "spark")
    assert pair == (T, [Difference(T, "a", "rename", "a", "z")])
    made = session.read("create table t (a bigint, b string, d date)")
    (pair,) = definitions(made, now.get, NODES.__getitem__, "spark")
    assert pair[1] == [
        Difference(T, "a", "retype", "int", "bigint"),
        Difference(T, "c", "drop", "double"),
        Difference(T, "d", "add", None, "date"),
    ]
    dropped = session.read("drop table t, unknown")
    assert list(definitions(dropped, now.get, NODES.__getitem__, "spark")) == [(T, [Difference(T, None, "drop")])]


def test_a_dataset_that_nothing_writes_has_no_rows_to_compare() -> None:
    new = Written({"a": set()}, {(f"{S}#status", "INDIRECT", "FILTER")})
    assert list(differences(T, Written(), new, ({}, {}))) == [Difference(T, "a", "add", None, "")]
