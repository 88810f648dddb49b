"""The HTTP API of a real server: what is asked, what comes back, and what is said about a question that cannot be."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

import pytest
from aiohttp.test_utils import TestClient, TestServer

from headwater.client import Client
from headwater.ingest.folder.service import Service
from headwater.ingest.http.api import add_routes
from headwater.ingest.http.metrics import METRICS
from headwater.ingest.http.receiver import create_app
from headwater.ingest.ledger.group_commit import GroupCommitter
from headwater.loading import through
from headwater.queries.catalogue.catalogue import QUERIES
from tests.acceptance.door import PAYLOADS, PIPELINE, Server, headwater, serving
from tests.golden.recorded import FLAT

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"
RATES = "file:///data/lake/raw/fx/rates.csv#rate_to_eur"
JOB = "spark/pipeline.features"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("api") / "data") as running:
        through(Client(running.url), map(Path, PIPELINE), lambda _done, _total: None)
        assert running.get("/api/v1/stats?after=18")[0] == 200
        yield running


def lineage(server: Server, node: str, **parameters: Any) -> Any:
    query = "".join(f"&{name}={quote(str(value))}" for name, value in parameters.items())
    status, answer = server.get(f"/api/v1/lineage?node={quote(node, safe='')}{query}")
    assert status == 200, answer
    return answer


def test_what_was_acknowledged_can_be_asked_for_by_its_entry(tmp_path: Path) -> None:
    case = PAYLOADS / "a01_customers_clean"
    plan, event = (case / "002-plan.json").read_bytes(), (case / "003-event.json").read_bytes()
    with serving(tmp_path / "data") as server:
        client = Client(server.url)
        packed = {"Content-Encoding": "gzip"}
        assert client.post("/producer/execution-plans", gzip.compress(plan), FLAT, packed) == 1
        assert client.post("/producer/execution-events", event, FLAT) == 2
        rows = server.get("/api/v1/queries/datasets?after=2")[1]["rows"]
        # The same again is known by its first number.
        assert client.post("/producer/execution-plans", plan, FLAT) == 1
    target = json.loads(plan)["operations"]["write"]["outputSource"].replace("file:/", "file:///")
    assert target in {row["id"] for row in rows}


def test_a_lineage_answer_has_the_documented_shape(server: Server) -> None:
    answer = lineage(server, LAST)
    keys = ["shape", "root", "direction", "depth", "type", "asOf", "nodes", "edges", "complete", "reason"]
    assert list(answer) == keys
    assert (answer["root"], answer["direction"], answer["complete"], answer["reason"]) == (LAST, "upstream", True, None)
    total = next(edge for edge in answer["edges"] if edge["target"].endswith("features.parquet#total_eur"))
    assert total == {
        "source": "file:///data/lake/pipe/mart/customer_orders#amount_eur",
        "target": "file:///data/lake/pipe/ml/features.parquet#total_eur",
        "type": "DIRECT",
        "subtype": "AGGREGATION",
        "masking": False,
        "exact": True,
        "certain": True,
        "expression": "sum(amount_eur)",
        "sourceField": None,
        "job": f"job:{JOB}",
        "plan": total["plan"],
    }
    assert total["plan"].startswith("plan:")
    assert answer["nodes"] == sorted(answer["nodes"], key=lambda node: (node["distance"], node["id"]))
    order = [(edge["target"], edge["source"], edge["type"], edge["subtype"], edge["plan"]) for edge in answer["edges"]]
    assert order == sorted(order)
    ids = {node["id"] for node in answer["nodes"]}
    assert {edge[end] for edge in answer["edges"] for end in ("source", "target")} <= ids


UNKNOWN = "nothing is known of it before "  #: and when it was first heard of

#: parameters -> number of nodes, whether that is all, and why not, or how that begins
BOUNDS = {
    "everything": ({}, 20, None),
    "the root alone": ({"depth": 0}, 1, "depth"),
    "one hop": ({"depth": 1}, 2, "depth"),
    "the nearest five": ({"limit": 5}, 5, "limit"),
    "all of it, filters and keys too": ({"type": "all"}, 42, None),
    "what ever held": ({"asOf": "ever"}, 20, None),
    "after all writes": ({"asOf": "2026-11-23"}, 20, None),
    "when half of it had been written": ({"asOf": "2026-11-22T22:03:00Z"}, 1, UNKNOWN),
    "before all writes": ({"asOf": "2026-11-22"}, 1, UNKNOWN),
    "for the run that wrote it": ({"asOf": "local-1795385021849"}, 20, None),
}


@pytest.mark.parametrize(("parameters", "nodes", "reason"), BOUNDS.values(), ids=BOUNDS)
def test_an_answer_says_whether_it_is_complete(
    parameters: dict[str, Any], nodes: int, reason: str | None, server: Server
) -> None:
    answer = lineage(server, LAST, **parameters)
    told = UNKNOWN if str(answer["reason"]).startswith(UNKNOWN) else answer["reason"]
    assert (len(answer["nodes"]), answer["complete"], told) == (nodes, reason is None, reason)


SPELLINGS = [
    LAST,
    LAST.replace("///", "/"),
    LAST.removeprefix("file://"),
    "/data/lake/pipe/out/churn_by_country/#AVG_SCORE",
]


@pytest.mark.parametrize("node", SPELLINGS)
def test_any_spelling_is_taken(node: str, server: Server) -> None:
    assert lineage(server, node)["root"] == LAST


def test_a_column_may_be_a_parameter_of_its_own(server: Server) -> None:
    dataset, _, column = LAST.partition("#")
    assert lineage(server, dataset, column=column) == lineage(server, LAST)
    asked = f"node={quote(dataset, safe='')}&column={column}"
    assert server.get(f"/api/v1/queries/changes?{asked}") == server.get(f"/api/v1/queries/changes?{NODE}")


def test_a_bare_hash_that_comes_through_is_refused(server: Server) -> None:
    address = urlsplit(server.url)
    with closing(HTTPConnection(address.hostname or "", address.port)) as connection:
        connection.request("GET", f"/api/v1/lineage?node={LAST}&direction=upstream")
        response = connection.getresponse()
        assert (response.status, b"%23" in response.read()) == (400, True)


def test_a_path_of_its_own_and_the_canned_query_answer_alike(server: Server) -> None:
    node = quote(RATES, safe="")
    down = server.get(f"/api/v1/queries/downstream?node={node}")[1]
    assert down == lineage(server, RATES, direction="downstream")
    assert LAST in {found["id"] for found in down["nodes"]}
    searched = server.get("/api/v1/search?q=rate_to")[1]
    assert [row["id"] for row in searched["rows"]] == [RATES]
    assert searched == server.get("/api/v1/queries/search?q=rate_to")[1]


#: What is asked about where it is not a column.
NODES = {
    "audit": "/data/lake/pipe/out/churn_by_country",
    "inputs": "/data/lake/pipe/out/churn_by_country",
    "consumers": "/data/lake/pipe/out/churn_by_country",
    "why": LAST,
    "changes": LAST,
    "diff": JOB,
}
#: Queries that find nothing in the recorded pipeline.
NOTHING = {
    *("diff", "diff-runs", "tags", "tag-counts", "stopped-jobs", "schema-drift", "cycles", "coverage", "two-names"),
    *("facts", "who-can-read", "wider-access"),  # no catalogue was read
}


def test_every_listed_query_can_be_asked(server: Server) -> None:
    listed = server.get("/api/v1/queries")[1]["queries"]
    assert [query["name"] for query in listed] == [query.name for query in QUERIES]
    run = server.get(f"/api/v1/queries/runs?job={quote(JOB, safe='')}")[1]["rows"][0]
    values = {"q": "avg", "dataset": LAST.partition("#")[0], "job": JOB, "run": run["id"]}
    values |= {
        "plan": run["plan"],
        "from": RATES,
        "to": LAST,
        "pattern": "file:*",
        "path": LAST.partition("#")[0],
        "other": run["id"],
        "id": run["id"],
    }
    for query in listed:
        values["node"] = NODES.get(query["name"], RATES)
        if any(parameter["name"] == "tag" for parameter in query["parameters"]):
            continue  # nothing is tagged here
        given = [f"{p['name']}={quote(values[p['name']], safe='')}" for p in query["parameters"] if p["required"]]
        status, answer = server.get(f"/api/v1/queries/{query['name']}?{'&'.join(given)}")
        found = next((answer[key] for key in ("rows", "nodes", "affected", "inputs") if key in answer), None)
        assert (status, bool(found)) == (200, query["name"] not in NOTHING), query["name"]
        assert answer["shape"] == query["shape"]


def test_rows_come_a_page_at_a_time(server: Server) -> None:
    whole = server.get("/api/v1/queries/datasets")[1]
    assert whole["next"] is None
    rows, page = [], server.get("/api/v1/queries/datasets?limit=5")[1]
    rows += page["rows"]
    while page["next"] is not None:
        page = server.get(f"/api/v1/queries/datasets?limit=5&next={page['next']}")[1]
        rows += page["rows"]
    assert rows == whole["rows"]


def test_what_there_is_is_counted(server: Server) -> None:
    stats = server.get("/api/v1/stats")[1]
    assert {name: stats[name] for name in ("entries", "lag", "parked", "waiting")} == {
        "entries": 18,
        "lag": 0,
        "parked": 0,
        "waiting": 0,
    }
    assert (stats["vertices"]["job"], stats["vertices"]["run"], stats["edges"]["executes"]) == (7, 9, 9)
    assert server.get("/api/v1/parked")[1] == {"parked": [], "next": None}
    assert server.get("/ready")[1] == {"status": "ready", "entries": 18, "lag": 0, "rebuilding": False}
    assert server.get("/health")[1]["status"] == "ok"


def test_metrics_are_prometheus_text(server: Server) -> None:
    status, text = server.get("/metrics")
    assert status == 200
    found = dict(re.findall(r"^(\w+) ([0-9.]+)$", text, re.MULTILINE))
    assert {row.name for row in METRICS} == {name.removesuffix("_total") for name in found}
    assert float(found["headwater_ledger_entries_total"]) == 18


NODE = f"node={quote(LAST, safe='')}"

#: path -> status, field, a part of the sentence, a suggestion
MISTAKES: dict[str, tuple[str, int, str | None, str, str | None]] = {
    "a node that does not exist": (
        "/api/v1/lineage?node=/data/lake/pipe/out/churn_by_countr",
        404,
        "node",
        "churn_by_countr",
        "file:///data/lake/pipe/out/churn_by_country",
    ),
    "a column beside a column": (f"/api/v1/lineage?{NODE}&column=x", 400, "column", "a dataset", None),
    "no node": ("/api/v1/lineage", 400, "node", "node", None),
    "two nodes": (f"/api/v1/lineage?{NODE}&{NODE}", 400, "node", "twice", None),
    "an unknown parameter": (f"/api/v1/lineage?{NODE}&dept=1", 400, "dept", "dept", "depth"),
    "a negative depth": (f"/api/v1/lineage?{NODE}&depth=-1", 400, "depth", "depth", None),
    "a type that is none": (f"/api/v1/lineage?{NODE}&type=some", 400, "type", "direct", None),
    "a direction that is none": (f"/api/v1/lineage?{NODE}&direction=up", 400, "direction", "upstream", None),
    "a time to come": (f"/api/v1/lineage?{NODE}&asOf=2999-01-01", 400, "asOf", "lies in the future", None),
    "no time and no run": (
        f"/api/v1/lineage?{NODE}&asOf=yesterday",
        400,
        "asOf",
        "neither a time nor the id of a run",
        None,
    ),
    "no day": (f"/api/v1/lineage?{NODE}&asOf=2026-02-30", 400, "asOf", "no time", None),
    "an entry that is no number": (f"/api/v1/lineage?{NODE}&after=x", 400, "after", "whole number", None),
    "an entry that is not there yet": (f"/api/v1/lineage?{NODE}&after=19", 400, "after", "no entry 19", None),
    "an unknown query": ("/api/v1/queries/upstrem", 404, "query", "upstrem", "upstream"),
    "a parameter for what takes none": ("/api/v1/queries?x=1", 400, "x", "x", None),
    "nothing of that name": ("/api/v1/nothing", 404, None, "/api/v1/nothing", "/api/v1/lineage"),
}


@pytest.mark.parametrize(("path", "status", "field", "sentence", "suggestion"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_named(
    path: str, status: int, field: str | None, sentence: str, suggestion: str | None, server: Server
) -> None:
    found, answer = server.get(path)
    assert (found, list(answer), answer["field"]) == (status, ["error", "field", "suggestions"], field)
    assert sentence in answer["error"]
    assert suggestion is None or suggestion in answer["suggestions"]


@pytest.mark.parametrize(
    ("method", "path", "allowed", "said"),
    [
        ("PUT", "/api/v1/lineage", "GET, HEAD, POST", "takes GET and POST only"),
        ("GET", "/api/v1/lineage/batch", "POST", "takes POST only"),
        ("GET", "/api/v1/parked/retry", "POST", "takes POST only"),
        ("POST", "/api/v1/search", "GET, HEAD", "takes GET only"),
        ("DELETE", "/api/v1/queries/runs", "GET, HEAD", "takes GET only"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allowed: str, said: str, server: Server) -> None:
    with pytest.raises(HTTPError) as raised:
        urlopen(Request(server.url + path, method=method), timeout=60)
    with raised.value as answer:
        assert (answer.code, answer.headers["Allow"]) == (405, allowed)
        assert json.load(answer)["error"] == f"{path} {said}"


def test_names_that_were_pointed_here_get_nothing(server: Server) -> None:
    status, answer = server.get(f"/api/v1/lineage?{NODE}", Host="evil.example")
    assert (status, list(answer)) == (421, ["error", "field", "suggestions"])
    assert "evil.example" in answer["error"]


def test_many_who_ask_at_once_get_the_same_answer(server: Server) -> None:
    with ThreadPoolExecutor(16) as askers:
        answers = list(askers.map(lambda _: json.dumps(lineage(server, LAST, type="all")), range(64)))
    assert len(set(answers)) == 1


def test_an_answer_says_up_to_which_entry_the_graph_was(server: Server, tmp_path: Path) -> None:
    with urlopen(f"{server.url}/api/v1/lineage?node={quote(LAST, safe='')}") as answer:
        sequence, _, digest = answer.headers["Headwater-Graph"].partition(" ")
    anchor = tmp_path / "anchor.json"
    assert headwater("verify", "--data", server.folder, "--anchor", anchor).returncode == 0
    told = json.loads(anchor.read_text())
    assert (told["sequence"], told["hash"]) == (int(sequence), digest)


async def test_those_who_wait_for_an_entry_hold_up_nobody(tmp_path: Path) -> None:
    with Service.open(tmp_path / "data") as service:
        committer = GroupCommitter(service.ledger, on_appended=lambda _: service.projector.wake())
        app = create_app(committer)
        add_routes(app, service)
        async with TestClient(TestServer(app)) as client:
            body = (PAYLOADS / "a01_customers_clean" / "002-plan.json").read_bytes()
            sent = await client.post("/producer/execution-plans", data=body, headers={"Content-Type": FLAT})
            assert sent.headers["Headwater-Entry"] == "1"
            waiting = [asyncio.create_task(client.get("/api/v1/stats?after=1")) for _ in range(20)]
            assert (await (await client.get("/api/v1/stats")).json())["lag"] == 1
            assert not any(task.done() for task in waiting)
            service.start(lambda _: None)  # only now is there anybody who brings the entry into the graph
            assert [(await task).status for task in waiting] == [200] * 20
        await committer.close()
