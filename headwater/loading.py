"""Loads recorded payloads: through a running server, or directly into the ledger of an open data folder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.client import Client
from headwater.errors import NoLedger, WrongUse
from headwater.ingest.progress import Progress

if TYPE_CHECKING:
    from headwater.ingest.folder.service import Service
    from headwater.ingest.intake.loading import File, Found
    from headwater.ingest.ledger.ledger import NewEntry

_GROUP = 100  #: payloads that share an fsync, which takes longer than writing them


@dataclass
class Loaded:
    """The result of loading: how many plans and events are new, and how many the ledger had already (`known`).

    `refused` has for each payload that was not loaded its `place` and the `reason`; `skipped` counts files in folders
    that are not payloads. `received`: it went to a receiver, which does not know what a ledger has already.
    """

    plans: int = 0
    events: int = 0
    known: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)
    skipped: int = 0
    received: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        done = f"{self.plans:,} plans and {self.events:,} events"
        parts = [f"{done} loaded", f"{self.known:,} already known"]
        if self.received:
            parts = [f"{done} sent to a receiver: `headwater ingest` brings them into a ledger"]
        if self.skipped:
            parts.append(f"{self.skipped:,} other files skipped")
        return "; ".join([*parts, f"{len(self.refused):,} refused"])

    def count(self, found: Found, *, known: bool) -> None:
        """Count a payload that was loaded."""
        self.known += known
        if not known:
            self.plans += found.bridge.counted == "plans"
            self.events += found.bridge.counted == "events"

    def refuse(self, place: str, reason: str) -> None:
        """Record a payload that was not loaded."""
        self.refused.append({"place": place, "reason": reason})


def through(client: Client, places: Iterable[Path], progress: Progress) -> Loaded:
    """Send the payloads to a server, or a receiver. Unreachable: it does not answer, or cannot write its ledger."""
    loaded = Loaded()
    try:
        seen = int(client.readiness()["entries"])
    except NoLedger:
        seen, loaded.received = 0, True
    for found in _payloads(places, loaded, progress):
        if found.account is not None:
            loaded.refuse(found.place, _OF_AN_ACCOUNT.format(found.account))
            continue
        try:
            entry = client.post(found.bridge.path, found.body, found.content_type)
        except WrongUse as error:
            if error.status not in _REFUSALS and not _names_a_field(error):
                raise
            loaded.refuse(found.place, error.message)
            continue
        # Entries are numbered in order, so an older number is one that the ledger had.
        loaded.count(found, known=not loaded.received and (entry or 0) <= seen)
        seen = max(seen, entry or 0)
    return loaded


#: Statuses that concern one payload: it is recorded, and the next one is sent. Any other refusal (an unknown token)
#: would be the answer to all of them, and ends the loading.
_REFUSALS = (400, 413, 415)


def _names_a_field(error: WrongUse) -> bool:
    """Whether a 403 is for what the payload says of its account, and not for the token: it begins with a path in it."""
    return error.status == HTTPStatus.FORBIDDEN and error.message.startswith("$.")


_OF_AN_ACCOUNT = (
    "is of the account {}, which a server takes from the sender's token alone: load it with --data into a folder on"
    " which no server runs, or let headwater ingest read it"
)


def into(service: Service, places: Iterable[Path], progress: Progress, account: str | None = None) -> Loaded:
    """Append the payloads to the ledger, in groups; all of them of the `account`, if one is given.

    Raises the errors of `headwater.ingest.ledger`.
    """
    from headwater.ingest.intake.body import InvalidBody
    from headwater.ingest.intake.bridge import Receipt

    loaded = Loaded()
    group: list[tuple[Found, NewEntry]] = []
    receipt = Receipt("load", time.time_ns() // 1_000_000, account=account)
    for found in _payloads(places, loaded, progress):
        try:
            entries = found.accepted(receipt)
        except InvalidBody as error:
            loaded.refuse(found.place, error.sentence)
            continue
        group += [(found, entry) for entry in entries]
        if len(group) >= _GROUP:
            _append(service, group, loaded)
    _append(service, group, loaded)
    return loaded


def _append(service: Service, group: list[tuple[Found, NewEntry]], loaded: Loaded) -> None:
    appended = service.ledger.append([entry for _, entry in group])
    for (found, _), done in zip(group, appended, strict=True):
        loaded.count(found, known=done.duplicate)
    group.clear()


def _payloads(places: Iterable[Path], loaded: Loaded, progress: Progress) -> Iterator[Found]:
    from headwater.ingest.intake.loading import Found, files

    listed = files(places)
    for number, file in enumerate(listed, start=1):
        skipped = False
        for item in _read(file, loaded):
            if isinstance(item, Found) and file.account is not None and item.account not in (None, file.account):
                loaded.refuse(item.place, f"is of the account {item.account}, and lies in a folder of {file.account}")
            elif isinstance(item, Found):
                yield replace(item, account=item.account or file.account)
            elif item.asked:
                loaded.refuse(item.place, item.reason)
            else:
                skipped = True
        loaded.skipped += skipped
        progress(number, len(listed))


def _read(file: File, loaded: Loaded) -> Iterator[Any]:
    from headwater.ingest.intake.loading import read

    if file.refused is not None:
        loaded.refuse(str(file.path), file.refused)
        return
    try:
        yield from read(file.path, asked=file.asked)
    except OSError as error:
        loaded.refuse(str(file.path), f"cannot be read: {error.strerror}")
