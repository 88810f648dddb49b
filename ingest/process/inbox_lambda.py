"""The receiver before an inbox as an AWS Lambda function, behind an HTTP API of API Gateway or a function URL.

Both hand over events of the payload format 2.0:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html

Environment: `HEADWATER_INBOX` (s3://BUCKET/inbox); `HEADWATER_TOKEN_SECRET`, the id of a secret in Secrets Manager
whose text is the token that senders give (``Authorization: Bearer`` or ``X-API-Key``; see `SecretTokens`), or ``none``
where API Gateway itself checks who calls (IAM, a JWT authorizer); `HEADWATER_ACCOUNT`, the account of which all is that
is received, or ``caller`` for that of the caller, as API Gateway tells it with IAM (default: none); `HEADWATER_METRICS`
(`ingest.process.emf`). `AWS_ENDPOINT_URL_S3` and `AWS_ENDPOINT_URL_SECRETS_MANAGER` name endpoints.

Bodies are validated, cleaned and answered by the same code as in `ingest.http.receiver`. Lambda takes 6 MB with all
around a body, so about 4.5 MB of a packed one; larger ones never get here, or are told the way by S3.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from headwater.aws_bridge.session import AwsError, Session, aws_errors
from headwater.graphmodel.accounts import is_account
from headwater.ingest.http.receiver import API_VERSIONS, LTS_VERSIONS, RECEIVER
from headwater.ingest.http.serving import printable
from headwater.ingest.http.tokens import check_chosen
from headwater.ingest.inbox.writing import InboxUnavailable, InboxWriter
from headwater.ingest.intake.body import InvalidBody, Limits
from headwater.ingest.intake.bridge import Bridge, Receipt
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.intake.headers import bearer, content_type_of, is_packed
from headwater.ingest.intake.work import Job
from headwater.ingest.ledger.ledger import now_ms
from headwater.ingest.places.file_storage import open_storage
from headwater.ingest.process import emf

log = logging.getLogger(__name__)

#: Bytes of a body: Lambda's 6 MB hold the event as JSON, in which a packed body is base64, four bytes for three.
LARGEST_BODY = 4_400_000
_TOO_LARGE = (
    f"the body has more than {LARGEST_BODY:,} bytes, the most that this way takes: write it to the inbox in S3 instead "
    "(headwater.spark.capture(spark, 's3://BUCKET/inbox'), or any upload of the file; docs/inbox.md)"
)
_LIMITS = Limits(wire_bytes=LARGEST_BODY, unpacked_bytes=128 * 2**20)

Response = dict[str, Any]
CALLER = "caller"
_AGAIN_SECONDS = 60.0  #: between two looks at the secret, so that whoever guesses tokens does not make us ask each time
_NO_TOKEN = "none"  # noqa: S105 - the word for "no token is asked for"


@dataclass(frozen=True)
class Receiver:
    """What an instance of the function keeps from call to call. `tokens` None: whoever calls is known already.

    `account` is that of which all is, or `CALLER`.
    """

    writer: InboxWriter
    tokens: SecretTokens | None
    clock: Callable[[], int] = field(default=now_ms)
    account: str | None = None

    def answer(self, event: Mapping[str, Any]) -> Response:
        """The response to one event."""
        try:
            response = self._said(event)
        except Exception:
            self._count(event, 500)
            raise
        self._count(event, response["statusCode"])
        return response

    def _count(self, event: Mapping[str, Any], status: int) -> None:
        if emf.on() and event["requestContext"]["http"]["method"] == "POST":
            emf.tell("receiver", {emf.outcome(status): 1})

    def _said(self, event: Mapping[str, Any]) -> Response:
        try:
            return self._answer(event)
        except InvalidBody as refused:
            path = str(event.get("rawPath", ""))
            log.info("refused with %d: %s", refused.status, printable(path))
            if path.startswith("/api/"):
                said: dict[str, object] = {"error": refused.sentence, "field": None, "suggestions": []}
                return _response(refused.status, said, refused.headers)
            headers = {"Content-Type": "text/plain; charset=utf-8", **refused.headers}
            return {**_response(refused.status, None, headers), "body": refused.sentence}

    def _answer(self, event: Mapping[str, Any]) -> Response:
        method, path = str(event["requestContext"]["http"]["method"]), _path(event)
        if path == "/health":
            return _response(200, {"status": "ok"})
        if path == "/ready":
            return _response(200, {"status": "ready", "receiver": True})
        headers = {str(name).lower(): str(value) for name, value in event.get("headers", {}).items()}
        self._check_token(headers)
        if path in _STATUS and method in ("GET", "HEAD"):
            return _response(200, None, {**_VERSIONS})
        found = _ROUTES.get(path)
        if found is None:
            raise InvalidBody(404, RECEIVER)
        if method != "POST":
            raise InvalidBody(405, "expected a POST", {"Allow": "POST"})
        bridge, batch = found
        return self._received(event, headers, bridge, batch=batch)

    def _check_token(self, headers: Mapping[str, str]) -> None:
        if self.tokens is None:
            return
        token = bearer(headers.get("authorization", ""))
        given = headers.get("x-api-key", "") if token is None else token
        if not self.tokens.know(given):
            raise InvalidBody(401, "a token is needed: Authorization: Bearer TOKEN, or X-API-Key: TOKEN")

    def _received(
        self, event: Mapping[str, Any], headers: Mapping[str, str], bridge: Bridge, *, batch: bool
    ) -> Response:
        content_type = content_type_of(headers.get("content-type"), bridge)
        packed = is_packed([headers.get("content-encoding", "")])
        account = _callers_account(event) if self.account == CALLER else self.account
        receipt = Receipt(_sender(event), self.clock(), _LIMITS, account)
        accepted = Job(bridge.kind, content_type, _body(event), packed, receipt, batch).whole()
        for entry in accepted.entries:
            try:
                name = self.writer.put(entry)
            except InboxUnavailable as error:
                log.warning("a payload was refused, the inbox cannot be written: %s", error)
                sentence = "the inbox cannot be written at this moment; try again later"
                raise InvalidBody(503, sentence, {"Retry-After": "5"}) from None
            log.info("in the inbox: %s, %s, as %s", bridge.kind, printable(accepted.about), name)
        return _response(accepted.status, accepted.answer)


def handler(event: Mapping[str, Any], _context: object) -> Response:
    """The entry point of the function: `headwater.ingest.process.inbox_lambda.handler`."""
    return _receiver().answer(event)


@lru_cache(1)
def _receiver() -> Receiver:
    """Made by the first call of an instance. If it cannot be made that call fails, and the next one tries again."""
    logging.getLogger().setLevel(logging.INFO)
    inbox, secret = os.environ["HEADWATER_INBOX"], os.environ["HEADWATER_TOKEN_SECRET"]
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3")
    writer = InboxWriter(open_storage(inbox, endpoint=endpoint), now_ms)
    account = os.environ.get("HEADWATER_ACCOUNT") or None
    if account is not None and account != CALLER and not is_account(account):
        raise ValueError(f"HEADWATER_ACCOUNT: expected an account, or {CALLER}")
    tokens = None if secret == _NO_TOKEN else SecretTokens(partial(_versions, secret))
    return Receiver(writer, tokens, account=account)


class SecretTokens:
    """The tokens that senders may give: the text of a secret, and the one that it had before.

    So the secret can be changed without a gap: a new one is taken at once, and the one before until the next change.
    """

    def __init__(self, read: Callable[[], tuple[str, ...]], clock: Callable[[], float] = time.monotonic) -> None:
        """`read` gives the texts, the newest first; `clock` seconds. ValueError: the newest could be guessed."""
        self._read = read
        self._clock = clock
        self._known = self._usable()
        self._looked = clock()

    def know(self, given: str) -> bool:
        """Whether it is one of them. Of one that is not known the secret is asked, once a minute at the most."""
        if self._has(given):
            return True
        if not given or self._clock() - self._looked < _AGAIN_SECONDS:
            return False
        self._looked = self._clock()
        try:
            self._known = self._usable()
        except (AwsError, ValueError) as error:
            log.warning("the secret with the senders' token cannot be read again: %s", error)
        return self._has(given)

    def _usable(self) -> tuple[str, ...]:
        newest, *before = self._read()
        check_chosen(newest)
        return (newest, *(each for each in before if each))

    def _has(self, given: str) -> bool:
        return any(hmac.compare_digest(_hashed(given), _hashed(each)) for each in self._known)


def _versions(secret: str) -> tuple[str, ...]:
    """The text of a secret, and the one before if there is one."""
    client = Session().client("secretsmanager", os.environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER"))
    with aws_errors():
        found = [client.get_secret_value(SecretId=secret)["SecretString"]]
        with suppress(client.exceptions.ResourceNotFoundException):
            found.append(client.get_secret_value(SecretId=secret, VersionStage="AWSPREVIOUS")["SecretString"])
    return tuple(str(each).strip() for each in found)


def _path(event: Mapping[str, Any]) -> str:
    """The path without the stage, which is part of it unless that is `$default`, and without a slash at its end."""
    path, stage = str(event.get("rawPath", "/")), str(event["requestContext"].get("stage", "$default"))
    if stage != "$default":
        path = path.removeprefix(f"/{stage}")
    return path.rstrip("/") or "/"


def _body(event: Mapping[str, Any]) -> bytes:
    text = str(event.get("body") or "")
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except (binascii.Error, UnicodeEncodeError):
        raise InvalidBody(400, "the body is not what the event says: base64, or a text") from None
    if len(body) > LARGEST_BODY:
        raise InvalidBody(413, _TOO_LARGE)
    return body


def _sender(event: Mapping[str, Any]) -> str | None:
    """Who called, where API Gateway has checked it: the ARN of the caller (IAM), or the subject of a JWT."""
    told = event["requestContext"].get("authorizer") or {}
    arn, claims = (told.get("iam") or {}).get("userArn"), (told.get("jwt") or {}).get("claims") or {}
    return str(arn or claims.get("sub") or "") or None


def _callers_account(event: Mapping[str, Any]) -> str:
    """The AWS account of who called. InvalidBody: API Gateway does not say it, as it did not check the call by IAM."""
    told = event["requestContext"].get("authorizer") or {}
    account = str((told.get("iam") or {}).get("accountId") or "")
    if not is_account(account):
        raise InvalidBody(403, "the account of who calls is not known: sign the request with IAM")
    return account


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _response(status: int, content: object, headers: Mapping[str, str] | None = None) -> Response:
    """A response of the format 2.0: JSON, or nothing."""
    body = "" if content is None else json.dumps(content)
    more = {"Content-Type": "application/json"} if body else {}
    return {"statusCode": status, "headers": {**more, **(headers or {})}, "body": body, "isBase64Encoded": False}


def _routes() -> dict[str, tuple[Bridge, bool]]:
    taken = [b for b in BRIDGES.values() if b.path.startswith(("/producer/", "/api/v1/lineage"))]
    batches = {bridge.batch_path: (bridge, True) for bridge in taken if bridge.batch_path}
    return {**{bridge.path: (bridge, False) for bridge in taken}, **batches}


_ROUTES = _routes()
_STATUS = ("/producer", "/producer/status")
#: API Gateway folds headers of one name into one line with commas, which Spline's agent takes for one version: so one.
_VERSIONS = {
    "ABSA-Spline-API-Version": API_VERSIONS[-2],
    "ABSA-Spline-API-LTS-Version": LTS_VERSIONS[-1],
    "ABSA-Spline-Accept-Request-Encoding": "gzip",
}
