"""A changed plan against what its job makes now."""

from __future__ import annotations

import pytest

from headwater.check.difference import Difference
from headwater.check.plans import Made, differences, made_by, made_now
from headwater.graphmodel.logic import Logic
from headwater.graphmodel.model import (
    Dependency,
    DependencyType,
    Derivation,
    Effect,
    Job,
    Origin,
    OutputColumn,
    Subtype,
)
from headwater.queries.answers.answer import Answer, Edge, Node

T, S, JOB = "s3://lake/orders", "s3://lake/items", "job:glue/orders"
REVENUE = (f"{S}#price", "DIRECT", "AGGREGATION", "sum(price)")
PAID = (f"{S}#status", "INDIRECT", "FILTER", "status = 'paid'")
EURO = ("", "constant", "", "'EUR'")
NOW = Made({"revenue": {REVENUE}, "currency": {EURO}}, {PAID})


@pytest.mark.parametrize(
    ("new", "types", "expected"),
    [
        (NOW, ({}, {}), []),
        (Made({"revenue": {REVENUE}}, {PAID}), ({}, {}), [Difference(T, "currency", "drop", "'EUR'")]),
        (
            Made({**NOW.columns, "n": {("", "generated", "", "count(1)")}}, {PAID}),
            ({}, {}),
            [Difference(T, "n", "add", None, "count(1)")],
        ),
        (
            NOW,
            ({"revenue": "double"}, {"revenue": "decimal(10,2)", "currency": "string"}),
            [Difference(T, "revenue", "retype", "double", "decimal(10,2)")],
        ),
        (
            Made({**NOW.columns, "revenue": {(*REVENUE[:3], "sum(price * 2)")}}, {PAID}),
            ({"revenue": "double"}, {"revenue": "double"}),
            [Difference(T, "revenue", "semantics", "sum(price)", "sum(price * 2)")],
        ),
        (Made(NOW.columns, set()), ({}, {}), [Difference(T, None, "rows", "status = 'paid'", "")]),
        (  # UPDATE keeps the column as it is: that is no drop
            Made({"currency": {EURO}}, {PAID}, kept={"revenue"}),
            ({}, {}),
            [Difference(T, "revenue", "semantics", "sum(price)", "")],
        ),
    ],
)
def test_differences(new: Made, types: tuple[dict[str, str], dict[str, str]], expected: list[Difference]) -> None:
    assert list(differences(T, NOW, new, *types)) == expected


def test_constants_of_a_dataset_that_others_write_are_left_out() -> None:
    shared = Made({"revenue": {REVENUE}}, {PAID}, shared=True)
    assert list(differences(T, shared, NOW, {}, {})) == []


def edge(source: str, target: str, job: str = JOB, plan: str = "plan:1", **more: object) -> Edge:
    given = {"type": "DIRECT", "subtype": "AGGREGATION", "expression": "sum(price)"} | more
    return Edge(source, target, job=job, plan=plan, **given)  # type: ignore[arg-type]


def answer(*edges: Edge) -> Answer:
    nodes = [
        Node(T, "dataset", "orders", T, 0, "upstream"),
        Node(f"{T}#revenue", "column", "revenue", T, 0, "upstream"),
        Node(f"{T}#currency", "column", "currency", T, 0, "upstream", "constant", expression="'EUR'"),
        Node(f"{T}#gone", "column", "gone", T, 0, "upstream"),  # nothing makes it any more
        Node(f"{S}#price", "column", "price", S, 1, "upstream"),
    ]
    return Answer(T, "upstream", 1, "all", None, tuple(nodes), edges)


FILTERED = {"type": "INDIRECT", "subtype": "FILTER", "expression": "status = 'paid'"}


def test_what_a_job_makes_now() -> None:
    mine = edge(f"{S}#price", f"{T}#revenue")
    old = edge(f"{S}#cost", f"{T}#revenue", plan="plan:0")
    filtered = edge(f"{S}#status", T, **FILTERED)
    assert made_now(answer(mine, filtered), JOB, None) == NOW
    assert made_now(answer(mine, old, filtered), JOB, "plan:1") == NOW
    shared = made_now(answer(mine, edge(f"{S}#tax", f"{T}#tax", "job:other")), JOB, None)
    assert (shared.columns, shared.shared) == ({"revenue": {REVENUE}}, True)
    assert made_now(answer(edge(f"{S}#price", f"{S}#copy")), JOB, None).columns.keys() == {"currency"}


def test_what_a_new_plan_makes() -> None:
    direct = DependencyType.DIRECT
    logic = Logic(
        Job("glue", "orders"),
        T,
        Effect.ALL,
        (S,),
        (OutputColumn("currency", Origin.CONSTANT, expression="'EUR'"), OutputColumn("revenue"), OutputColumn("id")),
        (
            Derivation("revenue", S, "price", direct, Subtype.AGGREGATION, expression="sum(price)"),
            Derivation("id", T, "id", direct, Subtype.IDENTITY, carried=True),
        ),
        (Dependency(S, "status", Subtype.FILTER, expression="status = 'paid'"),),
    )
    assert made_by(logic) == Made(NOW.columns, NOW.rows, kept={"id"})
