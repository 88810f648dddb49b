"""A recorded job that reads and writes S3 by s3a, run live against moto's server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.door import serving
from tests.golden.recorded import PAYLOADS
from tests.inbox.cloud import REGION, cloud
from tests.spark.openlineage_jar import Missing, fetched
from tests.spark.scripts import report
from tests.spark.session import needs_spark

#: A JVM starts, and the first time 280 MB come from Maven, on a machine that may have more to do.
pytestmark = [pytest.mark.spark, pytest.mark.timeout(1_800)]

#: Those of the Hadoop that Spark 3.5 has.
ARTIFACTS = ("org.apache.hadoop:hadoop-aws:3.3.4", "com.amazonaws:aws-java-sdk-bundle:1.12.262")
#: Where the job was recorded.
RECORDED_AT = "127.0.0.1:9755"
ROWS = "order_id,amount,channel,status\n1,9.5,web,paid\n2,3.0,shop,open\n"


@pytest.fixture
def s3() -> Iterator[str]:
    """The address of a server with the buckets of the job and two months of orders."""
    with cloud() as account:
        client = account.client("s3")
        for bucket in ("raw-zone", "curated-zone"):
            client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for month in ("2024-01", "2024-02"):
            client.put_object(Bucket="raw-zone", Key=f"shop/orders/{month}/part-0.csv", Body=ROWS.encode())
        yield account.url.removeprefix("http://")


RAW, CURATED = "s3://raw-zone/shop/orders", "s3://curated-zone"
#: By what is written, its columns and the one that each is made of. A partition folder and months are the dataset.
EDGES = {
    f"{CURATED}/orders": {(name, f"{RAW}#{name}") for name in ("order_id", "amount", "channel")},
    f"{CURATED}/web_ids": {("order_id", f"{CURATED}/orders#order_id")},
    f"{CURATED}/status json": {(name, f"{RAW}#{name}") for name in ("order_id", "status")},
    f"{CURATED}/by_status": {("status", f"{RAW}#status")},
}


def test_the_recorded_job_has_its_lineage_across_the_buckets(tmp_path: Path, s3: str) -> None:
    needs_spark()
    try:
        jars = ":".join(str(fetched(artifact)) for artifact in ARTIFACTS)
    except Missing as missing:
        pytest.skip(str(missing))
    script = tmp_path / "job.py"
    script.write_text((PAYLOADS / "q01_s3a_moto/job.py").read_text().replace(RECORDED_AT, s3))
    with serving(tmp_path / "data") as server:
        report(script, server.url, jars)
        after = server.get("/ready")[1]["entries"]
        for target, edges in EDGES.items():
            node = target.replace(" ", "%20")
            status, answer = server.get(f"/api/v1/lineage?after={after}&node={node}&level=column&depth=1")
            assert status == 200, answer
            assert {(edge["target"].rpartition("#")[2], edge["source"]) for edge in answer["edges"]} == edges
        _, whole = server.get(f"/api/v1/lineage?node={CURATED}/web_ids%23order_id")
        assert f"{RAW}#order_id" in {node["id"] for node in whole["nodes"]}
