"""What OpenLineage's producers call a dataset leads to its one name, and its name leads back to a pair."""

from __future__ import annotations

import pytest

from headwater.graphmodel import naming
from headwater.graphmodel.naming import canonical, from_openlineage, symlink_names

GLUE = "arn:aws:glue:eu-west-1:123456789012"
TABLES = "arn:aws:s3tables:eu-west-1:123456789012"

SENT = [
    # namespace, name, canonical URI
    # files: openlineage-spark
    ("file", "/data/lake/clean/customers", "file:///data/lake/clean/customers"),
    ("file", "relative/x", "file:relative/x"),
    ("file://nas", "/data/x", "file://nas/data/x"),
    ("s3://lake", "mart/orders", "s3://lake/mart/orders"),
    ("s3a://lake", "/mart/orders/", "s3://lake/mart/orders"),
    ("file:", "relative/x", "file:relative/x"),
    ("file:", "/data/x", "file:///data/x"),
    ("snowflake://.snowflakecomputing.com", "D.S.T", "snowflake://.snowflakecomputing.com/D.S.T"),  # no account
    ("arn:aws:s3:eu-west-1:1", "storage-lens/x", "arn:aws:s3:eu-west-1:1:storage-lens/x"),  # no bucket
    ("arn:aws:s3tables:eu-west-1:1:bucket/mart", "table/9f", "arn:aws:s3tables:eu-west-1:1:bucket/mart/table/9f"),
    ("arn:aws:redshift:eu-west-1:1", "cluster/wh", "arn:aws:redshift:eu-west-1:1:cluster/wh"),
    ("s3://lake", "/", "s3://lake"),
    ("s3://lake/", "mart/orders/20260301", "s3://lake/mart/orders"),  # an agent that does not trim
    (
        "s3://arn:aws:s3:eu-west-1:1:accesspoint/ap",
        "mart/x.csv",
        "s3://arn:aws:s3:eu-west-1:1:accesspoint/ap/mart/x.csv",
    ),
    ("s3://arn:aws:s3:eu-west-1:1:accesspoint/ap", "x.csv", "s3://arn:aws:s3:eu-west-1:1:accesspoint/ap/x.csv"),
    ("gs://lake", "x/y", "gs://lake/x/y"),
    ("hdfs://nn:8020", "/warehouse/x", "hdfs://nn:8020/warehouse/x"),
    ("hdfs", "/warehouse/x", "hdfs:///warehouse/x"),
    ("abfss://raw@acme.dfs.core.windows.net", "/x", "abfss://raw@acme.dfs.core.windows.net/x"),
    ("wasbs://raw@acme.blob.core.windows.net", "x", "abfss://raw@acme.dfs.core.windows.net/x"),  # one account
    ("dbfs", "/mnt/x", "dbfs:/mnt/x"),
    ("dbfs://adb-1.azuredatabricks.net", "/mnt/x", "dbfs://adb-1.azuredatabricks.net/mnt/x"),  # of this workspace
    # a Spark warehouse: the path is not said
    ("file:/data/lake/warehouse", "sales.orders", "warehouse:file:///data/lake/warehouse/sales.orders"),
    ("s3a://lake/wh", "sales.orders", "warehouse:s3://lake/wh/sales.orders"),
    ("hdfs://nn:8020/wh", "ice.sales.orders", "warehouse:hdfs://nn:8020/wh/ice.sales.orders"),
    ("s3://lake/raw", "shop/orders", "s3://lake/raw/shop/orders"),  # somebody's own namespace, a path
    ("s3://lake/raw", "orders", "s3://lake/raw/orders"),
    # catalogs
    (GLUE, "table/Sales/Orders", f"{GLUE}:table/sales/orders"),
    (GLUE, "sales.orders", f"{GLUE}:table/sales/orders"),  # dbt-glue
    (GLUE, "awsdatacatalog.sales.orders", f"{GLUE}:table/sales/orders"),
    (f"{TABLES}:bucket/mart", "ice.sales.orders", f"{TABLES}:bucket/mart/sales.orders"),  # ice: Spark's own name
    (f"{TABLES}:bucket/mart", "sales.orders", f"{TABLES}:bucket/mart/sales.orders"),
    (GLUE, "table/s3tablescatalog/mart/sales/orders", f"{TABLES}:bucket/mart/sales.orders"),
    ("s3://7e1b--table-s3", "/", "s3://7e1b--table-s3"),
    ("arn:aws:s3tables:unknown:unknown", "ice.sales.orders", "arn:aws:s3tables:unknown:unknown/ice.sales.orders"),
    ("hive://H:9083", "Sales.Orders", "hive://h:9083/sales.orders"),
    ("thrift://h:9083", "sales.orders", "hive://h:9083/sales.orders"),
    ("unitycatalog://Host", "Main.sales.orders", "unitycatalog://host/main.sales.orders"),
    ("trino://h:8080", "hive.sales.Orders", "trino://h:8080/hive.sales.orders"),
    (
        "awsathena://athena.eu-west-1.amazonaws.com",
        "AwsDataCatalog.sales.orders",
        "awsathena://athena.eu-west-1.amazonaws.com/awsdatacatalog.sales.orders",
    ),
    # databases
    ("postgres://h:5432", "shop.public.orders", "postgres://h:5432/shop.public.orders"),
    ("postgres://h:5432", "shop.orders", "postgres://h:5432/shop.public.orders"),  # openlineage-spark
    ("mysql://h:3306", "shop.orders", "mysql://h:3306/shop.orders"),
    ("oracle://h:1521", "svc.sales.orders", "oracle://h:1521/svc.sales.orders"),
    ("mssql://h:1433", "shop.dbo.orders", "sqlserver://h:1433/shop.dbo.orders"),
    ("sqlserver://h", "shop.dbo.orders", "sqlserver://h:1433/shop.dbo.orders"),
    (
        "redshift://wh.abc1.eu-west-1.redshift.amazonaws.com:5439",
        "dev.public.orders",
        "redshift://wh.eu-west-1:5439/dev.public.orders",
    ),
    ("redshift://wh.eu-west-1:5439", "dev.orders", "redshift://wh.eu-west-1:5439/dev.public.orders"),
    ("snowflake://acme-my_account", "SHOP.MART.T", "snowflake://acme-my-account/SHOP.MART.T"),
    ("snowflake://xy12345.eu-west-1.aws", "SHOP.MART.T", "snowflake://xy12345.eu-west-1/SHOP.MART.T"),
    ("bigquery", "project.sales.Orders", "bigquery:project.sales.Orders"),
    ("pubsub", "topic:project:orders", "pubsub:topic:project:orders"),
    ("cassandra://h:9042", "shop.orders", "cassandra://h:9042/shop.orders"),
    ("azurecosmos://h/dbs/shop", "colls/orders", "azurecosmos://h/dbs/shop/colls/orders"),
    ("sqlite:/data/db/shop.sqlite", "orders", "sqlite:///data/db/shop.sqlite/orders"),
    ("h2:file:/data/db/rep", "TOTALS", "h2:///data/db/rep/TOTALS"),
    ("h2:tcp://H:9092/~/rep", "TOTALS", "h2://h:9092/~/rep/TOTALS"),
    ("duckdb:///data/dbt/shop.duckdb", "shop.main.stg", "duckdb:///data/dbt/shop.duckdb/shop.main.stg"),
    # streams
    ("kafka://b1:9092,b2:9092", "orders", "kafka://b1:9092/orders"),
    (
        "kafka://b-2.shop.abc123.c2.kafka.eu-west-1.amazonaws.com:9098",
        "orders",
        "kafka://shop.abc123.c2.kafka.eu-west-1.amazonaws.com:9092/orders",
    ),
    ("arn:aws:dynamodb:eu-west-1:1", "table/Orders", "arn:aws:dynamodb:eu-west-1:1:table/Orders"),
    # others
    ("inmemory://", "frame", "inmemory:///frame"),
    ("food_delivery", "public.delivery", "food_delivery:public.delivery"),
    ("default", "s3a://lake/x", "s3://lake/x"),  # a whole URI as the name
    ("urn:x", "y", "urn:x:y"),
    ("", "sales.orders", "sales.orders"),
    ("", "", ""),
]


@pytest.mark.parametrize(("namespace", "name", "uri"), SENT)
def test_a_pair_has_one_uri_and_leads_back_to_it(namespace: str, name: str, uri: str) -> None:
    found = from_openlineage(namespace, name)
    assert found.uri == uri
    assert canonical(uri) == uri
    assert from_openlineage(found.namespace, found.name).uri == uri


MEET = [
    # what two agents, or an agent and a person, call one dataset
    (("sqlite:/data/db/shop.sqlite", "orders"), "jdbc:sqlite:/data/db/shop.sqlite:orders"),
    (("h2:file:/data/db/rep", "TOTALS"), "jdbc:h2:file:/data/db/rep:TOTALS"),
    (("postgres://h:5432", "shop.orders"), "jdbc:postgresql://h/shop:orders"),
    (("sqlserver://h:1433", "shop.dbo.t"), "jdbc:sqlserver://h;databaseName=shop:t"),
    (("snowflake://acme-x", "DB.S.T"), "jdbc:snowflake://acme-x.privatelink.snowflakecomputing.com/?db=db&schema=s:t"),
    (("snowflake://acme-x", "DB.S.T"), "snowflake://acme-x.snowflakecomputing.com/DB/S/T"),  # Spark's connector
    (("s3://lake", "mart/orders"), "arn:aws:s3:::lake/mart/orders"),
    (("s3://lake", "mart/a b"), "https://lake.s3.eu-west-1.amazonaws.com/mart/a%20b?X-Amz-Signature=x"),
    (("s3://lake", "mart/orders"), "https://s3.eu-west-1.amazonaws.com/lake/mart/orders"),
    (
        ("s3://arn:aws:s3:eu-west-1:1:accesspoint/ap", "mart/orders"),
        "arn:aws:s3:eu-west-1:1:accesspoint/ap/object/mart/orders",
    ),
    (("redshift://wh.eu-west-1:5439", "dev.s.t"), "arn:aws:redshift:eu-west-1:1:table/wh/dev/s/t"),
    (("redshift://wg.eu-west-1:5439", "dev.s.t"), "arn:aws:redshift-serverless:eu-west-1:1:view/wg/dev/s/t"),
    (("trino://h:8080", "hive.sales.orders"), "jdbc:trino://h:8080/hive/sales:orders"),
    (("arn:aws:dynamodb:eu-west-1:1", "table/Orders"), "arn:aws:dynamodb:eu-west-1:1:table/Orders/index/by-day"),
]


@pytest.mark.parametrize(("pair", "spelling"), MEET)
def test_two_spellings_of_one_dataset_meet(pair: tuple[str, str], spelling: str) -> None:
    assert canonical(spelling) == from_openlineage(*pair).uri


APART = [
    ("s3://lake/wh", "sales.orders"),
    ("file:/wh", "sales.orders"),
    ("abfss://c@a.dfs.core.windows.net/wh", "sales.orders"),
]


@pytest.mark.parametrize(("namespace", "name"), APART)
def test_a_table_of_a_warehouse_is_no_path(namespace: str, name: str) -> None:
    table = from_openlineage(namespace, name)
    assert table.uri != canonical(f"{namespace}/{name}")
    assert from_openlineage(namespace, name, table=False).uri == canonical(f"{namespace}/{name}")
    assert from_openlineage("s3://lake", "sales.orders", table=True).uri == "warehouse:s3://lake/sales.orders"
    assert from_openlineage("s3://lake", "sales.orders").uri == "s3://lake/sales.orders"


SYMLINKS = [
    (
        ("file:/data/lake/warehouse", "sales.dim"),
        "TABLE",
        ("warehouse:file:///data/lake/warehouse/sales.dim", "sales.dim"),
    ),
    ((GLUE, "table/Sales/Dim"), "TABLE", (f"{GLUE}:table/sales/dim", "sales.dim")),
    (("hive://h:9083", "Sales.Dim"), "TABLE", ("hive://h:9083/sales.dim", "sales.dim")),
    (("s3://lake", "sales.dim"), "TABLE", ("warehouse:s3://lake/sales.dim", "sales.dim")),
    (("s3://7e1b--table-s3", "/"), "LOCATION", ("s3://7e1b--table-s3",)),
    (("s3://lake/x", "sales.dim"), "LOCATION", ("s3://lake/x/sales.dim",)),
    ((f"{TABLES}:bucket/mart", "ice.sales.dim"), "TABLE", (f"{TABLES}:bucket/mart/sales.dim", "ice.sales.dim")),
    (("postgres://h", "shop.public.dim"), "TABLE", ("postgres://h:5432/shop.public.dim",)),
]


@pytest.mark.parametrize(("pair", "kind", "names"), SYMLINKS)
def test_a_symlink_gives_other_names(pair: tuple[str, str], kind: str, names: tuple[str, ...]) -> None:
    assert symlink_names(*pair, kind) == names


def test_what_was_sent_is_an_alias_where_it_differs() -> None:
    assert naming.spellings(from_openlineage("postgres://h:5432", "shop.orders")) == ("postgres://h:5432/shop.orders",)
    assert naming.spellings(from_openlineage("mssql://h:1433", "d.s.t")) == ("mssql://h:1433/d.s.t",)
    assert naming.spellings(from_openlineage("file", "/data/x")) == ()
    assert naming.spellings(from_openlineage("file:/wh", "sales.orders")) == ()
    assert naming.spellings(from_openlineage("s3://lake", "/")) == ()


def test_memory_of_one_process_is_temporary() -> None:
    assert naming.is_temporary(from_openlineage("inmemory://", "frame").uri)
    assert not naming.is_temporary("s3://lake/x")
