"""Writing to an inbox: what the receiver uses in the place of a ledger's `GroupCommitter`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from headwater.aws_bridge.session import AwsError
from headwater.ingest.intake.envelope import file_of
from headwater.ingest.ledger.entries import Appended, NewEntry
from headwater.ingest.places.file_storage import ObjectStorage

THREADS = 16
"""Writes under way at once: each one waits for S3 some tens of milliseconds, so that is some hundred a second."""


class InboxUnavailable(Exception):
    """The inbox cannot be written at this moment; the message says why."""


class InboxWriter:
    """Keeps accepted payloads. A payload that comes twice on one day is one file."""

    def __init__(self, storage: ObjectStorage, clock: Callable[[], int], *, threads: int = THREADS) -> None:
        """`clock` gives ms since 1970."""
        self._storage = storage
        self._clock = clock
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="inbox")
        self._problem = ""

    @property
    def problem(self) -> str:
        """Why the newest write failed; empty if it went well, or if there was none."""
        return self._problem

    async def append(self, entry: NewEntry) -> Appended:
        """Store a payload, durable on return; its number is 0: it gets one in the ledger. InboxUnavailable."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self.put, entry)
        return Appended(0, duplicate=False)

    def came_again(self, sequence: int) -> None:
        """The bytes of a payload that is stored came once more: there is nothing to do."""

    def put(self, entry: NewEntry) -> str:
        """Store a payload, in this thread; the name of its file. InboxUnavailable."""
        name, content = file_of(entry, self._clock())
        try:
            self._storage.write(name, content)
        except (AwsError, OSError) as error:
            self._problem = str(error)
            raise InboxUnavailable(str(error)) from error
        self._problem = ""
        return name

    def close(self) -> None:
        """End the threads; what is under way is finished."""
        self._threads.shutdown()
