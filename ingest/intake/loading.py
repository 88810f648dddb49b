"""Recorded payloads in files: JSON and NDJSON, packed or not.

A file's content says what it is: each bridge is asked (`bridges`). What is found is handed on as (bridge, content type,
bytes), ready to be accepted as a request is; nothing is validated here.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from headwater.ingest.intake.bridge import Bridge, DecodeError
from headwater.ingest.intake.bridges import BRIDGES

#: What can be in a file, for the message about one that is something else.
_TITLES = [bridge.title for bridge in BRIDGES.values() if bridge.in_files]
_LINES = (".ndjson", ".jsonl")
_ENDINGS = (".json", *_LINES)
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Found:
    """One payload in a file. `line` is its line in an NDJSON file."""

    path: Path
    bridge: Bridge
    content_type: str
    body: bytes
    line: int | None = None

    @property
    def place(self) -> str:
        """The path, with the line where there is one, for messages."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)


@dataclass(frozen=True)
class NotAPayload:
    """A file, or a line of one, that is no payload. `asked`: it was named itself, or stands among payloads."""

    path: Path
    reason: str
    asked: bool
    line: int | None = None

    @property
    def place(self) -> str:
        """The path, with the line where there is one, for messages."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)


Item = Found | NotAPayload


def files(places: Iterable[Path]) -> list[tuple[Path, bool]]:
    """Pairs (file, whether it was named itself): `places`, and files in folders among them by name; each file once."""
    out: dict[Path, bool] = {}
    for place in places:
        if place.is_dir():
            for path in sorted(place.rglob("*")):
                if path.is_file() and could_be(path.name):
                    out.setdefault(path, False)
        else:
            out[place] = True
    return list(out.items())


def could_be(file: str) -> bool:
    """Whether a file of this name, found in a folder, is looked into."""
    name = file.removesuffix(".gz")
    return name == "_LINEAGE" or name.endswith(_ENDINGS)


def read(path: Path, *, asked: bool) -> Iterator[Item]:
    """The payloads of a file. OSError: it cannot be read."""
    data = path.read_bytes()
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            yield NotAPayload(path, f"damaged gzip: {error}", asked=True)
            return
    if path.name.removesuffix(".gz").endswith(_LINES):
        yield from _lines(path, data, asked=asked)
    else:
        yield from _recognised(path, data, asked=asked, line=None)


def _lines(path: Path, data: bytes, *, asked: bool) -> Iterator[Item]:
    """In a file that has payloads, a line that is none is reported as damaged; a file without any is only skipped."""
    lines = [(number, line) for number, line in enumerate(data.splitlines(), start=1) if line.strip()]
    items = [item for number, line in lines for item in _recognised(path, line, asked=asked, line=number)]
    damaged = asked or any(isinstance(item, Found) for item in items)
    yield from (replace(item, asked=damaged) if isinstance(item, NotAPayload) else item for item in items)


def _recognised(path: Path, body: bytes, *, asked: bool, line: int | None) -> Iterator[Item]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        yield NotAPayload(path, f"not JSON: {error.msg} at line {error.lineno}", asked, line)
        return
    found: list[Item] = []
    try:
        for bridge in BRIDGES.values():
            payloads = bridge.recognise(document, body)
            found += (Found(path, bridge, payload.content_type, payload.body, line) for payload in payloads)
    except DecodeError as error:
        found = [NotAPayload(path, str(error), asked, line)]
    yield from found or [NotAPayload(path, f"neither {' nor '.join(_TITLES)}", asked, line)]
