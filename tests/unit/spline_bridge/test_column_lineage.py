"""What each kind of operator and function means for the columns of a write."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.graphmodel.model import Effect, Origin
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

T = "t"
WHOLE = "*"


def project(*items: tuple[str, dict[str, str]], child: str = "r") -> dict[str, Any]:
    return operation("p", "Project", [child], [name for name, _ in items], projectList=[ref for _, ref in items])


#: function over attributes a, b, c -> DIRECT sources of x, INDIRECT sources of x, its readable text
FUNCTIONS = {
    "a cast is a transformation": ([function("f", "Cast", attr("a"))], {"TRANSFORMATION t.a"}, set(), "CAST(a AS ?)"),
    "arithmetic takes both": (
        [function("f", "Add", attr("a"), attr("b"))],
        {"TRANSFORMATION t.a", "TRANSFORMATION t.b"},
        set(),
        "a + b",
    ),
    "a product of a sum has parentheses": (
        [function("g", "Add", attr("a"), attr("b")), function("f", "Multiply", expr("g"), attr("c"))],
        {"TRANSFORMATION t.a", "TRANSFORMATION t.b", "TRANSFORMATION t.c"},
        set(),
        "(a + b) * c",
    ),
    "CASE: conditions are INDIRECT": (
        [function("g", "IsNull", attr("a")), function("f", "CaseWhen", expr("g"), attr("b"), attr("c"))],
        {"TRANSFORMATION t.b", "TRANSFORMATION t.c"},
        {"CONDITIONAL t.a"},
        "CASE WHEN a IS NULL THEN b ELSE c END",
    ),
    "IF of one column as condition and value": (
        [function("f", "If", attr("a"), attr("a"), attr("b"))],
        {"TRANSFORMATION t.a", "TRANSFORMATION t.b"},
        {"CONDITIONAL t.a"},
        "if(a, a, b)",
    ),
    "an aggregate with a FILTER clause": (
        [
            function("g", "aggregate.Sum", attr("a")),
            function("f", "aggregate.AggregateExpression", expr("g"), attr("b"), isDistinct=True),
        ],
        {"AGGREGATION t.a"},
        {"FILTER t.b"},
        "sum(DISTINCT a) FILTER (WHERE b)",
    ),
    "over an aggregate it stays one": (
        [
            function("g", "aggregate.Sum", attr("a")),
            function("h", "aggregate.AggregateExpression", expr("g")),
            function("f", "Divide", expr("h"), attr("b")),
        ],
        {"AGGREGATION t.a", "TRANSFORMATION t.b"},
        set(),
        "sum(a) / b",
    ),
    "a window's keys are INDIRECT": (
        [
            function("l", "Lag", attr("a")),
            function("o", "SortOrder", attr("c"), direction="Descending"),
            function("s", "WindowSpecDefinition", attr("b"), expr("o"), partitionSpec=["b"], orderSpec=["c"]),
            function("f", "WindowExpression", expr("l"), expr("s")),
        ],
        {"TRANSFORMATION t.a"},
        {"WINDOW t.b", "WINDOW t.c"},
        "lag(a) OVER (PARTITION BY b ORDER BY c DESC)",
    ),
    "a rank has no DIRECT source": (
        [
            function("k", "Rank", attr("c")),
            function("o", "SortOrder", attr("c")),
            function("s", "WindowSpecDefinition", attr("b"), expr("o"), partitionSpec=["b"], orderSpec=["c"]),
            function("f", "WindowExpression", expr("k"), expr("s")),
        ],
        set(),
        {"WINDOW t.b", "WINDOW t.c"},
        None,
    ),
    "a field of a struct that the plan builds is exact": (
        [
            function("s", "CreateNamedStruct", expr("n1"), attr("a"), expr("n2"), attr("b")),
            function("f", "GetStructField", expr("s"), name="two"),
        ],
        {"IDENTITY t.b"},
        set(),
        "b",
    ),
    "a UDF takes its arguments, whatever its name": (
        [function("f", "PythonUDF", attr("a"), attr("b"), name="mask_id")],
        {"TRANSFORMATION t.a", "TRANSFORMATION t.b"},
        set(),
        "mask_id(a, b)",
    ),
}


@pytest.mark.parametrize(("functions", "sources", "roles", "text"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions(functions: list[dict[str, Any]], sources: set[str], roles: set[str], text: str | None) -> None:
    constants = [literal("n1", "one"), literal("n2", "two")]
    plan = mapped(document([project(("x", expr("f")))], functions=functions, constants=constants))
    assert direct(plan)["x"] == sources
    assert indirect(plan).get("x", set()) == roles
    assert {d.expression for d in plan.derivations if d.type.value == "DIRECT"} == ({text} if text else set())


#: functions and constants -> what the reader sees
TEXTS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "a day plus an interval": ([function("f", "DateAdd", attr("a"), expr("days"))], "a + INTERVAL 14 DAYS"),
    "a day plus a number": ([function("f", "DateAdd", attr("a"), expr("one"))], "dateadd(a, 1)"),
    "a time less an interval": (
        [function("m", "UnaryMinus", expr("months")), function("f", "TimestampAddYMInterval", attr("a"), expr("m"))],
        "a - INTERVAL 3 MONTHS",
    ),
    "a time plus an interval in words": (
        [function("f", "TimeAdd", attr("a"), expr("words"))],
        "a + INTERVAL '1 months 2 days'",
    ),
    "between two days": ([function("f", "SubtractDates", attr("a"), attr("b"))], "a - b"),
    "in a set without its values": ([function("f", "InSet", attr("a"))], "a IN (...)"),
    "like one of some patterns, without them": ([function("f", "LikeAny", attr("a"))], "a LIKE ANY (...)"),
    "like none of some": ([function("f", "NotLikeAll", attr("a"), attr("b"))], "a NOT LIKE ALL (b)"),
    "in units": ([function("f", "TimestampAdd", expr("one"), attr("a"), unit="HOUR")], "timestampadd(HOUR, 1, a)"),
}
INTERVALS = {"days": (1_209_600_000_000, "interval day"), "months": ("3", "interval month"),
             "words": ("1 months 2 days", "interval")}  # fmt: skip


@pytest.mark.parametrize(("functions", "text"), TEXTS.values(), ids=TEXTS)
def test_what_the_reader_sees(functions: list[dict[str, Any]], text: str) -> None:
    constants = [{**literal(key, value), "dataType": type_} for key, (value, type_) in INTERVALS.items()]
    plan = document([project(("x", expr("f")))], functions=functions, constants=[*constants, literal("one", 1)])
    types = [{"id": type_, "_typeHint": "dt.Simple", "name": type_} for _, type_ in INTERVALS.values()]
    plan["extraInfo"]["dataTypes"] = types
    assert {d.expression for d in mapped(plan).derivations} == {text}


#: masking functions, and what only looks like one
MASKING = {"Md5": True, "Sha2": True, "XxHash64": True, "Mask": True, "RegExpReplace": False, "Base64": False}


@pytest.mark.parametrize(("operator", "masked"), MASKING.items())
def test_masking_is_a_list_of_functions(operator: str, masked: bool) -> None:
    plan = mapped(document([project(("x", expr("f")))], functions=[function("f", operator, attr("a"))]))
    assert [d.masking for d in plan.derivations] == [masked]


def test_a_column_that_also_goes_in_plain_is_not_masked() -> None:
    functions = [function("m", "Md5", attr("a")), function("f", "Concat", expr("m"), attr("a"))]
    plan = mapped(document([project(("x", expr("f")))], functions=functions))
    assert [d.masking for d in plan.derivations] == [False]


#: functions, constants -> origin of a column without DIRECT sources, and what is shown of it
ORIGINS = {
    "a literal": ([], [literal("f", "paid")], Origin.CONSTANT, "'paid'"),
    "a sum of literals": ([function("f", "Add", expr("k"), expr("k"))], [literal("k", 1)], Origin.CONSTANT, "1 + 1"),
    "count(1)": (
        [function("g", "aggregate.Count", expr("k")), function("f", "aggregate.AggregateExpression", expr("g"))],
        [literal("k", 1)],
        Origin.GENERATED,
        "count(1)",
    ),
    "uuid, without its seed": ([function("f", "Uuid", expr("k"))], [literal("k", 42)], Origin.GENERATED, "uuid()"),
    "now": ([function("f", "CurrentTimestamp")], [], Origin.GENERATED, "currenttimestamp()"),
    "CASE of literals": (
        [function("f", "CaseWhen", attr("a"), expr("k"))],
        [literal("k", 1)],
        Origin.CONDITIONAL,
        "CASE WHEN a THEN 1 END",
    ),
    "an expression that the payload lacks": ([function("f", "Upper", expr("gone"))], [], Origin.UNRESOLVED, "upper(?)"),
}


@pytest.mark.parametrize(("functions", "constants", "origin", "text"), ORIGINS.values(), ids=ORIGINS)
def test_columns_without_sources(functions: list[Any], constants: list[Any], origin: Origin, text: str) -> None:
    plan = mapped(document([project(("x", expr("f")))], functions=functions, constants=constants))
    (column,) = plan.columns
    assert (column.origin, column.expression) == (origin, text)
    assert column.resolved == (origin is not Origin.UNRESOLVED)


def test_unresolved_sources_are_marked_and_the_others_are_kept() -> None:
    plan = mapped(document([project(("x", expr("f")))], functions=[function("f", "Add", attr("a"), expr("gone"))]))
    (column,) = plan.columns
    assert direct(plan) == {"x": {"TRANSFORMATION t.a"}}
    assert (column.origin, column.resolved) == (None, False)


TWO = [read("r", "s3://lake/t", ["a", "b"]), read("s", "s3://lake/u", ["d", "e"])]

#: operators over t(a, b) and u(d, e) -> DIRECT by output column, INDIRECT of the whole output
OPERATORS = {
    "union by position": (
        [operation("o", "Union", ["r", "s"], ["x", "y"])],
        {"x": {"IDENTITY t.a", "IDENTITY u.d"}, "y": {"IDENTITY t.b", "IDENTITY u.e"}},
        set(),
    ),
    "except takes values from the left": (
        [operation("o", "Except", ["r", "s"], ["a", "b"])],
        {"a": {"IDENTITY t.a"}, "b": {"IDENTITY t.b"}},
        {"FILTER t.a", "FILTER t.b", "FILTER u.d", "FILTER u.e"},
    ),
    "intersect all": (
        [operation("o", "Intersect All", ["r", "s"], ["a", "b"])],
        {"a": {"IDENTITY t.a"}, "b": {"IDENTITY t.b"}},
        {"FILTER t.a", "FILTER t.b", "FILTER u.d", "FILTER u.e"},
    ),
    "a join's keys": (
        [operation("o", "Join", ["r", "s"], ["a", "e"], condition=expr("eq"), joinType="INNER")],
        {"a": {"IDENTITY t.a"}, "e": {"IDENTITY u.e"}},
        {"JOIN t.b", "JOIN u.d"},
    ),
    "distinct groups by every column": (
        [operation("o", "Distinct", ["r"], ["a", "b"])],
        {"a": {"IDENTITY t.a"}, "b": {"IDENTITY t.b"}},
        {"GROUP_BY t.a", "GROUP_BY t.b"},
    ),
    "a sort key that the output lacks": (
        [
            project(("a", attr("a")), child="o"),
            operation("o", "Sort", ["r"], ["a", "b"], order=[{"expression": attr("b"), "direction": "DESC"}]),
        ],
        {"a": {"IDENTITY t.a"}},
        {"SORT t.b"},
    ),
    "repartition keys are no dependency": (
        [operation("o", "RepartitionByExpression", ["r"], ["a", "b"], partitionExpressions=[attr("b")])],
        {"a": {"IDENTITY t.a"}, "b": {"IDENTITY t.b"}},
        set(),
    ),
    "rollup": (
        [
            operation(
                "o", "Expand", ["r"], ["a", "g"], projections=[[attr("a"), expr("one")], [expr("null"), expr("two")]]
            )
        ],
        {"a": {"IDENTITY t.a"}, "g": set()},
        set(),
    ),
    "opaque code takes every column": (
        [operation("o", "MapInPandas", ["r"], ["x"], functionExpr=expr("udf"))],
        {"x": {"TRANSFORMATION t.a", "TRANSFORMATION t.b"}},
        set(),
    ),
    "an operator that nobody knows passes on what it shares": (
        [operation("o", "FutureOperator", ["r"], ["b", "x"])],
        {"b": {"IDENTITY t.b"}, "x": {"TRANSFORMATION t.a", "TRANSFORMATION t.b"}},
        set(),
    ),
    "a generator's input multiplies the rows": (
        [operation("o", "Generate", ["r"], ["b", "x"], generator=expr("explode"), generatorOutput=[attr("x")])],
        {"b": {"IDENTITY t.b"}, "x": {"TRANSFORMATION t.a"}},
        {"JOIN t.a"},
    ),
    "stack spreads its cells over its columns": (
        [
            operation(
                "o", "Generate", ["r"], ["k", "v"], generator=expr("stack"), generatorOutput=[attr("k"), attr("v")]
            )
        ],
        {"k": set(), "v": {"IDENTITY t.a", "IDENTITY t.b"}},
        set(),
    ),
}


@pytest.mark.parametrize(("others", "sources", "roles"), OPERATORS.values(), ids=OPERATORS)
def test_operators(others: list[Any], sources: dict[str, set[str]], roles: set[str]) -> None:
    functions = [
        function("eq", "EqualTo", attr("b"), attr("d")),
        function("udf", "PythonUDF", attr("a"), name="f"),
        function("explode", "Explode", attr("a")),
        function("stack", "Stack", expr("two"), expr("one"), attr("a"), expr("two"), attr("b")),
    ]
    constants = [literal("one", 1), literal("two", 2), literal("null", None)]
    plan = mapped(document(others, reads=TWO, functions=functions, constants=constants))
    assert direct(plan) == sources
    assert indirect(plan)[WHOLE] == roles


def test_opaque_edges_are_not_exact() -> None:
    plan = mapped(document([operation("o", "FlatMapGroupsInPandas", ["r"], ["x"], groupingAttributes=[attr("b")])]))
    assert {d.exact for d in plan.derivations} == {False}
    assert indirect(plan)[WHOLE] == {"GROUP_BY t.b"}


def test_a_cte_joins_its_definition_by_position() -> None:
    others = [
        operation("with", "WithCTE", ["def", "ref"], ["x", "y"]),
        operation("def", "CTERelationDef", ["r"], ["a", "b", "c"], id=7),
        operation("ref", "CTERelationRef", [], ["x", "y", "z"], cteId=7),
    ]
    plan = mapped(document([others[0], others[2], others[1]]))
    assert direct(plan) == {"x": {"IDENTITY t.a"}, "y": {"IDENTITY t.b"}}


def test_a_cte_without_definition_is_unresolved_not_dropped() -> None:
    plan = mapped(document([operation("ref", "CTERelationRef", [], ["x"], cteId=7)]))
    assert [(column.name, column.origin) for column in plan.columns] == [("x", Origin.UNRESOLVED)]


def test_a_cte_that_refers_to_itself_ends() -> None:
    others = [
        operation("ref", "CTERelationRef", [], ["x"], cteId=1),
        operation("def", "CTERelationDef", ["u"], ["a"], id=1),
        operation("u", "Union", ["r", "ref2"], ["a"]),
        operation("ref2", "CTERelationRef", [], ["y"], cteId=1),
    ]
    assert direct(mapped(document(others, reads=[read("r", "s3://lake/t", ["a"])])))["x"] == {"IDENTITY t.a"}


def test_a_computed_key_takes_the_outer_role_of_what_is_behind_it() -> None:
    others = [
        project(("a", attr("a")), child="flt"),
        operation("flt", "Filter", ["win"], ["a", "b", "c", "rn"], condition=expr("first")),
        operation("win", "Window", ["r"], ["a", "b", "c", "rn"], windowExpressions=[expr("w")]),
    ]
    functions = [
        function("row", "RowNumber"),
        function("o", "SortOrder", attr("c")),
        function("s", "WindowSpecDefinition", attr("b"), expr("o"), partitionSpec=["b"], orderSpec=["c"]),
        function("w", "WindowExpression", expr("row"), expr("s")),
        function("first", "EqualTo", attr("rn"), expr("k")),
    ]
    plan = mapped(document(others, functions=functions, constants=[literal("k", 1)]))
    assert direct(plan) == {"a": {"IDENTITY t.a"}}
    assert indirect(plan) == {WHOLE: {"FILTER t.b", "FILTER t.c"}}


SUBQUERY = "Aggregate [max(e#12) AS m#13]\n+- Filter (d#11 = outer(a#1))\n   +- {leaf}\n"

#: the leaf of a subquery's text -> sources of x, of the whole output, and whether x is resolved
LEAVES = {
    "a view that the plan also reads": (
        "View (`v`, [d#11,e#12])",
        {"AGGREGATION u.e"},
        {"FILTER t.a", "FILTER u.d"},
        True,
    ),
    "a relation with exactly the columns of one read": (
        "Relation [d#11,e#12] csv",
        {"AGGREGATION u.e"},
        {"FILTER t.a", "FILTER u.d"},
        True,
    ),
    "a table that the plan does not read": ("Relation db.other[d#11,e#12] parquet", set(), {"FILTER t.a"}, False),
    "a view that the plan does not read": ("View (`other`, [d#11,q#12])", set(), {"FILTER t.a"}, False),
}


@pytest.mark.parametrize(("leaf", "sources", "roles", "resolved"), LEAVES.values(), ids=LEAVES)
def test_subqueries_are_read_as_far_as_they_are_certain(
    leaf: str, sources: set[str], roles: set[str], resolved: bool
) -> None:
    others = [
        project(("x", expr("q")), child="j"),
        operation("j", "Join", ["r", "v"], ["a", "b", "d", "e"], joinType="CROSS"),
        operation("v", "View", ["s"], ["d", "e"], desc="CatalogTable(\nTable: v\nType: VIEW\n)"),
    ]
    reads = [TWO[0], read("s", "s3://lake/u", ["d", "e"], sourceType="csv")]
    functions = [function("q", "ScalarSubquery", attr("a"), plan=SUBQUERY.format(leaf=leaf), outerAttrs=["a#1"])]
    plan = mapped(document(others, reads=reads, functions=functions))
    assert direct(plan) == {"x": sources}
    assert indirect(plan).get("x", set()) == roles  # of the column that the subquery makes, and of no other one
    assert indirect(plan)[WHOLE] == set()
    assert plan.columns[0].resolved == resolved


def test_a_filter_by_a_subquery_that_cannot_be_read_is_marked() -> None:
    others = [operation("f", "Filter", ["r"], ["a"], condition=expr("in"))]
    functions = [
        function("in", "InSubquery", attr("a"), expr("list")),
        function("list", "ListQuery", plan="Project [z#9]\n+- Relation db.gone[z#9] orc\n"),
    ]
    plan = mapped(document(others, functions=functions, reads=[read("r", "s3://lake/t", ["a"])]))
    assert indirect(plan)[WHOLE] == {"FILTER t.a"}
    assert [o.resolved for o in plan.operations if o.name == "Filter"] == [False]


def test_a_subquery_whose_operators_are_in_the_plan_is_its_operands() -> None:
    others = [
        operation("f", "Filter", ["p", "in"], ["x"], condition=expr("both")),
        operation("p", "Project", ["r", "sub"], ["x"], projectList=[expr("q")]),
        operation("sub", "Aggregate", ["s"], ["m"], groupingExpressions=[], aggregateExpressions=[expr("max")]),
        operation("in", "Filter", ["s"], ["d", "e"], condition=expr("same")),
    ]
    reads = [TWO[0], read("s", "s3://lake/u", ["d", "e"])]
    functions = [
        function("max", "aggregate.AggregateExpression", expr("max_")),
        function("max_", "aggregate.Max", attr("e")),
        function("q", "ScalarSubquery", attr("m")),
        function("same", "EqualTo", attr("d"), attr("a")),
        function("both", "And", expr("in_"), expr("exists")),
        function("in_", "InSubquery", attr("x"), expr("list")),
        function("list", "ListQuery", attr("d")),
        function("exists", "Exists", attr("b")),
    ]
    plan = mapped(document(others, reads=reads, functions=functions))
    assert direct(plan) == {"x": {"AGGREGATION u.e"}}
    assert indirect(plan) == {WHOLE: {"FILTER u.d", "FILTER t.a", "FILTER u.e", "FILTER t.b"}}
    assert plan.columns[0].resolved


def test_a_subquery_without_output_is_unresolved() -> None:
    plan = mapped(document([project(("x", expr("q")))], functions=[function("q", "ScalarSubquery")]))
    assert plan.columns[0].origin is Origin.UNRESOLVED


def test_the_written_columns_take_the_tables_names_by_position() -> None:
    write = {
        "name": "AppendData",
        "append": True,
        "params": {"table": {"identifier": "ice.db.out", "output": [attr("x"), attr("y")]}},
    }
    plan = document([project(("a", attr("a")), ("b", attr("b")))], write=write)
    plan["attributes"] += [{"id": "x", "name": "ID"}, {"id": "y", "name": "total"}]
    result = mapped(plan)
    assert direct(result) == {"ID": {"IDENTITY t.a"}, "total": {"IDENTITY t.b"}}
    assert (result.effect, result.target.spellings) == (Effect.KEEP, ("ice.db.out",))


def test_one_attribute_twice_in_one_output_is_two_columns_by_position() -> None:
    write = {"params": {"table": {"output": [attr("x"), attr("y")]}}}
    plan = document([project(("a", attr("a")), ("a", attr("a")))], write=write)
    plan["attributes"] += [{"id": "x", "name": "x"}, {"id": "y", "name": "y"}]
    assert direct(mapped(plan)) == {"x": {"IDENTITY t.a"}, "y": {"IDENTITY t.a"}}


def test_an_update_keeps_what_it_does_not_touch() -> None:
    write = {
        "name": "UpdateCommand",
        "outputSource": "s3://lake/t",
        "params": {"condition": "(c#3 = CZ)", "updateExpressions": ["a#1", "lower(a#1)", "c#3"]},
    }
    plan = mapped(document([], write=write))
    assert direct(plan) == {"a": {"IDENTITY t.a"}, "b": {"TRANSFORMATION t.a", "IDENTITY t.b"}, "c": {"IDENTITY t.c"}}
    assert {d.target for d in plan.derivations if d.carried} == {"a", "b", "c"}
    assert indirect(plan)[WHOLE] == {"FILTER t.c"}
    assert plan.effect is Effect.KEEP


def test_a_merge_takes_from_both_sides() -> None:
    others = [operation("m", "MergeIntoCommand", ["s", "r"], ["k", "x"], **MERGE)]
    reads = [read("r", "s3://lake/t", ["a", "b"]), read("s", "s3://lake/u", ["d", "e"])]
    names = {"a": "id", "b": "val", "d": "id", "e": "amount", "k": "id", "x": "val"}
    plan = mapped(
        document(others, reads=reads, names=names, write={"outputSource": "s3://lake/t", "name": "MergeIntoCommand"})
    )
    assert direct(plan) == {
        "id": {"IDENTITY t.id", "IDENTITY u.id"},
        "val": {"IDENTITY t.val", "TRANSFORMATION u.amount"},
    }
    assert indirect(plan)[WHOLE] == {"JOIN t.id", "JOIN u.id", "FILTER u.amount"}
    assert {d.target for d in plan.derivations if d.carried} == {"id", "val"}


def test_row_level_commands_may_refer_to_their_expressions() -> None:
    others = [
        operation("m", "MergeIntoCommand", ["s", "r"], ["k", "x", "c"], condition=[expr("on")], clauses=[expr("when")])
    ]
    reads = [read("r", "s3://lake/t", ["a", "b", "c"]), read("s", "s3://lake/u", ["d", "e"])]
    functions = [function("on", "EqualTo", attr("a"), attr("d")), function("when", "IsNull", attr("e"))]
    refs = {"k": [attr("d"), attr("a")], "x": [attr("e"), expr("up"), attr("b")]}
    names = {"a": "id", "b": "val", "k": "id", "x": "val"}
    write = {"outputSource": "s3://lake/t", "name": "MergeIntoCommand"}
    functions.append(function("up", "Upper", attr("b")))
    plan = mapped(document(others, reads=reads, functions=functions, names=names, refs=refs, write=write))
    assert direct(plan) == {
        "id": {"IDENTITY t.id", "IDENTITY u.d"},
        "val": {"IDENTITY u.e", "TRANSFORMATION t.val"},
        "c": {"IDENTITY t.c"},
    }
    assert indirect(plan)[WHOLE] == {"JOIN t.id", "JOIN u.d", "FILTER u.e"}
    assert {d.expression for d in plan.derivations if d.target == "val"} == {"e; upper(val)"}
    assert {d.target for d in plan.derivations if d.carried} == {"id", "val", "c"}


def test_a_delete_that_only_names_rows_keeps_the_columns_of_its_target() -> None:
    others = [
        operation("m", "WriteDelta", ["p"], ["a", "b", "gone"]),
        operation("p", "Project", ["r"], ["c"], projectList=[attr("c")]),
    ]
    plan = mapped(document(others, write={"outputSource": "s3://lake/t", "name": "WriteDelta"}))
    assert direct(plan) == {"a": {"IDENTITY t.a"}, "b": {"IDENTITY t.b"}, "gone": set()}
    assert [column.resolved for column in plan.columns] == [True, True, False]


MERGE = {
    "condition": "(id#1 = id#11)",
    "matchedClauses": ["Update [condition: (amount#12 > 10), actions: [`id` = id#1, `val` = (amount#12 * 2)]]"],
    "notMatchedClauses": ["Insert [actions: [`id` = id#11, `val` = null]]"],
}


def test_work_grows_with_the_plan_and_not_with_the_paths_through_it() -> None:
    """x2 = x1 + x1, x3 = x2 + x2, ...: 2**300 paths."""
    steps = 300
    others = [
        operation(f"p{i}", "Project", [f"p{i - 1}" if i else "r"], [f"x{i}"], projectList=[expr(f"f{i}")])
        for i in reversed(range(steps))
    ]
    functions = [function(f"f{i}", "Add", *([attr(f"x{i - 1}" if i else "a")] * 2)) for i in range(steps)]
    plan = mapped(document(others, functions=functions))
    assert direct(plan) == {f"x{steps - 1}": {"TRANSFORMATION t.a"}}
    (derivation,) = plan.derivations
    assert derivation.expression is not None
    assert "characters cut" in derivation.expression
    assert len(derivation.expression) < 2_200


def test_expressions_as_deep_as_a_program_makes_them() -> None:
    depth = 5_000
    functions = [function(f"f{i}", "Add", expr(f"f{i - 1}") if i else attr("a"), attr("b")) for i in range(depth)]
    plan = mapped(document([project(("x", expr(f"f{depth - 1}")))], functions=functions))
    assert direct(plan) == {"x": {"TRANSFORMATION t.a", "TRANSFORMATION t.b"}}


def test_several_folders_of_one_dataset_are_one_read() -> None:
    reads = [{**read("r", "s3a://lake/t/dt=1", ["a"]), "inputSources": ["s3a://lake/t/dt=1", "s3n://lake/t/dt=2/"]}]
    plan = mapped(document([], reads=reads))
    assert [(d.uri, d.partition) for d in plan.inputs] == [("s3://lake/t", None)]
    assert direct(plan) == {"a": {"IDENTITY t.a"}}


#: what the write says -> what it does
EFFECTS = {
    "append": ({"append": True}, Effect.KEEP),
    "overwrite of a path": ({}, Effect.OVERWRITE),
    "overwrite of a partition's folder": ({"outputSource": "s3://lake/out/dt=2026-01-01"}, Effect.KEEP),
    "Delta replaceWhere": ({"name": "SaveIntoDataSourceCommand", "params": {"replaceWhere": "dt = 1"}}, Effect.KEEP),
    "create table as select": ({"name": "CreateTableAsSelect"}, Effect.ALL),
    "overwrite by a condition": (
        {"name": "OverwriteByExpression", "params": {"deleteExpr": expr("some")}},
        Effect.KEEP,
    ),
    "overwrite of everything": ({"name": "OverwriteByExpression", "params": {"deleteExpr": expr("true")}}, Effect.ALL),
    "dynamic partition overwrite": ({"name": "OverwritePartitionsDynamic"}, Effect.KEEP),
}


@pytest.mark.parametrize(("write", "effect"), EFFECTS.values(), ids=EFFECTS)
def test_effects(write: dict[str, Any], effect: Effect) -> None:
    functions = [function("some", "EqualTo", attr("a"), expr("true"))]
    assert mapped(document([], write=write, functions=functions, constants=[literal("true", True)])).effect is effect


@pytest.mark.parametrize(
    ("values", "keys"), [("PivotFirst", {"GROUP_BY t.a"}), ("First", {"GROUP_BY t.a", "GROUP_BY t.c"})]
)
def test_a_pivot_groups_its_rows_by_the_other_columns_alone(values: str, keys: set[str]) -> None:
    """``PIVOT (sum(b) FOR c IN ('x'))`` groups twice: by a and c, then by a. Which c there is, its columns say."""
    by_a = {"groupingExpressions": [attr("a")], "aggregateExpressions": [attr("a"), expr("p")]}
    by_both = {"groupingExpressions": [attr("a"), attr("c")], "aggregateExpressions": [attr("a"), attr("c"), expr("s")]}
    functions = [
        function("s", "aggregate.Sum", attr("b")),
        function("p", f"aggregate.{values}", attr("c"), attr("sum"), pivotColumnValues=["x"]),
    ]
    outer = operation("outer", "Aggregate", ["inner"], ["a", "x"], **by_a)
    plan = mapped(
        document([outer, operation("inner", "Aggregate", ["r"], ["a", "c", "sum"], **by_both)], functions=functions)
    )
    assert indirect(plan)["*"] == keys


def test_what_is_grouped_before_a_pivot_stays_a_key() -> None:
    """``groupBy("a", "c").sum("b").groupBy("a").pivot("c")``: the first of three aggregates is the user's own."""
    by_both = {"groupingExpressions": [attr("a"), attr("c")], "aggregateExpressions": [attr("a"), attr("c"), expr("s")]}
    functions = [
        function("s", "aggregate.Sum", attr("b")),
        function("p", "aggregate.PivotFirst", attr("c"), attr("sum"), pivotColumnValues=["x"]),
    ]
    outer = operation(
        "outer", "Aggregate", ["inner"], ["a", "x"], groupingExpressions=[attr("a")], aggregateExpressions=[expr("p")]
    )
    inner = operation("inner", "Aggregate", ["own"], ["a", "c", "sum"], **by_both)
    own = operation(
        "own", "Aggregate", ["r"], ["a", "c", "b"], **{**by_both, "aggregateExpressions": [attr("a"), attr("c")]}
    )
    plan = mapped(document([outer, inner, own], functions=functions))
    assert indirect(plan)["*"] == {"GROUP_BY t.a", "GROUP_BY t.c"}
