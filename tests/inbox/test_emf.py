"""Metrics for CloudWatch: lines of its embedded metric format, from the receiver, the ingester and the function."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.core import CounterMetricFamily

from headwater.cli import command as headwater
from headwater.errors import WrongUse
from headwater.ingest.http.metrics import METRICS
from headwater.ingest.http.receiver import Settings, create_app
from headwater.ingest.inbox.writing import InboxWriter
from headwater.ingest.places.file_storage import LocalFolder
from headwater.ingest.process import emf
from headwater.ingest.process.inbox_lambda import Receiver
from tests.acceptance.door import PATIENCE, ROOT, environment, serving
from tests.golden.recorded import FLAT
from tests.inbox.cloud import BUCKET, Cloud
from tests.inbox.test_lambda import PLAN, event
from tests.inbox.world import NOON, files, ingester

UNITS = {"Seconds", "Milliseconds", "Bytes", "Percent", "Count", "None"}  # some of those that the format has
MOST_METRICS = 100  # in one line


@pytest.fixture(autouse=True)
def asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_METRICS", "emf")
    monkeypatch.setenv("HEADWATER_METRICS_NAMESPACE", "Headwater/test")


def told(text: str) -> list[tuple[str, dict[str, float]]]:
    """Part and values of each line, which has what CloudWatch's specification of the format asks for."""
    found = []
    for line in text.splitlines():
        document: dict[str, Any] = json.loads(line)
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert isinstance(document["_aws"]["Timestamp"], int)
        assert directive["Namespace"] == "Headwater/test"
        assert all(isinstance(document[key], str) for keys in directive["Dimensions"] for key in keys)
        metrics = directive["Metrics"]
        assert 0 < len(metrics) <= MOST_METRICS
        assert all(metric["Unit"] in UNITS for metric in metrics)
        values = {metric["Name"]: document[metric["Name"]] for metric in metrics}
        assert all(isinstance(value, int | float) for value in values.values())
        assert document.keys() == {"_aws", "Part", *values}
        found.append((document["Part"], values))
    return found


async def test_the_receiver_counts_what_is_sent_and_how_it_was_answered(tmp_path: Path) -> None:
    out, requests = io.StringIO(), emf.Requests()
    writer = InboxWriter(LocalFolder(tmp_path), lambda: NOON)
    app = create_app(writer, settings=Settings(before=(requests.counting(),)))
    async with TestClient(TestServer(app)) as client:
        for body in (PLAN, PLAN, b"{}"):
            headers = {"Content-Type": FLAT, "Host": "localhost"}
            await client.post("/producer/execution-plans", data=body, headers=headers)
        await client.get("/producer/status", headers={"Host": "localhost"})
        with emf.telling({"receiver": requests.take}, out=out):
            pass
        with emf.telling({"receiver": requests.take}, out=out):
            pass
    writer.close()
    (_, first), (_, second) = told(out.getvalue())
    assert first.pop("SlowestMilliseconds") > 0
    assert first == {"Accepted": 2, "Refused": 1, "Failed": 0}
    assert second == {"Accepted": 0, "Refused": 0, "Failed": 0}


def test_the_ingester_tells_what_it_brought_in_and_how_far_the_graph_is(tmp_path: Path) -> None:
    inbox, out = LocalFolder(tmp_path / "inbox"), io.StringIO()
    for name, content in [*files(range(3)), ("2026-03-01/bad.json", b"{")]:
        inbox.write(name, content)
    with ingester(inbox, LocalFolder(tmp_path / "ledger"), tmp_path / "data") as made:
        parts: dict[str, Callable[[], Mapping[str, float]]]
        parts = {"ingester": emf.Differences(made.counts.told), "graph": partial(emf.of_service, made.service)}
        for _ in range(2):
            with emf.telling(parts, out=out):
                made.run(once=True)
                made.service.settle()
    lines = told(out.getvalue())
    assert [part for part, _ in lines] == ["ingester", "graph"] * 2
    assert lines[0][1] == {"NewEntries": 6, "KnownEntries": 0, "ParkedFiles": 1}
    assert lines[2][1] == {"NewEntries": 0, "KnownEntries": 0, "ParkedFiles": 0}
    assert lines[3][1] == {
        "LedgerEntries": 6,
        "GraphEntries": 6,
        "GraphLagEntries": 0,
        "GraphRebuilding": 0,
        "ParkedEntries": 0,
        "WaitingEvents": 0,
    }


@pytest.mark.parametrize(("body", "name"), [(PLAN, "Accepted"), (b"{}", "Refused")])
def test_the_function_tells_of_each_payload(
    body: bytes, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = InboxWriter(LocalFolder(tmp_path), lambda: NOON)
    Receiver(writer, None).answer(event("http_api", body))
    Receiver(writer, None).answer(event("http_api", path="/health", method="GET"))
    writer.close()
    assert told(capsys.readouterr().out) == [("receiver", {name: 1})]


def test_a_server_tells_of_what_it_received_and_of_its_graph(tmp_path: Path) -> None:
    """The graph is in a process of its own, whose standard output is not the server's."""
    asked = {"HEADWATER_METRICS_NAMESPACE": "Headwater/test"}
    with serving(tmp_path / "data", "--metrics", "emf", variables=environment(**asked)) as server:
        request = urllib.request.Request(
            f"{server.url}/producer/execution-plans", PLAN, {"Content-Type": FLAT}, method="POST"
        )
        urllib.request.urlopen(request, timeout=PATIENCE).close()
        assert server.stop() == 0
    said = (tmp_path / "data.log").read_text()
    lines = told("\n".join(line for line in said.splitlines() if line.startswith('{"_aws"')))
    assert {
        part: values[name] for part, values in lines for name in ("Accepted", "LedgerEntries") if name in values
    } == {
        "receiver": 1,
        "graph": 1,
    }


def test_watches_that_cannot_be_evaluated_are_a_problem(aws: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """Also before there is a watch: the alarm has to hear of a file that is not there."""
    file = f"s3://{BUCKET}/watches/no-such.yaml"
    with pytest.raises(WrongUse, match=f"there is no {file}"):
        headwater.main(["watch", "run", file, "--endpoint-url", aws.url], standalone_mode=False, obj={"debug": False})
    assert told(capsys.readouterr().out) == [("watches", {"Problems": 1})]


def test_nothing_is_written_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADWATER_METRICS")
    out = io.StringIO()
    with emf.telling({"receiver": emf.Requests().take}, out=out):
        pass
    assert out.getvalue() == ""


def test_the_function_does_not_import_the_graph() -> None:
    """Its first call would take seconds longer."""
    code = "import sys, headwater.ingest.process.inbox_lambda; print('headwater.ingest.folder.service' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=True)
    assert ran.stdout == "False\n"


def test_the_docs_have_each_metric() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    for row in emf.ROWS:
        assert f"| {row.part} | `{row.name}` | {row.meaning} |" in page
    for metric in METRICS:
        total = "_total" if metric.family is CounterMetricFamily else ""
        assert f"| `{metric.name}{total}` |" in page
        assert f"`{emf.in_camel_case(metric.name)}`" in page
