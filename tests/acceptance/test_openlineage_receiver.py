"""OpenLineage's clients as they are, over a socket: from POST to the graph and the answer of a question."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from headwater.cli import run
from headwater.ingest.folder.service import Service
from tests.acceptance.receiver_client import Server, running
from tests.golden.openlineage import bodies

LINEAGE, BATCH = "/api/v1/lineage", "/api/v1/lineage/batch"
TASK = ("airflow-prod/shop_daily.load_customers", "01941f29-7c00-7087-8906-40e512c257bd")
NOW = 1_796_000_000_000  # some hours after the events were recorded
JAVA = {"Content-Type": "application/json; charset=UTF-8"}
EVENT: dict[str, Any] = {
    "eventType": "COMPLETE",
    "eventTime": "2026-01-31T08:30:00.123456789Z",
    "run": {"runId": "01a22714-8253-7b84-9241-f098e08d17ae"},
    "job": {"namespace": "shop", "name": "load_orders"},
    "inputs": [{"namespace": "s3://lake", "name": "raw/orders"}],
    "outputs": [{"namespace": "s3://lake", "name": "mart/orders"}],
    "producer": "https://example.com/etl",
}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(tmp_path) as running_server:
        yield running_server


async def post(server: Server, body: bytes, path: str = LINEAGE, **headers: str) -> Any:
    return await server.request("POST", path, body, {**JAVA, **headers})


def upstream(folder: Path, node: str) -> dict[str, Any]:
    with Service.open(folder) as service:
        service.catch_up()
        assert service.parked() == []
        answer: dict[str, Any] = service.ask("upstream", [("node", node)]).to_dict()
    return answer


def sources(answer: dict[str, Any]) -> set[str]:
    return {edge["source"] for edge in answer["edges"]}


async def test_a_pipeline_that_openlineage_tells_answers_where_a_column_comes_from(tmp_path: Path) -> None:
    sent = [body for case in ("l02_stage_orders", "l03_mart_customer_orders") for body in bodies(case)]
    random.Random(1).shuffle(sent)
    async with running(tmp_path, now=NOW) as server:
        for body in sent:
            answer = await post(server, body)
            assert (answer.status, answer.body) == (201, b"")
    answer = upstream(tmp_path, "file:/data/lake/pipe/mart/customer_orders#amount_eur")
    assert "file:///data/lake/pipe/staging/orders#amount_eur" in sources(answer)
    assert "file:///data/lake/raw/shop/orders.csv#amount" in sources(answer)
    assert {edge["job"] for edge in answer["edges"]} == {
        "job:spark/pipeline.mart_customer_orders",
        "job:spark/pipeline.stage_orders",
    }


async def test_a_job_without_columns_gives_an_edge_between_datasets_that_is_not_exact(tmp_path: Path) -> None:
    async with running(tmp_path, now=NOW) as server:
        assert (await post(server, json.dumps(EVENT).encode())).status == 201
    (edge,) = upstream(tmp_path, "s3://lake/mart/orders")["edges"]
    assert (edge["source"], edge["exact"], edge["job"]) == ("s3://lake/raw/orders", False, "job:shop/load_orders")


async def test_types_counts_and_the_orchestrator_are_shown(tmp_path: Path) -> None:
    async with running(tmp_path, now=NOW) as server:
        for body in bodies("af01_airflow_parent"):
            await post(server, body)
    with Service.open(tmp_path) as service:
        service.catch_up()
        target = "file:/data/lake/af/active"
        (version,) = service.ask("dataset-versions", [("dataset", target)]).to_dict()["rows"]
        columns = service.ask("columns", [("dataset", target)]).to_dict()["rows"]
        own_name = "prod/shop_etl_daily_load.execute_insert_into_hadoop_fs_relation_command.af_active"
        (ran,) = service.ask("runs", [("job", own_name)]).to_dict()["rows"]
    assert version["rowCount"] > 0
    assert version["byteCount"] > 0
    assert {column["name"]: column["type"] for column in columns} == {"id": "integer", "surname": "string"}
    assert (ran["parentJob"], ran["parentRun"]) == TASK


#: Ways in which clients write one event: headers, body.
CLIENTS = {
    "python": ({"Content-Type": "application/json"}, json.dumps(EVENT, sort_keys=True).encode()),
    "java": (JAVA, json.dumps(EVENT).encode()),
    "gzip": ({**JAVA, "Content-Encoding": "gzip"}, gzip.compress(json.dumps(EVENT).encode())),
    "gzip before 1.44, without its header": (JAVA, gzip.compress(json.dumps(EVENT).encode())),
    "no inputs": (JAVA, json.dumps({**EVENT, "inputs": None}).encode()),
    "no outputs": (JAVA, json.dumps({k: v for k, v in EVENT.items() if k != "outputs"}).encode()),
    "no id": (JAVA, json.dumps({**EVENT, "run": {"runId": "run_id", "facets": None}}).encode()),
    "time without zone": (JAVA, json.dumps({**EVENT, "eventTime": "2026-01-31T08:30:00.1"}).encode()),
    "time with offset": (JAVA, json.dumps({**EVENT, "eventTime": "2026-01-31T08:30:00+01:00"}).encode()),
    "job": (JAVA, json.dumps({k: v for k, v in EVENT.items() if k not in ("run", "eventType")}).encode()),
    "dataset": (JAVA, json.dumps({"eventTime": EVENT["eventTime"], "dataset": EVENT["outputs"][0]}).encode()),
}


@pytest.mark.parametrize("client", CLIENTS)
async def test_every_client_gets_a_201_without_a_body(server: Server, client: str) -> None:
    headers, body = CLIENTS[client]
    answer = await server.request("POST", LINEAGE, body, headers)
    assert (answer.status, answer.body) == (201, b"")
    (entry,) = server.entries()
    assert entry.body is not None
    assert json.loads(entry.body)["eventTime"].startswith("2026-01-31T08:30")


async def test_a_chunked_body_as_java_sends_it(server: Server) -> None:
    packed = gzip.compress(json.dumps(EVENT).encode())
    head = f"POST {LINEAGE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=UTF-8\r\n"
    chunked = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in (packed[:50], packed[50:]))
    raw = f"{head}Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunked + b"0\r\n\r\n"
    assert (await server.exchange(raw)).status == 201
    assert len(server.entries()) == 1


async def test_an_event_of_five_megabytes_is_taken_beside_others(server: Server) -> None:
    sql = {"sql": {"query": "select 1 -- " + "x" * 5_000_000}}
    large = json.dumps({**EVENT, "job": {**EVENT["job"], "facets": sql}}).encode()
    answers = await asyncio.gather(post(server, large), post(server, json.dumps(EVENT).encode()))
    assert [answer.status for answer in answers] == [201, 201]
    assert max(len(entry.body or b"") for entry in server.entries()) > 5_000_000


async def test_a_batch_says_which_events_were_refused_and_keeps_the_others(server: Server) -> None:
    answer = await post(server, json.dumps([EVENT, {**EVENT, "job": {}}, 7]).encode(), BATCH)
    assert answer.status == 200
    assert json.loads(answer.text) == {
        "status": "partial_success",
        "summary": {"received": 3, "successful": 1, "failed": 2},
        "failed_events": [
            {"index": 1, "reason": "$.job.namespace: expected a string that is not empty", "retriable": False},
            {"index": 2, "reason": "$: expected an event as a JSON object", "retriable": False},
        ],
    }
    assert [json.loads(entry.body or b"") for entry in server.entries()] == [EVENT]


async def test_what_is_no_event_is_the_senders_mistake(server: Server) -> None:
    changed = ({"eventTime": "soon"}, {"eventType": "DONE"}, {"run": None})
    for body in (b"[]", b"7", *(json.dumps({**EVENT, **change}).encode() for change in changed)):
        answer = await post(server, body)
        assert answer.status == 400
        assert json.loads(answer.text)["error"].startswith("$")
    several = await post(server, json.dumps([EVENT]).encode())
    assert (several.status, "post an array to /api/v1/lineage/batch" in several.text) == (400, True)
    assert server.entries() == []


async def test_a_secret_and_a_stack_trace_never_reach_the_ledger(server: Server) -> None:
    error = {"message": "cannot read jdbc:postgresql://h/d?password=hunter2", "stackTrace": "at org.example.Secret"}
    facets = {"errorMessage": error, "spark_properties": {"properties": {"spark.app.name": "x"}}}
    sql = {"sql": {"query": "COPY t FROM 's3://b' CREDENTIALS 'aws_secret_access_key=hunter2hunter2'"}}
    event = {**EVENT, "run": {**EVENT["run"], "facets": facets}, "job": {**EVENT["job"], "facets": sql}}
    assert (await post(server, json.dumps(event).encode())).status == 201
    (entry,) = server.entries()
    assert entry.body is not None
    for secret in (b"hunter2", b"org.example"):
        assert secret not in entry.body
    assert any("stackTrace" in note for note in entry.redactions)


def test_events_in_files_are_loaded_and_what_each_run_came_to_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    lines = bodies("h01_tables_and_modes")
    (folder / "some.ndjson").write_bytes(b"\n".join(lines[:40]))
    (folder / "more.json").write_bytes(b"[" + b",".join(lines[35:]) + b"]")
    data = tmp_path / "data"
    assert run(["load", "--data", str(data), str(folder)]) == 0
    with Service.open(data) as service:
        outcomes = service.stats().outcomes
    assert (outcomes["written"], outcomes["refused"], outcomes["created"], outcomes["dropped"]) == (15, 1, 1, 1)
    assert outcomes["open"] == 3
    assert run(["estate", "--data", str(data)]) == 0
    assert "runs by OpenLineage: 15 written" in capsys.readouterr().out
