"""Names of what connectors, Kafka and writes without a name read or write."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.spline_bridge import connectors
from headwater.spline_bridge.agent.sources import source
from tests.unit.spline_bridge.plans import document, mapped, read

SNOWFLAKE = "net.snowflake.spark.snowflake"
NAMES: dict[str, tuple[str, dict[str, str], str | None]] = {
    "Snowflake: account, database and schema": (
        SNOWFLAKE,
        {"sfURL": "acct.snowflakecomputing.com", "sfDatabase": "DB1", "sfSchema": "S", "dbtable": "ORDERS"},
        "snowflake://acct.snowflakecomputing.com/DB1/S/ORDERS",
    ),
    "Snowflake: the table's own database wins": (
        "snowflake",
        {"sfurl": "acct", "sfdatabase": "db1", "sfschema": "s", "dbtable": 'db2.public."Or.ders"'},
        "snowflake://acct/DB2/PUBLIC/Or.ders",
    ),
    "Snowflake: a schema in the table's name": (
        "snowflake",
        {"sfurl": "acct", "sfdatabase": "db1", "sfschema": "s", "dbtable": "public.orders"},
        "snowflake://acct/DB1/PUBLIC/ORDERS",
    ),
    "Snowflake: a query": ("snowflake", {"sfURL": "acct", "query": "select a from orders"}, None),
    "a table alone": ("bigquery", {"table": "orders"}, "bigquery:orders"),
    "Cassandra": (
        "org.apache.spark.sql.cassandra",
        {"keyspace": "shop", "table": "orders"},
        "cassandra:shop.orders",
    ),
    "MongoDB, without the password": (
        "mongodb",
        {"connection.uri": "mongodb://ann:pw@h1:27017/?x=1", "database": "shop", "collection": "orders"},
        "mongodb://h1:27017/shop.orders",
    ),
    "a query in place of a table": ("jdbcish", {"dbtable": "(select 1) q"}, None),
    "Cassandra, a cluster that is named": (
        "cassandra",
        {"cluster": "eu", "keyspace": "shop", "table": "orders"},
        "cassandra:eu.shop.orders",
    ),
    "MongoDB, all in one URL": ("mongo", {"uri": "mongodb://h1/shop.orders?x=1"}, "mongodb://h1/shop.orders"),
    "MongoDB, an older option": (
        "com.mongodb.spark.sql.DefaultSource",
        {"spark.mongodb.output.uri": "mongodb://h1/shop.orders"},
        "mongodb://h1/shop.orders",
    ),
    "BigQuery by its class, project and dataset in options": (
        "com.google.cloud.spark.bigquery",
        {"table": "orders", "dataset": "shop", "parentProject": "p1"},
        "bigquery:p1.shop.orders",
    ),
    "BigQuery by the name that load() is given": ("bigquery", {"path": "p1:shop.orders"}, "bigquery:p1.shop.orders"),
    "BigQuery, the table's own project wins": (
        "bigquery",
        {"path": "p1.shop.orders", "parentProject": "p2"},
        "bigquery:p1.shop.orders",
    ),
    "Elasticsearch by its class": (
        "org.elasticsearch.spark.sql",
        {"path": "orders/doc", "es.nodes": "h1"},
        "elasticsearch://h1/orders/doc",
    ),
    "Elasticsearch": ("es", {"es.resource": "orders/doc", "es.nodes": "h1"}, "elasticsearch://h1/orders/doc"),
    "DynamoDB: a table of each region": (
        "dynamodb",
        {"tableName": "Orders", "region": "eu-west-1"},
        "dynamodb://eu-west-1/Orders",
    ),
    "DynamoDB in Glue's words": (
        "dynamodb",
        {"dynamodb.output.tableName": "Orders", "dynamodb.region": "eu-west-1"},
        "dynamodb://eu-west-1/Orders",
    ),
    "Kudu": ("kudu", {"kudu.master": "m:7051", "kudu.table": "shop.orders"}, "kudu://m:7051/shop.orders"),
    "Snowflake: the account as an option": (
        "snowflake",
        {"sfAccount": "acct", "sfDatabase": "DB1", "sfSchema": "S", "dbtable": "ORDERS"},
        "snowflake://acct/DB1/S/ORDERS",
    ),
    "nothing": ("noop", {}, None),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_connectors_name_has_its_server_and_database(case: str) -> None:
    format_, options, wanted = NAMES[case]
    assert connectors.name(format_, options) == wanted


def test_two_databases_with_a_table_of_one_name_are_two_datasets() -> None:
    def target(database: str) -> str:
        options = {"sfURL": "acct.snowflakecomputing.com", "sfDatabase": database, "sfSchema": "S", "dbtable": "ORDERS"}
        write = {
            "name": "SaveIntoDataSourceCommand",
            "outputSource": f"{SNOWFLAKE}:ORDERS",
            "params": options,
            "extra": {"destinationType": SNOWFLAKE},
        }
        found = source({"format": SNOWFLAKE, "options": options}, None)
        assert found is not None
        now = mapped(document([], write={**write, "outputSource": found.uris[0]})).target.uri
        assert mapped(document([], write=write)).target.uri == now
        return now

    assert target("DB1") == "snowflake://acct/DB1.S.ORDERS"
    assert target("DB2") == "snowflake://acct/DB2.S.ORDERS"


def kafka(uri: str, **options: str) -> dict[str, Any]:
    params = {"kafka.bootstrap.servers": "b1:9092", **options}
    return {**read("r", "", ["value"], sourceType="kafka"), "inputSources": [uri], "params": params}


def test_each_topic_of_a_list_is_a_dataset() -> None:
    plan = mapped(document([], reads=[kafka("kafka:t1,t2", subscribe="t1,t2")]))
    assert [d.uri for d in plan.inputs] == ["kafka://b1:9092/t1", "kafka://b1:9092/t2"]
    assert {d.source_dataset for d in plan.derivations} == {"kafka://b1:9092/t1", "kafka://b1:9092/t2"}


def test_a_pattern_of_topics_is_a_dataset_of_its_plan_alone() -> None:
    plan = mapped(document([], reads=[kafka("kafka:t.*", subscribePattern="t.*")]))
    other = mapped({**document([], reads=[kafka("kafka:t.*", subscribePattern="t.*")]), "name": "another"})
    found = [d.uri for one in (plan, other) for d in one.inputs]
    assert [uri.partition("/")[2] for uri in found] == ["kafka://b1:9092/t.*"] * 2
    assert found[0] != found[1]


def test_assigned_partitions_name_their_topics() -> None:
    found = source({"format": "kafka", "options": {"assign": '{"t2": [0], "t1": [0, 1]}'}}, None)
    assert found is not None
    assert found.uris == ("kafka:t1,t2",)


def test_writes_that_name_no_target_are_datasets_of_their_own() -> None:
    plans = [
        mapped({**document([], write={"name": "OverwriteByExpression", "outputSource": "unresolved:X"}), "name": job})
        for job in ("one", "another")
    ]
    assert len({plan.target.uri for plan in plans}) == 2


@pytest.mark.parametrize("format_", ["bigquery", "org.elasticsearch.spark.sql"])
def test_a_name_that_is_loaded_is_no_path(format_: str) -> None:
    found = source({"format": format_, "options": {"path": "shop.orders"}}, "hdfs://nn")
    assert found is not None
    assert found.uris == (f"{connectors.short(format_)}:shop.orders",)


@pytest.mark.parametrize("option", ["dbtable", "dbTable", "DBTABLE"])
def test_options_of_jdbc_have_no_case(option: str) -> None:
    options = {"URL": "jdbc:postgresql://h/db", option: "public.orders"}
    found = source({"format": "jdbc", "options": options}, None)
    assert found is not None
    told = {**read("r", "", ["a"]), "inputSources": list(found.uris)}
    for params in (found.params, options):
        plan = mapped(document([], reads=[{**told, "params": params}]))
        assert [d.uri for d in plan.inputs] == ["postgres://h:5432/db.public.orders"]


def test_a_table_of_the_catalog_is_what_its_connector_reads() -> None:
    """``CREATE TABLE t USING jdbc``: its place in the warehouse stays empty."""
    table = {"Table": "t", "Provider": "jdbc", "Location": "file:/warehouse/t"}
    options = {"url": "jdbc:postgresql://h/db", "dbtable": "public.orders"}
    found = source({"relation": "JDBCRelation", "options": options, "table": table}, None)
    assert found is not None
    assert found.uris == ("jdbc:postgresql://h/db:public.orders",)
    hudi = {"relation": "EmptyRelation", "format": "hudi", "options": {"primaryKey": "id"}, "table": table}
    empty = source(hudi, None)
    assert empty is not None
    assert empty.uris == ("file:/warehouse/t",)


@pytest.mark.parametrize(
    "details",
    [
        {"relation": "KafkaRelation", "format": "kafka", "options": {"subscribe": "t1,t2"}},
        {"class": "KafkaSourceProvider$KafkaTable", "name": "KafkaTable", "options": {"subscribe": "t1,t2"}},
    ],
)
def test_a_read_of_kafka_is_named_by_its_options_in_a_batch_and_in_a_stream(details: dict[str, Any]) -> None:
    found = source(details, None)
    assert found is not None
    assert (found.uris, found.format) == (("kafka:t1,t2",), "kafka")
