"""OpenLineage's own Python client, synchronous and asynchronous, packed or not, sends a run over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset

from headwater.ingest.folder.service import Service
from tests.acceptance.door import PATIENCE
from tests.acceptance.receiver_client import running

NOW = 1_796_000_000_000
RUN = "01a22714-8253-7b84-9241-f098e08d17ae"
LAKE = "s3://lake"


def run_events() -> list[RunEvent]:
    summed = column_lineage_dataset.Transformation(
        type="DIRECT", subtype="AGGREGATION", description="sum(amount)", masking=False
    )
    source = column_lineage_dataset.InputField(
        namespace=LAKE, name="raw/orders", field="amount", transformations=[summed]
    )
    facets: dict[str, Any] = {
        "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(
            fields={"total": column_lineage_dataset.Fields(inputFields=[source])}
        ),
        "schema": schema_dataset.SchemaDatasetFacet(
            fields=[schema_dataset.SchemaDatasetFacetFields(name="total", type="double")]
        ),
    }
    both: dict[str, Any] = {
        "job": Job(namespace="etl", name="revenue"),
        "run": Run(runId=RUN),
        "producer": "https://x.y",
    }
    return [
        RunEvent(eventTime="2026-01-31T08:30:00Z", eventType=RunState.START, **both),
        RunEvent(
            eventTime="2026-01-31T08:31:00Z",
            eventType=RunState.COMPLETE,
            inputs=[InputDataset(namespace=LAKE, name="raw/orders")],
            outputs=[OutputDataset(namespace=LAKE, name="mart/revenue", facets=facets)],
            **both,
        ),
    ]


def send(transport: dict[str, Any]) -> None:
    client = OpenLineageClient(config={"transport": transport})
    for event in run_events():
        client.emit(event)
    client.close(timeout=PATIENCE)


@pytest.mark.parametrize(
    "transport", [{"type": "http"}, {"type": "http", "compression": "gzip"}, {"type": "async_http"}], ids=str
)
async def test_a_run_of_the_python_client_is_in_the_graph(transport: dict[str, Any], tmp_path: Path) -> None:
    async with running(tmp_path, now=NOW) as server:
        await asyncio.to_thread(send, {**transport, "url": f"http://127.0.0.1:{server.port}"})
        assert [entry.kind for entry in server.entries()] == ["openlineage.event"] * 2
    with Service.open(tmp_path) as service:
        service.catch_up()
        (edge,) = service.ask("upstream", [("node", f"{LAKE}/mart/revenue#total")]).to_dict()["edges"]
        (column,) = service.ask("columns", [("dataset", f"{LAKE}/mart/revenue")]).to_dict()["rows"]
    assert (edge["source"], edge["subtype"], edge["exact"]) == (f"{LAKE}/raw/orders#amount", "AGGREGATION", True)
    assert edge["expression"] == "sum(amount)"
    assert column["type"] == "double"
