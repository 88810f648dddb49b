"""What the tests of inbox and ingester share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.inbox.cloud import Cloud, cloud
from tests.neptune.conftest import credentials, standin, tls

__all__ = ["aws", "credentials", "standin", "tls"]


@pytest.fixture(scope="module")
def aws() -> Iterator[Cloud]:
    """S3 and SQS on loopback."""
    with cloud() as running:
        yield running
