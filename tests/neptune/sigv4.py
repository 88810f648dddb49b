"""AWS Signature Version 4 as its specification says, to check signatures without the library that makes them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

MOST = timedelta(minutes=5)  #: that a signature may be old
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Secret:
    """What a client signs with."""

    key: str
    secret: str
    token: str | None = None


def fault(headers: Mapping[str, str], path: str, region: str, secrets: Mapping[str, Secret], now: datetime) -> str:
    """Why the signature of a GET without a body is not accepted; empty if it is."""
    lower = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    found = _HEADER.fullmatch(lower.get("authorization", ""))
    if not found:
        return "MissingAuthenticationTokenException: Missing Authentication Token"
    secret = secrets.get(found["key"])
    if secret is None or secret.token != lower.get("x-amz-security-token"):
        return "AccessDeniedException: The security token included in the request is invalid"
    signed = found["signed"].split(";")
    if "host" not in signed or "x-amz-date" not in signed or (secret.token and "x-amz-security-token" not in signed):
        return "AccessDeniedException: a header that must be signed is not"
    if (found["region"], found["service"]) != (region, "neptune-db"):
        return f"AccessDeniedException: Credential should be scoped to {region}/neptune-db"
    stamp = lower["x-amz-date"]
    age = now - datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    if abs(age) > MOST or stamp[:8] != found["day"]:
        return "AccessDeniedException: Signature expired"
    canonical = "\n".join(
        ("GET", path, "", *(f"{name}:{lower[name]}" for name in signed), "", found["signed"], _sha256(b""))
    )
    scope = f"{found['day']}/{region}/neptune-db/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{_sha256(canonical.encode())}"
    key = f"AWS4{secret.secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    right = hmac.compare_digest(_hmac(key, text).hex(), found["signature"])
    return "" if right else "AccessDeniedException: The request signature does not match the signature you provided"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
