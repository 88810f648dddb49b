"""Each `Authenticator` keeps the promises of its port; and what its senders may do is what their routes need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from aiohttp.typedefs import Middleware

from headwater.ingest.http.auth import SENDER, access_for, check_forwarded_requests, check_requests
from headwater.ingest.http.authenticator import (
    Authenticator,
    ForwardedSender,
    Scope,
    Sender,
    UnknownSender,
    sender_headers,
)
from headwater.ingest.http.routes import ANY_METHOD, PROBE, Rule, add_route
from headwater.ingest.http.serving import answer_errors, make_runner
from headwater.ingest.http.tokens import TokenStore
from headwater.ingest.process import forwarding

NAMES = ["glue", "Zoë in Zürich 🙂", '"quoted", {json}', "x" * 80]


@dataclass(frozen=True)
class Kind:
    """An authenticator, the headers of a request of a sender that is made known to it, and headers that are wrong."""

    authenticator: Authenticator
    headers_of: Callable[[str, Scope], Mapping[str, str]]
    wrong: Mapping[str, str]
    others: Mapping[str, str]  #: credentials of another kind


def tokens(folder: Path) -> Kind:
    store = TokenStore(folder)
    return Kind(
        store,
        lambda name, scope: {"Authorization": f"Bearer {store.add([scope], name)}"},
        {"X-API-Key": "hw_wrong"},
        {"Authorization": "Basic hw_wrong"},
    )


def forwarded(_folder: Path) -> Kind:
    return Kind(
        ForwardedSender(),
        lambda name, scope: sender_headers(Sender(name, frozenset({scope}))),
        {"Headwater-Sender": "[]"},
        {"Authorization": "Bearer hw_wrong"},
    )


@pytest.fixture(params=[tokens, forwarded])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    made: Kind = request.param(tmp_path)
    return made


def request_with(headers: Mapping[str, str]) -> web.Request:
    return make_mocked_request("GET", "/api/v1/stats", headers=dict(headers))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scope", ["write", "read", "annotate", "admin"])
async def test_a_known_sender_is_named_with_its_scopes(kind: Kind, name: str, scope: Scope) -> None:
    headers = kind.headers_of(name, scope)
    assert kind.authenticator.knows_anybody
    assert kind.authenticator.in_use
    assert await kind.authenticator.sender(request_with(headers)) == Sender(name, frozenset({scope}))


async def test_a_request_without_credentials_or_with_those_of_another_kind_has_no_sender(kind: Kind) -> None:
    kind.headers_of("glue", "write")
    for headers in ({}, kind.others):
        assert await kind.authenticator.sender(request_with(headers)) is None


async def test_wrong_credentials_are_refused_and_not_repeated(kind: Kind) -> None:
    kind.headers_of("glue", "write")
    with pytest.raises(UnknownSender) as caught:
        await kind.authenticator.sender(request_with(kind.wrong))
    assert not [value for value in kind.wrong.values() if value in str(caught.value)]


# What a route needs ---------------------------------------------------------------------------------------------------


async def told(request: web.Request) -> web.Response:
    """The name of the sender, as the handler sees it."""
    sender = request.get(SENDER)
    return web.json_response(sender.name if sender else None)


#: method, path -> scopes that open it; None: everybody
NEEDS: Mapping[tuple[str, str], set[str] | None] = {
    ("GET", "/asked"): {"read", "annotate", "admin"},
    ("HEAD", "/asked"): {"read", "annotate", "admin"},
    ("POST", "/said"): {"annotate", "admin"},
    ("POST", "/sent"): {"write", "admin"},
    ("GET", "/open"): None,
    ("GET", "/probe"): None,
    ("GET", "/nowhere"): {"read", "annotate", "admin"},
    ("POST", "/nowhere"): {"admin"},
    ("DELETE", "/asked"): {"admin"},
    ("GET", "/undeclared"): {"read", "annotate", "admin"},
    ("POST", "/probe"): {"admin"},
}


def application(check: Middleware) -> web.Application:
    app = web.Application(middlewares=[answer_errors, check])
    add_route(app, "/asked", told, "read")
    add_route(app, "/said", told, "annotate", methods=["POST"])
    add_route(app, "/sent", told, "write", methods=["POST"])
    add_route(app, "/open", told, Rule(None))
    add_route(app, "/probe", told, PROBE)
    app.router.add_get("/undeclared", told)
    return app


async def test_a_route_opens_to_the_scope_that_it_was_added_with(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    scopes: tuple[Scope, ...] = ("write", "read", "annotate", "admin")
    headers = {scope: {"X-API-Key": store.add([scope], scope)} for scope in scopes}
    async with TestClient(TestServer(application(check_requests(access_for("127.0.0.1", store))))) as client:
        for (method, path), opened_by in NEEDS.items():
            assert ((await client.request(method, path)).status == 401) == (opened_by is not None), (method, path)
            for scope in scopes:
                refused = (await client.request(method, path, headers=headers[scope])).status == 403
                assert refused == (opened_by is not None and scope not in opened_by), (method, path, scope)


async def test_a_probe_is_answered_under_any_name_and_without_a_token(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    store.add(["read"], "anna")
    async with TestClient(TestServer(application(check_requests(access_for("0.0.0.0", store))))) as client:
        assert (await client.get("/probe", headers={"Host": "10.0.0.7"})).status == 200
        assert (await client.get("/open", headers={"Host": "10.0.0.7"})).status == 421
        assert (await client.get("/asked", headers={"Host": "10.0.0.7"})).status == 421


# From the server to the graph's process -------------------------------------------------------------------------------


async def socket(request: web.Request) -> web.WebSocketResponse:
    """Says the name of the sender."""
    answering = web.WebSocketResponse()
    await answering.prepare(request)
    await answering.send_str(str(request[SENDER].name))
    await answering.close()
    return answering


async def test_the_sender_reaches_the_graphs_process_and_nobody_can_pretend_to_be_another(tmp_path: Path) -> None:
    worker = web.Application(middlewares=[answer_errors, check_forwarded_requests()])
    add_route(worker, "/api/v1/stats", told, "read")
    add_route(worker, "/api/v1/secret", told, "admin")
    add_route(worker, "/gremlin", socket, "read", methods=["GET"])
    add_route(worker, "/api/{path:.*}", told, "read", methods=ANY_METHOD)
    runner = make_runner(worker)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "graph")).start()

    store = TokenStore(tmp_path / "data")
    app = web.Application(middlewares=[answer_errors, check_requests(access_for("127.0.0.1", store))])
    forwarding.add_routes(app, tmp_path / "graph")
    pretending = sender_headers(Sender("root", frozenset({"admin"})))
    try:
        async with TestClient(TestServer(app)) as client:
            laptop = await client.get("/api/v1/stats", headers=pretending)  # no token was made yet
            assert (laptop.status, await laptop.json()) == (200, None)
            anna = {"X-API-Key": await asyncio.to_thread(store.add, ["read"], "Zoë"), **pretending}
            assert await (await client.get("/api/v1/stats", headers=anna)).json() == "Zoë"
            assert (await client.get("/api/v1/secret", headers=anna)).status == 403
            async with client.ws_connect("/gremlin", headers=anna) as connected:
                message = await connected.receive()
                assert (message.type, message.data) == (WSMsgType.TEXT, "Zoë")
    finally:
        await runner.cleanup()
