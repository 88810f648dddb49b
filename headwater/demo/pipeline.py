"""The demo's seven Spark jobs, run on this machine's Spark by `headwater.demo.live`, in a process of their own.

They write what the recorded jobs write, from a handful of made-up rows; a formula takes the place of the model that the
recorded pipeline trains, so that PySpark alone is enough.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import headwater.spark

Job = Callable[[Any, str], None]

_RAW: Mapping[str, tuple[str, ...]] = {
    "crm/customers.csv": (
        "customer_id,email,country,signup_date,status",
        "1, Ada@Example.com,gb,2024-01-05,active",
        "2,bo@example.com,fr,2024-02-11,left",
        "3,CY@example.com ,fr,2024-03-20,active",
    ),
    "shop/orders.csv": (
        "order_id,customer_id,order_ts,amount,currency,status,channel",
        "10,1,2024-06-01 10:00:00,20.5,GBP,paid,web",
        "11,2,2024-06-02 11:00:00,7.0,EUR,paid,shop",
        "12,3,2024-06-03 12:00:00,11.0,EUR,cancelled,web",
        "13,3,2024-06-04 13:00:00,31.0,EUR,paid,web",
    ),
    "fx/rates.csv": ("currency,rate_to_eur", "EUR,1.0", "GBP,1.17"),
}


def raw(lake: Path) -> None:
    """The files that the jobs start from."""
    for name, lines in _RAW.items():
        path = lake / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def stage_customers(spark: Any, lake: str) -> None:
    """Clean the customers."""
    frame = spark.read.option("header", "true").csv(f"{lake}/raw/crm/customers.csv")
    frame.selectExpr(
        "CAST(customer_id AS INT) AS customer_id",
        "trim(lower(email)) AS email",
        "upper(country) AS country",
        "to_date(signup_date) AS signup_date",
        "status = 'active' AS is_active",
    ).write.mode("overwrite").parquet(f"{lake}/pipe/staging/customers")


def stage_orders(spark: Any, lake: str) -> None:
    """Orders in euros, without the cancelled ones."""
    orders = spark.read.option("header", "true").csv(f"{lake}/raw/shop/orders.csv")
    rates = spark.read.option("header", "true").csv(f"{lake}/raw/fx/rates.csv")
    orders.where("status <> 'cancelled'").join(rates, "currency", "left").selectExpr(
        "CAST(order_id AS BIGINT) AS order_id",
        "CAST(customer_id AS INT) AS customer_id",
        "to_timestamp(order_ts) AS ordered_at",
        "CAST(amount AS DOUBLE) * CAST(rate_to_eur AS DOUBLE) AS amount_eur",
        "channel",
    ).write.mode("overwrite").partitionBy("channel").parquet(f"{lake}/pipe/staging/orders")


def mart_customer_orders(spark: Any, lake: str) -> None:
    """Both together, in SQL."""
    for name in ("customers", "orders"):
        spark.read.parquet(f"{lake}/pipe/staging/{name}").createOrReplaceTempView(name)
    spark.sql("""
        SELECT c.customer_id, country, signup_date, is_active, order_id, ordered_at, amount_eur, channel
        FROM customers c JOIN orders o ON c.customer_id = o.customer_id
    """).write.mode("overwrite").parquet(f"{lake}/pipe/mart/customer_orders")


def features(spark: Any, lake: str) -> None:
    """What is known of each customer."""
    from pyspark.sql import functions as f

    web = f.when(f.col("channel") == "web", f.col("amount_eur")).otherwise(0.0)
    orders = spark.read.parquet(f"{lake}/pipe/mart/customer_orders").groupBy("customer_id", "country")
    orders.agg(
        f.count("order_id").alias("n_orders"), f.sum("amount_eur").alias("total_eur"), f.sum(web).alias("web_eur")
    ).withColumn("web_share", f.col("web_eur") / f.col("total_eur")).write.mode("overwrite").parquet(
        f"{lake}/pipe/ml/features"
    )


def training_set(spark: Any, lake: str) -> None:
    """The features, with the label."""
    labels = spark.read.parquet(f"{lake}/pipe/staging/customers").selectExpr(
        "customer_id", "CASE WHEN is_active THEN 0.0 ELSE 1.0 END AS label"
    )
    found = spark.read.parquet(f"{lake}/pipe/ml/features").join(labels, "customer_id")
    found.select("customer_id", "n_orders", "total_eur", "web_share", "label").write.mode("overwrite").parquet(
        f"{lake}/pipe/ml/training_set"
    )


def score(spark: Any, lake: str) -> None:
    """How likely a customer leaves."""
    frame = spark.read.parquet(f"{lake}/pipe/ml/training_set")
    frame.selectExpr("customer_id", "1 / (1 + exp(0.01 * total_eur + web_share - n_orders)) AS churn_score").write.mode(
        "overwrite"
    ).parquet(f"{lake}/pipe/ml/predictions")


def score_report(spark: Any, lake: str) -> None:
    """The scores by country."""
    customers = spark.read.parquet(f"{lake}/pipe/staging/customers")
    scores = spark.read.parquet(f"{lake}/pipe/ml/predictions").join(customers, "customer_id")
    scores.groupBy("country").agg({"churn_score": "avg"}).toDF("country", "avg_score").orderBy("avg_score").write.mode(
        "overwrite"
    ).option("header", "true").csv(f"{lake}/pipe/out/churn_by_country")


#: In the order in which they need each other.
JOBS: tuple[Job, ...] = (
    stage_customers, stage_orders, mart_customer_orders, features, training_set, score, score_report,
)  # fmt: skip

#: Small and quick to start: a JVM that lives for seconds needs no second compiler.
_SETTINGS: Mapping[str, str] = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "1",
}


def main(arguments: Sequence[str]) -> int:
    """Run all jobs, each captured under a name of its own. Arguments: the lake's folder, the server's URL."""
    folder, url = arguments
    from pyspark.sql import SparkSession

    raw(Path(folder))
    builder = SparkSession.builder.master("local[1]")
    for name, value in _SETTINGS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    for job in JOBS:
        capture = headwater.spark.capture(spark, url, job_name=f"pipeline.{job.__name__}", strict=True)
        job(spark, f"file://{folder}")
        capture.stop()
        sys.stdout.write(f"{job.__name__}\n")
        sys.stdout.flush()
    spark.stop()
    return 0
