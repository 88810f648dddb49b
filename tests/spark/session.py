"""A real Spark for the tests: one session on this machine, as small as it gets."""

from __future__ import annotations

import gc
import importlib.util
import shutil
from typing import Any

import pytest

#: A JVM that lives for seconds: no second compiler, no threads for collecting.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    "spark.driver.memory": "512m",
    "spark.driver.extraJavaOptions": JAVA_OPTIONS,
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}


def needs_spark() -> None:
    """Skip where Spark cannot run."""
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed")


def session(folder: str) -> Any:
    """The session; what Spark itself writes goes into `folder`."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").appName("nightly")
    for name, value in (*SETTINGS.items(), ("spark.sql.warehouse.dir", f"{folder}/warehouse")):
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def ended(spark: Any) -> None:
    """Stop it. What PySpark leaves open, Python says here, where it is passed over, and not during a later test."""
    spark.stop()
    gc.collect()
