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

    `after` is the checkpoint before it, `last` its last entry (0: nothing is being applied); `deaths` how often the
    process died with a batch that begins here. Of the entries above `since` and up to `until` one is suspected, so not
    more than `most` of them come at once. `retried`: a parked entry that is tried again (0: none).
    """

    after: int = 0
    last: int = 0
    deaths: int = 0
    since: int = 0
    until: int = 0
    most: int = 0
    retried: int = 0

    @property
    def count(self) -> int:
        """How many entries the batch has."""
        return self.last - self.after

    def is_suspected(self, after: int) -> bool:
        """Whether the entry behind `after` is one of those that are suspected."""
        return self.since <= after < self.until


def after_death(attempt: Attempt) -> Attempt:
    """What is to be done after the process died in this attempt."""
    deaths = attempt.deaths + 1
    if attempt.retried:
        return replace(attempt, last=0, deaths=deaths)
    most = attempt.count
    if most > 1 and deaths >= _DEATHS:
        most //= 2
        deaths = 1 if most > 1 else 0  # one more death halves again; an entry alone gets two tries of its own
    known = attempt.is_suspected(attempt.after)
    return Attempt(
        after=attempt.after,
        deaths=deaths,
        since=attempt.since if known else attempt.after,
        until=max(attempt.until, attempt.last) if known else attempt.last,
        most=most,
    )


def next_attempt(attempt: Attempt, after: int, last: int) -> Attempt:
    """The record of a batch that follows `after` and ends with `last`."""
    if not attempt.is_suspected(after):
        return Attempt(after, last, since=attempt.since, until=attempt.until, most=attempt.most)
    count = last - after
    again = after == attempt.after and count == attempt.most
    deaths = attempt.deaths if again else min(count - 1, 1)  # a batch that is suspected is halved at its first death
    return replace(attempt, after=after, last=last, deaths=deaths, retried=0)


class Attempts:
    """The file with the attempt of one follower. `tables` is the file of its derived tables; None keeps no record.

    The file is not synced: a process that dies leaves it whole, and after a power cut one death too few is counted.
    """

    def __init__(self, tables: Path | None, checkpoint: int) -> None:
        """`checkpoint` is that of the tables as they were found."""
        self._path = tables.with_name(tables.stem + _SUFFIX) if tables else None
        self._writing = threading.Lock()
        self._attempt = self._read()
        if self._attempt.last and self._attempt.after == checkpoint:
            log.warning(
                "the process died while it applied the entries %d to %d (%d times so far)",
                self._attempt.after + 1,
                self._attempt.last,
                self._attempt.deaths + 1,
            )
            self._put(after_death(self._attempt))

    def begin(self, after: int, last: int, retried: int = 0) -> None:
        """Say, before it is applied, which batch comes; `retried`: a parked entry alone, tried again."""
        if retried:
            before = self._attempt
            deaths = before.deaths if before.retried == retried else 0
            self._put(Attempt(after, after + 1, deaths, retried=retried))
        else:
            self._put(next_attempt(self._attempt, after, last))

    def survived(self) -> None:
        """The batch ended with an error, or its process is told to end: if it dies now, that is no entry's fault."""
        if self._attempt.last:
            self._put(replace(self._attempt, last=0))

    def most(self, after: int, count: int) -> int:
        """How many of the `count` entries behind `after` may come at once."""
        attempt = self._attempt
        if attempt.is_suspected(after):
            return min(count, attempt.most)
        if after < attempt.since < after + count:
            return attempt.since - after
        return count

    def killed_alone(self, sequence: int) -> bool:
        """Whether this entry, alone, ended the process twice."""
        attempt = self._attempt
        alone = attempt.most == 1 and attempt.after == sequence - 1 and attempt.is_suspected(sequence - 1)
        return attempt.deaths >= _DEATHS and (alone or attempt.retried == sequence)

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
            file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(file, json.dumps(asdict(attempt)).encode())
            finally:
                os.close(file)
            fresh.replace(self._path)


def killer(sequence: int) -> Killer:
    """The reason with which such an entry is parked."""
    return Killer(
        f"the process that draws the graph died twice while it applied entry {sequence} alone: it takes more memory or"
        " time than there is here. headwater parked --retry tries it again"
    )
