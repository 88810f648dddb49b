"""The work on one body: unpack, parse, validate, take secrets out. What it gives, and who does it for large bodies.

A job is data, so that another process can do it. Here: the job, and the port for large ones with the simple way of
doing them. Not here: HTTP, and the processes (`ingest.process.intake_process`).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from headwater.ingest.intake.body import GZIP_MAGIC, InvalidBody, gunzip
from headwater.ingest.intake.bridge import Accepted, Bridge, Receipt
from headwater.ingest.intake.bridges import BRIDGES

_TOO_LARGE = 413


@dataclass(frozen=True)
class Job:
    """One body as it came over the wire, and what it is said to be. `kind` is that of its bridge.

    `batch`: it holds many payloads.
    """

    kind: str
    content_type: str
    wire: bytes
    packed: bool
    receipt: Receipt
    batch: bool = False

    @property
    def bridge(self) -> Bridge:
        """The row of the table of bridges."""
        return BRIDGES[self.kind]

    def small(self) -> bytes | None:
        """The body, unpacked, if it and the work on it are small (`Limits.inline_bytes`). InvalidBody."""
        limit = self.receipt.limits.inline_bytes
        if len(self.wire) > limit:
            return None
        try:
            return self._body(limit)
        except InvalidBody as refused:
            if refused.status == _TOO_LARGE:
                return None
            raise

    def accept(self, body: bytes) -> Accepted:
        """Ready for the ledger. InvalidBody."""
        bridge = self.bridge
        accept = bridge.accept_batch if self.batch and bridge.accept_batch else bridge.accept
        return accept(self.content_type, body, self.receipt)

    def whole(self) -> Accepted:
        """All of the work. InvalidBody."""
        return self.accept(self._body(self.receipt.limits.unpacked_bytes))

    def _body(self, limit: int) -> bytes:
        # Java clients of OpenLineage before 1.44 pack without saying so; no JSON begins with these two bytes.
        packed = self.packed or self.wire.startswith(GZIP_MAGIC)
        return gunzip(self.wire, limit, self.receipt.limits.gzip_members) if packed else self.wire


class LargeBodies(Protocol):
    """Does the work on large bodies, a few at a time, so that their memory is bounded. Used in one event loop."""

    async def accept(self, job: Job) -> Accepted:
        """`Job.whole`, while the loop serves others. InvalidBody, also (503) if the work could not be done."""

    def close(self) -> None:
        """Begin nothing more, and end what belongs to it."""


class OneThread:
    """In this process: simple, and the loop waits whenever the work holds Python's lock, as parsing does."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-bodies")

    async def accept(self, job: Job) -> Accepted:
        """See `LargeBodies`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, job.whole)

    def close(self) -> None:
        """See `LargeBodies`."""
        self._thread.shutdown(wait=False, cancel_futures=True)
