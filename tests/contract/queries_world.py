"""A small lake for the tests of the queries: raw items, orders made of them, a report; with jobs, plans and runs."""

from __future__ import annotations

from typing import Any

from headwater.graphmodel.delta import Edge, GraphDelta, Vertex, edge, vertex
from headwater.graphmodel.ids import column_id
from headwater.graphstore import GraphStore
from headwater.queries.answers.answer import Answer, Table
from headwater.queries.catalogue.catalogue import run

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


def ask(store: GraphStore, query: str, **given: object) -> Answer:
    answer = run(query, store.g, given)
    assert isinstance(answer, Answer)
    return answer


def rows(store: GraphStore, query: str, **given: object) -> list[dict[str, Any]]:
    table = run(query, store.g, given)
    assert isinstance(table, Table)
    assert all(tuple(row) == table.columns for row in table.rows)
    return [dict(row) for row in table.rows]
