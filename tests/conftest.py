"""What holds for every test: how many examples a property-based test tries; servers that many tests share.

`FAST=1` (make fast) tries 10, everything else 100. No deadlines and no complaint about slow examples: a busy machine
must not fail a test. Where the environment says CI, hypothesis takes the same examples every time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.containers import no_engine
from tests.gremlin_server.server import Missing, Server, serving

PROFILES = {"fast": 10, "ci": 100}

for _name, _examples in PROFILES.items():
    settings.register_profile(
        _name,
        max_examples=_examples,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("fast" if os.environ.get("FAST") == "1" else "ci")


def pytest_report_header() -> str:
    why = no_engine()
    return f"Gremlin Server and PostgreSQL: {f'of this machine ({why})' if why else 'in containers'}"


@pytest.fixture(scope="session")
def gremlin_server() -> Iterator[Server]:
    """A real Gremlin Server, one for each process of the tests that asks for it."""
    try:
        with serving() as server:
            yield server
    except Missing as missing:
        pytest.skip(str(missing))
