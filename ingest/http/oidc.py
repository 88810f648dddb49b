"""People who sign in elsewhere: the `Authenticator` of JSON Web Tokens, by OpenID Connect or by an AWS load balancer.

A token is one of an issuer that was named, for an audience that was named; groups in it open scopes by a table that was
given. Signatures are checked by PyJWT. Here are the fetching and keeping of keys, and what a token opens. Sources:
OpenID Connect Discovery 1.0 (https://openid.net/specs/openid-connect-discovery-1_0.html), RFC 7519, RFC 9068, and
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import jwt
import orjson
from aiohttp import web
from jwt.types import Options

from headwater.ingest.http.authenticator import SCOPES, Scope, Sender, SenderUnchecked, UnknownSender
from headwater.ingest.intake.headers import bearer
from headwater.spline_bridge.errors import shown

log = logging.getLogger(__name__)

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""No HMAC: its key would be one that both sides know, and a public key must never be taken for it."""

_LEEWAY_SECONDS = 60  #: by which clocks of two machines may differ
_KEYS_SECONDS = 3_600.0  #: after which the issuer's keys are fetched again
_AGAIN_SECONDS = 30.0  #: between two fetches for keys that were not among those fetched, or after one that failed
_FETCH_SECONDS = 10.0
_LONGEST = 16_384  #: characters of a token: 200 groups, as many as Entra ID lists, make 11,000; a load balancer's most
_LARGEST = 1 << 20  #: bytes of what an issuer says
_NAMES = ("preferred_username", "email", "upn", "cognito:username", "username", "client_id", "sub")
"""Claims that name a sender, the most readable first."""
_EVERYBODY = "*"
_TWO_ROWS = re.compile(rf"=\s*({'|'.join(SCOPES)})\s*[,;]")
"""Of rows that somebody put into one: the last scope would be of a group that nobody is in."""


@dataclass(frozen=True)
class OidcSettings:
    """Whose tokens are taken, and what they open. Made by `settings`."""

    issuer: str  #: as it stands in ``iss``, and where its discovery document is
    audiences: tuple[str, ...]  #: one of them stands in ``aud``, or in ``client_id`` where a token has no ``aud``
    scopes: Mapping[str, frozenset[Scope]]  #: group -> scopes; ``*``: everybody with a valid token
    groups_claim: str = "groups"  #: a claim with a list of names, or one text with blanks between them


def settings(
    issuer: str, audiences: Iterable[str], scopes: Iterable[str], groups_claim: str = "groups"
) -> OidcSettings:
    """Settings as a person gives them; `scopes` are texts such as ``data-engineers=annotate`` and ``*=read``.

    ValueError: one of them is not right; the message names it.
    """
    parts = urlsplit(issuer)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    secure = parts.scheme == "https" or (parts.scheme == "http" and local)
    if not parts.hostname or parts.query or parts.fragment or not secure:
        raise ValueError(f"the issuer is an https URL, not {shown(issuer)}")
    named = tuple(audience.strip() for audience in audiences if audience.strip())
    if not named:
        raise ValueError("an audience is needed: the client id under which the issuer knows Headwater")
    opened: dict[str, frozenset[Scope]] = {}
    for row in scopes:
        group, equals, scope = row.rpartition("=")
        if _TWO_ROWS.search(row):
            raise ValueError(
                f"expected one GROUP=SCOPE at a time (in the environment with blanks between), not {shown(row)}"
            )
        known = next((one for one in SCOPES if one == scope.strip()), None)
        if not equals or not group.strip() or known is None:
            raise ValueError(f"expected GROUP=SCOPE with a scope of {', '.join(SCOPES)}, not {shown(row)}")
        opened[group.strip()] = opened.get(group.strip(), frozenset()) | {known}
    if not opened:
        raise ValueError("no group opens a scope: name at least one, such as *=read")
    return OidcSettings(issuer, named, opened, groups_claim)


# Keys -----------------------------------------------------------------------------------------------------------------


@dataclass
class _Keys:
    """Keys of one place by their id, fetched when needed, and then kept for an hour."""

    fetch: Callable[[str], Any]  #: a coroutine function: key id -> keys of that place by their ids
    whole: bool  #: whether it gives all keys: those that are not among them any more are no longer believed
    clock: Callable[[], float] = time.monotonic
    _found: dict[str, tuple[Any, float]] = field(default_factory=dict)  #: key id -> the key, and when it was fetched
    _tried: float = float("-inf")
    _failure: str | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, key_id: str) -> Any | None:
        """The key; None: there is none with this id. SenderUnchecked: keys cannot be fetched, and none are known."""
        if self._fresh(key_id) or (key_id in self._found and self._lock.locked()):
            return self._known(key_id)  # who has a known key waits for no issuer
        async with self._lock:  # of many requests at once one fetches
            now, before = self.clock(), self._tried
            if self._fresh(key_id) or now - before < _AGAIN_SECONDS:
                return self._known(key_id)
            self._tried = now
            try:
                fetched = {name: (key, now) for name, key in (await self.fetch(key_id)).items()}
                self._found, self._failure = (fetched if self.whole else {**self._found, **fetched}), None
            except _NO_KEYS as error:
                # Keys that were good an hour ago are used on: an issuer that is away must not lock everybody out.
                self._failure = f"{type(error).__name__}: {shown(str(error))}"
                log.warning("the keys of an issuer cannot be fetched: %s", self._failure)
            except asyncio.CancelledError:  # whoever asked hung up: the next one tries
                self._tried = before
                raise
            return self._known(key_id)

    def _fresh(self, key_id: str) -> bool:
        return key_id in self._found and self.clock() - self._found[key_id][1] < _KEYS_SECONDS

    def _known(self, key_id: str) -> Any | None:
        if key_id in self._found:
            return self._found[key_id][0]
        if self._failure is not None:
            raise SenderUnchecked("the keys of the issuer cannot be had: try again later")
        return None


_NO_KEYS = (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError)
"""What fetching raises where an issuer is away, or answers with something else than a document of keys."""


async def _get(url: str) -> bytes:
    timeout = aiohttp.ClientTimeout(total=_FETCH_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        if response.status != 200:  # noqa: PLR2004 - OK
            raise ValueError(f"{url} answers {response.status}")
        body = await response.read() if (response.content_length or 0) <= _LARGEST else b""
        if not body:
            raise ValueError(f"{url} answers with nothing, or with more than {_LARGEST:,} bytes")
        return body


# Tokens ---------------------------------------------------------------------------------------------------------------


class OidcAuthenticator:
    """Takes ``Authorization: Bearer TOKEN`` where TOKEN is a JSON Web Token; other credentials are left to others."""

    knows_anybody = True
    in_use = True

    def __init__(self, of: OidcSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds, for the age of keys."""
        self._of = of
        self._keys = _Keys(self._fetch, whole=True, clock=clock)

    async def sender(self, request: web.BaseRequest) -> Sender | None:
        """See `Authenticator`. SenderUnchecked: the issuer's keys cannot be had."""
        token = bearer(request.headers.get("Authorization", ""))
        if token is None or token.count(".") != 2 or len(token) > _LONGEST:  # noqa: PLR2004 - three parts
            return None
        header = _header(token)
        if header is None:
            return None
        key = await self._keys.get(str(header.get("kid", "")))
        if key is None:
            raise UnknownSender("the token is not signed by a key of the issuer")
        options: Options = {"require": ["exp", "iss", "sub"], "verify_aud": False}
        try:
            claims = jwt.decode(
                token, key, list(_ALGORITHMS), options=options, issuer=self._of.issuer, leeway=_LEEWAY_SECONDS
            )
        except jwt.PyJWTError as error:
            raise UnknownSender(_reason(error)) from None
        self._check_audience(claims)
        return sender_of(claims, self._of)

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        """Access tokens of Amazon Cognito have no ``aud``, and the client's id as ``client_id``."""
        said = claims.get("aud", claims.get("client_id"))
        if not {str(one) for one in (said if isinstance(said, list) else [said])} & set(self._of.audiences):
            raise UnknownSender("the token is for another audience")

    async def _fetch(self, _key_id: str) -> dict[str, Any]:
        found = orjson.loads(await _get(f"{self._of.issuer.rstrip('/')}/.well-known/openid-configuration"))
        if found["issuer"] != self._of.issuer:
            raise ValueError(f"the issuer calls itself {shown(str(found['issuer']))}, not {shown(self._of.issuer)}")
        keys = jwt.PyJWKSet.from_dict(orjson.loads(await _get(str(found["jwks_uri"]))))
        signing = {str(key.key_id or ""): key for key in keys.keys if key.public_key_use in (None, "sig")}
        # A token need not name its key where there is one alone (OpenID Connect Core, section 10.1).
        return {**signing, "": next(iter(signing.values()))} if len(signing) == 1 else signing


def sender_of(claims: Mapping[str, Any], of: OidcSettings) -> Sender:
    """Whom the claims of a valid token name, with the scopes that their groups open."""
    said = claims.get(of.groups_claim, ())
    groups = {str(one) for one in (said.split() if isinstance(said, str) else said if isinstance(said, list) else ())}
    scopes = frozenset[Scope]().union(*(of.scopes.get(group, frozenset()) for group in (*groups, _EVERYBODY)))
    name = next((str(claims[claim]) for claim in _NAMES if claims.get(claim)), "?")
    return Sender(shown(name if name.isprintable() else ascii(name)), scopes)


def _header(token: str) -> Mapping[str, Any] | None:
    """The first part of a JSON Web Token, which nobody has checked; None: it is none."""
    try:
        return jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        return None


def _reason(error: jwt.PyJWTError) -> str:
    return next((sentence for kind, sentence in _REASONS if isinstance(error, kind)), "the token is not valid")


_REASONS: Sequence[tuple[type[jwt.PyJWTError], str]] = (
    (jwt.ExpiredSignatureError, "the token has expired: sign in again"),
    (jwt.ImmatureSignatureError, "the token is not valid yet: do the clocks differ?"),
    (jwt.InvalidIssuerError, "the token is of another issuer"),
    (jwt.MissingRequiredClaimError, "the token lacks a claim: iss, sub and exp are needed"),
    (jwt.InvalidSignatureError, "the signature of the token is wrong"),
    (jwt.InvalidAlgorithmError, "the token is signed in a way that is not taken"),
)


# An AWS load balancer that signs people in ----------------------------------------------------------------------------

_ALB_DATA = "x-amzn-oidc-data"
_ALB_ARN = re.compile(r"arn:aws[a-z-]*:elasticloadbalancing:([a-z0-9-]+):[0-9]{12}:loadbalancer/app/[^\s]{1,200}")
_KEY_ID = re.compile(r"[0-9a-fA-F-]{1,64}")


class LoadBalancerAuthenticator:
    """People whom an Application Load Balancer signed in: it adds a token of its own to each of their requests.

    The token is signed with ES256, and its header names the load balancer: only the one that was named is believed.
    """

    knows_anybody = True
    in_use = True

    def __init__(
        self,
        arn: str,
        of: OidcSettings,
        *,
        keys_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`arn` is the load balancer's. `keys_url`: where its public keys are; by default that of its region.

        ValueError: the ARN is none of an Application Load Balancer.
        """
        match = _ALB_ARN.fullmatch(arn)
        if match is None:
            raise ValueError(f"expected the ARN of an Application Load Balancer, not {shown(arn)}")
        self._arn = arn
        self._of = of
        self._url = (keys_url or f"https://public-keys.auth.elb.{match[1]}.amazonaws.com").rstrip("/")
        self._keys = _Keys(self._fetch, whole=False, clock=clock)

    async def sender(self, request: web.BaseRequest) -> Sender | None:
        """See `Authenticator`. SenderUnchecked: the load balancer's keys cannot be had."""
        tokens = request.headers.getall(_ALB_DATA, [])
        if not tokens:
            return None
        if len(tokens) > 1 or len(tokens[0]) > _LONGEST:
            raise UnknownSender("the load balancer's token is not valid")
        header = _header(tokens[0]) or {}
        if header.get("signer") != self._arn or not _KEY_ID.fullmatch(str(header.get("kid"))):
            raise UnknownSender("the token is of another load balancer")
        if header.get("iss") != self._of.issuer or header.get("client") not in self._of.audiences:
            raise UnknownSender("the load balancer signed in with another issuer or client")
        key = await self._keys.get(str(header["kid"]))
        if key is None:
            raise UnknownSender("the token is not signed by a key of the load balancer")
        try:
            claims = jwt.decode(tokens[0], key, ["ES256"], leeway=_LEEWAY_SECONDS)
        except jwt.PyJWTError as error:
            raise UnknownSender(_reason(error)) from None
        expires = header.get("exp")  # a load balancer says it here; its claims are those of the issuer's user info
        if type(expires) is not int or expires < time.time() - _LEEWAY_SECONDS:
            raise UnknownSender(_reason(jwt.ExpiredSignatureError()))
        return sender_of(claims, self._of)

    async def _fetch(self, key_id: str) -> dict[str, Any]:
        text = (await _get(f"{self._url}/{key_id}")).decode("ascii")
        return {key_id: jwt.get_algorithm_by_name("ES256").prepare_key(text)}
