"""The stand-in, for the tests of this folder."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from graphstore import GraphStore, open_store
from tests.gremlin_server.server import Server
from tests.neptune.standin import SECRET, Seen, StandIn, serving


class Tls(NamedTuple):
    """A certificate for loopback, and the file of who signed it."""

    server: ssl.SSLContext
    ca: Path


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    ca = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    return Tls(server, ca)


@pytest.fixture
def store(standin: StandIn) -> Iterator[GraphStore]:
    """The empty store behind the stand-in."""
    with open_store(standin.url) as opened:
        yield opened


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a process that the stand-in lets in, and nothing else of AWS."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRET.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET.secret)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRET.token or "")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


@pytest.fixture
def standin(tls: Tls, credentials: None, gremlin_server: Server) -> Iterator[StandIn]:
    """A stand-in in front of an empty graph with Neptune's default cardinality."""
    with serving(StandIn(gremlin_server.url("set", 3), tls.server, str(tls.ca))) as running:
        with open_store(running.url) as store:
            store.clear()
        running.seen = Seen()
        yield running
