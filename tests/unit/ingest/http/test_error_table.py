"""One table says what each exception is to HTTP, to the command line and to Gremlin: every public one has a row."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import headwater
from headwater.client import Client
from headwater.errors import HeadwaterError, Unreachable, WrongUse, error_class
from headwater.faults import Fault
from headwater.graphstore.errors import (
    Damaged,
    Denied,
    Exceeded,
    InUse,
    InvalidRequest,
    PermanentError,
    ReadOnly,
    TimedOut,
    TransientError,
)
from headwater.ingest.graph.projector import Stopped
from headwater.ingest.gremlin.messages import Status
from headwater.ingest.http.error_table import fault_of
from headwater.ingest.ledger.ledger import LedgerInUse, NotALedger
from headwater.queries.answers.errors import NodeNotFound, QueryError
from headwater.translation import translated

#: Shipped as a zip that stands alone: what goes wrong there is a line in the log of a job, never an answer.
ALONE = "headwater.spark"


def public_exceptions() -> Iterator[type[BaseException]]:
    for module in pkgutil.walk_packages(headwater.__path__, "headwater."):
        if module.name.startswith(ALONE) or module.name.endswith("__main__"):
            continue
        for name, kind in vars(importlib.import_module(module.name)).items():
            defined_there = inspect.isclass(kind) and kind.__module__ == module.name
            if defined_there and issubclass(kind, BaseException) and not name.startswith("_"):
                yield kind


def test_every_public_exception_has_a_row() -> None:
    found = set(public_exceptions())
    assert len(found) > 40
    assert {kind for kind in found if fault_of(kind) is None} == set()


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("x"), KeyboardInterrupt()])
def test_what_nobody_expected_has_no_row(error: BaseException) -> None:
    assert fault_of(error) is None


@pytest.mark.parametrize(
    ("kind", "by", "http", "exit_code", "gremlin"),
    [
        (QueryError, "sender", 400, 2, Status.EVALUATION),
        (NodeNotFound, "sender", 404, 2, Status.EVALUATION),
        (InvalidRequest, "sender", 400, 2, Status.EVALUATION),
        (ReadOnly, "sender", 403, 2, Status.FORBIDDEN),
        (Exceeded, "sender", 503, 3, Status.SERVER_ERROR),
        (TimedOut, "sender", 503, 3, Status.TIMEOUT),
        (NotALedger, "operator", 500, 2, Status.SERVER_ERROR),
        (LedgerInUse, "store", 503, 3, Status.TEMPORARY),
        (TransientError, "store", 503, 3, Status.TEMPORARY),
        (InUse, "store", 503, 3, Status.TEMPORARY),
        (Damaged, "store", 503, 3, Status.TEMPORARY),
        (Denied, "store", 503, 3, Status.TEMPORARY),
        (PermanentError, "store", 500, 4, Status.SERVER_ERROR),
        (Stopped, "ours", 500, 4, Status.SERVER_ERROR),
    ],
)
def test_each_layer_answers_by_its_column(
    kind: type[Exception], by: str, http: int, exit_code: int, gremlin: Status
) -> None:
    fault = fault_of(kind)
    assert fault is not None
    assert (fault.by, fault.http, fault.exit_code, Status(fault.gremlin)) == (by, http, exit_code, gremlin)


def test_every_kind_has_a_status_that_gremlin_clients_know() -> None:
    assert {Status(fault.gremlin) for fault in Fault} <= set(Status)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, WrongUse) for status in (400, 401, 403, 404, 405, 411, 413, 415, 421, 429)),
        (503, Unreachable),
        *((status, HeadwaterError) for status in (500, 501, 502)),
    ],
)
def test_what_a_server_answers_is_an_exit_code(status: int, kind: type[HeadwaterError]) -> None:
    assert error_class(Fault.of_http_status(status)) is kind


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (NodeNotFound("no such node", "node", ["a"]), WrongUse),
        (NotALedger("no ledger"), WrongUse),
        (LedgerInUse("in use"), Unreachable),
        (TimedOut("too long"), Unreachable),
        (PermanentError("no"), HeadwaterError),
    ],
)
def test_users_get_one_of_three_classes(raised: Exception, kind: type[HeadwaterError]) -> None:
    with pytest.raises(HeadwaterError) as caught, translated():
        raise raised
    assert (type(caught.value), caught.value.__cause__) == (kind, raised)
    assert caught.value.suggestions == tuple(getattr(raised, "suggestions", ()))


@pytest.mark.parametrize("raised", [KeyError("x"), Stopped(), WrongUse("said already")])
def test_what_needs_a_stack_trace_stays_as_it_is(raised: Exception) -> None:
    with pytest.raises(type(raised)) as caught, translated():
        raise raised
    assert caught.value is raised


def test_a_url_that_is_none_is_wrong_use() -> None:
    with pytest.raises(WrongUse):
        Client("localhost:9090")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://h:9090/?node=s3://lake/a%23b&type=all", "http://h:9090"),
        ("http://h:9090/headwater/?node=a#b", "http://h:9090/headwater"),
        ("http://h:9090/", "http://h:9090"),
    ],
)
def test_an_address_of_the_page_names_its_server(given: str, url: str) -> None:
    assert Client(given).url == url
