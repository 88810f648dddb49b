"""Whatever is sent as Gremlin gets an answer; what is understood is understood as gremlinpython prints it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import islice
from typing import Any

import pytest
from gremlin_python.driver.request import RequestMessage
from gremlin_python.driver.serializer import GraphBinarySerializersV1, GraphSONSerializersV3d0
from gremlin_python.process.translator import Translator
from gremlin_python.process.traversal import Bytecode, Column, Direction, Order, P, Pop, Scope, T, TextP
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark

from headwater.graphstore import GraphStore, open_store
from headwater.graphstore.allowed_steps import STEPS
from headwater.graphstore.embedded.store import EmbeddedStore
from headwater.graphstore.errors import InvalidRequest
from headwater.ingest.gremlin.evaluation import frames
from headwater.ingest.gremlin.graphbinary import GraphBinary
from headwater.ingest.gremlin.graphson import GraphSON
from headwater.ingest.gremlin.limits import Limits
from headwater.ingest.gremlin.messages import Codec
from headwater.ingest.gremlin.text import parse
from tests.contract.queries_world import pipeline

# What is drawn --------------------------------------------------------------------------------------------------------

LONG = st.integers(-(2**63), 2**63 - 1)
NUMBERS = LONG | st.floats(allow_nan=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = TEXTS | NUMBERS | st.booleans()
TOKENS = st.sampled_from([T.id, T.label, Order.desc, Scope.local, Scope.global_, Column.keys, Pop.all_, Direction.OUT])

ONE = st.builds(P, st.sampled_from(["eq", "neq", "gt", "gte", "lt", "lte"]), TEXTS | NUMBERS)
TWO = st.builds(P, st.sampled_from(["between", "inside", "outside"]), NUMBERS, NUMBERS)
MANY = st.builds(P, st.sampled_from(["within", "without"]), st.lists(TEXTS | NUMBERS, max_size=3))
TEXTUAL = st.builds(TextP, st.sampled_from(["containing", "startingWith", "notEndingWith", "regex"]), TEXTS)


def _joined(inner: st.SearchStrategy[P]) -> st.SearchStrategy[P]:
    return st.builds(P, st.sampled_from(["and", "or"]), inner, inner) | st.builds(P, st.just("not"), inner)


PREDICATES = st.recursive(ONE | TWO | MANY | TEXTUAL, _joined, max_leaves=4)


def _traversal(steps: list[list[Any]]) -> Bytecode:
    made = Bytecode()
    made.step_instructions = steps
    return made


def _steps(arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Bytecode]:
    names = st.sampled_from(sorted(STEPS - {"with"}))
    step = st.tuples(names, st.lists(arguments, max_size=3)).map(lambda drawn: [drawn[0], *drawn[1]])
    return st.lists(step, min_size=1, max_size=4).map(_traversal)


VALUES = (
    SCALARS
    | TOKENS
    | PREDICATES
    | st.none()
    | st.lists(SCALARS, max_size=3)
    | st.dictionaries(TEXTS, SCALARS, max_size=2)
)
TRAVERSALS = _steps(st.recursive(VALUES, _steps, max_leaves=6))
#: Of the grammar itself, whatever its names mean.
GRAMMATICAL = from_lark(
    Lark(resources.files("headwater.ingest.gremlin").joinpath("gremlin.lark").read_text(), parser="lalr")
)


def _called(arguments: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    step = st.tuples(st.sampled_from(["out", "has", "by", "where", "as"]), st.lists(arguments, max_size=3))
    steps = st.lists(step.map(lambda drawn: f"{drawn[0]}({', '.join(drawn[1])})"), min_size=1, max_size=3).map(".".join)
    return steps | steps.map("__.{}".format)


#: Values as people write them, in all spellings that the grammar has; Translator prints no list within a list.
_LITERALS = st.sampled_from(
    r"""
    1 -2 3L 4.5 5d 6.5f 7e-2 8i true false null 'a' "b" 'it\'s' "say\"no\"" '\u00e9\n\\' '$x' ''
    Double.POSITIVE_INFINITY
    """.split()  # noqa: SIM905 - as they are written
)
_TOKENS = st.sampled_from(
    """
    id T.label desc Order.asc local Scope.global values Pop.all IN Direction.from any not(has('x')) __.not(in())
    """.split()  # noqa: SIM905 - as above
)
_LISTS = st.lists(_LITERALS, max_size=3).map(lambda items: f"[{','.join(items)}]")
_MAPS = st.lists(st.tuples(st.sampled_from(["a", "'b c'", "(T.id)", "id"]), _LITERALS), max_size=3).map(
    lambda pairs: f"[{', '.join(f'{key}: {value}' for key, value in pairs) or ':'}]"
)
_PREDICATES = st.sampled_from(
    ["gt(1)", "P.lt(2L)", "within('a', 'b')", "without([1])", "P.between(1, 2)", "TextP.containing('x')", "neq(null)"]  # noqa: RUF005 - two lines of one table
    + ["gt(1).and(lt(3)).or(eq(9))", "not(within('a'))", "gt(1).negate()", "startingWith('a').and(not(regex('b')))"]
)
WRITTEN = _called(st.recursive(_LITERALS | _TOKENS | _LISTS | _MAPS | _PREDICATES, _called, max_leaves=8)).map(
    lambda steps: f"g.with('x', 1).V().{steps.removeprefix('__.')}.next()"
)


# Text -----------------------------------------------------------------------------------------------------------------


@given(TRAVERSALS)
def test_what_gremlinpython_prints_is_read_as_what_it_was(traversal: Bytecode) -> None:
    assert parse(Translator().of("g").translate(traversal)) == traversal


@given(WRITTEN)
def test_what_is_parsed_is_the_same_when_printed_and_parsed_again(text: str) -> None:
    traversal = parse(text)
    assert parse(Translator().of("g").translate(traversal)) == traversal


@given(st.text() | GRAMMATICAL | st.text(alphabet="gV.()'\"\\,[]:{}1e-_/* \n"))
def test_any_text_is_a_traversal_or_refused_in_one_sentence(text: str) -> None:
    try:
        found: object = parse(text)
    except InvalidRequest as refused:
        found = str(refused)
    assert isinstance(found, Bytecode) or (isinstance(found, str) and 0 < len(found) < 400)


# Requests -------------------------------------------------------------------------------------------------------------

CODECS: Mapping[str, tuple[Codec, Any]] = {
    "GraphBinary": (GraphBinary(), GraphBinarySerializersV1()),
    "GraphSON": (GraphSON(), GraphSONSerializersV3d0()),
}
FINAL = {200, 204, 403, 497, 498, 499, 500, 597, 598}
SMALL = Limits(milliseconds=100, results=1_000)
IDENTITY = uuid.UUID("41d2e28a-20a4-4ab0-b379-d810dede3786")


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    opened: GraphStore = open_store(f"embedded:{tmp_path_factory.mktemp('laws') / 'graph'}")
    assert isinstance(opened, EmbeddedStore)
    with opened:
        opened.apply(pipeline())
        yield opened


def answer(graph: EmbeddedStore, codec: Codec, client: Any, body: bytes) -> list[dict[str, Any]]:
    """The frames, as a client reads them; the last one and no other says that it is the last."""
    found = [client.deserialize_message(frame) for frame in islice(frames(graph, codec, body, SMALL), 100)]
    codes = [frame["status"]["code"] for frame in found]
    assert codes[-1] in FINAL
    assert set(codes[:-1]) <= {206}
    return found


def body_of(client: Any, processor: str, op: str, gremlin: Any) -> bytes:
    message = client.serialize_message(str(IDENTITY), RequestMessage(processor, op, {"gremlin": gremlin}))
    return bytes(message[1 + message[0] :])


def long_free(traversal: Bytecode) -> bool:
    """Whether gremlinpython can write it: an int beyond 32 bits it cannot, without being told."""
    try:
        body_of(GraphBinarySerializersV1(), "traversal", "bytecode", traversal)
    except Exception:  # noqa: BLE001 - struct.error and others
        return False
    return True


@pytest.mark.parametrize("name", CODECS)
@given(traversal=TRAVERSALS.filter(long_free))
def test_any_bytecode_gets_an_answer(name: str, graph: EmbeddedStore, traversal: Bytecode) -> None:
    codec, client = CODECS[name]
    found = answer(graph, codec, client, body_of(client, "traversal", "bytecode", traversal))
    assert {frame["requestId"] for frame in found} == {str(IDENTITY)}
    codes = {frame["status"]["code"] for frame in found}
    assert not codes & {497, 498, 499}, found[-1]["status"]
    assert "internal error" not in (found[-1]["status"]["message"] or "")


@pytest.mark.parametrize("name", CODECS)
@given(body=st.binary())
def test_any_bytes_get_an_answer(name: str, graph: EmbeddedStore, body: bytes) -> None:
    codec, client = CODECS[name]
    assert answer(graph, codec, client, body)[-1]["status"]["code"] == 498


@pytest.mark.parametrize("name", CODECS)
@given(data=st.data())
def test_a_request_that_was_tampered_with_gets_an_answer(name: str, graph: EmbeddedStore, data: st.DataObject) -> None:
    codec, client = CODECS[name]
    traversal = _traversal(
        [["V"], ["has", "name", P("within", ["a", "b"])], ["order"], ["by", T.id, Order.desc], ["limit", 3]]
    )
    body = bytearray(body_of(client, "traversal", "bytecode", traversal))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    found = answer(graph, codec, client, bytes(body[: data.draw(st.integers(0, len(body)))]))
    assert "internal error" not in (found[-1]["status"]["message"] or "")
