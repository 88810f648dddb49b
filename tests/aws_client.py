"""A client of boto3 for Stubber: nothing listens where it calls, so what is not stubbed fails at once."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config


def unheard(service: str) -> Any:
    return boto3.client(
        service,
        region_name="eu-west-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )
