"""The graph in a Gremlin Server: the same commands, the same answers; a server that is away, or somebody else's."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import headwater as hw
from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore import open_store
from headwater.ingest.ledger.ledger import open_ledger
from tests.acceptance.door import PATIENCE, PIPELINE, Server, eventually, headwater, serving
from tests.gremlin_server.relay import Relay
from tests.gremlin_server.server import Server as GremlinServer

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"


@pytest.fixture
def relay(gremlin_server: GremlinServer) -> Iterator[Relay]:
    """A door in front of an empty graph, open."""
    with open_store(gremlin_server.url("single", 2)) as store:
        store.clear()
    with Relay(gremlin_server.port) as relay:
        relay.open()
        yield relay


@pytest.fixture
def url(relay: Relay) -> str:
    return f"ws://127.0.0.1:{relay.port}/gremlin?g=single2"


def test_load_ask_and_replay_answer_as_the_embedded_store(
    url: str, gremlin_server: GremlinServer, tmp_path: Path
) -> None:
    loaded = headwater("load", *PIPELINE, "--data", tmp_path / "there", "--store", url)
    assert (loaded.returncode, loaded.stderr) == (0, "")
    assert not (tmp_path / "there" / "graph").exists()
    with open_store(gremlin_server.url("single", 3)) as other:
        other.clear()
    again = headwater("replay", "--data", tmp_path / "there", "--to", url)
    assert (again.returncode, "0 entries replayed" in again.stdout) == (0, True)
    moved = headwater("replay", "--data", tmp_path / "there", "--to", gremlin_server.url("single", 3))
    assert (moved.returncode, "18 entries replayed" in moved.stdout) == (0, True)
    asked = headwater("upstream", LAST, "--data", tmp_path / "there", "--store", url, "--json")
    with hw.open(tmp_path / "here") as here, hw.open(tmp_path / "there", store=url) as there:
        here.load(*PIPELINE)
        assert there.upstream(LAST, type="all").to_dict() == here.upstream(LAST, type="all").to_dict()
        assert json.loads(asked.stdout) == here.upstream(LAST).to_dict()
        assert there.stats() == here.stats()
    with open_store(url) as first, open_store(gremlin_server.url("single", 3)) as second:
        assert first.counts() == second.counts()


def test_a_server_takes_payloads_while_its_store_is_away(relay: Relay, url: str, tmp_path: Path) -> None:
    """Away at its start, and again later."""
    relay.shut()
    with serving(tmp_path / "data", "--store", url, ready=False) as server:
        for case, entries in ((PIPELINE[0], 2), (PIPELINE[1], 4)):
            send(server, Path(case))
            eventually(lambda: "cannot be reached" in server.get("/ready")[1].get("error", ""))
            relay.open()
            eventually(lambda: server.get("/ready")[0] == 200)
            stats = server.get(f"/api/v1/stats?after={entries}")[1]
            assert (stats["entries"], stats["lag"], stats["parked"]) == (entries, 0, 0)
            relay.shut()
        assert server.get("/api/v1/stats")[0] == 503
        assert server.stop() == 0


def send(server: Server, case: Path) -> None:
    """As an agent does; 201 says that it is kept."""
    for name, path in (("plan", "execution-plans"), ("event", "execution-events")):
        (body,) = case.glob(f"*-{name}.json")
        kind = {"Content-Type": "application/vnd.absa.spline.producer.v1.2+json"}
        request = urllib.request.Request(f"{server.url}/producer/{path}", body.read_bytes(), kind)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert answer.status == 201


def test_a_command_says_that_the_store_cannot_be_reached(relay: Relay, url: str, tmp_path: Path) -> None:
    relay.shut()
    for command in (["load", *PIPELINE[:1]], ["upstream", LAST], ["replay", "--yes"], ["replay", "--to", url]):
        with open_ledger(tmp_path / "data", clock=lambda: 0):
            pass
        said = headwater(*command, "--data", tmp_path / "data", "--store", url)
        assert (said.returncode, said.stdout) == (3, "")
        assert f"127.0.0.1:{relay.port}/gremlin cannot be reached" in said.stderr


def test_the_graph_of_others_is_left_alone(url: str, tmp_path: Path) -> None:
    with open_store(url) as store:
        store.apply(GraphDelta((vertex("theirs", "person", name="Ada"),)))
        said = headwater("load", *PIPELINE[:1], "--data", tmp_path / "data", "--store", url)
        assert (said.returncode, "not Headwater's" in said.stderr) == (2, True)
        with serving(tmp_path / "data", "--store", url, ready=False) as server:
            eventually(lambda: server.get("/ready")[1]["reason"] == "failed")
            assert "not Headwater's" in server.get("/ready")[1]["error"]
        assert store.counts() == {"person": 1}
        store.clear()
        assert headwater("load", *PIPELINE[:1], "--data", tmp_path / "one", "--store", url).returncode == 0
        before = store.counts()
        said = headwater("load", *PIPELINE[1:2], "--data", tmp_path / "two", "--store", url)
        assert (said.returncode, "of the ledger" in said.stderr) == (2, True)
        assert store.counts() == before


def test_a_graph_is_asked_where_its_ledger_is_not(url: str, tmp_path: Path) -> None:
    assert headwater("load", *PIPELINE, "--data", tmp_path / "there", "--store", url).returncode == 0
    elsewhere = tmp_path / "elsewhere"
    asked = headwater("upstream", LAST, "--data", elsewhere, "--store", url, "--json")
    with hw.open(url) as graph, hw.example() as example:
        assert json.loads(asked.stdout) == graph.upstream(LAST).to_dict() == example.upstream(LAST).to_dict()
        assert graph.stats()["vertices"] == example.stats()["vertices"]
        with pytest.raises(hw.WrongUse, match=r"is only read from here: load where its ledger is"):
            graph.load(PIPELINE[0])
    tagged = headwater("tag", LAST, "pii", "--data", elsewhere, "--store", url)
    assert (tagged.returncode, "is only read from here" in tagged.stderr) == (2, True)
    assert not elsewhere.exists()
