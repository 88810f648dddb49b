"""An OpenID Connect issuer and a load balancer, on loopback: they sign tokens and publish the keys for that."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "headwater"
ALB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/lineage/50dc6c495c0c9188"


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@dataclass
class Issuer:
    """Its keys can be replaced, its answers can be made wrong, and it counts who asks."""

    url: str = ""
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=lambda: {"one": _rsa()})
    balancer_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    calls_itself: str | None = None
    away: bool = False
    asked: list[str] = field(default_factory=list)
    answers: asyncio.Event | None = None  #: nothing is answered before it is set
    keys_answer: Any = None  #: instead of its keys

    def rotate(self) -> None:
        """Sign with another key from now on; the one before is no longer published."""
        self.keys = {f"{next(iter(self.keys))}-next": _rsa()}

    async def was_asked(self, times: int) -> None:
        """Wait until so many requests have come."""
        end = time.monotonic() + 60
        while len(self.asked) < times:
            assert time.monotonic() < end, self.asked
            await asyncio.sleep(0)

    def token(self, key: Any = None, algorithm: str = "RS256", key_id: str | None = "", **claims: object) -> str:
        """A token as it should be, but for what `claims` say; a claim, or a `key_id`, that is None is left out."""
        own_id, own = next(iter(self.keys.items()))
        now = int(time.time())
        whole = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "u1",
            "email": "anna@example.org",
            "iat": now,
            "exp": now + 300,
        }
        said = {name: value for name, value in {**whole, **claims}.items() if value is not None}
        header = {} if key_id is None else {"kid": key_id or own_id}
        return jwt.encode(said, own if key is None else key, algorithm, header)

    def balancer_token(self, claims: dict[str, object] | None = None, **header: object) -> str:
        """What an Application Load Balancer adds to a request of somebody who signed in."""
        said = {"kid": "abc-1", "signer": ALB, "iss": self.url, "client": AUDIENCE, "exp": int(time.time()) + 120}
        return jwt.encode(
            claims or {"sub": "u1", "email": "anna@example.org", "groups": ["analysts"]},
            self.balancer_key,
            "ES256",
            {**said, **header},
        )

    async def answer(self, request: web.Request) -> web.Response:
        """Discovery, the keys, and under /alb the load balancer's key."""
        self.asked.append(request.path)
        if self.answers is not None:
            await self.answers.wait()
        if self.away:
            return web.Response(status=503)
        if request.path == "/.well-known/openid-configuration":
            return web.json_response({"issuer": self.calls_itself or self.url, "jwks_uri": f"{self.url}/keys"})
        if self.keys_answer is not None:
            return web.json_response(self.keys_answer)
        if request.path == "/keys":
            algorithm = jwt.algorithms.RSAAlgorithm
            found = [
                {**json.loads(algorithm.to_jwk(key.public_key())), "kid": key_id, "use": "sig", "alg": "RS256"}
                for key_id, key in self.keys.items()
            ]
            return web.json_response({"keys": found})
        if request.path == "/alb/abc-1":
            form = serialization.PublicFormat.SubjectPublicKeyInfo
            return web.Response(body=self.balancer_key.public_key().public_bytes(serialization.Encoding.PEM, form))
        return web.Response(status=404)


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """An issuer that listens."""
    issuer = Issuer()
    app = web.Application()
    app.router.add_get("/{path:.*}", issuer.answer)
    async with TestServer(app) as server:
        issuer.url = str(server.make_url("")).rstrip("/")
        yield issuer
