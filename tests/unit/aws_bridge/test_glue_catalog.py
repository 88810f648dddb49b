"""Tables as Glue answers them in, statements out."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from headwater.aws_bridge.glue_catalog import (
    Database,
    Found,
    elsewhere_of,
    format_of,
    has_history,
    history_of,
    location_of,
    profile_of,
    snapshots,
    target_of,
)
from headwater.ingest.intake.statements import snapshot_entry

SALES = Database("sales", "123456789012", "eu-west-1")
PREFIX = "arn:aws:glue:eu-west-1:123456789012:table"
ATHENA = "awsathena://athena.eu-west-1.amazonaws.com/awsdatacatalog"
OF_ACCOUNT = "glue://123456789012"  # what a job means that is reported for this account


def table(name: str = "orders", location: str | None = "s3://lake/orders", **more: Any) -> dict[str, Any]:
    parameters = more.pop("Parameters", {})
    descriptor = {"Columns": [{"Name": "id", "Type": "bigint"}], **more.pop("StorageDescriptor", {})}
    if location is not None:
        descriptor["Location"] = location
    return {
        "Name": name,
        "DatabaseName": "sales",
        "CatalogId": "123456789012",
        "StorageDescriptor": descriptor,
        "Parameters": parameters,
        **more,
    }


def listed(*tables: Found | dict[str, Any], database: Database = SALES) -> list[dict[str, Any]]:
    """The statements of a database; what ingest makes of them is accepted."""
    found = [one if isinstance(one, Found) else Found(one) for one in tables]
    (snapshot,), _ = snapshots(database, found, 10**6)
    snapshot_entry(snapshot, 1)
    return list(snapshot["statements"])


@pytest.mark.parametrize(
    ("given", "format_", "location"),
    [
        (table(Parameters={"table_type": "ICEBERG"}), "iceberg", "s3://lake/orders"),
        (table(location="s3://lake/orders/data", Parameters={"table_type": "ICEBERG"}), "iceberg", "s3://lake/orders"),
        # no location: the metadata file says where the table is
        (
            table(
                location=None,
                Parameters={"table_type": "ICEBERG", "metadata_location": "s3://lake/o/metadata/00001-a.metadata.json"},
            ),
            "iceberg",
            "s3://lake/o",
        ),
        (table(Parameters={"spark.sql.sources.provider": "delta"}), "delta", "s3://lake/orders"),
        # a table that Spark made: the location is a placeholder
        (
            table(
                location="s3://lake/default/orders-__PLACEHOLDER__",
                Parameters={"spark.sql.sources.provider": "DELTA"},
                StorageDescriptor={"SerdeInfo": {"Parameters": {"path": "s3://lake/orders"}}},
            ),
            "delta",
            "s3://lake/orders",
        ),
        (
            table(StorageDescriptor={"InputFormat": "org.apache.hudi.hadoop.HoodieParquetInputFormat"}),
            "hudi",
            "s3://lake/orders",
        ),
        (table(Parameters={"classification": "csv"}), "csv", "s3://lake/orders"),
        (
            table(StorageDescriptor={"InputFormat": "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat"}),
            "orc",
            "s3://lake/orders",
        ),
        (table(location="", TableType="VIRTUAL_VIEW"), "view", ""),
        # a view that Spark made has a location that nothing is at
        (table(location="s3://lake/wh/v", TableType="VIRTUAL_VIEW"), "view", ""),
        # a table of a database that a crawler saw: no path
        (table(location="shop.public.orders", Parameters={"classification": "postgresql"}), "postgresql", ""),
        (table(location="arn:aws:dynamodb:eu-west-1:1:table/t", Parameters={"classification": "dynamodb"}), "dynamodb",
         "arn:aws:dynamodb:eu-west-1:1:table/t"),
        ({"Name": "bare"}, "", ""),
    ],
)  # fmt: skip
def test_format_and_location(given: dict[str, Any], format_: str, location: str) -> None:
    assert (format_of(given), location_of(given)) == (format_, location)


def test_a_table_is_its_location_with_its_columns_and_the_partition_keys_last() -> None:
    said = listed(
        table(
            Description="what was sold",
            PartitionKeys=[{"Name": "dt", "Type": "date", "Comment": "of the order"}],
            Parameters={"numRows": "12", "classification": "parquet"},
            Owner="etl",
        )
    )
    assert said == [
        {
            "kind": "dataset",
            "subject": "s3://lake/orders",
            "name": "sales.orders",
            "value": {
                "columns": [
                    {"name": "id", "type": "bigint"},
                    {"name": "dt", "type": "date", "comment": "of the order", "partitionKey": True},
                ],
                "names": [
                    "sales.orders",
                    f"{PREFIX}/sales/orders",
                    f"{ATHENA}.sales.orders",
                    f"{OF_ACCOUNT}/sales.orders",
                ],
                "format": "parquet",
            },
        },
        {
            "kind": "facts",
            "subject": "s3://lake/orders",
            "name": "sales.orders",
            "value": {"owner": "etl", "rows": 12},
        },
        {"kind": "description", "subject": "s3://lake/orders", "value": "what was sold"},
    ]


def test_a_view_is_known_by_its_arn() -> None:
    (said, *_) = listed(table("Top", location="", TableType="VIRTUAL_VIEW"))
    assert (said["subject"], said["value"]["format"]) == (f"{PREFIX}/sales/top", "view")


def test_a_table_of_a_table_bucket_has_the_arn_of_its_catalog_as_its_name() -> None:
    bucket = Database("ns", "123456789012:s3tablescatalog/lake", "eu-west-1")
    (said, *_) = listed(table(location="s3://abc--table-s3"), database=bucket)
    arn = f"{PREFIX}/s3tablescatalog/lake/ns/orders"
    assert (said["subject"], said["name"], said["value"]["names"]) == ("s3://abc--table-s3", arn, [arn])


def test_a_resource_link_is_another_name_of_what_it_leads_to() -> None:
    link = {
        "Name": "link",
        "DatabaseName": "sales",
        "TargetTable": {"CatalogId": "2", "DatabaseName": "d", "Name": "t"},
    }
    target = table("t", "s3://other/t", DatabaseName="d", CatalogId="2")
    assert target_of(link) == {"CatalogId": "2", "DatabaseName": "d", "Name": "t"}
    (said, *_) = listed(Found(link, target))
    assert (said["subject"], said["value"]["names"]) == (
        "s3://other/t",
        ["sales.link", f"{PREFIX}/sales/link", f"{ATHENA}.sales.link", f"{OF_ACCOUNT}/sales.link"],
    )
    assert said["value"]["columns"], "the tables of the other account are not listed elsewhere"
    same_account = table("t", "s3://lake/t", DatabaseName="d")
    (said, *_) = listed(Found(link, same_account))
    assert said["value"]["columns"] == []
    (said, facts) = listed(link)
    assert said["subject"] == "arn:aws:glue:eu-west-1:2:table/d/t"
    assert (said["value"]["format"], facts["value"]["linkTo"]) == ("resource link", "2.d.t")


def test_two_tables_at_one_location_are_both_listed_and_one_describes_it() -> None:
    said = listed(table("a", Description="one"), table("b", "s3a://lake/orders/", Description="two"))
    assert [(one["kind"], one.get("name"), one["subject"]) for one in said] == [
        ("dataset", "sales.a", "s3://lake/orders"),
        ("description", None, "s3://lake/orders"),
        ("dataset", "sales.b", "s3://lake/orders"),
    ]


def test_the_registry_s_schema_and_a_federated_table_are_facts() -> None:
    schema = {"SchemaId": {"SchemaName": "orders", "RegistryName": "r"}, "SchemaVersionNumber": 3}
    (_, facts) = listed(
        table(
            StorageDescriptor={"SchemaReference": schema},
            FederatedTable={"Identifier": "x", "ConnectionName": "redshift"},
            IsRegisteredWithLakeFormation=True,
            VersionId="7",
        )
    )
    assert facts["value"] == {
        "schemaVersion": "7",
        "registrySchema": {"SchemaName": "orders", "RegistryName": "r", "version": 3},
        "federated": {"Identifier": "x", "ConnectionName": "redshift"},
        "registeredWithLakeFormation": True,
    }


def version(number: int, **columns: str) -> dict[str, Any]:
    listed_columns = [{"Name": name, "Type": type_} for name, type_ in columns.items()]
    at = datetime(2026, 3, number + 1, tzinfo=timezone.utc)
    return {"VersionId": str(number), "Table": {"StorageDescriptor": {"Columns": listed_columns}, "UpdateTime": at}}


def test_what_the_columns_of_a_table_were_is_told_by_its_versions() -> None:
    versions = [version(2, id="bigint", note="string"), version(0, id="int", old="string"), version(1, id="int")]
    found = history_of(versions)
    assert found.types == {
        "id": [
            {"type": "int", "version": "0", "since": "2026-03-01T00:00:00+00:00"},
            {"type": "bigint", "version": "2", "since": "2026-03-03T00:00:00+00:00"},
        ]
    }
    assert found.former == [
        {"name": "old", "type": "string", "untilVersion": "1", "until": "2026-03-02T00:00:00+00:00"}
    ]
    (_, facts, types) = listed(Found(table(), history=found))
    assert facts["value"] == {"formerColumns": found.former}
    assert (types["subject"], types["value"]) == ("s3://lake/orders#id", {"types": found.types["id"]})


def test_a_column_that_came_back_is_none_that_is_gone() -> None:
    found = history_of([version(0, a="int"), version(1, b="int"), version(2, a="int", b="int")])
    assert found.former == []
    assert [one["version"] for one in found.types["a"]] == ["0", "2"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"VersionId": "3"}, True),
        ({"VersionId": "0"}, False),
        ({}, False),
        ({"VersionId": "3", "TargetTable": {}}, False),
    ],
)
def test_tables_with_one_version_have_no_history(more: dict[str, Any], expected: bool) -> None:
    assert has_history(table(**more)) is expected
    assert not has_history(table(**more, Parameters={"table_type": "ICEBERG"}))


def test_partitions_elsewhere_are_other_names_of_the_table() -> None:
    places = ["s3://lake/orders/dt=1", "s3://archive/orders/dt=2019-01-01", "s3a://archive/orders/dt=2019-01-02/", ""]
    found = elsewhere_of(table(), [{"StorageDescriptor": {"Location": place}} for place in places] + [{}])
    assert found == ["s3://archive/orders"]
    (said, facts) = listed(Found(table(), elsewhere=found))
    assert said["value"]["names"] == [
        "sales.orders",
        f"{PREFIX}/sales/orders",
        f"{ATHENA}.sales.orders",
        f"{OF_ACCOUNT}/sales.orders",
        "s3://archive/orders",
    ]
    assert facts["value"] == {"partitionsElsewhere": ["s3://archive/orders"]}


def test_statistics_of_columns_are_profile_facts() -> None:
    analyzed = datetime(2026, 3, 1, tzinfo=timezone.utc)
    numbers = {"MinimumValue": 1, "MaximumValue": 9, "NumberOfNulls": 0, "NumberOfDistinctValues": 4}
    statistics = {
        "ColumnName": "ID",
        "AnalyzedTime": analyzed,
        "StatisticsData": {"Type": "LONG", "LongColumnStatisticsData": numbers},
    }
    said = listed(Found(table(), None, [statistics]))[-1]
    assert (said["subject"], said["value"]) == (
        "s3://lake/orders#id",
        {"nulls": 0, "distinct": 4, "minimum": 1, "maximum": 9, "analyzed": "2026-03-01T00:00:00+00:00"},
    )
    price = {"UnscaledValue": (1_999).to_bytes(2, "big"), "Scale": 2}
    decimal = {"StatisticsData": {"Type": "DECIMAL", "DecimalColumnStatisticsData": {"MaximumValue": price}}}
    assert profile_of(decimal) == {"maximum": "1999e-2"}
    assert profile_of({"ColumnName": "x"}) == {}


def test_the_folders_of_a_location_stay_for_the_naming_rules() -> None:
    (said,) = listed(table(location="s3n://lake/raw/2026-01-01/"))
    assert said["subject"] == "s3://lake/raw/2026-01-01"


def test_the_order_in_which_glue_lists_makes_no_difference() -> None:
    tables = [Found(table(name, f"s3://lake/{name}")) for name in "abc"]
    (first,), _ = snapshots(SALES, tables, 10**6)
    (second,), _ = snapshots(SALES, tables[::-1], 10**6)
    assert first == second


def test_a_large_database_is_several_snapshots_and_a_new_table_changes_one_of_them() -> None:
    tables = [Found(table(f"t{number}", f"s3://lake/t{number}")) for number in range(40)]
    parts, reading = snapshots(SALES, tables, 3_000)
    assert (reading.tables, len(parts) > 2) == (40, True)
    assert sum(one["kind"] == "dataset" for part in parts for one in part["statements"]) == 40
    assert parts[0]["scope"] == f"123456789012/eu-west-1/sales/1 of {len(parts)}"
    more, _ = snapshots(SALES, [*tables, Found(table("one more", "s3://lake/more"))], 3_000)
    assert len(more) == len(parts)
    assert sum(before != after for before, after in zip(parts, more, strict=True)) == 1
