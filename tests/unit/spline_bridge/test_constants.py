"""The literals of a payload never make another logic: whatever they are, however many a list has, at any depth."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.graphmodel.constants import Constants, filled
from headwater.graphmodel.expressions.text import BOUND, Text, concat, constant, text
from headwater.graphmodel.logic import Logic, logic
from headwater.graphmodel.model import Dependency, Derivation, OutputColumn, Plan
from headwater.graphmodel.renaming import mentioned
from tests.unit.spline_bridge.plans import attr, document, expr, function, literal, mapped, operation, read

values = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=600) | st.floats(-9, 9)
stages = st.text("0123456789abcdef", min_size=12, max_size=12)


def job(first: object, listed: list[object], factor: object, stage: str, steps: int = 1) -> dict[str, Any]:
    """``SELECT uid_<stage>(... a * factor ...) AS v, factor AS k FROM t WHERE b = first AND c IN (listed)``."""
    product = [
        function(f"times{i}", "Multiply", attr("a") if i == 0 else expr(f"times{i - 1}"), expr("factor"))
        for i in range(steps)
    ]
    functions = [
        function("eq", "EqualTo", attr("b"), expr("first")),
        function("in", "In", attr("c"), *(expr(f"one{i}") for i in range(len(listed)))),
        function("and", "And", expr("eq"), expr("in")),
        *product,
        function("udf", "ScalaUDF", expr(f"times{steps - 1}"), name=f"VectorAssembler_{stage}"),
        function("v", "Alias", expr("udf"), name="v"),
        function("k", "Alias", expr("factor"), name="k"),
    ]
    constants = [literal("first", first), literal("factor", factor)]
    constants += [literal(f"one{i}", value) for i, value in enumerate(listed)]
    return document(
        [
            operation("p", "Project", ["f"], ["x", "y"], projectList=[expr("v"), expr("k")]),
            operation("f", "Filter", ["r"], ["a", "b", "c"], condition=expr("and")),
        ],
        functions=functions,
        constants=constants,
        names={"x": "v", "y": "k"},
        refs={"x": [expr("v")], "y": [expr("k")]},
    )


def parts_with(first: object, second: object, third: object) -> dict[str, Any]:
    """The sides of a UNION, the branches of an IF and of a CASE, and what grouping sets give, each with literals."""
    functions = [
        function("plus1", "Add", attr("a"), expr("first")),
        function("plus2", "Add", attr("a"), expr("second")),
        function("if", "If", attr("b"), expr("first"), expr("second")),
        function("case", "CaseWhen", attr("b"), expr("plus1"), attr("c"), expr("plus2"), expr("third")),
        function("whole", "Coalesce", attr("c"), expr("third")),
    ]
    constants = [literal("first", first), literal("second", second), literal("third", third)]
    columns = ["a", "b", "c"]
    lists = {
        "p": [expr("first"), expr("plus1"), expr("if"), expr("case")],
        "q": [expr("second"), expr("plus2"), expr("third"), expr("whole")],
    }
    sides = [
        operation(key, "Project", ["r"], [f"{key}{i}" for i in range(4)], projectList=of) for key, of in lists.items()
    ]
    projections = [[attr("u0"), expr("first"), attr("u2")], [attr("u0"), expr("second"), attr("u3")]]
    return document(
        [
            operation("e", "Expand", ["u"], ["x", "y", "z"], projections=projections),
            operation("u", "Union", ["p", "q"], [f"u{i}" for i in range(4)]),
            *sides,
        ],
        reads=[read("r", "s3://lake/t", columns)],
        functions=functions,
        constants=constants,
    )


def expressions(of: Plan | Logic) -> set[str]:
    parts: list[OutputColumn | Derivation | Dependency] = [*of.columns, *of.derivations, *of.dependencies]
    return {part.expression for part in parts if part.expression}


def shown(of: Logic) -> set[str]:
    known = Constants(of.constants)
    return {filled(expression, known) for expression in expressions(of)}


worlds = st.tuples(values, st.lists(values, min_size=1, max_size=12), values, stages)


@given(worlds, worlds, st.sampled_from((1, 2, 600)))
def test_other_literals_are_the_same_logic(one: Any, other: Any, steps: int) -> None:
    first, second = (logic(mapped(job(w[0], w[1], w[2], w[3], steps))) for w in (one, other))
    assert first.plan == second.plan
    assert len(first.constants) == len(second.constants)


few = st.integers(0, 2) | st.sampled_from(("0", "1", "a")) | st.none()


@given(st.tuples(few, few, few), st.tuples(few, few, few))
def test_whether_two_literals_are_equal_makes_no_other_logic(one: Any, other: Any) -> None:
    first, second = (logic(mapped(parts_with(*of))) for of in (one, other))
    assert first == second
    assert len(first.constants) == len(second.constants)


def test_literals_of_parts_that_are_alike_are_shown_together() -> None:
    assert "1 | 2" in shown(logic(mapped(parts_with(1, 2, 3))))
    assert "1" in shown(logic(mapped(parts_with(1, 1, 3))))


@given(worlds)
def test_an_expression_with_its_constants_is_what_the_plan_says(world: Any) -> None:
    first, listed, factor, stage = world
    plan = mapped(job(str(first)[:20], [str(value)[:9] for value in listed], str(factor)[:20], stage))
    assert shown(logic(plan)) <= expressions(plan)


def test_what_is_shown() -> None:
    told = shown(logic(mapped(job("2026-03-01", [1, 2, 3], 1.1, "3b9fa9492f75"))))
    assert told == {"VectorAssembler(a * 1.1)", "b = '2026-03-01' AND c IN (1, 2, 3)", "1.1"}
    assert "3b9fa9492f75" not in json.dumps(sorted(map(str, told)))


pieces = st.one_of(
    st.text("ab ", max_size=3 * BOUND).map(text), st.text(max_size=9).map(lambda value: constant(f"'{value}'"))
)


@given(st.lists(pieces, max_size=8), st.integers(0, 8))
def test_a_text_composed_in_any_way_is_the_same(parts: list[Text], cut: int) -> None:
    whole = concat(parts)
    assert concat([concat(parts[:cut]), concat(parts[cut:])]) == whole
    assert whole.form.shape.count("\ue000") == len(whole.form.constants)
    other = [constant("1") if part.constants else part for part in parts]
    assert concat(other).form.shape == whole.form.shape


URL = "jdbc:postgresql://h/shop"
#: Datasets that a plan does not identify, where a day is in them or in a filter: read, and what the write says.
UNKNOWN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a table that was cut off with a password": (read("r", f"{URL}?password=*****", ["a"], sourceType="jdbc"), {}),
    "a query that is not read": (
        {
            **read("r", "", ["a"], sourceType="jdbc"),
            "inputSources": [f"{URL}:exec people '{{day}}'"],
            "params": {"url": URL, "dbtable": "exec people '{day}'"},
        },
        {},
    ),
    "topics by a pattern": ({**read("r", "kafka:t.*", ["a"]), "params": {"subscribePattern": "t.*"}}, {}),
    "a target without a name": (read("r", "s3://lake/t", ["a"]), {"outputSource": "unresolved:SaveIntoDataSource"}),
}


def on_a_day(case: str, day: str, **changed: object) -> Plan:
    source, write = UNKNOWN[case]
    plan = document(
        [operation("f", "Filter", ["r"], ["a"], condition=expr("eq"))],
        reads=[json.loads(json.dumps(source).replace("{day}", day))],
        functions=[function("eq", "EqualTo", attr("a"), expr("day"))],
        constants=[literal("day", day)],
        write=write,
    )
    return mapped({**plan, "id": str(uuid.uuid4()), **changed})


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_dataset_that_no_plan_identifies_is_the_same_one_every_day(case: str) -> None:
    one, other = on_a_day(case, "2026-03-01"), on_a_day(case, "2026-03-02")
    assert [name.partition(":")[0] for name in sorted(mentioned(one))].count("unresolved") == 1
    assert mentioned(one) == mentioned(other)
    assert logic(one).plan == logic(other).plan


@pytest.mark.parametrize("case", UNKNOWN)
def test_that_of_another_job_or_of_another_logic_is_another_one(case: str) -> None:
    plans = [on_a_day(case, "d"), on_a_day(case, "d", name="another", extraInfo={"appName": "another"})]
    source, write = UNKNOWN[case]
    plans.append(mapped(document([], reads=[source], write=write)))
    unknown = [next(name for name in mentioned(plan) if name.startswith("unresolved:")) for plan in plans]
    assert len(set(unknown)) == len(plans)
