"""The ledger for asyncio: many senders wait, one thread commits whatever waits as one group, with one fsync.

Nothing here delays a commit to make a group larger: while the disk is busy with one group, the next one gathers.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import NamedTuple, Protocol

from headwater.ingest.ledger.entries import Appended, LedgerUnavailable, NewEntry, Packed, pack

MAX_WAITING = 1024
"""Entries taken in and not yet committed; further senders wait before theirs is looked at."""

MAX_WAITING_BYTES = 256 * 2**20
"""The same in bytes of their bodies: the receiver's limit for one."""

_LARGEST_GROUP = 256  # an fsync shared by so many costs none of them anything; a larger group only waits longer
_LARGE_BODY = 128 * 2**10  # from here on (about 1 ms) packing would be felt by the other senders of the event loop


class Appends(Protocol):
    """What is asked of a ledger."""

    def append_packed(self, entries: Sequence[Packed]) -> list[Appended]:
        """All of them, durable on return, or none: LedgerUnavailable."""


class _Waiting(NamedTuple):
    entry: Packed
    answer: asyncio.Future[Appended]


class GroupCommitter:
    """Made in a running event loop and used from that loop alone. The ledger stays open when this is closed."""

    def __init__(
        self,
        ledger: Appends,
        *,
        on_appended: Callable[[int], None] | None = None,
        max_waiting: int = MAX_WAITING,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        """`on_appended` is called in the event loop, after each group, with the sequence of its newest entry."""
        self._ledger = ledger
        self._on_appended = on_appended
        self._max_waiting = max_waiting
        self._max_waiting_bytes = max_waiting_bytes
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._released = asyncio.Event()
        self._waiting = 0
        self._waiting_bytes = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="ledger-commit", daemon=True)
        self._thread.start()

    async def append(self, entry: NewEntry) -> Appended:
        """Wait until the entry is on disk. LedgerUnavailable: it is not, try later; ValueError: it cannot be kept.

        A caller that is cancelled while it waits does not know: the entry may be kept.
        """
        await self._admit(entry)
        try:
            packed = await asyncio.to_thread(pack, entry) if len(entry.body) > _LARGE_BODY else pack(entry)
            answer: asyncio.Future[Appended] = self._loop.create_future()
            self._queue.put(_Waiting(packed, answer))
            return await answer
        finally:
            self._waiting -= 1
            self._waiting_bytes -= len(entry.body)
            self._released.set()

    async def close(self) -> None:
        """Refuse new entries, answer all that wait, end the thread."""
        self._closing = True
        self._released.set()
        while self._waiting:
            await self._release()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    async def _admit(self, entry: NewEntry) -> None:
        """Back-pressure. One entry is always let in, however large."""
        while not self._closing and (
            self._waiting >= self._max_waiting or self._waiting_bytes >= self._max_waiting_bytes
        ):
            await self._release()
        if self._closing:
            raise LedgerUnavailable("the ledger is closing")
        self._waiting += 1
        self._waiting_bytes += len(entry.body)

    async def _release(self) -> None:
        self._released.clear()
        await self._released.wait()

    def _run(self) -> None:
        while group := self._next_group():
            try:
                outcome: list[Appended] | Exception = self._ledger.append_packed([each.entry for each in group])
            except Exception as error:  # noqa: BLE001 - whatever it was, those who wait must hear of it
                outcome = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._answer, group, outcome)

    def _next_group(self) -> list[_Waiting]:
        """At least one; none when closed."""
        group: list[_Waiting] = []
        waiting = self._queue.get()
        while waiting:
            group.append(waiting)
            if len(group) >= _LARGEST_GROUP or self._queue.empty():
                return group
            waiting = self._queue.get()
        if group:  # closing, and senders were cancelled while theirs waited here
            self._queue.put(None)
        return group

    def _answer(self, group: list[_Waiting], outcome: list[Appended] | Exception) -> None:
        if isinstance(outcome, Exception):
            for each in group:
                if not each.answer.done():
                    each.answer.set_exception(outcome)
            return
        for each, appended in zip(group, outcome, strict=True):
            if not each.answer.done():
                each.answer.set_result(appended)
        newest = max(appended.sequence for appended in outcome)
        if self._on_appended and not all(appended.duplicate for appended in outcome):
            self._on_appended(newest)
