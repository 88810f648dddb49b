"""Neptune's bulk loader on loopback: requests and answers are checked against botocore's model of `neptunedata`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape
from botocore.validate import ParamValidator

from tests.acceptance.loopback import QuietHandler, served

MODEL = ServiceModel(Loader().load_service_model("neptunedata", "service-2"), "neptunedata")
RECORDS = 1_234
DONE = ("LOAD_NOT_STARTED", "LOAD_IN_PROGRESS", "LOAD_COMPLETED")
FAILED = ("LOAD_IN_QUEUE", "LOAD_FAILED")


@dataclass
class FakeLoader:
    """How loads go, by the last folder of their source; the requests that came; whether a graph is there."""

    ends: dict[str, tuple[str, ...]] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    has_graph: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    _loads: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Dummy credentials."""
        return {
            "AWS_ACCESS_KEY_ID": "dummy",
            "AWS_SECRET_ACCESS_KEY": "dummy",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def start(self, asked: dict[str, Any]) -> dict[str, Any]:
        """StartLoaderJob."""
        self.requests.append(_read("StartLoaderJob", asked))
        load = f"load-{len(self.requests)}"
        folder = asked["source"].rstrip("/").rpartition("/")[2]
        self._loads[load] = (asked["source"], list(self.ends.get(folder, DONE)))
        return {"status": "200 OK", "payload": {"loadId": load}}

    def status(self, load: str, query: dict[str, list[str]]) -> dict[str, Any] | None:
        """GetLoaderJobStatus: every look with details brings the load on by one step."""
        if load not in self._loads:
            return None
        source, states = self._loads[load]
        state = states[0]
        if "details" in query and len(states) > 1:
            states.pop(0)
        failed = "FAILED" in state
        overall = {
            "fullUri": source,
            "runNumber": 1,
            "retryNumber": 0,
            "status": state,
            "totalTimeSpent": 3,
            "startTime": 1_795_400_000,
            "totalRecords": RECORDS,
            "totalDuplicates": 0,
            "parsingErrors": 0,
            "datatypeMismatchErrors": 0,
            "insertErrors": len(self.faults) if failed else 0,
        }
        payload: dict[str, Any] = {"feedCount": [{state: 2}], "overallStatus": overall}
        if "errors" in query:
            page, size = int(query["page"][0]), int(query["errorsPerPage"][0])
            logs = self.faults[(page - 1) * size : page * size] if failed else []
            payload["errors"] = {"startIndex": 1, "endIndex": len(logs), "loadId": load, "errorLogs": logs}
        return {"status": "200 OK", "payload": payload}

    def gremlin(self, asked: dict[str, Any]) -> dict[str, Any]:
        """ExecuteGremlinQuery: how many vertices there are with the id `ledger`."""
        assert _read("ExecuteGremlinQuery", asked)["gremlinQuery"] == "g.V('ledger').limit(1).count()"
        return {"requestId": "1", "status": {"code": 200}, "result": {"data": [int(self.has_graph)], "meta": {}}}


def _read(operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    """A request's body by the names of the model, and as the model wants it."""
    shape = MODEL.operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)
    names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
    values = {names[key]: value for key, value in asked.items()}
    report = ParamValidator().validate(values, shape)
    assert not report.has_errors(), report.generate_report()
    for name, value in values.items():
        choices = getattr(shape.members[name], "enum", None)
        assert not choices or value in choices, f"{name} is {value}"
    return values


def _handler(loader: FakeLoader) -> type[QuietHandler]:
    class Handler(QuietHandler, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.body())
            assert "/eu-west-1/neptune-db/aws4_request" in self.headers["Authorization"]
            self._send({"/loader": loader.start, "/gremlin": loader.gremlin}[self.path](asked))

        def do_GET(self) -> None:
            found = urlsplit(self.path)
            self._send(loader.status(found.path.removeprefix("/loader/"), parse_qs(found.query)))

        def _send(self, answer: dict[str, Any] | None) -> None:
            missing = {"code": "BulkLoadIdNotFoundException", "detailedMessage": "no such load", "requestId": "1"}
            content = json.dumps(missing if answer is None else answer).encode()
            self.send(404 if answer is None else 200, content)

    return Handler


@contextmanager
def running(loader: FakeLoader) -> Iterator[FakeLoader]:
    """The cluster's loader, served on a free port."""
    with served(_handler(loader)) as loader.url:
        yield loader
