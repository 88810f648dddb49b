"""A service of AWS with the protocol JSON 1.1, on loopback: its answers are a test's, checked against botocore's model.

A request or an answer that the service's model does not have fails the test: it could not come from AWS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from tests.acceptance.loopback import QuietHandler, served

Answer = Callable[[dict[str, Any]], dict[str, Any]]  #: what was asked -> the answer


class Refused(Exception):
    """An error that AWS answers with: its code, and the status of HTTP."""

    def __init__(self, code: str, status: int = 400, message: str = "no") -> None:
        super().__init__(code)
        self.code, self.status, self.message = code, status, message


@dataclass
class FakeService:
    """One service. `answers` by operation; `calls` are those that came, with what was asked."""

    name: str  #: as boto3 calls it
    answers: Mapping[str, Answer]
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  #: what did not fit the model
    url: str = ""

    def environment(self) -> dict[str, str]:
        """Dummy credentials, a region, and no configuration of the user's."""
        return {
            "AWS_ACCESS_KEY_ID": "dummy",
            "AWS_SECRET_ACCESS_KEY": "dummy",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    @property
    def operations(self) -> set[str]:
        """The operations that were called."""
        return {operation for operation, _ in self.calls}


def paged(items: Callable[[dict[str, Any]], list[Any]] | list[Any], key: str, size: int = 2) -> Answer:
    """The answers of a List call, `size` items a page."""

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        found = items(asked) if callable(items) else items
        begin = int(asked.get("NextToken", 0))
        page = {key: found[begin : begin + size]}
        return page | ({"NextToken": str(begin + size)} if begin + size < len(found) else {})

    return answer


@contextmanager
def running(service: FakeService) -> Iterator[FakeService]:
    """The service, served on a free port; at the end everything must have fitted its model."""
    with served(_handler(service)) as service.url:
        yield service
    assert not service.broken, "\n".join(service.broken)


def _handler(service: FakeService) -> type[QuietHandler]:
    model = ServiceModel(Loader().load_service_model(service.name, "service-2"), service.name)
    prefix = f"{model.metadata['targetPrefix']}."

    def checked(what: str, values: dict[str, Any], shape: Any) -> None:
        report = ParamValidator().validate(values, shape)
        if report.has_errors():
            service.broken.append(f"{what}: {report.generate_report()}")

    class Handler(QuietHandler, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.body())
            operation = self.headers.get("X-Amz-Target", "").removeprefix(prefix)
            shapes = model.operation_model(operation)
            checked(f"the request {operation}", asked, shapes.input_shape)
            service.calls.append((operation, asked))
            try:
                answer = service.answers.get(operation, _unknown)(asked)
            except Refused as error:
                self.send(error.status, json.dumps({"__type": error.code, "message": error.message}).encode())
                return
            if shapes.output_shape is not None:
                checked(f"the answer of {operation}", answer, shapes.output_shape)
            self.send(200, json.dumps(answer, default=_plain).encode())

    return Handler


def _unknown(_asked: dict[str, Any]) -> dict[str, Any]:
    raise Refused("UnknownOperationException")


def _plain(value: Any) -> float:
    assert isinstance(value, datetime)
    return value.timestamp()
