"""Glue, EC2 and S3 on loopback: Glue's requests and answers are checked against botocore's model of the service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from tests.acceptance.loopback import QuietHandler, served

MODEL = ServiceModel(Loader().load_service_model("glue", "service-2"), "glue")

ROUTES = """<DescribeRouteTablesResponse><routeTableSet><item><routeSet>
<item><destinationCidrBlock>172.16.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state></item>
</routeSet></item></routeTableSet></DescribeRouteTablesResponse>"""


class Bad(Exception):
    """An error that Glue answers with."""


@dataclass
class FakeAws:
    """What the account holds, and which updates came."""

    jobs: dict[str, dict[str, Any]]
    runs: list[dict[str, Any]] = field(default_factory=list)
    connections: dict[str, dict[str, Any]] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    updates: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    #: what becomes of a job once it was read
    after_reading: Callable[[dict[str, Any]], dict[str, Any]] = lambda job: job

    def environment(self) -> dict[str, str]:
        """Dummy credentials, and this endpoint for every service."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "dummy",
            "AWS_SECRET_ACCESS_KEY": "dummy",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer to a call, both checked against the service's model."""
        model = MODEL.operation_model(operation)
        _check(asked, model.input_shape)
        answer = _ANSWERS[operation](self, asked)
        _check(answer, model.output_shape)
        return answer


def _check(values: dict[str, Any], shape: Any) -> None:
    report = ParamValidator().validate(values, shape)
    assert not report.has_errors(), report.generate_report()


def _get_job(aws: FakeAws, asked: dict[str, Any]) -> dict[str, Any]:
    if asked["JobName"] not in aws.jobs:
        raise Bad("EntityNotFoundException")
    job = aws.jobs[asked["JobName"]]
    aws.jobs[asked["JobName"]] = aws.after_reading(job)
    return {"Job": job}


def _update_job(aws: FakeAws, asked: dict[str, Any]) -> dict[str, Any]:
    """Replaces, as AWS does: what is not in the update is gone; MaxCapacity beside WorkerType is refused."""
    update = asked["JobUpdate"]
    if "WorkerType" in update and "MaxCapacity" in update:
        raise Bad("InvalidInputException")
    aws.updates.append(update)
    old = aws.jobs[asked["JobName"]]
    derived: dict[str, Any] = {
        key: old[key] for key in ("CreatedOn", "LastModifiedOn", "AllocatedCapacity", "MaxCapacity") if key in old
    }
    aws.jobs[asked["JobName"]] = {**derived, **update, "Name": asked["JobName"]}
    return {"JobName": asked["JobName"]}


def _get_connection(aws: FakeAws, asked: dict[str, Any]) -> dict[str, Any]:
    if asked["Name"] not in aws.connections:
        raise Bad("EntityNotFoundException")
    return {"Connection": aws.connections[asked["Name"]]}


_ANSWERS: dict[str, Callable[[FakeAws, dict[str, Any]], dict[str, Any]]] = {
    "GetJob": _get_job,
    "GetJobs": lambda aws, asked: {"Jobs": list(aws.jobs.values())},
    "GetJobRuns": lambda aws, asked: {"JobRuns": aws.runs},
    "GetConnection": _get_connection,
    "UpdateJob": _update_job,
}


def _plain(value: Any) -> float:
    assert isinstance(value, datetime)
    return value.timestamp()


def _handler(aws: FakeAws) -> type[QuietHandler]:
    class Handler(QuietHandler, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.body().decode()
            target = self.headers.get("X-Amz-Target", "")
            if not target:
                assert parse_qs(body)["Action"] == ["DescribeRouteTables"]
                self._send(200, ROUTES)
                return
            try:
                answer = aws.answer(target.removeprefix("AWSGlue."), json.loads(body))
            except Bad as error:
                self._send(400, json.dumps({"__type": str(error), "message": "no"}))
            else:
                self._send(200, json.dumps(answer, default=_plain))

        def do_HEAD(self) -> None:
            self.send_response(404 if "missing" in self.path else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            script = aws.scripts.get(self.path.partition("?")[0])
            self._send(200 if script else 403, script or "<Error><Code>AccessDenied</Code></Error>")

        def _send(self, status: int, text: str) -> None:
            self.send(status, text.encode())

    return Handler


@contextmanager
def running(aws: FakeAws) -> Iterator[FakeAws]:
    """The account, served on a free port."""
    with served(_handler(aws)) as aws.url:
        yield aws
