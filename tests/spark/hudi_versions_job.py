"""A job that writes and reads tables of Hudi, and keeps what the agent's events say of their versions.

``python hudi_versions_job.py FOLDER SETTINGS-AS-JSON``; writes FOLDER/told.json: by the name of each step the versions
that its event tells, and `instants`, the instants of the table of the step after it, as Hudi lists them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from tests.spark.jobs import listening

HUDI = {
    "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
    "spark.sql.extensions": "org.apache.spark.sql.hudi.HoodieSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.hudi.catalog.HoodieCatalog",
    "hoodie.metadata.enable": "false",
}
TABLE = {
    "hoodie.table.name": "saved",
    "hoodie.datasource.write.recordkey.field": "id",
    "hoodie.datasource.write.precombine.field": "ts",
}
KEYS = "primaryKey = 'id', preCombineField = 'ts'"
COLUMNS = f"(id BIGINT, v BIGINT, ts BIGINT) USING hudi TBLPROPERTIES ({KEYS}, type = '{{}}')"
ROWS = "SELECT id + {} AS id, id * 2 AS v, id AS ts FROM range(5)"


def main(folder: str, settings: str) -> None:
    """Run it."""
    builder = SparkSession.builder.master("local[1]").appName("hudi versions")
    for name, value in {**json.loads(settings), **HUDI, "spark.sql.warehouse.dir": f"{folder}/lake"}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    ear = listening(spark)
    told: dict[str, Any] = {}

    def step(name: str, table: str, write: Callable[[], Any]) -> None:
        ear.heard.clear()
        write()
        spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty(300_000)  # its own 10 s are few on a busy machine
        if ear.failed:
            raise ear.failed[0]
        extra = ear.heard[-1].report().event["extra"]  # of a statement the last one: Hudi saves within some
        done = Path(folder, "lake", table, ".hoodie").glob("*commit")
        told[name] = {
            "written": extra.get("writtenVersion"),
            "read": extra.get("readVersions"),
            "instants": sorted(file.name.partition(".")[0] for file in done),
        }

    def read(name: str, table: str, frame: Any) -> None:
        step(name, table, lambda: frame.write.parquet(f"{folder}/{name.replace(' ', '_')}"))

    rows = spark.range(5).selectExpr("id", "id * 2 AS v", "id AS ts").write.format("hudi").options(**TABLE)
    step("save", "saved", lambda: rows.mode("overwrite").save(f"{folder}/lake/saved"))
    step("save again", "saved", lambda: rows.mode("append").save(f"{folder}/lake/saved"))
    for kind in ("cow", "mor"):
        spark.sql(f"CREATE TABLE {kind} {COLUMNS.format(kind)}")
        step(f"{kind} first insert", kind, partial(spark.sql, f"INSERT INTO {kind} {ROWS.format(0)}"))
        earlier = spark.read.format("hudi").load(f"{folder}/lake/{kind}")
        earlier.count()  # from here on it reads what it read
        step(f"{kind} insert", kind, partial(spark.sql, f"INSERT INTO {kind} {ROWS.format(9)}"))
        step(f"{kind} update", kind, partial(spark.sql, f"UPDATE {kind} SET v = 3 WHERE id = 1"))
        read(f"{kind} read", kind, spark.table(kind))
        read(f"{kind} read of what was there before", kind, earlier)
        first = told[f"{kind} first insert"]["instants"][0]
        then = spark.read.format("hudi").option("as.of.instant", first).load(f"{folder}/lake/{kind}")
        read(f"{kind} read as of the first", kind, then)
    made = f"CREATE TABLE made USING hudi TBLPROPERTIES ({KEYS}) AS {ROWS.format(0)}"
    step("made", "made", partial(spark.sql, made))
    merged = "WHEN MATCHED THEN UPDATE SET t.v = s.v WHEN NOT MATCHED THEN INSERT *"
    merge = f"MERGE INTO cow t USING made s ON t.id = s.id {merged}"
    step("merge", "cow", partial(spark.sql, merge))
    step("delete", "cow", partial(spark.sql, "DELETE FROM cow WHERE id = 2"))
    step("overwrite", "cow", partial(spark.sql, "INSERT OVERWRITE cow SELECT id, v, ts FROM made"))
    Path(folder, "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
