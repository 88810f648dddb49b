"""Gremlin as people type it, as bytecode; and what is no traversal, with the place where it stops being one."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import pytest
from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.strategies import OptionsStrategy, ReadOnlyStrategy
from gremlin_python.process.traversal import (
    DT,
    Cardinality,
    Column,
    Direction,
    Order,
    P,
    Pick,
    Pop,
    Scope,
    T,
    TextP,
    TraversalStrategies,
    WithOptions,
)
from gremlin_python.structure.graph import Graph

from headwater.graphstore.errors import InvalidRequest
from headwater.ingest.gremlin.text import MAX_CHARACTERS, parse

Ask = Callable[[GraphTraversalSource], Any]
g = GraphTraversalSource(Graph(), TraversalStrategies())

TEXTS: list[tuple[str, Ask]] = [
    # as TinkerPop's documentation and graph-notebook's examples write
    ("g.V().hasLabel('dataset').limit(5).elementMap()", lambda g: g.V().has_label("dataset").limit(5).element_map()),
    ('g.V("a").outE("derivesFrom").inV()', lambda g: g.V("a").out_e("derivesFrom").in_v()),
    ("g.V().has('name', 'marko').toList()", lambda g: g.V().has("name", "marko")),
    ("g.V().next()", lambda g: g.V().limit(1)),
    ("g.V().next(3)", lambda g: g.V().limit(3)),
    ("g.V().out().toSet()", lambda g: g.V().out().dedup()),
    ("g.V().iterate()", lambda g: g.V().none()),
    ("g.V().in('x').as('a').select('a')", lambda g: g.V().in_("x").as_("a").select("a")),
    (
        "g.V().project('a','b').by(id).by(out().count())",
        lambda g: g.V().project("a", "b").by(T.id).by(__.out().count()),
    ),
    ("g.E().path().by(elementMap())", lambda g: g.E().path().by(__.element_map())),
    ("g.V().valueMap().with(WithOptions.tokens)", lambda g: g.V().value_map().with_(WithOptions.tokens)),
    (
        "g.V('a').repeat(__.out('derivesFrom').dedup()).emit().times(3)",
        lambda g: g.V("a").repeat(__.out("derivesFrom").dedup()).emit().times(3),
    ),
    (
        "g.V().choose(has('x'), out(), __.in()).option(any, identity())",
        lambda g: g.V().choose(__.has("x"), __.out(), __.in_()).option(Pick.any_, __.identity()),
    ),
    # predicates
    ("g.V().has('n', gt(3))", lambda g: g.V().has("n", P.gt(3))),
    ("g.V().has('n', P.gt(3L).and(P.lt(5)).or(eq(9)))", lambda g: g.V().has("n", P.gt(3).and_(P.lt(5)).or_(P.eq(9)))),
    ("g.V().has('n', within('a','b'))", lambda g: g.V().has("n", P.within("a", "b"))),
    ("g.V().has('n', within(['a','b']))", lambda g: g.V().has("n", P.within(["a", "b"]))),
    ("g.V().has('n', without())", lambda g: g.V().has("n", P.without())),
    ("g.V().has('n', between(1, 2))", lambda g: g.V().has("n", P.between(1, 2))),
    ("g.V().has('n', not(within('a')))", lambda g: g.V().has("n", P.not_(P.within("a")))),
    ("g.V().has('n', gt(3).negate())", lambda g: g.V().has("n", P.not_(P.gt(3)))),
    ("g.V().has('n', TextP.startingWith('a'))", lambda g: g.V().has("n", TextP.starting_with("a"))),
    ("g.V().has('n', notContaining('a'))", lambda g: g.V().has("n", TextP.not_containing("a"))),
    ("g.V().not(has('n')).and(out(), in())", lambda g: g.V().not_(__.has("n")).and_(__.out(), __.in_())),
    ("g.V().where(neq('a')).by('n')", lambda g: g.V().where(P.neq("a")).by("n")),
    # tokens, with and without their class
    ("g.V().order().by('n', desc)", lambda g: g.V().order().by("n", Order.desc)),
    ("g.V().order(local).by(values, Order.asc)", lambda g: g.V().order(Scope.local).by(Column.values, Order.asc)),
    ("g.V().groupCount().by(T.label)", lambda g: g.V().group_count().by(T.label)),
    ("g.V().dedup(Scope.global)", lambda g: g.V().dedup(Scope.global_)),
    ("g.V().select(Pop.all, 'a')", lambda g: g.V().select(Pop.all_, "a")),
    ("g.V().select(first, 'a')", lambda g: g.V().select(Pop.first, "a")),
    ("g.V().toE(OUT, 'x')", lambda g: g.V().to_e(Direction.OUT, "x")),
    ("g.V().toE(Direction.from, 'x')", lambda g: g.V().to_e(Direction.OUT, "x")),
    (
        "g.V().property(VertexProperty.Cardinality.single, 'n', 1)",
        lambda g: g.V().property(Cardinality.single, "n", 1),
    ),
    ("g.V().property(single, 'n', 1)", lambda g: g.V().property(Cardinality.single, "n", 1)),
    ("g.V().values('t').dateAdd(DT.day, 1)", lambda g: g.V().values("t").date_add(DT.day, 1)),
    # literals
    (r"""g.V('it\'s', "say \"no\"", 'a\\b\n\t\$')""", lambda g: g.V("it's", 'say "no"', "a\\b\n\t$")),
    (r"g.V('\u00e9\xe9\U000000e9\ud83d\ude00')", lambda g: g.V("\u00e9\u00e9\u00e9\U0001f600")),
    ("g.V('// no comment', \"/* nor this */\")", lambda g: g.V("// no comment", "/* nor this */")),
    ("g.V(1, 2L, -3, 4.5, 5d, 6.5f, 7e2, 8i, 9m)", lambda g: g.V(1, 2, -3, 4.5, 5.0, 6.5, 700.0, 8, 9.0)),
    ("g.V(9223372036854775807L)", lambda g: g.V(2**63 - 1)),
    ("g.inject(true, false, null)", lambda g: g.inject(True, False, None)),
    ("g.inject((Traversal) null, ( Map )null)", lambda g: g.inject(None, None)),
    ("g.inject([1, ['a']], [], {1, 2})", lambda g: g.inject([1, ["a"]], [], [1, 2])),
    (
        "g.inject([a: 1, 'b c': 2, (T.id): 'x', (id): 'y', id: 3], [:])",
        lambda g: g.inject({"a": 1, "b c": 2, T.id: "y", "id": 3}, {}),
    ),
    (
        "g.V().has('t', gt(datetime('2026-01-31T12:00:00Z')))",
        lambda g: g.V().has("t", P.gt(dt.datetime(2026, 1, 31, 12, tzinfo=dt.timezone.utc))),
    ),
    # the source
    ("g.with('evaluationTimeout', 1000).V()", lambda g: g.with_("evaluationTimeout", 1000).V()),
    ("g.with('a').with('b', 2).V()", lambda g: g.with_("a").with_("b", 2).V()),
    ("g.withSack(1).V().sack()", lambda g: g.with_sack(1).V().sack()),
    ("g.withStrategies(ReadOnlyStrategy).V()", lambda g: g.with_strategies(ReadOnlyStrategy()).V()),
    (
        "g.withStrategies(new OptionsStrategy(evaluationTimeout: 5L)).V()",
        lambda g: g.with_strategies(OptionsStrategy({"evaluationTimeout": 5})).V(),
    ),
    # white space, comments, the end
    ("  g\n  .V() // all of them\n  /* not\n these */ .out();\n", lambda g: g.V().out()),
]


@pytest.mark.parametrize(("text", "ask"), TEXTS, ids=[text for text, _ in TEXTS])
def test_a_text_is_the_traversal_that_it_says(text: str, ask: Ask) -> None:
    parsed, expected = parse(text), ask(g).bytecode
    assert parsed == expected
    assert repr(parsed) == repr(expected)  # options, which compare equal whatever they hold, and types


def test_options_keep_their_values() -> None:
    strategy = parse("g.with('evaluationTimeout', 1000).with('x').V()").source_instructions[0][1]
    assert strategy.configuration == {"evaluationTimeout": 1000, "x": True}


@pytest.mark.parametrize(
    ("text", "value"), [("Double.POSITIVE_INFINITY", math.inf), ("Double.NEGATIVE_INFINITY", -math.inf)]
)
def test_numbers_without_digits(text: str, value: float) -> None:
    assert parse(f"g.inject({text})").step_instructions == [["inject", value]]


def test_names_have_the_values_that_a_client_binds() -> None:
    assert (
        parse("g.V(x).has('n', within(names))", {"x": "a'b", "names": [1, 2]})
        == g.V("a'b").has("n", P.within(1, 2)).bytecode
    )
    assert parse("g.V(id)", {"id": "1"}) == g.V("1").bytecode


def test_the_graph_may_have_another_name() -> None:
    assert parse("lineage.V()", sources=frozenset({"g", "lineage"})) == g.V().bytecode


#: what is written -> a part of what is said about it
REFUSED = {
    "": "ends in the middle",
    "   // nothing": "ends in the middle",
    "g.V(": "ends in the middle",
    "g.V().has('a": 'line 1, column 11: "\'"',
    "g.V().out)": "line 1, column 10",
    "g.V()\n  .out(]": "line 2, column 8: ']'",
    "g.V().out": "out is no step without its brackets: out()",
    "g.V().id": "id is no step without its brackets",
    "x.V()": "begins with g, not with x",
    "g().V()": "begins with g",
    "System.exit(0)": "begins with g, not with System",
    "g.V(); System.exit(0)": "line 1, column 8",
    "g.V().map{it.get()}": "line 1, column 10: '{'",
    "g.V().filter({it -> true})": "column 18: '-'",
    "g.V().map(Lambda.function('it'))": "Lambda has no steps",
    "g.V().by(g.V())": "g has no steps",
    "g.V().by('x'.length())": "column 13: '.'",
    "x = g.V()": "column 3: '='",
    "def f() {}": "column 5: 'f'",
    "import java.io.File": "column 8: 'java'",
    "g.V(1 + 1)": "column 7: '+'",
    "g.V(1+1)": "column 6: '+1'",
    "g.V(new File('x'))": "column 14",
    "g.withStrategies(new File(path: 'x')).V()": "the strategy File would change the answer",
    "g.withStrategies(SubgraphStrategy).V()": "the strategy SubgraphStrategy would change the answer",
    "g.V('${System.exit(0)}', foo)": "the name 'foo' is not known",
    "g.V().order().by('n', Order.sideways)": "the name 'Order.sideways' is not known",
    "g.V().has('n', P.test(1))": "the predicate 'test' does not exist",
    "g.V().has('n', gt())": "gt() takes 1 value, not 0",
    "g.V().has('n', between(1))": "between() takes 2 values, not 1",
    "g.V().has('n', gt(1).out())": "out() does not follow a predicate",
    "g.V().has('n', gt(1).and(2))": "and() does not follow a predicate",
    r"g.V('\q')": r"\q in a text is no escape",
    r"g.V('\UFFFFFFFF')": "is no character",
    "g.V(1e5L)": "1e5L is no number",
    "g.V(datetime('soon'))": "datetime() takes a time",
    "g.V(datetime('0001-01-01T00:00:00+23:00'))": "datetime() takes a time",
    "g.inject([[1]: 2])": "a key of a map",
    "g.with().V()": "takes the name of an option",
    f"g.V({'1' * 5_000})": "is no number",
    "g.V()" + " " * MAX_CHARACTERS: "more than 65536",
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.items(), ids=[text[:40] for text in REFUSED])
def test_what_is_no_traversal_is_refused_where_it_stops_being_one(text: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(text)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "text", ["g.V(" + "[" * 30_000 + "]" * 30_000 + ")", "g.V()" + ".by(out()" * 5_000 + ")" * 5_000]
)
def test_nesting_does_not_exhaust_the_parser(text: str) -> None:
    assert len(parse(text).step_instructions) >= 1
