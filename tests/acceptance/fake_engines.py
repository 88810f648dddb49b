"""Athena, Glue's tables and Redshift's Data API on loopback, all checked against botocore's models of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from tests.acceptance.loopback import QuietHandler, served

REGION, ACCOUNT = "eu-west-1", "123456789012"
SERVICES = {"AmazonAthena": "athena", "AWSGlue": "glue", "RedshiftData": "redshift-data"}


class Bad(Exception):
    """An error that a service answers with: its code."""


@cache
def model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


@dataclass
class Engines:
    """What the account holds. `fails`: operation -> codes of errors that its next calls get."""

    queries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  #: work group -> queries, the oldest first
    tables: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    statements: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  #: word of the SQL -> rows
    fails: dict[str, list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)  #: as policies name them
    asked: list[dict[str, Any]] = field(default_factory=list)
    page: int = 50
    url: str = ""

    def environment(self) -> dict[str, str]:
        """Dummy credentials, and this endpoint for every service."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "dummy",
            "AWS_SECRET_ACCESS_KEY": "dummy",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def answer(self, target: str, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer to a call, both checked against the service's model."""
        prefix, _, operation = target.partition(".")
        service = SERVICES[prefix]
        self.calls.append(f"{service}:{operation}")
        self.asked.append(asked)
        if self.fails.get(operation):
            raise Bad(self.fails[operation].pop(0))
        known = model(service).operation_model(operation)
        _check(asked, known.input_shape)
        answer = ANSWERS[operation](self, asked)
        _check(answer, known.output_shape)
        return answer


def _check(values: dict[str, Any], shape: Any) -> None:
    report = ParamValidator().validate(values, shape)
    assert not report.has_errors(), report.generate_report()


def query(identifier: str, sql: str, at: int, state: str = "SUCCEEDED", **more: Any) -> dict[str, Any]:
    """A QueryExecution; `at` in seconds after the beginning of 2026-03-01."""
    moment = datetime(2026, 3, 1, tzinfo=timezone.utc).timestamp() + at
    done = {} if state in {"RUNNING", "QUEUED"} else {"CompletionDateTime": _time(moment + 1)}
    return {
        "QueryExecutionId": identifier,
        "Query": sql,
        "QueryExecutionContext": {"Catalog": "AwsDataCatalog", "Database": "sales"},
        "Status": {"State": state, "SubmissionDateTime": _time(moment), **done},
        "WorkGroup": "primary",
        **more,
    }


def table(name: str, columns: str, location: str = "", partitions: str = "", **more: Any) -> dict[str, Any]:
    """A table of the database ``sales``: columns as ``name:type name:type``."""

    def listed(text: str) -> list[dict[str, str]]:
        return [dict(zip(("Name", "Type"), one.split(":"), strict=True)) for one in text.split()]

    storage = {"Columns": listed(columns), **({"Location": location} if location else {})}
    keys = {"PartitionKeys": listed(partitions)} if partitions else {}
    found = {"Name": name, "DatabaseName": "sales", "CatalogId": ACCOUNT, "StorageDescriptor": storage}
    return {**found, "TableType": "EXTERNAL_TABLE", **keys, **more}


def view(name: str, columns: str, sql: str, at: int) -> dict[str, Any]:
    """A view of Athena's."""
    said = json.dumps({"originalSql": sql, "catalog": "awsdatacatalog", "schema": "sales"})
    text = f"/* Presto View: {base64.b64encode(said.encode()).decode()} */"
    moment = _time(datetime(2026, 3, 1, tzinfo=timezone.utc).timestamp() + at)
    return table(name, columns, TableType="VIRTUAL_VIEW", ViewOriginalText=text, UpdateTime=moment)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)


def _list(engines: Engines, asked: dict[str, Any]) -> dict[str, Any]:
    newest = [one["QueryExecutionId"] for one in reversed(engines.queries[asked["WorkGroup"]])]
    begin = int(asked.get("NextToken", 0))
    more = {"NextToken": str(begin + engines.page)} if begin + engines.page < len(newest) else {}
    return {"QueryExecutionIds": newest[begin : begin + engines.page], **more}


def _batch(engines: Engines, asked: dict[str, Any]) -> dict[str, Any]:
    known = {one["QueryExecutionId"]: one for group in engines.queries.values() for one in group}
    return {"QueryExecutions": [known[one] for one in asked["QueryExecutionIds"] if one in known]}


def _table(engines: Engines, asked: dict[str, Any]) -> dict[str, Any]:
    found = engines.tables.get((asked["DatabaseName"], asked["Name"]))
    if found is None:
        raise Bad("EntityNotFoundException")
    return {"Table": found}


def _execute(engines: Engines, asked: dict[str, Any]) -> dict[str, Any]:
    return {"Id": next(word for word in engines.statements if word in asked["Sql"])}


def _rows(engines: Engines, asked: dict[str, Any]) -> dict[str, Any]:
    rows = engines.statements[asked["Id"]]
    begin = int(asked.get("NextToken", 0))
    names = list(rows[0]) if rows else []
    records = [[_field(row[name]) for name in names] for row in rows[begin : begin + engines.page]]
    more = {"NextToken": str(begin + engines.page)} if begin + engines.page < len(rows) else {}
    return {"Records": records, "ColumnMetadata": [{"name": name} for name in names], **more}


def _field(value: object) -> dict[str, Any]:
    if value is None:
        return {"isNull": True}
    return {"longValue": value} if isinstance(value, int) else {"stringValue": value}


ANSWERS: dict[str, Callable[[Engines, dict[str, Any]], dict[str, Any]]] = {
    "ListWorkGroups": lambda engines, asked: {"WorkGroups": [{"Name": name} for name in engines.queries]},
    "ListQueryExecutions": _list,
    "BatchGetQueryExecution": _batch,
    "GetTable": _table,
    "ExecuteStatement": _execute,
    "DescribeStatement": lambda engines, asked: {"Id": asked["Id"], "Status": "FINISHED"},
    "GetStatementResult": _rows,
}


def _handler(engines: Engines) -> type[QuietHandler]:
    class Handler(QuietHandler, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.body())
            try:
                answer = engines.answer(self.headers["X-Amz-Target"], asked)
            except Bad as error:
                self.send(400, json.dumps({"__type": str(error), "message": "no"}).encode())
            else:
                self.send(200, json.dumps(answer, default=lambda moment: moment.timestamp()).encode())

    return Handler


@contextmanager
def running(engines: Engines) -> Iterator[Engines]:
    """The account, served on a free port."""
    with served(_handler(engines)) as engines.url:
        yield engines
