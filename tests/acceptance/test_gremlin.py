"""Unmodified Gremlin clients at a real server: what they ask and what they get, and who is let in."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from gremlin_python.driver.client import Client
from gremlin_python.driver.driver_remote_connection import DriverRemoteConnection
from gremlin_python.driver.serializer import GraphBinarySerializersV1, GraphSONSerializersV3d0
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.graph_traversal import GraphTraversalSource
from gremlin_python.process.traversal import T

from headwater.client import Client as Sender
from headwater.graphstore.allowed_steps import MAX_DEPTH
from headwater.ingest.gremlin.limits import Limits
from headwater.ingest.gremlin.text import MAX_CHARACTERS
from headwater.ingest.http.tokens import TokenStore
from headwater.ingest.process.server import DRAIN_SECONDS
from headwater.loading import through
from headwater.queries.catalogue.catalogue import QUERIES, run
from tests.acceptance.door import PATIENCE, PIPELINE, ROOT, Server, graph_process, serving

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"
RAW = "file:///data/lake/raw/shop/orders.csv#amount"
JOB = "job:spark/pipeline.features"
SERIALIZERS = {"GraphBinary": GraphBinarySerializersV1, "GraphSON": GraphSONSerializersV3d0}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("gremlin") / "data") as running:
        through(Sender(running.url), map(Path, PIPELINE), lambda _done, _total: None)
        assert running.get("/api/v1/stats?after=18")[0] == 200
        yield running


def address(server: Server) -> str:
    return f"{server.url.replace('http', 'ws')}/gremlin"


@contextmanager
def client(server: Server, serializer: str = "GraphBinary", **more: Any) -> Iterator[Client]:
    with closing(
        Client(address(server), "g", message_serializer=SERIALIZERS[serializer](), pool_size=1, **more)
    ) as made:
        yield made


@contextmanager
def source(server: Server, serializer: str, **more: Any) -> Iterator[GraphTraversalSource]:
    made = DriverRemoteConnection(
        address(server), "g", message_serializer=SERIALIZERS[serializer](), pool_size=1, **more
    )
    with closing(made) as connection:
        yield traversal().with_remote(connection)


def asked(made: Client, text: str, **more: Any) -> list[Any]:
    found: list[Any] = made.submit(text, **more).all().result()
    return found


def counted(server: Server, **headers: str) -> list[Any]:
    """The number of vertices. gremlinpython needs a thread without a loop."""
    with client(server, headers=headers) as made:
        return asked(made, "g.V().count()")


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_a_script_in_the_style_of_tinkerpops_documentation_works(serializer: str, server: Server) -> None:
    with client(server, serializer) as made, source(server, serializer) as g:
        texts = asked(made, "g.V().hasLabel('dataset').order().by(id).limit(5).elementMap()")
        steps = g.V().has_label("dataset").order().by(T.id).limit(5).element_map().to_list()
        assert texts == steps
        assert len(texts) == 5
        assert {found[T.label] for found in texts} == {"dataset"}
        bound = asked(made, "g.V(x).values('name')", bindings={"x": LAST})
        assert bound == g.V(LAST).values("name").to_list() == ["avg_score"]
        direct = "outE('derivesFrom').has('type', 'DIRECT').inV().dedup()"
        upstream = asked(made, f"g.V('{LAST}').repeat({direct}).emit().id().toSet()")
        answer = server.get(f"/api/v1/lineage?node={quote(LAST, safe='')}")[1]
        assert set(upstream) | {LAST} == {node["id"] for node in answer["nodes"]}


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_every_canned_query_answers_alike_through_the_endpoint(serializer: str, server: Server) -> None:
    run_of = server.get(f"/api/v1/queries/runs?job={quote(JOB, safe='')}")[1]["rows"][0]
    values = {"node": LAST, "q": "avg", "dataset": LAST.partition("#")[0], "job": JOB, "run": run_of["id"]}
    values |= {"plan": run_of["plan"], "from": RAW, "to": LAST, "pattern": "file:*"}
    values |= {"other": run_of["id"], "id": run_of["id"], "path": LAST.partition("#")[0]}
    with source(server, serializer) as g:
        for query in QUERIES:
            if any(parameter.name == "tag" for parameter in query.parameters):
                continue  # nothing is tagged here
            required = [p for p in query.parameters if p.required]
            given = {p.name: values[p.name] for p in required}
            labels = {label for p in required if p.name == "node" for label in p.labels}
            if labels and "column" not in labels:
                given["node"] = JOB if "job" in labels else values["dataset"]
            text = "&".join(f"{name}={quote(value, safe='')}" for name, value in given.items())
            here = json.loads(json.dumps(run(query.name, g, given).to_dict()))
            assert here == server.get(f"/api/v1/queries/{query.name}?{text}")[1], query.name


def test_the_status_is_one_that_graph_notebook_shows(server: Server) -> None:
    status, content = server.get("/status")
    assert status == 200
    assert (content["status"], content["role"]) == ("healthy", "reader")
    assert content["gremlin"]["version"].startswith("tinkerpop-3.7.")
    assert content["dbEngineVersion"].startswith("headwater-")
    assert content["startTime"].split()[4] == "UTC"


def test_what_is_no_websocket_is_told_so(server: Server) -> None:
    assert server.get("/gremlin?gremlin=g.V()") == (426, "/gremlin is a WebSocket: connect to it by a Gremlin client")
    assert server.get("/gremlin/explain")[0] == 404


@asynccontextmanager
async def socket(server: Server, **headers: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address(server), headers=headers, max_msg_size=0) as connected,
    ):
        yield connected


def request(text: str) -> str:
    """A request as a page's script would send it."""
    identity = "41d2e28a-20a4-4ab0-b379-d810dede3786"
    return json.dumps({"requestId": identity, "op": "eval", "processor": "", "args": {"gremlin": text}})


async def refused(server: Server, **headers: str) -> int:
    """The status of a handshake that fails."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        async with socket(server, **headers):
            pass
    return error.value.status


PAGE = (ROOT / "docs" / "gremlin.md").read_text()


def blocks(language: str) -> list[str]:
    """What the documentation shows in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_scripts_of_the_documentation_run(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    for script in blocks("python"):
        exec(script.replace("ws://localhost:9090/gremlin", address(server)), {})
    printed = capsys.readouterr().out
    assert sum(line.startswith("file:///data/lake/") for line in printed.splitlines()) == 5
    assert "file:///data/lake/raw/fx/rates.csv#rate_to_eur" in printed


@pytest.mark.parametrize("text", "".join(blocks("groovy")).splitlines())
def test_the_traversals_of_the_documentation_have_answers(text: str, server: Server) -> None:
    with client(server) as made:
        assert asked(made, text)


def test_the_limits_of_the_documentation_are_those_that_hold() -> None:
    limits = Limits()
    for shown in (
        f"| {limits.milliseconds // 1000} s;",
        f"| {limits.results:,} |",
        f"| {limits.answer_bytes >> 20} MiB,",
    ):
        assert shown in PAGE
    for shown in (
        f"of {limits.batch} results (`batchSize`, up to {limits.largest_batch:,})",
        f"text {MAX_CHARACTERS:,} char",
    ):
        assert shown in PAGE
    assert f"| {limits.pipelined} side by side;" in PAGE
    for number in (limits.waiting, limits.connections):
        assert f"connections | {number} |" in PAGE
    assert f"waits for nothing for {limits.idle_seconds:g} s" in PAGE
    assert f"{limits.request_bytes >> 20} MiB, a text" in PAGE
    assert f"its answer | {limits.send_seconds:g} s |" in PAGE
    assert f"{MAX_DEPTH} traversals inside" in PAGE


async def test_a_web_page_of_another_origin_cannot_read_the_graph(server: Server) -> None:
    assert await refused(server, Origin="https://evil.example") == 403
    assert await refused(server, Host="evil.example") == 421
    async with socket(server, Origin=server.url) as connected:
        await connected.send_str(request("g.V().count()"))
        answer = await connected.receive_json()
    assert answer["status"]["code"] == 200
    assert answer["requestId"] == json.loads(request(""))["requestId"]


async def test_with_tokens_a_connection_needs_one_that_may_read(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "data")
    reading, writing = store.add(["read"], "notebook"), store.add(["write"], "spark")
    with serving(tmp_path / "data") as server:
        assert server.get("/status")[0] == 401
        assert server.get("/status", Authorization=f"Bearer {reading}")[0] == 200
        assert await refused(server) == 401
        assert await refused(server, Authorization="Bearer unknown") == 401
        assert await refused(server, Authorization=f"Bearer {writing}") == 403
        assert await asyncio.to_thread(counted, server, Authorization=f"Bearer {reading}") == [0]


async def let_in(server: Server) -> bool:
    """Whether one more connection is taken, and answered."""
    try:
        async with socket(server) as connected:
            await connected.send_str(request("g.V().count()"))
            return bool((await connected.receive_json())["status"]["code"] == 200)
    except aiohttp.WSServerHandshakeError:
        await asyncio.sleep(0.1)
        return False


async def test_connections_that_stay_silent_do_not_close_the_endpoint_to_others(tmp_path: Path) -> None:
    """The one that is silent for longest is told goodbye for a new one. (That others are refused: `tests.contract`.)"""
    with serving(tmp_path / "data") as server:
        async with AsyncExitStack() as many:
            silent = [await many.enter_async_context(socket(server)) for _ in range(Limits().connections)]
            end = time.monotonic() + PATIENCE
            while not await let_in(server):
                assert time.monotonic() < end
            assert await goodbye(silent[0]) == aiohttp.WSCloseCode.GOING_AWAY


async def goodbye(connected: aiohttp.ClientWebSocketResponse) -> int:
    """The reason that the server gives."""
    message = await connected.receive()
    assert message.type is aiohttp.WSMsgType.CLOSE
    return int(message.data)


async def test_a_server_that_stops_says_goodbye(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        async with socket(server) as connected:
            assert await asyncio.to_thread(server.stop) == 0
            assert await goodbye(connected) == aiohttp.WSCloseCode.GOING_AWAY


async def filled(connected: aiohttp.ClientWebSocketResponse) -> None:
    """Until nothing more arrives at a client that does not read: all buffers on the way are full."""
    descriptor = connected.get_extra_info("socket").fileno()
    before, waiting = -1, 0
    while waiting == 0 or waiting != before:
        await asyncio.sleep(0.2)
        count = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
        before, waiting = waiting, int.from_bytes(count, sys.byteorder)


async def ended_before_the_drain(folder: Path) -> bool:
    """Whether a server with a client that does not read ends in less than the time that open requests get."""
    large = json.loads(request("g.inject(x).repeat(union(identity(), identity())).times(15)"))  # 30 MB
    large["args"] |= {"bindings": {"x": "x" * 1_000}, "batchSize": 500}
    with serving(folder) as server:
        async with socket(server) as connected:
            await connected.send_json(large)
            assert (await connected.receive_json())["status"]["code"] == 206
            await filled(connected)
            server.process.terminate()
            try:
                return await asyncio.to_thread(server.process.wait, DRAIN_SECONDS) == 0
            except subprocess.TimeoutExpired:
                return False


async def test_a_client_that_does_not_read_is_not_waited_for(tmp_path: Path) -> None:
    for number in range(3):  # one that waits for it never ends sooner; one that does not may be late on a busy machine
        if await ended_before_the_drain(tmp_path / f"data{number}"):
            return
    pytest.fail("the server ended only when the time of open requests was over")


async def test_a_connection_ends_with_the_graphs_process_and_the_next_one_works(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        async with socket(server) as connected:
            os.kill(graph_process(server), signal.SIGKILL)
            assert await goodbye(connected) == aiohttp.WSCloseCode.SERVICE_RESTART
        while (status := server.get("/status")[0]) == 503:
            time.sleep(0.05)  # noqa: ASYNC251 - until it is there again; nothing else runs here
        assert status == 200
        assert await asyncio.to_thread(counted, server) == [0]
