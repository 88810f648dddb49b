"""Questions that nobody waits for are stopped, questions without end are too, and too many are told to come again."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from headwater.graphstore import open_store
from headwater.ingest.folder.service import Service
from headwater.ingest.folder.stopping import Abandoned, Check, stoppable
from headwater.ingest.http import api
from headwater.ingest.http.auth import Access, check_requests
from headwater.ingest.http.serving import LimitedSite, answer_errors, listen, make_runner
from headwater.ingest.process import forwarding

PATIENCE = 60


async def test_a_question_ends_when_its_client_is_gone(tmp_path: Path) -> None:
    """Through the server, in the graph's process, down to the next step of the work."""
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    lane = api._Lane(1, "test")

    def work(check: Check) -> web.Response:
        begun.set()
        go_on.wait(PATIENCE)
        try:
            while True:  # each step asks whether the answer is still wanted
                check()
        finally:
            ended.set()

    async def ask(_: web.Request) -> web.Response:
        return await lane.run(work)

    async def other(_: web.Request) -> web.Response:
        return await lane.run(lambda _check: web.Response(text="answered"))

    worker = web.Application()
    worker.router.add_get("/api/endless", ask)
    worker.router.add_get("/api/other", other)
    runner = make_runner(worker, cancels=True)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "graph")).start()
    app = web.Application(middlewares=[answer_errors, check_requests(Access())])
    forwarding.add_routes(app, tmp_path / "graph")
    try:
        async with TestClient(TestServer(app)) as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
            writer.write(b"GET /api/endless HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert await asyncio.to_thread(begun.wait, PATIENCE)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            go_on.set()
            assert await asyncio.to_thread(ended.wait, PATIENCE)
            assert await (await client.get("/api/other")).text() == "answered"
    finally:
        await runner.cleanup()
        lane.close()


async def test_an_answer_of_any_size_is_passed_on_whole(tmp_path: Path) -> None:
    body = bytes(range(256)) * 20_000

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    worker = web.Application()
    worker.router.add_get("/api/large", large)
    runner = make_runner(worker, cancels=True)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "graph")).start()
    app = web.Application(middlewares=[answer_errors, check_requests(Access())])
    forwarding.add_routes(app, tmp_path / "graph")
    try:
        async with TestClient(TestServer(app)) as client:
            answer = await client.get("/api/large")
            assert await answer.read() == body
            assert answer.content_length == len(body)
            headed = await client.head("/api/large")
            assert (headed.status, await headed.read()) == (200, b"")
    finally:
        await runner.cleanup()


async def test_one_question_too_many_is_told_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_MOST_QUESTIONS", 2)
    go_on = threading.Event()
    with Service.open(tmp_path / "data") as service:
        app = web.Application(middlewares=[answer_errors])
        api.add_routes(app, service)
        async with TestClient(TestServer(app)) as client:
            lane = app[api._READERS]
            held = [asyncio.ensure_future(lane.run(lambda _: go_on.wait(PATIENCE))) for _ in range(2)]
            await asyncio.sleep(0)
            refused = await client.get("/api/v1/stats")
            assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
            assert "questions are under way" in (await refused.json())["error"]
            go_on.set()
            await asyncio.gather(*held)
            assert (await client.get("/api/v1/stats")).status == 200


async def test_a_question_that_is_abandoned_while_it_waits_is_never_begun() -> None:
    lane = api._Lane(1, "test")
    go_on, begun = threading.Event(), list[str]()
    first = asyncio.ensure_future(lane.run(lambda _: go_on.wait(PATIENCE)))
    second = asyncio.ensure_future(lane.run(lambda _: begun.append("second")))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    go_on.set()
    await first
    await lane.run(lambda _: begun.append("third"))
    assert begun == ["third"]
    lane.close()


def test_a_question_is_stopped_between_two_requests_to_the_store(tmp_path: Path) -> None:
    asked = []

    def check() -> None:
        asked.append("asked")
        if len(asked) > 1:
            raise Abandoned

    with open_store(f"embedded:{tmp_path / 'graph'}") as store:
        g = stoppable(store.g, check)
        assert g.V().to_list() == []
        with pytest.raises(Abandoned):
            g.V().to_list()
        assert store.g.V().to_list() == []  # the source itself is as it was


async def test_a_404_says_what_the_graph_has_not_seen_yet(tmp_path: Path) -> None:
    from tests.contract.test_projector import PIPELINE, recorded

    with Service.open(tmp_path / "data") as service:
        app = web.Application(middlewares=[answer_errors])
        api.add_routes(app, service)
        async with TestClient(TestServer(app)) as client:
            path = "/api/v1/lineage?node=s3://lake/none"
            known = await (await client.get(path)).json()
            assert "lag" not in known
            service.ledger.append(recorded(PIPELINE[0]))
            answer = await client.get(path)
            said = await answer.json()
            assert (answer.status, said["lag"]) == (404, 2)
            assert said["error"].endswith(" (2 entries are not yet in the graph)")


async def test_a_connection_too_many_is_refused_and_a_closed_one_makes_room() -> None:
    async def told(_: web.Request) -> web.Response:
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/", told)
    runner = make_runner(app)
    await runner.setup()
    listening = listen("127.0.0.1", 0)
    await LimitedSite(runner, listening, 2).start()
    port = listening.getsockname()[1]

    async def asked() -> tuple[bytes, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return await reader.readline(), writer

    try:
        kept = [await asked() for _ in range(2)]
        assert [line.split()[1] for line, _ in kept] == [b"200", b"200"]
        line, refused = await asked()
        assert line.split()[1] == b"503"
        refused.close()
        kept[0][1].close()
        while (status := (answer := await asked())[0].split()[1]) == b"503":
            answer[1].close()
        assert status == b"200"
        for _, writer in (kept[1], answer):
            writer.close()
    finally:
        await runner.cleanup()
        listening.close()


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, "/api/v1/x", 403),
        (
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
            "/api/v1/x",
            403,
        ),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, "/", 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, "/", 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, "/api/v1/x", 200),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, "/api/v1/x", 200),  # typed by hand
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://friend"}, "/api/v1/x", 200),
        ({}, "/api/v1/x", 200),  # no browser
    ],
)
async def test_pages_of_other_sites_ask_nothing(headers: dict[str, str], path: str, status: int) -> None:
    async def told(_: web.Request) -> web.Response:
        return web.Response(text="here")

    app = web.Application(middlewares=[answer_errors, check_requests(Access(origins=frozenset({"https://friend"})))])
    app.router.add_get("/", told)
    app.router.add_get("/api/v1/x", told)
    async with TestClient(TestServer(app)) as client:
        assert (await client.get(path, headers=headers)).status == status
