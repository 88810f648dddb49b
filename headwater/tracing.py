"""Spans for OpenTelemetry: what took how long, from a request over the ledger to the graph. Off unless it is set up.

It is set up by OpenTelemetry's own variables, such as ``OTEL_EXPORTER_OTLP_ENDPOINT``, with the extra
``headwater[otel]``. Names of datasets, columns and senders are in no span. Imports nothing of Headwater.
Sources: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
https://opentelemetry.io/docs/specs/semconv/http/http-spans/.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

log = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

_provider: TracerProvider | None = None


def set_up(part: str) -> None:
    """Send the spans of this process (`part`: server, graph, receiver, ingester, reader), where the environment says.

    Nothing happens where it names no endpoint; without the extra a warning says what is missing.
    """
    global _provider  # noqa: PLW0603 - one a process, as OpenTelemetry has it
    if not any(map(os.environ.get, _ENDPOINTS)) or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        how = "pip install 'headwater[otel]', or in a clone pip install '.[otel]'"
        log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, but not %s: %s", error.name, how)
        return
    named = {"service.name": os.environ.get("OTEL_SERVICE_NAME", "headwater"), "headwater.process": part}
    _provider = TracerProvider(resource=Resource.create(named))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))


def shut_down() -> None:
    """Send what was not sent yet."""
    if _provider is not None:
        _provider.shutdown()


@contextmanager
def sending(part: str) -> Iterator[None]:
    """`set_up` for a block, and `shut_down` at its end."""
    set_up(part)
    try:
        yield
    finally:
        shut_down()


def on() -> bool:
    """Whether spans are made."""
    return _provider is not None


@contextmanager
def span(name: str, attributes: Mapping[str, Any] | None = None) -> Iterator[Any]:
    """A span around a block, inside the one around it; None where there are none. An exception marks it as failed."""
    if _provider is None:
        yield None
        return
    with _provider.get_tracer("headwater").start_as_current_span(name, attributes=dict(attributes or {})) as made:
        yield made


@contextmanager
def server_span(name: str, headers: Mapping[str, str], attributes: Mapping[str, Any]) -> Iterator[Any]:
    """The span of a request, inside that of its sender, if the headers name one (``traceparent``, W3C)."""
    if _provider is None:
        yield None
        return
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    around = TraceContextTextMapPropagator().extract({name.lower(): value for name, value in headers.items()})
    tracer = _provider.get_tracer("headwater")
    with tracer.start_as_current_span(name, around, SpanKind.SERVER, dict(attributes)) as made:
        yield made


def name_span_in(headers: MutableMapping[str, str]) -> None:
    """Write the span that is open here into the headers of a request to another process."""
    if _provider is not None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(headers)
