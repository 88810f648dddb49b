"""Who is let in: the checks of a request's Host, Origin and token.

A browser sends whatever page is open to any address, also to this server on a laptop: the Host check stops names that
were pointed here (DNS rebinding), the Origin check stops other sites' forms and WebSockets, and there is no CORS.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from headwater.ingest.http.tokens import Scope, Sender, TokenStore
from headwater.ingest.intake.body import InvalidBody
from headwater.spline_bridge.errors import shown

SENDER: web.RequestKey[Sender] = web.RequestKey("sender", Sender)
"""Key of a request under which its `Sender` is found; absent where no token was given."""


class TokensRequired(Exception):
    """The server would be reachable from other machines without any token."""


# Where the server may be reached --------------------------------------------------------------------------------------

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})

_ANY_ADDRESS = frozenset({"", "0.0.0.0", "::", "[::]"})  # noqa: S104 - named in order to be treated with care


@dataclass(frozen=True)
class Access:
    """Who is let in. The default is the laptop's: loopback names, no token."""

    tokens: TokenStore | None = None
    required: bool = False  #: a token is needed even when there is none yet
    hosts: frozenset[str] = frozenset()  #: names in a Host header beside the loopback ones, without port
    origins: frozenset[str] = frozenset()  #: origins of other sites that may send: ``https://name``

    @property
    def needs_token(self) -> bool:
        """Whether a request needs a token: always if so told, else as soon as there is one."""
        return self.required or (self.tokens is not None and bool(self.tokens.list()))


def access_for(
    host: str, tokens: TokenStore, *, allowed_hosts: Iterable[str] = (), allowed_origins: Iterable[str] = ()
) -> Access:
    """Access for a server that listens on `host`. TokensRequired: others could reach it, and there are no tokens."""
    local = is_loopback(host)
    if not local and not tokens.list():
        raise TokensRequired(
            f"the server would be open to everybody who reaches {host or 'this machine'}: "
            "make a token first (headwater token add --scope write NAME), or stay on 127.0.0.1"
        )
    bound = () if host in _ANY_ADDRESS else (host,)
    hosts = frozenset(_bracketed(name.strip().lower().rstrip(".")) for name in (*bound, *allowed_hosts))
    return Access(tokens, required=not local, hosts=hosts, origins=frozenset(o.rstrip("/") for o in allowed_origins))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


# The checks, in their order -------------------------------------------------------------------------------------------


def checks(access: Access) -> list[Middleware]:
    """Middlewares: Host, Origin, token. Each lets a request through or raises `InvalidBody`."""
    return [_host_check(access), _origin_check(access), _token_check(access)]


_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]/@\s]+?)\.?(?::([0-9]{1,5}))?\Z", re.IGNORECASE)

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def _host_check(access: Access) -> Middleware:
    allowed = LOOPBACK | access.hosts

    @web.middleware
    async def host_check(request: web.Request, handler: Handler) -> web.StreamResponse:
        names = request.headers.getall("Host", [])
        match = _HOST.match(names[0]) if len(names) == 1 else None
        if match is None or match[1].lower() not in allowed:
            name = _plain(", ".join(names)) or "(none)"
            raise InvalidBody(
                421, f"this server is not known as {name}: ask for it as localhost, or allow that host name"
            )
        return await handler(request)

    return host_check


def _origin_check(access: Access) -> Middleware:
    @web.middleware
    async def origin_check(request: web.Request, handler: Handler) -> web.StreamResponse:
        changes = request.method not in _SAFE_METHODS or "Upgrade" in request.headers
        origins = request.headers.getall("Origin", []) if changes else []
        for origin in origins:
            if origin not in access.origins and not _is_same_origin(origin, request.headers["Host"]):
                raise InvalidBody(403, f"requests from pages of another origin ({_plain(origin)}) are not taken")
        return await handler(request)

    return origin_check


def _is_same_origin(origin: str, host: str) -> bool:
    """A page of this very server. Behind a proxy that ends TLS the schemes differ, so the port decides."""
    try:
        site = urlsplit(origin)
        port = site.port
    except ValueError:
        return False
    if site.scheme not in _DEFAULT_PORTS or site.hostname is None:
        return False
    match = _HOST.match(host)
    default = _DEFAULT_PORTS[site.scheme]
    return (
        match is not None
        and _bracketed(site.hostname) == match[1].lower()
        and (port or default) == int(match[2] or default)
    )


_DEFAULT_PORTS = {"http": 80, "https": 443}

_OPEN = frozenset({("GET", "/health"), ("HEAD", "/health"), ("GET", "/ready"), ("HEAD", "/ready"), ("GET", "/")})
"""What needs no token: whether the server lives, and a page without any data in it."""

_WRITE_PATHS = ("/producer/", "/api/v1/lineage")


def scope_of(method: str, path: str) -> Scope | None:
    """The scope that a request needs; None: it is open. What no table names needs read, or admin where it changes."""
    if (method, path) in _OPEN:
        return None
    if path.startswith(_WRITE_PATHS[0]) or (method == "POST" and path == _WRITE_PATHS[1]):
        return "write"
    return "read" if method in _SAFE_METHODS else "admin"


def _token_check(access: Access) -> Middleware:
    @web.middleware
    async def token_check(request: web.Request, handler: Handler) -> web.StreamResponse:
        scope = scope_of(request.method, request.path)
        if scope is not None and access.needs_token:
            sender = _sender(request, access.tokens)
            if not sender.may(scope):
                raise InvalidBody(403, f"the token of {sender.name} lacks the scope {scope}")
            request[SENDER] = sender
        return await handler(request)

    return token_check


def _sender(request: web.Request, tokens: TokenStore | None) -> Sender:
    token = _token(request)
    if token is None:
        raise _unauthorised("a token is needed: Authorization: Bearer TOKEN, or X-API-Key: TOKEN", "")
    sender = tokens.check(token) if tokens is not None else None
    if sender is None:
        raise _unauthorised("the token is not known here", ', error="invalid_token"')
    return sender


def _token(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key")


def _unauthorised(sentence: str, error: str) -> InvalidBody:
    return InvalidBody(401, sentence, {"WWW-Authenticate": f'Bearer realm="headwater"{error}'})


def _plain(text: str) -> str:
    return shown("".join(c if c.isprintable() else "?" for c in text))
