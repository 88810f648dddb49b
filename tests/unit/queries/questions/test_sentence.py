"""Where a column comes from, in one sentence: what people read first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from headwater.queries.answers.answer import Answer, Edge, Node
from headwater.queries.questions.sentence import of_column, of_dataset

MART, RAW = "s3://lake/mart/orders", "s3://lake/raw/orders.csv"


def answer(root: str, edges: Sequence[Edge], **origin: Any) -> Answer:
    found = dict.fromkeys([root, *(end for edge in edges for end in (edge.source, edge.target))])
    nodes = tuple(Node(one, "column", one, one.partition("#")[0], 0, "upstream") for one in found)
    nodes = (replace(nodes[0], **origin), *nodes[1:])
    return Answer(root, "upstream", None, "direct", None, nodes, tuple(edges))


def edge(target: str, source: str, subtype: str, expression: str | None = None, plan: str = "plan:1") -> Edge:
    return Edge(source, target, "DIRECT", subtype, expression=expression, job="job:glue/nightly", plan=plan)


@pytest.mark.parametrize(
    ("edges", "sentence"),
    [
        (  # one function over one column
            [edge(f"{MART}#total", "s3://lake/a#price", "AGGREGATION", "sum(price)")],
            "total is the sum of price of a.",
        ),
        (  # what it counts
            [edge(f"{MART}#total", "s3://lake/a#price", "AGGREGATION", "count(DISTINCT price)")],
            "total is the number of different values of price of a.",
        ),
        (  # the target's own name is told apart by its folder
            [edge(f"{MART}#total", f"{RAW}#total", "TRANSFORMATION", "CAST(total AS decimal(10,2))")],
            "total is total of raw/orders.csv, written as decimal(10,2).",
        ),
        (  # a copy is passed over
            [
                edge(f"{MART}#total", "s3://lake/a#total", "IDENTITY", "total"),
                edge("s3://lake/a#total", "s3://lake/b#price", "AGGREGATION", "max(price)"),
            ],
            "total is copied from lake/a, where it is the largest price of b.",
        ),
        (  # a copy of a copy says no more
            [
                edge(f"{MART}#total", "s3://lake/a#total", "IDENTITY", "total"),
                edge("s3://lake/a#total", "s3://lake/b#total", "IDENTITY", "total"),
            ],
            "total is copied from total of a.",
        ),
        (  # a model
            [
                edge(f"{MART}#total", "s3://lake/p#score", "AGGREGATION", "avg(score)"),
                *(
                    edge("s3://lake/p#score", f"s3://lake/t.parquet#f{n}", "TRANSFORMATION", "functions(XModel(f))[1]")
                    for n in range(4)
                ),
            ],
            "total is the average of score, which a model computed from 4 columns of t.",
        ),
        (  # a function that nobody can read
            [edge(f"{MART}#total", "s3://lake/a#price", "TRANSFORMATION", "pythonUDF(price)")],
            "total is computed by a function of the job's own from price of a.",
        ),
        (  # anything else: its expression
            [
                edge(f"{MART}#total", "s3://lake/a#price", "TRANSFORMATION", "price * rate"),
                edge(f"{MART}#total", "s3://lake/b#rate", "TRANSFORMATION", "price * rate"),
            ],
            "total is computed from price and rate of a and b: price * rate.",
        ),
        (  # two logics hold
            [
                edge(f"{MART}#total", "s3://lake/a#price", "IDENTITY", "price"),
                edge(f"{MART}#total", "s3://lake/b#cost", "IDENTITY", "cost", "plan:2"),
            ],
            "total is written in 2 ways by nightly, from price and cost of a and b.",
        ),
        (  # two logics hold that make this column in the same way, and what it is made of too
            [
                *(edge(f"{MART}#total", "s3://lake/a#price", "AGGREGATION", "sum(price)", f"plan:{n}") for n in (1, 2)),
                *(edge("s3://lake/a#price", "s3://lake/b#price", "IDENTITY", "price", f"plan:{n}") for n in (3, 4)),
                edge("s3://lake/b#price", "s3://lake/c#net", "TRANSFORMATION", "CAST(net AS double)"),
            ],
            "total is the sum of price, which is net of c, written as double.",
        ),
        (  # two of three logics make it in the same way
            [
                edge(f"{MART}#total", "s3://lake/a#price", "AGGREGATION", expression, f"plan:{n}")
                for n, expression in enumerate(("sum(price)", "sum(price * 2)", "sum(price * 2)"))
            ],
            "total is written in 2 ways by nightly, from price of a.",
        ),
    ],
)
def test_a_column_in_one_sentence(edges: list[Edge], sentence: str) -> None:
    assert of_column(answer(f"{MART}#total", edges)) == sentence


@pytest.mark.parametrize(
    ("origin", "sentence"),
    [
        ({}, "total comes from outside: no known job writes orders from other data."),
        ({"origin": "constant", "expression": "'EUR'"}, "total always has the value 'EUR'."),
        ({"origin": "unresolved"}, "total comes from sources that its job does not tell."),
    ],
)
def test_a_column_without_sources_says_why(origin: dict[str, str], sentence: str) -> None:
    assert of_column(answer(f"{MART}#total", [], **origin)) == sentence


def test_a_cycle_of_copies_ends() -> None:
    there, back = edge("s3://lake/a#x", "s3://lake/b#x", "IDENTITY"), edge("s3://lake/b#x", "s3://lake/a#x", "IDENTITY")
    assert of_column(answer("s3://lake/a#x", [there, back])).startswith("x is copied from ")


def test_a_dataset_in_one_sentence() -> None:
    edges = [edge(MART, source, "", None) for source in (RAW, "s3://lake/rates")]
    assert of_dataset(answer(MART, edges)) == "orders is written by nightly from raw/orders.csv and rates."
    assert of_dataset(answer(RAW, [])) == "orders comes from outside: no known job writes it from other data."
