"""The HTTP API under /api/v1, and /ready, /metrics: questions in, answers out; nothing is computed here.

Errors are ``{"error", "field", "suggestions"}``: 400 for a question that cannot be asked so, 404 for a node that does
not exist, 503 where the graph cannot be reached. Every answer takes ``after=N``: it waits until ledger entry N is in
the graph.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from typing import Any, TypeVar

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from headwater.faults import Fault
from headwater.graphmodel.statements.errors import StatementError
from headwater.graphmodel.statements.json_text import parse
from headwater.graphmodel.statements.model import Statement
from headwater.graphstore.errors import TimedOut
from headwater.ingest.folder.answering import Answering, NeedsLedger
from headwater.ingest.folder.service import Service
from headwater.ingest.folder.statement_checking import check as check_statement
from headwater.ingest.folder.stopping import Abandoned, Check
from headwater.ingest.http import consumer, sagemaker
from headwater.ingest.http.auth import SENDER
from headwater.ingest.http.authenticator import SCOPES
from headwater.ingest.http.error_table import explained_errors, fault_of
from headwater.ingest.http.metrics import CONTENT_TYPE as METRICS_TYPE
from headwater.ingest.http.metrics import exposition
from headwater.ingest.http.openapi import PATH as OPENAPI_PATH
from headwater.ingest.http.openapi import document, entry
from headwater.ingest.http.routes import ANY_METHOD, PROBE, add_route
from headwater.ingest.http.statements import CHECK_PATH
from headwater.ingest.intake.body import InvalidBody
from headwater.ingest.ledger.ledger import LedgerError
from headwater.ingest.ledger.verify import ledger_facts
from headwater.queries.answers.errors import NodeNotFound, QueryError
from headwater.queries.answers.impact import Impact
from headwater.queries.catalogue.catalogue import QUERIES
from headwater.queries.drawing.impact import text as impact_text

SERVICE: web.AppKey[Answering] = web.AppKey("service", Answering)


#: Threads that ask the graph: reads run in parallel, and a slow one must not hold up the others.
_THREADS = 4
#: Threads that wait for ``after=N``, apart: those who wait must not hold up those who ask.
_WAITING_THREADS = 32
#: Questions under way or waiting for a thread; one more is told to come again. Most questions take milliseconds.
_MOST_QUESTIONS = 64
#: Seconds after which a question is stopped that has no deadline of its own, or does not keep it.
_QUESTION_SECONDS = 60.0
#: Longest that ``after=N`` waits, in seconds; then 503 says so.
WAIT_SECONDS = 30.0
_LOOK_SECONDS = 0.5  #: between two looks whether somebody still waits
_RETRY_SECONDS = "5"

_T = TypeVar("_T")


class _Lane:
    """Threads that work for requests. The number of requests that wait for them is limited.

    Work is stopped when its client is gone. May only be used in the event loop.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._under_way = 0

    async def run(self, work: Callable[[Check], _T]) -> _T:
        """Run `work` in a thread; its result. `work` calls its argument between its steps: this raises to stop it.

        _TooManyQuestions: too many questions are under way, and this one was not begun.
        """
        if self._under_way >= _MOST_QUESTIONS:
            raise _TooManyQuestions(f"{self._under_way} questions are under way: ask again in some seconds")
        loop = asyncio.get_running_loop()
        given_up = threading.Event()
        end = time.monotonic() + _QUESTION_SECONDS

        def check() -> None:
            if given_up.is_set():
                raise Abandoned("nobody waits for the answer any more")
            if time.monotonic() > end:
                raise TimedOut(f"the question took more than {_QUESTION_SECONDS:g} s: ask for a part of it")

        def ended(_: object) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._ended)

        self._under_way += 1
        working = self._threads.submit(work, check)
        working.add_done_callback(ended)  # and not when the client is gone: a thread may still be busy
        try:
            return await asyncio.wrap_future(working)
        finally:
            given_up.set()

    def _ended(self) -> None:
        self._under_way -= 1

    def close(self) -> None:
        """Start no further work; what waits is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)


_READERS: web.AppKey[_Lane] = web.AppKey("readers", _Lane)
_WAITERS: web.AppKey[_Lane] = web.AppKey("waiters", _Lane)


def add_routes(app: web.Application, service: Answering) -> None:
    """Add the routes of the API to an application; they ask `service`, which is open."""
    app[SERVICE] = service
    app[_READERS] = _Lane(_THREADS, "reader")
    app[_WAITERS] = _Lane(_WAITING_THREADS, "waiter")
    app[_LIVE] = _Live()
    app.on_shutdown.append(_end_events)
    app.on_cleanup.append(_close)
    app.middlewares.append(answer_query_errors)
    add_route(app, "/api/v1/lineage", _lineage, "read")
    add_route(app, "/api/v1/queries", _queries, "read")
    add_route(app, "/api/v1/queries/{name}", _query, "read")
    add_route(app, "/api/v1/plan-types", _plan_types, "read")
    add_route(app, "/api/v1/column-types", _column_types, "read")
    add_route(app, "/api/v1/impact-report", _impact_report, "read")
    add_route(app, "/api/v1/events", _events, "read")
    add_route(app, "/api/v1/me", _me, "read")
    add_route(app, "/api/v1/first-plan", _first_plan, "read")
    add_route(app, "/api/v1/plan-entry", _plan_entry, "read")
    add_route(app, "/api/v1/name-entry", _name_entry, "read")
    add_route(app, "/api/v1/naming", _naming, "read")
    add_route(app, "/api/v1/erased", _erased, "read")
    add_route(app, "/api/v1/snapshots", _snapshots, "read")
    add_route(app, "/api/v1/search", _search, "read")
    add_route(app, CHECK_PATH, _statement_check, "read", methods=["POST"])
    add_route(app, "/api/v1/stats", _stats, "read")
    add_route(app, "/api/v1/parked", _parked, "read")
    add_route(app, "/api/v1/parked/retry", _retry_parked, "admin", methods=["POST"])
    sagemaker.add_routes(app, service, lambda request, work: request.app[_READERS].run(work))
    add_route(app, OPENAPI_PATH, _openapi, "read")
    for path in ("/api", "/api/", "/api/v1", "/api/v1/"):
        add_route(app, path, _entry, "read")
    consumer.add_routes(
        app, service if isinstance(service, Service) else None, lambda request, work: request.app[_READERS].run(work)
    )
    add_route(app, "/ready", _ready, PROBE)
    add_route(app, "/metrics", _metrics, "read")
    add_route(app, "/api/{path:.*}", _unknown_path, "read", methods=ANY_METHOD)


async def _end_events(app: web.Application) -> None:
    app[_LIVE].ended.set()


async def _close(app: web.Application) -> None:
    for lane in (app[_READERS], app[_WAITERS]):
        lane.close()


async def _lineage(request: web.Request) -> web.Response:
    return await _answer_query(request, "lineage")


async def _search(request: web.Request) -> web.Response:
    return await _answer_query(request, "search")


async def _query(request: web.Request) -> web.Response:
    return await _answer_query(request, request.match_info["name"])


async def _queries(request: web.Request) -> web.Response:
    _no_parameters(request, ())
    return _json({"queries": [query.to_dict() for query in QUERIES]})


async def _plan_types(request: web.Request) -> web.Response:
    await _after(request)
    _no_parameters(request, ("after", "plan"))
    plan = request.query.get("plan", "")
    types = await _in_thread(request, lambda: _with_ledger(request).types(plan))
    return _json({"plan": plan, "types": types})


async def _column_types(request: web.Request) -> web.Response:
    """Spark's types of the columns of a dataset, by name in lower case; see `Service.column_types`."""
    await _after(request)
    _no_parameters(request, ("after", "dataset", "asOf"))
    dataset, until = request.query.get("dataset", ""), request.query.get("asOf")
    node, types = await _in_thread(request, lambda: _with_ledger(request).column_types(dataset, until))
    return _json({"dataset": node, "types": types})


async def _impact_report(request: web.Request) -> web.Response:
    """The query impact as a file to keep or send: `format` csv, markdown or html."""
    await _after(request)
    format_ = request.query.get("format", "html")
    if format_ not in _REPORTS:
        raise QueryError(f"format must be one of {', '.join(_REPORTS)}, not {format_[:50]!r}", "format", list(_REPORTS))
    given = [(key, value) for key, value in request.query.items() if key not in ("after", "format")]
    service = request.app[SERVICE]

    def report(check: Check) -> str:
        found = service.ask("impact", given, check)
        assert isinstance(found, Impact), "the query impact answers with this shape"
        return impact_text(found, format_, None)

    text = await request.app[_READERS].run(report)
    kind, ending = _REPORTS[format_]
    return web.Response(
        text=text,
        content_type=kind,
        headers={
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
            "Content-Disposition": f'attachment; filename="impact.{ending}"',
        },
    )


async def _me(request: web.Request) -> web.Response:
    """Who asks, and which scopes that opens; where no token is needed: nobody, and all.

    Who may do all is told the data folder: commands that read the ledger's file find it so on the server's machine.
    """
    _no_parameters(request, ())
    sender = request.get(SENDER)
    opened = [scope for scope in SCOPES if sender is None or sender.may(scope)]
    folder = str(request.app[SERVICE].folder.resolve()) if "admin" in opened else None
    return _json({"name": None if sender is None else sender.name, "scopes": opened, "folder": folder})


async def _first_plan(request: web.Request) -> web.Response:
    """How a first job is made to report to the server at `url`: lines of PySpark, and parameters of Glue."""
    from headwater.spline_bridge.glue.attach import parameters
    from headwater.spline_bridge.glue.versions import CannotAttach

    _no_parameters(request, ("url",))
    url = request.query.get("url", _SOME_URL)
    pyspark = f'import headwater.spark\n\nheadwater.spark.capture(spark, "{url}")'
    try:
        glue = parameters("5.0", url, _SOME_PREFIX)
    except CannotAttach:  # this machine's own address, which a job in the cloud does not reach
        glue = parameters("5.0", _SOME_URL, _SOME_PREFIX)
    return _json({"pyspark": pyspark, "glue": glue})


_SOME_URL, _SOME_PREFIX = "http://HOST:9090", "s3://BUCKET/jars"


#: By the parameter `format`: content type, ending of the file.
_REPORTS = {"csv": ("text/csv", "csv"), "markdown": ("text/markdown", "md"), "html": ("text/html", "html")}


async def _events(request: web.Request) -> web.StreamResponse:
    """How far the graph is, as server-sent events: one at once, then one whenever more of the ledger is in it.

    ``event: graph``, with ``{"reached": last entry in the graph, "lag": entries that are not, "rebuilding": bool}``. A
    line of comment comes now and then, so that the connection is known to live. The stream ends when the server stops.
    """
    _no_parameters(request, ())
    live = request.app[_LIVE]
    if live.listeners >= _MOST_LISTENERS:
        raise _TooManyQuestions(f"{live.listeners} pages listen already: ask again later")
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if request.method == "HEAD":  # it is answered by the headers alone, and listens to nothing
        return web.Response(headers=headers)
    response = web.StreamResponse(headers=headers)
    live.listeners += 1
    try:
        await response.prepare(request)
        told: tuple[int, bool] | None = None
        quiet = 0.0
        while not live.ended.is_set():
            position = request.app[SERVICE].position
            now = (position.reached, position.rebuilding)
            if now != told:
                facts = {"reached": now[0], "lag": _lag(request.app[SERVICE]), "rebuilding": now[1]}
                await response.write(b"event: graph\ndata: " + orjson.dumps(facts) + b"\n\n")
                told, quiet = now, 0.0
            elif quiet >= _COMMENT_SECONDS:
                await response.write(b": still here\n\n")
                quiet = 0.0
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(live.ended.wait(), _LOOK_SECONDS)
            quiet += _LOOK_SECONDS
    finally:
        live.listeners -= 1
    return response


class _Live:
    """Those who listen to events."""

    def __init__(self) -> None:
        self.listeners = 0
        self.ended = asyncio.Event()


_LIVE: web.AppKey[_Live] = web.AppKey("live", _Live)
#: Each listener is a connection to the server, and one from there to this process.
_MOST_LISTENERS = 200
_COMMENT_SECONDS = 15.0


async def _plan_entry(request: web.Request) -> web.Response:
    """The sequence of the ledger entry that holds a plan; null if the plan is not known."""
    await _after(request)
    _no_parameters(request, ("after", "plan"))
    plan = request.query.get("plan", "")
    service = _with_ledger(request)

    def look() -> dict[str, object]:
        sequence = service.entry(plan)
        entry = None if sequence is None else service.ledger.entry(sequence)
        if entry is None:
            return {"plan": plan, "entry": sequence}
        received = {"hash": entry.hash, "receivedAt": entry.received_ms, "sender": entry.sender}
        return {"plan": plan, "entry": sequence, **received}

    return _json(await _in_thread(request, look))


async def _erased(request: web.Request) -> web.Response:
    """The sequence of the last entry in the graph that says that a payload was erased; 0: none does."""
    await _after(request)
    _no_parameters(request, ("after",))
    return _json({"entry": await _in_thread(request, request.app[SERVICE].erased)})


async def _snapshots(request: web.Request) -> web.Response:
    """The last snapshot of each scope of a source: when it was taken, and its sender's own hash of what it lists."""
    await _after(request)
    _no_parameters(request, ("after", "source"))
    source = request.query.get("source", "")
    found = await _in_thread(request, lambda: _with_ledger(request).snapshots(source))
    listed = [{"scope": scope, "at": at, "digest": digest} for scope, (at, digest) in found.items()]
    return _json({"source": source, "snapshots": listed})


async def _name_entry(request: web.Request) -> web.Response:
    """The first ledger entry that gives a dataset another name, its kind, and who states it; null if none does."""
    await _after(request)
    _no_parameters(request, ("after", "name", "dataset"))
    name, dataset = request.query.get("name", ""), request.query.get("dataset", "")
    found = await _in_thread(request, lambda: _with_ledger(request).name_entry(name, dataset))
    entry, kind, source = found or (None, None, None)
    return _json({"name": name, "dataset": dataset, "entry": entry, "kind": kind, "source": source})


async def _statement_check(request: web.Request) -> web.Response:
    """What a statement would be about: `statement_checking.Checked`, or the reason why it would be refused.

    Asked by the server alone, which passes no request with a body on.
    """
    await _after(request)
    try:
        said = parse(await request.read())
    except StatementError as error:
        raise QueryError(str(error), error.field) from None
    if not isinstance(said, Statement):
        raise QueryError("a snapshot is not looked up", "statements")
    return _json((await _in_thread(request, lambda: check_statement(_with_ledger(request), said))).to_dict())


async def _naming(request: web.Request) -> web.Response:
    """The naming rules with which the graph is built, as text: commands that read a plan themselves name by them."""
    _no_parameters(request, ())
    return _json({"rules": request.app[SERVICE].rules.text})


async def _stats(request: web.Request) -> web.Response:
    await _after(request)
    _no_parameters(request, ("after",))
    service = request.app[SERVICE]

    def ask(check: Check) -> web.Response:
        return _json({**service.stats(check).to_dict(), **ledger_facts(service.folder)})

    return await request.app[_READERS].run(ask)


async def _retry_parked(request: web.Request) -> web.Response:
    """Try the parked entries again, one after the other: how many are in the graph now, and how many are not."""
    _no_parameters(request, ())
    service = _with_ledger(request)
    retried = await _in_thread(request, service.projector.retry_parked)
    return _json({"retried": retried, "parked": service.projector.parked_count()})


async def _openapi(request: web.Request) -> web.Response:
    _no_parameters(request, ())
    return _json(document(version("headwater")))


async def _entry(request: web.Request) -> web.Response:
    _no_parameters(request, ())
    return _json(entry(version("headwater")))


async def _parked(request: web.Request) -> web.Response:
    """Parked entries, paged by ``next``: the sequence after which the page begins."""
    await _after(request)
    _no_parameters(request, ("after", "limit", "next"))
    begin, limit = _integer(request, "next", 0), min(_integer(request, "limit", 100), 1_000)
    service = _with_ledger(request)
    parked = await _in_thread(request, lambda: service.parked(begin, limit + 1))
    rows = [{"sequence": p.sequence, "kind": p.kind, "reason": p.reason, "at": p.at_ms} for p in parked[:limit]]
    more = parked[limit - 1].sequence if 0 < limit < len(parked) else None
    return _json({"parked": rows, "next": None if more is None else str(more)})


async def _ready(request: web.Request) -> web.Response:
    """Ready if the ledger accepts entries and the graph answers; `lag` is the number of entries not yet in the graph.

    `rebuilding`: the graph is being built again, and answers say that they are not complete.
    """
    facts = await _in_thread(request, request.app[SERVICE].ready_facts)
    return _json({"status": "ready", **facts})


async def _metrics(request: web.Request) -> web.Response:
    body = await _in_thread(request, lambda: exposition(request.app[SERVICE]))
    return web.Response(body=body, headers={"Content-Type": METRICS_TYPE})


async def _unknown_path(request: web.Request) -> web.Response:
    """405 with the methods that the path takes, 404 with all paths: of this process, and of the receiver before it."""
    methods: dict[str, set[str]] = {path: {m.upper() for m in taken} for path, taken in _documented().items()}
    for route in request.app.router.routes():
        if route.resource is not None and route.method != "*":
            methods.setdefault(route.resource.canonical, set()).add(route.method)
    single = {f"/api/v1/queries/{query.name}" for query in QUERIES}  # `/api/v1/queries` lists them
    paths = sorted(path for path in methods.keys() - single if path.startswith("/api/v1/") and path != "/api/v1/")
    taken = methods.get(request.path.rstrip("/"))
    answer = {"error": f"there is no {request.path}", "field": None, "suggestions": paths}
    if not taken:
        return _json(answer, status=404)
    said = " and ".join(sorted(taken - {"HEAD"}))
    refused = _json({**answer, "error": f"{request.path} takes {said} only"}, status=405)
    refused.headers["Allow"] = ", ".join(sorted(taken | ({"HEAD"} if "GET" in taken else set())))
    return refused


@cache
def _documented() -> Mapping[str, Collection[str]]:
    """Path -> the methods that the API's description has of it."""
    paths: Mapping[str, Mapping[str, Any]] = document("")["paths"]
    return paths


async def _answer_query(request: web.Request, name: str) -> web.Response:
    await _after(request)
    given = [(key, value) for key, value in request.query.items() if key != "after"]
    service = request.app[SERVICE]

    def answer(check: Check) -> web.Response:
        head = service.position.head  # before it is asked: what came since may be in the answer as well
        response = _json(service.ask(name, given, check).to_dict())
        response.headers[_GRAPH] = f"{head.sequence} {head.hash}".strip()
        return response

    return await request.app[_READERS].run(answer)


#: Up to which entry of the ledger the graph was when it answered: its number and its hash.
_GRAPH = "Headwater-Graph"


async def _after(request: web.Request) -> None:
    """Wait until the ledger entry ``after`` is in the graph; senders know it from the header `Headwater-Entry`."""
    if "after" not in request.query:
        return
    sequence, position = _integer(request, "after", 0), request.app[SERVICE].position
    last = await _in_thread(request, request.app[SERVICE].last_entry)
    if last is not None and sequence > last:
        raise QueryError(f"the ledger has no entry {sequence} yet", "after")

    def wait(check: Check) -> bool:
        end = time.monotonic() + WAIT_SECONDS
        while (left := end - time.monotonic()) > 0:
            check()
            if position.wait_for(sequence, min(left, _LOOK_SECONDS)):
                return True
        return False

    if sequence > position.reached and not await request.app[_WAITERS].run(wait):
        raise _GraphBehind(f"entry {sequence} is not in the graph after {WAIT_SECONDS:g} s", "after")


class _TooManyQuestions(QueryError):
    """Too many questions are under way; the client may ask again later."""

    fault = Fault.UNAVAILABLE


class _GraphBehind(QueryError):
    """The ledger entry that the question waits for is not in the graph yet."""

    fault = Fault.UNAVAILABLE


def _integer(request: web.Request, name: str, default: int) -> int:
    values = request.query.getall(name, [])
    if len(values) > 1:
        raise QueryError(f"{name} is given {len(values)} times", name)
    try:
        number = int(values[0]) if values else default
    except ValueError:
        number = -1
    if number < 0:
        raise QueryError(f"expected a whole number from 0 for {name}, got {values[0]!r}", name)
    return number


def _no_parameters(request: web.Request, known: Iterable[str]) -> None:
    unknown = sorted(set(request.query) - set(known))
    if unknown:
        raise QueryError(f"unknown parameter {unknown[0]!r}", unknown[0], sorted(known))


async def _in_thread(request: web.Request, work: Callable[[], _T]) -> _T:
    return await request.app[_READERS].run(lambda _check: work())


@web.middleware
async def answer_query_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers a mistake in a question, or a store that cannot answer now, as JSON. Other errors become a 500."""
    try:
        return await handler(request)
    except InvalidBody:
        raise
    except explained_errors() as error:
        fault = fault_of(error)
        if fault is None or fault.http == Fault.OURS.http:
            raise
        content = error_content(error)
        lag = _lag(request.app[SERVICE]) if isinstance(error, NodeNotFound) else 0
        if lag:
            content |= {"error": f"{error} ({lag:,} entries are not yet in the graph)", "lag": lag}
        response = _json(content, status=fault.http)
        if fault is Fault.UNAVAILABLE:
            response.headers["Retry-After"] = _RETRY_SECONDS
        return response


def _lag(service: Answering) -> int | None:
    """The number of entries that are not in the graph yet; 0 if the ledger cannot be read, None if there is none."""
    try:
        return service.lag()
    except LedgerError:
        return 0


def _with_ledger(request: web.Request) -> Service:
    """What answers here, if it has the ledger, and the tables beside it. NeedsLedger: it has the graph alone."""
    service = request.app[SERVICE]
    if not isinstance(service, Service):
        raise NeedsLedger
    return service


def error_content(error: Exception) -> dict[str, Any]:
    """The JSON of an answer that says why a question cannot be answered."""
    if isinstance(error, QueryError):
        return error.to_dict()
    return {"error": f"the graph cannot be asked: {error}", "field": None, "suggestions": []}


def _json(content: Any, *, status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(content),
        status=status,
        content_type="application/json",
        headers={"X-Content-Type-Options": "nosniff"},
    )
