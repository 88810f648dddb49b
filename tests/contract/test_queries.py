"""Every canned query on every store: small worlds written as deltas, asked as users ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphmodel.delta import Edge, GraphDelta, Vertex, edge, vertex
from graphmodel.ids import column_id, split_node
from graphstore import GraphStore
from queries.answer import Answer, Table
from queries.catalogue import QUERIES, run
from queries.errors import NodeNotFound, QueryError, UnknownQuery
from queries.lineage import Question, lineage

RAW, MART, REPORT = "s3://lake/raw/items", "s3://lake/mart/orders", "s3://lake/report"
JOB, PLAN, NEXT_PLAN = "job:glue/nightly", "plan:1", "plan:2"


def dataset(uri: str, *columns: str) -> tuple[list[Vertex], list[Edge]]:
    name = uri.rpartition("/")[2]
    vertices = [vertex(uri, "dataset", name=name, namespace="s3://lake")]
    vertices += [vertex(column_id(uri, column), "column", name=column, dataset=uri) for column in columns]
    return vertices, [edge("hasColumn", uri, column_id(uri, column)) for column in columns]


def derives(target: str, source: str, plan: str = PLAN, *, label: str = "derivesFrom", **more: Any) -> Edge:
    properties: dict[str, Any] = {
        "type": "DIRECT",
        "subtype": "IDENTITY",
        "masking": False,
        "exact": True,
        "plan": plan,
        "job": JOB,
    }
    properties |= more
    return edge(label, target, source, plan, properties["type"], properties["subtype"] or "", **properties)


def depends(target: str, source: str, plan: str = PLAN, **more: Any) -> Edge:
    return derives(target, source, plan, label="dependsOn", type="INDIRECT", **{"subtype": "FILTER", **more})


def pipeline() -> GraphDelta:
    """Raw items -> orders (a sum, filtered by status) -> report, with jobs, plans and runs."""
    vertices: list[Vertex] = []
    edges: list[Edge] = []
    for uri, columns in (
        (RAW, ("Price", "quantity", "status")),
        (MART, ("revenue", "currency")),
        (REPORT, ("total", "masked")),
    ):
        some, others = dataset(uri, *columns)
        vertices += some
        edges += others
    vertices.append(vertex(f"{MART}#currency", "column", origin="constant", expression="'EUR'"))
    edges += [
        derives(f"{MART}#revenue", f"{RAW}#price", subtype="AGGREGATION", expression="sum(price * quantity)"),
        derives(f"{MART}#revenue", f"{RAW}#quantity", subtype="AGGREGATION", expression="sum(price * quantity)"),
        derives(f"{MART}#revenue", f"{MART}#revenue", carried=True),
        depends(MART, f"{RAW}#status", expression="status = 'paid'"),
        derives(f"{REPORT}#total", f"{MART}#revenue", NEXT_PLAN, certain=False),
        derives(f"{REPORT}#masked", f"{MART}#currency", NEXT_PLAN, masking=True, exact=False, sourceField="a.b"),
        derives(f"{REPORT}#masked", f"{MART}#revenue", NEXT_PLAN, type="INDIRECT", subtype="CONDITIONAL"),
        derives(MART, RAW, columns=3, subtype=None),
        derives(MART, MART, carried=True, columns=1, subtype=None),
        derives(REPORT, MART, NEXT_PLAN, columns=2, subtype=None),
        derives(f"{MART}#revenue", f"{RAW}#status", "plan:0", label="everDerivesFrom"),
        derives(MART, RAW, "plan:0", label="everDerivesFrom", columns=1, subtype=None),
    ]
    return GraphDelta((*vertices, *actions()[0]), (*edges, *actions()[1]))


def actions() -> tuple[list[Vertex], list[Edge]]:
    """What ran: one job with two plans; the first ran twice, the second time it failed."""
    vertices = [
        vertex(JOB, "job", name="nightly", namespace="glue"),
        vertex(PLAN, "plan", name="nightly", job=JOB, target=MART, effect="all"),
        vertex(NEXT_PLAN, "plan", name="nightly", job=JOB, target=REPORT, effect="keep"),
        vertex(f"{PLAN}/2", "operation", name="read", kind="read", plan=PLAN),
        vertex(f"{PLAN}/1", "operation", name="Filter", kind="transformation", plan=PLAN, expression="status = 'paid'"),
        vertex(f"{PLAN}/0", "operation", name="write", kind="write", plan=PLAN),
        vertex("run:1", "run", timestamp=1_000, durationNs=5, status="success", user="etl"),
        vertex("run:2", "run", timestamp=2_000, status="failed", error="IOException: full"),
        vertex(f"{MART}@1", "datasetVersion", dataset=MART, timestamp=1_000, effect="all"),
        vertex(f"{MART}@initial", "datasetVersion", dataset=MART),
        vertex(f"{RAW}@initial", "datasetVersion", dataset=RAW),
        vertex("alias:shop.orders", "alias", name="shop.orders"),
        vertex("alias:3fa85f64", "alias", name="3fa85f64"),
        vertex("alias:both", "alias", name="both"),
    ]
    edges = [
        *(edge("hasPlan", JOB, plan) for plan in (PLAN, NEXT_PLAN)),
        *(edge("hasOperation", PLAN, f"{PLAN}/{number}") for number in range(3)),
        *(edge("follows", f"{PLAN}/{number}", f"{PLAN}/{number + 1}") for number in range(2)),
        *(edge("executes", f"run:{number}", PLAN) for number in (1, 2)),
        edge("reads", PLAN, RAW),
        edge("writes", PLAN, MART),
        edge("generated", "run:1", f"{MART}@1"),
        edge("used", "run:1", f"{RAW}@initial", certain=True),
        edge("versionOf", f"{MART}@1", MART),
        edge("versionOf", f"{MART}@initial", MART),
        edge("versionOf", f"{RAW}@initial", RAW),
        edge("appendsTo", f"{MART}@1", f"{MART}@initial"),
        edge("sameWriteAs", "run:2", "run:1"),
        edge("aliasOf", "alias:shop.orders", MART),
        edge("aliasOf", "alias:3fa85f64", PLAN),
        edge("aliasOf", "alias:both", MART),
        edge("aliasOf", "alias:both", RAW),
    ]
    return vertices, edges


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    store.apply(pipeline())
    return store


def ask(store: GraphStore, query: str, **given: object) -> Answer:
    answer = run(query, store.g, given)
    assert isinstance(answer, Answer)
    return answer


def rows(store: GraphStore, query: str, **given: object) -> list[dict[str, Any]]:
    table = run(query, store.g, given)
    assert isinstance(table, Table)
    assert all(tuple(row) == table.columns for row in table.rows)
    return [dict(row) for row in table.rows]


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
    answer = run("upstream", graph.g, {"node": f"{REPORT}#total"}, deadline=2, clock=lambda: next(ticks))
    assert isinstance(answer, Answer)
    assert (places(answer), answer.complete, answer.reason) == ([(TOTAL, 0), (REVENUE, 1)], False, "deadline")
    assert arrows(answer) == [f"{REVENUE} -> {TOTAL}"]


def test_what_is_removed_during_a_walk_leaves_no_edge_without_its_ends(graph: GraphStore) -> None:
    asked: list[int] = []

    def late() -> bool:
        asked.append(1)
        if len(asked) == len(["report", "mart", "raw"]):
            graph.apply(GraphDelta(removed_vertices=(f"{RAW}#price",)))
        return False

    answer = lineage(graph.g, f"{REPORT}#total", Question(), late)
    assert (places(answer), len(answer.edges)) == ([(TOTAL, 0), (REVENUE, 1), (QUANTITY, 2)], 2)


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


@pytest.mark.parametrize(
    "spelling",
    [
        f"{MART}#revenue",
        f"{MART}#Revenue",
        "s3a://lake/mart/orders/#REVENUE",
        f"  {MART}/dt=2026-01-01#revenue ",
        "shop.orders#revenue",
        "Shop.Orders#revenue",
    ],
)
def test_any_spelling_of_a_node_is_accepted(graph: GraphStore, spelling: str) -> None:
    assert ask(graph, "upstream", node=spelling).root == f"{MART}#revenue"


@pytest.mark.parametrize(
    ("query", "given", "error", "field", "suggestions"),
    [
        ("upstream", {"node": f"{MART}#revenu"}, NodeNotFound, "node", [f"{MART}#revenue"]),
        ("upstream", {"node": "shop.orders#currencies"}, NodeNotFound, "node", [f"{MART}#currency"]),
        ("upstream", {"node": "s3://lake/mart/order"}, NodeNotFound, "node", [MART]),
        ("upstream", {"node": "orders"}, NodeNotFound, "node", [MART]),  # a bare name is no spelling
        ("upstream", {"node": "s3://lake/mart/order#revenue"}, NodeNotFound, "node", [MART]),
        ("upstream", {"node": JOB}, NodeNotFound, "node", None),
        ("upstream", {"node": "#"}, NodeNotFound, "node", None),
        ("upstream", {"node": "x" * 100_000}, NodeNotFound, "node", []),
        ("upstream", {"node": "both"}, QueryError, "node", [MART, RAW]),
        ("upstream", {"node": MART, "asOf": "2026-01-01"}, QueryError, "asOf", ["ever"]),
        ("upstream", {"node": MART, "depth": -1}, QueryError, "depth", []),
        ("columns", {"dataset": f"{MART}#revenue"}, NodeNotFound, "dataset", None),
        ("runs", {"job": "nightl"}, NodeNotFound, "job", [JOB]),
        ("search", {"q": "a", "next": "1"}, QueryError, "next", []),
        ("search", {"q": ""}, QueryError, "q", []),
        ("upstrean", {}, UnknownQuery, "query", ["upstream"]),
    ],
)
def test_what_cannot_be_answered_says_why_and_what_was_perhaps_meant(
    graph: GraphStore,
    query: str,
    given: dict[str, object],
    error: type[QueryError],
    field: str,
    suggestions: list[str] | None,
) -> None:
    with pytest.raises(error) as refused:
        run(query, graph.g, given)
    assert refused.value.field == field
    assert len(refused.value.message) < 500
    if suggestions is not None:
        assert list(refused.value.suggestions)[: len(suggestions) or None] == suggestions


@pytest.mark.parametrize(
    ("query", "given", "expected"),
    [
        ("datasets", {}, [(MART, 2), (RAW, 3), (REPORT, 2)]),
        (
            "columns",
            {"dataset": "s3a://lake/mart/orders"},
            [(f"{MART}#currency", "constant"), (f"{MART}#revenue", None)],
        ),
        ("jobs", {}, [(JOB, 2)]),
        ("plans", {"job": "glue/nightly"}, [(PLAN, [RAW], 2, 2_000), (NEXT_PLAN, [], 0, None)]),
        ("runs", {"job": "nightly"}, [("run:2", "failed"), ("run:1", "success")]),
        (
            "run",
            {"run": "run:1"},
            [
                ("executes", PLAN, None),
                ("used", f"{RAW}@initial", RAW),
                ("generated", f"{MART}@1", MART),
                ("sameWriteAs", "run:2", None),
            ],
        ),
        ("operations", {"plan": PLAN}, [("read", []), ("Filter", [f"{PLAN}/2"]), ("write", [f"{PLAN}/1"])]),
        ("operations", {"plan": "3fa85f64"}, [("read", []), ("Filter", [f"{PLAN}/2"]), ("write", [f"{PLAN}/1"])]),
        (
            "dataset-versions",
            {"dataset": MART},
            [(f"{MART}@1", "run:1", f"{MART}@initial"), (f"{MART}@initial", None, None)],
        ),
    ],
)
def test_tables(graph: GraphStore, query: str, given: dict[str, object], expected: list[tuple[object, ...]]) -> None:
    chosen = {
        "datasets": ("id", "columns"),
        "columns": ("id", "origin"),
        "jobs": ("id", "plans"),
        "plans": ("id", "reads", "runs", "lastRun"),
        "runs": ("id", "status"),
        "run": ("relation", "id", "dataset"),
        "operations": ("name", "follows"),
        "dataset-versions": ("id", "run", "previous"),
    }
    assert [tuple(row[name] for name in chosen[query]) for row in rows(graph, query, **given)] == expected


def test_stats_count_by_label(graph: GraphStore) -> None:
    counted = {row["label"]: row["count"] for row in rows(graph, "stats")}
    assert counted == graph.counts()
    assert {row["label"]: row["kind"] for row in rows(graph, "stats")}["column"] == "vertex"


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("ORDERS", [("mart/orders", "exact"), ("alias:shop.orders", "substring")]),
        ("price", [(PRICE, "exact")]),
        ("pRI", [(PRICE, "prefix")]),
        ("reven", [(REVENUE, "prefix")]),
        ("venu", [(REVENUE, "substring")]),
        ("mart/", [("mart/orders", "substring")]),  # not all its columns
        ("night", [(JOB, "prefix")]),
        (f"{MART}#rev", [(REVENUE, "prefix")]),
        (f"{MART}#revenue", [(REVENUE, "exact")]),
        ("no such thing", []),
    ],
)
def test_search_finds_exact_names_first(graph: GraphStore, q: str, expected: list[tuple[str, str]]) -> None:
    found = rows(graph, "search", q=q)
    assert [(row["id"].removeprefix("s3://lake/"), row["match"]) for row in found] == expected


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("datasets", {}),
        ("stats", {}),
        ("columns", {"dataset": RAW}),
        ("runs", {"job": JOB}),
        ("operations", {"plan": PLAN}),
        ("search", {"q": "a"}),
        ("search", {"q": "s"}),
    ],
)
def test_pages_follow_each_other_without_gaps(graph: GraphStore, query: str, given: dict[str, object]) -> None:
    whole = rows(graph, query, **given)
    assert len(whole) > 1
    assert [row for page in pages(graph, query, given) for row in page] == whole


def pages(store: GraphStore, query: str, given: dict[str, object]) -> Iterator[list[dict[str, Any]]]:
    following: str | None = None
    while True:
        table = run(query, store.g, {**given, "limit": 1, "next": following})
        assert isinstance(table, Table)
        yield [dict(row) for row in table.rows]
        if table.next is None:
            return
        following = table.next


def test_every_query_answers_on_an_empty_graph(store: GraphStore) -> None:
    for query in QUERIES:
        given = {parameter.name: "s3://none" for parameter in query.parameters if parameter.required}
        if any(parameter.type == "node" for parameter in query.parameters):
            with pytest.raises(NodeNotFound):
                run(query.name, store.g, given)
        else:
            assert rows(store, query.name, **given) == []


# The laws: small worlds at random, compared with an oracle that knows nothing of walks or requests.

DATASETS = ("s3://a", "s3://b", "s3://c", "s3://d")
COLUMNS = tuple(f"{name}#{column}" for name in DATASETS for column in "xyz")
KINDS = ("DIRECT", "INDIRECT")
Derived = set[tuple[str, str, str, bool]]
Depending = set[tuple[str, str]]
_DERIVED = st.sets(st.tuples(*[st.sampled_from(COLUMNS)] * 2, st.sampled_from(KINDS), st.booleans()), max_size=20)
_DEPENDING = st.sets(st.tuples(st.sampled_from(DATASETS), st.sampled_from(COLUMNS)), max_size=4)
_WORLDS = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def build(store: GraphStore, derived: Derived, depending: Depending) -> None:
    store.clear()
    vertices, edges = [], []
    for uri in DATASETS:
        some, others = dataset(uri, "x", "y", "z")
        vertices += some
        edges += others
    edges += [derives(t, s, f"plan:{c}", type=k, carried=c or None) for t, s, k, c in derived]
    edges += [depends(target, source) for target, source in depending]
    store.apply(GraphDelta(tuple(vertices), tuple(edges)))


def followed(derived: Derived, kind: str) -> set[tuple[str, str]]:
    return {(target, source) for target, source, of, carried in derived if not carried and kind in ("all", of.lower())}


def expected(derived: Derived, depending: Depending, root: str, kind: str, direction: str) -> tuple[object, object]:
    """Distances and edges by plain relations: all hops between columns, breadth first."""
    pairs = followed(derived, kind)
    whole = depending if kind == "all" else set()
    hops = pairs | {(column, source) for name, source in whole for column in COLUMNS if split_node(column)[0] == name}
    if direction == "downstream":
        hops = {(source, target) for target, source in hops}
    far = reach(root, lambda node: (after for before, after in hops if before == node))
    for name, source in sorted(whole):
        if direction == "upstream":
            near = [at for node, at in far.items() if split_node(node)[0] == name]
        else:
            near = [far[source] + 1] if source in far else []
        if near:
            far[name] = min([*near, far.get(name, min(near))])
    return far, {(source, target) for target, source in pairs | whole if target in far and source in far}


def reach(root: str, after: Callable[[str], Iterable[str]]) -> dict[str, int]:
    far = {root: 0}
    for node in (queue := [root]):
        for found in after(node):
            if found not in far:
                far[found] = far[node] + 1
                queue.append(found)
    return far


@_WORLDS
@given(_DERIVED, _DEPENDING, st.sampled_from(COLUMNS), st.sampled_from(["direct", "all"]))
def test_an_answer_is_what_plain_relations_say(
    store: GraphStore, derived: Derived, depending: Depending, root: str, kind: str
) -> None:
    build(store, derived, depending)
    for direction in ("upstream", "downstream"):
        answer = ask(store, direction, node=root, type=kind)
        far = {node.id: node.distance for node in answer.nodes}
        assert (far, {(e.source, e.target) for e in answer.edges}) == expected(
            derived, depending, root, kind, direction
        )
        assert [(node.distance, node.id) for node in answer.nodes] == sorted((at, node) for node, at in far.items())
        assert list(answer.edges) == sorted(answer.edges, key=lambda edge: edge.order)
        assert answer.complete
        check_cuts(store, answer, direction, kind)


def check_cuts(store: GraphStore, whole: Answer, direction: str, kind: str) -> None:
    """Depth and limit leave out the farther nodes, say so, and keep every edge between those that stay."""
    for cut in ({"depth": 1}, {"limit": 4}, {"limit": len(whole.nodes)}):
        part = ask(store, direction, node=whole.root, type=kind, **cut)
        there = {node.id: node.distance for node in part.nodes}
        assert there.items() <= {node.id: node.distance for node in whole.nodes}.items()
        left = [node.distance for node in whole.nodes if node.id not in there]
        assert part.complete == (not left)
        assert max(there.values()) <= min(left, default=99)
        kept = [edge for edge in whole.edges if edge.source in there and edge.target in there]
        assert list(part.edges) == kept


@settings(_WORLDS, max_examples=15)
@given(_DERIVED, _DEPENDING, st.sampled_from(["direct", "indirect", "all"]))
def test_downstream_is_upstream_reversed(store: GraphStore, derived: Derived, depending: Depending, kind: str) -> None:
    build(store, derived, depending)
    up, down = (
        {
            (root, node.id, node.distance)
            for root in COLUMNS
            for node in ask(store, direction, node=root, type=kind).nodes
            if node.label == "column"
        }
        for direction in ("upstream", "downstream")
    )
    assert up == {(node, root, distance) for root, node, distance in down}


def test_the_store_is_only_read(graph: GraphStore, tmp_path: Path) -> None:
    before = graph.counts()
    for query in QUERIES:
        known = {"node": MART, "dataset": MART, "job": JOB, "run": "run:1", "plan": PLAN, "q": "a"}
        run(query.name, graph.g, {name: known[name] for name in known if name in {p.name for p in query.parameters}})
    assert graph.counts() == before
