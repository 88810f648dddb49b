"""GraphBinary 1: requests read, responses written, by gremlinpython's reader and writer where they know the type. Pure.

https://tinkerpop.apache.org/docs/3.7.3/dev/io/#graphbinary
"""

from __future__ import annotations

import io
import math
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from gremlin_python.structure.graph import Edge, Vertex
from gremlin_python.structure.io import graphbinaryV1 as library  # noqa: N813 - two modules are read as one
from gremlin_python.structure.io.graphbinaryV1 import DataType, GraphBinaryReader, GraphBinaryWriter

from headwater.graphstore.embedded.sets import Set
from headwater.graphstore.errors import InvalidRequest
from headwater.ingest.gremlin.messages import NO_ID, Reads, Request, RequestFailed, Status, Writes
from headwater.ingest.gremlin.names import ENUMS, predicate, strategy
from headwater.ingest.gremlin.printed import printed

MIME = "application/vnd.graphbinary-v1.0"

_VERSION = 0x81
_DEPTH = 100  #: of values in values: some 30 traversals inside each other, as many as the store takes


@dataclass(frozen=True)
class GraphBinary:
    """See `messages.Codec`. `texts`: results are printed."""

    texts: bool = False

    @property
    def mime(self) -> str:
        """Its name on the wire."""
        return f"{MIME}-stringd" if self.texts else MIME

    def id_of(self, body: bytes) -> uuid.UUID:
        """The id of a request."""
        return uuid.UUID(bytes=body[1:17]) if len(body) > 16 and body[0] == _VERSION else NO_ID  # noqa: PLR2004 - above

    def request(self, body: bytes) -> Request:
        """The request. RequestFailed with MALFORMED."""
        try:
            return _request(_Exact(body), _Reader())
        except InvalidRequest:
            raise
        except Exception as error:  # the library's readers raise whatever their parsing runs into
            why = str(error)[:200] or type(error).__name__
            raise RequestFailed(Status.MALFORMED, f"the request is no GraphBinary that is read here: {why}") from error

    def response(self, request: uuid.UUID, status: Status, message: str | None, data: list[Any] | None) -> bytes:
        """One frame of an answer."""
        frame = bytearray((_VERSION, 0)) + request.bytes + struct.pack(">i", status)
        if message is None:
            frame.append(1)
        else:
            library.StringIO.dictify(message, _WRITER, frame, as_value=True)
        for _attributes_and_meta in range(2):
            frame += struct.pack(">i", 0)
        _WRITER.to_dict(data and [printed(item) for item in data] if self.texts else data, frame)
        return bytes(frame)


class _Exact(io.BytesIO):
    """A body that has what is read of it, or says so: the library would go on with less."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            raise EOFError("a length is negative")
        found = super().read(size)
        if len(found) < size:
            raise EOFError("it ends too early")
        return found


def _request(body: _Exact, reader: _Reader) -> Request:
    if body.read(1)[0] != _VERSION:
        raise ValueError("its version is not 1")
    identity = uuid.UUID(bytes=body.read(16))
    op, processor = (reader.to_object(body, DataType.string, nullable=False) for _ in range(2))
    args = reader.to_object(body, DataType.map, nullable=False)
    return Request(identity, op, processor, {str(key): value for key, value in args.items()})


# Reading --------------------------------------------------------------------------------------------------------------


class _Reader(GraphBinaryReader):  # type: ignore[misc]  # gremlinpython ships no types
    """The library's, for one request: with our table of types, and a bound of depth."""

    def __init__(self) -> None:
        self._depth = 0

    def to_object(self, buff: _Exact, data_type: DataType | None = None, nullable: bool = True) -> Any:  # noqa: FBT001, FBT002 - the library's signature
        code = buff.read(1)[0] if data_type is None else data_type.value
        if data_type is None and code == DataType.null.value:
            return buff.read(1) and None
        if code not in _READS:
            raise ValueError(f"values of type {code:#04x} are not taken")
        self._depth += 1
        if self._depth > _DEPTH:
            raise ValueError(f"its values are nested more than {_DEPTH} deep")
        try:
            return _READS[code].objectify(buff, self, nullable)
        finally:
            self._depth -= 1


def _nullable(read: Any, buff: _Exact, reader: _Reader, nullable: bool) -> Any:  # noqa: FBT001 - the library's signature
    return None if nullable and buff.read(1)[0] == 1 else read(buff, reader)


def _predicate(buff: _Exact, reader: _Reader) -> Any:
    name = reader.to_object(buff, DataType.string, nullable=False)
    (count,) = struct.unpack(">i", buff.read(4))
    return predicate(name, [reader.to_object(buff) for _ in range(count)])


def _member(members: Mapping[str, Enum], buff: _Exact, reader: _Reader) -> Enum:
    return members[reader.to_object(buff)]


def _strategy(buff: _Exact, reader: _Reader) -> Any:
    name = reader.to_object(buff, DataType.string, nullable=False)
    return strategy(name, reader.to_object(buff, DataType.map, nullable=False))


def _reads(read: Any) -> Reads:
    return Reads(partial(_nullable, read))


_OURS: Mapping[int, Reads] = {
    DataType.p.value: _reads(_predicate),
    DataType.textp.value: _reads(_predicate),
    DataType.traversalstrategy.value: _reads(_strategy),
    **{DataType[kind.lower()].value: _reads(partial(_member, members)) for kind, members in ENUMS.items()},
}
#: What the library reads in requests. Absent: what stands in answers alone, and BulkSet, which says how often.
_THEIRS = (
    library.IntIO,
    library.LongIO,
    library.ShortIO,
    library.ByteIO,
    library.BigIntIO,
    library.FloatIO,
    library.DoubleIO,
    library.BooleanIO,
    library.StringIO,
    library.DateIO,
    library.TimestampIO,
    library.UuidIO,
    library.ListIO,
    library.SetDeserializer,
    library.MapIO,
    library.VertexIO,
    library.EdgeIO,
    library.BindingIO,
    library.BytecodeIO,
)
_READS: Mapping[int, Any] = {**{kind.graphbinary_type.value: kind for kind in _THEIRS}, **_OURS}


# Writing --------------------------------------------------------------------------------------------------------------


_KINDS = ((31, library.IntIO), (63, library.LongIO), (math.inf, library.BigIntIO))


def _int(value: int, writer: _Writer, frame: bytearray) -> bytearray:
    """The smallest type that holds it; the library writes every int as 32 bits, and fails."""
    kind = next(kind for bits, kind in _KINDS if -(2**bits) <= value < 2**bits)
    written: bytearray = kind.dictify(value, writer, frame)
    return written


def _with_properties(theirs: Any, element: Vertex | Edge, writer: _Writer, frame: bytearray) -> bytearray:
    """The library ends an element with a null for its properties."""
    theirs.dictify(element, writer, frame)
    if element.properties:
        del frame[-len(library.NULL_BYTES) :]
        writer.to_dict(element.properties, frame)
    return frame


class _Writer(GraphBinaryWriter):  # type: ignore[misc]  # gremlinpython ships no types
    """The library's, strict: it writes nothing at all for a type that it does not know."""

    def to_dict(self, obj: Any, to_extend: bytearray) -> None:
        before = len(to_extend)
        super().to_dict(list(obj) if isinstance(obj, tuple) else obj, to_extend)  # a tuple: a list that is a key
        if len(to_extend) == before:
            raise TypeError(f"values of type {type(obj).__name__} cannot be written")


_WRITER = _Writer(
    {
        int: Writes(_int),
        Set: Writes(library.SetDeserializer.dictify),
        Vertex: Writes(partial(_with_properties, library.VertexIO)),
        Edge: Writes(partial(_with_properties, library.EdgeIO)),
    }
)
