"""Entries that end the process: which ones were being applied when it died, and what is done about it.

An entry can need more memory than there is, or more time than the server waits; the process is then killed, and no
`except` sees it. So before a batch is applied, a small file beside the derived tables says which entries it has. A
process that finds there a batch that never ended knows that the process before it died on the way:

    twice at the same entries   the batch is halved, and halved again after each further death
    twice at one entry alone    the entry is parked (`Killer`)

Behind it all goes on with whole batches. Here: the rule (`after_death`, pure) and the file. Not here: parking itself.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from headwater.graphstore.errors import PermanentError

log = logging.getLogger(__name__)

_DEATHS = 2  #: one death can have any cause: an operator, another program that took the memory
_SUFFIX = ".attempt"


class Killer(PermanentError):
    """The process died twice while it applied this entry and nothing else."""


@dataclass(frozen=True)
class Attempt:
    """The batch that is being applied, and what is known of the entries around it. Entries by their sequence.

    `after` is the checkpoint before it, `last` its last entry (0: nothing is being applied). Of the entries above
    `since` and up to `until` one is suspected, so not more than `most` of them come at once. `deaths` is how often the
    process died with a batch of that size behind `died_after`. `retried`: a parked entry that is tried again (0: none).
    """

    after: int = 0
    last: int = 0
    since: int = 0
    until: int = 0
    most: int = 0
    died_after: int = 0
    deaths: int = 0
    retried: int = 0

    def is_suspected(self, after: int) -> bool:
        """Whether the entry behind `after` is one of those that are suspected."""
        return self.since <= after < self.until

    def killed_alone(self, sequence: int) -> bool:
        """Whether this entry, alone, ended the process twice."""
        alone = self.most == 1 and self.died_after == sequence - 1
        return self.deaths >= _DEATHS and (self.retried == sequence if self.retried else alone)


def after_death(attempt: Attempt) -> Attempt:
    """What is to be done after the process died in this attempt."""
    if attempt.retried:
        return replace(attempt, last=0, deaths=attempt.deaths + 1)
    after, most = attempt.after, attempt.last - attempt.after
    known = attempt.is_suspected(after)
    if after == attempt.died_after and most == attempt.most:
        deaths = attempt.deaths + 1
    else:
        deaths = _DEATHS if known and most > 1 else 1  # of entries that are suspected one death is enough
    if most > 1 and deaths >= _DEATHS:
        most //= 2
        deaths = 1 if most > 1 else 0  # one more death halves again; an entry alone gets two tries of its own
    return Attempt(
        after=after,
        since=attempt.since if known else after,
        until=max(attempt.until, attempt.last) if known else attempt.last,
        most=most,
        died_after=after,
        deaths=deaths,
    )


def record_of(tables: Path | None, *, redrawing: bool = False) -> Path | None:
    """The file with the attempts, beside that of the derived tables; None for tables in memory.

    `redrawing`: the one of a drawing that is made beside the one of these tables.
    """
    return tables.with_name(f"{tables.stem}{'.redrawing' if redrawing else ''}{_SUFFIX}") if tables else None


class Attempts:
    """The file with the attempt of one follower.

    The file is not synced: a process that dies leaves it whole, and after a power cut one death too few is counted.
    """

    def __init__(self, path: Path | None, checkpoint: int) -> None:
        """`path` as of `record_of`; `checkpoint` is that of the tables as they were found."""
        self._path = path
        self._writing = threading.Lock()
        self._attempt = self._read()
        if self._attempt.last > checkpoint:  # also if the tables were made anew since: one death too many is no harm
            first, last = self._attempt.after + 1, self._attempt.last
            log.warning("the process before this one died while it applied the entries %d to %d", first, last)
            self._put(after_death(self._attempt))

    def begin(self, after: int, last: int, retried: int = 0) -> None:
        """Say, before it is applied, which batch comes; `retried`: a parked entry alone, tried again."""
        if retried:
            deaths = self._attempt.deaths if self._attempt.retried == retried else 0
            self._put(Attempt(after, after + 1, deaths=deaths, retried=retried))
        else:
            self._put(replace(Attempt() if self._attempt.retried else self._attempt, after=after, last=last))

    def survived(self) -> None:
        """The batch ended, or its process is told to end: if it dies now, that is no entry's fault.

        Not needed after a batch that moved the checkpoint.
        """
        if self._attempt.last:
            self._put(replace(self._attempt, last=0))

    def forget(self) -> None:
        """Remove the file: its tables are replaced."""
        with self._writing:
            self._attempt = Attempt()
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    def learn(self, other: Attempts) -> None:
        """Suspect what `other` suspects, unless something is known already: both are of one ledger."""
        if not self._attempt.until:
            self._put(replace(other._attempt, after=0, last=0, retried=0))

    def most(self, after: int, count: int) -> int:
        """How many of the `count` entries behind `after` may come at once."""
        attempt = self._attempt
        if attempt.is_suspected(after):
            return min(count, attempt.most)
        if after < attempt.since < after + count:
            return attempt.since - after
        return count

    def killed_alone(self, sequence: int) -> bool:
        """See `Attempt.killed_alone`."""
        return self._attempt.killed_alone(sequence)

    def _read(self) -> Attempt:
        if self._path is None:
            return Attempt()
        with suppress(OSError, ValueError, TypeError):  # none, or one of another version: nothing is known
            return Attempt(**json.loads(self._path.read_bytes()))
        return Attempt()

    def _put(self, attempt: Attempt) -> None:
        with self._writing:
            self._attempt = attempt
            if self._path is None:
                return
            fresh = self._path.with_name(f".{self._path.name}")
            fresh.unlink(missing_ok=True)  # else it would be written through a symbolic link
            file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(file, json.dumps(asdict(attempt)).encode())
            finally:
                os.close(file)
            fresh.replace(self._path)


def killer(sequence: int) -> Killer:
    """The reason with which such an entry is parked."""
    return Killer(
        f"the process that builds the graph died twice while it applied entry {sequence} alone: it takes more memory or"
        " time than there is here. headwater parked --retry tries it again"
    )
