"""What holds for every test: how many examples a property-based test tries; servers that many tests share.

`FAST=1` (make fast) tries 10, everything else 100. No deadlines and no complaint about slow or filtered examples: a
busy machine, or a draw of bad luck, must not fail a test. Examples are the same every time, so that whoever changes
something learns of that change; `EXPLORE=1` (make soak) draws others at each run.
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
        derandomize=os.environ.get("EXPLORE") != "1",
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
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
