"""What a Neptune store does about conflicts, fail-overs, lost connections and size, seen at a stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphstore import GraphStore, open_store
from headwater.graphstore.errors import Denied, InvalidRequest, PermanentError, StoreError, TransientError
from headwater.graphstore.neptune.store import open_neptune
from tests.contract.test_store import ORDERS, SMALL, contents
from tests.neptune.standin import StandIn, serving
from tests.neptune.tls import Tls

COUNTS = {"dataset": 2, "column": 3, "hasColumn": 3, "derivesFrom": 2}


@pytest.fixture
def store(standin: StandIn, request: pytest.FixtureRequest) -> Iterator[GraphStore]:
    """One that waits for nothing but answers, and for those two seconds where there is one that never comes."""
    never = request.node.callspec.params.get("kind") == "half-open" if hasattr(request.node, "callspec") else False
    with open_neptune(f"{standin.url}&timeout={2 if never else 100}", sleep=lambda _: None) as opened:
        yield opened


def test_a_small_write_is_one_signed_request(standin: StandIn, store: GraphStore) -> None:
    store.apply(SMALL)
    assert (standin.seen.writes, standin.seen.refused, standin.seen.rejected) == (1, [], [])
    assert store.counts() == COUNTS


PASSING = [
    ("conflict", 3),
    ("throttled", 3),
    ("timeout", 2),
    ("memory", 2),
    ("failover", 2),
    ("dropped", 3),
    ("dropped after", 3),
    ("closed", 3),
    ("half-open", 1),
    ("slow", 1),
]


@pytest.mark.parametrize(("kind", "times"), PASSING)
def test_what_passes_is_waited_out_and_nothing_is_lost(
    kind: str, times: int, standin: StandIn, store: GraphStore
) -> None:
    standin.suffer(kind, times=times)
    store.apply(SMALL)
    assert standin.seen.faults[kind] == times
    assert store.counts() == COUNTS
    assert contents(store)[1].keys() == {(e.label, e.source, e.target, e.key) for e in SMALL.edges}


@pytest.mark.parametrize(("kind", "times"), [case for case in PASSING if case[0] not in ("timeout", "memory")])
def test_a_question_is_asked_again_too(kind: str, times: int, standin: StandIn, store: GraphStore) -> None:
    store.apply(SMALL)
    standin.suffer(kind, times=times)
    assert store.g.V(ORDERS).values("name").to_list() == ["orders"]


LASTING: list[tuple[str, type[StoreError], str]] = [
    ("malformed", InvalidRequest, "MalformedQueryException: Query parsing has failed"),
    ("unheard of", PermanentError, "BrandNewException"),
]


@pytest.mark.parametrize(("kind", "error", "words"), LASTING)
def test_what_cannot_succeed_is_sent_once(
    kind: str, error: type[StoreError], words: str, standin: StandIn, store: GraphStore
) -> None:
    standin.suffer(kind)
    with pytest.raises(PermanentError, match=words):
        store.apply(SMALL)
    with pytest.raises(error, match=words):
        store.g.V().count().next()
    assert standin.seen.faults[kind] == 2


def test_a_question_that_takes_too_long_is_not_asked_again(standin: StandIn, store: GraphStore) -> None:
    standin.suffer("timeout")
    with pytest.raises(StoreError, match="TimeLimitExceededException"):
        store.g.V().count().next()
    assert standin.seen.faults["timeout"] == 1


def test_what_does_not_pass_is_the_callers_business_in_the_end(standin: StandIn, store: GraphStore) -> None:
    standin.suffer("conflict")
    with pytest.raises(TransientError, match="ConcurrentModificationException: Failed to complete Insert"):
        store.apply(SMALL)
    assert standin.seen.faults["conflict"] == 9


def test_a_write_that_takes_too_long_is_sent_in_halves(standin: StandIn, store: GraphStore) -> None:
    standin.slowest = 8
    store.apply(SMALL)
    assert store.counts() == COUNTS
    assert standin.seen.writes > 4


def test_an_element_that_takes_too_long_alone_is_tried_later(standin: StandIn, store: GraphStore) -> None:
    standin.slowest = 0
    with pytest.raises(TransientError, match="TimeLimitExceededException"):
        store.apply(SMALL)


def test_questions_go_to_the_reader_and_what_must_see_writes_to_the_writer(standin: StandIn, tls: Tls) -> None:
    backend = f"{standin.backend}?g={standin.source}"
    with serving(StandIn(backend, tls.server, str(tls.ca))) as reader:
        reader.role = "reader"
        with open_store(f"{standin.url}&reader={reader.host}") as store:
            store.apply(SMALL)
            assert (standin.seen.requests, reader.seen.requests) == (1, 0)
            assert store.g.V(ORDERS).values("name").to_list() == ["orders"]
            assert (standin.seen.requests, reader.seen.requests) == (1, 1)
            assert store.latest.V(ORDERS).values("name").to_list() == ["orders"]
            assert store.counts() == COUNTS
            store.clear()
            assert (reader.seen.requests, reader.seen.connections) == (1, 1)


def test_a_writer_that_only_reads_is_left_after_a_while(standin: StandIn, store: GraphStore) -> None:
    standin.role = "reader"
    with pytest.raises(TransientError, match="ReadOnlyViolationException"):
        store.apply(SMALL)
    standin.role = "writer"
    store.apply(SMALL)
    assert store.counts() == COUNTS


def test_nobody_is_let_in_with_the_wrong_secret(
    standin: StandIn, store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with open_store(standin.url) as other, pytest.raises(Denied, match="does not let us in"):
        other.apply(SMALL)
    assert len(standin.seen.refused) == 1


def large(columns: int) -> GraphDelta:
    """A dataset with so many columns, each with an edge."""
    ids = [f"d#{i}" for i in range(columns)]
    vertices = (vertex("d", "dataset", name="d"), *(vertex(id_, "column", name=id_) for id_ in ids))
    return GraphDelta(vertices, tuple(edge("hasColumn", "d", id_) for id_ in ids))


def test_a_large_write_keeps_the_advised_size_and_takes_several_connections(
    standin: StandIn, store: GraphStore
) -> None:
    store.apply(large(1_700))
    assert store.counts() == {"dataset": 1, "column": 1_700, "hasColumn": 1_700}
    assert 150 < standin.seen.most_records <= 200
    assert 1 < standin.seen.connections <= 4


def test_a_large_write_that_is_cut_off_is_made_whole_by_the_same_again(standin: StandIn, store: GraphStore) -> None:
    standin.suffer("malformed", rate=0.2, seed=2)
    with pytest.raises(PermanentError):
        store.apply(large(600))
    standin.suffer()
    assert 0 < sum(store.counts().values()) < 1_201
    store.apply(large(600))
    assert store.counts() == {"dataset": 1, "column": 600, "hasColumn": 600}
