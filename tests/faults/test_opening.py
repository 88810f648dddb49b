"""A server receives before its graph is open, and also if that cannot be opened at all; it says what is the matter."""

from __future__ import annotations

import http.client
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from headwater.graphstore import open_store
from headwater.ingest.ledger.ledger import open_ledger
from headwater.ingest.process import graph_process as watching
from headwater.ingest.process.graph_process import GraphProcess, NotOpen
from tests.acceptance.door import PATIENCE, PIPELINE, Server, eventually, headwater, serving
from tests.faults.world import payload
from tests.golden.recorded import FLAT


def post(server: Server) -> list[int]:
    _, plan, event = payload(1)
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    statuses = []
    for path, body in (("execution-plans", plan), ("execution-events", event)):
        connection.request("POST", f"/producer/{path}", body, {"Content-Type": FLAT})
        with connection.getresponse() as answer:
            answer.read()
            statuses.append(answer.status)
    connection.close()
    return statuses


def test_payloads_are_taken_and_questions_wait_while_the_graph_is_opened(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    held = f"embedded:{folder / 'graph'}"  # as by a process that is about to end
    with open_store(held) as holder, serving(folder, ready=False) as server, ThreadPoolExecutor() as threads:
        assert server.get("/health")[0] == 200
        status, said = server.get("/ready")
        assert (status, said["reason"], said["entries"], said["lag"]) == (503, "opening", 0, None)
        assert post(server) == [201, 201]
        assert server.get("/ready")[1]["entries"] == 2
        asking = threads.submit(server.get, "/api/v1/stats?after=2")
        holder.close()
        status, stats = asking.result(PATIENCE)
        assert (status, stats["lag"], stats["vertices"]["run"]) == (200, 0, 1)
        ready = 200, {"status": "ready", "entries": 2, "lag": 0, "rebuilding": False}
        eventually(lambda: server.get("/ready") == ready)  # on a busy machine the process can be late once
        assert server.stop() == 0


def test_a_server_whose_graph_is_still_being_opened_ends_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with open_store(f"embedded:{folder / 'graph'}") as holder, serving(folder, ready=False) as server:
        asking = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
        asking.request("GET", "/api/v1/stats")
        assert server.get("/ready")[0] == 503  # by now it has read the other request as well
        server.process.send_signal(signal.SIGTERM)
        with asking.getresponse() as answer:
            assert answer.status == 503
        asking.close()
        holder.close()
        assert server.process.wait(PATIENCE) == 0


def test_a_graph_that_cannot_be_opened_keeps_nobody_from_sending(tmp_path: Path) -> None:
    store = f"embedded:{tmp_path / 'graph'}"
    assert headwater("load", *PIPELINE[:1], "--data", tmp_path / "first", "--store", store).returncode == 0
    folder = tmp_path / "data"
    reason = "the store holds the graph of the ledger"
    with serving(folder, "--store", store, ready=False) as server:
        eventually(lambda: server.get("/ready")[1]["reason"] == "failed")
        status, said = server.get("/ready")
        assert (status, reason in said["error"], said["entries"]) == (503, True, 0)
        assert post(server) == [201, 201]
        status, said = server.get("/api/v1/stats")
        assert (status, reason in said["error"]) == (503, True)
        assert server.get("/health")[0] == 200
        status, said = server.get("/ready", Host="evil.example")  # a page under a false name of this machine
        assert (status, said["reason"], reason in said["error"]) == (503, "failed", False)

        found = headwater("doctor", "--data", folder)
        assert (found.returncode, reason in found.stdout) == (1, True)
        loaded = headwater("load", *PIPELINE[:1], "--data", folder)
        assert (loaded.returncode, "1 plans and 1 events loaded" in loaded.stdout) == (3, True)
        assert "4 entries are kept" in loaded.stderr
        assert reason in loaded.stderr
        tokens = {
            scope: headwater("token", "add", scope, "--scope", scope, "--data", folder).stdout.strip()
            for scope in ("read", "write")
        }
        for headers, is_told in (
            ({}, False),
            ({"X-API-Key": "hw_wrong"}, False),
            ({"X-API-Key": tokens["write"]}, False),
            ({"X-API-Key": tokens["read"]}, True),
        ):
            status, said = server.get("/ready", **headers)
            assert (status, said["reason"], reason in said["error"]) == (503, "failed", is_told)
        assert server.stop() == 0
    assert reason in folder.with_name("data.log").read_text()
    with open_ledger(folder) as ledger:
        assert ledger.count() == 4


def test_settings_that_cannot_be_right_are_refused_before_anything_is_received(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(0o700)
    (tmp_path / "data" / "naming.yaml").write_text("nonsense: 1\n")
    for given in (["--store", "nonsense:x"], []):
        said = headwater("serve", "--port", "0", "--data", tmp_path / "data", *given)
        assert (said.returncode, "nonsense" in said.stderr) == (2, True)


def test_one_that_stops_while_it_opens_the_graph_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(watching, "_BEAT_POLLS", 1)
    monkeypatch.setattr(watching, "_MISSED_AT_START", 2)
    process = GraphProcess.start(tmp_path / "data", None)
    with open_ledger(tmp_path / "data"):
        try:
            first = process.pid
            os.kill(first, signal.SIGSTOP)
            process.begin()
            eventually(lambda: process.pid != first)
            monkeypatch.setattr(watching, "_MISSED_AT_START", 10_000)
            eventually(lambda: process.not_open is None)
        finally:
            process.close()


def test_it_is_said_when_the_process_ends_again_and_again_while_it_opens_the_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_POLL_SECONDS", 0.05)
    process = GraphProcess.start(tmp_path / "data", None)
    end = time.monotonic() + PATIENCE
    with open_store(f"embedded:{tmp_path / 'data' / 'graph'}"), open_ledger(tmp_path / "data"):
        try:
            process.begin()
            assert (process.not_open or NotOpen("failed", "")).reason == "opening"
            while (not_open := process.not_open) and not_open.reason != "failed" and time.monotonic() < end:
                with suppress(ProcessLookupError):  # killed already, and not replaced yet
                    os.kill(process.pid, signal.SIGKILL)
                time.sleep(0.05)
            assert not_open is not None
            assert "its process ended 2 times in a row" in not_open.text
        finally:
            process.close()
