"""``python -m bench [--quick] [--json]``: measures all figures; bench/README.md says what each of them is."""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import machine
from bench.audits import audits
from bench.catalogue import catalogue
from bench.daily import daily
from bench.figure import Figure
from bench.gremlin_server import gremlin_server
from bench.inbox import inbox
from bench.large import load
from bench.neptune import neptune
from bench.page import page_figures
from bench.page_graph import page_graph
from bench.payloads import CONTENT_TYPE, estate
from bench.publishing import publishing
from bench.questions import impact
from bench.recorded import jobs as recorded_jobs
from bench.sql import sql
from bench.watches import watches

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    url: str
    pid: int
    started_seconds: float
    connection: http.client.HTTPConnection

    def get(self, path: str, **parameters: object) -> Any:
        """The JSON of an answer."""
        query = urllib.parse.urlencode(parameters)
        self.connection.request("GET", f"{path}?{query}")
        with self.connection.getresponse() as answer:
            return json.loads(answer.read())

    def median_ms(self, path: str, times: int = 15, **parameters: object) -> float:
        """How long a question takes over HTTP, in ms: the median, after a first one that is not counted."""
        self.get(path, **parameters)
        found = []
        for _ in range(times):
            begin = time.perf_counter()
            self.get(path, **parameters)
            found.append((time.perf_counter() - begin) * 1_000)
        return machine.median(found)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server on a data folder."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "headwater", "serve", "--port", "0", "--data", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=_ROOT)
    marker = folder / "server.json"
    try:
        while not marker.exists():
            assert process.poll() is None, "the server did not start"
            time.sleep(0.01)
        ready = time.perf_counter() - begin
        url = json.loads(marker.read_text())["url"]
        address = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=600)
        yield Server(url, process.pid, ready, connection)
    finally:
        process.terminate()
        process.wait()


_TIMES = itertools.count(10**6, 10**6)


def send(server: Server, count: int, pace: float, seed: int, logics: int = 0) -> dict[str, Any]:
    """Jobs sent by eight senders in another process; `logics` as in `bench.senders`. No event is sent twice."""
    given = map(str, (8, count, pace, seed, logics, next(_TIMES)))
    command = [sys.executable, "-m", "bench.senders", server.url, *given]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=_ROOT)
    return dict(json.loads(run.stdout))


def acknowledgement(place: Path, *, quick: bool) -> list[Figure]:
    """How long an agent waits for the answer to a POST.

    The goal allows for two syncs of this disk: an entry may have to wait for the sync of the group before it.
    """
    seconds = 4 if quick else 10
    syncs = machine.fdatasync_ms(place)
    with serving(place / "ack") as server:
        server.get("/api/v1/stats", after=send(server, _LOGICS, 0, 1, _LOGICS)["last"])
        paced = send(server, 300 * seconds, 300, 1, _LOGICS)
        server.get("/api/v1/stats", after=paced["last"])
        full = send(server, 450 * seconds, 0, 1, _LOGICS)
        server.get("/api/v1/stats", after=full["last"])
        new = send(server, 300 * seconds, 300, 2)
    sync = machine.percentile(syncs, 0.99)
    goal = 10 + 2 * sync
    return [
        Figure("fdatasync of this disk, p50", machine.median(syncs), "ms"),
        Figure("fdatasync of this disk, p99", sync, "ms"),
        Figure("POST acknowledged, 300 runs of known logic a second, p50", machine.median(paced["times"]), "ms"),
        Figure(
            "POST acknowledged, 300 runs of known logic a second, p99",
            machine.percentile(paced["times"], 0.99),
            "ms",
            goal,
        ),
        Figure("POST acknowledged, 300 new logics a second, p50", machine.median(new["times"]), "ms"),
        Figure("POST acknowledged, 300 new logics a second, p99", machine.percentile(new["times"], 0.99), "ms", goal),
        Figure("saturated, jobs (plan and event) a second", 450 * seconds / full["elapsed"], "/s", 450, at_least=True),
    ]


#: Logics that are run again and again, as real jobs are: a run of a known logic is the most frequent payload.
_LOGICS = 200


def into_the_graph(place: Path, *, quick: bool) -> list[Figure]:
    """From the first POST until the last entry is in the graph."""
    count = 300 if quick else 1_500
    with serving(place / "graph") as server:
        cpu, begin = machine.cpu_seconds(server.pid), time.perf_counter()
        server.get("/api/v1/stats", after=send(server, count, 0, 3)["last"])
        new = time.perf_counter() - begin, machine.cpu_seconds(server.pid) - cpu
        cpu, begin = machine.cpu_seconds(server.pid), time.perf_counter()
        server.get("/api/v1/stats", after=send(server, count, 0, 3, count)["last"])
        known = time.perf_counter() - begin, machine.cpu_seconds(server.pid) - cpu
    return [
        Figure("new logics a second, HTTP included", count / new[0], "/s", 150, at_least=True),
        Figure("CPU of the server for a new logic", new[1] / count * 1_000, "ms", 8),
        Figure("runs of known logic a second, HTTP included", count / known[0], "/s", 300, at_least=True),
        Figure("CPU of the server for a run of known logic", known[1] / count * 1_000, "ms", 3),
    ]


def recorded(place: Path, *, quick: bool) -> list[Figure]:
    """CPU for recorded jobs: plans of new logic, and runs of known ones."""
    rounds = 1 if quick else 4
    with serving(place / "recorded") as server:

        def cost(round_: int, runs: int, first: int) -> float:
            """CPU ms of a job."""
            cpu = machine.cpu_seconds(server.pid)
            given = map(str, (round_, runs, first))
            command = [sys.executable, "-m", "bench.recorded", server.url, *given]
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=_ROOT)
            said = json.loads(run.stdout)
            server.get("/api/v1/stats", after=said["last"])
            return (machine.cpu_seconds(server.pid) - cpu) / int(said["jobs"]) * 1_000

        cost(0, 1, 0)  # and what is loaded with the first payload
        new = machine.median([cost(round_, 1, 0) for round_ in range(1, rounds + 1)])
        known = machine.median([cost(1, 5, 1 + 5 * i) for i in range(rounds)])
    plans = [len(job.plan) for job in recorded_jobs(0)]
    return [
        Figure("recorded jobs", len(plans), ""),
        Figure("size of their plans, mean", sum(plans) / len(plans) / 1_000, "kB"),
        Figure("CPU of the server for a new logic", new, "ms", 8),
        Figure("CPU of the server for a run of known logic", known, "ms", 3),
    ]


def openlineage(place: Path, *, quick: bool) -> list[Figure]:
    """OpenLineage's events: how many are acknowledged, and what they cost on the way into the graph."""
    count = 200 if quick else 1_000
    with serving(place / "openlineage") as server:

        def sent(runs: int, logics: int) -> tuple[dict[str, Any], float]:
            """What the senders say, and CPU ms of an event."""
            cpu = machine.cpu_seconds(server.pid)
            given = map(str, (runs, logics, next(_TIMES)))
            command = [sys.executable, "-m", "bench.openlineage", server.url, *given]
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=_ROOT)
            said = json.loads(run.stdout)
            server.get("/api/v1/stats", after=said["last"])
            return said, (machine.cpu_seconds(server.pid) - cpu) / runs / 2 * 1_000

        sent(10, 10)  # and what is loaded with the first event
        new, cost_of_new = sent(count, count)
        known, cost_of_known = sent(2 * count, count)
    return [
        Figure("size of an event of 20 columns, mean", new["size"] / 1_000, "kB"),
        Figure("CPU of the server for an event of a new logic", cost_of_new, "ms", 8),
        Figure("CPU of the server for an event of known logic", cost_of_known, "ms", 3),
        Figure("saturated, events a second, durable", 4 * count / known["elapsed"], "/s", 450, at_least=True),
    ]


def a_large_graph(place: Path, *, quick: bool) -> list[Figure]:
    """Questions to a graph of a million elements."""
    folder = place / "large"
    begin = time.perf_counter()
    load(folder, 500 if quick else 13_000)
    loading = time.perf_counter() - begin
    with serving(folder) as server:
        stats = server.get("/api/v1/stats")
        elements = sum(stats["vertices"].values()) + sum(stats["edges"].values())
        lineage = "/api/v1/lineage"
        wide = server.get(lineage, node="s3://wide/l21#c0")
        diamonds = [server.median_ms(lineage, node=f"s3://d{n}/l{n}#c0") for n in (5, 10, 20)]
        # As of the present time the answer is the same as now, so that the two times can be compared.
        as_of, end = {"asOf": str(time.time_ns() // 1_000_000)}, "s3://wide/l21#c0"
        now, then = (server.median_ms(lineage, times=41, node=end, **more) for more in ({}, as_of))
        old = server.median_ms(lineage, node="s3://many/t#c0", times=41, **as_of)
        few, many = (server.median_ms(lineage, node=f"s3://{name}/t#c0", times=41) for name in ("few", "many"))
        hubs = server.median_ms(lineage, node="s3://hub/source#key", direction="downstream", limit=100)
        return [
            Figure("elements", elements, ""),
            Figure("loaded through ledger and projector, elements a second", elements / loading, "/s"),
            Figure("peak memory of the load", float((folder / "peak").read_text()), "MiB", 800),
            Figure("reopened: start of the server until ready", server.started_seconds, "s", 3),
            Figure("resident, reopened", machine.memory_mib(server.pid, "VmRSS"), "MiB", 600),
            Figure(
                f"column upstream, {len(wide['edges'])} edges, {max(n['distance'] for n in wide['nodes'])} levels",
                server.median_ms(lineage, node="s3://wide/l21#c0"),
                "ms",
                20,
            ),
            Figure("hub of 10,000 columns, first page of 100", hubs, "ms", 60),
            Figure("diamond of 5 layers", diamonds[0], "ms"),
            Figure("diamond of 10 layers", diamonds[1], "ms"),
            Figure("diamond of 20 layers", diamonds[2], "ms"),
            Figure("diamond, time per edge: 20 layers to 10", (diamonds[2] / 78) / (diamonds[1] / 38), "x", 1.3),
            Figure("now, after 1,000 superseded logics to after 10", many / few, "x", 1.3),
            Figure("column upstream as of a time, to now", then / now, "x", 2),
            Figure("one hop as of a time, after 1,000 superseded logics, to now", old / many, "x"),
        ]


def one_by_one(place: Path, *, quick: bool) -> list[Figure]:
    """The same elements written in one batch, and with one commit for each element."""
    from headwater.graphmodel.choice import Body, Event
    from headwater.graphmodel.delta import GraphDelta
    from headwater.graphmodel.whole import graph
    from headwater.graphstore import open_store
    from headwater.spline_bridge.decode import decode_events, decode_plan

    jobs = list(estate(10 if quick else 30, 5))
    plans = [decode_plan(j.plan, CONTENT_TYPE) for j in jobs]
    events = [Event(run, 2**50) for j in jobs for run in decode_events(j.event, CONTENT_TYPE)]
    whole = graph([Body(plan, str(i)) for i, plan in enumerate(plans)], events)
    vertices, edges = tuple(whole.vertices.values()), tuple(whole.edges.values())
    took = []
    for name, deltas in (
        ("batched", [GraphDelta(vertices, edges)]),
        ("single", [*(GraphDelta((v,)) for v in vertices), *(GraphDelta(edges=(e,)) for e in edges)]),
    ):
        with open_store(f"embedded:{place / name}") as store:
            begin = time.perf_counter()
            for delta in deltas:
                store.apply(delta)
            took.append(time.perf_counter() - begin)
    count = len(vertices) + len(edges)
    return [
        Figure(f"{count} elements in batches, elements a second", count / took[0], "/s"),
        Figure("one element a commit, elements a second", count / took[1], "/s"),
        Figure("ratio", took[1] / took[0], "x", 20, at_least=True),
    ]


def live_spark(place: Path, *, quick: bool) -> list[Figure]:
    """What capture costs a job, against the same job without it."""
    if not (shutil.which("java") and importlib.util.find_spec("pyspark")):
        print("  left out: Java or PySpark is not installed")
        return []
    with serving(place / "spark") as server:
        command = [sys.executable, "-m", "bench.spark", server.url, "5" if quick else "21"]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, cwd=_ROOT)
    found = json.loads(run.stdout)
    middle = {
        mode: [machine.median(column) for column in zip(*times, strict=True)] for mode, times in found["times"].items()
    }
    nodes, (plain_returned, plain_heard) = found["nodes"], middle["plain"]
    return [
        Figure("capture() of a session", found["started"], "ms"),
        Figure(f"a write of {nodes} plan nodes, not captured", plain_returned, "ms"),
        Figure("captured: later that the write returns", middle["there"][0] - plain_returned, "ms"),
        Figure("captured: later that Spark is done", middle["there"][1] - plain_heard, "ms", 50 + 2 * nodes),
        Figure(
            "captured, server away: later that Spark is done", middle["away"][1] - plain_heard, "ms", 50 + 2 * nodes
        ),
        Figure("500 columns, 200 steps: reading the plan", found["wide"]["heard"] / 1_000, "s", 5),
        Figure("500 columns, 200 steps: reading, making and sending", found["wide"]["sent"] / 1_000, "s"),
        Figure("500 columns, 200 steps: growth of the driver's Python", found["wide"]["grown"], "MiB", 300),
    ]


_WIDTH = 30  #: columns of a dataset: with 1,000 of them, more than 40,000 edges


def the_page(place: Path, *, quick: bool) -> list[Figure]:
    """The page of a server with 1,000 datasets and 40,000 column edges."""
    with serving(place / "page") as server:
        for job in estate(100 if quick else 1_000, 3, _WIDTH):
            for path, body in (("execution-plans", job.plan), ("execution-events", job.event)):
                server.connection.request("POST", f"/producer/{path}", body, {"Content-Type": CONTENT_TYPE})
                server.connection.getresponse().read()
        while server.get("/ready").get("lag") != 0:  # None while the graph is being opened
            time.sleep(0.2)
        counted = server.get("/api/v1/stats")
        used = server.get("/api/v1/queries/hot-spots", limit=7)["rows"]
        return [
            Figure("datasets", counted["vertices"]["dataset"], ""),
            Figure("column edges", counted["edges"]["derivesFrom"], ""),
            *page_figures(server.url, [row["id"] for row in used]),
        ]


PARTS = {
    "acknowledgement": acknowledgement,
    "into the graph": into_the_graph,
    "recorded jobs": recorded,
    "openlineage": openlineage,
    "sql": sql,
    "publishing": publishing,
    "inbox": inbox,
    "a date in each run": daily,
    "one element at a time": one_by_one,
    "a large graph": a_large_graph,
    "impact": impact,
    "audit": audits,
    "watches": watches,
    "catalogue": catalogue,
    "gremlin server": gremlin_server,
    "neptune": neptune,
    "live Spark": live_spark,
    "the page": the_page,
    "the page's graph": page_graph,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="measure Headwater on this machine")
    parser.add_argument("--quick", action="store_true", help="smaller inputs: a look, no figures to quote")
    parser.add_argument("--json", action="store_true", help="print JSON at the end")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; repeatable")
    given = parser.parse_args()
    print(f"hardware: {machine.hardware()}")
    print(f"inputs: made-up jobs of 12 columns, seeded{', quick' if given.quick else ''}")
    found: dict[str, list[Figure]] = {}
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as place:
        for name in given.part or PARTS:
            print(f"{name}", flush=True)
            found[name] = PARTS[name](Path(place), quick=given.quick)
            print("\n".join(figure.line() for figure in found[name]), flush=True)
    if given.json:
        print(json.dumps({name: [asdict(figure) for figure in figures] for name, figures in found.items()}))


if __name__ == "__main__":
    main()
