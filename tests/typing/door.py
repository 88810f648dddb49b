"""The types of what users call, as a type checker sees them; never run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd
from typing_extensions import assert_type

import headwater as hw
import headwater.spark
from headwater.queries.answers.answer import Edge, Node

assert_type(hw.__version__, str)

with hw.open() as graph:
    assert_type(graph, hw.Graph)

graph = hw.open(Path("data"), store="embedded:graph")
graph = hw.open(server="http://localhost:9090")

lineage = graph.upstream("s3://lake/mart/orders#revenue", type="all", depth=3, level="column", as_of="ever", limit=10)
assert_type(lineage, hw.Lineage)
assert_type(graph.downstream("s3://lake/raw/items"), hw.Lineage)
assert_type(graph.lineage("s3://lake/raw/items", direction="both"), hw.Lineage)
assert_type(lineage.nodes, tuple[Node, ...])
assert_type(lineage.edges, tuple[Edge, ...])
assert_type(lineage.complete, bool)
assert_type(lineage.reason, str | None)
assert_type(lineage.to_pandas(), pd.DataFrame)
assert_type(lineage.to_networkx(), nx.MultiDiGraph[str])
assert_type(lineage.to_mermaid(), str)

rows = graph.search("orders", limit=5)
assert_type(rows, hw.Rows)
assert_type(rows[0], Mapping[str, Any])
assert_type(list(rows), list[Mapping[str, Any]])
assert_type(graph.datasets(next=rows.next), hw.Rows)
assert_type(graph.query("runs", job="glue/orders_daily"), hw.Lineage | hw.Rows | hw.Impact | hw.Paths | hw.Audit)
assert_type(graph.impact("s3://lake/raw/items#price", change="rename", depth=3), hw.Impact)
assert_type(graph.paths("s3://lake/raw/items#price", "s3://lake/mart/orders#revenue", ways="all"), hw.Paths)
assert_type(graph.load("lineage/", Path("plan.json")), hw.Loaded)
assert_type(graph.stats(), dict[str, Any])

graph.upstream("s3://lake/raw/items", type="some")  # type: ignore[arg-type]
graph.upstream("s3://lake/raw/items", deep=3)  # type: ignore[call-arg]
graph.lineage("s3://lake/raw/items", direction="sideways")  # type: ignore[arg-type]

try:
    graph.upstream("s3://lake/nowhere")
except hw.WrongUse as error:
    assert_type(error.suggestions, tuple[str, ...])

capture = headwater.spark.capture(object(), "http://127.0.0.1:9090", spool="s3://lake/spool", strict=True)
assert_type(capture, headwater.spark.Capture)
assert_type(capture.active, bool)
assert_type(capture.stop(5), None)
