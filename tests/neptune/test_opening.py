"""A connection is opened, or one sentence says why not; no Gremlin Server is needed for that."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from headwater.graphstore.errors import Denied, InvalidRequest, TransientError
from headwater.graphstore.neptune.signing import Signer
from headwater.graphstore.neptune.transport import Transport, trust
from tests.neptune.standin import REGION, SECRET, StandIn, serving
from tests.neptune.tls import Tls


def opened(standin: StandIn, ca: Path | None, signer: Signer | None) -> None:
    transport = Transport(signer, ssl=trust(str(ca) if ca else None))
    try:
        transport.connect(f"wss://{standin.host}/gremlin")
    finally:
        transport.close()


@pytest.fixture
def standin(tls: Tls, credentials: None) -> Any:
    with serving(StandIn("ws://127.0.0.1:9/gremlin", tls.server, str(tls.ca))) as running:
        yield running


def test_a_signed_connection_is_opened(standin: StandIn, tls: Tls) -> None:
    opened(standin, tls.ca, Signer(REGION))
    assert (standin.seen.connections, standin.seen.refused) == (1, [])


def test_without_iam_nothing_is_signed(standin: StandIn, tls: Tls) -> None:
    standin.iam = False
    opened(standin, tls.ca, None)
    assert standin.seen.connections == 1


def test_an_unsigned_connection_is_not_let_in(standin: StandIn, tls: Tls) -> None:
    with pytest.raises(Denied, match=r"does not let us in \(HTTP 403\)"):
        opened(standin, tls.ca, None)
    assert "MissingAuthenticationToken" in standin.seen.refused[0]


def test_a_clock_that_is_wrong_is_not_let_in(standin: StandIn, tls: Tls) -> None:
    standin.now = lambda: datetime.now(timezone.utc) + timedelta(minutes=10)
    with pytest.raises(Denied):
        opened(standin, tls.ca, Signer(REGION))
    assert "expired" in standin.seen.refused[0]


def test_the_wrong_region_is_not_let_in(standin: StandIn, tls: Tls) -> None:
    with pytest.raises(Denied):
        opened(standin, tls.ca, Signer("us-east-1"))


def test_credentials_that_changed_are_read_after_a_refusal(
    standin: StandIn, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "an old one")
    signer = Signer(REGION)
    with pytest.raises(Denied):
        opened(standin, tls.ca, signer)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRET.token or "")
    opened(standin, tls.ca, signer)


def test_a_certificate_of_somebody_else_is_not_trusted(standin: StandIn) -> None:
    with pytest.raises(Denied, match="certificate is not trusted; ca=FILE"):
        opened(standin, None, Signer(REGION))
    assert standin.seen.refused == []


def test_nobody_there_is_a_passing_error(tls: Tls, credentials: None) -> None:
    transport = Transport(Signer(REGION), ssl=trust(str(tls.ca)))
    with socket.socket() as taken:  # by nobody who listens
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(TransientError, match="cannot be reached"):
            transport.connect(f"wss://127.0.0.1:{taken.getsockname()[1]}/gremlin")


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"no certificates could be read from .*missing\.pem: No such file"):
        trust(str(tmp_path / "missing.pem"))
    (tmp_path / "empty.pem").write_text("no certificate")
    with pytest.raises(InvalidRequest, match="no certificates could be read"):
        trust(str(tmp_path / "empty.pem"))


@pytest.mark.parametrize(("limits", "later"), [({"idle": 900.0}, 901.0), ({"life": 1_500.0}, 1_501.0)])
def test_a_connection_that_is_idle_or_old_is_not_written_to(
    standin: StandIn, tls: Tls, limits: dict[str, float], later: float
) -> None:
    """The caller makes a new one then (`Channel`); the server never sees the old one's last words."""
    now = [0.0]
    transport = Transport(Signer(REGION), ssl=trust(str(tls.ca)), clock=lambda: now[0], **limits)
    transport.connect(f"wss://{standin.host}/gremlin")
    now[0] = later
    with pytest.raises(ConnectionResetError, match="for too long"):
        transport.write(b"a request")
    transport.close()
    assert standin.seen.requests == 0
