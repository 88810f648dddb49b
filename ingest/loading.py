"""Recorded payloads in files: plans, events, the agent's `_LINEAGE` files and NDJSON, packed or not.

A file says by its content what it is. What is found is handed on as (kind, content type, bytes), ready for the same
intake as a request; nothing is validated here.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ingest.intake import EVENTS, PLAN, Kind

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
    """A file, or a line of one, that is no Spline payload. `asked` is whether it was named itself."""

    path: Path
    reason: str
    asked: bool
    line: int | None = None

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)


def files(places: Iterable[Path]) -> list[tuple[Path, bool]]:
    """The files named, and those in the folders named, in order of name; with whether a file was named itself."""
    out: list[tuple[Path, bool]] = []
    for place in places:
        if place.is_dir():
            out += [(path, False) for path in sorted(place.rglob("*")) if path.is_file() and _could_be(path)]
        else:
            out.append((place, True))
    return out


def _could_be(path: Path) -> bool:
    name = path.name.removesuffix(".gz")
    return name == "_LINEAGE" or name.endswith(_ENDINGS)


def read(path: Path, *, asked: bool) -> Iterator[Found | NotAPayload]:
    """The payloads of a file. OSError: it cannot be read."""
    data = path.read_bytes()
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError) as error:
            yield NotAPayload(path, f"damaged gzip: {error}", asked=True)
            return
    if path.name.removesuffix(".gz").endswith(_LINES):
        for number, line in enumerate(data.splitlines(), start=1):
            if line.strip():
                yield from _recognised(path, line, asked=asked, line=number)
    else:
        yield from _recognised(path, data, asked=asked, line=None)


def _recognised(path: Path, body: bytes, *, asked: bool, line: int | None) -> Iterator[Found | NotAPayload]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        yield NotAPayload(path, f"not JSON: {error.msg} at line {error.lineno}", asked, line)
        return
    if isinstance(document, Mapping) and "executionPlan" in document:
        yield from _lineage_file(path, document, line)
    elif _is_plan(document):
        yield Found(path, PLAN, _content_type(document), body, line)
    elif _is_event(document):
        yield Found(path, EVENTS, _FLAT, b"[" + body.strip() + b"]", line)
    elif isinstance(document, list) and document and all(map(_is_event, document)):
        yield Found(path, EVENTS, _FLAT, body, line)
    else:
        yield NotAPayload(path, "neither a Spline execution plan nor execution events", asked, line)


def _lineage_file(path: Path, document: Mapping[str, Any], line: int | None) -> Iterator[Found]:
    """What the agent's `hdfs` dispatcher writes beside the data: a plan and its event in one."""
    plan, event = document["executionPlan"], document.get("executionEvent")
    if isinstance(plan, Mapping):
        yield Found(path, PLAN, _content_type(plan), orjson.dumps(plan), line)
    if isinstance(event, Mapping):
        named = {**event, "planId": event["planId"]} if event.get("planId") else {**event, "planId": plan.get("id")}
        yield Found(path, EVENTS, _FLAT, orjson.dumps([named]), line)


def _is_plan(document: object) -> bool:
    return isinstance(document, Mapping) and isinstance(document.get("operations"), Mapping)


def _is_event(document: object) -> bool:
    return isinstance(document, Mapping) and "planId" in document and "timestamp" in document


def _content_type(plan: Mapping[str, Any]) -> str:
    """API 1.0 numbers its operations; later ones name them."""
    write = plan["operations"].get("write") if isinstance(plan.get("operations"), Mapping) else None
    return _NESTED if isinstance(write, Mapping) and isinstance(write.get("id"), int) else _FLAT
