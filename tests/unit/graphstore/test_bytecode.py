"""Traversals as the embedded engine's text: values bound, names from a list, silent differences refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.strategies import SubgraphStrategy
from gremlin_python.process.traversal import (
    Bytecode,
    Cardinality,
    CardinalityValue,
    Direction,
    Merge,
    Order,
    P,
    Scope,
    T,
    TextP,
    TraversalStrategies,
    WithOptions,
)
from gremlin_python.statics import long
from gremlin_python.structure.graph import Graph

from headwater.graphstore.embedded.bytecode import script_of
from headwater.graphstore.errors import InvalidRequest

Ask = Callable[[GraphTraversalSource], Any]
g = GraphTraversalSource(Graph(), TraversalStrategies())

TEXTS: list[tuple[Ask, str, list[object]]] = [
    (lambda g: g.V("a"), "g.V(p0).toList();", ["a"]),
    (lambda g: g.V("a", "b"), "g.V(parse_json(p0)).toList();", ['["a","b"]']),
    (lambda g: g.V(["a", 'b"']), "g.V(parse_json(p0)).toList();", ['["a","b\\""]']),
    (
        lambda g: g.V().has("n", True).has("n", 1).has("n", 1.5),
        "g.V().has(p0,p1).has(p2,p3).has(p4,p5).toList();",
        ["n", True, "n", 1, "n", 1.5],
    ),
    (
        lambda g: g.V().order(Scope.local).by("n", Order.desc),
        "g.V().order(Scope.local).by(p0,Order.desc).toList();",
        ["n"],
    ),
    (lambda g: g.V().out_e().value_map(), "g.V().outE().valueMap().by(__.unfold()).toList();", []),
    (lambda g: g.V().out_e().in_v().value_map(), "g.V().outE().inV().valueMap().toList();", []),
    (
        lambda g: g.E().project("p").by(__.value_map("a")),
        "g.E().project(p0).by(__.valueMap(p1).by(__.unfold())).toList();",
        ["p", "a"],
    ),
    (lambda g: g.V().value_map().with_(WithOptions.tokens), "g.V().valueMap().with(WithOptions.tokens).toList();", []),
    (lambda g: g.V().has("n", P.gt(1).and_(P.lt(5))), "g.V().has(p0,P.gt(p1).and(P.lt(p2))).toList();", ["n", 1, 5]),
    (lambda g: g.V().has("n", P.within(["a"])), "g.V().has(p0,P.within(parse_json(p1))).toList();", ["n", '["a"]']),
    (lambda g: g.V().has("n", TextP.containing("a")), "g.V().has(p0,TextP.containing(p1)).toList();", ["n", "a"]),
    (lambda g: g.V().none(), "g.V().iterate();", []),
    (lambda g: g.with_("evaluationTimeout", 7).V(), 'g.with("evaluationTimeout",p0).V().toList();', [7]),
    (
        lambda g: g.inject([{T.id: "a", Direction.OUT: CardinalityValue.single(1)}]).merge_v(__.select("k")),
        "g.inject(parse_json(p0)).mergeV(__.select(p1)).toList();",
        ['[{"T.id":"a","Direction.OUT":1}]', "k"],
    ),
    (
        lambda g: g.merge_v({T.id: "a"}).option(Merge.on_create, {"n": 1}),
        "g.mergeV(parse_json(p0)).option(Merge.onCreate,parse_json(p1)).toList();",
        ['{"T.id":"a"}', '{"n":1}'],
    ),
    (
        lambda g: g.inject(*range(11)),
        "g.inject(parse_json(p0)).unfold().toList();",
        ["[0,1,2,3,4,5,6,7,8,9,10]"],
    ),
]


@pytest.mark.parametrize(("ask", "text", "values"), TEXTS, ids=[case[1] for case in TEXTS])
def test_a_traversal_becomes_text_and_bound_values(ask: Ask, text: str, values: list[object]) -> None:
    script = script_of(ask(g).bytecode)
    assert (script.text, list(script.params.values())) == (text, values)


def test_several_traversals_are_one_script() -> None:
    script = script_of(g.V("a").none().bytecode, g.V("b").bytecode)
    assert (script.text, script.params) == ("g.V(p0).iterate();g.V(p1).toList();", {"p0": "a", "p1": "b"})


@pytest.mark.parametrize(("asked", "bound"), [(10, 10), (10_000, 500), (None, 500)])
def test_a_query_can_only_lower_its_time(asked: int | None, bound: int) -> None:
    source = g.with_("evaluationTimeout", asked) if asked else g
    assert script_of(source.V().bytecode, timeout=500).params == {"p0": bound}


def nested(depth: int) -> Bytecode:
    inner = __.out()
    for _ in range(depth):
        inner = __.where(inner)
    return g.V().where(inner).bytecode


def listed(depth: int) -> list[Any]:
    return [] if depth == 0 else [listed(depth - 1)]


REFUSED: list[tuple[Ask, str]] = [
    (lambda g: g.V().match(__.as_("a").out().as_("b")), "'match' is not supported"),
    (lambda g: g.V().tree(), "'tree' is not supported"),
    (lambda g: g.V().properties("name"), r"properties\(\) gives bare values"),
    (lambda g: g.V().map(lambda: "it.get()"), "a lambda is code"),
    (lambda g: g.V(__.select("a")), "V.. takes ids, not a traversal"),
    (lambda g: g.V([]), "would be every element"),
    (lambda g: g.E([]), "would be every element"),
    (lambda g: g.add_v("x").property(T.id, __.constant("a")), "use mergeV"),
    (lambda g: g.V("a").property(Cardinality.set_, "n", 1), "Cardinality.single alone"),
    (lambda g: g.V("a").property("n", None), "cannot be null"),
    (lambda g: g.V("a").property("n", CardinalityValue.list_(1)), "CardinalityValue.single alone"),
    (lambda g: g.V().element_map().project("id").by("x"), "a result is named 'id'"),
    (lambda g: g.V(2**63), "does not fit 64 bits"),
    (lambda g: g.V([2**63]), "does not fit 64 bits"),
    (lambda g: g.V().inject(*range(11)), "more than 10 arguments to inject"),
    (lambda g: g.V([float("nan")]), "nan in a list"),
    (lambda g: g.V("\ud800"), "lone surrogate"),
    (lambda g: g.V(["\ud800"]), "cannot be sent"),
    (lambda g: g.inject([object()]), "holds a object"),
    (lambda g: g.inject(b"bytes"), "type bytes is not supported"),
    (lambda g: g.inject({1: "a"}), "map key of type int"),
    (lambda g: g.inject(listed(60)), "nested more than"),
    (lambda g: g.V().has("n", P("gt(1).x", 1)), "predicate does not exist"),
    (lambda g: g.V().value_map().with_("~tinkerpop.valueMap.tokens", 2), "WithOptions.tokens alone"),
    (lambda g: g.with_strategies(SubgraphStrategy(vertices=__.has_label("a"))).V(), "SubgraphStrategy would change"),
]


@pytest.mark.parametrize(("ask", "reason"), REFUSED, ids=[case[1] for case in REFUSED])
def test_what_would_be_answered_otherwise_is_refused(ask: Ask, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        script_of(ask(g).bytecode)


def test_depth_is_bounded() -> None:
    assert script_of(nested(20)).text.count("where") == 21
    with pytest.raises(InvalidRequest, match="nested more than"):
        script_of(nested(40))
    with pytest.raises(InvalidRequest, match="no step"):
        script_of(Bytecode())


def test_no_value_is_ever_part_of_the_text() -> None:
    evil = '"); g.V().drop().iterate(); ("'
    script = script_of(g.V(evil).has(evil, evil).out(evil).as_(evil).select(evil).has("a", P.within([evil])).bytecode)
    assert evil not in script.text
    assert [json.loads(value) for value in script.params.values() if value[0] == "["] == [[evil]]


def test_the_numbers_of_gremlinpython_are_numbers() -> None:
    """Its `long` is no plain int: to look for it in a range would take centuries."""
    assert script_of(g.V().has("n", long(2**63 - 1)).bytecode).params == {"p0": "n", "p1": 2**63 - 1}
    with pytest.raises(InvalidRequest, match="does not fit 64 bits"):
        script_of(g.V().has("n", long(2**63)).bytecode)
