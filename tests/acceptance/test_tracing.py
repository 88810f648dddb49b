"""Spans as a collector receives them: OTLP over HTTP on loopback, parsed by OpenTelemetry's own classes."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.acceptance.door import PATIENCE, PIPELINE, ROOT, ended, environment, headwater, serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
LAST = "file:///data/lake/pipe/out/churn_by_country"


@contextmanager
def collecting() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A collector: its URL, and the spans that it received."""
    received: list[dict[str, Any]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                process = {a.key: a.value.string_value for a in of_resource.resource.attributes}["headwater.process"]
                for span in (span for scope in of_resource.scope_spans for span in scope.spans):
                    values = {a.key: a.value.string_value or a.value.int_value for a in span.attributes}
                    ids = {"trace": span.trace_id.hex(), "id": span.span_id.hex(), "parent": span.parent_span_id.hex()}
                    received.append({"name": span.name, "process": process, **ids, **values})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_payload_is_followed_into_the_graph_and_a_question_to_its_answer(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with collecting() as (url, spans):
        variables = environment(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_BSP_SCHEDULE_DELAY="50")
        with serving(folder, variables=variables) as server:
            plan = next(Path(PIPELINE[0]).glob("*plan.json")).read_bytes()
            headers = {
                "Content-Type": "application/vnd.absa.spline.producer.v1.2+json",
                "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
            }
            request = urllib.request.Request(f"{server.url}/producer/execution-plans", data=plan, headers=headers)
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                assert answer.headers["Headwater-Entry"] == "1"
            assert headwater("load", "--data", folder, *PIPELINE).returncode == 0
            question = f"/api/v1/queries/upstream?node={LAST}&after=18"
            assert server.get(question, traceparent=headers["traceparent"])[0] == 200
            assert server.get("/health")[0] == 200
            assert server.stop() == 0  # what was not sent yet is sent at the end
    by_name: dict[str, list[dict[str, Any]]] = {}
    for span in spans:
        by_name.setdefault(span["name"], []).append(span)
    post = next(s for s in by_name["POST /producer/execution-plans"] if s["trace"] == TRACE)
    assert (post["headwater.entry"], post["http.response.status_code"], post["process"]) == (1, 201, "server")
    assert post["id"] in {span["parent"] for span in by_name["ledger append"]}
    asked = {span["process"]: span for span in spans if span["trace"] == TRACE and span["name"].startswith("GET /api")}
    assert asked["graph"]["parent"] == asked["server"]["id"]
    assert asked["graph"]["http.route"] == "/api/v1/queries/{name}"
    assert min(span["headwater.first_entry"] for span in by_name["graph batch"]) == 1
    assert not [span for span in spans if "health" in span["name"] or "ready" in span["name"]]
    assert "churn" not in json.dumps(spans)


def test_a_receiver_and_an_ingester_send_spans_too(tmp_path: Path) -> None:
    inbox, ledger = tmp_path / "inbox", tmp_path / "ledger"
    with collecting() as (url, spans):
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        command = [sys.executable, "-m", "headwater", "receive", "--inbox", str(inbox), "--port", "0"]
        environ = environment(PYTHONUNBUFFERED="1", HEADWATER_DATA=str(tmp_path / "tokens"), **variables)
        with ended(subprocess.Popen(command, stdout=subprocess.PIPE, env=environ, cwd=ROOT, text=True)) as process:
            assert process.stdout is not None
            address = process.stdout.readline().split()[3]
            body = next(Path(PIPELINE[0]).glob("*plan.json")).read_bytes()
            headers = {"Content-Type": "application/vnd.absa.spline.producer.v1.2+json"}
            request = urllib.request.Request(f"{address}/producer/execution-plans", data=body, headers=headers)
            urllib.request.urlopen(request, timeout=PATIENCE).close()
            process.terminate()
            assert process.communicate(timeout=PATIENCE)[0] is not None
        given = ("--inbox", inbox, "--ledger", ledger, "--data", tmp_path / "data", "--once")
        assert headwater("ingest", *given, **variables).returncode == 0
    named = {(span["process"], span["name"]) for span in spans}
    assert {("receiver", "POST /producer/execution-plans"), ("ingester", "graph batch")} <= named


def test_a_collector_that_is_away_disturbs_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    variables = environment(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_BSP_SCHEDULE_DELAY="50")
    with serving(folder, variables=variables):
        assert headwater("load", "--data", folder, *PIPELINE).returncode == 0
        assert headwater("upstream", LAST, "--data", folder).returncode == 0
