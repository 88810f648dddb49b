"""Plans through ledger, projector and troubles into the Neptune stand-in: nothing is lost, the graph is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.graphstore import open_store
from headwater.graphstore.errors import Denied
from headwater.ingest.folder.service import Service
from headwater.ingest.ledger.ledger import NewEntry
from tests.faults.world import elements, payload, replayed
from tests.golden.recorded import FLAT
from tests.neptune.standin import PASSING, SECRET, StandIn


def fill(service: Service, first: int, count: int) -> None:
    """Append plans with their events to the ledger."""
    for number in range(first, first + count):
        _, plan, event = payload(number)
        service.ledger.append([NewEntry("spline.plan", FLAT, plan), NewEntry("spline.events", FLAT, event)])


def through_troubles(standin: StandIn, place: Path, plans: int, parts: int) -> None:
    """`plans` in `parts`, a server each, with 5% of the requests failing; then compared with the embedded store."""
    url = f"{standin.url}&timeout=5"  # that is how long an answer is waited for that never comes
    for part in range(parts):
        standin.suffer()  # a server that starts asks once; a question that takes too long is not asked again
        with Service.open(place / "data", url) as service:
            standin.suffer(*sorted(PASSING), rate=0.05, seed=part)
            fill(service, part * plans // parts, plans // parts)
            service.catch_up()
            assert (service.parked(), service.projector.lag()) == ([], 0)
            standin.suffer()
    assert standin.seen.rejected == []
    with open_store(standin.url) as store:
        found = elements(store)
    assert found == replayed(place / "data", place / "embedded")


def test_hundreds_of_plans_through_troubles_end_in_the_same_graph(standin: StandIn, tmp_path: Path) -> None:
    through_troubles(standin, tmp_path, plans=300, parts=3)
    assert len(standin.seen.faults) > 5
    assert standin.seen.most_records <= 200


@pytest.mark.soak
def test_ten_thousand_plans_through_troubles_end_in_the_same_graph(standin: StandIn, tmp_path: Path) -> None:
    through_troubles(standin, tmp_path, plans=10_000, parts=10)
    assert standin.seen.faults.keys() == PASSING


def test_a_cluster_that_lets_nobody_in_parks_nothing(standin: StandIn, tmp_path: Path) -> None:
    with Service.open(tmp_path / "data", standin.url) as service:
        fill(service, 0, 2)
        standin.secrets = {}
        standin.suffer("dropped", times=1)
        with pytest.raises(Denied):
            service.catch_up()
        assert (service.parked(), service.projector.lag()) == ([], 4)
        standin.secrets = {SECRET.key: SECRET}
        service.catch_up()
        assert (service.parked(), service.projector.lag()) == ([], 0)


def test_a_cluster_with_too_much_to_do_parks_nothing(standin: StandIn, tmp_path: Path) -> None:
    """Not even the question how far the graph has come is answered in time, the first times."""
    with Service.open(tmp_path / "data", standin.url) as service:
        fill(service, 0, 2)
        standin.suffer("timeout", times=3)
        service.catch_up()
        assert standin.seen.faults["timeout"] == 3
        assert (service.parked(), service.projector.lag()) == ([], 0)
