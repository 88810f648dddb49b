"""A queue of Amazon SQS: receive messages, delete them. API: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/.

Not here: what a message says (`ingest.inbox.queue`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from headwater.aws_bridge.session import AwsError, Session, aws_errors

_MOST_AT_ONCE = 10  #: messages in one request, SQS's own limit
_REGION = re.compile(r"https?://(?:sqs|queue)\.([a-z0-9-]+)\.")


class Message(NamedTuple):
    """A message that was received; `handle` deletes it."""

    id: str
    handle: str
    body: str


class Queue:
    """A queue by its URL. Every method raises `AwsError`."""

    def __init__(self, session: Session, url: str, endpoint: str | None = None) -> None:
        """`session` is of the queue's region (`region_of`)."""
        self._url = url
        self._sqs = session.client("sqs", endpoint)

    def receive(self, seconds: int) -> list[Message]:
        """Up to ten messages; waits for the first one for so many seconds (20 at most)."""
        with aws_errors():
            found = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=_MOST_AT_ONCE, WaitTimeSeconds=seconds
            )
        return [Message(each["MessageId"], each["ReceiptHandle"], each["Body"]) for each in found.get("Messages", ())]

    def delete(self, handles: Sequence[str]) -> None:
        """Delete messages. One whose handle is too old comes again, which is no error."""
        for at in range(0, len(handles), _MOST_AT_ONCE):
            part = handles[at : at + _MOST_AT_ONCE]
            entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(part)]
            with aws_errors():
                failed = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries).get("Failed", ())
            for each in failed:
                if not each.get("SenderFault"):
                    raise AwsError(f"AWS: {each.get('Code')} for DeleteMessageBatch: {each.get('Message')}")


def region_of(url: str) -> str | None:
    """The region in a queue's URL; None for an endpoint of another form."""
    found = _REGION.match(url)
    return found[1] if found else None
