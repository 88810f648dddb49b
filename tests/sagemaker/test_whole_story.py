"""The audit with all its parts in one graph: Spark, OpenLineage, the catalogue with its permissions, SageMaker."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from headwater.cli import run
from tests.sagemaker import story

ACCOUNT, REGION = "123456789012", "eu-west-1"
CUSTOMERS, TRAINING_SET = "s3://lake/raw/crm/customers.csv", "s3://lake/pipe/ml/training_set.parquet"
ANN, BOB = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("ann", "bob"))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty account on loopback."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "dummy")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def fill(aws: str) -> None:
    """The catalogue: who is in the raw data is personal, and for Ann alone; the training set is open to Bob as well."""
    glue, lake = (boto3.client(name, endpoint_url=aws, region_name=REGION) for name in ("glue", "lakeformation"))
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


def test_an_auditor_finds_all_in_one_graph_and_can_prove_it(
    aws: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(aws)
    data = story.told(tmp_path / "story", tmp_path / "data")
    story.load(data, story.openlineage_of_the_jobs(tmp_path / "openlineage"))

    def asked(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert run([*arguments, "--data", str(data), "--json"]) == code
        return json.loads(capsys.readouterr().out)

    asked("glue-catalog", "sync", "--lake-formation", "--region", REGION, "--endpoint-url", aws)
    asked("tag", "shop.training_set", "owner=ml-team")
    # which training job, on which data, from which source columns, and what they are
    audit = asked("audit", "endpoint/churn-prod", code=1)
    assert [step["kind"] for step in audit["steps"]] == ["endpoint", "model", "model-package", "training-job"]
    label = next(row for row in audit["columns"] if row["id"] == f"{TRAINING_SET}#label")
    assert label["sources"] == [f"{CUSTOMERS}#status"]
    assert label["tags"]["class=pii"] == [f"{CUSTOMERS}#status"]
    # who can read it, and who should not
    readers = asked("query", "who-can-read", "node=shop.training_set#label")["rows"]
    assert {row["principal"] for row in readers} == {ANN, BOB}
    wider = [row for row in asked("query", "wider-access")["rows"] if row["column"] == f"{TRAINING_SET}#customer_id"]
    assert [(row["principals"], row["source"]) for row in wider] == [([BOB], f"{CUSTOMERS}#customer_id")]
    # all of it in one file, for somebody who trusts nobody
    file = tmp_path / "audit.zip"
    assert run(["evidence", "endpoint/churn-prod", "--data", str(data), "-o", str(file)]) == 0
    with zipfile.ZipFile(file) as found:
        answer = json.loads(found.read("answer.json"))
        kinds = {json.loads(line)["kind"] for line in found.read("entries.ndjson").splitlines()}
        (tmp_path / "check.py").write_bytes(found.read("check.py"))
    assert {one["source"] for one in answer["snapshots"]} == {"glue", "lakeformation", "sagemaker"}
    assert kinds == {"spline.plan", "spline.events", "openlineage.event", "headwater.statement"}
    command = [sys.executable, "-I", "-S", str(tmp_path / "check.py"), str(file)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
