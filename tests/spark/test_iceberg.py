"""Real Spark with Iceberg: what a session sends to a branch by a setting, and streams from tables by their names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.door import environment, serving
from tests.spark import openlineage_jar
from tests.spark.session import SETTINGS, needs_spark

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1_800)]

ICEBERG = "org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.6.1"

SCRIPT = """
import json, sys
from pyspark.sql import SparkSession

lake, settings = sys.argv[1:]
builder = SparkSession.builder.master("local[1]").appName("nightly")
for setting in json.loads(settings).items():
    builder = builder.config(*setting)
spark = builder.getOrCreate()
spark.range(5).selectExpr("id AS k", "id * 2 AS a").write.parquet(lake + "/raw")
spark.read.parquet(lake + "/raw").createOrReplaceTempView("raw")

for table, begins in (("copied", "ALTER TABLE ice.db.copied CREATE BRANCH audit"), ("fresh", "")):
    spark.sql(f"CREATE TABLE ice.db.{table} (k BIGINT, a BIGINT) USING iceberg"
              " TBLPROPERTIES ('write.wap.enabled' = 'true')")
    spark.sql(f"INSERT INTO ice.db.{table} SELECT k, a FROM raw")
    if begins:
        spark.sql(begins)
    spark.conf.set("spark.wap.branch", "audit")
    spark.sql(f"UPDATE ice.db.{table} SET a = k WHERE k = 1")
    spark.conf.unset("spark.wap.branch")

streams = {
    "loaded": spark.readStream.format("iceberg").load("ice.db.copied"),
    "named": spark.readStream.table("ice.db.fresh"),
}
for name, stream in streams.items():
    writer = stream.selectExpr("a + 1 AS more").writeStream.option("checkpointLocation", f"{lake}/checkpoint-{name}")
    writer = writer.trigger(availableNow=True)
    if name == "loaded":
        query = writer.format("parquet").option("path", f"{lake}/{name}").start()
    else:
        spark.sql("CREATE TABLE ice.db.sums (more BIGINT) USING iceberg")
        query = writer.toTable("ice.db.sums")
    query.awaitTermination()
spark.stop()
"""


def test_branches_by_a_setting_and_streams_by_name(tmp_path: Path) -> None:
    needs_spark()
    try:
        jar = openlineage_jar.fetched(ICEBERG)
    except openlineage_jar.Missing as reason:
        pytest.skip(str(reason))
    lake, script = f"file://{tmp_path}/lake", tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    settings = {
        **SETTINGS,
        "spark.jars": str(jar),
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.ice": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.ice.type": "hadoop",
        "spark.sql.catalog.ice.warehouse": f"{tmp_path}/lake",
    }
    with serving(tmp_path / "data") as server:
        started = [sys.executable, "-m", "headwater.spark", "--to", server.url, str(script), lake, json.dumps(settings)]
        patient = environment(HEADWATER_FLUSH_SECONDS="300", HEADWATER_CAPTURE_SECONDS="300")
        ran = subprocess.run(started, capture_output=True, text=True, check=False, cwd=tmp_path, env=patient)
        assert ran.returncode == 0, ran.stderr[-3_000:]

        def edges(dataset: str) -> set[tuple[str, str]]:
            after = server.get("/ready")[1]["entries"]
            asked = f"after={after}&node={lake}/{dataset}&level=column&depth=1"
            _, answer = server.get(f"/api/v1/lineage?{asked}")
            return {
                (one["source"].removeprefix(f"{lake}/"), one["target"].partition("#")[2]) for one in answer["edges"]
            }

        # an UPDATE that only the branch has; what it does not set is what the branch began with
        began, own = "db/copied", "db/copied.branch_audit"
        assert edges(own) == {(f"{began}#k", "k"), (f"{began}#a", "a"), (f"{own}#k", "a")}
        assert edges(began) == {("raw#k", "k"), ("raw#a", "a")}
        # the setting itself began the branch: what it read is the table
        assert ("db/fresh#k", "a") in edges("db/fresh.branch_audit")
        assert edges("db/fresh") == {("raw#k", "k"), ("raw#a", "a")}
        assert edges("loaded") == {(f"{began}#a", "more")}
        assert edges("db/sums") == {("db/fresh#a", "more")}
