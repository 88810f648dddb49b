"""What others posted to a domain of Amazon DataZone (SageMaker Catalog), as lineage: `headwater datazone import`.

Events are read one by one, in the order of their times; those that DataZone still processes are waited for a while, and
come with the next import otherwise. Events that a Headwater published are left out: their runs are known. Not here: the
calls (`headwater.aws_bridge.datazone`), publishing (`headwater.publishing`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from headwater.aws_bridge.datazone import Listed, Refused, Status
from headwater.importing import State, send
from headwater.ingest.progress import Progress
from headwater.openlineage_bridge.events import new_event
from headwater.source import Source
from headwater.spline_bridge.errors import DecodeError

_BATCH = 200  #: events that are sent together: what was done is remembered after each
_LOOKS = 6  #: at an event that is still processed: some fifteen seconds
_FIRST = 0.5  #: seconds between two of them, at first
#: Events come with times of their own: one that was posted late has an earlier one than the newest that is known.
_LATE_MS = 24 * 3_600_000
_OWN = "urn:headwater:"  #: the producer of events that a Headwater published
_OPEN = frozenset({"REQUESTED", "PROCESSING"})


class Domain(Protocol):
    """What is asked of `aws_bridge.datazone.Domain`."""

    identifier: str

    def page(self, since: int, token: str | None = None) -> tuple[list[Listed], str | None]:
        """Events with a time after `since`, and the token of the next page."""

    def read(self, event: str) -> tuple[Status, bytes]:
        """What became of an event, and its body."""


@dataclass
class Imported:
    """What an import came to."""

    events: int = 0  #: new in the ledger
    known: int = 0  #: that the ledger had
    own: int = 0  #: that a Headwater published
    waiting: int = 0  #: that DataZone has not processed yet: they come with the next import
    failed: list[str] = field(default_factory=list)  #: ids of events that DataZone could not process
    refused: list[dict[str, str]] = field(default_factory=list)  #: that are no events of lineage

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def import_events(
    source: Source,
    domain: Domain,
    data: Path,
    *,
    since: int = 0,
    again: bool = False,
    sleep: Callable[[float], object] = time.sleep,
    progress: Progress = lambda _done, _of: None,
) -> Imported:
    """Bring in what others posted to a domain. `since` in ms since 1970: only events with a time after it.

    AwsError: DataZone does not answer, or does not allow a call; and the errors of `Source.load`.
    """
    state = State.of(data, f"datazone://{domain.identifier}", again=again)
    found = Imported()
    waiting = [Listed(one, 0, "PROCESSING") for one in state.open]
    batch: list[tuple[Listed, dict[str, Any]]] = []
    for done, one in enumerate(chain(waiting, _listed(domain, state, since)), start=1):
        body = _read(domain, one, state, found, sleep)
        if body is not None:
            batch.append((one, body))
        if len(batch) >= _BATCH:
            _bring_in(source, batch, state, found)
            progress(done, done)
    _bring_in(source, batch, state, found)
    found.waiting = len(state.open)
    return found


def _listed(domain: Domain, state: State, since: int) -> Iterator[Listed]:
    """What was not imported, in the order of time."""
    after = max(since, state.until - _LATE_MS, 0)
    token: str | None = None
    while True:
        page, token = domain.page(after, token)
        yield from (one for one in page if one.id not in state.done and one.id not in state.open)
        if token is None:
            return


def _read(
    domain: Domain, one: Listed, state: State, found: Imported, sleep: Callable[[float], object]
) -> dict[str, Any] | None:
    """The event, when DataZone has processed it; None: it is not to be kept, or not yet."""
    try:
        status, body = domain.read(one.id)
        for look in range(_LOOKS):
            if status not in _OPEN:
                break
            sleep(_FIRST * 2**look)
            status, body = domain.read(one.id)
    except Refused as error:
        found.refused.append({"event": one.id, "reason": str(error)})
        state.ended(one.id, one.at)
        return None
    if status in _OPEN:
        state.open[one.id] = None
        return None
    state.ended(one.id, one.at)
    if status == "FAILED":
        found.failed.append(one.id)
        return None
    try:
        event = json.loads(body)
        new_event(event)
    except (ValueError, DecodeError) as error:
        found.refused.append({"event": one.id, "reason": f"it is no event of OpenLineage: {error}"})
        return None
    if str(event.get("producer") or "").startswith(_OWN):
        found.own += 1
        return None
    return dict(event)


def _bring_in(source: Source, batch: list[tuple[Listed, dict[str, Any]]], state: State, found: Imported) -> None:
    sent = send(source, [event for _, event in batch])
    found.events += sent.events
    found.known += sent.known
    found.refused += [{"event": batch[line][0].id, "reason": reason} for line, reason in sent.refused]
    batch.clear()
    state.save()
