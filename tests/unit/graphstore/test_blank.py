"""The store that keeps nothing refuses what every store refuses."""

from __future__ import annotations

import pytest

from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore.errors import InvalidRequest
from headwater.graphstore.null_store import NullStore


def test_nothing_is_kept_and_nothing_found() -> None:
    with NullStore() as store:
        store.apply(GraphDelta((vertex("v", "run", status="success"),)))
        store.clear()
        store.checkpoint()
        assert store.g.V("v").element_map().to_list() == []
        assert store.counts() == {}


def test_a_value_of_a_wrong_type_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="status"):
        NullStore().apply([GraphDelta((vertex("v", "run", status=7),))])
