"""Amazon DataZone as a place to publish to: it takes an event at once, and says later whether it could process it.

Here: `DataZoneBackend`. Not here: AWS's calls (`aws_bridge.datazone`), the limits of an event
(`openlineage_bridge.datazone`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from headwater.aws_bridge.datazone import Busy, Refused, Status
from headwater.aws_bridge.session import NotAllowed
from headwater.backoff import Backoff
from headwater.graphstore.errors import Denied, TransientError
from headwater.ingest.publishing.backends import Sending
from headwater.openlineage_bridge import datazone

log = logging.getLogger(__name__)
Result = TypeVar("Result")

_LOOKS = 8  #: at the status of an event: within half a minute or so it is processed, or it is left to DataZone
_FIRST, _LONGEST = 0.5, 8.0  #: seconds between two looks
_NO_REASON = "DataZone could not process it, and its API gives no reason: the console of the domain may"


class Domain(Protocol):
    """What is asked of `aws_bridge.datazone.Domain`."""

    identifier: str

    def post(self, body: bytes, token: str) -> str:
        """The id of the event."""

    def status(self, event: str) -> Status:
        """What became of it."""


class DataZoneBackend:
    """A `headwater.ingest.publishing.backends.Backend`: only the ends of runs are sent."""

    def __init__(self, domain: Domain, sleep: Callable[[float], object] = time.sleep) -> None:
        """`sleep` takes seconds."""
        self.place = f"datazone://{domain.identifier}"
        self._domain = domain
        self._sleep = sleep

    def send(self, sendings: Sequence[Sending]) -> dict[str, str]:
        """As `Backend.send`. What DataZone took and has not processed after half a minute counts as taken."""
        refused: dict[str, str] = {}
        posted: dict[str, str] = {}
        for one in sendings:
            try:
                posted.update((event, one.key) for event in self._post(one))
            except (Refused, datazone.TooLarge) as error:
                refused[one.key] = str(error)
        refused.update((posted[event], _NO_REASON) for event in self._failed(list(posted)))
        return refused

    def close(self) -> None:
        """Nothing is held."""

    def _post(self, one: Sending) -> list[str]:
        """The ids that DataZone gave the parts of the run's end."""
        ids = []
        for event in filter(datazone.taken, one.events):
            parts = datazone.reduced(event)
            if parts.left_out:
                log.info("%s is too large for DataZone, without: %s", one.key, ", ".join(parts.left_out))
            ids += [self._called(partial(self._domain.post, body, datazone.token(body))) for body in parts.bodies]
        return ids

    def _failed(self, waiting: list[str]) -> list[str]:
        """Those of the events that DataZone could not process."""
        failed: list[str] = []
        looks = Backoff(attempts=_LOOKS, first=_FIRST, longest=_LONGEST, jitter=lambda: 1.0)
        for look in range(_LOOKS):
            statuses = {event: self._called(partial(self._domain.status, event)) for event in waiting}
            failed += [event for event, status in statuses.items() if status == "FAILED"]
            waiting = [event for event, status in statuses.items() if status in {"REQUESTED", "PROCESSING"}]
            if not waiting:
                return failed
            self._sleep(looks.seconds(look))
        log.warning("DataZone still processes %s events; what becomes of them is not waited for", len(waiting))
        return failed

    def _called(self, call: Callable[[], Result]) -> Result:
        """The result of a call. TransientError: DataZone stays busy, and the whole batch waits. Denied, Refused."""
        try:
            return call()
        except Busy as error:
            raise TransientError(str(error)) from None
        except NotAllowed as error:
            raise Denied(str(error)) from None
