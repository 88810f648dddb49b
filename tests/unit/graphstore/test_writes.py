"""Deltas are written to the embedded engine by few statements, in their order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import pytest

from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphstore.embedded.writes import script_of_deltas
from headwater.graphstore.errors import InvalidRequest

ADDED = GraphDelta((vertex("a", "job", name="a"), vertex("b", "job")), (edge("follows", "a", "b"),))
LINKED = GraphDelta(edges=(edge("derivesFrom", "a", "b", certain=True),))
REMOVED = GraphDelta(removed_edges=(("follows", "a", ADDED.edges[0].key),), removed_vertices=("b",))
MANY = GraphDelta(tuple(vertex(f"v{i}", "job", name="a") for i in range(60)))


def all_of(ids: list[str]) -> Iterable[str]:
    return ids


def none_of(_ids: list[str]) -> Iterable[str]:
    return ()


def steps(text: str) -> list[list[str]]:
    """The names of the steps of each statement, without those inside of arguments."""
    statements = [re.sub(r"__\.[^;]*?(?=\)\.|\)$)", "", part) for part in text.split(";") if part]
    return [
        [name for name in re.findall(r"\.(\w+)\(", part) if name not in ("select", "within")] for part in statements
    ]


WHOLE_V, WHOLE_E = ["inject", "unfold", "mergeV", "iterate"], ["inject", "unfold", "mergeE", "iterate"]
CHANGED_V, CHANGED_E = ([merge, "option", "option", "iterate"] for merge in ("mergeV", "mergeE"))
DROP_EDGES, DROP_VERTICES = ["V", "outE", "has", "drop", "iterate"], ["V", "drop", "iterate"]


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        ([], []),
        ([GraphDelta()], []),
        ([ADDED], [CHANGED_V, WHOLE_E]),
        ([ADDED, ADDED], [CHANGED_V, WHOLE_E]),
        ([LINKED], [CHANGED_E]),
        ([ADDED, REMOVED], [CHANGED_V, WHOLE_E, DROP_EDGES, DROP_VERTICES]),
        ([REMOVED, ADDED], [DROP_EDGES, DROP_VERTICES, CHANGED_V, WHOLE_E]),
        ([REMOVED, ADDED, REMOVED, ADDED], [DROP_EDGES, DROP_VERTICES, CHANGED_V, WHOLE_E] * 2),
    ],
)
def test_changes_keep_their_order_in_as_few_statements_as_can_be(
    deltas: list[GraphDelta], expected: list[list[str]]
) -> None:
    assert steps(script_of_deltas(deltas, all_of).text) == expected


def test_many_new_vertices_are_made_as_a_whole_and_so_are_their_edges() -> None:
    linked = GraphDelta(edges=(edge("derivesFrom", "v0", "v1", certain=True),))
    assert steps(script_of_deltas([MANY, linked], none_of).text) == [WHOLE_V, WHOLE_E]
    assert steps(script_of_deltas([MANY, linked], all_of).text) == [CHANGED_V, CHANGED_E]
    some = script_of_deltas([MANY, linked], lambda ids: [id_ for id_ in ids if id_ == "v1"])
    assert steps(some.text) == [WHOLE_V, CHANGED_V, WHOLE_E]


def test_one_traversal_merges_few_rows_and_all_rows_are_merged_in_their_order() -> None:
    parameters = script_of_deltas([MANY], none_of).params.values()
    chunks = next(json.loads(value) for value in parameters if isinstance(value, str) and value.startswith("[["))
    assert [row["T.id"] for chunk in chunks for row in chunk] == [vertex.id for vertex in MANY.vertices]
    assert max(map(len, chunks)) < len(MANY.vertices)


def test_what_an_earlier_delta_of_the_same_write_made_is_there() -> None:
    again = script_of_deltas([MANY, REMOVED, MANY, LINKED], none_of)
    assert steps(again.text) == [WHOLE_V, DROP_EDGES, DROP_VERTICES, CHANGED_V, CHANGED_E]


def test_a_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="a text cannot be stored"):
        script_of_deltas([GraphDelta((vertex("\ud800", "job"),))], all_of)


def test_new_edges_out_of_a_vertex_with_many_are_added_and_not_looked_for() -> None:
    """mergeE looks through all edges out of the vertex: a wide dataset would take the square of its columns."""
    columns = [vertex(f"d#c{i}", "column", name=f"c{i}") for i in range(600)]
    wide = GraphDelta(
        (vertex("d", "dataset"), *columns),
        (*(edge("hasColumn", "d", each.id) for each in columns), edge("derivesFrom", "d#c1", "d#c2", certain=True)),
    )
    script = script_of_deltas([wide], none_of)
    assert steps(script.text) == [WHOLE_V, WHOLE_E, ["V", "addE", "to", "property", "iterate"]]
    assert sum('"hasColumn"' in str(value) and '"Direction.OUT"' in str(value) for value in script.params.values()) == 0
    assert steps(script_of_deltas([wide], all_of).text) == [CHANGED_V, WHOLE_E, CHANGED_E]
