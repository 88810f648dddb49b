"""The one shape of an answer, on its way out as JSON and back in at a client."""

from __future__ import annotations

import json

import pytest

from headwater.queries.answers.answer import Answer, Edge, Node, Table
from headwater.queries.answers.impact import Impact, totals
from headwater.queries.answers.paths import Paths
from headwater.queries.answers.shapes import SHAPES, Result, result_of
from headwater.queries.catalogue.catalogue import QUERIES

ROOT = "s3://lake/mart/orders#revenue"
PRICE = "s3://lake/raw/items#price"
ANSWER = Answer(
    root=ROOT,
    direction="upstream",
    depth=20,
    type="direct",
    as_of=None,
    nodes=(
        Node(ROOT, "column", "revenue", "s3://lake/mart/orders", 0, "upstream"),
        Node(PRICE, "column", "price", "s3://lake/raw/items", 1, "upstream", tags=("pii",)),
    ),
    edges=(
        Edge(PRICE, ROOT, "DIRECT", "AGGREGATION", expression="sum(price * quantity)", job="job:glue/a", plan="plan:1"),
    ),
)
#: DESIGN.md, "A lineage answer", with its order of keys.
SHAPE = """{"shape": "lineage",
 "root": "s3://lake/mart/orders#revenue", "direction": "upstream", "depth": 20, "type": "direct",
 "asOf": null,
 "nodes": [{"id": "s3://lake/mart/orders#revenue", "label": "column", "name": "revenue",
            "dataset": "s3://lake/mart/orders", "distance": 0, "direction": "upstream", "origin": null,
            "resolved": true, "expression": null, "tags": []},
           {"id": "s3://lake/raw/items#price", "label": "column", "name": "price",
            "dataset": "s3://lake/raw/items", "distance": 1, "direction": "upstream", "origin": null,
            "resolved": true, "expression": null, "tags": ["pii"]}],
 "edges": [{"source": "s3://lake/raw/items#price", "target": "s3://lake/mart/orders#revenue", "type": "DIRECT",
            "subtype": "AGGREGATION", "masking": false, "exact": true, "certain": true,
            "expression": "sum(price * quantity)", "sourceField": null, "job": "job:glue/a", "plan": "plan:1"}],
 "complete": true, "reason": null}"""


def test_an_answer_has_the_documented_keys_in_the_documented_order() -> None:
    assert json.dumps(ANSWER.to_dict()) == json.dumps(json.loads(SHAPE))


def test_only_an_edge_between_datasets_has_columns() -> None:
    assert list(Edge("a", "b", "DIRECT", "IDENTITY", columns=0).to_dict())[-1] == "columns"


IMPACT = Impact(ROOT, "drop", None, None, (), (), totals=totals(()))
PATHS = Paths(PRICE, ROOT, "direct", None)
TABLE = Table("jobs", {"limit": 1}, ("id",), ({"id": "job:glue/a"},), "1")


@pytest.mark.parametrize(
    ("answer", "shape"), [(ANSWER, "lineage"), (TABLE, "rows"), (IMPACT, "impact"), (PATHS, "paths")]
)
def test_a_client_gets_back_what_the_server_had(answer: Result, shape: str) -> None:
    sent = json.loads(json.dumps(answer.to_dict()))
    assert next(iter(sent.items())) == ("shape", shape)
    assert result_of(sent) == answer


def test_the_table_of_queries_says_the_shape_of_every_answer() -> None:
    assert {query.shape for query in QUERIES} == set(SHAPES)
    assert all(bool(query.columns) == (query.shape == "rows") for query in QUERIES)
