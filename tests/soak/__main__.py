"""``make soak``: an hour of mixed load on one real server, with kills, slow clients and hostile input.

The run fails on anything acknowledged that is lost, a wrong `/ready`, an answer of 500, memory that grows, a stack
trace in the log, or a graph that is not that of a clean replay. It says at its end what it did, and for how long.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from headwater.ingest.folder.service import Service
from headwater.ingest.ledger.ledger import open_reader
from headwater.ingest.ledger.verify import verify
from tests.acceptance.door import Server, environment, graph_process, started
from tests.faults.world import elements, replayed
from tests.ports import free_port
from tests.soak.clients import Client, Hostile, Reader, Ready, Sender, Slow
from tests.soak.facts import Facts, Memory

_MIB = 2**20
_LIVES = 120.0  #: seconds of patience for a start, on a busy machine
_KILL_GRACE = 90.0  #: seconds until a process that was killed is replaced and has opened the graph, on a busy machine
_STOP_GRACE = 150.0  #: the same for one that was stopped: half a minute until it counts as deaf
_YOUNG = 45.0  #: seconds until a process has used all that it uses
_SERVER_GROWTH = 48 * _MIB
_GRAPH_GROWTH = 96 * _MIB
_PER_ENTRY = 16 * 2**10  #: bytes that the graph may grow by for each entry: about 15 elements of some hundred bytes
_MORE_FILES = 60
_SETTLE_SECONDS = 900.0


class Run:
    """One server, restarted on the same port, and what is done to it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.facts, self.chosen = folder, Facts(), random.Random(seed)
        self.log = folder.with_name(f"{folder.name}.log")  # where `started` looks for it
        self.port = free_port()
        self.memory = {name: Memory(name) for name in ("server", "graph process")}
        with self.facts.starting(_KILL_GRACE):
            self.server = self.start()

    def start(self) -> Server:
        command = [sys.executable, "-m", "headwater", "serve", "--port", str(self.port), "--data", str(self.folder)]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment())
        try:
            return Server(process, self.folder, started(process, self.folder, _LIVES))
        except AssertionError:
            process.kill()
            process.wait()
            raise

    def disturb(self) -> None:
        """One of the things that happen to servers."""
        what = self.chosen.choices(("graph killed", "graph stopped", "server killed", "server ended"), (5, 1, 3, 2))[0]
        self.facts.disturb(what, _STOP_GRACE if what == "graph stopped" else _KILL_GRACE)
        if what.startswith("graph"):
            number = signal.SIGKILL if what == "graph killed" else signal.SIGSTOP
            try:
                os.kill(graph_process(self.server), number)
            except (OSError, subprocess.CalledProcessError):
                self.facts.count("the graph's process was away already")
            return
        with self.facts.starting(_KILL_GRACE):
            code = self.server.stop(signal.SIGKILL if what == "server killed" else signal.SIGTERM)
            if what == "server ended" and code != 0:
                self.facts.found(f"the server ended with {code} after SIGTERM")
            self.server = self.start()

    def look(self) -> None:
        """Sample the memory."""
        self.memory["server"].look(self.server.process.pid, _YOUNG)
        with suppress(subprocess.CalledProcessError):  # it is being replaced
            self.memory["graph process"].look(graph_process(self.server), _YOUNG)

    def settle(self) -> None:
        """Wait until the graph has all entries."""
        end = time.monotonic() + _SETTLE_SECONDS
        said: tuple[int, Any] = (0, None)
        while time.monotonic() < end:
            said = self.server.get("/ready")
            if said[0] == 200 and said[1]["lag"] == 0:
                return
            time.sleep(0.5)
        self.facts.found(f"the graph did not come to have all entries within {_SETTLE_SECONDS:.0f} s: {said}")


def main() -> int:
    """Run, report; the exit code."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--senders", type=int, default=2)
    parser.add_argument("--rate", type=float, default=5.0, help="plans a second of each sender")
    parser.add_argument("--pause", type=float, default=60.0, help="seconds between two disturbances, on average")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is ended as well
    with tempfile.TemporaryDirectory(prefix="headwater-soak-") as place:
        run = Run(Path(place) / "data", given.seed)
        try:
            _load(run, given)
            run.settle()
            if run.server.stop() != 0:
                run.facts.found("the server did not end with 0 at the end")
        finally:
            if run.server.process.poll() is None:
                run.server.process.kill()
                run.server.process.wait()
        _check(run, Path(place))
        return _report(run, given)


def _load(run: Run, given: argparse.Namespace) -> None:
    over, senders_over = threading.Event(), threading.Event()
    common = run.facts, run.port
    others: list[Client] = [
        Reader(*common, over, 4.0, 1),
        Reader(*common, over, 2.0, 2),
        Ready(*common, over, 1.0),
        Slow(*common, over, 1.0, 3),
        Hostile(*common, over, 0.5, 4),
    ]
    senders = [Sender(*common, senders_over, given.rate, n, given.senders) for n in range(given.senders)]
    for client in (*senders, *others):
        client.start()
    begun = shown = time.monotonic()
    due = begun + given.pause
    while (now := time.monotonic()) < begun + 60 * given.minutes:
        if now >= due and now < begun + 60 * given.minutes - _STOP_GRACE / 2:
            run.disturb()
            due = time.monotonic() + run.chosen.uniform(0.3, 1.7) * given.pause
        run.look()
        if now - shown >= 60:
            shown = now
            counts = run.facts.counts
            click.echo(
                f"{(now - begun) / 60:.0f} min: {counts['acknowledged']:,} acknowledged,"
                f" {counts['questions']:,} questions, {len(run.facts.disturbances)} disturbances,"
                f" {counts['findings']} findings",
            )
        time.sleep(2.0)
    run.facts.counts["seconds"] = int(time.monotonic() - begun)
    senders_over.set()
    over.set()
    for client in (*senders, *others):
        client.join(_LIVES)
        if client.is_alive():
            run.facts.found(f"{client.name} did not come to its end")


def _check(run: Run, place: Path) -> None:
    """Nothing acknowledged is lost, the chain holds, and the graph is that of a clean replay."""
    facts = run.facts
    report = verify(run.folder)
    if not report.ok:
        facts.found(f"the ledger does not verify: {report.first_problem}")
    with open_reader(run.folder) as ledger:
        for number, digest in facts.acknowledged.items():
            entry = ledger.entry(number)
            if entry is None or entry.sha256 != digest or entry.body is None:
                facts.count("lost")
                facts.found(f"entry {number} was acknowledged, and is not in the ledger as it was sent")
        facts.counts["lost"] += sum(ledger.entry(number) is None for number in facts.hostile)
    with Service.open(run.folder) as service:
        service.catch_up()
        parked = {entry.sequence: entry.reason for entry in service.parked()}
        graph = elements(service.store)
    for sequence in sorted(parked.keys() - facts.hostile):
        facts.found(f"entry {sequence} is parked: {parked[sequence]}")
    facts.counts["parked"] = len(parked)
    facts.counts["elements"] = sum(map(len, graph))
    if graph != replayed(run.folder, place / "fresh"):
        facts.found("the graph is not that of a clean replay")
    text = run.log.read_text(encoding="utf-8", errors="replace")
    if "Traceback" in text:
        at = text.index("Traceback")
        facts.found(f"there is a stack trace in the log: {text[max(0, at - 300) : at + 4000]}")
    _check_memory(run)


def _check_memory(run: Run) -> None:
    facts = run.facts
    server, graph_memory = run.memory["server"], run.memory["graph process"]
    if server.growth > _SERVER_GROWTH:
        facts.found(f"the server's memory grew by {server.growth / _MIB:.0f} MiB")
    if graph_memory.growth > _GRAPH_GROWTH + _PER_ENTRY * len(facts.acknowledged):
        facts.found(f"the graph process's memory grew by {graph_memory.growth / _MIB:.0f} MiB")
    for memory in (server, graph_memory):
        if memory.more_files > _MORE_FILES:
            facts.found(f"the {memory.name} has {memory.more_files} more files open")


def _report(run: Run, given: argparse.Namespace) -> int:
    facts = run.facts
    click.echo(f"\nsoak: {facts.counts.pop('seconds') / 60:.1f} minutes, {given.senders} senders, seed {given.seed}")
    facts.counts["lost"] += 0
    facts.counts["wrong answers of /ready"] += 0
    for name, count in sorted(facts.counts.items()):
        click.echo(f"  {name:<40}{count:>10,}")
    click.echo(f"  {'slowest restart, seconds':<40}{facts.slowest_start:>10.1f}")
    for memory in run.memory.values():
        click.echo(f"  {memory}")
    for sentence in facts.wrong:
        click.echo(f"FOUND: {sentence}")
    click.echo("FAILED" if facts.wrong else "ok: nothing acknowledged was lost, and nothing wrong was found")
    return 1 if facts.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
