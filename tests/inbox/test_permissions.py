"""The policies of `docs/aws-permissions.md` allow what each part does, and no more: compared with recorded calls."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from click.testing import CliRunner

from headwater.aws_bridge.s3 import Prefix
from headwater.aws_bridge.session import Session
from headwater.aws_bridge.sqs import Queue
from headwater.cli import command as headwater
from headwater.ingest.folder.service import Service
from headwater.ingest.inbox.queue import QueuedFiles
from headwater.ingest.inbox.writing import InboxWriter
from headwater.ingest.ledger.entries import NewEntry
from headwater.ingest.ledger.export import check_export
from headwater.ingest.ledger.segment_ledger import SegmentLedger
from headwater.ingest.process import inbox_lambda
from headwater.ingest.process.inbox_lambda import handler
from headwater.spark.spool import Inbox
from tests.acceptance.door import ROOT
from tests.faults.world import payload
from tests.golden.recorded import FLAT
from tests.inbox.cloud import BUCKET, REGION, Cloud
from tests.inbox.faulty import Faults, faulty
from tests.inbox.test_lambda import PLAN, TOKEN, event
from tests.inbox.test_receive import report
from tests.inbox.world import NOON, clock, files, ingester, quiet

PAGE = (ROOT / "docs" / "aws-permissions.md").read_text(encoding="utf-8")
Call = tuple[str, str]  #: IAM action, and the prefix of the bucket that it is about ("" for the bucket or a queue)


def policies() -> dict[str, Any]:
    found = re.findall(r"<!-- policy: (\w+) -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    return {name: json.loads(text) for name, text in found}


def allowed(policy: dict[str, Any]) -> set[Call]:
    out: set[Call] = set()
    for statement in policy["Statement"]:
        actions, resources = (
            each if isinstance(each, list) else [each] for each in (statement["Action"], statement["Resource"])
        )
        for resource in resources:
            prefix = re.search(r"BUCKET/(\w+)/\*$", resource)
            out |= {(action, prefix[1] if prefix else "") for action in actions}
    return out


def made(calls: list[tuple[str, str, str]]) -> set[Call]:
    """The IAM actions of calls: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""
    return {_action(*call) for call in calls}


def _action(method: str, path: str, target: str) -> Call:
    if (method, path, target) == ("POST", "/", ""):  # the one call of a service that names the operation in the body
        return "sns:Publish", ""
    if target:
        service, _, operation = target.partition(".")
        named = {"AmazonSQS": "sqs", "secretsmanager": "secretsmanager"}
        return f"{named[service]}:{operation.removesuffix('Batch')}", ""
    url = urlsplit(path)
    query = parse_qs(url.query, keep_blank_values=True)
    _, _, key = unquote(url.path).strip("/").partition("/")
    if not key and "delete" in query:
        return "s3:DeleteObject", "?"  # the keys are in the body
    if not key:
        return ("s3:ListBucketVersions" if "versions" in query else "s3:ListBucket"), ""
    action = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}[method]
    return f"{action}Version" if method == "DELETE" and "versionId" in query else action, key.partition("/")[0]


@pytest.fixture
def recorded(aws: Cloud) -> Iterator[Faults]:
    with faulty(aws.url, Faults()) as faults:
        yield faults


def place(faults: Faults, name: str) -> Prefix:
    return Prefix(Session(REGION), f"s3://{BUCKET}/{name}", faults.url)


def agent(faults: Faults, _aws: Cloud, _folder: Path) -> None:
    with mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL": faults.url}):
        Inbox(f"s3://{BUCKET}/inbox").send(report())


def receiver(faults: Faults, aws: Cloud, _folder: Path) -> None:
    writer = InboxWriter(place(faults, "inbox"), lambda: NOON)
    writer.put(NewEntry("spline.plan", "application/json", b"{}"))
    writer.close()
    aws.client("secretsmanager").create_secret(Name="permissions", SecretString=TOKEN)
    variables = {
        "HEADWATER_INBOX": f"s3://{BUCKET}/inbox",
        "HEADWATER_TOKEN_SECRET": "permissions",
        "AWS_ENDPOINT_URL_S3": faults.url,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": faults.url,
    }
    inbox_lambda._receiver.cache_clear()
    with mock.patch.dict(os.environ, variables):
        assert handler(event("http_api", PLAN), None)["statusCode"] == 201
    inbox_lambda._receiver.cache_clear()


def ingests(faults: Faults, aws: Cloud, folder: Path) -> None:
    url = aws.client("sqs").create_queue(QueueName="permissions")["QueueUrl"]
    record = {"s3": {"bucket": {"name": BUCKET}, "object": {"key": "inbox/2026-03-01/gone.json"}}}
    aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [record]}))
    inbox = aws.prefix("inbox")
    for name, content in [*files(range(2)), ("2026-03-01/bad.json", b"{")]:
        inbox.write(name, content)

    def source(reader: Any) -> QueuedFiles:
        return QueuedFiles(Queue(Session(REGION), url, faults.url), place(faults, "inbox"), reader, wait_seconds=0)

    ledger, kept = place(faults, "ledger"), place(faults, "snapshots")
    with ingester(place(faults, "inbox"), ledger, folder / "a", source=source, snapshots=kept) as one:
        one.step()
        one.step()
        one.save()
        inbox.write(*files(range(2, 3))[0])
        one.source = source(one.reader)
        one.step()
        one.service.settle()
        one.save()
    with ingester(place(faults, "inbox"), ledger, folder / "b", snapshots=kept):
        pass


def reads(faults: Faults, aws: Cloud, folder: Path) -> None:
    with SegmentLedger.open(aws.prefix("ledger"), folder / "work", clock) as ledger:
        ledger.append([NewEntry("spline.plan", "application/json", b"{}")])
    check_export(place(faults, "ledger"), quiet)


def erases(faults: Faults, aws: Cloud, folder: Path) -> None:
    aws.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    with SegmentLedger.open(aws.prefix("ledger"), folder / "before", clock) as ledger:
        (kept,) = ledger.append([NewEntry("spline.plan", "application/json", str(folder).encode())])
    with SegmentLedger.open(place(faults, "ledger"), folder / "work", clock) as ledger:
        ledger.erase(kept.sequence, "asked for")


def watches(faults: Faults, aws: Cloud, folder: Path) -> None:
    topic = aws.client("sns").create_topic(Name="reports")["TopicArn"]
    file = {
        "watches": [
            {"name": "all", "nodes": ["s3://lake/out/*"], "question": "dataset-versions", "tell": [{"sns": topic}]}
        ]
    }
    aws.prefix("watches").write("watches.yaml", json.dumps(file).encode())  # JSON is YAML
    where = f"s3://{BUCKET}/watches"
    for numbers in (range(2), range(2, 9)):
        with Service.open(folder / "data") as service:
            for _, plan, events in map(payload, numbers):
                bodies = (("spline.plan", plan), ("spline.events", events))
                service.ledger.append([NewEntry(kind, FLAT, body) for kind, body in bodies])
            service.catch_up()
        with mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL": faults.url}):
            command = ["watch", "run", f"{where}/watches.yaml", "--state", f"{where}/state"]
            ran = CliRunner().invoke(headwater, [*command, "--data", str(folder / "data")], obj={"debug": False})
        assert ran.exit_code == 0, ran.output


PARTS: dict[str, Callable[[Faults, Cloud, Path], None]] = {
    "agent": agent,
    "receiver": receiver,
    "ingester": ingests,
    "reader": reads,
    "eraser": erases,
    "watches": watches,
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_may_do_what_it_does_and_nothing_else(part: str, recorded: Faults, aws: Cloud, tmp_path: Path) -> None:
    PARTS[part](recorded, aws, tmp_path)
    policy, calls = allowed(policies()[part]), made(recorded.calls)
    batches = {("s3:DeleteObject", prefix) for action, prefix in policy if action == "s3:DeleteObject"}
    if ("s3:DeleteObject", "?") in calls:
        assert batches
        calls = (calls - {("s3:DeleteObject", "?")}) | batches
    assert calls == policy


def test_every_policy_is_of_a_part() -> None:
    assert policies().keys() == PARTS.keys()
