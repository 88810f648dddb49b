"""Calls to AWS that are many: each is made again while AWS says that they are too many, and the waits are counted.

Here: the one way to make them, by an import that goes through a history. Not here: which calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.aws_bridge.session import DENIED, AwsError, NotAllowed
from headwater.backoff import Backoff

_SLOWER = frozenset(
    {"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown", "InternalServerException"}
)
_DENIED = DENIED | {"UnauthorizedException", "UnrecognizedClientException"}
#: Attempts of one call, the waits between them some two minutes in all.
_ATTEMPTS = 8


class WrongCall(AwsError):
    """A call that AWS will never take as it is."""


class _TooMany(AwsError):
    """AWS says that there are too many calls; what it says of the last attempt is the caller's to see."""


@dataclass
class PatientCalls:
    """Calls of one service: tried again while AWS says that they are too many, and counted."""

    service: str  #: as policies name it: ``athena``
    client: Any
    sleep: Callable[[float], object]
    waits: int = 0  #: how often a call had to wait
    backoff: Backoff = field(default_factory=lambda: Backoff(attempts=_ATTEMPTS, first=1.0, longest=30.0))

    def __call__(self, operation: str, **asked: Any) -> dict[str, Any]:
        """The answer to a call of the client's method `operation`. WrongCall, AwsError; ClientError of other kinds."""
        return self.backoff.call(lambda: self._once(operation, asked), _TooMany, self._wait)

    def _wait(self, seconds: float) -> None:
        self.waits += 1
        self.sleep(seconds)

    def _once(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        try:
            found: dict[str, Any] = getattr(self.client, operation)(**asked)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _DENIED:
                action = f"{self.service}:{error.operation_name}"
                why = f"AWS does not allow {action} ({code})"
                raise NotAllowed(f"{why}: add it to the role's policy, see docs/sql-engines.md") from None
            if code not in _SLOWER:
                raise
            raise _TooMany(f"AWS: {code} for {error.operation_name}, after {self.backoff.attempts} attempts") from None
        except ParamValidationError as error:
            raise WrongCall(f"AWS: {' '.join(str(error).split())}") from None
        except (BotoCoreError, ValueError) as error:
            raise AwsError(f"AWS cannot be reached: {error}") from None
        return found
