"""What a plan and its runs become: what a user who looks at the graph finds."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.graphmodel.choice import DAY_MS, Body, Event
from headwater.graphmodel.conformity import violations
from headwater.graphmodel.delta import Edge, Vertex
from headwater.graphmodel.model import (
    Dataset,
    Dependency,
    DependencyType,
    Derivation,
    Effect,
    Job,
    Operation,
    Origin,
    OutputColumn,
    Plan,
    Run,
    Subtype,
)
from headwater.graphmodel.whole import Graph, graph

RAW, MART, OTHER = "s3://lake/raw", "s3://lake/mart", "s3://lake/other"
RECEIVED = 1_000_000
DIRECT, INDIRECT = DependencyType.DIRECT, DependencyType.INDIRECT


def derivation(target: str, source: str, dataset: str = RAW, kind: DependencyType = DIRECT, **more: Any) -> Derivation:
    return Derivation(target, dataset, source, kind, more.pop("subtype", Subtype.IDENTITY), **more)


def plan(agent_plan_id: str = "a", **changes: Any) -> Plan:
    given: dict[str, Any] = {
        "job": Job("spark", "daily"),
        "target": Dataset(MART),
        "effect": Effect.ALL,
        "command": "SaveIntoDataSourceCommand",
        "inputs": (Dataset(RAW),),
        "columns": (OutputColumn("total"),),
        "derivations": (derivation("total", "price"),),
        "dependencies": (),
        **changes,
    }
    return Plan(agent_plan_id, **given)


def run(agent_plan_id: str = "a", timestamp: int = 1_000, **more: Any) -> Event:
    return Event(Run(agent_plan_id, timestamp, **more), RECEIVED)


def of(*plans: Plan, events: tuple[Event, ...] = (run(),)) -> Graph:
    made = graph([Body(p, f"{i}") for i, p in enumerate(plans)], events)
    assert violations(made.vertices.values(), made.edges.values()) == []
    return made


def labels(made: Graph) -> list[str]:
    return sorted({v.label for v in made.vertices.values()} | {e.label for e in made.edges.values()})


def edges(made: Graph, label: str) -> list[tuple[str, str, dict[str, Any]]]:
    left_out = ("plan", "job")
    found = [e for e in made.edges.values() if e.label == label]
    return sorted(
        ((e.source, e.target, {k: v for k, v in e.properties.items() if k not in left_out}) for e in found), key=repr
    )


def column(made: Graph, name: str, dataset: str = MART) -> dict[str, Any]:
    return dict(made.vertices[f"{dataset}#{name}"].properties)


def test_a_plan_without_a_run_is_not_in_the_graph() -> None:
    assert of(plan(), events=()) == Graph()


def test_a_run_without_its_plan_is_not_in_the_graph() -> None:
    assert of(events=(run(),)) == Graph()


def test_a_plan_that_only_failed_is_no_lineage() -> None:
    made = of(plan(), events=(run(error="OutOfMemoryError"),))
    assert labels(made) == ["executes", "hasPlan", "job", "plan", "run"]
    (failed,) = (v for v in made.vertices.values() if v.label == "run")
    assert (failed.properties["status"], failed.properties["error"]) == ("failed", "OutOfMemoryError")


def test_a_successful_run() -> None:
    made = of(plan(operations=(Operation("op-0", "Write", "write", ("op-1",)), Operation("op-1", "Read", "read"))))
    assert labels(made) == [
        "alias", "aliasOf", "column", "dataset", "datasetVersion", "derivesFrom", "everDerivesFrom", "executes",
        "follows", "generated", "hasColumn", "hasOperation", "hasPlan", "job", "madeBy", "operation", "plan", "reads",
        "run", "used", "versionOf", "writes",
    ]  # fmt: skip


def test_one_logic_is_one_plan_whoever_reports_it() -> None:
    again = plan("b", columns=(OutputColumn("TOTAL"),), derivations=(derivation("TOTAL", "Price"),), api_version="1.0")
    made = of(plan(), again, events=(run("a"), run("b")))
    assert sum(v.label == "plan" for v in made.vertices.values()) == 1
    assert sum(v.label == "run" for v in made.vertices.values()) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"job": Job("spark", "other")},
        {"effect": Effect.KEEP},
        {"inputs": (Dataset(RAW), Dataset(OTHER))},
        {"target": Dataset(OTHER)},
        {"columns": (OutputColumn("total", resolved=False),)},
        {"derivations": (derivation("total", "price", expression="price * 2"),)},
        {"dependencies": (Dependency(RAW, "price", Subtype.FILTER),)},
    ],
)
def test_another_logic_is_another_plan(change: dict[str, Any]) -> None:
    made = of(plan(), plan("b", **change), events=(run("a"), run("b")))
    assert sum(v.label == "plan" for v in made.vertices.values()) == 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # two pairs, one of them DIRECT
        (
            {"derivations": (derivation("total", "price"), derivation("total", "day", kind=INDIRECT))},
            {"type": "DIRECT", "exact": True, "columns": 2},
        ),
        # a filter alone
        (
            {"derivations": (), "dependencies": (Dependency(RAW, "day", Subtype.FILTER),)},
            {"type": "INDIRECT", "exact": True, "columns": 1},
        ),
        # the same column in two roles is one pair
        (
            {
                "derivations": (),
                "dependencies": (Dependency(RAW, "day", Subtype.FILTER), Dependency(RAW, "day", Subtype.JOIN)),
            },
            {"type": "INDIRECT", "exact": True, "columns": 1},
        ),
        # through code that a plan cannot show
        (
            {"derivations": (derivation("total", "price", exact=False),)},
            {"type": "DIRECT", "exact": False, "columns": 1},
        ),
        # read, and nothing known of its columns
        ({"derivations": ()}, {"type": "DIRECT", "exact": False, "columns": 0}),
    ],
)
def test_what_a_dataset_derives_from(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    made = of(plan(**changes))
    for label, view in (("everDerivesFrom", {}), ("derivesFrom", {"certain": True})):
        assert [e for e in edges(made, label) if e[0] == MART] == [(MART, RAW, {**expected, **view})]


def test_rows_that_are_kept_are_carried() -> None:
    kept = (derivation("total", "TOTAL", MART), derivation("id", "total", MART))
    made = of(plan(inputs=(Dataset(MART),), derivations=kept, columns=(OutputColumn("total"), OutputColumn("id"))))
    carried = {(s, t): e.get("carried") for s, t, e in edges(made, "derivesFrom")}
    assert carried == {
        (MART, MART): True,
        (f"{MART}#total", f"{MART}#total"): True,
        (f"{MART}#id", f"{MART}#total"): None,
    }


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        # with DIRECT sources
        ((OutputColumn("total"),), ("", True, "")),
        ((OutputColumn("total", resolved=False),), ("", False, "")),
        # without
        ((OutputColumn("eur", Origin.CONSTANT, expression="'EUR'"),), ("constant", True, "'EUR'")),
        ((OutputColumn("n", Origin.GENERATED, expression="count(1)"),), ("generated", True, "count(1)")),
        ((OutputColumn("x", Origin.UNRESOLVED, resolved=False),), ("unresolved", False, "")),
        # the payload does not say
        ((OutputColumn("x"),), ("unresolved", False, "")),
    ],
)
def test_where_a_column_comes_from(columns: tuple[OutputColumn, ...], expected: tuple[str, bool, str]) -> None:
    found = column(of(plan(columns=columns)), columns[0].name)
    assert (found["origin"], found["resolved"], found["expression"]) == expected


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        # an append of another constant: both stand
        (
            {"effect": Effect.KEEP, "columns": (OutputColumn("c", Origin.CONSTANT, expression="'b'"),)},
            ("constant", "'a' | 'b'"),
        ),
        # an overwrite: only the last stands
        (
            {"effect": Effect.ALL, "columns": (OutputColumn("c", Origin.CONSTANT, expression="'b'"),)},
            ("constant", "'b'"),
        ),
        # the one that leaves most open
        (
            {"effect": Effect.KEEP, "columns": (OutputColumn("c", Origin.GENERATED, expression="uuid()"),)},
            ("generated", "uuid()"),
        ),
        # one that has a source
        ({"effect": Effect.KEEP, "derivations": (derivation("c", "price"),)}, ("", "")),
        # the overwrite of a dataset from itself: the earlier constant is still what the values are
        (
            {"inputs": (Dataset(MART),), "columns": (OutputColumn("c"),), "derivations": (derivation("c", "c", MART),)},
            ("constant", "'a'"),
        ),
    ],
)
def test_where_a_column_comes_from_now(second: dict[str, Any], expected: tuple[str, str]) -> None:
    first = plan(columns=(OutputColumn("c", Origin.CONSTANT, expression="'a'"),), derivations=())
    made = of(first, plan("b", **{"derivations": (), "columns": (), **second}), events=(run("a", 1), run("b", 2)))
    found = column(made, "c")
    assert (found["origin"], found["expression"]) == expected


@pytest.mark.parametrize(
    ("spellings", "expected"),
    [
        (["fullName"], ("fullName", False)),
        (["fullname", "fullName"], ("fullName", True)),
    ],
)
def test_the_name_of_a_column_is_a_writers(spellings: list[str], expected: tuple[str, bool]) -> None:
    writers = [
        plan(f"w{i}", columns=(OutputColumn(s, Origin.GENERATED),), derivations=()) for i, s in enumerate(spellings)
    ]
    reader = plan("r", target=Dataset(OTHER), inputs=(Dataset(MART, columns=("FULLNAME",)),), derivations=())
    made = of(*writers, reader, events=(*(run(w.agent_plan_id) for w in writers), run("r")))
    found = column(made, "fullname")
    assert (found["name"], found["ambiguous"]) == expected


def test_a_long_expression_is_cut_and_says_so() -> None:
    made = of(plan(columns=(OutputColumn("c", Origin.CONSTANT, expression="x" * 5_000),), derivations=()))
    assert "(3000 characters cut)" in column(made, "c")["expression"]


def test_other_names_are_aliases() -> None:
    made = of(plan(target=Dataset(MART, spellings=("s3a://lake/mart", "sales.mart", MART))))
    named = {(s, t) for s, t, _ in edges(made, "aliasOf") if t == MART}
    assert named == {("alias:s3a://lake/mart", MART), ("alias:sales.mart", MART)}
    assert made.vertices["alias:a"].label == "alias"


def test_a_clock_that_is_ahead_is_flagged_and_left_out_of_now() -> None:
    made = of(plan(), plan("b", job=Job("spark", "b")), events=(run("a"), run("b", RECEIVED + DAY_MS + 1)))
    ahead = [v.properties.get("clockAhead") for v in made.vertices.values() if v.label == "run"]
    assert sorted(ahead, key=str) == [None, True]
    assert len({e.properties["plan"] for e in made.edges.values() if e.label == "derivesFrom"}) == 1
    assert len({e.properties["plan"] for e in made.edges.values() if e.label == "everDerivesFrom"}) == 2


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        # the same again
        ([{"duration_ns": 5}, {"duration_ns": 5}], ("success", 5)),
        # an error counts before a duration, a duration before none
        ([{"duration_ns": 5}, {"error": "Failed"}], ("failed", None)),
        ([{}, {"duration_ns": 5}], ("success", 5)),
    ],
)
def test_several_reports_of_one_event(reports: list[dict[str, Any]], expected: tuple[str, int | None]) -> None:
    for order in (reports, reports[::-1]):
        made = of(plan(), events=tuple(run(**r) for r in order))
        (found,) = (v.properties for v in made.vertices.values() if v.label == "run")
        assert (found["status"], found.get("durationNs")) == expected


@pytest.mark.parametrize(
    ("vertex", "edge", "expected"),
    [
        (Vertex("x", "table"), None, "x: no vertex label 'table'"),
        (Vertex("", "alias"), None, "a alias has an empty id"),
        (Vertex("x", "alias", {"size": 1}), None, "x: no property 'size'"),
        (Vertex("x", "alias", {"name": 1}), None, "x: name is int, not string"),
        (Vertex("x", "ledger", {"applied": 2**63}), None, "x: applied does not fit 64 bits"),
        (Vertex("x", "alias"), Edge("feeds", "x", "x", "k"), "feeds x -> x: no such edge label"),
        (Vertex("x", "alias"), Edge("aliasOf", "x", "y", "k"), "aliasOf x -> y: its ends are alias and missing"),
    ],
)
def test_what_is_not_in_the_vocabulary_is_named(vertex: Vertex, edge: Edge | None, expected: str) -> None:
    assert violations([vertex], [edge] if edge else []) == [expected]
