"""The stand-in reads what gremlinpython sends and is understood by it, and it refuses what Neptune refuses."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from gremlin_python.driver.request import RequestMessage
from gremlin_python.driver.serializer import GraphBinarySerializersV1, GraphSONSerializersV3d0
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.graph_traversal import __
from gremlin_python.process.traversal import Cardinality, Direction, Merge, Order, P, Scope, T, TextP
from gremlin_python.statics import long
from gremlin_python.structure.graph import Graph

from tests.neptune import rules
from tests.neptune.wire import Code, Other, Pairs, Request, Token, error, request_of, status_of, values

SERIALIZERS = [GraphBinarySerializersV1(), GraphSONSerializersV3d0()]
ID = "b163032b-0c78-444b-9d80-07eacd88b74f"
g = traversal().with_graph(Graph())


def asked(question: Any, serializer: Any) -> Request:
    arguments = {"gremlin": question.bytecode, "aliases": {"g": "g"}}
    return request_of(serializer.serialize_message(ID, RequestMessage("traversal", "bytecode", arguments)))


@pytest.fixture(params=SERIALIZERS, ids=["graphbinary", "graphson"])
def serializer(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_request_is_read(serializer: Any) -> None:
    rows = [{T.id: "v", T.label: "x", "n": 1, "big": long(2**40), "f": 0.5, "yes": True, "text": "é"}]
    question = (
        g.with_("evaluationTimeout", 500)
        .inject(rows)
        .unfold()
        .merge_v(__.select("k"))
        .option(Merge.on_create, __.select("p"))
        .property(Cardinality.single, "n", 1)
        .order(Scope.local)
        .by("n", Order.desc)
        .has("n", P.within(["a", "b"]).and_(P.gt("0")))
        .has("n", TextP.starting_with("a"))
    )
    found = asked(question, serializer)
    assert (str(found.id), found.op) == (ID, "bytecode")
    seen = list(values(found.gremlin))
    assert {Token("T", "id"), Token("Merge", "onCreate"), Token("Order", "desc"), Token("P", "within")} <= {
        node for node in seen if isinstance(node, Token)
    }
    [row] = [node for node in seen if isinstance(node, Pairs) and len(node.pairs) == 7]
    assert {key: value for key, value in row.pairs if isinstance(key, str)} == {
        "n": 1,
        "big": 2**40,
        "f": 0.5,
        "yes": True,
        "text": "é",
    }
    assert isinstance(found.gremlin, Code)
    assert [name for name, _ in found.gremlin.steps][:3] == ["inject", "unfold", "mergeV"]


def test_an_error_is_read_by_the_driver(serializer: Any) -> None:
    answer = error(asked(g.V(), serializer), 500, '{"code":"ThrottlingException"}')
    read = serializer.deserialize_message(answer if isinstance(answer, bytes) else answer.encode())
    assert (read["requestId"], read["status"]["code"]) == (ID, 500)
    assert read["status"]["message"] == '{"code":"ThrottlingException"}'
    assert status_of(answer) == 500


REFUSED = [
    (g.V(1), "InvalidParameterException"),
    (g.V(uuid.UUID(ID)), "InvalidParameterException"),
    (g.V([1, 2]), "InvalidParameterException"),
    (g.merge_v({T.id: 1, T.label: "x"}), "InvalidParameterException"),
    (g.inject([{"k": {T.id: 2.5}}]).unfold().merge_v(__.select("k")), "InvalidParameterException"),
    (g.inject([{"k": {T.id: "a"}, "p": {"n": None}}]), "InvalidParameterException"),
    (g.merge_v({T.id: "a", T.label: "x::y"}), "UnsupportedOperationException"),
    (g.V("a").property("n", 1), "UnsupportedOperationException"),
    (g.V("a").property(Cardinality.set_, "n", 1), "UnsupportedOperationException"),
    (g.V("a").out_e().in_v().property("n", 1), "UnsupportedOperationException"),
    (g.V().match(__.as_("a").out().as_("b")), "UnsupportedOperationException"),
    (g.V("a").out().tree(), "UnsupportedOperationException"),
    (g.V().page_rank(), "UnsupportedOperationException"),
    (g.V().map(lambda: ("it.get()", "gremlin-groovy")), "UnsupportedOperationException"),
]


@pytest.mark.parametrize(("question", "code"), REFUSED)
def test_what_neptune_refuses_is_refused(question: Any, code: str, serializer: Any) -> None:
    found = rules.wrong(asked(question, serializer))
    assert found is not None
    assert found[0] == code


TAKEN = [
    g.V("a", "b").out("x").id_(),
    g.V(["a", "b"]).element_map(),
    g.inject([{"k": {T.id: "a", T.label: "x"}, "p": {"n": 1}}]).unfold().merge_v(__.select("k")),
    g.V("a").property(Cardinality.single, "n", 1),
    g.merge_v({T.id: "a"}).merge_e({T.id: "e", T.label: "x"}).property("n", 1),
    g.merge_e({T.id: "e", T.label: "x", Direction.OUT: "a", Direction.IN: "b"}),
    g.V("a").has("at", dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)),
]


@pytest.mark.parametrize("question", TAKEN)
def test_what_neptune_takes_is_taken(question: Any, serializer: Any) -> None:
    assert rules.wrong(asked(question, serializer)) is None


def test_a_request_beyond_neptunes_size_is_refused() -> None:
    assert rules.wrong(Request(uuid.UUID(ID), "", "eval", "g.V()", 157_286_401)) == (
        "QueryTooLargeException",
        "The request is larger than 157286400 bytes",
    )


def test_records_are_labels_and_properties(serializer: Any) -> None:
    rows = [{"k": {T.id: f"v{i}", T.label: "column"}, "p": {"name": "n", "type": "t"}} for i in range(3)]
    write = asked(g.inject(rows).unfold().merge_v(__.select("k")), serializer).gremlin
    chain = g.merge_v({T.id: "v", T.label: "column"}).property(Cardinality.single, "name", "n")
    read = asked(g.V("a").out(), serializer).gremlin
    assert rules.records(asked(chain, serializer).gremlin) == 2
    assert (rules.records(write), rules.writes(write)) == (9, True)
    assert (rules.records(read), rules.writes(read)) == (0, False)


def test_a_lambda_is_seen(serializer: Any) -> None:
    found = asked(g.V().map(lambda: ("it.get()", "gremlin-groovy")), serializer)
    assert Other("lambda") in list(values(found.gremlin))
