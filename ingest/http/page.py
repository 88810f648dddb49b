"""The routes of the web page: ``/``, ``/embed``, and their files under ``/assets/<hash>/``; with their headers.

None of them holds data, so none needs a token: the page asks the API, with the token that its reader typed. One more
answers the page alone: where else a run can be looked at.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.typedefs import Handler

from headwater.ingest.http.auth import MAY_READ
from headwater.ingest.http.routes import Rule, add_route
from headwater.ingest.http.run_links import RunLink
from headwater.ingest.http.serving import takes_gzip
from headwater.web import Asset, assets, assets_hash, html

#: What the page may do in a browser. There is no inline script or style, and no text becomes HTML (Trusted Types): a
#: column that is called ``<img onerror=...>`` is text. blob: is for the picture that is made into a PNG.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; frame-ancestors {}"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # addresses of the page name datasets
}
RUN_LINKS_PATH = "/api/v1/run-links"
_MOST_NODES = 2_000
_MOST_OF_NODE = 1_000  #: characters: proxies take some kB of headers
_FOR_EVER = "public, max-age=31536000, immutable"
#: A scheme and a host, whose first part may be ``*``, and perhaps a port: nothing that ends the header's directive.
_ORIGIN = re.compile(r"https?://(?:\*\.)?[a-z0-9.-]+(?::[0-9]{1,5})?", re.IGNORECASE)


def add_routes(app: web.Application, *, embed_in: Iterable[str] = (), links: Iterable[RunLink] = ()) -> None:
    """Add the page. `embed_in` are origins of other sites that may show ``/embed`` in a frame: `checked_origins`.

    `links` lead from a run to other systems.
    """
    add_route(app, "/", _page("'none'"), Rule(None))
    add_route(app, "/embed", _page(" ".join(["'self'", *checked_origins(embed_in)])), Rule(None, framed=True))
    add_route(app, "/assets/{hash}/{name}", _asset, Rule(None))
    told = {"links": [link.to_dict() for link in links]}

    async def run_links(_: web.Request) -> web.Response:
        return web.json_response(told)

    add_route(app, RUN_LINKS_PATH, run_links, "read")


def checked_origins(given: Iterable[str]) -> tuple[str, ...]:
    """These origins as the header names them. ValueError: one of them is no origin, such as https://wiki.example.com."""
    origins = tuple(origin.rstrip("/") for origin in given)
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"expected an origin such as https://wiki.example.com, got {origin!r}")
    return origins


def _page(ancestors: str) -> Handler:
    """The page, which looks at its own address to know what to show; `ancestors` may have it in a frame."""
    headers = {**_HEADERS, "Content-Security-Policy": _POLICY.format(ancestors), "Cache-Control": "no-cache"}

    async def page(request: web.Request) -> web.StreamResponse:
        question = first_question(request.query) if request.get(MAY_READ) else None
        first = {} if question is None else {"Link": f"<{question}>; rel=preload; as=fetch; crossorigin"}
        return web.Response(text=html(), content_type="text/html", headers={**headers, **first})

    return page


def first_question(query: Mapping[str, str]) -> str | None:
    """What the page at an address with this query asks first, as it asks it (`LineageView` in ``js/lineage.js``).

    A browser that is told of it asks before it has read the script, and so has the answer when the script wants it. One
    that needs a token cannot: the token is known to the script alone. None: the page asks something else, or more.
    """
    node = query.get("node", "")
    if not node or len(query) != 1 or len(node) > _MOST_OF_NODE:
        return None
    asked = {"node": node, "direction": "both"}
    if "#" not in node:
        asked["depth"] = "1"
    asked |= {"level": "column", "type": "direct", "counts": "true", "limit": str(_MOST_NODES)}
    return f"api/v1/lineage?{urlencode(asked, safe='*').replace('~', '%7E')}"  # as URLSearchParams writes it


async def _asset(request: web.Request) -> web.StreamResponse:
    asset = assets().get(request.match_info["name"])
    if asset is None or request.match_info["hash"] != assets_hash():
        return web.Response(status=404, text="there is no such file, or it is of another version", headers=_HEADERS)
    headers = {**_HEADERS, "Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    body = asset.body
    if takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
        body = _packed(request.match_info["name"], asset)
    return web.Response(body=body, content_type=asset.content_type, charset="utf-8", headers=headers)


@lru_cache(16)
def _packed(name: str, asset: Asset) -> bytes:
    return gzip.compress(asset.body, mtime=0)
