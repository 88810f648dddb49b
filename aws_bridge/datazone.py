"""Lineage events of a domain of Amazon DataZone (SageMaker Catalog): posted, asked what became of them, and read.

Here: the calls. Not here: what is sent (`openlineage_bridge.datazone`), when it is asked
(`ingest.publishing.datazone`), what is done with events that others posted (`headwater.datazone`). The role needs
``datazone:GetLineageEvent``, to publish ``datazone:PostLineageEvent``, to import ``datazone:ListLineageEvents``.
https://docs.aws.amazon.com/datazone/latest/APIReference/API_PostLineageEvent.html
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Literal, NamedTuple

from headwater.aws_bridge.session import AwsError, NotAllowed, Session

Status = Literal["REQUESTED", "PROCESSING", "SUCCESS", "FAILED"]

#: Errors of AWS that are gone after a while.
_LATER = frozenset({"ThrottlingException", "ServiceQuotaExceededException", "InternalServerException"})
_DENIED = frozenset({"AccessDeniedException", "UnauthorizedException", "ExpiredTokenException"})
_NO_DOMAIN = "ResourceNotFoundException"
_TOO_MANY, _OF_SERVER = 429, 500  #: statuses of HTTP; from the second on AWS is to blame


class Busy(AwsError):
    """DataZone cannot now; the same call may work later."""


class Refused(AwsError):
    """DataZone will never take this event."""


class Listed(NamedTuple):
    """An event of a domain, as its list has it. `at` in ms since 1970: the time of the event."""

    id: str
    at: int
    status: Status


class Domain:
    """One domain."""

    def __init__(self, identifier: str, client: Any) -> None:
        """`client` is boto3's, of the domain's region."""
        self.identifier = identifier
        self._client = client

    @classmethod
    def connect(cls, identifier: str, region: str | None = None, endpoint: str | None = None) -> Domain:
        """With the credentials of the environment. AwsError, NotInstalled."""
        return cls(identifier, Session(region).client("datazone", endpoint, many_calls=True))

    def post(self, body: bytes, token: str) -> str:
        """The id of an event that DataZone has taken, and will process later. Busy, NotAllowed, Refused."""
        return str(self._called("post_lineage_event", event=body, clientToken=token)["id"])

    def status(self, event: str) -> Status:
        """What became of an event that was posted. Busy, NotAllowed."""
        return self.read(event)[0]

    def read(self, event: str) -> tuple[Status, bytes]:
        """What became of an event, and its body. Busy, NotAllowed, Refused."""
        found = self._called("get_lineage_event", identifier=event)
        body = found.get("event")
        return found["processingStatus"], body.read() if body is not None else b""

    def page(self, since: int, token: str | None = None) -> tuple[list[Listed], str | None]:
        """Events with a time after `since` (ms since 1970), the oldest first, and the token of the next page.

        Busy, NotAllowed, Refused.
        """
        after = {"timestampAfter": datetime.fromtimestamp(since / 1000, tz=timezone.utc)} if since else {}
        more = {"nextToken": token} if token else {}
        found = self._called("list_lineage_events", maxResults=50, sortOrder="ASCENDING", **after, **more)
        return [_listed(one) for one in found.get("items", ())], found.get("nextToken")

    def _called(self, operation: str, **asked: Any) -> dict[str, Any]:
        """The answer to a call. NotAllowed also where there is no such domain, or its name can be none."""
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        try:
            found: dict[str, Any] = getattr(self._client, operation)(domainIdentifier=self.identifier, **asked)
        except ParamValidationError as error:
            raise NotAllowed(f"DataZone: {' '.join(str(error).split())}") from None
        except ClientError as error:
            raise _error(error) from None
        except BotoCoreError as error:
            raise Busy(f"AWS cannot be reached: {error}") from None
        return found


def _listed(one: dict[str, Any]) -> Listed:
    moment = one.get("eventTime") or one.get("createdAt")
    return Listed(one["id"], int(moment.timestamp() * 1000) if moment else 0, one.get("processingStatus", "SUCCESS"))


def _error(error: Any) -> AwsError:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = f"DataZone: {code}: {message}"
    if code in _LATER or status == _TOO_MANY or status >= _OF_SERVER:
        return Busy(said)
    # Keys that are wrong or have expired have a dozen codes, some of them of AWS's front door: all with these statuses.
    if code == "AccessDeniedException":
        said += f" (the role needs datazone:{error.operation_name})"
    return NotAllowed(said) if code in _DENIED or code == _NO_DOMAIN or status in {401, 403} else Refused(said)
