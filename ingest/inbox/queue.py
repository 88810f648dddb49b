"""Files of an inbox, told by S3 through SQS: S3 sends a message for each new object. Nothing is listed all the time.

Messages can come twice, in any order, late, and in rare cases not at all. So what they say is only where to look, and
now and then the inbox is listed as well. Format of the messages:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote_plus

from headwater.aws_bridge.s3 import split
from headwater.aws_bridge.sqs import Message, Queue
from headwater.ingest.inbox.reading import InboxReader, Listing, Waiting, is_waiting
from headwater.ingest.places.file_storage import ObjectStorage

log = logging.getLogger(__name__)

_WAIT_SECONDS = 10  #: for the first message
_LISTING_SECONDS = 600.0  #: after so long all is listed, and what no message told of is found


class QueuedFiles:
    """See `reading.Source`."""

    def __init__(
        self,
        queue: Queue,
        storage: ObjectStorage,
        reader: InboxReader,
        clock: Callable[[], float] = time.monotonic,
        *,
        wait_seconds: int = _WAIT_SECONDS,
    ) -> None:
        """`storage` is the inbox in S3; `clock` gives seconds; `wait_seconds`: how long to wait for a first message."""
        self._wait_seconds = wait_seconds
        self._queue = queue
        self._bucket, self._prefix = split(str(storage))
        self._listing = Listing(storage)
        self._reader = reader
        self._clock = clock
        self._listed: float | None = None

    def take(self, limit: int) -> list[Waiting]:
        """See `Source.take`."""
        now = self._clock()
        if self._listed is None or now - self._listed > _LISTING_SECONDS:
            found = self._listing.take(limit)
            if len(found) < limit:  # else there is more: it is listed again at once
                self._listed = now
            if found:
                return found
        receipts: dict[str, list[str]] = {}
        seen: set[str] = set()
        while len(receipts) < limit and (messages := self._queue.receive(0 if receipts else self._wait_seconds)):
            fresh = [message for message in messages if message.id not in seen]
            for message in fresh:
                self._told(message, receipts)
            seen.update(message.id for message in fresh)
            if not fresh:  # they come again already: the queue hides them for too short a time
                break
        return [Waiting(name, tuple(handles)) for name, handles in receipts.items()]

    def _told(self, message: Message, receipts: dict[str, list[str]]) -> None:
        """Note the files that a message names; one that names none is done with at once."""
        try:
            names = [name for name in self._names(json.loads(message.body)) if is_waiting(name)]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("a message that is not S3's is parked: %s (%s)", message.id, type(error).__name__)
            self._reader.park_text(f"messages/{message.id}.txt", message.body)
            names = []
        for name in names:
            receipts.setdefault(name, [])
        if names:
            receipts[names[-1]].append(message.handle)
        else:
            self._queue.delete([message.handle])

    def _names(self, said: Any) -> list[str]:
        """The names in the inbox that an event of S3 tells of. ValueError, KeyError, TypeError: it is none."""
        if said.get("Event") == "s3:TestEvent":  # sent once, when the notification is set up
            return []
        keys = [
            unquote_plus(record["s3"]["object"]["key"])
            for record in said["Records"]
            if record["s3"]["bucket"]["name"] == self._bucket
        ]
        return [key.removeprefix(self._prefix) for key in keys if key.startswith(self._prefix)]

    def done(self, files: Sequence[Waiting]) -> None:
        """See `Source.done`: their messages are deleted."""
        self._queue.delete([handle for file in files for handle in file.receipts])
