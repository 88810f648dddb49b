"""The OpenLineage events that a Marquez has: out of its API, or out of a dump of its database, as it received them.

``marquez+http://HOST:5000`` asks ``/api/v1/events/lineage`` page by page, from the first event on. A dump is that of
`pg_dump` in plain SQL, of which the table `lineage_events` is read. Format of the API:
https://marquezproject.ai/openapi.html; of COPY: https://www.postgresql.org/docs/current/sql-copy.html.
"""

from __future__ import annotations

import gzip
import re
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import urlencode, urlsplit

import orjson

from headwater.errors import Unreachable, WrongUse

if TYPE_CHECKING:
    from headwater.ingest.progress import Progress
    from headwater.moving_in import Refuse

_PATH = "/api/v1/events/lineage"
_PAGE = 100
_SECONDS = 60.0
_LARGEST = 512 * 2**20  #: bytes of a page
_TABLE = "lineage_events"
_COLUMN = "event"
_COPY = re.compile(r'COPY (?:\w+\.)?"?lineage_events"? \(([^)]*)\) FROM stdin;')
_HEAD = 64 * 1024  #: bytes of a file that are looked at to know what it is
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Api:
    """A running Marquez."""

    url: str  #: without a path

    @classmethod
    def of(cls, place: str) -> Api:
        """Of ``marquez+http://HOST:PORT``. WrongUse."""
        parts = urlsplit(place.removeprefix("marquez+"))
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise WrongUse(f"expected marquez+http://HOST:PORT, not {place}")
        path = parts.path.rstrip("/").removesuffix(_PATH)
        return cls(f"{parts.scheme}://{parts.netloc}{path}")

    def copy(self, into: Path, progress: Progress, _refuse: Refuse | None = None) -> list[Path]:
        """All events up to now, in the order of their time, one a line. Unreachable, WrongUse."""
        until = datetime.now(tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        file = into / "marquez.ndjson"
        done = 0
        with file.open("wb") as out:
            while True:
                page = self._page(until, done)
                events = page["events"]
                out.writelines(orjson.dumps(event, option=orjson.OPT_SORT_KEYS) + b"\n" for event in events)
                done += len(events)
                total = page.get("totalCount")
                progress(done, max(total if isinstance(total, int) else done, done))
                if len(events) < _PAGE:
                    return [file]

    def _page(self, before: str, offset: int) -> dict[str, Any]:
        asked = urlencode({"limit": _PAGE, "offset": offset, "before": before, "sortDirection": "asc"})
        url = f"{self.url}{_PATH}"
        try:
            with urllib.request.urlopen(f"{url}?{asked}", timeout=_SECONDS) as answer:  # noqa: S310 - http(s) alone
                page = orjson.loads(answer.read(_LARGEST))
        except urllib.error.HTTPError as error:
            raise WrongUse(f"{url} answers {error.code}: is it a Marquez, from 0.26 on?") from None
        except OSError as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise Unreachable(f"{url} cannot be reached: {reason}") from None
        except orjson.JSONDecodeError as error:
            raise WrongUse(f"{url} answers what is no JSON: {error.msg}") from None
        if not isinstance(page, dict) or not isinstance(page.get("events"), list):
            raise WrongUse(f"{url} answers without the field events: is it a Marquez?")
        return page


class SqlDump:
    """A file of `pg_dump`, in plain SQL, packed or not."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @staticmethod
    def is_named(file: Path) -> bool:
        """Whether its name says that it is SQL."""
        return file.name.removesuffix(".gz").endswith(".sql")

    @classmethod
    def is_one(cls, file: Path) -> bool:
        """Whether it is SQL by its name, or begins as a dump of PostgreSQL does, in plain SQL or in its own format."""
        return cls.is_named(file) or _begins_as_dump(_head(file))

    @staticmethod
    def is_of_marquez(file: Path) -> bool:
        """Whether a file of SQL has the table, or must be read to know: one that cannot be read, or is packed wrongly.

        Of the others, such as somebody's queries, nothing is said.
        """
        try:
            with _opened(file) as lines:
                return any(_COPY.match(line.decode("utf-8", "replace")) for line in lines if line.startswith(b"COPY "))
        except (OSError, EOFError, zlib.error):
            return True

    def copy(self, into: Path, progress: Progress, refuse: Refuse) -> list[Path]:
        """The events in the order of the dump, one a line; what is cut off or is no row is refused with its line.

        WrongUse: there is no such table. OSError.
        """
        size = self._file.stat().st_size
        file = into / "marquez.ndjson"
        found = False
        last = 0  # the last line that was read whole
        try:
            with _opened(self._file) as dump, file.open("wb") as out:
                lines = enumerate(dump, start=1)
                for number, line in lines:
                    columns = self._columns(line)
                    if columns is not None:
                        found = True
                        for last, event in self._rows(lines, columns, number, refuse):  # noqa: B007 - for the message
                            out.write(event + b"\n")
                    else:
                        last = number
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            if not found:
                raise WrongUse(f"{self._file}: damaged gzip: {error}") from None
            refuse(f"{self._file}:{last}", f"{_CUT} after this line, which is damaged gzip: {error}")
        progress(size, size)
        if not found:
            raise WrongUse(
                f"{self._file} has no rows of the table {_TABLE}: expected is the SQL of "
                f"`pg_dump --format=plain --table={_TABLE} marquez`"
            )
        return [file]

    def _rows(
        self, lines: Iterator[tuple[int, bytes]], columns: Sequence[str], begin: int, refuse: Refuse
    ) -> Iterator[tuple[int, bytes]]:
        """The events of a COPY, up to its end, each with its line. `begin` is the line of the COPY."""
        place = columns.index(_COLUMN)
        number = begin
        for number, line in lines:
            row = line.rstrip(b"\r\n")
            if row == rb"\.":
                return
            if not line.endswith(b"\n"):
                refuse(f"{self._file}:{number}", f"{_CUT} of this row")
                return
            fields = row.split(b"\t")
            if len(fields) != len(columns):
                reason = f"no row of the table {_TABLE}: {len(fields)} fields, {len(columns)} are expected"
                refuse(f"{self._file}:{number}", reason)
            elif fields[place] != rb"\N":
                event = _ESCAPES.sub(_unescaped, fields[place])
                try:
                    orjson.loads(event)
                except orjson.JSONDecodeError as error:
                    refuse(f"{self._file}:{number}", f"{_COLUMN} is not JSON: {error.msg}")
                else:
                    yield number, _one_line(event)
        refuse(f"{self._file}:{number}", f"{_CUT} of the table {_TABLE}: its last line, \\., is missing")

    def _columns(self, line: bytes) -> list[str] | None:
        """The columns of the rows that follow a line; None: those of the table do not follow. WrongUse."""
        if line.startswith(b"PGDMP"):
            raise WrongUse(f"{self._file} is in pg_dump's own format: dump with --format=plain")
        match = _COPY.match(line.decode("utf-8", "replace")) if line.startswith(b"COPY ") else None
        if match is None:
            return None
        columns = [name.strip().strip('"') for name in match[1].split(",")]
        if _COLUMN not in columns:
            raise WrongUse(f"{self._file}: the table {_TABLE} has no column {_COLUMN}")
        return columns


_CUT = "the dump ends in the middle"


def _one_line(event: bytes) -> bytes:
    """The JSON of an event without line ends: a column of the type json keeps those that were sent."""
    return event.replace(b"\n", b" ").replace(b"\r", b" ")


def _begins_as_dump(head: bytes) -> bool:
    return head.startswith(b"PGDMP") or b"PostgreSQL database dump" in head


def _head(file: Path) -> bytes:
    """How a file begins; nothing of one that cannot be read: whatever it is, somebody else says so."""
    try:
        with _opened(file) as opened:
            return opened.read(_HEAD)
    except (OSError, EOFError, zlib.error):
        return b""


#: What COPY writes for a character that it could not write: https://www.postgresql.org/docs/current/sql-copy.html.
_ESCAPES = re.compile(rb"\\(.)", re.DOTALL)
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def _unescaped(match: re.Match[bytes]) -> bytes:
    return _LETTERS.get(match[1], match[1])


def _opened(file: Path) -> IO[bytes]:
    with file.open("rb") as raw:
        packed = raw.read(len(_GZIP)) == _GZIP
    return cast("IO[bytes]", gzip.open(file)) if packed else file.open("rb")
