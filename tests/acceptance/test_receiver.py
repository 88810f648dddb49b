"""The real agent's exchanges, replayed; and everything that a sender can do wrong, over a socket."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from headwater.ingest.http.auth import Access, access_for
from headwater.ingest.http.receiver import Settings, create_app
from headwater.ingest.http.serving import limit_writes, make_runner
from headwater.ingest.http.tokens import TokenStore
from headwater.ingest.intake.body import Limits
from headwater.ingest.intake.bridge import Accepted
from headwater.ingest.intake.kept import Kept, KeptBodies
from headwater.ingest.intake.work import Job, OneThread
from headwater.ingest.ledger.ledger import Appended, LedgerUnavailable, NewEntry
from tests.acceptance.receiver_client import EVENTS, PLANS, V12, Server, head_of, read_answer, running

PAYLOADS = Path(__file__).parents[1] / "payloads"
CASES = sorted(path.parent.name for path in PAYLOADS.glob("*/requests.jsonl"))

PLAN_ID = "96dbe69a-7668-5f19-a99c-90eec557905a"
PLAN: dict[str, Any] = {
    "id": PLAN_ID,
    "operations": {"write": {"outputSource": "file:/out", "append": False, "id": "op-0", "childIds": []}},
    "systemInfo": {"name": "spark", "version": "3.5.9"},
}
EVENT = {"planId": PLAN_ID, "timestamp": 1795385406773}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(tmp_path) as running_server:
        yield running_server


def with_params(params: Any) -> dict[str, Any]:
    return {**PLAN, "operations": {"write": {**PLAN["operations"]["write"], "params": params}}}


# What the agent does --------------------------------------------------------------------------------------------------


async def test_the_handshake_tells_each_version_on_a_line_of_its_own(server: Server) -> None:
    answer = await server.request("HEAD", "/producer/status")
    assert answer.status == 200
    assert answer.all("ABSA-Spline-API-Version") == ["1.2", "1.1", "1"]
    assert answer.all("ABSA-Spline-API-LTS-Version") == ["1.2", "1.1"]
    assert answer.all("ABSA-Spline-Accept-Request-Encoding") == ["gzip"]


@pytest.mark.parametrize("case", CASES)
async def test_a_recorded_exchange_is_answered_as_spline_does(server: Server, case: str) -> None:
    kept = 0
    for line in (PAYLOADS / case / "requests.jsonl").read_text().splitlines():
        recorded = json.loads(line)
        headers = {name: value for name, value in recorded["headers"] if name not in ("Content-Length", "Host")}
        body = (PAYLOADS / case / recorded["file"]).read_bytes() if recorded.get("file") else b""
        sent = gzip.compress(body) if headers.get("Content-Encoding") == "gzip" else body
        if recorded["kind"] != "status" and not body:
            continue  # its server closed the connection: the body was not recorded
        answer = await server.request(recorded["method"], recorded["path"], sent, headers)
        assert answer.status == (200 if recorded["kind"] == "status" else 201)
        if recorded["kind"] == "plan":
            assert answer.text == json.dumps(json.loads(body)["id"])
            assert answer.header("Content-Type") == "application/json; charset=utf-8"
        if recorded["kind"] == "event":
            assert answer.body == b""
        if body:
            entry = server.ledger.entry(int(answer.header("Headwater-Entry") or 0))
            assert entry is not None
            assert entry.content_type == headers["Content-Type"]
            assert (entry.body == body) == (not entry.redactions)
            kept = max(kept, entry.sequence)
    assert len(server.entries()) == kept


async def test_more_events_than_one_request_may_have_are_refused(server: Server) -> None:
    answer = await server.post(EVENTS, [EVENT] * 10_001)
    assert (answer.status, answer.text) == (413, "more than 10,000 events in one request: send them in parts")
    assert server.entries() == []


async def test_the_same_plan_and_event_posted_again_change_nothing(server: Server) -> None:
    for _ in range(3):
        assert (await server.post(PLANS, PLAN)).header("Headwater-Entry") == "1"
        assert (await server.post(EVENTS, [EVENT])).header("Headwater-Entry") == "2"
    assert [entry.kind for entry in server.entries()] == ["spline.plan", "spline.events"]


async def test_two_bodies_of_one_plan_id_are_both_kept(server: Server) -> None:
    assert (await server.post(PLANS, PLAN)).status == 201
    assert (await server.post(PLANS, {**PLAN, "name": "other"})).header("Headwater-Entry") == "2"


async def test_an_event_before_its_plan_is_kept(server: Server) -> None:
    assert (await server.post(EVENTS, [EVENT])).status == 201
    assert (await server.post(PLANS, PLAN)).status == 201
    assert len(server.entries()) == 2


async def test_no_events_are_no_entry(server: Server) -> None:
    answer = await server.post(EVENTS, [])
    assert (answer.status, answer.body, answer.header("Headwater-Entry")) == (201, b"", None)
    assert server.entries() == []


async def test_a_plan_without_id_gets_the_same_one_for_the_same_bytes(server: Server) -> None:
    plan = {key: value for key, value in PLAN.items() if key != "id"}
    one, again = await server.post(PLANS, plan), await server.post(PLANS, plan)
    other = await server.post(PLANS, {**plan, "name": "x"})
    assert one.text == again.text != other.text
    assert len(json.loads(one.text)) == 36


async def test_the_answer_spells_a_plan_id_in_one_way(server: Server) -> None:
    assert (await server.post(PLANS, {**PLAN, "id": PLAN_ID.upper()})).text == json.dumps(PLAN_ID)


async def test_a_secret_does_not_reach_the_ledger_and_the_entry_says_so(server: Server) -> None:
    answer = await server.post(PLANS, with_params({"password": "hunter2", "path": "/x"}))
    assert answer.text == json.dumps(PLAN_ID)
    (entry,) = server.entries()
    assert json.loads(entry.body or b"") == with_params({"password": "*****", "path": "/x"})
    assert entry.redactions == ("$.operations.write.params.password: password",)


async def test_a_failed_run_keeps_class_and_first_line_of_its_error(server: Server) -> None:
    await server.post(EVENTS, [{**EVENT, "error": "X: no\n\tat a.b(C.java:1)"}])
    (entry,) = server.entries()
    assert json.loads(entry.body or b"") == [{**EVENT, "error": "X: no"}]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": f"{V12};charset=UTF-8"},
        {"Content-Type": f'{V12} ; charset="utf-8"'},
        {"Content-Type": V12.upper()},
        {"Content-Type": "application/vnd.absa.spline.producer.v1.1+json"},
        {"Content-Encoding": "identity"},
        {"Expect": "100-continue"},
    ],
)
async def test_what_the_standards_allow_is_taken(server: Server, headers: dict[str, str]) -> None:
    reader, writer = await server.connect()
    body = json.dumps(PLAN).encode()
    sent = {"Host": "localhost", "Content-Type": V12, "Content-Length": str(len(body)), **headers}
    writer.write(head_of("POST", PLANS, sent))
    if "Expect" in headers:
        assert (await read_answer(reader)).status == 100
    writer.write(body)
    assert (await read_answer(reader)).status == 201
    writer.close()
    assert server.entries()[0].content_type == sent["Content-Type"].partition(";")[0].strip().lower()


async def test_a_chunked_gzip_stream_of_two_members_is_taken(server: Server) -> None:
    body = json.dumps(PLAN).encode()
    packed = gzip.compress(body[:50]) + gzip.compress(body[50:])
    headers = {"Host": "[::1]:1", "Content-Type": V12, "Content-Encoding": "GZIP", "Transfer-Encoding": "chunked"}
    chunks = b"".join(
        f"{len(packed[i : i + 7]):x}\r\n".encode() + packed[i : i + 7] + b"\r\n" for i in range(0, len(packed), 7)
    )
    answer = await server.exchange(head_of("POST", PLANS, headers) + chunks + b"0\r\n\r\n")
    assert answer.status == 201
    assert server.entries()[0].body == body


async def test_many_requests_go_over_one_connection(server: Server) -> None:
    reader, writer = await server.connect()
    body = json.dumps([EVENT]).encode()
    head = head_of("POST", EVENTS, {"Host": "localhost", "Content-Type": V12, "Content-Length": str(len(body))})
    writer.write((head + body) * 5)
    assert [(await read_answer(reader)).status for _ in range(5)] == [201] * 5
    writer.close()


# What is not there ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", PLANS, 404, None),
        ("GET", "/producer/else", 404, None),
        ("HEAD", "/producer/else", 404, None),
        ("POST", "/producer/status", 405, "GET, HEAD"),
        ("PUT", PLANS, 405, "POST"),
        ("DELETE", EVENTS, 405, "POST"),
        ("POST", "/producer/else", 405, ""),
        ("PATCH", "/producer", 405, "GET, HEAD"),
    ],
)
async def test_nothing_else_is_under_producer(
    server: Server, method: str, path: str, status: int, allow: str | None
) -> None:
    answer = await server.request(method, path)
    assert (answer.status, answer.body, answer.header("Allow")) == (status, b"", allow)


# What is wrong with a request -----------------------------------------------------------------------------------------

TYPES = (
    "expected a Content-Type of application/json, application/vnd.absa.spline.producer.v1.1+json, "
    "application/vnd.absa.spline.producer.v1.2+json"
)
CHARSET = "expected the charset utf-8, the only one that JSON has"
ENCODING = "expected a Content-Encoding of gzip, or none"
NO_GZIP = "Content-Encoding says gzip, but the body is no gzip stream or is damaged"
CYCLE = "$.operations: Inconsistent entity: the operations are cyclic: op-0 -> op-0"
BODY = json.dumps(PLAN).encode()
THREE_FAULTS = """\
$.systemInfo: expected an object with name and version, got nothing
$.id: expected a UUID, got another string
$.operations.write: expected an object, got nothing"""


@pytest.mark.parametrize(
    ("headers", "body", "status", "text"),
    [
        ({"Content-Type": ""}, BODY, 415, TYPES),
        ({"Content-Type": "text/plain"}, BODY, 415, TYPES),
        ({"Content-Type": "application/vnd.absa.spline.producer.v2+json"}, BODY, 415, TYPES),
        ({"Content-Type": f"{V12};charset=latin-1"}, BODY, 415, CHARSET),
        ({"Content-Encoding": "br"}, BODY, 415, ENCODING),
        ({"Content-Encoding": "gzip, gzip"}, BODY, 415, ENCODING),
        ({"Content-Encoding": "gzip"}, BODY, 400, NO_GZIP),
        ({"Content-Encoding": "gzip"}, gzip.compress(BODY)[:-9], 400, "the gzip stream ends too early"),
        ({}, b"", 400, "$: expected JSON, got: Input is a zero-length, empty document at line 1, column 1"),
        ({}, b'{"id":"\xe9"}', 400, "$: expected JSON in UTF-8, got another byte at offset 7"),
        ({}, b'{"id":NaN}', 400, "$: expected JSON, got NaN or Infinity at line 1, column 7"),
        ({}, b"[" * 1001 + b"]" * 1001, 400, "$: expected at most 1,000 levels of nesting, got more"),
        ({}, b"[]", 400, "$: expected an execution plan, got an array"),
        ({}, BODY.replace(b'"op-0"', b"0"), 400, "$.operations.write.id: expected a string, got an integer"),
        ({}, BODY.replace(b"[]", b'["op-0"]'), 400, CYCLE),
        ({}, b'{"id":"x","operations":{}}', 400, THREE_FAULTS),
    ],
)
async def test_a_malformed_request_is_told_what_is_wrong(
    server: Server, headers: dict[str, str], body: bytes, status: int, text: str
) -> None:
    answer = await server.post(PLANS, body, headers)
    assert answer.status == status
    assert answer.text == text
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"
    assert server.entries() == []


async def test_a_body_that_says_it_is_too_large_is_refused_unread(server: Server) -> None:
    headers = {"Host": "localhost", "Content-Type": V12, "Content-Length": str(64 * 2**20 + 1)}
    answer = await server.exchange(head_of("POST", PLANS, headers) + b"{")
    assert (answer.status, answer.text) == (413, "the body has more than 67,108,864 bytes on the wire")


async def test_an_endless_chunked_body_is_refused_while_it_comes(tmp_path: Path) -> None:
    async with running(tmp_path, Settings(limits=Limits(wire_bytes=100_000))) as server:
        headers = {"Host": "localhost", "Content-Type": V12, "Transfer-Encoding": "chunked"}
        answer = await server.exchange(head_of("POST", PLANS, headers) + (b"400\r\n" + b" " * 0x400 + b"\r\n") * 100)
        assert (answer.status, answer.text) == (413, "the body has more than 100,000 bytes on the wire")


async def test_a_gzip_bomb_is_refused_while_it_unpacks(server: Server) -> None:
    bomb = b"".join(gzip.compress(b" " * 2**24, 9) for _ in range(17))  # 272 MiB in 280 KB
    answer = await server.post(PLANS, bomb, {"Content-Encoding": "gzip"})
    assert (answer.status, answer.text) == (413, "the body has more than 268,435,456 bytes unpacked")


async def test_a_plan_of_ten_megabytes_is_taken_beside_small_ones(server: Server) -> None:
    attributes = [{"id": f"attr-{n}", "name": f"column {n}", "dataType": "t" * 60} for n in range(100_000)]
    large = gzip.compress(json.dumps({**PLAN, "attributes": attributes}).encode(), 1)
    answers = await asyncio.gather(
        server.post(PLANS, large, {"Content-Encoding": "gzip"}), *(server.post(EVENTS, [EVENT]) for _ in range(20))
    )
    assert {answer.status for answer in answers} == {201}
    assert len(server.entries()) == 2


async def test_a_broken_chunk_is_refused(server: Server) -> None:
    headers = {"Host": "localhost", "Content-Type": V12, "Transfer-Encoding": "chunked"}
    answer = await server.exchange(head_of("POST", PLANS, headers) + b"zz\r\n{}\r\n0\r\n\r\n")
    assert answer.status == 400
    assert server.entries() == []


async def test_a_chunk_that_breaks_later_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, Settings(limits=Limits(idle_seconds=0.2))) as server:
        reader, writer = await server.connect()
        headers = {"Host": "localhost", "Content-Type": V12, "Transfer-Encoding": "chunked", "Expect": "100-continue"}
        writer.write(head_of("POST", PLANS, headers))
        assert (await read_answer(reader)).status == 100  # from here on the body is being read
        writer.write(b"2\r\n{}\r\nzz\r\n")
        assert (await read_answer(reader)).status in (400, 408)  # aiohttp's C parser does not tell the body's reader
        writer.close()
        assert server.entries() == []


# Clients that stall ---------------------------------------------------------------------------------------------------


async def test_a_client_that_stalls_is_given_up_and_others_are_served(tmp_path: Path) -> None:
    async with running(tmp_path, Settings(limits=Limits(idle_seconds=0.2, reading_bytes=2_000))) as server:
        reader, writer = await server.connect()
        headers = {"Host": "localhost", "Content-Type": V12, "Content-Length": "1900"}
        writer.write(head_of("POST", PLANS, headers) + b'{"id"')  # the rest never comes, and holds no room
        assert (await server.post(PLANS, PLAN)).status == 201
        answer = await read_answer(reader)
        assert (answer.status, answer.text) == (408, "the body did not arrive: nothing came for 0.2 s")
        assert answer.header("Connection") == "close"
        writer.close()
        assert (await server.post(PLANS, PLAN)).status == 201


async def test_a_client_that_sends_a_byte_now_and_then_is_given_up(tmp_path: Path) -> None:
    async with running(tmp_path, Settings(limits=Limits(idle_seconds=5, body_seconds=0.3))) as server:
        reader, writer = await server.connect()
        writer.write(head_of("POST", PLANS, {"Host": "localhost", "Content-Type": V12, "Content-Length": "1000000"}))
        answering = asyncio.ensure_future(read_answer(reader))
        while not (await asyncio.wait([answering], timeout=0.02))[0]:
            writer.write(b" ")
        assert (answering.result().status, answering.result().text) == (
            408,
            "the body did not arrive: it came too slowly",
        )
        writer.close()


@pytest.mark.parametrize(
    "sent", [b"", b"POST /producer/execution-plans HTT", b"POST /producer/status HTTP/1.1\r\nHost: x\r\n"]
)
async def test_a_client_that_never_ends_its_header_is_disconnected(server: Server, sent: bytes) -> None:
    reader, writer = await server.connect()
    writer.write(sent)
    assert await reader.read() == b""  # make_runner's time for that is 1 s here
    writer.close()


async def test_a_client_that_goes_away_half_way_leaves_nothing(server: Server) -> None:
    _, writer = await server.connect()
    writer.write(head_of("POST", PLANS, {"Host": "localhost", "Content-Type": V12, "Content-Length": "1000"}) + BODY)
    writer.write_eof()
    writer.close()
    assert (await server.post(EVENTS, [EVENT])).header("Headwater-Entry") == "1"


async def test_more_than_there_is_room_for_is_refused_for_now(tmp_path: Path) -> None:
    async with running(tmp_path, Settings(limits=Limits(reading_bytes=100))) as server:
        answer = await server.post(PLANS, PLAN)
        assert (answer.status, answer.header("Retry-After")) == (503, "5")
        assert (await server.post(EVENTS, [EVENT])).status == 201


# What was kept before ----------------------------------------------------------------------------------------------


class Counting(OneThread):
    """Does the work, and counts the bodies."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies = 0

    async def accept(self, job: Job) -> Accepted:
        self.bodies += 1
        return await super().accept(job)


async def test_a_plan_that_is_in_the_ledger_is_not_worked_on_again(tmp_path: Path) -> None:
    """A job sends its plan at each run; its bytes are enough to know it, packed or not, whoever sends them."""
    large = Counting()
    all_counted = Settings(Limits(inline_bytes=0))
    body = json.dumps({**PLAN, "name": "password=hunter2"}).encode()
    async with running(tmp_path, all_counted, large=large) as server:
        for sent, headers in ((body, {}), (gzip.compress(body, mtime=0), {"Content-Encoding": "gzip"})):
            first, second = [await server.post(PLANS, sent, headers) for _ in range(2)]
            assert (first.status, first.text) == (201, f'"{PLAN_ID}"')
            assert (first.body, first.header("Headwater-Entry")) == (second.body, second.header("Headwater-Entry"))
        assert large.bodies == 2
        assert [entry.sequence for entry in server.entries()] == [1]
        for other in (body[:-1] + b" }", gzip.compress(body, mtime=1)):  # not the same bytes
            await server.post(PLANS, other, {"Content-Encoding": "gzip"} if other[:1] == b"\x1f" else {})
        assert large.bodies == 4


async def test_a_refused_plan_is_refused_again(server: Server) -> None:
    answers = [await server.post(PLANS, {"id": PLAN_ID}) for _ in range(2)]
    assert {answer.status for answer in answers} == {400}
    assert answers[0].text == answers[1].text


def test_the_bodies_that_are_remembered_are_bounded() -> None:
    kept = KeptBodies(most=2)
    digests = [bytes([number]) for number in range(3)]
    for digest in digests[:2]:
        kept.remember(digest, Kept(digest[0], None, "", 1))
    assert kept.find(digests[0]) == Kept(0, None, "", 1)  # now the other one was not seen for longer
    kept.remember(digests[2], Kept(2, None, "", 1))
    assert [kept.find(digest) is not None for digest in digests] == [True, False, True]
    assert kept.find(None) is None


# When the ledger or we ourselves fail ---------------------------------------------------------------------------------


class FullDisk:
    """A ledger whose disk is full."""

    async def append(self, entry: NewEntry) -> Appended:
        raise LedgerUnavailable("database or disk is full")


class Faulty:
    """A ledger with a fault of ours."""

    async def append(self, entry: NewEntry) -> Appended:
        raise KeyError("jdbc:x?password=hunter2")


async def answer_of(committer: Any) -> Any:
    runner = make_runner(create_app(committer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        return await Server(runner.addresses[0][1], None).post(PLANS, PLAN)  # type: ignore[arg-type]
    finally:
        await runner.cleanup()


async def test_while_the_disk_is_full_senders_are_asked_to_try_again() -> None:
    answer = await answer_of(FullDisk())
    assert (answer.status, answer.header("Retry-After")) == (503, "5")
    assert answer.text == "the ledger cannot be written at this moment; nothing was kept, try again later"


async def test_a_fault_of_ours_has_an_id_that_the_log_knows_and_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await answer_of(Faulty())
    assert answer.status == 500
    told = json.loads(answer.text)
    assert sorted(told) == ["errorId", "message", "timestamp"]
    assert f"error {told['errorId']} at POST {PLANS}" in caplog.text
    assert "KeyError" in caplog.text
    assert "hunter2" not in caplog.text + answer.text


# Who may send ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9090", "127.0.0.1", "[::1]:9090", "localhost."])
async def test_a_loopback_name_is_known(server: Server, host: str) -> None:
    assert (await server.request("HEAD", "/producer/status", headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "host", ["evil.com", "127.0.0.1.evil.com", "localhost@evil.com", "10.0.0.7:9090", "a b", ":1", ""]
)
async def test_another_name_is_not_answered(server: Server, host: str) -> None:
    answer = await server.request("POST", PLANS, BODY, {"Host": host, "Content-Type": V12})
    assert answer.status in (400, 421)  # 400: aiohttp's own, for what is no host at all
    assert server.entries() == []


async def test_two_host_names_are_none(server: Server) -> None:
    head = head_of("HEAD", "/producer/status", {"Host": "localhost", "host": "evil.com"})
    assert (await server.exchange(head, head=True)).status in (400, 421)


async def test_a_name_that_was_allowed_is_known(tmp_path: Path) -> None:
    access = Access(hosts=frozenset({"lineage.corp"}))
    async with running(tmp_path, Settings(access=access)) as server:
        assert (await server.request("HEAD", "/producer/status", headers={"Host": "Lineage.corp:443"})).status == 200


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://localhost:9090", "localhost:9090", 201),
        ("https://localhost", "localhost", 201),  # behind a proxy that ends TLS
        ("http://[::1]:80", "[::1]", 201),
        ("https://allowed.corp", "localhost:9090", 201),
        ("http://localhost:3000", "localhost:9090", 403),
        ("http://127.0.0.1:9090", "localhost:9090", 403),
        ("http://evil.com", "localhost", 403),
        ("http://localhost.evil.com", "localhost", 403),
        ("null", "localhost", 403),
        ("file://", "localhost", 403),
        ("http://[bad", "localhost", 403),
        ("http://localhost:x", "localhost", 403),
    ],
)
async def test_pages_of_other_origins_may_not_post(tmp_path: Path, origin: str, host: str, status: int) -> None:
    access = Access(origins=frozenset({"https://allowed.corp"}))
    async with running(tmp_path, Settings(access=access)) as server:
        answer = await server.post(PLANS, PLAN, {"Origin": origin, "Host": host})
        assert answer.status == status
        assert not [name for name, _ in answer.lines if name.startswith("access-control-")]


async def hello(request: web.Request) -> web.StreamResponse:
    """A WebSocket, or a page."""
    socket = web.WebSocketResponse()
    if not socket.can_prepare(request):
        return web.Response(text="hello")
    await socket.prepare(request)
    return socket


HELLO = web.get("/gremlin", hello)
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Content-Length": "",
}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 101),  # gremlinpython sends no Origin
        ({"Origin": "http://localhost:9090"}, 101),
        ({"Origin": "http://evil.com"}, 403),
    ],
)
async def test_pages_of_other_origins_may_not_open_a_websocket(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    async with running(tmp_path, None, HELLO) as server:
        answer = await server.request("GET", "/gremlin", headers={**UPGRADE, "Host": "localhost:9090", **headers})
        assert answer.status == status


async def test_refusals_under_api_are_json(tmp_path: Path) -> None:
    async with running(tmp_path, None, web.post("/api/v1/parked", hello)) as server:
        answer = await server.request("POST", "/api/v1/parked", headers={"Origin": "http://evil.com"})
        sentence = "requests from pages of another origin (http://evil.com) are not taken"
        assert json.loads(answer.text) == {"error": sentence, "field": None, "suggestions": []}


async def test_tokens_open_what_they_were_made_for(tmp_path: Path) -> None:
    tokens = TokenStore(tmp_path / "data")
    glue, anna = tokens.add(["write"], "glue"), tokens.add(["read"], "anna")
    access = access_for("0.0.0.0", tokens)
    async with running(tmp_path / "data", Settings(access=access), HELLO) as server:
        for headers, path, status in [
            ({}, PLANS, 401),
            ({"Authorization": "Bearer hw_wrong"}, PLANS, 401),
            ({"Authorization": f"Basic {glue}"}, PLANS, 401),
            ({"Authorization": f"Bearer {anna}"}, PLANS, 403),
            ({"Authorization": f"bearer {glue}"}, PLANS, 201),
            ({"X-API-Key": glue}, EVENTS, 201),
            ({"Authorization": f"Bearer Bearer {glue}"}, EVENTS, 201),  # Airflow's provider, through Spark's listener
            ({"Authorization": "Bearer Bearer hw_wrong"}, PLANS, 401),
            ({"Authorization": "Bearer Bearer"}, PLANS, 401),
        ]:
            answer = await server.post(path, PLAN if path == PLANS else [EVENT], headers)
            assert answer.status == status
            assert (answer.header("WWW-Authenticate") or "").startswith("Bearer") == (status == 401)
        assert (await server.request("HEAD", "/producer/status")).status == 401
        assert (await server.request("GET", "/gremlin", headers={"X-API-Key": glue})).status == 403
        assert (await server.request("GET", "/gremlin", headers={"X-API-Key": anna})).status == 200
        assert {entry.sender for entry in server.entries()} == {"glue"}
        tokens.revoke("glue")
        assert (await server.post(PLANS, PLAN, {"X-API-Key": glue})).status == 401


async def test_a_known_sender_may_use_any_name_of_the_server(tmp_path: Path) -> None:
    tokens = TokenStore(tmp_path / "data")
    glue = tokens.add(["write"], "glue")
    async with running(tmp_path / "data", Settings(access=access_for("0.0.0.0", tokens))) as server:
        for headers, status in [
            ({"X-API-Key": glue}, 200),
            ({}, 421),
            ({"X-API-Key": "hw_wrong"}, 401),
        ]:
            sent = {"Host": "lineage.corp", **headers}
            assert (await server.request("HEAD", "/producer/status", headers=sent)).status == status
        answer = await server.request("GET", "/producer/status", headers={"Host": "lineage.corp"})
        assert "--allow-host" in answer.text


async def test_a_refusal_is_a_line_in_the_log_without_what_was_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = TokenStore(tmp_path / "data")
    tokens.add(["write"], "glue")
    async with running(tmp_path / "data", Settings(access=access_for("0.0.0.0", tokens))) as server:
        with caplog.at_level(logging.INFO, "headwater.ingest.http"):
            headers = {"X-API-Key": "hw_secret", "Host": "hw_host"}
            await server.request("GET", "/producer/a%0Ab?token=hw_query", headers=headers)
            await server.request("HEAD", "/producer/status", headers={"Host": "hw_host"})
    assert [record.getMessage() for record in caplog.records] == [
        "refused with 401 (Unauthorized): GET /producer/a%0Ab from 127.0.0.1",
        "refused with 421 (Misdirected Request): HEAD /producer/status from 127.0.0.1",
    ]


@pytest.mark.parametrize("path", ["/producer", "/producer/", "/producer/status"])
async def test_people_who_look_where_agents_send_get_a_sentence(server: Server, path: str) -> None:
    answer = await server.request("GET", path)
    assert (answer.status, answer.header("Content-Type")) == (200, "text/plain; charset=utf-8")
    assert answer.text.startswith("This is the Spline Producer API")
    assert answer.all("ABSA-Spline-API-Version") == ["1.2", "1.1", "1"]


async def test_on_a_laptop_the_sender_has_no_name(server: Server) -> None:
    await server.post(PLANS, PLAN, {"Authorization": "Bearer whatever"})
    assert [entry.sender for entry in server.entries()] == [None]


_TOKEN = "hw_" + "Ab3" * 14

#: requests that are no HTTP, each with a token in it
MALFORMED = {
    "a header line without a colon": f"GET /ready HTTP/1.1\r\nHost: localhost\r\nAuthorization Bearer {_TOKEN}\r\n\r\n",
    "a blank before the colon": f"GET /ready HTTP/1.1\r\nHost: localhost\r\nX-API-Key {_TOKEN} : x\r\n\r\n",
    "a control character": f"GET /ready HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {_TOKEN}\x00\r\n\r\n",
    "a header line that is too long": f"GET /ready HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {_TOKEN * 999}\r\n\r\n",
    "two lengths": f"GET / HTTP/1.1\r\nX-API-Key: {_TOKEN}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_request_is_one_line_in_the_log_without_what_was_sent(
    server: Server, sent: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = await server.exchange(sent.encode())
    assert answer.status == 400
    lines = [record.getMessage() for record in caplog.records if record.name.startswith(("headwater", "aiohttp"))]
    assert [line.startswith("refused with 400 (") and line.endswith("from 127.0.0.1") for line in lines] == [True]
    assert "hw_" not in caplog.text


async def test_a_sender_that_hangs_up_in_the_middle_of_a_body_is_a_line_in_the_log(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        _reader, writer = await server.connect()
        writer.write(head_of("POST", PLANS, {"Host": "localhost", "Content-Type": V12, "Content-Length": "9000"}))
        writer.write(b"{" * 100)
        await writer.drain()
        assert (await server.post(EVENTS, [EVENT])).status == 201  # by now the handler of the other waits for its body
        writer.transport.abort()
        while not (lines := [r for r in caplog.records if "hung up" in r.getMessage()]):  # noqa: ASYNC110 - the log has no event
            await asyncio.sleep(0.01)
    assert [(line.levelname, line.exc_info) for line in lines] == [("INFO", None)]
    assert "Traceback" not in caplog.text
    assert len(server.entries()) == 1


async def test_what_is_kept_is_a_line_in_the_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    plan = {**PLAN, "name": "daily\x1b[2J orders password=hunter2"}
    with caplog.at_level(logging.INFO, "headwater.ingest.http"):
        for _ in range(2):
            await server.post(PLANS, plan)
        await server.post(EVENTS, [{"planId": plan["id"], "timestamp": 1}])
        await server.post(EVENTS, [])
    size = len(server.entries()[0].body or b"")
    job = "job daily?[2J orders password=*****"
    assert [record.getMessage() for record in caplog.records] == [
        f"entry 1: spline.plan, {job}, {size:,} bytes",
        f"entry 1, known already: spline.plan, {job}, {size:,} bytes",
        f"entry 2: spline.events, of plan {plan['id']}, {len(server.entries()[1].body or b'')} bytes",
    ]


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux has TCP_USER_TIMEOUT")
async def test_a_reader_that_never_reads_is_disconnected() -> None:
    ended = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 2**20)
        finally:
            ended.set()

    app = web.Application()
    app.router.add_get("/", endless)
    listening = socket.create_server(("127.0.0.1", 0))
    limit_writes(listening, 0.2)
    runner = make_runner(app)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        with socket.create_connection(listening.getsockname()) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.wait_for(ended.wait(), 60)
    finally:
        await runner.cleanup()


#: the first of two equal keys, which no parser of JSON gives back
REPEATED = [
    '"password": "hunter2", "password": "*****"',
    '"note": "password=hunter2", "note": "x"',
    r'"note": "password=hunter2 \" \\", "note": "\" \\"',
    r'"n\u006fte": "password=hunter2", "note": "\u005c\u005c\u005c\u005c"',
]


@pytest.mark.parametrize("params", REPEATED)
async def test_the_first_of_two_equal_keys_does_not_reach_the_ledger(server: Server, params: str) -> None:
    body = json.dumps(with_params({"here": 1})).replace('"here": 1', params)
    assert (await server.post(PLANS, body.encode())).status == 201
    (entry,) = server.entries()
    assert b"hunter2" not in (entry.body or b"")
