"""Where a column comes from and what is made of it: lineage answers, on every store."""

from __future__ import annotations

from itertools import pairwise

import pytest

from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore import GraphStore
from headwater.queries.answers.answer import Answer
from headwater.queries.answers.errors import NodeNotFound
from headwater.queries.catalogue.catalogue import run
from headwater.queries.tracing.lineage import Question, trace_lineage
from tests.contract.queries_world import JOB, MART, NEXT_PLAN, RAW, REPORT, ask, dataset, derives, pipeline


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    store.apply(pipeline())
    return store


def places(answer: Answer) -> list[tuple[str, int]]:
    return [(node.id.removeprefix("s3://lake/"), node.distance) for node in answer.nodes]


def arrows(answer: Answer) -> list[str]:
    short = [(edge.source.removeprefix("s3://lake/"), edge.target.removeprefix("s3://lake/")) for edge in answer.edges]
    return [f"{source} -> {target}" for source, target in short]


TOTAL, REVENUE, PRICE, QUANTITY, STATUS = (
    "report#total",
    "mart/orders#revenue",
    "raw/items#price",
    "raw/items#quantity",
    "raw/items#status",
)


@pytest.mark.parametrize(
    ("query", "given", "nodes", "edges"),
    [
        pytest.param(
            "upstream",
            {"node": f"{REPORT}#total"},
            [(TOTAL, 0), (REVENUE, 1), (PRICE, 2), (QUANTITY, 2)],
            [f"{PRICE} -> {REVENUE}", f"{QUANTITY} -> {REVENUE}", f"{REVENUE} -> {TOTAL}"],
            id="a column back to the raw files",
        ),
        pytest.param(
            "upstream",
            {"node": f"{REPORT}#total", "type": "all"},
            [(TOTAL, 0), ("mart/orders", 1), (REVENUE, 1), (PRICE, 2), (QUANTITY, 2), (STATUS, 2)],
            [f"{STATUS} -> mart/orders", f"{PRICE} -> {REVENUE}", f"{QUANTITY} -> {REVENUE}", f"{REVENUE} -> {TOTAL}"],
            id="with what decides which rows there are",
        ),
        pytest.param(
            "upstream",
            {"node": f"{MART}#revenue", "type": "indirect"},
            [("mart/orders", 0), (REVENUE, 0), (STATUS, 1)],
            [f"{STATUS} -> mart/orders"],
            id="only what decides about the root",
        ),
        pytest.param(
            "downstream",
            {"node": f"{RAW}#status", "type": "all"},
            [
                (STATUS, 0),
                ("mart/orders", 1),
                ("mart/orders#currency", 1),
                (REVENUE, 1),
                ("report#masked", 2),
                (TOTAL, 2),
            ],
            [
                f"{STATUS} -> mart/orders",
                "mart/orders#currency -> report#masked",
                f"{REVENUE} -> report#masked",
                f"{REVENUE} -> {TOTAL}",
            ],
            id="a filter breaks the dataset and all its columns",
        ),
        pytest.param("downstream", {"node": f"{RAW}#status"}, [(STATUS, 0)], [], id="and none of them directly"),
        pytest.param(
            "both",
            {"node": f"{MART}#revenue"},
            [(REVENUE, 0), (PRICE, 1), (QUANTITY, 1), (TOTAL, 1)],
            [f"{PRICE} -> {REVENUE}", f"{QUANTITY} -> {REVENUE}", f"{REVENUE} -> {TOTAL}"],
            id="both ways",
        ),
        pytest.param(
            "upstream",
            {"node": REPORT},
            [("report", 0), ("mart/orders", 1), ("raw/items", 2)],
            ["raw/items -> mart/orders", "mart/orders -> report"],
            id="a dataset: datasets",
        ),
        pytest.param(
            "upstream",
            {"node": REPORT, "level": "column", "depth": 1},
            [("report", 0), ("report#masked", 0), (TOTAL, 0), ("mart/orders#currency", 1), (REVENUE, 1)],
            ["mart/orders#currency -> report#masked", f"{REVENUE} -> {TOTAL}"],
            id="a dataset: all its columns",
        ),
        pytest.param(
            "upstream",
            {"node": f"{REPORT}#total", "level": "dataset", "depth": 1},
            [("report", 0), ("mart/orders", 1)],
            ["mart/orders -> report"],
            id="a column: its dataset",
        ),
        pytest.param(
            "upstream",
            {"node": f"{MART}#revenue", "asOf": "ever"},
            [(REVENUE, 0), (STATUS, 1)],
            [f"{STATUS} -> {REVENUE}"],
            id="all that ever held",
        ),
        pytest.param("upstream", {"node": MART, "depth": 0}, [("mart/orders", 0)], [], id="depth 0: the root alone"),
        pytest.param("upstream", {"node": f"{MART}#revenue", "depth": 0}, [(REVENUE, 0)], [], id="also a column"),
    ],
)
def test_lineage(
    graph: GraphStore, query: str, given: dict[str, object], nodes: list[tuple[str, int]], edges: list[str]
) -> None:
    answer = ask(graph, query, **given)
    assert (places(answer), arrows(answer)) == (nodes, edges)
    assert answer.complete == (answer.reason is None)


def test_an_edge_and_a_node_carry_what_is_known_about_them(graph: GraphStore) -> None:
    answer = ask(graph, "upstream", node=f"{REPORT}#masked")
    assert [edge.to_dict() for edge in answer.edges] == [
        {
            "source": f"{MART}#currency",
            "target": f"{REPORT}#masked",
            "type": "DIRECT",
            "subtype": "IDENTITY",
            "masking": True,
            "exact": False,
            "certain": True,
            "expression": None,
            "sourceField": "a.b",
            "job": JOB,
            "plan": NEXT_PLAN,
        }
    ]
    assert answer.nodes[-1].to_dict() == {
        "id": f"{MART}#currency",
        "label": "column",
        "name": "currency",
        "dataset": MART,
        "distance": 1,
        "direction": "upstream",
        "origin": "constant",
        "resolved": True,
        "expression": "'EUR'",
        "tags": [],
    }
    assert [edge.columns for edge in ask(graph, "upstream", node=REPORT).edges] == [3, 2]
    assert [edge.certain for edge in ask(graph, "upstream", node=f"{REPORT}#total").edges][-1] is False


@pytest.mark.parametrize(
    ("given", "complete", "reason"),
    [
        ({"depth": 1}, False, "depth"),
        ({"depth": 2}, True, None),  # nothing lies behind
        ({"limit": 3}, False, "limit"),
        ({"limit": 4}, True, None),
        ({"limit": 1}, False, "limit"),
    ],
)
def test_an_answer_says_what_was_left_out(
    graph: GraphStore, given: dict[str, object], complete: bool, reason: str | None
) -> None:
    answer = ask(graph, "upstream", node=f"{REPORT}#total", **given)
    assert (answer.complete, answer.reason) == (complete, reason)
    there = {node.id for node in answer.nodes}
    assert len(there) <= int(str(given.get("limit", 9)))
    assert all({edge.source, edge.target} <= there for edge in answer.edges)


def test_a_deadline_ends_a_walk_with_what_it_has(graph: GraphStore) -> None:
    ticks = iter(range(100))
    given = {"node": f"{REPORT}", "type": "all", "level": "column"}
    answer = run("upstream", graph.g, given, deadline=2, clock=lambda: next(ticks))
    assert isinstance(answer, Answer)
    assert (answer.complete, answer.reason) == (False, "deadline")
    near = ["mart/orders#currency", REVENUE]
    assert places(answer) == [
        *((node, 0) for node in ("report", "report#masked", TOTAL)),
        *((node, 1) for node in near),
    ]
    assert len(arrows(answer)) == 3


def chain(store: GraphStore, length: int) -> list[str]:
    """Columns that are made of each other, the last one of the one before."""
    nodes = [f"s3://lake/t{number:02}#c" for number in range(length)]
    vertices = tuple(vertex(node, "column", name="c") for node in nodes)
    store.apply(GraphDelta(vertices, tuple(derives(new, old) for old, new in pairwise(nodes))))
    return nodes


def test_what_is_removed_during_a_walk_leaves_no_edge_without_its_ends(store: GraphStore) -> None:
    nodes = chain(store, 30)
    asked: list[int] = []

    def deadline_passed() -> bool:
        asked.append(1)
        if len(asked) == len(["the nearest nodes", "those behind them"]):
            store.apply(GraphDelta(removed_vertices=(nodes[-3],)))
        return False

    answer = trace_lineage(store.g, nodes[-1], Question(), deadline_passed)
    assert {node.id for node in answer.nodes} == {*nodes} - {nodes[-3]}
    assert len(answer.edges) == len(nodes) - 3


def test_a_long_chain_is_few_requests_and_its_distances_are_exact(store: GraphStore) -> None:
    nodes = chain(store, 60)
    asked: list[int] = []

    def deadline_passed() -> bool:
        asked.append(1)
        return False

    for direction, root in (("upstream", nodes[-1]), ("downstream", nodes[0])):
        asked.clear()
        answer = trace_lineage(store.g, root, Question(direction), deadline_passed)
        assert [node.distance for node in answer.nodes] == list(range(60))
        assert len(asked) <= 4


def test_a_shortcut_counts_although_a_detour_is_met_first(store: GraphStore) -> None:
    """One request follows both: the detour to the far end must not hide that the shortcut is nearer."""
    nodes = chain(store, 12)
    store.apply(GraphDelta(edges=(derives(nodes[-1], nodes[1]), derives(nodes[-2], nodes[0]))))
    found = {node.id: node.distance for node in ask(store, "upstream", node=nodes[-1]).nodes}
    assert (found[nodes[1]], found[nodes[0]], found[nodes[2]], found[nodes[5]]) == (1, 2, 9, 6)


def test_both_ways_marks_the_side_of_a_node(graph: GraphStore) -> None:
    answer = ask(graph, "lineage", node=f"{MART}#revenue", direction="both", limit=3)
    assert [node.direction for node in answer.nodes] == ["both", "upstream", "upstream"]
    assert (answer.complete, answer.reason) == (False, "limit")


def test_a_cycle_back_to_the_root_leaves_it_the_root(store: GraphStore) -> None:
    vertices, edges = dataset(MART, "a", "b")
    loop = [derives(f"{MART}#a", f"{MART}#b"), derives(f"{MART}#b", f"{MART}#a")]
    store.apply(GraphDelta(tuple(vertices), (*edges, *loop)))
    for query in ("upstream", "downstream", "both"):
        answer = ask(store, query, node=f"{MART}#a")
        assert (places(answer), len(answer.edges)) == ([("mart/orders#a", 0), ("mart/orders#b", 1)], 2)


def test_a_question_to_an_empty_graph_is_told_so(store: GraphStore) -> None:
    with pytest.raises(NodeNotFound, match="no job has reported"):
        ask(store, "upstream", node="orders")


def test_a_diamond_is_linear_in_its_edges(store: GraphStore) -> None:
    layers = [[f"{RAW}{number}#a", f"{RAW}{number}#b"] for number in range(21)]
    vertices = tuple(vertex(node, "column", name=node[-1]) for layer in layers for node in layer)
    edges = tuple(derives(new, old) for newer, older in pairwise(layers) for new in newer for old in older)
    store.apply(GraphDelta(vertices, edges))
    answer = ask(store, "upstream", node=layers[0][0])
    assert (len(answer.nodes), len(answer.edges), answer.nodes[-1].distance) == (41, 78, 20)


def test_a_hub_gives_its_first_page(store: GraphStore) -> None:
    users = [f"s3://lake/t{number:04}#c" for number in range(3_000)]
    vertices = tuple(vertex(node, "column", name="c") for node in (f"{RAW}#id", *users))
    store.apply(GraphDelta(vertices, tuple(derives(user, f"{RAW}#id") for user in users)))
    answer = ask(store, "downstream", node=f"{RAW}#id", limit=50)
    assert [node.id for node in answer.nodes] == [f"{RAW}#id", *users[:49]]
    assert [edge.target for edge in answer.edges] == users[:49]
    assert len(ask(store, "downstream", node=f"{RAW}#id").edges) == len(users)  # more than one request
