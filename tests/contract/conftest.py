"""What the contract tests run against: every store there is, each empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from graphstore import GraphStore, open_store


@pytest.fixture(params=["embedded"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphStore]:
    with open_store(f"{request.param}:{tmp_path / 'graph'}") as opened:
        yield opened
