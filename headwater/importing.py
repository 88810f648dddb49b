"""What an import from a service remembers, and how its events come in: one file for each service, in the data folder.

Forgetting it costs time alone: the same things make the same events, which the ledger has already.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from headwater.errors import WrongUse
from headwater.graphmodel.delta import digest
from headwater.source import Source
from headwater.temporary import TemporaryFolder

FOLDER = "imports"
"""The folder in a data folder that has one file for each import."""

_REMEMBERED = 5_000  #: ids of the newest things that were imported


@dataclass
class State:
    """What was imported from one service. Times in ms since 1970.

    `done`: the ids of the newest things, each with its time. `open`: those that were not ready. `until`: the newest
    time.
    """

    place: Path
    done: dict[str, int] = field(default_factory=dict)
    open: dict[str, None] = field(default_factory=dict)
    until: int = 0

    @classmethod
    def of(cls, folder: Path, service: str, *, again: bool = False) -> State:
        """What is remembered of the service with this name. WrongUse: the file is damaged."""
        place = folder / FOLDER / f"{digest(service)[:16]}.json"
        if again:
            return cls(place)
        try:
            known = json.loads(place.read_text(encoding="utf-8"))
            done = {str(one): int(ended) for one, ended in known["done"].items()}
            return cls(place, done, dict.fromkeys(known["open"]), int(known["until"]))
        except FileNotFoundError:
            return cls(place)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WrongUse(f"{place} cannot be read ({error}): --again begins anew") from None

    def ended(self, identifier: str, at: int) -> None:
        """Remember what was imported; `at` is its time."""
        self.open.pop(identifier, None)
        self.done[identifier] = at
        self.until = max(self.until, at)

    def save(self) -> None:
        """Remember it. A folder that cannot be written (that of a server elsewhere) remembers nothing."""
        self.done = dict(sorted(self.done.items(), key=lambda one: (one[1], one[0]))[-_REMEMBERED:])
        said = {"done": self.done, "open": list(self.open), "until": self.until}
        from headwater.ingest.places.file_storage import make_private

        with suppress(PermissionError):
            make_private(self.place.parent)
            new = self.place.with_suffix(".new")
            new.write_text(json.dumps(said), encoding="utf-8")
            new.replace(self.place)


class Sent(NamedTuple):
    """What became of events: new ones, those that the ledger had, and by position those that were refused."""

    events: int = 0
    known: int = 0
    refused: tuple[tuple[int, str], ...] = ()


def send(source: Source, events: Iterable[Mapping[str, Any]]) -> Sent:
    """OpenLineage events into the ledger, as any other sender's. The errors of `Source.load`."""
    with TemporaryFolder() as folder:
        file = Path(folder) / "events.ndjson"
        with file.open("w", encoding="utf-8") as out:
            lines = [json.dumps(event, ensure_ascii=False) + "\n" for event in events]
            out.writelines(lines)
        if not lines:
            return Sent()
        loaded = source.load([file], lambda _done, _total: None)
    refused = tuple((_line(one["place"]) - 1, one["reason"]) for one in loaded.refused)
    return Sent(loaded.events, loaded.known, refused)


def _line(place: str) -> int:
    """The number of the line in ``FILE:LINE``; a file of one line is named alone."""
    number = place.rpartition(":")[2]
    return int(number) if number.isdigit() else 1
