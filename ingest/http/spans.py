"""A span for each request; for applications of processes that make spans (`headwater.tracing.on`). Probes have none."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from headwater import tracing
from headwater.ingest.http.routes import Rule

_FAILED = 500  #: from this status on the span is one that failed


@web.middleware
async def trace_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Named by method and route, never by the path: that holds what was asked for."""
    if Rule.of(request).any_host:
        return await handler(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "(no route)"
    about = {"http.request.method": request.method, "http.route": route}
    with tracing.server_span(f"{request.method} {route}", request.headers, about) as span:
        response = await handler(request)
        span.set_attribute("http.response.status_code", response.status)
        entry = response.headers.get("Headwater-Entry")
        if entry:
            span.set_attribute("headwater.entry", int(entry))
        if response.status >= _FAILED:
            from opentelemetry.trace import StatusCode

            span.set_status(StatusCode.ERROR)
        return response
