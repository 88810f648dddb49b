"""GraphBinary for gremlinpython's driver: rows at a fraction of its cost, and the whole numbers that it fails on. Pure.

Format: https://tinkerpop.apache.org/docs/3.7.3/dev/io/#graphbinary
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from struct import Struct
from typing import Any

from gremlin_python.driver.serializer import GraphBinarySerializersV1
from gremlin_python.structure.io.graphbinaryV1 import GraphBinaryWriter, IntIO, ListIO, LongIO

_INT = range(-(2**31), 2**31)
_STRING, _LIST, _MAP = b"\x03\x00", b"\x09\x00", b"\x0a\x00"  #: a type, and that it is not null
_BOOLEANS = (b"\x27\x00\x00", b"\x27\x00\x01")
_LENGTH = Struct(">i").pack
_LONG, _DOUBLE = Struct(">2sq").pack, Struct(">2sd").pack
_WRITER = GraphBinaryWriter()


@dataclass(frozen=True)
class Rows:
    """Maps of texts, 64-bit numbers, truth values and such maps, by names or tokens: what a request injects."""

    rows: Sequence[Mapping[Any, Any]]


def serializer() -> GraphBinarySerializersV1:
    """The driver's own, which also takes `Rows` and whole numbers of up to 64 bits."""
    return GraphBinarySerializersV1(writer=GraphBinaryWriter({int: _Whole, Rows: _Rows}))


class _Whole(IntIO):  # type: ignore[misc]  # gremlinpython ships no types
    """Whole numbers beyond 32 bits as longs: the driver fails on them."""

    @classmethod
    def dictify(cls, obj: int, writer: Any, *more: Any, **options: Any) -> Any:
        kind = IntIO if obj in _INT else LongIO
        return kind.dictify(obj, writer, *more, **options)


class _Rows(ListIO):  # type: ignore[misc]  # as above
    """A list of maps, encoded here."""

    @classmethod
    def dictify(cls, obj: Rows, _writer: Any, to_extend: Any, **_: Any) -> Any:
        to_extend += _LIST + _LENGTH(len(obj.rows))
        for row in obj.rows:
            _map(row, to_extend)
        return to_extend


def _map(row: Mapping[Any, Any], out: bytearray) -> None:
    out += _MAP + _LENGTH(len(row))
    for key, value in row.items():
        out += _key(key)
        if type(value) is str:
            text = value.encode()
            out += _STRING + _LENGTH(len(text)) + text
        elif type(value) is bool:
            out += _BOOLEANS[value]
        elif isinstance(value, int):
            out += _LONG(b"\x02\x00", value)
        elif isinstance(value, float):
            out += _DOUBLE(b"\x07\x00", value)
        else:
            _map(value, out)


@lru_cache(1_000)
def _key(key: str | Enum) -> bytes:
    """There are few of them: names of properties, and tokens."""
    return bytes(_WRITER.to_dict(key, bytearray()))
