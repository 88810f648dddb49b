"""A job that writes and reads tables of Delta and Iceberg, and keeps what the agent's events say of their versions.

``python table_versions_job.py FOLDER SETTINGS-AS-JSON``; writes FOLDER/told.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from tests.spark.jobs import listening

FORMATS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.catalog.ice": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.ice.type": "hadoop",
    "spark.databricks.delta.snapshotPartitions": "1",
}


def main(folder: str, settings: str) -> None:
    """Run it."""
    builder = SparkSession.builder.master("local[1]").appName("versions")
    own = {"spark.sql.warehouse.dir": f"{folder}/warehouse", "spark.sql.catalog.ice.warehouse": f"{folder}/ice"}
    for name, value in {**json.loads(settings), **FORMATS, **own}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    ear = listening(spark)
    told: dict[str, dict[str, Any]] = {}

    def step(name: str) -> None:
        spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
        if ear.failed:
            raise ear.failed[0]
        told[name] = ear.heard[-1].report().event["extra"]

    rows = spark.range(5).selectExpr("id", "id * 2 AS v")
    rows.write.format("delta").save(f"{folder}/delta")
    step("delta create")
    rows.write.format("delta").mode("append").save(f"{folder}/delta")
    step("delta append")
    spark.read.format("delta").load(f"{folder}/delta").write.parquet(f"{folder}/now")
    step("delta read")
    spark.read.format("delta").option("versionAsOf", 0).load(f"{folder}/delta").write.parquet(f"{folder}/then")
    step("delta read of version 0")
    spark.sql("CREATE TABLE ice.db.t AS SELECT id, id * 2 AS v FROM range(5)")
    spark.sql("INSERT INTO ice.db.t SELECT id, id * 3 AS v FROM range(5)")
    step("iceberg insert")
    spark.table("ice.db.t").write.parquet(f"{folder}/ice_now")
    step("iceberg read")
    found = spark.sql("SELECT snapshot_id FROM ice.db.t.snapshots ORDER BY committed_at").collect()
    ids = [str(row[0]) for row in found]
    spark.sql(f"SELECT * FROM ice.db.t VERSION AS OF {ids[0]}").write.parquet(f"{folder}/ice_then")
    step("iceberg read of the first snapshot")
    told["snapshots"] = {"ids": ids}
    Path(folder, "told.json").write_text(json.dumps(told), encoding="utf-8")
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
