"""What breaks if a column or a dataset changes: graded answers, on every store."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphstore import GraphStore
from headwater.queries.answers.grades import Change, Grade
from headwater.queries.answers.impact import AffectedNode, Impact
from headwater.queries.answers.shapes import result_of
from headwater.queries.catalogue.catalogue import run
from tests.contract.queries_world import JOB, MART, PLAN, RAW, REPORT, dataset, depends, derives, pipeline
from tests.contract.test_queries_laws import _DEPENDING, _DERIVED, _WORLDS, COLUMNS, Depending, Derived, build


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    store.apply(pipeline())
    return store


def impact(store: GraphStore, node: str, **given: object) -> Impact:
    found = run("impact", store.g, {"node": node, **given})
    assert isinstance(found, Impact)
    return found


def summary(found: Impact) -> list[tuple[str, str, int]]:
    return [(item.id.removeprefix("s3://lake/"), item.grade, item.distance) for item in found.affected]


REVENUE, TOTAL, MASKED, CURRENCY = "mart/orders#revenue", "report#total", "report#masked", "mart/orders#currency"
BREAKS, VALUE, ROWS, STOPS = (grade.value for grade in Grade)


@pytest.mark.parametrize(
    ("node", "change", "expected"),
    [
        pytest.param(
            f"{RAW}#price",
            "drop",
            [
                (REVENUE, BREAKS, 1),
                ("mart/orders", BREAKS, 1),
                (JOB, BREAKS, 1),
                (TOTAL, BREAKS, 2),
                ("report", BREAKS, 2),
                (MASKED, ROWS, 2),
            ],
            id="what is made of a dropped column breaks",
        ),
        pytest.param(
            f"{RAW}#status",
            "drop",
            [
                (JOB, BREAKS, 1),  # it names the column, in a filter
                (REVENUE, ROWS, 1),
                ("mart/orders", ROWS, 1),
                (MASKED, ROWS, 2),
                (TOTAL, ROWS, 2),
                ("report", ROWS, 2),
                (CURRENCY, STOPS, 1),
            ],
            id="a filter's column: the job breaks, rows may change, a constant stays",
        ),
        pytest.param(
            f"{MART}#currency",
            "semantics",
            [(MASKED, STOPS, 1), ("report", STOPS, 1), (JOB, STOPS, 1)],
            id="another meaning stops at a mask",
        ),
        pytest.param(f"{REPORT}#total", "drop", [], id="nothing is made of it"),
    ],
)
def test_grades(graph: GraphStore, node: str, change: str, expected: list[tuple[str, str, int]]) -> None:
    found = impact(graph, node, change=change)
    assert summary(found) == expected
    assert (found.complete, found.breaks) == (True, any(grade == BREAKS for _, grade, _ in expected))
    assert result_of(found.to_dict()) == found


def test_an_affected_node_has_its_path_and_who_runs_it(graph: GraphStore) -> None:
    graph.apply(
        GraphDelta(
            vertices=(vertex("tag:owner=shop", "tag", name="owner=shop"),),
            edges=(edge("taggedWith", JOB, "tag:owner=shop"),),
        )
    )
    found = impact(graph, f"{RAW}#price")
    first, last = found.affected[0], next(item for item in found.affected if item.id == f"{REPORT}#total")
    assert first.to_dict() == {
        "id": f"{MART}#revenue",
        "label": "column",
        "grade": "breaks",
        "distance": 1,
        "path": [0],
        "job": JOB,
        "lastRun": 2_000,
        "intervalMs": 1_000,
        "owner": "shop",
    }
    assert [edge.expression for edge in found.path(first)] == ["sum(price * quantity)"]
    assert [(edge.source, edge.target) for edge in found.path(last)] == [
        (f"{RAW}#price", f"{MART}#revenue"),
        (f"{MART}#revenue", f"{REPORT}#total"),
    ]
    assert (last.last_run, last.interval) == (None, None)  # its logic has no run
    assert found.totals["breaks"] == {"column": 2, "dataset": 2, "job": 1}


def test_a_dataset_as_root_brings_its_columns_and_those_who_read_it_whole(graph: GraphStore) -> None:
    graph.apply(
        GraphDelta(
            vertices=(vertex("s3://lake/dump", "dataset", name="dump"), vertex("job:glue/dump", "job", name="dump")),
            edges=(
                derives("s3://lake/dump", RAW, "plan:9", job="job:glue/dump", columns=0, subtype=None, exact=False),
            ),
        )
    )
    found = impact(graph, RAW)
    graded = {item.id: item.grade for item in found.affected}
    assert graded[f"{MART}#revenue"] == graded[JOB] == graded["job:glue/dump"] == BREAKS
    assert [(item.job, item.reads, item.writes) for item in found.unknown] == [("job:glue/dump", RAW, "s3://lake/dump")]
    one = impact(graph, f"{RAW}#price")
    assert len(one.unknown) == 1
    assert "job:glue/dump" not in {item.id for item in one.affected}  # it may read another column


@pytest.mark.parametrize(
    ("given", "complete", "reason", "nodes"),
    [
        ({"depth": 1}, False, "depth", 3),
        ({"depth": 2}, True, None, 6),
        ({"limit": 2}, False, "limit", 3),
    ],
)
def test_an_answer_says_what_was_left_out(
    graph: GraphStore, given: dict[str, object], complete: bool, reason: str | None, nodes: int
) -> None:
    found = impact(graph, f"{RAW}#price", **given)
    assert (found.complete, found.reason, len(found.affected)) == (complete, reason, nodes)


def test_a_deadline_gives_a_part_and_says_so(store: GraphStore) -> None:
    nodes = [f"s3://lake/t{number:02}#c" for number in range(30)]
    vertices = tuple(vertex(node, "column", name="c") for node in nodes)
    store.apply(GraphDelta(vertices, tuple(derives(new, old) for old, new in pairwise(nodes))))
    ticks = iter(range(100))
    found = run("impact", store.g, {"node": nodes[0]}, deadline=2, clock=lambda: next(ticks))
    assert isinstance(found, Impact)
    assert (found.complete, found.reason) == (False, "deadline")
    near = [item.id for item in found.affected if item.label == "column"]
    assert 1 < len(near) < len(nodes) - 1
    assert near == nodes[1 : 1 + len(near)]


def test_a_cycle_of_columns_ends(store: GraphStore) -> None:
    vertices, edges = dataset(MART, "a", "b", "c")
    loop = [derives(f"{MART}#{t}", f"{MART}#{s}") for t, s in ("ba", "cb", "ac")]
    store.apply(GraphDelta(tuple(vertices), (*edges, *loop)))
    assert summary(impact(store, f"{MART}#a"))[:2] == [("mart/orders#b", BREAKS, 1), ("mart/orders", BREAKS, 1)]


def test_a_hub_is_answered_up_to_its_limit(store: GraphStore) -> None:
    users = [f"s3://lake/t{number:04}#c" for number in range(2_500)]
    vertices = tuple(vertex(node, "column", name="c") for node in (f"{RAW}#id", *users))
    store.apply(GraphDelta(vertices, tuple(derives(user, f"{RAW}#id") for user in users)))
    whole, part = impact(store, f"{RAW}#id"), impact(store, f"{RAW}#id", limit=100)
    assert (whole.totals["breaks"]["column"], whole.complete) == (2_500, True)
    assert (part.totals["breaks"]["column"], part.reason) == (99, "limit")


@settings(_WORLDS, max_examples=15)
@given(_DERIVED, _DEPENDING, st.sampled_from(COLUMNS), st.sampled_from(Change))
def test_impact_is_monotone_in_depth(
    store: GraphStore, derived: Derived, depending: Depending, root: str, change: Change
) -> None:
    build(store, derived, depending)
    before: dict[str, AffectedNode] = {}
    for depth in (0, 1, 2, None):
        found = {item.id: item for item in impact(store, root, change=change.value, depth=depth).affected}
        assert before.keys() <= found.keys()
        for node, item in before.items():
            assert Grade(found[node].grade).rank <= Grade(item.grade).rank
            assert found[node].distance == item.distance
        before = found


@settings(_WORLDS, max_examples=15)
@given(_DERIVED, _DEPENDING, st.sampled_from(COLUMNS))
def test_what_breaks_is_what_is_made_of_it(
    store: GraphStore, derived: Derived, depending: Depending, root: str
) -> None:
    build(store, derived, depending)
    answer = run("downstream", store.g, {"node": root})
    made = {node["id"] for node in answer.to_dict()["nodes"]} - {root}
    broken = {item.id for item in impact(store, root).affected if (item.grade, item.label) == (BREAKS, "column")}
    assert broken == made


def test_the_plan_of_an_edge_is_in_its_path(graph: GraphStore) -> None:
    graph.apply(GraphDelta(edges=(depends(REPORT, f"{MART}#revenue"),)))
    assert {edge.plan for edge in impact(graph, f"{RAW}#quantity").edges} >= {PLAN}
