"""Lake Formation's tags and grants in, tags and readers of tables and columns out."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.stub import Stubber

from headwater.aws_bridge.glue_catalog import Database, Found
from headwater.aws_bridge.lake_formation import UNTAGGED, Tagged, readers, snapshots, tagged
from headwater.aws_bridge.lake_formation_client import LakeFormation
from headwater.aws_bridge.session import NotAllowed, Session
from headwater.ingest.intake.statements import snapshot_entry
from tests.aws_client import unheard

ACCOUNT = "123456789012"
SALES = Database("sales", ACCOUNT, "eu-west-1")
ORDERS: dict[str, Any] = {
    "Name": "orders",
    "DatabaseName": "sales",
    "CatalogId": ACCOUNT,
    "StorageDescriptor": {"Columns": [{"Name": "Id"}, {"Name": "email"}], "Location": "s3://lake/orders"},
}
PLACE = {"CatalogId": ACCOUNT, "DatabaseName": "sales", "Name": "orders"}

CELLS = {"TableCatalogId": ACCOUNT, "DatabaseName": "sales", "TableName": "orders", "Name": "eu"}


def lf(key: str, *values: str) -> dict[str, Any]:
    return {"CatalogId": ACCOUNT, "TagKey": key, "TagValues": list(values)}


TAGS = tagged(
    {
        "LFTagOnDatabase": [lf("domain", "sales"), lf("class", "internal")],
        "LFTagsOnTable": [lf("class", "open")],
        "LFTagsOnColumns": [
            {"Name": "Email", "LFTags": [lf("class", "pii"), lf("domain", "sales")]},
            {"Name": "id", "LFTags": [lf("class", "open")]},
        ],
    }
)


def grant(resource: dict[str, Any], *permissions: str, **more: Any) -> dict[str, Any]:
    return {
        "Principal": {"DataLakePrincipalIdentifier": "ann"},
        "Resource": resource,
        "Permissions": list(permissions or ["SELECT"]),
        **more,
    }


def test_a_column_has_the_tags_of_its_table_and_the_table_those_of_its_database() -> None:
    assert {key: set(values) for key, values in TAGS.table.items()} == {"domain": {"sales"}, "class": {"open"}}
    assert list(TAGS.columns) == ["email"]
    assert TAGS.of("EMAIL") == {"domain": frozenset({"sales"}), "class": frozenset({"pii"})}
    assert tagged({}) == UNTAGGED


@pytest.mark.parametrize(
    ("resource", "through", "columns"),
    [
        ({"Table": PLACE}, "table", None),
        ({"Table": {"DatabaseName": "sales", "TableWildcard": {}}}, "all tables", None),
        ({"TableWithColumns": {**PLACE, "ColumnNames": ["id"]}}, "table", ["id"]),
        ({"TableWithColumns": {**PLACE, "ColumnNames": ["ID", "email"]}}, "table", None),
        ({"TableWithColumns": {**PLACE, "ColumnWildcard": {}}}, "table", None),
        ({"TableWithColumns": {**PLACE, "ColumnWildcard": {"ExcludedColumnNames": ["email"]}}}, "table", ["id"]),
        ({"LFTagPolicy": {"ResourceType": "TABLE", "Expression": [lf("class", "open")]}}, "tags", ["id"]),
        ({"LFTagPolicy": {"ResourceType": "TABLE", "Expression": [lf("class", "pii", "open")]}}, "tags", None),
        # all keys of an expression have to fit
        (
            {"LFTagPolicy": {"ResourceType": "TABLE", "Expression": [lf("class", "pii"), lf("domain", "sales")]}},
            "tags",
            ["email"],
        ),
        (
            {"DataCellsFilter": {**CELLS, "ColumnWildcard": {"ExcludedColumnNames": ["email"]}}},
            "filter eu",
            ["id"],
        ),
    ],
)  # fmt: skip
def test_what_a_grant_opens(resource: dict[str, Any], through: str, columns: list[str] | None) -> None:
    assert readers(SALES, ORDERS, TAGS, [grant(resource)]) == [
        {"principal": "ann", "through": through, "columns": columns, "grant": False}
    ]


@pytest.mark.parametrize(
    "one",
    [
        grant({"Table": PLACE}, "DESCRIBE"),
        grant({"Table": PLACE}, "INSERT", "DELETE"),
        grant({"Table": {**PLACE, "Name": "other"}}),
        grant({"Table": {**PLACE, "CatalogId": "2"}}),
        grant({"Table": {"DatabaseName": "hr", "TableWildcard": {}}}),
        grant({"Database": {"Name": "sales"}}, "ALL"),
        grant({"LFTagPolicy": {"ResourceType": "DATABASE", "Expression": [lf("domain", "sales")]}}),
        grant({"LFTagPolicy": {"ResourceType": "TABLE", "Expression": [lf("class", "secret")]}}),
        grant({"LFTagPolicy": {"ResourceType": "TABLE", "Expression": []}}),
        grant({"TableWithColumns": {**PLACE, "ColumnNames": ["gone"]}}),
        grant({"Catalog": {}}, "ALL"),
    ],
)
def test_what_opens_nothing_of_the_table(one: dict[str, Any]) -> None:
    assert readers(SALES, ORDERS, TAGS, [one]) == []


def test_rows_conditions_and_the_right_to_grant_are_told() -> None:
    filtered = {"DataCellsFilter": {**CELLS, "RowFilter": {"FilterExpression": "region = 'EU'"}}}
    more = {"Condition": {"Expression": "context.x"}, "PermissionsWithGrantOption": ["SELECT"]}
    (found,) = readers(SALES, ORDERS, TAGS, [grant(filtered, "SELECT", **more)])
    assert found == {
        "principal": "ann",
        "through": "filter eu",
        "columns": None,
        "grant": True,
        "rows": "region = 'EU'",
        "condition": "context.x",
    }


def test_a_database_as_a_snapshot() -> None:
    tags = Tagged({"class": frozenset({"open, mostly"})}, {"email": {"#class": frozenset({"pii"})}})
    (said,) = snapshots(SALES, [Found(ORDERS)], {"orders": tags}, [grant({"Table": PLACE})], 10**6)
    snapshot_entry(said, 1)
    assert said["scope"] == f"{ACCOUNT}/eu-west-1/sales"
    assert [(one["kind"], one["subject"], one["value"]) for one in said["statements"]] == [
        ("tag", "s3://lake/orders", "class=open, mostly"),
        ("tag", "s3://lake/orders#email", "_class=pii"),
        (
            "facts",
            "s3://lake/orders",
            {"readers": [{"principal": "ann", "through": "table", "columns": None, "grant": False}]},
        ),
    ]


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    client = unheard("lakeformation")
    monkeypatch.setattr(Session, "client", lambda *_, **_more: client)
    return Stubber(client)


def test_all_pages_of_grants_with_what_named_expressions_and_filters_say(stubbed: Stubber) -> None:
    named = {"LFTagPolicy": {"CatalogId": ACCOUNT, "ResourceType": "TABLE", "ExpressionName": "open"}}
    asked = {"CatalogId": ACCOUNT, "MaxResults": 1_000}
    first = {"PrincipalResourcePermissions": [grant(named), grant(named)], "NextToken": "more"}
    stubbed.add_response("list_permissions", first, asked)
    stubbed.add_response(
        "get_lf_tag_expression",
        {"Expression": [{"TagKey": "class", "TagValues": ["open"]}]},
        {"CatalogId": ACCOUNT, "Name": "open"},
    )
    second = {"PrincipalResourcePermissions": [grant({"DataCellsFilter": CELLS})]}
    stubbed.add_response("list_permissions", second, {**asked, "NextToken": "more"})
    stubbed.add_response("get_data_cells_filter", {"DataCellsFilter": {**CELLS, "ColumnNames": ["id"]}}, CELLS)
    with stubbed:
        lake = LakeFormation()
        grants = lake.grants(ACCOUNT)
        assert lake.grants(ACCOUNT) is grants
    stubbed.assert_no_pending_responses()
    assert lake.calls.made["lakeformation:ListPermissions"] == 2
    found = readers(SALES, ORDERS, TAGS, grants)
    assert [(one["through"], one["columns"]) for one in found] == [("filter eu", ["id"]), ("tags", ["id"])]


def test_a_missing_permission_names_the_action(stubbed: Stubber) -> None:
    stubbed.add_client_error("list_permissions", "AccessDeniedException", "no")
    with stubbed, pytest.raises(NotAllowed, match="allow the action lakeformation:ListPermissions"):
        LakeFormation().grants(ACCOUNT)


def test_a_table_that_was_dropped_since_it_was_listed_has_no_tags(stubbed: Stubber) -> None:
    stubbed.add_client_error("get_resource_lf_tags", "EntityNotFoundException", "gone")
    with stubbed:
        assert LakeFormation().tags(SALES, ORDERS) == UNTAGGED
