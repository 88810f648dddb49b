"""The stand-in, or a real cluster, for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from headwater.graphstore import GraphStore, open_store
from tests.gremlin_server.server import Server
from tests.neptune.standin import ENVIRONMENT, Seen, StandIn, serving
from tests.neptune.tls import Tls, made_tls

CLUSTER = "HEADWATER_NEPTUNE"  #: names a cluster for the contract tests, which empty it


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return made_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a process that the stand-in lets in, and nothing else of AWS."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def standin(tls: Tls, credentials: None, gremlin_server: Server) -> Iterator[StandIn]:
    """A stand-in in front of an empty graph with Neptune's default cardinality."""
    with serving(StandIn(gremlin_server.url("set", 3), tls.server, str(tls.ca))) as running:
        with open_store(running.url) as store:
            store.clear()
        running.seen = Seen()
        yield running


@pytest.fixture(params=["stand-in", *(["cluster"] if CLUSTER in os.environ else [])])
def store(request: pytest.FixtureRequest) -> Iterator[GraphStore]:
    """The empty store behind the stand-in, and of a real cluster where one is named."""
    url = os.environ[CLUSTER] if request.param == "cluster" else request.getfixturevalue("standin").url
    with open_store(url) as opened:
        opened.clear()
        yield opened
