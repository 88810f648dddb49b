"""Every spelling of a dataset leads to its one name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headwater.graphmodel import naming
from headwater.graphmodel.naming import Rules, canonical

PAYLOADS = Path(__file__).parents[2] / "payloads"
PLAN = "plan-1"

CANONICAL = [
    # object stores: one scheme for S3, no trailing slash, the key as it is
    ("s3a://raw-zone/shop/orders", "s3://raw-zone/shop/orders"),
    ("S3N://raw-zone/shop/orders/", "s3://raw-zone/shop/orders"),
    ("s3://lake/a//b", "s3://lake/a//b"),  # a key may have an empty folder
    ("s3://lake/Mart/Orders", "s3://lake/Mart/Orders"),  # keys have a case
    ("s3a://lake/", "s3://lake"),  # a bucket's root
    ("s3a://curated-zone/status json", "s3://curated-zone/status json"),  # q01: spaces are not encoded
    ("s3://lake/a%20b", "s3://lake/a%2520b"),  # a Hadoop path is never decoded
    ("s3://lake/a#b", "s3://lake/a%23b"),  # only a column comes after #
    ("s3a://lake/x?y", "s3://lake/x?y"),  # a key may have a question mark
    ("s3n://AKIAIOSFODNN7EXAMPLE:wJalr/XUtn@lake/x", "s3://lake/x"),  # keys in the URL, a slash in the secret
    ("s3://7e1b--table-s3/data/00000.parquet", "s3://7e1b--table-s3"),  # S3 Tables: a bucket for each table
    ("gs://lake/x/", "gs://lake/x"),
    ("abfss://raw@ACME.dfs.core.windows.net/x/", "abfss://raw@acme.dfs.core.windows.net/x"),  # no user: a container
    # local files: three spellings, decoded once
    ("/data/lake/wh/dir_out", "file:///data/lake/wh/dir_out"),  # h01: the wrapper leaves the scheme out
    ("file:/data/lake/wh/dir_out", "file:///data/lake/wh/dir_out"),
    ("file:///data/lake/wh/dir_out/", "file:///data/lake/wh/dir_out"),
    ("file://localhost/data/x", "file:///data/x"),
    ("file://NAS1/data/x", "file://nas1/data/x"),  # OpenLineage's remote file system
    ("/data//lake", "file:///data/lake"),
    ("//data/lake", "file:///data/lake"),  # no scheme: no host either
    ("/", "file:///"),
    ("file:///data/status%20json", "file:///data/status json"),
    ("file:/data/status json", "file:///data/status json"),
    ("/data/100%", "file:///data/100%25"),
    ("file:///data/a%2523", "file:///data/a%2523"),  # the text %23 stays apart from ...
    ("file:///data/a%23", "file:///data/a%23"),  # ... the text #
    ("file:///data/a%2Fb", "file:///data/a%252Fb"),  # decoded, it would be another folder
    ("file:///data/%FF", "file:///data/%25FF"),  # no text at all
    ("/data/lake/raw/shop/orders.csv", "file:///data/lake/raw/shop/orders.csv"),  # a file is a dataset
    ("file:relative/x", "file:relative/x"),  # relative to what, nobody knows
    # other file systems
    ("hdfs://NameNode:8020//warehouse//x/", "hdfs://namenode:8020/warehouse/x"),
    ("hdfs:/x", "hdfs:///x"),
    ("hdfs:x", "hdfs:x"),  # relative
    ("dbfs:///mnt/x", "dbfs:/mnt/x"),
    ("delta.`s3a://lake/x`", "s3://lake/x"),  # Spark SQL's query of a path
    ("s3:lake/x", "s3:lake/x"),  # no bucket: nothing to go by
    ("wasbs:x", "wasbs:x"),
    # streams, catalogs
    ("kafka:orders", "kafka:orders"),  # the agent leaves the broker out
    ("kafka://B1:9092,b2:9092/orders", "kafka://b1:9092/orders"),  # OpenLineage: the first broker
    ("kafka://b1/orders", "kafka://b1:9092/orders"),
    (
        "arn:aws:glue:eu-west-1:123456789012:table/Sales/Orders",
        "arn:aws:glue:eu-west-1:123456789012:table/sales/orders",
    ),
    ("arn:aws:s3tables:eu-west-1:1:bucket/B/table/9f", "arn:aws:s3tables:eu-west-1:1:bucket/B/table/9f"),
    ("sales.orders", "sales.orders"),  # a catalog's name: an alias leads on
    # OpenLineage's own names
    ("postgres://H/shop.public.orders", "postgres://h:5432/shop.public.orders"),
    ("postgresql://u:p@h:5432/shop.public.orders?sslmode=require", "postgres://h:5432/shop.public.orders"),
    ("sqlserver://h/inst/shop.dbo.orders", "sqlserver://h/inst/shop.dbo.orders"),  # an instance finds its own port
    ("bigquery:shop.sales.Orders", "bigquery:shop.sales.Orders"),
    # others: no user, no secrets
    ("mongodb://u:p@H:27017/shop.orders?authToken=x&w=1", "mongodb://h:27017/shop.orders?w=1"),
    ("https://h/x.csv?X-Amz-Signature=ab&X-Amz-Credential=cd", "https://h/x.csv"),
    # nothing is refused
    ("", ""),
    ("#", "%23"),
    ("://", "://"),
    ("jdbc:", "jdbc:"),
    ("\ud800", "\ud800"),  # half of a surrogate pair: JSON can carry it
]


@pytest.mark.parametrize(("spelling", "uri"), CANONICAL)
def test_a_spelling_has_one_uri(spelling: str, uri: str) -> None:
    assert canonical(spelling) == uri


FOLDED = [
    # partition folders, several levels
    ("s3a://lake/orders/dt=2026-01-31", "s3://lake/orders", "dt=2026-01-31"),
    ("s3://lake/orders/y=2026/m=01/", "s3://lake/orders", "y=2026/m=01"),
    ("s3://lake/orders/c=__HIVE_DEFAULT_PARTITION__", "s3://lake/orders", "c=__HIVE_DEFAULT_PARTITION__"),
    ("s3://lake/orders/ts=10%3A00", "s3://lake/orders", "ts=10%3A00"),  # Hive's own escape, as the folder has it
    ("/lake/orders/ts=10%3A00", "file:///lake/orders", "ts=10:00"),  # a local path is decoded once
    ("s3://lake/orders/dt=2026-01-31/part-00000-1f2e.c000.snappy.parquet", "s3://lake/orders", "dt=2026-01-31"),
    ("s3://lake/orders//dt=1", "s3://lake/orders", "dt=1"),
    ("s3://lake/dt=1/orders", "s3://lake/dt=1/orders", None),  # not trailing
    ("s3://lake/orders/=x", "s3://lake/orders/=x", None),  # no key
    ("s3://lake/orders/x=", "s3://lake/orders/x=", None),  # no value
    # date folders
    ("s3a://raw-zone/shop/orders/2024-01", "s3://raw-zone/shop/orders", "2024-01"),
    ("hdfs://nn:8020/orders/2026-01-31", "hdfs://nn:8020/orders", "2026-01-31"),
    ("s3://lake/orders/2026/01/31", "s3://lake/orders", "2026/01/31"),
    ("s3://lake/orders/2026/01/31/23", "s3://lake/orders", "2026/01/31/23"),  # Firehose's default
    ("s3://lake/orders/2026/01", "s3://lake/orders", "2026/01"),
    ("s3://lake/orders/region=eu/2026/01/31", "s3://lake/orders", "region=eu/2026/01/31"),
    ("s3://lake/orders/20260131", "s3://lake/orders", "20260131"),
    ("s3://lake/orders/202601", "s3://lake/orders", "202601"),
    ("s3://lake/orders/2026_01", "s3://lake/orders", "2026_01"),
    ("s3://lake/orders/2026_01_31", "s3://lake/orders", "2026_01_31"),
    ("s3://lake/orders/2026.01.31", "s3://lake/orders", "2026.01.31"),
    ("/lake/orders/31.01.2026", "file:///lake/orders", "31.01.2026"),
    ("s3://lake/orders/2026-01-31/08", "s3://lake/orders", "2026-01-31/08"),
    ("s3://lake/orders/20260131T0815Z", "s3://lake/orders", "20260131T0815Z"),
    ("s3://lake/orders/20260131_081530", "s3://lake/orders", "20260131_081530"),
    ("s3://lake/orders/2026-01-31T08:15:30.123+01:00", "s3://lake/orders", "2026-01-31T08:15:30.123+01:00"),
    ("s3://lake/orders/2026-01-31 08%3A15", "s3://lake/orders", "2026-01-31 08%3A15"),  # Hive's escape of a colon
    ("s3://lake/orders/31.01.2026 08:15", "s3://lake/orders", "31.01.2026 08:15"),
    ("s3://lake/orders/2026013108", "s3://lake/orders", "2026013108"),
    ("s3://lake/orders/20261331", "s3://lake/orders/20261331", None),  # no month
    ("s3://lake/orders/2026.01", "s3://lake/orders/2026.01", None),  # a version
    ("s3://lake/orders/1772352000", "s3://lake/orders/1772352000", None),  # seconds, or a number of something
    ("s3://lake/orders/1772352000123", "s3://lake/orders", "1772352000123"),  # milliseconds
    ("s3://lake/orders/4006381333931", "s3://lake/orders/4006381333931", None),  # the number of an article
    ("s3://lake/orders/2026-W09", "s3://lake/orders", "2026-W09"),
    ("s3://lake/orders/2026W09", "s3://lake/orders", "2026W09"),
    ("s3://lake/orders/2026-W09-1", "s3://lake/orders", "2026-W09-1"),
    ("s3://lake/orders/2026/W53", "s3://lake/orders", "2026/W53"),
    ("s3://lake/orders/2026-W54", "s3://lake/orders/2026-W54", None),  # no week
    ("s3://lake/orders/2026-Q1", "s3://lake/orders", "2026-Q1"),
    ("s3://lake/orders/2026/q4", "s3://lake/orders", "2026/q4"),
    ("s3://lake/orders/2026Q5", "s3://lake/orders/2026Q5", None),
    # folders of one execution
    ("s3://lake/orders/batch_17", "s3://lake/orders", "batch_17"),
    ("s3://lake/orders/batch-2026-01-31", "s3://lake/orders", "batch-2026-01-31"),
    ("s3://lake/orders/batches/17", "s3://lake/orders", "batches/17"),
    ("s3://lake/batch/2026-01-31", "s3://lake/batch", "2026-01-31"),  # a layer of the lake, beside that of streams
    ("s3://lake/batch_17b", "s3://lake/batch_17b", None),
    (
        "s3://ml/churn/stages/2_LogisticRegression_0123456789ab/data",
        "s3://ml/churn",
        "stages/2_LogisticRegression_0123456789ab/data",
    ),
    ("s3://ml/churn/stages/02_logreg_0123456789ab", "s3://ml/churn", "stages/02_logreg_0123456789ab"),
    (
        "s3://ml/churn/stages/0_Pipeline_0123456789ab/stages/1_strIdx_ba9876543210/data/part-00000",
        "s3://ml/churn",
        "stages/0_Pipeline_0123456789ab/stages/1_strIdx_ba9876543210/data",
    ),
    ("s3://lake/stages/orders/data", "s3://lake/stages/orders/data", None),
    (f"s3://lake/orders/jr_{'0a' * 32}", "s3://lake/orders", f"jr_{'0a' * 32}"),
    (
        "s3://b/x/run-123e4567-e89b-12d3-a456-426614174000/part-0",
        "s3://b/x",
        "run-123e4567-e89b-12d3-a456-426614174000",
    ),
    ("s3://lake/orders/run_20260131", "s3://lake/orders", "run_20260131"),
    ("s3://lake/orders/run_id_7", "s3://lake/orders", "run_id_7"),
    ("s3://lake/orders/runs/7/dt=1", "s3://lake/orders", "runs/7/dt=1"),
    ("s3://lake/x/manual__2026-01-31T08:15:30.123456+00:00", "s3://lake/x", "manual__2026-01-31T08:15:30.123456+00:00"),
    ("s3://lake/x/application_1772352000000_0001", "s3://lake/x", "application_1772352000000_0001"),
    ("s3://lake/x/123e4567-e89b-12d3-a456-426614174000", "s3://lake/x/123e4567-e89b-12d3-a456-426614174000", None),
    ("s3://lake/x/run", "s3://lake/x/run", None),
    ("s3://lake/x/7", "s3://lake/x/7", None),
    ("s3://arn:aws:s3:eu-west-1:1:accesspoint/2026-01", "s3://arn:aws:s3:eu-west-1:1:accesspoint/2026-01", None),
    ("s3://lake/census/2026", "s3://lake/census/2026", None),  # a year alone may be a dataset
    ("s3://lake/orders/2026-13", "s3://lake/orders/2026-13", None),  # no month
    ("s3://lake/orders/fair_2024.csv", "s3://lake/orders/fair_2024.csv", None),
    # part files
    ("s3a://raw-zone/shop/orders/2024-02/part-0.csv", "s3://raw-zone/shop/orders", "2024-02"),  # q01
    ("/lake/out/part-00000", "file:///lake/out", None),
    ("/lake/out/part-r-00000.gz.parquet", "file:///lake/out", None),
    ("/lake/clicks/part0.json", "file:///lake/clicks/part0.json", None),  # n01: somebody's own name
    ("s3://lake/t/metadata/00001-9f.metadata.json", "s3://lake/t", None),  # Iceberg's metadata_location
    ("s3://lake/t/_delta_log", "s3://lake/t/_delta_log", None),  # the log is read for itself
    # something always stays
    ("s3://lake/2026/01/31", "s3://lake", "2026/01/31"),  # a bucket can be a dataset
    ("/2026/01", "file:///2026/01", None),  # the root of a file system cannot
    ("/a=1/b=2", "file:///a=1", "b=2"),
    # only paths fold
    ("kafka:dt=1", "kafka:dt=1", None),
    ("postgres://h:5432/2026-01", "postgres://h:5432/2026-01", None),
]


@pytest.mark.parametrize(("spelling", "uri", "partition"), FOLDED)
def test_trailing_partitions_fold_into_the_dataset(spelling: str, uri: str, partition: str | None) -> None:
    name = naming.parse(spelling)
    assert (name.uri, name.partition) == (uri, partition)


RULES: list[tuple[dict[str, object], str, str | None]] = [  # None: the name as it is without rules
    ({}, "s3a://lake/x/dt=1/2026-01/part-0.csv", "s3://lake/x"),
    ({"partitions": False}, "s3a://lake/x/dt=1/2026-01", "s3://lake/x/dt=1"),
    ({"dates": False}, "s3a://lake/x/2026-01", "s3://lake/x/2026-01"),
    ({"files": False}, "s3a://lake/x/part-0.csv", "s3://lake/x/part-0.csv"),
    ({"runs": False}, "s3a://lake/x/run_7", "s3://lake/x/run_7"),
    ({"datasets": ["s3a://lake/clicks/"]}, "s3://lake/clicks/a/b.json", "s3://lake/clicks"),  # whatever lies below
    ({"datasets": ["s3://lake/x/2026-01"]}, "s3://lake/x/2026-01", "s3://lake/x/2026-01"),  # not folded itself
    ({"datasets": ["s3://lake/x", "s3://lake/x/y"]}, "s3://lake/x/y/z", "s3://lake/x/y"),  # the longest counts
    ({"datasets": ["s3://lake/x"]}, "s3://lake/xy/z", "s3://lake/xy/z"),  # only whole folders
    # namespaces with two names
    ({"namespaces": {"s3://ap-x1y2-s3alias": "s3://lake"}}, "s3a://ap-x1y2-s3alias/x/dt=1", "s3://lake/x"),
    ({"namespaces": {"s3://ap": "s3://lake"}}, "s3://ap2/x", "s3://ap2/x"),  # only the whole name
    ({"namespaces": {"hdfs://nn1:8020/": "hdfs://prod"}}, "hdfs://nn1:8020/x", "hdfs://prod/x"),
    ({"namespaces": {"hdfs://prod": "s3://lake/hdfs"}}, "hdfs://prod/x/2026-01", "s3://lake/hdfs/x"),
    ({"namespaces": {"kafka://b2": "kafka://b1:9092"}}, "kafka://b2:9092/orders", "kafka://b1:9092/orders"),
    (
        {"namespaces": {"snowflake://xy12345.eu-west-1.aws": "snowflake://acme-prod"}},
        "snowflake://xy12345.eu-west-1.snowflakecomputing.com/DB.S.T",
        "snowflake://acme-prod/DB.S.T",
    ),
    (
        {"namespaces": {"arn:aws:glue:eu-west-1:1": "arn:aws:glue:eu-west-1:2"}},
        "arn:aws:glue:eu-west-1:1:table/d/t",
        "arn:aws:glue:eu-west-1:2:table/d/t",
    ),
    ({"namespaces": {"s3://a": "s3://b", "s3://b": "s3://c"}}, "s3://a/x", "s3://c/x"),
    ({"namespaces": {"s3://a": "s3://b", "s3://a/x": "s3://c"}}, "s3://a/x/y", "s3://c/y"),  # the longest counts
    # folders of a run
    ({"folders": ["run_*"]}, "s3://lake/x/run_7/part-0.csv", "s3://lake/x"),
    ({"folders": ["{uuid}"]}, "s3://lake/x/123e4567-e89b-12d3-a456-426614174000", "s3://lake/x"),
    ({"folders": ["{uuid}"]}, "s3://lake/x/123e4567-e89b-12d3-a456-42661417400", None),
    ({"folders": ["{timestamp}"]}, "/x/2026-03-01T08:15:30Z/dt=1", "file:///x"),
    ({"folders": ["{timestamp}"]}, "/x/20260301_081530", "file:///x"),
    ({"folders": ["{timestamp}"]}, "/x/1772352000", "file:///x"),
    ({"folders": ["{timestamp}"]}, "/x/20261301_081530", None),  # no month
    ({"folders": ["batch-{number}"]}, "s3://lake/x/batch-12", "s3://lake/x"),
    ({"folders": ["batch-{number}"]}, "s3://lake/x/batch-", None),
    ({"folders": ["snapshots/{timestamp}"]}, "s3://lake/x/snapshots/2026-03-01-08-15", "s3://lake/x"),
    ({"folders": ["snapshots/{timestamp}"]}, "s3://lake/x/other/2026-03-01-08-15", None),
    ({"folders": ["*"]}, "/x/y", "file:///x"),  # at least one folder stays
    # dated names
    ({"names": ["*_{date}"]}, "s3://lake/orders_20260301", "s3://lake/orders"),
    ({"names": ["*_{date}"]}, "s3://lake/orders_2026-03-01/dt=1", "s3://lake/orders"),
    ({"names": ["*_{date}"]}, "s3://lake/orders_20260301_20260302", "s3://lake/orders"),  # until nothing matches
    ({"names": ["*{date}"]}, "s3://lake/orders_20260301", "s3://lake/orders"),
    ({"names": ["{date}_*"]}, "s3://lake/20260301_orders", "s3://lake/orders"),
    ({"names": ["*_{date}.csv"]}, "s3://lake/orders_20260301.csv", "s3://lake/orders.csv"),
    ({"names": ["orders_{date}"]}, "s3://lake/items_20260301", None),
    ({"names": ["*_{date}"]}, "s3://lake/orders_20261301", None),  # no month
    ({"names": ["*_{date}"]}, "s3://lake_20260301", None),  # a bucket is no name
    ({"names": ["*{date}"]}, "s3://lake/20260301", None),  # nothing would be left
    ({"names": ["*_{date}"]}, "jdbc:postgresql://h/db:orders_20260301", "postgres://h:5432/db.public.orders"),
    ({"names": ["*_{date}"]}, "postgres://h_20260301:5432", None),  # a host is no name
    ({"names": ["*_{date}"]}, "kafka://h:9092/orders_20260301", "kafka://h:9092/orders"),
    ({"names": ["*_{date}"]}, "sales.orders_20260301", "sales.orders"),
    (
        {"names": ["*_{date}"]},
        "arn:aws:glue:eu-west-1:1:table/sales/orders_20260301",
        "arn:aws:glue:eu-west-1:1:table/sales/orders",
    ),
    # kept apart
    ({"names": ["*_{date}"], "datasets": ["s3://lake/fair_*"]}, "s3://lake/fair_20260301", None),
    ({"datasets": ["s3://lake/models/*"]}, "s3://lake/models/2026-03/part-0", "s3://lake/models/2026-03"),
    ({"names": ["*_{date}"], "datasets": ["postgres://h:5432/db.*"]}, "postgres://h:5432/db.s.t_20260301", None),
]


@pytest.mark.parametrize(("settings", "spelling", "uri"), RULES)
def test_a_user_changes_what_folds(settings: dict[str, object], spelling: str, uri: str | None) -> None:
    rules = Rules.from_mapping(settings)
    uri = uri or canonical(spelling)
    assert canonical(spelling, rules) == uri
    assert canonical(uri, rules) == uri


def test_folders_below_a_dataset_of_the_user_are_its_partition() -> None:
    rules = Rules(datasets=("s3://lake/clicks",))
    assert naming.parse("s3://lake/clicks/de/10/part-0.csv", rules).partition == "de/10"
    assert naming.parse("s3://lake/clicks", rules).partition is None


def test_a_known_uri_is_not_folded_again() -> None:
    name = naming.name_of_uri("s3://lake/orders/2026-01")
    assert (name.uri, name.name, name.display, name.partition) == (
        "s3://lake/orders/2026-01",
        "orders/2026-01",
        "2026-01",
        None,
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"partition": True}, "unknown naming rule 'partition': expected one of dataset"),
        ({"dates": "no"}, "'dates': expected true or false"),
        ({"datasets": "s3://lake/x"}, "'datasets': expected a list of URIs"),
        ({"datasets": [1]}, "'datasets': expected a list of URIs"),
        ({"names": ["orders"]}, "'orders' has no placeholder to leave out"),
        ({"names": ["a/{date}"]}, "has a /: it is about the last part of a name"),
        ({"folders": ["run-{guid}"]}, "encloses no placeholder; there are {date}, {timestamp}, {uuid}, {number}"),
        ({"folders": ["run-{uuid"]}, "encloses no placeholder"),
        ({"folders": ["run-}"]}, "encloses no placeholder"),
        ({"folders": [""]}, "must not be empty"),
        ({"namespaces": ["s3://a"]}, "expected another name and the name that is kept"),
        ({"namespaces": {"s3://a": "b"}}, "expected a URI for a URI"),
        ({"namespaces": {"s3://a": "s3://b", "s3://b/": "s3a://a"}}, "leads to a name that leads back to it"),
        ({"namespaces": {"s3://a": "s3://a/b"}}, "leads to a name that leads back to it"),
    ],
)
def test_wrong_rules_are_refused_by_name(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Rules.from_mapping(settings)


def test_rules_are_read_back_from_their_text() -> None:
    for rules in (Rules(runs=False), Rules(namespaces=(("s3://a", "s3://b"),)), Rules(names=("*_{date}",))):
        assert Rules.from_text(rules.text) == rules != Rules()
    assert Rules().text == ""


def test_many_folders_of_one_dataset_are_one_read() -> None:
    months = ["s3a://raw-zone/shop/orders/2024-01", "s3a://raw-zone/shop/orders/2024-02/part-0.csv"]  # q01
    other = "s3://raw-zone/shop/items/dt=1"
    (orders, items) = naming.fold([months[0], other, months[1], other])
    assert (orders.uri, orders.partition) == ("s3://raw-zone/shop/orders", None)
    assert (items.uri, items.partition) == ("s3://raw-zone/shop/items", "dt=1")
    assert naming.fold([months[0]])[0].partition == "2024-01"
    assert naming.fold([]) == ()


PAIRS = [
    ("s3a://lake/mart/orders", "s3://lake", "mart/orders", "orders"),
    ("s3://lake", "s3://lake", "/", "lake"),
    ("/data/orders", "file", "/data/orders", "orders"),
    ("file://nas/data/orders", "file://nas", "/data/orders", "orders"),
    ("hdfs://nn:8020/x/orders", "hdfs://nn:8020", "/x/orders", "orders"),
    ("dbfs:/mnt/x", "dbfs", "/mnt/x", "x"),
    ("kafka://b:9092/orders", "kafka://b:9092", "orders", "orders"),
    ("kafka:orders", "kafka", "orders", "kafka:orders"),
    ("arn:aws:glue:eu-west-1:12:table/sales/orders", "arn:aws:glue:eu-west-1:12", "table/sales/orders", "orders"),
    ("arn:aws:s3tables:eu-west-1:12:bucket/b/ns.t", "arn:aws:s3tables:eu-west-1:12:bucket/b", "ns.t", "ns.t"),
    ("postgres://h:5432/shop.public.t", "postgres://h:5432", "shop.public.t", "shop.public.t"),
    ("sqlserver://h/inst/shop.dbo.t", "sqlserver://h/inst", "shop.dbo.t", "shop.dbo.t"),
    ("sqlserver://h:1433/shop.dbo.t", "sqlserver://h:1433", "shop.dbo.t", "shop.dbo.t"),
    ("sqlite:///data/shop.sqlite/orders", "sqlite:///data/shop.sqlite", "orders", "orders"),
    ("sales.orders", "", "sales.orders", "sales.orders"),
]


@pytest.mark.parametrize(("spelling", "namespace", "name", "display"), PAIRS)
def test_openlineage_knows_it_by_namespace_and_name(spelling: str, namespace: str, name: str, display: str) -> None:
    parsed = naming.parse(spelling)
    assert (parsed.namespace, parsed.name, parsed.display) == (namespace, name, display)


JDBC = [
    # the agent's <url>:<dbtable>
    ("jdbc:postgresql://127.0.0.1:56777/shopdb:public.products", "postgres://127.0.0.1:56777/shopdb.public.products"),
    ("jdbc:sqlite:/data/lake/db/shop.sqlite:orders", "sqlite:///data/lake/db/shop.sqlite/orders"),
    # PostgreSQL
    ("jdbc:postgresql://H/shop:Orders", "postgres://h:5432/shop.public.orders"),  # default port and schema, case
    ('jdbc:postgresql://h/shop:"Sales"."Big Orders"', "postgres://h:5432/shop.Sales.Big Orders"),  # quoted: as is
    ("jdbc:postgresql://h/shop?currentSchema=x,public:entries", "postgres://h:5432/shop.x.entries"),
    ("jdbc:postgresql://h/shop?ssl=true:s.t", "postgres://h:5432/shop.s.t"),  # other parameters name nothing
    ("jdbc:postgresql://u:p@h:5433/shop:s.t", "postgres://h:5433/shop.s.t"),  # the user is no part of a name
    ("jdbc:postgresql://h1:5432,h2/shop:s.t", "postgres://h1:5432,h2:5432/shop.s.t"),
    ("jdbc:postgresql://[2001:DB8::1]:5432/shop:s.t", "postgres://[2001:db8::1]:5432/shop.s.t"),
    ("jdbc:postgresql://[::1]/shop:s.t", "postgres://[::1]:5432/shop.s.t"),
    ("jdbc:postgresql:shop:s.t", "postgres://localhost:5432/shop.s.t"),
    ("jdbc:postgresql://h/my%20shop:s.t", "postgres://h:5432/my shop.s.t"),  # a JDBC URL is decoded once
    ("jdbc:aws-wrapper:postgresql://h/shop:s.t", "postgres://h:5432/shop.s.t"),
    ("jdbc:postgresql://h/shop:(select * from s.t) as q", "postgres://h:5432/shop.s.t"),  # the whole table
    # MySQL: a schema is a database
    ("jdbc:mysql://h/shop:orders", "mysql://h:3306/shop.orders"),
    ("jdbc:mysql://h:3306/shop:`other`.orders", "mysql://h:3306/other.orders"),
    ("jdbc:mysql:loadbalance://h1,h2:3307/shop?useSSL=true:t", "mysql://h1:3306,h2:3307/shop.t"),
    ("jdbc:mariadb:aurora://h/shop:t", "mysql://h:3306/shop.t"),
    # Oracle: service or SID, as typed
    ("jdbc:oracle:thin:@//h:1521/svc:schema.t", "oracle://h:1521/svc.schema.t"),
    ("jdbc:oracle:thin:@h:1521:SID:schema.t", "oracle://h:1521/SID.schema.t"),
    ("jdbc:oracle:thin:scott/tiger@//h/svc:t", "oracle://h:1521/svc.t"),  # the user's own schema: not said
    ("jdbc:oracle:thin:@tcp://h:1522/svc:s.t", "oracle://h:1522/svc.s.t"),
    (
        "jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(HOST=h1)(PORT=1522))(ADDRESS=(HOST=h2))(CONNECT_DATA=(SID=x))):s.t",
        "oracle://h1:1522,h2:1521/x.s.t",
    ),
    # SQL Server
    ("jdbc:sqlserver://h:1433;databaseName=shop;encrypt=true:sales.t", "sqlserver://h:1433/shop.sales.t"),
    ("jdbc:sqlserver://h;database=shop:t", "sqlserver://h:1433/shop.dbo.t"),
    ("jdbc:sqlserver://h;databaseName=shop:other..t", "sqlserver://h:1433/other.dbo.t"),
    ("jdbc:sqlserver://h;databaseName=shop:[My Schema].[t]", "sqlserver://h:1433/shop.My Schema.t"),
    ("jdbc:sqlserver://;serverName=h;portNumber=1444;databaseName=shop:t", "sqlserver://h:1444/shop.dbo.t"),
    ("jdbc:sqlserver://h\\inst;databaseName=shop:t", "sqlserver://h/inst/shop.dbo.t"),
    ("jdbc:sqlserver://h\\inst:1433;databaseName=shop:t", "sqlserver://h:1433/shop.dbo.t"),  # the port counts
    ("jdbc:sqlserver://[::1]:1433;databaseName=shop:t", "sqlserver://[::1]:1433/shop.dbo.t"),
    ("jdbc:jtds:sqlserver://h/shop:t", "sqlserver://h:1433/shop.dbo.t"),
    ("jdbc:sqlserver://h:1433:dbo.t", "sqlserver://h:1433/dbo.t"),  # the login's default database
    # Redshift: cluster and region, whatever the driver
    ("jdbc:redshift://wh.abc1.eu-west-1.redshift.amazonaws.com/dev:s.t", "redshift://wh.eu-west-1:5439/dev.s.t"),
    ("jdbc:redshift:iam://wh:eu-west-1/dev:T", "redshift://wh.eu-west-1:5439/dev.public.t"),
    (
        "jdbc:postgresql://wh.abc1.eu-west-1.redshift.amazonaws.com:5439/dev:t",
        "redshift://wh.eu-west-1:5439/dev.public.t",
    ),
    (
        "jdbc:redshift://wg.123456789012.eu-west-1.redshift-serverless.amazonaws.com:5439/dev:t",
        "redshift://wg.eu-west-1:5439/dev.public.t",
    ),
    # Snowflake: upper case unless quoted
    (
        "jdbc:snowflake://Org-Acct.snowflakecomputing.com/?db=shop&schema=mart&warehouse=w:t",
        "snowflake://org-acct/SHOP.MART.T",
    ),
    ("jdbc:snowflake://org-acct.snowflakecomputing.com:443/?db=shop:t", "snowflake://org-acct/SHOP.PUBLIC.T"),
    # Trino: lower case, catalog and schema in the path
    ("jdbc:trino://h:8080/Hive/Sales:Orders", "trino://h:8080/Hive.Sales.orders".lower()),
    ("jdbc:trino://h:8080/hive:sales.orders", "trino://h:8080/hive.sales.orders"),
    ("jdbc:trino://h:8080/a/b/c:t", "jdbc:trino://h:8080/a/b/c:t"),  # no catalog and schema
    # databases in files
    ("jdbc:h2:file:/data/rep;MODE=Oracle:TOTALS", "h2:///data/rep/TOTALS"),
    ("jdbc:h2:~/rep:TOTALS", "h2:~/rep/TOTALS"),
    ("jdbc:h2:tcp://H:9092/~/rep:TOTALS", "h2://h:9092/~/rep/TOTALS"),
    ("jdbc:derby:/data/rep;create=true:t", "derby:///data/rep/t"),
    # no rules: as it is, without user and secrets
    ("jdbc:DB2://u:p@h:50000/shop:s.t", "jdbc:db2://h:50000/shop:s.t"),
    ("jdbc:oracle:thin:@alias:s.t", "jdbc:oracle:alias:s.t"),  # a TNS alias is no host
    ("jdbc:oracle:thin:@(DESCRIPTION=(SID=x)):s.t", "jdbc:oracle:(DESCRIPTION=(SID=x)):s.t"),  # no host either
    ("jdbc:oracle:thin?x@h:1521:sid:s.t", "jdbc:oracle:thin?x@h:1521:sid:s.t"),  # no Oracle URL
]


@pytest.mark.parametrize(("source", "uri"), JDBC)
def test_a_jdbc_table_has_openlineages_name(source: str, uri: str) -> None:
    assert canonical(source) == uri
    assert naming.jdbc(source, None, None, PLAN).uri == uri


WITH_OPTIONS = [
    # url, dbtable, query, expected
    ("jdbc:postgresql://h/shop", "s.t", None, "postgres://h:5432/shop.s.t"),
    ("jdbc:postgresql://h/shop:s.t", "s.t", None, "postgres://h:5432/shop.s.t"),  # the source and the option
    ("jdbc:postgresql://h/shop?user=a&password=*****", "s.t", None, "postgres://h:5432/shop.s.t"),  # not lost
    ("jdbc:h2:file:/data/rep;PASSWORD=*****", "TOTALS", None, "h2:///data/rep/TOTALS"),
    ("jdbc:postgresql://h/shop", None, " SELECT * FROM s.t ; ", "postgres://h:5432/shop.s.t"),
    ("jdbc:postgresql://h/shop", '(select * from "T") as "x"', None, "postgres://h:5432/shop.public.T"),
    ("jdbc:db2://h/shop", "s.t", None, "jdbc:db2://h/shop:s.t"),
    ("s3a://lake/x", None, None, "s3://lake/x"),  # not JDBC after all
]


@pytest.mark.parametrize(("url", "table", "query", "uri"), WITH_OPTIONS)
def test_a_table_is_named_by_the_options_beside_its_url(
    url: str, table: str | None, query: str | None, uri: str
) -> None:
    assert naming.jdbc(url, table, query, PLAN).uri == uri


LOST = [
    # i01 and i02: what the agent masked took the table with it
    ("jdbc:postgresql://127.0.0.1:56777/shopdb?user=shop&password=*****", None, None),
    ("jdbc:h2:file:/data/lake/db/rep;PASSWORD=*****", None, None),
    ("jdbc:postgresql://h/shop?password=a:b", None, None),  # b may be a table, or the rest of the password
    # queries: whatever does more than show one whole table
    ("jdbc:postgresql://h/shop", None, "select a from t"),
    ("jdbc:postgresql://h/shop", None, "select * from t where a = 1"),
    ("jdbc:postgresql://h/shop", None, "select * from t, u"),
    ("jdbc:postgresql://h/shop", None, "select * from (select 1)"),
    ("jdbc:postgresql://h/shop", "(select * from t) x, u", None),
    ("jdbc:postgresql://h/shop", "(select * from t", None),
    ("jdbc:postgresql://h/shop:(select a from t) x", None, None),
    ("jdbc:db2://h/shop", None, "select a from t"),
    # nothing but a server
    ("jdbc:postgresql://h/shop", None, None),
    ("jdbc:db2://h/shop", None, None),
    ("jdbc:mysql://h:3306", None, None),
    ("jdbc:db2://h:50000", None, None),
    ("jdbc:nonsense", None, None),
    # another database in each process
    ("jdbc:h2:mem:rep:t", None, None),
    ("jdbc:sqlite::memory:", "t", None),
]


@pytest.mark.parametrize(("url", "table", "query"), LOST)
def test_what_is_not_certain_belongs_to_its_plan_alone(url: str, table: str | None, query: str | None) -> None:
    first, again, other = (naming.jdbc(url, table, query, plan) for plan in ("p1", "p1", "p2"))
    assert first.uri.startswith("unresolved:p1/")
    assert first == again
    assert first.uri != other.uri
    assert canonical(first.uri) == first.uri
    assert naming.spellings(first) == ()


def test_two_queries_of_one_plan_stay_apart() -> None:
    url = "jdbc:postgresql://h/shop"
    one, two = (naming.jdbc(url, None, query, PLAN).uri for query in ("select a from t", "select a from u"))
    assert one != two
    assert one.startswith("unresolved:plan-1/postgres://h:5432/shop?query=")


def test_an_unresolved_dataset_says_what_is_known() -> None:
    uri = naming.unresolved(PLAN, "jdbc:postgresql://127.0.0.1:56777/shopdb?user=shop&password=*****")
    assert uri == "unresolved:plan-1/postgres://127.0.0.1:56777/shopdb"
    assert naming.unresolved(PLAN, uri) == uri


SECRETS = [
    "jdbc:postgresql://u:hunter2@h/shop:t",
    "jdbc:postgresql://h/shop?user=u&password=hunter2:t",
    "jdbc:postgresql://h/shop?password=x:hunter2",
    "jdbc:sqlserver://h;databaseName=d;password={a;b:hunter2}",
    "jdbc:oracle:thin:scott/hunter2@//h:1521/svc:t",
    "jdbc:oracle:thin:scott/hunter2@alias:t",
    "jdbc:h2:file:/data/rep;PASSWORD=hunter2",
    "jdbc:db2://u:hunter2@h/d:t",
    "jdbc:db2://h/d?user=u;password=x;hunter2;y=1:t",
    "jdbc:snowflake://a/?db=d&private_key_pwd=hunter2:t",
    "s3n://AKIAIOSFODNN7EXAMPLE:a/hunter2@lake/x",
    "s3a://key:hunter2@lake/x",
    "mongodb://u:hunter2@h/d.c",
    "https://h/x?X-Amz-Security-Token=hunter2",
    "postgres://u:hunter2@h/d.s.t",
]


@pytest.mark.parametrize("spelling", SECRETS)
def test_no_name_holds_a_secret(spelling: str) -> None:
    names = [naming.parse(spelling), naming.jdbc(spelling, None, None, PLAN), naming.jdbc(spelling, "t", None, PLAN)]
    for name in names:
        shown = [name.uri, name.namespace, name.name, name.display, *naming.spellings(name)]
        assert not [text for text in shown if "hunter2" in text]


ALIASES = [
    ("s3a://lake/x", ("s3a://lake/x",)),
    ("/data/x", ("/data/x",)),
    ("jdbc:postgresql://h/shop:s.t", ("jdbc:postgresql://h/shop:s.t",)),
    ("abfss://c@Acct.dfs.core.windows.net/x", ("abfss://c@Acct.dfs.core.windows.net/x",)),
    ("s3://lake/x", ()),  # the URI itself
    ("s3a://lake/x/dt=1", ()),  # a part of it
    ("jdbc:postgresql://h/shop?currentSchema=x:t", ()),  # parameters can hold secrets
]


@pytest.mark.parametrize(("spelling", "aliases"), ALIASES)
def test_other_spellings_become_aliases(spelling: str, aliases: tuple[str, ...]) -> None:
    assert naming.spellings(naming.parse(spelling)) == aliases


TABLES: list[tuple[Any, str | None]] = [
    ({"table": "paid_bucketed", "database": "Sales"}, "sales.paid_bucketed"),  # h01
    ({"table": "t", "database": "d", "catalog": "spark_catalog"}, "d.t"),
    ("dl.top_ltv", "dl.top_ltv"),  # k01: CreateTableAsSelect
    ("spark_catalog.dl.top_ltv", "dl.top_ltv"),  # k01: AppendData of the same table
    ("ice.db.orders", "ice.db.orders"),  # k02: another catalog
    ("`dl`.`t`", "dl.t"),
    ("orders", None),  # a view of one session, or any database's table
    ({"table": "orders"}, None),
    ({"table": "orders", "database": None}, None),
    ("spark_catalog.t", None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("identifier", "alias"), TABLES)
def test_a_catalog_table_is_known_by_its_database_and_name(identifier: Any, alias: str | None) -> None:
    assert naming.table_alias(identifier) == alias


@pytest.mark.parametrize(
    ("topic", "brokers", "uri"),
    [
        ("kafka:orders", None, "kafka:orders"),
        ("orders", None, "kafka:orders"),
        ("kafka:orders", "B1:9092, b2:9092", "kafka://b1:9092/orders"),
        ("orders", "PLAINTEXT://b1:9093", "kafka://b1:9093/orders"),
        ("kafka://b1:9092/orders", "b2:9092", "kafka://b1:9092/orders"),  # it names its broker
    ],
)
def test_a_topic_is_named_with_its_broker(topic: str, brokers: str | None, uri: str) -> None:
    name = naming.kafka(topic, brokers)
    assert (name.uri, name.spelling) == (uri, topic)


def sources(value: Any) -> set[str]:
    """All that the operations of a recorded payload read and write."""
    if isinstance(value, list):
        return set().union(*map(sources, value))
    if not isinstance(value, dict):
        return set()
    named = {value["outputSource"]} if "outputSource" in value else set(value.get("inputSources", ()))
    return named.union(*map(sources, value.values()))


@pytest.mark.parametrize("case", sorted(path.parent.name for path in PAYLOADS.glob("*/expected.json")))
def test_recorded_payloads_name_the_datasets_that_were_expected(case: str) -> None:
    expected = json.loads((PAYLOADS / case / "expected.json").read_text("utf-8"))
    truth = {
        canonical(dataset)
        for write in expected["writes"]
        for dataset in [write["output_dataset"], *write["input_datasets"]]
    }
    recorded = {
        canonical(source)
        for plan in (PAYLOADS / case).glob("*-plan.json")
        for source in sources(json.loads(plan.read_text("utf-8")))
    }
    assert recorded >= truth - NEVER_SENT.get(case, set())


#: Datasets that the agent does not name: a stream's folder, of which it lists the single files.
NEVER_SENT = {"n01_streaming": {"file:///data/lake/raw/clicks"}}
