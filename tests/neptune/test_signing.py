"""Signatures of connections, checked from the specification, and where their credentials come from."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from headwater.graphstore.errors import Denied, InvalidRequest
from headwater.graphstore.neptune.signing import Signer
from tests.neptune import sigv4

REGION = "eu-west-1"
PLAIN = sigv4.Secret("AKIDPLAIN", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
WITH_TOKEN = sigv4.Secret("ASIATOKEN", "other/secret+", "token//of=a session")
SECRETS = {secret.key: secret for secret in (PLAIN, WITH_TOKEN)}
NO_AWS = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@pytest.fixture(autouse=True)
def _only_what_the_test_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in NO_AWS.items():
        monkeypatch.setenv(name, value)


def environment(monkeypatch: pytest.MonkeyPatch, secret: sigv4.Secret) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", secret.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret.secret)
    if secret.token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", secret.token)


def fault(signer: Signer, *, region: str = REGION, path: str = "/gremlin", minutes: int = 0) -> str:
    headers = signer.headers("wss://c.cluster-x.eu-west-1.neptune.amazonaws.com:8182/gremlin")
    return sigv4.fault(headers, path, region, SECRETS, datetime.now(timezone.utc) + timedelta(minutes=minutes))


@pytest.mark.parametrize("secret", [PLAIN, WITH_TOKEN])
def test_a_connection_is_signed(secret: sigv4.Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, secret)
    assert fault(Signer(REGION)) == ""


def test_the_check_refuses_what_is_not_right(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, PLAIN)
    assert "expired" in fault(Signer(REGION), minutes=6)
    assert "expired" in fault(Signer(REGION), minutes=-6)
    assert "does not match" in fault(Signer(REGION), path="/other")
    assert "eu-west-1/neptune-db" in fault(Signer("us-east-1"))
    environment(monkeypatch, sigv4.Secret(PLAIN.key, "not the secret"))
    assert "does not match" in fault(Signer(REGION))
    environment(monkeypatch, sigv4.Secret("AKIDOTHER", PLAIN.secret))
    assert "invalid" in fault(Signer(REGION))


def test_the_region_comes_from_the_url_or_from_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, PLAIN)
    with pytest.raises(InvalidRequest, match="no region: add region="):
        Signer()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert (Signer().region, Signer(REGION).region) == ("us-west-2", REGION)
    assert fault(Signer(), region="us-west-2") == ""


def test_credentials_that_end_are_asked_for_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real provider of credentials that last a minute, so that every connection needs new ones."""
    program = tmp_path / "credentials.py"
    program.write_text(
        "import datetime, json, pathlib\n"
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "n = int(count.read_text()) if count.exists() else 0\n"
        "count.write_text(str(n + 1))\n"
        f"key, secret, token = {[(s.key, s.secret, s.token) for s in (PLAIN, WITH_TOKEN)]!r}[n % 2]\n"
        "end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)\n"
        "found = {'Version': 1, 'AccessKeyId': key, 'SecretAccessKey': secret, 'Expiration': end.isoformat()}\n"
        "print(json.dumps(found | ({'SessionToken': token} if token else {})))\n"
    )
    (tmp_path / "config").write_text(f"[default]\nregion = {REGION}\ncredential_process = {sys.executable} {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    signer = Signer()
    keys = {signer.headers("wss://c:8182/gremlin")["Authorization"].split("/")[0] for _ in range(3)}
    assert len(keys) == 2
    assert fault(signer) == ""


def test_after_a_refusal_the_files_are_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    file.write_text("[default]\naws_access_key_id = AKIDPLAIN\naws_secret_access_key = old\n")
    signer = Signer(REGION)
    assert "does not match" in fault(signer)
    file.write_text(f"[default]\naws_access_key_id = {PLAIN.key}\naws_secret_access_key = {PLAIN.secret}\n")
    assert "does not match" in fault(signer)
    signer.forget()
    assert fault(signer) == ""


def test_no_credentials_is_one_sentence() -> None:
    with pytest.raises(Denied, match="there are no AWS credentials; with IAM off at the cluster add iam=false"):
        Signer(REGION).headers("wss://c:8182/gremlin")


def test_credentials_that_cannot_be_had_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[default]\ncredential_process = false\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(Denied, match="the AWS credentials cannot be had"):
        Signer(REGION).headers("wss://c:8182/gremlin")


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['botocore'] = None\n"
        "from headwater.graphstore.errors import InvalidRequest\n"
        "from headwater.graphstore.neptune.signing import Signer\n"
        "try: Signer('eu-west-1')\n"
        "except InvalidRequest as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    how = "pip install 'headwater[aws]', or in a clone pip install '.[aws]'"
    assert done.stdout == f"neptune: signing needs boto3: {how}\n"


def test_without_iam_the_extra_is_not_needed() -> None:
    code = (
        "import sys; sys.modules['botocore'] = sys.modules['boto3'] = None\n"
        "from graphstore import open_store\n"
        "with open_store('neptune://c.example?iam=false') as store: print(store.atomic)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
