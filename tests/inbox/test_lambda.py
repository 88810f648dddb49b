"""The receiver as a Lambda function, run with events of API Gateway's payload format 2.0."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from headwater.ingest.inbox.writing import InboxWriter
from headwater.ingest.intake.bridge import Receipt
from headwater.ingest.intake.loading import Found, read_opened
from headwater.ingest.places.file_storage import LocalFolder, ObjectStorage
from headwater.ingest.process import inbox_lambda
from headwater.ingest.process.inbox_lambda import LARGEST_BODY, Receiver, SecretTokens, handler
from tests.golden.recorded import FLAT, PAYLOADS
from tests.inbox.cloud import BUCKET, Cloud

EVENTS = Path(__file__).parent / "events"
PLAN = (PAYLOADS / "l01_stage_customers").glob("*plan.json").__next__().read_bytes()
TOKEN = "0123456789abcdef0123456789abcdef"
BOTH = (TOKEN, TOKEN[::-1])
NOON = 1_772_366_400_000
OPENLINEAGE = {
    "eventType": "COMPLETE",
    "eventTime": "2026-03-01T12:00:00Z",
    "run": {"runId": "0197f3b0-0000-7000-8000-000000000001"},
    "job": {"namespace": "n", "name": "j"},
    "inputs": [],
    "outputs": [],
    "producer": "https://example.com",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
}


def event(
    name: str, body: bytes = b"", path: str = "", method: str = "POST", *, packed: bool = False, **headers: str
) -> dict[str, Any]:
    """A recorded event with another body, path and method."""
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    if packed:
        found["isBase64Encoded"] = True
    found["body"] = base64.b64encode(body).decode() if found["isBase64Encoded"] else body.decode()
    found["rawPath"] = path or found["rawPath"]
    found["requestContext"]["http"]["method"] = method
    found["headers"] |= {key.replace("_", "-"): value for key, value in headers.items()}
    return found


@pytest.fixture
def inbox(tmp_path: Path) -> LocalFolder:
    return LocalFolder(tmp_path)


@pytest.fixture
def receiver(inbox: LocalFolder) -> Receiver:
    return Receiver(InboxWriter(inbox, lambda: NOON), SecretTokens(lambda: (TOKEN,)), lambda: NOON)


def kept(inbox: ObjectStorage) -> list[Any]:
    """What is in the files, as it would get into a ledger."""
    found: list[Any] = []
    for name in inbox.names():
        for item in read_opened(Path(name), io.BytesIO(inbox.read(name)), asked=True):
            assert isinstance(item, Found)
            found += item.accepted(Receipt("load", 0))
    return found


def test_a_plan_is_in_the_inbox_before_it_is_acknowledged(receiver: Receiver, inbox: LocalFolder) -> None:
    answer = receiver.answer(event("http_api", PLAN))
    assert (answer["statusCode"], json.loads(answer["body"])) == (201, json.loads(PLAN)["id"])
    (entry,) = kept(inbox)
    assert (entry.kind, entry.content_type, json.loads(entry.body)["id"]) == (
        "spline.plan",
        FLAT,
        json.loads(PLAN)["id"],
    )


def test_a_packed_body_and_a_second_delivery_are_the_same_file(receiver: Receiver, inbox: LocalFolder) -> None:
    packed = event("http_api", gzip.compress(PLAN), packed=True, content_encoding="gzip")
    for sent in (event("http_api", PLAN), packed, packed):
        assert receiver.answer(sent)["statusCode"] == 201
    assert len(inbox.names()) == 1


def test_the_caller_that_api_gateway_has_checked_is_the_sender(inbox: LocalFolder) -> None:
    receiver = Receiver(InboxWriter(inbox, lambda: NOON), None, lambda: NOON)
    answer = receiver.answer(event("function_url_iam", json.dumps(OPENLINEAGE).encode()))
    assert (answer["statusCode"], answer["body"]) == (201, "")
    (entry,) = kept(inbox)
    assert entry.sender == "arn:aws:sts::123456789012:assumed-role/glue-orders/GlueJobRunnerSession"


def test_the_callers_account_is_the_one_that_all_is_of(inbox: LocalFolder) -> None:
    receiver = Receiver(InboxWriter(inbox, lambda: NOON), None, lambda: NOON, inbox_lambda.CALLER)
    assert receiver.answer(event("function_url_iam", json.dumps(OPENLINEAGE).encode()))["statusCode"] == 201
    (entry,) = kept(inbox)
    assert entry.content_type == "application/json; account=123456789012"
    unknown = event("http_api", json.dumps(OPENLINEAGE).encode(), "/api/v1/lineage", content_type="application/json")
    assert receiver.answer(unknown)["statusCode"] == 403


def test_a_batch_names_what_it_could_not_take(receiver: Receiver, inbox: LocalFolder) -> None:
    batch = json.dumps([OPENLINEAGE, {"no": "event"}]).encode()
    answer = receiver.answer(event("http_api", batch, "/api/v1/lineage/batch", content_type="application/json"))
    assert (answer["statusCode"], json.loads(answer["body"])["summary"]["failed"]) == (200, 1)
    assert len(kept(inbox)) == 1


def test_the_handshake_of_the_spline_agent(receiver: Receiver) -> None:
    answer = receiver.answer(event("http_api", path="/producer/status", method="HEAD"))
    assert answer["statusCode"] == 200
    assert answer["headers"]["ABSA-Spline-API-Version"] == "1.1"  # one version: folded lines would be a false one


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (event("http_api", b"{}"), 400, "operations"),
        (event("http_api", b"[", "/api/v1/lineage", content_type="application/json"), 400, "$: expected JSON"),
        (event("http_api", PLAN, content_type="text/plain"), 415, "expected a Content-Type"),
        (event("http_api", PLAN, content_type=f"{FLAT}; charset=latin-1"), 415, "charset utf-8"),
        (event("http_api", PLAN, content_encoding="br"), 415, "Content-Encoding of gzip"),
        (event("http_api", PLAN, x_api_key="other"), 401, "a token is needed"),
        (event("http_api", PLAN, "/other"), 404, "this is a receiver"),
        (event("http_api", method="GET"), 405, "expected a POST"),
        (event("http_api", b" " * (LARGEST_BODY + 1)), 413, "s3://BUCKET/inbox"),
    ],
    ids=["no plan", "no JSON", "type", "charset", "encoding", "token", "path", "method", "too large"],
)
def test_what_is_refused_says_why_and_is_not_kept(
    sent: dict[str, Any], status: int, said: str, receiver: Receiver, inbox: LocalFolder
) -> None:
    answer = receiver.answer(sent)
    assert (answer["statusCode"], said in answer["body"]) == (status, True), answer
    assert kept(inbox) == []


def test_a_stage_is_no_part_of_the_path(receiver: Receiver) -> None:
    sent = event("http_api", PLAN, "/prod/producer/execution-plans")
    sent["requestContext"]["stage"] = "prod"
    assert receiver.answer(sent)["statusCode"] == 201


def test_bearer_tokens_and_health_without_one(receiver: Receiver) -> None:
    for given in (f"Bearer {TOKEN}", f"Bearer Bearer {TOKEN}"):
        assert receiver.answer(event("http_api", PLAN, authorization=given, x_api_key=""))["statusCode"] == 201
    assert receiver.answer(event("http_api", path="/health", method="GET", x_api_key=""))["statusCode"] == 200
    ready = receiver.answer(event("http_api", path="/ready", method="GET", x_api_key=""))
    assert json.loads(ready["body"]) == {"status": "ready", "receiver": True}


def test_the_secret_can_be_changed_without_a_gap() -> None:
    texts, now, asked = ["a" * 32], [0.0], [0]

    def read() -> tuple[str, ...]:
        asked[0] += 1
        return tuple(texts)

    tokens = SecretTokens(read, lambda: now[0])
    assert (tokens.know("a" * 32), tokens.know("b" * 32), asked) == (True, False, [1])
    texts[:] = ["b" * 32, "a" * 32]
    now[0] = 61
    assert [tokens.know(each * 32) for each in "abc"] == [True, True, False]
    assert asked == [2]  # who guesses does not make us ask each time
    texts[:] = ["c" * 32, "b" * 32]
    now[0] = 122
    assert [tokens.know(each * 32) for each in "cba"] == [True, True, False]
    texts[:] = ["short"]
    now[0] = 183
    assert [tokens.know(each) for each in ("short", "c" * 32, "")] == [False, True, False]


@pytest.mark.parametrize("text", [" \n", "short", "a" * 20 + " " + "b" * 20])
def test_a_secret_that_can_be_guessed_lets_nobody_in(text: str, aws: Cloud) -> None:
    aws.client("secretsmanager").create_secret(Name=f"guessed-{len(text)}", SecretString=text)
    variables = {
        "HEADWATER_INBOX": f"s3://{BUCKET}/inbox",
        "HEADWATER_TOKEN_SECRET": f"guessed-{len(text)}",
        "AWS_ENDPOINT_URL_S3": aws.url,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.url,
    }
    with mock.patch.dict(os.environ, variables), pytest.raises(ValueError, match="at least 32 characters"):
        handler(event("http_api", PLAN, x_api_key=text.strip()), None)


def test_the_function_as_lambda_starts_it(aws: Cloud) -> None:
    """With S3 and Secrets Manager on loopback; then S3 is away: 503, so the agent's fallback or spool takes over."""
    aws.client("secretsmanager").create_secret(Name="agents", SecretString=TOKEN)
    variables = {
        "HEADWATER_INBOX": f"s3://{BUCKET}/inbox",
        "HEADWATER_TOKEN_SECRET": "agents",
        "AWS_ENDPOINT_URL_S3": aws.url,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.url,
    }
    try:
        with mock.patch.dict(os.environ, variables):
            assert handler(event("http_api", PLAN), None)["statusCode"] == 201
            assert len(kept(aws.prefix("inbox"))) == 1
            aws.client("secretsmanager").put_secret_value(SecretId="agents", SecretString=TOKEN[::-1])
            inbox_lambda._receiver.cache_clear()
            statuses = [handler(event("http_api", PLAN, x_api_key=token), None)["statusCode"] for token in BOTH]
            assert statuses == [201, 201]
            aws.client("s3").delete_object(Bucket=BUCKET, Key=aws.keys("inbox/")[0])
            inbox_lambda._receiver.cache_clear()
            with mock.patch.dict(os.environ, {"HEADWATER_INBOX": "s3://no-such-bucket/inbox"}):
                answer = handler(event("http_api", PLAN), None)
    finally:
        inbox_lambda._receiver.cache_clear()
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "5")
