"""The Gremlin endpoint answers as the store's own `g` does, within its limits, and survives whatever it is sent."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing, suppress
from typing import Any

import aiohttp
import pytest
from gremlin_python.driver.client import Client
from gremlin_python.driver.protocol import GremlinServerError
from gremlin_python.driver.request import RequestMessage
from gremlin_python.driver.serializer import GraphBinarySerializersV1
from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.strategies import ReadOnlyStrategy, SubgraphStrategy
from gremlin_python.process.traversal import Bytecode, Column, Direction, Order, P, Scope, T, TextP, WithOptions
from gremlin_python.statics import long
from gremlin_python.structure.graph import Path

from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore import GraphStore, open_store
from headwater.ingest.gremlin.limits import Limits
from tests.acceptance.door import eventually
from tests.contract.gremlin_world import SERIALIZERS, connected, listening, plain, remote
from tests.contract.queries_world import MART, PLAN, RAW, REPORT, pipeline
from tests.gremlin_server.server import Server

Ask = Callable[[GraphTraversalSource], Any]
REVENUE = f"{MART}#revenue"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    with open_store(f"embedded:{tmp_path_factory.mktemp('gremlin') / 'graph'}") as opened:
        opened.apply(pipeline())
        late = vertex(
            "run:late", "run", timestamp=1_790_000_000_000, durationNs=-(2**62), status='say "no"\n\u00e9\U0001f600'
        )
        opened.apply(GraphDelta((late,), ()))
        yield opened


@pytest.fixture(scope="module")
def address(store: GraphStore) -> Iterator[str]:
    with listening(store) as found:
        yield found


# Answers --------------------------------------------------------------------------------------------------------------

#: the same traversal as bytecode and as text
TRAVERSALS: list[tuple[Ask, str]] = [
    (lambda g: g.V().order().by(T.id), "g.V().order().by(id)"),
    (lambda g: g.E().order().by("key"), "g.E().order().by('key')"),
    (lambda g: g.V(MART).element_map(), f"g.V('{MART}').elementMap()"),
    (lambda g: g.E().order().by("key").element_map(), "g.E().order().by('key').elementMap()"),
    (lambda g: g.V("run:late").value_map(), "g.V('run:late').valueMap()"),
    (lambda g: g.V(PLAN).value_map(True), f"g.V('{PLAN}').valueMap(true)"),
    (
        lambda g: g.V(PLAN).value_map("name").with_(WithOptions.tokens),
        f"g.V('{PLAN}').valueMap('name').with(WithOptions.tokens)",
    ),
    (
        lambda g: g.E().has_label("derivesFrom").value_map().limit(3),
        "g.E().hasLabel('derivesFrom').valueMap().limit(3)",
    ),
    (lambda g: g.V(REVENUE).out_e("derivesFrom").in_v().path(), f"g.V('{REVENUE}').outE('derivesFrom').inV().path()"),
    (
        lambda g: g.V(REVENUE).out_e("derivesFrom").in_v().path().by(__.element_map()),
        f"g.V('{REVENUE}').outE('derivesFrom').inV().path().by(elementMap())",
    ),
    (
        lambda g: g.V(f"{REPORT}#total").repeat(__.out("derivesFrom").dedup()).emit().path().by("name"),
        f"g.V('{REPORT}#total').repeat(out('derivesFrom').dedup()).emit().path().by('name')",
    ),
    (
        lambda g: (
            g.V().has_label("dataset").project("id", "n").by(T.id).by(__.out("hasColumn").count()).order().by("id")
        ),
        "g.V().hasLabel('dataset').project('id','n').by(id).by(out('hasColumn').count()).order().by('id')",
    ),
    (
        lambda g: g.V().group_count().by(T.label).order(Scope.local).by(Column.keys, Order.desc),
        "g.V().groupCount().by(label).order(local).by(keys, desc)",
    ),
    (
        lambda g: g.V().has_label("column").group().by("dataset").by(__.values("name").fold()),
        "g.V().hasLabel('column').group().by('dataset').by(values('name').fold())",
    ),
    (lambda g: g.V().count(), "g.V().count()"),
    (lambda g: g.V().values("timestamp").order(), "g.V().values('timestamp').order()"),
    (lambda g: g.V().values("timestamp").mean(), "g.V().values('timestamp').mean()"),
    (lambda g: g.V().has("timestamp", P.gt(long(2_000))).id_(), "g.V().has('timestamp', gt(2000L)).id()"),
    (
        lambda g: g.V().has("timestamp", P.gt(2_000).or_(P.lt(1_001))).id_(),
        "g.V().has('timestamp', gt(2000).or(lt(1001))).id()",
    ),
    (
        lambda g: g.V().has("name", P.within("orders", "items")).id_(),
        "g.V().has('name', within('orders','items')).id()",
    ),
    (lambda g: g.V().has("name", TextP.containing("rd")).id_(), "g.V().has('name', containing('rd')).id()"),
    (lambda g: g.E().values("certain").dedup(), "g.E().values('certain').dedup()"),
    (lambda g: g.V(MART).to_e(Direction.IN, "reads", "writes"), f"g.V('{MART}').toE(IN, 'reads', 'writes')"),
    (
        lambda g: g.V(MART).as_("d").out("hasColumn").as_("c").select("d", "c").by(T.id),
        f"g.V('{MART}').as('d').out('hasColumn').as('c').select('d','c').by(id)",
    ),
    (lambda g: g.inject(1, long(2**40), -1.5, True, None, "x"), "g.inject(1, 1099511627776L, -1.5, true, null, 'x')"),
    (lambda g: g.inject({"a": [1, {"b": None}]}, []), "g.inject([a: [1, [b: null]]], [])"),
    (lambda g: g.V("nowhere"), "g.V('nowhere')"),
    (
        lambda g: g.with_strategies(ReadOnlyStrategy()).V(RAW).values("name"),
        f"g.withStrategies(ReadOnlyStrategy).V('{RAW}').values('name')",
    ),
]


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_answers_are_those_of_the_stores_own_source(serializer: str, store: GraphStore, address: str) -> None:
    with remote(address, serializer) as g, connected(address, serializer) as client:
        for ask, text in TRAVERSALS:
            expected = [plain(found) for found in ask(store.g).to_list()]
            assert [plain(found) for found in ask(g).to_list()] == expected, text
            assert [plain(found) for found in client.submit(text).all().result()] == expected, text


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_terminal_steps_of_gremlinpython(serializer: str, address: str) -> None:
    with remote(address, serializer) as g:
        assert g.V().has_label("dataset").count().next() == 3
        assert g.V().has_label("dataset").has_next()
        assert not g.V("nowhere").has_next()
        assert len(g.V().has_label("dataset").to_set()) == 3
        assert g.V().iterate().to_list() == []
        assert len(g.V().has_label("column").next(2)) == 2


def test_texts_are_asked_with_the_values_that_come_along(address: str) -> None:
    with connected(address) as client:
        hostile = "x').drop(); g.V('"
        for value in (MART, hostile, 5, 1.5, [MART, RAW], {"a": MART}):
            bindings = {"x": value}
            assert client.submit("g.inject(x)", bindings=bindings).all().result() == [value]
        assert client.submit("g.V(x).id()", bindings={"x": hostile}).all().result() == []


def test_long_answers_come_in_batches(address: str) -> None:
    with connected(address) as client:
        text = "g.inject([1,2,3,4,5,6,7]).unfold().as('n').V().id()"
        whole = client.submit(text).all().result()
        batches = [len(batch) for batch in client.submit(text, request_options={"batchSize": 10})]
        assert len(whole) == sum(batches) > 100
        assert set(batches[:-1]) == {10}


#: what a Gremlin Server answers (asked of one in `test_answers_of_a_gremlin_server`), keys of maps in their order
AS_A_SERVER: dict[str, list[Any]] = {
    "g.V().groupCount().by(label).select('dataset')": [3],
    "g.V().groupCount().by(label).select('dataset', 'column')": [{"dataset": 3, "column": 7}],
    "g.V().groupCount().by(label).select('nothing')": [],
    f"g.V('{MART}').project('z', 'a', 'm').by(label).by('name').by('name')": [
        {"z": "dataset", "a": "orders", "m": "orders"}
    ],
    f"g.V('{MART}').project('z', 'a').by(label).by(project('y', 'b').by(label).by('name'))": [
        {"z": "dataset", "a": {"y": "dataset", "b": "orders"}}
    ],
    f"g.V('{MART}').project('z', 'a', 'm').by('nothing').by(label).by('name')": [{"a": "dataset", "m": "orders"}],
    f"g.V('{MART}').as('z').out('hasColumn').as('a').select('z', 'a').by(label).dedup()": [
        {"z": "dataset", "a": "column"}
    ],
    "g.V().hasLabel('dataset').aggregate(local, 'x').cap('x').count(local)": [3],
    "g.V().hasLabel('dataset').aggregate(global, 'x').cap('x').count(local)": [3],
    "g.V().hasLabel('dataset').aggregate(local, 'x').by(label).cap('x').unfold().dedup()": ["dataset"],
    "g.V().groupCount('m').by(label).cap('m').select('dataset')": [3],
    f"g.V('{MART}').out('hasColumn').path().by(label)": [["dataset", "column"]] * 2,
    f"g.V('{MART}').constant('x').path().by(constant(1))": [[1, 1]],
    f"g.V('{MART}').as('a').out('hasColumn').select('a').path().by(label).dedup()": [["dataset", "column", "dataset"]],
    "g.inject('b', 'a').fold().order(local)": [["a", "b"]],
    # maps in the order that order(local) made
    "g.V().groupCount().by(label).order(local).by(values, desc).by(keys).limit(local, 3)": [
        {"column": 7, "alias": 3, "dataset": 3}
    ],
    "g.V().hasLabel('column').group().by('dataset').by(count()).order(local).by(keys, desc)": [
        {REPORT: 2, RAW: 3, MART: 2}
    ],
    "g.V().hasLabel('column').groupCount('m').by('dataset').cap('m').order(local).by(keys, desc)": [
        {REPORT: 2, RAW: 3, MART: 2}
    ],
    f"g.V('{MART}').project('z', 'a').by(label).by('name').order(local).by(keys)": [{"a": "orders", "z": "dataset"}],
    f"g.V('{MART}').project('z', 'a').by(label).by(out('hasColumn').groupCount().by('name').order(local)"
    ".by(keys, desc))": [{"z": "dataset", "a": {"revenue": 1, "currency": 1}}],
    "g.V().hasLabel('column').order().by(id).group().by('dataset').by(groupCount().by('name').order(local)"
    ".by(keys, desc)).order(local).by(keys).limit(local, 1)": [{MART: {"revenue": 1, "currency": 1}}],
    # keys of other types than texts
    "g.V().hasLabel('column').groupCount().by(out('derivesFrom').count()).order(local).by(keys)": [
        {0: 4, 1: 1, 2: 1, 3: 1}
    ],
    "g.E().groupCount().by('masking').order(local).by(values)": [{True: 1, False: 11}],
    "g.V('run:1', 'run:2').group().by('timestamp').by('status').order(local).by(keys, desc)": [
        {2_000: ["failed"], 1_000: ["success"]}
    ],
    "g.V().hasLabel('dataset').groupCount().by(out('hasColumn').count()).select(values).unfold().sum()": [3],
    f"g.V('{MART}').union(outE('derivesFrom').groupCount().by('masking'), groupCount().by(label))": [
        {False: 2},
        {"dataset": 1},
    ],
    f"g.V('{RAW}', '{MART}').order().by(id).local(out('hasColumn').groupCount().by(inE('derivesFrom').count())"
    ".order(local).by(keys))": [{1: 1, 3: 1}, {0: 1, 1: 2}],
    "g.V('nowhere').groupCount().by(label)": [{}],
    "g.V('nowhere').group().by(label)": [{}],
    # keys and values of entries, one by one
    "g.V().hasLabel('column').groupCount().by('dataset').unfold().project('d', 'n').by(keys).by(values)"
    ".order().by('n', desc).by('d').limit(2)": [{"d": RAW, "n": 3}, {"d": MART, "n": 2}],
    "g.V().hasLabel('column').groupCount().by('dataset').unfold().order().by(keys).group().by(values).by(keys)"
    ".order(local).by(keys)": [{2: [MART, REPORT], 3: [RAW]}],
    f"g.V('{PLAN}').elementMap('name')": [{T.id: PLAN, T.label: "plan", "name": "nightly"}],
    "g.V().hasLabel('dataset').hasNext()": [True],
    "g.V('nowhere').hasNext()": [False],
    "g.inject('b', 'a').fold().limit(local, 2)": [["b", "a"]],
}


def ordered(value: Any) -> Any:
    """A value with the order of its keys; paths as lists."""
    if isinstance(value, Path):
        return ordered(value.objects)
    if isinstance(value, dict):
        return [(key, ordered(item)) for key, item in value.items()]
    return [ordered(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_answers_that_a_gremlin_server_gives(serializer: str, address: str) -> None:
    with connected(address, serializer) as client:
        given = {text: client.submit(text).all().result() for text in AS_A_SERVER}
    assert {text: ordered(found) for text, found in given.items()} == {
        text: ordered(found) for text, found in AS_A_SERVER.items()
    }


def test_answers_of_a_gremlin_server(gremlin_server: Server) -> None:
    url, source = gremlin_server.url("single").split("?g=")
    with open_store(gremlin_server.url("single")) as graph:
        graph.clear()
        graph.apply(pipeline())
        with closing(Client(url, source)) as client:
            given = {text: client.submit(text).all().result() for text in AS_A_SERVER}
        graph.clear()
    assert {text: ordered(found) for text, found in given.items()} == {
        text: ordered(found) for text, found in AS_A_SERVER.items()
    }


# Refusals -------------------------------------------------------------------------------------------------------------

WRITES: list[tuple[Ask, str]] = [
    (lambda g: g.add_v("x"), "g.addV('x')"),
    (lambda g: g.V().drop(), "g.V().drop()"),
    (lambda g: g.V().property("a", 1), "g.V().property('a', 1)"),
    (lambda g: g.merge_v({T.id: "x", T.label: "y"}), "g.mergeV([(T.id): 'x', (T.label): 'y'])"),
    (lambda g: g.V("nowhere").side_effect(__.V().drop()), "g.V('nowhere').sideEffect(V().drop())"),
    (lambda g: g.V(RAW).add_e("x").to(__.V(MART)), f"g.V('{RAW}').addE('x').to(V('{MART}'))"),
]


@pytest.mark.parametrize(("ask", "text"), WRITES, ids=[text for _, text in WRITES])
def test_nothing_can_be_changed(ask: Ask, text: str, store: GraphStore, address: str) -> None:
    before = store.counts()
    with remote(address) as g, connected(address) as client:
        for attempt in (lambda: ask(g).to_list(), lambda: ask(g).iterate(), lambda: client.submit(text).all().result()):
            assert refusal(attempt) == (403, "the graph is read here and never changed: it is drawn from the ledger")
    assert store.counts() == before


def refusal(attempt: Callable[[], Any]) -> tuple[int, str]:
    """The status and the sentence."""
    with pytest.raises(GremlinServerError) as refused:
        attempt()
    return refused.value.status_code, refused.value.status_message


#: text -> status and a part of the sentence
REFUSED = {
    "System.exit(0)": (597, "begins with g"),
    "g.V().map{it.get()}": (597, "column 10"),
    "g.V().match(as('a').out().as('b'))": (597, "'match' is not supported: name the places by as()"),
    "g.E().subgraph('x').cap('x')": (597, "'subgraph' is not supported: ask for the edges"),
    "g.V().limit('a')": (597, "limit() does not take (string)"),
    "g.V().out(5)": (597, "out() takes a text there, not 5"),
    "g.V().hasLabel(true)": (597, "hasLabel() takes a text there, not true"),
    "g.V().has(5, 6)": (597, "has() takes a text there, not 5"),
    "g.V().valuemap()": (597, "'valuemap' is not supported: did you mean valueMap()?"),
    "g.V().toList().size()": (597, "toList() ends a traversal"),
    "g.V().groupCount().by(groupCount())": (597, "unfold() gives its entries"),
    "g.V().out().tree()": (597, "'tree' is not supported: path() has the same branches"),
    "g.V().id().fold().product(V().id().fold())": (597, "'product' is not supported: pairs are V().as('a')"),
    "g.V().io('/etc/passwd').read()": (597, "'io' is not supported"),
    "g.io('/etc/passwd').read()": (597, "'io' is not supported"),
    "g.V().call('x')": (597, "'call' is not supported"),
    "g.withComputer().V()": (597, "g.withComputer() is not supported"),
    "g.tx().commit()": (597, "'tx' is not supported"),
    "g.V().properties()": (597, "use valueMap()"),
    "g.V().properties().next()": (597, "use valueMap()"),
    "g.V().explain()": (597, "'explain' is not supported"),
    "g.V().profile()": (597, "'profile' is not supported"),
    "g.export_graphml('x')": (597, "'export_graphml' is not supported"),
    "g": (597, "has no step"),
    "g.V('a\\').drop(); g.V(\\'b').drop()": (403, "never changed"),
    'g.V("a\\u0027).drop()")': None,
    "g.V(\"'); g.addV('x'); //\").values('name')": None,
    "g.V('}`${1}`')": None,
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.items(), ids=REFUSED)
def test_a_text_is_refused_or_is_only_text(text: str, expected: tuple[int, str] | None, address: str) -> None:
    with connected(address) as client:
        if expected is None:
            assert client.submit(text).all().result() == []
            return
        status, sentence = refusal(lambda: client.submit(text).all().result())
    assert (status, expected[1] in sentence) == (expected[0], True), sentence


def bytecode(*steps: list[Any]) -> Bytecode:
    """As it may come over the wire; gremlinpython's builder would not make it."""
    made = Bytecode()
    made.step_instructions = [*steps]
    return made


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_bytecode_that_the_builder_would_not_make_is_refused(serializer: str, address: str) -> None:
    nested = bytecode(["identity"])
    for _ in range(31):
        nested = bytecode(["local", nested])
    deep = bytecode(["local", bytecode(["local", nested])])
    cases = {
        'V().count().next(); g.addV("pwn").iterate(); g.V': bytecode(
            ['V().count().next(); g.addV("pwn").iterate(); g.V']
        ),
        "is not supported": bytecode(["V"], ["clone"]),
        "nested more than": bytecode(["V"], *deep.step_instructions),
        "has no step": bytecode(),
        "SubgraphStrategy would change": with_strategy(),
    }
    with connected(address, serializer) as client:
        for sentence, made in cases.items():
            status, said = refusal(lambda made=made: client.submit(made).all().result())  # type: ignore[misc]
            assert status in (498, 597), said
            assert sentence[:40] in said
        assert client.submit(bytecode(["V"], ["limit", 1], *nested.step_instructions)).all().result()


def with_strategy() -> Bytecode:
    made = bytecode(["V"])
    made.source_instructions = [["withStrategies", SubgraphStrategy(vertices=__.has("x"))]]
    return made


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_lambdas_are_not_read_at_all(serializer: str, address: str) -> None:
    with remote(address, serializer) as g:
        status, sentence = refusal(lambda: g.V().map(lambda: "it.get()").to_list())
    assert status in (498, 597), sentence


#: operation, processor, arguments -> a part of the sentence
INVALID = [
    ("authentication", "", {"sasl": "x"}, "Authorization: Bearer TOKEN"),
    ("eval", "session", {"gremlin": "g.V()", "session": "1"}, "no sessions"),
    ("close", "session", {"session": "1"}, "no sessions"),
    ("authentication", "traversal", {"sasl": "x"}, "Authorization: Bearer TOKEN"),
    ("eval", "", {"gremlin": 5}, "takes a text"),
    ("eval", "", {}, "takes a text"),
    ("eval", "", {"gremlin": "g.V()", "bindings": [1]}, "bindings"),
    ("eval", "", {"gremlin": "g.V()", "aliases": {"g": "other"}}, "source [other] for alias [g] is not configured"),
    ("eval", "", {"gremlin": "g.V()", "aliases": ["g"]}, "aliases is a map"),
    ("eval", "", {"gremlin": "g.V()", "batchSize": -1}, "batchSize is a whole number"),
    ("eval", "", {"gremlin": "g.V()", "evaluationTimeout": "soon"}, "evaluationTimeout is a whole number"),
]


@pytest.mark.parametrize(("op", "processor", "args", "sentence"), INVALID, ids=[case[3] for case in INVALID])
def test_an_invalid_request_is_refused_with_the_reason(
    op: str, processor: str, args: dict[str, Any], sentence: str, address: str
) -> None:
    with connected(address) as client:
        message = RequestMessage(processor, op, args)
        status, said = refusal(lambda: client.submit(message).all().result())
        assert (status, sentence in said) == (499, True), said
        assert client.submit("g.V().count()").all().result() == [25]  # on the same connection


#: What a Gremlin Server answers as well, whatever the order: sets, maps with any keys in a list.
ALIKE = (
    "g.V().hasLabel('dataset').valueMap().select(keys)",
    "g.V().hasLabel('dataset').elementMap().select(keys)",
    "g.V().hasLabel('dataset').valueMap(true).select(keys).dedup()",
    "g.V().groupCount().by(label).select(keys)",
    "g.V().groupCount().by(label).select(keys).fold()",
    "g.V().groupCount().by(label).select(keys).order(local)",
    "g.V().hasLabel('dataset').project('a','b').by(id).by(valueMap().select(keys))",
    "g.V().hasLabel('dataset').local(valueMap().select(keys))",
    "g.V().hasLabel('dataset').id().fold().intersect(V().hasLabel('dataset').id().fold())",
    "g.V().hasLabel('dataset').id().fold().difference(V().hasLabel('job').id().fold())",
    "g.inject(1).fold().disjunct([1, 2])",
    "g.inject(1).fold().merge([1, 3])",
    "g.inject([a: 1]).merge([b: 2])",
    "g.inject(1).fold().combine([1, 3])",
    "g.V().label().fold().dedup(local)",
    "g.inject([[a: 1], [a: 1], [b: 2]]).dedup(local)",
    "g.E().groupCount().by('masking').fold()",
    "g.E().group().by('masking').by(count()).fold().fold()",
    "g.V().hasLabel('column').groupCount().by(out().count()).fold()",
    f"g.V('{MART}').project('a').by(out().groupCount().by(out().count())).fold()",
)
#: Mistakes of a user -> the status of a Gremlin Server.
MISTAKES = {
    "g.inject('a').sum()": 597,
    "g.V().values('name').mean()": 597,
    "g.inject(1,'a').max()": 597,
    "g.inject(1).math('_ / 0')": 597,
    "g.inject(1).math('_ +')": 597,
    "g.V().hasLabel('dataset').by('name')": 597,
    "g.V().range(5, 2)": 597,
    "g.inject(1).substring(1)": 597,
    "g.inject('a').split(1)": 597,
    "g.inject(1).intersect(2)": 597,
    "g.V().times(2)": 597,
    "g.V().emit()": 597,
    "g.inject(1).option(1, V())": 597,
    "g.inject(1).out()": 597,
    "g.inject(1).values('x')": 597,
    "g.V().cap('x')": 597,
    "g.inject(1).fail('no')": 595,
    "g.V().fail()": 595,
}


@pytest.fixture(scope="module")
def real(gremlin_server: Server) -> Iterator[Client]:
    """A client of a real Gremlin Server with the same graph."""
    with open_store(gremlin_server.url()) as store:
        store.clear()
        store.apply(pipeline())
    url, _, name = gremlin_server.url().partition("?g=")
    with closing(Client(url, name, message_serializer=GraphBinarySerializersV1(), pool_size=1)) as client:
        yield client


def unordered(value: Any) -> Any:
    """A value with its type, whose lists, sets and maps are equal whatever their order."""
    if isinstance(value, dict):
        return "map", sorted(((unordered(key), unordered(item)) for key, item in value.items()), key=repr)
    if isinstance(value, (list, set)):
        return type(value).__name__, sorted(map(unordered, value), key=repr)
    return plain(value)


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_sets_and_maps_are_those_of_a_gremlin_server(serializer: str, address: str, real: Client) -> None:
    with connected(address, serializer) as client:
        for text in ALIKE:
            ours, theirs = (unordered(one.submit(text).all().result()) for one in (client, real))
            assert ours == theirs, text


@pytest.mark.parametrize(("text", "status"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_has_the_status_of_a_gremlin_server(text: str, status: int, address: str, real: Client) -> None:
    with connected(address) as client:
        found = [refusal(one.submit(text).all().result)[0] for one in (client, real)]
    assert found == [status, status]


# Limits ---------------------------------------------------------------------------------------------------------------

#: Takes minutes, and no memory.
ENDLESS = "g.inject(1).repeat(identity()).times(100000000).count()"


def test_a_traversal_is_stopped_when_its_time_is_over(store: GraphStore) -> None:
    with listening(store, Limits(milliseconds=50)) as address, connected(address) as client, remote(address) as g:
        assert refusal(lambda: client.submit(ENDLESS).all().result())[0] == 598
        asked_for_more = {"evaluationTimeout": 600_000}
        assert refusal(lambda: client.submit(ENDLESS, request_options=asked_for_more).all().result())[0] == 598
        endless = g.inject(1).repeat(__.identity()).times(100_000_000)
        assert refusal(lambda: endless.count().next())[0] == 598
        eventually(lambda: counted(client) == [25])  # 50 ms are little on a busy machine


def counted(client: Client) -> list[int] | None:
    """How many vertices there are; None: there was no time to count them."""
    with suppress(GremlinServerError):
        return list(client.submit("g.V().count()").all().result())
    return None


@pytest.mark.parametrize("text", [f"g.with('evaluationTimeout', 20).{ENDLESS[2:]}", ENDLESS])
def test_a_request_may_ask_for_less_time(text: str, address: str) -> None:
    options = {} if "with" in text else {"evaluationTimeout": 20}
    with connected(address) as client:
        assert refusal(lambda: client.submit(text, request_options=options).all().result())[0] == 598


def test_an_answer_has_bounds(store: GraphStore) -> None:
    with listening(store, Limits(results=10, answer_bytes=1_000)) as address, connected(address) as client:
        assert len(client.submit("g.V().limit(10).id()").all().result()) == 10
        assert refusal(lambda: client.submit("g.V().id()").all().result()) == (
            500,
            "there are more than 10 results: ask for a part, by limit()",
        )
        whole = "g.V().limit(10).elementMap()"
        for options in ({}, {"batchSize": 1}):  # before the first frame, and behind some
            assert refusal(lambda sent=options: client.submit(whole, request_options=sent).all().result()) == (  # type: ignore[misc]
                500,
                "the answer has more than 1000 bytes: ask for a part of it",
            )
        assert client.submit("g.V().limit(1).elementMap()").all().result()
        more = "g.inject(1).repeat(union(identity(), identity())).times(70).count()"
        status, sentence = refusal(lambda: client.submit(more).all().result())
        assert (status, "too large" in sentence) == (500, True)


def eval_(text: str, identity: str) -> str:
    return json.dumps({"requestId": identity, "op": "eval", "processor": "", "args": {"gremlin": text}})


async def test_requests_of_one_connection_run_side_by_side(address: str) -> None:
    slow, quick = str(uuid.uuid4()), [str(uuid.uuid4()) for _ in range(20)]
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
        await socket.send_str(eval_(f"g.with('evaluationTimeout', 3000).{ENDLESS[2:]}", slow))
        for number, identity in enumerate(quick):
            await socket.send_str(eval_(f"g.inject({number})", identity))
        answers = [await socket.receive_json() for _ in range(21)]
    said = {answer["requestId"]: answer["status"]["code"] for answer in answers}
    assert said == {slow: 598, **dict.fromkeys(quick, 200)}
    assert answers[0]["requestId"] != slow  # which came first
    numbers = {answer["requestId"]: answer["result"]["data"] for answer in answers if answer["requestId"] != slow}
    assert [numbers[identity]["@value"][0]["@value"] for identity in quick] == list(range(20))


async def test_too_many_requests_at_once_are_refused(store: GraphStore) -> None:
    with listening(store, Limits(waiting=4)) as address:
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
            for number in range(6):  # more than there are threads: who is refused does not wait for one
                await socket.send_str(
                    eval_(f"g.with('evaluationTimeout', 3000).{ENDLESS[2:]}", str(uuid.UUID(int=number)))
                )
            codes = [(await socket.receive_json())["status"]["code"] for _ in range(6)]
    assert codes == [429, 429, 598, 598, 598, 598]


async def test_too_many_connections_are_refused(store: GraphStore) -> None:
    with listening(store, Limits(connections=1, idle_seconds=3_600)) as address:
        async with aiohttp.ClientSession() as session, session.ws_connect(address):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(address)
    assert refused.value.status == 503


async def asks(socket: aiohttp.ClientWebSocketResponse) -> int:
    await socket.send_str(eval_("g.V().limit(1).count()", str(uuid.uuid4())))
    return int((await socket.receive_json())["status"]["code"])


async def test_who_is_silent_for_longest_makes_room_for_a_new_connection(store: GraphStore) -> None:
    """Those that never asked before those that did; never one that waits for its answer."""
    with listening(store, Limits(connections=4, idle_seconds=0)) as address:
        async with AsyncExitStack() as ends:
            session = await ends.enter_async_context(aiohttp.ClientSession())

            async def connect() -> aiohttp.ClientWebSocketResponse:
                return await ends.enter_async_context(session.ws_connect(address))

            waiting = await connect()
            await waiting.send_str(eval_(f"g.with('evaluationTimeout', 4000).{ENDLESS[2:]}", str(uuid.uuid4())))
            used = await connect()
            assert await asks(used) == 200
            for gone in [await connect() for _ in range(2)]:
                new = await connect()
                assert (await gone.receive()).data == aiohttp.WSCloseCode.GOING_AWAY
                assert await asks(new) == 200
            assert await asks(used) == 200
            last = await connect()  # of the three that had asked one is silent for longest
            assert await asks(last) == 200
            assert await asks(used) == 200
            assert (await waiting.receive_json())["status"]["code"] == 598


async def test_a_connection_that_waits_for_its_answer_makes_no_room(store: GraphStore) -> None:
    with listening(store, Limits(connections=1, idle_seconds=0)) as address:
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as busy:
            await busy.send_str(eval_(f"g.with('evaluationTimeout', 4000).{ENDLESS[2:]}", str(uuid.uuid4())))
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(address)
            assert refused.value.status == 503
            assert (await busy.receive_json())["status"]["code"] == 598


# Frames ---------------------------------------------------------------------------------------------------------------

BINARY, JSON = b"application/vnd.graphbinary-v1.0", b"application/vnd.gremlin-v3.0+json"
STRINGD = b"application/vnd.graphbinary-v1.0-stringd"
FRAMES: dict[str, tuple[bytes | str, int]] = {
    "nothing": (b"", 497),
    "a format that is not there": (b"\x10application/json{}", 497),
    "bytes": (bytes(range(200)), 497),
    "another GraphBinary": (b"\x20application/vnd.graphbinary-v9.0", 497),
    "GraphBinary without a body": (bytes((len(BINARY),)) + BINARY, 498),
    "GraphBinary that ends early": (bytes((len(BINARY),)) + BINARY + b"\x81" + b"\x01" * 20, 498),
    "GraphSON that is no JSON": (bytes((len(JSON),)) + JSON + b"{", 498),
    "GraphSON that is no request": (bytes((len(JSON),)) + JSON + b"[]", 498),
    "GraphSON that is deep": (bytes((len(JSON),)) + JSON + b'{"args":' + b"[" * 900 + b"]" * 900 + b"}", 498),
    "text that is no JSON": ("g.V()", 498),
    "text that is no request": ("{}", 498),
    "text with a lone surrogate": ('{"requestId": "\\ud800"}', 498),
}


@pytest.mark.parametrize(("frame", "status"), FRAMES.values(), ids=FRAMES)
async def test_a_malformed_frame_is_answered_and_not_fatal(frame: bytes | str, status: int, address: str) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
        await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
        answer = await socket.receive()
        is_binary = isinstance(frame, bytes) and b"graphbinary" in frame
        client = SERIALIZERS["GraphBinary" if is_binary else "GraphSON"]()
        assert client.deserialize_message(answer.data)["status"]["code"] == status
        await socket.send_str(eval_("g.V().count()", str(uuid.uuid4())))
        assert (await socket.receive_json())["status"]["code"] == 200


#: what the console asks -> what it prints
CONSOLE = {
    f"g.V('{MART}')": f"v[{MART}]",
    f"g.V('{MART}').elementMap()": f"{{id={MART}, label=dataset, name=orders, namespace=s3://lake}}",
    f"g.V('{MART}').path()": f"path[v[{MART}]]",
    "g.inject([1, true, null])": "[1, true, null]",
}


async def test_the_console_is_answered_with_texts(address: str) -> None:
    client = GraphBinarySerializersV1()
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
        for text, line in CONSOLE.items():
            message = client.serialize_message(str(uuid.uuid4()), RequestMessage("", "eval", {"gremlin": text}))
            await socket.send_bytes(bytes((len(STRINGD),)) + STRINGD + message[1 + len(BINARY) :])
            assert client.deserialize_message((await socket.receive()).data)["result"]["data"] == [line]


async def test_a_frame_that_is_too_large_ends_its_connection_alone(address: str) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as other:
        async with session.ws_connect(address) as socket:
            await socket.send_str(" " * (Limits().request_bytes + 1))
            assert (await socket.receive()).data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        await other.send_str(eval_("g.V().count()", str(uuid.uuid4())))
        assert (await other.receive_json())["status"]["code"] == 200
