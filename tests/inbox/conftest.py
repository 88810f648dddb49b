"""What the tests of inbox and ingester share."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.inbox.cloud import Cloud, cloud
from tests.neptune.conftest import credentials, standin, tls

__all__ = ["aws", "credentials", "standin", "tls"]


@pytest.fixture(autouse=True)
def the_level_of_the_log() -> Iterator[None]:
    """As it was: the Lambda function sets that of the process, by which later tests would see other lines."""
    root = logging.getLogger()
    before = root.level
    yield
    root.setLevel(before)


@pytest.fixture(scope="module")
def aws() -> Iterator[Cloud]:
    """S3 and SQS on loopback."""
    with cloud() as running:
        yield running
