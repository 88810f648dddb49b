"""People who sign in at an issuer or at a load balancer are known by valid tokens for us, and by nothing else."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from cryptography.hazmat.primitives import serialization

from headwater.ingest.http.addresses import url_of
from headwater.ingest.http.auth import Access, check_requests
from headwater.ingest.http.authenticator import Authenticators, Scope, Sender, SenderUnchecked, UnknownSender
from headwater.ingest.http.oidc import LoadBalancerAuthenticator, OidcAuthenticator, OidcSettings, settings
from headwater.ingest.http.routes import add_route
from headwater.ingest.http.serving import LimitedSite, answer_errors, listen, make_runner
from headwater.ingest.http.tokens import TokenStore
from tests.unit.ingest.http.issuer import ALB, AUDIENCE, Issuer, issuing

SCOPES = ["analysts=read", "stewards=annotate", "ops=admin"]


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as made:
        yield made


class Clock:
    """Seconds that a test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def of(issuer: Issuer, *scopes: str) -> OidcSettings:
    return settings(issuer.url, [AUDIENCE], scopes or SCOPES)


async def who(authenticator: OidcAuthenticator | LoadBalancerAuthenticator, **headers: str) -> Sender | None:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await authenticator.sender(make_mocked_request("GET", "/", headers=sent))


@pytest.mark.parametrize(
    ("claims", "opens"),
    [
        ({"groups": ["analysts"]}, {"read"}),
        ({"groups": ["analysts", "ops", "others"]}, {"read", "admin"}),
        ({"groups": "stewards analysts"}, {"annotate", "read"}),
        ({"groups": ["nobody"]}, set()),
        ({"groups": {"analysts": 1}}, set()),
        ({}, set()),
    ],
)
async def test_groups_open_scopes(issuer: Issuer, claims: dict[str, Any], opens: set[Scope]) -> None:
    sender = await who(OidcAuthenticator(of(issuer)), Authorization=f"Bearer {issuer.token(**claims)}")
    assert sender == Sender("anna@example.org", frozenset(opens))


async def test_everybody_can_be_given_a_scope_and_a_claim_of_another_name_lists_groups(issuer: Issuer) -> None:
    chosen = settings(issuer.url, [AUDIENCE], ["*=read", "ops=admin"], "cognito:groups")
    claims: dict[str, Any] = {"cognito:groups": ["ops"], "email": None, "aud": None, "client_id": AUDIENCE}
    token = issuer.token(**claims)
    assert await who(OidcAuthenticator(chosen), Authorization=f"Bearer {token}") == Sender(
        AUDIENCE, frozenset({"read", "admin"})
    )


def forged(issuer: Issuer) -> dict[str, str]:
    """Tokens that open nothing, by what is wrong with them."""
    now = int(time.time())
    public = next(iter(issuer.keys.values())).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    secret = jwt.utils.base64url_encode(pem)  # the public key as the secret of an HMAC, a well-known attack
    good = issuer.token(groups=["ops"])
    head, body, signature = good.split(".")
    return {
        "has expired": issuer.token(exp=now - 600),
        "not valid yet": issuer.token(nbf=now + 600),
        "another issuer": issuer.token(iss="https://elsewhere.example"),
        "another audience": issuer.token(aud="another"),
        "lacks a claim": issuer.token(exp=None),
        "signature": f"{head}.{body}.{'A' * len(signature)}",
        "not taken": issuer.token(key=secret, algorithm="HS256"),
        "not signed by a key": jwt.encode({"iss": issuer.url}, Issuer().keys["one"], "RS256", {"kid": "other"}),
    }


async def test_tokens_that_are_not_right_open_nothing_and_are_not_repeated(issuer: Issuer) -> None:
    authenticator = OidcAuthenticator(of(issuer))
    for reason, token in forged(issuer).items():
        with pytest.raises(UnknownSender, match=reason) as caught:
            await who(authenticator, Authorization=f"Bearer {token}")
        assert token not in str(caught.value)
    unsigned = jwt.encode({"iss": issuer.url, "aud": AUDIENCE, "sub": "u1"}, "", "none", {"kid": "one"})
    with pytest.raises(UnknownSender):
        await who(authenticator, Authorization=f"Bearer {unsigned}")


async def test_credentials_of_another_kind_are_left_to_others(issuer: Issuer) -> None:
    authenticator = OidcAuthenticator(of(issuer))
    for value in ("", "Basic a.b.c", "Bearer hw_token", "Bearer a.b.c", f"Bearer {'a' * 20_000}.b.c"):
        assert await who(authenticator, Authorization=value) is None
    assert issuer.asked == []


async def test_keys_are_fetched_once_and_again_for_a_key_that_is_new(issuer: Issuer) -> None:
    clock = Clock()
    authenticator = OidcAuthenticator(of(issuer), clock=clock)
    for _ in range(3):
        assert await who(authenticator, Authorization=f"Bearer {issuer.token()}")
    assert issuer.asked.count("/keys") == 1
    issuer.rotate()
    with pytest.raises(UnknownSender):  # somebody who sends tokens with made-up keys does not make us ask each time
        await who(authenticator, Authorization=f"Bearer {issuer.token()}")
    clock.now = 31
    assert await who(authenticator, Authorization=f"Bearer {issuer.token()}")
    assert issuer.asked.count("/keys") == 2


async def test_an_issuer_that_is_away_locks_nobody_out_whose_key_is_known(issuer: Issuer) -> None:
    clock = Clock()
    authenticator = OidcAuthenticator(of(issuer), clock=clock)
    issuer.away = True
    with pytest.raises(SenderUnchecked):
        await who(authenticator, Authorization=f"Bearer {issuer.token()}")
    issuer.away, clock.now = False, 31
    assert await who(authenticator, Authorization=f"Bearer {issuer.token()}")
    issuer.away, clock.now = True, 7_200
    assert await who(authenticator, Authorization=f"Bearer {issuer.token()}")


async def test_a_key_that_the_issuer_withdrew_is_believed_no_more_however_often_others_are_asked_for(
    issuer: Issuer,
) -> None:
    clock = Clock()
    authenticator = OidcAuthenticator(of(issuer), clock=clock)
    stolen = issuer.token()
    assert await who(authenticator, Authorization=f"Bearer {stolen}")
    issuer.rotate()
    clock.now = 31
    assert await who(authenticator, Authorization=f"Bearer {issuer.token()}")
    with pytest.raises(UnknownSender, match="not signed by a key"):
        await who(authenticator, Authorization=f"Bearer {stolen}")


async def test_who_has_a_known_key_does_not_wait_for_an_issuer_that_does_not_answer(issuer: Issuer) -> None:
    clock = Clock()
    authenticator = OidcAuthenticator(of(issuer), clock=clock)
    token = issuer.token()
    assert await who(authenticator, Authorization=f"Bearer {token}")
    clock.now, issuer.answers = 7_200, asyncio.Event()
    first = asyncio.create_task(who(authenticator, Authorization=f"Bearer {token}"))
    await issuer.was_asked(3)  # it waits for an answer
    assert await who(authenticator, Authorization=f"Bearer {token}")
    assert not first.done()
    issuer.answers.set()
    assert await first


async def test_who_hangs_up_while_keys_are_fetched_leaves_nobody_outside(issuer: Issuer) -> None:
    authenticator = OidcAuthenticator(of(issuer))
    issuer.answers = asyncio.Event()
    first = asyncio.create_task(who(authenticator, Authorization=f"Bearer {issuer.token()}"))
    await issuer.was_asked(1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    issuer.answers.set()
    assert await who(authenticator, Authorization=f"Bearer {issuer.token()}")


@pytest.mark.parametrize("answer", [[], 7, {"keys": 7}, {"keys": []}, {}])
async def test_an_issuer_whose_keys_cannot_be_read_is_one_that_is_away(issuer: Issuer, answer: Any) -> None:
    issuer.keys_answer = answer
    with pytest.raises(SenderUnchecked):
        await who(OidcAuthenticator(of(issuer)), Authorization=f"Bearer {issuer.token()}")


async def test_a_token_need_not_name_its_key_where_there_is_one_alone(issuer: Issuer) -> None:
    authenticator = OidcAuthenticator(of(issuer))
    assert await who(authenticator, Authorization=f"Bearer {issuer.token(key_id=None)}")
    issuer.keys |= Issuer(keys={"two": next(iter(Issuer().keys.values()))}).keys
    with pytest.raises(UnknownSender, match="not signed by a key"):
        await who(OidcAuthenticator(of(issuer)), Authorization=f"Bearer {issuer.token(key_id=None)}")


async def test_a_load_balancers_key_that_is_none_is_not_kept(issuer: Issuer) -> None:
    clock = Clock()
    authenticator = LoadBalancerAuthenticator(ALB, of(issuer), keys_url=f"{issuer.url}/alb", clock=clock)
    issuer.keys_answer = "<html>sign in to the network</html>"
    with pytest.raises(SenderUnchecked):
        await who(authenticator, x_amzn_oidc_data=issuer.balancer_token())
    issuer.keys_answer, clock.now = None, 31
    assert await who(authenticator, x_amzn_oidc_data=issuer.balancer_token())


async def test_an_issuer_that_calls_itself_otherwise_is_not_believed(issuer: Issuer) -> None:
    issuer.calls_itself = "https://elsewhere.example"
    with pytest.raises(SenderUnchecked):
        await who(OidcAuthenticator(of(issuer)), Authorization=f"Bearer {issuer.token()}")


async def test_a_load_balancer_names_who_signed_in(issuer: Issuer) -> None:
    authenticator = LoadBalancerAuthenticator(ALB, of(issuer), keys_url=f"{issuer.url}/alb")
    token = issuer.balancer_token()
    assert await who(authenticator, x_amzn_oidc_data=token) == Sender("anna@example.org", frozenset({"read"}))
    assert await who(authenticator, Authorization="Bearer x") is None
    wrong = {
        "another load balancer": issuer.balancer_token(signer=ALB.replace("lineage", "other")),
        "another issuer": issuer.balancer_token(iss="https://elsewhere.example"),
        "or client": issuer.balancer_token(client="other"),
        "expired": issuer.balancer_token(exp=int(time.time()) - 600),
        "signature": Issuer(url=issuer.url).balancer_token(),
        "not taken": jwt.encode({"sub": "u1"}, "k" * 32, "HS256", jwt.get_unverified_header(token) | {"alg": "HS256"}),
        "load balancer": "x",
    }
    for reason, sent in wrong.items():
        with pytest.raises(UnknownSender, match=reason):
            await who(authenticator, x_amzn_oidc_data=sent)
    with pytest.raises(UnknownSender, match="another load balancer"):  # what is a path is not asked for
        await who(authenticator, x_amzn_oidc_data=issuer.balancer_token(kid="../secret"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("ftp://x", [AUDIENCE], SCOPES), "https URL"),
        (("http://issuer.example", [AUDIENCE], SCOPES), "https URL"),
        (("https://issuer.example?x=1", [AUDIENCE], SCOPES), "https URL"),
        (("https://issuer.example", [], SCOPES), "an audience is needed"),
        (("https://issuer.example", [AUDIENCE], []), "no group opens a scope"),
        (("https://issuer.example", [AUDIENCE], ["ops"]), "GROUP=SCOPE"),
        (("https://issuer.example", [AUDIENCE], ["ops=root"]), "GROUP=SCOPE"),
    ],
)
def test_settings_that_are_not_right_are_named(given: tuple[str, list[str], list[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings(*given)


async def test_a_server_takes_tokens_of_both_kinds(issuer: Issuer, tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    both = Authenticators((OidcAuthenticator(of(issuer)), store))
    app = web.Application(middlewares=[answer_errors, check_requests(Access(both))])

    async def asked(_: web.Request) -> web.Response:
        return web.Response()

    add_route(app, "/api/v1/stats", asked, "read")
    own, person = store.add(["read"], "dashboards"), issuer.token(groups=["analysts"])
    async with TestClient(TestServer(app)) as client:
        found = {
            name: (await client.get("/api/v1/stats", headers={"Authorization": f"Bearer {token}"})).status
            for name, token in {"own": own, "person": person, "none": "x", "group": issuer.token()}.items()
        }
        assert found == {"own": 200, "person": 200, "none": 401, "group": 403}
        issuer.away = True
        issuer.rotate()
        unknown = await client.get("/api/v1/stats", headers={"Authorization": f"Bearer {issuer.token()}"})
        assert unknown.status == 401  # its keys were fetched a moment ago


async def test_a_token_with_as_many_groups_as_issuers_list_is_taken(issuer: Issuer) -> None:
    app = web.Application(middlewares=[answer_errors, check_requests(Access(OidcAuthenticator(of(issuer))))])

    async def asked(_: web.Request) -> web.Response:
        return web.Response()

    add_route(app, "/api/v1/stats", asked, "read")
    runner = make_runner(app, people=True)
    await runner.setup()
    with listen("127.0.0.1", 0) as listening:
        await LimitedSite(runner, listening, 10).start()
        token = issuer.token(groups=[*(str(uuid.UUID(int=number)) for number in range(199)), "analysts"])
        by = {"Authorization": f"Bearer {token}"}
        async with ClientSession() as client, client.get(f"{url_of(listening)}/api/v1/stats", headers=by) as answer:
            status = answer.status
        await runner.cleanup()
    assert (len(token) > 8_190, status) == (True, 200)
