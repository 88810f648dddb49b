"""`headwater sagemaker import --manifests`: which files a job read, out of a manifest in S3 (moto's, on loopback)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest

from headwater.aws_bridge.session import Session
from headwater.cli import run
from tests.aws_json import running
from tests.moto_account import moto_account
from tests.sagemaker import account as world
from tests.sagemaker.account import account

MANIFEST, FOLDER = "s3://lake/manifests/train.json", "s3://lake/listed/eu"
BEFORE, AFTER = datetime(2000, 1, 1, tzinfo=timezone.utc), datetime(2200, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in account().environment().items():
        monkeypatch.setenv(name, value)
    with moto_account() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        client = boto3.client("s3", region_name="us-east-1", endpoint_url=url)
        client.create_bucket(Bucket="lake")
        client.put_object(
            Bucket="lake",
            Key="manifests/train.json",
            Body=json.dumps([{"prefix": "s3://lake/listed/"}, "eu/a.csv", "eu/b.csv"]).encode(),
        )
        yield client


def imported(
    folder: Path, capsys: pytest.CaptureFixture[str], began: datetime, *more: str
) -> tuple[int, dict[str, Any]]:
    """An import where the training reads a manifest, and began then."""

    def job(asked: dict[str, Any]) -> dict[str, Any]:
        found = next(one for one in world.TRAININGS if one["TrainingJobName"] == asked["TrainingJobName"])
        source = {"S3DataType": "ManifestFile", "S3Uri": MANIFEST}
        channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
        return {**found, "InputDataConfig": [channel], "TrainingStartTime": began, "TrainingEndTime": AFTER}

    service = account({"DescribeTrainingJob": job})
    with running(service):
        code = run(["sagemaker", "import", "--json", "--endpoint-url", service.url, "--data", str(folder), *more])
    return code, json.loads(capsys.readouterr().out)


def inputs(folder: Path, capsys: pytest.CaptureFixture[str]) -> set[str]:
    assert run(["inputs", world.TRAINING_ARN, "--json", "--data", str(folder)]) == 0
    return {row["dataset"] for row in json.loads(capsys.readouterr().out)["rows"]}


@pytest.mark.usefixtures("s3")
def test_the_folders_that_a_manifest_lists_are_inputs_of_the_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = imported(tmp_path, capsys, AFTER, "--manifests")
    assert (code, report["manifests"], report["unreadManifests"]) == (0, 1, {})
    assert {MANIFEST, FOLDER} <= inputs(tmp_path, capsys)


@pytest.mark.usefixtures("s3")
def test_without_the_option_no_manifest_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = imported(tmp_path, capsys, AFTER)
    assert (code, "manifests" in report) == (0, False)
    found = inputs(tmp_path, capsys)
    assert (MANIFEST in found, FOLDER in found) == (True, False)


@pytest.mark.parametrize(
    ("change", "began", "why"),
    [
        ("", BEFORE, "it was changed after a job that read it began"),
        ("gone", AFTER, "it is not there any more"),
        ("damaged", AFTER, "it is no manifest: "),
    ],
)
def test_a_manifest_that_says_nothing_of_the_job_is_told(
    s3: Any, change: str, began: datetime, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if change == "gone":
        s3.delete_object(Bucket="lake", Key="manifests/train.json")
    elif change:
        s3.put_object(Bucket="lake", Key="manifests/train.json", Body=b"{")
    code, report = imported(tmp_path, capsys, began, "--manifests")
    assert (code, report["unreadManifests"][MANIFEST].startswith(why)) == (1, True)
    assert FOLDER not in inputs(tmp_path, capsys)


@pytest.mark.usefixtures("s3")
def test_the_documentation_names_the_one_action_that_is_needed_besides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    connect = Session.client

    def client(self: Session, service: str, *given: Any, **more: Any) -> Any:
        made = connect(self, service, *given, **more)
        made.meta.events.register(
            f"before-call.{service}.*", lambda model, **_: calls.append(f"{service}:{model.name}")
        )
        return made

    monkeypatch.setattr(Session, "client", client)
    imported(tmp_path, capsys, AFTER, "--manifests")
    page = (Path(__file__).parents[2] / "docs" / "sagemaker.md").read_text(encoding="utf-8")
    assert {call for call in calls if not call.startswith("sagemaker:")} == {"s3:GetObject"}
    assert "needs `s3:GetObject`" in page
