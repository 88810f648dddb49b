"""What depends on the rows of a dataset and on none of its columns: a chain goes on to what decided these rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.model import Plan, Run
from headwater.graphstore import GraphStore
from headwater.queries.answers.impact import Impact
from headwater.queries.answers.paths import Paths
from headwater.queries.catalogue.catalogue import run
from headwater.queries.tracing.as_of import shown
from tests.contract.queries_world import ask, rows
from tests.contract.test_shared_sources import fill
from tests.laws.worlds import HOUR, NOW, whole
from tests.unit.spline_bridge.plans import attr, document, expr, function, literal, mapped, operation, read

T, M1, M2, M3, RAW = "s3://lake/t", "s3://lake/m1", "s3://lake/m2", "s3://lake/m3", "s3://lake/raw"


def grouped() -> dict[str, Any]:
    """m1: SELECT k, max(b) AS b FROM t WHERE a > 1 GROUP BY k"""
    functions = [
        function("gt", "GreaterThan", attr("a"), expr("one")),
        function("max", "aggregate.AggregateExpression", attr("b")),
    ]
    keys, values = [attr("k")], [attr("k"), expr("max")]
    aggregate = operation("g", "Aggregate", ["f"], ["k", "mb"], groupingExpressions=keys, aggregateExpressions=values)
    chosen = operation("f", "Filter", ["r"], ["k", "a", "b"], condition=expr("gt"))
    return document(
        [aggregate, chosen],
        reads=[read("r", T, ["k", "a", "b"])],
        functions=functions,
        constants=[literal("one", 1)],
        names={"mb": "b"},
        write={"outputSource": M1},
    )


def counted(source: str, target: str) -> dict[str, Any]:
    """SELECT count(*) AS n FROM source"""
    functions = [function("c", "Count", expr("one")), function("n1", "aggregate.AggregateExpression", expr("c"))]
    aggregate = operation("g", "Aggregate", ["r"], ["n"], groupingExpressions=[], aggregateExpressions=[expr("n1")])
    reads = [read("r", source, ["k", "b"])]
    constants = [literal("one", 1)]
    return document([aggregate], reads=reads, functions=functions, constants=constants, write={"outputSource": target})


def flagged() -> dict[str, Any]:
    """m3: SELECT true AS flag, b FROM m1"""
    project = operation("p", "Project", ["r"], ["flag", "b"], projectList=[expr("yes"), attr("b")])
    return document(
        [project], reads=[read("r", M1, ["k", "b"])], constants=[literal("yes", True)], write={"outputSource": M3}
    )


def world(*documents: dict[str, Any]) -> list[Body | tuple[Event, ...]]:
    """Each of these plans ran once, an hour after the one before."""
    plans = [replace(mapped(one), agent_plan_id=f"p{number}") for number, one in enumerate(documents)]
    bodies = [Body(plan, str(number)) for number, plan in enumerate(plans)]
    runs = [(Event(Run(f"p{i}", NOW + i * HOUR, app_id=f"app-{i}"), NOW + i * HOUR),) for i in range(len(plans))]
    return [*bodies, *runs]


def plan_of(one: dict[str, Any]) -> Plan:
    return mapped(one)


def test_rows_are_a_source_where_no_column_is() -> None:
    assert [(one.dataset, one.target) for one in plan_of(counted(M1, M2)).row_sources] == [(M1, None)]
    assert [(one.dataset, one.target) for one in plan_of(flagged()).row_sources] == [(M1, None)]
    assert plan_of(grouped()).row_sources == ()  # its keys lead to the same dataset


def test_a_copy_and_a_job_that_reads_what_it_writes_have_no_source_of_rows() -> None:
    assert plan_of(document([])).row_sources == ()
    assert plan_of(counted(M2, M2)).row_sources == ()


def test_an_unused_cte_is_no_source_of_rows() -> None:
    used = operation("ref", "CTERelationRef", [], ["a"], cteId=1)
    defined = operation("def1", "CTERelationDef", ["r"], ["a"], id=1)
    unused = operation("def2", "CTERelationDef", ["other"], ["x"], id=2)
    top = operation("top", "WithCTE", ["def1", "def2", "ref"], ["a"])
    reads = [read("r", T, ["a"]), read("other", RAW, ["x"])]
    assert plan_of(document([top, used, defined, unused], reads=reads)).row_sources == ()


@pytest.mark.parametrize("as_of", [None, "ever", shown(NOW + 3 * HOUR)])
def test_a_chain_goes_on_through_rows_on_every_store(store: GraphStore, as_of: str | None) -> None:
    fill(store, whole(world(grouped(), counted(M1, M2), flagged(), counted(M2, "s3://lake/m4"))))
    up = ask(store, "upstream", node=f"{M2}#n", type="all", asOf=as_of)
    assert {(e.source, e.target, e.type, e.subtype) for e in up.edges} == {
        (M1, M2, "INDIRECT", None),
        (f"{T}#a", M1, "INDIRECT", "FILTER"),
        (f"{T}#k", M1, "INDIRECT", "GROUP_BY"),
    }
    assert {n.id: n.distance for n in up.nodes} == {f"{M2}#n": 0, M2: 0, M1: 1, f"{T}#a": 2, f"{T}#k": 2}
    assert up.complete
    flag = ask(store, "upstream", node=f"{M3}#flag", type="all", asOf=as_of)
    assert {n.id for n in flag.nodes} >= {f"{T}#a", f"{T}#k"}
    far = ask(store, "upstream", node="s3://lake/m4#n", type="all", asOf=as_of)
    assert {n.id: n.distance for n in far.nodes if "#" in n.id and n.distance} == {f"{T}#a": 3, f"{T}#k": 3}
    assert ask(store, "upstream", node=f"{M2}#n", type="direct", asOf=as_of).edges == ()
    down = ask(store, "downstream", node=f"{T}#a", type="all", asOf=as_of)
    assert {n.id for n in down.nodes} >= {f"{M2}#n", f"{M3}#flag", "s3://lake/m4#n"}


def test_rows_of_raw_data_are_not_shown(store: GraphStore) -> None:
    """Nothing is known of what decided them."""
    fill(store, whole(world(counted(RAW, M2))))
    up = ask(store, "upstream", node=f"{M2}#n", type="all")
    assert ([n.id for n in up.nodes], up.edges, up.complete) == ([f"{M2}#n"], (), True)
    assert [row for row in rows(store, "coverage") if row["dataset"] == M2] == []


def test_what_depends_on_rows_is_graded_and_explained(store: GraphStore) -> None:
    fill(store, whole(world(grouped(), counted(M1, M2), flagged())))
    impact = run("impact", store.g, {"node": f"{T}#a", "change": "semantics"})
    assert isinstance(impact, Impact)
    graded = {item.id: item.grade for item in impact.affected}
    assert graded[f"{M2}#n"] == "may-change-rows"
    (row,) = [r for r in rows(store, "explain", node=f"{M2}#n") if r["what"] == "edge"]
    assert (row["source"], row["rule"]) == (M1, "its rows decide which rows there are, whatever its columns hold")
    found = run("paths", store.g, {"from": f"{T}#a", "to": f"{M2}#n", "type": "all"})
    assert isinstance(found, Paths)
    assert [path[-2:] for path in found.paths] == [(M2, f"{M2}#n")]
