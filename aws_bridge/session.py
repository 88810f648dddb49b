"""What all calls to AWS share: a boto3 session with its settings, and the translation of its errors.

boto3 comes with the extra ``aws`` and is imported when a connection is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


class AwsError(Exception):
    """AWS cannot be reached, or refuses the call; the message is one sentence without secrets.

    `code` is AWS's word for the error; "" where AWS did not answer.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NotAllowed(AwsError):
    """The caller may not make this call; the message names the action to allow."""


class WrongCall(AwsError):
    """A call that AWS will never take as it is."""


class NotInstalled(Exception):
    """The extra ``aws`` is missing."""


class Session:
    """A session of boto3 in one region; `profile` is one of AWS's own settings."""

    def __init__(self, region: str | None = None, profile: str | None = None, *, connections: int = 10) -> None:
        """`connections`: threads that use a client at once. `NotInstalled`; `AwsError`: there is no such profile."""
        try:
            import boto3
            from botocore.config import Config
        except ImportError:
            how = "pip install 'headwater[aws]', or in a clone pip install '.[aws]'"
            raise NotInstalled(f"boto3 is not installed: {how}") from None
        self._config = Config(connect_timeout=10, read_timeout=30, max_pool_connections=connections)
        with aws_errors():
            self._session = boto3.Session(region_name=region, profile_name=profile)

    @property
    def region(self) -> str | None:
        """The region that was named, or that of AWS's own settings."""
        found: str | None = self._session.region_name
        return found

    def client(self, service: str, endpoint: str | None = None, *, many_calls: bool = False) -> Any:
        """A client of a service. Raises `AwsError` without a region.

        A call that AWS is too busy for, or that got lost, is sent again by botocore, after growing waits: nobody else
        tries it again. `many_calls`: there are thousands of them, which are sent no faster than AWS takes them, and
        each more often.
        """
        from botocore.config import Config

        mode, attempts = ("adaptive", _ATTEMPTS_OF_MANY) if many_calls else ("standard", _ATTEMPTS)
        config = self._config.merge(Config(retries={"mode": mode, "total_max_attempts": attempts}))
        with aws_errors():
            return self._session.client(service, endpoint_url=endpoint, config=config)


#: Error codes of AWS for a call that the caller's policies do not allow.
DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedException", "UnauthorizedOperation", "NotAuthorized"}
)
#: How often a call is sent, with waits of up to three seconds and of up to a minute and a half in all.
_ATTEMPTS, _ATTEMPTS_OF_MANY = 3, 10


@dataclass
class Calls:
    """How often each operation was called, and how often a call was made again because AWS was busy."""

    made: Counter[str] = field(default_factory=Counter)
    retries: int = 0

    def watch(self, client: Any) -> Any:
        """The same client, whose calls are counted from here on: ``glue:GetTables``."""
        prefix = client.meta.service_model.signing_name or client.meta.service_model.service_name

        def called(model: Any, **_: Any) -> None:
            self.made[f"{prefix}:{model.name}"] += 1

        def answered(parsed: Any, **_: Any) -> None:
            self.retries += parsed.get("ResponseMetadata", {}).get("RetryAttempts", 0)

        client.meta.events.register("before-parameter-build", called)
        client.meta.events.register("after-call", answered)
        return client


@contextmanager
def aws_errors(service: str = "", page: str = "") -> Iterator[None]:
    """Turn botocore's exceptions into `AwsError`: which call AWS refused and why, or that it cannot be reached.

    `service` is the prefix of its actions in a policy, e.g. ``glue``: NotAllowed then names the action, and the `page`
    of the documentation with the whole policy.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    try:
        yield
    except ClientError as error:
        problem = error.response["Error"]
        said = f"AWS: {problem['Code']} for {error.operation_name}: {problem['Message']}"
        if service and problem["Code"] in DENIED:
            see = f", see {page}" if page else ""
            action = f"{service}:{error.operation_name}"
            raise NotAllowed(f"{said}; allow the action {action}{see}", problem["Code"]) from None
        raise AwsError(said, problem["Code"]) from None
    except ParamValidationError as error:
        raise WrongCall(f"AWS: {' '.join(str(error).split())}") from None
    except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
        raise AwsError(f"AWS cannot be reached: {error}") from None
