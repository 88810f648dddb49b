"""What every store promises (tests/contract/test_store.py), promised by Neptune's through the stand-in.

With `HEADWATER_NEPTUNE=neptune://...` in the environment the same tests run on that cluster as well, **and empty it**.
"""

import os

import pytest

from headwater.graphstore import GraphStore
from tests.contract.test_store import *  # noqa: F403 - the same tests, with this folder's stores
from tests.neptune.conftest import CLUSTER

del test_ten_thousand_rows_are_one_write  # noqa: F821 - 600 requests; test_store.py has 20


@pytest.mark.skipif(CLUSTER not in os.environ, reason=f"{CLUSTER}=neptune://... names a cluster, which is emptied")
def test_the_cluster_answers_too(store: GraphStore) -> None:
    """The one line that says whether these tests have seen a real cluster."""
    assert store.counts() == {}
