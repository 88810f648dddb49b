"""S3 and SQS on loopback: moto's server, which every AWS call of these tests names as its endpoint."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import boto3

from headwater.aws_bridge.s3 import Prefix
from headwater.aws_bridge.session import Session
from tests.moto_account import moto_account

REGION = "eu-west-1"
BUCKET = "lineage"

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "dummy",
    "AWS_SECRET_ACCESS_KEY": "dummy",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@dataclass(frozen=True)
class Cloud:
    """An account with one bucket."""

    url: str

    def environment(self) -> dict[str, str]:
        """Dummy credentials, and this endpoint for every service."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url}

    def client(self, service: str) -> Any:
        """A client of this account alone."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="dummy",
            aws_secret_access_key="dummy",
        )

    def prefix(self, name: str) -> Prefix:
        """A prefix of the bucket."""
        return Prefix(Session(REGION), f"s3://{BUCKET}/{name}", self.url)

    def keys(self, prefix: str) -> list[str]:
        """All keys below a prefix of the bucket."""
        return [f"{prefix}{name}" for name in self.prefix(prefix).names()]


@contextmanager
def cloud() -> Iterator[Cloud]:
    """An account that is empty but for its bucket, served on a free port; the environment's credentials are dummies."""
    with moto_account() as url, mock.patch.dict(os.environ, CREDENTIALS):
        found = Cloud(url)
        found.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield found
