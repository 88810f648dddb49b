"""Servers that only read a graph, on a real Gremlin Server: several answer alike, and say what they cannot know."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from gremlin_python.driver.client import Client as GremlinClient

from headwater.graphstore import open_store
from headwater.ingest.folder.reader import Reader
from headwater.ingest.folder.service import Service
from headwater.ingest.graph.mark import announce_rebuild, read_mark
from headwater.ingest.http.auth import Access
from headwater.ingest.http.tokens import TokenStore
from headwater.ingest.intake.bridge import Receipt
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.process import emf
from headwater.ingest.process.reading_server import application
from headwater.ingest.process.server import ServerSettings
from headwater.queries.answers.errors import GraphRebuilding
from tests.faults.world import elements
from tests.golden.recorded import payloads
from tests.gremlin_server.relay import Relay
from tests.gremlin_server.server import Server

FIRST, SECOND = payloads("l01_stage_customers"), payloads("l03_mart_customer_orders")
KINDS = {"plan": "spline.plan", "event": "spline.events"}
Client = TestClient[web.Request, web.Application]


def bring(service: Service, sent: Any) -> int:
    for one in sent:
        service.ledger.append(list(BRIDGES[KINDS[one.kind]].accept(one.content_type, one.body, Receipt()).entries))
    service.catch_up()
    return service.ledger.head().sequence


@pytest.fixture
def url(gremlin_server: Server) -> str:
    url = gremlin_server.url("single", 2)
    with open_store(url) as store:
        store.clear()
    return url


@pytest.fixture
def writer(url: str, tmp_path: Path) -> Iterator[Service]:
    with Service.open(tmp_path / "data", url) as service:
        bring(service, FIRST)
        yield service


@pytest.fixture
def reader(writer: Service, url: str, tmp_path: Path) -> Iterator[Reader]:
    opened = Reader.at(url, tmp_path / "nothing")
    yield opened
    opened.close()


@asynccontextmanager
async def answering(reader: Reader, access: Access | None = None, send_to: str | None = None) -> AsyncIterator[Client]:
    app = application(reader, access or Access(), ServerSettings(reader.folder), send_to)
    async with TestClient(TestServer(app, skip_url_asserts=True)) as client:
        yield client


def a_dataset(service: Service) -> str:
    return str(min(service.store.g.V().has_label("dataset").id_().to_list()))


async def test_two_readers_answer_as_the_one_that_writes(
    reader: Reader, writer: Service, url: str, tmp_path: Path
) -> None:
    node = a_dataset(writer)
    asked = {"node": node, "direction": "both"}
    expected = writer.ask("lineage", asked).to_dict()
    assert expected["complete"]
    other = Reader.at(url, tmp_path / "nothing")
    try:
        for one in (reader, other):
            async with answering(one) as client:
                assert await (await client.get("/api/v1/lineage", params=asked)).json() == expected
                jobs = await (await client.get("/api/v1/queries/jobs")).json()
                assert jobs == writer.ask("jobs", {}).to_dict()
                stats = await (await client.get("/api/v1/stats")).json()
                assert stats["vertices"] == dict(writer.stats().vertices)
                assert [stats[name] for name in ("entries", "lag", "parked", "waiting")] == [2, None, None, None]
                assert (await client.get("/")).status == 200
                assert (await client.get("/health")).status == 200
    finally:
        other.close()
    assert not (tmp_path / "nothing").exists()


async def test_what_is_written_later_is_seen_and_waited_for(reader: Reader, writer: Service) -> None:
    async with answering(reader) as client:
        ready = await (await client.get("/ready")).json()
        assert ready == {"status": "ready", "entries": 2, "lag": None, "rebuilding": False}
        last = bring(writer, SECOND)
        found = await (await client.get("/api/v1/queries/jobs", params={"after": str(last)})).json()
        assert found == writer.ask("jobs", {}).to_dict()
        assert (await (await client.get("/ready")).json())["entries"] == last


async def test_a_rebuild_is_told_and_no_answer_is_called_complete(reader: Reader, writer: Service) -> None:
    node = a_dataset(writer)
    announce_rebuild(writer.store, 2)
    async with answering(reader) as client:
        answer = await (await client.get("/api/v1/lineage", params={"node": node})).json()
        assert (answer["complete"], answer["reason"]) == (False, "rebuilding")
        assert (await client.get("/api/v1/lineage", params={"node": "s3://no/such"})).status == 503
        assert (await (await client.get("/ready")).json())["rebuilding"] is True


async def test_nothing_is_received_and_the_sentence_says_where_to_send(reader: Reader) -> None:
    paths = ["/producer/execution-plans", "/producer/execution-events", "/producer/x", "/api/v1/lineage"]
    paths += ["/api/v1/lineage/batch", "/api/v1/statements", "/api/v1/statements/snapshots"]
    async with answering(reader, send_to="https://receiver.example.com") as client:
        for path in paths:
            answer = await client.post(path, json={})
            assert (answer.status, "send to https://receiver.example.com" in await answer.text()) == (405, True), path
        assert (await client.head("/producer/status")).status == 404
    async with answering(reader) as client:
        assert "headwater receive" in await (await client.post("/producer/execution-plans", json={})).text()


async def test_what_only_the_ledger_knows_is_refused_in_one_sentence(reader: Reader, writer: Service) -> None:
    plan = str(writer.store.g.V().has_label("plan").id_().next())
    async with answering(reader) as client:
        for path, parameters in (
            ("/api/v1/plan-types", {"plan": plan}),
            ("/api/v1/plan-entry", {"plan": plan}),
            ("/api/v1/column-types", {"dataset": a_dataset(writer)}),
            ("/api/v1/name-entry", {"name": "a", "dataset": "b"}),
            ("/api/v1/snapshots", {"source": "x"}),
            ("/api/v1/parked", {}),
            ("/consumer/execution-plans", {}),
        ):
            answer = await client.get(path, params=parameters)
            assert (answer.status, "only reads the graph" in await answer.text()) == (400, True), path
        assert (await client.post("/api/v1/parked/retry")).status == 400
        assert (await (await client.get("/api/v1/erased")).json()) == {"entry": 0}


async def test_metrics_say_how_far_the_graph_is_and_nothing_else(
    reader: Reader, writer: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How far it lags behind the ledger is a difference: that of the writer's entries and the reader's."""
    async with answering(reader) as client:
        first = bring(writer, SECOND)
        answer = await client.get("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        values = [line for line in (await answer.text()).splitlines() if not line.startswith("#")]
        assert values == [f"headwater_graph_entries {float(first)}", "headwater_graph_rebuilding 0.0"]
        announce_rebuild(writer.store, first)
        assert "headwater_graph_rebuilding 1.0" in await (await client.get("/metrics")).text()
        out = io.StringIO()
        monkeypatch.setenv(emf.METRICS, "emf")
        with emf.telling({"reader": partial(emf.of_service, reader)}, out=out):
            pass
        said = json.loads(out.getvalue())
        assert (said["Part"], said["GraphEntries"], said["GraphRebuilding"]) == ("reader", 0, 1)


async def test_a_store_that_is_away_has_no_metrics(
    writer: Service, url: str, gremlin_server: Server, tmp_path: Path
) -> None:
    """Figures of before would say that all is well."""
    with Relay(gremlin_server.port) as relay:
        relay.open()
        reader = Reader.at(url.replace(str(gremlin_server.port), str(relay.port)), tmp_path / "nothing")
        try:
            async with answering(reader) as client:
                assert (await client.get("/metrics")).status == 200
                relay.shut()
                assert [(await client.get(path)).status for path in ("/metrics", "/ready", "/health")] == [
                    503,
                    503,
                    200,
                ]
        finally:
            reader.close()


async def test_tokens_decide_as_in_a_server(reader: Reader, tmp_path: Path) -> None:
    tokens = TokenStore(tmp_path / "tokens")
    read, write = tokens.add(["read"], "anna"), tokens.add(["write"], "glue")
    async with answering(reader, Access(tokens, required=True)) as client:
        statuses = [
            (await client.get("/api/v1/queries/jobs", headers={"Authorization": f"Bearer {token}"})).status
            for token in (read, write, "no")
        ]
        assert statuses == [200, 403, 401]
        sent = await client.post("/producer/execution-plans", json={}, headers={"Authorization": f"Bearer {write}"})
        assert (sent.status, (await client.post("/producer/execution-plans", json={})).status) == (405, 401)
        assert (await client.get("/ready")).status == 200


def test_a_store_without_a_graph_is_not_ready(url: str, tmp_path: Path) -> None:
    reader = Reader.at(url, tmp_path)
    try:
        with pytest.raises(GraphRebuilding, match="no graph"):
            reader.ready_facts()
    finally:
        reader.close()


def test_a_mark_that_was_cut_off_is_one_of_a_graph_to_be_drawn_anew(url: str, tmp_path: Path) -> None:
    """A server without transactions may end between removing a property and setting it anew."""
    address, _, source = url.partition("?g=")
    with Service.open(tmp_path / "data", url) as service:
        bring(service, FIRST)
        whole = elements(service.store)
    with closing(GremlinClient(address, source)) as client:
        client.submit("g.V('ledger').properties('applied').drop()").all().result()
    with open_store(url, readonly=True) as store:
        assert (read_mark(store).applied, read_mark(store).is_whole) == (0, False)
    with Service.open(tmp_path / "data", url) as service:
        service.catch_up()
        assert (elements(service.store), read_mark(service.store).is_whole) == (whole, True)
