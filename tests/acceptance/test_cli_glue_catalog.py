"""`headwater glue-catalog sync` as a person types it, against moto's Glue on loopback."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.validate import ParamValidator

from headwater.aws_bridge.session import Session
from headwater.cli import run
from tests.acceptance.documented import commands
from tests.acceptance.door import ROOT, serving
from tests.acceptance.loopback import QuietHandler, served
from tests.moto_account import moto_account

ACCOUNT, REGION = "123456789012", "eu-west-1"  # moto's account
SCOPE = f"{ACCOUNT}/{REGION}"
Sync = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty account on loopback, with dummy credentials in the environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "dummy")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with moto_account() as url:
        yield url


@pytest.fixture
def glue(aws: str) -> Any:
    return boto3.client("glue", endpoint_url=aws, region_name=REGION)


@pytest.fixture
def sync(aws: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Sync:
    def synced(*arguments: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        given = ["--region", REGION, "--endpoint-url", aws, "--data", str(tmp_path / "data"), "--json"]
        code = run(["glue-catalog", "sync", *given, *arguments])
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out else {"error": told.err}

    return synced


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def asked(*arguments: str) -> Any:
        capsys.readouterr()
        assert run([*arguments, "--data", str(tmp_path / "data"), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return asked


def create(glue: Any, database: str, table: str, location: str, *columns: str, **more: Any) -> None:
    descriptor = {"Columns": [{"Name": name, "Type": "string"} for name in columns], "Location": location}
    glue.create_table(DatabaseName=database, TableInput={"Name": table, "StorageDescriptor": descriptor, **more})


def outcomes(answer: dict[str, Any]) -> dict[str, str]:
    return {row["scope"].removeprefix(f"{SCOPE}/"): row["outcome"] for row in answer["rows"]}


def test_a_table_that_no_job_wrote_is_found_by_its_names_with_its_columns(
    glue: Any, sync: Sync, ask: Callable[..., Any]
) -> None:
    glue.create_database(DatabaseInput={"Name": "sales"})
    create(glue, "sales", "orders", "s3a://lake/orders/", "id", "email", PartitionKeys=[{"Name": "dt", "Type": "date"}])
    create(glue, "sales", "copy", "s3://lake/orders", "id")
    assert outcomes(sync()[1]) == {"sales": "sent"}
    arn = f"arn:aws:glue:{REGION}:{ACCOUNT}:table/sales/orders"
    for name in ("sales.orders", "sales.copy", arn, "s3://lake/orders"):
        rows = ask("query", "columns", f"dataset={name}")["rows"]
        assert {row["id"]: row["type"] for row in rows} == {
            "s3://lake/orders#dt": "date",
            "s3://lake/orders#email": "string",
            "s3://lake/orders#id": "string",
        }
    tables = [row["value"] for row in ask("query", "facts", "node=sales.orders", "key=table")["rows"]]
    assert tables == ["sales.copy", "sales.orders"]


def test_only_what_changed_is_sent_and_what_is_gone_is_withdrawn(
    glue: Any, sync: Sync, ask: Callable[..., Any]
) -> None:
    for name in ("sales", "hr"):
        glue.create_database(DatabaseInput={"Name": name})
        create(glue, name, "a", f"s3://lake/{name}", "id")
    code, first = sync("--dry-run")
    assert (code, outcomes(first)) == (0, {"sales": "would send", "hr": "would send"})
    assert outcomes(sync()[1]) == {"sales": "sent", "hr": "sent"}
    entries = ask("query", "stats")
    code, again = sync()
    assert (code, outcomes(again)) == (0, {"sales": "unchanged", "hr": "unchanged"})
    assert all(row["entry"] is None for row in again["rows"])
    assert ask("query", "stats") == entries
    create(glue, "hr", "b", "s3://lake/b", "id")
    assert outcomes(sync()[1]) == {"sales": "unchanged", "hr": "sent"}
    glue.delete_database(Name="hr")
    assert outcomes(sync("--dry-run")[1]) == {"sales": "unchanged", "hr": "would withdraw"}
    assert outcomes(sync("--database", "sal*")[1]) == {"sales": "unchanged"}  # hr was not looked at
    assert outcomes(sync()[1]) == {"sales": "unchanged", "hr": "withdrawn"}
    assert [row["id"] for row in ask("datasets")["rows"]] == ["s3://lake/sales"]
    assert outcomes(sync()[1]) == {"sales": "unchanged"}


def test_a_catalogue_of_which_nothing_is_seen_any_more_takes_nothing_back(glue: Any, sync: Sync) -> None:
    glue.create_database(DatabaseInput={"Name": "sales"})
    create(glue, "sales", "a", "s3://lake/a", "id")
    sync()
    glue.delete_database(Name="sales")
    assert sync()[1]["rows"] == []


def test_links_lead_to_the_tables_that_they_name(glue: Any, sync: Sync, ask: Callable[..., Any]) -> None:
    glue.create_database(DatabaseInput={"Name": "sales"})
    create(glue, "sales", "orders", "s3://lake/orders", "id")
    target = {"CatalogId": ACCOUNT, "DatabaseName": "sales", "Name": "orders"}
    glue.create_table(DatabaseName="sales", TableInput={"Name": "link", "TargetTable": target})
    glue.create_table(DatabaseName="sales", TableInput={"Name": "broken", "TargetTable": {**target, "Name": "nothing"}})
    code, answer = sync()
    assert (code, answer["formats"]) == (0, {"not said": 1, "resource link": 2})
    assert ask("query", "datasets", "dataset=sales.link")["rows"][0]["id"] == "s3://lake/orders"
    broken = ask("query", "datasets", "dataset=sales.broken")["rows"][0]["id"]
    assert broken == f"arn:aws:glue:{REGION}:{ACCOUNT}:table/sales/nothing"


def test_an_endpoint_that_is_none_is_one_sentence(tmp_path: Path, aws: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["glue-catalog", "sync", "--region", REGION, "--endpoint-url", "nowhere", "--data", str(tmp_path)])
    assert code == 3
    assert "AWS cannot be reached: Invalid endpoint: nowhere" in capsys.readouterr().err


@pytest.fixture
def lake(aws: str) -> Any:
    return boto3.client("lakeformation", endpoint_url=aws, region_name=REGION)


def test_tags_and_who_can_read_come_from_lake_formation(
    glue: Any, lake: Any, sync: Sync, ask: Callable[..., Any]
) -> None:
    glue.create_database(DatabaseInput={"Name": "sales"})
    create(glue, "sales", "orders", "s3://lake/orders", "id", "email")
    for key, values in (("class", ["open", "pii"]), ("team", ["shop"])):
        lake.create_lf_tag(TagKey=key, TagValues=values)
    table = {"DatabaseName": "sales", "Name": "orders"}
    lake.add_lf_tags_to_resource(
        Resource={"Table": table}, LFTags=[{"TagKey": "class", "TagValues": ["open"]}]
    )  # moto fails on a table of which only columns have tags
    columns = {"TableWithColumns": {**table, "ColumnNames": ["email"]}}
    lake.add_lf_tags_to_resource(Resource=columns, LFTags=[{"TagKey": "class", "TagValues": ["pii"]}])
    ann, bob = ({"DataLakePrincipalIdentifier": f"arn:aws:iam::{ACCOUNT}:role/{name}"} for name in ("ann", "bob"))
    lake.grant_permissions(Principal=ann, Resource={"Table": table}, Permissions=["SELECT"])
    only_id = {"TableWithColumns": {**table, "ColumnNames": ["id"]}}
    lake.grant_permissions(Principal=bob, Resource=only_id, Permissions=["SELECT"])
    code, answer = sync("--lake-formation")
    assert (code, [(row["source"], row["outcome"]) for row in answer["rows"]]) == (
        0,
        [("glue", "sent"), ("lakeformation", "sent")],
    )
    tags = {row["node"]: row["tag"] for row in ask("query", "tags", "node=sales.orders")["rows"]}
    assert tags == {"s3://lake/orders": "class=open", "s3://lake/orders#email": "class=pii"}
    who = [row["principal"][-3:] for row in ask("query", "who-can-read", "node=sales.orders#id")["rows"]]
    assert who == ["ann", "bob"]
    who = [row["principal"][-3:] for row in ask("query", "who-can-read", "tag=class=pii", "reached=true")["rows"]]
    assert who == ["ann"]
    assert [row["outcome"] for row in sync("--lake-formation")[1]["rows"]] == ["unchanged", "unchanged"]
    glue.delete_table(DatabaseName="sales", Name="orders")
    assert [row["outcome"] for row in sync("--lake-formation")[1]["rows"]] == ["sent", "sent"]
    assert ask("datasets")["rows"] == []


def types(ask: Callable[..., Any], column: str) -> list[str]:
    rows = ask("query", "facts", f"node=sales.orders#{column}", "key=types")["rows"]
    return [one["type"] for row in rows for one in row["value"]]


def test_what_the_type_of_a_column_was_is_asked_for_when_the_table_changed(
    glue: Any, sync: Sync, ask: Callable[..., Any]
) -> None:
    glue.create_database(DatabaseInput={"Name": "sales"})
    create(glue, "sales", "orders", "s3://lake/orders", "id")
    sync("--versions")
    wider = {"Columns": [{"Name": "id", "Type": "bigint"}], "Location": "s3://lake/orders"}
    glue.update_table(DatabaseName="sales", TableInput={"Name": "orders", "StorageDescriptor": wider})
    code, said = sync("--versions")
    assert (code, said["calls"]["glue:GetTableVersions"]) == (0, 1)
    assert policy()["WithVersions"] == {"glue:GetTableVersions"}
    assert types(ask, "id") == ["string", "bigint"]
    code, said = sync("--versions")
    assert ("glue:GetTableVersions" in said["calls"], outcomes(said)) == (False, {"sales": "unchanged"})
    assert types(ask, "id") == ["string", "bigint"]


def test_partitions_that_lie_elsewhere_are_of_the_table(glue: Any, sync: Sync, ask: Callable[..., Any]) -> None:
    glue.create_database(DatabaseInput={"Name": "sales"})
    create(glue, "sales", "orders", "s3://lake/orders", "id", PartitionKeys=[{"Name": "dt", "Type": "date"}])
    for day, place in (("2026-03-01", "s3://lake/orders"), ("2019-03-01", "s3://archive/orders")):
        given = {"Values": [day], "StorageDescriptor": {"Location": f"{place}/dt={day}", "Columns": []}}
        glue.create_partition(DatabaseName="sales", TableName="orders", PartitionInput=given)
    code, said = sync("--partitions")
    assert (code, said["calls"]["glue:GetPartitions"]) == (0, 1)
    assert policy()["WithPartitions"] == {"glue:GetPartitions"}
    assert ask("query", "datasets", "dataset=s3://archive/orders/dt=2019-03-01")["rows"][0]["id"] == "s3://lake/orders"


@pytest.mark.parametrize(
    ("option", "operation"), [("--versions", "GetTableVersions"), ("--partitions", "GetPartitions")]
)
def test_versions_and_partitions_that_may_not_be_read_are_left_out_and_told(
    option: str, operation: str, glue: Any, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    glue.create_database(DatabaseInput={"Name": "sales"})
    create(glue, "sales", "orders", "s3://lake/orders", "id", PartitionKeys=[{"Name": "dt", "Type": "date"}])
    wider = {"Columns": [{"Name": "id", "Type": "bigint"}], "Location": "s3://lake/orders"}
    keys = [{"Name": "dt", "Type": "date"}]
    glue.update_table(
        DatabaseName="sales", TableInput={"Name": "orders", "StorageDescriptor": wider, "PartitionKeys": keys}
    )
    denied = {"Error": {"Code": "AccessDeniedException", "Message": "no"}, "ResponseMetadata": {}}
    answering(monkeypatch, {operation: denied})
    code, said = sync(option)
    assert (code, outcomes(said)) == (1, {"sales": "sent"})
    assert f"allow the action glue:{operation}" in said["leftOut"][0]


METADATA = "s3://lake/orders/metadata/00002-a.metadata.json"
LISTED = {
    "format-version": 2,
    "snapshots": [{"snapshot-id": 7, "timestamp-ms": 1}, {"snapshot-id": 9, "timestamp-ms": 2}],
}


@pytest.fixture
def iceberg(glue: Any, aws: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A table of Iceberg whose metadata is to be put at its place in S3, for which the client is given."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", aws)
    glue.create_database(DatabaseInput={"Name": "sales"})
    parameters = {"table_type": "ICEBERG", "metadata_location": METADATA}
    create(glue, "sales", "orders", "s3://lake/orders", "id", Parameters=parameters)
    create(glue, "sales", "files", "s3://lake/files", "id")
    s3 = boto3.client("s3", endpoint_url=aws, region_name="us-east-1")
    s3.create_bucket(Bucket="lake")
    return s3


@pytest.mark.parametrize("packed", [False, True])
def test_which_snapshots_a_table_of_iceberg_keeps(
    packed: bool, glue: Any, iceberg: Any, sync: Sync, ask: Callable[..., Any]
) -> None:
    place = METADATA.replace(".metadata", ".gz.metadata") if packed else METADATA
    content = json.dumps(LISTED).encode()
    iceberg.put_object(
        Bucket="lake", Key=place[len("s3://lake/") :], Body=gzip.compress(content) if packed else content
    )
    described = {"Columns": [{"Name": "id", "Type": "string"}], "Location": "s3://lake/orders"}
    given = {"Name": "orders", "StorageDescriptor": described}
    glue.update_table(
        DatabaseName="sales",
        TableInput={**given, "Parameters": {"table_type": "ICEBERG", "metadata_location": place}},
    )
    code, said = sync("--snapshots")
    assert (code, said["calls"]["s3:GetObject"]) == (0, 1)
    assert policy()["WithSnapshots"] == {"s3:GetObject"}
    (row,) = ask("query", "facts", "node=sales.orders", "key=snapshots")["rows"]
    assert row["value"] == {"ids": ["9", "7"], "whole": True}
    assert ask("query", "facts", "node=sales.files", "key=snapshots")["rows"] == []
    assert [row["outcome"] for row in sync("--snapshots")[1]["rows"]] == ["unchanged"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "is gone"),
        (b"{", "Expecting property name"),
        (b'{"format-version": 2, "snapshots": [1]}', "does not list the snapshots"),
        (b"[]", "does not list the snapshots"),
    ],
)
def test_metadata_that_says_nothing_of_snapshots_is_told(
    content: bytes | None, reason: str, iceberg: Any, sync: Sync, ask: Callable[..., Any]
) -> None:
    if content is not None:
        iceberg.put_object(Bucket="lake", Key=METADATA[len("s3://lake/") :], Body=content)
    code, said = sync("--snapshots")
    assert (code, outcomes(said)) == (1, {"sales": "sent"})
    assert reason in said["leftOut"][0]
    assert METADATA in said["leftOut"][0]
    assert len(ask("columns", "sales.orders")["rows"]) == 1


def athena_view(sql: str) -> str:
    said = json.dumps({"originalSql": sql, "catalog": "awsdatacatalog", "schema": "sales"})
    return f"/* Presto View: {base64.b64encode(said.encode()).decode()} */"


def test_what_the_columns_of_views_are_made_of_is_read_from_their_texts(
    glue: Any, sync: Sync, ask: Callable[..., Any]
) -> None:
    """A view that no query read: of Athena, of Spark, and one whose text is no SQL."""
    glue.create_database(DatabaseInput={"Name": "sales"})
    create(glue, "sales", "orders", "s3://lake/orders", "id", "email")
    texts = {
        "contacts": athena_view("SELECT id, lower(email) AS mail FROM orders"),
        "top": "SELECT max(mail) AS best FROM contacts",
        "odd": "nothing that can be read",
    }
    for name, text in texts.items():
        columns = {"contacts": ["id", "mail"], "top": ["best"]}.get(name, ["x"])
        descriptor = {"Columns": [{"Name": column, "Type": "string"} for column in columns], "Location": ""}
        given = {"Name": name, "TableType": "VIRTUAL_VIEW", "ViewOriginalText": text, "StorageDescriptor": descriptor}
        glue.create_table(DatabaseName="sales", TableInput=given)
    code, said = sync("--views")
    assert (code, said["views"]["read"], said["views"]["partly"]) == (0, 3, 1)
    assert said["views"]["events"] > 0
    assert set(said["calls"]) == {"glue:GetDatabases", "glue:GetTables"}
    arn = f"arn:aws:glue:{REGION}:{ACCOUNT}:table/sales"
    edges = ask("upstream", "sales.top#best")["edges"]
    assert {(edge["source"], edge["target"]) for edge in edges} == {
        (f"{arn}/contacts#mail", f"{arn}/top#best"),
        ("s3://lake/orders#email", f"{arn}/contacts#mail"),
    }
    code, said = sync("--views")
    assert (code, said["views"]["events"]) == (0, 0)


def policy() -> dict[str, set[str]]:
    """The actions of the policy in the documentation, by the name of their statement."""
    page = (ROOT / "docs" / "glue-catalog.md").read_text(encoding="utf-8")
    document = json.loads(page.split("```json\n")[1].split("```")[0])
    return {one["Sid"]: set(one["Action"]) for one in document["Statement"]}


def test_what_the_page_tells_its_readers_to_type(
    glue: Any, lake: Any, aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    glue.create_database(DatabaseInput={"Name": "sales"})
    lake.create_lf_tag(TagKey="class", TagValues=["open", "pii"])
    for table, place in (("customers", "s3://lake/raw/customers"), ("orders", "s3://lake/mart/orders")):
        create(glue, "sales", table, place, "email", PartitionKeys=[{"Name": "dt", "Type": "date"}])
        resource = {"DatabaseName": "sales", "Name": table}
        tags = [{"TagKey": "class", "TagValues": ["open"]}]
        lake.add_lf_tags_to_resource(Resource={"Table": resource}, LFTags=tags)
        for role in ("ann", "bob")[: 1 + (table == "orders")]:
            principal = {"DataLakePrincipalIdentifier": f"arn:aws:iam::{ACCOUNT}:role/{role}"}
            lake.grant_permissions(Principal=principal, Resource={"Table": resource}, Permissions=["SELECT"])
    email = {"DatabaseName": "sales", "Name": "customers", "ColumnNames": ["email"]}
    tags = [{"TagKey": "class", "TagValues": ["pii"]}]
    lake.add_lf_tags_to_resource(Resource={"TableWithColumns": email}, LFTags=tags)
    event = {
        "eventType": "COMPLETE", "eventTime": "2026-03-01T08:00:00Z", "producer": "x", "schemaURL": "x#/RunEvent",
        "run": {"runId": "00000000-0000-4000-8000-000000000001"}, "job": {"namespace": "x", "name": "orders"},
        "inputs": [{"namespace": "s3://lake", "name": "raw/customers"}],
        "outputs": [{"namespace": "s3://lake", "name": "mart/orders", "facets": {"columnLineage": {
            "_producer": "x", "_schemaURL": "x", "fields": {"email": {"inputFields": [{
                "namespace": "s3://lake", "name": "raw/customers", "field": "email",
            }]}},
        }}}],
    }  # fmt: skip
    (tmp_path / "event.json").write_text(json.dumps(event))
    monkeypatch.setenv("HEADWATER_DATA", str(tmp_path / "data"))
    for service in ("GLUE", "LAKEFORMATION"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", aws)
    assert run(["load", str(tmp_path / "event.json")]) == 0
    typed = commands("glue-catalog.md")
    assert len(typed) == 8
    for words in typed:
        capsys.readouterr()
        assert run([*words, "--json"]) == 0, words
        said = json.loads(capsys.readouterr().out)
        assert said.get("rows") or said.get("edges"), words


def test_the_policy_in_the_documentation_allows_the_calls_that_are_made(glue: Any, lake: Any, sync: Sync) -> None:
    glue.create_database(DatabaseInput={"Name": "sales"})
    create(glue, "sales", "orders", "s3://lake/orders", "id")
    target = {"CatalogId": ACCOUNT, "DatabaseName": "sales", "Name": "orders"}
    glue.create_table(DatabaseName="sales", TableInput={"Name": "link", "TargetTable": target})
    lake.create_lf_tag(TagKey="class", TagValues=["open"])
    place = {"Table": {"DatabaseName": "sales", "Name": "orders"}}  # moto fails on a table without a tag
    lake.add_lf_tags_to_resource(Resource=place, LFTags=[{"TagKey": "class", "TagValues": ["open"]}])
    allowed = policy()
    assert set(sync()[1]["calls"]) == allowed["Catalog"]
    made = set(sync("--lake-formation")[1]["calls"]) - allowed["Catalog"]
    assert made == {"lakeformation:GetResourceLFTags", "lakeformation:ListPermissions"}
    # named expressions and filters, which moto does not have: `test_lake_formation.py`
    assert made < allowed["WithLakeFormation"]


@pytest.mark.parametrize(
    ("option", "action", "sid"),
    [
        ("--all-catalogs", "glue:GetCatalogs", "WithAllCatalogs"),
        ("--statistics", "glue:GetColumnStatisticsForTable", "WithStatistics"),
    ],
)
def test_the_policy_names_what_an_option_calls(
    option: str, action: str, sid: str, glue: Any, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto has none of the two: the client's call is answered before it leaves."""
    glue.create_database(DatabaseInput={"Name": "sales"})
    create(glue, "sales", "orders", "s3://lake/orders", "id")
    answers: dict[str, dict[str, Any]] = {
        "GetCatalogs": {"CatalogList": [{"Name": "s3tablescatalog", "ResourceArn": BUCKET}]},
        "GetColumnStatisticsForTable": {"ColumnStatisticsList": []},
    }
    answered = answering(monkeypatch, answers)
    assert sync(option)[0] == 0
    assert action in answered
    assert policy()[sid] == {action}


def answering(
    monkeypatch: pytest.MonkeyPatch,
    answers: dict[str, dict[str, Any]],
    when: Callable[[dict[str, Any]], bool] = lambda _asked: True,
) -> list[str]:
    """Answer these operations of Glue in place of the server, `when` this is asked; the actions that were called so."""
    connect, called = Session.client, list[str]()

    def client(self: Session, service: str, *given: Any, **more: Any) -> Any:
        made = connect(self, service, *given, **more)
        for operation, answer in answers.items():

            def answered(model: Any, params: Any, answer: dict[str, Any] = answer, **_: Any) -> Any:
                if not when(json.loads(params["body"])):
                    return None
                called.append(f"{service}:{model.name}")
                if "Error" in answer:
                    return AWSResponse("", 400, {}, None), answer
                report = ParamValidator().validate(answer, model.output_shape)
                assert not report.has_errors(), report.generate_report()
                return AWSResponse("", 200, {}, None), answer

            made.meta.events.register(f"before-call.{service}.{operation}", answered)
        return made

    monkeypatch.setattr(Session, "client", client)
    return called


BUCKET = f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog/s3tablescatalog/lake"


def test_a_database_that_may_not_be_read_is_told_and_left_as_it_was(
    glue: Any, lake: Any, sync: Sync, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("hr", "sales"):
        glue.create_database(DatabaseInput={"Name": name})
        create(glue, name, "a", f"s3://lake/{name}", "id")
    sync()
    create(glue, "sales", "b", "s3://lake/b", "id")
    lake.create_lf_tag(TagKey="class", TagValues=["open"])
    for name in "ab":  # moto fails on a table without a tag
        place = {"Table": {"DatabaseName": "sales", "Name": name}}
        lake.add_lf_tags_to_resource(Resource=place, LFTags=[{"TagKey": "class", "TagValues": ["open"]}])
    denied = {"Error": {"Code": "AccessDeniedException", "Message": "not on hr"}}
    answering(monkeypatch, {"GetTables": denied}, when=lambda asked: asked["DatabaseName"] == "hr")
    code, answer = sync("--lake-formation")
    assert code == 1
    told = {(row["source"], row["scope"].rpartition("/")[2]): row for row in answer["rows"]}
    assert {key: row["outcome"] for key, row in told.items()} == {
        ("glue", "hr"): "not read",
        ("glue", "sales"): "sent",
        ("lakeformation", "hr"): "not read",
        ("lakeformation", "sales"): "sent",
    }
    assert told["glue", "hr"]["reason"].endswith("not on hr; allow the action glue:GetTables")
    assert len(ask("datasets")["rows"]) == 3


def test_what_was_synced_is_verified_replayed_and_erased_as_all_entries_are(
    glue: Any, sync: Sync, ask: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    glue.create_database(DatabaseInput={"Name": "sales"})
    create(glue, "sales", "a", "s3://lake/a", "id")
    sync()
    create(glue, "sales", "b", "s3://lake/b", "id")
    (row,) = sync()[1]["rows"]
    here = ("--data", str(tmp_path / "data"))
    facts = ask("query", "facts", "node=sales.b")["rows"]
    assert (run(["verify", *here]), run(["replay", "--yes", *here])) == (0, 0)
    assert ask("query", "facts", "node=sales.b")["rows"] == facts
    assert run(["erase", str(row["entry"]), "--reason", "asked for", *here]) == 0
    assert [found["id"] for found in ask("datasets")["rows"]] == ["s3://lake/a"]
    assert run(["verify", *here]) == 0
    capsys.readouterr()
    # the catalog still lists it, and the ledger does not have it: it is sent again
    assert outcomes(sync()[1]) == {"sales": "sent"}
    assert len(ask("datasets")["rows"]) == 2


def test_a_database_that_is_refused_does_not_stop_the_others(glue: Any, sync: Sync) -> None:
    for name in ("hr", "sales"):
        glue.create_database(DatabaseInput={"Name": name})
        create(glue, name, "a", f"s3://lake/{name}", "id")
    create(glue, "hr", "b", "s3://lake/b", "x" * 1_001)
    code, answer = sync()
    assert (code, outcomes(answer)) == (1, {"hr": "refused", "sales": "sent"})
    assert "columns[0].name to have at most 1,000 characters" in next(
        row["reason"] for row in answer["rows"] if row["outcome"] == "refused"
    )


def test_through_a_running_server(glue: Any, aws: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    glue.create_database(DatabaseInput={"Name": "sales"})
    create(glue, "sales", "orders", "s3://lake/orders", "id")
    with serving(tmp_path / "data") as server:
        command = ["glue-catalog", "sync", "--region", REGION, "--endpoint-url", aws, "--server", server.url, "--json"]
        for outcome in ("sent", "unchanged"):
            capsys.readouterr()
            assert run(command) == 0
            assert outcomes(json.loads(capsys.readouterr().out)) == {"sales": outcome}
        assert run(["columns", "sales.orders", "--server", server.url]) == 0
    assert capsys.readouterr().out.replace("─", "").split() == ["name", "type", "id", "string"]


def test_calls_that_were_made_again_because_aws_was_busy_are_counted(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = iter([True, False])

    class Busy(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802 - the base class's name
            self.body()
            busy = next(refused)
            slowly = b'{"__type": "ThrottlingException", "message": "slowly"}'
            self.send(400 if busy else 200, slowly if busy else b'{"DatabaseList": []}')

    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    with served(Busy) as url:
        code, answer = sync("--endpoint-url", url)
    assert (code, answer["calls"], answer["retries"]) == (0, {"glue:GetDatabases": 1}, 1)
