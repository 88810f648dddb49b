"""What `headwater load` takes that is no file of payloads: it is copied into files of lines, and these are loaded.

Here: a dump of a Spline server's database, the API and a dump of Marquez, a Kafka topic. Each is copied as a stream,
in an order that is the same every time, so that loading it again changes nothing. Not here: what can be recognised in a
file by itself, an export of DataHub or OpenMetadata (the bridges' `recognise`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.ingest.progress import Progress

Copy = Callable[[Path, "Progress"], list[Path]]
"""(an empty folder, progress) -> the files of lines that were written there. WrongUse, Unreachable."""

URLS = ("kafka://", "marquez+http://", "marquez+https://")
"""What the places begin with that are no paths."""


def copy_of(place: str) -> Copy | None:
    """How a place is copied; None: it is a file or folder of payloads. WrongUse: it cannot be told what it is."""
    if place.startswith("kafka://"):
        from headwater.moving_in.kafka import Topic

        return Topic.of(place).copy
    if place.startswith(URLS):
        from headwater.moving_in.marquez import Api

        return Api.of(place).copy
    path = Path(place)
    if path.is_dir():
        from headwater.moving_in.spline_dump import Dump

        return Dump(path).copy if Dump.is_one(path) else None
    if path.is_file():
        from headwater.moving_in.marquez import SqlDump

        return SqlDump(path).copy if SqlDump.is_one(path) else None
    return None
