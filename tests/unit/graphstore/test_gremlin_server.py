"""What a Gremlin Server's errors mean."""

from __future__ import annotations

import pytest
from gremlin_python.driver.protocol import GremlinServerError

from headwater.graphstore.errors import Exceeded, InvalidRequest, PermanentError, StoreError, TransientError
from headwater.graphstore.remote.gremlin_server import store_error

ANSWERS: list[tuple[int, str, list[str], type[StoreError]]] = [
    (401, "no", [], InvalidRequest),
    (499, "The traversal source [x] for alias [g] is not configured on the server.", [], InvalidRequest),
    (500, "Vertex id could not be resolved from mergeE: x", ["java.lang.IllegalArgumentException"], PermanentError),
    (500, "Java heap space", ["java.lang.OutOfMemoryError"], TransientError),
    (500, "Conflict", ["org.apache.tinkerpop.gremlin.structure.util.TransactionException"], TransientError),
    (596, "try again", [], TransientError),
    (597, "Query parsing failed", [], InvalidRequest),
    (598, "A timeout occurred during traversal evaluation", [], Exceeded),
    (599, "Could not locate method", [], InvalidRequest),
    (777, "", [], PermanentError),
]


@pytest.mark.parametrize(("code", "message", "exceptions", "kind"), ANSWERS)
def test_an_answer_that_is_an_error(code: int, message: str, exceptions: list[str], kind: type[StoreError]) -> None:
    error = store_error(
        GremlinServerError({"code": code, "message": message, "attributes": {"exceptions": exceptions}})
    )
    assert type(error) is kind
    assert str(error)


def test_the_trace_and_what_follows_are_left_out() -> None:
    said = store_error(
        GremlinServerError({"code": 500, "message": f"first\n\tat secret {'x' * 900}", "attributes": {}})
    )
    assert str(said) == "first"
