"""The story of the audit in one data folder: raw CSV, recorded Spark jobs, and SageMaker down to an endpoint.

``python -m tests.sagemaker.story`` writes the files that the notebook about an audit loads.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from headwater.aws_bridge.sagemaker import SageMaker
from headwater.cli import run
from headwater.ingest.ledger.ledger import open_ledger
from tests.aws_json import Answer, running
from tests.moto_account import moto_account
from tests.sagemaker.account import account, at

RECORDED = Path(__file__).parents[1] / "payloads"
LAKE = "s3://lake"
REGION = "eu-west-1"
CUSTOMERS, TRAINING_SET = f"{LAKE}/raw/crm/customers.csv", f"{LAKE}/pipe/ml/training_set.parquet"
ANN, BOB = (f"arn:aws:iam::123456789012:role/{name}" for name in ("ann", "bob"))


def spark_jobs(folder: Path) -> Path:
    """The recorded payloads of the example's jobs, with the paths that they have in the account's lake."""
    for file in sorted(RECORDED.glob("l0*/*-*.json")):
        copy = folder / file.parent.name / file.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text(encoding="utf-8")
        copy.write_text(text.replace("file:/data/lake", LAKE).replace('"/data/lake', f'"{LAKE}'), encoding="utf-8")
    return folder


def openlineage_of_the_jobs(folder: Path) -> Path:
    """What OpenLineage's agent sent for the same jobs, with the same paths."""
    for file in sorted((RECORDED.parent / "openlineage").glob("l0[1-7]_[a-z]*/events.jsonl")):
        if not re.match(r"l0\d_(v\d|retry|fields|descriptions)", file.parent.name):
            copy = folder / f"{file.parent.name}.ndjson"
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = re.sub(r'"namespace": ?"file", ?"name": ?"/data/lake/', _S3_PAIR, file.read_text(encoding="utf-8"))
            text = re.sub(r'"name": ?"/data/lake/([^"]*)", ?"namespace": ?"file"', _S3_PAIR_TURNED, text)
            copy.write_text(text, encoding="utf-8")
    return folder


_S3_PAIR = f'"namespace":"{LAKE}","name":"'
_S3_PAIR_TURNED = f'"name":"\\1","namespace":"{LAKE}"'


def ran_again(folder: Path, job: str, at_ms: int) -> Path:
    """The event of a further run of a recorded job, which ended at this time."""
    (event,) = json.loads(next((RECORDED / job).glob("*-event.json")).read_text(encoding="utf-8"))
    event["timestamp"] = at_ms
    event["extra"]["appId"] = f"local-{at_ms}"
    file = folder / f"{job}-{at_ms}.json"
    file.write_text(json.dumps([event]), encoding="utf-8")
    return file


def load(data: Path, *places: Path) -> None:
    """Into the data folder."""
    assert run(["load", *map(str, places), "--data", str(data)]) == 0


def import_sagemaker(data: Path, changed: Mapping[str, Answer] | None = None) -> None:
    """The account into the data folder."""
    service = account(changed)
    before = dict(os.environ)
    os.environ.update(service.environment())
    try:
        with running(service):
            assert run(["sagemaker", "import", "--endpoint-url", service.url, "--data", str(data)]) == 0
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def catalogue() -> Iterator[str]:
    """The URL of an account whose catalogue has two of the tables, by moto's server on loopback.

    Who is in the raw data is personal, and for Ann alone; the training set is open to Bob as well.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "dummy")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, os.devnull)
        with moto_account() as url:
            _fill(url)
            yield url


def _fill(url: str) -> None:
    glue, lake = (boto3.client(name, endpoint_url=url, region_name=REGION) for name in ("glue", "lakeformation"))
    glue.create_database(DatabaseInput={"Name": "shop"})
    lake.create_lf_tag(TagKey="class", TagValues=["open", "pii"])
    for table, place, columns, readers in (
        ("customers", CUSTOMERS, ("customer_id", "status"), (ANN,)),
        ("training_set", TRAINING_SET, ("customer_id", "label"), (ANN, BOB)),
    ):
        described = {"Columns": [{"Name": name, "Type": "string"} for name in columns], "Location": place}
        glue.create_table(DatabaseName="shop", TableInput={"Name": table, "StorageDescriptor": described})
        resource = {"DatabaseName": "shop", "Name": table}
        lake.add_lf_tags_to_resource(
            Resource={"Table": resource}, LFTags=[{"TagKey": "class", "TagValues": ["open"]}]
        )  # moto fails on a table of which only columns have tags
        for reader in readers:
            principal = {"DataLakePrincipalIdentifier": reader}
            lake.grant_permissions(Principal=principal, Resource={"Table": resource}, Permissions=["SELECT"])
    status = {"TableWithColumns": {"DatabaseName": "shop", "Name": "customers", "ColumnNames": ["status"]}}
    lake.add_lf_tags_to_resource(Resource=status, LFTags=[{"TagKey": "class", "TagValues": ["pii"]}])


def snapshots_of_the_catalogue(data: Path) -> list[dict[str, object]]:
    """What a sync of the catalogue into an empty data folder states."""
    with catalogue() as url:
        command = ["glue-catalog", "sync", "--lake-formation", "--region", REGION, "--endpoint-url", url]
        assert run([*command, "--data", str(data)]) == 0
    with open_ledger(data, readonly=True) as ledger:
        said = [json.loads(entry.body or b"") for entry in ledger.read(0, 100)]
    return [{key: one[key] for key in ("source", "scope", "statements")} for one in said]


def told(scratch: Path, data: Path) -> Path:
    """The whole story in a data folder."""
    load(data, spark_jobs(scratch / "spark"))
    import_sagemaker(data)
    return data


NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "data"
_AGAIN_MS = int(at(90).timestamp() * 1_000)


def notebook_files() -> dict[str, str]:
    """What the notebook about an audit loads.

    Spark's payloads, OpenLineage's of an earlier run of one of the jobs, SageMaker's events, what the catalogue states,
    and a job that ran again later.
    """
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        folder = Path(scratch)
        jobs = [json.loads(file.read_text()) for file in sorted(spark_jobs(folder / "jobs").glob("*/*.json"))]
        again = json.loads(ran_again(folder, "l05_training_set", _AGAIN_MS).read_text())
        told_too = openlineage_of_the_jobs(folder / "openlineage") / "l05_training_set.ndjson"
        before = told_too.read_text(encoding="utf-8").replace("2026-11-29T", "2026-11-21T")  # a day before Spline's
        also = [json.loads(line) for line in before.splitlines()]
        catalog = snapshots_of_the_catalogue(folder / "catalog")
        service = account()
        for name, value in service.environment().items():
            patch.setenv(name, value)
        with running(service):
            events = list(SageMaker(endpoint=service.url).events())
    named = {
        "churn-spark": jobs,
        "churn-openlineage": also,
        "churn-sagemaker": events,
        "churn-catalog": catalog,
        "churn-later": [again],
    }
    return {f"{name}.ndjson": "".join(f"{json.dumps(one)}\n" for one in lines) for name, lines in named.items()}


if __name__ == "__main__":
    for file_name, content in notebook_files().items():
        (NOTEBOOK / file_name).write_text(content, encoding="utf-8")
