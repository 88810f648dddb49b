"""The last answers of each watch and its undelivered reports: one JSON file a watch, in the data folder or in S3.

It is written before a delivery and again after it. So a crash in between never loses a report; it can deliver it twice,
with the same id, by which receivers can recognise it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from headwater.errors import HeadwaterError
from headwater.ingest.places.file_storage import FileStorage
from headwater.watching.news import News

FOLDER = "watches"  #: in a data folder
_FORMAT = 1
#: Undelivered reports of one watch that are kept; the oldest are dropped and counted. A channel that never works again
#: must not fill the disk, and with hourly evaluations this is a week.
_MOST_PENDING = 200


class StateUnreadable(HeadwaterError):
    """A state cannot be read. Nothing is reported: without the last answer, all of the new one would seem new."""


@dataclass(frozen=True)
class Pending:
    """A report for one channel that was not delivered yet: news by the node that was asked about. ms since 1970."""

    id: str
    channel: str  #: the channel's name
    news: Mapping[str, News]
    at: int
    attempts: int = 0
    error: str | None = None

    def failed(self, error: str) -> Pending:
        """The same after one more attempt."""
        return replace(self, attempts=self.attempts + 1, error=error)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**vars(self), "news": {node: news.to_dict() for node, news in self.news.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Pending:
        """The inverse of `to_dict`."""
        return cls(**{**data, "news": {node: News.from_dict(news) for node, news in data["news"].items()}})


@dataclass(frozen=True)
class State:
    """Of one watch. `definition` is the digest of what was asked; `items` the last answers, by node, then by key."""

    definition: str
    evaluated: int
    items: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pending: tuple[Pending, ...] = ()
    given_up: int = 0  #: reports that were dropped undelivered
    erased: int = 0  #: the last ledger entry that said, at that time, that a payload was erased

    def bounded(self) -> State:
        """With the newest undelivered reports alone, at most as many as are kept."""
        over = max(0, len(self.pending) - _MOST_PENDING)
        return replace(self, pending=self.pending[over:], given_up=self.given_up + over)


class States:
    """The states of all watches, in a folder or below an S3 prefix."""

    def __init__(self, place: FileStorage) -> None:
        self._place = place
        self._names: set[str] | None = None

    def load(self, watch: str) -> State | None:
        """The state of a watch, None if there is none yet. StateUnreadable."""
        if self._names is None:
            self._names = set(self._place.names())
        if _file(watch) not in self._names:
            return None
        try:
            with self._place.open(_file(watch)) as file:
                return _state(json.loads(file.read()))
        except (ValueError, KeyError, TypeError) as error:
            raise StateUnreadable(f"the state of the watch {watch} in {self._place} cannot be read: {error}") from None

    def save(self, watch: str, state: State) -> None:
        """Keep the state of a watch, whole or not at all."""
        document = {
            "format": _FORMAT,
            **vars(state),
            "pending": [pending.to_dict() for pending in state.pending],
        }
        with self._place.scratch() as folder:
            path = folder / _file(watch)
            path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
            self._place.put(_file(watch), path)
        if self._names is not None:
            self._names.add(_file(watch))


def forget(folder: Path) -> int:
    """Remove the states that lie in a data folder; how many. The next evaluation of each watch begins anew."""
    found = [path for path in (folder / FOLDER).glob("*.json") if path.is_file()]
    for path in found:
        path.unlink()
    return len(found)


def _file(watch: str) -> str:
    return f"{watch}.json"


def _state(document: Mapping[str, Any]) -> State:
    if document["format"] != _FORMAT:
        raise ValueError(f"format {document['format']} is not known here")
    pending = tuple(map(Pending.from_dict, document["pending"]))
    fields = ("definition", "evaluated", "items", "given_up")
    erased = int(document.get("erased", 0))  # states of earlier versions have none
    return State(**{name: document[name] for name in fields}, pending=pending, erased=erased)
