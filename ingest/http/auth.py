"""Who is let in: the checks of a request's Host, Origin and sender, against what its route asks for.

A browser sends whatever page is open to any address, also to this server on a laptop: the Host check stops names that
were pointed here (DNS rebinding), the Origin check stops other sites' forms and WebSockets, and there is no CORS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from headwater.ingest.http.addresses import is_any_address, is_loopback
from headwater.ingest.http.authenticator import (
    Authenticator,
    Authenticators,
    ForwardedSender,
    Sender,
    SenderUnchecked,
    UnknownSender,
)
from headwater.ingest.http.rates import Rates
from headwater.ingest.http.routes import SAFE_METHODS, Rule
from headwater.ingest.http.serving import printable
from headwater.ingest.intake.body import InvalidBody

SENDER: web.RequestKey[Sender] = web.RequestKey("sender", Sender)
"""Key of a request under which its `Sender` is found; absent for an anonymous request."""

MAY_READ: web.RequestKey[bool] = web.RequestKey("may-read", bool)
"""Key of a request that needs no token: whether whoever sent it could also read data. Others are told no names."""


class TokensRequired(Exception):
    """The server would be reachable from other machines without any token."""


# Where the server may be reached --------------------------------------------------------------------------------------

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True)
class Access:
    """Who is let in. The default is the laptop's: loopback names, no token."""

    authenticator: Authenticator | None = None
    required: bool = False  #: a sender is needed even while the authenticator is not in use
    hosts: frozenset[str] = frozenset()  #: names in a Host header beside the loopback ones, without port
    origins: frozenset[str] = frozenset()  #: origins of other sites that may send: ``https://name``

    @property
    def needs_sender(self) -> bool:
        """Whether a request needs a known sender: always if so told, else from the first one on that was made known."""
        return self.required or (self.authenticator is not None and self.authenticator.in_use)


def access_for(
    host: str,
    tokens: Authenticator,
    people: Sequence[Authenticator] = (),
    *,
    allowed_hosts: Iterable[str] = (),
    allowed_origins: Iterable[str] = (),
) -> Access:
    """Access for a server that listens on `host`; `people` are asked before `tokens` who a sender is.

    TokensRequired: others could reach it, and no sender is known.
    """
    authenticator = Authenticators((*people, tokens)) if people else tokens
    local = is_loopback(host)
    if not local and not authenticator.knows_anybody:
        raise TokensRequired(
            f"the server would be open to everybody who reaches {host or 'this machine'}: "
            "make a token first (headwater token add --scope write NAME), or stay on 127.0.0.1"
        )
    bound = () if is_any_address(host) else (host,)
    hosts = frozenset(_bracketed(name.strip().lower().rstrip(".")) for name in (*bound, *allowed_hosts))
    origins = frozenset(origin.rstrip("/") for origin in allowed_origins)
    return Access(authenticator, required=not local, hosts=hosts, origins=origins)


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


# The checks, in their order -------------------------------------------------------------------------------------------


def check_requests(access: Access) -> Middleware:
    """A middleware of the server: sender, Host, Origin, scope, rate. It lets a request through or raises `InvalidBody`.

    The Host header of a known sender is not judged: a browser that was led here by a false name has no token to send.
    """
    allowed = LOOPBACK | access.hosts
    rates = Rates()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        rule = Rule.of(request)
        if rule.any_host:
            request[MAY_READ] = await _may_read(request, access, allowed)
            return await handler(request)
        needs_sender = access.needs_sender
        sender = await _known_sender(request, access.authenticator) if needs_sender else None
        if sender is None:
            _check_host(request, allowed)
        _check_origin(request, access.origins, framed=rule.framed)
        if sender is not None:
            request[SENDER] = sender
            _check_scope(sender, rule)
            _check_rate(sender, rates)
        elif needs_sender and rule.scope is not None:
            raise _unauthorised("a token is needed: Authorization: Bearer TOKEN, or X-API-Key: TOKEN", "")
        request[MAY_READ] = not needs_sender or (sender is not None and sender.may("read"))
        return await handler(request)

    return check


def check_forwarded_requests() -> Middleware:
    """A middleware of the graph's process: the scope of the sender that the server names.

    Host, Origin, and whether a sender is needed at all were checked by the server. Only for its Unix socket.
    """
    authenticator = ForwardedSender()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        sender = await _known_sender(request, authenticator)
        if sender is not None:
            _check_scope(sender, Rule.of(request))
            request[SENDER] = sender
        return await handler(request)

    return check


async def _may_read(request: web.Request, access: Access, allowed: frozenset[str]) -> bool:
    """Whether a request that everybody may send could also read data: it has a token for that, or none is needed."""
    try:
        if not access.needs_sender:
            _check_host(request, allowed)  # else a page could read the answer under a false name of this machine
            return True
        sender = await _known_sender(request, access.authenticator)
    except InvalidBody:
        return False
    return sender is not None and sender.may("read")


async def _known_sender(request: web.Request, authenticator: Authenticator | None) -> Sender | None:
    if authenticator is None:
        return None
    try:
        return await authenticator.sender(request)
    except UnknownSender as error:
        raise _unauthorised(str(error), ', error="invalid_token"') from None
    except SenderUnchecked as error:
        raise InvalidBody(503, f"who you are cannot be checked now: {error}", {"Retry-After": "30"}) from None


def _unauthorised(sentence: str, error: str) -> InvalidBody:
    return InvalidBody(401, sentence, {"WWW-Authenticate": f'Bearer realm="headwater"{error}'})


def _check_scope(sender: Sender, rule: Rule) -> None:
    if rule.scope is not None and not sender.may(rule.scope):
        raise InvalidBody(403, f"the token of {sender.name} lacks the scope {rule.scope}")


def _check_rate(sender: Sender, rates: Rates) -> None:
    if sender.per_minute is None:
        return
    wait = rates.wait(sender.name, sender.per_minute)
    if wait:
        sentence = f"the token of {sender.name} is for {sender.per_minute:,} requests a minute: wait {wait} s"
        raise InvalidBody(429, sentence, {"Retry-After": str(wait)})


_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]/@\s]+?)\.?(?::([0-9]{1,5}))?\Z", re.IGNORECASE)


def _check_host(request: web.Request, allowed: frozenset[str]) -> None:
    names = request.headers.getall("Host", [])
    match = _HOST.match(names[0]) if len(names) == 1 else None
    if match is None or match[1].lower() not in allowed:
        name = printable(", ".join(names)) or "(none)"
        raise InvalidBody(
            421,
            f"this server is not known as {name}: ask for it as localhost, send a token, or let it be known by that "
            "name (headwater serve --allow-host NAME)",
        )


def _check_origin(request: web.Request, allowed: frozenset[str], *, framed: bool) -> None:
    """A page of another site may read no WebSocket, change nothing, and ask nothing that costs.

    Without CORS it could not read the answer, but a page full of pictures that point here would keep the graph busy.
    Following a link to a page of this server is no such request: the browser says `navigate`, of a whole document. Nor
    is a frame with a page that may be `framed`.
    """
    sent_by = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and sent_by not in allowed:
        purpose = (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest"))
        follows_link = purpose == _LINK or (framed and purpose == _FRAME)
        if not follows_link or request.method not in SAFE_METHODS or request.path.startswith(_ANSWERS):
            raise InvalidBody(403, "requests from pages of another site are not taken")
    if request.method in SAFE_METHODS and "Upgrade" not in request.headers:
        return
    for origin in request.headers.getall("Origin", []):
        if origin not in allowed and not _is_same_origin(origin, request.headers.get("Host", "")):
            raise InvalidBody(403, f"requests from pages of another origin ({printable(origin)}) are not taken")


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
_LINK, _FRAME = ("navigate", "document"), ("navigate", "iframe")  #: Sec-Fetch-Mode and Sec-Fetch-Dest
_ANSWERS = ("/api/", "/gremlin", "/metrics", "/status")  #: what no link of another site leads to
