"""Requests and errors of the Gremlin driver protocol, read and made from the specification of its two formats.

GraphBinary 1.0 and GraphSON 3: https://tinkerpop.apache.org/docs/3.7.3/dev/io/ . Written for the stand-in alone: an
unknown type is an error, so that nothing passes it unseen.
"""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

GRAPHBINARY = "application/vnd.graphbinary-v1.0"


class Token(NamedTuple):
    """A member of an enumeration: T.id, Direction.OUT, Merge.onCreate."""

    kind: str
    name: str


class Code(NamedTuple):
    """Bytecode: steps and sources, each a name with its arguments."""

    steps: tuple[tuple[str, tuple[Any, ...]], ...]
    sources: tuple[tuple[str, tuple[Any, ...]], ...]


class Pairs(NamedTuple):
    """A map, as its pairs."""

    pairs: tuple[tuple[Any, Any], ...]


class Other(NamedTuple):
    """A value of a kind that Neptune takes in no request of ours: a lambda, a binding."""

    kind: str


@dataclass(frozen=True)
class Request:
    """One request; `gremlin` is its bytecode, or its text."""

    id: uuid.UUID
    mime: str
    op: str
    gremlin: Any
    size: int


def request_of(frame: bytes | str) -> Request:
    """A request frame: the mime type's length, the mime type, the message."""
    data = frame.encode() if isinstance(frame, str) else frame
    mime, body = data[1 : 1 + data[0]].decode(), data[1 + data[0] :]
    if mime == GRAPHBINARY:
        return _graphbinary(mime, _Reader(body), len(data))
    return _graphson(mime, json.loads(body), len(data))


def aliased(frame: bytes | str, source: str) -> bytes | str:
    """The same request to another traversal source than ``g``: Neptune has one graph, a Gremlin Server many."""
    if isinstance(frame, str):
        return frame.replace('"aliases": {"g": "g"}', json.dumps({"aliases": {"g": source}})[1:-1])
    return frame.replace(_aliases("g"), _aliases(source))


def _aliases(source: str) -> bytes:
    words = [b"\x03\x00" + struct.pack(">i", len(word)) + word for word in (b"aliases", b"g", source.encode())]
    return words[0] + b"\x0a\x00" + struct.pack(">i", 1) + words[1] + words[2]


def error(asked: Request, status: int, message: str) -> bytes | str:
    """The answer that an error is, in the request's own format."""
    if asked.mime == GRAPHBINARY:
        text = message.encode()
        head = b"\x81\x00" + asked.id.bytes + struct.pack(">i", status) + b"\x00" + struct.pack(">i", len(text)) + text
        return head + struct.pack(">ii", 0, 0) + b"\xfe\x01"
    empty = {"@type": "g:Map", "@value": []}
    answer = {
        "requestId": str(asked.id),
        "status": {"code": status, "message": message, "attributes": empty},
        "result": {"data": None, "meta": empty},
    }
    return json.dumps(answer)


def status_of(frame: bytes | str) -> int:
    """The status of an answer: 206 where more follows."""
    if isinstance(frame, bytes) and frame[:1] == b"\x81":
        return int(struct.unpack_from(">i", frame, 18)[0])
    return int(json.loads(frame)["status"]["code"])


def values(node: Any) -> Iterator[Any]:
    """The node and everything inside it."""
    yield node
    if isinstance(node, Code):
        for _, arguments in (*node.sources, *node.steps):
            for argument in arguments:
                yield from values(argument)
    elif isinstance(node, Pairs):
        for pair in node.pairs:
            yield from values(pair[0])
            yield from values(pair[1])
    elif type(node) in (list, tuple):
        for item in node:
            yield from values(item)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def text(self) -> str:
        return self.take(self.number(">i")).decode()

    def many(self, read: Callable[[], Any]) -> tuple[Any, ...]:
        return tuple(read() for _ in range(self.number(">i")))

    def value(self) -> Any:
        kind = self.number(">B")
        if self.number(">B"):  # the value is null, of whatever type
            return None
        return _TYPES[kind](self)

    def pair(self) -> tuple[Any, Any]:
        return self.value(), self.value()

    def instruction(self) -> tuple[str, tuple[Any, ...]]:
        return self.text(), self.many(self.value)


def _enumeration(kind: str) -> Callable[[_Reader], Any]:
    return lambda reader: Token(kind, reader.value())


def _other(kind: str, read: Callable[[_Reader], Any]) -> Callable[[_Reader], Any]:
    def skip(reader: _Reader) -> Other:
        read(reader)
        return Other(kind)

    return skip


#: How the value of each type is read.
_TYPES: dict[int, Callable[[_Reader], Any]] = {
    0x01: lambda reader: reader.number(">i"),
    0x02: lambda reader: reader.number(">q"),
    0x03: _Reader.text,
    0x04: lambda reader: reader.number(">q"),
    0x07: lambda reader: reader.number(">d"),
    0x08: lambda reader: reader.number(">f"),
    0x09: lambda reader: list(reader.many(reader.value)),
    0x0A: lambda reader: Pairs(reader.many(reader.pair)),
    0x0B: lambda reader: list(reader.many(reader.value)),
    0x0C: lambda reader: uuid.UUID(bytes=reader.take(16)),
    0x13: _enumeration("Barrier"),
    0x14: _other("binding", lambda reader: (reader.text(), reader.value())),
    0x15: lambda reader: Code(reader.many(reader.instruction), reader.many(reader.instruction)),
    0x16: _enumeration("Cardinality"),
    0x17: _enumeration("Column"),
    0x18: _enumeration("Direction"),
    0x19: _enumeration("Operator"),
    0x1A: _enumeration("Order"),
    0x1B: _enumeration("Pick"),
    0x1C: _enumeration("Pop"),
    0x1D: _other("lambda", lambda reader: (reader.text(), reader.text(), reader.number(">i"))),
    0x1E: lambda reader: (Token("P", reader.text()), *reader.many(reader.value)),
    0x1F: _enumeration("Scope"),
    0x20: _enumeration("T"),
    0x26: lambda reader: reader.number(">h"),
    0x27: lambda reader: bool(reader.number(">B")),
    0x28: lambda reader: (Token("TextP", reader.text()), *reader.many(reader.value)),
    0x29: lambda reader: (Token("strategy", reader.text()), Pairs(reader.many(reader.pair))),
    0x2E: _enumeration("Merge"),
}


def _graphbinary(mime: str, reader: _Reader, size: int) -> Request:
    assert reader.take(1) == b"\x81", "version 1 of GraphBinary"
    id_ = uuid.UUID(bytes=reader.take(16))
    op, _processor = reader.text(), reader.text()
    arguments = dict(reader.many(reader.pair))
    return Request(id_, mime, op, arguments.get("gremlin"), size)


def _graphson(mime: str, message: dict[str, Any], size: int) -> Request:
    id_ = message["requestId"]
    arguments = _plain(message["args"])
    found = dict(arguments.pairs) if isinstance(arguments, Pairs) else arguments
    return Request(
        uuid.UUID(id_["@value"] if isinstance(id_, dict) else id_), mime, message["op"], found["gremlin"], size
    )


def _plain(node: Any) -> Any:
    """GraphSON 3 as the values above."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if isinstance(node, dict) and "@type" in node:
        kind, value = str(node["@type"]), node.get("@value")
        read = _GRAPHSON.get(kind)
        return read(value) if read else Token(kind.removeprefix("g:"), str(value))
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    return node


def _code(value: dict[str, Any]) -> Code:
    read = [
        tuple((name, tuple(map(_plain, arguments))) for name, *arguments in value.get(part, ()))
        for part in ("step", "source")
    ]
    return Code(*read)


#: What is not an enumeration, by its type.
_GRAPHSON: dict[str, Callable[[Any], Any]] = {
    "g:Bytecode": _code,
    "g:Map": lambda value: Pairs(tuple((_plain(k), _plain(v)) for k, v in zip(value[::2], value[1::2], strict=True))),
    "g:List": _plain,
    "g:Set": _plain,
    "g:Int32": int,
    "g:Int64": int,
    "g:Double": float,
    "g:Float": float,
    "g:UUID": uuid.UUID,
    "g:P": lambda value: (Token("P", value["predicate"]), _plain(value["value"])),
    "g:TextP": lambda value: (Token("TextP", value["predicate"]), _plain(value["value"])),
    "g:Lambda": lambda _: Other("lambda"),
    "g:Binding": lambda _: Other("binding"),
}
