"""Appending from asyncio: many senders wait, and one thread commits all that wait as one group, with one fsync.

No commit is delayed to make its group larger: while the disk is busy with one group, the next one fills up.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from queue import SimpleQueue
from typing import NamedTuple

from headwater.ingest.ledger.entries import Appended, LedgerError, LedgerUnavailable, NewEntry, Packed, pack
from headwater.ingest.ledger.port import Appends

MAX_WAITING = 1024
"""Entries accepted and not yet committed; while there are so many, further senders wait before theirs is hashed."""

MAX_WAITING_BYTES = 256 * 2**20
"""The same limit in bytes of their bodies: as much as the receiver lets one body have."""

_LARGEST_GROUP = 256  # shared by so many, an fsync costs each next to nothing; a larger group only waits longer
_LARGE_BODY = 128 * 2**10  # packing a larger one takes more than 1 ms, in which the event loop would serve nobody else


class _Waiting(NamedTuple):
    entry: Packed
    answer: asyncio.Future[Appended]


class GroupCommitter:
    """Made in a running event loop and used in that loop alone. The ledger stays open when this is closed."""

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
        self._again: Counter[int] = Counter()  #: repeats that no transaction has counted yet; guarded by `_counting`
        self._counting = threading.Lock()
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

    def came_again(self, sequence: int) -> None:
        """Count that the bytes of an entry, which is on disk, were sent once more.

        Written with the next group, or when this is closed: a count is no reason for an fsync of its own. A crash
        before that loses the count and nothing else. LedgerUnavailable: the file with the entry is not there any more.
        """
        self._ledger.check_place()
        with self._counting:
            self._again[sequence] += 1

    async def close(self) -> None:
        """Refuse new entries, answer all that wait, end the thread."""
        self._closing = True
        self._released.set()
        while self._waiting:
            await self._release()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    async def _admit(self, entry: NewEntry) -> None:
        """Wait until there is room. If nothing else waits, any entry has room, however large."""
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
            again = self._take_repeats()
            try:
                outcome: list[Appended] | Exception = self._ledger.append_packed([each.entry for each in group], again)
            except Exception as error:  # noqa: BLE001 - whatever it was, the senders that wait must be told
                outcome = error
                with self._counting:
                    self._again.update(again)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._answer, group, outcome)

        if again := self._take_repeats():
            with contextlib.suppress(LedgerError):  # a full disk: the count is lost, and no entry is
                self._ledger.append_packed([], again)

    def _take_repeats(self) -> Counter[int]:
        with self._counting:
            again, self._again = self._again, Counter()
        return again

    def _next_group(self) -> list[_Waiting]:
        """The entries that wait now, or the next that comes; none when this is closed."""
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
