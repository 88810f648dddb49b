"""One walk over a traversal says what it may do, wherever in it a step or a value stands, whatever the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import Binding, Bytecode, CardinalityValue, Merge, P, T, TraversalStrategies
from gremlin_python.structure.graph import Graph

from headwater.graphstore.allowed_steps import MAX_DEPTH, check_steps, timeout_of
from headwater.graphstore.errors import InvalidRequest, ReadOnly

g = GraphTraversalSource(Graph(), TraversalStrategies())
Wrap = Callable[[Any], Any]

#: Every place in which a traversal, a value or code can stand.
PLACES: list[Wrap] = [
    lambda inner: g.V().map(inner),
    lambda inner: g.V().coalesce(__.out(), inner),
    lambda inner: g.V().where(__.out().where(inner)),
    lambda inner: g.V().has("n", P.gt(1).and_(P.lt(inner))),
    lambda inner: g.inject([[inner]]),
    lambda inner: g.inject({"a": {"b": inner}}),
    lambda inner: g.inject({"a": CardinalityValue.single(inner)}),
    lambda inner: g.inject((inner, 1)),
    lambda inner: g.V(Binding("x", inner)),
    lambda inner: g.with_side_effect("a", inner).V(),
    lambda inner: g.with_sack(inner).V(),
]


@pytest.mark.parametrize("place", PLACES)
def test_a_change_is_found_in_every_place(place: Wrap) -> None:
    bytecode = place(__.out().drop().bytecode).bytecode
    check_steps(bytecode, changes=True)
    with pytest.raises(ReadOnly, match="changes the graph"):
        check_steps(bytecode, changes=False)


@pytest.mark.parametrize("place", PLACES)
def test_code_is_found_in_every_place(place: Wrap) -> None:
    with pytest.raises(InvalidRequest, match="code"):
        check_steps(place(lambda: "it.get()").bytecode, changes=True)


@pytest.mark.parametrize("place", PLACES)
def test_a_step_that_is_not_on_the_list_is_found_in_every_place(place: Wrap) -> None:
    inner = Bytecode()
    inner.add_step('V().drop(); g.addV("x")')
    with pytest.raises(InvalidRequest, match="is not supported"):
        check_steps(place(inner).bytecode, changes=True)


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: {"a": x}, lambda x: P("gt", x), __.map])
def test_nesting_is_bounded_in_every_kind(wrap: Wrap) -> None:
    inner: Any = __.identity()
    for _ in range(MAX_DEPTH - 2):
        inner = wrap(inner)
    check_steps(g.V().map(inner).bytecode, changes=False)
    for _ in range(5_000):  # deeper than recursion goes: gremlinpython could not build it, the wire can hold it
        inner = [inner]
    made = Bytecode()
    made.step_instructions = [["inject", inner]]
    with pytest.raises(InvalidRequest, match="nested more than"):
        check_steps(made, changes=False)


@pytest.mark.parametrize(("place", "allowed"), [("last", True), ("middle", False), ("inside", False)])
def test_discard_is_an_ending_and_no_step(place: str, allowed: bool) -> None:
    ended = Bytecode()
    ended.add_step("V")
    ended.add_step("discard")
    if place == "middle":
        ended.add_step("out")
    bytecode = g.V().map(ended).bytecode if place == "inside" else ended
    if allowed:
        check_steps(bytecode, changes=False)
        return
    with pytest.raises(InvalidRequest, match="'discard' is not supported"):
        check_steps(bytecode, changes=False)


def test_a_writers_own_traversals_pass() -> None:
    merge = g.inject([{T.id: "a"}]).merge_v(__.select("k")).option(Merge.on_create, {"n": CardinalityValue.single(1)})
    check_steps(merge.none().bytecode, changes=True)


@pytest.mark.parametrize(
    ("asked", "most", "bound"),
    [(10, 500, 10), (900, 500, 500), (0, 500, 500), (-1, 500, 500), (7, None, 7), (0, None, None)],
)
def test_a_question_can_only_lower_its_time(asked: int, most: int | None, bound: int | None) -> None:
    assert timeout_of(g.with_("evaluationTimeout", asked).V().bytecode, most) == bound
