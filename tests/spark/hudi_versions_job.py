"""A job that saves a Hudi table twice, and keeps what the agent's events say of its versions.

``python hudi_versions_job.py FOLDER SETTINGS-AS-JSON``; writes FOLDER/told.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from tests.spark.jobs import listening

HUDI = {
    "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
    "spark.sql.extensions": "org.apache.spark.sql.hudi.HoodieSparkSessionExtension",
}
TABLE = {
    "hoodie.table.name": "t",
    "hoodie.datasource.write.recordkey.field": "id",
    "hoodie.datasource.write.precombine.field": "ts",
}


def main(folder: str, settings: str) -> None:
    """Run it."""
    builder = SparkSession.builder.master("local[1]").appName("hudi versions")
    for name, value in {**json.loads(settings), **HUDI}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    ear = listening(spark)
    told = []
    for mode in ("overwrite", "append"):
        rows = spark.range(5).selectExpr("id", "id * 2 AS v", "id AS ts")
        rows.write.format("hudi").options(**TABLE).mode(mode).save(f"{folder}/hudi")
        spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
        if ear.failed:
            raise ear.failed[0]
        told.append(ear.heard[-1].report().event["extra"].get("writtenVersion"))
    done = sorted(file.name.partition(".")[0] for file in Path(folder, "hudi", ".hoodie").glob("*.commit"))
    Path(folder, "told.json").write_text(json.dumps({"told": told, "instants": done}))


if __name__ == "__main__":
    main(*sys.argv[1:])
