"""Spline's Consumer API under /consumer, read-only: what Spline's own UI and people's scripts ask of a Spline server.

Errors are Spline's: 404 and 503 as ``{"errorId", "timestamp", "message"}``, 400 as one sentence of plain text. Here:
routes and parameters. Not here: the answers (`ingest.folder.spline_consumer`, `spline_bridge.consumer`).
Routes: https://absaoss.github.io/spline/, the consumer REST endpoint.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from headwater.graphstore.errors import StoreError
from headwater.ingest.folder.answering import NeedsLedger
from headwater.ingest.folder.service import Service
from headwater.ingest.folder.spline_consumer import SORT_FIELDS, EventQuery, NotFound, SplineConsumer
from headwater.ingest.folder.stopping import Check
from headwater.ingest.http.routes import add_route
from headwater.queries.answers.errors import QueryError
from headwater.spline_bridge.consumer import NotInPlan, TooLarge

Run = Callable[[web.Request, Callable[[Check], Any]], Any]
"""(request, question): its answer, from a thread; raises what stops it."""

#: Longest page: what one answer may cost.
_LARGEST_PAGE = 1_000
_DEEPEST = 100
_LAST_PAGE = 10**9  #: times the longest page is a number that SQLite has


class _Wrong(ValueError):
    """A parameter that cannot be read; the text names it."""


def add_routes(app: web.Application, service: Service | None, run: Run) -> None:
    """Add the routes to an application; `run` runs a question in a thread, for one request.

    Without a `service`, where there is the graph alone, each says that it needs the ledger.
    """
    answered = _Answers(None if service is None else SplineConsumer(service), run)
    for path, handler in (
        ("/consumer/execution-events", answered.events),
        ("/consumer/data-sources", answered.data_sources),
        ("/consumer/execution-plans", answered.plans),
        ("/consumer/execution-plans/{plan}", answered.plan),
        ("/consumer/execution-plans/{plan}/write-op", answered.write_operation),
        ("/consumer/execution-plans/{plan}/data-sources", answered.plan_data_sources),
        ("/consumer/lineage-detailed", answered.lineage_detailed),
        ("/consumer/lineage-overview", answered.lineage_overview),
        ("/consumer/impact-overview", answered.impact_overview),
        ("/consumer/attribute-lineage-and-impact", answered.attribute),
        ("/consumer/operations/{operation}", answered.operation),
        ("/consumer/labels/names", answered.label_names),
        ("/consumer/labels/names/{label}/values", answered.label_values),
    ):
        add_route(app, path, _with_errors_of_spline(handler), "read")
    for path in ("/consumer", "/consumer/{path:.*}"):
        add_route(app, path, _with_errors_of_spline(_unknown), "read")


class _Answers:
    def __init__(self, consumer: SplineConsumer | None, run: Run) -> None:
        self._of = consumer
        self._run = run

    async def events(self, request: web.Request) -> web.Response:
        query = _event_query(request, "timestamp", descending=True)
        return await self._answer(request, lambda of, check: of.events(query, check))

    async def data_sources(self, request: web.Request) -> web.Response:
        query = _event_query(request, "dataSourceUri", descending=False)
        return await self._answer(request, lambda of, check: of.data_sources(query, check))

    async def plans(self, request: web.Request) -> web.Response:
        at = _whole(request, "asAtTime", 0) or time.time_ns() // 1_000_000
        page, size = _whole(request, "pageNum", 1, 1, _LAST_PAGE), _whole(request, "pageSize", 10, 1, _LARGEST_PAGE)
        return await self._answer(request, lambda of, check: of.plans(at, page, size, check))

    async def plan(self, request: web.Request) -> web.Response:
        return await self._answer(request, lambda of, _: of.plan(request.match_info["plan"]).detailed())

    async def lineage_detailed(self, request: web.Request) -> web.Response:
        plan = _needed(request, "execId")
        return await self._answer(request, lambda of, _: of.plan(plan).detailed())

    async def write_operation(self, request: web.Request) -> web.Response:
        plan = request.match_info["plan"]
        operation = await self._asked(request, lambda of, _: of.plan(plan).write_operation)
        return web.Response(status=302, headers={"Location": f"../../operations/{operation}"})

    async def plan_data_sources(self, request: web.Request) -> web.Response:
        access = request.query.get("access", "").lower() or None
        if access not in (None, "read", "write"):
            raise _Wrong(f"access: expected read or write, got {access[:50]!r}")
        return await self._answer(request, lambda of, _: of.data_sources_of(request.match_info["plan"], access))

    async def lineage_overview(self, request: web.Request) -> web.Response:
        return await self._overview(request, forward=False)

    async def impact_overview(self, request: web.Request) -> web.Response:
        return await self._overview(request, forward=True)

    async def _overview(self, request: web.Request, *, forward: bool) -> web.Response:
        event, depth = _needed(request, "eventId"), _whole(request, "maxDepth", 5, 0, _DEEPEST)
        return await self._answer(request, lambda of, check: of.overview(event, depth, check, forward=forward))

    async def attribute(self, request: web.Request) -> web.Response:
        plan, attribute = _of_plan("Attribute", _needed(request, "attributeId"))
        return await self._answer(request, lambda of, _: of.plan(plan).attribute_lineage_and_impact(attribute))

    async def operation(self, request: web.Request) -> web.Response:
        plan, operation = _of_plan("Operation", request.match_info["operation"])
        return await self._answer(request, lambda of, _: of.plan(plan).operation(operation))

    async def label_names(self, request: web.Request) -> web.Response:
        return await self._answer(request, lambda of, check: _found(request, list(of.label_values(check))))

    async def label_values(self, request: web.Request) -> web.Response:
        name = request.match_info["label"]
        return await self._answer(request, lambda of, check: _found(request, of.label_values(check).get(name, [])))

    async def _answer(self, request: web.Request, ask: Callable[[SplineConsumer, Check], Any]) -> web.Response:
        return _json(await self._asked(request, ask))

    async def _asked(self, request: web.Request, ask: Callable[[SplineConsumer, Check], Any]) -> Any:
        consumer = self._of
        if consumer is None:
            raise NeedsLedger
        return await self._run(request, lambda check: ask(consumer, check))


async def _unknown(request: web.Request) -> web.Response:
    raise NotFound(f"there is no {request.path}; Spline's Consumer API is described in docs/consumer.md")


def _of_plan(what: str, given: str) -> tuple[str, str]:
    """The plan's id, and the rest of the id of something in it."""
    plan, colon, rest = given.rpartition(":")
    if not colon:
        raise NotFound(f"{what} ID '{given[:100]}' not found: expected PLAN:ID")
    return plan, rest


# parameters -----------------------------------------------------------------------------------------------------------


def _event_query(request: web.Request, sort: str, *, descending: bool) -> EventQuery:
    given = request.query
    start, end = (_whole(request, name, -1) for name in ("timestampStart", "timestampEnd"))
    order = given.get("sortOrder", "desc" if descending else "asc").lower()
    if order not in ("asc", "desc"):
        raise _Wrong(f"sortOrder: expected asc or desc, got {order[:50]!r}")
    field = given.get("sortField", sort)
    if field not in SORT_FIELDS:
        raise _Wrong(f"sortField: expected one of {', '.join(SORT_FIELDS)}, got {field[:50]!r}")
    return EventQuery(
        as_at=_whole(request, "asAtTime", 0) or None,
        start=None if start < 0 else start,
        end=None if end < 0 else end,
        application_id=given.get("applicationId", "").strip() or None,
        data_source=given.get("dataSourceUri", "").strip() or None,
        search=given.get("searchTerm", "").strip() or None,
        appends=tuple(map(_append, given["append"].split(","))) if "append" in given else (),
        labels=tuple(map(_label, given.getall("label", []))),
        page=_whole(request, "pageNum", 1, 1, _LAST_PAGE),
        size=_whole(request, "pageSize", 10, 1, _LARGEST_PAGE),
        sort=field,
        descending=order == "desc",
        date_range=given.get("facet.timestamp", "false").lower() == "true",
    )


def _append(text: str) -> bool | None:
    known = {"true": True, "false": False, "": None}
    if text.strip().lower() not in known:
        raise _Wrong(f"append: expected true, false or nothing between commas, got {text[:50]!r}")
    return known[text.strip().lower()]


def _label(text: str) -> tuple[str, tuple[str, ...]]:
    name, colon, values = text.partition(":")
    if not colon or not name.strip():
        raise _Wrong(f"label: expected NAME:VALUE,VALUE, got {text[:50]!r}")
    return name.strip(), tuple(value.strip() for value in values.split(","))


def _whole(request: web.Request, name: str, default: int, least: int = 0, most: int = 2**63 - 1) -> int:
    text = request.query.get(name, "").strip()
    if not text:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else -1  # noqa: PLR2004 - digits of 2**63
    if not least <= number <= most:
        expected = f"a whole number from {least}" + ("" if most == 2**63 - 1 else f" to {most}")
        raise _Wrong(f"{name}: expected {expected}, got {text[:50]!r}")
    return number


def _needed(request: web.Request, name: str) -> str:
    text = request.query.get(name, "").strip()
    if not text:
        raise _Wrong(f"Required request parameter '{name}' is not present")
    return text


def _found(request: web.Request, names: list[str]) -> list[str]:
    """The part of a list that `search`, `offset` and `length` ask for."""
    search = request.query.get("search", "").strip().casefold()
    offset, text = _whole(request, "offset", 0), request.query.get("length", "").strip()
    length = None if text in ("", "-1", "0") else _whole(request, "length", 0)
    found = [name for name in names if search in name.casefold()]
    return found[offset:] if length is None else found[offset : offset + length]


# errors ---------------------------------------------------------------------------------------------------------------


def _with_errors_of_spline(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except _Wrong as error:
            return web.Response(text=str(error), status=400)
        except (NotFound, NotInPlan) as error:
            return _error(str(error), 404)
        except TooLarge as error:
            return _error(str(error), 413)
        except NeedsLedger as error:
            return _error(str(error), 400)
        except (QueryError, StoreError) as error:
            response = _error(f"the graph cannot be asked: {error}", 503)
            response.headers["Retry-After"] = "5"
            return response

    return answer


def _error(message: str, status: int) -> web.Response:
    """Spline's `ErrorRef`."""
    content = {"errorId": str(uuid.uuid4()), "timestamp": time.time_ns() // 1_000_000, "message": message}
    return _json(content, status=status)


def _json(content: Any, *, status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(content, default=list),
        status=status,
        content_type="application/json",
        headers={"X-Content-Type-Options": "nosniff"},
    )
