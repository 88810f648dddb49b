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

Refuse = Callable[[str, str], None]
"""(place, reason) of something that cannot be read, while the rest is copied."""

Copy = Callable[[Path, "Progress", Refuse], list[Path]]
"""(an empty folder, progress, refuse) -> the files of lines that were written there. WrongUse, Unreachable."""

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


def sql_dumps(place: str) -> list[tuple[str, Copy]]:
    """The SQL files with rows of Marquez in a folder, or that begin as a dump: path, and how it is copied."""
    from headwater.moving_in.marquez import SqlDump

    folder = Path(place)
    if not folder.is_dir():
        return []
    root = folder.resolve()
    found = (path for path in sorted(folder.rglob("*")) if SqlDump.is_named(path) and path.is_file())
    inside = (path for path in found if path.resolve().is_relative_to(root))  # as of `intake.loading.files`
    return [(str(path), SqlDump(path).copy) for path in inside if SqlDump.is_of_marquez(path)]
