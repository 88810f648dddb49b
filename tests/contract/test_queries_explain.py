"""Why an edge is there, why names are one, and the runs behind an id, on every store."""

from __future__ import annotations

import pytest

from headwater.graphstore import GraphStore
from tests.contract.queries_world import JOB, MART, PLAN, RAW, pipeline, rows

REVENUE, PRICE = f"{MART}#revenue", f"{RAW}#price"


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    store.apply(pipeline())
    return store


def test_an_edge_is_explained_by_its_rule_its_plan_and_its_runs(graph: GraphStore) -> None:
    assert rows(graph, "explain", node=REVENUE, source=PRICE) == [
        {
            "what": "edge",
            "target": REVENUE,
            "source": PRICE,
            "type": "DIRECT",
            "subtype": "AGGREGATION",
            "rule": "made of many of its values: over a group or a window",
            "expression": "sum(price * quantity)",
            "holds": "now",
            "job": JOB,
            "plan": PLAN,
            "agentPlanIds": [],
            "runs": 2,
            "firstRun": 1_000,
            "lastRun": 2_000,
        }
    ]


def test_all_edges_of_a_node_with_those_of_the_past_and_its_other_names(graph: GraphStore) -> None:
    found = rows(graph, "explain", node=REVENUE)
    edges = {(row["source"].removeprefix("s3://lake/"), row["type"], row["holds"]) for row in found if row["job"]}
    assert edges == {
        ("raw/items#price", "DIRECT", "now"),
        ("raw/items#quantity", "DIRECT", "now"),
        ("mart/orders#revenue", "DIRECT", "now"),  # carried
        ("raw/items#status", "INDIRECT", "now"),  # the whole output depends on it
        ("raw/items#status", "DIRECT", "not any more"),
    }
    assert [row["source"] for row in found if row["what"] == "name"] == ["both", "shop.orders"]
    assert any(str(row["rule"]).startswith("the rows that a MERGE") for row in found)


def test_a_dataset_whose_columns_are_told_is_not_called_unexplained(graph: GraphStore) -> None:
    told = {row["rule"] for row in rows(graph, "explain", node=MART, source=RAW)}
    assert [rule[:37] for rule in told] == ["columns of it are made of columns of "]


def test_the_runs_of_an_id(graph: GraphStore) -> None:
    (run,) = rows(graph, "find-runs", id="run:1")
    assert (run["job"], run["plan"], run["target"], run["status"]) == (JOB, PLAN, MART, "success")
