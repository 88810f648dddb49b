"""What a Neptune store does with connections, conflicts, fail-overs and size, seen at a stand-in."""

from __future__ import annotations

from graphstore import open_store
from tests.contract.test_store import SMALL, contents
from tests.neptune.standin import StandIn


def test_a_small_write_is_one_signed_request(standin: StandIn) -> None:
    with open_store(standin.url) as store:
        store.apply(SMALL)
        assert (standin.seen.writes, standin.seen.refused, standin.seen.rejected) == (1, [], [])
        assert store.counts() == {"dataset": 2, "column": 3, "hasColumn": 3, "derivesFrom": 2}
        found, _ = contents(store)
        assert set(found) == {item.id for item in SMALL.vertices}
