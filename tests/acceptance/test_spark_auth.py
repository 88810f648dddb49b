"""Each way in: what the server sees of it, and that no secret is in the log."""

from __future__ import annotations

import logging
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from headwater.spark.settings import Options
from tests.acceptance.door import headwater, serving
from tests.acceptance.spline_server import Reply, Request, SplineServer, spline_server, usual
from tests.acceptance.test_spark_delivery import deliver, report

TOKEN_URL = "/oauth/token"
GRANTED = b'{"access_token": "hush-1", "expires_in": 3600, "token_type": "Bearer"}'


def delivered(server: SplineServer, **settings: str) -> list[Request]:
    """Two reports sent with these settings; the Producer API's requests."""
    deliver(Options(url=server.url, **settings), report(), report("l01_stage_customers"))  # type: ignore[arg-type]
    return [request for request in server.requests if request.path.startswith("/producer")]


@pytest.fixture(autouse=True)
def no_secret_in_the_log(caplog: pytest.LogCaptureFixture) -> object:
    """Every secret of these tests has "hush" in it."""
    caplog.set_level(logging.DEBUG, "headwater.spark")
    yield
    assert "hush" not in caplog.text


@pytest.mark.parametrize(
    ("settings", "header", "value"),
    [
        ({"token": "hush"}, "authorization", "Bearer hush"),
        ({"api_key": "hush"}, "x-api-key", "hush"),
        ({"api_key": "hush", "api_key_header": "X-Lineage"}, "x-lineage", "hush"),
    ],
    ids=["a bearer token", "a key", "a key in another header"],
)
def test_a_secret_goes_into_its_header(settings: dict[str, str], header: str, value: str) -> None:
    with spline_server() as server:
        requests = delivered(server, **settings)
    assert [request.headers.get(header) for request in requests] == [value] * 5


def with_oauth(granted: Callable[[], Reply]) -> Callable[[Request], Reply]:
    return lambda request: granted() if request.path == TOKEN_URL else usual(request)


def test_oauths_token_is_asked_for_once_and_kept_until_it_ends() -> None:
    with spline_server(with_oauth(lambda: Reply(200, body=GRANTED))) as server:
        requests = delivered(
            server, oauth_url=server.url + TOKEN_URL, oauth_client="me", oauth_secret="hush", oauth_scope="lineage"
        )
    (asked,) = (request for request in server.requests if request.path == TOKEN_URL)
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["me"],
        "client_secret": ["hush"],
        "scope": ["lineage"],
    }
    assert {request.headers.get("authorization") for request in requests} == {"Bearer hush-1"}


def test_a_token_without_an_end_is_asked_for_each_time() -> None:
    with spline_server(with_oauth(lambda: Reply(200, body=b'{"access_token": "hush-1"}'))) as server:
        requests = delivered(server, oauth_url=server.url + TOKEN_URL, oauth_client="me", oauth_secret="hush")
    assert len(server.requests) == 2 * len(requests) == 10


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Reply(401, body=b"hush is wrong"), "the token URL answered 401"),
        (Reply(200, body=b"[]"), "the token URL answered without an access_token"),
        (Reply(200, body=b"<html>hush"), "the token URL answered without an access_token"),
    ],
)
def test_no_token_is_one_line_and_nothing_is_sent(
    answer: Reply, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with spline_server(with_oauth(lambda: answer)) as server:
        settings = {"oauth_url": server.url + TOKEN_URL, "oauth_client": "me", "oauth_secret": "hush"}
        assert delivered(server, spool=str(tmp_path), **settings) == []
    assert any(f"headwater: lineage cannot be sent to {server.url}: {said}" in line for line in caplog.messages)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_request_is_signed_for_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_SESSION_TOKEN": "st"}.items():
        monkeypatch.setenv(name, value)
    with spline_server() as server:
        requests = delivered(server, sigv4_region="eu-west-1", api_key="hush")
    for request in requests:
        assert request.headers["authorization"] == signature(server.url, request)
        assert "Credential=AK/" in request.headers["authorization"]
        assert "/eu-west-1/execute-api/aws4_request" in request.headers["authorization"]
        assert "x-api-key" in request.headers["authorization"]


def signature(url: str, request: Request) -> str:
    """What the request must be signed with, by what came of it."""
    again = AWSRequest(request.method, url + request.path, data=request.body or None)
    again.context["timestamp"] = request.headers["x-amz-date"]
    signed = request.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    for name in signed:
        if name != "host":
            again.headers[name] = request.headers[name]
    signer = SigV4Auth(Credentials("AK", "hush", "st"), "execute-api", "eu-west-1")
    canonical = signer.canonical_request(again)
    found = signer.signature(signer.string_to_sign(again, canonical), again)
    return f"{request.headers['authorization'].rpartition('Signature=')[0]}Signature={found}"


def test_without_credentials_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with spline_server() as server:
        assert delivered(server, sigv4_region="eu-west-1", spool=str(tmp_path)) == []
    said = f"headwater: lineage cannot be sent to {server.url}: sigv4_region is set and there are no AWS credentials"
    assert said in caplog.messages


def test_the_servers_own_tokens_let_the_agent_in(tmp_path: Path) -> None:
    data = tmp_path / "data"
    token = headwater("token", "add", "--scope", "write", "spark", "--data", data).stdout.split()[-1]
    with serving(data) as server:
        for settings in ({"token": token}, {"api_key": token}):
            deliver(Options(url=server.url, **settings))  # type: ignore[arg-type]
        deliver(Options(url=server.url), report("l01_stage_customers"))
        reader = headwater("token", "add", "--scope", "read", "me", "--data", data).stdout.split()[-1]
        _, stats = server.get("/api/v1/stats", Authorization=f"Bearer {reader}")
    assert stats["entries"] == 2


def test_an_authority_of_ones_own_is_trusted_and_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes a certificate, is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate)]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*make, *names], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with spline_server(tls=tls) as server:
        assert len(delivered(server, ca_file=str(certificate))) == 5
        assert len(delivered(server, spool=str(tmp_path / "spool"))) == 5
    assert any("CERTIFICATE_VERIFY_FAILED" in line for line in caplog.messages)
    assert len(list((tmp_path / "spool").iterdir())) == 2
