"""How a route is added: with the scope that it needs, beside its path and its handler.

A route that was added in another way, or a path without a route, needs `read`, or `admin` where the method could change
something: what somebody forgot to declare is closed, not open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from headwater.ingest.http.authenticator import Scope

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

GET = ("GET", "HEAD")
ANY_METHOD = ("*",)


@dataclass(frozen=True)
class Rule:
    """What a route asks of a request. `scope` None: no sender is needed."""

    scope: Scope | None
    any_host: bool = False  #: the Host header is not judged: load balancers ask by address

    @staticmethod
    def of(request: web.Request) -> Rule:
        """The rule of the route that a request leads to."""
        declared = request.app.get(_RULES, {}).get(request.match_info.route)
        return declared or Rule("read" if request.method in SAFE_METHODS else "admin")


_RULES: web.AppKey[dict[web.AbstractRoute, Rule]] = web.AppKey("rules", dict)

#: For load balancers and orchestrators: no data, no token, under any name.
PROBE = Rule(None, any_host=True)


def add_route(
    app: web.Application, path: str, handler: Handler, needs: Scope | Rule, *, methods: Iterable[str] = GET
) -> None:
    """Add a route for each of the methods. `needs` is the scope of its senders, or a `Rule` of its own."""
    if _RULES not in app:
        app[_RULES] = {}
    rule = needs if isinstance(needs, Rule) else Rule(needs)
    resource = app.router.add_resource(path)
    for method in methods:
        app[_RULES][resource.add_route(method, handler)] = rule
