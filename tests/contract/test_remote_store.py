"""A store behind a socket: the server goes and comes back, takes only so much, says no."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.strategies import SubgraphStrategy
from gremlin_python.process.traversal import T

from headwater.graphmodel.delta import Edge, GraphDelta, Vertex, edge, edge_id, vertex
from headwater.graphstore import GraphStore, open_store
from headwater.graphstore.errors import Exceeded, InvalidRequest, PermanentError, TransientError
from headwater.graphstore.remote.gremlin_server import LIMITS
from headwater.graphstore.remote.store import RemoteStore
from tests.contract.test_store import SMALL, TO_PRICE, contents
from tests.gremlin_server.relay import Relay
from tests.gremlin_server.server import Server, serving


@pytest.fixture
def relay(gremlin_server: Server) -> Iterator[Relay]:
    with Relay(gremlin_server.port) as relay:
        relay.open()
        yield relay


@pytest.fixture
def store(relay: Relay) -> Iterator[RemoteStore]:
    store = open_store(f"ws://127.0.0.1:{relay.port}/gremlin?g=single1")
    assert isinstance(store, RemoteStore)
    with store:
        store.clear()
        yield store


def jobs(count: int, size: int = 10) -> GraphDelta:
    return GraphDelta(tuple(vertex(f"job:{i}", "job", name="n" * size) for i in range(count)))


def test_a_connection_that_was_cut_while_idle_is_replaced(store: RemoteStore, relay: Relay) -> None:
    store.apply(SMALL)
    before = contents(store)
    relay.shut()
    relay.open()
    assert contents(store) == before
    relay.shut()
    relay.open()
    store.apply(jobs(1))
    assert store.counts()["job"] == 1


def test_a_server_that_is_away_is_a_passing_matter(store: RemoteStore, relay: Relay) -> None:
    store.apply(SMALL)
    relay.shut()
    for use in (store.counts, store.clear, lambda: store.apply(jobs(1))):
        with pytest.raises(TransientError, match=r"cannot be reached|broke"):
            use()
    relay.open()
    assert store.counts()["column"] == 3


def test_what_a_server_hangs_up_on_is_sent_in_parts(store: RemoteStore, relay: Relay) -> None:
    """Some servers are set to 64 KiB a request; they tell nothing, they close the connection."""
    relay.shut()
    relay.open(most=100_000)
    store.apply(jobs(1_000, 300))
    assert store.counts() == {"job": 1_000}
    assert store.g.V("job:999").values("name").next() == "n" * 300


def test_an_element_that_is_larger_than_the_server_takes_will_never_do(store: RemoteStore, relay: Relay) -> None:
    relay.shut()
    relay.open(most=100_000)
    with pytest.raises(PermanentError, match="more than the server takes"):
        store.apply(jobs(1, 200_000))


@pytest.mark.soak  # starts a server of its own
def test_a_server_with_a_small_limit_takes_a_large_delta() -> None:
    with serving(largest=65_536) as server, open_store(server.url()) as store:
        store.apply(jobs(2_000, 300))
        assert store.counts() == {"job": 2_000}


@pytest.mark.soak  # as above, and fetches its jars
def test_a_server_of_the_next_version_is_written_to_as_well() -> None:
    with serving(version="3.8.1") as server, open_store(server.url()) as store:
        store.apply(SMALL)
        assert store.counts()["column"] == 3
        assert store.g.V(TO_PRICE.source).iterate().has_next() is False
        store.clear()
        assert store.counts() == {}


def test_a_question_that_takes_too_long_is_ended(store: RemoteStore) -> None:
    store.apply(GraphDelta(tuple(Vertex(str(i), "x") for i in range(60))))
    everywhere = __.V().as_("v")
    for _ in range(4):
        everywhere = everywhere.V()
    with pytest.raises(Exceeded, match=r"(?i)timeout|timed"):
        store.g.with_("evaluationTimeout", 50).V().map(everywhere.count()).to_list()
    assert store.g.V().count().next() == 60


REFUSED: list[tuple[str, Callable[[GraphTraversalSource], Any]]] = [
    ("changes the graph", lambda g: g.V().coalesce(__.out(), __.add_v("x"))),
    ("code", lambda g: g.V().map(lambda: ("it.get()", "gremlin-groovy"))),
    ("not supported", lambda g: g.V().match(__.as_("a").out().as_("b"))),
    ("not supported", lambda g: g.io("/etc/passwd").read()),
    ("would change the answer", lambda g: g.with_strategies(SubgraphStrategy(vertices=__.has_label("x"))).V()),
]


@pytest.mark.parametrize(("sentence", "question"), REFUSED)
def test_a_question_that_may_not_be_asked_is_not_sent(
    sentence: str, question: Callable[[GraphTraversalSource], Any], store: RemoteStore
) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        question(store.g).to_list()


def test_a_missing_traversal_source_is_named(gremlin_server: Server) -> None:
    url = f"ws://127.0.0.1:{gremlin_server.port}/gremlin?g=nobody"
    with open_store(url) as store, pytest.raises(InvalidRequest, match="nobody"):
        store.counts()


def test_a_server_that_never_answers_the_handshake_is_away(
    gremlin_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Gremlin Server does on another path, and where it is not encrypted."""
    monkeypatch.setattr("headwater.graphstore.remote.channel.CONNECT_SECONDS", 0.3)
    for url in (f"wss://127.0.0.1:{gremlin_server.port}/gremlin", f"ws://127.0.0.1:{gremlin_server.port}/elsewhere"):
        with open_store(url) as store, pytest.raises(TransientError, match="in time"):
            store.counts()


def test_an_edge_has_the_id_that_everybody_computes(store: RemoteStore) -> None:
    store.apply(SMALL)
    expected = edge_id(TO_PRICE.label, TO_PRICE.source, TO_PRICE.target, TO_PRICE.key)
    assert store.g.E(expected).values("columns").to_list() == [1]


def test_a_property_may_have_any_name_that_is_one(store: RemoteStore) -> None:
    names = dict.fromkeys(("k", "p", "row", "T", "_"), 1)
    store.apply(GraphDelta((Vertex("v", "x", names),), (Edge("x", "v", "v", "key", names),)))
    assert store.g.V("v").value_map().next() == {name: [1] for name in names}
    assert store.g.V("v").out_e().value_map().next() == {**names, "key": "key"}


def test_numbers_are_of_one_type_whatever_their_size(store: RemoteStore) -> None:
    sizes = (1, 2**31, 2**62)
    store.apply(GraphDelta(tuple(vertex(f"v{size}", "run", timestamp=size) for size in sizes)))
    assert store.g.V().has("timestamp", 2**31).id_().to_list() == [f"v{2**31}"]
    assert store.g.V().values("timestamp").order().to_list() == list(sizes)
    assert store.g.V().values("timestamp").max_().next() == 2**62


async def test_it_is_asked_from_within_an_event_loop(store: RemoteStore) -> None:
    """As in a notebook, whose cells run in one."""
    assert asyncio.get_running_loop().is_running()
    store.apply(SMALL)
    assert store.counts()["column"] == 3


def test_many_threads_ask_and_one_writes(store: RemoteStore) -> None:
    store.apply(SMALL)
    failed: list[Exception] = []

    def ask() -> None:
        try:
            for _ in range(20):
                assert store.g.V().has_label("column").count().next() == 3
        except Exception as error:  # noqa: BLE001 - told by the test
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for i in range(10):
        store.apply(GraphDelta((vertex(f"job:{i}", "job", name="n"),)))
    for thread in threads:
        thread.join()
    assert failed == []
    assert store.counts()["job"] == 10


def test_closed_it_says_so(store: RemoteStore) -> None:
    store.close()
    store.close()
    for use in (store.counts, lambda: store.apply(SMALL)):
        with pytest.raises(PermanentError, match="closed"):
            use()


def test_opened_for_reading_it_writes_nothing(store: GraphStore, gremlin_server: Server) -> None:
    store.apply(SMALL)
    with open_store(gremlin_server.url("single", 1), readonly=True) as readonly:
        assert readonly.counts()["column"] == 3
        for change in (readonly.clear, lambda: readonly.apply(SMALL)):
            with pytest.raises(InvalidRequest, match="read-only"):
                change()


def test_a_request_holds_what_the_limits_say() -> None:
    """Ten thousand columns are some requests, not ten thousand and not one."""
    from headwater.graphstore.remote.requests import requests

    columns = tuple(vertex(f"d#{i}", "column", name=str(i)) for i in range(10_000))
    links = tuple(edge("hasColumn", "d", column.id) for column in columns)
    made = list(requests([GraphDelta((vertex("d", "dataset"), *columns), links)], LIMITS.budget))
    assert 6 < len(made) < 20
    assert sum(len(request.rows) for request in made) == 20_001
    assert all(request.bytes <= LIMITS.budget.bytes for request in made)
    assert T.id in made[1].rows[0]["~k"]
