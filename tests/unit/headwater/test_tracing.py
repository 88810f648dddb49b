"""Where spans go, by OpenTelemetry's variables."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from headwater.tracing import exporters
from tests.acceptance.door import ROOT

AT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}

#: The variables -> the exporters.
CHOSEN = [
    ({}, ()),
    (AT, ("otlp",)),
    ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, ("otlp",)),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, ()),
    ({**AT, "OTEL_TRACES_EXPORTER": "none"}, ()),
    ({**AT, "OTEL_TRACES_EXPORTER": " None "}, ()),
    ({**AT, "OTEL_TRACES_EXPORTER": "otlp,none"}, ()),
    ({**AT, "OTEL_TRACES_EXPORTER": ""}, ("otlp",)),
    ({**AT, "OTEL_TRACES_EXPORTER": "console"}, ("console",)),
    ({"OTEL_TRACES_EXPORTER": "otlp, console,otlp"}, ("otlp", "console")),  # to the usual endpoint
    ({**AT, "OTEL_SDK_DISABLED": "TRUE"}, ()),
    ({**AT, "OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "zipkin"}, ()),
    ({**AT, "OTEL_SDK_DISABLED": "no"}, ("otlp",)),  # only true disables it
    ({**AT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, ("otlp",)),
    ({"OTEL_TRACES_EXPORTER": "console", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ("console",)),
]


@pytest.mark.parametrize(("variables", "chosen"), CHOSEN)
def test_what_the_environment_asks_for(variables: dict[str, str], chosen: tuple[str, ...]) -> None:
    assert exporters(variables) == chosen


#: What is not known here -> what the message names.
UNKNOWN = [
    (
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        "OTEL_TRACES_EXPORTER: 'zipkin' is not known here (known: otlp, console, none)",
    ),
    ({**AT, "OTEL_TRACES_EXPORTER": "otlp,jaeger"}, "'jaeger'"),
    ({**AT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc'"),
    ({**AT, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "'http/json'"),
]


@pytest.mark.parametrize(("variables", "said"), UNKNOWN)
def test_what_is_not_known_is_named(variables: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        exporters(variables)


_PROGRAM = """
import logging
logging.basicConfig(format="%(message)s")
from headwater import tracing
with tracing.sending("server"):
    print(tracing.on())
    with tracing.span("one"):
        pass
with tracing.sending("graph"):
    pass
"""


def started(**variables: str) -> tuple[str, str]:
    """What a process prints that makes a span, on standard output and standard error."""
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout, done.stderr


def test_a_span_on_the_console_and_a_name_from_the_attributes() -> None:
    out, err = started(OTEL_TRACES_EXPORTER="console", OTEL_RESOURCE_ATTRIBUTES="service.name=lineage,team=data")
    assert out == "True\n"
    span = json.loads(err)
    assert span["name"] == "one"
    expected = {"service.name": "lineage", "team": "data", "headwater.process": "server"}
    assert expected.items() <= span["resource"]["attributes"].items()


def test_one_message_and_no_spans_for_an_exporter_that_is_not_known() -> None:
    out, err = started(OTEL_TRACES_EXPORTER="zipkin", **AT)
    assert (out, err.count("zipkin"), err.count("\n")) == ("False\n", 1, 1)
    assert started(OTEL_TRACES_EXPORTER="none", **AT) == ("False\n", "")
