"""What happens to a server does not happen to what it acknowledged: kills, damage, SIGTERM, clients that stall."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from headwater.ingest.ledger.verify import verify
from tests.acceptance.door import PATIENCE, PIPELINE, Server, eventually, graph_process, headwater, serving
from tests.faults.world import Sender, bodies, graph_of, payload, replayed
from tests.golden.recorded import FLAT

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"


def under_load(server: Server, senders: int = 4) -> list[Sender]:
    """Senders that run, of which each has been answered: on a loaded machine the first answer may take seconds."""
    running = [Sender(server.url, first, senders) for first in range(senders)]
    for sender in running:
        sender.start()
    eventually(lambda: all(sender.acknowledged for sender in running))
    return running


def ended(senders: list[Sender]) -> set[bytes]:
    """What was acknowledged to all of them."""
    for sender in senders:
        sender.stopped.set()
    for sender in senders:
        sender.join(PATIENCE)
        assert not sender.is_alive()
    return {body for sender in senders for _, body in sender.acknowledged}


def killed_at(moment: float, folder: Path) -> set[bytes]:
    with serving(folder) as server:
        senders = under_load(server)
        time.sleep(moment)
        server.stop(signal.SIGKILL)
        return ended(senders)


def assert_nothing_is_lost(acknowledged: set[bytes], folder: Path, fresh: Path) -> None:
    assert acknowledged
    assert acknowledged <= bodies(folder)
    assert verify(folder).ok
    assert graph_of(folder) == replayed(folder, fresh)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_kill_at_any_moment_loses_nothing_acknowledged(seed: int, tmp_path: Path) -> None:
    acknowledged = killed_at(random.Random(seed).uniform(0.2, 1.5), tmp_path / "data")
    assert_nothing_is_lost(acknowledged, tmp_path / "data", tmp_path / "fresh")


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_twenty_kills_of_one_folder(tmp_path: Path) -> None:
    chosen = random.Random(20)
    acknowledged: set[bytes] = set()
    for _ in range(20):
        acknowledged |= killed_at(chosen.uniform(0.1, 3.0), tmp_path / "data")
    assert_nothing_is_lost(acknowledged, tmp_path / "data", tmp_path / "fresh")


def test_a_killed_graph_process_is_started_again_and_senders_do_not_notice(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder) as server:
        senders = under_load(server)
        time.sleep(0.7)
        killed = graph_process(server)
        os.kill(killed, signal.SIGKILL)
        statuses = {server.get("/ready")[0]}
        end = time.monotonic() + PATIENCE
        while (status := server.get("/ready")[0]) != 200 and time.monotonic() < end:
            statuses.add(status)
            time.sleep(0.05)
        assert status == 200
        assert statuses <= {200, 503}
        assert graph_process(server) != killed
        acknowledged = ended(senders)
        assert not any(sender.refused for sender in senders)
        assert server.get("/api/v1/stats?after=1")[0] == 200
        assert server.stop() == 0
    assert_nothing_is_lost(acknowledged, folder, tmp_path / "fresh")


def test_sigterm_under_load_drains_and_ends_with_zero(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder) as server:
        senders = under_load(server)
        time.sleep(0.7)
        assert server.stop(signal.SIGTERM) == 0
        acknowledged = ended(senders)
    assert [status for sender in senders for status in sender.refused if status != 503] == []
    assert_nothing_is_lost(acknowledged, folder, tmp_path / "fresh")


def _gone(folder: Path) -> None:
    shutil.rmtree(folder / "graph")


def _flipped(folder: Path) -> None:
    log = max((folder / "graph" / "wal").iterdir())
    data = bytearray(log.read_bytes())
    for place in range(len(data) // 3, len(data) // 3 + 64):
        data[place] ^= 0xFF
    log.write_bytes(data)


def _unlogged(folder: Path) -> None:
    shutil.rmtree(folder / "graph" / "wal")
    (folder / "graph" / "wal").mkdir()


def _underived(folder: Path) -> None:
    (folder / "derived.sqlite").write_bytes(b"no database" * 1_000)


@pytest.mark.parametrize("damage", [_gone, _flipped, _unlogged, _underived])
def test_a_damaged_graph_is_rebuilt_from_the_ledger(damage: object, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert headwater("load", "--data", folder, *PIPELINE).returncode == 0
    before = graph_of(folder)
    assert callable(damage)
    damage(folder)
    with serving(folder) as server:
        entries = server.get("/api/v1/stats")[1]["entries"]
        status, answer = server.get(f"/api/v1/lineage?node={LAST.replace('#', '%23')}&after={entries}")
        assert (status, len(answer["nodes"])) == (200, 20)
    assert graph_of(folder) == before


def test_a_stalled_client_holds_up_nobody(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        address = urlsplit(server.url)
        stalled = [socket.create_connection((address.hostname or "", address.port or 0)) for _ in range(20)]
        for client in stalled:
            client.sendall(
                b"POST /producer/execution-plans HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n"
                + f"Content-Type: {FLAT}\r\n\r\n{{".encode()
            )
        senders = under_load(server, 2)
        assert server.get("/health")[0] == 200
        assert len(ended(senders)) >= 2
        for client in stalled:
            client.close()


def test_a_plan_of_ten_megabytes_is_taken_and_mapped(tmp_path: Path) -> None:
    _, plan, event = payload(1)
    large = plan[:-1] + b', "extraInfo2": {"text": "' + b"x" * 10_000_000 + b'"}}'
    (tmp_path / "plan.json").write_bytes(large)
    (tmp_path / "event.json").write_bytes(event)
    with serving(tmp_path / "data") as server:
        done = headwater("load", "--server", server.url, tmp_path / "plan.json", tmp_path / "event.json")
        assert done.stdout.startswith("1 plans and 1 events loaded")
        stats = server.get("/api/v1/stats?after=2")[1]
    assert (stats["parked"], stats["vertices"]["run"]) == (0, 1)
