"""Reads the body of a request within limits: from the network, unpacked, parsed. What the JSON means is in `bridges`.

Whatever a sender does (a zip bomb, a stall, an endless stream, deeply nested brackets), it can only cost a limited
amount of memory and time, and the answer names the limit. Real plans are far below the limits: the largest recorded
one, of 200 chained steps, has 1 MB, 79,000 values and a depth of 7.
"""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

MIB = 2**20

_UNPACK_STEP = 64 * 2**10  # bytes given to zlib at once; zlib copies what it has not used yet, so this must be small
_GZIP = 16 + zlib.MAX_WBITS
GZIP_MAGIC = b"\x1f\x8b"  #: what a gzip stream begins with


class InvalidBody(Exception):
    """A body is refused: the HTTP status of the answer, one sentence for the sender, and headers of the answer."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class Limits:
    """The limits for a body, in bytes and seconds."""

    wire_bytes: int = 64 * MIB
    unpacked_bytes: int = 256 * MIB
    depth: int = 1_000  #: nested arrays and objects; orjson's own limit is 1,024
    values: int = 16 * MIB  #: JSON values: each takes about 60 bytes once parsed, far more than its text (`[],`)
    events: int = 10_000  #: in one array: agents send one, a file of a busy day some thousand; each becomes a run
    gzip_members: int = 1_000  #: an empty member has only 20 bytes, but each one needs a new inflater
    reading_bytes: int = 256 * MIB  #: of all bodies together that are being read or that wait
    idle_seconds: float = 20.0  #: between two pieces of a body
    body_seconds: float = 120.0  #: for the whole body: Spline's agent does not wait longer for an answer
    inline_bytes: int = 64 * 2**10  #: about 3 ms of work; larger bodies are parsed outside of the event loop


class Stream(Protocol):
    """The part of `aiohttp.StreamReader` that is used here."""

    def at_eof(self) -> bool:
        """Whether the whole body has been read."""

    def read_nowait(self) -> bytes:
        """The bytes that have arrived; may be empty."""

    async def readany(self) -> bytes:
        """Wait for the next bytes."""


class Reading:
    """Counts the bytes of bodies in memory, over all requests, so that many requests together cannot use it up."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """The bytes of one request; at the end they no longer count."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.held

    def reserve(self, count: int) -> None:
        """Count bytes as held. InvalidBody (503): they would be more than the limit."""
        if self.held + count > self._limit:
            sentence = f"the server holds {self._limit:,} bytes of requests already; nothing was kept, try again later"
            raise InvalidBody(503, sentence, {"Retry-After": "5"})
        self.held += count


@dataclass
class Share:
    """The bytes of bodies that one request holds in memory."""

    reading: Reading
    held: int = field(default=0)

    def reserve(self, count: int) -> None:
        """As `Reading.reserve`. Only bytes that have arrived count, so a client that stalls blocks nobody else."""
        self.reading.reserve(count)
        self.held += count


async def read(stream: Stream, declared: int | None, limits: Limits, share: Share) -> bytes:
    """The body as it came over the wire. InvalidBody: too large (413), too slow (408), no room (503).

    `declared` is the Content-Length, if there is one.
    """
    if declared is not None and declared > limits.wire_bytes:
        raise _too_large(limits.wire_bytes, "on the wire")
    end = asyncio.get_running_loop().time() + limits.body_seconds
    pieces: list[bytes] = []
    size = 0
    while not stream.at_eof():
        piece = stream.read_nowait() or await _next_piece(stream, end, limits)
        size += len(piece)
        if size > limits.wire_bytes:
            raise _too_large(limits.wire_bytes, "on the wire")
        share.reserve(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


async def _next_piece(stream: Stream, end: float, limits: Limits) -> bytes:
    left = end - asyncio.get_running_loop().time()
    try:
        return await asyncio.wait_for(stream.readany(), min(left, limits.idle_seconds))
    except asyncio.TimeoutError:
        reason = f"nothing came for {limits.idle_seconds:g} s" if left > limits.idle_seconds else "it came too slowly"
        raise InvalidBody(408, f"the body did not arrive: {reason}", {"Connection": "close"}) from None


def gunzip(packed: bytes, limit: int, members: int) -> bytes:
    """All members of a gzip stream. InvalidBody: more than `limit` bytes (413), or not a whole gzip stream (400)."""
    unpacked = io.BytesIO()
    source = memoryview(packed)
    position = 0
    for _ in range(members):
        position = _gunzip_member(source, position, unpacked, limit)
        if position == len(source):
            return unpacked.getvalue()
    raise InvalidBody(400, f"more than {members:,} gzip members")


def _gunzip_member(source: memoryview, position: int, unpacked: io.BytesIO, limit: int) -> int:
    """Append one gzip member to `unpacked`; the position at which the next one begins."""
    inflater = zlib.decompressobj(_GZIP)
    piece: bytes | memoryview = b""
    while not inflater.eof:
        if not piece:
            if position == len(source):
                raise InvalidBody(400, "the gzip stream ends too early")
            piece = source[position : position + _UNPACK_STEP]
            position += len(piece)
        try:
            unpacked.write(inflater.decompress(piece, limit + 1 - unpacked.tell()))
        except zlib.error:
            raise InvalidBody(400, "Content-Encoding says gzip, but the body is no gzip stream or is damaged") from None
        if unpacked.tell() > limit:
            raise _too_large(limit, "unpacked")
        piece = inflater.unconsumed_tail
    return position - len(inflater.unused_data)


def parse(body: bytes, limits: Limits) -> Any:
    """The JSON document. InvalidBody: not UTF-8, not JSON (NaN is none) or too deep (400), too many values (413)."""
    return parse_and_compare(body, limits)[0]


def parse_and_compare(body: bytes, limits: Limits) -> tuple[Any, bool]:
    """As `parse`; and whether an object in the body has one key twice: the first value is not in the document.

    Nobody looked at that value, and it can be a secret. The document is written anew once, for this and for its depth.
    """
    # A body has no more values than bytes; counting them takes as long as parsing.
    if len(body) > limits.values and body.count(b",") + body.count(b"[") + body.count(b"{") > limits.values:
        raise InvalidBody(413, f"the body has more than {limits.values:,} JSON values")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidBody(400, _not_json(body, error, limits)) from None
    try:
        written = orjson.dumps(document)
    except orjson.JSONEncodeError:  # deeper than orjson writes (`_WRITTEN_DEPTH`)
        if _is_deeper(body, document, limits.depth):
            raise InvalidBody(400, _too_deep(limits.depth)) from None
        written = dump(document)
    else:
        if limits.depth < _WRITTEN_DEPTH and _is_deeper(body, document, limits.depth):
            raise InvalidBody(400, _too_deep(limits.depth))
    return document, _repeats_keys(body, written)


def _not_json(body: bytes, error: orjson.JSONDecodeError, limits: Limits) -> str:
    if "depth limit" in error.msg:
        return _too_deep(limits.depth)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as fault:
        return f"$: expected JSON in UTF-8, got another byte at offset {fault.start}"
    if text[error.pos :].startswith(("NaN", "Infinity")):
        return f"$: expected JSON, got NaN or Infinity at line {error.lineno}, column {error.colno}"
    return f"$: expected JSON, got: {error.msg} at line {error.lineno}, column {error.colno}"


def _too_deep(depth: int) -> str:
    return f"$: expected at most {depth:,} levels of nesting, got more"


def _is_deeper(body: bytes, document: Any, depth: int) -> bool:
    """Whether the document is nested deeper than `depth`. Without recursion, which such a document would break."""
    if body.count(b"[") + body.count(b"{") <= depth:
        return False
    level = [document]
    for _ in range(depth):
        level = [x for node in level for x in (node.values() if isinstance(node, dict) else node) if type(x) in _NESTS]
        if not level:
            return False
    return True


_NESTS = frozenset({dict, list})
_WRITTEN_DEPTH = 254  #: levels that orjson writes; it reads 1,024


def dump(document: Any) -> bytes:
    """The document as compact JSON, whatever its depth."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:  # nested deeper than orjson writes (`_WRITTEN_DEPTH`)
        return b"".join(_dumped(document))


def _dumped(document: Any) -> Iterator[bytes]:
    """Pieces of JSON, made without recursion: bytes on the stack are punctuation, all else are values to come."""
    stack = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, bytes):
            yield node
        elif isinstance(node, dict):
            stack.append(b"}")
            for index, (key, value) in reversed(list(enumerate(node.items()))):
                stack += (value, (b"," if index else b"") + orjson.dumps(key) + b":")
            stack.append(b"{")
        elif isinstance(node, list):
            stack.append(b"]")
            for index, value in reversed(list(enumerate(node))):
                stack += (value, b"," if index else b"")
            stack.append(b"[")
        else:
            yield orjson.dumps(node)


def _repeats_keys(body: bytes, written: bytes) -> bool:
    """Whether an object in the body has one key twice, by the document as it is `written` anew.

    A text has two quotes: without a repetition there are as many as in what is written.
    """
    if written == body:  # as most agents write it
        return False
    return body.count(b'"') - body.count(b'\\"') != written.count(b'"') - written.count(b'\\"')


def _too_large(limit: int, where: str) -> InvalidBody:
    return InvalidBody(413, f"the body has more than {limit:,} bytes {where}")
