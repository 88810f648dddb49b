"""Recorded payloads in files: plans, events, the agent's `_LINEAGE` files and NDJSON, packed or not.

A file says by its content what it is. What is found is handed on as (kind, content type, bytes), ready for the same
intake as a request; nothing is validated here.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from headwater.ingest.intake.intake import EVENTS, PLAN, Kind

_FLAT = "application/vnd.absa.spline.producer.v1.2+json"
_NESTED = "application/json"
_LINES = (".ndjson", ".jsonl")
_ENDINGS = (".json", *_LINES)
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Found:
    """One payload in a file. `line` is its line in an NDJSON file."""

    path: Path
    kind: Kind
    content_type: str
    body: bytes
    line: int | None = None

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)


@dataclass(frozen=True)
class NotAPayload:
    """A file, or a line of one, that is no Spline payload. `asked`: it was named itself, or stands among payloads."""

    path: Path
    reason: str
    asked: bool
    line: int | None = None

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)


Item = Found | NotAPayload


def files(places: Iterable[Path]) -> list[tuple[Path, bool]]:
    """The files named, and those in the folders named, in order of name, each once; and whether it was named itself."""
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
    """In a file that has payloads every other line is a damaged one; a file without any is just another file."""
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
    if isinstance(document, Mapping) and "executionPlan" in document:
        yield from _lineage_file(path, document, asked=asked, line=line)
    elif _is_plan(document):
        yield Found(path, PLAN, _content_type(document), body, line)
    elif _is_event(document):
        yield Found(path, EVENTS, _FLAT, b"[" + body.strip() + b"]", line)
    elif isinstance(document, list) and document and all(map(_is_event, document)):
        yield Found(path, EVENTS, _FLAT, body, line)
    else:
        yield NotAPayload(path, "neither a Spline execution plan nor execution events", asked, line)


def _lineage_file(path: Path, document: Mapping[str, Any], *, asked: bool, line: int | None) -> Iterator[Item]:
    """What the agent's `hdfs` dispatcher writes beside the data: a plan and its event in one."""
    plan, event = document["executionPlan"], document.get("executionEvent")
    if not isinstance(plan, Mapping):
        yield NotAPayload(path, "its executionPlan is no object", asked, line)
        return
    yield Found(path, PLAN, _content_type(plan), orjson.dumps(plan), line)
    if isinstance(event, Mapping):
        named = event if event.get("planId") else {**event, "planId": plan.get("id")}
        yield Found(path, EVENTS, _FLAT, orjson.dumps([named]), line)


def _is_plan(document: object) -> bool:
    return isinstance(document, Mapping) and isinstance(document.get("operations"), Mapping)


def _is_event(document: object) -> bool:
    return isinstance(document, Mapping) and "planId" in document and "timestamp" in document


def _content_type(plan: Mapping[str, Any]) -> str:
    """API 1.0 numbers its operations; later ones name them."""
    write = plan["operations"].get("write") if isinstance(plan.get("operations"), Mapping) else None
    return _NESTED if isinstance(write, Mapping) and isinstance(write.get("id"), int) else _FLAT
