"""One query that an engine ran, and the datasets that it names. Data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from headwater.sql_bridge.model import Dialect, Known, Write

State = Literal["COMPLETE", "FAIL", "ABORT"]


@dataclass(frozen=True)
class Ran:
    """One query of a history. Times in ms since 1970.

    `session`: queries of one session share temporary tables. `place` is a part of the job's name: the work group or
    database. `told` are writes that the engine itself tells, with their columns; they count more than what is read.
    """

    id: str
    sql: str
    dialect: Dialect
    started: int
    ended: int
    state: State = "COMPLETE"
    error: str = ""
    user: str = ""
    session: str = ""
    place: str = ""
    told: tuple[Write, ...] = ()


class Pair(NamedTuple):
    """OpenLineage's name of a dataset, or one of its other names."""

    namespace: str
    name: str


class Named(NamedTuple):
    """A dataset: its name, and its other ones, all of them tables of a catalog."""

    pair: Pair
    others: tuple[Pair, ...] = ()


class Engine(Protocol):
    """What an import asks of an engine."""

    name: str  #: ``athena``: as the command is called
    namespace: str  #: OpenLineage's of its tables, and of its jobs

    def named(self, name: str) -> Named:
        """The dataset that a statement calls so (`sql_bridge.model`)."""

    def known(self, name: str) -> Known | None:
        """What its catalog knows of a table."""

    def views(self) -> Sequence[Ran]:
        """Definitions of views that were met since the last call, as if they had run when they were made."""


def path(uri: str) -> Named:
    """Files: ``s3://bucket/key``."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    return Named(Pair(f"{scheme}://{bucket}", key.strip("/") or "/"))
