"""Finding things and listing them: spellings, errors, rows and pages of every query, on every store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore import GraphStore
from headwater.queries.answers.answer import Table
from headwater.queries.answers.errors import NodeNotFound, QueryError, UnknownQuery
from headwater.queries.catalogue.catalogue import QUERIES, run
from tests.contract.queries_world import JOB, MART, NEXT_PLAN, PLAN, RAW, REPORT, ask, pipeline, rows

REVENUE, PRICE = "mart/orders#revenue", "raw/items#price"


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    store.apply(pipeline())
    return store


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
    "given",
    [
        {"node": MART, "column": "revenue"},  # as a URL that ends at # cannot say it
        {"node": "orders", "column": "REVENUE"},
        {"node": "orders#revenue"},
        {"node": f"{MART}.revenue"},
        {"node": "orders.revenue"},
        {"node": f" {MART}#revenue "},
        {"node": "http://127.0.0.1:9090/?node=s3://lake/mart/orders%23revenue&type=all"},  # copied from the page
        {
            "node": "https://lineage.example.com/headwater/?asOf=2026-01-01&node=s3%3A%2F%2Flake%2Fmart%2Forders%23revenue"
        },
        {"node": "`shop`.`orders`.`revenue`"},  # as SQL has it
        {"node": '"orders"#"REVENUE"'},
        {"node": "ORDERS.REVENUE"},
        {"node": "Mart/Orders#revenue"},
    ],
)
def test_a_column_is_named_in_other_ways_too(graph: GraphStore, given: dict[str, object]) -> None:
    assert run("upstream", graph.g, given).to_dict()["root"] == f"{MART}#revenue"


def test_names_with_blanks_and_bare_names_that_are_not_alone(graph: GraphStore) -> None:
    names = ("lake:/j", "lake:/j#amount", "lake:/j#amount ", "lake:/j# ", "lake:/j ", "lake:/k/j", "lake:/k/j#amount")
    made = [vertex(one, "column" if "#" in one else "dataset", name=one.rpartition("/")[2]) for one in names]
    graph.apply(GraphDelta(tuple(made), ()))
    for name in names:
        assert run("upstream", graph.g, {"node": name}).to_dict()["root"] == name
    for bare, meant in (("j", ["lake:/j", "lake:/k/j"]), ("j#amount", ["lake:/j#amount", "lake:/k/j#amount"])):
        with pytest.raises(QueryError, match="names several: say which") as refused:
            run("upstream", graph.g, {"node": bare})
        assert list(refused.value.suggestions) == meant
    for ending, one in (("k/j", "lake:/k/j"), ("k/j#Amount", "lake:/k/j#amount"), ("k/j.amount", "lake:/k/j#amount")):
        assert run("upstream", graph.g, {"node": ending}).to_dict()["root"] == one
    for path in ("/k/j", "other:/k/j", "x/k/j"):
        with pytest.raises(NodeNotFound):
            run("upstream", graph.g, {"node": path})


def test_a_job_is_named_by_the_end_of_its_name_and_by_the_pages_address(graph: GraphStore) -> None:
    deep = "job:spark/pipeline.score_report"
    graph.apply(GraphDelta((vertex(deep, "job", name="pipeline.score_report", namespace="spark"),), ()))
    for spelling in ("score_report", "pipeline.score_report", "http://h:1/?job=spark/pipeline.score_report"):
        assert run("runs", graph.g, {"job": spelling}).to_dict()["parameters"]["job"] == deep
    with pytest.raises(NodeNotFound):
        run("runs", graph.g, {"job": "report"})


def test_a_job_stands_for_its_last_successful_run_where_a_run_is_asked_for(graph: GraphStore) -> None:
    for spelling in (JOB, "glue/nightly", "nightly", f"http://h:1/?job={JOB}"):
        assert run("inputs", graph.g, {"node": spelling}).to_dict()["parameters"]["node"] == ["run:1"]
    assert [row["run"] for row in rows(graph, "consumers", node="nightly")] == ["run:1"]
    idle = vertex("job:glue/orders", "job", name="orders", namespace="glue")
    never = vertex("job:glue/never", "job", name="never", namespace="glue")
    graph.apply(GraphDelta((idle, never), ()))
    assert run("inputs", graph.g, {"node": "orders"}).to_dict()["parameters"]["node"] == [MART]
    with pytest.raises(NodeNotFound, match="no run of job:glue/never succeeded"):
        run("inputs", graph.g, {"node": "never"})


@pytest.mark.parametrize(
    ("query", "given", "error", "field", "suggestions"),
    [
        ("upstream", {"node": f"{MART}#revenu"}, NodeNotFound, "node", [f"{MART}#revenue"]),
        ("upstream", {"node": "shop.orders#currencies"}, NodeNotFound, "node", [f"{MART}#currency"]),
        ("upstream", {"node": "s3://lake/mart/order"}, NodeNotFound, "node", [MART]),
        ("upstream", {"node": "order"}, NodeNotFound, "node", [MART]),
        ("upstream", {"node": "orders#revenu"}, NodeNotFound, "node", [f"{MART}#revenue"]),
        ("upstream", {"node": "s3://lake/mart/order#revenue"}, NodeNotFound, "node", [f"{MART}#revenue"]),
        ("upstream", {"node": JOB}, NodeNotFound, "node", [MART]),
        ("upstream", {"node": JOB.removeprefix("job:")}, NodeNotFound, "node", [MART]),
        ("upstream", {"node": f"{MART}#revenue", "column": "revenue"}, QueryError, "column", []),
        ("upstream", [("node", MART), ("column", "a"), ("column", "b")], QueryError, "column", []),
        ("runs", {"job": JOB, "column": "a"}, QueryError, "column", None),
        ("upstream", {"node": "#"}, NodeNotFound, "node", None),
        ("upstream", {"node": "x" * 100_000}, NodeNotFound, "node", []),
        ("upstream", {"node": "both"}, QueryError, "node", [MART, RAW]),
        ("upstream", {"node": MART, "asOf": "2026-02-30"}, QueryError, "asOf", []),
        ("upstream", {"node": MART, "asOf": "2999-01-01"}, QueryError, "asOf", []),
        ("upstream", {"node": MART, "asOf": "yesterday"}, QueryError, "asOf", []),
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
        ("mart ORDERS", [("mart/orders", "substring")]),  # words, in any order; again not all its columns
        ("revenue orders", [(REVENUE, "substring")]),
        ("orders revenue nothing", []),
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
        if query.name == "who-can-read":
            given["node"] = "s3://none"  # or a tag: one of both
        if any(parameter.type == "node" and parameter.name in given for parameter in query.parameters):
            with pytest.raises(NodeNotFound):
                run(query.name, store.g, given)
        else:
            assert rows(store, query.name, **given) == []


def test_the_store_is_only_read(graph: GraphStore) -> None:
    before = graph.counts()
    for query in QUERIES:
        known = {"node": MART, "dataset": MART, "job": JOB, "run": "run:1", "plan": PLAN, "q": "a"}
        known |= {"from": MART, "to": RAW, "pattern": "s3:*", "other": "run:2", "path": MART}
        known["node"] = JOB if query.name == "diff" else MART
        known["id"] = "run:1"
        if any(parameter.name == "tag" for parameter in query.parameters):
            continue  # nothing is tagged here: test_queries_tagged.py
        required = {p.name for p in query.parameters if p.required}
        run(query.name, graph.g, {name: value for name, value in known.items() if name in required})
    assert graph.counts() == before
