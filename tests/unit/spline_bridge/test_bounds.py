"""Plans whose answer would be a product of their parts: the work is bounded, and what is left out is said."""

from __future__ import annotations

import pytest

from headwater.graphmodel.elements import logic_edges
from headwater.graphmodel.logic import logic
from headwater.graphmodel.model import Origin
from headwater.spline_bridge import columns as resolving
from headwater.spline_bridge import decode
from tests.laws.test_linear_reading import lines
from tests.unit.spline_bridge.plans import attr, direct, document, expr, function, mapped, operation, read


def opaque(width: int) -> dict[str, object]:
    """Code that cannot be seen through, over a table of so many columns, with as many results."""
    reads = [read("r", "s3://lake/t", [f"c{i}" for i in range(width)])]
    return document([operation("m", "MapInPandas", ["r"], [f"o{i}" for i in range(width)])], reads=reads)


@pytest.mark.parametrize("width", [5, 141, 142, 300, 1_000])
def test_opaque_code_over_many_columns_is_kept_once_for_all_of_them(width: int) -> None:
    plan = mapped(opaque(width))
    (shared,) = plan.shared
    assert plan.derivations == ()
    assert {d.target for d in shared.targets} == {f"o{i}" for i in range(width)}
    assert {d.source_column for d in shared.sources} == {f"c{i}" for i in range(width)}
    assert {(d.type.value, d.exact) for d in shared.sources} == {("DIRECT", False)}
    assert {d.expression for d in shared.targets} == {"MapInPandas"}
    assert {(column.origin, column.resolved) for column in plan.columns} == {(None, True)}
    assert len(list(logic_edges(logic(plan)))) == 2 * width + 3


@pytest.mark.parametrize("width", [1, 3, 4])
def test_opaque_code_over_few_columns_has_an_edge_for_each_pair(width: int) -> None:
    plan = mapped(opaque(width))
    assert len(plan.derivations) == width * width
    assert not plan.shared
    assert not any(d.exact for d in plan.derivations)


def test_what_is_taken_out_of_one_wide_expression_is_kept_once() -> None:
    """from_json(to_json(struct(*))), and each of its fields a column."""
    names = [f"c{i}" for i in range(300)]
    functions = [function("all", "StructsToJson", *map(attr, names)), function("j", "JsonToStructs", expr("all"))]
    functions += [function(f"f{i}", "GetStructField", attr("j"), name=f"c{i}") for i in range(300)]
    made = operation("p", "Project", ["r"], ["j"], projectList=[expr("j")])
    taken = operation(
        "q", "Project", ["p"], [f"o{i}" for i in range(300)], projectList=[expr(f"f{i}") for i in range(300)]
    )
    plan = mapped(document([taken, made], reads=[read("r", "s3://lake/t", names)], functions=functions))
    assert plan.derivations == ()
    assert [(len(group.targets), len(group.sources)) for group in plan.shared] == [(300, 300)]


@pytest.fixture
def fewer_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans keep fifty edges at most."""
    monkeypatch.setattr(decode, "MOST_EDGES", 50)


@pytest.mark.usefixtures("fewer_edges")
def test_above_the_limit_columns_are_unresolved_and_say_why() -> None:
    plan = mapped(opaque(51))
    assert plan.derivations == ()
    assert plan.shared == ()
    assert {column.origin for column in plan.columns} == {Origin.UNRESOLVED}
    assert plan.columns[0].expression == "MapInPandas (51 sources: a plan keeps 50 at most)"
    assert [dataset.uri for dataset in plan.inputs] == ["s3://lake/t"]
    assert [op.kind for op in plan.operations if not op.resolved] == ["write"]


@pytest.mark.usefixtures("fewer_edges")
def test_columns_with_few_sources_are_kept_beside_those_with_many() -> None:
    names = [f"c{i}" for i in range(51)]
    code = operation("m", "AppendColumns", ["r"], ["c7", "o1", "o2", "o3", "o4"])
    plan = mapped(document([code], reads=[read("r", "s3://lake/t", names)]))
    found = direct(plan)
    assert found["c7"] == {"IDENTITY t.c7"}
    assert found["o2"] == set()


def test_files_of_many_folders_keep_no_columns_that_nothing_uses() -> None:
    names = [f"c{i}" for i in range(250)]
    files = {**read("r", "", names), "inputSources": [f"s3://lake/folder-{i}x/" for i in range(300)]}
    plan = mapped(document([], reads=[files]))
    assert len(plan.inputs) == 300
    assert sum(len(dataset.columns) for dataset in plan.inputs) == 0
    assert {column.origin for column in plan.columns} == {Origin.UNRESOLVED}


def work(plan: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> int:
    """Lines that run where a plan has a small share of work."""
    monkeypatch.setattr(resolving, "_MOST_STEPS", 20_000)
    return lines(lambda: mapped(plan))


def files(number: int, names: list[str]) -> dict[str, object]:
    return {**read("r", "", names), "inputSources": [f"s3://lake/folder-{i}x/" for i in range(number)]}


def test_many_columns_of_many_datasets_cost_a_bounded_number_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"c{i}" for i in range(120)]
    some, more = (work(document([], reads=[files(number, names)]), monkeypatch) for number in (40, 160))
    assert more < 2 * some
    plan = mapped(document([], reads=[files(160, names)]))
    assert {column.resolved for column in plan.columns} == {False}
    assert len(plan.inputs) == 160


def test_sources_that_many_columns_have_in_common_are_written_out_within_the_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def made(number: int) -> dict[str, object]:
        """Each of 40 columns is made of all 40, each of which is read from so many datasets."""
        names = [f"c{i}" for i in range(40)]
        functions = [function("all", "Concat", *map(attr, names))]
        functions += [function(f"f{i}", "Upper", expr("all")) for i in range(40)]
        outputs = [f"o{i}" for i in range(40)]
        project = operation("p", "Project", ["r"], outputs, projectList=[expr(f"f{i}") for i in range(40)])
        return document([project], reads=[files(number, names)], functions=functions)

    some, more = (work(made(number), monkeypatch) for number in (10, 40))
    assert more < 2 * some
    plan = mapped(made(40))
    assert {column.origin for column in plan.columns} == {Origin.UNRESOLVED}
    assert [op.kind for op in plan.operations if op.kind == "write" and not op.resolved] == ["write"]


def test_attributes_that_refer_to_each_other_many_times_are_looked_at_once() -> None:
    """Each of 60 attributes is twice the next one: 2^60 paths."""
    refs = {f"x{i}": [attr(f"x{i + 1}"), attr(f"x{i + 1}")] for i in range(60)}
    plan = mapped(document([operation("u", "Unknown", ["r"], ["x0"])], refs={**refs, "x60": [attr("a")]}))
    assert direct(plan) == {"x0": {"IDENTITY t.a"}}


def test_a_product_within_a_plan_is_given_up() -> None:
    """Each of 3,000 sums has all 3,000 columns: nine million sources."""
    names = [f"c{i}" for i in range(3_000)]
    everything = [attr(name) for name in names]
    functions = [function("all", "Concat", *everything)]
    functions += [function(f"f{i}", "Upper", expr("all")) for i in range(3_000)]
    outputs = [f"o{i}" for i in range(3_000)]
    project = operation("p", "Project", ["r"], outputs, projectList=[expr(f"f{i}") for i in range(3_000)])
    plan = mapped(document([project], reads=[read("r", "s3://lake/t", names)], functions=functions))
    assert plan.derivations == ()
    assert {column.origin for column in plan.columns} == {Origin.UNRESOLVED}


def test_one_dataset_that_thousands_of_operators_read_is_put_together_once() -> None:
    reads = [read(f"r{i}", "s3://lake/t", [f"c{i}"]) for i in range(3_000)]
    plan = mapped(document([operation("u", "Join", [r["id"] for r in reads], ["c0"])], reads=reads))
    assert len(plan.inputs[0].columns) == 3_000


@pytest.mark.parametrize("operator", ["Cast", "aggregate.AggregateExpression", "GetStructField", "ElementAt", "Not"])
def test_a_function_that_lost_its_operand_is_unresolved(operator: str) -> None:
    project = operation("p", "Project", ["r"], ["x"], projectList=[expr("f")])
    plan = mapped(document([project], functions=[{**function("f", operator), "childRefs": None}]))
    assert plan.columns[0].origin is Origin.UNRESOLVED
