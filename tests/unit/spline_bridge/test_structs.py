"""Fields of a struct that the plan built are followed through what is done with the struct."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.graphmodel.model import DependencyType, Origin
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

STRUCT = [
    function("s", "CreateNamedStruct", expr("'p'"), attr("a"), expr("'q'"), attr("b")),
]
NAMES = [literal("'p'", "p"), literal("'q'", "q"), literal("one", 1), literal("null", None)]


def field(key: str, of: dict[str, str], name: str) -> dict[str, Any]:
    return function(key, "GetStructField", of, name=name)


#: functions, of which ``x`` is the column -> DIRECT sources, INDIRECT ones
CASES: dict[str, tuple[list[dict[str, Any]], set[str], set[str]]] = {
    "a field that withField does not set": (
        [
            function("w", "WithField", expr("one"), name="p"),
            function("u", "UpdateFields", expr("s"), expr("w")),
            field("x", expr("u"), "q"),
        ],
        {"IDENTITY t.b"},
        set(),
    ),
    "a field that withField sets": (
        [
            function("w", "WithField", attr("c"), name="p"),
            function("u", "UpdateFields", expr("s"), expr("w")),
            field("x", expr("u"), "p"),
        ],
        {"IDENTITY t.c"},
        set(),
    ),
    "the struct after withField": (
        [
            function("w", "WithField", expr("one"), name="p"),
            function("x", "UpdateFields", expr("s"), expr("w")),
        ],
        {"TRANSFORMATION t.b"},
        set(),
    ),
    "a field of a read struct, after withField of another": (
        [
            function("w", "WithField", attr("b"), name="p"),
            function("u", "UpdateFields", attr("a"), expr("w")),
            field("x", expr("u"), "q"),
        ],
        {"IDENTITY t.a"},
        set(),
    ),
    "dropFields": (
        [function("u", "UpdateFields", expr("s")), field("x", expr("u"), "q")],
        {"IDENTITY t.b"},
        set(),
    ),
    "through CASE": (
        [
            function("k", "IsNull", attr("c")),
            function("u", "CaseWhen", expr("k"), expr("s"), expr("null")),
            field("x", expr("u"), "q"),
        ],
        {"TRANSFORMATION t.b"},
        {"CONDITIONAL t.c"},
    ),
    "through COALESCE": (
        [function("u", "Coalesce", expr("s"), expr("null")), field("x", expr("u"), "p")],
        {"TRANSFORMATION t.a"},
        {"CONDITIONAL t.a", "CONDITIONAL t.b"},
    ),
    "through an array's item": (
        [
            function("u", "CreateArray", expr("s"), expr("s")),
            function("x", "GetArrayStructFields", expr("u"), field="StructField(q,LongType,true)"),
        ],
        {"TRANSFORMATION t.b"},
        set(),
    ),
    "through a list that was collected": (
        [
            function("l", "aggregate.CollectList", expr("s")),
            function("u", "aggregate.AggregateExpression", expr("l")),
            function("x", "GetArrayStructFields", expr("u"), field="StructField(p,LongType,true)"),
        ],
        {"AGGREGATION t.a"},
        set(),
    ),
    "an item of a list that was collected": (
        [
            function("l", "aggregate.CollectList", expr("s")),
            function("u", "aggregate.AggregateExpression", expr("l")),
            function("f", "GetArrayStructFields", expr("u"), field="StructField(p,LongType,true)"),
            function("x", "GetArrayItem", expr("f"), expr("one")),
        ],
        {"IDENTITY t.a"},
        set(),
    ),
    "an array, of whose items a lambda takes one field": (
        [
            function("y", "CreateArray", expr("s")),
            function("v", "NamedLambdaVariable", name="e"),
            field("f", expr("v"), "p"),
            function("l", "LambdaFunction", expr("f"), expr("v")),
            function("x", "ArrayTransform", expr("y"), expr("l")),
        ],
        {"TRANSFORMATION t.a"},
        set(),
    ),
    "an array, of which a lambda takes nothing but how many items it has": (
        [
            function("y", "ArrayRepeat", attr("a"), attr("b")),
            function("v", "NamedLambdaVariable", name="e"),
            function("l", "LambdaFunction", attr("c"), expr("v")),
            function("x", "ArrayTransform", expr("y"), expr("l")),
        ],
        {"TRANSFORMATION t.b", "TRANSFORMATION t.c"},
        set(),
    ),
    "a read array, of which a lambda takes nothing but how many items it has": (
        [
            function("v", "NamedLambdaVariable", name="e"),
            function("l", "LambdaFunction", attr("c"), expr("v")),
            function("x", "ArrayTransform", attr("a"), expr("l")),
        ],
        {"TRANSFORMATION t.a", "TRANSFORMATION t.c"},
        set(),
    ),
    "one number out of an array, of whose items a lambda takes one field": (
        [
            function("y", "CreateArray", expr("s")),
            function("acc", "NamedLambdaVariable", name="acc"),
            function("v", "NamedLambdaVariable", name="e"),
            field("f", expr("v"), "q"),
            function("m", "Add", expr("acc"), expr("f")),
            function("l", "LambdaFunction", expr("m"), expr("acc"), expr("v")),
            function("k", "LambdaFunction", expr("acc"), expr("acc")),
            function("x", "ArrayAggregate", expr("y"), attr("c"), expr("l"), expr("k")),
        ],
        {"TRANSFORMATION t.b", "TRANSFORMATION t.c"},
        set(),
    ),
    "an array of structs that lost a field in a lambda": (
        [
            function("y", "CreateArray", expr("s")),
            function("v", "NamedLambdaVariable", name="e"),
            function("d", "DropField", name="p"),
            function("f", "UpdateFields", expr("v"), expr("d")),
            function("l", "LambdaFunction", expr("f"), expr("v")),
            function("x", "ArrayTransform", expr("y"), expr("l")),
        ],
        {"TRANSFORMATION t.b"},
        set(),
    ),
    "a whole struct that lost a field in a lambda, and got another": (
        [
            function("y", "CreateArray", expr("s")),
            function("v", "NamedLambdaVariable", name="e"),
            function("d", "DropField", name="q"),
            function("w", "WithField", attr("c"), name="p"),
            function("f", "UpdateFields", expr("v"), expr("d"), expr("w")),
            function("l", "LambdaFunction", expr("f"), expr("v")),
            function("u", "ArrayTransform", expr("y"), expr("l")),
            function("x", "GetArrayItem", expr("u"), expr("one")),
        ],
        {"TRANSFORMATION t.c"},
        set(),
    ),
    "a field of a map's value, by a key that a column gives": (
        [
            function("t", "CreateNamedStruct", expr("'p'"), attr("c"), expr("'q'"), attr("b")),
            function("m", "CreateMap", expr("'p'"), expr("s"), expr("'q'"), expr("t")),
            function("i", "GetMapValue", expr("m"), attr("c")),
            field("x", expr("i"), "q"),
        ],
        {"TRANSFORMATION t.b", "TRANSFORMATION t.c"},
        set(),
    ),
    "a field of an array's item, by a number that a column gives": (
        [
            function("y", "CreateArray", expr("s"), expr("s")),
            function("i", "ElementAt", expr("y"), attr("c")),
            field("x", expr("i"), "p"),
        ],
        {"TRANSFORMATION t.a", "TRANSFORMATION t.c"},
        set(),
    ),
    "of the first row of a group": (
        [
            function("l", "aggregate.First", expr("s")),
            function("u", "aggregate.AggregateExpression", expr("l"), attr("c")),
            field("x", expr("u"), "q"),
        ],
        {"AGGREGATION t.b"},
        {"FILTER t.c"},
    ),
    "of the row before": (
        [
            function("l", "Lag", expr("s"), expr("one"), expr("null")),
            function("d", "WindowSpecDefinition", attr("c"), orderSpec=[attr("c")]),
            function("u", "WindowExpression", expr("l"), expr("d")),
            field("x", expr("u"), "p"),
        ],
        {"TRANSFORMATION t.a"},
        {"WINDOW t.c"},
    ),
    "of the first item of either array": (
        [
            function("k", "IsNull", attr("c")),
            function("m", "CreateArray", expr("s")),
            function("n", "CreateArray", expr("s"), expr("s")),
            function("u", "CaseWhen", expr("k"), expr("m"), expr("n")),
            function("i", "GetArrayItem", expr("u"), expr("one")),
            field("x", expr("i"), "p"),
        ],
        {"TRANSFORMATION t.a"},
        {"CONDITIONAL t.c"},
    ),
    "a value of a map, by a key that is a literal": (
        [
            function("m", "CreateMap", expr("'p'"), attr("a"), expr("'q'"), attr("b")),
            function("x", "GetMapValue", expr("m"), expr("'q'")),
        ],
        {"IDENTITY t.b"},
        set(),
    ),
    "of a read struct, or of one that the plan built": (
        [function("u", "Coalesce", attr("c"), expr("s")), field("x", expr("u"), "p")],
        {"TRANSFORMATION t.a", "TRANSFORMATION t.c"},
        {"CONDITIONAL t.a", "CONDITIONAL t.b", "CONDITIONAL t.c"},
    ),
    "of one of two read structs": (
        [
            function("k", "IsNull", attr("c")),
            function("u", "If", expr("k"), attr("a"), attr("b")),
            field("x", expr("u"), "p"),
        ],
        {"TRANSFORMATION t.a", "TRANSFORMATION t.b"},
        {"CONDITIONAL t.c"},
    ),
    "an item of an array, counted from 1": (
        [
            function("u", "CreateArray", attr("a"), attr("b")),
            function("x", "ElementAt", expr("u"), expr("one")),
        ],
        {"IDENTITY t.a"},
        set(),
    ),
    "an item of an array, counted from its end": (
        [
            function("u", "CreateArray", attr("a"), attr("b")),
            function("m", "UnaryMinus", expr("one")),
            function("x", "ElementAt", expr("u"), expr("m")),
        ],
        {"IDENTITY t.b"},
        set(),
    ),
    "an item of a read array, by a column": (
        [function("i", "GetArrayItem", attr("a"), attr("b")), field("x", expr("i"), "p")],
        {"TRANSFORMATION t.a", "TRANSFORMATION t.b"},
        set(),
    ),
    "of what a lambda makes of each item": (
        [
            function("v", "NamedLambdaVariable", name="e"),
            field("p", expr("v"), "p"),
            function("t", "CreateNamedStruct", expr("'p'"), attr("c"), expr("'q'"), expr("p")),
            function("l", "LambdaFunction", expr("t"), expr("v")),
            function("u", "ArrayTransform", attr("a"), expr("l")),
            function("x", "GetArrayStructFields", expr("u"), field="StructField(q,LongType,true)"),
        ],
        {"TRANSFORMATION t.a"},
        set(),
    ),
    "of an item of an array that the plan built, in a lambda in a lambda": (
        [
            function("v", "NamedLambdaVariable", name="e"),
            function("w", "NamedLambdaVariable", name="f"),
            function("n", "Add", expr("v"), expr("w")),
            function("k", "LambdaFunction", expr("n"), expr("w")),
            function("j", "CreateArray", attr("b")),
            function("i", "ArrayTransform", expr("j"), expr("k")),
            function("l", "LambdaFunction", expr("i"), expr("v")),
            function("y", "CreateArray", attr("a")),
            function("x", "ArrayTransform", expr("y"), expr("l")),
        ],
        {"TRANSFORMATION t.a", "TRANSFORMATION t.b"},
        set(),
    ),
    "one item of what a lambda makes of an array that lists its items": (
        [
            function("u", "CreateArray", attr("a"), attr("b")),
            function("v", "NamedLambdaVariable", name="e"),
            function("p", "Add", expr("v"), attr("c")),
            function("l", "LambdaFunction", expr("p"), expr("v")),
            function("t", "ArrayTransform", expr("u"), expr("l")),
            function("x", "GetArrayItem", expr("t"), expr("one")),
        ],
        {"TRANSFORMATION t.b", "TRANSFORMATION t.c"},
        set(),
    ),
    "of an item that a filter keeps": (
        [
            function("u", "CreateArray", expr("s")),
            function("v", "NamedLambdaVariable", name="e"),
            function("g", "GreaterThan", attr("c"), expr("one")),
            function("l", "LambdaFunction", expr("g"), expr("v")),
            function("f", "ArrayFilter", expr("u"), expr("l")),
            function("i", "GetArrayItem", expr("f"), expr("one")),
            field("x", expr("i"), "q"),
        ],
        {"TRANSFORMATION t.b"},
        {"CONDITIONAL t.c"},
    ),
    "of an item that a filter keeps of an array that is read": (
        [
            function("v", "NamedLambdaVariable", name="e"),
            field("p", expr("v"), "p"),
            function("g", "GreaterThan", expr("p"), attr("c")),
            function("l", "LambdaFunction", expr("g"), expr("v")),
            function("f", "ArrayFilter", attr("a"), expr("l")),
            function("i", "GetArrayItem", expr("f"), expr("one")),
            field("x", expr("i"), "q"),
        ],
        {"TRANSFORMATION t.a"},
        {"CONDITIONAL t.a", "CONDITIONAL t.c"},
    ),
    "of arrays that were zipped": (
        [
            function("u", "CreateArray", attr("a")),
            function("v", "CreateArray", attr("b")),
            function("z", "ArraysZip", expr("u"), expr("v"), names=["p", "q"]),
            function("i", "GetArrayItem", expr("z"), expr("one")),
            field("x", expr("i"), "q"),
        ],
        {"TRANSFORMATION t.b"},
        set(),
    ),
    "of the greatest struct, which all fields decide": (
        [
            function("m", "aggregate.Max", expr("s")),
            function("g", "aggregate.AggregateExpression", expr("m")),
            field("x", expr("g"), "q"),
        ],
        {"AGGREGATION t.b"},
        {"CONDITIONAL t.a"},
    ),
    "a field of a read struct that Spark builds again, since it pads a CHAR in it": (
        [
            function("k", "IsNull", attr("a")),
            field("f", attr("a"), "p"),
            function("h", "StaticInvoke", expr("f"), functionName="readSidePadding"),
            field("g", attr("a"), "q"),
            function("i", "IsNull", expr("g")),
            field("j", expr("g"), "p"),
            function("n", "CreateNamedStruct", expr("'p'"), expr("j")),
            function("o", "If", expr("i"), expr("null"), expr("n")),
            function("m", "CreateNamedStruct", expr("'p'"), expr("h"), expr("'q'"), expr("o")),
            function("u", "If", expr("k"), expr("null"), expr("m")),
            field("v", expr("u"), "q"),
            field("x", expr("v"), "p"),
        ],
        {"IDENTITY t.a"},
        set(),
    ),
    "a field of a struct that is built of another one where a third is not there": (
        [
            function("k", "IsNull", attr("c")),
            field("f", attr("a"), "p"),
            function("m", "CreateNamedStruct", expr("'p'"), expr("f")),
            function("u", "If", expr("k"), expr("null"), expr("m")),
            field("x", expr("u"), "p"),
        ],
        {"TRANSFORMATION t.a"},
        {"CONDITIONAL t.c"},
    ),
    "a field of the row with the greatest of another column": (
        [
            function("m", "aggregate.MaxBy", expr("s"), attr("c")),
            function("g", "aggregate.AggregateExpression", expr("m")),
            field("x", expr("g"), "q"),
        ],
        {"AGGREGATION t.b", "AGGREGATION t.c"},
        set(),
    ),
    "one number out of a list that was collected, of whose items a lambda takes one field": (
        [
            function("y", "aggregate.CollectList", expr("s")),
            function("g", "aggregate.AggregateExpression", expr("y")),
            function("acc", "NamedLambdaVariable", name="acc"),
            function("v", "NamedLambdaVariable", name="e"),
            field("f", expr("v"), "q"),
            function("m", "Add", expr("acc"), expr("f")),
            function("l", "LambdaFunction", expr("m"), expr("acc"), expr("v")),
            function("k", "LambdaFunction", expr("acc"), expr("acc")),
            function("x", "ArrayAggregate", expr("g"), expr("one"), expr("l"), expr("k")),
        ],
        {"AGGREGATION t.b"},
        set(),
    ),
    "a list that was collected of some rows, of whose items a lambda takes one field": (
        [
            function("y", "aggregate.CollectList", expr("s")),
            function("g", "aggregate.AggregateExpression", expr("y"), attr("c")),
            function("v", "NamedLambdaVariable", name="e"),
            field("f", expr("v"), "q"),
            function("l", "LambdaFunction", expr("f"), expr("v")),
            function("x", "ArrayTransform", expr("g"), expr("l")),
        ],
        {"AGGREGATION t.a", "AGGREGATION t.b"},
        {"FILTER t.c"},
    ),
    "an item of the greatest array, which all items decide": (
        [
            function("y", "CreateArray", attr("a"), attr("b")),
            function("m", "aggregate.Max", expr("y")),
            function("g", "aggregate.AggregateExpression", expr("m")),
            function("x", "GetArrayItem", expr("g"), expr("one")),
        ],
        {"AGGREGATION t.b"},
        {"CONDITIONAL t.a"},
    ),
    "an item of the greatest array, by a number that a column gives": (
        [
            function("y", "CreateArray", attr("a"), attr("b")),
            function("m", "aggregate.Max", expr("y")),
            function("g", "aggregate.AggregateExpression", expr("m")),
            function("x", "ElementAt", expr("g"), expr("null")),
        ],
        {"AGGREGATION t.a", "AGGREGATION t.b"},
        {"CONDITIONAL t.a", "CONDITIONAL t.b"},
    ),
    "a whole struct that lost a field": (
        [function("d", "DropField", name="q"), function("x", "UpdateFields", expr("s"), expr("d"))],
        {"TRANSFORMATION t.a"},
        set(),
    ),
    "a whole struct whose field was set after it was dropped, and one dropped that was set": (
        [
            function("d", "DropField", name="P"),
            function("w", "WithField", attr("c"), name="p"),
            function("e", "DropField", name="q"),
            function("x", "UpdateFields", expr("s"), expr("d"), expr("w"), expr("e")),
        ],
        {"TRANSFORMATION t.c"},
        set(),
    ),
    "a field of one of the values of a map": (
        [
            function("t", "CreateNamedStruct", expr("'p'"), attr("c"), expr("'q'"), attr("b")),
            function("m", "CreateMap", expr("'p'"), expr("s"), expr("'q'"), expr("t")),
            function("v", "MapValues", expr("m")),
            function("i", "GetArrayItem", expr("v"), expr("one")),
            field("x", expr("i"), "q"),
        ],
        {"TRANSFORMATION t.b"},
        set(),
    ),
    "a field of one of two read structs, in each of which another one was set": (
        [
            function("k", "IsNull", attr("c")),
            function("w", "WithField", expr("one"), name="p"),
            function("y", "UpdateFields", attr("a"), expr("w")),
            function("z", "UpdateFields", attr("b"), expr("w")),
            function("u", "If", expr("k"), expr("y"), expr("z")),
            field("x", expr("u"), "q"),
        ],
        {"TRANSFORMATION t.a", "TRANSFORMATION t.b"},
        {"CONDITIONAL t.c"},
    ),
    "a value of a map, by one of its keys": (
        [
            function("m", "CreateMap", attr("c"), attr("a"), expr("'q'"), attr("b")),
            function("x", "GetMapValue", expr("m"), expr("'q'")),
        ],
        {"TRANSFORMATION t.a", "TRANSFORMATION t.b", "TRANSFORMATION t.c"},
        set(),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_field_comes_from_what_it_was_made_of(case: str) -> None:
    functions, wanted, keys = CASES[case]
    project = operation("p", "Project", ["r"], ["x"], projectList=[expr("x")])
    plan = mapped(document([project], functions=[*STRUCT, *functions], constants=NAMES))
    assert direct(plan)["x"] == wanted
    assert indirect(plan).get("x", set()) == keys


def cast(to: str, made: dict[str, Any], *functions: dict[str, Any]) -> dict[str, Any]:
    """A plan of `functions` and ``cast``, which casts `made` to struct<P: struct<q: int, r: int>, s: int>, or alike."""
    project = operation("p", "Project", ["r"], ["x"], projectList=[expr("x")])
    casting = {**function("cast", "Cast", made), "dataType": to}
    plan = document([project], functions=[*STRUCT, casting, *functions], constants=NAMES)
    plan["extraInfo"]["dataTypes"] = [
        {"id": "int", "_typeHint": "dt.Simple", "name": "int"},
        {"id": "inner", "fields": [{"name": "q", "dataTypeId": "int"}, {"name": "r", "dataTypeId": "int"}]},
        {"id": "outer", "fields": [{"name": "P", "dataTypeId": "inner"}, {"name": "s", "dataTypeId": "int"}]},
        {"id": "outers", "elementDataTypeId": "outer"},
        {"id": "circle", "fields": [{"name": "p", "dataTypeId": "circle"}, {"name": "s", "dataTypeId": "circle"}]},
    ]
    return plan


OUTER = function("o", "CreateNamedStruct", expr("'p'"), expr("s"), expr("'q'"), attr("c"))


@pytest.mark.parametrize("to", ["outer", "outers", "circle"])
def test_fields_of_fields_are_followed_through_a_cast(to: str) -> None:
    """Spark casts a branch of a CASE whose struct has other types; the fields are those at the same positions."""
    made, inside = expr("o"), [field("f", expr("cast"), "p")]
    if to == "outers":
        array = [function("y", "CreateArray", expr("o")), function("i", "GetArrayItem", expr("cast"), expr("one"))]
        made, inside = expr("y"), [*array, field("f", expr("i"), "p")]
    last = "s" if to == "circle" else "r"
    plan = mapped(cast(to, made, OUTER, *inside, field("x", expr("f"), last)))
    assert direct(plan)["x"] == {"TRANSFORMATION t.b"}


@pytest.mark.parametrize(("name", "wanted"), [("s", "TRANSFORMATION t.c"), ("p", "TRANSFORMATION t.a")])
def test_fields_of_a_read_struct_are_followed_through_a_cast_after_one_was_set(name: str, wanted: str) -> None:
    """``CASE WHEN ... THEN a.withField('s', c) ELSE a END``, where c has another type than a.s."""
    functions = [
        function("w", "WithField", attr("c"), name="s"),
        function("u", "UpdateFields", attr("a"), expr("w")),
        function("k", "IsNull", attr("b")),
        function("e", "CaseWhen", expr("k"), expr("cast"), attr("a")),
        field("x", expr("e"), name),
    ]
    plan = mapped(cast("outer", expr("u"), *functions))
    own = {d.source_field for d in plan.derivations if d.type is DependencyType.DIRECT and d.source_column == "a"}
    assert (direct(plan)["x"], own) == ({wanted, "TRANSFORMATION t.a"}, {f"a.{name}"})


def test_structs_that_hold_one_another_twice_are_followed_no_further() -> None:
    """Each of 60 structs is twice the one before: 2^60 fields."""
    functions = [function("s0", "CreateNamedStruct", expr("'p'"), attr("a"), expr("'q'"), attr("b"))]
    for i in range(60):
        functions.append(function(f"c{i}", "Coalesce", expr(f"s{i}"), expr(f"s{i}")))
        functions.append(
            function(f"s{i + 1}", "CreateNamedStruct", expr("'p'"), expr(f"c{i}"), expr("'q'"), expr(f"c{i}"))
        )
    project = operation("p", "Project", ["r"], ["x"], projectList=[expr("s60")])
    plan = mapped(document([project], functions=functions, constants=NAMES))
    assert direct(plan) == {"x": {"TRANSFORMATION t.a", "TRANSFORMATION t.b"}}


def test_arrays_and_lambdas_that_hold_one_another_twice_are_followed_no_further() -> None:
    """Each of 60 arrays is twice the one before, and so is the struct that a lambda makes of each of its items."""
    functions = [function("a0", "CreateArray", attr("a")), function("v", "NamedLambdaVariable", name="e")]
    for i in range(60):
        functions += [
            function(f"c{i}", "Concat", expr(f"a{i}"), expr(f"a{i}"), attr("b")),
            function(f"s{i}", "CreateNamedStruct", expr("'p'"), expr("v"), expr("'q'"), expr("v")),
            function(f"l{i}", "LambdaFunction", expr(f"s{i}"), expr("v")),
            function(f"a{i + 1}", "ArrayTransform", expr(f"c{i}"), expr(f"l{i}")),
        ]
    plan = mapped(generated(function("g", "Explode", expr("a60")), *functions))
    assert direct(plan)["y"] == {"TRANSFORMATION t.a", "TRANSFORMATION t.b"}
    assert indirect(plan)["*"] == {"JOIN t.b"}


@pytest.mark.parametrize(
    "case", ["of a read struct, or of one that the plan built", "of what a lambda makes of each item"]
)
def test_a_field_of_a_read_struct_is_named(case: str) -> None:
    project = operation("p", "Project", ["r"], ["x"], projectList=[expr("x")])
    plan = mapped(document([project], functions=[*STRUCT, *CASES[case][0]], constants=NAMES))
    assert {"c.p", "a.p"} & {d.source_field for d in plan.derivations if d.type is DependencyType.DIRECT}


# Generators -----------------------------------------------------------------------------------------------------------


def generated(generator: dict[str, Any], *functions: dict[str, Any]) -> dict[str, Any]:
    """Column a of the table beside what a generator makes, renamed to y and z."""
    node = operation("g", "Generate", ["r"], ["a", "y", "z"], generator=expr("g"), generatorOutput=[])
    return document([node], functions=[generator, *functions], constants=NAMES)


def test_inline_takes_the_fields_by_position_whatever_they_are_called() -> None:
    plan = generated(function("g", "Inline", attr("b")))
    plan["attributes"] = [{**a, **({"dataType": "array"} if a["name"] == "b" else {})} for a in plan["attributes"]]
    plan["extraInfo"]["dataTypes"] = [
        {"id": "long", "_typeHint": "dt.Simple", "name": "bigint"},
        {"id": "struct", "_typeHint": "dt.Struct", "fields": [{"name": n, "dataTypeId": "long"} for n in ("z", "y")]},
        {"id": "array", "_typeHint": "dt.Array", "elementDataTypeId": "struct"},
    ]
    found = {d.target: d.source_field for d in mapped(json.loads(json.dumps(plan))).derivations if d.target != "a"}
    assert found == {"y": "b.z", "z": "b.y"}


def test_a_field_that_inline_calls_otherwise_is_not_guessed() -> None:
    """Without the array's type an alias may be the name of another field."""
    plan = mapped(generated(function("g", "Inline", attr("b"))))
    assert {(d.target, d.source_column, d.source_field) for d in plan.derivations if d.target != "a"} == {
        ("y", "b", None),
        ("z", "b", None),
    }


def test_inline_of_an_array_that_the_plan_built() -> None:
    plan = mapped(generated(function("g", "Inline", expr("u")), *STRUCT, function("u", "CreateArray", expr("s"))))
    assert direct(plan) == {"a": {"IDENTITY t.a"}, "y": {"TRANSFORMATION t.a"}, "z": {"TRANSFORMATION t.b"}}
    assert indirect(plan)["*"] == set()


@pytest.mark.parametrize(("made", "keys"), [("CreateArray", set()), ("Split", {"JOIN t.a", "JOIN t.b"})])
def test_items_of_an_array_of_columns_do_not_decide_how_many_rows_there_are(made: str, keys: set[str]) -> None:
    plan = mapped(generated(function("g", "Explode", expr("u")), function("u", made, attr("a"), attr("b"))))
    assert direct(plan)["y"] == {"TRANSFORMATION t.a", "TRANSFORMATION t.b"}
    assert indirect(plan)["*"] == keys


def test_items_that_are_changed_one_by_one_are_as_many() -> None:
    functions = [function("u", "CreateArray", attr("a"), attr("b")), function("v", "SortArray", expr("u"), expr("one"))]
    plan = mapped(generated(function("g", "Explode", expr("v")), *functions))
    assert indirect(plan)["*"] == set()


TWO = function("u", "CreateArray", attr("b"), attr("c"))
ONE = function("v", "CreateArray", attr("b"))
#: what is exploded -> functions that it is made of, what decides how many rows there are
SIZES: dict[str, tuple[list[dict[str, Any]], set[str]]] = {
    "one of two arrays": (
        [function("k", "IsNull", attr("a")), function("e", "If", expr("k"), expr("u"), expr("v"))],
        {"JOIN t.a"},
    ),
    "one of two that are as long": (
        [function("k", "IsNull", attr("a")), function("e", "If", expr("k"), expr("u"), expr("u2"))],
        set(),
    ),
    "an array of arrays, flattened": (
        [function("w", "CreateArray", expr("u"), expr("v")), function("e", "Flatten", expr("w"))],
        set(),
    ),
    "one item as often as a column says": ([function("e", "ArrayRepeat", attr("b"), attr("c"))], {"JOIN t.c"}),
    "one item more": ([function("e", "ArrayAppend", expr("u"), attr("c"))], set()),
    "one item more than an array that is read": ([function("e", "ArrayAppend", attr("b"), attr("c"))], {"JOIN t.b"}),
    "a part": ([function("e", "Slice", expr("u"), expr("one"), expr("one"))], set()),
    "an array, or another one if it is NULL": ([function("e", "Coalesce", attr("c"), expr("u"))], {"JOIN t.c"}),
    "items that are the same once": ([function("e", "ArrayDistinct", expr("u"))], {"JOIN t.b", "JOIN t.c"}),
}


@pytest.mark.parametrize("case", SIZES)
def test_what_decides_how_many_items_there_are(case: str) -> None:
    functions, keys = SIZES[case]
    made = [TWO, ONE, function("u2", "CreateArray", attr("c"), attr("b")), *functions]
    assert indirect(mapped(generated(function("g", "Explode", expr("e")), *made)))["*"] == keys


def test_json_tuple_makes_one_row_of_each() -> None:
    plan = mapped(generated(function("g", "JsonTuple", attr("b"), expr("'p'"), expr("'q'"))))
    assert indirect(plan)["*"] == set()


def test_keys_and_positions_of_what_the_plan_built_do_not_come_from_its_values() -> None:
    map_ = function("m", "CreateMap", expr("'p'"), attr("b"), expr("'q'"), attr("c"))
    plan = mapped(generated(function("g", "Explode", expr("m")), map_))
    assert direct(plan) == {"a": {"IDENTITY t.a"}, "y": set(), "z": {"TRANSFORMATION t.b", "TRANSFORMATION t.c"}}
    plan = mapped(generated(function("g", "PosExplode", expr("u")), function("u", "CreateArray", attr("b"), attr("c"))))
    assert direct(plan) == {"a": {"IDENTITY t.a"}, "y": set(), "z": {"TRANSFORMATION t.b", "TRANSFORMATION t.c"}}
    assert [column.origin for column in plan.columns] == [None, Origin.GENERATED, None]
    plan = mapped(generated(function("g", "PosExplode", attr("b"))))  # how many there are depends on the data
    assert direct(plan)["y"] == {"TRANSFORMATION t.b"}


# CTEs -----------------------------------------------------------------------------------------------------------------


def cte(used: bool) -> dict[str, Any]:
    reads = [read("r", "s3://lake/t", ["a"]), read("q", "s3://lake/u", ["k"])]
    others = [
        operation("w", "WithCTE", ["d", "p"], ["a"]),
        operation("d", "CTERelationDef", ["f"], ["k"], id=0),
        operation("f", "Filter", ["q"], ["k"], condition=attr("k")),
        operation("p", "Join", ["r", "c"] if used else ["r"], ["a"]),
        *([operation("c", "CTERelationRef", ["d"], ["k2"], cteId=0)] if used else []),
    ]
    return document(others, reads=reads, write={"childIds": ["w"]} | {"id": "write"})


@pytest.mark.parametrize(("used", "inputs", "keys"), [(True, 2, {"FILTER u.k"}), (False, 1, set())])
def test_a_cte_that_nothing_uses_decides_nothing(used: bool, inputs: int, keys: set[str]) -> None:
    plan = mapped(cte(used))
    assert len(plan.inputs) == inputs
    assert indirect(plan)["*"] == keys
    assert direct(plan) == {"a": {"IDENTITY t.a"}}


@pytest.mark.parametrize("read_by_the_query", [False, True])
def test_a_cte_belongs_to_the_subqueries_that_use_it(read_by_the_query: bool) -> None:
    """``WITH c AS (SELECT k FROM u WHERE k) SELECT a, (SELECT max(k) FROM c), (SELECT min(k) FROM c) FROM t``."""
    subqueries = [
        function(key, "ScalarSubquery", attr(of), operation=f"of {key}") for key, of in (("x", "m"), ("y", "n"))
    ]
    others = [
        operation("with", "WithCTE", ["d", "p"], ["a", "x", "y"]),
        operation("d", "CTERelationDef", ["f"], ["k"], id=0),
        operation("f", "Filter", ["q"], ["k"], condition=attr("k")),
        operation(
            "p", "Project", ["top", "of x", "of y"], ["a", "x", "y"], projectList=[attr("a"), expr("x"), expr("y")]
        ),
        operation("top", "Join", ["r", "c"] if read_by_the_query else ["r"], ["a"]),
        operation("c", "CTERelationRef", ["d"], ["l"], cteId=0),
        operation("of x", "Project", ["one"], ["m"], projectList=[attr("m")]),
        operation("one", "CTERelationRef", ["d"], ["m"], cteId=0),
        operation("of y", "Project", ["other"], ["n"], projectList=[attr("n")]),
        operation("other", "CTERelationRef", ["d"], ["n"], cteId=0),
    ]
    reads = [read("r", "s3://lake/t", ["a"]), read("q", "s3://lake/u", ["k"])]
    plan = mapped(document(others, reads=reads, functions=subqueries, write={"id": "write"}))
    found = indirect(plan)
    own = set() if read_by_the_query else {"FILTER u.k"}
    assert (found["*"], found.get("x", set()), found.get("y", set())) == ({"FILTER u.k"} - own, own, own)
