"""Finds recorded payloads in files: JSON and NDJSON, packed with gzip or not.

Each bridge is asked whether it knows the content (`bridges`), unless it is an envelope, which says it. A payload is
then accepted in the same way as one from a request; nothing is validated here.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

import orjson

from headwater.ingest.intake.accounts import account_of, split_type
from headwater.ingest.intake.body import MIB, InvalidBody, Limits
from headwater.ingest.intake.bridge import Bridge, DecodeError, Receipt
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.intake.envelope import Envelope, is_envelope, parse_envelope
from headwater.ingest.ledger.entries import NewEntry

#: What can be in a file, for the message about one that is something else.
_TITLES = [bridge.title for bridge in BRIDGES.values() if bridge.in_files]
_LINES = (".ndjson", ".jsonl")
_ENDINGS = (".json", *_LINES)
_GZIP = b"\x1f\x8b"
_LIMITS = Limits()


@dataclass(frozen=True)
class Found:
    """One payload in a file. `line` is its line in an NDJSON file; `envelope` what the file says of how it came in.

    `account` is the one that the envelope names, or in whose folder the file lies.
    """

    path: Path
    bridge: Bridge
    content_type: str
    body: bytes
    line: int | None = None
    envelope: Envelope | None = None
    account: str | None = None

    def accepted(self, receipt: Receipt) -> tuple[NewEntry, ...]:
        """Its entries for the ledger: validated, secrets taken out. An envelope's word counts more than `receipt`'s.

        But for the account: whoever may report for one alone cannot name another one. InvalidBody.
        """
        told = self.envelope
        if receipt.account is not None and self.account not in (None, receipt.account):
            raise InvalidBody(403, f"it is of the account {self.account}, and not of {receipt.account}")
        receipt = replace(receipt, account=receipt.account or self.account)
        if told is not None:
            receipt = replace(receipt, sender=told.sender, at_ms=told.received_ms)
        entries = self.bridge.accept(self.content_type, self.body, receipt).entries
        if told is None or not told.redactions:
            return entries
        return tuple(replace(entry, redactions=(*told.redactions, *entry.redactions)) for entry in entries)

    @property
    def place(self) -> str:
        """The path, with the line where there is one, for messages."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)


@dataclass(frozen=True)
class NotAPayload:
    """A file, or a line of one, that is not a payload. One that is not `asked` is only counted as skipped.

    `asked`: the user named the file, or the line is among payloads, or it is damaged: its name, or its content, says
    that it should be a payload.
    """

    path: Path
    reason: str
    asked: bool
    line: int | None = None

    @property
    def place(self) -> str:
        """The path, with the line where there is one, for messages."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)


Item = Found | NotAPayload


@dataclass(frozen=True)
class File:
    """A file to read. `asked`: the user named it (not only its folder); `refused`: why it must not be read, or None.

    `account` is the one in whose folder of an inbox it lies.
    """

    path: Path
    asked: bool
    refused: str | None = None
    account: str | None = None


def files(places: Iterable[Path]) -> list[File]:
    """The files among `places`, and the files in the folders among them, ordered by name; each file once.

    A link in a folder is followed only if it stays in the folder: somebody who may write there could otherwise have
    any file of this machine loaded.
    """
    out: dict[Path, File] = {}
    for place in places:
        if not place.is_dir():
            out[place] = File(place, asked=True)
            continue
        root = place.resolve()
        for path in sorted(place.rglob("*")):
            if could_be(path.name) and path.is_file():
                refused = None if path.resolve().is_relative_to(root) else _LEAVES
                account = None
                try:
                    account = account_of(path.relative_to(place).as_posix())
                except ValueError as error:
                    refused = str(error)
                out.setdefault(path, File(path, asked=False, refused=refused, account=account))
    return list(out.values())


_LEAVES = "is a link that leads out of the folder: name the file itself"


def could_be(file: str) -> bool:
    """Whether a file with this name, found in a folder, may have payloads, so that it is read."""
    name = file.removesuffix(".gz")
    return name == "_LINEAGE" or name.endswith(_ENDINGS)


def local_name(number: int, name: str) -> str:
    """A name for a local copy of a file whose own name cannot be trusted; it has the same kind of ending."""
    return f"{number:08}{_LINES[0] if _has_lines(name) else _ENDINGS[0]}"


def _has_lines(name: str) -> bool:
    return name.removesuffix(".gz").endswith(_LINES)


def read(path: Path, *, asked: bool, limits: Limits = _LIMITS) -> Iterator[Item]:
    """The payloads of a file. OSError: it cannot be read.

    No file costs more memory than one body of a request: NDJSON is read line by line, other files up to the limit.
    """
    if path.exists() and not path.is_file():  # the end of a pipe or of /dev/zero may never come
        yield NotAPayload(path, "is no regular file", asked=True)
        return
    with path.open("rb") as raw:
        yield from read_opened(path, raw, asked=asked, limits=limits)


def read_opened(path: Path, raw: BinaryIO, *, asked: bool, limits: Limits = _LIMITS) -> Iterator[Item]:
    """The payloads of a file that is open and can be rewound; `path` is its name, wherever it lies. OSError."""
    packed = raw.read(len(_GZIP)) == _GZIP
    raw.seek(0)
    file = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw
    try:
        if _has_lines(path.name):
            yield from _lines(path, file, asked=asked, limits=limits)
            return
        body = file.read(limits.unpacked_bytes + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        yield NotAPayload(path, f"damaged gzip: {error}", asked=True)
        return
    if len(body) > limits.unpacked_bytes:
        yield NotAPayload(path, f"has more than {limits.unpacked_bytes:,} bytes{_UNPACKED * packed}", asked=True)
        return
    yield from _recognised(path, body, asked=asked, line=None)


_UNPACKED = ", unpacked"


def _lines(path: Path, file: BinaryIO, *, asked: bool, limits: Limits) -> Iterator[Item]:
    """In a file that has payloads, a line that is none is reported as damaged; a file of other JSON is only skipped.

    Of a file in a folder that has no payload, one damaged line is reported: it may be any text.

    A file that goes on and on without a payload is not read to its end: a small gzip file may hold billions of lines.
    """
    kept = list[NotAPayload]()  # until it is known whether the file has payloads
    any_found = asked
    stopped: NotAPayload | None = None
    number = others = blanks = 0
    while line := file.readline(limits.unpacked_bytes + 1):
        number += 1
        stop = f"has more than {limits.unpacked_bytes:,} bytes" if len(line) > limits.unpacked_bytes else ""
        if not stop and not line.strip():
            blanks += len(line)
            stop = f"{_MOST_BLANKS:,} bytes of blank lines" if blanks > _MOST_BLANKS else ""
        elif not stop:
            for item in _recognised(path, line, asked=asked, line=number):
                if isinstance(item, Found):
                    any_found = True
                    yield from (replace(each, asked=True) for each in kept)
                    kept.clear()
                    yield item
                    continue
                others += 1
                if any_found:
                    yield replace(item, asked=True)
                else:
                    kept.append(item)
            stop = f"{_MOST_OTHERS:,} lines that are no payloads" if others > _MOST_OTHERS else ""
        if stop:
            stopped = NotAPayload(path, f"{stop}: the file is not read any further", asked=True, line=number)
            break
    damaged = [item for item in kept if item.asked]
    yield from damaged[:1] or kept
    if stopped:
        yield stopped


_MOST_BLANKS = 16 * MIB
_MOST_OTHERS = 10_000


def _message(document: object, body: bytes) -> tuple[object, bytes]:
    """A message of Kafka as `kcat -J` prints it is what was sent in it; all else is as it is."""
    if isinstance(document, dict) and "topic" in document and isinstance(document.get("payload"), str):
        sent = document["payload"].encode()
        try:
            return orjson.loads(sent), sent
        except orjson.JSONDecodeError:
            return document, body
    return document, body


def _recognised(path: Path, body: bytes, *, asked: bool, line: int | None) -> Iterator[Item]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # Also in a folder: the name says JSON, so it may be a payload that was cut off.
        reason = f"not JSON: {error.msg} at line {line or error.lineno}" if body.strip() else "not JSON: it is empty"
        yield NotAPayload(path, reason, asked=True, line=line)
        return
    found: list[Item] = []
    document, body = _message(document, body)
    try:
        if is_envelope(document):
            yield _enveloped(path, parse_envelope(document), line)
            return
        for bridge in BRIDGES.values():
            payloads = bridge.recognise(document, body)
            found += (Found(path, bridge, payload.content_type, payload.body, line) for payload in payloads)
    except DecodeError as error:
        found = [NotAPayload(path, str(error), asked=True, line=line)]
    yield from found or [NotAPayload(path, f"neither {' nor '.join(_TITLES)}", asked, line)]


def _enveloped(path: Path, envelope: Envelope, line: int | None) -> Found:
    """DecodeError: there is no such kind of payload, or it does not come in files.

    A statement does not: who may write to an inbox may report what ran, and tag or describe nothing by that.
    """
    bridge = BRIDGES.get(envelope.kind)
    try:
        content_type, account = split_type(envelope.content_type)
    except ValueError as error:
        raise DecodeError(f"contentType: {error}") from None
    if bridge is None or not bridge.in_files or content_type not in bridge.content_types:
        raise DecodeError(f"kind: {envelope.kind[:50]!r} of {envelope.content_type[:80]!r} is not known")
    return Found(path, bridge, content_type, envelope.body, line, envelope, account)
