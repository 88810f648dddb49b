"""Adds routes to an application; each route is added together with the scope that its senders need.

A path without a route, or a route that was added in another way, needs the scope `read`, or `admin` if the method can
change something. So a route whose scope was forgotten is closed, not open.
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
    """What a request needs for a route. `scope` None: it needs no token."""

    scope: Scope | None
    any_host: bool = False  #: the Host header is not checked: load balancers use the address of the machine
    framed: bool = False  #: pages of other sites may show it in a frame, as far as its own headers let them

    @staticmethod
    def of(request: web.Request) -> Rule:
        """The rule of the route of a request."""
        declared = request.app.get(_RULES, {}).get(request.match_info.route)
        return declared or Rule("read" if request.method in SAFE_METHODS else "admin")


_RULES: web.AppKey[dict[web.AbstractRoute, Rule]] = web.AppKey("rules", dict)

#: The rule for health checks of load balancers and orchestrators: no token, any Host header; such a route gives no
#: data.
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
