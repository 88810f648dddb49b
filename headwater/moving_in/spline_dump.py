"""The database of a Spline server, as `arangodump` writes it into a folder: its plans and events, as they were posted.

A collection is one or more files ``NAME_HASH.data.json``, packed or not, one document a line, by itself or in an
envelope (``{"type": 2300, "data": ...}``). The documents of a plan lie far apart: they are brought together in a
temporary SQLite file, so that a dump of any size needs little memory.
Format: https://docs.arangodb.com/stable/components/tools/arangodump/.
"""

from __future__ import annotations

import gzip
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import orjson

from headwater.errors import WrongUse
from headwater.spline_bridge.server_dump import (
    EVENTS,
    PARTS,
    PLANS,
    event_document,
    missing_parts,
    plan_document,
    plan_of,
)

if TYPE_CHECKING:
    from headwater.ingest.progress import Progress
    from headwater.moving_in import Refuse

_DATA = re.compile(r"(\w+?)(?:_[0-9a-f]{32})?(?:\.[0-9]+)?\.data\.json(\.gz)?")
_INSERTED, _REMOVED = 2300, 2302  #: of an envelope
_ROWS = 5_000  #: written at once
_NEEDED = (PLANS, EVENTS, "operation", "attribute")  #: without these no plan can be put together


class Dump:
    """A folder that `arangodump` wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def is_one(folder: Path) -> bool:
        """Whether it has the collections of plans or of events."""
        return any(name in (PLANS, EVENTS) for name in _files(folder))

    def copy(self, into: Path, progress: Progress, refuse: Refuse) -> list[Path]:
        """One line for each plan, then one for each event, in the order of time.

        A line that cannot be read is refused, and so is the plan of which it says that it is a part, or which names
        what is not there: half a plan would be other lineage. WrongUse: what is wrong with the whole dump.
        """
        files = _files(self._folder)
        for name in _NEEDED:
            if name not in files:
                raise WrongUse(
                    f"{self._folder} has no data of the collection {name}: dump the whole database of the Spline server"
                )
        if self._folder.joinpath("ENCRYPTION").exists() and (
            self._folder.joinpath("ENCRYPTION").read_text(encoding="utf-8").strip() != "none"
        ):
            raise WrongUse(f"{self._folder} is encrypted: dump it again without --encryption.keyfile")
        total = sum(path.stat().st_size for paths in files.values() for path in paths)
        with closing(sqlite3.connect(into / "parts.sqlite", isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("CREATE TABLE parts (plan TEXT NOT NULL, collection TEXT NOT NULL, document BLOB NOT NULL)")
            done = 0
            damaged: dict[str, str] = {}  # the damaged line of each plan that has one
            lines = list[str]()

            def of_plan(place: str, line: bytes, reason: str) -> None:
                plans = [found.decode() for found in _PLAN_ID.findall(line)]
                refuse(place, reason if plans else f"{reason}; it does not say which plan it is a part of")
                damaged.update(dict.fromkeys(plans, place))
                lines.append(place)

            for name in (*PARTS, PLANS):
                for path in files.get(name, ()):
                    self._keep(db, name, path, of_plan)
                    done += path.stat().st_size
                    progress(done, 2 * total)
            db.execute("CREATE INDEX parts_of ON parts (plan)")
            plans = into / "plans.ndjson"
            with plans.open("wb") as out:
                for number, plan in enumerate(self._plans(db, damaged, refuse, whole=not lines), start=1):
                    out.write(orjson.dumps(plan, option=orjson.OPT_SORT_KEYS) + b"\n")
                    if number % 100 == 0:
                        progress(min(total + number * 10_000, 2 * total), 2 * total)
            events = into / "events.ndjson"
            self._events(db, files[EVENTS], events, lambda place, _line, reason: refuse(place, reason))
        (into / "parts.sqlite").unlink()
        progress(2 * total, 2 * total)
        return [plans, events]

    def _keep(self, db: sqlite3.Connection, collection: str, path: Path, refuse: _RefuseLine) -> None:
        rows: list[tuple[str, str, bytes]] = []
        for document in _documents(path, refuse):
            plan = document.get("_key") if collection == PLANS else plan_of(document)
            if plan:
                rows.append((str(plan), collection, orjson.dumps(document)))
            if len(rows) >= _ROWS:
                _insert(db, rows)
        _insert(db, rows)

    def _plans(
        self, db: sqlite3.Connection, damaged: Mapping[str, str], refuse: Refuse, *, whole: bool
    ) -> Iterator[dict[str, Any]]:
        ids = [plan for (plan,) in db.execute("SELECT plan FROM parts WHERE collection = ? ORDER BY plan", (PLANS,))]
        for plan in ids:
            parts: dict[str, list[Mapping[str, Any]]] = {}
            for collection, document in db.execute("SELECT collection, document FROM parts WHERE plan = ?", (plan,)):
                parts.setdefault(collection, []).append(orjson.loads(document))
            missing = [] if whole else missing_parts(parts)
            if plan in damaged:
                refuse(f"{self._folder}, plan {plan}", f"a part of it is the damaged line {damaged[plan]}")
            elif missing:
                refuse(f"{self._folder}, plan {plan}", f"the dump has no {missing[0]}, which is a part of it")
            else:
                yield plan_document(parts[PLANS][0], parts)

    def _events(self, db: sqlite3.Connection, paths: list[Path], into: Path, refuse: _RefuseLine) -> None:
        db.execute("CREATE TABLE events (timestamp INTEGER, key TEXT, document BLOB)")
        for path in paths:
            for one in _documents(path, refuse):
                time = one.get("timestamp")
                row = (time if isinstance(time, int) else 0, str(one.get("_key")), orjson.dumps(event_document(one)))
                db.execute("INSERT INTO events VALUES (?, ?, ?)", row)
        with into.open("wb") as out:
            for (document,) in db.execute("SELECT document FROM events ORDER BY timestamp, key"):
                out.write(orjson.dumps(orjson.loads(document), option=orjson.OPT_SORT_KEYS) + b"\n")


def _insert(db: sqlite3.Connection, rows: list[tuple[str, str, bytes]]) -> None:
    db.execute("BEGIN")
    db.executemany("INSERT INTO parts VALUES (?, ?, ?)", rows)
    db.execute("COMMIT")
    rows.clear()


def _files(folder: Path) -> dict[str, list[Path]]:
    """The files of each collection, by its name."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        match = _DATA.fullmatch(path.name)
        if match and path.is_file():
            found.setdefault(match[1], []).append(path)
    return found


_RefuseLine = Callable[[str, bytes, str], None]
"""(place, the line, reason)."""

#: The id of a plan in a line that cannot be read as a whole: in the key ``PLAN:LOCAL ID``, or in `_belongsTo`.
_PLAN_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _documents(path: Path, refuse: _RefuseLine) -> Iterator[Mapping[str, Any]]:
    """The documents of a file, without those that it says were removed; lines that are none are refused.

    WrongUse: it is not in lines of JSON, or damaged gzip: nobody knows what the rest of it had.
    """
    with cast("IO[bytes]", gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
        try:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                if number == 1 and line[:1] > b"\x7f":
                    raise WrongUse(f"{path} is not in lines of JSON: a dump in VelocyPack is not read")
                try:
                    document = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    refuse(f"{path}:{number}", line, f"not JSON: {error.msg}")
                    continue
                if not isinstance(document, dict):
                    refuse(f"{path}:{number}", line, "expected a document as a JSON object")
                    continue
                if "data" in document and document.get("type") in (_INSERTED, _REMOVED, str(_INSERTED)):
                    if document["type"] == _REMOVED or not isinstance(document["data"], dict):
                        continue
                    document = document["data"]
                yield document
        except (OSError, EOFError, zlib.error) as error:
            raise WrongUse(f"{path} cannot be read: {error}") from None
