"""The access log: who asked what, one JSON object a line. Off unless a file is named; probes are left out.

``time`` (UTC), ``sender`` (null: anonymous), ``remote``, ``method``, ``path``, ``query`` (without secrets), ``status``,
``ms``, ``bytes`` (of the answer, null if it was streamed), ``entry`` (of the ledger, of what was sent), ``agent``.
"""

from __future__ import annotations

import logging
import sys
import time
from datetime import datetime, timezone
from logging.handlers import WatchedFileHandler

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from headwater.ingest.http.auth import SENDER
from headwater.ingest.http.routes import Rule
from headwater.spline_bridge.secret_patterns import clean_text

_LONGEST = {"path": 1_000, "query": 2_000, "agent": 200}
STDOUT = "-"
_FAILED = 500  #: of a request that ended by an error of ours, or whose client hung up


def access_log(file: str) -> Middleware:
    """A middleware, the first of all, that writes to `file`, or to standard output if that is ``-``. OSError.

    A file that was moved away by a tool that rotates logs is made again.
    """
    place = logging.StreamHandler(sys.stdout) if file == STDOUT else WatchedFileHandler(file, encoding="utf-8")
    place.setFormatter(logging.Formatter("%(message)s"))
    lines = logging.getLogger("headwater.access")
    lines.setLevel(logging.INFO)  # whatever the level of the log for people is, which it is no part of
    lines.propagate = False
    lines.handlers = [place]

    @web.middleware
    async def write(request: web.Request, handler: Handler) -> web.StreamResponse:
        if Rule.of(request).any_host:
            return await handler(request)
        begun = time.perf_counter()
        response: web.StreamResponse | None = None
        status = _FAILED
        try:
            response = await handler(request)
        except web.HTTPException as error:
            status = error.status
            raise
        else:
            status = response.status
            return response
        finally:
            lines.info("%s", _line(request, response, status, time.perf_counter() - begun))

    return write


def _line(request: web.Request, response: web.StreamResponse | None, status: int, seconds: float) -> str:
    sender = request.get(SENDER)
    body = response.body if isinstance(response, web.Response) else None
    entry = response.headers.get("Headwater-Entry") if response is not None else None
    said = {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "sender": sender.name if sender is not None else None,
        "remote": request.remote,
        "method": request.method,
        "path": _clean("path", request.rel_url.raw_path),
        "query": _clean("query", request.rel_url.raw_query_string),
        "status": status,
        "ms": round(seconds * 1_000, 1),
        "bytes": len(body) if isinstance(body, bytes | bytearray) else None,
        "entry": int(entry) if entry else None,
        "agent": _clean("agent", request.headers.get("User-Agent", "")),
    }
    return orjson.dumps(said).decode()


def _clean(name: str, text: str) -> str | None:
    text = text.encode("utf-8", "replace").decode("utf-8")[: _LONGEST[name]]
    return clean_text(text)[0] or None
