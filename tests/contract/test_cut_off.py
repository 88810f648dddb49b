"""A write of many requests that is cut off: started again, the graph becomes that of a clean replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from gremlin_python.process.traversal import Bytecode

from headwater.graphmodel.delta import GraphDelta
from headwater.graphstore.errors import PermanentError
from headwater.graphstore.remote.channel import Channel, SingleClient
from headwater.graphstore.remote.gremlin_server import LIMITS, store_error
from headwater.graphstore.remote.store import RemoteStore
from headwater.ingest.fold.file import Derived
from headwater.ingest.graph.projector import Projector
from headwater.ingest.ledger.ledger import Ledger, open_ledger
from tests.contract.test_projector import (
    PIPELINE,
    RECORDED_MS,
    Interrupted,
    Killed,
    assert_equal,
    catch_up,
    recorded,
    stored,
    whole,
)
from tests.gremlin_server.server import Server


class Dying(Channel):
    """Ends with the n-th request that changes something, counted from 1; the server has taken it, or not."""

    def __init__(self, url: str, source: str, last: int, *, taken: bool) -> None:
        super().__init__(url, lambda: SingleClient(url, source, answer_within=60), store_error, threads=2)
        self._left = last
        self._taken = taken

    def submit(self, request: Bytecode | str, options: Mapping[str, Any] | None = None) -> list[Any]:
        assert isinstance(request, Bytecode)
        if request.step_instructions[-1][0] != "none":
            return super().submit(request, options)
        self._left -= 1
        if self._left == 0 and self._taken:
            super().submit(request, options)
        if self._left <= 0:
            raise Killed
        return super().submit(request, options)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "data", clock=lambda: RECORDED_MS)
    opened.append(recorded(*PIPELINE, "m02_changed_expression")[::-1])
    yield opened
    opened.close()


def store_of(server: Server, last: int, *, taken: bool = True) -> RemoteStore:
    url, source = server.url().split("?g=")
    channel = Dying(url, source, last, taken=taken)
    return RemoteStore(channel, channel, LIMITS)


@pytest.fixture
def derived(tmp_path: Path) -> Iterator[Derived]:
    opened = Derived.open(tmp_path / "derived.sqlite")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("last", "taken"),
    [*((last, True) for last in (2, 4, 6, 9, 12, 16, 20)), *((last, False) for last in (3, 5, 7, 10, 14, 18, 24))],
)
def test_killed_between_requests_and_started_again(
    last: int, taken: bool, ledger: Ledger, gremlin_server: Server, tmp_path: Path
) -> None:
    """With another batch size, and with entries that came meanwhile: the batch that was begun is ended first."""
    with store_of(gremlin_server, 10_000) as store:
        store.clear()
    first = Derived.open(tmp_path / "derived.sqlite")
    with store_of(gremlin_server, last, taken=taken) as store, pytest.raises(Killed):
        catch_up(Projector(ledger, store, first), 5)
    first.close()
    ledger.append(recorded("m01_rerun", "l07_score_report"))
    second = Derived.open(tmp_path / "derived.sqlite")
    with store_of(gremlin_server, 10_000) as store:
        catch_up(Projector(ledger, store, second), 7)
        assert_equal(stored(store), whole(ledger))
    second.close()


def test_a_server_that_lost_its_graph_meanwhile_gets_it_anew(
    ledger: Ledger, gremlin_server: Server, derived: Derived
) -> None:
    """As TinkerGraph does when its server is restarted, between two batches of one projector."""
    with store_of(gremlin_server, 10_000) as store:
        store.clear()
        projector = Projector(ledger, store, derived)
        projector.step(5)
        store.clear()
        catch_up(projector, 5)
        assert projector.parked() == []
        assert_equal(stored(store), whole(ledger))


@pytest.mark.parametrize("limit", [1, 50])
def test_what_was_written_of_a_payload_that_the_server_refused_is_taken_out(
    limit: int, ledger: Ledger, gremlin_server: Server, derived: Derived
) -> None:
    def refuse(count: int, delta: GraphDelta) -> None:
        if any(v.label == "job" and v.properties["name"] == "pipeline.stage_orders" for v in delta.vertices):
            raise PermanentError("no more")

    with store_of(gremlin_server, 10_000) as store:
        store.clear()
        projector = Projector(ledger, Interrupted(store, after=refuse), derived)
        catch_up(projector, limit)
        (parked,) = projector.parked()
        assert_equal(stored(store), whole(ledger, without=[parked.sequence]))
