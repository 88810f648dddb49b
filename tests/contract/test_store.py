"""What every graph store promises to those who write deltas and ask traversals."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import Direction, Order, P, Pop, Scope, T, TextP
from gremlin_python.structure.graph import Edge as GremlinEdge
from gremlin_python.structure.graph import Vertex as GremlinVertex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.graphmodel.delta import Edge, GraphDelta, Value, Vertex, edge, vertex
from headwater.graphstore import GraphStore
from headwater.graphstore.errors import InvalidRequest, PermanentError, StoreError

ORDERS, ITEMS = "s3://lake/mart/orders", "s3://lake/raw/items"
REVENUE, PRICE, QUANTITY = f"{ORDERS}#revenue", f"{ITEMS}#price", f"{ITEMS}#quantity"
SMALL = GraphDelta(
    vertices=(
        vertex(ORDERS, "dataset", name="orders"),
        vertex(ITEMS, "dataset", name="items"),
        *(vertex(f"{ORDERS}#{name}", "column", name=name, resolved=True) for name in ("revenue",)),
        *(vertex(f"{ITEMS}#{name}", "column", name=name, resolved=True) for name in ("price", "quantity")),
    ),
    edges=(
        edge("hasColumn", ORDERS, REVENUE),
        edge("hasColumn", ITEMS, PRICE),
        edge("hasColumn", ITEMS, QUANTITY),
        edge("derivesFrom", REVENUE, PRICE, "p1", type="DIRECT", columns=1, exact=True),
        edge("derivesFrom", REVENUE, QUANTITY, "p1", type="DIRECT", columns=2, exact=False),
    ),
)
TO_PRICE = SMALL.edges[3]


def contents(store: GraphStore) -> tuple[dict[str, Any], dict[tuple[str, str, str, str], Any]]:
    """Every vertex and edge with its properties."""
    vertices = {row.pop(T.id): row for row in store.g.V().element_map().to_list()}
    edges = {}
    for row in store.g.E().element_map().to_list():
        ends = row.pop(Direction.OUT)[T.id], row.pop(Direction.IN)[T.id]
        row.pop(T.id)
        edges[row.pop(T.label), ends[0], ends[1], row.pop("key")] = row
    return vertices, edges


def vertices(*given: Vertex) -> GraphDelta:
    return GraphDelta(vertices=given)


def edges(*given: Edge) -> GraphDelta:
    return GraphDelta(edges=given)


def removal(*given: Edge) -> GraphDelta:
    return GraphDelta(removed_edges=tuple((item.label, item.source, item.key) for item in given))


def with_property(item: Edge, **properties: Value) -> Edge:
    return Edge(item.label, item.source, item.target, item.key, properties)


def test_what_is_written_is_there(store: GraphStore) -> None:
    store.apply(SMALL)
    found, links = contents(store)
    assert found == {item.id: {T.label: item.label, **item.properties} for item in SMALL.vertices}
    assert links == {(e.label, e.source, e.target, e.key): dict(e.properties) for e in SMALL.edges}
    assert store.counts() == {"dataset": 2, "column": 3, "hasColumn": 3, "derivesFrom": 2}


@pytest.mark.parametrize("again", [[SMALL], [SMALL, SMALL], [GraphDelta()], []])
def test_written_again_it_changes_nothing(store: GraphStore, again: list[GraphDelta]) -> None:
    store.apply(SMALL)
    before = contents(store)
    store.apply(again)
    assert contents(store) == before


def test_a_vertex_that_exists_gets_the_properties_named_and_keeps_the_others(store: GraphStore) -> None:
    store.apply(vertices(vertex("v", "column", name="old", dataset="d")))
    store.apply(vertices(vertex("v", "column", name="new", resolved=False)))
    assert store.g.V("v").value_map().next() == {"name": ["new"], "dataset": ["d"], "resolved": [False]}


def test_an_edge_that_exists_gets_the_properties_named_and_keeps_the_others(store: GraphStore) -> None:
    store.apply(SMALL)
    store.apply(edges(with_property(TO_PRICE, columns=7, masking=True)))
    found = store.g.V(REVENUE).out_e("derivesFrom").has("key", TO_PRICE.key).value_map().to_list()
    assert found == [{"key": TO_PRICE.key, "type": "DIRECT", "columns": 7, "exact": True, "masking": True}]


def test_later_deltas_of_one_call_win(store: GraphStore) -> None:
    store.apply([vertices(vertex("v", "job", name=name)) for name in ("a", "b", "c")])
    assert store.g.V("v").values("name").to_list() == ["c"]


def test_edges_that_differ_by_key_alone_are_two(store: GraphStore) -> None:
    store.apply([SMALL, edges(edge("derivesFrom", REVENUE, PRICE, "p2"))])
    assert store.g.V(REVENUE).out_e("derivesFrom").in_v().id_().order().to_list() == [PRICE, PRICE, QUANTITY]


def test_a_vertex_may_point_to_itself(store: GraphStore) -> None:
    store.apply([SMALL, edges(edge("derivesFrom", PRICE, PRICE, carried=True))])
    assert store.g.V(PRICE).out("derivesFrom").id_().to_list() == [PRICE]


REMOVALS = [
    (removal(TO_PRICE), {"dataset": 2, "column": 3, "hasColumn": 3, "derivesFrom": 1}),
    (removal(*SMALL.edges[3:]), {"dataset": 2, "column": 3, "hasColumn": 3}),
    (GraphDelta(removed_edges=(("derivesFrom", REVENUE, "no such key"),)), None),
    (GraphDelta(removed_edges=(("noSuchLabel", REVENUE, TO_PRICE.key), ("derivesFrom", "nobody", "k"))), None),
    (GraphDelta(removed_edges=(("derivesFrom", PRICE, TO_PRICE.key),)), None),
    (GraphDelta(removed_vertices=("nobody",)), None),
    (GraphDelta(removed_vertices=(PRICE, "nobody")), {"dataset": 2, "column": 2, "hasColumn": 2, "derivesFrom": 1}),
]


@pytest.mark.parametrize(("delta", "left"), REMOVALS)
def test_what_is_removed_is_gone_and_nothing_else(
    store: GraphStore, delta: GraphDelta, left: dict[str, int] | None
) -> None:
    store.apply(SMALL)
    before = store.counts()
    store.apply([delta, delta])
    assert store.counts() == (left or before)


def test_removals_come_before_what_the_same_delta_adds(store: GraphStore) -> None:
    store.apply(SMALL)
    fresh = with_property(TO_PRICE, columns=3)
    store.apply(GraphDelta(edges=(fresh,), removed_edges=removal(TO_PRICE).removed_edges))
    assert contents(store)[1][("derivesFrom", REVENUE, PRICE, TO_PRICE.key)] == {"columns": 3}


def test_removals_come_after_what_an_earlier_delta_adds(store: GraphStore) -> None:
    store.apply([SMALL, removal(TO_PRICE), GraphDelta(removed_vertices=(QUANTITY,))])
    assert store.counts() == {"dataset": 2, "column": 2, "hasColumn": 2}


FAILING = [
    (edges(edge("derivesFrom", REVENUE, "nobody")), PermanentError),
    (edges(edge("derivesFrom", "nobody", REVENUE, columns=1)), PermanentError),
    (vertices(vertex(ORDERS, "job")), PermanentError),  # the id is there with another label
    (vertices(Vertex("v", "job", {"name": None})), InvalidRequest),  # type: ignore[dict-item]
    (vertices(Vertex("v", "job", {"name": ["a"]})), InvalidRequest),  # type: ignore[dict-item]
    (vertices(vertex("v", "job", name=1)), InvalidRequest),
    (vertices(vertex("v", "run", timestamp=1.0)), InvalidRequest),
    (vertices(vertex("v", "run", clockAhead=1)), InvalidRequest),
    (vertices(vertex("v", "x", size=2**63)), InvalidRequest),
    (vertices(vertex("v", "x", size=float("nan"))), InvalidRequest),
    (vertices(vertex("v", "x", size=float("inf"))), InvalidRequest),
    (vertices(vertex("v", "x", text="\ud800")), InvalidRequest),
    (vertices(vertex("\udfff", "x")), InvalidRequest),
    (vertices(Vertex("v", "x", {"id": "a"})), InvalidRequest),
    (vertices(Vertex("v", "x", {"label": "a"})), InvalidRequest),
    (vertices(Vertex("v", "x", {"T.id": "a"})), InvalidRequest),
    (edges(Edge("derivesFrom", REVENUE, PRICE, "k", {"key": "other"})), InvalidRequest),
]


@pytest.mark.parametrize(("bad", "kind"), FAILING)
def test_one_bad_delta_leaves_nothing_of_all(store: GraphStore, bad: GraphDelta, kind: type[StoreError]) -> None:
    store.apply(SMALL)
    before = contents(store)
    good = vertices(vertex("new", "job", name="n"), vertex(ORDERS, "dataset", name="renamed"))
    with pytest.raises(kind):
        store.apply([removal(TO_PRICE), good, bad])
    if store.atomic or kind is InvalidRequest:  # refused by us, before anything is sent
        assert contents(store) == before
    store.apply(good)
    assert store.g.V("new").count().next() == 1


HOSTILE = [
    "",
    " ",
    '"; g.V().drop().iterate(); "',
    "'); g.V().drop() //",
    "${p0} `p0` #{p0} \\",
    "line\nline\r\n\ttab",
    "nul\x00 bell\x07 escape\x1b[31m",
    "T.id",
    "Direction.OUT",
    "__.select('k')",
    "Bücher 注文 🛒 e\u0301 \u202e \ufeff \uffff",
    "<script>alert(1)</script>",
    '{"@type": "g:Int32", "@value": 1}',
    "x" * 100_000,
    "1" * 40,
    "null",
    "::",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_kept_as_it_is(store: GraphStore, text: str) -> None:
    other = "other " + text
    link = edge("aliasOf", text, other, text, expression=text)
    store.apply(GraphDelta((vertex(text, "alias", name=text), vertex(other, "dataset", name="d")), (link,)))
    assert store.g.V(text).element_map().to_list() == [{T.id: text, T.label: "alias", "name": text}]
    assert store.g.V().has("alias", "name", text).out("aliasOf").id_().to_list() == [other]
    assert store.g.V([text]).out_e().has("expression", P.within([text, "x"])).values("expression").to_list() == [text]
    store.apply(GraphDelta(removed_edges=((link.label, text, link.key),), removed_vertices=(text,)))
    assert store.counts() == {"dataset": 1}


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-(2**63), 2**63 - 1), st.floats(-1e300, 1e300))
@settings(suppress_health_check=list(HealthCheck), max_examples=50)
def test_any_value_is_kept_as_it_is(store: GraphStore, text: str, whole: int, fraction: float) -> None:
    store.apply(vertices(vertex("v", "x", text=text, whole=whole, fraction=fraction, yes=True)))
    found = store.g.V("v").element_map().next()
    assert found == {
        T.id: "v",
        T.label: "x",
        "text": text,
        "whole": whole,
        "fraction": pytest.approx(fraction, rel=1e-15),
        "yes": True,
    }
    assert {name: type(value) for name, value in found.items() if isinstance(name, str)} == {
        "text": str,
        "whole": int,
        "fraction": float,
        "yes": bool,
    }


def test_ten_thousand_rows_are_one_write(store: GraphStore) -> None:
    columns = tuple(vertex(f"d#{i}", "column", name=str(i)) for i in range(10_000))
    links = tuple(edge("hasColumn", "d", column.id) for column in columns)
    ladder = tuple(edge("derivesFrom", f"d#{i}", f"d#{i + 1}", columns=i) for i in range(9_999))
    store.apply(GraphDelta((vertex("d", "dataset", name="d"), *columns), links + ladder))
    assert store.counts() == {"dataset": 1, "column": 10_000, "hasColumn": 10_000, "derivesFrom": 9_999}
    store.apply(removal(*ladder))
    assert store.counts() == {"dataset": 1, "column": 10_000, "hasColumn": 10_000}


def test_after_clear_it_is_empty_and_takes_new_writes(store: GraphStore) -> None:
    store.apply(SMALL)
    store.clear()
    assert (contents(store), store.counts()) == (({}, {}), {})
    store.apply(SMALL)
    store.checkpoint()
    assert store.counts()["column"] == 3


def test_readers_see_all_of_a_write_or_nothing(store: GraphStore) -> None:
    """Ten vertices a write: a reader in between would see another number."""
    if not store.atomic:
        pytest.skip("a write is many requests, or one that the server does not isolate: readers may see a part")
    done, seen, failed = threading.Event(), set(), []

    def read() -> None:
        try:
            while True:
                seen.add(store.g.V().has_label("job").count().next() % 10)
                if done.is_set():
                    break
        except StoreError as error:
            failed.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for i in range(40):
            store.apply([vertices(vertex(f"{i}.{k}", "job", name="n")) for k in range(10)])
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert (failed, seen) == ([], {0})


def test_several_writers_lose_nothing(store: GraphStore) -> None:
    def write(writer: int) -> None:
        for i in range(20):
            store.apply(GraphDelta((vertex("d", "dataset"), vertex(f"{writer}.{i}", "column"))))

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    assert store.counts() == {"dataset": 1, "column": 80}


def columns(g: GraphTraversalSource) -> GraphTraversal:
    return g.V().has_label("column")


ANSWERS: list[tuple[str, Any, list[Any]]] = [
    ("ids", lambda g: columns(g).id_().order(), [REVENUE, PRICE, QUANTITY]),
    ("several ids", lambda g: g.V(PRICE, "nobody", REVENUE).id_().order(), [REVENUE, PRICE]),
    ("a list of ids", lambda g: g.V([PRICE, REVENUE]).values("name").order(), ["price", "revenue"]),
    ("labels", lambda g: g.V().label().dedup().order(), ["column", "dataset"]),
    ("closure", lambda g: g.V(REVENUE).repeat(__.out("derivesFrom").dedup()).emit().id_().order(), [PRICE, QUANTITY]),
    ("depth", lambda g: g.V(REVENUE).repeat(__.out()).times(1).id_().order(), [PRICE, QUANTITY]),
    ("paths", lambda g: g.V(REVENUE).out().path().by(T.id).map(__.unfold().count()), [2, 2]),
    (
        "an edge's values",
        lambda g: g.E().has("columns", 1).value_map("columns", "exact"),
        [{"columns": 1, "exact": True}],
    ),
    ("a vertex's values", lambda g: g.V(PRICE).value_map("name"), [{"name": ["price"]}]),
    (
        "with tokens",
        lambda g: g.V(PRICE).value_map(True),
        [{T.id: PRICE, T.label: "column", "name": ["price"], "resolved": [True]}],
    ),
    (
        "of an edge inside",
        lambda g: g.V(REVENUE).local(__.out_e().limit(1)).project("e").by(__.value_map("type")),
        [{"e": {"type": "DIRECT"}}],
    ),
    ("project", lambda g: g.V(PRICE).project("name", "none").by("name").by("missing"), [{"name": "price"}]),
    (
        "ends of edges",
        lambda g: g.E().has("columns", 1).project("s", "t").by(__.out_v().id_()).by(__.in_v().id_()),
        [{"s": REVENUE, "t": PRICE}],
    ),
    ("select", lambda g: g.V(ORDERS).as_("d").out().as_("c").select("d", "c").by(T.id), [{"d": ORDERS, "c": REVENUE}]),
    (
        "select all",
        lambda g: g.V(ORDERS).as_("x").out().as_("x").select(Pop.all_, "x").unfold().id_(),
        [ORDERS, REVENUE],
    ),
    ("group", lambda g: g.V().group().by(T.label).by(__.count()), [{"dataset": 2, "column": 3}]),
    ("group count", lambda g: g.E().group_count().by(T.label), [{"hasColumn": 3, "derivesFrom": 2}]),
    (
        "order and limit",
        lambda g: columns(g).order().by("name", Order.desc).limit(2).values("name"),
        ["revenue", "quantity"],
    ),
    ("range", lambda g: columns(g).order().by("name").range_(1, 2).values("name"), ["quantity"]),
    ("text predicates", lambda g: g.V().has("name", TextP.starting_with("re")).values("name"), ["revenue"]),
    ("without", lambda g: columns(g).has("name", P.without(["price"])).values("name").order(), ["quantity", "revenue"]),
    ("and, or, not", lambda g: g.E().has("columns", P.gt(0).and_(P.lt(2)).or_(P.eq(9))).values("columns"), [1]),
    ("no such edges", lambda g: columns(g).not_(__.out_e("derivesFrom")).values("name").order(), ["price", "quantity"]),
    ("where", lambda g: g.V().where(__.out("derivesFrom").count().is_(P.gt(1))).id_(), [REVENUE]),
    ("union", lambda g: g.V(ORDERS).union(__.out("hasColumn"), __.identity()).id_().order(), [ORDERS, REVENUE]),
    ("coalesce", lambda g: g.V(PRICE).coalesce(__.out(), __.constant("none")), ["none"]),
    (
        "aggregate",
        lambda g: columns(g).values("name").order().aggregate("n").cap("n"),
        [["price", "quantity", "revenue"]],
    ),
    ("fold", lambda g: columns(g).values("name").order().fold(), [["price", "quantity", "revenue"]]),
    ("local scope", lambda g: columns(g).values("name").fold().count(Scope.local), [3]),
    ("sum", lambda g: g.E().has_label("derivesFrom").values("columns").sum_(), [3]),
    ("nothing", lambda g: g.V("nobody").out().id_(), []),
    ("many labels", lambda g: g.V().has_label(*(f"l{i}" for i in range(30)), "dataset").count(), [2]),
    ("many keys", lambda g: g.V(ORDERS).values(*(f"k{i}" for i in range(30)), "name"), ["orders"]),
    ("many branches", lambda g: g.V(ORDERS).coalesce(*(__.out(f"l{i}") for i in range(30)), __.constant(1)), [1]),
    ("bounded time", lambda g: g.with_("evaluationTimeout", 20_000).V(ORDERS).values("name"), ["orders"]),
]


@pytest.mark.parametrize(("question", "answer"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS])
def test_a_traversal_is_answered_as_gremlin_server_does(store: GraphStore, question: Any, answer: list[Any]) -> None:
    store.apply(SMALL)
    assert question(store.g).to_list() == answer


def test_elements_come_as_gremlinpython_has_them(store: GraphStore) -> None:
    store.apply(SMALL)
    [column] = store.g.V(PRICE).to_list()
    [link] = store.g.E().has("columns", 1).to_list()
    [steps] = store.g.V(REVENUE).out_e().has("columns", 1).in_v().path().to_list()
    [mapped] = store.g.E().has("columns", 1).element_map("columns").to_list()
    assert (column, column.label) == (GremlinVertex(PRICE), "column")
    assert isinstance(link, GremlinEdge)
    assert (link.label, link.outV.id, link.inV.label) == ("derivesFrom", REVENUE, "column")
    assert {item.key: item.value for item in link.properties} == {
        "key": TO_PRICE.key,
        "type": "DIRECT",
        "columns": 1,
        "exact": True,
    }
    assert steps.objects == [GremlinVertex(REVENUE), link, column]
    assert mapped == {
        T.id: link.id,
        T.label: "derivesFrom",
        Direction.OUT: {T.id: REVENUE, T.label: "column"},
        Direction.IN: {T.id: PRICE, T.label: "column"},
        "columns": 1,
    }


def test_next_and_iterate_work(store: GraphStore) -> None:
    store.apply(SMALL)
    assert store.g.V(PRICE).has_next()
    assert not store.g.V("nobody").has_next()
    assert store.g.V(PRICE).iterate().has_next() is False
    with pytest.raises(StopIteration):
        store.g.V("nobody").next()


@pytest.mark.parametrize(
    "change",
    [
        lambda g: g.add_v("x").iterate(),
        lambda g: g.merge_v({T.id: "x", T.label: "x"}).iterate(),
        lambda g: g.V().drop().iterate(),
        lambda g: g.V().property("name", "x").iterate(),
    ],
)
def test_traversals_cannot_write(store: GraphStore, change: Any) -> None:
    store.apply(SMALL)
    before = contents(store)
    with pytest.raises(InvalidRequest):
        change(store.g)
    assert contents(store) == before
