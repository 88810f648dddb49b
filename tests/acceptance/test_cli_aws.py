"""`headwater aws` against CloudFormation and Secrets Manager as moto's server has them, and a real server to check."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.decode import decode_str  # type: ignore[import-untyped]

from headwater.aws_bridge.costs import Parts, estimate
from headwater.aws_bridge.stacks import Stack, StackFailed, _packed, read_template
from headwater.smoke import Receiver, check
from tests.acceptance.door import PATIENCE, ROOT, ended, environment, headwater, serving
from tests.moto_account import moto_account

BUCKETS = """\
Parameters:
  Suffix: {Type: String, Description: what the bucket's name ends with}
  Days: {Type: Number, Default: 30}
Resources:
  Data:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties: {BucketName: !Sub "headwater-${Suffix}"}
  Queue:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: !Ref Days}
Outputs:
  Bucket: {Value: !Ref Data}
"""

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with moto_account() as url:
        yield url


def aws(endpoint: str, command: str, *arguments: object) -> Any:
    where = () if command == "cost" else ("--region", "eu-west-1", "--endpoint-url", endpoint)
    return headwater("aws", command, *arguments, *where, **CREDENTIALS)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    file = tmp_path / "template.yaml"
    file.write_text(BUCKETS)
    return file


def test_a_stack_is_shown_made_changed_and_taken_away(endpoint: str, template: Path) -> None:
    deploy = ("one", "--template", template)
    missing = aws(endpoint, "deploy", *deploy)
    assert (missing.returncode, "Suffix: what the bucket's name ends with" in missing.stderr) == (2, True)
    unknown = aws(endpoint, "deploy", *deploy, "-p", "Sufix=x")
    assert (unknown.returncode, "--parameter Sufix: expected one of Suffix, Days" in unknown.stderr) == (2, True)

    looked_at = aws(endpoint, "deploy", *deploy, "-p", "Suffix=x")
    assert (looked_at.returncode, "nothing was changed" in looked_at.stderr) == (1, True)
    assert "AWS::SQS::Queue" in looked_at.stdout
    assert aws(endpoint, "status").returncode == 2

    made = aws(endpoint, "deploy", *deploy, "-p", "Suffix=x", "--yes")
    assert (made.returncode, made.stderr) == (0, "")
    assert "CREATE_COMPLETE" in made.stdout
    found = json.loads(aws(endpoint, "status", "--json").stdout)
    assert (found["status"], found["server"]) == ("CREATE_COMPLETE", None)

    nothing = aws(endpoint, "deploy", *deploy)
    assert (nothing.returncode, nothing.stderr) == (0, "")
    assert "headwater: nothing to change" in nothing.stdout
    template.write_text(BUCKETS.replace("Outputs:", "  Further: {Type: 'AWS::SQS::Queue'}\nOutputs:"))
    again = aws(endpoint, "deploy", *deploy, "--yes", "--json")  # Suffix keeps its value
    said = json.loads(again.stdout)
    assert (again.returncode, said["applied"]) == (0, True)
    assert [(each["action"], each["resource"]) for each in said["changes"]] == [("Add", "Further")]
    buckets = boto3.client("s3", endpoint_url=endpoint, region_name="eu-west-1").list_buckets()["Buckets"]
    assert [each["Name"] for each in buckets] == ["headwater-x"]

    refused = aws(endpoint, "destroy")
    assert (refused.returncode, "--confirm headwater" in refused.stderr) == (2, True)
    assert "which stay:\n  Data" in refused.stdout
    assert aws(endpoint, "destroy", "--confirm", "another").returncode == 2
    assert aws(endpoint, "destroy", "--confirm", "headwater").returncode == 0
    assert aws(endpoint, "destroy", "--confirm", "headwater").returncode == 2


def test_a_deployed_server_is_tried_with_a_plan(endpoint: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    token = headwater("token", "add", "ops", "--scope", "admin", "--data", folder).stdout.strip()
    with serving(folder) as server:
        secrets = boto3.client("secretsmanager", endpoint_url=endpoint, region_name="eu-west-1")
        secrets.create_secret(Name="token", SecretString=token)
        file = tmp_path / "server.yaml"
        file.write_text(
            f"Resources: {{Queue: {{Type: 'AWS::SQS::Queue'}}}}\n"
            f"Outputs: {{Url: {{Value: '{server.url}'}}, TokenSecret: {{Value: token}}}}\n"
        )
        # Not by a change set: moto forgets the outputs of a stack that one makes.
        stacks = boto3.client("cloudformation", endpoint_url=endpoint, region_name="eu-west-1")
        stacks.create_stack(StackName="headwater", TemplateBody=file.read_text())
        shown = aws(endpoint, "status").stdout
        assert f"export HEADWATER_SERVER={server.url}" in shown
        assert token not in shown
        for _ in range(2):  # the second time its job is there, and ignored
            checked = aws(endpoint, "check")
            assert (checked.returncode, checked.stderr) == (0, "")
        assert "the server: ready, " in aws(endpoint, "status").stdout
        ignored = headwater("query", "tagged", "tag=ignored", "--data", folder, "--json")
        assert "headwater-check" in ignored.stdout
        secrets.update_secret(SecretId="token", SecretString="wrong")
        refused = aws(endpoint, "check")
        assert (refused.returncode, "the token is not known here" in refused.stderr) == (1, True)
    away = aws(endpoint, "check")
    assert (away.returncode, "does not answer" in away.stderr) == (1, True)
    assert "does not answer from here" in aws(endpoint, "status").stdout


def test_who_breaks_off_at_the_question_leaves_nothing_behind(endpoint: str, template: Path) -> None:
    mine, theirs = os.openpty()
    where = ("--region", "eu-west-1", "--endpoint-url", endpoint)
    command = ["aws", "deploy", "one", "--template", str(template), "-p", "Suffix=x", *where]
    with ended(
        subprocess.Popen(
            [sys.executable, "-m", "headwater", *command],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**CREDENTIALS),
            cwd=ROOT,
            text=True,
        )
    ) as process:
        os.close(theirs)
        os.write(mine, b"\x04")  # the end of the input; of Ctrl-C click makes the same
        said = process.communicate(timeout=PATIENCE)
    os.close(mine)
    assert (process.returncode, "nothing was changed" in said[1], "Traceback" in said[1]) == (1, True, False)
    stacks = boto3.client("cloudformation", endpoint_url=endpoint, region_name="eu-west-1")
    statuses = [each["StackStatus"] for each in stacks.list_stacks()["StackSummaries"]]
    assert [status for status in statuses if status != "DELETE_COMPLETE"] == []


@contextmanager
def running(*command: object, **variables: str) -> Iterator[str]:
    """The URL of a command that says where it listens."""
    with ended(
        subprocess.Popen(
            [sys.executable, "-m", "headwater", *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(PYTHONUNBUFFERED="1", **variables),
            cwd=ROOT,
            text=True,
        )
    ) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "http://" in line)
        yield next(word for word in line.split() if word.startswith("http://"))
        process.terminate()
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0


def test_a_deployed_team_is_tried_through_its_receiver(endpoint: str, tmp_path: Path) -> None:
    """The server that answers takes no plans: they come by the receiver and its inbox, with a token of their own."""
    inbox, folders = tmp_path / "inbox", (tmp_path / "receiver", tmp_path / "ingester")
    agents, admin = (
        headwater("token", "add", "t", "--scope", scope, "--data", folder).stdout.strip()
        for scope, folder in zip(("write", "admin"), folders, strict=True)
    )
    given = ("--inbox", inbox, "--ledger", tmp_path / "ledger", "--data", folders[1], "--port", "0")
    with running("receive", "--inbox", inbox, "--data", folders[0], "--port", "0") as receiver:
        secrets = boto3.client("secretsmanager", endpoint_url=endpoint, region_name="eu-west-1")
        secrets.create_secret(Name="agents", SecretString=agents)
        secrets.create_secret(Name="admin", SecretString=admin)
        with running("ingest", *given) as server:
            outputs = {"Url": server, "TokenSecret": "admin", "ReceiverUrl": receiver, "AgentsTokenSecret": "agents"}
            outputs |= {"InboxUrl": "s3://b/inbox", "JobsPolicy": "arn:aws:iam::1:policy/p"}
            body = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}
            body["Outputs"] = {name: {"Value": value} for name, value in outputs.items()}
            stacks = boto3.client("cloudformation", endpoint_url=endpoint, region_name="eu-west-1")
            stacks.create_stack(StackName="headwater", TemplateBody=json.dumps(body))
            shown = aws(endpoint, "status").stdout
            for line in (
                f"export HEADWATER_SERVER={server}",
                "--agent python --url s3://b/inbox",
                f"headwater glue attach JOB --url {receiver} --jars s3://BUCKET/jars --token-file token.txt",
                "--policy-arn arn:aws:iam::1:policy/p",
            ):
                assert line in shown
            assert {agents, admin} & set(shown.split()) == set()
            for _ in range(2):
                checked = aws(endpoint, "check")
                assert (checked.returncode, checked.stderr) == (0, "")
        plan = check(server, admin, Receiver(receiver, agents), patience=0)
        assert plan is not None
        assert "cannot be reached" in plan or "does not answer" in plan
        refused = check(server, admin, Receiver(receiver, "wrong"), patience=0)
        assert refused is not None


def test_a_stack_that_fails_names_the_resource(endpoint: str) -> None:
    """The events are CloudFormation's own words; moto makes no stack fail on its way, so they are given here."""
    from botocore.stub import Stubber

    stack = Stack("s", "eu-west-1", endpoint=endpoint)
    event = {"StackId": "i", "StackName": "s", "Timestamp": "2026-01-01T00:00:00Z"}
    rolled_back = {"StackName": "s", "CreationTime": "2026-01-01T00:00:00Z", "StackStatus": "ROLLBACK_COMPLETE"}
    with Stubber(stack._client) as stub:
        stub.add_response("describe_stacks", {"Stacks": [rolled_back]})
        stub.add_response(
            "describe_stack_events",
            {
                "StackEvents": [
                    {**event, "EventId": "2", "ResourceStatus": "ROLLBACK_IN_PROGRESS"},
                    {
                        **event,
                        "EventId": "1",
                        "LogicalResourceId": "Data",
                        "ResourceType": "AWS::S3::Bucket",
                        "ResourceStatus": "CREATE_FAILED",
                        "ResourceStatusReason": "it exists",
                    },
                ]
            },
        )
        told: list[str] = []
        with pytest.raises(StackFailed, match=r"ROLLBACK_COMPLETE: Data \(AWS::S3::Bucket\): it exists"):
            stack.follow(lambda each: told.append(each.status))
    assert told == ["CREATE_FAILED", "ROLLBACK_IN_PROGRESS"]


@contextmanager
def stack_that_is(*statuses: str | None, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack that is told to begin, and then has these statuses, one at each look; None: it is not there."""
    from botocore.stub import Stubber

    monkeypatch.setattr("headwater.aws_bridge.stacks._POLL_SECONDS", 0)
    stack = Stack("s", "eu-west-1", endpoint=endpoint)
    with Stubber(stack._client) as stub:
        stub.add_response("describe_stack_events", {"StackEvents": []})
        stub.add_response("execute_change_set", {})
        for status in (*statuses, None):
            if status is None:
                stub.add_client_error("describe_stacks", "ValidationError", "Stack with id s does not exist")
            else:
                told = {"StackName": "s", "CreationTime": "2026-01-01T00:00:00Z", "StackStatus": status}
                stub.add_response("describe_stacks", {"Stacks": [told]})
            stub.add_response("describe_stack_events", {"StackEvents": []})
        yield stack


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        # CloudFormation takes the order and begins then: the place for the first change set is seen once more.
        (("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE"), "ended as ROLLBACK_COMPLETE"),
        (("REVIEW_IN_PROGRESS",) * 61, "told to begin and does not"),
        (("CREATE_IN_PROGRESS", None), "somebody deleted it"),
    ],
)
def test_a_stack_that_was_not_made_is_not_called_done(
    statuses: tuple[str | None, ...], said: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        stack_that_is(*statuses, endpoint=endpoint, monkeypatch=monkeypatch) as stack,
        pytest.raises(StackFailed, match=said),
    ):
        stack.apply("c", lambda _: None)


@pytest.mark.parametrize(
    "text", ["", "[]", "a: b", "Resources: 1", "Resources: {a: [}", "Parameters: []\nResources: {}"]
)
def test_what_is_no_template_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="no CloudFormation template"):
        read_template(text)


def test_the_projects_own_template_is_read() -> None:
    found = read_template((ROOT / "infra" / "one.yaml").read_text())
    assert {each.name for each in found.parameters if each.default is None} == {
        "VpcId",
        "SubnetId",
        "AvailabilityZone",
        "AllowedCidr",
        "Package",
    }
    assert set(found.kept) == {"Token", "Backups", "Data"}


@pytest.mark.parametrize("size", ["one", "team"])
def test_each_template_is_small_enough_to_be_sent(size: str) -> None:
    template = read_template((ROOT / "infra" / f"{size}.yaml").read_text())
    assert len(template.sent.encode()) < 51_200  # CloudFormation takes no more as text
    assert all(each.description for each in template.parameters)


@pytest.mark.parametrize("size", ["one", "team"])
def test_a_template_that_is_packed_says_the_same(size: str) -> None:
    """Also to a linter's reader, which knows CloudFormation's short forms; what is for linters is not sent."""
    text = (ROOT / "infra" / f"{size}.yaml").read_text()
    packed = _packed(text)
    expected, found = whole(text), whole(packed)
    for each in (expected, *expected["Resources"].values()):
        metadata = each.get("Metadata", {})
        for linter in ("checkov", "cfn-lint"):
            metadata.pop(linter, None)
        if not metadata:
            each.pop("Metadata", None)
    assert found == expected
    assert "checkov" not in packed
    huge = read_template(f"Resources: {{A: {{Type: 'AWS::S3::Bucket', Description: {'x' * 51_200}}}}}")
    with pytest.raises(ValueError, match="even without its comments"):
        _ = huge.sent


def whole(text: str) -> dict[str, Any]:
    """The template as cfn-lint reads it."""
    template, problems = decode_str(text)
    assert not problems
    assert template is not None
    return json.loads(json.dumps(template))  # type: ignore[no-any-return]


def test_costs_grow_with_plans_and_say_where_the_prices_are_from(endpoint: str) -> None:
    few, many = (sum(line.usd for line in estimate("one", plans)) for plans in (1_000, 10_000_000))
    assert 10 < few < 25 < many
    idle = {line.what: line.usd for line in estimate("team", 0)}
    assert 110 < idle["Neptune Serverless at its floor of one unit"] < 125
    assert 250 < sum(idle.values()) < 350
    watched = sum(line.usd for line in estimate("team", 0, Parts(watches=730))) - sum(idle.values())
    assert 14.6 < watched < 17  # two endpoints, and hardly anything else
    answered = sum(line.usd for line in estimate("team", 0, Parts(readers=2))) - sum(idle.values())
    assert 28 < answered < 31
    with_all = aws(endpoint, "cost", "team", "--watches", "730", "--notebook", "--readers", "1", "--json")
    names = [line["what"] for line in json.loads(with_all.stdout)["lines"]]
    assert {"the notebook instance, if it runs all the time", "readers: 1 GB each"} <= set(names)
    refused = aws(endpoint, "cost", "one", "--notebook")
    assert (refused.returncode, "parts of team alone" in refused.stderr) == (2, True)
    assert sum(idle.values()) < sum(line.usd for line in estimate("team", 10_000_000))
    shown = aws(endpoint, "cost", "one", "--plans", "1000")
    assert f"together {few:,.2f} US$ a month, with 1,000 plans" in shown.stdout
    assert json.loads(aws(endpoint, "cost", "one", "--plans", "1000", "--json").stdout)["usd"] == round(few, 2)
    priced = csv.DictReader(io.StringIO(aws(endpoint, "cost", "one", "--plans", "1000", "--csv").stdout))
    assert sum(float(row["usd"]) for row in priced) == pytest.approx(few, abs=0.1)
