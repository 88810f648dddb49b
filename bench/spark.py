"""``python -m bench.spark URL ROUNDS``: what capture costs a job; prints JSON, times in ms.

One Spark session, the same write by turns: not captured, captured, and captured while the server is away.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import headwater.spark

_AWAY = "http://127.0.0.1:9"
_STEPS = 200
_WARM = 3


def main() -> None:
    """Measure and print."""
    url, rounds = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="headwater-bench-spark-") as folder:
        spark = _session(Path(folder))
        print(json.dumps(_measured(spark, Path(folder), url, rounds)))
        spark.stop()


def _session(folder: Path) -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").appName("bench")
    for name in ("spark.ui.enabled", "spark.ui.showConsoleProgress", "spark.sql.adaptive.enabled"):
        builder = builder.config(name, "false")
    builder = builder.config("spark.sql.shuffle.partitions", "1").config("spark.driver.memory", "1g")
    spark = builder.config("spark.sql.warehouse.dir", str(folder / "warehouse")).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _measured(spark: Any, folder: Path, url: str, rounds: int) -> dict[str, Any]:
    job = _job(spark, folder)
    begin = time.perf_counter()
    headwater.spark.capture(spark, url, strict=True).stop()
    started = (time.perf_counter() - begin) * 1_000
    modes: dict[str, dict[str, str]] = {"plain": {}, "there": {"url": url}, "away": {"url": _AWAY, "attempts": "1"}}
    times: dict[str, list[tuple[float, float]]] = {mode: [] for mode in modes}
    for number in range(rounds + _WARM):
        for mode, settings in modes.items():
            found = _timed(spark, job, folder / "out", {**settings, "spool": str(folder / "spool")} if settings else {})
            if number >= _WARM:
                times[mode].append(found)
    return {"started": started, "nodes": _nodes(job), "times": times, "wide": _wide(spark, folder / "wide", url)}


def _wide(spark: Any, out: Path, url: str) -> dict[str, float]:
    """The largest plan: ms until Spark's listeners are done, ms until it is sent, and growth of this process in MiB."""
    frame = _chain(spark)
    before, begin = _peak_mib(), time.perf_counter()
    returned, heard = _timed(spark, frame, out, {"url": url})
    sent = (time.perf_counter() - begin) * 1_000
    return {"heard": heard - returned, "sent": sent - returned, "grown": _peak_mib() - before}


def _peak_mib() -> float:
    """Of this process, without the JVM (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


def _timed(spark: Any, job: Any, out: Path, settings: dict[str, str]) -> tuple[float, float]:
    """Time in ms until the write returns, and until Spark's listeners are done; stopping the capture is not counted."""
    capture = headwater.spark.capture(spark, strict=True, **settings) if settings else None
    begin = time.perf_counter()
    job.write.mode("overwrite").parquet(str(out))
    returned = time.perf_counter()
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty(600_000)  # noqa: SLF001 - py4j has no public way
    heard = time.perf_counter()
    if capture is not None:
        capture.stop()
    return (returned - begin) * 1_000, (heard - begin) * 1_000


def _job(spark: Any, folder: Path) -> Any:
    """Joins, an aggregate, a window: what a mart is made of."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    for name in ("orders", "customers"):
        columns = [f"id + {n} AS {name}_{n}" for n in range(12)]
        spark.range(50).selectExpr("id AS key", *columns).write.parquet(str(folder / name))
    orders, customers = (spark.read.parquet(str(folder / name)) for name in ("orders", "customers"))
    joined = orders.where("orders_0 > 3").join(customers.where("customers_1 > 2"), "key", "left")
    for step in range(6):
        joined = joined.withColumn(f"step_{step}", f.col(f"orders_{step}") * f.col(f"customers_{step}"))
    sums = joined.groupBy("key").agg(*(f.sum(f"step_{step}").alias(f"sum_{step}") for step in range(6)))
    ranked = sums.withColumn("place", f.row_number().over(Window.orderBy("sum_0")))
    return ranked.union(ranked.where("place < 3")).orderBy("key")


def _chain(spark: Any) -> Any:
    """500 columns and 200 steps."""
    frame = spark.range(1).selectExpr("id", *(f"id + {n} AS c{n}" for n in range(499)))
    for number in range(_STEPS):
        frame = frame.withColumn(f"c{number}", frame[f"c{number}"] + frame["id"])
    return frame


def _nodes(frame: Any) -> int:
    """Operators of the analysed plan."""
    return str(frame._jdf.queryExecution().analyzed().treeString()).count("\n")  # noqa: SLF001 - py4j has no public way


if __name__ == "__main__":
    main()
