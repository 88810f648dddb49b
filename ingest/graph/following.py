"""Following the ledger: the loop that brings a follower up to date, whatever the follower does with the entries.

Here: reading in order, batches, what is tried again, what is parked, waking and waiting. Not here: what a batch does;
the projector into the graph is one follower (`projector`), a publisher to another system would be one more.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from headwater.backoff import Backoff
from headwater.graphstore.errors import Denied, TransientError
from headwater.ingest.graph.patience import Patience, Stopped
from headwater.ingest.ledger.entries import Entry, Head, LedgerUnavailable

log = logging.getLogger(__name__)

BATCH = 50  #: entries at once: about ten plans fill one atomic script of the embedded store well
_POLL = 1.0  #: seconds after which the ledger is looked at without being woken
#: Seconds in which entries gather, unless somebody waits for one: a batch costs two syncs of the disk, however large.
_GATHER = 0.04
#: How often a step begins again. One restart is ordinary (a graph that its server lost), two can meet; more than that
#: means that somebody else changes the target all the time.
_RESTARTS = 5


class StartAgain(Exception):
    """What a follower writes to is not what it was, or is to be made anew: `prepare`, then read from the checkpoint."""


class CannotFollow(Exception):
    """Following is not possible as things are, and nothing was written; people have to change something."""


class GivenUp(Exception):
    """Another one follows in this follower's place: nothing is written any more, and no retry helps."""


class Entries(Protocol):
    """What the loop reads of the ledger."""

    def read(self, after: int, limit: int) -> list[Entry]:
        """Up to `limit` entries with a sequence above `after`, in order."""

    def head(self) -> Head:
        """The last entry."""


class Follower(Protocol):
    """What is kept up to date with the ledger, from a checkpoint of its own. The loop calls it from one thread.

    Each entry is applied at least once, in order, and is applied or parked before the next one: `apply` has to take an
    entry that it has already taken. An entry that the follower has no use for is applied by passing over it.
    """

    @property
    def name(self) -> str:
        """What it keeps up to date, for the log: "the graph"."""

    @property
    def unrelated(self) -> tuple[type[Exception], ...]:
        """Errors of `apply` and `park` that no entry is to blame for: nothing is parked, the same batch comes again."""

    @property
    def checkpoint(self) -> int:
        """The last entry that is applied or parked; 0 for none. After a crash it is this one or an earlier one."""

    def prepare(self) -> None:
        """Recover from a crash or a failed batch; called before and after each batch, so cheap if there was none.

        May move the checkpoint back. Raises what makes following impossible at this moment.
        """

    def apply(self, entries: Sequence[Entry]) -> None:
        """Take these entries, which follow the checkpoint, and move it behind the last one.

        May take them in parts: when it raises, the checkpoint is behind those that are applied. StartAgain: the loop
        prepares and reads again. What is not among `unrelated` is put down to the entries behind the checkpoint: they
        come again one by one, and the one that fails alone is parked.
        """

    def park(self, entry: Entry, error: Exception) -> None:
        """Set the entry aside, for people to see, with the reason; move the checkpoint behind it. Durable on return."""


class FollowerLoop:
    """Brings one follower up to date. Steps take turns; what only counts does not wait for them."""

    def __init__(
        self,
        ledger: Entries,
        follower: Follower,
        *,
        patience: Patience | None = None,
        turn: threading.RLock | None = None,
        reached: Callable[[], int] | None = None,
    ) -> None:
        """`patience` waits after errors (default: for ever); `turn` is held during a step.

        `reached` is the last entry that can be seen in what the follower keeps, where that is not its checkpoint.
        """
        self._reached = reached or (lambda: follower.checkpoint)
        self._ledger = ledger
        self._follower = follower
        self._patience = patience or Patience(Backoff())
        self._turn = turn or threading.RLock()
        self._advanced = threading.Condition()
        self._woken = threading.Event()
        self._wanted = threading.Event()  #: somebody waits for an entry, or for the end
        self._waiters = 0

    def lag(self) -> int:
        """How many ledger entries are not yet applied or parked."""
        return max(0, self._ledger.head().sequence - self._reached())

    def wait_for(self, sequence: int, timeout: float) -> bool:
        """Wait until the entry is applied or parked, at most `timeout` seconds; whether it is."""
        return self.wait_until(lambda: self._reached() >= sequence, timeout)

    def wait_until(self, true: Callable[[], bool], timeout: float) -> bool:
        """Wait until something is true that steps make true, at most `timeout` seconds; whether it is."""
        with self._advanced:
            self._waiters += 1
            self._wanted.set()
            try:
                return self._advanced.wait_for(true, timeout)
            finally:
                self._waiters -= 1
                if not self._waiters and not self._patience.stop.is_set():
                    self._wanted.clear()

    def wake(self) -> None:
        """Something was appended to the ledger, or `run` is to look at its stop. Never waits."""
        self._woken.set()

    def run(self, stop: threading.Event, *, limit: int = BATCH) -> None:
        """Step until `stop` is set, in a thread of its own. To end it set `stop`, then call `wake`.

        Returns earlier, and says so in the log, when the follower has given up. MemoryError: the process is to end.
        """
        self._patience.stop = stop
        failures = 0
        while not stop.is_set():
            try:
                if self.step(limit) < limit:
                    self._woken.wait(_POLL)
                    self._woken.clear()
                    self._wanted.wait(_GATHER)
                failures = 0
            except Stopped:
                return
            except GivenUp as error:
                log.error("%s is not kept up to date any more: %s", self._follower.name, error)  # noqa: TRY400
                return
            except (TransientError, Denied, CannotFollow, LedgerUnavailable) as error:
                log.warning("%s cannot be kept up to date: %s", self._follower.name, error)
                self._patience.wait(failures)
                failures += 1
            except MemoryError:
                raise
            except Exception:  # the thread must outlive what nobody foresaw: it is logged, and tried again
                log.exception("%s failed after entry %s", self._follower.name, self._follower.checkpoint)
                self._patience.wait(failures)
                failures += 1

    def step(self, limit: int = BATCH) -> int:
        """Bring up to `limit` entries after the checkpoint into the follower; how many. 0 if there are none.

        An entry that cannot be applied is parked, and the others go on. Raises what no entry is to blame for;
        TransientError: the follower had to start again some times in a row.
        """
        with self._turn:
            restarts = 0
            while True:
                try:
                    return self._step(limit)
                except StartAgain as error:
                    restarts += 1
                    if restarts > _RESTARTS:
                        raise TransientError(f"it had to start again {restarts} times in a row: {error}") from error
                    log.warning("%s is compared with the ledger: %s", self._follower.name, error)
                    if restarts > 1:
                        self._patience.before_retry(restarts - 2, TransientError(str(error)))

    def _step(self, limit: int) -> int:
        self._follower.prepare()
        entries = self._ledger.read(self._follower.checkpoint, limit)
        self._apply(entries)
        self._follower.prepare()  # what was parked may have left a part of itself behind
        self._notify()
        return len(entries)

    def _apply(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        try:
            self._follower.apply(entries)
        except Exception as error:  # whatever one entry does to the follower, the others go on
            if isinstance(error, (StartAgain, GivenUp, Stopped, *self._follower.unrelated)):
                raise
            if len(entries) > 1:
                for entry in entries:
                    if entry.sequence > self._follower.checkpoint:
                        self._apply([entry])
                return
            self._follower.park(entries[0], error)
        self._notify()

    def _notify(self) -> None:
        with self._advanced:
            self._advanced.notify_all()
