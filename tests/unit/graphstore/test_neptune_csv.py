"""The lines of the loader's files: what a CSV reader makes of them, and what Neptune's loader wants beside."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.graphmodel.delta import Edge, Value, Vertex, edge_id
from headwater.graphstore.neptune_csv import edge_line, vertex_line

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def run(**properties: Value) -> Vertex:
    return Vertex("run:1", "run", properties)


def test_a_vertex_has_typed_single_columns() -> None:
    line = vertex_line(run(timestamp=7, status="success", clockAhead=True))
    assert line.table.header == "~id,~label,clockAhead:Bool(single),status:String(single),timestamp:Long(single)\n"
    assert line.text == '"run:1","run",true,"success",7\n'


def test_an_edge_has_its_id_and_its_key() -> None:
    line = edge_line(Edge("used", "run:1", "s3://b/t@1", "k", {"certain": False}))
    assert line.table.header == "~id,~label,~from,~to,certain:Bool,key:String\n"
    assert line.id == edge_id("used", "run:1", "s3://b/t@1", "k")
    assert line.text == f'"{line.id}","used","run:1","s3://b/t@1",false,"k"\n'


def test_elements_that_lack_a_property_are_in_another_table() -> None:
    tables = {vertex_line(vertex).table for vertex in (run(error="x"), run(), run(error="y"))}
    assert {table.properties for table in tables} == {("error",), ()}
    assert len({table.name for table in tables}) == 2


#: a text -> its cell
CELLS = {
    "empty": ("", '""'),
    "a quote": ('say "x"', '"say ""x"""'),
    "a comma and an end of line": ("a,\r\nb", '"a,\r\nb"'),
    "spaces": (" a ", '" a "'),
    "a number": ("7", '"7"'),
    "a semicolon": ("a;b", '"a;b"'),
}


@pytest.mark.parametrize(("text", "cell"), CELLS.values(), ids=CELLS)
def test_texts_are_quoted(text: str, cell: str) -> None:
    assert vertex_line(run(error=text)).text == f'"run:1","run",{cell}\n'


@given(TEXT, TEXT)
def test_any_text_comes_back(id_: str, error: str) -> None:
    line = vertex_line(Vertex(id_, "run", {"error": error}))
    (cells,) = csv.reader([line.text], strict=True)
    assert cells == [id_, "run", error]


def test_what_is_not_in_the_vocabulary_has_no_table() -> None:
    with pytest.raises(KeyError):
        _ = vertex_line(run(colour="red")).table.header
