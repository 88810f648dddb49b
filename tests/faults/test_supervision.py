"""The graph process is watched: whatever happens to it, there is soon one that answers, and never one too many."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from headwater.checkup import _locks
from headwater.ingest.folder.service import Service
from headwater.ingest.ledger.ledger import open_ledger
from headwater.ingest.process import graph_process as watching
from headwater.ingest.process.graph_process import GraphProcess
from tests.acceptance.door import PATIENCE, PIPELINE, eventually, graph_process, headwater, serving


def is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphProcess]:
    """The real process over a new folder, watched much more often than usual."""
    monkeypatch.setattr(watching, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(watching, "_BEAT_POLLS", 1)
    monkeypatch.setattr(watching, "_MISSED_AT_START", 10_000)
    monkeypatch.setattr(watching, "_MISSED_BEATS", 10_000)  # on a loaded machine each may be late for a second
    process = GraphProcess.start(tmp_path / "data", None)
    with open_ledger(tmp_path / "data"):
        try:
            process.begin()
            eventually(lambda: process.not_open is None)
            yield process
        finally:
            process.close()


def test_one_that_is_stopped_is_replaced(graph: GraphProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    first = graph.pid
    eventually(lambda: graph.checkpoint == 0)  # it answers heartbeats
    os.kill(first, signal.SIGSTOP)
    assert asyncio.run(graph.readiness(0.3)) is None
    monkeypatch.setattr(watching, "_MISSED_BEATS", 15)
    eventually(lambda: graph.pid != first)
    monkeypatch.setattr(watching, "_MISSED_BEATS", 10_000)
    eventually(lambda: graph.checkpoint == 0)
    assert not is_there(first)
    assert asyncio.run(graph.readiness(PATIENCE)) == {"checkpoint": 0, "rebuilding": False}


def test_supervision_outlives_a_lack_of_file_descriptors(graph: GraphProcess, caplog: pytest.LogCaptureFixture) -> None:
    first, limits = graph.pid, resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    with caplog.at_level(logging.ERROR):
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
        try:
            os.kill(first, signal.SIGKILL)
            eventually(lambda: "cannot be looked after now" in caplog.text)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    eventually(lambda: graph.pid != first and graph.checkpoint == 0)


def test_one_that_computes_without_end_is_replaced(graph: GraphProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    first = graph.pid
    monkeypatch.setattr(watching, "_COMPUTING_SECONDS", -1.0)  # as if it had computed for longer
    eventually(lambda: graph.pid != first)
    monkeypatch.setattr(watching, "_COMPUTING_SECONDS", 300.0)
    eventually(lambda: graph.checkpoint == 0)


def test_it_ends_with_a_server_that_is_killed_even_if_it_is_stopped_itself(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder) as server:
        worker = graph_process(server)
        os.kill(worker, signal.SIGSTOP)
        server.stop(signal.SIGKILL)
        eventually(lambda: not is_there(worker))
    assert headwater("load", "--data", folder, *PIPELINE).returncode == 0


def test_ready_is_told_on_facts(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder) as server:
        ready = 200, {"status": "ready", "entries": 0, "lag": 0, "rebuilding": False}
        eventually(lambda: server.get("/ready") == ready)  # on a busy machine the process can be late once
        worker = graph_process(server)
        os.kill(worker, signal.SIGSTOP)
        try:
            status, said = server.get("/ready")
            assert (status, said["entries"], said["lag"]) == (503, 0, 0)
            assert "its process does not answer" in said["error"]
            assert server.get("/health")[0] == 200
        finally:
            with suppress(ProcessLookupError):  # it was stopped for so long that it has been replaced
                os.kill(worker, signal.SIGCONT)
        eventually(lambda: server.get("/ready")[0] == 200)
        assert server.stop() == 0


def test_the_doctor_names_the_process_that_has_the_folder_open(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with Service.open(folder):
        hanging = list(_locks(folder, answers=False))
        assert [(each.state, each.name) for each in hanging] == [("fail", "lock"), ("fail", "lock")]
        assert all(f"process {os.getpid()} (" in each.message for each in hanging)
        assert [each.state for each in _locks(folder, answers=True)] == ["ok", "ok"]
    assert list(_locks(folder, answers=False)) == []
