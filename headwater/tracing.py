"""Spans for OpenTelemetry: what took how long, from a request over the ledger to the graph. Off unless it is set up.

It is set up by OpenTelemetry's own variables, such as ``OTEL_EXPORTER_OTLP_ENDPOINT``, with the extra
``headwater[otel]``. Names of datasets, columns and senders are in no span. Imports nothing of Headwater.
Sources: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
https://opentelemetry.io/docs/specs/semconv/http/http-spans/.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

log = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

_provider: TracerProvider | None = None


def exporters(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Where spans go, of `EXPORTERS`, by OpenTelemetry's variables; nowhere unless they say it.

    As OpenTelemetry has it: an empty variable is none at all, ``none`` is no exporter, and several are separated by
    commas. Only the default is another one: ``otlp`` where an endpoint is named, for else every server would send.
    ValueError: an exporter or a protocol that there is not here is asked for.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    default = "otlp" if any(environ.get(name, "").strip() for name in _ENDPOINTS) else "none"
    given = environ.get("OTEL_TRACES_EXPORTER", "").strip() or default
    names = tuple(dict.fromkeys(name.strip().lower() for name in given.split(",") if name.strip()))
    unknown = [name for name in names if name not in (*EXPORTERS, "none")]
    if unknown:
        known = ", ".join((*EXPORTERS, "none"))
        raise ValueError(
            f"OTEL_TRACES_EXPORTER: {unknown[0][:40]!r} is not known here (known: {known}); no spans are sent"
        )
    chosen = () if "none" in names else names
    protocol = next((found for name in _PROTOCOLS if (found := environ.get(name, "").strip().lower())), _HTTP)
    if "otlp" in chosen and protocol != _HTTP:
        raise ValueError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL: {protocol[:40]!r}: spans are sent by {_HTTP} alone; none are sent"
        )
    return chosen


#: What `OTEL_TRACES_EXPORTER` can name, beside ``none``.
EXPORTERS = ("otlp", "console")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP = "http/protobuf"


def set_up(part: str) -> None:
    """Send the spans of this process (`part`: server, graph, receiver, ingester, reader), where the environment says.

    Nothing happens where it says nothing (`exporters`); a warning says what is not known, or missing without the extra.
    """
    global _provider  # noqa: PLW0603 - one a process, as OpenTelemetry has it
    try:
        chosen = exporters(os.environ)
    except ValueError as error:
        if part != "graph":  # it is a child of the server, which has said so
            log.warning("%s", str(error))
        return
    if not chosen:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
    except ModuleNotFoundError as error:
        how = "pip install 'headwater[otel]', or in a clone pip install '.[otel]'"
        log.warning("OpenTelemetry's variables ask for spans, but %s is not installed: %s", error.name, how)
        return
    own = Resource({"service.name": "headwater"}).merge(OTELResourceDetector().detect())
    _provider = TracerProvider(resource=Resource.create({**own.attributes, "headwater.process": part}))
    made: Mapping[str, Callable[[], SpanExporter]] = {
        "otlp": OTLPSpanExporter,
        "console": lambda: ConsoleSpanExporter(out=sys.stderr),
    }
    for name in chosen:  # standard output is a command's answer, and the graph's process has none
        _provider.add_span_processor(BatchSpanProcessor(made[name]()))


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
