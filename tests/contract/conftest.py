"""What the contract tests run against: every store there is, each empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.graphstore import GraphStore
from tests.contract.stores import STORES, opened


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphStore]:
    with opened(request.param, tmp_path, lambda: request.getfixturevalue("gremlin_server")) as store:
        yield store
