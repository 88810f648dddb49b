"""Sources that columns have in common: each question is answered as if every pair of columns had an edge of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphmodel.logic import logic
from headwater.graphmodel.model import DependencyType, Derivation, Plan, Run, SharedSources, Subtype
from headwater.graphmodel.shared import expanded
from headwater.graphmodel.whole import Graph
from headwater.graphstore import GraphStore
from headwater.queries.catalogue.catalogue import run
from headwater.queries.tracing.as_of import shown
from tests.contract.queries_world import ask, rows
from tests.laws.worlds import HOUR, NOW, Entry, derivations, whole, worlds
from tests.unit.spline_bridge.plans import document, mapped, operation, read

_WORLDS = settings(
    max_examples=8,
    suppress_health_check=list(HealthCheck),
)
LATEST = NOW + 60 * HOUR


def _alike(d: Derivation) -> Derivation:
    """In lower case and with one expression: which of several is shown is no matter here."""
    return replace(d, target=d.target.lower(), source_column=d.source_column.lower(), expression="x")


def _uses(drawn: list[Derivation]) -> tuple[Derivation, ...]:
    used = (replace(_alike(d), source_dataset="", source_column="") for d in drawn)
    return tuple({(d.target, d.type): d for d in used}.values())


def _sources(drawn: list[Derivation]) -> tuple[Derivation, ...]:
    # What is shared has several DIRECT sources.
    first, *others = (replace(_alike(d), target="", exact=False) for d in drawn)
    direct = [
        replace(first, type=DependencyType.DIRECT, subtype=Subtype.TRANSFORMATION, source_column=name)
        for name in (first.source_column, "one", "two")
    ]
    return tuple({(d.source_dataset, d.source_column, d.type): d for d in (*direct, *others)}.values())


_some = st.lists(derivations, min_size=1, max_size=4)
groups = st.builds(lambda uses, sources: SharedSources(_uses(uses), _sources(sources)), _some, _some)


@st.composite
def shared_worlds(draw: st.DrawFn) -> tuple[list[Entry], list[Entry]]:
    """A world of which plans have shared sources, and the same with an edge for each pair."""
    kept: list[Entry] = []
    product: list[Entry] = []
    for entry in draw(worlds()):
        if not isinstance(entry, Body):
            kept.append(entry)
            product.append(entry)
            continue
        pairs = {(d.target, d.source_dataset, d.source_column, d.type): d for d in map(_alike, entry.plan.derivations)}
        alike = tuple(pairs.values())
        # Whether a column is carried is told before columns are called otherwise, and of shared ones afterwards.
        by_name = replace(
            entry.plan,
            renames=(),
            target=replace(entry.plan.target, layouts=()),
            inputs=tuple(replace(one, layouts=()) for one in entry.plan.inputs),
        )
        plan = replace(by_name, derivations=alike, shared=tuple(draw(st.lists(groups, max_size=2))))
        kept.append(replace(entry, plan=plan))
        product.append(replace(entry, plan=with_pairs(plan)))
    return kept, product


def with_pairs(plan: Plan) -> Plan:
    return replace(plan, derivations=tuple(expanded(plan.derivations, plan.shared, plan.target.uri)), shared=())


def fill(store: GraphStore, graph: Graph) -> None:
    store.clear()
    store.apply(GraphDelta(tuple(graph.vertices.values()), tuple(graph.edges.values())))


def answers(store: GraphStore, questions: list[tuple[str, dict[str, Any]]], plans: dict[str, str]) -> list[str]:
    """The answers, with each plan by a name that both worlds have."""
    return [_named(run(name, store.g, given, now_ms=lambda: LATEST).to_dict(), plans) for name, given in questions]


def questions_about(
    nodes: list[str], times: list[str | None], numbers: list[int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Some of each kind; which nodes they are about, and in which direction, is told by the numbers."""
    node = cycle([nodes[number % len(nodes)] for number in numbers])
    direction = cycle(("both", "upstream", "downstream")[number % 3] for number in numbers)
    for kind in ("direct", "all", "indirect"):
        for as_of in times:
            yield next(direction), {"node": next(node), "type": kind, "asOf": as_of}
    yield "impact", {"node": next(node), "change": "semantics"}


def _named(answer: dict[str, Any], plans: dict[str, str]) -> str:
    edges = [{**edge, "plan": plans[edge["plan"]]} for edge in answer["edges"]]
    told = {**answer, "edges": sorted(edges, key=json.dumps)}
    if told["shape"] == "impact":  # of two edges alike the path has the one whose plan's id is smaller
        return json.dumps(sorted((item["id"], item["grade"], item["distance"]) for item in told["affected"]))
    return json.dumps(told, indent=1)


def names(entries: list[Entry]) -> dict[str, str]:
    return {logic(e.plan).plan: f"p{number}" for number, e in enumerate(entries) if isinstance(e, Body)}


@pytest.mark.parametrize("store", ["embedded"], indirect=True)
@_WORLDS
@given(shared_worlds(), st.lists(st.integers(0, 99), min_size=4, max_size=4))
def test_answers_are_those_of_a_graph_with_an_edge_for_each_pair(
    store: GraphStore, both: tuple[list[Entry], list[Entry]], which: list[int]
) -> None:
    kept, product = both
    numbers, others = names(kept), names(product)
    assume(len(numbers) == len(others))  # two ways to share that come to the same pairs are two plans
    ends = sorted({e.run.timestamp for some in kept if isinstance(some, tuple) for e in some})
    graph = whole(product)
    nodes = sorted(v.id for v in graph.vertices.values() if v.label in ("dataset", "column"))
    assume(nodes)
    questions = list(questions_about(nodes, [None, "ever", *map(shown, ends[:1])], which))
    fill(store, graph)
    expected = answers(store, questions, others)
    fill(store, whole(kept))
    assert answers(store, questions, numbers) == expected


N = 6
COLUMNS = [f"c{i}" for i in range(N)]
RAW = [f"s3://lake/raw#{name}" for name in COLUMNS]


def wide() -> list[Entry]:
    """Code that a plan does not show over six columns, and a copy of what it makes."""
    code = operation("m", "MapInPandas", ["r"], [f"o{i}" for i in range(N)])
    made = mapped(document([code], reads=[read("r", "s3://lake/raw", COLUMNS)]))
    reads = [read("r", "s3://lake/out", [f"o{i}" for i in range(N)])]
    copy = mapped(document([], reads=reads, write={"outputSource": "s3://lake/copy"}))
    plans = (replace(made, agent_plan_id="p0"), replace(copy, agent_plan_id="p1"))
    runs = (Event(Run(f"p{i}", NOW + i * HOUR, app_id=f"app-{i}"), NOW + i * HOUR) for i in range(2))
    return [*(Body(plan, str(i)) for i, plan in enumerate(plans)), *((run,) for run in runs)]


@pytest.mark.parametrize("as_of", [None, "ever", shown(NOW + HOUR)])
def test_code_over_many_columns_on_every_store(store: GraphStore, as_of: str | None) -> None:
    """Both ways, for one column and for a dataset, over further hops, and with a limit and a depth."""
    fill(store, whole(wide()))
    up = ask(store, "upstream", node="s3://lake/copy#o2", asOf=as_of)
    assert [(n.id, n.distance) for n in up.nodes] == [
        ("s3://lake/copy#o2", 0),
        ("s3://lake/out#o2", 1),
        *((f"s3://lake/raw#c{i}", 2) for i in range(N)),
    ]
    assert {(e.source, e.target, e.type, e.subtype, e.exact, e.expression) for e in up.edges} == {
        ("s3://lake/out#o2", "s3://lake/copy#o2", "DIRECT", "IDENTITY", True, "o2"),
        *(
            (f"s3://lake/raw#c{i}", "s3://lake/out#o2", "DIRECT", "TRANSFORMATION", False, "MapInPandas")
            for i in range(N)
        ),
    }
    assert up.complete
    down = ask(store, "downstream", node="s3://lake/raw#c3", asOf=as_of, type="all")
    assert {n.id for n in down.nodes if n.distance == 1} == {f"s3://lake/out#o{i}" for i in range(N)}
    assert {n.id for n in down.nodes if n.distance == 2} == {f"s3://lake/copy#o{i}" for i in range(N)}
    assert sum(not e.exact for e in down.edges) == N
    whole_table = ask(store, "upstream", node="s3://lake/out", level="column", asOf=as_of, depth=1)
    assert len({(e.source, e.target) for e in whole_table.edges}) == N * N
    few = ask(store, "downstream", node="s3://lake/raw#c3", asOf=as_of, limit=4)
    assert (len(few.nodes), len(few.edges), few.reason) == (4, 3, "limit")
    near = ask(store, "upstream", node="s3://lake/copy#o2", asOf=as_of, depth=1)
    assert (len(near.nodes), near.reason) == (2, "depth")


def test_other_questions_see_the_pairs_on_every_store(store: GraphStore) -> None:
    """Why an edge is there, what changed, what most depends on, where a tag spreads, what is not exact."""
    fill(store, whole(wide()))
    explained = rows(store, "explain", node="s3://lake/out#o1")
    assert {row["source"] for row in explained if row["what"] == "edge"} == set(RAW)
    (one,) = rows(store, "explain", node="s3://lake/out#o1", source="s3://lake/raw#c4")
    assert (one["type"], one["expression"], one["holds"]) == ("DIRECT", "MapInPandas", "now")
    changed = rows(store, "changes", node="s3://lake/out#o1")
    assert [row["sourcesAdded"] for row in changed] == [RAW]
    spots = rows(store, "hot-spots", level="column")
    assert {row["id"]: row["dependents"] for row in spots}["s3://lake/raw#c0"] == N
    assert rows(store, "unused-columns") == []
    coverage = [row for row in rows(store, "coverage") if row["reason"] == "not exact"]
    assert [(row["dataset"], row["columns"], row["cause"]) for row in coverage] == [
        ("s3://lake/out", N, ["MapInPandas"])
    ]
    store.apply(
        GraphDelta(
            (vertex("tag:pii", "tag", name="pii"),),
            (edge("taggedWith", "s3://lake/raw#c0", "tag:pii", sources="people"),),
        )
    )
    spread = {row["id"] for row in rows(store, "tag-flow", tag="pii")}
    assert spread >= {*(f"s3://lake/out#o{i}" for i in range(N)), *(f"s3://lake/copy#o{i}" for i in range(N))}
