"""Lineage answers that the page draws: of the recorded pipeline, and made-up ones of any size."""

from __future__ import annotations

import functools
from typing import Any

from tests.browser.shapes import KINDS, numbers

LAKE = "file:///data/lake/pipe/"
ORDERS = f"{LAKE}mart/customer_orders"
SCORE = f"{LAKE}out/churn_by_country#avg_score"

Answer = dict[str, Any]


@functools.cache
def _example() -> Any:
    import headwater

    return headwater.example()


def recorded(node: str, **parameters: object) -> Answer:
    """The pipeline's answer to `both`, as the HTTP API has it."""
    answer: Answer = _example().query("both", node=node, **{"type": "all", "level": "column", **parameters}).to_dict()
    return answer


def column(dataset: str, name: str, **fields: object) -> dict[str, Any]:
    """A node of an answer."""
    return {
        "id": f"{dataset}#{name}",
        "label": "column",
        "name": name,
        "dataset": dataset,
        "distance": 1,
        "direction": "both",
        "origin": None,
        "resolved": True,
        "expression": None,
        "tags": [],
        **fields,
    }


def edge(source: str, target: str, **fields: object) -> dict[str, Any]:
    """An edge of an answer."""
    return {
        "source": source,
        "target": target,
        "type": "DIRECT",
        "subtype": "IDENTITY",
        "masking": False,
        "exact": True,
        "certain": True,
        "expression": None,
        "sourceField": None,
        "job": "job:spark/made",
        "plan": "plan:1",
        **fields,
    }


def answer(root: str, nodes: list[dict[str, Any]], edges: list[dict[str, Any]], **fields: object) -> Answer:
    """A complete answer in both directions."""
    return {
        "shape": "lineage",
        "root": root,
        "direction": "both",
        "depth": None,
        "type": "all",
        "asOf": None,
        "nodes": nodes,
        "edges": edges,
        "complete": True,
        "reason": None,
        **fields,
    }


def made(kind: str, count: int, *, columns: int = 10, lines: int = 4) -> Answer:
    """`count` datasets of `columns` columns; each pair has up to `lines` + 2 edges, one in eight INDIRECT."""
    below = numbers(11)
    names = [f"s3://lake/area_{number % 7}/table_{number}" for number in range(count)]
    nodes = [column(name, f"column_{number}") for name in names for number in range(columns)]
    edges: dict[tuple[str, str], dict[str, Any]] = {}
    for source, target in KINDS[kind](count, below):
        for _ in range(lines + below(3)):
            ends = (f"{names[source]}#column_{below(columns)}", f"{names[target]}#column_{below(columns)}")
            rows = {"type": "INDIRECT", "subtype": "JOIN"} if below(8) == 0 else {"job": f"job:spark/job_{target}"}
            if ends[0] != ends[1]:
                edges[ends] = edge(*ends, **rows)
    return answer(names[count // 2], nodes, list(edges.values()))


def hub(readers: int) -> Answer:
    """One table that many read, the first of them with most columns; two of the last lead on."""
    table = "s3://lake/common/customers"
    nodes = [column(table, name) for name in ("id", "name", "country")]
    edges = []
    for number in range(readers):
        reader = f"s3://lake/marts/mart_{number:03}"
        nodes += [column(reader, name) for name in ("id", "name")]
        edges.append(edge(f"{table}#id", f"{reader}#id", job=f"job:spark/mart_{number}"))
        if number < 8:
            edges.append(edge(f"{table}#name", f"{reader}#name", job=f"job:spark/mart_{number}"))
        if number >= readers - 2:
            report = f"s3://lake/reports/report_{number}"
            nodes.append(column(report, "id"))
            edges.append(edge(f"{reader}#id", f"{report}#id", job=f"job:spark/report_{number}"))
    return answer(table, nodes, edges)
