"""Rows are encoded as the driver encodes the same maps, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from gremlin_python.process.traversal import Direction, T
from gremlin_python.statics import long
from gremlin_python.structure.io.graphbinaryV1 import GraphBinaryReader, GraphBinaryWriter
from hypothesis import given
from hypothesis import strategies as st

from headwater.graphstore.remote.graphbinary import Rows, serializer

WRITER = serializer()._graphbinary_writer
NAMES = st.one_of(st.sampled_from([T.id, T.label, Direction.OUT, Direction.IN]), st.text(st.characters(codec="utf-8")))
VALUES = st.one_of(
    st.text(st.characters(codec="utf-8")), st.booleans(), st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1)
)
MAPS = st.dictionaries(NAMES, VALUES.map(lambda value: long(value) if type(value) is int else value), max_size=5)


@given(st.lists(st.dictionaries(NAMES, st.one_of(MAPS, st.text(st.characters(codec="utf-8"))), max_size=4), max_size=4))
def test_rows_are_what_the_driver_writes(rows: list[dict[Any, Any]]) -> None:
    assert WRITER.write_object(Rows(rows)) == GraphBinaryWriter().write_object(rows)


@pytest.mark.parametrize("value", [0, -1, 2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1])
def test_whole_numbers_of_any_size_come_back(value: int) -> None:
    assert GraphBinaryReader().read_object(WRITER.write_object(value)) == value
