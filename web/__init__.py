"""The web page: HTML, styles, icons and plain ES modules, and what of them a server or a notebook sends to a browser.

Here: which files there are, the address under which a browser may keep them for ever, and (`joined`) the modules as one
script without comments and blanks (`lean`). Not here: routes and headers (`ingest.http.page`), and what the page shows,
which is in `static/js`: read `app.js` first. It imports the standard library alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from headwater.web.joined import joined
from headwater.web.lean import lean_style

STATIC = Path(__file__).parent / "static"
#: Stands in the HTML for the folder of the files that it needs.
_ASSETS = "{{assets}}"
_HASH_DIGITS = 16


@dataclass(frozen=True)
class Asset:
    """A file that the page needs: its bytes, and the Content-Type with which they are sent."""

    body: bytes
    content_type: str


@lru_cache(1)
def assets() -> Mapping[str, Asset]:
    """All files that the page needs, by name: the script, the styles and the icons."""
    return {
        "page.js": Asset(script("app.js").encode(), "text/javascript"),
        "theme.css": Asset(lean_style((STATIC / "theme.css").read_text(encoding="utf-8")).encode(), "text/css"),
        "icons.svg": Asset((STATIC / "icons.svg").read_bytes(), "image/svg+xml"),
    }


@lru_cache(1)
def assets_hash() -> str:
    """A hash of all of these files. It is part of their address, so that a browser may keep them for ever."""
    digest = hashlib.sha256()
    for name, asset in sorted(assets().items()):
        digest.update(f"{name} {len(asset.body)}\n".encode())
        digest.update(asset.body)
    return digest.hexdigest()[:_HASH_DIGITS]


@lru_cache(1)
def html() -> str:
    """The HTML of the page; it loads its files from ``assets/<hash>/``, beside itself."""
    return (STATIC / "index.html").read_text(encoding="utf-8").replace(_ASSETS, f"assets/{assets_hash()}")


def link(url: str, node: str) -> str:
    """The address of the page that shows a dataset or column; `url` is the server's."""
    return f"{url.rstrip('/')}/?node={quote(node, safe='/:')}"


def script(entry: str) -> str:
    """The module `entry` of ``static/js`` with all that it imports, as one ES module."""
    return joined({file.name: file.read_text(encoding="utf-8") for file in (STATIC / "js").glob("*.js")}, entry)
