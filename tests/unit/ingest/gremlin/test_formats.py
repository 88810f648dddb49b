"""The wire's formats: requests as gremlinpython's own serialisers write them, responses as they read them."""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from gremlin_python.driver.request import RequestMessage
from gremlin_python.driver.serializer import GraphBinarySerializersV1, GraphSONSerializersV3d0
from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.strategies import OptionsStrategy, ReadOnlyStrategy
from gremlin_python.process.traversal import (
    DT,
    Barrier,
    Binding,
    Bytecode,
    Cardinality,
    Column,
    Direction,
    Merge,
    Operator,
    Order,
    P,
    Pick,
    Pop,
    Scope,
    T,
    TextP,
    TraversalStrategies,
    Traverser,
)
from gremlin_python.statics import long
from gremlin_python.structure.graph import Edge, Graph, Path, Property, Vertex, VertexProperty

from headwater.graphstore.errors import InvalidRequest
from headwater.ingest.gremlin.graphbinary import GraphBinary
from headwater.ingest.gremlin.graphson import GraphSON
from headwater.ingest.gremlin.messages import NO_ID, Codec, RequestFailed, Status

CODECS: dict[str, tuple[Codec, Any]] = {
    "GraphBinary": (GraphBinary(), GraphBinarySerializersV1()),
    "GraphSON": (GraphSON(), GraphSONSerializersV3d0()),
}
IDENTITY = uuid.UUID("41d2e28a-20a4-4ab0-b379-d810dede3786")
g = GraphTraversalSource(Graph(), TraversalStrategies())
NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.timezone.utc).replace(tzinfo=None)  # gremlinpython has no zones

Both = tuple[Codec, Any]


@pytest.fixture(params=[*CODECS.values()], ids=[*CODECS])
def both(request: pytest.FixtureRequest) -> Both:
    found: Both = request.param
    return found


def body_of(client: Any, **args: Any) -> bytes:
    op, processor = ("bytecode", "traversal") if isinstance(args.get("gremlin"), Bytecode) else ("eval", "")
    message = client.serialize_message(str(IDENTITY), RequestMessage(processor, op, args))
    return bytes(message[1 + message[0] :])


# Requests -------------------------------------------------------------------------------------------------------------

#: every kind of argument that a client writes
ARGUMENTS: list[Any] = [
    *("text", 'say "no"\n\u00e9\U0001f600', 5, -1, long(2**40), 1.5, True, None, math.inf),
    *(NOON, IDENTITY, [1, ["a"]], {"a": 1, T.id: "x"}, {1, 2}),
    *(P.gt(1), P.within("a", "b"), P.within(), P.without([1]), P.between(1, 2), P.not_(P.eq("a")), P.eq(None)),
    *(P.gt(1).and_(P.lt(5)).or_(P.neq(3)), TextP.containing("a"), TextP.regex("a").and_(TextP.not_regex("b"))),
    *(T.id, T.label, Order.desc, Order.shuffle, Scope.local, Scope.global_, Column.keys, Pop.all_, Pop.last),
    *(Direction.OUT, Direction.from_, Direction.BOTH, Cardinality.set_, Merge.on_create, Pick.any_, Pick.none, DT.hour),
    *(Operator.sum_, Operator.min, Operator.mult, Barrier.normSack, Binding("x", 5), Vertex("1", "person")),
]


@pytest.mark.parametrize("argument", ARGUMENTS, ids=repr)
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning")  # gremlinpython's reader
def test_an_argument_arrives_as_it_was_sent(argument: Any, both: Both) -> None:
    codec, client = both
    bytecode = Bytecode()
    bytecode.step_instructions = [["has", "n", argument]]
    request = codec.request(body_of(client, gremlin=bytecode, aliases={"g": "g"}))
    assert (request.id, request.op, request.processor) == (IDENTITY, "bytecode", "traversal")
    assert request.args["aliases"] == {"g": "g"}
    found = request.args["gremlin"].step_instructions[0][2]
    assert found == argument
    assert repr(found) == repr(argument)


def test_a_traversal_arrives_as_it_was_sent(both: Both) -> None:
    codec, client = both
    sent = g.with_("evaluationTimeout", 100).with_strategies(ReadOnlyStrategy()).with_side_effect("x", [1])
    bytecode = sent.V("a").repeat(__.out("b").dedup()).until(__.not_(__.out())).path().by(__.element_map()).bytecode
    found = codec.request(body_of(client, gremlin=bytecode)).args["gremlin"]
    assert found == bytecode
    (options, *_) = (s for name, *given in found.source_instructions for s in given if isinstance(s, OptionsStrategy))
    assert options.configuration == {"evaluationTimeout": 100}


def test_a_text_and_its_bindings_arrive(both: Both) -> None:
    codec, client = both
    request = codec.request(body_of(client, gremlin="g.V(x)", bindings={"x": ["a", 1]}, batchSize=5))
    assert (request.op, request.processor) == ("eval", "")
    assert dict(request.args) == {"gremlin": "g.V(x)", "bindings": {"x": ["a", 1]}, "batchSize": 5}
    assert codec.id_of(body_of(client, gremlin="")) == IDENTITY


def test_a_request_that_ends_early_is_malformed(both: Both) -> None:
    codec, client = both
    body = body_of(client, gremlin=g.V().has("n", P.within("a", "b")).bytecode)
    for length in range(len(body)):
        with pytest.raises(RequestFailed) as failed:
            codec.request(body[:length])
        assert failed.value.status is Status.MALFORMED


def test_depth_has_a_bound(both: Both) -> None:
    codec, client = both
    nested: Any = 1
    for _ in range(150):
        nested = [nested]
    bytecode = Bytecode()
    bytecode.step_instructions = [["inject", nested]]
    with pytest.raises(RequestFailed, match="nested more than"):
        codec.request(body_of(client, gremlin=bytecode))


BINARY_ARGUMENTS = {
    "a set that says how often": b"\x2a\x00"
    + struct.pack(">i", 1)
    + b"\x01\x00\x00\x00\x00\x01"
    + struct.pack(">q", 2**62),
    "a lambda": b"\x1d\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff",
    "a class": b"\x06\x00\x00\x00\x00\x01a",
    "a custom type": b"\x00\x00",
    "a list of two thousand million": b"\x09\x00\x7f\xff\xff\xff",
    "a text of a negative length": b"\x03\x00\xff\xff\xff\xff",
    "an enum's member that is not there": b"\x20\x00\x03\x00\x00\x00\x00\x05value_",
}


@pytest.mark.parametrize("argument", BINARY_ARGUMENTS.values(), ids=BINARY_ARGUMENTS)
def test_graphbinary_that_is_never_in_a_request_is_malformed(argument: bytes) -> None:
    bytecode = struct.pack(">i", 1) + b"\x00\x00\x00\x01V" + struct.pack(">i", 1) + argument + struct.pack(">i", 0)
    args = struct.pack(">i", 1) + b"\x03\x00\x00\x00\x00\x07gremlin\x15\x00" + bytecode
    body = b"\x81" + IDENTITY.bytes + b"\x00\x00\x00\x08bytecode\x00\x00\x00\x09traversal" + args
    with pytest.raises(RequestFailed) as failed:
        GraphBinary().request(body)
    assert failed.value.status is Status.MALFORMED


JSON_ARGUMENTS = {
    "a set that says how often": {"@type": "g:BulkSet", "@value": [1, {"@type": "g:Int64", "@value": 2**62}]},
    "a lambda": {"@type": "g:Lambda", "@value": {"script": "it", "language": "gremlin-groovy", "arguments": 1}},
    "a type that is not there": {"@type": "x:Y", "@value": 1},
    "a type that is no text": {"@type": {}, "@value": 1},
    "no value": {"@type": "g:Int32"},
    "an enum's member that is not there": {"@type": "g:T", "@value": "sideways"},
    "a whole number that is none": {"@type": "g:Int32", "@value": "x"},
    "a step without a name": {"@type": "g:Bytecode", "@value": {"step": [[]]}},
}


@pytest.mark.parametrize("argument", JSON_ARGUMENTS.values(), ids=JSON_ARGUMENTS)
def test_graphson_that_is_never_in_a_request_is_malformed(argument: Any) -> None:
    bytecode = {"@type": "g:Bytecode", "@value": {"step": [["V", argument]]}}
    body = {"requestId": str(IDENTITY), "op": "bytecode", "processor": "traversal", "args": {"gremlin": bytecode}}
    with pytest.raises(RequestFailed) as failed:
        GraphSON().request(json.dumps(body).encode())
    assert failed.value.status is Status.MALFORMED


def test_a_strategy_that_would_change_the_answer_is_named() -> None:
    strategy = {"@type": "g:SubgraphStrategy", "@value": {"vertices": {"@type": "g:Bytecode", "@value": {}}}}
    bytecode = {"@type": "g:Bytecode", "@value": {"source": [["withStrategies", strategy]], "step": [["V"]]}}
    with pytest.raises(InvalidRequest, match="SubgraphStrategy would change the answer"):
        GraphSON().request(
            json.dumps({"requestId": str(IDENTITY), "op": "bytecode", "args": {"gremlin": bytecode}}).encode()
        )


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"1", b'{"requestId": 5}', b'{"requestId": "x"}', b"\x81", b"\x80" * 20]
)
def test_an_id_that_cannot_be_read_is_nobodys(body: bytes, both: Both) -> None:
    assert both[0].id_of(body) == NO_ID


# Responses ------------------------------------------------------------------------------------------------------------


def person() -> Vertex:
    vertex = Vertex("1", "person")
    vertex.properties = [VertexProperty("1/name", "name", "Ada", vertex), VertexProperty("1/age", "age", 2**40, vertex)]
    return vertex


def knows() -> Edge:
    edge = Edge("e", Vertex("1", "person"), "knows", Vertex("2", "person"))
    edge.properties = [Property("since", 1.5, edge)]
    return edge


Result = tuple[Any, Callable[[Any], Any], Any]


def _themselves(*values: Any) -> list[Result]:
    return [(value, lambda found: found, value) for value in values]


#: a result, and what of it a client must find
RESULTS: list[Result] = [
    *_themselves("x", "", "\u00e9\U0001f600", True, False, None, 0.1, -0.0),
    *_themselves(0, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63 - 1, -(2**63)),
    *_themselves(2**63, -(2**100), long(5), [1, [None]], {}, [], NOON, math.inf, {1, 2}),
    ({"a": [1], T.id: "x", Direction.IN: {T.label: None}}, dict, {"a": [1], T.id: "x", Direction.IN: {T.label: None}}),
    (person(), lambda v: [(p.label, p.value) for p in v.properties], [("name", "Ada"), ("age", 2**40)]),
    (Vertex("1", "person"), lambda v: (v.id, v.label, v.properties or []), ("1", "person", [])),
    (knows(), lambda e: [(p.key, p.value) for p in e.properties], [("since", 1.5)]),
    (knows(), lambda e: (e.id, e.label, e.outV.id, e.outV.label, e.inV.id), ("e", "knows", "1", "person", "2")),
    (Path([{"a"}, set()], ["x", 1]), lambda p: (p.labels, p.objects), ([{"a"}, set()], ["x", 1])),
    (Traverser("x"), lambda t: (t.object, t.bulk), ("x", 1)),
]


@pytest.mark.parametrize(("result", "look", "expected"), RESULTS, ids=[repr(result) for result, *_ in RESULTS])
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning")  # gremlinpython's reader
def test_a_result_is_what_a_client_reads(result: Any, look: Callable[[Any], Any], expected: Any, both: Both) -> None:
    codec, client = both
    answer = client.deserialize_message(codec.response(IDENTITY, Status.SUCCESS, None, [result, "behind it"]))
    assert answer["requestId"] == str(IDENTITY)
    assert answer["status"]["code"] == 200
    found, behind = answer["result"]["data"]
    assert look(found) == expected
    assert isinstance(look(found), type(expected)) or isinstance(expected, int)
    assert behind == "behind it"


def test_an_error_is_what_a_client_reads(both: Both) -> None:
    codec, client = both
    answer = client.deserialize_message(codec.response(IDENTITY, Status.TIMEOUT, "too late", None))
    assert answer["status"] == {"code": 598, "message": "too late", "attributes": {}}
    assert answer["result"] == {"data": None, "meta": {}}


def test_a_result_of_an_unknown_type_is_an_error_and_not_half_a_frame(both: Both) -> None:
    with pytest.raises(TypeError):
        both[0].response(IDENTITY, Status.SUCCESS, None, [object()])
