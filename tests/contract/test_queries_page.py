"""What the web page asks beside lineage: what lies behind a card, what happened lately, tags and runs by name."""

from __future__ import annotations

import json

import pytest

from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphstore import GraphStore
from headwater.queries.answers.answer import Answer, Table
from headwater.queries.answers.errors import NodeNotFound, NothingWritten
from headwater.queries.catalogue.catalogue import run
from tests.contract.queries_world import JOB, MART, NEXT_PLAN, PLAN, RAW, REPORT, ask, pipeline, rows


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    store.apply(pipeline())
    return store


@pytest.mark.parametrize(
    ("node", "depth", "behind"),
    [
        (MART, 0, {MART: (2, 1, 1)}),
        (MART, 1, {MART: (2, 0, 0), RAW: (3, 0, 0), REPORT: (2, 0, 0)}),
        (f"{RAW}#price", 0, {RAW: (3, 0, 1)}),
        (f"{MART}#revenue", 1, {MART: (2, 0, 0), RAW: (3, 0, 0), REPORT: (2, 0, 0)}),
    ],
)
def test_an_answer_says_what_lies_behind_its_datasets(
    graph: GraphStore, node: str, depth: int, behind: dict[str, tuple[int, int, int]]
) -> None:
    answer = ask(graph, "both", node=node, depth=depth, counts="true")
    found = {each.id: (each.columnCount, each.moreUpstream, each.moreDownstream) for each in answer.datasets}
    assert found == behind
    assert Answer.from_dict(answer.to_dict()) == answer


def test_the_last_run_of_a_dataset_is_told_even_if_it_failed(graph: GraphStore) -> None:
    (mart,) = ask(graph, "both", node=MART, depth=0, counts="true").datasets
    assert (mart.lastRun, mart.lastStatus) == (2_000, "failed")


def test_without_counts_an_answer_is_as_it_was(graph: GraphStore) -> None:
    answer = ask(graph, "both", node=MART).to_dict()
    assert ("datasets" in answer, {"columnCount", "moreUpstream"} & set(answer["nodes"][0])) == (False, set())


def test_what_lies_behind_is_as_of_the_same_time(graph: GraphStore) -> None:
    contributed = edge("madeBy", MART, "plan:0", validFrom=500, validTo=900, certain=True, onlyColumns="")
    graph.apply(
        GraphDelta((vertex("plan:0", "plan", name="nightly", job=JOB, target=MART, effect="all"),), (contributed,))
    )
    for time, more in (("1970-01-01T00:00:00.700Z", 1), ("1970-01-01T00:00:00.950Z", 0)):
        (mart,) = ask(graph, "both", node=MART, depth=0, counts="true", asOf=time).datasets
        assert (mart.moreUpstream, mart.moreDownstream) == (more, 0)


def test_the_latest_runs_of_all_jobs_come_newest_first(graph: GraphStore) -> None:
    found = rows(graph, "latest-runs")
    assert [(row["id"], row["job"], row["target"], row["status"]) for row in found] == [
        ("run:2", JOB, MART, "failed"),
        ("run:1", JOB, MART, "success"),
    ]
    assert [row["error"] for row in rows(graph, "latest-runs", status="failed")] == ["IOException: full"]
    names = [row["id"] for row in found]
    for job, expected in (("nightly", names), ("glue/n*y", names), ("*ly", names), ("night*", []), ("weekly", [])):
        assert [row["id"] for row in rows(graph, "latest-runs", job=job)] == expected, job
    assert [row["id"] for row in rows(graph, "latest-runs", since="1970-01-01T00:00:02Z")] == names[:1]
    page = run("latest-runs", graph.g, {"limit": 1}).to_dict()
    assert (len(page["rows"]), page["next"]) == (1, "1")


def test_the_latest_changes_are_datasets_jobs_and_logics_that_are_new(graph: GraphStore) -> None:
    later = [
        vertex("plan:3", "plan", name="nightly", job=JOB, target=MART, effect="all"),
        vertex("plan:4", "plan", name="other", job="job:glue/other", target=MART, effect="keep"),
        vertex("job:glue/other", "job", name="other", namespace="glue"),
        vertex("run:3", "run", timestamp=3_000, status="success"),
        vertex("run:4", "run", timestamp=4_000, status="success"),
    ]
    graph.apply(GraphDelta(tuple(later), (edge("executes", "run:3", "plan:3"), edge("executes", "run:4", "plan:4"))))
    found = [(row["at"], row["kind"], row["plan"], row["before"]) for row in rows(graph, "latest-changes")]
    assert found == [
        (4_000, "new job", "plan:4", None),
        (3_000, "new logic", "plan:3", PLAN),
        (1_000, "new dataset", PLAN, None),  # NEXT_PLAN has not run
    ]
    assert NEXT_PLAN not in {plan for _, _, plan, _ in found}


def test_tags_owners_and_runs_are_found_by_name(graph: GraphStore) -> None:
    made = [
        vertex("tag:owner=Anna Muster", "tag", name="owner=Anna Muster"),
        vertex("run:9", "run", timestamp=9_000, status="success", appId="application_17_0042", jobRun="jr_abc"),
    ]
    graph.apply(GraphDelta(tuple(made), (edge("executes", "run:9", PLAN),)))
    for asked, label, match in (
        ("muster", "tag", "substring"),
        ("jr_abc", "run", "exact"),
        ("application_17", "run", "prefix"),
    ):
        (row,) = rows(graph, "search", q=asked)
        assert (row["label"], row["match"]) == (label, match)
    (row,) = rows(graph, "search", q="jr_abc")
    assert (row["id"], row["name"], row["dataset"]) == ("run:9", "nightly", MART)


def test_a_sentence_says_where_a_node_comes_from(graph: GraphStore) -> None:
    (row,) = rows(graph, "in-words", node=f"{REPORT}#total")
    assert row["sentence"] == (
        "total is copied from revenue of mart/orders, where it is computed over many rows from price and quantity of "
        "items: sum(price * quantity)."
    )
    (row,) = rows(graph, "in-words", node=MART)
    assert row["sentence"] == "orders is written by nightly from items."


def test_one_dataset_is_described_alone(graph: GraphStore) -> None:
    assert [(row["id"], row["columns"]) for row in rows(graph, "datasets", dataset="shop.orders")] == [(MART, 2)]
    assert len(rows(graph, "datasets")) == 3


STRICT = "s3://lake/mart/strict_orders"


@pytest.fixture
def failing(graph: GraphStore) -> GraphStore:
    """A job of two logics that write one dataset, and a third onto one that others wrote: all of their runs failed."""
    targets = {"plan:5": STRICT, "plan:6": STRICT, "plan:7": MART}
    plans = [vertex(plan, "plan", name="strict", job=JOB, target=uri) for plan, uri in targets.items()]
    runs = [vertex(f"run:{at}", "run", timestamp=at * 1_000, status="failed", error=f"reason {at}") for at in (5, 6, 7)]
    edges = [edge(label, *ends) for at in (5, 6, 7) for label, ends in _of(at)]
    graph.apply(GraphDelta((*plans, *runs), tuple(edges)))
    return graph


def _of(at: int) -> list[tuple[str, tuple[str, str]]]:
    return [("hasPlan", (JOB, f"plan:{at}")), ("executes", (f"run:{at}", f"plan:{at}"))]


@pytest.mark.parametrize("asked", [STRICT, f"{STRICT}#revenue", "s3a://lake/mart/strict_orders/", "mart/strict_orders"])
def test_a_dataset_whose_every_write_failed_is_told_with_the_last_reason(failing: GraphStore, asked: str) -> None:
    with pytest.raises(
        NothingWritten, match=r"no write of 's3://lake/mart/strict_orders' succeeded; .*reason 6"
    ) as said:
        run("lineage", failing.g, {"node": asked})
    assert said.value.to_dict() == {
        "error": said.value.message,
        "field": "node",
        "suggestions": [],
        "run": "run:6",
        "job": JOB,
    }
    with pytest.raises(NodeNotFound, match="there is no dataset"):
        run("columns", failing.g, {"dataset": "s3://lake/mart/other"})


def test_a_search_finds_what_was_never_written_once_and_no_other(failing: GraphStore) -> None:
    found = rows(failing, "search", q="Strict")
    assert [(row["id"], row["label"], row["dataset"]) for row in found] == [(STRICT, "never written", STRICT)]
    assert [row["id"] for row in rows(failing, "search", q="mart/orders")] == [MART]


def test_a_job_says_how_many_runs_of_each_logic_failed(failing: GraphStore) -> None:
    found = {row["id"]: (row["runs"], row["failed"]) for row in rows(failing, "plans", job=JOB)}
    assert found == {PLAN: (2, 1), NEXT_PLAN: (0, 0), "plan:5": (1, 1), "plan:6": (1, 1), "plan:7": (1, 1)}


@pytest.mark.parametrize(
    "q",
    [
        "customer",
        "who bought",
        "s",
        "a",
        "o",
        "ORDERS",
        "price",
        "pRI",
        "reven",
        "mart/",
        "s3://lake",
        f"{MART}#rev",
        "run:",
        "strict",
        "orders mart",
        "revenue orders",
        "lake strict",
    ],
)
def test_the_first_page_is_that_of_a_search_stage_by_stage(failing: GraphStore, q: str) -> None:
    """What is found at once is in the order of the stages, and goes on where the next page begins."""
    called = {MART: "Customer orders", RAW: "Items of customer orders", f"{MART}#revenue": "Who Bought"}
    for node, name in called.items():
        facts = [{"key": "businessName", "value": name, "source": "datazone", "scope": "d", "at": 1}]
        label = "column" if "#" in node else "dataset"
        said = vertex(node, label, facts=json.dumps(facts), businessNames=name.lower())
        failing.apply(GraphDelta((said,), ()))
    whole = rows(failing, "search", q=q, next="0.0")
    assert rows(failing, "search", q=q) == whole
    for limit in (1, 3, 4):
        first = run("search", failing.g, {"q": q, "limit": limit})
        assert isinstance(first, Table)
        more = rows(failing, "search", q=q, next=first.next) if first.next else []
        assert [*first.rows, *more] == whole
