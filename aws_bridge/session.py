"""What all calls to AWS share: a boto3 session with its settings, and the translation of its errors.

boto3 comes with the extra ``aws`` and is imported when a connection is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class AwsError(Exception):
    """AWS cannot be reached, or refuses the call; the message is one sentence without secrets."""


class NotInstalled(Exception):
    """The extra ``aws`` is missing."""


class Session:
    """A session of boto3 in one region; `profile` is one of AWS's own settings."""

    def __init__(self, region: str | None = None, profile: str | None = None) -> None:
        """Raises `NotInstalled`, and `AwsError` for a profile that does not exist."""
        try:
            import boto3
            from botocore.config import Config
        except ImportError:
            raise NotInstalled("boto3 is not installed: pip install 'headwater[aws]'") from None
        self._config = Config(connect_timeout=10, read_timeout=30)
        with aws_errors():
            self._session = boto3.Session(region_name=region, profile_name=profile)

    @property
    def region(self) -> str | None:
        """The region that was named, or that of AWS's own settings."""
        found: str | None = self._session.region_name
        return found

    def client(self, service: str, endpoint: str | None = None, attempts: int = 3) -> Any:
        """A client of a service; `attempts`: how often a call is sent. Raises `AwsError` without a region."""
        from botocore.config import Config

        config = self._config.merge(Config(retries={"mode": "standard", "max_attempts": attempts}))
        with aws_errors():
            return self._session.client(service, endpoint_url=endpoint, config=config)


@contextmanager
def aws_errors() -> Iterator[None]:
    """Turn botocore's exceptions into `AwsError`: which call AWS refused and why, or that it cannot be reached."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        problem = error.response["Error"]
        raise AwsError(f"AWS: {problem['Code']} for {error.operation_name}: {problem['Message']}") from None
    except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
        raise AwsError(f"AWS cannot be reached: {error}") from None
